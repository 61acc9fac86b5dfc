"""The net that cuts out garments: its parts against closed forms, its training data against what they must be."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from torch import nn

from fashiongan.data import cutout_net, guided_filter
from fashiongan.errors import StudioError
from fashiongan.gans import efficientnet
from fashiongan.segmentation import composites, fit, pretrained, scenes


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def drawing(size=(64, 48), box=(16, 12, 48, 36), ground="#204060", garment="#d0a020"):
    im = Image.new("RGB", size, ground)
    ImageDraw.Draw(im).rectangle((box[0], box[1], box[2] - 1, box[3] - 1), garment)
    return im


def mask(size=(64, 48), box=(16, 12, 48, 36)):
    return drawing(size, box, "black", "white").convert("L")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Eight photographs of four senders, as garments-256 has them."""
    root = tmp_path_factory.mktemp("garments")
    rows = []
    for i in range(8):
        name = f"train/shirt/{i:08x}.jpg"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "masks").mkdir(exist_ok=True)
        drawing(ground=(20 + 10 * i, 60, 90), garment=(200, 160, 20 + 10 * i)).save(root / name, quality=95)
        mask().save(root / "masks" / f"{i:08x}.png")
        rows.append({"file": name, "class": "shirt", "kids": "False", "sender": str(i // 2)})
    with (root / "pictures.csv").open("w", newline="", encoding="utf-8") as f:
        out = csv.DictWriter(f, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return root


@pytest.fixture(scope="module")
def bank(folder):
    return scenes.load([r[:2] for r in scenes.listed(folder, "train")], 64)


class Finds(nn.Module):
    """Stands for a trained net: sure that what is bright is the garment."""

    def __init__(self, sure=20.0):
        super().__init__()
        self.sure = sure

    def forward(self, x):
        return (x.mean(1, keepdim=True) - 0.5) * self.sure * 2


def test_the_net_has_at_most_700_000_weights_and_gives_a_logit_a_pixel():
    net = cutout_net.CutoutNet().eval()
    assert sum(p.numel() for p in net.parameters()) <= 700_000
    assert net(torch.rand(2, 3, 64, 96)).shape == (2, 1, 64, 96)


def test_norms_taken_into_the_convolutions_change_nothing():
    torch.manual_seed(0)
    net = cutout_net.CutoutNet()
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 2)
    x = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = net.eval()(x)
        after = cutout_net.fused(net)(x)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in net.modules())
    torch.testing.assert_close(before, after, rtol=1e-4, atol=1e-4)


def test_the_guided_filter_equals_least_squares_in_every_window():
    rng = np.random.default_rng(0)
    guide, p, r, eps = rng.random((9, 8, 3)), rng.random((9, 8)), 2, 1e-3
    fits = np.zeros((9, 8, 4))
    around = lambda y, x: (slice(max(0, y - r), y + r + 1), slice(max(0, x - r), x + r + 1))  # noqa: E731
    for y in range(9):
        for x in range(8):
            i, t = guide[around(y, x)].reshape(-1, 3), p[around(y, x)].ravel()
            a = np.linalg.solve(np.cov(i.T, bias=True) + eps * np.eye(3), ((i - i.mean(0)) * t[:, None]).mean(0))
            fits[y, x] = *a, t.mean() - a @ i.mean(0)
    expected = np.array([[fits[around(y, x)].mean((0, 1)) for x in range(8)] for y in range(9)])
    actual = guided_filter.coefficients(torch.from_numpy(guide).permute(2, 0, 1)[None], torch.from_numpy(p), r, eps)
    np.testing.assert_allclose(actual[0].permute(1, 2, 0).numpy(), expected, rtol=1e-7, atol=1e-9)


def test_parts_are_those_that_a_flood_fill_finds():
    rng = np.random.default_rng(1)
    for share in (0.3, 0.5, 0.6):
        m = rng.random((24, 31)) < share
        labels, areas = cutout_net.connected(m)
        assert (labels > 0).tolist() == m.tolist()
        im = Image.fromarray((m * 255).astype(np.uint8))
        for k in range(1, len(areas) + 1):
            y, x = np.argwhere(labels == k)[0]
            filled = im.copy()
            ImageDraw.floodfill(filled, (int(x), int(y)), 100)
            assert (np.asarray(filled) == 100).tolist() == (labels == k).tolist()
            assert areas[k - 1] == (labels == k).sum()


@pytest.mark.parametrize("size", [(64, 48), (37, 301), (700, 500)])
def test_alpha_has_the_pictures_own_size_and_lies_on_the_garment(size):
    box = tuple(round(f * n) for f, n in zip((0.2, 0.2, 0.8, 0.8), (*size, *size), strict=True))
    cut = cutout_net.cut(drawing(size, box, "#101820", "#f0e8e0"), Finds())
    assert cut.alpha.size == size
    assert cut.alpha.mode == "L"
    assert not cut.unsure
    assert cut.parts == 1
    assert cut.note == ""
    truth = np.asarray(mask(size, box)) > 127
    result = np.asarray(cut.alpha) > 127
    assert (result & truth).sum() / (result | truth).sum() > 0.97
    assert cut.area == pytest.approx(0.36, abs=0.02)


def test_arrays_and_every_mode_are_taken():
    picture = drawing((80, 60), (20, 15, 60, 45), "#101820", "#f0e8e0")
    expected = np.asarray(cutout_net.cut(picture, Finds()).alpha)
    assert np.asarray(cutout_net.cut(np.asarray(picture), Finds()).alpha).tolist() == expected.tolist()
    assert np.asarray(cutout_net.cut(picture.convert("RGBA"), Finds()).alpha).tolist() == expected.tolist()
    assert cutout_net.cut(picture.convert("L"), Finds()).alpha.size == (80, 60)


@pytest.mark.parametrize("shade", [0, 60])
def test_a_picture_without_garment_is_used_whole_with_a_remark(shade):
    cut = cutout_net.cut(Image.new("RGB", (50, 40), (shade,) * 3), Finds())
    assert cut.unsure
    assert "No garment" in cut.note
    assert cut.alpha.getextrema() == (255, 255)
    assert cut.predicted.getextrema()[1] < 128


def test_a_picture_with_an_uncertain_mask_is_used_whole():
    cut = cutout_net.cut(drawing(ground="#101820", garment="#f0e8e0"), Finds(sure=0.5))
    assert cut.unsure
    assert "not sure" in cut.note
    assert cut.alpha.getextrema() == (255, 255)


def test_a_mask_that_is_not_quite_sure_is_used_and_says_so():
    p = torch.full((128, 128), 0.02)
    p[32:96, 32:96] = 0.85
    cut = cutout_net.verdict(mask((128, 128), (32, 32, 96, 96)), p, 1)
    assert cutout_net.SURE < cut.confidence < cutout_net.DOUBT
    assert not cut.unsure
    assert "not quite sure" in cut.note


class Left(nn.Module):
    """Sees what is bright, in the left half only: what of it counts must not depend on the side."""

    def forward(self, x):
        return (x[:, :1] - 0.5) * 60 * (torch.arange(x.shape[-1]) < x.shape[-1] // 2)


def test_the_net_sees_two_sizes_the_mirror_image_and_rotated_channels():
    small, fine = torch.zeros(1, 3, 128, 128), torch.zeros(1, 3, 192, 192)
    for x, (a, b) in ((small, (32, 96)), (fine, (48, 144))):
        x[..., a:b, :a] = x[..., a:b, b:] = 1
    p = cutout_net.probabilities(Left(), small, fine)
    torch.testing.assert_close(p, p.flip(1), atol=1e-5, rtol=0)
    views = []

    class Sees(nn.Module):
        def forward(self, x):
            views.extend(x.clone())
            return x[:, :1]

    small, fine = (torch.rand(1, 3, n, n, generator=torch.Generator().manual_seed(1)) for n in (128, 192))
    cutout_net.probabilities(Sees(), small, fine)
    expected = [small, small.roll(1, 1).flip(3), fine, fine.roll(2, 1).flip(3)]
    assert all(torch.equal(view, x[0]) for view, x in zip(views, expected, strict=True))


def test_pixels_of_one_color_pull_at_each_other():
    small = torch.zeros(1, 3, 128, 128)
    small[:, 0] = 0.8  # a red ground, of which the net takes a corner for garment
    small[:, 2, 32:96, 32:96] = 0.9
    logits = torch.full((128, 128), -4.0)
    logits[:16, :16] = 0.8
    logits[32:96, 32:96] = 4.0
    logits[40:50, 40:50] = -0.5  # and of the garment it misses a part
    p = cutout_net.by_color(logits, small)
    assert p[:16, :16].max() < 0.5
    assert p[32:96, 32:96].min() > 0.5
    flat = logits[:1, :1].expand(128, 128).contiguous()  # of one color, without a rest: the mean field by hand
    expected = torch.sigmoid(torch.tensor(0.8))
    for _ in range(cutout_net.ROUNDS):
        expected = torch.sigmoid(0.8 - cutout_net.RESERVE + cutout_net.PULL * (2 * expected - 1))
    torch.testing.assert_close(cutout_net.by_color(flat, torch.full_like(small, 0.3)), expected.expand(128, 128))


def test_a_small_garment_is_cut_out_of_an_enlarged_crop():
    small = drawing((1000, 800), (500, 300, 560, 370), "#101820", "#f0e8e0")
    cut = cutout_net.cut(small, Finds())
    truth = np.asarray(mask((1000, 800), (500, 300, 560, 370))) > 127
    result = np.asarray(cut.alpha) > 127
    assert not cut.unsure
    assert (result & truth).sum() / (result | truth).sum() > 0.95


def test_two_garments_are_both_kept_and_specks_are_not():
    im = drawing((200, 160), (10, 20, 90, 140), "#101820", "#f0e8e0")
    ImageDraw.Draw(im).rectangle((110, 20, 190, 140), "#f0e8e0")
    ImageDraw.Draw(im).rectangle((98, 75, 102, 79), "#f0e8e0")
    cut = cutout_net.cut(im, Finds())
    assert cut.parts == 2
    assert "2 parts" in cut.note
    alpha = np.asarray(cut.alpha)
    assert alpha[80, 50] > 250
    assert alpha[80, 150] > 250
    assert alpha[77, 100] < 20


def test_expected_iou_is_one_for_the_certain_and_the_mean_of_draws_nearly():
    sure = torch.zeros(32, 32)
    sure[8:20, 4:30] = 1
    assert cutout_net.expected_iou(sure) == 1
    torch.manual_seed(0)
    p = torch.where(sure > 0, 0.9, 0.05)
    draws = (torch.rand(400, 32, 32) < p).float()
    inside = (p > 0.5).float()
    ious = (draws * inside).sum((1, 2)) / torch.maximum(draws, inside.expand_as(draws)).sum((1, 2))
    assert cutout_net.expected_iou(p) == pytest.approx(float(ious.mean()), abs=0.01)


@pytest.mark.parametrize("kind", ["all", "one", "white", "close"])
def test_composites_are_pictures_with_alpha(bank, kind):
    x, alpha = composites.composites(bank, 6, 64, torch.Generator().manual_seed(3), kind)
    assert x.shape == (6, 3, 64, 64)
    assert alpha.shape == (6, 1, 64, 64)
    assert float(x.min()) >= 0
    assert float(x.max()) <= 1
    assert float(alpha.min()) >= 0
    assert float(alpha.max()) <= 1
    again = composites.composites(bank, 6, 64, torch.Generator().manual_seed(3), kind)
    assert torch.equal(x, again[0])
    assert torch.equal(alpha, again[1])


def test_a_placed_garments_alpha_is_its_mask_seen_through_the_window(bank):
    """Every garment here is a box of one color: where alpha is 1 the color is the box's, elsewhere alpha is 0."""
    c = scenes.Draws(8, torch.Generator().manual_seed(1))
    placed = scenes.garments(bank, torch.arange(8), 64, c, 0.0)
    for i in range(8):
        full = placed[i, 3] == 1
        assert full.any()
        expected = torch.tensor([200, 160, 20 + 10 * i]) / 255
        assert float((placed[i, :3, full] - expected[:, None]).abs().mean()) < 0.03


def test_a_window_of_the_whole_photograph_gives_it_back(bank):
    wide, high = (bank.sizes[:, k].view(-1, 1, 1) for k in (0, 1))
    off = torch.zeros(8, 1, 1)
    x, y = scenes.window(64, (wide / 2, high / 2), (off + 64, off + 64), off, off > 0)
    actual = scenes.sampled(bank.images.float(), x, y + (64 - high) / 2)
    torch.testing.assert_close(actual, bank.images.float(), atol=1e-2, rtol=0)


def test_white_on_white_is_within_20_of_255(bank):
    c = scenes.Draws(8, torch.Generator().manual_seed(0))
    placed = scenes.garments(bank, torch.arange(8), 64, c, 0.0)
    garment, ground = composites.whites(placed[:, :3], placed[:, 3:], c)
    means = composites.average(garment, placed[:, 3:]) - ground.mean((2, 3), keepdim=True)
    assert float(means.abs().max()) * 255 < 21
    assert float(means.abs().min()) * 255 > 3
    assert float(ground.min()) > 0.78


def test_grounds_hold_no_garment(bank):
    for row in bank.grounds.long().tolist():
        assert int(bank.masks[row[0], row[2] : row[4], row[1] : row[3]].max()) < 26


def test_mirrored_stays_inside_and_leaves_what_is_inside():
    x = torch.linspace(-40, 60, 400)
    low, high = torch.tensor(3.0), torch.tensor(9.0)
    out = scenes.mirrored(x, low, high)
    assert float(out.min()) >= 3.5
    assert float(out.max()) <= 8.5
    inside = (x > 3.5) & (x < 8.5)
    torch.testing.assert_close(out[inside], x[inside], atol=1e-4, rtol=0)


def test_no_sender_is_on_both_sides(folder):
    rows = scenes.listed(folder, "train")
    learn, held = fit.apart(rows)
    assert len(held) == 2
    senders = {r[:2]: r[2] for r in rows}
    assert len(learn) + len(held) == 8
    assert not {senders[p] for p in learn} & {senders[p] for p in held}


def test_iou_counts_pixels():
    a, b = torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 4, 4)
    a[0, 0, :2], b[0, 0, 1:3] = 1, 1
    assert fit.iou(a, b).tolist() == [pytest.approx(1 / 3), 1.0]


def test_the_encoder_begins_with_the_frozen_nets_features():
    lite, net = efficientnet.load("lite0"), cutout_net.CutoutNet()
    pretrained.begin_with(net, lite)
    x = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features, expected = net.encoder(x), lite(2 * x - 1)
    assert [tuple(f.shape[1:]) for f in features] == [(16, 32, 48), (24, 16, 24), (40, 8, 12), (80, 4, 6)]
    for own, theirs in zip(features[1:3], expected, strict=False):
        torch.testing.assert_close(own, theirs, atol=1e-4, rtol=1e-4)


def test_the_encoder_learns_more_slowly_and_every_weight_learns_once():
    net = cutout_net.CutoutNet()
    slow, quick = fit.optimizer(net, fit.Options(None, 1, None, "cpu")).param_groups
    assert (slow["share"], quick["share"]) == (fit.SLOWER, 1)
    assert len(slow["params"]) == len(list(net.encoder.parameters()))
    assert {id(p) for p in slow["params"] + quick["params"]} == {id(p) for p in net.parameters()}


def test_without_the_frozen_net_a_training_says_so_and_begins_at_random(tmp_path, monkeypatch, capsys):
    options = fit.Options(tmp_path, 1, tmp_path / "net.safetensors", "cpu", seed=3)
    begun = fit.build(options).encoder.stem.weight
    assert torch.equal(begun, efficientnet.load("lite0").stem.weight)
    monkeypatch.setattr(efficientnet, "installed", lambda name: False)
    drawn = fit.build(options).encoder.stem.weight
    assert "not installed" in capsys.readouterr().out
    assert not torch.equal(drawn, begun)
    assert torch.equal(drawn, fit.build(options).encoder.stem.weight)


def test_a_training_goes_on_from_its_file_and_from_no_other(tmp_path):
    net = cutout_net.CutoutNet()
    fit.write(net, tmp_path / "net.safetensors")
    options = fit.Options(tmp_path, 1, tmp_path / "other.safetensors", "cpu", start=tmp_path / "net.safetensors")
    torch.testing.assert_close(fit.build(options).edge[1].weight, net.edge[1].weight, atol=1e-3, rtol=1e-3)
    options.start = tmp_path / "text.safetensors"
    for data in (b"no net", None):
        if data:
            options.start.write_bytes(data)
        else:
            options.start.unlink()
        with pytest.raises(StudioError, match=r"text\.safetensors is no file of an earlier training"):
            fit.build(options)


def test_a_share_of_the_starting_weights_is_kept(tmp_path):
    before, after = fit.build(fit.Options(tmp_path, 1, tmp_path, "cpu", seed=1)), cutout_net.CutoutNet()
    fit.write(before, tmp_path / "a.safetensors")
    o = fit.Options(tmp_path, 1, tmp_path / "b.safetensors", "cpu", start=tmp_path / "a.safetensors", keep=0.25)
    net = fit.blended(after, o)
    for name in ("edge.1.weight", "last.1.running_var"):
        a, b, mean = (dict(n.state_dict())[name] for n in (before, after, net))
        torch.testing.assert_close(mean, 0.25 * a + 0.75 * b, atol=1e-3, rtol=1e-3)
    o.keep = 0.0
    assert fit.blended(after, o) is after
    for keep, start in ((1.5, o.start), (0.5, None)):
        o.keep, o.start = keep, start
        with pytest.raises(StudioError, match="--keep takes a share"):
            fit.fit(o)


@pytest.mark.slow
def test_a_short_training_learns_and_its_file_is_small_and_loads(folder, tmp_path, capsys):
    out = tmp_path / "net.safetensors"
    scores = fit.fit(fit.Options(folder, 0.05, out, "cpu", batch=4, size=64))
    assert "photographs" in scores
    assert "pictures/s" in capsys.readouterr().out
    assert out.stat().st_size <= 2_000_000
    cut = cutout_net.cut(drawing(), cutout_net.load(out))
    assert cut.alpha.size == (64, 48)


def test_a_missing_or_foreign_net_is_refused(tmp_path):
    with pytest.raises(StudioError, match="cuts out garments"):
        cutout_net.load(tmp_path / "none.safetensors")
