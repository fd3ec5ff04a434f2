"""A reader of the live stream."""
import http.client
import json
import threading

from support.server import wait_for


class Screen:
    """Keeps what is said of incidents, and why the stream ended if that is said."""

    def __init__(self, server, headers=None):
        self.seen = []
        self.end = None
        self.connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=90)
        self.connection.request("GET", "/api/v1/stream", headers=headers or {})
        self.answer = self.connection.getresponse()
        assert self.answer.readline().startswith(b"event: hello")
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        event = None
        try:
            for line in self.answer:
                if line.startswith(b"event: "):
                    event = line[7:].strip()
                elif line.startswith(b"data: ") and event == b"incidents":
                    self.seen.extend(json.loads(line[6:])["incidents"])
                elif line.startswith(b"data: ") and event == b"end":
                    self.end = json.loads(line[6:])
        except (OSError, ValueError, http.client.HTTPException, AttributeError):
            pass

    def ends(self):
        """The server closes the stream."""
        self.reader.join(60)
        assert not self.reader.is_alive(), "the stream goes on"

    def sees(self, **wanted):
        fits = lambda one: all(one[key] == value for key, value in wanted.items())
        return wait_for(lambda: any(map(fits, list(self.seen))), what=f"{wanted} on the stream, there is {self.seen}")
