"""No stream outlives what it was opened with."""
import subprocess
import time

import pytest

from support.people import OWN, person
from support.screen import Screen


@pytest.fixture
def closed(bellwether):
    return bellwether('[auth]\nmode = "required"\n')


def made(server, who, name, **more):
    answer = server.post("/api/v1/tokens", {"name": name, "role": "viewer", **more}, headers=who)
    assert answer.status in (200, 201), answer.text
    return {"Authorization": f"Bearer {answer.json['token']}"}


def test_a_stream_ends_with_its_token(closed):
    server = closed
    root = person(server, "root", "admin")
    short = Screen(server, made(server, root, "short", expires=int(time.time()) + 5))
    lasting = Screen(server, made(server, root, "lasting"))
    short.ends()
    assert short.end["reason"] == "expired" and "sign in again" in short.end["hint"], short.end
    assert lasting.reader.is_alive() and lasting.end is None
    # Whoever is sent away by an administrator, with what they made.
    second = person(server, "second", "admin")
    theirs = Screen(server, made(server, second, "theirs"))
    assert server.put("/api/v1/people/second/role", {"role": "editor"}, headers=root).status == 200
    theirs.ends()
    assert theirs.end["reason"] == "changed", theirs.end


def test_following_says_that_one_signs_in_again(closed):
    server = closed
    root = person(server, "root", "admin")
    bearer = made(server, root, "follower", expires=int(time.time()) + 5)["Authorization"].split()[1]
    done = subprocess.run(
        [server.binary, "query", "bellwether.*", "--follow", "--url", f"http://127.0.0.1:{server.ports['http']}"],
        env={**server.environment(), "BELLWETHER_TOKEN": bearer}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and "has ended" in done.stderr and "sign in again" in done.stderr, done.stderr
    assert server.get("/api/v1/teams", headers={"Authorization": f"Bearer {bearer}", **OWN}).status == 401
