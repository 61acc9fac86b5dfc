"""What whoever runs the page sees of it: /healthz, and one line for each request that failed."""

import logging

import httpx
import pytest
from gradio_client import Client

from fashiongan.studio import Studio

pytestmark = pytest.mark.slow


def test_healthz_answers_everybody_and_each_failed_request_has_a_line(tmp_path, idx_root, launch, caplog):
    studio = Studio(tmp_path / "runs", data_root=str(idx_root), public=True)
    with launch(studio, password="a word") as url, caplog.at_level(logging.INFO, "fashiongan"):
        answer = httpx.get(f"{url}healthz").json()
        assert answer["ready"] is True
        assert answer["run"] == "idle"
        assert 50 < answer["memory_mb"] < 100_000
        assert caplog.records == []
        assert httpx.get(f"{url}config").status_code == 401
        httpx.get(f"{url}gradio_api/file=/etc/%0Apasswd?token=hf_secret")
        program = Client(url, auth=("me", "a word"), verbose=False)
        caplog.clear()
        httpx.get(f"{url}gradio_api/file=/etc/%0Apasswd?token=hf_secret")
        with pytest.raises(Exception, match="is off on this public page"):
            program.predict(api_name="/train_start")
    lines = [r.getMessage() for r in caplog.records]
    assert len(lines) == 2
    assert lines[0].startswith(r"GET '/gradio_api/file=/etc/\npasswd' failed: 404 after 0.")
    assert lines[1].startswith('train_start failed: "Training is off on this public page')
    assert not any("\n" in line or "secret" in line for line in lines)
