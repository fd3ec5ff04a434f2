"""Clients that people have, unchanged, against the binary."""
import os
import pathlib
import subprocess
import time

import pytest
import statsd

from support.server import wait_for
from support.statsd_servers import SCENARIOS



def total(server, target):
    """What a counter has counted in all."""
    return sum(value for points in server.points(target, **{"from": "-2min"}).values() for _, value in points)


def last(server, target):
    points = [point for series in server.points(target, **{"from": "-2min"}).values() for point in series]
    return points[-1][1] if points else None


def expect(server, wanted):
    """Totals of `stats_counts` and of timers' counts, last values of all others, as soon as they are there."""
    def seen():
        return {target: (total if target.startswith("stats_counts.") or target.endswith(".count") else last)(
            server, target) for target in wanted}

    def as_wanted():
        return all(value == pytest.approx(wanted[target], rel=1e-9) for target, value in seen().items()
                   if value is not None) and None not in seen().values()

    wait_for(as_wanted, what=f"{wanted}")


def node(server, script):
    script = f"const PORT = {server.ports['statsd']};\n{script}"
    modules = os.environ.get("STATSD_MODULES", SCENARIOS / "node_modules")
    subprocess.run(["node", "-e", script], check=True, timeout=30, env=os.environ | {"NODE_PATH": str(modules)})


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_python_statsd(bellwether, transport):
    server = bellwether()
    client_type = {"udp": statsd.StatsClient, "tcp": statsd.TCPStatsClient}[transport]
    client = client_type("127.0.0.1", server.ports["statsd"], prefix="py")
    client.incr("requests")
    client.incr("requests", 4)
    client.decr("requests", 2)
    client.gauge("depth", 70)
    client.gauge("depth", -5, delta=True)
    client.gauge("cold", -12)
    client.timing("query", 320)
    client.set("users", "alice")
    with client.pipeline() as pipe:
        pipe.incr("piped", 3)
        pipe.timing("query", 80)
        pipe.set("users", "bob")
    with client.timer("block"):
        time.sleep(0.01)
    client.close()
    expect(server, {
        "stats_counts.py.requests": 3, "stats_counts.py.piped": 3, "stats.gauges.py.depth": 65,
        "stats.gauges.py.cold": -12, "stats.timers.py.query.count": 2, "stats.timers.py.block.count": 1})
    assert total(server, "stats.sets.py.users.count") == 2


def test_hot_shots(bellwether):
    server = bellwether()
    node(server, """
        const StatsD = require('hot-shots');
        const client = new StatsD({host: '127.0.0.1', port: PORT, prefix: 'hot.', globalTags: {env: 'prod'},
                                   maxBufferSize: 1400});
        client.increment('requests');
        client.increment('requests', 2, ['zone:a']);
        client.increment(['one', 'two'], 5);
        client.gauge('depth', 12.5);
        client.timing('query', 42);
        client.histogram('size', 100);
        client.distribution('spread', 7, {kind: 'x'});
        client.set('users', 'alice');
        client.unique('users', 'bob');
        client.event('deployed', 'version 4.2', {alert_type: 'success'}, ['who:me']);
        client.check('db.up', client.CHECKS.WARNING, {hostname: 'web1', message: 'slow'});
        client.close(() => {});
    """)
    expect(server, {
        "stats_counts.hot.requests;env=prod": 1, "stats_counts.hot.requests;env=prod;zone=a": 2,
        "stats_counts.hot.one;env=prod": 5, "stats_counts.hot.two;env=prod": 5,
        "stats.gauges.hot.depth;env=prod": 12.5, "stats.timers.hot.query.mean;env=prod": 42,
        "stats.timers.hot.size.mean;env=prod": 100, "stats.timers.hot.spread.mean;env=prod;kind=x": 7,
        "stats.sets.hot.users.count;env=prod": 2})
    events = wait_for(lambda: server.get("/events/get_data?from=-5min").json, what="the event")
    assert [event["what"] for event in events] == ["hot.deployed"]


def test_lynx(bellwether):
    server = bellwether()
    node(server, """
        const Lynx = require('lynx');
        const client = new Lynx('127.0.0.1', PORT, {scope: 'lynx', on_error: e => { throw e; }});
        client.increment('requests');
        client.decrement('downs');
        client.count('counted', 5);
        client.timing('query', 500);
        client.gauge('depth', 100);
        client.set('users', 'x');
        client.send({'a.b': '3|c', 'c.d': '7|g'});
        setTimeout(() => client.close(), 200);
    """)
    expect(server, {
        "stats_counts.lynx.requests": 1, "stats_counts.lynx.downs": -1, "stats_counts.lynx.counted": 5,
        "stats.timers.lynx.query.mean": 500, "stats.gauges.lynx.depth": 100, "stats_counts.lynx.a.b": 3,
        "stats.gauges.lynx.c.d": 7})


def test_an_imported_configuration(tmp_path, bellwether):
    """`import statsd` of a configuration, in use."""
    original = tmp_path / "config.js"
    original.write_text("""{ // comments, too
        flushInterval: 1000, percentThreshold: [50], graphite: {legacyNamespace: false, globalPrefix: 'all'},
        debug: true, address: '127.0.0.1', backends: ["./backends/graphite"] }""")
    done = bellwether().cli("import", "statsd", str(original), check=False)
    assert (done.returncode, "config.js:3: debug: " in done.stderr) == (1, True), done.stderr
    server = bellwether(done.stdout)
    server.statsd_send(b"a:1|ms", b"a:1|h")
    expect(server, {"all.timers.a.upper_50": 1, "all.counters.a.count": 1})
