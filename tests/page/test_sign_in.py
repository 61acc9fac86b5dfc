"""Who may do what on a Space: strangers, visitors who are signed in, and the owner, by every endpoint and event."""

import io
import math
import re
import shutil
import time
import zipfile
from types import SimpleNamespace

import pytest
from gradio_client import Client
from malformed import Visitor
from signed import HEADERS, SPACE, account, cookie

from fashiongan import hub, limits
from fashiongan.data import datasets, zip_archive
from fashiongan.errors import StudioError
from fashiongan.hub import client
from fashiongan.release import model_card
from fashiongan.studio import Studio, rights, robustness
from fashiongan.studio.datasets import Datasets
from fashiongan.studio.rights import Caller
from fashiongan.ui.shared import access, sign_in


@pytest.fixture(scope="module")
def space_variables():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SPACE.items():
            patch.setenv(name, value)
            patch.setattr(f"gradio.oauth.{name}", value, raising=False)
        patch.setattr(hub, "organizations", lambda token: [])
        yield patch


# Whose cookie it is


def test_an_account_is_known_by_a_session_that_is_valid(space_variables):
    def who(info, **headers):
        return sign_in.caller_of({"oauth_info": info}, {**HEADERS, **headers})

    assert who(account("bob")) == Caller("bob")
    assert who(account("you")) == who(account("You")).__class__("you", owner=True)
    assert who(account("YOU")).owner
    assert who(account("you", -1)) == rights.STRANGER
    for broken in (None, {}, [], {"expires_at": math.inf}, {**account("you"), "expires_at": "9999999999"},
                   {**account("you"), "expires_at": math.nan}, {**account("you"), "userinfo": {}},
                   {**account("you"), "userinfo": {"preferred_username": ["you"]}}):  # fmt: skip
        assert who(broken) == rights.STRANGER
    assert sign_in.caller_of(None, HEADERS) == rights.STRANGER
    assert sign_in.caller_of({}, HEADERS) == rights.STRANGER


def test_a_call_that_another_page_makes_is_a_stranger_s(space_variables, monkeypatch):
    monkeypatch.setenv("SPACE_HOST", "you-studio.hf.space,studio.you.example")
    mine = {"oauth_info": account("you")}
    for headers, known in (
        ({}, True),  # a program, to which somebody has given the cookie
        ({"sec-fetch-site": "same-origin", "origin": "https://you-studio.hf.space"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "https://you-studio.hf.space"}, True),
        ({"origin": "https://studio.you.example"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": "https://evil.example", "x-forwarded-host": "evil.example"}, False),
    ):
        assert sign_in.caller_of(mine, {**HEADERS, **headers}).owner is known, headers


def test_nobody_is_signed_in_where_the_cookie_proves_nothing(space_variables, monkeypatch):
    """Without its secret gradio signs with a constant, with which anybody could sign."""
    mine = {"oauth_info": account("you")}
    assert sign_in.caller_of(mine, HEADERS).owner
    for name in ("SYSTEM", "OAUTH_CLIENT_SECRET", "OAUTH_CLIENT_ID"):
        with monkeypatch.context() as patch:
            patch.delenv(name)
            assert not sign_in.available()
            assert sign_in.button() is None
            assert sign_in.caller_of(mine, HEADERS) == rights.STRANGER


def test_members_of_the_owning_organization_and_named_accounts_are_owners(space_variables, monkeypatch):
    asked = []

    def organizations(token):
        asked.append(token)
        return ["Ours", "others"]

    def who(name):
        return sign_in.caller_of({"oauth_info": account(name)}, HEADERS)

    monkeypatch.setattr(sign_in, "MEMBERS", sign_in.Members())
    monkeypatch.setattr(hub, "organizations", organizations)
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "ours")
    monkeypatch.setenv("FASHIONGAN_OWNERS", "ann, Carl")
    assert who("ann").owner
    assert who("carl").owner
    assert asked == []
    assert who("bob").owner
    assert who("bob").owner
    assert asked == ["hf_theirs"]  # once, for both
    monkeypatch.setenv("SPACE_AUTHOR_NAME", "theirs")
    monkeypatch.setattr(sign_in, "MEMBERS", sign_in.Members())
    assert who("bob") == Caller("bob")

    def silent(token):
        raise hub.UnreachableError("The Hub did not answer within 3 s.")

    monkeypatch.setattr(sign_in, "MEMBERS", sign_in.Members())
    monkeypatch.setattr(hub, "organizations", silent)
    doubtful = who("bob")
    assert not doubtful.owner
    assert doubtful.doubt == "Whether bob may do this is not known: The Hub did not answer within 3 s."


def test_the_hub_says_whose_member_an_account_is(serve):
    server = serve(accounts={"hf_theirs": {"name": "bob", "orgs": [{"name": "ours"}, {"name": "us"}]}})
    assert client.organizations("hf_theirs") == ["ours", "us"]
    with pytest.raises(StudioError, match="The Hub refuses"):
        client.organizations("hf_nobody")
    server.trouble = "silent"
    begin = time.monotonic()
    with pytest.raises(StudioError, match="did not answer within 3 s"):
        client.organizations("hf_theirs")
    assert time.monotonic() - begin < 5


# Every endpoint and event


class ReachedError(StudioError):
    """What stands for a job that a call has really begun."""


@pytest.fixture(scope="module")
def the_space(space_variables, trained, tmp_path_factory, idx_root, request):
    """A Space's page, on which a call that gets through to the work says "REACHED" and does nothing."""
    from conftest import launched

    def reached(name):
        def refuse(*_, **__):
            raise ReachedError(f"REACHED {name}")

        return refuse

    kept = Datasets.get
    get = lambda self, name, *more: kept(self, name, *more) if name == datasets.FASHION_MNIST else reached("folder")()  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Datasets, "get", get)
        patch.setattr(robustness, "Fitter", reached("fit"))
        patch.setattr(model_card, "files", reached("push"))
        patch.setattr(zip_archive, "unpacked", reached("zip"))
        patch.setattr("fashiongan.hub.client.fetch", reached("fetch"))
        runs = tmp_path_factory.mktemp("space") / "runs"
        shutil.copytree(trained, runs / "cdcgan-1")
        studio = Studio(runs, data_root=str(idx_root), device="cpu", public=True)
        for name in ("start", "enqueue", "cancel", "pause", "stop", "go_on"):
            patch.setattr(studio.runs, name, reached(name))
        patch.setattr(studio.scoring, "add", reached("score"))
        with launched(studio) as url:
            yield url


ALL = {"start", "enqueue", "cancel", "pause", "stop", "go_on", "score", "fit", "push", "zip", "folder", "fetch"}
EVIL = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}


def reached_by(url, headers, events=None):
    """What a caller with those headers gets through to, by all endpoints and events that the app lists, or by those
    with these numbers: {number of the event, or name of the panel's function: what it reaches}."""
    caller = Visitor(url)
    caller.http.headers.update(headers)
    packed = io.BytesIO()
    zipfile.ZipFile(packed, "w").close()
    uploaded = caller.http.post("/gradio_api/upload", files={"files": ("a.zip", packed.getvalue())}).json()[0]
    file = {"path": uploaded, "orig_name": "a.zip", "meta": {"_type": "gradio.FileData"}}
    lists = [c["props"]["choices"] for c in caller.components.values() if c["props"].get("elem_id") == "models"]
    runs = [value for _, value in lists[0] if "/" in value]  # which have no scores yet
    given = {"data": "/etc", "models": runs, "zip": file, "repo": "me/boots"}
    texts = {}
    for event in caller.events:
        if events is not None and event["id"] not in events:
            continue
        inputs = [caller.components[i] for i in event["inputs"]]
        usual = [given.get(c["props"].get("elem_id"), c["props"].get("value")) for c in inputs]
        if event["api_name"] == "sample":
            usual[0] = "hub:me/boots"
        if event["api_name"] == "train_start":
            usual = ["dcgan", "fashion-mnist", 28, "", 0, 20, 0, 128, 0, "{}"]
        texts[event["id"]] = caller.join(event["id"], usual)[1]
    for name in ("models", "pictures", "neighbours", "preview", "attack", "smallest"):
        texts[name] = "".join(caller.panel(name, s)[1] for s in ("hub:me/boots", [["hub:me/boots", "dcgan"], 0]))
    assert len(caller.events) > 60
    assert len(texts) > 10
    found = {key: {name for name in ALL if re.search(rf"REACHED {name}\b", text)} for key, text in texts.items()}
    return {key: names for key, names in found.items() if names}


@pytest.fixture(scope="module")
def owners_events(the_space):
    """What the owner reaches, by all endpoints and events."""
    return reached_by(the_space, {"cookie": f"session={cookie(account('you'))}"})


@pytest.mark.slow
def test_the_owner_may_do_everything(owners_events):
    assert set().union(*owners_events.values()) == ALL
    assert len(owners_events) > 14


@pytest.mark.slow
def test_no_call_of_whoever_is_signed_out_does_what_is_the_owner_s(the_space):
    assert reached_by(the_space, {}) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": f"session={cookie(account('bob'))}"},
        {"cookie": f"session={cookie(account('you'), secret='')}"},  # signed with gradio's constant
        {"cookie": f"session={cookie(account('you'))[:-3]}abc"},
        {"cookie": f"session={cookie(account('you', seconds=-5))}"},
        {"cookie": f"session={cookie(account('you'))}", **EVIL},  # another page's call, by the owner's browser
    ],
    ids=["a stranger", "another secret", "forged", "expired", "another page"],
)
def test_no_call_of_a_stranger_does_what_is_the_owner_s(the_space, owners_events, headers):
    assert reached_by(the_space, headers, owners_events) == {}


@pytest.mark.slow
def test_a_data_set_may_be_uploaded_by_the_owner_only(the_space):
    large = {"files": ("a.zip", bytes(18_000_000))}
    for info, codes in ((account("bob"), (400, 413, 500)), (account("you"), (200,))):
        caller = Visitor(the_space)
        caller.http.headers["cookie"] = f"session={cookie(info)}"
        try:
            status = caller.http.post("/gradio_api/upload", files=large).status_code
        except Exception:  # broken off
            status = 413
        assert status in codes


@pytest.mark.slow
def test_the_owner_s_page_shows_what_strangers_do_not_see(browser, the_space):
    def page(info):
        headers = {"Cookie": f"session={cookie(info)}"} if info else {}
        context = browser.new_context(extra_http_headers=headers)
        context.route(lambda u: not u.startswith(the_space), lambda route: route.abort())  # gradio's fonts, on a Space
        page = context.new_page()
        page.goto(the_space)
        page.get_by_role("tab", name="Train").click()
        return page

    stranger = page(None)
    stranger.get_by_role("button", name="Sign in with Hugging Face").wait_for()
    stranger.locator("#purpose").get_by_text("sign in if that is you").wait_for()
    assert stranger.locator("#start").is_disabled()
    assert not stranger.locator("#zip").is_visible()
    owner = page(account("you"))
    owner.get_by_role("button", name="Logout (you)").wait_for()
    owner.wait_for_function("() => !document.querySelector('#start').disabled")
    owner.locator("#zip").wait_for()
    owner.get_by_role("tab", name="Compare").click()
    owner.locator("#score").wait_for()
    owner.locator("#duel").wait_for()


# Visitors


@pytest.fixture
def classroom(tmp_path, idx_root):
    """A studio for signed-in visitors; `studio.now` says who calls."""
    studio = Studio(tmp_path / "runs", data_root=str(idx_root), device="cpu", visitors=True)
    studio.now = rights.STRANGER
    studio.caller = lambda: studio.now
    yield studio
    studio.now = Caller("you", owner=True)
    studio.waiting.clear()
    studio.stop()


def test_visitors_who_are_signed_in_queue_one_short_run_each(classroom, tiny, monkeypatch):
    studio, (ann, bob, you) = classroom, (Caller("ann"), Caller("bob"), Caller("you", owner=True))
    short = tiny("dcgan", steps=2000)
    assert studio.public
    with pytest.raises(StudioError, match="for who has signed in with Hugging Face"):
        studio.start(short)
    studio.now = ann
    for changes, sentence in (
        ({"steps": limits.VISITOR_STEPS + 1}, "at most 5,000 steps, not 5,001"),
        ({"size": 64}, "at most 28 pixels a side, not 64"),
        ({"data": "/etc"}, "fashion-mnist only"),
        ({"width": 128}, "Net width must be at most 64"),
        ({"batch": 512}, "Batch must be at most 128"),
    ):
        with pytest.raises(StudioError, match=sentence):
            studio.start(short.replace(**changes))
    run = studio.start(short, owner="account:you")  # what a browser calls itself counts for nothing
    assert run.owner == "account:ann"
    assert run.seconds == limits.VISITOR_SECONDS
    with pytest.raises(StudioError, match="You have a run here already"):
        studio.start(short)
    studio.now = bob
    with pytest.raises(StudioError, match="You have a run here already"):
        studio.enqueue_all([short, short])
    studio.start(short)
    assert [w.owner for w in studio.waiting] == ["account:bob"]
    with pytest.raises(StudioError, match="You have a run here already"):
        studio.enqueue(short)
    for refused, sentence in (
        (studio.stop, "That run is another visitor's"),
        (studio.pause, "Training is off on this public page"),
        (studio.go_on, "Training is off on this public page"),
        (lambda: studio.score(["dcgan"]), "Scoring is off on this public page"),
    ):
        with pytest.raises(StudioError, match=sentence):
            refused()
    studio.now = rights.STRANGER
    with pytest.raises(StudioError, match="signed in"):
        studio.cancel(studio.waiting[0].number)
    studio.now = ann
    with pytest.raises(StudioError, match="another visitor's"):
        studio.cancel(studio.waiting[0].number)
    studio.now = bob
    studio.cancel(studio.waiting[0].number)
    studio.now = ann
    studio.stop()
    assert studio.status().state == "stopped"
    studio.now = you
    studio.start(tiny("dcgan", steps=limits.VISITOR_STEPS + 1))


def test_a_visitor_s_time_ends(classroom, tiny, monkeypatch):
    monkeypatch.setattr(limits, "VISITOR_SECONDS", 0.2)
    classroom.now = Caller("ann")
    run = classroom.start(tiny("dcgan", steps=limits.VISITOR_STEPS))
    run.job._thread.join(60)
    assert run.state == "stopped"
    assert 0 < run.step < run.steps
    assert (run.out / "state.safetensors").exists()
    assert rights.TIME_OVER in classroom.status().remarks


def test_a_browser_cannot_call_itself_an_account(classroom):
    asking = SimpleNamespace(client=SimpleNamespace(host="10.0.0.1"), headers={"host": "x"})
    assert access.name_of("account:ann") != "account:ann"
    assert not access.may(classroom, "account:ann", "account:ann", asking)
    classroom.now = Caller("ann")
    assert access.may(classroom, "account:ann", None, asking)
    classroom.now = Caller("you", owner=True)
    assert access.may(classroom, "account:ann", None, asking)


@pytest.mark.slow
def test_programs_of_strangers_still_sample(the_space):
    assert Client(the_space, verbose=False).predict("studio", "Dress", 4, api_name="/sample")
