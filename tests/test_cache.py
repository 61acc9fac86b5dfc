"""The one cache: what it keeps, what it forgets, and who waits for whom."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fashiongan.cache import Cache


def never():
    raise AssertionError("this was kept, and is not loaded again")


def test_a_value_is_loaded_once_and_kept():
    cache = Cache(2)
    value = object()
    assert cache.get("a", lambda: value) is value
    assert cache.get("a", never) is value
    assert cache.find("a") is value
    assert cache.find("b") is None


def test_the_least_recently_used_entry_is_dropped_first():
    cache = Cache(2)
    for key in "ab":
        cache.get(key, lambda key=key: key)
    cache.get("a", never)  # now b is the oldest
    cache.get("c", lambda: "c")
    assert (cache.find("a"), cache.find("b"), cache.find("c"), len(cache)) == ("a", None, "c", 2)
    cache.find("a")  # find counts as a use
    cache.put("d", "d")
    assert (cache.find("a"), cache.find("c"), len(cache)) == ("a", None, 2)
    cache.put("a", "another")
    assert cache.get("a", never) == "another"
    cache.clear()
    assert len(cache) == 0


def test_none_is_a_value():
    cache = Cache(1)
    assert cache.get("a", lambda: None) is None
    assert cache.get("a", never) is None


def test_an_error_is_raised_and_not_kept():
    cache = Cache(1)
    with pytest.raises(AssertionError):
        cache.get("a", never)
    assert cache.get("a", lambda: 1) == 1


def test_a_second_request_for_a_loading_entry_waits_and_does_not_load_again():
    cache, loads, begun, go = Cache(1), [], threading.Event(), threading.Event()

    def load():
        loads.append(1)
        begun.set()
        assert go.wait(30)
        return object()

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(cache.get, "a", load)]
        assert begun.wait(30)
        futures += [pool.submit(cache.get, "a", load) for _ in range(7)]
        time.sleep(0.05)
        go.set()
        result = {id(f.result()) for f in futures}
    assert len(result) == len(loads) == 1


def test_every_waiting_request_gets_the_error_and_the_next_one_loads_again():
    cache, begun, go = Cache(1), threading.Event(), threading.Event()

    def fail():
        begun.set()
        assert go.wait(30)
        raise ValueError("no such thing")

    with ThreadPoolExecutor(4) as pool:
        futures = [pool.submit(cache.get, "a", fail)]
        assert begun.wait(30)
        futures += [pool.submit(cache.get, "a", fail) for _ in range(3)]
        time.sleep(0.05)
        go.set()
        for f in futures:
            with pytest.raises(ValueError, match="no such thing"):
                f.result()
    assert cache.get("a", lambda: 1) == 1


def test_a_slow_load_makes_no_other_key_wait():
    cache, begun, go = Cache(3), threading.Event(), threading.Event()
    cache.put("kept", 1)

    def slow():
        begun.set()
        assert go.wait(30)
        return 2

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(cache.get, "slow", slow)
        assert begun.wait(30)
        assert cache.get("kept", never) == 1
        assert cache.get("new", lambda: 3) == 3
        assert not future.done()
        go.set()
        assert future.result() == 2


def test_it_stays_within_its_size_and_loads_right_with_many_threads():
    cache = Cache(5)

    def get(i):
        key = i % 11
        assert cache.get(key, lambda: key * key) == key * key
        return len(cache)

    with ThreadPoolExecutor(8) as pool:
        assert max(pool.map(get, range(2000))) <= 5
