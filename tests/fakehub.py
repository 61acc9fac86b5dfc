"""A stand-in for the Hub's endpoints that the client uses for models, on this machine."""

import base64
import hashlib
import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

API = re.compile(r"/api/(models|spaces)/([^/]+/[^/]+?)(?:/revision/([^/]+))?")
FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


class FakeHub:
    """`repos`: {"user/name": {"file": bytes}}; a Space is "spaces/user/name", and `settings` has what was set for it.
    `trouble`: what goes wrong: "cut", "other content", "silent", or a
    status code. `tokens`: whoever comes with none of these is refused with 401 where something is written."""

    def __init__(self, repos=(), trouble=None, tokens=("hf_good",), accounts=None):
        self.repos, self.trouble, self.tokens, self.log = dict(repos), trouble, tokens, []
        self.settings, self.titles = {}, {}
        self.accounts = accounts or {}  # by token: what whoami says
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, code, body=b"", headers=None):
                if isinstance(body, dict | list):
                    body, headers = json.dumps(body).encode(), {"Content-Type": "application/json"}
                self.send_response(code)
                for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def missing(self, kind, code=404):
                self.answer(code, headers={"X-Error-Code": kind, "X-Error-Message": kind})

            def do_GET(self):
                path = unquote(urlsplit(self.path).path)
                hub.log.append((self.command, path, self.headers.get("Authorization")))
                if hub.trouble == "silent":
                    time.sleep(20)
                    return None
                if isinstance(hub.trouble, int):
                    return self.answer(hub.trouble)
                if path == "/api/whoami-v2":
                    known = hub.accounts.get((self.headers.get("Authorization") or "").removeprefix("Bearer "))
                    return self.answer(200, known) if known else self.answer(401)
                if m := API.fullmatch(path):
                    return self.repository(("spaces/" if m[1] == "spaces" else "") + m[2], m[3] or "main")
                if m := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commits/main", path):
                    about = {"id": hub.sha(m[1]), "title": hub.titles.get(m[1], ""), "message": "", "authors": []}
                    return self.answer(200, [{**about, "date": "2026-01-01T00:00:00.000Z"}])
                if m := FILE.fullmatch(path):
                    return self.file(*m.groups())
                return self.answer(404)

            do_HEAD = do_GET

            def repository(self, repo, revision):
                if repo not in hub.repos:
                    return self.missing("RepoNotFound", 401)
                if revision not in ("main", hub.sha(repo)):
                    return self.missing("RevisionNotFound")
                files = [
                    {"rfilename": name, "size": len(b), "blobId": "0", "lfs": {
                        "sha256": hashlib.sha256(b).hexdigest(), "size": len(b), "pointerSize": 100}}
                    for name, b in hub.repos[repo].items()
                ]  # fmt: skip
                return self.answer(200, {"_id": "0", "id": repo, "sha": hub.sha(repo), "siblings": files})

            def file(self, repo, revision, name):
                if name not in hub.repos.get(repo, {}):
                    return self.missing("EntryNotFound")
                body = hub.repos[repo][name]
                headers = {
                    "ETag": f'"{hashlib.sha256(body).hexdigest()}"',
                    "X-Repo-Commit": hub.sha(repo),
                    "Content-Length": str(len(body)),
                }
                if self.command == "GET" and hub.trouble == "other content":
                    body = bytes(reversed(body))
                if self.command == "GET" and hub.trouble == "cut":
                    body, self.close_connection = body[: len(body) // 2], True
                return self.answer(200, body, headers)

            def do_POST(self):
                path = urlsplit(self.path).path
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                hub.log.append((self.command, path, token))
                if isinstance(hub.trouble, int):
                    return self.answer(hub.trouble)
                if token not in hub.tokens:
                    return self.answer(401)
                if path == "/api/repos/create":
                    repo = json.loads(body)
                    name = f"{repo.get('organization') or 'me'}/{repo['name']}"
                    name = f"spaces/{name}" if repo.get("type") == "space" else name
                    if name in hub.repos:
                        return self.answer(409, {"url": f"{hub.url}/{name}"})
                    hub.repos[name], hub.settings[name] = {}, {"created": repo}
                    return self.answer(200, {"url": f"{hub.url}/{name}"})
                if path == "/api/validate-yaml":
                    return self.answer(200, {"errors": [], "warnings": []})
                if setting := re.fullmatch(r"/api/(spaces/[^/]+/[^/]+)/(variables|secrets|hardware)", path):
                    hub.settings.setdefault(setting[1], {}).setdefault(setting[2], []).append(json.loads(body))
                    runtime = {"stage": "BUILDING", "hardware": {"current": None, "requested": None}}
                    return self.answer(200, runtime if setting[2] == "hardware" else {})
                repo = re.fullmatch(r"/api/(?:models/)?((?:spaces/)?[^/]+/[^/]+)/(\w+)/main", path)
                if repo and repo[2] == "preupload":
                    plain = {"uploadMode": "regular", "shouldIgnore": False}
                    files = [{"path": f["path"], **plain} for f in json.loads(body)["files"]]
                    return self.answer(200, {"files": files})
                if repo and repo[2] == "commit":
                    lines = [json.loads(line) for line in body.splitlines()]
                    if lines[0]["value"].get("parentCommit") not in (None, hub.sha(repo[1])):
                        return self.answer(412)
                    hub.titles[repo[1]] = lines[0]["value"]["summary"]
                    for line in lines:
                        if line["key"] == "file":
                            content = base64.b64decode(line["value"]["content"])
                            hub.repos[repo[1]][line["value"]["path"]] = content
                    return self.answer(
                        200, {"commitUrl": f"{hub.url}/{repo[1]}/commit/1", "commitOid": hub.sha(repo[1])}
                    )
                return self.answer(404)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def sha(self, repo):
        """The commit id of what a repository holds now."""
        return hashlib.sha1(b"".join(k.encode() + v for k, v in sorted(self.repos[repo].items()))).hexdigest()

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
