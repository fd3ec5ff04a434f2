"""Where pages arrive in tests: a mail server and a webhook receiver, which can be told to fail."""
import asyncio
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import threading
import time

from aiosmtpd.controller import Controller

from support.server import free_port, wait_for


class MailServer:
    """Keeps each mail as (recipients, message). `refuse` answers the next recipients, such as "450 later"; addresses in `gone` are nobody's;
    `faults` answer the next mails, with "reset" and "hang" being no answer. `met` are those that came to pass."""

    def __init__(self, port=None, tls_context=None, require_starttls=False):
        self.port, self.mails, self.refuse, self.helo = port or free_port(), [], [], []
        self.faults, self.met, self.gone = [], [], set()
        self.options = {"tls_context": tls_context, "require_starttls": require_starttls} if tls_context else {}
        self.controller = None

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refuse:
            return self.refuse.pop(0)
        if address in self.gone:
            return "550 5.1.1 nobody has this mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.faults:
            fault = self.faults.pop(0)
            self.met.append((fault, time.time()))
            if fault not in ("reset", "hang"):
                return fault
            if fault == "reset":
                server.transport.abort()
            # Ended with the connection.
            await asyncio.sleep(600)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((list(envelope.rcpt_tos), message))
        return "250 taken"

    def start(self):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=60, **self.options)
        self.controller.start()
        return self

    def stop(self):
        if self.controller:
            self.controller.stop()
            self.controller = None

    def subjects(self):
        return [message["Subject"] for _, message in self.mails]

    def texts(self):
        return [message.get_body(("plain",)).get_content() for _, message in self.mails]

    def wait(self, count, seconds=60):
        wait_for(lambda: len(self.mails) >= count, seconds, what=f"{count} mails, there are {self.subjects()}")
        return self.mails


class Handling(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


class Listening:
    """An HTTP server on a port that stays its own from one start to the next."""

    def __init__(self, port=None):
        self.port, self.server = port or free_port(), None

    def listen(self, handler):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None


class WebhookServer(Listening):
    """Keeps each delivery as (headers, body). `answers` are the statuses of the next ones, as (status, headers)."""

    def __init__(self, port=None):
        super().__init__(port)
        self.all, self.taken, self.answers = [], [], []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/pages"

    def start(self):
        outer = self

        class Handler(Handling):
            def do_POST(self):
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                delivery = ({key.lower(): value for key, value in self.headers.items()}, json.loads(raw), raw)
                outer.all.append(delivery)
                status, headers = outer.answers.pop(0) if outer.answers else (200, {})
                if 200 <= status < 300:
                    outer.taken.append(delivery)
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

        return self.listen(Handler)

    def events(self):
        return [body["event"] for _, body, _ in self.taken]

    def wait(self, count, seconds=60):
        wait_for(lambda: len(self.taken) >= count, seconds, what=f"{count} deliveries, there are {self.events()}")
        return self.taken


def is_signed(headers, raw, secret):
    made = hmac.new(secret.encode(), headers["x-bellwether-timestamp"].encode() + b"." + raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers["x-bellwether-signature"], f"sha256={made}")
