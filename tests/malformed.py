"""Malformed calls and uploads by seed, and how they are sent: the tests make a few, benchmarks/hardening.py a thousand.

A call is a plain tuple (kind, ...), so that the one that did harm can be printed and made again.
"""

import io
import json
import random
import struct
import uuid
import zlib

import httpx
from PIL import Image

NAMES = ("sample", "attack", "robustness_curve", "train_start", "train_status", "train_stop", "nosuch", "../sample")
TEXTS = (
    "", "dcgan", "cdcgan", "nosuch", "/etc/passwd", "../../etc/passwd", "hub:a/b", "hub:../..", "http://127.0.0.1:9/x",
    "<script>alert(1)</script>", "Dress", "All classes", "\x00", "a" * 5000,
    "0,0.1", "1e999", "{}", '{"width": 1e99}', "[" * 3000, "fgsm", "none", "NaN", "measured", "runs/x", "𝕏" * 50,
)  # fmt: skip
# Functions that the panels' scripts call.
PANELS = (
    "update", "status", "sheet", "preview", "attack", "smallest", "csv", "models", "pictures", "neighbours", "nosuch",
)  # fmt: skip
NUMBERS = (0, 1, -1, 3.5, 1e308, -1e308, 2**31, 2**63, 10**30, 0.1, 40)
ODD = (None, True, False, [], {}, [[]], {"a": 1}, [None] * 20, {"__type__": "update"}, {"path": "/etc/passwd"})
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
FETCHED = {"path": "http://127.0.0.1:9/x.png", "meta": {"_type": "gradio.FileData"}}


def value(rng, depth=0):
    """Any JSON value, odd more often than not."""
    kind = rng.randrange(7)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind in (1, 2):
        return rng.choice(TEXTS)
    if kind == 3:
        return rng.choice(ODD)
    if kind == 4:
        return rng.choice((FILE, FETCHED, {**FILE, "path": rng.choice(TEXTS)}))
    if depth > 2:
        return None
    inside = [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return inside if kind == 5 else {str(i): v for i, v in enumerate(inside)}


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(width, height):
    """A PNG of some kB that claims, and unpacks to, width x height pixels."""
    rows = zlib.compress(bytes(min(width // 8 + 1, 4000) * min(height, 2000)), 9)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def picture(rng):
    """(name, bytes): a picture that is none, or none that anybody wants."""
    im = Image.new(rng.choice(("L", "RGB", "RGBA", "P", "1", "I;16")), (rng.randrange(1, 60), rng.randrange(1, 60)))
    out = io.BytesIO()
    im.save(out, "PNG")
    good = out.getvalue()
    made = rng.randrange(10)
    if made == 0:
        return "cut.png", good[: rng.randrange(len(good))]
    if made == 1:
        place = rng.randrange(len(good))
        return "hit.png", good[:place] + bytes([rng.randrange(256)]) + good[place + 1 :]
    if made == 2:
        return "bomb.png", bomb(*rng.choice(((13_312, 13_312), (60_000, 60_000), (2**31 - 1, 1), (1, 2**31 - 1))))
    if made == 3:
        return "noise.jpg", b"\xff\xd8\xff\xe0" + rng.randbytes(500)
    if made == 4:
        return "noise.gif", b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + rng.randbytes(200)
    if made == 5:
        return "drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    if made == 6:
        return "page.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9999 9999\n(/etc/passwd) run\n"
    if made == 7:
        return "deep.json", b"[" * rng.randrange(1, 50_000)
    if made == 8:
        return "../../name.png", rng.randbytes(rng.randrange(2000))
    return "board.json", json.dumps([value(rng) for _ in range(5)]).encode()


def calls(n, seed):
    """n calls of all kinds."""
    for i in range(n):
        rng = random.Random(f"{seed}-{i}")
        kind = rng.choice(("named", "event", "event", "panel", "upload", "upload", "file", "raw"))
        junk = [value(rng) for _ in range(rng.randrange(16))]
        if kind == "named":
            yield kind, rng.choice(NAMES), junk
        elif kind == "event":
            yield kind, rng.random(), rng.random() < 0.7, junk, rng.randrange(2**30)
        elif kind == "panel":
            yield kind, rng.choice(PANELS), value(rng)
        elif kind == "upload":
            yield kind, rng.random(), *picture(rng)
        elif kind == "file":
            start = rng.choice(
                ("file=", "file=/proc/self/", "file=/etc/", "proxy=", "stream/a/0/1/playlist.m3u8", "file/", "")
            )
            end = rng.choice(
                (
                    "passwd",
                    "../../../../etc/passwd",
                    "..%2f..%2fapp.py",
                    "http://127.0.0.1:9/x",
                    "environ",
                    "%00",
                    "a" * 5000,
                )
            )
            yield kind, start + end
        else:
            path = rng.choice(
                ("queue/join", "call/sample", "run/predict", "component_server", "upload", "reset", "cancel")
            )
            yield (
                kind,
                path,
                rng.choice(
                    (b"", b"{", b"[1", b"null", b"\xff\xfe", b'{"data": "x"}', b'{"fn_index": -1}', b"[" * 20_000)
                ),
            )


class Visitor:
    """Sends calls to a page, and keeps what comes back."""

    def __init__(self, url, **more):
        # A connection each: a server that refuses a body unread closes the one it came by.
        limits = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=url.rstrip("/"), timeout=60, limits=limits, **more)
        config = self.http.get("/config").json()
        self.events = [d for d in config["dependencies"] if d["backend_fn"]]
        self.components = {c["id"]: c for c in config["components"]}
        # Events that take an uploaded file: what they begin with is one.
        files = ("file", "uploadbutton", "image", "imageeditor")
        self.takers = [d for d in self.events if any(self.components[i]["type"] in files for i in d["inputs"])]
        self.panels = [c["id"] for c in config["components"] if c["props"].get("server_fns")]

    def send(self, call):
        """(status, text) of the answer."""
        kind, *rest = call
        return getattr(self, kind)(*rest)

    def named(self, name, junk):
        answer = self.http.post(f"/gradio_api/call/{name}", json={"data": junk})
        if answer.status_code != 200:
            return answer.status_code, answer.text
        return 200, self.http.get(f"/gradio_api/call/{name}/{answer.json()['event_id']}").text

    def event(self, which, fits, junk, seed):
        """Any event's handler, private ones too, with as many values as it takes or not."""
        event = self.events[int(which * len(self.events))]
        rng = random.Random(seed)
        usual = [self.components[i]["props"].get("value") for i in event["inputs"]]
        return self.join(event["id"], [value(rng) if rng.random() < 0.5 else v for v in usual] if fits else junk)

    def join(self, fn, data):
        session = uuid.uuid4().hex
        body = {"data": data, "fn_index": fn, "session_hash": session, "event_data": None}
        answer = self.http.post("/gradio_api/queue/join", json=body)
        if answer.status_code != 200:
            return answer.status_code, answer.text
        lines = []
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                lines.append(line)
                if '"close_stream"' in line or '"process_completed"' in line:
                    break
        return 200, "\n".join(lines)

    def panel(self, name, sent):
        answers = [
            self.http.post(
                "/gradio_api/component_server",
                json={"data": sent, "fn_name": name, "component_id": i, "session_hash": "x"},
            )
            for i in self.panels
        ]
        return max(a.status_code for a in answers), "\n".join(a.text for a in answers)

    def upload(self, which, name, data):
        answer = self.http.post("/gradio_api/upload", files={"files": (name, data)})
        if answer.status_code != 200:
            return answer.status_code, answer.text
        file = {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        event = self.takers[int(which * len(self.takers))]
        kinds = ("file", "uploadbutton", "image", "imageeditor")
        return self.join(event["id"], [
            file if self.components[i]["type"] in kinds else self.components[i]["props"].get("value")
            for i in event["inputs"]
        ])  # fmt: skip

    def file(self, path):
        answer = self.http.get(f"/gradio_api/{path}")
        return answer.status_code, answer.text

    def raw(self, path, body):
        answer = self.http.post(f"/gradio_api/{path}", content=body, headers={"content-type": "application/json"})
        return answer.status_code, answer.text


def leaks(text):
    """What of an answer a visitor must not see: a traceback, or the machine's own files."""
    return [sign for sign in ("Traceback (most", 'File "/', "root:x:0:0", "site-packages") if sign in text]
