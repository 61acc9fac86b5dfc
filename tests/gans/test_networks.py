"""Nets: the report's exact sizes, every picture size, and how weights start."""

import math

import pytest
import torch
from few import few
from torch.nn import functional as F

from fashiongan import gans
from fashiongan.data import datasets
from fashiongan.data.datasets import Dataset
from fashiongan.gans import networks
from fashiongan.training.trainer import Trainer


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def on_meta(make, *args):
    with torch.device("meta"):
        return make(*args)


def test_report_000s_nets():
    """4x4 kernels: 100-512-256-128-64-1 and back; batch norm has a scale and a shift for each filter."""
    assert parameters(on_meta(networks.ConvG, 100, 64, 64, 1)) == 3_574_656
    assert parameters(on_meta(networks.ConvD, 64, 64, 1)) == 2_763_520


def test_nets_of_28_pixels():
    g = 100 * 128 * 49 + 128 * 64 * 16 + 64 * 1 * 16 + 2 * (128 + 64)
    d = 1 * 64 * 16 + 64 * 128 * 16 + 128 * 49 + 2 * 128
    assert (g, d) == (759_680, 138_624)
    assert parameters(on_meta(networks.ConvG, 100, 64, 28, 1)) == g
    assert parameters(on_meta(networks.ConvD, 64, 28, 1)) == d


def test_classes_join_the_input_of_every_layer():
    plain, conditional = on_meta(networks.ConvG, 100, 64, 28, 1), on_meta(networks.ConvG, 100, 64, 28, 1, "tanh", 10)
    assert parameters(conditional) - parameters(plain) == 10 * (128 * 49 + 64 * 16 + 1 * 16)
    plain, conditional = on_meta(networks.ConvD, 64, 28, 1), on_meta(networks.ConvD, 64, 28, 1, 10)
    assert parameters(conditional) - parameters(plain) == 10 * (64 * 16 + 128 * 16 + 1 * 49)


@pytest.mark.parametrize(("size", "result"), [(28, (7, 2)), (32, (4, 3)), (64, (4, 4)), (96, (6, 4)), (128, (4, 5))])
def test_stages(size, result):
    assert networks.stages(size) == result


def test_sizes_reach_from_16_to_128():
    assert {16, 28, 32, 48, 56, 64, 80, 96, 112, 128} <= set(networks.SIZES)
    assert not {17, 30, 100} & set(networks.SIZES)
    assert all(s == networks.stages(s)[0] * 2 ** networks.stages(s)[1] for s in networks.SIZES)


@pytest.mark.parametrize("size", networks.SIZES)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("classes", [0, 10])
def test_shapes(size, channels, classes):
    g = on_meta(networks.ConvG, 16, 8, size, channels, "tanh", classes)
    d = on_meta(networks.ConvD, 8, size, channels, classes)
    y = torch.zeros(5, classes, device="meta") if classes else None
    x = g(torch.zeros(5, 16, device="meta"), y)
    assert x.shape == (5, channels, size, size)
    assert d(x, y).shape == (5,)


def test_widths_double_up_to_eight_times():
    assert networks.widths(128, 10) == [10, 20, 40, 80, 80]


@pytest.mark.parametrize(("output", "low"), [("tanh", -1), ("sigmoid", 0)])
def test_outputs_stay_in_their_range_and_reach_both_ends(output, low):
    g = networks.ConvG(8, 8, 16, 1, output)
    with torch.no_grad():
        g.ups[-1].weight.mul_(1000)
        x = g(torch.randn(64, 8))
    assert x.min() == pytest.approx(low, abs=1e-4)
    assert x.max() == pytest.approx(1, abs=1e-4)


def test_weights_start_from_n_0_002():
    g, d = networks.ConvG(100, 64, 64, 1), networks.ConvD(64, 64, 1)
    torch.manual_seed(0)
    for net in (g, d):
        for p in net.parameters():
            torch.nn.init.constant_(p, 7.0)
        networks.dcgan_init(net)
    for weight in (g.project.weight, g.ups[0].weight, d.downs[-1].weight, d.judge.weight):
        assert abs(weight.mean().item()) < 0.001
        assert weight.std().item() == pytest.approx(0.02, rel=0.03)
    norms = [m for m in (*g.norms, *d.norms) if isinstance(m, torch.nn.BatchNorm2d)]
    scales = torch.cat([m.weight for m in norms])
    assert scales.mean().item() == pytest.approx(1.0, abs=0.005)
    assert scales.std().item() == pytest.approx(0.02, rel=0.1)
    assert all(not m.bias.any() for m in norms)
    linear = torch.nn.Linear(300, 300)
    networks.dcgan_init(linear)
    assert linear.weight.std().item() == pytest.approx(0.02, rel=0.03)
    assert not linear.bias.any()


def test_the_first_and_last_layer_of_d_have_no_batch_norm():
    d = networks.ConvD(8, 64, 1)
    assert [type(m).__name__ for m in d.norms] == ["Identity", "BatchNorm2d", "BatchNorm2d", "BatchNorm2d"]


def test_with_classes_appends_constant_planes():
    h = torch.arange(8.0).reshape(2, 1, 2, 2)
    joined = networks.with_classes(h, torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    assert joined.shape == (2, 4, 2, 2)
    assert torch.equal(joined[:, :1], h)
    assert joined[0, 1:].mean((1, 2)).tolist() == [1, 0, 0]
    assert joined[1, 1:].mean((1, 2)).tolist() == [0, 0, 1]
    assert networks.with_classes(h, None) is h


# ---------------------------------------------------------------- Karras et al. 2018 to 2020


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_an_equalised_layer_keeps_unit_size_and_moves_at_its_rate(rate):
    torch.manual_seed(0)
    layer = networks.EqualLinear(400, 300, rate=rate, start=1.0)
    assert layer.weight.std().item() == pytest.approx(1 / rate, rel=0.02)
    h = layer(torch.randn(500, 400))
    assert h.mean().item() == pytest.approx(1, abs=0.02), "the bias starts at 1"
    assert h.std().item() == pytest.approx(1, rel=0.03)
    before = h.detach()
    with torch.no_grad():
        layer.bias += 1.0
    assert torch.allclose(layer(torch.zeros(1, 400)), torch.full((1, 300), 1 + rate), atol=1e-5)
    assert before.shape == (500, 300)


def test_an_equalised_convolution_keeps_unit_size():
    torch.manual_seed(0)
    h = networks.EqualConv(64, 200)(torch.randn(8, 64, 9, 9))
    assert h.shape == (8, 200, 9, 9)
    assert h[:, :, 1:-1, 1:-1].std().item() == pytest.approx(1, rel=0.05)
    assert networks.EqualConv(3, 5, 1).weight.shape == (5, 3, 1, 1)


def test_leaky_keeps_the_mean_square():
    """Of N(0, 1): 2 (1 + 0.2^2) / 2."""
    h = networks.leaky(torch.randn(200_000, generator=torch.Generator().manual_seed(0)))
    assert h.square().mean().item() == pytest.approx(1.04, rel=0.01)
    assert networks.leaky(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([2**0.5, -0.2 * 2**0.5])


def test_pixel_norm_is_each_pixels_own():
    h = torch.tensor([3.0, 4.0])[None, :, None, None] * torch.tensor([1.0, 10.0])  # (1, 2, 1, 2)
    expected = torch.tensor([3.0, 4.0]) / 12.5**0.5  # the root of the mean of 9 and 16
    for column in (0, 1):
        assert torch.allclose(networks.pixel_norm(h)[0, :, 0, column], expected)
    assert networks.pixel_norm(torch.zeros(1, 2, 1, 1)).tolist() == torch.zeros(1, 2, 1, 1).tolist()


def test_minibatch_std_is_one_number_the_mean_of_the_deviations():
    """Pixels of two pictures: 0 and 2 (deviation 1), 5 and 5 (0), -3 and 3 (3), 1 and 1 (0): 1 on average."""
    h = torch.tensor([[0.0, 5.0, -3.0, 1.0], [2.0, 5.0, 3.0, 1.0]]).view(2, 1, 2, 2)
    out = networks.minibatch_std(h)
    assert torch.equal(out[:, :1], h)
    assert torch.allclose(out[:, 1], torch.ones(2, 2, 2), atol=1e-3)
    assert networks.minibatch_std(h[:1].expand(4, -1, -1, -1))[:, 1].max() < 1e-3, "all alike"


def test_class_std_is_the_deviation_within_a_class():
    h = torch.tensor([1.0, 3.0, 10.0, 16.0, 7.0]).view(5, 1, 1, 1).expand(-1, 2, 3, 3)
    y = F.one_hot(torch.tensor([0, 0, 2, 2, 1]), 3).float()
    out = networks.class_std(h, y)
    assert out.shape == (5, 3, 3, 3)
    assert torch.equal(out[:, :2], h)
    expected = torch.tensor([1.0, 1.0, 3.0, 3.0, 0.0]).view(5, 1, 1).expand(-1, 3, 3)  # alone in its class: 0
    assert torch.allclose(out[:, 2], expected, atol=2e-4)
    for one in (torch.ones(5, 1), torch.zeros(5, 0), torch.zeros(5, 2)):
        out = networks.class_std(h, one)
        assert torch.allclose(out, networks.minibatch_std(h), atol=1e-4), "one class, or none, is the whole batch"


def test_twice_is_bilinear():
    out = networks.twice(torch.tensor([[[[0.0, 4.0]]]]))
    assert out.tolist() == [[[[0.0, 1.0, 3.0, 4.0]] * 2]]


def convolutional():
    dense = ("gan", "mlpgan", "cgan")  # perceptrons, as their papers have them
    return [name for name in gans.GANS if name not in dense]


def largest_dense(gan, size):
    with torch.device("meta"):  # sizes alone: nothing is drawn
        net = gans.build(gans.new_recipe(gan, size=size).replace(channels=3, labels=tuple("abcdefghij")))
    return max([m.weight.numel() for m in net.modules() if isinstance(m, torch.nn.Linear)], default=0)


@pytest.mark.parametrize("gan", few(convolutional()))
def test_128_pixels_cost_no_larger_dense_layer_than_64(gan):
    """Nets grow by stages; a dense layer sees 4 to 7 pixels a side whatever the size, of as many filters, or in
    began a fifth more. Stylegan's is its paper's."""
    assert largest_dense(gan, 128) <= 1.21 * max(largest_dense(gan, 64), 2e4)
    assert largest_dense(gan, 128) < (4.3e6 if gan == "stylegan" else 1.1e6)


@pytest.mark.parametrize("size", [64, 128])
@pytest.mark.parametrize("gan", few(convolutional()))
def test_every_convolutional_gan_trains_in_color_to_128(gan, size, tiny):
    pictures = torch.randint(0, 256, (4, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    mine = Dataset(pictures, torch.tensor([0, 1, 0, 1]), ("a", "b"), "here")
    trainer = Trainer(*datasets.prepare(tiny(gan, size=size, batch=4, steps=1), loaded=mine))
    trainer.update()
    assert all(math.isfinite(v) for v in trainer.means().values())
    assert trainer.samples()[0].shape[1:] == (3, size, size)


def test_elu_and_its_slope_by_hand():
    h = torch.tensor([2.0, 0.0, -1.0, -30.0], requires_grad=True)
    out = networks.elu(h)
    assert out.tolist() == pytest.approx([2, 0, math.exp(-1) - 1, -1])
    out.sum().backward()
    assert h.grad.tolist() == pytest.approx([1, 1, math.exp(-1), 0], abs=1e-6)


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_elu_is_pytorchs_to_the_last_digit_of_one(kind):
    h = torch.linspace(-8, 8, 20_001).to(kind).requires_grad_()
    theirs = h.detach().clone().requires_grad_()
    ours, expected = networks.elu(h), torch.nn.functional.elu(theirs)
    assert (ours - expected).abs().max() < 1.2e-7
    ours.square().sum().backward()
    expected.square().sum().backward()
    assert (h.grad - theirs.grad).abs().max() < 1e-6
