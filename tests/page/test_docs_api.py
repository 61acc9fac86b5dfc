"""The examples of docs/api.md, against the real page."""

import re
from pathlib import Path

import pytest
from gradio_client import Client

from docs import generate

pytestmark = pytest.mark.slow
PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "api.md"


def test_the_worked_examples_run(url, studio, capsys):
    found = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(found) == 4
    for code in found:
        names = {}
        exec(code.replace("http://127.0.0.1:7860", url), names)
        assert names.get("images") is not None or names.get("sheet") or names["curve"]["points"]
    assert names["status"]["state"] == "finished"
    assert "finished" in capsys.readouterr().out


def test_the_page_lists_the_endpoints_of_the_app(url):
    """Exactly the documented endpoints, with the arguments and defaults that a caller sees."""
    named = Client(url, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert {"/sample", "/train_start", "/colorize"} <= named.keys()
    assert generate.block(PAGE, "endpoints") == generate.endpoints(named), "make docs"
