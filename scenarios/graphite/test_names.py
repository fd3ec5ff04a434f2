"""/metrics/find, /metrics/expand, /metrics/index.json and /functions: the same bytes as graphite-web's."""
import json
import re

import pytest

from support.graphite_compare import load

FINDS = [
    {"query": "*"}, {"query": "servers.*"}, {"query": "servers.*.*"}, {"query": "servers.web1.*"}, {"query": "single"},
    {"query": "nothing"}, {"query": "servers.{web1,db2}.*"}, {"query": "servers.web[0-9]"}, {"query": "deep.a.*"},
    {"query": "deep.a.b"}, {"query": "odd.name*"}, {"query": "servers.*", "wildcards": "1"},
    {"query": "servers.web1.cpu.*", "wildcards": "1"}, {"query": "single", "wildcards": "1"},
    {"query": "deep.a.*", "leavesOnly": "1"}, {"query": "servers.", "format": "completer"},
    {"query": "serv", "format": "completer"}, {"query": "servers.web", "format": "completer", "wildcards": "1"},
    {"query": "servers..cpu", "format": "completer"}, {"query": "servers.web1,web2.c", "format": "completer", "automatic_variants": "1"},
    {"query": "servers.web1,web2.c", "format": "completer"}, {"query": "servers.*.*", "format": "nodelist", "position": "1"},
    {"query": "servers.*.cpu.*", "format": "nodelist"}, {"query": "servers.*", "format": "nodelist", "position": "9"},
    {"query": "servers.*", "format": "foo"}, {"query": ""}, {}, {"query": "a", "wildcards": "x"}, {"query": "a", "position": ""},
    {"query": "a", "leavesOnly": "1.5"}, {"query": "a", "local": "y"}, {"query": "a", "automatic_variants": "z"},
    {"query": "a", "from": "zz"}, {"query": "a", "until": "zz"}, {"query": "a", "now": "zz"}, {"query": "single", "from": "-1", "until": "-1"},
    {"query": "single", "from": "-1d", "until": "now", "tz": "Nowhere"}, {"query": "servers.*", "jsonp": "call"},
    {"query": "servers.*", "pretty": "1"}, {"query": "deep.a.*", "format": "completer", "jsonp": "call"},
    {"query": "requests;dc=ams;host=w1"},
]


@pytest.mark.parametrize("params", FINDS, ids=str)
def test_find(sides, params):
    theirs, ours = sides.ask("/metrics/find", list(params.items()))
    assert ours.status == theirs.status, ours.text
    if theirs.status == 500:
        return
    wanted = without_tagged(theirs.body)
    if params.get("format") == "completer" and theirs.status == 200:
        # Nodes of the same name come in no certain order there.
        assert ours.body[:13] == wanted[:13]
        wanted, found = (sorted(re.findall(rb"\{[^{}]*\}", body)) for body in (wanted, ours.body))
        assert found == wanted
    else:
        assert ours.body == wanted
    if theirs.status == 200:
        for header in ("content-type", "pragma", "cache-control"):
            assert ours.headers[header] == theirs.headers[header]


def without_tagged(body):
    """Whisper keeps tagged series in a folder among the names."""
    return re.sub(rb'\{"(text|path)": "_tagged\.?"[^}]*\}, ', b"", body)


@pytest.mark.parametrize("query", ["servers.*", "deep.a.*", "single", "nothing", "servers.*.cpu.*"])
def test_find_as_json(sides, query):
    theirs, ours = sides.ask("/metrics/find", [("query", query), ("format", "json")])
    times = rb'"intervals": \[\{"start": [0-9.]+, "end": [0-9.]+\}\]'
    assert re.sub(times, b"", ours.body) == re.sub(times, b"", theirs.body)
    assert len(re.findall(times, ours.body)) == len(re.findall(times, theirs.body))


@pytest.mark.parametrize("query", ["servers.*", "deep.a.*", "nothing"])
@pytest.mark.parametrize("format", ["pickle", "msgpack"])
def test_find_for_programs(sides, query, format):
    theirs, ours = sides.ask("/metrics/find", [("query", query), ("format", format)])
    assert ours.headers["content-type"] == theirs.headers["content-type"]
    names = [sorted((node["path"], node["is_leaf"]) for node in load(format, answer.body)) for answer in (theirs, ours)]
    assert names[0] == names[1]


@pytest.mark.parametrize("params", [
    [("query", "servers.*")], [("query", "deep.a.*")], [("query", "deep.a.*"), ("leavesOnly", "1")],
    [("query", "servers.*"), ("query", "odd.s*")], [("query", "servers.*"), ("query", "odd.s*"), ("groupByExpr", "1")],
    [("query", "nothing")], [], [("query", "servers.*"), ("leavesOnly", "x")], [("query", "servers.*"), ("jsonp", "call")],
    [("query", "servers.*"), ("pretty", "1")],
], ids=str)
def test_expand(sides, params):
    theirs, ours = sides.ask("/metrics/expand", params)
    assert ours.status == theirs.status
    if theirs.status == 200:
        assert (ours.body, ours.headers["content-type"]) == (theirs.body, theirs.headers["content-type"])


def test_index(sides):
    theirs, ours = sides.ask("/metrics/index.json", [])
    assert [name for name in json.loads(theirs.body) if not name.startswith("_tagged")] == json.loads(ours.body)


OWN = {"percentileOver", "heatmapOver", "mergeTimers", "counterRate", "joinByNode", "quantileOverTime", "seriesByRegex", "topK"}


def described(functions):
    """Help texts are our own."""
    return {name: {**function, "description": None} for name, function in functions.items() if name not in OWN}


@pytest.mark.parametrize("params", [{}, {"pretty": "1"}, {"group": "Transform"}, {"group": "Nothing"}, {"type": "pie", "group": "x"}])
def test_functions(sides, params):
    theirs, ours = (parse(answer) for answer in sides.ask("/functions", list(params.items())))
    assert described(ours) == described(theirs)
    assert [name for name in ours if name not in OWN] == list(theirs)


def parse(answer):
    assert answer.status == 200
    return json.loads(answer.body.replace(b"1e9999", b"Infinity"))


@pytest.mark.parametrize("params", [{"grouped": "1"}, {"grouped": "true", "pretty": "1"}, {"grouped": "1", "group": "Graph"}])
def test_functions_by_group(sides, params):
    theirs, ours = (parse(answer) for answer in sides.ask("/functions", list(params.items())))
    assert [group for group in ours if group != "Timers"] == list(theirs)
    for group in theirs:
        assert described(ours[group]) == described(theirs[group]), group


def test_each_function(sides):
    names = json.loads(sides.ask("/functions", [])[0].body.replace(b"1e9999", b"Infinity"))
    for name in names:
        theirs, ours = sides.ask(f"/functions/{name}", [])
        help_text = rb'"description": "(?:[^"\\]|\\.)*"'
        assert re.sub(help_text, b"", ours.body) == re.sub(help_text, b"", theirs.body)
    theirs, ours = sides.ask("/functions/nothing", [])
    assert (ours.status, ours.body) == (theirs.status, theirs.body)
