"""Write what the documents take from the code, each between two marks of its page: make docs

The endpoints of docs/api.md come from the app itself, the limits of docs/hosting.md from fashiongan/limits.py. Tests
compare both with what is committed.
"""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO))

from fashiongan import limits

API, HOSTING = REPO / "docs" / "api.md", REPO / "docs" / "hosting.md"
MARK, END = "<!-- {}: written by make docs -->", "<!-- end of {} -->"


def endpoints(named: dict[str, Any]) -> str:
    """A table of the endpoints, as `Client.view_api` or `Blocks.get_api_info` name them."""
    lines = ["| endpoint | what it does | arguments and their defaults |", "|---|---|---|"]
    for name, endpoint in named.items():
        arguments = ", ".join(
            f"`{p['parameter_name']}={p['parameter_default']!r}`"
            if p["parameter_has_default"]
            else f"`{p['parameter_name']}`"
            for p in endpoint["parameters"]
        )
        what = " ".join((endpoint.get("description") or "").split("\n\n")[0].split())
        lines.append(f"| `{name}` | {what} | {arguments or 'none'} |")
    return "\n".join(lines)


def limits_table() -> str:
    """A table of limits.py: each constant, its value, and the comment beside it, under the heading above it."""
    lines, heading = ["| limit | value | of what |", "|---|---|---|"], ""
    for line in Path(limits.__file__).read_text(encoding="utf-8").splitlines():
        if line.startswith("# ") and not heading:
            heading = line[2:].split(". ")[0]
        elif found := re.match(r"([A-Z_]+) = [^#]+(?:# (.*))?", line):
            if heading:
                lines.append(f"| **{heading}** | | |")
            heading, value = "", getattr(limits, found[1])
            lines.append(f"| `{found[1]}` | {value:,} | {found[2] or ''} |")
        elif not line:
            heading = ""
    return "\n".join(lines)


def block(page: Path, name: str) -> str:
    """What stands between the marks of a page now."""
    return page.read_text(encoding="utf-8").split(MARK.format(name))[1].split(END.format(name))[0].strip()


def put(page: Path, name: str, text: str) -> None:
    before, rest = page.read_text(encoding="utf-8").split(MARK.format(name))
    after = rest.split(END.format(name))[1]
    page.write_text(f"{before}{MARK.format(name)}\n{text}\n{END.format(name)}{after}", encoding="utf-8")


def main() -> None:
    from fashiongan.studio import Studio
    from fashiongan.ui import build

    with tempfile.TemporaryDirectory() as folder:
        put(API, "endpoints", endpoints(build(Studio(Path(folder), device="cpu")).get_api_info()["named_endpoints"]))
    put(HOSTING, "limits", limits_table())


if __name__ == "__main__":
    main()
