"""Tools made for Graphite read us as they read Graphite."""
import json
import time
import urllib.parse

import pytest

from support.server import wait_for


@pytest.fixture
def server(bellwether):
    server = bellwether()
    now = int(time.time())
    lines = [f"shop.{kind}.rate {value} {now - age}\n" for kind, value in (("a", 1), ("b", 2)) for age in range(30)]
    server.carbon_send("".join(lines).encode() + f"tagged;dc=ams;host=x 5 {now}\n".encode())
    wait_for(lambda: len(server.points("shop.*.rate", **{"from": "-1min"})) == 2, what="the points")
    return server


def form(**parameters):
    return urllib.parse.urlencode(parameters, doseq=True)


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def test_c044_grafana(server):
    """Every call that Grafana's Graphite data source makes, in its own form."""
    assert server.post("/render", form(target="constantLine(100)", format="json"), FORM).json
    query = form(target=['aliasSub(shop.*.rate, "(^.*$)", "\\1 A")'], **{"from": "-5min"}, until="now", format="json", maxDataPoints=100)
    answer = server.post("/render", query, FORM).json
    assert sorted(series["target"] for series in answer) == ["shop.a.rate A", "shop.b.rate A"]
    assert all(len(series["datapoints"]) <= 100 for series in answer)
    found = server.post("/metrics/find?from=-1h&until=now", form(query="shop.*"), FORM).json
    assert [(node["text"], node["expandable"]) for node in found] == [("a", 1), ("b", 1)]
    assert server.get("/metrics/expand?query=shop.*.rate&from=-1h&until=now").json == {
        "results": ["shop.a.rate", "shop.b.rate"]}
    assert server.get("/tags/autoComplete/tags?expr=name%3Dtagged&tagPrefix=&limit=100").json == ["dc", "host"]
    assert server.get("/tags/autoComplete/values?expr=name%3Dtagged&tag=dc&valuePrefix=a&limit=100").json == ["ams"]
    functions = server.get("/functions").json
    assert functions["sumSeries"]["params"][0]["type"] == "seriesList" and len(functions) >= 50
    assert server.get("/version").text.strip() == "1.1.10"
    server.post("/events/", {"what": "deploy 1", "tags": "deploy web"})
    events = server.get("/events/get_data?from=-1h&until=now&tags=deploy").json
    assert [(event["what"], event["tags"]) for event in events] == [("deploy 1", ["deploy", "web"])]
    by_tag = server.post("/render", form(target="seriesByTag('dc=ams')", format="json", **{"from": "-5min"}), FORM).json
    assert by_tag[0]["tags"] == {"dc": "ams", "host": "x", "name": "tagged"}


def test_c044_cubism_and_tasseo(server):
    now = int(time.time())
    raw = server.get(f"/render?format=raw&target={urllib.parse.quote('alias(shop.a.rate,%22%22)')}&from={now - 20}&until={now}").text
    head, values = raw.strip().split("|")
    assert head.split(",")[-3:-1] == [str(now - 19), str(now + 1)] and len(values.split(",")) == 20
    found = server.get("/metrics/find?format=completer&query=shop.*").json
    assert [metric["path"] for metric in found["metrics"]] == ["shop.a.", "shop.b."]
    tasseo = server.get("/render?target=shop.a.rate&from=-5min&until=now&format=json&jsonp=callback")
    assert tasseo.text.startswith("callback([") and json.loads(tasseo.text[9:-1])[0]["target"] == "shop.a.rate"


def test_c050_a_static_picture_as_dashboards_embed_it(server):
    answer = server.get("/render?width=400&height=200&target=shop.a.rate&from=-2min&rand=0.123456")
    assert answer.status == 200 and answer.headers["Content-Type"] == "image/png"
    assert answer.body[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(answer.body[16:20], "big") == 400 and int.from_bytes(answer.body[20:24], "big") == 200


def test_tagged_series_are_deleted_as_graphite_web_does(bellwether):
    server = bellwether('[auth]\nmode = "required"')
    token = lambda *arguments: {"Authorization": "Bearer " + server.cli("token", "create", *arguments).stdout.strip()}
    viewer, editor = token("v", "--role", "viewer"), token("e", "--role", "editor")
    part = token("p", "--role", "editor", "--prefix", "team.")
    names = [f"disk.used;dc={dc};host=x" for dc in ("ams", "ber", "cgn", "dus")]
    now = int(time.time())
    server.carbon_send("".join(f"{name} 5 {now}\n" for name in [*names, "plain"]).encode())
    there = lambda: server.get("/tags/findSeries?expr=name=disk.used", headers=editor).json
    wait_for(lambda: there() == names, what="the series")

    delete = lambda who, **paths: server.post("/tags/delSeries", form(**paths), {**FORM, **who})
    assert delete(viewer, path=names[0]).status == 403
    assert delete(part, path=names[0]).status == 403
    assert delete(editor).status == 400
    assert delete(editor, path=[names[0], "plain"]).status == 400, "all or none"
    assert server.get("/tags/delSeries?" + form(path=names[0]), headers=editor).status == 405
    assert there() == names

    assert delete(editor, path="disk.used;host=x;dc=ams").json is True, "in any order of the tags"
    assert delete(editor, **{"path[]": [names[1], names[2], "not.there;a=b"]}).json is True
    assert there() == names[3:]
    assert "plain" in server.get("/metrics/index.json", headers=editor).json
    server.kill()
    server.start()
    assert there() == names[3:]
