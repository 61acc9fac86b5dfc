"""Is this implementation right? Every GAN held against its paper, and every known fault of popular collections.

The constants, and the numbered faults (znx: znxlwm/pytorch-generative-model-collections; hwa: hwalsuklee's in
TensorFlow; PyG: eriklindernoren/PyTorch-GAN), are those of the project's notes on recipes. Players are replaced by
stubs with known answers where a loss is to be worked out by hand.
"""

import gzip
import io
import itertools
import json
import math

import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from fashiongan import data, gans, latent, losses, nets, pictures, runs
from fashiongan import trainer as loop
from fashiongan.errors import StudioError
from fashiongan.gan import Batch
from fashiongan.gans import stylegan
from fashiongan.recipe import Recipe, knobs
from fashiongan.trainer import Trainer

every_gan = pytest.mark.parametrize("gan", gans.GANS)
LN2 = math.log(2)
NAMES = tuple("abcdefghij")
PENALISED = [name for name, cls in gans.GANS.items() if "penalty" in knobs(cls.recipe_type)]
SLOPES = {"stylegan": 2, "studio": 4}  # pictures at which two turns ask for the slope, besides
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)

# ---------------------------------------------------------------- (a) constants and priors

ADAM = {"optimizer": "adam", "beta1": 0.5, "beta2": 0.999, "d_steps": 1}
DCGAN = {**ADAM, "z_dim": 100, "batch": 128, "lr_g": 2e-4, "lr_d": 2e-4, "output": "tanh", "schedule": "constant"}
CONSTANTS = {
    "dcgan": {**DCGAN, "epochs": 20, "width": 64},  # report 000, after the paper
    "cdcgan": DCGAN,
    "gan": {**DCGAN, "batch": 100, "width": 1200},  # goodfeli/adversarial; Adam is ours, and said to be
    "mlpgan": {**DCGAN, "lr_g": 2e-3, "lr_d": 2e-3},  # report 004
    "cgan": {**DCGAN, "batch": 100, "width": 1200},
    "acgan": {**DCGAN, "batch": 100},
    "infogan": {**DCGAN, "z_dim": 62, "lr_g": 1e-3, "categories": 10, "codes": 2, "information": 1.0},
    "lsgan": {**DCGAN, "batch": 64},
    "wgan": {**DCGAN, "batch": 64, "optimizer": "rmsprop", "lr_g": 5e-5, "lr_d": 5e-5, "d_steps": 5, "clip": 0.01},
    "wgan-gp": {**DCGAN, "batch": 64, "lr_g": 1e-4, "lr_d": 1e-4, "beta1": 0.0, "beta2": 0.9, "d_steps": 5}
    | {"penalty": 10.0},
    "dragan": {**DCGAN, "lr_g": 1e-4, "lr_d": 1e-4, "beta2": 0.9, "penalty": 10.0},
    "ebgan": {**DCGAN, "batch": 64, "lr_g": 1e-3, "lr_d": 1e-3, "margin": 10.0, "pull_away": 0.1},
    "began": {**DCGAN, "batch": 16, "z_dim": 64, "lr_g": 1e-4, "lr_d": 1e-4, "gamma": 0.5, "lambda_k": 1e-3}
    | {"schedule": "linear"},
    "ragan": {**DCGAN, "batch": 32},
    # NVlabs/stylegan2-ada, --cfg=cifar: small pictures
    "stylegan": {**DCGAN, "batch": 64, "z_dim": 512, "lr_g": 2.5e-3, "lr_d": 2.5e-3, "beta1": 0.0, "beta2": 0.99}
    | {"mapping": 2, "mixing": 0.0, "gamma": 0.01},
    "progan": {**DCGAN, "batch": 16, "z_dim": 512, "lr_g": 1e-3, "lr_d": 1e-3, "beta1": 0.0, "beta2": 0.99}
    | {"penalty": 10.0, "phase": None},
    "studio": {**DCGAN, "batch": 64, "z_dim": 64, "lr_g": 1e-3, "lr_d": 5e-4, "beta2": 0.99, "schedule": "linear"}
    | {"gamma": 0.5},  # ours, by measurement
    # BicycleGAN (Zhu et al. 2017), section 4 and appendix A
    "colorizer": {**DCGAN, "batch": 64, "z_dim": 8, "schedule": "linear", "redraw": 10.0, "code": 0.5}
    | {"divergence": 0.01, "reach": 1.0},
    "compact": {**DCGAN, "batch": 32, "width": 32},  # report 003
    "large": {**DCGAN, "batch": 32, "width": 64},
}
YEARS = {"dcgan": 2015, "acgan": 2016, "infogan": 2016, "lsgan": 2016, "ebgan": 2016}
YEARS |= {"wgan": 2017, "wgan-gp": 2017, "dragan": 2017, "began": 2017, "ragan": 2018, "colorizer": 2017}
YEARS |= {"progan": 2018, "stylegan": 2019, "studio": 2024}
UNIFORM = {"gan", "mlpgan", "cgan", "dragan", "began"}  # U(-1, 1); infogan has parts; the rest N(0, 1)
G_FIRST = {"mlpgan"}


def fresh(gan, labels=NAMES, **changes):
    """A GAN built from its own recipe on ten classes; `changes` make it small where its size does not matter."""
    return gans.build(gans.recipe(gan, **changes).replace(labels=labels))


def narrow(gan):
    """The smallest width this GAN allows, from 8 on."""
    return max(8, int(knobs(gans.find(gan).recipe_type)["width"].lo))


def test_the_tables_here_name_every_gan():
    assert CONSTANTS.keys() == gans.GANS.keys()


@every_gan
def test_constants_are_the_papers(gan):
    recipe = gans.recipe(gan)
    assert {k: getattr(recipe, k) for k in CONSTANTS[gan]} == CONSTANTS[gan]


@every_gan
def test_constants_reach_the_optimisers(gan, garments):
    changes = {"width": narrow(gan), "steps": 1} | ({"phase": 0} if gan == "progan" else {})
    trainer = Trainer(*data.prepare(gans.recipe(gan, **changes), loaded=garments))
    want = CONSTANTS[gan]
    for opt, rate in ((trainer.opt_d, want["lr_d"]), (trainer.opt_g, want["lr_g"])):
        (group,) = opt.param_groups
        assert group["lr"] == rate
        assert group["weight_decay"] == 0
        if want["optimizer"] == "adam":
            assert isinstance(opt, torch.optim.Adam)
            assert group["betas"] == (want["beta1"], want["beta2"])
        else:
            assert isinstance(opt, torch.optim.RMSprop)
            assert (group["momentum"], group["alpha"], group["eps"]) == (0, 0.99, 1e-8)
    assert {id(p) for p in trainer.gan.D.parameters()} == {id(p) for p in trainer.opt_d.param_groups[0]["params"]}
    assert {id(p) for p in trainer.gan.G.parameters()} == {id(p) for p in trainer.opt_g.param_groups[0]["params"]}


@every_gan
def test_the_year_is_the_papers(gan):
    assert gans.GANS[gan].year == YEARS.get(gan, 2014)


@every_gan
def test_the_prior_is_the_papers(gan):
    model = fresh(gan, width=narrow(gan))
    z = model.latents(4000, torch.Generator().manual_seed(0))
    assert z.dtype == torch.float32
    if gan == "infogan":
        assert z.shape == (4000, 62 + 10 + 2)
        category = z[:, 62:72]
        assert category.unique().tolist() == [0, 1]
        assert category.sum(1).unique().tolist() == [1]
        assert category.mean(0).tolist() == pytest.approx([0.1] * 10, abs=0.02)
        z = torch.cat([z[:, :62], z[:, 72:]], 1)
    elif gan == "stylegan":
        assert z.shape == (4000, 512 + 1 + 7**2 + 2 * 14**2 + 2 * 28**2)
        assert z[:, 512].unique().tolist() == [1], "untruncated"
        z = torch.cat([z[:, :512], z[:, 513:]], 1)
    else:
        assert z.shape == (4000, CONSTANTS[gan]["z_dim"])
    assert z.mean(0).abs().max() < 0.1, "every number is centred"
    if gan in UNIFORM | {"infogan"}:
        assert -1 <= z.min() < -0.999
        assert 0.999 < z.max() <= 1
        assert z.std().item() == pytest.approx(1 / math.sqrt(3), rel=0.01)
    else:
        assert z.std().item() == pytest.approx(1, rel=0.01)
        assert (z.abs() > 2).float().mean().item() == pytest.approx(0.0455, abs=0.002)


def test_gans_noise_can_be_that_of_its_source():
    z = fresh("gan", width=8, noise="normal").latents(4000, torch.Generator().manual_seed(0))
    assert z.std().item() == pytest.approx(1, rel=0.01)
    assert z.abs().max() > 3


@every_gan
def test_latents_of_rows_and_columns_are_all_different(gan):
    z = fresh(gan, width=narrow(gan)).latents(50, torch.Generator().manual_seed(0))
    assert len(z.unique(dim=0)) == 50
    noise = z[:, : CONSTANTS[gan]["z_dim"]]
    assert len(noise.T.unique(dim=0)) == noise.shape[1]


@pytest.mark.parametrize(("gan", "least"), [("began", 1e-3), ("compact", 0.05), ("large", 0.05), ("wgan-gp", 0.1)])
def test_a_judge_without_batch_norm_sees_from_the_start(gan, least):
    """How far its answer to a picture moves with the picture: by N(0, 0.02), or PyTorch's own start, hardly."""
    model = fresh(gan, width=32).eval()
    x = torch.rand(16, 1, 28, 28, generator=torch.Generator().manual_seed(0)).requires_grad_()
    (slope,) = torch.autograd.grad(model.D(x).reshape(16, -1)[:, :1].sum(), x)
    assert slope.flatten(1).norm(dim=1).mean() > least
    assert all(not p.any() for name, p in model.named_parameters() if name.endswith("bias") and "norm" not in name)


# ---------------------------------------------------------------- (b) losses worked out by hand


class Paint(nn.Module):
    """A generator that paints picture i all over with the first number of latent i, and can be trained to shift."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))
        self.told = []

    def forward(self, z, y=None):
        self.told.append(y)
        return z[:, :1, None, None].expand(-1, 1, 2, 2) + self.shift


class Judge(nn.Module):
    """A judge with a known answer that remembers what it was shown."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.seen, self.told = answer, [], []
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x, y=None):
        self.seen.append(x)
        self.told.append(y)
        return self.answer(x)

    def faded(self, x):
        """ProGAN's judge would have it so; this one is grown up."""
        return x


def staged(gan, answer, real, fake, **changes):
    """A GAN whose players are stubs, and a batch of 2x2 pictures: one for each value of `real` and of `fake`."""
    model = fresh(gan, **changes)
    z = torch.zeros(len(fake), model.latents(1, torch.Generator()).shape[1])
    model.G, model.D = Paint(), Judge(answer)
    z[:, 0] = torch.tensor(fake)
    x = torch.tensor(real)[:, None, None, None].expand(-1, 1, 2, 2).clone()
    y, c = torch.arange(len(real)) + 3, torch.arange(len(fake)) + 7
    return model, Batch(x, y, z, c, torch.Generator().manual_seed(0), 0)


def numbers(values):
    return {k: v.item() for k, v in values.items()}


def near(want):
    return pytest.approx(want, rel=1e-5, abs=1e-6)


def mean_pixel(x):
    return x.flatten(1).mean(1)


BCE = ["dcgan", "cdcgan", "gan", "mlpgan", "cgan", "compact", "large"]


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
def test_both_players_are_told_the_class(gan):
    model, b = staged(gan, mean_pixel, [0.1, 0.2], [0.3, 0.4])
    model.d_loss(b)
    model.g_loss(b)
    assert [y.argmax(1).tolist() for y in model.D.told] == [[3, 4], [7, 8], [7, 8]]
    assert [y.argmax(1).tolist() for y in model.G.told] == [[7, 8], [7, 8]]
    assert all(torch.equal(y.sum(1), torch.ones(2)) and y.shape == (2, 10) for y in model.D.told)


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


def test_ragan_bounds_its_judges_slope_by_spectral_norm():
    """Every layer of the judge has its largest singular value at 1, whatever its weights."""
    model = fresh("ragan", width=8)
    with torch.no_grad():
        for m in model.D.modules():
            if isinstance(m, nn.Conv2d):
                m.parametrizations.weight.original.mul_(30)
                for _ in range(200):  # in training, each look takes one step of the power iteration
                    weight = m.weight
                assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


def test_wgan_is_the_difference_of_mean_scores():
    """f(x) = 3 and 7, f(G(z)) = -1 and 2: the critic minimises -(5 - 0.5), the generator -0.5."""
    model, b = staged("wgan", lambda x: 2 * mean_pixel(x) + 1, [1.0, 3.0], [-1.0, 0.5])
    d, g = model.d_loss(b), model.g_loss(b)
    assert numbers(d.terms) == near({"critic": -4.5})
    assert d.notes["d_distance"].item() == near(4.5)
    assert numbers(g.terms) == near({"adv": -0.5})


def linear(*weights):
    """A judge of 2x2 pictures with these weights: its slope is their Euclidean norm, wherever one looks."""
    w = torch.tensor(weights)
    return lambda x: x.flatten(1) @ w


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

    want = {"real": cost(-0.1 * total, -0.3 * total), "fake": cost(-0.1 * total, 0.5 * total), "penalty": penalty}
    assert numbers(d.terms) == near(want)
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


def redraw(share):
    """An autoencoder that gives back `share` of a picture, and its first two pixels as the code."""
    return lambda x: (share * x, x.flatten(1)[:, :2])


def test_ebgan_is_energies_with_a_hinge_for_every_fake():
    """With half redrawn, the energy of a 2x2 picture all of v is |v|: 3 and 5; 4 and 30 under a margin of 10."""
    model, b = staged("ebgan", redraw(0.5), [3.0, 5.0], [4.0, -30.0])
    d, g = model.d_loss(b), model.g_loss(b)
    assert numbers(d.terms) == near({"energy_real": 4.0, "hinge": (6.0 + 0.0) / 2})
    assert d.notes["d_energy_fake"].item() == near(17.0)
    # The codes point in opposite directions: squared cosine 1, weight 0.1.
    assert numbers(g.terms) == near({"energy": 17.0, "repulsion": 0.1})
    assert g.notes["pull_away"].item() == near(1.0)


def test_began_weighs_the_judges_effort_by_k():
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
    want = {"real": -math.log(0.75), "fake": -math.log(0.8), "class_real": (half + low) / 2, "class_fake": low}
    assert numbers(d.terms) == near(want)
    assert numbers(g.terms) == near({"adv": -math.log(0.2), "class": low})
    assert model.D.told == [None] * 3, "the judge never sees the label"
    assert [y.argmax(1).tolist() for y in model.G.told] == [[7, 8], [7, 8]]


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
    told = {"category": weight * LN2, "codes": weight * 0.25}
    assert numbers(model.d_loss(b).terms) == near({"real": LN2, "fake": LN2, **told})
    assert numbers(model.g_loss(b).terms) == near({"adv": LN2, **told})
    b.z[:, 62:72] = F.one_hot(torch.tensor([0, 9]), 10).float()
    assert model.g_loss(b).terms["category"].item() == near(weight * math.log(18))


def test_studio_judges_pairs_of_one_class_and_penalises_every_fourth_slope():
    """D(x) = 3 and 1, D(G(z)) = 0.5 and -1.5, a judge of slope 1/2: pairs stand 2.5 apart; 4 * gamma / 2 * 1/4 each."""
    model, b = staged("studio", linear(0.25, 0.25, 0.25, 0.25), [3.0, 1.0], [0.5, -1.5])
    apart, penalty = math.log1p(math.exp(-2.5)), 4 * 0.5 / 2 * 0.25
    d = model.d_loss(b)
    assert numbers(d.terms) == near({"pair": apart, "r1": penalty, "r2": penalty})
    assert numbers(d.notes) == near({"d_accuracy_real": 1.0, "d_accuracy_fake": 1.0})  # the border is 0.75
    assert numbers(model.d_loss(b._replace(step=1)).terms) == near({"pair": apart})
    assert model.d_loss(b._replace(step=8)).terms.keys() == {"pair", "r1", "r2"}
    assert numbers(model.g_loss(b).terms) == near({"pair": 2.5 + apart})
    told = [[3, 4]] * 8
    assert [y.argmax(1).tolist() for y in model.D.told] == told, "the classes of the real ones, for the fakes too"


def test_studios_generator_is_moved_by_its_own_scores_alone():
    """Its gradient is -sigmoid(D(x) - D(G(z))) times the judge's slope, which is 1."""
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
    want = F.conv2d(x[:1], plain.conv.weight * plain.conv.scale * plain.style(w[:1])[0][:, None, None])
    assert torch.allclose(plain(x, w)[:1], want, atol=1e-5)


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
    for age, want in ((0.0, shrunk(4)), (0.25, torch.lerp(shrunk(4), shrunk(2), 0.25)), (1.0, shrunk(2)), (2.0, x)):
        aged(model, age)
        seen.clear()
        model.d_loss(b)
        assert torch.allclose(seen[0], want, atol=1e-6)
        between, fake = seen[2], seen[1]
        t = ((between - seen[0]) / (fake - seen[0])).flatten(1)
        assert (t.median(1).values - t[:, 0]).abs().max() < 0.05, "penalised between what the judge was shown"


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


def test_a_young_progans_judge_sees_large_pixels_only():
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


# ---------------------------------------------------------------- (c) the faults of section 2.1


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
    asked = torch.autograd.grad(score.sum(), [model.D.judge.weight, *heads], allow_unused=True, retain_graph=True)
    assert asked[0].any()
    assert all(g is None for g in asked[1:]), "the score must not come from Q's head"
    asked = torch.autograd.grad(codes.sum() + category.sum(), [model.D.judge.weight], allow_unused=True)
    assert asked == (None,), "the codes must not come from D's head"
    last = model.D.read[-1]
    d = model.d_loss(b)
    with torch.no_grad():
        last.bias[10] += 5.0  # of continuous code 0
    again = model.d_loss(b)
    assert torch.equal(again.terms["real"], d.terms["real"])
    assert torch.equal(again.terms["fake"], d.terms["fake"])
    assert again.terms["codes"] > d.terms["codes"] + 1


@every_gan
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
        want = torch.autograd.grad(total, parameters, retain_graph=True)
        move(player, opt, loss)
        seen.append(player)
        assert all(torch.allclose(p.grad, g, rtol=1e-4, atol=1e-8) for p, g in zip(parameters, want, strict=True))

    trainer.move = watched
    trainer.update()
    trainer.update()
    assert sorted(set(seen)) == ["d", "g"]


def test_fault_02_infogan_has_two_optimisers_and_gives_q_to_the_judges(trainer_of):
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
    recipe = gans.recipe("began")
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
    # The rate is the schedule's, whatever M says.
    rates = []
    for worse in (1.0, 100.0):
        trainer = trainer_of("began", steps=8)
        rates.append([])
        for _ in range(8):
            trainer.update()
            trainer.gan.real.mul_(worse)
            rates[-1].append(trainer.opt_g.param_groups[0]["lr"])
    assert rates[0] == rates[1]
    assert rates[0] == pytest.approx([1e-4 * min(1, 2 * (1 - i / 8)) for i in range(8)])


def test_fault_06_ms_curve_is_a_mean_not_the_last(trainer_of):
    """znx BEGAN.py: only the last iteration's M is looked at."""
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
    trainer = Trainer(*data.prepare(gans.recipe("wgan", width=8, batch=16, steps=2), loaded=garments))
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
def test_fault_08_a_penalised_judge_looks_at_one_picture_at_a_time(gan):
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
    """znx DRAGAN.py:62,162 and PyG dragan.py: on the sigmoid's output the slope dies where the judge is sure."""
    sure = linear(0.5, 0.5, 0.5, 0.5)
    model, b = staged("dragan", lambda x: sure(x) + 40, [0.1, 0.2], [0.3, 0.4])
    d = model.d_loss(b)
    assert d.notes["d_slope"].item() == near(1.0)  # of the sigmoid it would be e^-40
    assert d.terms["penalty"].item() == near(0.0)  # and the penalty 10


@every_gan
def test_fault_10_training_asks_for_no_gpu(gan, trainer_of, monkeypatch):
    """znx DRAGAN.py:153: an unconditional .cuda() crashes where there is no GPU."""

    def refuse(*args, **kwargs):
        raise AssertionError("asked for a GPU")

    monkeypatch.setattr(torch.Tensor, "cuda", refuse)
    monkeypatch.setattr(nn.Module, "cuda", refuse)
    trainer = trainer_of(gan)
    trainer.update()
    assert {p.device.type for p in (*trainer.gan.parameters(), *trainer.gan.buffers())} == {"cpu"}


@pytest.mark.parametrize("gan", [name for name, cls in gans.GANS.items() if cls.conditional])
def test_fault_11_class_9_is_drawn_while_training_and_sampling(gan, trainer_of):
    """znx CGAN.py:218, ACGAN.py:231: randint(0, class_num - 1) never draws the ankle boot."""
    trainer = trainer_of(gan, batch=50)
    told = []
    for player in ("d_loss", "g_loss"):
        original = getattr(trainer.gan, player)
        setattr(trainer.gan, player, lambda b, original=original: told.append(b.c) or original(b))
    for _ in range(4):
        trainer.update()
    for drawn in (torch.cat(told[::2]), torch.cat(told[1::2])):
        assert set(drawn.tolist()) == set(range(10))
    _, c = latent.draw(trainer.gan, 80, 0)
    assert torch.bincount(c).tolist() == [8] * 10


def test_fault_11_infogan_draws_every_category():
    """znx infoGAN.py has the same randint: category 9 would never come."""
    z = fresh("infogan", width=8).latents(400, torch.Generator().manual_seed(0))
    assert z[:, 62:72].sum(0).min() > 15


def test_fault_12_pictures_of_one_and_of_three_channels_are_scaled_alike(trainer_of, coloured):
    """znx dataloader.py:5: a 3-channel Normalize on 1-channel data raises, so nothing trains."""
    gray = trainer_of("dcgan")
    colour = Trainer(*data.prepare(gans.recipe("dcgan", data=str(coloured), width=8, batch=16, steps=1)))
    for trainer, channels in ((gray, 1), (colour, 3)):
        b = trainer.batch(0)
        assert b.x.shape == (16, channels, 28, 28)
        raw = trainer.data.images[trainer.shuffle[0]].double()
        assert (b.x.double() - (raw / 127.5 - 1)).abs().max() < 1e-6
        trainer.update()


def saved_tones(images, columns):
    """The sheet of these pictures, written as PNG and read again."""
    png = pictures.png(pictures.sheet(images, columns), "")
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
        assert set(latent.render(model, torch.zeros(3, 100), torch.zeros(3)).unique().tolist()) == {byte}


def test_fault_13_frames_of_the_gif_are_comparable(tmp_path):
    """The same stretch in a film: a run's dim first sheet would look as bright as its last."""
    frames = []
    for i, tone in enumerate((40, 128, 250)):
        frames.append(tmp_path / f"epoch_{i:03d}.png")
        pictures.sheet(torch.full((4, 1, 28, 28), tone, dtype=torch.uint8), 2).save(frames[-1])
    pictures.gif(frames, tmp_path / "film.gif")
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
        data.prepare(gans.recipe("dcgan", data="cifar100"))


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


@every_gan
def test_fault_15_each_turn_has_its_own_noise_and_d_gets_plain_fakes(gan, trainer_of):
    """znx, all: one z serves both players, and D's step does not detach the fakes, a wasted backward through G."""
    trainer = trainer_of(gan, d_steps=2)
    drawn, wanted, noise = [], [], 2 if gan == "colorizer" else 0
    trainer.gan.G.register_forward_pre_hook(lambda m, args: drawn.append(args[noise].clone()))
    trainer.gan.D.register_forward_pre_hook(lambda m, args: wanted.append(args[0].requires_grad))
    trainer.update()
    assert len(drawn) == 3
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(drawn, 2))
    # The judge's pictures carry a gradient where a penalty asks for the slope there, and in G's own turn.
    g_turn = 2 if gan in ("ragan", "studio") else 1  # looks of the judge: theirs need the real garments too
    assert len(wanted) == (3 if gan in PENALISED else 2) * 2 + g_turn
    assert wanted[0 if gan in G_FIRST else -g_turn]
    assert sum(wanted) == 1 + SLOPES.get(gan, 2 if gan in PENALISED else 0)


@every_gan
@pytest.mark.parametrize("labels", [("a", "b", "c"), tuple(map(str, range(12)))])
def test_fault_15_classes_and_latents_may_be_of_any_number(gan, labels):
    """znx, all: class_num = 10 and z_dim fixed in the source."""
    model = fresh(gan, labels=labels, width=narrow(gan), z_dim=7)
    rng = torch.Generator().manual_seed(0)
    c = torch.arange(12) % len(labels)
    b = Batch(torch.rand(12, 1, 28, 28), c, model.latents(12, rng), c, rng, 0)
    for m in model.modules():
        if isinstance(m, nets.Dropout):
            m.rng = rng
    for loss in (model.d_loss(b), model.g_loss(b)):
        assert all(math.isfinite(v) for v in numbers(loss.terms).values())
    assert model.sample_images(len(labels), 0).shape == (len(labels), model.channels, 28, 28)


@every_gan
def test_fault_15_the_smallest_batch_trains(gan, trainer_of):
    """znx, all: batch norm on vectors fails at a last batch of one picture. Ours are never short, and at least two."""
    with pytest.raises(StudioError, match="batch"):
        gans.recipe(gan, batch=1)
    trainer = trainer_of(gan, batch=2, limit=11, classes="0")
    sizes = [len(trainer.batch(i).x) for i in range(14)]
    assert sizes == [2] * 14
    for _ in range(3):
        trainer.update()
    assert all(math.isfinite(v) for v in trainer.means().values())


def test_fault_15_a_resumed_run_keeps_its_optimisers_state(tiny, garments, tmp_path):
    """znx, all: load() is never called and saves no optimiser, so every start is from cold moments."""
    out = tmp_path / "run"
    before = runs.start(tiny("dcgan", steps=4), out, loaded=garments)
    for _ in runs.train(before, out, every=1):
        pass
    after = runs.resume(out, loaded=garments, steps=9)
    for a, b in ((before.opt_d, after.opt_d), (before.opt_g, after.opt_g)):
        for p, q in zip(a.param_groups[0]["params"], b.param_groups[0]["params"], strict=True):
            assert {"step", "exp_avg", "exp_avg_sq"} <= b.state[q].keys()
            assert all(torch.equal(a.state[p][k], b.state[q][k]) for k in ("step", "exp_avg", "exp_avg_sq"))


def test_fault_15_wgans_curves_are_of_every_step(trainer_of):
    """znx WGAN.py: the history holds every fifth step, while the axis says iterations."""
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


# ---------------------------------------------------------------- hwa's and PyG's own


@pytest.mark.parametrize("gan", PENALISED)
def test_hwa_slope_is_the_norm_over_all_pixels_and_channels(gan):
    """hwa WGAN-GP, DRAGAN, and PyG dragan.py: a norm over axis 1 of (N, C, H, W) is one of each pixel, not a slope."""
    w = torch.tensor([1.0, 2.0, 2.0, 4.0, 0.0, 0.0, 6.0, 0.0, 0.0, 8.0, 0.0, 0.0])  # norm sqrt(25 + 100)
    model = fresh(gan, width=8)
    model.G, model.D = Judge(lambda z: z[:, :12].unflatten(1, (3, 2, 2))), Judge(lambda x: x.flatten(1) @ w)
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
def test_the_penalty_reaches_the_judges_weights(gan, trainer_of):
    """Without create_graph the penalty is a number that pushes nobody."""
    trainer = trainer_of(gan)
    penalty = trainer.gan.d_loss(trainer.batch(0)).terms["penalty"]
    weights = [p for p in trainer.gan.D.parameters() if p.dim() > 1]  # a bias does not change the slope
    moved = torch.autograd.grad(penalty, weights, allow_unused=True)
    assert all(g is not None and g.any() for g in moved)


@every_gan
def test_hwa_only_wgan_clips(gan, trainer_of):
    """hwa LSGAN.py:178 clips the least-squares judge's weights to 0.01 as well."""
    trainer = trainer_of(gan, d_steps=1)
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


def test_hwa_energy_is_each_pictures_own():
    """hwa EBGAN: the norm of the whole batch, divided by its size: for 3 and 4 it gives 5 / 2 in place of 3.5."""
    model, b = staged("ebgan", redraw(0.5), [3.0, 4.0], [1.0, 1.0])
    assert model.d_loss(b).terms["energy_real"].item() == near(3.5)


@pytest.mark.parametrize("gan", [name for name, cls in gans.GANS.items() if not cls.conditional])
def test_hwa_what_is_said_to_be_unsupervised_looks_at_no_label(gan, trainer_of):
    """hwa infoGAN: SUPERVISED=True by default hands it the labels it is to discover."""
    one, other = trainer_of(gan), trainer_of(gan)
    b = one.batch(0)
    other.batch(0)  # keeps both at the same chance
    for player in ("d_loss", "g_loss"):
        want = getattr(one.gan, player)(b)
        got = getattr(other.gan, player)(b._replace(y=9 - b.y, c=9 - b.c, rng=other.rng))
        assert numbers(got.terms) == numbers(want.terms)


def test_hwa_training_never_sees_the_test_pictures(idx_root):
    """hwa utils.py:43 joins train and test and shuffles, so it trains on both."""
    raw = gzip.decompress((idx_root / "t10k-images-idx3-ubyte.gz").read_bytes())[16:]  # past the header
    test = {raw[i : i + 784] for i in range(0, len(raw), 784)}
    assert len(test) == 200
    trainer = Trainer(*data.prepare(gans.recipe("dcgan", width=8, batch=16)))
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
    """PyG normalises the code, which pull-away is to compare; and fakes of one batch would not be judged alone."""
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


@pytest.mark.parametrize("gan", [g for g in gans.GANS if g not in ("began", "colorizer")])
def test_real_and_fake_go_through_the_judge_as_batches_of_their_own(gan, trainer_of):
    """A mixed batch tells batch norm which pictures are which (Soumith Chintala's ganhacks, no. 4)."""
    trainer = trainer_of(gan)
    seen = []
    trainer.gan.D.register_forward_pre_hook(lambda m, args: seen.append(args[0]))
    b = trainer.batch(0)
    trainer.gan.d_loss(b)
    assert {len(x) for x in seen} == {16}
    assert sum(torch.equal(x, b.x) for x in seen) == 1


# ---------------------------------------------------------------- (d) the reports' own nets


def trainable(net):
    return sum(p.numel() for p in net.parameters())


def with_statistics(net):
    """As Keras counts: running means and variances too, but no counter of batches."""
    return trainable(net) + sum(b.numel() for b in net.buffers() if b.is_floating_point())


def test_report_003s_counts():
    compact, large = fresh("compact"), fresh("large")
    assert trainable(compact.D) == with_statistics(compact.D) == 29_089
    assert trainable(large.D) == 113_473
    assert trainable(compact.G) == 104_881
    assert with_statistics(compact.G) == 106_641
    assert with_statistics(compact.G) + trainable(compact.D) == 135_730
    assert 135_730 - 104_881 == 30_849, "the report's non-trainable, D being frozen in its combined model"
    assert round(100 * 29_089 / 113_473, 1) == 25.6


def test_mlpgan_has_three_hidden_layers_a_side():
    model = fresh("mlpgan")
    g = [(m.in_features, m.out_features) for m in model.G.modules() if isinstance(m, nn.Linear)]
    d = [(m.in_features, m.out_features) for m in model.D.modules() if isinstance(m, nn.Linear)]
    assert g == [(100, 256), (256, 512), (512, 1024), (1024, 784)], "rising"
    assert d == [(784, 1024), (1024, 512), (512, 256), (256, 1)], "falling"


@every_gan
def test_order_of_turns(gan, trainer_of):
    """Report 004's first model trains the generator before the discriminator; everyone else's D moves first."""
    trainer = trainer_of(gan, d_steps=2)
    calls = []
    for name in ("opt_d", "opt_g"):
        step = getattr(trainer, name).step
        getattr(trainer, name).step = lambda step=step, name=name: calls.append(name) or step()
    trainer.update()
    trainer.update()
    assert calls == (["opt_g", "opt_d", "opt_d"] if gan in G_FIRST else ["opt_d", "opt_d", "opt_g"]) * 2


def test_cgan_and_gan_have_their_papers_layers():
    """Goodfellow: 1200-1200 ReLU against maxout 240x5, 240x5; Mirza: 200 + 1000 -> 1200 against 240x5, 50x5, 240x4."""
    first, told = fresh("gan"), fresh("cgan")

    def shapes(net):
        return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]

    assert shapes(first.G) == [(100, 1200), (1200, 1200), (1200, 784)]
    assert shapes(first.D) == [(784, 1200), (240, 1200), (240, 1)]
    assert shapes(told.G) == [(100, 200), (10, 1000), (1200, 1200), (1200, 784)]
    assert shapes(told.D) == [(784, 1200), (10, 250), (290, 960), (240, 1)]
    assert [m.p for m in first.D.modules() if isinstance(m, nets.Dropout)] == [0.2, 0.5, 0.5]
    assert [m.p for m in told.D.modules() if isinstance(m, nets.Dropout)] == [0.5]
    acgan = fresh("acgan", width=8)
    assert [m.p for m in acgan.D.modules() if isinstance(m, nets.Dropout)] == [0.5]


def test_maxout_is_the_largest_of_its_pieces():
    m = nets.Maxout(1, 2, 3)
    with torch.no_grad():
        m.affine.weight.copy_(torch.tensor([[1.0], [-1.0], [0.0], [2.0], [0.0], [0.0]]))
        m.affine.bias.copy_(torch.tensor([0.0, 0.0, 0.5, 0.0, -1.0, -9.0]))
    assert m(torch.tensor([[3.0], [-3.0], [0.1]])).tolist() == [[3.0, 6.0], [3.0, -1.0], [0.5, pytest.approx(0.2)]]


def test_dropout_keeps_the_mean_and_is_off_when_sampling():
    drop = nets.Dropout(0.2)
    drop.rng = torch.Generator().manual_seed(0)
    out = drop(torch.ones(100_000))
    assert out.unique().tolist() == [0, 1.25]
    assert out.mean().item() == pytest.approx(1, abs=0.01)
    assert torch.equal(drop.eval()(torch.ones(5)), torch.ones(5))
    # The slope is the same mask, and pictures keep their order in memory.
    x = torch.ones(2, 3, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    out = drop.train()(x)
    assert out.is_contiguous(memory_format=torch.channels_last)
    out.sum().backward()
    assert torch.equal(x.grad, out)


def test_the_first_perceptrons_start_as_the_authors_did():
    for gan in ("gan", "cgan"):
        model = fresh(gan)
        for net, bound in ((model.G, 0.05), (model.D, 0.005)):
            for m in net.modules():
                if isinstance(m, nn.Linear):
                    assert 0.9 * bound < m.weight.abs().max() <= bound
                    assert not m.bias.any()
