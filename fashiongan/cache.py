"""The project's LRU cache: a slow load of one key does not make other keys wait."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """At most `size` values by key; the least recently used value is dropped first. Thread-safe.

    Each key has a lock of its own: while one thread loads a key, others that ask for the same key wait for its value
    and do not load it again, and those that ask for a different key are answered at once. An error is raised in every
    thread that waits for that key, and is not stored: the next call loads again.
    """

    def __init__(self, size: int):
        self.size = size
        self._lock = threading.Lock()  # guards the two dictionaries; never held while a value is loaded
        self._values: OrderedDict[K, V] = OrderedDict()
        self._loading: dict[K, Future[V]] = {}

    def keys(self) -> list[K]:
        """The keys in the cache, the least recently used first."""
        with self._lock:
            return list(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K, load: Callable[[], V]) -> V:
        """The value of that key. It is loaded if it is not in the cache."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
            others = self._loading.get(key)
            if others is None:
                mine = self._loading[key] = Future()
        if others is not None:
            return others.result()
        try:
            value = load()
        except BaseException as e:
            with self._lock:
                del self._loading[key]
            mine.set_exception(e)
            raise
        with self._lock:
            self._keep(key, value)
            del self._loading[key]
        mine.set_result(value)
        return value

    def put(self, key: K, value: V) -> None:
        """Store a value without loading it. It replaces the value that the key had."""
        with self._lock:
            self._keep(key, value)

    def find(self, key: K) -> V | None:
        """The value of that key if it is in the cache, else None; nothing is loaded."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def clear(self) -> None:
        """Drop all values."""
        with self._lock:
            self._values.clear()

    def _keep(self, key: K, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self.size:
            self._values.popitem(last=False)
