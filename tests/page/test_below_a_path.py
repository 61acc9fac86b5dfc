"""The page behind a proxy below a path, with the path stripped and kept: all tabs work, and nothing is 404."""

import httpx
import pytest
from proxy import Proxy

from fashiongan.studio import Studio
from fashiongan.ui.shared import request_guard

pytestmark = pytest.mark.slow
TABS = {"Sample": "#sheet img", "Train": ".live", "Colorize": "#dye", "Robustness": "#robust",
        "Compare": "#compare_panel img"}  # fmt: skip


@pytest.fixture(scope="module", params=["/studio", "https://example.com/deep/studio"])
def below(request, tmp_path_factory, idx_root):
    """A page that is told it lies below a path."""
    from conftest import launched

    studio = Studio(tmp_path_factory.mktemp("below") / "runs", data_root=str(idx_root), device="cpu")
    with launched(studio, root_path=request.param) as url:
        yield url


@pytest.fixture(params=[True, False], ids=["kept", "stripped"])
def proxy(below, request):
    """A proxy in front of it, which keeps the prefix or strips it. (It outlasts the browser's page.)"""
    with Proxy(below, "/deep/studio" if "deep" in request.node.name else "/studio", request.param) as proxy:
        proxy.keeps = request.param
        yield proxy


def test_every_tab_works_below_a_path(proxy, visit):
    if "/deep" in proxy.url:
        pytest.skip("a browser would go to example.com")
    # Where the prefix is stripped, the proxy has to add the slash.
    for address in [f"{proxy.url}/"] + [proxy.url] * proxy.keeps:
        page = visit(at=address)
        for name, shown in TABS.items():
            page.get_by_role("tab", name=name).click()
            page.locator(shown).first.wait_for()
        page.wait_for_function("() => window.Plotly")
    assert proxy.missing == []
    assert proxy.outside == []


def test_the_guard_is_the_same_below_a_path(proxy):
    for path in ("/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://a.b", "/gradio_api/run-history"):
        answer = httpx.get(f"{proxy.url}{path}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "There is no such file here.")
    assert httpx.get(f"{proxy.url}/config").status_code == 200
    assert b"requestAnimationFrame" in httpx.get(f"{proxy.url}/").content


@pytest.mark.parametrize(
    ("root", "path", "inside"),
    [
        ("", "/config", "/config"),
        ("/studio", "/studio/config", "/config"),
        ("/studio/", "/studio/config", "/config"),
        ("/studio", "/studio", "/"),
        ("/studio", "/config", "/config"),
        ("/studio", "/studios/config", "/studios/config"),
        ("https://a.b/studio", "/studio/gradio_api/file=/x y", "/gradio_api/file=/x y"),
    ],
)
def test_the_path_of_a_request_without_the_prefix(root, path, inside):
    scope = request_guard.below({"root_path": root, "path": path})
    assert scope["path"] == inside
