"""The arguments of the endpoints, checked without a browser; and what an endpoint returns."""

import base64
import inspect
import io

import pytest
import torch
from PIL import Image

from fashiongan.colorize import engine
from fashiongan.errors import StudioError
from fashiongan.studio import RunStatus, Studio
from fashiongan.ui import api
from fashiongan.ui.arguments import AttackArguments, ColorizeArguments, CurveArguments, arguments
from fashiongan.ui.shared import edge, fields

ATTACK = {
    "classifier": "cnn", "attack": "fgsm", "eps": 0.1, "mask": "none", "number": 0, "checkpoint": "", "target": "",
    "seed": 0,
}  # fmt: skip
CURVE = {**{k: v for k, v in ATTACK.items() if k != "number"}, "eps": "0,0.1", "limit": 10}
COLORIZE = {"colours": "", "n": 1, "classic": False, "hints": "[]", "checkpoint": "", "keep_background": True}


def test_good_arguments_pass():
    assert arguments(AttackArguments, **ATTACK).eps == 0.1
    assert arguments(CurveArguments, **CURVE).limit == 10
    assert arguments(ColorizeArguments, **{**COLORIZE, "colours": None}).n == 1


@pytest.mark.parametrize(
    ("kind", "good", "changes", "sentence"),
    [
        (AttackArguments, ATTACK, {"seed": -1}, "seed takes a number from 0 to 2147483647."),
        (AttackArguments, ATTACK, {"number": True}, "number takes a number from 0 to 2147483647."),
        (AttackArguments, ATTACK, {"seed": 1.5}, "seed takes a number from 0 to 2147483647."),
        (AttackArguments, ATTACK, {"classifier": ["cnn"]}, "classifier takes text."),
        (AttackArguments, ATTACK, {"eps": "much"}, "eps takes a number."),
        (CurveArguments, CURVE, {"limit": 0}, "limit takes a number from 1 to 10000."),
        (CurveArguments, CURVE, {"eps": 0.1}, "eps takes text."),
        (ColorizeArguments, COLORIZE, {"n": 17}, "n takes a number from 1 to 16."),
        (ColorizeArguments, COLORIZE, {"classic": "yes"}, "classic takes true or false."),
        (ColorizeArguments, COLORIZE, {"hints": []}, "hints takes text."),
    ],
)
def test_a_wrong_argument_is_named_in_one_sentence(kind, good, changes, sentence):
    with pytest.raises(StudioError) as e:
        arguments(kind, **{**good, **changes})
    assert str(e.value) == sentence


@pytest.mark.parametrize("options", ["{", "[]", "7", "[" * 100_000, '{"gan": "cgan"}', None])
def test_options_that_are_no_settings_are_refused(options, tmp_path):
    training = api.TrainingEndpoints(Studio(tmp_path, device="cpu"))
    with pytest.raises(StudioError, match=r"options takes (a JSON object|text)|no setting called 'gan'"):
        training.train_start(options=options)


def test_an_endpoint_returns_json_and_keeps_its_signature():
    def status(name: str = "a") -> RunStatus:
        return RunStatus(gan=name)

    wrapped = edge.as_json(status)
    assert wrapped("b") == edge.answer(RunStatus(gan="b"))
    assert list(inspect.signature(wrapped).parameters) == ["name"]


@pytest.mark.parametrize("side", [64, 128])
def test_a_picture_with_alpha_goes_out_on_white(side):
    picture = torch.full((4, side, side), 40, dtype=torch.uint8)
    picture[3] = 255
    picture[3, :, : side // 2] = 0
    data = base64.b64decode(edge.url(picture).split(",")[1])
    with Image.open(io.BytesIO(data)) as im:
        assert (im.mode, im.size) == ("RGB", (side, side))
        assert im.getpixel((side // 4, side // 2)) == (255, 255, 255)
        assert im.getpixel((side - side // 4, side // 2)) == (40, 40, 40)


def test_an_argument_is_sent_by_a_hidden_field_of_its_name_default_and_type():
    def endpoint(
        picture: str | None = None, colours: str = "", n: int = 2, strength: float = 0.5, classic: bool = True
    ) -> str:
        raise NotImplementedError

    kinds = ["file", "textbox", "number", "number", "checkbox"]
    widgets = fields.hidden(endpoint)
    assert [widget.get_block_name() for widget in widgets] == kinds
    assert [widget.label for widget in widgets] == list(inspect.signature(endpoint).parameters)
    assert [widget.value for widget in widgets] == [None, "", 2, 0.5, True]
    assert [widget.precision for widget in widgets[2:4]] == [0, None]
    assert not any(widget.visible for widget in widgets)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"seed": -1}, "Seed takes a whole number from 0"),
        ({"seed": None}, "Seed takes a whole number from 0"),
        ({"strength": 3}, "Strength goes from 0"),
        ({"hints": [{"x": 2, "y": 0, "colour": "red"}]}, "A hint's place"),
        ({"colors": "red"}, "no description of colors"),
        ({"tones": "2"}, "no description of colors"),
    ],
)
def test_a_description_of_colors_is_checked(values, sentence):
    with pytest.raises(StudioError, match=sentence):
        engine.colorize_spec(values)


def test_both_spellings_and_classes_by_number_are_read():
    old = engine.colorize_spec({"colours": ["teal"], "hints": [{"x": 0, "y": 1, "colour": "red"}], "label": 3})
    new = engine.colorize_spec({"colors": ["teal"], "hints": [{"x": 0.0, "y": 1.0, "color": "red"}], "label": "3"})
    assert old == new
    assert engine.colorize_spec({"label": "", "made by": "FashionGAN Studio"}) == engine.ColorizeSpec()
