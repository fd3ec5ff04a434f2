"""Tagged names from end to end: written over Carbon, found, drawn, grouped, deleted, and the same after a restart."""
import json
import time
import urllib.parse

from support.server import wait_for

NAMES = ["disk.used;dc=ams;host=a", "disk.used;dc=ams;host=b", "disk.used;dc=fra;host=c", "disk.free;dc=fra;host=c"]


def find(server, *expressions):
    query = urllib.parse.urlencode([("expr", one) for one in expressions])
    return server.get(f"/tags/findSeries?{query}").json


def last_values(server, target):
    return {name: points[-1][1] for name, points in server.points(target, **{"from": "-5min"}).items()}


def looks_right(server):
    assert find(server, "name=disk.used") == NAMES[:3]
    assert find(server, "name=~disk", "dc=fra", "host!=") == sorted(NAMES[2:])
    assert find(server, "dc!=ams", "name=disk.used") == NAMES[2:3]
    assert last_values(server, "seriesByTag('name=disk.used')") == dict(zip(NAMES, (1, 2, 3)))
    assert last_values(server, NAMES[0]) == {NAMES[0]: 1}
    assert last_values(server, "groupByTags(seriesByTag('name=disk.used'),'sum','dc')") == {"disk.used;dc=ams": 3, "disk.used;dc=fra": 3}
    assert last_values(server, "aliasByTags(seriesByTag('name=disk.used'),'host','dc')") == {"a.ams": 1, "b.ams": 2, "c.fra": 3}
    # Among the names without tags there is nothing of them.
    assert [node["text"] for node in server.get("/metrics/find?query=*").json] == ["plain"]


def test_from_carbon_to_deletion(bellwether):
    off = {f"BELLWETHER_STATSD__{listener}": "off" for listener in ("UDP", "TCP", "ADMIN")}
    server = bellwether("[collectors]\nhost = false\n[self]\nseries = false\n", env=off)
    now = int(time.time())
    # Tags in any order, the last of two counts, Prometheus' way to write them.
    server.carbon_send(f"disk.used;host=a;dc=ams 1 {now}\ndisk.used;dc=xxx;host=b;dc=ams 2 {now}\n"
                       f"disk.used{{host=\"c\",dc=\"fra\"}} 3 {now}\ndisk.free;dc=fra;host=c 4 {now}\nplain.name 5 {now}\n".encode())
    wait_for(lambda: len(find(server, "name=~disk")) == 4, what="the series")
    looks_right(server)
    assert server.stop() == 0
    server.start()
    looks_right(server)
    # Known beforehand, and still after a restart.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    registered = server.post("/tags/tagSeries", "path=" + urllib.parse.quote("soon;b=2;a=1"), form)
    assert registered.json == "soon;a=1;b=2"
    server.stop()
    server.start()
    assert find(server, "name=soon", "a=1") == ["soon;a=1;b=2"]
    server.carbon_send(f"soon;a=1;b=2 7 {now}\n".encode())
    assert last_values(server, "seriesByTag('name=soon')") == {"soon;a=1;b=2": 7}
    # Gone, from every list, for good.
    paths = urllib.parse.urlencode([("path", name) for name in (NAMES[0], "soon;b=2;a=1")])
    assert server.post("/tags/delSeries", paths, form).json is True
    for _ in range(2):
        assert find(server, "name=disk.used") == NAMES[1:3]
        assert server.get("/tags/autoComplete/values?tag=host").json == ["b", "c"]
        assert server.get("/tags").json[0]["tag"] == "dc" and server.get("/tags/a").json is None
        assert last_values(server, "seriesByTag('name=disk.used')") == {NAMES[1]: 2, NAMES[2]: 3}
        server.stop()
        server.start()


def test_a_token_of_one_team(bellwether):
    """A token with a prefix sees its own names in every list, and changes no others."""
    server = bellwether('[auth]\nmode = "required"\n')
    make = lambda name, *options: json.loads(server.cli("token", "create", name, *options, "--json").stdout)["token"]
    headers = {"Authorization": "Bearer " + make("a", "--role", "editor", "--prefix", "team.a.")}
    server.carbon_send(b"team.a.x;dc=ams 1 -1\nteam.b.x;dc=fra 1 -1\n")
    get = lambda path: server.get(path, headers).json
    wait_for(lambda: get("/tags/findSeries?expr=name=~team") == ["team.a.x;dc=ams"], what="its own series")
    assert get("/tags/autoComplete/values?tag=dc") == ["ams"]
    assert [one["value"] for one in get("/tags/dc")["values"]] == ["ams"]
    assert get("/tags/autoComplete/values?tag=dc&expr=name=~team") == ["ams"]
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    for path, body in (("/tags/tagSeries", "path=team.b.new%3Bdc%3Dx"), ("/tags/delSeries", "path=team.b.x%3Bdc%3Dfra"),
                       ("/tags/tagMultiSeries", "path=team.a.y%3Bdc%3Dx&path=team.b.y%3Bdc%3Dx")):
        assert server.post(path, body, form).status == 403, path
    assert get("/tags/findSeries?expr=name=~team") == ["team.a.x;dc=ams"]
    assert "error" in get("/metrics/get-metadata?metric=team.b.x%3Bdc%3Dfra&key=aggregationMethod")["team.b.x;dc=fra"]
