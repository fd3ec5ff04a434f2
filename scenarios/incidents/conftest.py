"""Who is told, of tests that look at what arrives."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from support.receivers import MailServer, WebhookServer


@pytest.fixture
def mail():
    server = MailServer().start()
    yield server
    server.stop()


@pytest.fixture
def hook():
    server = WebhookServer().start()
    yield server
    server.stop()


@pytest.fixture
def calendars():
    """A server of one calendar, which it knows again by its tag."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            owner = self.server
            owner.asked.append((self.path, self.headers.get("If-None-Match")))
            body = owner.text.encode()
            self.send_response(owner.status)
            self.send_header("ETag", '"one"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.status, server.text = [], 200, ""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
