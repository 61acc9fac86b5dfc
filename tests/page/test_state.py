"""The Sample tab's state without a browser: its address, its history, and the names of saved files."""

import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from fashiongan import limits
from fashiongan.errors import StudioError
from fashiongan.latent.spec import SampleSpec
from fashiongan.studio import in_color
from fashiongan.ui.sample import saves, state
from fashiongan.ui.sample.desk import along
from fashiongan.ui.sample.state import ALONE, NEAR, History, Values

SHEET = Values.of(SampleSpec("studio", 40, ways="measured"))
DRESS = SampleSpec("studio", 1, 7, "Dress", first=2, sliders=(1.5, 0.0), ways="measured")


def text(v):
    return parse_qs(state.address(v)[1:])[state.KEY][0]


@pytest.mark.parametrize(
    "v",
    [
        SHEET,
        replace(SHEET, seed=7, label="Dress", sliders=(1.5, 0, 0, 0, 0, -2.0), truncation=0.7, n=12, across=3),
        Values.of(DRESS),
        replace(SHEET, palette="Jewel"),
        replace(SHEET, base=replace(DRESS, n=40, first=0, liked="AAAA").to_json(), palette="#b03a2e, #000080"),
        replace(Values.of(DRESS), across=NEAR, far=0.7, mate="itself as Coat", share=0.3, cut=2, mate_seed=9),
    ],
)
def test_an_address_opens_as_the_same_values(v):
    assert state.opened(text(v)) == v


def test_a_garment_in_color_opens_in_its_color():
    assert Values.of(replace(DRESS, palette=("#b03a2e",))).palette == "#b03a2e"
    assert Values.of(replace(DRESS, palette=in_color.palette("Jewel"))).palette == "Jewel"


def test_an_address_is_short_where_nothing_was_moved():
    assert json.loads(text(SHEET)) == {"checkpoint": "studio", "version": 1}


def test_the_description_in_a_picture_opens_too():
    garment = state.opened(DRESS.to_json())
    assert (garment.across, garment.sliders[0], garment.name) == (ALONE, 1.5, "studio")
    sheet = state.opened(SampleSpec("dcgan", 12, 3, sliders=(1.0,), across=1).to_json())
    assert (sheet.locked, sheet.n, sheet.seed, sheet.across) == ("", 12, 3, 1)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("", "broken"),
        ("dear diary", "broken"),
        ("[1]", "broken"),
        ("[" * 100_000, "broken"),
        ('{"version": 1}', "broken"),
        ('{"version": 1, "checkpoint": "studio", "seed": "7"}', "broken"),
        ('{"version": 1, "checkpoint": "studio", "seed": 1e400}', "broken"),
        ('{"version": 1, "checkpoint": "studio", "ways": "sideways"}', "broken"),
        ('{"version": 1, "checkpoint": "studio", "garment": {"checkpoint": "dcgan"}}', "broken"),
        ('{"version": 1, "checkpoint": "studio", "sliders": [0, 0, 0, 0, 0, 0, 0]}', "broken"),
        ('{"version": 2, "checkpoint": "studio", "shape": "round"}', "another version"),
        ('{"checkpoint": "studio", "shape": "round"}', "not a description"),
    ],
)
def test_an_address_that_is_none_is_one_sentence(source, sentence):
    with pytest.raises(StudioError, match=sentence):
        state.opened(source)


def test_quick_moves_of_one_slider_are_undone_together():
    history = History().with_(SHEET, 0.0)
    for i in range(1, 6):
        history = history.with_(replace(SHEET, sliders=(i, 0, 0, 0, 0, 0)), 10 + i / 10)
    history = history.with_(replace(SHEET, sliders=(5, 1, 0, 0, 0, 0)), 10.6)
    history = history.with_(replace(SHEET, sliders=(6, 1, 0, 0, 0, 0)), 20)
    history = history.with_(replace(SHEET, sliders=(7, 1, 0, 0, 0, 0)), 30)
    assert [v.sliders[:2] for v in history.past] == [(0, 0), (5, 0), (5, 1), (6, 1), (7, 1)]


def test_what_was_undone_can_be_redone_until_something_else_is_done():
    other, third = replace(SHEET, seed=1), replace(SHEET, seed=2)
    history = History().with_(SHEET, 0).with_(other, 10)
    back = history.moved(-1)
    assert back.shown == SHEET
    assert back.with_(SHEET, 20) == back  # drawing it again is no change
    assert back.moved(1).shown == other
    with pytest.raises(StudioError, match="nothing to undo"):
        back.moved(-1)
    with pytest.raises(StudioError, match="nothing to redo"):
        back.with_(third, 20).moved(1)


def test_a_history_has_an_end():
    history = History()
    for i in range(limits.UNDO + 50):
        history = history.with_(replace(SHEET, seed=i), 10 * i)
    assert len(history.past) == limits.UNDO
    assert history.shown.seed == limits.UNDO + 49


@pytest.mark.parametrize(
    ("look", "name"),
    [
        (DRESS, "studio-seed7-dress-3"),
        (SampleSpec("studio", 1, 0, "T-shirt/top"), "studio-seed0-t-shirt-top-1"),
        (SampleSpec("studio", 40, 7), "studio-seed7-sheet-40"),
        (SampleSpec("runs/dcgan-1/best.safetensors", 9, 7), "dcgan-1-best-seed7-sheet-9"),
        (SampleSpec("studio", 1, 7, latents="AAAA"), "studio"),
        (SampleSpec("hub:a/b", 40, 7, across=2), "a-b-seed7-along-slider-2"),
    ],
)
def test_a_file_is_named_by_what_it_shows(look, name):
    assert saves.stem(look) == name


@pytest.mark.parametrize(
    ("slider", "grid"),
    [
        ("Darker … lighter, mostly", "from darker to lighter"),
        ("Direction 2: brightness, 0.62", "along Direction 2"),
        ("Code 1", "along Code 1"),
    ],
)
def test_a_grid_is_named_by_its_slider(slider, grid):
    assert along(slider) == grid
