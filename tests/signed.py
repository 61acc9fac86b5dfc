"""The session of somebody who has signed in on a Space, for tests and benchmarks: no provider is needed."""

import base64
import hashlib
import json
import time

import itsdangerous

SECRET = "what only the Space knows"
HEADERS = {"host": "you-studio.hf.space"}
SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "you/studio",
    "SPACE_AUTHOR_NAME": "you",
    "OAUTH_CLIENT_ID": "client",
    "OAUTH_CLIENT_SECRET": SECRET,
    "OAUTH_SCOPES": "openid profile",
    "OPENID_PROVIDER_URL": "http://127.0.0.1:9",
}


def account(name, seconds=3600.0):
    """What gradio keeps in the session of whoever has signed in."""
    user = {"sub": "1", "name": name, "preferred_username": name, "profile": "", "picture": ""}
    return {"access_token": "hf_theirs", "scope": "", "expires_at": int(time.time() + seconds), "userinfo": user}


def cookie(info, secret=SECRET):
    """The session cookie with that, signed as gradio signs it."""
    key = hashlib.sha256(f"{secret}-v4".encode()).hexdigest()
    return itsdangerous.TimestampSigner(key).sign(base64.b64encode(json.dumps({"oauth_info": info}).encode())).decode()
