"""Programs that people run against Graphite, unchanged, against graphite-web and against us: the same comes out."""
import json
import pathlib
import subprocess
import sys

import pytest

from support.graphite_pair import Original, ask, asked, difference, lines, parse
from support.server import ROOT

HERE = pathlib.Path(__file__).parent
# Debian's monitoring-plugins-contrib.
CHECK_GRAPHITE = "/usr/lib/nagios/plugins/check_graphite"


def run(*command, env=None):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, env=env, cwd=ROOT / "scenarios")
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("options, status", [
    ("-t servers.web1.requests --from=-10min -W 1000 -C 2000", 0),
    ("-t servers.web1.requests --from=-10min -W 10 -C 2000", 1),
    ("-t servers.web1.requests --from=-10min -W 10 -C 20", 2),
    ("-t servers.*.requests --from=-10min -W 1000 -C 5000 -c 2", 0),
    ("-t servers.web1.requests --from=-10min --until=-5min -W 5 -C 5 --under", None),
    ("-t odd.negative --from=-10min -W -1000 -C -2000 --under", 0),
    ("-t movingMax(servers.web1.cpu.user,5) --from=-10min -W 100 -C 200", 0),
    ("-t servers.web1.cpu.user --from=-30min --percentile=95 -W 1 -C 100", 1),
    ("-t servers.web1.cpu.user --compare=timeShift(servers.web1.cpu.user,'10min') --from=-10min -W 10000 -C 20000", None),
    ("-t servers.web1.cpu.user --from=-10min --confidence -W 100 -C 500 --beyond=0.7", None),
    ("-t nothing.at.all --from=-10min -W 1 -C 2", None),
    ("-t noSuchFunction(servers.web1.requests) --from=-10min -W 1 -C 2", None),
    ("-t odd.recent_only --from=-10min -W 100000 -C 200000 --empty-ok", None),
], ids=str)
def test_check_graphite(pair, options, status):
    """Same words and same exit status."""
    told = lambda one: (one[0], one[1].replace(pair.urls[0], "URL").replace(pair.urls[1], "URL"))
    # Between the two a step may have passed, and with it the first of the points.
    for _ in range(3):
        theirs, ours = (run(CHECK_GRAPHITE, "-U", url, *options.split(" ")) for url in pair.urls)
        if told(theirs) == told(ours):
            break
    assert told(ours) == told(theirs), ours[2] + theirs[2]
    assert status is None or ours[0] == status


def test_cubism(pair):
    expressions = [
        {"expression": "servers.web1.requests"}, {"expression": "servers.web1.cpu.user", "step": 60000},
        {"expression": "servers.web1.requests", "step": 60000, "summarize": "max"},
        {"expression": "sumSeries(servers.*.requests)", "step": 300000}, {"expression": "odd.sparse"},
        {"expression": "single", "step": 3600000}, {"expression": "seriesByTag('name=requests','host=w1')"},
        {"find": "servers.*"}, {"find": "servers.web1.*"}, {"find": "serv"},
    ]
    status, out, error = run("node", HERE / "cubism_client.js", pair.now, json.dumps(expressions), *pair.urls)
    assert status == 0, error
    theirs, ours = json.loads(out)
    for asked, their, our in zip(expressions, theirs, ours):
        # Names come in no certain order from a completer, and the folder of tagged series is the original's.
        if "find" in asked:
            assert sorted(our) == sorted(path for path in their if path != "_tagged."), asked
        else:
            assert their and any(value is not None for value in their), asked
            assert our == their, asked


def test_what_dashboards_ask(pair):
    different = []
    for line in lines(HERE / "requests" / "clients.txt"):
        found = asked(pair.ask, parse(line))
        if found:
            different.append(f"{line}\n    {found}")
    assert not different, "\n".join(different)


def test_as_a_member_of_a_cluster(pair, tmp_path):
    """A graphite-web with nothing of its own asks us, in pickle and msgpack, and passes it on."""
    root = tmp_path / "front"
    root.mkdir()
    (root / "conf").mkdir()
    for format in ("msgpack", "pickle"):
        cluster = [f"127.0.0.1:{pair.ports[1]}?format={format}"]
        front = Original(root, {"now": pair.now, "series": [], "events": [], "cluster": cluster})
        try:
            different = []
            for line in lines(HERE / "requests" / "cluster.txt"):
                method, path, body, headers = parse(line.replace("NOW", str(pair.now)))
                theirs, ours = (ask(port, method, path, body, headers) for port in (front.port, pair.ports[1]))
                assert theirs.status == 200 and len(theirs.body) > 20, (line, theirs.body)
                found = difference(theirs, ours)
                if found:
                    different.append(f"{format}: {line}\n    {found}")
            assert not different, "\n".join(different)
        finally:
            front.stop()


WALL = "http://wall.example:3000"


def test_pages_of_other_origins(bellwether):
    """Browsers let a page of a trusted host read Graphite's paths, and no other page anything."""
    server = bellwether('[http]\nallowed_hosts = ["wall.example"]\n')
    send = lambda method, path, **headers: ask(server.ports["http"], method, path, None, {name.replace("_", "-"): value for name, value in headers.items()})
    allowed = send("GET", "/render?target=constantLine(1)&format=json", Origin=WALL)
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, WALL)
    assert "origin" in allowed.headers["vary"].lower() and "access-control-allow-credentials" not in allowed.headers
    preflight = send("OPTIONS", "/metrics/find?query=*", Origin=WALL, Access_Control_Request_Method="POST",
                     Access_Control_Request_Headers="content-type")
    assert preflight.status == 204 and "POST" in preflight.headers["access-control-allow-methods"]
    assert "content-type" in preflight.headers["access-control-allow-headers"].lower()
    for path, origin in (("/render?target=a", "http://evil.example"), ("/render?target=a", "null")):
        refused = send("GET", path, Origin=origin)
        assert refused.status == 403 and "access-control-allow-origin" not in refused.headers
    own = send("GET", "/api/v1/status", Origin=WALL)
    assert own.status == 200 and "access-control-allow-origin" not in own.headers
    rebound = send("OPTIONS", "/render", Origin=WALL, Host="evil.example", Access_Control_Request_Method="GET")
    assert rebound.status == 403


def test_links_change_nothing(bellwether):
    """graphite-web deletes by GET. A link must not, on another page or in a note of ours, nor a short link, which shows nothing of it."""
    server = bellwether()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert server.post("/dashboard/save/kept", "state={}", form).json == {"success": True}
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert server.get("/dashboard/delete/kept", link).status == 403
    assert server.get("/dashboard/delete/kept", {**link, "Sec-Fetch-Site": "same-site"}).status == 403
    assert server.get("/metrics/set-metadata?metric=a&key=b&value=c", link).status == 403
    assert server.get("/dashboard/load/kept").json == {"state": {}}
    for site in ("same-origin", "none"):
        assert server.get("/dashboard/delete/kept", {**link, "Sec-Fetch-Site": site}).status == 403
    for address in ("dashboard/delete/kept", "render/../dashboard/delete/kept", "metrics/set-metadata?metric=a", "https://elsewhere.example/"):
        assert server.get(f"/s/{address}").status == 400, address
    assert server.get("/s/dashboard/kept").text.startswith("/S/")
    script = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert server.get("/dashboard/delete/kept", script).json == {"success": True}
