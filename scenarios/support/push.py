"""A push service and the browsers that have subscribed there. What comes is opened by the library that others use (`http_ece`), and
whoever sends has to show who that is (RFC 8292)."""
import base64
import http.server
import json
import os
import threading
import time
import urllib.parse

import http_ece
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.server import free_port


def encoded(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """One that has subscribed with a server's key; `shown` is what it would show."""

    def __init__(self, service, name, server_key):
        self.name, self.server_key, self.shown, self.gone, self.busy = name, server_key, [], False, 0
        # What becomes of the next messages: (status, headers), "reset" or "hang"; and those that it became of, with their time.
        self.faults, self.met = [], []
        self.private, self.auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
        self.endpoint = f"https://localhost:{service.port}/push/{name}"

    def subscription(self):
        public = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return json.dumps({"endpoint": self.endpoint, "expirationTime": None, "keys": {"p256dh": encoded(public), "auth": encoded(self.auth)}})


class PushService:
    """Over TLS, for `localhost`: `authority` is an `Authority` of support.probes."""

    def __init__(self, authority):
        self.port, self.browsers, self.problems, self.server = free_port(), {}, [], None
        self.context = authority.context("localhost", 30)
        self.stopping = threading.Event()

    def browser(self, name, server_key):
        self.browsers[name] = Browser(self, name, server_key)
        return self.browsers[name]

    def need(self, condition, what):
        if not condition:
            self.problems.append(what)

    def fault(self, path):
        browser = self.browsers.get(path.rsplit("/", 1)[1])
        if browser is None or not browser.faults:
            return None
        browser.met.append((browser.faults.pop(0), time.time()))
        return browser.met[-1][0]

    def take(self, path, headers, raw):
        browser = self.browsers.get(path.rsplit("/", 1)[1])
        if browser is None:
            return 404
        if browser.gone:
            return 410
        if browser.busy:
            browser.busy -= 1
            return 503
        try:
            self.check_sender(headers.get("Authorization", ""), browser)
        except (InvalidSignature, ValueError, KeyError) as error:
            self.problems.append(f"Authorization: {error!r}")
            return 403
        self.need(headers.get("Content-Encoding") == "aes128gcm", "Content-Encoding")
        self.need(headers.get("TTL", "").isdigit(), "TTL")
        self.need(len(headers.get("Topic", "")) <= 32, "Topic")
        self.need(len(raw) <= 4096, "too long")
        text = http_ece.decrypt(raw, private_key=browser.private, auth_secret=browser.auth, version="aes128gcm")
        browser.shown.append({**json.loads(text), "urgency": headers.get("Urgency"), "topic": headers.get("Topic"), "taken_at": time.time()})
        return 201

    def check_sender(self, header, browser):
        scheme, _, rest = header.partition(" ")
        fields = dict(part.strip().split("=", 1) for part in rest.split(","))
        self.need(scheme == "vapid" and fields["k"] == browser.server_key, "the key that the browser has subscribed with")
        signed, _, signature = fields["t"].rpartition(".")
        raw = decoded(signature)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(fields["k"]))
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        key.verify(encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
        claims = json.loads(decoded(signed.split(".")[1]))
        self.need(claims["aud"] == f"https://localhost:{self.port}", f"aud is {claims['aud']}")
        self.need(0 < claims["exp"] - time.time() <= 86_400, "exp")
        self.need(urllib.parse.urlsplit(claims["sub"]).scheme in ("mailto", "https"), "sub")

    def __enter__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = outer.fault(self.path)
                if fault == "hang":
                    outer.stopping.wait(60)
                if fault in ("hang", "reset"):
                    return
                status, more = fault or (outer.take(self.path, self.headers, raw), {})
                self.send_response(status)
                for name, value in {**more, "Content-Length": "0"}.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        # A sender that hangs up in the middle is none of the test's business.
        self.server.handle_error = lambda *_: None
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()
