"""A run goes on where its pictures have moved, if they are the same."""

import json
import shutil
import time
import zipfile

import pytest
import torch
from PIL import Image

from fashiongan import cli, gans
from fashiongan.errors import StudioError
from fashiongan.gans import recipe as recipes
from fashiongan.studio import Studio
from fashiongan.training import run_folder


def fill(place, shade=0):
    for kind in ("hat", "shoe"):
        (place / kind).mkdir(parents=True)
        for i in range(8):
            Image.effect_noise((28, 28), 40 + 5 * i + shade).save(place / kind / f"{i}.png")
    return place


@pytest.fixture
def data(tmp_path):
    return fill(tmp_path / "data")


def small(data, **changes):
    return gans.new_recipe("cdcgan", data=str(data), batch=4, steps=6, width=8, z_dim=8, **changes)


@pytest.fixture
def stopped(data, tmp_path):
    """A run that was stopped after two of its six steps, and its pictures."""
    out = tmp_path / "run"
    ticks = run_folder.train(run_folder.start(small(data), out), out, every=1)
    next(ticks), next(ticks)
    ticks.close()
    return out


def moved(data, how):
    """The same pictures at another place."""
    place = data.with_name("elsewhere")
    if how == "renamed":
        return data.rename(place)
    if how == "zipped":
        with zipfile.ZipFile(place.with_suffix(".zip"), "w") as z:
            for file in data.rglob("*.png"):
                z.write(file, f"archive/{file.relative_to(data)}")
        shutil.rmtree(data)
        return place.with_suffix(".zip")
    shutil.copytree(data, place / "archive/data")
    shutil.rmtree(data)
    return place


@pytest.mark.parametrize("how", ["renamed", "zipped", "deeper"])
def test_a_run_goes_on_exactly_with_the_same_pictures_elsewhere(how, stopped, data, tmp_path, capsys):
    whole = run_folder.start(small(data), tmp_path / "whole")
    list(run_folder.train(whole, tmp_path / "whole"))
    place = moved(data, how)
    assert cli.train(["--resume", str(stopped), "--device", "cpu"]) == 2
    assert f"The pictures of this run are not in {data} any more: say where they are now" in capsys.readouterr().err
    assert cli.train(["--resume", str(stopped), "--data", str(place), "--device", "cpu"]) == 0
    assert json.loads((stopped / "recipe.json").read_text(encoding="utf-8"))["data"] == str(place)
    again = run_folder.resume(stopped)
    assert again.step == 6
    for name, value in whole.gan.state_dict().items():
        assert torch.equal(value, again.gan.state_dict()[name]), name


def test_other_pictures_are_refused(stopped, data, tmp_path, capsys):
    other = fill(tmp_path / "other", 1)
    assert cli.train(["--resume", str(stopped), "--data", str(other), "--device", "cpu"]) == 2
    assert f"The pictures in {other} are not those that the run in {stopped} is trained on" in capsys.readouterr().err
    (stopped / "data.json").write_text("{", encoding="utf-8")
    with pytest.raises(StudioError, match="has kept no digest of its pictures"):
        run_folder.resume(stopped, data=str(data))
    assert run_folder.resume(stopped).step == 2, "at their old place they need no digest"


def test_pictures_that_have_changed_at_their_place_are_remarked(stopped, data):
    assert not [r for r in run_folder.resume(stopped).data.remarks if "changed" in r]
    Image.effect_noise((28, 28), 90).save(data / "hat/0.png")
    assert run_folder.resume(stopped).data.remarks[0] == (
        f"The pictures in {data} have changed since the run began: it goes on with those of now."
    )


def test_the_page_resumes_with_the_folder_in_its_field(stopped, data, tmp_path):
    runs = tmp_path / "runs"
    runs.mkdir()
    stopped.rename(runs / "cdcgan-1")
    place = moved(data, "renamed")
    studio = Studio(runs, device="cpu")
    with pytest.raises(StudioError, match=r"The pictures of this run are not in|no data called"):
        studio.go_on()
    run = studio.go_on(data=str(place))
    while run.alive:
        time.sleep(0.05)
    assert run.state == "finished"
    assert run.recipe.data == str(place)


def test_the_garments_of_fashion_mnist_have_a_digest_too(garments):
    assert len(garments.digest) == 64
    assert recipes.flags(small("x")).startswith(" --data x")
