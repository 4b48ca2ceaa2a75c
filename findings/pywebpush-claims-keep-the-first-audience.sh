#!/usr/bin/env bash
# The second push with the same claims dictionary is signed for the first push service.
#
# Library   pywebpush 2.5.0 (py-vapid 1.9.6)
# Guess     `webpush(subscription, data, vapid_claims={"sub": ...})` signs each push for the origin of its own endpoint;
#           claims given as an argument are only read.
# Seen      `aud` is written into the caller's dictionary and kept there: the next subscription, at another push
#           service, gets a token for the first one's origin, which services refuse (RFC 8292, section 2).
# So        A fresh dictionary for each call.
# Exit      0 while this is so, 1 once it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pywebpush==2.5.0 py-vapid==1.9.6 http-ece==1.2.1
"$folder/venv/bin/python" - <<'PY'
import base64
import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid
from pywebpush import webpush

audiences: list[str] = []


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class PushService(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        token = self.headers["Authorization"].split("t=")[1].split(",")[0]
        claims = token.split(".")[1]
        audiences.append(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["aud"])
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def start() -> str:
    server = HTTPServer(("127.0.0.1", 0), PushService)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


public = ec.generate_private_key(ec.SECP256R1()).public_key()
point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
keys = {"p256dh": b64(point), "auth": b64(os.urandom(16))}
vapid = Vapid()
vapid.generate_keys()
origins = [start(), start()]
claims = {"sub": "mailto:ops@example.org"}
for origin in origins:
    webpush({"endpoint": f"{origin}/push", "keys": keys}, "hello", vapid_private_key=vapid, vapid_claims=claims)
print(f"push services {origins}; audiences of the tokens they got {audiences}")
sys.exit(0 if audiences == [origins[0], origins[0]] else 1)
PY
