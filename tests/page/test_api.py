"""The endpoints that programs call, through gradio_client."""

import json
import time

import pytest
from gradio_client import Client, handle_file
from PIL import Image, ImageDraw

from fashiongan.errors import StudioError
from fashiongan.ui.shared import show

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def client(url):
    return Client(url, verbose=False)


def test_exactly_the_promised_endpoints(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert sorted(endpoints) == [
        "/attack",
        "/colorize",
        "/cutout",
        "/enlarge",
        "/robustness_curve",
        "/sample",
        "/train_start",
        "/train_status",
        "/train_stop",
    ]
    for endpoint in endpoints.values():
        assert all(p["parameter_has_default"] for p in endpoint["parameters"])
        assert endpoint["description"]


def test_sample(client):
    path = client.predict("cdcgan", "Dress", 6, 3, api_name="/sample")
    with Image.open(path["path"] if isinstance(path, dict) else path) as im:
        look = json.loads(im.info["fashiongan"])
    assert (look["checkpoint"], look["label"], look["n"], look["seed"]) == ("cdcgan", "Dress", 6, 3)


def test_sample_refuses_in_one_sentence(client):
    for arguments, sentence in (
        (["nosuch"], "There is no checkpoint 'nosuch' here"),
        (["../../etc/passwd"], "There is no checkpoint"),
        (["cdcgan", "Hat"], "no class 'Hat'"),
        (["cdcgan", "Dress", 6, -1], "Seed takes a number from 0 to"),
    ):
        with pytest.raises(Exception, match=sentence):
            client.predict(*arguments, api_name="/sample")


def test_cutout(client, tmp_path):
    im = Image.new("RGB", (90, 60), "white")
    ImageDraw.Draw(im).rectangle((30, 15, 59, 44), "#204080")
    im.save(tmp_path / "a.png")
    path, note = client.predict(picture=handle_file(str(tmp_path / "a.png")), api_name="/cutout")
    with Image.open(path) as out:
        assert (out.mode, out.size) == ("RGBA", (90, 60))
        assert out.getpixel((45, 30))[3] == 255
        assert out.getpixel((5, 5))[3] == 0
    assert note == ""
    path, _ = client.predict(handle_file(str(tmp_path / "a.png")), "#ff0000", api_name="/cutout")
    with Image.open(path) as out:
        assert out.getpixel((5, 5)) == (255, 0, 0, 255)


def test_enlarge_takes_a_checkpoint_and_refuses_no_input_in_one_sentence(client):
    (path,) = client.predict(checkpoint="studio", label="Dress", api_name="/enlarge")
    with Image.open(path) as im:
        assert (im.mode, im.size) == ("RGBA", (128, 128))
    with pytest.raises(Exception, match="Give a picture of 28 x 28 gray pixels, or the checkpoint"):
        client.predict(api_name="/enlarge")


def test_cutout_refuses_in_one_sentence(client, tmp_path):
    (tmp_path / "a.png").write_text("no picture", encoding="utf-8")
    with pytest.raises(Exception, match="Give a picture of a garment"):
        client.predict(api_name="/cutout")
    with pytest.raises(Exception, match="no picture that can be read"):
        client.predict(handle_file(str(tmp_path / "a.png")), api_name="/cutout")


def test_start_status_and_stop(client, studio):
    options = json.dumps({"width": 8, "z_dim": 16})
    status = client.predict(gan="cdcgan", steps=1_000_000, batch=16, options=options, api_name="/train_start")
    assert status["state"] == "running"
    deadline = time.monotonic() + 30
    while not status["losses"] and time.monotonic() < deadline:
        time.sleep(0.1)
        status = client.predict(api_name="/train_status")
    assert set(status) >= {
        "state",
        "gan",
        "step",
        "steps",
        "epoch",
        "losses",
        "images_per_second",
        "seconds_left",
        "error",
    }
    assert status["gan"] == "cdcgan"
    assert status["seconds_left"] > 0
    assert set(status["losses"]) >= {"d_loss", "g_loss", "d_accuracy_real", "d_accuracy_fake"}
    with pytest.raises(Exception, match="cdcgan is being trained here"):
        client.predict(api_name="/train_start")
    status = client.predict(api_name="/train_stop")
    assert status["state"] == "stopped"
    assert status["checkpoint"] in studio.names()
    path = client.predict(status["checkpoint"], api_name="/sample")
    assert path


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"gan": "nosuch"}, "There is no GAN called 'nosuch'"),
        ({"options": "{"}, "options takes a JSON object"),
        ({"options": '{"nosuch": 1}'}, "dcgan has no setting called 'nosuch'"),
        ({"size": 30}, "size cannot be 30"),
    ],
)
def test_start_refuses_in_one_sentence(client, arguments, sentence):
    with pytest.raises(Exception, match=sentence):
        client.predict(**arguments, api_name="/train_start")


def test_stop_without_a_run_is_harmless(client):
    assert client.predict(api_name="/train_stop")["state"] in ("idle", "stopped", "finished", "failed")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), None, True, "1", -0.1, 1.6])
def test_what_a_slider_lets_through_is_checked_again(value):
    with pytest.raises(StudioError, match=r"How varied takes a number from 0 to 1\.5"):
        show.number(value, 0, 1.5, "How varied")
