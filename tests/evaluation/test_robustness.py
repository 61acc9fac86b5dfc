"""Curves and the least that fools, on nets whose answers are known beforehand; the command; and fits against attack."""

import csv
import io
import json
import math
import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
import torch

from fashiongan import attacks, classifiers, cli
from fashiongan.attacks import ATTACKS
from fashiongan.classifiers import Fitter, recipe
from fashiongan.cli import fit
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.evaluation import robustness
from fashiongan.evaluation.least import LADDER, smallest
from fashiongan.evaluation.robustness import LEVELS, interval
from fashiongan.plain import plain


class Bright(classifiers.Classifier):
    """Says class 1 of pictures whose mean is above a half, and class 0 of the others: any attack's gain is known."""

    def __init__(self, labels):
        super().__init__(replace(recipe("dense"), labels=labels))
        self.judge = torch.nn.Linear(1, len(labels), bias=True)
        with torch.no_grad():
            self.judge.weight.zero_()
            self.judge.bias.fill_(-100.0)
            self.judge.weight[:2, 0] = torch.tensor([-10.0, 10.0])
            self.judge.bias[:2] = torch.tensor([5.0, -5.0])

    def features(self, x):
        return x.mean((1, 2, 3))[:, None]


def even(*values):
    """Pictures of one gray each, 0..1."""
    images = torch.tensor([round(v * 255) for v in values], dtype=torch.uint8)
    return images.view(-1, 1, 1, 1).expand(-1, 1, 28, 28).contiguous()


@pytest.fixture
def net():
    return Bright(datasets.CLASSES).eval()


@pytest.fixture
def shades():
    """Four gray pictures, of class 0, 0, 1 and 1, that lie 0.1, 0.2, 0.1 and 0.3 from being taken for the other."""
    return datasets.Dataset(even(0.4, 0.3, 0.6, 0.8), torch.tensor([0, 0, 1, 1]), datasets.CLASSES, "shades")


def refused(match, work, *args, **kwargs):
    with pytest.raises(StudioError, match=match) as caught:
        work(*args, **kwargs)
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


# Curves


@pytest.mark.parametrize("attack", [k for k, a in ATTACKS.items() if k not in ("noise", "pgd-l2", "ensemble")])
def test_a_curve_has_the_values_of_a_closed_form(attack, net, shades):
    points = list(robustness.curve({"bright": net}, shades, [attack], [0.25, 0, 0.15, 0.35]))
    assert [p.eps for p in points] == [0, 0.15, 0.25, 0.35]
    assert [p.accuracy for p in points] == [1, 0.5, 0.25, 0]
    assert [(p.step, p.steps, p.n, p.whole) for p in points] == [(i, 4, 4, True) for i in (1, 2, 3, 4)]
    assert points[0].confused == ()
    tee, trouser = datasets.CLASSES[:2]
    assert set(points[1].confused) == {(tee, trouser, 1), (trouser, tee, 1)}
    assert points[2].confused == ((tee, trouser, 2), (trouser, tee, 1))
    assert (points[2].low, points[2].high) == interval(1, 4)
    with pytest.raises(FrozenInstanceError):
        points[0].accuracy = 1.0


def test_noise_on_a_mean_does_next_to_nothing(net, shades):
    (point,) = robustness.curve({"bright": net}, shades, ["noise"], [0.3])
    assert point.accuracy == 1


def test_black_pixels_are_no_garment(net):
    half = even(0.8, 0.8)
    half[:, :, 14:] = 0  # mean 0.4, and only the upper half may move
    shades = datasets.Dataset(half, torch.tensor([0, 0]), datasets.CLASSES, "")
    points = list(robustness.curve({"a": net}, shades, ["fgsm"], [0.15], ["garment", "none"]))
    assert [(p.mask, p.accuracy) for p in points] == [("garment", 1), ("none", 0)]


def test_weakest_first_and_every_combination_once(net, shades):
    points = list(robustness.curve({"a": net, "b": net}, shades, ["noise", "fgsm"], [0.1, 0], ["garment", "none"]))
    kinds = [(p.eps, p.mask, p.attack, p.classifier) for p in points]
    assert len(kinds) == len(set(kinds)) == 16
    assert [k[0] for k in kinds] == [0] * 8 + [0.1] * 8


def test_a_record_comes_after_each_batch(net, shades, monkeypatch):
    monkeypatch.setattr(robustness, "batch", lambda _attack: 3)
    points = list(robustness.curve({"a": net}, shades, ["fgsm"], [0, 0.25]))
    assert [(p.step, p.n, p.whole) for p in points] == [(1, 3, False), (2, 4, True), (3, 3, False), (4, 4, True)]
    assert [p.accuracy for p in points] == pytest.approx([1, 1, 0, 0.25])


def test_batches_are_bounded_and_smaller_where_they_take_long():
    sizes = [robustness.batch(name) for name in ("fgsm", "pgd", "pgd-5", "ensemble")]
    assert sizes == sorted(sizes, reverse=True)
    assert all(25 <= n <= 500 for n in sizes)


def test_a_point_does_not_depend_on_the_other_strengths(net, shades):
    alone = list(robustness.curve({"a": net}, shades, ["pgd"], [0.1], seed=3))
    among = list(robustness.curve({"a": net}, shades, ["noise", "pgd"], [0.05, 0.1], seed=3))
    assert replace(among[-1], step=1, steps=1, seconds=0) == replace(alone[0], seconds=0)


def test_a_targeted_curve_leaves_out_pictures_of_the_target_class(net, shades):
    (point,) = robustness.curve({"a": net}, shades, ["fgsm"], [0.15], target="Trouser")
    assert (point.n, point.accuracy) == (2, 0.5)
    assert point.confused == ((datasets.CLASSES[0], "Trouser", 1),)


def test_merged_classes_are_merged_in_what_is_attacked(shades):
    merged = datasets.merge(shades, "0+1")
    net = Bright(merged.names)
    net.recipe = replace(net.recipe, merge="0+1")
    points = list(robustness.curve({"a": net}, shades, ["fgsm"], [0]))
    assert points[0].accuracy == 0.5, "the dark ones are 0 and right; the bright ones are 0 too and called 1"


def test_what_cannot_be_is_named(net, shades):
    for arguments, said in (
        (({}, shades, ["fgsm"], [0.1]), "A curve needs a classifier"),
        (({"a": net}, shades, [], [0.1]), "A curve needs"),
        (({"a": net}, shades, ["fgsm"], []), "A curve needs"),
        (({"a": net}, shades, ["magic"], [0.1]), "no attack called 'magic'"),
        (({"a": net}, shades, ["fgsm"], [1.5]), "eps cannot be 1.5"),
        (({"a": net}, shades, ["fgsm"], [0.1], ["hat"]), "mask cannot be 'hat'"),
        (({"a": Bright(("a", "b"))}, shades, ["fgsm"], [0.1]), "classifier of a, b cannot be asked about"),
    ):
        refused(said, lambda a=arguments: list(robustness.curve(*a)))
    refused("no class 'Hat'", lambda: list(robustness.curve({"a": net}, shades, ["fgsm"], [0.1], target="Hat")))
    refused("target takes one class", lambda: list(robustness.curve({"a": net}, shades, ["fgsm"], [0], target="0,1")))
    dark = replace(shades, images=shades.images[:2], labels=shades.labels[:2])
    refused(
        "All the pictures are of the class", lambda: list(robustness.curve({"a": net}, dark, ["fgsm"], [0], target="0"))
    )
    refused("cannot be sent", lambda: list(robustness.curve({"a": net}, shades, ["noise"], [0], target="0")))


@pytest.mark.parametrize(
    ("right", "n", "low", "high"), [(0, 10, 0, 0.2775), (10, 10, 0.7225, 1), (81, 263, 0.2553, 0.3662)]
)
def test_wilsons_interval(right, n, low, high):
    """The last is Newcombe's example (1998, table I): 81 of 263, 0.2553 to 0.3662."""
    assert interval(right, n) == pytest.approx((low, high), abs=1e-4)


# The least that fools


@pytest.mark.parametrize(
    ("shade", "label", "least"), [(0.4, 0, 26), (0.498, 0, 1), (0.6, 1, 26), (0.8, 1, 77), (0.8, 0, 0)]
)
def test_the_smallest_strength_is_exact_to_a_255th(shade, label, least, net):
    """From round(255 * shade) to past 127.5."""
    x = even(shade).float() / 255
    assert smallest(net, "fgsm", x, torch.tensor([label]), "none") == least


def test_what_cannot_be_fooled_has_no_least(net):
    x = torch.zeros(1, 1, 28, 28)
    assert smallest(net, "fgsm", x, torch.tensor([0]), "garment") is None


def test_the_least_towards_a_class(net):
    x, y = even(0.4).float() / 255, torch.tensor([0])
    assert smallest(net, "fgsm", x, y, "none", torch.tensor([1])) == 26
    assert smallest(net, "fgsm", x, y, "none", torch.tensor([0])) == 0
    assert smallest(net, "fgsm", x, y, "none", torch.tensor([7])) is None


def test_the_ladder_covers_everything():
    assert LADDER[0] == 1
    assert LADDER[-1] == LEVELS
    assert list(LADDER) == sorted(set(LADDER))


# Certified bounds


@pytest.fixture
def bounded(shades):
    """A net with bounds that knows something of these four pictures, as starting weights do by chance."""
    nets = (Fitter(recipe("certified", seed=seed), many(shades)).net for seed in range(100))
    return next(n.eval() for n in nets if 1 <= (n(shades.images / 255).argmax(1) == shades.labels).sum() <= 3)


def many(shades):
    return replace(shades, images=shades.images.repeat(50, 1, 1, 1), labels=shades.labels.repeat(50))


def bounds(points):
    return [p for p in points if p.attack == robustness.CERTIFIED]


def test_a_net_with_bounds_has_a_line_from_0_to_the_largest_strength(net, bounded, shades):
    nets, masks = {"a": net, "b": bounded}, ["garment", "none"]
    points = list(robustness.curve(nets, shades, ["fgsm"], [0.001, 0.1], masks))
    assert points[:6] == bounds(points), "at once, before any attack"
    assert [(p.classifier, p.mask, p.eps) for p in points[:6]] == [("b", m, e) for m in masks for e in (0, 0.001, 0.1)]
    assert [p.step for p in points] == list(range(1, 15))
    assert {p.steps for p in points} == {14}
    for p in points[:6]:
        share = classifiers.certified_accuracy(bounded, shades, p.eps, p.mask)
        assert (p.accuracy, p.n, p.whole, p.confused) == (share, 4, True, ())
        assert (p.low, p.high) == interval(round(4 * share), 4)
    assert 0 < points[0].accuracy < 1


def test_no_attack_gets_below_the_bound(bounded, shades):
    points = list(robustness.curve({"b": bounded}, shades, ["fgsm", "pgd"], [0, 0.001, 0.005], ["garment", "none"]))
    proven = {(p.mask, p.eps): p.accuracy for p in bounds(points)}
    assert all(p.accuracy >= proven[p.mask, p.eps] for p in points)


def test_an_euclidean_attack_has_no_line_of_its_own(bounded, shades):
    assert not bounds(robustness.curve({"b": bounded}, shades, ["pgd-l2"], [0.1]))
    assert bounds(robustness.curve({"b": bounded}, shades, ["pgd-l2", "fgsm"], [0.1]))


def test_the_bound_leaves_out_the_target_class_as_the_attack_does(bounded, shades):
    points = list(robustness.curve({"b": bounded}, shades, ["fgsm"], [0.1], target="Trouser"))
    assert {p.n for p in points} == {2}


def test_the_bound_is_in_the_report_the_table_and_the_summary(net, bounded, shades):
    points = list(robustness.curve({"b": bounded}, shades, ["fgsm"], [0.1]))
    report = plain(robustness.report(points, "shades"))
    assert [(p["eps"], p["eps_255"], p["accuracy"]) for p in report["certified"]] == [
        (p.eps, p.eps * LEVELS, p.accuracy) for p in points[:2]
    ]
    assert (report["attack"], [p["eps"] for p in report["points"]]) == ("fgsm", [0.1])
    rows = list(csv.DictReader(io.StringIO(robustness.table(points))))
    assert [(r["attack"], r["eps"]) for r in rows] == [("certified", "0.0"), ("certified", "0.1"), ("fgsm", "0.1")]
    first, second = robustness.summary(points).split("\n")
    assert "one step (FGSM)" in first
    assert f"certified {100 * points[1].accuracy:5.1f} %" in second
    others = list(robustness.curve({"a": net}, shades, ["fgsm"], [0.1]))
    assert "certified" not in plain(robustness.report(others, "shades"))
    assert "certified" not in robustness.summary(others) + robustness.table(others)


# As text


def test_the_table_is_csv(net, shades):
    points = list(robustness.curve({"a, b": net}, shades, ["fgsm"], [0, 0.25], ["none"]))
    rows = list(csv.DictReader(io.StringIO(robustness.table([*points, replace(points[0], whole=False)]))))
    assert len(rows) == 2
    assert rows[1]["classifier"] == "a, b"
    assert (rows[1]["eps"], rows[1]["eps_255"], rows[1]["accuracy"], rows[1]["n"]) == ("0.25", "63.75", "0.25", "4")
    assert rows[1]["confused"] == "2 T-shirt/top taken for Trouser; 1 Trouser taken for T-shirt/top"


@pytest.mark.parametrize(
    ("text", "found"), [("0", [0]), ("0, 0.025,1", [0, 0.025, 1]), ("8/255", [8 / 255]), ("1/2,,1e-3", [0.5, 0.001])]
)
def test_strengths_are_read(text, found):
    assert robustness.epsilons(text) == found


@pytest.mark.parametrize("text", ["", ",", "-0.1", "1.01", "nan", "inf", "much", "1/0", "300/255", "0.1;0.2"])
def test_strengths_that_are_none(text):
    refused("eps (cannot be|takes from 1 to)", robustness.epsilons, text)


# Fits against an adversary


def fitter(garments, **changes):
    few = replace(garments, images=garments.images[:120], labels=garments.labels[:120])
    return Fitter(recipe("dense", **{"epochs": 2, "batch": 11, **changes}), few)


def test_without_an_adversary_pictures_stay_as_they_are(garments):
    x, y = torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.long)
    assert fitter(garments).adversary(x, y, 10) is x


@pytest.mark.parametrize("kind", ["fgsm", "pgd"])
@pytest.mark.parametrize(("step", "eps"), [(0, 0.025), (1, 0.05), (3, 0.1), (19, 0.1)])
def test_the_adversary_grows_over_a_fifth_and_stays_in_ball_and_box(kind, step, eps, garments):
    fit = fitter(garments, adversarial=kind)
    assert fit.steps == 20
    x, y = fit.data.images[:11].float() / 255, fit.data.labels[:11]
    found = fit.adversary(x, y, step)
    assert (found - x).abs().max() == pytest.approx(eps, rel=1e-3)
    assert found.min() >= 0
    assert found.max() <= 1
    assert fit.net.training
    assert all(p.grad is None for p in fit.net.parameters()), "the attack is not what is learned"
    loss = torch.nn.functional.cross_entropy
    assert loss(fit.net(found), y) > loss(fit.net(x), y)


@pytest.mark.parametrize(("kind", "steps"), [("fgsm", 1), ("pgd", 7)])
def test_the_adversary_takes_the_given_number_of_steps(kind, steps, garments, monkeypatch):
    seen = {}
    monkeypatch.setattr(attacks, "pgd", lambda _net, x, *_, **kw: (seen.update(kw), x)[1])
    fit = fitter(garments, adversarial=kind, attack_steps=7)
    fit.adversary(fit.data.images[:2].float() / 255, fit.data.labels[:2], 0)
    assert seen == {"steps": steps, "size": 1.25 if kind == "fgsm" else None}


@pytest.mark.slow
def test_a_defence_is_harder_to_fool(garments, idx_root):
    """The shapes differ by 200 of 255 levels: at 0.35 they still can be told apart, by whoever learned to."""
    test = robustness.first(datasets.load("fashion-mnist", split="test", root=idx_root), 100)
    settings = {"epochs": 4, "batch": 25, "eps": 0.35, "attack_steps": 5}
    kept = {}
    for kind in ("none", "pgd"):
        fit = Fitter(recipe("dense", adversarial=kind, **settings), garments)
        news = list(fit.run(math.inf))
        (point,) = robustness.curve({kind: fit.net}, test, ["pgd"], [0.35])
        kept[kind] = point.accuracy
        ends = [n.attacked for n in news if n.held_out is not None]
        assert (ends == [None] * 4) if kind == "none" else all(0 <= a <= 1 for a in ends)
    assert kept["pgd"] > kept["none"] + 0.2


def test_the_attack_of_an_adversarial_fit_is_printed_and_saved(idx_root, tmp_path):
    out = tmp_path / "a.safetensors"
    r = recipe("dense", epochs=1, batch=50, adversarial="fgsm", eps=0.2)
    news = list(classifiers.fit(r, out, root=idx_root))
    assert classifiers.info(out).attacked == news[-1].attacked
    assert classifiers.info(out).command.endswith("fit dense --epochs 1 --batch 50 --adversarial fgsm --eps 0.2")
    assert classifiers.load(out).recipe.adversarial == "fgsm"
    assert "attacked" in fit.describe_fit(news[-1])


# Merged classes


def test_merging_by_name_and_number(garments):
    merged = datasets.merge(garments, "Shirt+T-shirt/top, 9+5+7")
    assert merged.names == (
        "T-shirt/top or Shirt",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal or Sneaker or Ankle boot",
        "Bag",
    )
    for label, before in ((0, {0, 6}), (1, {1}), (5, {5, 7, 9}), (6, {8})):
        assert set(garments.labels[merged.labels == label].tolist()) == before
    assert torch.equal(merged.images, garments.images)
    assert datasets.merge(garments, "") is garments


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("Hat+Shirt", "no class 'Hat'"),
        ("Shirt", "'Shirt' merges nothing: join two"),
        ("0+0", "'0\\+0' merges nothing"),
        ("0+6,6+2", "names a class that is in another group"),
        ("0+1+2+3+4+5+6+7+8+9", "All classes would be one"),
    ],
)
def test_what_cannot_be_merged_is_named(groups, said, garments):
    refused(said, datasets.merge, garments, groups)
    refused(said, Fitter, recipe("dense", merge=groups), garments)


def test_a_fit_of_merged_classes(idx_root, tmp_path):
    out = tmp_path / "a.safetensors"
    list(classifiers.fit(recipe("dense", epochs=2, batch=25, merge="0+6"), out, root=idx_root))
    net, info = classifiers.load(out), classifiers.info(out)
    assert len(net.recipe.labels) == 9
    assert net.recipe.labels[0] == "T-shirt/top or Shirt"
    assert [sum(row) for row in info.confusion] == [40] + [20] * 8
    assert "--merge 0+6" in info.command


# The command line


def call(*argv):
    try:
        return cli.main([str(a) for a in argv])
    except SystemExit as e:
        return e.code


@pytest.fixture(scope="module")
def fitted(idx_root, tmp_path_factory):
    path = tmp_path_factory.mktemp("attacked") / "mine.safetensors"
    list(classifiers.fit(recipe("dense", epochs=4, batch=25), path, root=idx_root))
    return path


def test_attack_prints_one_json_object(fitted, capsys):
    assert call("attack", fitted, "--attack", "pgd", "--eps", "0,0.3", "--mask", "none", "--limit", 40, "--json") == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert out.count("\n") == 1
    assert "eps 0.3" in err
    assert {k: found[k] for k in ("classifier", "attack", "mask", "target", "n", "seed")} == {
        "classifier": str(fitted),
        "attack": "pgd",
        "mask": "none",
        "target": None,
        "n": 40,
        "seed": 0,
    }
    first, last = found["points"]
    assert first["accuracy"] >= 0.95
    assert last["accuracy"] < 0.5
    assert (last["eps"], last["eps_255"]) == (0.3, 76.5)
    assert last["interval"][0] <= last["accuracy"] <= last["interval"][1]
    assert sum(c["count"] for c in last["confused"]) <= 40
    assert found["device"].startswith("CPU")


def test_attack_prints_lines_and_writes_a_table(fitted, capsys, tmp_path):
    assert call("attack", fitted, "--limit", 30, "--target", "Dress", "--out", "deep/curve.csv") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{fitted}, one step (FGSM), mask garment, 27 pictures"
    assert [re.match(r"\s+(\S+) \(\s*(\S+)/255\)\s+\S+ %", line).groups() for line in lines[1:]] == [
        ("0.000", "0.0"),
        ("0.025", "6.4"),
        ("0.050", "12.8"),
        ("0.100", "25.5"),
    ]
    assert len((tmp_path / "deep" / "curve.csv").read_text(encoding="utf-8").splitlines()) == 5


def test_attack_prints_and_writes_the_certified_bound(bounded, capsys, tmp_path):
    path = tmp_path / "bounded.safetensors"
    classifiers.save(path, bounded, classifiers.FitInfo())
    assert call("attack", path, "--eps", "0.1", "--limit", 30, "--json", "--out", "curve.csv") == 0
    found = json.loads(capsys.readouterr().out)
    assert [p["eps"] for p in found["points"]] == [0.1]
    assert [p["eps"] for p in found["certified"]] == [0, 0.1]
    assert found["certified"][1]["accuracy"] <= found["points"][0]["accuracy"]
    rows = list(csv.DictReader(io.StringIO((tmp_path / "curve.csv").read_text(encoding="utf-8"))))
    assert [r["attack"] for r in rows] == ["certified", "certified", "fgsm"]


def test_generated_garments_can_be_attacked(fitted, capsys):
    assert call("attack", fitted, "--generated", "cdcgan", "--limit", 20, "--eps", "0", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["pictures"], found["n"]) == ("cdcgan", 20)


def test_generated_garments_have_the_requested_or_the_predicted_class():
    asked = robustness.garments("cdcgan", 20)
    assert asked.labels.tolist() == [i % 10 for i in range(20)]
    seen = robustness.garments("dcgan", 20)
    score = classifiers.load("cnn")
    assert torch.equal(seen.labels, classifiers.logits(score, seen.images).argmax(1))


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["nosuch"], "no classifier 'nosuch'"),
        (["{net}", "--attack", "magic"], "no attack called 'magic'"),
        (["{net}", "--eps", "-0.1"], "eps cannot be -0.1"),
        (["{net}", "--eps", "1.5"], "eps cannot be 1.5"),
        (["{net}", "--mask", "hat"], "mask cannot be 'hat'"),
        (["{net}", "--limit", "0"], "--limit cannot be 0"),
        (["{net}", "--limit", "201"], "limit cannot be 201: there are 200 test pictures"),
        (["{net}", "--seed", "-1"], "--seed cannot be -1"),
        (["{net}", "--target", "Hat"], "no class 'Hat'"),
        (["{net}", "--generated", "nosuch"], "no checkpoint 'nosuch'"),
        (["{net}", "--data-root", "nowhere"], "No Fashion-MNIST in nowhere"),
        (["dcgan.safetensors"], "no classifier"),
    ],
)
def test_attack_refuses_bad_input_in_one_sentence(argv, said, fitted, capsys, tmp_path):
    assert call("attack", *(a.format(net=fitted) for a in argv)) == 2
    out, err = capsys.readouterr()
    lines = [line for line in err.replace("\r", "\n").split("\n") if line and "batch" not in line]
    assert out == ""
    assert len(lines) == 1, err
    assert re.search(said, lines[0])


# The classifiers that come with the studio

REAL = Path(datasets.DEBIAN)


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_dir(), reason="the real Fashion-MNIST is not installed")
class TestBundled:
    """On the first 200 real test pictures, with a few points of grace for so few."""

    @pytest.fixture(scope="class")
    def test(self):
        return robustness.first(datasets.load("fashion-mnist", split="test", root=REAL), 200)

    def accuracy(self, test, name, attack, eps, mask):
        (*_, point) = robustness.curve({name: classifiers.load(name)}, test, [attack], [eps], [mask])
        return point.accuracy

    def test_robust_is(self, test):
        assert self.accuracy(test, "robust", "fgsm", 0.025, "garment") > 0.8
        assert self.accuracy(test, "robust", "pgd", 0.1, "none") > 0.7

    def test_its_gradients_are_not_hidden(self, test):
        """Athalye et al. 2018, section 3.1: more steps bring little, one step is weaker than many, blind noise weaker
        still, and enough noise brings everything down."""
        blind, one, many, all_of_it = (
            self.accuracy(test, "robust", attack, eps, "none")
            for attack, eps in (("noise", 0.1), ("fgsm", 0.1), ("pgd", 0.1), ("pgd", 0.6))
        )
        assert blind > one >= many
        assert all_of_it <= 0.1
        net, x, y = classifiers.load("robust"), test.images.float() / 255, test.labels

        def left(steps):
            found = attacks.pgd(net, x, y, 0.1, None, torch.Generator().manual_seed(0), steps=steps)
            return float((net(found).argmax(1) == y).float().mean())

        assert left(20) - left(100) < 0.05

    @pytest.mark.parametrize("name", ["dense", "cnn"])
    def test_the_others_are_not(self, name, test):
        assert self.accuracy(robustness.first(test, 50), name, "pgd", 0.1, "none") < 0.15

    @pytest.mark.parametrize(("attack", "n"), [("pgd", 200), ("ensemble", 30)])
    def test_no_attack_gets_below_what_is_certified(self, attack, n, test):
        net, chosen = {"certified": classifiers.load("certified")}, robustness.first(test, n)
        *_, proven, left = [p for p in robustness.curve(net, chosen, [attack], [0.1]) if p.whole]
        assert (proven.attack, left.attack, left.n) == ("certified", attack, n)
        assert 0.65 < proven.accuracy <= left.accuracy
