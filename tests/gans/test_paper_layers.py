"""Every GAN against its paper, and against every documented fault of popular collections.

The constants, and the numbered faults (znx: znxlwm/pytorch-generative-model-collections; hwa: hwalsuklee's in
TensorFlow; PyG: eriklindernoren/PyTorch-GAN), are those of the project's notes on recipes. Players are replaced by
stubs with known answers where a loss is to be worked out by hand.

This file: the papers' and the reports' own layers.
"""

import pytest
import torch
from few import trained_gans
from paper_parts import G_FIRST, fresh
from torch import nn

from fashiongan.gans import networks


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


@trained_gans
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
    first, conditional = fresh("gan"), fresh("cgan")

    def shapes(net):
        return [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]

    assert shapes(first.G) == [(100, 1200), (1200, 1200), (1200, 784)]
    assert shapes(first.D) == [(784, 1200), (240, 1200), (240, 1)]
    assert shapes(conditional.G) == [(100, 200), (10, 1000), (1200, 1200), (1200, 784)]
    assert shapes(conditional.D) == [(784, 1200), (10, 250), (290, 960), (240, 1)]
    assert [m.p for m in first.D.modules() if isinstance(m, networks.Dropout)] == [0.2, 0.5, 0.5]
    assert [m.p for m in conditional.D.modules() if isinstance(m, networks.Dropout)] == [0.5]
    acgan = fresh("acgan", width=8)
    assert [m.p for m in acgan.D.modules() if isinstance(m, networks.Dropout)] == [0.5]


def test_maxout_is_the_largest_of_its_pieces():
    m = networks.Maxout(1, 2, 3)
    with torch.no_grad():
        m.affine.weight.copy_(torch.tensor([[1.0], [-1.0], [0.0], [2.0], [0.0], [0.0]]))
        m.affine.bias.copy_(torch.tensor([0.0, 0.0, 0.5, 0.0, -1.0, -9.0]))
    assert m(torch.tensor([[3.0], [-3.0], [0.1]])).tolist() == [[3.0, 6.0], [3.0, -1.0], [0.5, pytest.approx(0.2)]]


def test_dropout_keeps_the_mean_and_is_off_when_sampling():
    drop = networks.Dropout(0.2)
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
