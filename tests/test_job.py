"""A job runs any iterator in a thread."""

import threading
import time

import pytest

from fashiongan.job import Job


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert condition()


@pytest.fixture
def forever():
    """An endless iterator that notes its last number and whether and where it was closed."""

    class Forever:
        last, closed = 0, None

        def work(self):
            try:
                while True:
                    self.last += 1
                    yield self.last
                    time.sleep(0.001)
            finally:
                self.closed = threading.current_thread().name

    return Forever()


def test_every_item_is_handed_over_in_order_and_then_it_is_finished():
    seen = []
    job = Job(iter(range(100)), seen.append)
    until(lambda: job.state == "finished")
    assert seen == list(range(100))
    assert not job.alive


def test_pause_holds_it_and_resume_goes_on_without_losing_an_item(forever):
    seen = []
    job = Job(forever.work(), seen.append)
    until(lambda: len(seen) > 3)
    assert job.pause()
    assert job.state == "paused"
    assert job.alive
    n = len(seen)
    time.sleep(0.05)
    assert len(seen) == n
    job.resume()
    until(lambda: len(seen) > n + 3)
    assert job.state == "running"
    job.stop()
    assert seen == list(range(1, len(seen) + 1))


def test_stop_closes_the_iterator_in_its_own_thread(forever):
    job = Job(forever.work(), lambda _: None, name="the job")
    until(lambda: forever.last > 3)
    assert job.stop()
    assert job.state == "stopped"
    assert forever.closed == "the job"


def test_stop_while_paused(forever):
    job = Job(forever.work(), lambda _: None)
    job.pause()
    assert job.stop()
    assert job.state == "stopped"
    assert forever.closed


def test_pausing_what_has_ended_returns_at_once():
    job = Job(iter([1]), lambda _: None)
    until(lambda: job.state == "finished")
    assert job.pause(timeout=5)
    assert job.state == "finished"


@pytest.mark.parametrize("where", ["work", "then", "close"])
def test_an_error_anywhere_is_kept_for_the_reader(where):
    def work():
        try:
            yield 1
            if where == "work":
                raise ValueError(where)
            yield 2
            time.sleep(0.2)
            yield 3
        finally:
            if where == "close":
                raise ValueError(where)

    def then(item):
        if where == "then":
            raise ValueError(where)
        if item == 2:
            reached.set()

    reached = threading.Event()
    job = Job(work(), then)
    if where == "close":
        reached.wait()
        job.stop()
    until(lambda: not job.alive)
    assert job.state == "failed"
    assert str(job.error) == where
