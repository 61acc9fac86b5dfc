"""How the page is opened: what the environment and the flags of app.py decide."""

import importlib.util

import pytest

import fashiongan.studio
from fashiongan import ui
from fashiongan.errors import StudioError


@pytest.fixture
def opened(monkeypatch):
    """opened(*flags, **environment): the studio and the settings that app.py would launch with."""
    spec = importlib.util.spec_from_file_location("app", ui.HERE.parent.parent.parent / "app.py")

    def run(*flags, **environment):
        seen = {}

        class Page:
            def launch(self, **settings):
                seen["settings"] = settings

        def build(studio):
            seen["studio"] = studio
            return Page()

        for name in (
            "SPACE_ID",
            "FASHIONGAN_PUBLIC",
            "FASHIONGAN_RUNS_REPO",
            "GRADIO_SHARE",
            "FASHIONGAN_PASSWORD",
            "FASHIONGAN_HUB_REPO",
            "FASHIONGAN_MCP",
        ):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.argv", ["app.py", *flags])
        monkeypatch.setattr(ui, "build", build)
        app = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(app)
        app.main()
        return seen["studio"], seen["settings"]

    return run


def test_by_itself_it_is_private_and_open_to_the_machine(opened):
    studio, settings = opened()
    assert isinstance(studio, fashiongan.studio.Studio)
    assert not studio.public
    assert studio.library.catalogue is None
    assert "auth" not in settings
    assert settings["mcp_server"] is False
    assert settings["share"] is False  # nor may gradio open a link by itself, as it does in a notebook
    assert "allowed_paths" not in settings


def test_a_space_is_public_and_so_is_who_says_so(opened):
    assert opened(SPACE_ID="you/garments")[0].public
    assert opened("--public")[0].public


def test_a_variable_opens_a_space_or_lets_visitors_train(opened, capsys):
    assert not opened(SPACE_ID="you/garments", FASHIONGAN_PUBLIC="0")[0].public
    assert opened("--public", FASHIONGAN_PUBLIC="0")[0].public
    assert opened(FASHIONGAN_PUBLIC="1")[0].public
    assert not opened(FASHIONGAN_PUBLIC="1")[0].visitors
    classroom, _ = opened(FASHIONGAN_PUBLIC="visitors")
    assert (classroom.public, classroom.visitors) == (True, True)
    with pytest.raises(SystemExit) as end:
        opened(FASHIONGAN_PUBLIC="yes")
    assert end.value.code == 2
    assert capsys.readouterr().err == "FASHIONGAN_PUBLIC cannot be 'yes': set 0, 1 or visitors.\n"


def test_runs_are_kept_where_a_variable_says(opened, serve, capsys):
    assert opened()[0].runs.backup is None
    serve({"you/runs": {}})
    studio, _ = opened(FASHIONGAN_RUNS_REPO="you/runs")
    assert studio.runs.backup.mirror.repo == "you/runs"
    assert studio.runs.backup.restored
    with pytest.raises(SystemExit) as end:
        opened(FASHIONGAN_RUNS_REPO="runs")
    assert end.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_share_link_needs_a_password_or_the_public_rules(opened, capsys):
    for flags, variables in ((["--share"], {}), ([], {"GRADIO_SHARE": "True"})):
        with pytest.raises(SystemExit) as end:
            opened(*flags, **variables)
        assert end.value.code == 2
        assert capsys.readouterr().err.startswith("A share link lets anybody in")
    assert opened("--share", "--public")[1]["share"] is True
    assert opened("--share", FASHIONGAN_PASSWORD="a word")[1]["share"] is True


def test_a_catalogue_is_named_in_the_environment(opened):
    assert opened(FASHIONGAN_HUB_REPO="you/garments@v1")[0].library.catalogue == "you/garments@v1"
    assert opened(FASHIONGAN_HUB_REPO="")[0].library.catalogue is None


def test_a_password_in_the_environment_is_asked_for(opened):
    _, settings = opened(FASHIONGAN_PASSWORD="a good wörd")
    assert settings["auth"]("anybody", "a good wörd")
    assert not settings["auth"]("anybody", "a good word")
    assert not settings["auth"]("anybody", "")
    assert "auth" not in opened(FASHIONGAN_PASSWORD="")[1]


def test_mcp_is_offered_where_it_is_installed(opened, monkeypatch, capsys):
    monkeypatch.setattr(ui.importlib.util, "find_spec", lambda name: None if name == "mcp" else 1)
    with pytest.raises(StudioError, match=r"MCP needs more packages: pip install 'gradio\[mcp\]'"):
        ui.launch_settings(mcp=True)
    with pytest.raises(SystemExit) as end:
        opened("--mcp")
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        "MCP needs more packages: pip install 'gradio[mcp]', in an environment of its own.\n"
    )
    monkeypatch.setattr(ui.importlib.util, "find_spec", lambda name: 1)
    assert opened("--mcp")[1]["mcp_server"] is True
    assert opened(FASHIONGAN_MCP="1")[1]["mcp_server"] is True
