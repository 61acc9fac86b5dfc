"""Training for some minutes: what comes first, what is kept, and what takes a bundled checkpoint's place."""

import signal

import pytest
import torch

from fashiongan import checkpoint
from fashiongan.checkpoint import HeaderInfo
from fashiongan.classifiers import store
from fashiongan.errors import StudioError
from fashiongan.hub import registry
from fashiongan.release import bundle, stretch

SMALL = {"width": 8, "z_dim": 16, "batch": 16, "limit": 100, "epochs": 2}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder of checkpoints beside a README, and three recipes that train in a moment."""
    monkeypatch.setattr(registry, "BUNDLED", tmp_path / "checkpoints")
    monkeypatch.setattr(store, "BUNDLED", tmp_path / "checkpoints" / "classifiers")
    recipes = {name: {"gan": gan, **SMALL} for name, gan in (("one", "dcgan"), ("two", "lsgan"), ("three", "ragan"))}
    monkeypatch.setattr(bundle, "BUNDLED", {})
    monkeypatch.setattr(bundle, "NEXT", recipes)
    (tmp_path / "README.md").write_text(f"{bundle.BEGIN}\n{bundle.END}", encoding="utf-8")
    return tmp_path / "checkpoints"


class Runs:
    """Processes that are not started: each ends after so many polls, or when it is interrupted."""

    def __init__(self, folder, looks):
        self.folder, self.looks, self.begun, self.interrupted = folder, looks, [], []

    def __call__(self, name, folder, device):
        assert folder == self.folder
        self.begun.append(name)
        runs = self

        class Process:
            left = runs.looks.get(name, 10**9)

            def poll(self):
                self.left -= 1
                return None if self.left > 0 else 0

            def send_signal(self, which):
                assert which == signal.SIGINT
                runs.interrupted.append(name)

            def wait(self):
                return 0

        return Process()


@pytest.fixture
def clock(monkeypatch):
    """A clock that advances by a second at each reading, and never sleeps."""
    seconds = iter(range(10**6))
    monkeypatch.setattr(stretch, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(stretch, "sleep", lambda _: None)


def test_color_comes_first_then_what_is_missing_then_what_is_furthest_above_its_goal(monkeypatch):
    distances = {"dcgan": 0.8, "began": 5.0, "wgan": 1.5}  # over the goals: 2, 2.5 and 1.5
    monkeypatch.setattr(registry, "bundled", lambda: list(distances))
    monkeypatch.setattr(
        checkpoint, "info", lambda name: HeaderInfo(report={"scores": {"frechet": {"value": distances[name]}}})
    )
    names = ["wgan", "dcgan", "lsgan", "began", "enlarger", "garments-128"]
    assert stretch.order(names) == ["garments-128", "enlarger", "lsgan", "began", "dcgan", "wgan"]


@pytest.mark.parametrize("minutes", [0, 0.5, -3, float("nan")])
def test_too_few_minutes_say_how_many_are_needed(minutes, tmp_path):
    with pytest.raises(StudioError, match="give 1 or more"):
        next(stretch.stretch(["one"], minutes, tmp_path))


def test_runs_go_side_by_side_and_are_interrupted_in_time_to_save(place, tmp_path, monkeypatch, clock):
    runs = Runs(tmp_path / "runs", {"one": 3})
    monkeypatch.setattr(stretch, "begin", runs)
    seen = list(stretch.stretch(["one", "two", "three"], 2, tmp_path / "runs", at_once=2))
    assert runs.begun == ["one", "two", "three"]
    assert max(len(p.running) for p in seen) == 2
    assert sorted(runs.interrupted) == ["three", "two"], "what had ended is not interrupted"
    assert seen[-2].seconds <= 120 - stretch.SAVING
    assert seen[-1].ended == ("one", "two", "three")
    assert seen[-1].brought == ()


def test_a_gpu_has_four_at_a_time_and_a_cpu_one(place, tmp_path, monkeypatch, clock):
    for device, at_once in (("cuda:0", 4), ("cpu", 1)):
        monkeypatch.setattr(stretch, "begin", Runs(tmp_path, {}))
        names = [str(i) for i in range(6)]
        assert len(next(stretch.stretch(names, 5, tmp_path, device)).running) == at_once


def test_a_better_checkpoint_replaces_the_bundled_one_and_a_worse_one_does_not(place, tmp_path, monkeypatch):
    list(bundle.trained("one", tmp_path / "runs"))
    assert not stretch.better("two", tmp_path / "runs" / "two"), "no run, nothing better"
    assert stretch.better("one", tmp_path / "runs" / "one"), "there was none"
    bundle.bring("one", tmp_path / "runs" / "one")
    distances = iter([2.0, 3.0, 3.0, 2.0])
    monkeypatch.setattr(stretch, "Quick", type("Scorer", (), {
        "__init__": lambda self, data, device: None, "can": staticmethod(lambda r: True),
        "distance": lambda self, gan, net: next(distances),
    }))  # fmt: skip
    assert stretch.better("one", tmp_path / "runs" / "one")
    assert not stretch.better("one", tmp_path / "runs" / "one")


@pytest.mark.slow
def test_runs_are_packed_into_small_files_and_come_back_bit_by_bit(place, tmp_path, monkeypatch):
    ticks = bundle.trained("one", tmp_path / "runs")
    next(ticks)
    ticks.close()
    list(bundle.trained("two", tmp_path / "runs"))
    monkeypatch.setattr(stretch, "PART", 150_000)
    assert stretch.pack(["one", "two", "three"], tmp_path / "runs", tmp_path / "keep") == ["one", "two"]
    parts = list((tmp_path / "keep").iterdir())
    assert 1 < len(parts) <= stretch.PARTS
    assert all(p.stat().st_size <= 150_000 for p in parts)
    assert stretch.unpack(tmp_path / "keep", tmp_path / "again") == ["one", "two"]
    state = "one/state.safetensors"
    assert (tmp_path / "again" / state).read_bytes() == (tmp_path / "runs" / state).read_bytes()
    assert stretch.unpack(tmp_path / "keep", tmp_path / "again") == [], "what is there already stays"
    assert stretch.left(["one", "two", "three"], tmp_path / "again") == ["one", "three"]
    for runs in ("again", "runs"):
        list(bundle.trained("one", tmp_path / runs))
    with (
        checkpoint.opened(tmp_path / "again" / state) as (a, _),
        checkpoint.opened(tmp_path / "runs" / state) as (b, _),
    ):
        assert all(torch.equal(a.get_tensor(k), b.get_tensor(k)) for k in a.keys())  # noqa: SIM118


@pytest.mark.slow
def test_files_beyond_the_limit_are_left_out_last_first(place, tmp_path, monkeypatch):
    for name in ("one", "two"):
        list(bundle.trained(name, tmp_path / "runs"))
    size = sum(f.stat().st_size for f in (tmp_path / "runs" / "one").iterdir() if f.name in stretch.KEPT)
    monkeypatch.setattr(stretch, "PART", size // 4)
    assert stretch.pack(["one", "two"], tmp_path / "runs", tmp_path / "keep") == ["one"]


def test_a_missing_part_is_one_sentence(place, tmp_path, monkeypatch):
    list(bundle.trained("one", tmp_path / "runs"))
    monkeypatch.setattr(stretch, "PART", 100_000)
    stretch.pack(["one"], tmp_path / "runs", tmp_path / "keep")
    (tmp_path / "keep" / f"{stretch.PACKED}0").unlink()
    with pytest.raises(StudioError, match="not whole"):
        stretch.unpack(tmp_path / "keep", tmp_path / "again")
    assert stretch.unpack(tmp_path / "nothing", tmp_path / "again") == []
