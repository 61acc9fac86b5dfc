"""The Hub: the real client against a stand-in, well and in every kind of trouble."""

import socket
import threading
import time

import huggingface_hub
import pytest
import yaml
from fakehub import FakeHub
from huggingface_hub import constants

from fashiongan import checkpoint, cli, hub, limits
from fashiongan.errors import StudioError
from fashiongan.hub import client
from fashiongan.release import model_card


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hub:me/boots", hub.Place("me/boots")),
        ("me/boots", hub.Place("me/boots")),
        ("hub:me/boots/a.safetensors", hub.Place("me/boots", "a.safetensors")),
        ("hub:me/boots/old/a.safetensors@v1.0", hub.Place("me/boots", "old/a.safetensors", "v1.0")),
        ("hub:me/boots@0123abc", hub.Place("me/boots", None, "0123abc")),
    ],
)
def test_places_are_read_and_written(text, place):
    assert hub.parse(text) == place
    assert hub.parse(str(place)) == place


@pytest.mark.parametrize(
    "text", ["hub:", "hub:me", "hub:me/boots/a.bin", "hub:../../etc/passwd", "hub:me/a b", "hub:me/x/../y.safetensors"]
)
def test_a_bad_address_is_one_sentence(text):
    with pytest.raises(StudioError, match="names no checkpoint on the Hub: write hub:user/name"):
        hub.parse(text)


def test_a_checkpoint_is_loaded_from_the_hub_like_any_other(serve, weights):
    serve({"me/boots": {"boots.safetensors": weights, "README.md": b"# boots"}})
    gan = checkpoint.load("hub:me/boots")
    assert gan.recipe.gan == "cdcgan"
    assert checkpoint.info("hub:me/boots/boots.safetensors").step == 6


def test_a_pinned_file_is_fetched_once_and_then_no_request_is_sent(serve, weights):
    server = serve({"me/boots": {"boots.safetensors": weights}})
    place = hub.Place("me/boots", "boots.safetensors", server.sha("me/boots"))
    first = hub.fetch(place)
    requests = len(server.log)
    assert hub.fetch(place) == first
    assert len(server.log) == requests


def test_without_a_name_a_repository_must_hold_one_checkpoint(serve, weights):
    serve({"me/two": {"a.safetensors": weights, "b.safetensors": weights}, "me/none": {"README.md": b""}})
    with pytest.raises(StudioError, match=r"hub:me/two must name a file: its checkpoints are a.safetensors, b.saf"):
        hub.fetch(hub.parse("me/two"))
    with pytest.raises(StudioError, match="must name a file: its checkpoints are none"):
        hub.fetch(hub.parse("me/none"))
    with pytest.raises(StudioError, match=r"There is no c.safetensors in me/two: its checkpoints are a.safetensors, b"):
        hub.fetch(hub.parse("me/two/c.safetensors"))


@pytest.mark.parametrize(
    ("repo", "trouble", "sentence"),
    [
        ("me/nothing", None, "There is no such repository on the Hub, or it is private"),
        ("me/boots@v9", None, "That repository has no such revision"),
        ("me/boots", 403, "The Hub refuses: log in"),
        ("me/boots", 500, "The Hub answers with error 500: try again later"),
        pytest.param("me/boots", "cut", "cannot be reached, or the connection broke off", marks=pytest.mark.slow),
        ("me/boots", "other content", "arrived with other content than the Hub promised"),
    ],
)
def test_trouble_is_one_sentence(serve, weights, repo, trouble, sentence):
    serve({"me/boots": {"boots.safetensors": weights}}, trouble)
    with pytest.raises(StudioError, match=sentence) as caught:
        hub.fetch(hub.parse(repo))
    assert "\n" not in str(caught.value)
    assert "hf_good" not in str(caught.value)


def test_a_file_with_another_hash_is_not_cached(serve, weights):
    server = serve({"me/boots": {"boots.safetensors": weights}}, "other content")
    with pytest.raises(StudioError, match="other content"):
        hub.fetch(hub.parse("me/boots"))
    server.trouble = None
    assert hub.fetch(hub.parse("me/boots")).read_bytes() == weights


@pytest.mark.slow
def test_a_silent_hub_takes_three_seconds_and_no_more(serve, weights):
    serve({"me/boots": {"boots.safetensors": weights}}, "silent")
    begin = time.monotonic()
    with pytest.raises(StudioError, match=r"The Hub (did not answer within 3 s|cannot be reached)"):
        hub.fetch(hub.parse("me/boots"))
    assert time.monotonic() - begin < 4.5


def test_a_late_answer_does_not_hold_up_the_end_of_the_process():
    assert client.request(lambda: threading.current_thread().daemon)


def test_a_dead_network_is_reported_at_once(serve):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    serve.point_to(f"http://127.0.0.1:{port}")
    begin = time.monotonic()
    with pytest.raises(StudioError, match="The Hub cannot be reached"):
        hub.fetch(hub.parse("me/boots"))
    assert time.monotonic() - begin < 3.5


@pytest.mark.parametrize("address", ["hub:me/boots", "hub:me/boots/boots.safetensors"])
def test_without_the_hub_the_cached_file_is_used(serve, weights, address, monkeypatch):
    server = serve({"me/boots": {"boots.safetensors": weights}})
    first = hub.fetch(hub.parse(address))
    server.trouble = 503
    assert hub.fetch(hub.parse(address)).read_bytes() == first.read_bytes()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked_before = len(server.log)
    assert hub.fetch(hub.parse(address)).read_bytes() == first.read_bytes()
    assert len(server.log) == asked_before
    with pytest.raises(StudioError, match="HF_HUB_OFFLINE is set"):
        hub.fetch(hub.parse("me/other"))


def test_a_large_file_is_refused_before_it_is_fetched(serve, weights, monkeypatch):
    server = serve({"me/boots": {"boots.safetensors": weights}})
    monkeypatch.setattr(limits, "CHECKPOINT_BYTES", 1000)
    with pytest.raises(StudioError, match="is too large"):
        hub.fetch(hub.parse("me/boots"))
    assert not [entry for entry in server.log if "/resolve/" in entry[1]]


def test_push_sends_weights_card_and_pictures_that_pull_brings_back(serve, trained, weights, capsys, tmp_path):
    server = serve()
    assert cli.main(["push", str(trained), "--repo", "me/boots"]) == 0
    sent = server.repos["me/boots"]
    assert sent.keys() == {"mine.safetensors", "samples.png", "training.gif", "README.md"}
    assert sent["mine.safetensors"] == weights
    assert "hf_good" not in capsys.readouterr().err
    assert cli.main(["pull", "me/boots", "--out", str(tmp_path / "theirs")]) == 0
    assert (tmp_path / "theirs" / "checkpoint.safetensors").read_bytes() == weights


def test_the_card_is_made_from_the_header(trained):
    scores = {"frechet": {"value": 1.5, "real": 0.01}}
    checkpoint.annotate(
        trained / "checkpoint.safetensors",
        report={"n": 10_000, "judge": {"classifier": "cnn", "sha256": "0" * 64}, "scores": scores, "verdict": "Good."},
    )
    text = model_card.files(trained, "me/boots")["README.md"].decode()
    _, front, body = text.split("---\n", 2)
    assert yaml.safe_load(front)["license"] == "mit"
    assert "cdcgan" in yaml.safe_load(front)["tags"]
    assert checkpoint.info(trained).command in body
    assert "| Frechet distance ↓ | 1.5 | 0.01 |" in body
    assert 'checkpoint.load("hub:me/boots/mine.safetensors")' in body


@pytest.mark.parametrize(
    ("name", "tag", "begins", "use"),
    [
        ("enlarger", "image-to-image", "An **enlarger**", "enlarge studio --enlarger hub:me/x/enlarger.safetensors"),
        ("colorizer", "image-to-image", "A **colorizer**", "colorize picture.jpg --checkpoint hub:me/x/colorizer.s"),
        ("dcgan", "unconditional-image-generation", "A **dcgan**", 'checkpoint.load("hub:me/x/dcgan.safetensors")'),
    ],
)
def test_the_card_shows_how_each_kind_of_checkpoint_is_used(name, tag, begins, use):
    _, front, body = model_card.files(name, "me/x")["README.md"].decode().split("---\n", 2)
    assert yaml.safe_load(front)["pipeline_tag"] == tag
    assert begins in body
    assert use in body
    assert ("sample_images" in body) == (name == "dcgan")


def test_push_without_a_token_or_with_a_wrong_one_is_one_sentence(serve, trained, capsys, monkeypatch):
    serve(tokens=())
    assert cli.main(["push", str(trained), "--repo", "me/boots"]) == 2
    assert "The Hub refuses: log in with `hf auth login`" in capsys.readouterr().err
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    assert cli.main(["push", str(trained), "--repo", "me/boots"]) == 2
    assert "needs a token: run `hf auth login` once, or set HF_TOKEN." in capsys.readouterr().err
    assert cli.main(["push", str(trained), "--repo", "boots"]) == 2
    assert "names no checkpoint on the Hub" in capsys.readouterr().err


def test_pull_refuses_a_file_that_is_no_checkpoint_and_changes_no_run(serve, trained, weights, capsys):
    serve({"me/bad": {"bad.safetensors": b"hello"}, "me/boots": {"boots.safetensors": weights}})
    assert cli.main(["pull", "me/bad"]) == 2
    assert "is a text file and no checkpoint" in capsys.readouterr().err
    assert cli.main(["pull", "me/boots", "--out", str(trained)]) == 2
    assert "holds a run of your own" in capsys.readouterr().err


@pytest.fixture
def around(weights, tmp_path, monkeypatch):
    """A stand-in in the environment of the processes to come."""
    with FakeHub({"me/boots": {"boots.safetensors": weights}}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        yield server


@pytest.mark.slow
def test_the_command_line_meets_the_hub_of_its_environment(around, python):
    code, _, err = python("-m", "fashiongan", "pull", "me/boots")
    assert (code, err.count("\n")) == (0, 1), err
    code, out, err = python("-m", "fashiongan", "evaluate", "hub:me/nothing", "--json")
    assert (code, out) == (2, "")
    assert "There is no such repository on the Hub" in err
