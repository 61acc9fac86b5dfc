"""The service of the Robustness tab: one attacked picture, a curve, and a fit in the background."""

import base64
import time
from dataclasses import asdict, replace

import pytest
import torch
from PIL import Image
from synthetic import black_png

from fashiongan import attacks, classifiers
from fashiongan.classifiers import recipe, store
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.evaluation import robustness
from fashiongan.studio import Studio, attacked
from fashiongan.studio import robustness as lab
from fashiongan.studio.attacked import garment
from fashiongan.studio.robustness import AttackSpec, Picture, RobustnessService


@pytest.fixture(scope="module")
def bench(tmp_path_factory, idx_root):
    """A RobustnessService with a classifier of the ten shapes, called mine."""
    studio = Studio(tmp_path_factory.mktemp("lab") / "runs", data_root=str(idx_root), device="cpu")
    result = RobustnessService(studio)
    path = result.folder / "mine.safetensors"
    list(classifiers.fit(recipe("dense", epochs=4, batch=25), path, root=str(idx_root)))
    return result


@pytest.fixture
def mine(bench):
    return next(name for name in bench.names() if name.endswith("mine.safetensors"))


@pytest.fixture(autouse=True)
def idle(bench):
    yield
    bench.stop_curve()
    bench.stop_fit()


def pixels(url):
    import io

    with Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))) as im:
        return torch.tensor(list(im.getdata())).view(1, 1, *im.size[::-1]) / 255


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def response_of(question, *args):
    """A service's answer as the page gets it."""
    from fashiongan.ui.shared import edge  # late, since it brings gradio, which takes two seconds

    return edge.answer(question(*args))


def refused(match, work, *args, **kwargs):
    with pytest.raises(StudioError, match=match) as caught:
        work(*args, **kwargs)
    assert str(caught.value).endswith(".")


# One picture


def test_bundled_ones_first_then_mine(bench, mine):
    assert bench.names()[: len(store.bundled())] == store.bundled()
    assert bench.classifier(mine) is bench.classifier(mine)
    refused("There is no classifier '/etc/passwd' here", bench.classifier, "/etc/passwd")
    refused("There is no classifier None here", bench.classifier, None)


def test_an_attacked_picture_is_the_attack_and_nothing_else(bench, mine, idx_root):
    result = response_of(bench.attack, AttackSpec(Picture(number=3), mine, "fgsm", 0.3, "none"))
    test = datasets.load("fashion-mnist", split="test", root=idx_root)
    x, y, net = test.images[3:4].float() / 255, test.labels[3:4], bench.classifier(mine)
    after = attacks.fgsm(net, x, y, 0.3)
    assert torch.equal(pixels(result["before"]), x)
    assert (pixels(result["after"]) - after).abs().max() <= 0.51 / 255
    d = (after - x) / (after - x).abs().max() / 2 + 0.5
    assert (pixels(result["added"]) - d).abs().max() <= 0.51 / 255
    assert result["magnified"] == pytest.approx(0.5 / 0.3, rel=1e-3)
    assert result["class"] == test.names[y]
    assert result["known"]
    for z, row in zip((net(x), net(after)), result["confidences"], strict=True):
        assert row == pytest.approx(z.softmax(1)[0].tolist(), abs=1e-4)
    assert result["fooled"] == bool(net(after).argmax(1) != y)
    assert result["said"][1] == test.names[int(net(after).argmax(1))]
    assert (result["eps"], result["eps_255"], result["changed"]) == (0.3, 76.5, int((after != x).sum()))


def test_zero_noise_is_drawn_gray(bench, mine):
    result = response_of(bench.attack, AttackSpec(Picture(number=3), mine, "fgsm", 0.0, "none"))
    assert result["magnified"] is None
    assert result["changed"] == 0
    assert (pixels(result["added"]) * 255).unique().tolist() == [128]


def test_the_smallest_strength_is_that_of_the_picture(bench, mine):
    look = AttackSpec(Picture(number=3), mine, "fgsm", 0.0, "none")
    least = response_of(bench.smallest, look)["least"]
    assert 1 < least < 255
    assert response_of(bench.attack, replace(look, eps=least / 255))["fooled"]
    assert not response_of(bench.attack, replace(look, eps=(least - 1) / 255))["fooled"]
    slow = response_of(bench.smallest, replace(look, attack="ensemble"))
    assert slow["by"] == attacks.ATTACKS["pgd"].title


def test_generated_and_uploaded_garments_have_the_predicted_class(bench, mine):
    drawn = response_of(bench.attack, AttackSpec(Picture("generated", 5, "cdcgan", "Dress"), mine, "fgsm", 0.1))
    assert not drawn["known"]
    assert drawn["class"] == drawn["said"][0]
    x, _ = garment(bench.studio, Picture("generated", 5, "cdcgan", "Dress"))
    gan = bench.studio.gan("cdcgan")
    assert torch.equal(x * 255, gan.sample_images(1, 5, "Dress").float())
    raw = bytes(range(256)) * 3 + bytes(16)
    x, label = garment(bench.studio, Picture("own", pixels=base64.b64encode(raw).decode()))
    assert label is None
    assert x.shape == (1, 1, 28, 28)
    assert (x.flatten() * 255).round().tolist() == list(raw)


def test_a_target_is_aimed_at(bench, mine):
    result = response_of(bench.attack, AttackSpec(Picture(number=3), mine, "pgd", 0.5, "none", "Bag"))
    assert result["target"] == "Bag"
    assert result["said"][1] == "Bag"
    assert result["fooled"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"classifier": "nosuch"}, "no classifier 'nosuch'"),
        ({"attack": "magic"}, "no attack called 'magic'"),
        ({"eps": -0.1}, "eps cannot be -0.1"),
        ({"eps": 1.5}, "eps cannot be 1.5"),
        ({"mask": "hat"}, "mask cannot be 'hat'"),
        ({"target": "Hat"}, "no class 'Hat'"),
        ({"target": "0,1"}, "target takes one class"),
        ({"attack": "noise", "target": "Bag"}, "noise cannot be sent towards a class"),
        ({"picture": Picture(number=200)}, "no test picture 200: they are numbered from 0 to 199"),
        ({"picture": Picture(number=-1)}, "no test picture -1"),
        ({"picture": Picture("generated", 0, "nosuch")}, "no checkpoint 'nosuch'"),
        ({"picture": Picture("own", pixels="AAAA")}, "That is no garment"),
        ({"picture": Picture("own", pixels="?")}, "That is no garment"),
        ({"picture": Picture("own")}, "That is no garment"),
    ],
)
def test_bad_attacks_are_named(changes, message, bench, mine):
    refused(message, bench.attack, replace(AttackSpec(Picture(), mine), **changes))


def test_a_merged_classifier_predicts_merged_classes(bench, idx_root):
    path = bench.folder / "merged.safetensors"
    list(classifiers.fit(recipe("dense", epochs=4, batch=25, merge="0+6"), path, root=str(idx_root)))
    result = response_of(bench.attack, AttackSpec(Picture(number=6), path.as_posix(), "fgsm", 0.0))
    assert result["class"] == result["said"][0] == "T-shirt/top or Shirt"
    assert len(result["labels"]) == 9
    path.unlink()


# Pictures of one's own


def test_an_uploaded_picture_is_cut_out_made_gray_and_inverted_if_its_border_is_light(tmp_path):
    im = Image.new("RGB", (80, 56), (250, 250, 250))
    im.paste((200, 0, 0), (36, 14, 50, 42))
    im.save(tmp_path / "a.png")
    values = torch.tensor(list(base64.b64decode(attacked.own(tmp_path / "a.png").pixels))).view(28, 28)
    assert not values[:, :6].any()
    assert values[1, 14] > 0, "as high as the picture"
    assert int(values[14, 14]) == pytest.approx(0.299 * 55 + 0.701 * 255, abs=2)
    Image.new("L", (28, 28), 9).save(tmp_path / "b.png")
    assert set(base64.b64decode(attacked.own(tmp_path / "b.png").pixels)) == {9}
    (tmp_path / "c.png").write_text("no picture", encoding="utf-8")
    refused("^This file is no picture that can be read", attacked.own, tmp_path / "c.png")
    (tmp_path / "d.png").write_bytes(black_png(8000, 8000))
    refused("8,000 x 8,000 pixels: choose one of at most 40 megapixels", attacked.own, tmp_path / "d.png")


# The curve


def test_a_curve_in_the_background(bench, mine):
    version = response_of(bench.updates, -1, -1)["curve"]["version"]
    bench.start_curve([mine], ["fgsm", "noise"], "0,0.3", ["garment", "none"], 50, owner="me")
    until(lambda: not bench.curves.job.alive)
    result = response_of(bench.updates, -1, -1)["curve"]
    assert (result["state"], result["error"]) == ("finished", None)
    assert result["version"] > version
    assert result["step"] == result["steps"] == len(result["points"]) == 8
    assert result["about"] == "the first 50 test pictures"
    test = robustness.first(attacked.test_pictures(bench.studio.data_root), 50)
    net = {mine: bench.classifier(mine)}
    expected = list(robustness.curve(net, test, ["fgsm", "noise"], [0, 0.3], ["garment", "none"]))
    assert [p["accuracy"] for p in result["points"]] == [p.accuracy for p in expected]
    assert set(result["points"][0]) == set(asdict(expected[0]))
    assert "points" not in response_of(bench.updates, result["version"], -1)["curve"]


def test_a_curve_of_generated_garments(bench, mine):
    bench.start_curve([mine], ["fgsm"], "0", ["none"], 30, "cdcgan")
    until(lambda: not bench.curves.job.alive)
    assert bench.curves.about == "30 garments that cdcgan drew"
    assert next(iter(bench.curves.points.values())).n == 30


def test_one_curve_at_a_time_and_stop(bench, mine):
    many = ",".join(f"{k / 1000}" for k in range(1, 50))
    bench.start_curve([mine], ["pgd-5"], many, ["none"], 200)
    until(lambda: bench.curves.job.alive)
    refused("Another curve is being computed here", bench.start_curve, [mine], ["fgsm"], "0", ["none"], 10)
    bench.stop_curve()
    assert response_of(bench.updates, -1, -1)["curve"]["state"] == "stopped"
    bench.start_curve([mine], ["fgsm"], "0", ["none"], 10)
    until(lambda: not bench.curves.job.alive)
    assert response_of(bench.updates, -1, -1)["curve"]["state"] == "finished"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], ["fgsm"], "0", ["none"], 10), "Choose at least one classifier and one attack"),
        ((["{mine}"], [], "0", ["none"], 10), "Choose at least one classifier and one attack"),
        ((["nosuch"], ["fgsm"], "0", ["none"], 10), "no classifier 'nosuch'"),
        ((["{mine}"], ["fgsm"], "2", ["none"], 10), "eps cannot be 2"),
        ((["{mine}"], ["fgsm"], "0", ["none"], 0), "Pictures takes a number from 1 to 10000"),
        ((["{mine}"], ["fgsm"], "0", ["none"], 201), "limit cannot be 201"),
        ((["{mine}"], ["fgsm"] * 13, "0", ["none"], 10), "These are 13 curves: at most 12"),
        ((["{mine}"], ["fgsm"], "0", ["none"], 10, "nosuch"), "no checkpoint 'nosuch'"),
    ],
)
def test_bad_curve_requests_are_named(arguments, message, bench, mine):
    names, *rest = arguments
    before = bench.curves
    refused(message, bench.start_curve, [n.format(mine=mine) for n in names], *rest)
    assert bench.curves is before


def test_an_error_in_a_curve_is_reported(bench, mine):
    with pytest.raises(StudioError, match="no attack called 'magic'"):
        bench.start_curve([mine], ["magic"], "0", ["none"], 10)
    bench.start_curve([mine], ["fgsm"], "0.1", ["hat"], 10)
    until(lambda: not bench.curves.job.alive)
    assert response_of(bench.updates, -1, -1)["curve"]["state"] == "failed"
    assert "mask cannot be 'hat'" in response_of(bench.updates, -1, -1)["curve"]["error"]


# A defence


def test_a_defence_is_trained_and_listed(bench):
    bench.start_fit(recipe("dense", epochs=2, batch=50, adversarial="pgd"), "me")
    until(lambda: not bench.fit.job.alive)
    result = response_of(bench.updates, -1, -1)["fit"]
    assert (result["state"], result["error"], result["name"]) == ("finished", None, "dense-pgd-1")
    assert result["step"] == result["steps"] == result["records"][-1]["step"] == 22
    assert result["records"][-1]["attacked"] is not None
    assert result["command"] == "python -m fashiongan fit dense --epochs 2 --batch 50 --adversarial pgd"
    name = next(n for n in bench.names() if n.endswith("dense-pgd-1.safetensors"))
    assert bench.classifier(name).recipe.adversarial == "pgd"
    assert bench.free_name(recipe("dense", adversarial="pgd")).stem == "dense-pgd-2"
    assert bench.free_name(recipe("dense")).stem == "dense-1"


def test_one_fit_at_a_time_and_what_is_stopped_is_not_kept(bench):
    bench.start_fit(recipe("dense", epochs=10_000, batch=50))
    until(lambda: bench.fit.records)
    refused("Another classifier is being trained here", bench.start_fit, recipe("dense", batch=50))
    bench.stop_fit()
    assert response_of(bench.updates, -1, -1)["fit"]["state"] == "stopped"
    assert not bench.fit.out.exists()
    refused("batch cannot be 551", bench.start_fit, recipe("dense", batch=551))


def test_long_fits_are_thinned_but_keep_every_measurement():
    records = [classifiers.Fitted(i, 5000, i / 500, 0, 0, 0, 0, 0.5 if i % 500 == 0 else None) for i in range(1, 5001)]
    kept = lab.thinned(records)
    assert len(kept) <= 430
    assert [n.step for n in kept if n.held_out is not None] == list(range(500, 5001, 500))
