"""What benchmarks/enlarge.py measures, where the answer is known."""

import pytest
import torch
from torch.nn import functional as F

from benchmarks import enlarge as benchmark
from fashiongan import checkpoint
from fashiongan.data import datasets
from fashiongan.evaluation import in_color
from fashiongan.gans import efficientnet


@pytest.fixture(scope="module")
def net(net_file, tmp_path_factory):
    return checkpoint.load(net_file(tmp_path_factory.mktemp("net") / "enlarger.safetensors", "enlarger"))


@pytest.fixture(scope="module")
def truth():
    """Two red squares (2, 4, 64, 64) uint8, of which the first fills its frame, and both in 28 pixels."""
    rgba = torch.zeros(2, 4, 64, 64, dtype=torch.uint8)
    for i, side in enumerate((58, 30)):
        inside = slice(32 - side // 2, 32 + side // 2)
        rgba[i, :, inside, inside] = torch.tensor([200, 40, 40, 255], dtype=torch.uint8).view(4, 1, 1)
    return rgba, benchmark.small_of(rgba)


def test_equally_many_garments_of_each_shared_class_and_bags(net):
    gray, labels = benchmark.garments(net, 5)
    assert gray.shape == (30, 28, 28)
    counts = {net.recipe.labels[k] if k >= 0 else "Bag": int((labels == k).sum()) for k in labels.unique().tolist()}
    assert counts == dict.fromkeys(("Bag", "dress", "longsleeve", "pants", "shoes", "t-shirt"), 5)


def test_the_scorer_names_classes_of_the_enlarger_and_never_a_bag(net, monkeypatch):
    sure = torch.eye(10)
    sure[:, datasets.CLASSES.index("Bag")] = 2.0
    monkeypatch.setattr(benchmark.classifiers, "logits", lambda scorer, pictures: sure)
    seen = benchmark.input_classes(net, torch.zeros(10, 28, 28, dtype=torch.uint8))
    expected = {"T-shirt/top": "t-shirt", "Trouser": "pants", "Pullover": "longsleeve", "Dress": "dress"}
    expected |= dict.fromkeys(("Sandal", "Sneaker", "Ankle boot"), "shoes")
    for name, own in expected.items():
        assert net.recipe.labels[seen[datasets.CLASSES.index(name)]] == own


def test_the_colorizer_in_bicubic_lies_where_the_truth_does(net, truth):
    rgba, small = truth
    assert benchmark.mean_color(rgba[0]) == "#c82828"
    drawn = benchmark.bicubic(net, rgba, small, ["#c82828"] * 2)
    assert drawn.shape == (2, 3, 64, 64)
    assert (drawn[:, :, 0] == 255).all()
    on_white = in_color.resized(rgba, 64) * 255
    apart = [(drawn.float() - F.pad(on_white, pad)[..., :64, :64]).abs().mean() for pad in ((0,) * 4, (4, 0, 4, 0))]
    assert apart[0] < 0.7 * apart[1]
    garment = drawn[0, :, 28:36, 28:36].float().mean((1, 2))
    assert garment[0] > garment[1] + 40


@pytest.mark.skipif(not efficientnet.installed(in_color.NET), reason="the features are not installed")
def test_distances_are_0_of_the_truth_itself(truth):
    rgba, _ = truth
    assert benchmark.distances(rgba, rgba).tolist() == [0, 0]
    assert (benchmark.distances(rgba, rgba.flip(0)) > 1).all()


def test_a_class_is_kept_if_both_name_it(net, truth, monkeypatch):
    labels = torch.tensor([0, 0, 0, 3])
    monkeypatch.setattr(benchmark, "input_classes", lambda gan, gray: torch.tensor([0, 0, 1, 3]))
    monkeypatch.setattr(benchmark, "output_classes", lambda gan, rgba, among: torch.tensor([0, 2, 1, 3]))
    shares = benchmark.kept(net, torch.zeros(4, 28, 28), torch.zeros(4, 4, 64, 64), labels)
    assert shares == pytest.approx([100 * (2 / 3 + 1) / 2, 100 * (2 / 3 + 1) / 2, 100 * (1 / 3 + 1) / 2])


def test_what_the_others_are_taken_for_stands_with_the_most_frequent_first(net, monkeypatch):
    """Classes 0 and 3, dress and pants: of four dresses one keeps its class."""
    labels = torch.tensor([0, 0, 0, 0, 3])
    monkeypatch.setattr(benchmark, "input_classes", lambda gan, gray: torch.tensor([0, 0, 0, 1, 3]))
    monkeypatch.setattr(benchmark, "output_classes", lambda gan, rgba, among: torch.tensor([0, 2, 2, 0, 3]))
    assert list(benchmark.confusions(net, None, None, labels)) == [
        ("dress", 4, "25 %", "longsleeve 50 %, dress 25 %"),
        ("pants", 1, "100 %", ""),
    ]
