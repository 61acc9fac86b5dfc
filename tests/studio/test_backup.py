"""Runs on a disk that does not last: a copy on the Hub, from which an interrupted run ends bit for bit as any other."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

import fashiongan
from fashiongan import checkpoint, limits
from fashiongan.errors import StudioError
from fashiongan.hub import ConflictError, Mirror, mirror
from fashiongan.studio import Studio


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(limits, "RUNS_PUSH", 0.05)
    monkeypatch.setattr(limits, "CATALOGUE_AGAIN", 0.2)


@pytest.fixture
def studio(tmp_path, idx_root):
    """studio(name): one whose runs are in that folder, and are kept in you/runs."""
    made = []

    def make(name, repo="you/runs"):
        made.append(Studio(tmp_path / name, data_root=str(idx_root), device="cpu", runs_repo=repo))
        return made[-1]

    yield make
    for one in made:
        one.stop()
        if one.runs.backup is not None:
            one.runs.backup.given_up = True  # or its thread would go on, in the next test


def until(true, seconds=60):
    begin = time.monotonic()
    while not true():
        assert time.monotonic() - begin < seconds
        time.sleep(0.02)


@pytest.fixture
def uninterrupted(studio):
    """uninterrupted(recipe): the weights of a run that nobody stops."""

    def run(recipe):
        whole = studio("whole", repo=None)
        whole.start(recipe)
        until(lambda: not whole.run.alive)
        return weights(whole.run.out)

    return run


def end(backup):
    """As when the process ends: what it is sending arrives, and nothing after that."""
    backup.given_up = True
    with backup.lock:  # its thread may be waiting for a change
        backup.changed.add("dcgan-1")
        backup.urgent = True
        backup.lock.notify()
    for thread in threading.enumerate():
        if getattr(thread, "_target", None) == backup.work:
            thread.join(60)
            assert not thread.is_alive()


def weights(folder):
    return checkpoint.load(folder / "checkpoint.safetensors").state_dict()


@pytest.mark.slow
def test_a_run_is_taken_up_again_on_an_empty_disk_and_ends_bit_for_bit(
    studio, serve, tiny, tmp_path, same, uninterrupted
):
    server = serve()
    recipe = tiny("dcgan", steps=400)
    first = studio("first")
    first.start(recipe)
    until(lambda: "dcgan-1/state.safetensors" in server.repos.get("you/runs", {}))
    first.stop()
    step = first.run.step
    assert step < 400
    until(
        lambda: (
            server.repos["you/runs"]["dcgan-1/state.safetensors"]
            == (tmp_path / "first/dcgan-1/state.safetensors").read_bytes()
        )
    )
    end(first.runs.backup)  # the Space is rebuilt
    shutil.rmtree(tmp_path / "first")
    again = studio("again")
    assert (again.status().state, again.status().step) == ("stopped", step)
    again.go_on()
    until(lambda: not again.run.alive)
    assert same(weights(again.run.out), uninterrupted(recipe))
    until(
        lambda: (
            server.repos["you/runs"]["dcgan-1/checkpoint.safetensors"]
            == (again.run.out / "checkpoint.safetensors").read_bytes()
        )
    )
    assert server.settings["you/runs"]["created"]["visibility"] == "private"
    assert again.runs.unkept == ""


STUDIO = """
import json, sys, time
import torch
from pathlib import Path
from fashiongan import gans, limits
from fashiongan.studio import Studio
limits.RUNS_PUSH = 0.05
torch.set_num_threads(THREADS)
folder, data, recipe = sys.argv[1:]
folder = Path(folder)
Studio(folder, data_root=data, device="cpu", runs_repo="you/runs").start(gans.new_recipe("dcgan", **json.loads(recipe)))
time.sleep(600)
"""


@pytest.mark.slow
def test_a_killed_process_whose_disk_is_wiped_loses_no_run(
    studio, serve, tiny, tmp_path, idx_root, same, uninterrupted
):
    server = serve()
    recipe = tiny("dcgan", steps=800)
    chosen = {k: getattr(recipe, k) for k in ("width", "z_dim", "batch", "steps")}
    child = subprocess.Popen(
        [
            sys.executable,
            "-c",
            STUDIO.replace("THREADS", str(torch.get_num_threads())),
            tmp_path / "first",
            idx_root,
            json.dumps(chosen),
        ],
        env={**os.environ, "HF_ENDPOINT": server.url, "HF_TOKEN": "hf_good", "HF_HOME": str(tmp_path / "home")},
        cwd=Path(fashiongan.__file__).parents[1],
    )
    try:
        until(lambda: "dcgan-1/state.safetensors" in server.repos.get("you/runs", {}))
    finally:
        child.kill()  # SIGKILL: nothing is saved, nothing is sent
        child.wait()
    shutil.rmtree(tmp_path / "first")
    again = studio("again")
    step = again.status().step
    assert again.status().state == "stopped"
    assert 0 < step < 800
    again.go_on()
    until(lambda: not again.run.alive)
    assert same(weights(again.run.out), uninterrupted(recipe))


@pytest.mark.slow
def test_two_studios_that_write_to_one_repository_lose_nothing(studio, serve, tiny, tmp_path):
    server = serve({"you/runs": {}})
    one, two = studio("one"), studio("two")
    one.start(tiny("dcgan", steps=20))
    until(lambda: "dcgan-1/state.safetensors" in server.repos["you/runs"] and not one.run.alive)
    until(lambda: "dcgan-1/training.gif" in server.repos["you/runs"])
    kept = dict(server.repos["you/runs"])
    two.start(tiny("lsgan", steps=20))
    until(lambda: two.runs.unkept)
    assert two.runs.unkept in two.status().remarks
    assert two.runs.unkept == (
        "Another studio writes to you/runs, so this one's runs stay on its own disk: give each a repository of its own "
        "in FASHIONGAN_RUNS_REPO, and start again."
    )
    until(lambda: not two.run.alive)
    assert server.repos["you/runs"] == kept
    assert (tmp_path / "two/lsgan-1/state.safetensors").exists()
    third = Mirror("you/runs", tmp_path / "two")  # the second one, started again
    third.restore()
    third.push("lsgan-1")
    assert server.repos["you/runs"].keys() > kept.keys()
    assert (tmp_path / "two/dcgan-1/state.safetensors").read_bytes() == kept["dcgan-1/state.safetensors"]


@pytest.mark.slow
def test_an_answer_that_came_too_late_is_no_other_studio(serve, trained, tmp_path):
    server = serve()
    shutil.copytree(trained, tmp_path / "runs/mine")
    mine = Mirror("you/runs", tmp_path / "runs")
    mine.restore()
    mine.push("mine")
    mine.head, mine.sent = "0" * 40, {}  # as if the answer had not arrived
    mine.push("mine")
    mine.head, mine.sent = "0" * 40, {}
    server.titles["you/runs"] = "somebody saves mine"
    with pytest.raises(ConflictError, match="Another studio writes to you/runs"):
        mine.push("mine")


@pytest.mark.slow
def test_a_run_that_went_further_there_is_taken_and_one_that_went_further_here_stays(serve, trained, tmp_path):
    server = serve()
    here = tmp_path / "runs" / "mine"
    shutil.copytree(trained, here)
    Mirror("you/runs", tmp_path / "runs").restore()
    mine = Mirror("you/runs", tmp_path / "runs")
    mine.restore()
    mine.push("mine")
    log = here / "log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(b'{"step": 1}\n')
    Mirror("you/runs", tmp_path / "runs").restore()
    assert log.read_bytes() == whole
    log.write_bytes(whole + b'{"step": 999}\n')
    Mirror("you/runs", tmp_path / "runs").restore()
    assert log.read_bytes() == whole + b'{"step": 999}\n'
    server.repos["you/runs"]["mine/recipe.json"] = b"{}"
    with pytest.raises(StudioError, match="mine here and in you/runs are different runs: give one of the folders"):
        Mirror("you/runs", tmp_path / "runs").restore()
    assert log.read_bytes() == whole + b'{"step": 999}\n'


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        pytest.param(
            "silent",
            "Runs are not kept in you/runs for now: The Hub did not answer within 1 s.",
            marks=pytest.mark.slow,
        ),
        (500, "Runs are not kept in you/runs for now: The Hub answers with error 500: try again later."),
    ],
)
def test_a_hub_that_does_not_answer_delays_nothing_but_the_copy(studio, serve, tiny, trouble, sentence, monkeypatch):
    monkeypatch.setattr(limits, "HUB_ANSWER", 0.4)
    server = serve({"you/runs": {}}, trouble=trouble)
    begin = time.monotonic()
    one = studio("one")
    assert time.monotonic() - begin < 8
    assert one.runs.unkept == sentence
    one.start(tiny("dcgan", steps=20))
    until(lambda: not one.run.alive)
    assert one.status().state == "finished"
    monkeypatch.setattr(limits, "HUB_ANSWER", 3.0)
    server.trouble = None
    until(lambda: "dcgan-1/state.safetensors" in server.repos["you/runs"])
    until(lambda: one.runs.unkept == "")


def test_a_token_without_the_right_to_write_is_one_sentence(studio, serve, tiny):
    serve({"you/runs": {}}, tokens=("another",))
    one = studio("one")
    one.start(tiny("dcgan", steps=20))
    until(lambda: one.runs.unkept)
    assert one.runs.unkept.startswith("Runs are not kept in you/runs for now: The Hub refuses: log in")
    until(lambda: not one.run.alive)
    assert (one.run.out / "state.safetensors").exists()


def test_a_full_disk_is_one_sentence_and_harms_nothing(serve, trained, tmp_path, monkeypatch):
    server = serve({"you/runs": {f"mine/{p.name}": p.read_bytes() for p in trained.iterdir() if p.suffix}})
    kept = dict(server.repos["you/runs"])

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(mirror.Path, "mkdir", full)
    with pytest.raises(StudioError, match="The runs in you/runs cannot be stored in"):
        Mirror("you/runs", tmp_path / "runs").restore()
    monkeypatch.undo()
    assert server.repos["you/runs"] == kept
    assert not (tmp_path / "runs/mine").exists()


def test_only_what_a_run_consists_of_is_fetched(serve, tmp_path):
    files = {"../x/recipe.json": b"{}", "mine/recipe.json": b"{}", "mine/evil.py": b"", "mine/samples/../../a.png": b""}
    serve({"you/runs": files})
    Mirror("you/runs", tmp_path / "runs").restore()
    assert [p.relative_to(tmp_path / "runs").as_posix() for p in (tmp_path / "runs").rglob("*") if p.is_file()] == [
        "mine/recipe.json"
    ]
