"""A report as a dataclass: the same JSON as ever, and tolerant of what files out there hold."""

import json

import pytest

from fashiongan import checkpoint
from fashiongan.evaluation.report import Report
from fashiongan.hub import registry

KEPT = {name: checkpoint.info(name).report for name in registry.bundled()}


@pytest.mark.parametrize("name", [name for name, report in KEPT.items() if report])
def test_the_reports_of_bundled_checkpoints_come_back_as_they_are(name):
    assert Report.from_json(KEPT[name]).to_json() == KEPT[name]


@pytest.mark.parametrize(
    "result",
    [
        None,
        [],
        "x",
        {},
        {"scores": 3},
        {"scores": {"kid": None}},
        {"size": [], "n": "many"},
        {"originality": {"features": {"ratio": 1}}},
    ],
)
def test_a_bad_report_becomes_an_empty_one(result):
    report = Report.from_json(result)
    assert (report.of, report.n, report.remarks, report.verdict) == ("", 0, (), None)
    assert json.loads(json.dumps(report.to_json(), allow_nan=False)) == report.to_json()


def test_missing_scores_are_left_out():
    assert Report("a", 3, ("why",)).to_json() == {"of": "a", "n": 3, "remarks": ["why"]}
