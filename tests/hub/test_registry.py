"""Checkpoints by name: the studio's lists with the Hub in them, and without it."""

import time

import pytest
import torch

from fashiongan import checkpoint, gans, hub, limits
from fashiongan.errors import StudioError
from fashiongan.hub import registry
from fashiongan.studio import Studio, rights


@pytest.fixture
def studio(tmp_path, idx_root):
    """studio(**settings): one with a folder of its own."""
    return lambda **settings: Studio(tmp_path / "runs", str(idx_root), "cpu", **settings)


def test_a_place_on_the_hub_is_drawn_from_fetched_once_and_then_listed(studio, serve, weights):
    server, studio = serve({"me/boots": {"boots.safetensors": weights}}), studio()
    gan = studio.gan("hub:me/boots")
    assert gan.sample_images(2, 0).shape == (2, 1, 28, 28)
    assert "hub:me/boots" in studio.names()
    requests = len(server.log)
    assert studio.gan("hub:me/boots") is gan
    assert len(server.log) == requests


def test_a_revision_is_pinned_by_its_commit(studio, serve, weights):
    server, studio = serve({"me/boots": {"boots.safetensors": weights}}), studio()
    pinned = f"hub:me/boots/boots.safetensors@{server.sha('me/boots')}"
    assert studio.gan(pinned).recipe.gan == "cdcgan"
    with pytest.raises(StudioError, match="no such revision"):
        studio.gan("hub:me/boots@" + "0" * 40)


def test_a_failed_hub_is_not_requested_again_at_every_slider_move(studio, serve, monkeypatch):
    server, studio = serve({}), studio()
    for _ in range(3):
        with pytest.raises(StudioError, match="There is no such repository"):
            studio.gan("hub:me/boots")
    assert len(server.log) == 1
    monkeypatch.setattr(limits, "HUB_AGAIN", 0.0)
    with pytest.raises(StudioError, match="There is no such repository"):
        studio.gan("hub:me/boots")
    assert len(server.log) == 2


def test_a_file_that_is_no_checkpoint_is_refused_and_not_listed(studio, serve):
    serve({"me/bad": {"bad.safetensors": b"hello"}})
    studio = studio()
    with pytest.raises(StudioError, match="is a text file and no checkpoint"):
        studio.gan("hub:me/bad")
    assert "hub:me/bad" not in studio.names()


@pytest.mark.parametrize("name", [None, 7, ["dcgan"], {"path": "/etc/passwd"}, "/etc/passwd", "../dcgan", ""])
def test_a_name_that_is_not_listed_is_refused_whatever_it_is(studio, name):
    with pytest.raises(StudioError, match=r"There is no checkpoint .* here: choose one from the list, or name one on"):
        studio().gan(name)


def test_the_catalogue_is_listed_after_the_bundled_ones(studio, serve, weights):
    serve({"us/all": {"b.safetensors": weights, "a.safetensors": weights, "README.md": b""}})
    studio = studio(catalogue="us/all")
    assert studio.names() == registry.bundled()  # no request is sent before the list is opened
    assert studio.library.look_up() == ""
    assert studio.names() == [*registry.bundled(), "hub:us/all/a.safetensors", "hub:us/all/b.safetensors"]
    assert studio.gan("hub:us/all/a.safetensors").recipe.gan == "cdcgan"


def test_a_catalogue_at_a_revision_lists_that_revision(studio, serve, weights):
    server = serve({"us/all": {"a.safetensors": weights}})
    studio = studio(catalogue=f"us/all@{server.sha('us/all')}")
    assert studio.library.look_up() == ""
    assert f"hub:us/all/a.safetensors@{server.sha('us/all')}" in studio.names()


@pytest.mark.parametrize(
    ("catalogue", "trouble", "why"),
    [
        ("us/all", 404, "the Hub answers with error 404: try again later."),
        ("us/all", 401, "the Hub refuses: log in with `hf auth login`, or use a token that may do this."),
        ("us/none", None, "there is no such repository on the Hub, or it is private: check its name, or log in."),
        ("us/all@v9", None, "that repository has no such revision: use main, a tag, or a commit id."),
        ("all", None, "'all' names no checkpoint on the Hub: write hub:user/name"),
    ],
)
def test_a_missing_catalogue_is_one_sentence_and_the_bundled_ones_stay(studio, serve, weights, catalogue, trouble, why):
    serve({"us/all": {"a.safetensors": weights}}, trouble)
    studio = studio(catalogue=catalogue)
    message = studio.library.look_up()
    assert message.startswith(f"Only the bundled checkpoints are here for now, {catalogue} is missing: {why}")
    assert "hf_good" not in message
    assert studio.names() == registry.bundled()


@pytest.mark.slow
def test_a_silent_catalogue_takes_three_seconds_once(studio, serve):
    serve({}, "silent")
    studio = studio(catalogue="us/all")
    begin = time.monotonic()
    assert "is missing: the Hub" in studio.library.look_up()
    assert time.monotonic() - begin < 4.5
    begin = time.monotonic()
    assert studio.library.look_up()
    assert time.monotonic() - begin < 0.1


@pytest.mark.parametrize(
    ("trouble", "why"),
    [pytest.param("cut", "broke off", marks=pytest.mark.slow), ("other content", "other content than the Hub")],
)
def test_a_catalogue_s_checkpoint_that_arrives_broken_is_refused_and_the_bundled_ones_stay(
    studio, serve, weights, trouble, why
):
    server = serve({"us/all": {"a.safetensors": weights}})
    studio = studio(catalogue="us/all")
    assert studio.library.look_up() == ""
    server.trouble = trouble
    with pytest.raises(StudioError, match=why):
        studio.gan("hub:us/all/a.safetensors")
    assert studio.gan("dcgan").recipe.gan == "dcgan"


def test_a_public_page_fetches_from_its_catalogue_only(studio, serve, weights):
    server = serve({"us/all": {"a.safetensors": weights}, "me/boots": {"boots.safetensors": weights}})
    studio = studio(public=True, catalogue="us/all")
    assert studio.gan("hub:us/all/a.safetensors").recipe.gan == "cdcgan"
    requests = len(server.log)
    with pytest.raises(StudioError, match=r"is off on this public page: .*“Duplicate this Space”.*`make app`"):
        studio.gan("hub:me/boots")
    assert len(server.log) == requests


def test_a_stranger_s_header_opens_no_folder_here(studio, serve, weights, colored, tmp_path):
    """A checkpoint that names a folder of this machine as its data set does not expose that folder's pictures."""
    from fashiongan.studio import compare

    path = tmp_path / "model.safetensors"
    path.write_bytes(weights)
    with checkpoint.opened(path) as (f, header):
        tensors = {k: f.get_tensor(k) for k in f.keys()}  # noqa: SIM118
    recipe = gans.recipe_from_json(header["recipe"]).replace(data=str(colored))
    checkpoint.write(path, tensors, header | {"recipe": recipe.to_json()})
    serve({"me/spy": {"spy.safetensors": path.read_bytes()}})
    studio = studio()
    rows = compare.neighbours(studio, ["hub:me/spy", "hub:me/spy"][:1], 0)
    error = "The pictures that hub:me/spy was trained on are not here."
    assert rows == [compare.NeighbourRow("hub:me/spy", error=error)]
    assert len(studio.datasets.kept) == 0


def test_a_file_that_a_listing_cannot_name_is_left_out(serve, weights):
    serve({"us/all": {"a.safetensors": weights, "b c.safetensors": weights, "d.txt": b""}})
    assert hub.listing(hub.parse("us/all")) == [hub.Place("us/all", "a.safetensors")]


PUBLIC = r"is off on this public page: make it your own with “Duplicate this Space” in the Space's menu, or run .+\.$"


def test_a_public_studio_trains_scores_and_opens_nothing(studio, tiny, colored):
    from fashiongan import classifiers
    from fashiongan.studio.robustness import RobustnessService

    studio = studio(public=True)
    lab = RobustnessService(studio)
    for what, request in (
        ("Training", lambda: studio.start(tiny("dcgan"))),
        ("Training", lambda: studio.enqueue(tiny("dcgan"))),
        ("Training", studio.go_on),
        ("Training", studio.pause),
        ("Training", studio.stop),
        ("Training", lambda: studio.cancel(1)),
        ("Training", lambda: lab.start_fit(classifiers.recipe("dense", epochs=1))),
        ("Scoring", lambda: studio.score(["dcgan"])),
        ("Opening a folder", lambda: studio.garments(str(colored), 28)),
    ):
        with pytest.raises(StudioError, match=f"^{what} {PUBLIC}"):
            request()
    assert studio.gan("dcgan").sample_images(1, 0).dtype == torch.uint8
    assert len(studio.garments("fashion-mnist", 28)) == 600


def test_a_public_curve_is_bounded(studio):
    from fashiongan.studio.robustness import RobustnessService

    lab = RobustnessService(studio(public=True))
    with pytest.raises(StudioError, match=r"This takes 280,000 passes, and a public page does 100,000 at most: choose"):
        lab.start_curve(["dense"], ["ensemble"], "0.1", ["none"], 40)
    lab.start_curve(["dense"], ["fgsm"], "0,0.1", ["none"], 40)
    while lab.curves.job.alive:
        time.sleep(0.01)
    assert lab.curves.job.error is None


def test_what_the_owner_fetched_is_not_everybody_s(tmp_path, serve, weights):
    serve({"you/private": {"g.safetensors": weights}})
    studio = Studio(tmp_path / "runs", public=True)
    studio.caller = lambda: rights.Caller("you", owner=True)
    studio.path("hub:you/private/g.safetensors")
    assert "hub:you/private/g.safetensors" in studio.names()
    studio.caller = lambda: rights.STRANGER
    assert "hub:you/private/g.safetensors" not in studio.names()
    with pytest.raises(StudioError, match="Fetching what a visitor names is off"):
        studio.path("hub:you/private/g.safetensors")
