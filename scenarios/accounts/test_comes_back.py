"""Whoever was away from the sign-in provider for long is told nothing, and told again from the moment in which they are back."""
import contextlib
import sqlite3

import pytest

from support.people import OWN, person
from support.providers import Providers
from support.server import Bellwether, wait_for
from support.sign_in import Browser, SignInProvider
from support.ways import Me

CONFIG = '''[http]
public_url = "{url}"
[auth]
mode = "required"
[auth.oidc]
issuer = "{issuer}"
client_id = "bellwether"
client_secret = "a secret/with+signs"
default_role = "responder"
forget_after = "1d"
[collectors]
host = false
[[channel]]
name = "app"
type = "ntfy"
url = "{ntfy}"
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
[[schedule]]
name = "web"
[[schedule.layer]]
people = ["ana"]
rotation = "weekly"
start = "2020-01-06"
'''


@pytest.fixture
def here(tmp_path):
    """(server, the providers of its channels)."""
    server = Bellwether(tmp_path / "server")
    url = f"http://127.0.0.1:{server.ports['http']}"
    provider = SignInProvider(f"{url}/signin/callback")
    with Providers() as channels:
        server.config_file.write_text(CONFIG.format(url=url, issuer=provider.url, ntfy=channels.url("ntfy")))
        server.start()
        yield server, channels
        server.stop()
    provider.stop()


def come(server, name):
    """By the provider's word; the credentials of their session."""
    browser, url = Browser(), server.url("")
    done = browser.get(browser.go(f"{url}/signin/provider", name, f"{url}/signin/callback"))
    assert done.status == 303, done.text
    return {"Cookie": f"bellwether_session={browser.cookies[server.ports['http'], 'bellwether_session'][1]}", **OWN}


def away_for_days(server):
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data_dir / "state" / "state.db")) as state, state:
        state.execute("UPDATE identity SET seen = seen - 3 * 86400")
        state.execute("UPDATE session SET expires = 1 WHERE person = 'ana'")
    server.start()


def test_whoever_is_back_is_told_again(here):
    server, channels = here
    root, topics = person(server, "root", "admin"), channels.ntfy.topics
    me = Me(server, come(server, "ana"))
    (way,) = me.put([{"type": "ntfy", "address": "ana-1"}]).json["ways"]
    said = lambda: topics["ana-1"] and topics["ana-1"][0]["whole"]["title"]
    assert me.confirm(way["id"], said).status == 200
    told = lambda: sum("CRITICAL" in one["whole"]["title"] for one in topics["ana-1"])
    disk = lambda status: server.post("/api/v1/checks/disk/result", {"status": status, "output": "full"}, headers=root)
    assert disk(2).status == 200
    wait_for(lambda: told() == 1, what="a page")
    assert disk(0).status == 200
    wait_for(lambda: server.get("/api/v1/incidents", headers=root).json["open"] == 0, what="the end")

    # The address of a calendar, which asks for no sign-in, rests with her.
    path = server.post("/api/v1/oncall/calendars", {"schedule": "web"}, headers=me.who).json["path"]
    assert server.get(path).status == 200
    away_for_days(server)
    ana = lambda: next(one for one in server.get("/api/v1/people", headers=root).json["people"] if one["name"] == "ana")
    wait_for(lambda: ana()["suspended"], what="that she rests")
    assert server.get(path).status == 404
    come(server, "ana")
    assert ana()["suspended"] is None and server.get(path).status == 200
    before = told()
    assert disk(2).status == 200
    wait_for(lambda: told() > before, what="a page for whoever is back")
