"""What one of the least rights asks for takes no more than one may, and gets nobody more rights."""
import http.client
import json
import re
import time
import urllib.parse

import pytest

from support.people import person
from support.providers import Providers
from support.server import wait_for
from support.ways import Me

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CLOSED = '[auth]\nmode = "required"\n[collectors]\nhost = false\n'


@pytest.fixture
def providers():
    with Providers() as all_of_them:
        yield all_of_them


def declare(server, who, title, **more):
    return server.post("/api/v1/incidents", {"title": title, **more}, headers=who)


def link_in(messages):
    # Its button sends what stands in the link, too.
    found = (re.search(r"AQAAAAAAA[A-Za-z0-9_-]{15,}", str(one)) for one in list(messages))
    return next((one[0] for one in found if one), None)


def test_a_link_does_no_more_than_its_viewer_may(bellwether, providers):
    server = bellwether(f'{CLOSED}[[channel]]\nname = "app"\ntype = "ntfy"\nurl = "{providers.url("ntfy")}"\n')
    boss, eve = person(server, "boss", "admin"), person(server, "eve", "viewer")
    me, topic = Me(server, eve), providers.ntfy.topics
    (way,) = me.put([{"type": "ntfy", "address": "eve-1"}]).json["ways"]
    assert me.confirm(way["id"], lambda: topic["eve-1"] and topic["eve-1"][0]["whole"]["title"]).status == 200
    made = declare(server, eve, "nobody can pay", contacts=["eve"])
    assert made.status == 201, made.text
    number = made.json["id"]

    token = wait_for(lambda: link_in(topic["eve-1"]), what="a page with a link")
    phase = lambda: server.get(f"/api/v1/incidents/{number}", headers=boss).json["phase"]
    for form in ("do=acknowledge", "do=snooze&for=1h"):
        refused = server.post(f"/a/{token}", form.encode(), headers=FORM)
        assert refused.status == 403 and "may look here" in refused.text, refused.text
    shown = server.get(f"/a/{token}").text
    assert "eve may look here, and not act" in shown and 'value="acknowledge"' not in shown, shown
    assert phase() == "open"
    assert server.put("/api/v1/people/eve/role", {"role": "responder"}, headers=boss).status == 200
    assert server.post(f"/a/{token}", b"do=acknowledge", headers=FORM).status == 200
    assert phase() == "acknowledged"


def test_a_viewer_names_nobody_in_what_others_declared(bellwether):
    server = bellwether(f'{CLOSED}[[contact]]\nname = "ops"\nchannels = ["log"]\n')
    boss, eve = person(server, "boss", "admin"), person(server, "eve", "viewer")
    assert declare(server, boss, "nobody can pay", key="pay").status == 201
    refused = declare(server, eve, "me too", key="pay", contacts=["ops"])
    assert refused.status == 409 and "leave `contacts` out" in refused.text, refused.text
    assert declare(server, eve, "me too", key="pay").status == 200
    assert declare(server, boss, "it goes on", key="pay", contacts=["ops"]).status == 200
    outside = declare(server, boss, "a call", key="911/shop/1")
    assert outside.status == 400 and "from outside" in outside.text, outside.text
    unknown = declare(server, eve, "who is there", contacts=["zz"])
    assert unknown.status == 400 and "`zz` is no contact" in unknown.text and "ops" not in unknown.text, unknown.text


def test_a_page_names_to_whoever_is_limited_what_is_theirs(bellwether, providers):
    server = bellwether(f'''{CLOSED}
[incidents]
contacts = ["ops"]
[[channel]]
name = "app"
type = "ntfy"
url = "{providers.url("ntfy")}"
[[contact]]
name = "ops"
channels = ["log"]
[[team]]
name = "shop"
members = ["eve"]
prefixes = ["shop."]
[[monitor]]
name = "lat"
target = "*.lat"
critical = "> 1"
''')
    boss, eve = person(server, "boss", "admin"), person(server, "eve", "responder")
    me, topic = Me(server, eve), providers.ntfy.topics
    (way,) = me.put([{"type": "ntfy", "address": "eve-1"}]).json["ways"]
    assert me.confirm(way["id"], lambda: topic["eve-1"] and topic["eve-1"][0]["whole"]["title"]).status == 200

    def both_are_bad():
        now = int(time.time())
        server.carbon_send(b"shop.lat 7 %d\nbank.lat 98765 %d\n" % (now, now))
        all_of_them = server.get("/api/v1/incidents", headers=boss).json["incidents"]
        return next((one["id"] for one in all_of_them if one["reason"] == "monitor:lat" and one["bad"] == 2), None)
    number = wait_for(both_are_bad, pause=0.5, what="an incident of both")
    asked = server.post(f"/api/v1/incidents/{number}/escalate", {"to": ["eve"]}, headers=eve)
    assert asked.status == 200, asked.text
    token = wait_for(lambda: link_in(topic["eve-1"]), what="a page with a link")
    words, shown = str(list(topic["eve-1"])), server.get(f"/a/{token}").text
    for said in (words, shown):
        assert "shop.lat" in said and "bank" not in said, said
    picture = server.get(f"/a/{token}/graph.png")
    assert picture.status == 200 and picture.headers["Content-Type"] == "image/png", picture.text


def test_a_viewer_opens_nothing_again_that_others_ended(bellwether):
    server = bellwether(CLOSED)
    boss, eve = person(server, "boss", "admin"), person(server, "eve", "viewer")
    number = declare(server, boss, "payment down", key="pay").json["id"]
    assert server.post(f"/api/v1/incidents/{number}/resolve", {}, headers=boss).status == 200
    refused = declare(server, eve, "it is mine now", key="pay")
    assert refused.status == 409 and "leave `key` out" in refused.text, refused.text
    ended = server.get(f"/api/v1/incidents/{number}", headers=boss).json
    assert (ended["phase"], ended["title"]) == ("resolved", "payment down"), ended
    assert declare(server, boss, "it goes on", key="pay").json["id"] == number
    again = server.get(f"/api/v1/incidents/{number}", headers=boss).json
    assert (again["phase"], again["title"], again["declared_by"]) == ("open", "payment down", "boss"), again


def test_a_program_is_counted_by_itself(bellwether):
    server = bellwether(CLOSED)
    root = person(server, "root", "admin")
    made = server.post("/api/v1/tokens", {"name": "hook", "role": "viewer"}, headers=root)
    hook = {"Authorization": f"Bearer {made.json['token']}"}
    said = [declare(server, hook, f"t{n}", author=f"author {n}").status for n in range(13)]
    assert said == [201] * 10 + [409] * 3
    assert declare(server, root, "what a person sees").status == 201


def test_a_silence_is_refused_before_it_is_read(bellwether):
    server = bellwether(CLOSED)
    responder = person(server, "ben", "responder")
    until = int(time.time()) + 3600

    def silence(matchers, reason="moving", place="/api/v1/silences"):
        return server.post(place, {"matchers": matchers, "until": until, "reason": reason}, headers=responder)
    sixty = "{" + ",".join(f"a{n}" for n in range(60)) + "}"
    for matchers, reason, why in [
            ([{"monitor": sixty + "x" * 1_000}], "moving", "512 bytes"),
            ([{"host": "{a}" * 1_000}], "moving", "512 bytes"),
            ([{"monitor": "a"}] * 1_001, "moving", "1000 matchers"),
            ([{"monitor": "a"}], "r" * 16_385, "16384 bytes")]:
        refused = silence(matchers, reason)
        assert refused.status == 400 and why in refused.text, refused.text
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
    of_others = {"matchers": [{"name": "job", "value": "api", "isRegex": False}], "endsAt": end, "createdBy": "ben"}
    refused = server.post("/api/v2/silences", {**of_others, "comment": "r" * 16_385}, headers=responder)
    assert refused.status == 400 and "16384 bytes" in refused.text, refused.text
    assert silence([{"monitor": sixty}]).status == 200
    assert len(server.get("/api/v1/silences", headers=responder).json["silences"]) == 1


def test_the_targets_of_a_graph_share_what_one_query_may(bellwether):
    server = bellwether("[collectors]\nhost = false\n[http]\nmax_query_points = 8000\n")
    now = int(time.time())
    server.carbon_send(b"".join(b"lt.a 1 %d\n" % (now - second) for second in range(30)))
    wait_for(lambda: server.points("lt.a", **{"from": "-1min"}), what="its points")
    graph = server.post("/api/v1/graph", {"targets": ["lt.a"] * 5, "from": "-1h"})
    assert graph.status == 200 and graph.headers["Content-Type"] == "application/json", graph.text
    results = graph.json["results"]
    assert [len(one["series"]) for one in results] == [1, 1, 0, 0, 0], results
    assert all("8000 points" in one["error"]["message"] for one in results[2:]), [one["error"] for one in results]
    assert server.post("/api/v1/graph", {"targets": ["lt.a"] * 5, "from": "-10min"}).json["results"][4]["error"] is None


def test_a_stream_carries_so_many_series(bellwether):
    server = bellwether("[collectors]\nhost = false\n[self]\nseries = false\n")
    now = int(time.time())
    server.carbon_send(b"".join(b"lt.s%d 1 %d\n" % (n, now) for n in range(1_000)))
    wait_for(lambda: len(server.get("/metrics/find?query=lt.*").json) == 1_000, what="all names")
    target = urllib.parse.urlencode([("target", "lt.*")] * 23)
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=60)
    connection.request("GET", f"/api/v1/stream?{target}")
    wanted = {n: (1_000, None) for n in range(20)} | {n: (0, "a stream carries 20000 series at most") for n in range(20, 23)}
    series, event, until = {}, None, time.monotonic() + 60
    with connection.getresponse() as answer:
        # A busy machine may not look at all of them at once.
        while series != wanted and time.monotonic() < until:
            line = answer.readline()
            if line.startswith(b"event: "):
                event = line[7:].strip()
            elif line.startswith(b"data: ") and event == b"series":
                one = json.loads(line[6:])
                series[one["target"]] = (len(one["series"]), (one["error"] or {}).get("message"))
    connection.close()
    assert series == wanted
