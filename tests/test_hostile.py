"""Two hundred foreign or damaged checkpoint files: each refused in one sentence, at once and at no cost."""

from pathlib import Path

import pytest
from hostile import KINDS, measured, spoiled

from fashiongan import checkpoint, limits


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured by way of Linux's /proc")
@pytest.mark.slow
def test_each_of_two_hundred_is_refused_in_a_sentence_in_a_second_and_100_mb(tmp_path):
    checkpoint.load("acgan")  # what the first one costs, imports and all, is not theirs
    seen = set()
    for kind, path in spoiled(tmp_path, 200, 0):
        message, seconds, megabytes = measured(path)
        assert message, f"{kind}, {path.name}: it was taken"
        assert message.endswith(".")
        assert "\n" not in message
        assert len(message) < 500
        assert seconds < 1, kind
        assert megabytes < 100, kind
        path.unlink()
        seen.add(kind)
    assert seen == set(KINDS)


def test_a_long_header_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "long.safetensors"
    path.write_bytes((limits.MAX_HEADER + 1).to_bytes(8, "little") + b"{" + b" " * limits.MAX_HEADER)
    with pytest.raises(checkpoint.StudioError, match=r"its header has 1,000,001 bytes\.$"):
        checkpoint.load(path)
