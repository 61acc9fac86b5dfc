"""Nobody waits for what is none of theirs: a slider for a folder, Start for an estimate, a duel for half a queue."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest

from fashiongan import gans, limits
from fashiongan.data import datasets
from fashiongan.errors import StudioError
from fashiongan.latent import spec
from fashiongan.studio import Studio
from fashiongan.training import recommend


@pytest.fixture
def studio(tmp_path, idx_root, tiny, garments):
    from fashiongan import checkpoint

    gan = gans.build(tiny("dcgan"))
    checkpoint.save(tmp_path / "runs" / "mine" / "checkpoint.safetensors", gan, gan.G, checkpoint.HeaderInfo())
    studio = Studio(tmp_path / "runs", data_root=str(idx_root), device="cpu")
    yield studio
    studio.waiting.clear()
    studio.stop()


def slider_moves(studio, seconds):
    """How long each of a slider's moves takes, for so many seconds."""
    name = (studio.folder / "mine").as_posix()
    taken, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        spec.picture(studio.gan(name), spec.SampleSpec(name, n=1, sliders=(len(taken) % 5,)))
        taken.append(time.perf_counter() - begin)
    return taken


@pytest.mark.slow
def test_a_slider_answers_as_quickly_while_a_folder_is_opened(studio, monkeypatch, garments):
    begun = threading.Event()

    def slow(*_, **__):
        begun.set()
        time.sleep(2)
        return garments

    slider_moves(studio, 0.2)  # warm
    idle = median(slider_moves(studio, 0.8))
    monkeypatch.setattr(datasets, "load", slow)
    with ThreadPoolExecutor(1) as pool:
        opening = pool.submit(studio.garments, "some/folder", 28)
        assert begun.wait(10)
        busy = median(slider_moves(studio, 1.2))
        assert not opening.done()
        assert opening.result() is garments
    assert busy < 0.05
    assert busy < 3 * idle


@pytest.fixture
def estimating(monkeypatch):
    """An estimate that takes until it is let go: (begun, go)."""
    begun, go = threading.Event(), threading.Event()

    def seconds(*_):
        begun.set()
        assert go.wait(30)
        return 60.0

    monkeypatch.setattr(recommend, "seconds", seconds)
    yield begun, go
    go.set()


def test_start_does_not_wait_for_an_estimate_which_then_stays_empty(studio, tiny, estimating):
    begun, go = estimating
    with ThreadPoolExecutor(1) as pool:
        advice = pool.submit(studio.advice, tiny("dcgan"))
        assert begun.wait(30)
        begin = time.monotonic()
        run = studio.start(tiny("dcgan", steps=1_000_000))
        assert time.monotonic() - begin < 5
        assert run.alive
        assert not advice.done()
        go.set()
        assert advice.result(30)[1] is None
    assert studio.advice(tiny("dcgan"))[1] is None  # a run occupies the device
    studio.stop()
    assert studio.advice(tiny("dcgan"))[1] == 60.0


@pytest.mark.slow
def test_a_slider_does_not_wait_for_an_estimate(studio, tiny, estimating):
    begun, go = estimating
    slider_moves(studio, 0.2)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(studio.advice, tiny("dcgan"))
        assert begun.wait(30)
        assert median(slider_moves(studio, 0.5)) < 0.05
        go.set()


def test_each_of_many_concurrent_duels_is_queued_whole_or_not_at_all(studio, tiny):
    studio.start(tiny("dcgan", steps=1_000_000))
    together = threading.Barrier(12)

    def duel(i):
        recipes = [tiny(gan, steps=10 + i) for gan in ("lsgan", "wgan", "cgan")]
        together.wait()
        try:
            studio.enqueue_all(recipes, f"visitor {i}")
        except StudioError as e:
            return str(e)
        return ""

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(duel, range(12)))
    assert set(answers) == {"", f"The queue has no room for 3 more: at most {limits.QUEUE} runs may wait."}
    taken = [answer == "" for answer in answers]
    assert sum(taken) == limits.QUEUE // 3
    owners = [w.owner for w in studio.waiting]
    assert len(owners) == 3 * sum(taken)
    assert {owner: owners.count(owner) for owner in owners} == {
        f"visitor {i}": 3 for i, whole in enumerate(taken) if whole
    }
    assert len({w.number for w in studio.waiting}) == len(owners)


def test_a_duel_of_which_one_cannot_be_trained_queues_none(studio, tiny):
    studio.start(tiny("dcgan", steps=1_000_000))
    with pytest.raises(StudioError, match="batch cannot be 700"):
        studio.enqueue_all([tiny("lsgan"), tiny("cgan", batch=700)])
    assert studio.waiting == []
