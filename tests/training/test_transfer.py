"""Starting from a trained checkpoint: what fits is taken, the rest is fresh and named; resuming needs no source."""

import dataclasses
import hashlib
import json

import pytest
import torch
from few import FEW, trained_gans

from fashiongan import checkpoint, cli, gans
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.gans import sampling
from fashiongan.training import run_folder, run_log, transfer

CONDITIONAL = [name for name, cls in gans.GANS.items() if cls.conditional]
RUN = {"batch": 16, "steps": 4}
NETS = ("size", "width", "z_dim", "output")


@pytest.fixture(scope="module")
def source(trainer_of, garments_in_color, tmp_path_factory):
    """source(gan, **changes): a checkpoint of it after two updates. With alpha=True, of pictures with alpha."""
    folder = tmp_path_factory.mktemp("sources")

    def make(gan, alpha=False, **changes):
        path = folder / f"{gan}-{alpha}-{'-'.join(f'{k}{v}' for k, v in changes.items())}.safetensors"
        if not path.exists():
            trainer = trainer_of(gan, garments_in_color if alpha else None, **changes)
            trainer.update()
            trainer.update()
            checkpoint.save(path, trainer.gan, trainer.average, checkpoint.HeaderInfo(step=2))
        return path

    return make


@pytest.fixture
def start(pictures_of, tmp_path):
    """start(recipe, data, out): a trainer of a new run."""

    def go(recipe, data=None, out="run"):
        return run_folder.start(recipe, tmp_path / out, loaded=data or pictures_of(recipe.gan))

    return go


def renamed(data, *names):
    """The same pictures, in classes of other names."""
    return dataclasses.replace(data, names=names)


def finish(trainer, out):
    for _ in run_folder.train(trainer, out, every=1):
        pass


@trained_gans
def test_the_same_classes_take_everything(gan, source, start, same):
    path = source(gan)
    trainer, old = start(transfer.recipe(str(path), **RUN)), checkpoint.load(path)
    assert trainer.recipe.gan == gan
    assert same(trainer.gan.state_dict(), old.state_dict())
    assert same(trainer.average.state_dict(), old.G.state_dict())
    note = f"Starts from {path}: 100 % of the generator's weights and 100 % of the discriminator's are taken."
    assert trainer.recipe.start_note == note
    assert trainer.recipe.start_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not trainer.opt_g.state
    assert trainer.step == 0


@pytest.mark.parametrize(
    ("gan", "alpha"),
    [
        *(pytest.param(gan, False, marks=[pytest.mark.slow] * (gan not in FEW)) for gan in CONDITIONAL),
        pytest.param("colorizer", True, marks=pytest.mark.slow),
    ],
)
def test_a_class_draws_as_before_wherever_it_stands_now(
    gan, alpha, source, start, pictures_of, garments_in_color, tmp_path
):
    """Classes in another order, some gone and some new: those of the same name draw the same pictures, within the
    rounding of sums in another order."""
    path = source(gan, alpha, **({"size": 64} if alpha else {}))
    old, data = checkpoint.load(path), garments_in_color if alpha else pictures_of(gan)
    names = ("Bag", "hat", "t-shirt/TOP", "Dress", "scarf", "Coat", "glove", "Shirt", "Sandal", "Trouser")
    trainer = start(transfer.recipe(str(path), **RUN), renamed(data, *names))
    trainer.gan.G.load_state_dict(trainer.average.state_dict())
    trainer.gan.eval()
    for name in ("Bag", "T-shirt/top", "Coat", "Trouser"):
        z, c = sampling.draw(old, 3, 5, name)
        there = torch.full((3,), next(i for i, n in enumerate(names) if n.casefold() == name.casefold()))
        ours, before = (sampling.render(g, z, k).int() for g, k in ((trainer.gan, there), (old, c)))
        assert (ours - before).abs().max() <= 1, name
    assert "fresh: the classes hat, scarf, glove." in trainer.recipe.start_note
    finish(trainer, tmp_path / "run")


@pytest.mark.parametrize("gan", ["cdcgan", "studio"])
def test_fewer_and_more_classes_fit(gan, source, start, garments, colored):
    few = transfer.recipe(str(source(gan)), data=str(colored), size=28, **RUN)
    trainer = start(few, datasets.load(str(colored), size=28))
    assert trainer.recipe.labels == ("gloves", "hats")
    assert "fresh: the classes gloves, hats" in trainer.recipe.start_note
    assert "G.ups.1.weight" in trainer.recipe.start_note  # the layer that draws gray
    assert "D.downs.0.weight" in trainer.recipe.start_note


def test_a_class_that_was_never_trained_is_fresh(source, start, garments):
    trainer = start(transfer.recipe(str(source("cdcgan", classes="Bag,Dress")), **RUN))
    assert "the classes T-shirt/top, Trouser, Pullover, Coat and 4 more." in trainer.recipe.start_note


def test_another_width_keeps_nothing_and_says_what_would_fit(source, start):
    with pytest.raises(StudioError, match=r"No layer of .* fits this net: .*\(size 28, width 8, z_dim 16, output tanh"):
        start(transfer.recipe(str(source("dcgan")), width=16, **RUN))


def test_what_does_not_fit_is_fresh_and_named(source, start):
    path = source("dcgan")
    fresh = transfer.recipe(str(path), z_dim=20, **RUN)
    trainer, old = start(fresh), checkpoint.load(path)
    assert trainer.recipe.start_note.endswith("of the discriminator's are taken; fresh: G.project.weight.")
    assert torch.equal(trainer.gan.G.ups[0].weight, old.G.ups[0].weight)
    plain = gans.build(fresh.replace(labels=old.recipe.labels))
    assert torch.equal(trainer.gan.G.project.weight, plain.G.project.weight)


def test_other_rates_and_lengths_leave_the_nets_as_they_are(source, start):
    path = source("wgan-gp", penalty=3.0)
    trainer = start(transfer.recipe(str(path), lr_g=1e-5, batch=8, steps=3))
    r = trainer.recipe
    assert (r.lr_g, r.batch, r.steps, r.penalty, r.width, r.epochs) == (1e-5, 8, 3, 3.0, 8, 20)


def test_a_gan_with_the_same_generator_may_start_from_it_with_a_fresh_discriminator(source, start, same):
    path = source("dcgan")
    trainer, old = start(transfer.recipe(str(path), "wgan-gp", **RUN)), checkpoint.load(path)
    assert same(trainer.gan.G.state_dict(), old.G.state_dict())
    assert trainer.recipe.start_note.endswith(
        "100 % of the generator's weights are taken; fresh: the discriminator, since dcgan trained another."
    )
    plain = gans.build(trainer.recipe)
    assert same(trainer.gan.D.state_dict(), plain.D.state_dict())


def test_a_gan_without_classes_learns_classes(source, start):
    path = source("dcgan")
    trainer, old = start(transfer.recipe(str(path), "cdcgan", **RUN)), checkpoint.load(path)
    assert torch.equal(trainer.gan.G.project.weight[:16], old.G.project.weight)
    assert trainer.gan.G.project.weight[16:].std() > 0


@pytest.mark.parametrize(("gan", "other"), [("dcgan", "projected"), ("studio", "dcgan"), ("dcgan", "gan")])
def test_another_generator_is_one_clear_error(gan, other, source, start, tmp_path):
    with pytest.raises(
        StudioError, match=rf"^{other} cannot start from .*, a {gan} with another generator: train {gan}"
    ):
        start(gans.new_recipe(other, start_from=str(source(gan)), **RUN))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_the_whole_run_is_the_same_after_a_resume_without_the_source(source, start, garments, tmp_path, same):
    path = tmp_path / "there.safetensors"
    path.write_bytes(source("cdcgan").read_bytes())
    recipe = transfer.recipe(str(path), batch=16, steps=9)
    finish(start(recipe, out="whole"), tmp_path / "whole")
    killed = start(recipe, out="killed")  # before its first step
    start(recipe, out="cut")
    path.unlink()
    del killed
    for cut in (0, 4):
        out = tmp_path / ("killed" if cut == 0 else "cut")
        going = run_folder.train(run_folder.resume(out, loaded=garments), out, every=1)
        for tick in going:
            if tick.step == cut:
                going.close()
        finish(run_folder.resume(out, loaded=garments), out)
        for name in ("state", "checkpoint"):
            tensors = []
            for folder in (tmp_path / "whole", out):
                with checkpoint.opened(folder / f"{name}.safetensors") as (f, _):
                    tensors.append({k: f.get_tensor(k) for k in f.keys()})  # noqa: SIM118  f is no dict
            assert same(*tensors)
    written = checkpoint.load(out).recipe
    assert written.start_from == str(path)
    assert len(written.start_sha256) == 64
    assert f"--from {path}" in checkpoint.info(out).command
    rows = run_log.read(out)
    assert rows[0].remarks[0] == written.start_note
    assert all(written.start_note not in row.remarks for row in rows[1:])


def test_a_run_without_its_first_state_is_not_begun_with_other_weights(source, start, garments, tmp_path):
    start(transfer.recipe(str(source("dcgan")), **RUN))
    (tmp_path / "run" / "state.safetensors").unlink()
    with pytest.raises(StudioError, match="is missing, and with it what the run took from"):
        run_folder.resume(tmp_path / "run", loaded=garments)


def call(argv):
    try:
        return cli.train([str(a) for a in argv])
    except SystemExit as e:
        return e.code


def test_the_command_line_takes_the_gan_and_the_sizes_of_the_checkpoint(source, colored, tmp_path, capsys):
    path = source("cdcgan")
    argv = ["--from", path, "--data", colored, "--lr-g", "1e-5", "--batch", 8, "--steps", 2, "--out", "mine"]
    assert call(argv) == 0
    assert f"Starts from {path}: " in capsys.readouterr().err
    recipe = json.loads((tmp_path / "mine" / "recipe.json").read_text(encoding="utf-8"))
    assert (recipe["gan"], recipe["width"], recipe["z_dim"], recipe["lr_g"]) == ("cdcgan", 8, 16, 1e-5)
    assert call(["--resume", "mine", "--steps", 3]) == 0
    assert call(["cdcgan", "--from", "mine", "--data", colored, "--steps", 2, "--out", "again"]) == 0
    assert "100 % of the discriminator's are taken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "match"),
    [
        (["--from", "nothing"], "no checkpoint 'nothing'"),
        (
            ["projected", "--from", "enlarger"],
            "start from enlarger, an enlarger with another generator",
        ),
        (["projected", "--from", "dcgan"], "projected cannot start from dcgan, a dcgan with another generator"),
        (["--from", "damaged.safetensors"], "damaged.safetensors is damaged"),
        (["--from", "cnn.safetensors"], "holds a classifier"),
        (["--from", "dcgan", "--width", "32"], "No layer of dcgan fits this net"),
        (["--from", ""], "Name a GAN"),
        (["--from"], "--from"),
        (["--resume", "nowhere", "--from", "dcgan"], "--resume takes its recipe"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(argv, match, tmp_path, capsys):
    import re
    from pathlib import Path

    folder = Path(checkpoint.__file__).parent.parent / "checkpoints"
    (tmp_path / "damaged.safetensors").write_bytes((folder / "dcgan.safetensors").read_bytes()[:-50])
    (tmp_path / "cnn.safetensors").write_bytes((folder / "classifiers" / "cnn.safetensors").read_bytes())
    before = sorted(tmp_path.iterdir())
    assert call(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert re.search(match, err), err
    assert sorted(tmp_path.iterdir()) == before
