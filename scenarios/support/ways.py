"""How people are reached, as they say it themselves."""
import re

from support.server import wait_for


class Me:
    """What one person asks of their own ways."""

    def __init__(self, server, credentials):
        self.server, self.who = server, credentials

    def ways(self):
        return self.server.get("/api/v1/me/ways", headers=self.who).json["ways"]

    def put(self, ways, **more):
        return self.server.put("/api/v1/me/ways", {"ways": ways, **more}, headers=self.who)

    def ask(self, way, verb, body=b""):
        return self.server.post(f"/api/v1/me/ways/{way}/{verb}", body, headers=self.who)

    def send_code(self, way):
        """Codes of one person have a pause between them."""
        answer = wait_for(lambda: (sent := self.ask(way, "code")).status != 429 and sent, what="that another code may be sent")
        assert answer.status == 204, answer.text

    def confirm(self, way, said):
        self.send_code(way)
        return self.ask(way, "confirm", {"code": code_in(wait_for(said, what="the code"))})


def code_in(text):
    return re.search(r"\b\d{6}\b", text)[0]
