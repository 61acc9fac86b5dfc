"""What a stranger can reach: only the named endpoints and their own files; no address is fetched for them."""

import http.server
import os
import threading
import uuid
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from gradio.utils import get_upload_folder
from gradio_client import Client
from malformed import Visitor, bomb, calls, leaks

from fashiongan import limits
from fashiongan.errors import StudioError
from fashiongan.studio import Studio
from fashiongan.ui.shared import access

pytestmark = pytest.mark.slow
PUBLIC = "is off on this public page: make it your own with “Duplicate this Space”"


@pytest.fixture(scope="module")
def stranger(public_url):
    return Visitor(public_url)


def asked(path, **more):
    return {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}, **more}], "fn_index": 0, "session_hash": "x"}


# Files and addresses


def test_no_file_is_served_but_those_in_the_folder_of_uploads(stranger, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret", encoding="utf-8")
    inside = Path(get_upload_folder()) / uuid.uuid4().hex
    inside.mkdir(parents=True)
    (inside / "mine.txt").write_text("my own", encoding="utf-8")
    os.symlink(secret, inside / "link.txt")
    os.symlink(tmp_path, inside / "folder")
    here = Path.cwd()
    for path in (
        "/etc/passwd", "/proc/self/environ", "etc/passwd", "../../../../etc/passwd", f"{inside}/../../../../etc/passwd",
        f"{inside}/..%2f..%2f..%2f..%2fetc/passwd", str(secret), str(here / "app.py"), "app.py", "runs", "%00",
        "a" * 5000, f"{inside}/link.txt", f"{inside}/folder/secret.txt", "~/.bashrc", "//etc/passwd", "file:///etc/passwd",
    ):  # fmt: skip
        for address in (f"/gradio_api/file={path}", f"/gradio_api/file/{path}"):
            answer = stranger.http.get(address)
            assert answer.status_code in (400, 403, 404), address
            assert "root:" not in answer.text
            assert "secret" not in answer.text
    assert stranger.http.get(f"/gradio_api/file={inside}/mine.txt").text == "my own"


def test_no_address_is_fetched_for_a_visitor(stranger):
    hits = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append(self.path)
            self.send_response(404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    at = f"http://127.0.0.1:{server.server_port}/x.png"
    for path in (at, at.upper(), f" {at}", "https://huggingface.co/x.png", "data:image/png;base64,AAAA", "//a.b/c.png"):
        for where in ("queue/join", "call/sample", "run/predict", "component_server"):
            answer = stranger.http.post(f"/gradio_api/{where}", json=asked(path))
            assert answer.status_code == 400, (where, path)
            assert "Files are uploaded here, not fetched" in answer.text
        assert stranger.http.get(f"/gradio_api/file={path}").status_code == 404
        assert stranger.http.get(f"/gradio_api/proxy={path}").status_code == 404
    hidden = b'{"data": [{"\\u0070ath": "%s", "meta": {"_type": "gradio.FileData"}}]}' % at.encode()
    assert stranger.http.post("/gradio_api/queue/join", content=hidden).status_code == 400
    server.shutdown()
    assert hits == []


def test_another_s_file_and_the_machine_s_are_refused_as_input(stranger):
    for event in stranger.takers:
        for path in ("/etc/passwd", str(Path.cwd() / "x.png"), "../../etc/passwd"):
            data = [asked(path)["data"][0] for _ in event["inputs"]]
            status, text = stranger.join(event["id"], data)
            assert "root:" not in text
            assert status != 200 or '"success":false' in text.replace(" ", ""), (event["id"], text[:300])


def test_what_is_too_large_is_refused(stranger):
    assert stranger.http.post("/gradio_api/queue/join", content=b" " * (limits.REQUEST_BYTES + 1)).status_code == 413
    for size in (16_900_000, 30_000_000):
        try:
            status = stranger.http.post("/gradio_api/upload", files={"files": ("a.png", bytes(size))}).status_code
        except httpx.TransportError:
            status = 413  # broken off
        assert status in (400, 413, 500)
    assert stranger.http.get("/").status_code == 200


@pytest.mark.parametrize("size", [(13_312, 13_312), (60_000, 60_000), (2**31 - 1, 1)])
def test_a_small_file_that_unpacks_to_a_huge_picture_is_refused_unopened(stranger, size):
    for i in range(len(stranger.takers)):  # what the first picture costs, models and all, is not the bomb's
        stranger.upload(i / len(stranger.takers), "small.png", bomb(60, 60))
    before = memory()
    for i in range(len(stranger.takers)):
        _, text = stranger.upload(i / len(stranger.takers), "bomb.png", bomb(*size))
        assert '"success":false' in text.replace(" ", "") or '"error"' in text
    assert memory() - before < 100  # MB; one of them would be 500


def memory():
    return int(Path("/proc/self/status").read_text(encoding="utf-8").split("VmRSS:")[1].split()[0]) / 1000


# Handlers


def test_what_is_private_is_refused_inside_as_well(stranger, public_url):
    """Every handler of the page, called by its number as anybody can, starts no training and touches no disk."""
    program = Client(public_url, verbose=False)
    for endpoint in ("/train_start", "/train_stop"):
        with pytest.raises(Exception, match=PUBLIC):
            program.predict(api_name=endpoint)
    with pytest.raises(Exception, match=PUBLIC):
        program.predict("hub:me/boots", api_name="/sample")
    with pytest.raises(Exception, match=r"There is no checkpoint '/etc/passwd' here: choose one from the list\."):
        program.predict("/etc/passwd", api_name="/sample")
    with pytest.raises(Exception, match=r"takes 656,000 passes, and a public page does 100,000 at most"):
        program.predict("dense", "pgd", "0,0.1", "none", 4000, api_name="/robustness_curve")
    refused = 0
    for event in stranger.events:
        usual = [stranger.components[i]["props"].get("value") for i in event["inputs"]]
        _, text = stranger.join(event["id"], usual)
        refused += PUBLIC.encode("ascii", "backslashreplace").decode() in text or PUBLIC in text
        assert not leaks(text)
    # Start, Pause, Resume, Queue it, Cancel it, Stop, Send it, Score them, Train them, Train it, and two endpoints.
    assert refused >= 12
    assert program.predict(api_name="/train_status")["state"] == "idle"
    assert program.predict(api_name="/train_status")["queue"] == []


def test_strangers_can_sample_and_attack(public_url):
    program = Client(public_url, verbose=False)
    assert program.predict("studio", "Dress", 4, api_name="/sample")
    assert program.predict(number=3, api_name="/attack")["confidences"]
    curve = program.predict("dense", limit=20, api_name="/robustness_curve")
    assert len(curve["points"]) == 4


def test_a_public_page_says_what_is_off(visit, public_url):
    page = visit(at=public_url)
    page.get_by_role("tab", name="Train").click()
    page.locator("#purpose").get_by_text("Duplicate this Space").wait_for()
    assert page.locator("#start").is_disabled()
    assert page.locator("#hub").count() == 0 or not page.locator("#hub").is_visible()


def request(host="127.0.0.1", name="127.0.0.1:7860", **headers):
    return SimpleNamespace(client=SimpleNamespace(host=host), headers={"host": name, **headers})


@pytest.mark.parametrize(
    ("asking", "near"),
    [
        (request(), True),
        (request("::1", "[::1]:7860"), True),
        (request(name="localhost:7860"), True),
        (request("192.168.0.7", "192.168.0.2:7860"), False),
        (request(name="evil.example:7860"), False),  # a page that gave itself this machine's address
        (request(**{"x-forwarded-for": "192.168.0.7"}), False),  # by way of a proxy on this machine
        (SimpleNamespace(client=None, headers={}), False),
    ],
)
def test_who_sits_at_the_machine(tmp_path, asking, near):
    private, public = Studio(tmp_path), Studio(tmp_path, public=True)
    assert access.at_the_machine(private, asking) is near
    assert not access.at_the_machine(public, asking)
    with pytest.raises(StudioError, match="is off on this public page"):
        access.check_at_the_machine(public, asking, "Saving to the Hub")
    if not near:
        with pytest.raises(StudioError, match="Saving to the Hub is for whoever sits at the machine"):
            access.check_at_the_machine(private, asking, "Saving to the Hub")


@pytest.mark.parametrize("claimed", [None, 7, "", "x" * 65, ["a"], {"path": "/etc/passwd"}])
def test_an_odd_visitor_gets_a_name_of_his_own(claimed):
    assert access.name_of(claimed) != claimed
    assert access.name_of("a-good-name") == "a-good-name"


def test_malformed_calls_are_answered_without_a_traceback(stranger):
    """The first of the thousand of benchmarks/hardening.py."""
    for call in calls(80, 0):
        status, text = stranger.send(call)
        assert not leaks(text), call
        assert status < 500 or call[1] in ("nosuch", "../sample"), (status, call)
    assert stranger.http.get("/").status_code == 200


def test_a_password_keeps_the_page_and_its_files_to_those_who_know_it(tmp_path, launch):
    with launch(Studio(tmp_path / "runs", public=True), password="a word") as url:
        anybody = httpx.Client(base_url=url)
        for path in (
            "/config",
            "/gradio_api/info",
            f"/gradio_api/file={get_upload_folder()}/x",
            "/gradio_api/openapi.json",
        ):
            assert anybody.get(path).status_code in (401, 404)
        assert anybody.post("/gradio_api/queue/join", json={"data": [], "fn_index": 0}).status_code == 401
        assert anybody.post("/login", data={"username": "me", "password": "another"}).status_code == 400
        assert anybody.post("/login", data={"username": "me", "password": "a word"}).status_code == 200
        assert anybody.get("/config").status_code == 200
