"""Every GAN against its paper, and against every documented fault of popular collections.

The constants, and the numbered faults (znx: znxlwm/pytorch-generative-model-collections; hwa: hwalsuklee's in
TensorFlow; PyG: eriklindernoren/PyTorch-GAN), are those of the project's notes on recipes. Players are replaced by
stubs with known answers where a loss is to be worked out by hand.

This file: losses, worked out by hand.
"""

import math

import pytest
import torch
from paper_parts import BCE, LN2, fresh, linear, mean_pixel, near, numbers, redraw, staged
from torch import nn
from torch.nn import functional as F

from fashiongan.errors import StudioError
from fashiongan.gans import losses, stylegan
from fashiongan.gans.base import Batch


@pytest.mark.parametrize("gan", BCE)
def test_binary_cross_entropy_on_logits(gan):
    """D(x) = 0.9 and 0.5, D(G(z)) = 0.2 and 0.75: -ln 0.9 - ln 0.5, -ln 0.8 - ln 0.25, -ln 0.2 - ln 0.75, halved."""
    real, fake = [math.log(9), 0.0], [-math.log(4), math.log(3)]
    model, b = staged(gan, mean_pixel, real, fake)
    d, g = model.d_loss(b), model.g_loss(b)
    assert numbers(d.terms) == near(
        {"real": -(math.log(0.9) + math.log(0.5)) / 2, "fake": -(math.log(0.8) + math.log(0.25)) / 2}
    )
    assert numbers(g.terms) == near({"adv": -(math.log(0.2) + math.log(0.75)) / 2})
    assert numbers(d.notes) == near({"d_accuracy_real": 0.5, "d_accuracy_fake": 0.5})


@pytest.mark.parametrize("gan", ["cdcgan", "cgan"])
def test_both_networks_receive_the_class(gan):
    model, b = staged(gan, mean_pixel, [0.1, 0.2], [0.3, 0.4])
    model.d_loss(b)
    model.g_loss(b)
    assert [y.argmax(1).tolist() for y in model.D.classes] == [[3, 4], [7, 8], [7, 8]]
    assert [y.argmax(1).tolist() for y in model.G.classes] == [[7, 8], [7, 8]]
    assert all(torch.equal(y.sum(1), torch.ones(2)) and y.shape == (2, 10) for y in model.D.classes)


def test_lsgan_has_its_halves_and_no_sigmoid():
    """D(x) = 3 and 1, D(G(z)) = 0.5 and -2: 1/2 mean(4, 0) = 1; 1/2 mean(.25, 4) = 1.0625; 1/2 mean(.25, 9)."""
    model, b = staged("lsgan", mean_pixel, [3.0, 1.0], [0.5, -2.0])
    assert numbers(model.d_loss(b).terms) == near({"real": 1.0, "fake": 1.0625})
    assert numbers(model.g_loss(b).terms) == near({"adv": 2.3125})


def test_ragan_compares_with_the_mean_of_the_others():
    """C(x) = 3 and 1 (mean 2), C(G(z)) = 0.5 and -1.5 (mean -0.5): x stands 3.5 and 1.5 above the mean fake, G(z)
    1.5 and 3.5 below the mean real one; the generator minimises the same with the roles exchanged."""
    model, b = staged("ragan", mean_pixel, [3.0, 1.0], [0.5, -1.5])
    below = (math.log(1 + math.exp(-3.5)) + math.log(1 + math.exp(-1.5))) / 2
    above = (math.log(1 + math.exp(3.5)) + math.log(1 + math.exp(1.5))) / 2
    d = model.d_loss(b)
    assert numbers(d.terms) == near({"real": below, "fake": below})
    assert numbers(d.notes) == near({"d_accuracy_real": 1.0, "d_accuracy_fake": 1.0})  # the border is 0.75
    assert numbers(model.g_loss(b).terms) == near({"fake": above, "real": above})


def test_ragan_bounds_its_discriminators_slope_by_spectral_norm():
    """Every layer of the discriminator has its largest singular value at 1, whatever its weights."""
    model = fresh("ragan", width=8)
    with torch.no_grad():
        for m in model.D.modules():
            if isinstance(m, nn.Conv2d):
                m.parametrizations.weight.original.mul_(30)
                for _ in range(200):  # in training, each pass takes one step of the power iteration
                    weight = m.weight
                assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


def test_wgan_is_the_difference_of_mean_scores():
    """f(x) = 3 and 7, f(G(z)) = -1 and 2: the critic minimises -(5 - 0.5), the generator -0.5."""
    model, b = staged("wgan", lambda x: 2 * mean_pixel(x) + 1, [1.0, 3.0], [-1.0, 0.5])
    d, g = model.d_loss(b), model.g_loss(b)
    assert numbers(d.terms) == near({"critic": -4.5})
    assert d.notes["d_distance"].item() == near(4.5)
    assert numbers(g.terms) == near({"adv": -0.5})


@pytest.mark.parametrize(
    ("weights", "penalty"),
    [((1.0, 2.0, 2.0, 4.0), 10 * 4.0**2), ((0.25, 0.25, 0.25, 0.25), 10 * 0.5**2), ((0.5, 0.5, 0.5, 0.5), 0.0)],
)
def test_wgan_gp_adds_ten_times_the_squared_distance_of_the_slope_from_one(weights, penalty):
    model, b = staged("wgan-gp", linear(*weights), [1.0, 3.0], [-1.0, 0.5])
    d, g = model.d_loss(b), model.g_loss(b)
    total = sum(weights)
    assert numbers(d.terms) == near({"critic": -total * (2.0 + 0.25), "penalty": penalty})
    assert d.notes["d_slope"].item() == near(math.hypot(*weights))
    assert numbers(g.terms) == near({"adv": total * 0.25})


def test_wgan_gp_penalises_between_each_real_and_its_fake():
    model, b = staged("wgan-gp", linear(1.0, 1.0, 1.0, 1.0), [1.0] * 400, [-1.0] * 400)
    model.d_loss(b)
    t = (1 - model.D.seen[2]) / 2  # x = 1 + t (-1 - 1)
    assert t.min() >= 0
    assert t.max() <= 1
    assert t.mean().item() == pytest.approx(0.5, abs=0.05)
    assert t.std().item() == pytest.approx(1 / math.sqrt(12), abs=0.03)


@pytest.mark.parametrize(("weights", "penalty"), [((1.0, 2.0, 2.0, 4.0), 160.0), ((0.5, 0.5, 0.5, 0.5), 0.0)])
def test_dragan_is_cross_entropy_and_a_penalty_on_the_logits_slope(weights, penalty):
    model, b = staged("dragan", linear(*weights), [0.1, 0.3], [-0.1, 0.5])
    total = sum(weights)
    d, g = model.d_loss(b), model.g_loss(b)

    def cost(*logits):
        return sum(math.log1p(math.exp(a)) for a in logits) / len(logits)

    expected = {"real": cost(-0.1 * total, -0.3 * total), "fake": cost(-0.1 * total, 0.5 * total), "penalty": penalty}
    assert numbers(d.terms) == near(expected)
    assert numbers(g.terms) == near({"adv": cost(0.1 * total, -0.5 * total)})


def test_dragan_penalises_near_the_real_pictures_only():
    """Points x + a 0.5 std(x) u, u ~ U(0, 1) for every pixel and a ~ U(0, 1) for every picture."""
    model, b = staged("dragan", linear(1.0, 1.0, 1.0, 1.0), [-1.0, 1.0] * 500, [9.0] * 1000)
    model.d_loss(b)
    off = (model.D.seen[2] - b.x) / (0.5 * b.x.std())
    assert off.min() >= 0
    assert 0.9 < off.max() <= 1
    assert off.mean().item() == pytest.approx(0.25, abs=0.02)
    assert off.std().item() == pytest.approx(math.sqrt(1 / 9 - 1 / 16), abs=0.01)
    assert (off.flatten(1).std(1) > 0).all(), "every pixel has a perturbation of its own"
    # One a for each picture makes the pixels of a picture agree more than those of different pictures.
    assert torch.corrcoef(off.flatten(1).T)[0, 1] > 0.2


def test_ebgan_is_energies_with_a_hinge_for_every_fake():
    """With half redrawn, the energy of a 2x2 picture all of v is |v|: 3 and 5; 4 and 30 under a margin of 10."""
    model, b = staged("ebgan", redraw(0.5), [3.0, 5.0], [4.0, -30.0])
    d, g = model.d_loss(b), model.g_loss(b)
    assert numbers(d.terms) == near({"energy_real": 4.0, "hinge": (6.0 + 0.0) / 2})
    assert d.notes["d_energy_fake"].item() == near(17.0)
    # The codes point in opposite directions: squared cosine 1, weight 0.1.
    assert numbers(g.terms) == near({"energy": 17.0, "repulsion": 0.1})
    assert g.notes["pull_away"].item() == near(1.0)


def test_began_weighs_the_discriminators_effort_by_k():
    """With half redrawn L(v) = |v| / 2: L(x) = mean(.5, .1) = .3 and L(G(z)) = mean(.2, .05) = .125."""
    model, b = staged("began", lambda x: 0.5 * x, [1.0, -0.2], [-0.4, 0.1])
    assert model.k.item() == 0
    assert numbers(model.d_loss(b).terms) == near({"real": 0.3, "fake": 0.0})
    model.k.fill_(0.4)
    assert numbers(model.d_loss(b).terms) == near({"real": 0.3, "fake": -0.4 * 0.125})
    g = model.g_loss(b)
    assert numbers(g.terms) == near({"adv": 0.125})
    assert g.notes["m"].item() == near(0.3 + abs(0.5 * 0.3 - 0.125))
    assert g.notes["k"].item() == near(0.4)
    assert model.k.item() == near(0.4 + 0.001 * (0.5 * 0.3 - 0.125))


@pytest.mark.parametrize(
    ("real", "fake", "k", "then"), [(1.0, 0.1, 0.9, 1.0), (0.1, 1.0, 0.1, 0.0), (1.0, 0.1, 0.1, 0.3)]
)
def test_began_keeps_k_between_0_and_1(real, fake, k, then):
    model, b = staged("began", lambda x: 0.5 * x, [real], [fake], lambda_k=1.0)
    model.k.fill_(k)
    model.d_loss(b)
    model.g_loss(b._replace(z=b.z.expand(2, -1)))
    assert model.k.item() == near(then)


def test_began_has_no_gradient_through_k():
    model, b = staged("began", lambda x: 0.5 * x, [1.0], [0.1, 0.2])
    model.d_loss(b)
    model.g_loss(b)
    assert not model.k.requires_grad
    assert not model.real.requires_grad


def namer(x):
    """Source logit ln 3 for bright pictures and -ln 4 for dark ones; class 3 with odds 9 : 1 : 1 : ..."""
    classes = torch.zeros(len(x), 10)
    classes[:, 3] = math.log(9)
    return torch.where(mean_pixel(x) > 0, math.log(3), -math.log(4)), classes + 0 * mean_pixel(x)[:, None]


def test_acgan_names_classes_on_real_and_on_fake_pictures():
    """Real classes 3 and 4, of probability 1/2 and 1/18; the fakes were to be 7 and 8, of 1/18 both."""
    model, b = staged("acgan", namer, [1.0, 1.0], [-1.0, -1.0])
    d, g = model.d_loss(b), model.g_loss(b)
    half, low = math.log(2), math.log(18)
    expected = {"real": -math.log(0.75), "fake": -math.log(0.8), "class_real": (half + low) / 2, "class_fake": low}
    assert numbers(d.terms) == near(expected)
    assert numbers(g.terms) == near({"adv": -math.log(0.2), "class": low})
    assert model.D.classes == [None] * 3, "the discriminator never sees the label"
    assert [y.argmax(1).tolist() for y in model.G.classes] == [[7, 8], [7, 8]]


def reader(x):
    """Source logit the mean pixel; category 4 with odds 9 : 1 : 1 ...; codes 0.5 and -0.5."""
    category = torch.zeros(len(x), 10)
    category[:, 4] = math.log(9)
    return mean_pixel(x), category, torch.tensor([[0.5, -0.5]]).expand(len(x), 2)


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_infogan_adds_the_information_term_to_both_losses(weight):
    """The codes were (1, -1), read as (0.5, -0.5): 0.5 (0.25 + 0.25). The category was 4, read with probability 1/2."""
    model, b = staged("infogan", reader, [0.0, 0.0], [0.0, 0.0], information=weight)
    b.z[:, 62 + 4] = 1.0
    b.z[:, 72:] = torch.tensor([1.0, -1.0])
    information = {"category": weight * LN2, "codes": weight * 0.25}
    assert numbers(model.d_loss(b).terms) == near({"real": LN2, "fake": LN2, **information})
    assert numbers(model.g_loss(b).terms) == near({"adv": LN2, **information})
    b.z[:, 62:72] = F.one_hot(torch.tensor([0, 9]), 10).float()
    assert model.g_loss(b).terms["category"].item() == near(weight * math.log(18))


def test_studio_scores_pairs_of_one_class_and_penalizes_every_fourth_gradient():
    """D(x) = 3 and 1, D(G(z)) = 0.5 and -1.5, a discriminator of slope 1/2: pairs stand 2.5 apart; 4 * gamma / 2 *
    1/4 each."""
    model, b = staged("studio", linear(0.25, 0.25, 0.25, 0.25), [3.0, 1.0], [0.5, -1.5])
    apart, penalty = math.log1p(math.exp(-2.5)), 4 * 0.5 / 2 * 0.25
    d = model.d_loss(b)
    assert numbers(d.terms) == near({"pair": apart, "r1": penalty, "r2": penalty})
    assert numbers(d.notes) == near({"d_accuracy_real": 1.0, "d_accuracy_fake": 1.0})  # the border is 0.75
    assert numbers(model.d_loss(b._replace(step=1)).terms) == near({"pair": apart})
    assert model.d_loss(b._replace(step=8)).terms.keys() == {"pair", "r1", "r2"}
    assert numbers(model.g_loss(b).terms) == near({"pair": 2.5 + apart})
    classes = [[3, 4]] * 8
    assert [y.argmax(1).tolist() for y in model.D.classes] == classes, "the classes of the real ones, for the fakes too"


def test_studios_generator_learns_from_its_own_scores_alone():
    """Its gradient is -sigmoid(D(x) - D(G(z))) times the discriminator's slope, which is 1."""
    model, b = staged("studio", mean_pixel, [3.0, 3.0], [0.5, 0.5])
    model.g_loss(b).terms["pair"].backward()
    assert model.G.shift.grad.item() == near(-1 / (1 + math.exp(-2.5)))


def styled(answer, real, fake, **changes):
    """staged("stylegan"), with its fakes as they are drawn: two styles in one picture make no sense of a stub."""
    model, b = staged("stylegan", answer, real, fake, **changes)
    model.draw = lambda b: model.G(b.z)
    return model, b


def test_stylegan_is_cross_entropy_and_the_slope_at_real_garments_every_16th_step():
    """gamma / 2 E |grad D|^2, 16 times as heavy: 16 * 0.01 / 2 * (1 + 4 + 4 + 16)."""
    model, b = styled(linear(1.0, 2.0, 2.0, 4.0), [0.1, 0.3], [-0.1, 0.5])

    def cost(*logits):
        return sum(math.log1p(math.exp(9 * a)) for a in logits) / len(logits)

    plain = {"real": cost(-0.1, -0.3), "fake": cost(-0.1, 0.5)}
    assert numbers(model.d_loss(b).terms) == near({**plain, "slope": 2.0})
    assert numbers(model.d_loss(b._replace(step=8)).terms) == near(plain)
    assert model.d_loss(b._replace(step=32)).terms.keys() == {"real", "fake", "slope"}
    assert numbers(model.g_loss(b).terms) == near({"adv": cost(0.1, -0.5)})


def test_modulation_is_that_of_the_weights_picture_by_picture():
    """Karras et al. 2020, eqs. 1 and 3: w'_ijk = s_i w_ijk, w'' = w' / sqrt(sum over i and k of w'^2)."""
    torch.manual_seed(0)
    layer = stylegan.Modulated(8, 5, 6)
    x, w = torch.randn(3, 5, 7, 7), torch.randn(3, 8)
    for i, out in enumerate(layer(x, w)):
        s = layer.style(w[i : i + 1])[0]
        weight = layer.conv.weight * layer.conv.scale * s[:, None, None]
        weight = weight / weight.square().sum((1, 2, 3), keepdim=True).sqrt()
        assert torch.allclose(out, F.conv2d(x[i : i + 1], weight, padding=1)[0], atol=1e-5)
    plain = stylegan.Modulated(8, 5, 6, 1, demodulate=False)
    expected = F.conv2d(x[:1], plain.conv.weight * plain.conv.scale * plain.style(w[:1])[0][:, None, None])
    assert torch.allclose(plain(x, w)[:1], expected, atol=1e-5)


def test_demodulation_undoes_the_size_of_the_style():
    """Unit inputs give unit outputs, however large the style."""
    torch.manual_seed(0)
    layer = stylegan.Modulated(8, 32, 64)
    x = torch.randn(64, 32, 9, 9)
    for size in (0.1, 1.0, 50.0):
        h = layer(x, size * torch.randn(64, 8))[:, :, 1:-1, 1:-1]
        assert h.square().mean().item() == pytest.approx(1, rel=0.05)


def test_a_stylegans_latent_is_style_truncation_and_noise():
    model = fresh("stylegan", width=8, z_dim=16).eval()
    with torch.no_grad():
        for layer in model.G.convs:
            layer.strength.fill_(1.0)
        model.G.mean.normal_(generator=torch.Generator().manual_seed(1))
        z = model.latents(2, torch.Generator().manual_seed(0))
        w = model.G.mapping(z[:, :16])
        assert torch.allclose(model.G.styles(z), w)
        half, none = (model.G.styles(model.truncate(z, psi)) for psi in (0.5, 0.0))
        assert torch.allclose(half, (w + model.G.mean) / 2, atol=1e-6)
        assert torch.allclose(none, model.G.mean.expand(2, -1))
        assert torch.allclose(model.truncate(model.truncate(z, 0.5), 0.5), model.truncate(z, 0.25))
        assert not torch.equal(model.G(z)[0], model.G(torch.cat([z[:, :17], z.flip(0)[:, 17:]], 1))[0]), "noise shows"
        other = model.G(torch.cat([z.flip(0)[:, :16], z[:, 16:]], 1))
        assert not torch.allclose(model.G(z), other), "and so does the style"


def test_stylegan_mixes_styles_from_a_layer_on():
    model = fresh("stylegan", width=8, z_dim=16).eval()
    z = model.latents(4, torch.Generator().manual_seed(0))
    other = torch.cat([z.flip(0)[:, :16], z[:, 16:]], 1)
    assert model.G.layers == 5  # one of 7 x 7, two each of 14 x 14 and 28 x 28
    seen = []
    for layer in model.G.convs:
        layer.register_forward_pre_hook(lambda m, args: seen.append(args[1]))
    with torch.no_grad():
        model.G(z, other, torch.tensor([0, 1, 3, 5]))
        one, two = model.G.styles(z), model.G.styles(other)
    for i, style in enumerate(seen):
        for picture, cut in enumerate((0, 1, 3, 5)):
            assert torch.equal(style[picture], (two if cut <= i else one)[picture])


@pytest.mark.parametrize("share", [0.0, 0.9, 1.0])
def test_stylegan_mixes_a_share_of_the_pictures_while_training(share):
    model = fresh("stylegan", width=8, z_dim=16, mixing=share)
    cuts = []
    model.G.register_forward_pre_hook(lambda m, args: cuts.append(args[2] if share else torch.full((20,), 5)))
    rng = torch.Generator().manual_seed(0)
    for _ in range(10):
        z = model.latents(20, rng)
        model.g_loss(Batch(z, z, z, z, rng, 0))
    cut = torch.cat(cuts)
    assert (cut < 5).float().mean().item() == pytest.approx(share, abs=0.06)
    assert set(cut.tolist()) == {0.0: {5}, 1.0: {1, 2, 3, 4}}.get(share, {1, 2, 3, 4, 5})


def test_stylegans_mean_style_follows_slowly_and_only_in_training():
    model = fresh("stylegan", width=8, z_dim=16)
    z = model.latents(8, torch.Generator().manual_seed(0))
    w = model.G.mapping(z[:, :16]).mean(0)
    model.G.styles(z)
    assert torch.allclose(model.G.mean, 0.002 * w, atol=1e-7)
    model.eval().G.styles(z)
    assert torch.allclose(model.G.mean, 0.002 * w, atol=1e-7)


def test_progan_holds_each_size_for_a_phase_and_fades_for_another():
    model = fresh("progan", width=8, z_dim=16, phase=1000, batch=100)
    ages = []
    for step in range(60):
        model.grow(step, 60)
        ages.append(model.G.age)
        assert model.D.age == model.G.age
    assert ages[:10] == [0.0] * 10  # 7 x 7
    assert ages[10:20] == pytest.approx([i / 10 for i in range(10)])
    assert ages[20:30] == [1.0] * 10  # 14 x 14
    assert ages[30:40] == pytest.approx([1 + i / 10 for i in range(10)])
    assert ages[40:] == [2.0] * 20  # 28 x 28, to the end
    assert fresh("progan", width=8, phase=0).G.age == 2.0


@pytest.mark.parametrize("steps", [8, 80, 1234])
def test_progan_at_its_defaults_grows_in_the_first_half_of_any_run(steps):
    model = fresh("progan", width=8, z_dim=16)
    model.fit(steps)
    ages = []
    for step in range(steps):
        model.grow(step, steps)
        ages.append(model.G.age)
    assert ages[0] == 0
    assert ages[steps // 8] < 1e-3
    assert ages[steps // 4 + 1] == pytest.approx(1, abs=9 / steps)
    assert min(ages[steps // 2 :]) == 2
    assert sorted(ages) == ages
    for step in range(0, 10 * steps, steps):  # made ten times as long
        model.grow(step, 10 * steps)
        assert model.G.age == 2


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"phase": 600_000, "steps": None, "epochs": 20},
            "4 phases of 600,000 pictures are 2,400,000, and it sees 12,",
        ),
        ({"phase": None, "steps": 7}, "cannot grow to 28 pixels in 7 updates: give it at least 8"),
    ],
)
def test_a_progan_that_cannot_grow_up_in_its_run_is_refused(changes, match, trainer_of):
    with pytest.raises(StudioError, match=match):
        trainer_of("progan", **changes)


@pytest.mark.slow
def test_progan_begins_adam_anew_with_every_phase(trainer_of):
    trainer = trainer_of("progan", phase=None, steps=32)
    ages = []
    for _ in range(20):
        trainer.update()
        oldest = [max(s["step"].item() for s in o.state.values()) for o in (trainer.opt_d, trainer.opt_g)]
        assert oldest[0] == oldest[1]
        ages.append(oldest[0])
    assert ages == [1, 2, 3, 4] * 4 + [1, 2, 3, 4]
    trainer.update()
    assert max(s["step"].item() for s in trainer.opt_g.state.values()) == 5, "and goes on when it is grown"


@pytest.mark.slow
@pytest.mark.parametrize("stop", [5, 8, 13, 20])
def test_a_growing_progan_resumes_bit_for_bit(stop, trainer_of, same):
    whole, cut = (trainer_of("progan", phase=None, steps=32) for _ in range(2))
    for _ in range(stop):
        cut.update()
    again = trainer_of("progan", phase=None, steps=32)
    again.load_state_dict(*cut.state_dict())
    for _ in range(24):
        whole.update()
    for _ in range(24 - stop):
        again.update()
    assert same(whole.state_dict()[0], again.state_dict()[0])


def test_progan_fades_real_pictures_as_its_own():
    model = fresh("progan", width=8, z_dim=16, phase=1000)
    x = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))

    def shrunk(side):
        return F.interpolate(F.avg_pool2d(x, side), scale_factor=float(side))

    seen = []
    model.D.register_forward_pre_hook(lambda m, args: seen.append(args[0]))
    b = Batch(x, torch.arange(4), torch.randn(4, 16), torch.arange(4), torch.Generator().manual_seed(0), 0)
    for age, expected in ((0.0, shrunk(4)), (0.25, torch.lerp(shrunk(4), shrunk(2), 0.25)), (1.0, shrunk(2)), (2.0, x)):
        aged(model, age)
        seen.clear()
        model.d_loss(b)
        assert torch.allclose(seen[0], expected, atol=1e-6)
        between, fake = seen[2], seen[1]
        t = ((between - seen[0]) / (fake - seen[0])).flatten(1)
        assert (t.median(1).values - t[:, 0]).abs().max() < 0.05, "penalised between what the discriminator was shown"


def test_progans_latents_lie_on_the_sphere_and_truncation_draws_them_inwards():
    model = fresh("progan", width=8, phase=0).eval()
    z = model.latents(64, torch.Generator().manual_seed(0))
    assert torch.allclose(z.square().mean(1), torch.ones(64), atol=1e-4)
    with torch.no_grad():
        model.G.start.bias.normal_(generator=torch.Generator().manual_seed(1))
        apart = [losses.diversity(model.G(model.truncate(z, psi))).item() for psi in (1.0, 0.5, 0.2, 0.0)]
    assert apart[0] > 1.2 * apart[1] > 1.2**2 * apart[2] > apart[3]


def aged(model, age):
    """A ProGAN of that age."""
    whole = math.floor(age)
    for net in (model.G, model.D):
        net.seen.fill_(round(model.recipe.phase * (2 * whole + (1 + age - whole if age > whole else 0))))
        assert net.age == pytest.approx(age)


def test_a_young_progan_draws_large_pixels_and_fades_from_one_size_to_the_next():
    model = fresh("progan", width=8, z_dim=16, phase=1000, output="sigmoid")
    z = model.latents(3, torch.Generator().manual_seed(0))
    drawn = {}
    for age in (0.0, 0.25, 1.0, 2.0):
        aged(model, age)
        with torch.no_grad():
            drawn[age] = model.G(z)
        assert drawn[age].shape == (3, 1, 28, 28)
    for age, side in ((0.0, 4), (1.0, 2)):
        small = F.avg_pool2d(drawn[age], side)
        assert torch.allclose(drawn[age], F.interpolate(small, scale_factor=float(side)), atol=1e-6)
    assert drawn[2.0].diff(dim=3).abs().min() < drawn[2.0].diff(dim=3).abs().max()
    mixed = torch.lerp(torch.logit(drawn[0.0]), torch.logit(drawn[1.0]), 0.25)
    assert torch.allclose(torch.logit(drawn[0.25]), mixed, atol=1e-4)


def test_a_young_progans_discriminator_sees_large_pixels_only():
    model = fresh("progan", width=8, phase=1000)
    rng = torch.Generator().manual_seed(0)
    x = torch.rand(4, 1, 28, 28, generator=rng)
    fine = torch.tensor([[0.2, -0.2], [-0.2, 0.2]]).repeat(14, 14)  # nothing of it is left in 14 x 14
    with torch.no_grad():
        for age, blind in ((0.0, True), (0.5, True), (1.0, True), (1.5, False), (2.0, False)):
            aged(model, age)
            assert torch.allclose(model.D(x), model.D(x + fine), atol=1e-5) == blind
        aged(model, 0.0)
        young = model.D(x)
        aged(model, 1e-3)
        assert torch.allclose(model.D(x), young, atol=1e-2), "a layer comes in without a jolt"
        assert not torch.equal(model.D(x), young)


def test_progan_is_wgan_gp_with_a_drift_term():
    """f(x) = 4 and 12, f(G(z)) = -4 and 2: -(8 + 1), a slope of 2, and 0.001 (16 + 144) / 2."""
    model, b = staged("progan", linear(1.0, 1.0, 1.0, 1.0), [1.0, 3.0], [-1.0, 0.5])
    assert numbers(model.d_loss(b).terms) == near({"critic": -9.0, "penalty": 10.0, "drift": 0.08})
    assert numbers(model.g_loss(b).terms) == near({"adv": 1.0})
