"""Promises that every GAN of the catalogue keeps. A new line in the catalogue adds its tests."""

import contextlib
import dataclasses
import functools
import itertools
import threading

import pytest
import torch
from few import LEAST, few, light, trained_gans
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from fashiongan import checkpoint, gans
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.gans import sampling
from fashiongan.training import run_folder

every_gan = pytest.mark.parametrize("gan", light())
CONDITIONAL = [name for name, cls in gans.GANS.items() if cls.conditional]
UNCONDITIONAL = [name for name, cls in gans.GANS.items() if not cls.conditional]


def finish(trainer):
    return list(trainer.run(every=1))


@pytest.fixture(scope="module")
def finished(trainer_of):
    """finished(gan): a trainer at the end of its run, the same one for every test that only looks at it."""

    def make(gan):
        trainer = trainer_of(gan)
        finish(trainer)
        return trainer

    return functools.cache(make)


def frozen(trainer):
    """The trained GAN as its checkpoint would give it, without files."""
    trainer.gan.G.load_state_dict(trainer.average.state_dict())
    return trainer.gan.eval()


def tensors_in(path):
    with checkpoint.opened(path) as (f, _):
        return {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118  f is no dict


def nonzero(p):
    return p.grad is not None and bool(p.grad.any())


@every_gan
def test_a_catalogue_entry_holds_what_list_prints(gan):
    cls = gans.GANS[gan]
    assert 2014 <= cls.year <= 2100
    assert cls.paper.startswith("https://")
    assert cls.title
    assert "\n" not in cls.title


@trained_gans
def test_ticks_arrive(gan, trainer_of):
    ticks = list(trainer_of(gan, steps=7).run(every=3))
    assert [t.step for t in ticks] == [1, 3, 6, 7]
    for t in ticks:
        assert t.steps == 7
        assert {"d_loss", "g_loss"} <= t.losses.keys()
        assert all(isinstance(v, float) and v == v for v in t.losses.values())
        assert t.images_per_second > 0
        assert t.ended == 0
    assert ticks[-1].epoch == pytest.approx(7 * trainer_of(gan).recipe.d_steps * 16 / 600)


@every_gan
def test_d_loss_reaches_all_of_d_and_leaves_g_alone(gan, trainer_of):
    trainer = trainer_of(gan)
    torch.stack(list(trainer.gan.d_loss(trainer.batch(0)).terms.values())).sum().backward()
    assert all(p.grad is None for p in trainer.gan.G.parameters())
    assert [name for name, p in trainer.gan.D.named_parameters() if not nonzero(p)] == []


@every_gan
def test_g_loss_reaches_all_of_g(gan, trainer_of):
    trainer = trainer_of(gan)
    torch.stack(list(trainer.gan.g_loss(trainer.batch(0)).terms.values())).sum().backward()
    assert [name for name, p in trainer.gan.G.named_parameters() if not nonzero(p)] == []


@every_gan
def test_an_update_moves_every_parameter_of_both_players(gan, trainer_of):
    trainer = trainer_of(gan)
    before = {k: v.clone() for k, v in trainer.gan.named_parameters()}
    trainer.update()
    assert [k for k, v in trainer.gan.named_parameters() if torch.equal(v, before[k])] == []


@every_gan
def test_notes_are_scalars_apart_from_the_terms(gan, trainer_of):
    trainer = trainer_of(gan)
    for loss in (trainer.gan.d_loss(trainer.batch(0)), trainer.gan.g_loss(trainer.batch(0))):
        assert loss.terms
        assert not loss.terms.keys() & loss.notes.keys()
        assert all(v.dim() == 0 for v in (*loss.terms.values(), *loss.notes.values()))


@every_gan
def test_curves_of_d_are_named_so_that_their_means_are_right(gan, trainer_of):
    """The trainer divides curves called d_... by the number of D's steps, and all others by that of G's."""
    trainer = trainer_of(gan)
    assert [k for k in trainer.gan.d_loss(trainer.batch(0)).notes if not k.startswith("d_")] == []
    assert [k for k in trainer.gan.g_loss(trainer.batch(0)).notes if k.startswith("d_")] == []


@trained_gans
@pytest.mark.parametrize("changes", [{}, {"optimizer": "rmsprop", "d_steps": 2, "schedule": "linear", "epochs": 2}])
def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(gan, changes, tiny, pictures_of, tmp_path, same):
    recipe, garments = tiny(gan, **{"steps": 7, **changes}), pictures_of(gan)
    for _ in run_folder.train(
        run_folder.start(recipe, tmp_path / "whole", loaded=garments), tmp_path / "whole", every=1
    ):
        pass
    cut = run_folder.train(run_folder.start(recipe, tmp_path / "cut", loaded=garments), tmp_path / "cut", every=1)
    for tick in cut:
        if tick.step == 4:
            cut.close()
    trainer = run_folder.resume(tmp_path / "cut", loaded=garments)
    assert trainer.step == 4
    for _ in run_folder.train(trainer, tmp_path / "cut", every=1):
        pass
    for name in ("state.safetensors", "checkpoint.safetensors"):
        assert same(tensors_in(tmp_path / "whole" / name), tensors_in(tmp_path / "cut" / name))


@trained_gans
def test_state_holds_weights_average_optimizers_and_rng(gan, finished):
    trainer = finished(gan)
    tensors, numbers = trainer.state_dict()
    assert numbers["step"] == 6
    parameters = len(list(trainer.gan.D.parameters()))
    assert {k.split(".")[0] for k in tensors} == {"gan", "average", "opt_d", "opt_g", "rng"}
    assert len({k.split(".")[1] for k in tensors if k.startswith("opt_d.")}) == parameters
    assert set(trainer.gan.state_dict()) == {k.removeprefix("gan.") for k in tensors if k.startswith("gan.")}


@trained_gans
def test_a_checkpoint_alone_reproduces_the_samples_of_the_average(gan, finished, tmp_path, same):
    trainer = finished(gan)
    want, _ = trainer.samples()
    checkpoint.save(tmp_path / "a.safetensors", trainer.gan, trainer.average, checkpoint.HeaderInfo(step=6))
    loaded = checkpoint.load(tmp_path / "a.safetensors")
    assert same(loaded.G.state_dict(), trainer.average.state_dict())
    assert loaded.recipe == trainer.recipe
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert torch.equal(loaded.sample_images(len(want), trainer.recipe.seed), want)
    assert checkpoint.info(tmp_path / "a.safetensors") == checkpoint.HeaderInfo(step=6)


@every_gan
def test_recipe_survives_json(gan, tiny, pictures_of):
    recipe, _ = datasets.prepare(
        tiny(gan, classes="Dress,9", limit=100, lr_g=3e-4, schedule="linear"), loaded=pictures_of(gan)
    )
    again = gans.recipe_from_json(recipe.to_json())
    assert again == recipe
    assert type(again) is type(recipe)
    assert again.classes == "3,9"
    assert again.labels == datasets.CLASSES


@trained_gans
def test_an_average_with_zero_decay_is_g_with_its_buffers(gan, trainer_of, same):
    trainer = trainer_of(gan, ema=0)
    finish(trainer)
    assert same(trainer.average.state_dict(), trainer.gan.G.state_dict())


@trained_gans
def test_an_average_with_decay_is_not_g(gan, finished):
    trainer = finished(gan)
    now, average = trainer.gan.G.state_dict(), trainer.average.state_dict()
    floating = [k for k, v in now.items() if v.is_floating_point()]
    assert floating
    assert not any(torch.equal(now[k], average[k]) for k in floating)


def loose_tensors(value, path):
    if isinstance(value, Tensor):
        yield path
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from loose_tensors(v, f"{path}[{k!r}]")
    elif isinstance(value, list | tuple | set):
        for i, v in enumerate(value):
            yield from loose_tensors(v, f"{path}[{i}]")


@trained_gans
def test_no_tensor_lives_outside_parameters_and_buffers(gan, finished):
    trainer = finished(gan)
    loose = [
        found
        for name, m in trainer.gan.named_modules()
        for attribute, value in vars(m).items()
        if attribute not in ("_parameters", "_buffers", "_modules")
        for found in loose_tensors(value, f"{name}.{attribute}")
    ]
    assert loose == []
    buffers = dict(trainer.gan.named_buffers()).keys()
    assert buffers <= trainer.gan.state_dict().keys(), "a buffer that is not saved is lost when resuming"


@trained_gans
def test_sample_images_are_bytes_by_seed_and_keep_their_prefix(gan, trainer_of):
    trainer = trainer_of(gan)
    finish(trainer)
    model = frozen(trainer)
    with torch.no_grad():
        for p in model.G.parameters():  # garments of six updates are gray and alike, often to the last byte
            p.mul_(2)
    five = model.sample_images(5, seed=3)
    assert five.dtype == torch.uint8
    assert five.shape == (5, model.channels, trainer.recipe.size, trainer.recipe.size)
    assert five.device.type == "cpu"
    assert torch.equal(model.sample_images(5, seed=3), five)
    assert torch.equal(model.sample_images(40, seed=3)[:5], five)
    assert not torch.equal(model.sample_images(5, seed=4), five)
    assert five.unique(dim=0).shape[0] > 1


@every_gan
def test_truncation_zero_draws_one_picture_per_class(gan, trainer_of):
    model = frozen(trainer_of(gan))
    images = model.sample_images(20, seed=0, truncation=0.0)
    assert torch.equal(images[0], images[10])


@every_gan
def test_sampling_and_the_global_rng_do_not_affect_each_other(gan, trainer_of):
    model = frozen(trainer_of(gan))
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = model.sample_images(4, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert torch.equal(model.sample_images(4, seed=0), first)


@every_gan
def test_building_a_trainer_does_not_change_the_global_rng(gan, trainer_of, same):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    one = trainer_of(gan)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(2)
    assert same(one.state_dict()[0], trainer_of(gan).state_dict()[0])
    assert not same(one.state_dict()[0], trainer_of(gan, seed=1).state_dict()[0])


@contextlib.contextmanager
def reseeding():
    """Another thread that reseeds torch in a loop."""
    over = threading.Event()

    def loop():
        for seed in itertools.count():
            torch.manual_seed(seed)
            if over.is_set():
                return

    thread = threading.Thread(target=loop)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.mark.parametrize("gan", few(chosen=LEAST))
def test_training_does_not_notice_another_thread_reseeding_torch(gan, trainer_of, same):
    alone, disturbed = trainer_of(gan), trainer_of(gan)
    curves = [t.losses for t in finish(alone)]
    with reseeding():
        assert [t.losses for t in finish(disturbed)] == curves
    assert same(alone.state_dict()[0], disturbed.state_dict()[0])


# The enlarger has sizes and channels of its own: tests/gans/test_enlarger.py.
@pytest.mark.parametrize("gan", few(name for name in gans.GANS if name != "enlarger"))
@pytest.mark.parametrize("size", [28, 32, pytest.param(64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes_and_channels(gan, size, channels, tiny, garments, colored):
    from fashiongan.training.trainer import Trainer

    recipe = tiny(gan, size=size, steps=2, data=str(colored) if channels == 3 else "fashion-mnist")
    recipe, pictures = datasets.prepare(recipe)
    assert pictures.images.shape[1:] == (channels, size, size)
    assert recipe.channels == channels
    trainer = Trainer(recipe, pictures)
    assert [t.step for t in finish(trainer)] == [1, 2]
    model = frozen(trainer)
    assert model.channels == (3 if model.colors else channels)
    assert model.sample_images(3, 0).shape == (3, model.channels, size, size)


@trained_gans
def test_sigmoid_output(gan, trainer_of, tmp_path):
    trainer = trainer_of(gan, output="sigmoid")
    real = trainer.batch(0).x
    assert 0 <= real.min() < 0.2
    assert 0.7 < real.max() <= 1
    finish(trainer)
    with torch.no_grad():
        drawn = trainer.gan.generate(trainer.gan.G, trainer.batch(0).z, trainer.batch(0).c)
    if gan != "began":  # which ends in no such layer
        slack = 1e-6 if gan == "enlarger" else 0  # which ends in arithmetic: -1.5e-8 was seen
        assert drawn.min() >= -slack
        assert drawn.max() <= 1 + slack
    model = frozen(trainer)
    z, c = sampling.draw(model, 8, seed=0)
    with torch.no_grad():
        assert torch.equal(
            model.sample_images(8, 0), (model.generate(model.G, z, c).clamp(0, 1) * 255).round().to(torch.uint8)
        )


@every_gan
def test_tanh_pictures_span_minus_one_to_one(gan, trainer_of, pictures_of):
    trainer, garments = trainer_of(gan), pictures_of(gan)
    b = trainer.batch(0)
    bytes_again = ((b.x + 1) * 127.5).round().to(torch.uint8)
    index = trainer.shuffle[0]
    assert torch.equal(bytes_again, garments.images[index])
    assert torch.equal(b.y, garments.labels[index])


@trained_gans
def test_bfloat16(gan, trainer_of):
    trainer = trainer_of(gan, precision="bfloat16")
    rough = finish(trainer)
    assert all(p.dtype == torch.float32 for p in trainer.gan.parameters())
    exact = finish(trainer_of(gan))
    assert rough[0].losses["d_loss"] == pytest.approx(exact[0].losses["d_loss"], abs=0.1)
    assert rough[0].losses != exact[0].losses, "bfloat16 was not used"


@trained_gans
def test_three_discriminator_steps_count_pictures_right(gan, trainer_of):
    trainer = trainer_of(gan, batch=20, limit=120, d_steps=3, steps=None, epochs=2)
    seen, shuffle = [], trainer.shuffle
    trainer.shuffle = type("Noted", (), {"__getitem__": lambda _, i: seen.append(i) or shuffle[i]})()
    ticks = list(trainer.run(every=1000))
    assert seen == list(range(12))
    assert [(t.step, t.epoch, t.ended) for t in ticks] == [(1, 0.5, 0), (2, 1.0, 1), (4, 2.0, 2)]


class Listed(TorchDispatchMode):
    """Every operation that torch is asked for, and of what size."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.asked.append((str(func), [tuple(a.shape) for a in args if isinstance(a, Tensor)]))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("augment", ["", pytest.param("flip,shift,cutout", marks=pytest.mark.slow)])
@pytest.mark.parametrize("gan", few(chosen=("mlpgan", "wgan-gp")))
def test_updates_of_a_kind_launch_the_same_operations_and_never_synchronize(gan, augment, trainer_of):
    """Else a GPU that replays one would do something else than was asked for, or cannot record it."""
    if augment and gans.GANS[gan].redraws:
        return
    trainer = trainer_of(gan, d_steps=2, steps=100, augment=augment)
    known = {}
    for step in (*range(18), 1000, 1001):
        trainer.step = step
        kind = trainer.gan.kind(step)
        for place in trainer.index:
            place.copy_(trainer.shuffle[step])
        if step < 3:  # the optimisers make their moments
            trainer.move_both()
        elif kind is not None:
            with Listed() as listed:
                trainer.move_both()
            assert known.setdefault(kind, listed.asked) == listed.asked, step
            waits = ("_local_scalar_dense", "nonzero", "unique", "masked_select", "aten.equal")
            assert not [name for name, _ in listed.asked if any(w in name for w in waits)]
    assert known


@trained_gans
def test_a_class_filter_trains_on_that_class_only(gan, tiny, pictures_of):
    from fashiongan.training.trainer import Trainer

    recipe, pictures = datasets.prepare(tiny(gan, classes="Ankle boot", steps=3), loaded=pictures_of(gan))
    assert recipe.classes == "9"
    assert recipe.trained == (9,)
    assert len(pictures) == 60
    assert set(pictures.labels.tolist()) == {9}
    trainer = Trainer(recipe, pictures)
    b = trainer.batch(0)
    assert set(b.y.tolist()) == set(b.c.tolist()) == {9}
    assert [t.step for t in finish(trainer)][-1] == 3


@pytest.mark.parametrize("gan", CONDITIONAL)
def test_a_filtered_conditional_gan_draws_no_other_class(gan, tiny, pictures_of):
    from fashiongan.training.trainer import Trainer

    model = frozen(Trainer(*datasets.prepare(tiny(gan, classes="9"), loaded=pictures_of(gan))))
    assert sampling.chosen(model, 4, None).tolist() == [9] * 4
    assert torch.equal(model.sample_images(2, 0), model.sample_images(2, 0, "Ankle boot"))
    with pytest.raises(StudioError, match="9 Ankle boot"):
        model.sample_images(2, 0, label=3)


@pytest.mark.parametrize("gan", few(CONDITIONAL))
def test_labels_by_number_and_name(gan, trainer_of):
    trainer = trainer_of(gan, steps=20)
    finish(trainer)
    model = frozen(trainer)
    dress = model.sample_images(4, 0, label=3)
    for name in ("3", "Dress", "dress", " DRESS "):
        assert torch.equal(model.sample_images(4, 0, label=name), dress)
    assert not torch.equal(model.sample_images(4, 0, label=4), dress)
    in_turn = model.sample_images(12, 0)
    assert torch.equal(in_turn[3], model.sample_images(4, 0, label=3)[3])
    assert torch.equal(in_turn[11], model.sample_images(12, 0, label=1)[11])


@pytest.mark.parametrize("gan", few(CONDITIONAL))
@pytest.mark.parametrize("label", [10, -1, "Dresses", "", "3.0"])
def test_an_unknown_label_is_refused_with_a_list_of_labels(gan, label, trainer_of):
    with pytest.raises(StudioError, match="3 Dress"):
        frozen(trainer_of(gan)).sample_images(1, 0, label=label)


@pytest.mark.parametrize("gan", CONDITIONAL)
def test_fakes_are_drawn_for_every_class_alike(gan, trainer_of):
    trainer = trainer_of(gan, batch=500)
    counts = torch.bincount(torch.cat([trainer.batch(i).c for i in range(4)]), minlength=10)
    assert len(counts) == 10
    assert counts.min() > 140
    assert counts.max() < 260


@pytest.mark.parametrize("gan", CONDITIONAL)
@pytest.mark.parametrize(("balance", "share"), [("as found", 0.1), ("even", 0.5)])
def test_fakes_classes_come_as_often_as_those_of_real_ones(gan, balance, share, trainer_of, pictures_of):
    garments = pictures_of(gan)
    lopsided = dataclasses.replace(garments, labels=(garments.labels == 0).long(), names=("others", "rare"))
    trainer = trainer_of(gan, pictures=lopsided, batch=500, balance=balance)
    drawn = torch.cat([trainer.batch(i).c for i in range(4)])
    assert drawn.double().mean().item() == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize("gan", [gan for gan in UNCONDITIONAL if gan != "infogan"])  # which has kinds of its own
def test_a_gan_without_classes_refuses_a_label(gan, trainer_of):
    with pytest.raises(StudioError, match="does not draw by class"):
        frozen(trainer_of(gan)).sample_images(1, 0, label=3)


@pytest.mark.parametrize("gan", CONDITIONAL)
def test_a_conditional_gan_without_classes_is_refused(gan, tiny):
    with pytest.raises(StudioError, match="draws by class"):
        gans.build(tiny(gan))


def test_an_unknown_gan_or_setting_is_refused_with_a_list():
    with pytest.raises(StudioError, match="dcgan"):
        gans.new_recipe("dcgam")
    with pytest.raises(StudioError, match=r"'widht'.*width"):
        gans.new_recipe("dcgan", widht=3)
