"""The verb space: what it uploads and sets up, against a stand-in for the Hub, and what it refuses."""

import re
import subprocess
from pathlib import Path

import pytest

from fashiongan import cli
from fashiongan.errors import StudioError
from fashiongan.hub import space

REPO = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def root(tmp_path):
    """A repository of four files that git tracks, and two that it does not."""
    folder = tmp_path / "repository"
    for name, data in {
        "README.md": b"---\nsdk: gradio\n---\n", "app.py": b"print()\n", "a/b.gif": b"GIF89a\0", ".gitattributes":
        b"*.gif binary\n", ".gitignore": b".venv/\n*.part\n", ".venv/x.py": b"secret", "a/c.part": b"half",
    }.items():  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


WHOLE = {"README.md", "app.py", "a/b.gif", ".gitattributes", ".gitignore"}


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.mark.slow
def test_a_space_is_made_with_what_git_tracks(root, serve):
    git(root, "init", "-q")
    git(root, "add", ".")
    (root / "notes.txt").write_text("mine alone", encoding="utf-8")
    server = serve()
    chosen = space.Space("you/studio", "t4-small", True, {"FASHIONGAN_PUBLIC": "visitors"}, {"HF_TOKEN": "hf_secret"})
    assert space.publish(chosen, root).endswith("you/studio")
    files, settings = server.repos["spaces/you/studio"], server.settings["spaces/you/studio"]
    assert files.keys() == WHOLE
    assert files["app.py"] == b"print()\n"
    assert files[".gitattributes"] == b"*.gif filter=lfs diff=lfs merge=lfs -text\n"
    assert (root / ".gitattributes").read_bytes() == b"*.gif binary\n"
    made = settings["created"]
    assert (made["sdk"], made["hardware"], made["visibility"]) == ("gradio", "t4-small", "private")
    assert [(v["key"], v["value"]) for v in settings["variables"]] == [("FASHIONGAN_PUBLIC", "visitors")]
    assert [(v["key"], v["value"]) for v in settings["secrets"]] == [("HF_TOKEN", "hf_secret")]
    assert "hf_secret" not in repr(chosen)
    assert "hardware" not in settings
    (root / "app.py").write_text("print(2)\n", encoding="utf-8")
    space.publish(chosen, root)  # again: what is there is brought up to date
    assert server.repos["spaces/you/studio"]["app.py"] == b"print(2)\n"
    assert settings["hardware"][0]["flavor"] == "t4-small"


def test_without_git_what_gitignore_names_stays(root):
    assert {p.as_posix() for p in space.tracked(root)} == WHOLE


def test_a_dry_run_says_all_and_asks_nobody(serve, capsys, monkeypatch):
    server = serve()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    words = ["space", "you/studio", "--hardware", "cpu-basic", "--variable", "FASHIONGAN_OWNERS=ann,bob"]
    assert cli.main([*words, "--secret", "HF_TOKEN", "--dry-run"]) == 0
    told = capsys.readouterr().err
    assert "Space: you/studio\nhardware: cpu-basic\nvariables: FASHIONGAN_OWNERS=ann,bob\nsecrets: HF_TOKEN\n" in told
    assert re.search(r"files: \d+ of \d+ MB, without their history\nNothing was sent\.\n$", told)
    assert "hf_secret" not in told
    assert server.log == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["you"], "'you' names no checkpoint on the Hub|user/name"),
        (["you/studio", "--hardware", "abacus"], "There is no hardware 'abacus' for a Space: choose one of cpu-basic"),
        (["you/studio", "--variable", "A"], "--variable takes NAME=VALUE, not 'A'."),
        (["you/studio", "--secret", "NOT_SET"], "takes its value from the variable NOT_SET, which is not set."),
    ],
)
def test_bad_words_are_one_sentence(words, sentence, serve, capsys):
    server = serve()
    assert cli.main(["space", *words]) == 2
    told = capsys.readouterr().err
    assert re.search(sentence, told)
    assert told.count("\n") == 1
    assert server.log == []


def test_what_the_hub_refuses_is_one_sentence(root, serve, monkeypatch):
    chosen = space.Space("you/studio")
    server = serve(tokens=("another",))
    with pytest.raises(StudioError, match=r"The Hub refuses: log in with `hf auth login`, or use a token that may"):
        space.publish(chosen, root)
    assert server.repos == {}
    server.trouble = 503
    with pytest.raises(StudioError, match="The Hub answers with error 503"):
        space.publish(chosen, root)
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(StudioError, match="Making a Space needs a token"):
        space.publish(chosen, root)


def test_every_binary_file_of_the_repository_is_marked():
    """The Hub's git refuses a push with a binary file that .gitattributes does not name."""
    if not (REPO / ".git").exists():
        pytest.skip("there is no git checkout here")
    binary = [p for p in space.tracked() if b"\0" in (REPO / p).read_bytes()[:8000]]
    assert len(binary) > 40
    names = "\0".join(map(str, binary)).encode()
    words = ["git", "-C", str(REPO), "check-attr", "-z", "--stdin", "binary"]
    told = subprocess.run(words, input=names, capture_output=True, check=True).stdout.decode().split("\0")
    assert [name for name, value in zip(told[::3], told[2::3], strict=False) if value != "set"] == []
