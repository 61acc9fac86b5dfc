"""Models side by side, without a page: pictures, nearest neighbors, scores, and permissions."""

import base64
import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan import checkpoint, classifiers, gans
from fashiongan.checkpoint import HeaderInfo
from fashiongan.classifiers import store
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.evaluation import features
from fashiongan.evaluation.report import Report
from fashiongan.gans import sampling
from fashiongan.gans.base import GAN
from fashiongan.hub import registry
from fashiongan.studio import Studio, compare, score_table
from fashiongan.training import run_folder

SCORER = {"classifier": "cnn", "sha256": "0123456789abcdef"}


@pytest.fixture(scope="module")
def studio(tmp_path_factory, idx_root, tiny, garments):
    """A studio with three short runs, of which one has seen dresses only."""
    folder = tmp_path_factory.mktemp("compare") / "runs"
    for name, recipe in {
        "plain": tiny("dcgan"),
        "classed": tiny("cdcgan"),
        "dresses": tiny("lsgan", classes="Dress"),
    }.items():
        for _ in run_folder.train(run_folder.start(recipe, folder / name, loaded=garments), folder / name, every=1):
            pass
    return Studio(folder, data_root=str(idx_root), device="cpu")


@pytest.fixture
def name(studio):
    return lambda run: (studio.folder / run).as_posix()


@pytest.fixture
def write_report(studio):
    """write_report(name, report): as if that checkpoint had been scored; forgotten after the test."""
    written = []

    def write(name, found):
        place = studio.report_file(registry.find(name))
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(found), encoding="utf-8")
        written.append(place)

    yield write
    for place in written:
        place.unlink()


def report(frechet=10.0, coverage=0.5, copying=1.0, **more):
    """A report as `evaluate` writes it, with two of its scores."""
    return {
        "n": 10_000,
        "judge": SCORER,
        "against": {"real": 10_000, "train": 10_000},
        "scores": {
            "frechet": {"value": frechet, "real": 0.4, "halves": 0.5},
            "coverage": {"value": coverage, "real": 0.8, "halves": 0.81},
        },
        "originality": {
            "n": 2000,
            "features": {"ratio": 0.9, "copying": copying},
            "pixels": {"ratio": 1.2, "copying": 4.0},
        },
        "missed": ["Coat"],
        "size": {"G": 1000, "D": 500, "G_ratio": 0.5, "D_ratio": 0.25},
        "training": {"seconds": 60.0, "images_per_second": 900.0},
        "remarks": [],
        "verdict": "As garment-like as can be.",
        **more,
    }


def response_of(question, *args):
    """A service's answer as the page gets it."""
    from fashiongan.ui.shared import edge  # late, since it brings gradio, which takes two seconds

    return edge.answer(question(*args))


def scores(question, *found):
    """Asked of reports as they lie in files."""
    return question(*(Report.from_json(f) if isinstance(f, dict) else f for f in found))


def pixels(url):
    """The bytes of a picture on the page."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/png;base64,")))))


@pytest.mark.parametrize("model", ["garments-128", "enlarger"])
def test_bundled_models_that_draw_with_alpha_are_shown_beside_gray_ones(model, studio):
    """Their rows reach the page: a JPEG has no alpha, and nobody could compare them."""
    rows = response_of(compare.rows, studio, [model, "dcgan"], 0)
    assert [len(row["pictures"]) for row in rows] == [compare.EACH] * 2
    assert all(one["src"].startswith("data:image/jpeg") for one in rows[0]["pictures"])


def test_what_draws_from_a_picture_is_not_offered_to_be_scored(studio):
    entry = score_table.model(studio, "enlarger")
    assert entry.scored
    assert entry.verdict == (
        "enlarger draws from a picture and keeps only one of each class, so it is not scored as generators are."
    )


# Permissions


@pytest.mark.parametrize(
    "names",
    [
        None,
        "dcgan",
        {},
        7,
        [],
        ["plain"],
        ["plain", "plain"],
        ["plain", 3],
        ["plain", ["classed"]],
        ["plain", "../plain"],
        list("abcdefg"),
    ],
)
def test_only_two_to_six_listed_models_are_compared(names, studio):
    with pytest.raises(StudioError, match=r"^(A comparison|Choose two|There is no checkpoint) .+[.]$"):
        compare.checked_names(names, studio)


def test_a_model_named_twice_is_shown_once(studio):
    assert compare.checked_names(["dcgan", "acgan", "dcgan"], studio) == ["dcgan", "acgan"]


@pytest.mark.parametrize("seed", [None, True, "3", 1.5, math.nan, -1, 2**31, [0]])
def test_a_bad_seed_is_refused(seed):
    with pytest.raises(StudioError, match="Seed takes a whole number from 0 to 2147483647"):
        compare.checked_seed(seed)


def test_the_ends_of_the_seeds_are_taken():
    assert [compare.checked_seed(s) for s in (0, 2**31 - 1)] == [0, 2**31 - 1]


# Pictures


def test_each_row_is_what_the_model_draws_of_the_seed(studio, name):
    names = [name("plain"), name("classed")]
    rows = response_of(compare.rows, studio, names, 3)
    assert [r["name"] for r in rows] == names
    for row in rows:
        drawn = studio.gan(row["name"]).sample_images(compare.EACH, 3)
        assert all((pixels(p["src"]) == x[0].numpy()).all() for p, x in zip(row["pictures"], drawn, strict=True))
    assert [p["label"] for p in rows[1]["pictures"]] == list(datasets.CLASSES)
    assert {p["label"] for p in rows[0]["pictures"]} == {""}
    assert response_of(compare.rows, studio, names, 4)[0] != rows[0]


def test_models_with_as_many_latent_numbers_draw_from_the_same_ones(studio, name):
    a, b = (sampling.draw(studio.gan(name(n)), compare.EACH, 5)[0] for n in ("plain", "dresses"))
    assert torch.equal(a, b)


def test_a_damaged_checkpoint_costs_the_others_nothing(studio, name):
    broken = studio.folder / "broken"
    broken.mkdir()
    (broken / "checkpoint.safetensors").write_bytes(b"nonsense")
    names = [broken.as_posix(), name("plain")]
    try:
        for rows in (response_of(compare.rows, studio, names, 0), response_of(compare.neighbours, studio, names, 0)):
            assert "is a text file and no checkpoint" in rows[0]["error"]
            assert "error" not in rows[1]
        entries = response_of(score_table.models, studio, names)["models"]
        assert "is a text file and no checkpoint" in entries[0]["verdict"]
        assert entries[1]["curves"]
    finally:
        (broken / "checkpoint.safetensors").unlink()
        broken.rmdir()


def test_the_nearest_real_garment_comes_with_its_distance_and_class(studio, name, garments, monkeypatch):
    shifted = garments.images[:10].clone()
    corner = shifted[:, :, 0, 0]
    shifted[:, :, 0, 0] = torch.where(corner < 128, corner + 51, corner - 51)  # by a fifth of all brightness
    monkeypatch.setattr(gans.GANS["dcgan"], "sample_images", lambda *_: shifted)
    result = response_of(compare.neighbours, studio, [name("plain"), name("classed")], 0)[0]["pixels"]
    assert [f["far"] for f in result] == [0.2] * 10
    assert [f["label"] for f in result] == [datasets.CLASSES[c] for c in garments.labels[:10].tolist()]
    assert all((pixels(f["src"]) == x[0].numpy()).all() for f, x in zip(result, garments.images, strict=False))


def test_each_model_is_compared_with_what_it_was_trained_on(studio, name, garments, monkeypatch):
    monkeypatch.setattr(GAN, "sample_images", lambda *_: garments.images[:10])  # one of each class
    plain, dresses = response_of(compare.neighbours, studio, [name("plain"), name("dresses")], 0)
    assert [f["label"] for f in plain["pixels"]] == list(datasets.CLASSES)
    assert [f["label"] for f in dresses["pixels"]] == ["Dress"] * 10
    assert [n["name"] for n in (plain, dresses)] == [name("plain"), name("dresses")]


def test_garments_of_the_same_group_get_the_neighbours_of_their_own_row(studio, name):
    both = response_of(compare.neighbours, studio, [name("plain"), name("classed")], 0)
    turned = response_of(compare.neighbours, studio, [name("classed"), name("plain")], 0)
    assert both == turned[::-1]
    assert both[0]["pixels"] != both[1]["pixels"]


@pytest.mark.skipif("cnn" not in store.bundled(), reason="the scorer is not bundled")
def test_features_are_compared_once_those_of_real_garments_are_kept(studio, name, garments, monkeypatch):
    names = [name("plain"), name("classed")]
    before = response_of(compare.neighbours, studio, names, 0)[0]
    assert before["lacking"] == compare.LACKING
    assert "features" not in before
    net = classifiers.load(features.SCORER)
    cached = classifiers.features(net, garments.images)[0]
    checkpoint.write(features.cached(net, garments), {"features": cached}, {})
    monkeypatch.setattr(gans.GANS["dcgan"], "sample_images", lambda *_: garments.images[20:30])
    after = response_of(compare.neighbours, studio, names, 0)[0]
    assert "lacking" not in after
    result = after["features"]
    assert [f["far"] for f in result] == pytest.approx([0] * 10, abs=1e-3)
    assert (pixels(result[4]["src"]) == garments.images[24, 0].numpy()).all()


def test_the_row_reports_missing_pictures(studio, name, monkeypatch):
    def gone(*_):
        raise StudioError("There is no data called 'hats'.")

    monkeypatch.setattr(studio, "garments", gone)
    result = response_of(compare.neighbours, studio, [name("plain"), name("classed")], 0)
    assert [f["error"] for f in result] == ["There is no data called 'hats'."] * 2


# Scores


def test_a_model_without_a_report_is_not_in_the_table(studio, name, write_report):
    write_report(name("plain"), report())
    result = response_of(score_table.models, studio, [name("plain"), name("classed")])
    plain, classed = result["models"]
    assert plain["verdict"] == "As garment-like as can be."
    assert plain["values"]["frechet"] == 10
    assert classed["verdict"] is None
    assert "values" not in classed
    assert result["best"] == {}  # nothing to compare
    assert len(result["floors"]) == 1
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert "report" not in plain


def test_every_number_of_a_report_has_its_column():
    values = scores(score_table.values, report(gan_test=0.91, gan_train=0.85, gan_train_real=0.88))
    assert values == {
        "frechet": 10.0,
        "coverage": 0.5,
        "gan_test": 91.0,
        "gan_train": 85.0,
        "missed": 1,
        "ratio": 0.9,
        "copying": 1.0,
        "G": 1000,
        "D": 500,
        "G_ratio": 0.5,
        "D_ratio": 0.25,
        "seconds": 60.0,
        "speed": 900.0,
    }
    assert values.keys() <= {c.key for c in score_table.COLUMNS}


def test_numbers_that_are_none_are_left_out():
    result = report(frechet=math.nan)
    result["size"], result["training"]["seconds"] = {"G": None}, "long"
    assert not {"frechet", "G", "D", "seconds"} & scores(score_table.values, result).keys()
    assert scores(score_table.values, {"scores": {}}) == {}


def test_columns_without_values_are_hidden(studio, name, write_report):
    write_report(name("plain"), report())
    keys = [c["key"] for c in response_of(score_table.models, studio, [name("plain"), name("classed")])["columns"]]
    assert keys[:2] == ["frechet", "coverage"]
    assert "gan_test" not in keys


def test_the_best_is_the_least_the_most_or_the_nearest():
    def entry(name, **values):
        return score_table.Entry(name, values=values)

    best = score_table.best(
        [
            entry("a", frechet=3.0, coverage=0.4, copying=-2.0, missed=0),
            entry("b", frechet=2.0, coverage=0.4, copying=1.0, missed=0),
            entry("c", frechet=9.0, coverage=0.2, copying=8.0, missed=0, gan_test=80.0),
        ]
    )
    assert best == {"frechet": ["b"], "coverage": ["a", "b"], "copying": ["b"]}  # no best where all are equal


def test_a_copy_is_flagged_and_never_the_best(studio, name, write_report):
    write_report(name("plain"), report(frechet=0.1, coverage=0.9, copying=-9.0))
    write_report(name("classed"), report(frechet=5.0))
    write_report(name("dresses"), report(frechet=7.0))
    result = response_of(score_table.models, studio, [name(n) for n in ("plain", "classed", "dresses")])
    assert [m["copies"] for m in result["models"]] == [True, False, False]
    assert result["best"]["frechet"] == [name("classed")]


def test_bars_are_scaled_so_that_real_is_one_and_more_is_better():
    result = report(frechet=10.0, coverage=0.5)
    result["scores"] |= {"kid": {"value": 3.0, "real": -0.01}, "density": {"value": 0.8}}
    assert scores(score_table.bars, result) == {"frechet": pytest.approx(math.sqrt(0.4 / 10)), "coverage": 0.625}
    assert scores(score_table.bars, report(frechet=-0.2))["frechet"] == 1  # below zero by sampling error
    assert scores(score_table.bars, report(frechet=0.4, coverage=0.8)) == {"frechet": 1, "coverage": 1}


def test_the_caption_gives_each_floor_once_with_its_models():
    other = report()
    other["scores"]["frechet"]["real"] = 2.0
    floors = response_of(
        score_table.floors,
        {k: Report.from_json(r) for k, r in {"a": report(), "b": other, "c": report(frechet=3.0)}.items()},
    )
    assert [f["of"] for f in floors] == [["a", "c"], ["b"]]
    assert floors[0]["values"] == {"frechet": 0.4, "coverage": 0.8, "ratio": 1.0, "copying": 0.0}
    assert floors[0]["halves"] == {"frechet": 0.5, "coverage": 0.81}


def test_the_caption_gives_the_number_of_samples_and_the_scorer():
    assert score_table.caption([]) == ""
    one = score_table.caption([Report.from_json(r) for r in (report(), report())])
    assert "10,000 samples each" in one
    assert "cnn (sha256 0123456789ab)" in one
    assert "not scored alike" not in one
    for change in ({"n": 500}, {"judge": {**SCORER, "sha256": "f" * 64}}, {"against": {"real": 1000}}):
        assert "not scored alike" in score_table.caption([Report.from_json(r) for r in (report(), report(**change))])


@pytest.mark.parametrize(
    ("result", "score_is_here", "expected"),
    [
        (None, True, False),
        (None, False, False),
        ({"remarks": ["There is no classifier 'cnn'."]}, True, False),  # it has come since
        ({"remarks": ["There is no classifier 'cnn'."]}, False, True),
        (report(), True, True),
    ],
)
def test_checkpoints_worth_scoring(monkeypatch, tiny, result, score_is_here, expected):
    monkeypatch.setattr(store, "bundled", lambda: ["cnn"] if score_is_here else [])
    assert scores(score_table.scored, result, tiny("dcgan")) is expected


def test_a_report_without_scores_gives_the_reason():
    assert (
        scores(score_table.explanation, {"remarks": ["These are 64 x 64.", "Train at 28."]})
        == "These are 64 x 64. Train at 28."
    )
    assert scores(score_table.explanation, {}) == "There is no verdict in its report."


def test_about_is_gan_year_and_epochs(studio, name, tiny):
    assert score_table.about(studio.gan(name("plain")), HeaderInfo(epochs=1.0)) == "dcgan, 2015, 1 epoch"
    large = gans.build(tiny("dcgan", size=64))
    assert score_table.about(large, HeaderInfo(epochs=40.0)) == "dcgan, 2015, 40 epochs, 64 x 64"


# Curves


def test_curves_of_a_run_end_where_its_weights_do(studio, name):
    info = checkpoint.info(name("plain"))
    assert score_table.curves(registry.find(name("plain")), info)["step"] == [1, 2, 3, 4, 5, 6]
    earlier = score_table.curves(registry.find(name("plain")), replace(info, step=4))
    assert earlier["step"] == [1, 2, 3, 4]
    assert len(earlier["d_loss"]) == len(earlier["g_loss"]) == 4


def test_curves_of_the_best_epoch_are_its_runs(studio, name):
    best = studio.folder / "plain" / "best.safetensors"
    best.write_bytes((studio.folder / "plain" / "checkpoint.safetensors").read_bytes())
    try:
        assert score_table.curves(best, HeaderInfo(step=2))["step"] == [1, 2]
    finally:
        best.unlink()


def test_curves_in_a_header_are_taken_as_they_are():
    assert score_table.curves(registry.find("dcgan"), HeaderInfo(curves={"step": [5], "d_loss": [0.1]})) == {
        "step": [5],
        "d_loss": [0.1],
    }
    assert score_table.curves(registry.find("dcgan"), HeaderInfo()) == {}
