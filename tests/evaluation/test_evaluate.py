"""The scorer: what a report holds, which frauds it flags, and what it says when a score cannot be had."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan import checkpoint, classifiers, cli, gans
from fashiongan.classifiers import store
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.evaluation import evaluate, features, gan_train, quick, sources
from fashiongan.evaluation import report as reports
from fashiongan.training import run_folder, run_log
from fashiongan.training.trainer import Trainer

scored = pytest.mark.skipif("cnn" not in store.bundled(), reason="the scorer is not bundled")


def verdict_of(samples, **options):
    """The steps of an evaluation, and its report."""
    steps = list(evaluate.evaluate(samples, **options))
    return steps, steps[-1].report.to_json()


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny, garments):
    """model(gan): the file of a hardly trained generator."""

    def make(gan):
        out = tmp_path_factory.mktemp(gan) / "run"
        for _ in run_folder.train(run_folder.start(tiny(gan), out, loaded=garments), out):
            pass
        return out

    made = {}
    return lambda gan: made.setdefault(gan, make(gan)) if gan not in made else made[gan]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def real_garments_are_seen_once(cache, monkeypatch):
    """The features and the scores of real garments are computed once for all the tests of this file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))


@pytest.fixture
def stranger(garments):
    """Pictures like the garments, but of noise that nobody has trained on."""
    rng = torch.Generator().manual_seed(9)
    noise = torch.randint(-40, 40, garments.images.shape, generator=rng)
    return (garments.images.int() + noise).clamp(0, 255).to(torch.uint8)


@scored
def test_a_report_has_every_score_beside_what_real_pictures_get(model):
    steps, report = verdict_of(sources.draw(model("cdcgan"), 200))
    assert [s.step for s in steps] == sorted(s.step for s in steps)
    assert steps[-1].step == steps[-1].steps == steps[0].steps
    assert all(s.report is None for s in steps[:-1])
    assert report["n"] == 200
    assert report["scores"].keys() == reports.SCORES.keys()
    for name, score in report["scores"].items():
        assert {"value", "real"} <= score.keys()
        assert name == "inception" or "halves" in score
    assert report["against"] == {"real": 200, "train": 200}
    assert sum(report["classes"].values()) == pytest.approx(1, abs=1e-3)
    assert 0 <= report["gan_test"] <= 1
    assert report["judge"]["sha256"] == features.sha256(classifiers.find("cnn"))
    assert report["remarks"] == []
    assert report["originality"].keys() == {"n", "features", "pixels"}
    assert json.loads(json.dumps(report)) == report


@scored
def test_real_pictures_score_like_their_floor_and_noise_far_from_it(garments):
    test = datasets.load(datasets.FASHION_MNIST, split="test")
    _, real = verdict_of(sources.Samples("unseen", test.images))
    assert real["scores"]["frechet"]["value"] < 1e-3  # the reference itself
    assert real["scores"]["precision"]["value"] == 1
    noise = torch.randint(0, 256, (200, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    _, noisy = verdict_of(sources.Samples("noise", noise))
    assert noisy["scores"]["frechet"]["value"] > 5 * noisy["scores"]["frechet"]["real"]
    assert noisy["scores"]["precision"]["value"] < 0.1
    assert noisy["missed"]


@scored
def test_stolen_training_pictures_are_flagged(garments, tmp_path):
    for i, picture in enumerate(garments.images[:200]):
        Image.fromarray(picture[0].numpy()).save(tmp_path / f"{i:03d}.png")
    _, report = verdict_of(sources.draw(tmp_path, 200))
    assert report["originality"]["pixels"]["ratio"] == 0
    assert report["originality"]["pixels"]["copying"] < reports.COPIED
    assert reports.copied(reports.Report.from_json(report))
    assert report["verdict"].startswith("Copies")


@scored
@pytest.mark.slow
@pytest.mark.skipif(not datasets.DEBIAN.is_dir(), reason="dataset-fashion-mnist is not installed")
def test_a_generator_that_has_learned_a_hundred_boots_by_heart_is_flagged():
    root = str(datasets.DEBIAN)
    asked = {"classes": "Ankle boot", "limit": 100, "batch": 32, "width": 16, "z_dim": 4, "gamma": 0.05, "steps": 1000}
    recipe, boots = datasets.prepare(gans.new_recipe("studio", schedule="constant", **asked), root)
    trainer = Trainer(recipe, boots)
    for _ in trainer.run():
        pass
    trainer.gan.G = trainer.average
    images = trainer.gan.sample_images(500, seed=0)
    _, report = verdict_of(sources.Samples("boots", images, gan=trainer.gan), root=root)
    assert report["originality"]["pixels"]["copying"] < reports.COPIED
    assert report["verdict"].startswith("Copies")


@pytest.fixture(scope="module")
def classes_in_turn():
    """Ten classes as far-apart clouds of 6 numbers: training ones, unseen ones, and 10,000 drawn like them."""
    rng = torch.Generator().manual_seed(5)
    centres = 20 * torch.randn(10, 6, generator=rng)

    def cloud(n):
        return centres[torch.arange(n) % 10] + torch.randn(n, 6, generator=rng)

    return cloud(2000), cloud(1000), cloud(10_000)


def found_in(train, test, fake):
    return evaluate.originality(reports.Report(), "pixels", train, test, fake)


def copies(train, fake, which):
    """`fake` with training samples, each class's own, in place of those at `which`."""
    mixed = fake.clone()
    mixed[which] = train[which % 10 + 10 * (which // 10 % (len(train) // 10))]
    return mixed


def test_samples_like_unseen_ones_are_no_copies(classes_in_turn):
    report = found_in(*classes_in_turn)
    assert not reports.copied(report)
    assert report.originality.pixels.ratio == pytest.approx(1, abs=0.1)
    assert report.originality.n == 1000


@pytest.mark.parametrize("kind", [0, 3, 9])
def test_copies_are_detected_where_classes_come_in_turn(kind, classes_in_turn):
    """9,000 of 10,000 are training samples, all but those of one class."""
    train, test, fake = classes_in_turn
    which = torch.arange(10_000)
    report = found_in(train, test, copies(train, fake, which[which % 10 != kind]))
    assert report.originality.pixels.copying < reports.COPIED
    assert report.originality.pixels.ratio == 0
    assert reports.copied(report)


@pytest.mark.parametrize("kind", range(10))
def test_one_copied_class_is_detected(kind, classes_in_turn):
    train, test, fake = classes_in_turn
    which = torch.arange(10_000)
    report = found_in(train, test, copies(train, fake, which[which % 10 == kind]))
    assert report.originality.pixels.beside == pytest.approx(0.1, abs=0.03)
    assert reports.copied(report)


@pytest.mark.parametrize("period", range(2, 21))
def test_copies_are_detected_at_every_period(period, classes_in_turn):
    """All but every period-th, and as many own ones, are copies."""
    train, test, fake = classes_in_turn
    which = torch.arange(10_000)
    mostly, seldom = (copies(train, fake, which[w]) for w in (which % period != 0, which % period == 0))
    for mixed, share in ((mostly, 1 - 1 / period), (seldom, 1 / period)):
        report = found_in(train, test, mixed)
        assert report.originality.pixels.beside == pytest.approx(share, abs=0.05)
        assert reports.copied(report)


@scored
def test_both_sides_of_a_floor_have_as_many_pictures_as_the_samples(tiny, garments, tmp_path, monkeypatch):
    """Of sixteen training pictures: each score compares sixteen with sixteen, whichever they are."""
    counts, frechet = [], evaluate.DISTANCES["frechet"]
    monkeypatch.setitem(
        evaluate.DISTANCES, "frechet", lambda real, fake: counts.append((len(real), len(fake))) or frechet(real, fake)
    )
    out = tmp_path / "boots"
    for _ in run_folder.train(
        run_folder.start(tiny("dcgan", classes="Ankle boot", limit=16), out, loaded=garments), out
    ):
        pass
    _, report = verdict_of(sources.draw(out, 100))
    assert report["against"] == {"real": 16, "train": 16}
    assert counts == [(16, 16), (16, 16)]
    assert report["n"] == 100


@scored
def test_new_garments_are_not_flagged_as_copies(stranger):
    _, report = verdict_of(sources.Samples("stranger", stranger))
    assert not reports.copied(reports.Report.from_json(report))
    assert "No sign of copying" in report["verdict"]


@scored
@pytest.mark.slow
def test_real_features_are_kept_and_belong_to_the_score_and_the_pictures(model, garments, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first, one = verdict_of(sources.draw(model("dcgan"), 100))
    second, two = verdict_of(sources.draw(model("dcgan"), 100))
    assert len(second) < len(first)
    assert {k: v for k, v in one.items() if k != "seconds"} == {k: v for k, v in two.items() if k != "seconds"}
    net = classifiers.load("cnn")
    assert features.cached(net, garments).exists()
    net.judge.weight.add_(1e-3)
    assert not features.cached(net, garments).exists()


@scored
def test_size_and_time_are_beside_the_reference(model):
    out = model("compact")
    _, report = verdict_of(sources.draw(out, 100))
    gan = checkpoint.load(out)
    assert report["size"]["D"] == sum(p.numel() for p in gan.D.parameters())
    reference = checkpoint.load(evaluate.REFERENCE)
    want = report["size"]["G"] / sum(p.numel() for p in reference.G.parameters())
    assert report["size"]["G_ratio"] == pytest.approx(want, abs=1e-3)
    assert report["training"]["step"] == 6


@scored
def test_the_reference_is_whom_you_choose(model):
    out, other = model("compact"), model("dcgan")
    _, report = verdict_of(sources.draw(out, 100), reference=str(other))
    want = report["size"]["D"] / sum(p.numel() for p in checkpoint.load(other).D.parameters())
    assert report["size"]["reference"] == str(other)
    assert report["size"]["D_ratio"] == pytest.approx(want, abs=1e-3)
    with pytest.raises(StudioError, match="There is no checkpoint 'nobody'"):
        verdict_of(sources.draw(out, 100), reference="nobody")


@scored
@pytest.mark.parametrize("n", [1, 3])
def test_too_few_samples_cost_only_the_scores_that_need_more(model, n):
    _, report = verdict_of(sources.draw(model("dcgan"), n))
    assert any("needs at least" in remark for remark in report["remarks"])
    assert "precision" not in report["scores"]
    assert "inception" in report["scores"]
    assert sum(report["classes"].values()) == pytest.approx(1, abs=1e-3)
    assert ("frechet" in report["scores"]) == (n > 1)


@scored
def test_a_conditional_score_of_an_unconditional_gan_is_a_sentence(model):
    _, report = verdict_of(sources.draw(model("dcgan"), 100), gan_train=True)
    assert "GAN-train needs samples with classes" in report["remarks"][0]
    assert "gan_test" not in report
    assert report["scores"]


@scored
@pytest.mark.slow
def test_gan_train_learns_from_the_samples_alone(garments, monkeypatch):
    monkeypatch.setattr(gan_train, "STUDENT", "dense")
    samples = sources.Samples("real", garments.images, garments.labels)
    _, report = verdict_of(samples, gan_train=True)
    _, turned = verdict_of(sources.Samples("turned", garments.images, garments.labels.flip(0)), gan_train=True)
    assert report["gan_train"] > 0.8
    assert turned["gan_train"] < 0.3
    assert report["gan_train"] == turned["gan_train_real"] == report["gan_train_real"]  # real pictures, all of them


@scored
def test_the_reference_is_what_the_generator_was_trained_on(tiny, garments, tmp_path):
    out = tmp_path / "boots"
    for _ in run_folder.train(
        run_folder.start(tiny("dcgan", classes="Ankle boot", limit=50), out, loaded=garments), out
    ):
        pass
    train, test = evaluate.real_garments(sources.draw(out, 10), None)
    assert len(train) == 50
    assert set(train.labels.tolist()) == set(test.labels.tolist()) == {9}
    assert len(test) == 20


def test_the_npz_that_sample_writes_is_read_back(model, tmp_path):
    cli.main(["sample", str(model("cdcgan")), "--n", "12", "--out", str(tmp_path / "s.npz")])
    found = sources.draw(tmp_path / "s.npz", 10)
    assert found.labels.tolist() == list(range(10))
    assert torch.equal(found.images, checkpoint.load(model("cdcgan")).sample_images(10, 0))
    cli.main(["sample", str(model("dcgan")), "--n", "12", "--out", str(tmp_path / "s.npz")])
    assert sources.draw(tmp_path / "s.npz", 10).labels is None


@pytest.mark.parametrize("kind", ["text", "names", "shape", "floats", "objects"])
def test_a_foreign_npz_is_one_sentence(kind, tmp_path):
    path = tmp_path / "s.npz"
    images, labels = np.zeros((4, 28, 28, 1), np.uint8), np.zeros(4, np.int64)
    if kind == "text":
        path.write_text("hello", encoding="utf-8")
    else:
        wrong = {
            "names": {"pictures": images},
            "shape": {"images": images[..., 0], "labels": labels},
            "floats": {"images": images / 2, "labels": labels},
            "objects": {"images": images, "labels": np.array([{}] * 4)},
        }
        np.savez(path, **wrong[kind])
    with pytest.raises(StudioError, match=r"does not hold images \(N, H, W, C\)"):
        sources.draw(path, 4)


def test_a_folder_without_pictures_is_one_sentence(tmp_path):
    with pytest.raises(StudioError, match="there are no pictures in"):
        sources.draw(tmp_path, 10)


@scored
def test_the_command_prints_a_table_or_one_json_object(model, capsys):
    assert cli.main(["evaluate", str(model("cdcgan")), "--n", "60"]) == 0
    table = capsys.readouterr().out
    assert "Frechet distance, less is better" in table
    assert "GAN-test" in table
    assert cli.main(["evaluate", str(model("cdcgan")), "--n", "60", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["n"] == 60


@pytest.mark.parametrize(
    ("argv", "match"), [(["--n", "0"], "--n cannot be 0"), (["--seed", "-1"], "--seed cannot be -1")]
)
def test_bad_numbers_are_one_sentence(model, argv, match, capsys):
    assert cli.main(["evaluate", str(model("dcgan")), *argv]) == 2
    assert match in capsys.readouterr().err


@scored
@pytest.mark.slow
def test_a_run_is_scored_as_it_goes_and_its_best_kept(trainer_of, tmp_path, monkeypatch):
    monkeypatch.setattr(run_folder, "FIRST_LOOK", 0.0)
    far = iter([5.0, 3.0, 4.0, 3.5])
    monkeypatch.setattr(quick.Quick, "distance", lambda *_: next(far))
    monkeypatch.setattr(run_folder, "monotonic", lambda: 0.0)  # looking costs nothing here
    trainer = trainer_of("dcgan", steps=4)
    out = tmp_path / "run"
    ticks = []
    (out).mkdir()
    (out / "recipe.json").write_bytes(run_folder.recipe_bytes(trainer.recipe))
    for tick in run_folder.train(trainer, out, every=1):
        ticks.append(tick)
    assert [t.losses[run_folder.DISTANCE] for t in ticks] == [5.0, 3.0, 4.0, 3.5]
    assert checkpoint.info(out / "best.safetensors").step == 2
    assert checkpoint.info(out / "best.safetensors").distance == 3.0
    assert checkpoint.load(out / "best.safetensors").recipe == trainer.recipe
    assert [row.losses[run_folder.DISTANCE] for row in run_log.read(out)] == [5.0, 3.0, 4.0, 3.5]


@scored
def test_scoring_takes_at_most_a_twentieth_of_a_run(trainer_of, tmp_path, monkeypatch):
    """Each look takes ten seconds here, each step one: the next look comes no sooner than 200 seconds later."""
    clock = [0.0]
    monkeypatch.setattr(run_folder, "monotonic", lambda: clock[0])

    def look(*_):
        clock[0] += 10
        return 1.0

    monkeypatch.setattr(quick.Quick, "distance", look)
    keeper = run_folder.Keeper(trainer_of("dcgan"), tmp_path)
    looked, begin = 0, clock[0]
    tick = next(iter(trainer_of("dcgan").run(every=1)))
    for _ in range(1000):
        clock[0] += 1
        looked += run_folder.DISTANCE in keeper.score(tick).losses
    assert looked >= 3
    assert 10 * looked <= 0.06 * (clock[0] - begin)


def test_curves_are_short_and_keep_what_is_seldom():
    lines = [
        {"step": i, "d_loss": float(i), "seconds": 1.0, **({"distance": 7.0} if i == 90 else {})} for i in range(150)
    ]
    found = run_log.curves([run_log.LogRow.from_json(line) for line in lines])
    assert len(found["step"]) == len(found["d_loss"]) <= run_log.POINTS
    assert found["step"][-1] == 149
    assert found["d_loss"][0] == 1.0
    assert [v for v in found["distance"] if v is not None] == [7.0]
    assert "seconds" not in found
