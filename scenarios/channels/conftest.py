"""A server with one check, whose contact is reached by the channel under test."""
import pytest

from support.providers import Providers
from support.server import wait_for


@pytest.fixture
def providers():
    with Providers() as all_of_them:
        yield all_of_them


class Story:
    """A check that goes bad and well, and the incident that comes of it."""

    def __init__(self, server):
        self.server = server

    def result(self, status, output="", name="disk"):
        answer = self.server.post(f"/api/v1/checks/{name}/result", {"status": status, "output": output or f"it is {status}"})
        assert answer.status // 100 == 2, answer.text

    def incidents(self, state="open"):
        return self.server.get(f"/api/v1/incidents?state={state}").json["incidents"]

    def incident(self):
        return wait_for(lambda: [one for one in self.incidents() if "channel:" not in one["reason"]], what="an incident")[0]

    def delivered(self):
        """All pages are on the disk as delivered: a kill makes none of them come twice."""
        pages = lambda: self.server.get(f"/api/v1/incidents/{self.incident()['id']}").json["pages"]
        wait_for(lambda: pages() and all(page["state"] == "delivered" for page in pages()), what="that all is delivered")

    def acknowledged_by(self, name, words=""):
        def look():
            by = self.incident()["acknowledged"]
            return by and by["by"] == name and words in by["comment"]
        wait_for(look, what=f"an acknowledgement by {name}, there is {self.incident()['acknowledged']}")

    def closed(self):
        wait_for(lambda: not [one for one in self.incidents() if "channel:" not in one["reason"]], what="the end of the incident")


@pytest.fixture
def story(bellwether):
    def start(channel, contact="", extra=""):
        return Story(bellwether(f"""
[collectors]
host = false
[[contact]]
name = "ana"
channels = ["x"]
{contact}
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
playbook = "https://wiki.example/disk"
contacts = ["ana"]
[[channel]]
name = "x"
{channel}
{extra}
"""))
    return start
