"""Every GAN against its paper, and against every documented fault of popular collections.

The constants, and the numbered faults (znx: znxlwm/pytorch-generative-model-collections; hwa: hwalsuklee's in
TensorFlow; PyG: eriklindernoren/PyTorch-GAN), are those of the project's notes on recipes. Players are replaced by
stubs with known answers where a loss is to be worked out by hand.

This file: the known faults of earlier implementations.
"""

import gzip
import io
import itertools
import json
import math

import pytest
import torch
from few import few, trained_gans
from paper_parts import (
    BCE,
    G_FIRST,
    NORMS,
    PENALISED,
    SLOPES,
    Discriminator,
    every_gan,
    fresh,
    linear,
    mean_pixel,
    narrow,
    near,
    numbers,
    redraw,
    staged,
)
from PIL import Image
from torch import nn
from torch.nn import functional as F

from fashiongan import gans
from fashiongan.data import datasets, sheets
from fashiongan.errors import StudioError
from fashiongan.gans import losses, sampling
from fashiongan.gans.base import Batch
from fashiongan.gans.recipe import Recipe, knobs
from fashiongan.training import run_folder
from fashiongan.training import trainer as loop
from fashiongan.training.trainer import Trainer


def gradients(model, player, loss):
    """The gradient of a loss for every parameter of a player, from nothing."""
    parameters = list(getattr(model, player).parameters())
    return torch.autograd.grad(torch.stack(list(loss.terms.values())).sum(), parameters, allow_unused=True)


def test_fault_01_the_code_is_not_read_as_the_real_or_fake_score(trainer_of):
    """znx infoGAN.py:76: sigmoid(x[:, output_dim]) takes continuous code 0 for the score; column 0 is never used."""
    trainer = trainer_of("infogan")
    model, b = trainer.gan, trainer.batch(0)
    score, category, codes = model.D(b.x)
    assert (score.shape, category.shape, codes.shape) == ((16,), (16, 10), (16, 2))
    heads = [*model.D.read.parameters()]
    calls = torch.autograd.grad(score.sum(), [model.D.judge.weight, *heads], allow_unused=True, retain_graph=True)
    assert calls[0].any()
    assert all(g is None for g in calls[1:]), "the score must not come from Q's head"
    calls = torch.autograd.grad(codes.sum() + category.sum(), [model.D.judge.weight], allow_unused=True)
    assert calls == (None,), "the codes must not come from D's head"
    last = model.D.read[-1]
    d = model.d_loss(b)
    with torch.no_grad():
        last.bias[10] += 5.0  # of continuous code 0
    again = model.d_loss(b)
    assert torch.equal(again.terms["real"], d.terms["real"])
    assert torch.equal(again.terms["fake"], d.terms["fake"])
    assert again.terms["codes"] > d.terms["codes"] + 1


@trained_gans
def test_fault_02_each_player_steps_with_its_own_gradient_alone(gan, trainer_of):
    """znx infoGAN.py:209-231: the info step never zeroes, so D gets G's gradient too and is pushed to call fakes real;
    and the graph is used after an in-place step, which crashes on torch >= 1.5."""
    trainer = trainer_of(gan)
    trainer.update()  # leaves gradients behind that must not count
    move, seen = trainer.move, []

    def watched(player, opt, loss):
        net = {"d": trainer.gan.D, "g": trainer.gan.G}[player]
        parameters = list(net.parameters())
        total = torch.stack(list(loss.terms.values())).sum()
        expected = torch.autograd.grad(total, parameters, retain_graph=True)
        move(player, opt, loss)
        seen.append(player)
        assert all(torch.allclose(p.grad, g, rtol=1e-4, atol=1e-8) for p, g in zip(parameters, expected, strict=True))

    trainer.move = watched
    trainer.update()
    trainer.update()
    assert sorted(set(seen)) == ["d", "g"]


def test_fault_02_infogan_has_two_optimisers_and_gives_q_to_the_discriminators(trainer_of):
    """znx infoGAN.py:209-231: a third Adam steps D, G and Q again on the information alone."""
    trainer = trainer_of("infogan")
    optimisers = [v for v in vars(trainer).values() if isinstance(v, torch.optim.Optimizer)]
    assert len(optimisers) == 2
    owned = [id(p) for o in optimisers for g in o.param_groups for p in g["params"]]
    assert len(owned) == len(set(owned)), "no weight is moved by two"
    assert set(owned) == {id(p) for p in trainer.gan.parameters()}


def test_fault_03_pull_away_repels_and_is_squared():
    """znx EBGAN.py: torch.norm(e, 1) is one number for the whole matrix, so the term is about -1/(N-1) and constant;
    hwa and PyG normalise by row but forget the square, which rewards opposite codes."""
    alike, apart = torch.ones(8, 3), torch.eye(8)
    assert losses.pull_away(alike).item() == near(1.0)
    assert losses.pull_away(apart).item() == near(0.0)
    assert losses.pull_away(torch.tensor([[2.0, 0.0], [-3.0, 0.0]])).item() == near(1.0), "a cosine of -1, squared"
    # 60 degrees: 1/4, whatever the lengths.
    sixty = torch.tensor([[5.0, 0.0], [0.01, 0.01 * math.sqrt(3)]])
    assert losses.pull_away(sixty).item() == near(0.25)
    codes = (torch.ones(6, 4) + 0.1 * torch.randn(6, 4, generator=torch.Generator().manual_seed(0))).requires_grad_()
    before = losses.pull_away(codes)
    before.backward()
    with torch.no_grad():
        after = losses.pull_away(codes - 20.0 * codes.grad)
    assert after < before - 0.05, "following its gradient drives the codes apart"


def test_fault_04_the_hinge_is_taken_picture_by_picture():
    """znx EBGAN.py:159: the hinge of the batch mean lets one hopeless fake excuse all the good ones."""
    model, b = staged("ebgan", redraw(0.5), [1.0], [2.0, 100.0])
    assert model.d_loss(b).terms["hinge"].item() == near((10 - 2) / 2)  # of the mean it would be 0
    one = model.d_loss(b._replace(z=b.z[1:])).terms["hinge"]
    assert one.item() == 0


def test_fault_05_the_generators_gradient_runs_through_both_sides_of_the_energy():
    """znx EBGAN.py:170 and PyG: G_.detach() as target cuts half of the gradient."""
    fixed = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    model, b = staged("ebgan", lambda x: (fixed.expand_as(x), x.flatten(1)), [1.0], [0.5, 0.5], pull_away=0.0)
    model.g_loss(b).terms["energy"].backward()
    # d/dx |x - c| = (x - c) / |x - c|, and all pixels move with the shift; through c alone it would be 0.
    off = 0.5 - fixed
    assert model.G.shift.grad.item() == near((off.sum() / off.norm()).item())

    model, b = staged("ebgan", redraw(0.75), [1.0], [0.5, 0.5], pull_away=0.0)
    model.g_loss(b).terms["energy"].backward()
    assert model.G.shift.grad.item() == near(0.25 * 2)  # |x - 0.75 x| = 0.25 |x|, |x| = 2 * 0.5; a cut gives -0.75 * 2


@pytest.mark.slow
def test_began_is_helped_by_its_inputs_less_and_less(trainer_of, same):
    """Section 3.5: in = carry in + (1 - carry) out with a carry from 1 to 0, and h0 again after each upsampling."""
    trainer = trainer_of("began", residuals=4, steps=9)
    G, z = trainer.gan.G, trainer.batch(0).z
    assert [c.in_channels for c in G.convs] == [8, 8, 16, 8, 16, 8]

    def by_hand(carry):
        first = h = G.start(z).unflatten(1, (8, 7, 7))
        for i, conv in enumerate(G.convs):
            if i in (2, 4):
                side = 7 * 2 ** (i // 2)
                big = [F.interpolate(a, size=(side, side)) for a in (h, first)]
                h = F.elu(conv(torch.cat(big, 1)))
            else:
                h = carry * h + (1 - carry) * F.elu(conv(h))
        return G.last(h)

    x, code = trainer.batch(0).x, trainer.gan.D.encode
    for carry in (0.75, 0.5, 0.25, 0.0, 0.0):
        assert torch.allclose(G(z), by_hand(carry), atol=1e-5)
        h = F.elu(code.first(x))
        same_size = carry * h + (1 - carry) * F.elu(code.convs[0](h))
        assert torch.allclose(code.help(h, F.elu(code.convs[0](h))), same_size, atol=1e-6)
        trainer.update()
    assert trainer.average.help.done == 5, "drawn as it was trained"
    again = trainer_of("began", residuals=4, steps=9)
    again.load_state_dict(*trainer.state_dict())
    for t in (trainer, again):
        t.update()
    assert same(trainer.state_dict()[0], again.state_dict()[0])


def test_a_began_from_before_its_residuals_is_read_as_it_was():
    old = json.loads(fresh("began", width=8).recipe.to_json())
    del old["residuals"]
    model = gans.build(gans.recipe_from_json(json.dumps(old)))
    assert not [name for name, _ in model.named_buffers() if name.endswith("done")]


def test_fault_06_began_is_the_papers(trainer_of):
    """znx BEGAN.py:87: gamma 1, batch norm and ReLU in G, a bottleneck of 32, and a rate led by the last M alone."""
    recipe = gans.new_recipe("began")
    assert recipe.gamma == 0.5
    assert knobs(type(recipe))["gamma"].hi <= 1
    model = fresh("began", width=8)
    assert not [m for m in model.modules() if isinstance(m, (*NORMS, nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.Sigmoid))]
    x, z = torch.randn(4, 1, 28, 28), torch.randn(4, 64)
    assert model.D.encode(x).shape == (4, recipe.z_dim), "the code is as long as z"
    assert model.D.encode(x).min() < -1e-3, "and linear"
    hidden = []
    for m in model.G.convs:
        m.register_forward_hook(lambda m, args, out: hidden.append(args[0]))
    drawn = model.G(z)
    assert all(h.min() < 0 and h.min() > -1 for h in hidden[1:]), "ELU between the convolutions"
    with torch.no_grad():
        model.G.last.weight.mul_(1e3)
    assert model.G(z).abs().max() > 10 * drawn.abs().max(), "and no activation after the last"
    assert {m.kernel_size for m in model.modules() if isinstance(m, nn.Conv2d)} == {(3, 3)}
    # The rate is the schedule's, for every M.
    rates = []
    for worse in (1.0, 100.0):
        trainer = trainer_of("began", steps=8, batch=4)
        rates.append([])
        for _ in range(8):
            trainer.update()
            trainer.gan.real.mul_(worse)
            rates[-1].append(trainer.opt_g.param_groups[0]["lr"])
    assert rates[0] == rates[1]
    assert rates[0] == pytest.approx([1e-4 * min(1, 2 * (1 - i / 8)) for i in range(8)])


def test_fault_06_ms_curve_is_a_mean_not_the_last(trainer_of):
    """znx BEGAN.py: only the last iteration's M counts."""
    trainer = trainer_of("began", steps=5)
    seen, g_loss = [], trainer.gan.g_loss

    def watched(b):
        loss = g_loss(b)
        seen.append(loss.notes["m"].item())
        return loss

    trainer.gan.g_loss = watched
    ticks = list(trainer.run(every=5))
    assert ticks[-1].losses["m"] == pytest.approx(sum(seen[1:]) / 4)


def test_fault_07_wgan_has_no_momentum_clips_after_each_of_five_critic_steps(garments):
    """znx WGAN.py: Adam with beta 1 = 0.5 at 2e-4 together with clipping; the paper warns of momentum."""
    trainer = Trainer(*datasets.prepare(gans.new_recipe("wgan", width=8, batch=16, steps=2), loaded=garments))
    assert isinstance(trainer.opt_d, torch.optim.RMSprop)
    assert isinstance(trainer.opt_g, torch.optim.RMSprop)
    turns, move = [], trainer.move

    def watched(player, opt, loss):
        move(player, opt, loss)
        largest = max(p.abs().max().item() for p in trainer.gan.D.parameters())
        turns.append((player, largest <= 0.01 + 1e-9))

    trainer.move = watched
    clip, after = trainer.gan.after_d_step, []
    trainer.gan.after_d_step = lambda: clip() or after.append(max(p.abs().max() for p in trainer.gan.D.parameters()))
    trainer.update()
    assert [player for player, _ in turns] == ["d"] * 5 + ["g"]
    assert len(after) == 5
    assert max(after) <= 0.01 + 1e-9
    assert not [inside for player, inside in turns[:5] if inside], "each step goes beyond, or the clip is not needed"
    assert turns[5] == ("g", True)
    assert all("momentum_buffer" not in s for s in trainer.opt_d.state.values())


@pytest.mark.parametrize("gan", [name for name in PENALISED if name != "progan"])  # which compares them on purpose
def test_fault_08_a_penalized_discriminator_scores_each_picture_alone(gan):
    """znx WGAN_GP.py:54, DRAGAN.py: batch norm in the critic under a gradient penalty, which is one picture's own."""
    model = fresh(gan, width=8).train()
    assert not [m for m in model.D.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm | nn.InstanceNorm2d)]
    x = torch.randn(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * torch.arange(1, 7)[:, None, None, None]
    together, alone = model.D(x), torch.cat([model.D(p[None]) for p in x])
    assert torch.allclose(together, alone, atol=1e-6)
    p = x.clone().requires_grad_()
    (g,) = torch.autograd.grad(model.D(p)[0], p)
    assert g[0].any()
    assert not g[1:].any(), "the score of one picture has no slope in another"
    assert torch.allclose(losses.slope(model.D, x)[2:3], losses.slope(model.D, x[2:3]), atol=1e-6)


def test_fault_09_dragan_penalises_the_logit():
    """znx DRAGAN.py:62,162 and PyG dragan.py: on the sigmoid's output the slope dies where the discriminator is
    sure."""
    sure = linear(0.5, 0.5, 0.5, 0.5)
    model, b = staged("dragan", lambda x: sure(x) + 40, [0.1, 0.2], [0.3, 0.4])
    d = model.d_loss(b)
    assert d.notes["d_slope"].item() == near(1.0)  # of the sigmoid it would be e^-40
    assert d.terms["penalty"].item() == near(0.0)  # and the penalty 10


@trained_gans
def test_fault_10_training_needs_no_gpu(gan, trainer_of, monkeypatch):
    """znx DRAGAN.py:153: an unconditional .cuda() crashes where there is no GPU."""

    def refuse(*args, **kwargs):
        raise AssertionError("requested a GPU")

    monkeypatch.setattr(torch.Tensor, "cuda", refuse)
    monkeypatch.setattr(nn.Module, "cuda", refuse)
    trainer = trainer_of(gan)
    trainer.update()
    assert {p.device.type for p in (*trainer.gan.parameters(), *trainer.gan.buffers())} == {"cpu"}


@pytest.mark.parametrize("gan", few(name for name, cls in gans.GANS.items() if cls.conditional))
def test_fault_11_class_9_is_drawn_while_training_and_sampling(gan, trainer_of):
    """znx CGAN.py:218, ACGAN.py:231: randint(0, class_num - 1) never draws the ankle boot."""
    trainer = trainer_of(gan, batch=50)
    classes = []
    for player in ("d_loss", "g_loss"):
        original = getattr(trainer.gan, player)
        setattr(trainer.gan, player, lambda b, original=original: classes.append(b.c) or original(b))
    for _ in range(4):
        trainer.update()
    for drawn in (torch.cat(classes[::2]), torch.cat(classes[1::2])):
        assert set(drawn.tolist()) == set(range(10))
    _, c = sampling.draw(trainer.gan, 80, 0)
    assert torch.bincount(c).tolist() == [8] * 10


def test_fault_11_infogan_draws_every_category():
    """znx infoGAN.py has the same randint: category 9 would never come."""
    z = fresh("infogan", width=8).latents(400, torch.Generator().manual_seed(0))
    assert z[:, 62:72].sum(0).min() > 15


def test_fault_12_pictures_of_one_and_of_three_channels_are_scaled_alike(trainer_of, colored):
    """znx dataloader.py:5: a 3-channel Normalize on 1-channel data raises, so nothing trains."""
    gray = trainer_of("dcgan")
    color = Trainer(*datasets.prepare(gans.new_recipe("dcgan", data=str(colored), width=8, batch=16, steps=1)))
    for trainer, channels in ((gray, 1), (color, 3)):
        b = trainer.batch(0)
        assert b.x.shape == (16, channels, 28, 28)
        raw = trainer.data.images[trainer.shuffle[0]].double()
        assert (b.x.double() - (raw / 127.5 - 1)).abs().max() < 1e-6
        trainer.update()


def saved_tones(images, columns):
    """The sheet of these pictures, written as PNG and read again."""
    png = sheets.png(sheets.sheet(images, columns), "")
    return Image.open(io.BytesIO(png))


@pytest.mark.parametrize("channels", [1, 3])
def test_fault_13_sheets_keep_their_tones(channels):
    """znx utils.py:81: scipy.misc.imsave is gone, and it stretched each grid from its darkest to its brightest."""
    gray = torch.full((4, channels, 28, 28), 128, dtype=torch.uint8)
    im = saved_tones(gray, 2)
    assert im.size == (62, 62)
    inner = torch.tensor(list(im.crop((2, 2, 30, 30)).tobytes()))
    assert set(inner.tolist()) == {128}
    dim = torch.randint(90, 160, (4, channels, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    alone = saved_tones(dim, 2).crop((2, 2, 30, 30))
    beside = dim.clone()
    beside[1:] = 255
    first = saved_tones(beside, 2).crop((2, 2, 30, 30))
    assert first.convert("RGB").tobytes() == alone.convert("RGB").tobytes(), "a neighbour changes no tone"
    values = torch.tensor(list(alone.convert("RGB").tobytes())).reshape(28, 28, 3).permute(2, 0, 1)
    assert torch.equal(values[:channels], dim[0].long())


@pytest.mark.parametrize(("output", "middle"), [("tanh", 0.0), ("sigmoid", 0.5)])
def test_fault_13_bytes_are_the_nets_values_on_a_fixed_scale(output, middle):
    """The same stretch, one step earlier: what the net calls black, gray and white is 0, 128 and 255, always."""
    model = fresh("dcgan", width=8, output=output)
    for value, byte in ((model.recipe.low, 0), (middle, 128), (1.0, 255), (9.0, 255), (-9.0, 0)):
        model.generate = lambda G, z, c, value=value: torch.full((len(z), 1, 28, 28), value)
        assert set(sampling.render(model, torch.zeros(3, 100), torch.zeros(3)).unique().tolist()) == {byte}


def test_fault_13_frames_of_the_gif_are_comparable(tmp_path):
    """The same stretch in a film: a run's dim first sheet would be as bright as its last."""
    frames = []
    for i, tone in enumerate((40, 128, 250)):
        frames.append(tmp_path / f"epoch_{i:03d}.png")
        sheets.sheet(torch.full((4, 1, 28, 28), tone, dtype=torch.uint8), 2).save(frames[-1])
    sheets.gif(frames, tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        seen = []
        for i in range(3):
            film.seek(i)
            seen.append(film.convert("L").getpixel((15, 15)))
    assert seen == [40, 128, 250]


def test_fault_14_every_choice_that_is_offered_works(trainer_of):
    """znx main.py:21: cifar100 is offered but not handled, and ends in UnboundLocalError."""
    tried = []
    for k in knobs(Recipe).values():
        for choice in k.choices or ():
            if k.name != "size":  # every size is drawn in test_nets
                trainer = trainer_of("dcgan", **{k.name: choice})
                trainer.update()
                assert getattr(trainer.recipe, k.name) == choice
                if k.name == "optimizer":
                    assert {type(o).__name__.lower() for o in (trainer.opt_d, trainer.opt_g)} == {choice}
                    assert trainer.opt_g.defaults.get("momentum") == {"adam": None, "rmsprop": 0, "sgd": 0.5}[choice]
                assert all(math.isfinite(v) for v in trainer.means().values())
                tried.append(choice)
    assert {"tanh", "sigmoid", "constant", "linear", "adam", "rmsprop", "sgd", "float32", "bfloat16"} <= set(tried)
    assert {"", "flip,shift,cutout"} <= set(tried)
    with pytest.raises(StudioError, match="no data called 'cifar100'"):
        datasets.prepare(gans.new_recipe("dcgan", data="cifar100"))


def test_fault_14_no_flag_turns_false_into_true(monkeypatch):
    """znx main.py:35: argparse's type=bool makes --gpu_mode False true."""
    for cls in gans.GANS.values():
        for k in knobs(cls.recipe_type).values():
            assert k.kind in (int, float, str)
            if k.kind is not str:
                for word in ("False", "True", True, False):
                    with pytest.raises(StudioError, match="cannot be"):
                        k.check(word)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert loop.pick_device("cpu") == "cpu"
    assert loop.pick_device("auto") == "cuda"


@trained_gans
def test_fault_15_each_turn_has_its_own_noise_and_d_gets_plain_fakes(gan, trainer_of):
    """znx, all: one z serves both players, and D's step does not detach the fakes, a wasted backward through G."""
    trainer = trainer_of(gan, d_steps=2)
    drawn, expected, noise = [], [], 2 if gan == "colorizer" else 0
    trainer.gan.G.register_forward_pre_hook(lambda m, args: drawn.append(args[noise].clone()))
    trainer.gan.D.register_forward_pre_hook(lambda m, args: expected.append(args[0].requires_grad))
    trainer.update()
    assert len(drawn) == 3
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(drawn, 2))
    # The discriminator's pictures carry a gradient where a penalty needs the input gradient, and in G's own turn.
    g_turn = (
        2 if gan in ("ragan", "studio") else 1
    )  # passes of the discriminator: these losses need the real garments too
    assert len(expected) == (3 if gan in PENALISED else 2) * 2 + g_turn
    assert expected[0 if gan in G_FIRST else -g_turn]
    assert sum(expected) == 1 + SLOPES.get(gan, 2 if gan in PENALISED else 0)


@every_gan
@pytest.mark.parametrize("labels", [("a", "b", "c"), tuple(map(str, range(12)))])
def test_fault_15_classes_and_latents_may_be_of_any_number(gan, labels):
    """znx, all: class_num = 10 and z_dim fixed in the source."""
    small = {"size": 28, "seen": 64} if gan == "projected" else {"size": 64, "seen": 64} if gan == "enlarger" else {}
    model = fresh(gan, labels=labels, width=narrow(gan), z_dim=7, **small)
    rng = torch.Generator().manual_seed(0)
    c = torch.arange(12) % len(labels)
    x = torch.rand(12, model.recipe.channels, model.recipe.size, model.recipe.size)
    b = Batch(x, c, model.latents(12, rng), c, rng, 0)
    for m in model.modules():
        if hasattr(m, "rng"):
            m.rng = rng
    for loss in (model.d_loss(b), model.g_loss(b)):
        assert all(math.isfinite(v) for v in numbers(loss.terms).values())
    assert model.sample_images(len(labels), 0).shape == (len(labels), model.channels, *x.shape[2:])


@trained_gans
def test_fault_15_the_smallest_batch_trains(gan, trainer_of):
    """znx, all: batch norm on vectors fails at a last batch of one picture. Ours are never short, and at least two."""
    with pytest.raises(StudioError, match="batch"):
        gans.new_recipe(gan, batch=1)
    trainer = trainer_of(gan, batch=2, limit=11, classes="0")
    sizes = [len(trainer.batch(i).x) for i in range(14)]
    assert sizes == [2] * 14
    for _ in range(3):
        trainer.update()
    assert all(math.isfinite(v) for v in trainer.means().values())


def test_fault_15_a_resumed_run_keeps_its_optimisers_state(tiny, garments, tmp_path):
    """znx, all: load() is never called and saves no optimiser, so every start is from cold moments."""
    out = tmp_path / "run"
    before = run_folder.start(tiny("dcgan", steps=4), out, loaded=garments)
    for _ in run_folder.train(before, out, every=1):
        pass
    after = run_folder.resume(out, loaded=garments, steps=9)
    for a, b in ((before.opt_d, after.opt_d), (before.opt_g, after.opt_g)):
        for p, q in zip(a.param_groups[0]["params"], b.param_groups[0]["params"], strict=True):
            assert {"step", "exp_avg", "exp_avg_sq"} <= b.state[q].keys()
            assert all(torch.equal(a.state[p][k], b.state[q][k]) for k in ("step", "exp_avg", "exp_avg_sq"))


def test_fault_15_wgans_curves_are_of_every_step(trainer_of):
    """znx WGAN.py: the history holds every fifth step, while the axis is labelled iterations."""
    trainer = trainer_of("wgan", steps=3, d_steps=5)
    seen, d_loss = [], trainer.gan.d_loss

    def watched(b):
        loss = d_loss(b)
        seen.append(loss.terms["critic"].item())
        return loss

    trainer.gan.d_loss = watched
    ticks = list(trainer.run(every=1))
    assert [t.step for t in ticks] == [1, 2, 3]
    assert len(seen) == 15
    assert [t.losses["d_loss"] for t in ticks] == pytest.approx([sum(seen[i : i + 5]) / 5 for i in (0, 5, 10)])


@pytest.mark.parametrize("gan", PENALISED)
def test_hwa_slope_is_the_norm_over_all_pixels_and_channels(gan):
    """hwa WGAN-GP, DRAGAN, and PyG dragan.py: a norm over axis 1 of (N, C, H, W) is one of each pixel, not a slope."""
    w = torch.tensor([1.0, 2.0, 2.0, 4.0, 0.0, 0.0, 6.0, 0.0, 0.0, 8.0, 0.0, 0.0])  # norm sqrt(25 + 100)
    model = fresh(gan, width=8)
    model.G, model.D = (
        Discriminator(lambda z: z[:, :12].unflatten(1, (3, 2, 2))),
        Discriminator(lambda x: x.flatten(1) @ w),
    )
    b = Batch(torch.rand(5, 3, 2, 2), torch.zeros(5), torch.rand(5, 100), torch.zeros(5), torch.Generator(), 0)
    d = model.d_loss(b)
    assert d.notes["d_slope"].item() == near(math.sqrt(125))
    assert d.terms["penalty"].item() == near(10 * (math.sqrt(125) - 1) ** 2)


@pytest.mark.parametrize("gan", PENALISED)
def test_hwa_penalty_is_a_mean_over_pictures_not_of_the_mean_slope(gan):
    """Slopes of 0.5 and 1.5 cost 10 * 0.25 each, though their mean is 1."""
    steep = torch.tensor([0.5, 1.5])
    model, b = staged(gan, lambda x: x.flatten(1).sum(1) / 2 * steep, [0.1, 0.2], [0.3, 0.4])
    d = model.d_loss(b)
    assert d.notes["d_slope"].item() == near(1.0)
    assert d.terms["penalty"].item() == near(2.5)


def test_hwa_one_t_for_each_picture_not_each_pixel():
    """hwa #33, PyG #5: with a t for every pixel the point is on no line between a real picture and a fake."""
    model, b = staged("wgan-gp", linear(1.0, 1.0, 1.0, 1.0), [1.0] * 50, [-1.0] * 50)
    model.d_loss(b)
    x = model.D.seen[2].flatten(1)
    assert torch.equal(x, x[:, :1].expand_as(x))
    assert len(x[:, 0].unique()) == 50, "and one of its own"


@pytest.mark.parametrize("gan", PENALISED)
def test_the_penalty_reaches_the_discriminators_weights(gan, trainer_of):
    """Without create_graph the penalty is a number that pushes nobody."""
    trainer = trainer_of(gan)
    penalty = trainer.gan.d_loss(trainer.batch(0)).terms["penalty"]
    weights = [p for p in trainer.gan.D.parameters() if p.dim() > 1]  # a bias does not change the slope
    moved = torch.autograd.grad(penalty, weights, allow_unused=True)
    assert all(g is not None and g.any() for g in moved)


@every_gan
def test_hwa_only_wgan_clips(gan, trainer_of):
    """hwa LSGAN.py:178 clips the least-squares discriminator's weights to 0.01 as well."""
    trainer = trainer_of(gan, d_steps=1, batch=4)
    with torch.no_grad():
        for p in trainer.gan.D.parameters():
            p += 0.5
    trainer.update()
    largest = max(p.abs().max().item() for p in trainer.gan.D.parameters())
    assert largest == pytest.approx(0.01) if gan == "wgan" else largest > 0.4


def test_hwa_lsgan_takes_no_square_root():
    """hwa LSGAN.py:77 takes the root of the squared error: for scores of 5, 16 would become 4."""
    model, b = staged("lsgan", mean_pixel, [5.0], [4.0, 4.0])
    assert numbers(model.d_loss(b).terms) == near({"real": 8.0, "fake": 8.0})


def test_hwa_energy_depends_on_one_picture_alone():
    """hwa EBGAN: the norm of the whole batch, divided by its size: for 3 and 4 it gives 5 / 2 in place of 3.5."""
    model, b = staged("ebgan", redraw(0.5), [3.0, 4.0], [1.0, 1.0])
    assert model.d_loss(b).terms["energy_real"].item() == near(3.5)


@pytest.mark.parametrize("gan", [name for name, cls in gans.GANS.items() if not cls.conditional])
def test_hwa_an_unsupervised_gan_reads_no_label(gan, trainer_of):
    """hwa infoGAN: SUPERVISED=True by default hands it the labels it is to discover."""
    one, other = trainer_of(gan), trainer_of(gan)
    b = one.batch(0)
    other.batch(0)  # keeps both random generators in step
    for player in ("d_loss", "g_loss"):
        expected = getattr(one.gan, player)(b)
        actual = getattr(other.gan, player)(b._replace(y=9 - b.y, c=9 - b.c, rng=other.rng))
        assert numbers(actual.terms) == numbers(expected.terms)


def test_hwa_training_never_sees_the_test_pictures(idx_root):
    """hwa utils.py:43 joins train and test and shuffles, so it trains on both."""
    raw = gzip.decompress((idx_root / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]  # past the header
    test = {raw[i : i + 784] for i in range(0, len(raw), 784)}
    assert len(test) == 200
    trainer = Trainer(*datasets.prepare(gans.new_recipe("dcgan", width=8, batch=16)))
    assert len(trainer.data) == 600
    assert not test & {p.numpy().tobytes() for p in trainer.data.images}


@every_gan
def test_pyg_batch_norms_epsilon_is_small(gan):
    """PyG #116: BatchNorm(c, 0.8) sets eps = 0.8, meant as momentum."""
    for m in fresh(gan, width=narrow(gan)).modules():
        if isinstance(m, NORMS):
            assert m.eps <= 1e-5
            assert m.momentum == 0.1
            assert m.track_running_stats


def test_pyg_ebgans_code_has_no_batch_norm():
    """PyG normalises the code, which pull-away is to compare; and fakes of one batch would not be scored alone."""
    model = fresh("ebgan", width=8)
    assert not isinstance(model.D.encode[-1], NORMS)
    assert isinstance(model.D.encode[-1], nn.Conv2d)
    assert not isinstance(model.D.decode[0], NORMS)
    _, codes = model.D(torch.rand(5, 1, 28, 28))
    assert codes.shape[0] == 5
    assert codes.dim() == 2
    assert codes.std(0).max() < 0.5, "unit variance would mean a norm"


@pytest.mark.parametrize("gan", ["lsgan", "wgan", "wgan-gp", *BCE, "dragan"])
def test_scores_are_raw(gan):
    """Logits and critics have no sigmoid: losses work on logits, and WGAN and LSGAN need the whole line."""
    model = fresh(gan, width=narrow(gan)).eval()
    with torch.no_grad():
        last = [m for m in model.D.modules() if isinstance(m, nn.Linear | nn.Conv2d)][-1]
        last.weight.mul_(1e6)
        x = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
        score = model.D(x, F.one_hot(torch.arange(16) % 10).float()) if model.conditional else model.D(x)
    assert score.shape == (16,)
    assert score.abs().max() > 1.5


@pytest.mark.parametrize("gan", [g for g in gans.GANS if g not in ("began", "colorizer", "enlarger")])
def test_real_and_fake_pass_the_discriminator_as_separate_batches(gan, trainer_of):
    """In a mixed batch, batch norm's statistics mix real and fake (Soumith Chintala's ganhacks, no. 4)."""
    trainer = trainer_of(gan)
    seen = []
    trainer.gan.D.register_forward_pre_hook(lambda m, args: seen.append(args[0]))
    b = trainer.batch(0)
    trainer.gan.d_loss(b)
    assert {len(x) for x in seen} == {16}
    assert sum(torch.equal(x, b.x) for x in seen) == 1
