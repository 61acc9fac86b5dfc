"""python -m fashiongan colorize: one file, many, sheets of variants, and what is refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from fashiongan import checkpoint, cli, gans
from fashiongan.color import color_space, palettes
from fashiongan.colorize import engine
from fashiongan.colorize import files as colorize_files
from fashiongan.data import sheets
from fashiongan.errors import StudioError
from fashiongan.hub import registry


@pytest.fixture(scope="module")
def dyer(tmp_path_factory, tiny):
    """The file of a colorizer that adds nothing of its own to what is hinted."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gan = gans.build(tiny("colorizer", steps=1).replace(labels=("Shirt", "Bag")))
    torch.nn.init.zeros_(gan.G.last.weight)
    torch.nn.init.zeros_(gan.G.last.bias)
    return checkpoint.save(tmp_path_factory.mktemp("dyer") / "dyer.safetensors", gan, gan.G, checkpoint.HeaderInfo())


@pytest.fixture
def garment(tmp_path):
    """garment(name, ...): a gray square on black, as a file."""

    def make(name, size=(28, 28), gray=150, mode="L"):
        im = Image.new("L", size)
        w, h = size
        im.paste(gray, (w // 4, h // 4, 3 * w // 4, 3 * h // 4))
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        im.convert(mode).save(path)
        return path

    return make


def run(*args):
    return cli.main(["colorize", *map(str, args)])


def middle(path):
    """Hue in degrees and gray of a picture's middle, and its description."""
    with Image.open(path) as im:
        description = json.loads(im.text[sheets.KEY])
        x = torch.from_numpy(np.asarray(im).copy()).permute(2, 0, 1)[None]
    h, w = x.shape[2:]
    lab = color_space.lab(x[:, :, h // 2 : h // 2 + 1, w // 2 : w // 2 + 1].float() / 255).flatten()
    return hue(lab), int(color_space.gray_of(x)[0, 0, h // 2, w // 2]), description


def hue(lab):
    return float(torch.rad2deg(torch.atan2(lab[2], lab[1])))


@pytest.mark.parametrize("color", ["#b03a2e", "teal", "rgb(20, 60, 200)"])
def test_a_picture_gets_the_color_and_keeps_its_size_and_lightness(color, dyer, garment, tmp_path):
    out = tmp_path / "out.png"
    assert run(garment("a.png", (90, 60)), "--colour", color, "--out", out, "--checkpoint", dyer) == 0
    result, gray, description = middle(out)
    assert abs(result - hue(color_space.lab_of(color))) < 3
    assert abs(gray - 150) <= 1
    assert description["colours"] == [color]
    assert description["colorized by"] == str(dyer)
    with Image.open(out) as im:
        assert im.size == (90, 60)
        assert im.getpixel((2, 2)) == (0, 0, 0)


def test_a_description_makes_the_same_picture_again(dyer, garment, tmp_path):
    source, out = garment("a.png"), tmp_path / "out.png"
    more = ["--hint", "0.3,0.3,#0072b2", "--strength", 0.8, "--seed", 4, "--label", "Bag", "--checkpoint", dyer]
    assert run(source, "--colour", "gold", *more, "--out", out) == 0
    description = middle(out)[2]
    request = engine.colorize_spec(description)
    assert request == engine.ColorizeSpec(("gold",), (engine.Hint(0.3, 0.3, "#0072b2"),), 1, "Bag", 4, 0.8)
    again = engine.colored(engine.colorizer(checkpoint.load(dyer)), engine.opened(source), request)[0]
    with Image.open(out) as im:
        assert (np.asarray(im) == again.permute(1, 2, 0).numpy()).all()


def test_many_go_into_a_folder_named_as_their_sources(dyer, garment, tmp_path, capsys):
    sources = [garment("x/a.png"), garment("y/a.png", gray=90), garment("a-2.png", gray=210), garment("B.jpg")]
    out = tmp_path / "out"
    assert run(*sources, "--palette", "okabe-ito", "--out", out, "--checkpoint", dyer) == 0
    assert sorted(p.name for p in out.iterdir()) == ["B.png", "a-2-2.png", "a-2.png", "a.png"]
    grays = [middle(out / name)[1] for name in ("a.png", "a-2.png", "a-2-2.png")]
    assert grays == pytest.approx([150, 90, 210], abs=1)
    assert capsys.readouterr().err.count("picture") >= 2  # the bar, and the last line


def test_names_that_differ_in_case_only_are_kept_apart(garment, tmp_path):
    result = colorize_files.outs([garment("x/a.png"), garment("y/A.png")], tmp_path / "out")
    assert [p.name for p in result.values()] == ["a.png", "A-2.png"]


def test_variants_are_a_sheet(dyer, garment, tmp_path):
    out = tmp_path / "out.png"
    chosen = ["--palette", "Sport", "--n", 3, "--checkpoint", dyer]
    assert run(garment("a.png"), *chosen, "--out", out) == 0
    with Image.open(out) as im:
        assert im.size == (3 * 36 + 8, 36 + 8)
        hues = [
            hue(color_space.lab(torch.tensor(im.getpixel((8 + 14 + 36 * i, 8 + 14))).view(1, 3, 1, 1) / 255).flatten())
            for i in range(3)
        ]
    for result, color in zip(hues, palettes.PALETTES["Sport"], strict=False):
        assert abs(result - hue(color_space.lab_of(color))) < 4


def test_a_reference_picture_gives_the_palette(dyer, garment, tmp_path, capsys):
    im = Image.new("RGB", (90, 90), "white")
    for i, color in enumerate(("#b03a2e", "#1f3c88", "#0b6e4f")):
        im.paste(color, (20, 20 + 15 * i, 70, 35 + 15 * i))
    im.save(tmp_path / "shirt.png")
    out = tmp_path / "out.png"
    args = [garment("a.png"), "--reference", tmp_path / "shirt.png", "--checkpoint", dyer, "--out", out]
    assert run(*args) == 0
    assert "Colors: " in capsys.readouterr().err
    assert set(middle(out)[2]["colours"]) == {"#b03a2e", "#1f3c88", "#0b6e4f"}
    assert run(*args, "--colour", "teal") == 0
    assert middle(out)[2]["colours"][0] == "teal"


def test_classic_takes_the_color_of_the_class(dyer, garment, tmp_path):
    out = tmp_path / "out.png"
    assert run(garment("a.png"), "--classic", "--label", "Bag", "--out", out, "--checkpoint", dyer) == 0
    result, _, description = middle(out)
    assert description["colours"] == [palettes.CLASSIC[8]]
    assert abs(result - hue(color_space.lab_of(palettes.CLASSIC[8]))) < 4


def test_a_hint_colors_its_place_and_the_color_the_rest(dyer, tmp_path):
    im = Image.new("L", (100, 100))
    im.paste(150, (8, 20, 92, 80))
    im.save(tmp_path / "wide.png")
    out = tmp_path / "out.png"
    chosen = ["--colour", "#c0392b", "--hint", "0.25,0.5,#2471a3", "--checkpoint", dyer]
    assert run(tmp_path / "wide.png", *chosen, "--out", out) == 0
    with Image.open(out) as im:
        lab = color_space.lab(torch.from_numpy(np.asarray(im).copy()).permute(2, 0, 1)[None] / 255)
    near, far = (hue(lab[..., 25:75, box].mean((2, 3))[0]) for box in (slice(20, 30), slice(60, 85)))
    assert abs(near - hue(color_space.lab_of("#2471a3"))) < 15
    assert abs(far - hue(color_space.lab_of("#c0392b"))) < 15


def test_two_tones_and_a_background_in_color(dyer, garment, tmp_path):
    out = tmp_path / "out.png"
    chosen = ["--colour", "red", "--colour", "blue", "--tones", 2, "--checkpoint", dyer]
    assert run(garment("a.png"), *chosen, "--out", out) == 0
    with Image.open(out) as im:
        top, bottom = im.getpixel((14, 9)), im.getpixel((14, 19))
    assert top[0] > top[2]
    assert bottom[2] > bottom[0]
    white = tmp_path / "white.png"
    im = Image.new("L", (64, 64), 240)
    im.paste(90, (20, 16, 44, 48))
    im.save(white)
    for more, gray in (([], True), (["--background"], False)):
        assert run(white, "--colour", "red", *more, "--out", out, "--checkpoint", dyer) == 0
        with Image.open(out) as im:
            assert (len(set(im.getpixel((3, 3)))) == 1) is gray


def test_a_file_that_is_no_picture_is_skipped_and_named(dyer, garment, tmp_path, capsys):
    bad = tmp_path / "bad.png"
    bad.write_text("no picture", encoding="utf-8")
    assert run(bad, garment("a.png"), "--colour", "red", "--out", tmp_path / "out", "--checkpoint", dyer) == 2
    assert (tmp_path / "out" / "a.png").is_file()
    assert f"{bad}: This file is no picture that can be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--colour", "reddish"], "'reddish' is no color"),
        (["--palette", "Mud"], "There is no palette 'Mud': choose one of Okabe-Ito"),
        (["--palette", "IBM", "--colour", "red"], "not both"),
        (["--classic", "--colour", "red"], "--classic chooses the color itself"),
        (["--reference", "nosuch.png"], "--reference cannot be nosuch.png: there is no such file"),
        (["--hint", "0.5,red"], "--hint cannot be '0.5,red'"),
        (["--hint", "0.5,1.5,red"], "goes from 0 to 1"),
        (["--hint", "nan,0.5,red"], "goes from 0 to 1"),
        (["--hint", "0.5,0.5,reddish"], "'reddish' is no color"),
        (["--n", "0"], "--n cannot be 0"),
        (["--n", "17"], "--n cannot be 17"),
        (["--tones", "4"], "--tones cannot be 4"),
        (["--strength", "nan"], "--strength cannot be nan"),
        (["--seed", "-1"], "--seed cannot be -1"),
        (["--label", "Hat"], "no class 'Hat'"),
        (["--checkpoint", "dcgan"], "choose a colorizer"),
        (["--checkpoint", "nosuch"], "There is no checkpoint 'nosuch'"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(words, sentence, dyer, garment, tmp_path, capsys):
    out = tmp_path / "out.png"
    out.write_text("mine", encoding="utf-8")
    more = [] if "--checkpoint" in words else ["--checkpoint", dyer]
    assert run(garment("a.png"), *words, *more, "--out", out) == 2
    output = capsys.readouterr().err
    assert sentence in output
    assert "Traceback" not in output
    assert out.read_text(encoding="utf-8") == "mine"


def test_a_source_is_never_overwritten(dyer, garment, tmp_path, capsys):
    source = garment("a.png")
    before = source.read_bytes()
    assert run(source, "--colour", "red", "--out", source, "--checkpoint", dyer) == 2
    assert run(source, "--colour", "red", "--out", tmp_path, "--checkpoint", dyer) == 2
    assert "would overwrite" in capsys.readouterr().err
    assert source.read_bytes() == before


def test_files_that_are_not_there_and_a_file_for_many(garment, tmp_path):
    with pytest.raises(StudioError, match=r"There is no picture file .*nosuch\.png"):
        colorize_files.outs([tmp_path / "nosuch.png"], tmp_path / "out")
    with pytest.raises(StudioError, match="for 2 pictures it takes a folder"):
        colorize_files.outs([garment("a.png"), garment("b.png")], tmp_path / "out.png")


def test_without_a_colorizer_it_is_refused(monkeypatch):
    monkeypatch.setattr(registry, "bundled", lambda: ["dcgan"])
    with pytest.raises(StudioError, match="There is no colorizer here yet"):
        colorize_files.colorizers(None)


def test_the_colorizer_suits_the_background(garment, tmp_path):
    recipe = gans.new_recipe("colorizer", steps=1).replace(labels=("Shirt",))
    of = {"photos": gans.build(recipe.replace(channels=3, size=64)), "gray": gans.build(recipe)}
    photo = tmp_path / "photo.png"
    Image.new("L", (64, 64), 240).save(photo)
    with Image.open(photo) as im:
        im.paste(90, (20, 16, 44, 48))
        im.save(photo)
    assert engine.suited(of, engine.opened(garment("a.png"))) == "gray"
    assert engine.suited(of, engine.opened(photo)) == "photos"
    assert engine.suited({"gray": of["gray"]}, engine.opened(photo)) == "gray"


@pytest.mark.slow
def test_colorize_runs_as_a_process(dyer, garment, tmp_path, forked):
    code, out, err = forked(
        "-m", "fashiongan", "colorize", garment("a.png"), garment("b.png"), "--colour", "#b03a2e",
        "--out", tmp_path / "out", "--checkpoint", dyer,
    )  # fmt: skip
    assert (code, out) == (0, "")
    assert "2/2" in err
    assert err.rstrip().endswith(f"2 pictures in {tmp_path / 'out'}")


def soft_square():
    """A gray square on nothing, (60, 60) in RGBA, with an edge that is half transparent."""
    x = np.zeros((60, 60, 4), np.uint8)
    x[12:48, 12:48] = (140, 140, 140, 128)
    x[16:44, 16:44, 3] = 255
    return Image.fromarray(x)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "GIF"])
def test_alpha_is_kept(kind, dyer, tmp_path):
    source, out = tmp_path / "in.png", tmp_path / "out.png"
    im = soft_square()
    im.save(source, kind, **({"lossless": True} if kind == "WEBP" else {}))
    with Image.open(source) as again:
        alpha = np.asarray(again.convert("RGBA").getchannel("A"))
    assert run(source, "--colour", "#b03a2e", "--out", out, "--checkpoint", dyer) == 0
    with Image.open(out) as colored:
        assert colored.mode == "RGBA"
        pixels = np.asarray(colored).astype(int)
    assert np.array_equal(pixels[..., 3], alpha)
    assert pixels[30, 30, 0] - pixels[30, 30, 2] > 60
    gray = color_space.gray_of(torch.from_numpy(pixels[..., :3].astype(np.uint8)).permute(2, 0, 1)[None])[0, 0].numpy()
    assert np.abs(gray[alpha > 0].astype(int) - 140).max() <= 4  # also at the edge: nothing of the white shines through


def test_variants_of_a_transparent_picture_are_on_white_and_an_opaque_one_has_no_alpha(dyer, tmp_path):
    soft_square().save(tmp_path / "in.png")
    soft_square().convert("RGB").convert("RGBA").save(tmp_path / "opaque.png")
    assert run(tmp_path / "in.png", "--n", 2, "--out", tmp_path / "two.png", "--checkpoint", dyer) == 0
    assert run(tmp_path / "opaque.png", "--out", tmp_path / "one.png", "--checkpoint", dyer) == 0
    for name in ("two.png", "one.png"):
        with Image.open(tmp_path / name) as im:
            assert im.mode == "RGB"
