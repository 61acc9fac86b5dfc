"""The bundled checkpoints: trained from where they stopped, scored, and listed from their own headers."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from fashiongan import checkpoint, classifiers, gans
from fashiongan.classifiers import FitInfo, store
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.evaluation import gan_train, sources
from fashiongan.evaluation import report as reports
from fashiongan.hub import registry
from fashiongan.release import bundle

README = f"# Studio\nbefore\n{bundle.BEGIN}\nold table\n{bundle.END}\nafter\n"


def report(frechet, **more):
    scores = {name: {"value": 0.5, "real": 0.9} for name in reports.SCORES}
    scores["frechet"] = {"value": frechet, "real": 0.01}
    return {
        "scores": scores,
        "against": {"real": 10_000},
        "classes": {"Dress": 0.99, "Bag": 0.01},
        "missed": ["Bag"],
        "originality": {"pixels": {"ratio": 1.234, "copying": 5.6}},
        "verdict": "As real ones.",
        **more,
    }


@pytest.fixture
def place(tmp_path, monkeypatch, tiny):
    """An empty folder of checkpoints beside a README, and two recipes that train in a moment."""
    monkeypatch.setattr(registry, "BUNDLED", tmp_path / "checkpoints")
    monkeypatch.setattr(store, "BUNDLED", tmp_path / "checkpoints" / "classifiers")
    small = {"width": 8, "z_dim": 16, "batch": 16, "limit": 100, "epochs": 2}
    monkeypatch.setattr(bundle, "BUNDLED", {"one": {"gan": "dcgan", **small}, "two": {"gan": "cdcgan", **small}})
    monkeypatch.setattr(bundle, "NEXT", {})
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return tmp_path / "checkpoints"


def finish(name, folder):
    return list(bundle.train(name, folder))


def test_a_bundled_checkpoint_carries_its_curves_and_a_film_of_its_training(place, tmp_path):
    finish("one", tmp_path / "runs")
    info = checkpoint.info("one")
    assert info.epochs == pytest.approx(2, abs=0.1)
    assert len(info.curves["step"]) == len(info.curves["d_loss"]) > 0
    with Image.open(place / "one.gif") as film, Image.open(tmp_path / "runs" / "one" / "training.gif") as whole:
        assert film.n_frames == whole.n_frames == 3
        assert (film.width, film.height) == (whole.width, whole.height // 2)
    assert checkpoint.load("one").recipe.gan == "dcgan"


def test_a_long_films_frames_are_thinned_up_to_the_last(place, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "FRAMES", 2)
    gif, films = bundle.sheets.gif, {}
    monkeypatch.setattr(
        bundle.sheets, "gif", lambda frames, path, **how: films.update({path: frames}) or gif(frames, path, **how)
    )
    finish("one", tmp_path / "runs")
    assert [frame.stem for frame in films[place / "one.gif"]] == ["epoch_000", "epoch_002"]


def test_training_resumes_where_it_stopped(place, tmp_path):
    ticks = bundle.train("one", tmp_path / "runs")
    stopped = next(ticks).step
    ticks.close()
    assert not list(place.glob("*.safetensors"))
    assert next(iter(finish("one", tmp_path / "runs"))).step > stopped
    assert finish("one", tmp_path / "runs") == []  # nothing is left to do
    assert registry.bundled() == ["one"]


def test_an_unknown_name_is_one_sentence(place, tmp_path):
    with pytest.raises(StudioError, match="There is no bundled checkpoint 'three': choose from one, two"):
        finish("three", tmp_path)


@pytest.mark.slow
def test_the_score_table_comes_from_the_headers_best_first(place, tmp_path):
    for name in ("one", "two"):
        finish(name, tmp_path / "runs")
    assert bundle.scores().count("\n") == 2  # no report yet: nothing but the head of the table
    checkpoint.annotate(registry.find("one"), report=report(2.5))
    checkpoint.annotate(registry.find("two"), report=report(1.5, gan_test=0.876, gan_train=0.8, gan_train_real=0.85))
    bundle.publish()
    table = bundle.scores().splitlines()
    assert [line.split(" | ")[0] for line in table[2:]] == ["| two", "| one", "| *real pictures*"]
    assert "| 87.6 % | 80.0 % |" in table[2]
    assert "| *85.0 %* | *1* |" in table[4]
    assert "| 1.23 | +5.6 | Bag |" in table[3]
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("# Studio\nbefore\n")
    assert readme.endswith("after\n")
    assert "old table" not in readme
    assert bundle.scores() in readme
    assert "**two**: As real ones. Classes seen by the scorer, %: Dress 99.0, Bag 1.0." in bundle.listing()


def test_a_report_survives_nothing_but_the_weights_it_was_given_for(place, tmp_path):
    finish("one", tmp_path / "runs")
    weights = checkpoint.load("one").state_dict()
    checkpoint.annotate(registry.find("one"), report=report(1.0))
    assert all((weights[k] == v).all() for k, v in checkpoint.load("one").state_dict().items())
    finish("one", tmp_path / "runs")
    assert checkpoint.info("one").report is None


@pytest.mark.skipif("cnn" not in store.bundled(), reason="the scorer is not bundled")
def test_scoring_writes_the_header_and_both_tables(place, tmp_path, monkeypatch):
    scorer = classifiers.load(Path(__file__).parent.parent.parent / "checkpoints" / "classifiers" / "cnn.safetensors")
    finish("two", tmp_path / "runs")
    classifiers.save(
        store.BUNDLED / "cnn.safetensors",
        scorer,
        classifiers.FitInfo(
            accuracy=0.9,
            tested=10,
            held_out=0.9,
            confusion=[[1] * 10] * 10,
            command="fit",
            seconds=1,
            device="CPU",
        ),
    )
    draw = sources.draw
    monkeypatch.setattr(sources, "draw", lambda name, n: draw(name, n // 100))
    monkeypatch.setattr(gan_train, "learned", lambda pictures, _, device: len(pictures) / 1000)
    list(bundle.score("two"))
    result = checkpoint.info("two").report
    assert result["n"] == 100
    assert {"gan_test", "gan_train", "gan_train_real"} <= result.keys()  # it has classes
    assert f"{result['scores']['frechet']['value']:.3g}" in (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "**cnn**: 90.00 % of 10 test pictures" in (place / "README.md").read_text(encoding="utf-8")


def test_the_card_of_a_net_with_bounds_says_what_is_certified(place):
    info = FitInfo(accuracy=0.9, tested=10_000, certified=0.7512, confusion=[[1] * 10] * 10, command="fit")
    for name in ("certified", "dense"):
        net = classifiers.build(replace(classifiers.recipe(name), labels=datasets.CLASSES))
        classifiers.save(
            store.BUNDLED / f"{name}.safetensors", net, info if name == "certified" else replace(info, certified=None)
        )
    card, other = bundle.classifier_cards().split("\n\n")[1:3]
    assert card.startswith("**certified**: 90.00 % of 10,000 test pictures, ")
    assert "Certified at 0.1: 75.12 % of the test pictures." in card
    assert other.startswith("**dense**")
    assert "ertified" not in other


def test_every_gan_has_a_bundled_recipe():
    recipes = {name: bundle.recipe(name) for name in bundle.names()}
    assert {changes["gan"] for changes in recipes.values()} == gans.GANS.keys()
    for name, changes in [*recipes.items(), *bundle.BUNDLED.items()]:
        assert gans.new_recipe(**changes).gan in (name.removesuffix("-photos"), "studio", "projected")
