"""Run any iterator in a thread that can be paused and stopped. Knows nothing of GANs or pages."""

import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
State = Literal["running", "paused", "stopped", "finished", "failed"]


class Job(Generic[T]):
    """Runs `work` in a thread of its own and passes every item to `then`, in the same thread.

    Pausing and stopping take effect when the next item arrives. A stopped iterator is closed in its thread, so its
    `finally` clauses run before the state changes. `after` is called last, in the same thread, however the work ended.
    """

    def __init__(
        self, work: Iterator[T], then: Callable[[T], None], name: str = "job", after: Callable[[], None] | None = None
    ):
        self.error: Exception | None = None
        self.state: State = "running"
        self._work, self._then, self._after = work, then, after
        self._go, self._stop, self._resting = threading.Event(), threading.Event(), threading.Event()
        self._go.set()
        # A daemon thread, so that closing the program does not wait for days of training. That is safe, since state on
        # disk is written atomically.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it may still yield items: it is running or paused."""
        return self.state in ("running", "paused")

    def pause(self, timeout: float | None = 30.0) -> bool:
        """Request a pause and wait until it is in effect; False if it is not after `timeout` seconds."""
        self._go.clear()
        return self._resting.wait(timeout)

    def resume(self) -> None:
        self._go.set()

    def stop(self, timeout: float | None = 30.0) -> bool:
        """Request a stop and wait until the thread has ended; False if it has not after `timeout` seconds."""
        self._stop.set()
        self._go.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        ended: State = "finished"
        try:
            for item in self._work:
                self._then(item)
                if not self._go.is_set() and not self._stop.is_set():
                    self.state = "paused"
                    self._resting.set()
                    self._go.wait()
                    self._resting.clear()
                    self.state = "running"
                if self._stop.is_set():
                    ended = "stopped"
                    break
            close = getattr(self._work, "close", None)
            if close:
                close()
        except Exception as e:  # of any type, since the thread that waits for the items must learn of it
            self.error, ended = e, "failed"
        self.state = ended
        self._resting.set()
        if self._after:
            self._after()


def within(work: Iterator[T], seconds: float | None) -> Iterator[T]:
    """The items of `work` until that time is over, after which it is closed; all of them if it is None."""
    begin = monotonic()
    try:
        for item in work:
            yield item
            if seconds is not None and monotonic() - begin > seconds:
                break
    finally:
        close = getattr(work, "close", None)
        if close:
            close()
