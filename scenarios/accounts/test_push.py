"""Web push: browsers are reached by the services that they have chosen, and nobody on the way reads it."""
import pytest

from support.people import person
from support.probes import Authority
from support.push import PushService
from support.server import wait_for
from support.ways import Me, code_in

CONFIG = '''
[auth]
mode = "required"
[collectors]
host = false
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
[[channel]]
name = "browsers"
type = "push"
from = "mailto:ops@example.org"
hosts = ["localhost"]
ca_file = "{authority}"
'''


@pytest.fixture
def service(tmp_path):
    with PushService(Authority(tmp_path)) as service:
        service.authority = tmp_path / "ca.pem"
        yield service


def test_c104_a_browser_shows_it_and_acknowledges(bellwether, service):
    server = bellwether(CONFIG.format(authority=service.authority))
    me = Me(server, person(server, "ana", "responder"))
    disk = lambda status: server.post("/api/v1/checks/disk/result", {"status": status, "output": "full"}, headers=root)
    root = person(server, "root", "editor")
    key = server.get("/api/v1/me/ways", headers=me.who).json["push_key"]
    phone, laptop = service.browser("phone", key), service.browser("laptop", key)
    elsewhere = phone.subscription().replace("localhost", "metadata.internal")
    refused = me.put([{"type": "push", "address": elsewhere}])
    assert refused.status == 400 and "no push service that is known here" in refused.json["error"]
    plain = me.put([{"type": "push", "address": phone.subscription().replace("https://", "http://")}])
    assert plain.status == 400

    ways = me.put([{"type": "push", "address": one.subscription(), "label": one.name} for one in (phone, laptop)]).json["ways"]
    assert ways[0]["address"] == phone.endpoint, "its keys are not told"
    for way, browser in zip(ways, (phone, laptop)):
        assert me.confirm(way["id"], lambda: browser.shown and browser.shown[0]["title"]).status == 200
    assert not any(code_in(one["title"]) in server.log() for one in phone.shown)

    assert disk(2).status == 200
    for browser in (phone, laptop):
        page = wait_for(lambda: browser.shown[1:], what="a page")[0]
        assert page["title"] == "CRITICAL: disk" and page["urgency"] == "high" and page["topic"]
        assert page["open"] == page["acknowledge"] and page["open"].startswith("/a/")
    # One tap, without opening anything, and without signing in: as the service worker does it.
    assert server.post(page["acknowledge"], b"do=acknowledge", headers={"Origin": server.url("")}).status == 200
    incident = lambda: server.get("/api/v1/incidents?state=all", headers=root).json["incidents"][0]
    assert wait_for(lambda: incident()["owner"], what="an owner") == "ana"

    # A browser that has unsubscribed is not asked again, and its owner sees why.
    phone.gone = True
    assert disk(0).status == 200
    ends = wait_for(lambda: [one for one in laptop.shown if one["title"].startswith("over")], what="the end")
    assert ends[0]["urgency"] == "normal" and ends[0]["topic"] == page["topic"], "it takes the place of the page"
    lost = wait_for(lambda: [way for way in me.ways() if way["gone"]], what="that one is gone")
    assert [way["label"] for way in lost] == ["phone"] and me.ask(lost[0]["id"], "code").status == 409
    assert service.problems == []

    # The key is the same after a restart: browsers do not have to subscribe again.
    server.stop()
    server.start()
    assert server.get("/api/v1/me/ways", headers=me.who).json["push_key"] == key
    laptop.gone = True
    assert disk(2).status == 200
    given_up = lambda: [page for page in server.get(f"/api/v1/incidents/{incident()['id']}", headers=me.who).json["pages"] if page["state"] == "given_up"]
    assert "410" in wait_for(given_up, what="that it was given up")[0]["error"]
    wait_for(lambda: all(way["gone"] for way in me.ways()), what="that both are gone")


def test_a_browser_whose_service_is_busy_gets_it_too(bellwether, service):
    server = bellwether(CONFIG.format(authority=service.authority))
    me, root = Me(server, person(server, "ana", "responder")), person(server, "root", "editor")
    key = server.get("/api/v1/me/ways", headers=me.who).json["push_key"]
    browsers = [service.browser(name, key) for name in ("phone", "laptop")]
    ways = me.put([{"type": "push", "address": one.subscription(), "label": one.name} for one in browsers]).json["ways"]
    for way, browser in zip(ways, browsers):
        assert me.confirm(way["id"], lambda: browser.shown and browser.shown[0]["title"]).status == 200
    browsers[0].busy = 1
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full"}, headers=root).status == 200
    for browser in browsers:
        assert wait_for(lambda: browser.shown[1:], what="a page")[0]["title"] == "CRITICAL: disk"
    assert len(browsers[1].shown) == 2, "whoever has it is not told twice"

    # One who is gone for good is no failure of the channel: health names whose way it is.
    for browser in browsers:
        browser.gone = True
    assert server.post("/api/v1/checks/disk/result", {"status": 0, "output": "fine"}, headers=root).status == 200
    wait_for(lambda: all(way["gone"] for way in me.ways()), what="that both are gone")
    open_now = server.get("/api/v1/incidents?state=open", headers=root).json["incidents"]
    assert not [one for one in open_now if one["reason"] == "channel:browsers"]


def test_a_browser_is_told_once_whatever_fails(bellwether, service):
    """Too many messages, a connection that ends, one that is never answered and a kill meanwhile."""
    server = bellwether(CONFIG.format(authority=service.authority))
    me, root = Me(server, person(server, "ana", "responder")), person(server, "root", "editor")
    phone = service.browser("phone", server.get("/api/v1/me/ways", headers=me.who).json["push_key"])
    way, = me.put([{"type": "push", "address": phone.subscription(), "label": phone.name}]).json["ways"]
    assert me.confirm(way["id"], lambda: phone.shown and phone.shown[0]["title"]).status == 200
    phone.faults = [(429, {"Retry-After": "2"}), "reset", "hang"]
    assert server.post("/api/v1/checks/disk/result", {"status": 2, "output": "full"}, headers=root).status == 200
    wait_for(lambda: len(phone.met) == 3, what="the message that is not answered")
    assert phone.met[1][1] - phone.met[0][1] >= 1.95, "the pause that was asked for"
    server.kill()
    server.start()
    assert wait_for(lambda: phone.shown[1:], what="the page")[0]["title"] == "CRITICAL: disk"
    server.all_told(headers=root)
    assert server.post("/api/v1/checks/disk/result", {"status": 0, "output": "fine"}, headers=root).status == 200
    wait_for(lambda: phone.shown[2:], what="the end")
    assert [one["title"].split(":")[0] for one in phone.shown[1:]] == ["CRITICAL", "over, OK"] and service.problems == []
