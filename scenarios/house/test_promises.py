"""What the product promises about every number: its kind, its level, how long it is kept, how far to believe it."""
import pathlib
import random
import re
import socket
import subprocess
import threading
import time

import psutil
import pytest

from support.server import wait_for

NOW = {"from": "-2min"}


def carbon(server, *points):
    server.carbon_send("".join(f"{name} {value} {int(time_)}\n" for name, value, time_ in points).encode())


def values(server, target, **window):
    found = server.points(target, **(window or NOW))
    return [value for series in found.values() for _, value in series if value is not None]


@pytest.mark.parametrize("name, unit, type_", [
    ("app.requests.m1_rate", "/s", "rate"),
    ("app.requests.count", "", "counter"),
    ("app.latency.p95", "ms", "histogram"),
    ("app.heap.used_bytes", "B", "gauge"),
    ("app.queue.size", None, "gauge"),
])
def test_c020_suffixes_tell_unit_and_kind(bellwether, name, unit, type_):
    server = bellwether()
    carbon(server, (name, 1, time.time()))
    described = wait_for(lambda: (answer := server.get(f"/api/v1/describe?name={name}")).status == 200 and answer).json
    assert (described["unit"], described["type"]) == (unit, type_)


def test_c023_watching_costs_next_to_nothing(bellwether):
    """The whole server with its host collector at one second: an upper bound of what collecting costs."""
    server = bellwether("[collectors]\nhost = true")
    process = psutil.Process(server.process.pid)
    time.sleep(3)
    before, started = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(10)
    share = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - started)
    # A debug build; the release takes a tenth of it.
    assert share < 0.15, share


def test_c030_levels_are_guessed_and_can_be_changed(bellwether):
    server = bellwether()
    now = time.time()
    carbon(server, ("shop.orders.placed", 1, now), ("servers.web1.cpu.user", 1, now), ("team.cake", 1, now))
    level = lambda name: server.get(f"/api/v1/describe?name={name}").json["level"]
    assert (level("shop.orders.placed"), level("servers.web1.cpu.user")) == ("business", "system")
    rules = {"rules": [{"pattern": "team.**", "level": "business"}]}
    assert server.put("/api/v1/levels", rules).status == 200
    assert level("team.cake") == "business"
    found = server.get("/api/v1/series?q=&level=business").json["series"]
    assert {"team.cake", "shop.orders.placed"} <= {series["name"] for series in found}
    refused = server.put("/api/v1/levels", {"rules": [{"pattern": "a", "level": "grand"}]})
    assert refused.status in (400, 422) and "grand" in refused.text


def test_c036_what_datadog_clients_send_is_taken_and_sent_on(bellwether):
    with socket.socket(type=socket.SOCK_DGRAM) as other, socket.create_server(("127.0.0.1", 0)) as carbon_target:
        other.bind(("127.0.0.1", 0))
        other.settimeout(10)
        server = bellwether(f"""
            [statsd]
            repeater = [{{ host = "127.0.0.1", port = {other.getsockname()[1]} }}]
            [[carbon.forward]]
            address = "127.0.0.1:{carbon_target.getsockname()[1]}"
        """)
        server.statsd_send(b"page.views:3|c|#zone:a", b"page.size:10:20:30|h", b"_e{6,7}:deploy|web 1.4|#env:prod")
        assert other.recv(2048) == b"page.views:3|c|#zone:a"
        wait_for(lambda: 3.0 in values(server, "stats_counts.page.views;zone=a"))
        wait_for(lambda: 20.0 in values(server, "stats.timers.page.size.mean"))
        wait_for(lambda: [event["what"] for event in server.get("/events/get_data?from=-5min").json] == ["deploy"])
        connection, _ = carbon_target.accept()
        connection.settimeout(10)
        text = b""
        while b"stats_counts.page.views;zone=a 3 " not in text:
            text += connection.recv(65536)


def test_c037_one_second_stays_one_second(bellwether):
    server = bellwether()
    now, dice = int(time.time()), random.Random(7)
    sent = [(now - 3600 + second, round(dice.random(), 6)) for second in range(3600)]
    carbon(server, *(("fast.gauge", value, at) for at, value in sent))
    wait_for(lambda: len(values(server, "fast.gauge", **{"from": "-2h"})) == 3600)
    server.cli("storage", "compact")
    series = server.points("fast.gauge", **{"from": now - 3601, "until": now - 1})["fast.gauge"]
    assert [(at, value) for at, value in series if value is not None] == sent


def test_c038_c182_another_retention_is_told_and_then_done_online(bellwether):
    config = '[[storage.retention]]\nname = "shop"\npattern = "^shop"\narchives = {}\n'
    server = bellwether(config.format('["1s:1h", "10s:1d"]'))
    now = int(time.time()) // 60 * 60
    carbon(server, *((f"shop.sales{n}", at % 7, at) for n in range(3) for at in range(now - 7200, now)))
    wait_for(lambda: len(values(server, "shop.sales2", **{"from": "-3h"})) >= 360)
    server.cli("storage", "compact")
    before = values(server, "summarize(shop.sales0,'1min','sum')", **{"from": now - 1800, "until": now - 60})
    preview = server.get("/api/v1/storage/retention?rule=shop&archives=1s:10min,1min:7d").json["preview"]
    assert preview["error"] is None and preview["series"] == 3 and preview["bytes_then"] < preview["bytes_now"]
    bad = server.get("/api/v1/storage/retention?rule=shop&archives=7s:1h,10s:1d").json["preview"]
    assert "7" in bad["error"]

    server.rewrite(server.config_file.read_text().replace('"10s:1d"', '"1min:7d"'))
    differing = lambda: server.get("/api/v1/storage/retention").json["differing"]
    wait_for(lambda: [d["series"] for d in differing()] == [3])
    told = server.cli("storage", "repolicy").stdout
    assert "3" in told
    server.cli("storage", "repolicy", "--apply")
    wait_for(lambda: differing() == [])
    assert values(server, "summarize(shop.sales0,'1min','sum')", **{"from": now - 1800, "until": now - 60}) == before
    carbon(server, ("shop.sales0", 5, time.time()))
    wait_for(lambda: 5.0 in values(server, "shop.sales0"))


def test_c039_five_years_by_default_and_the_same_time_before(bellwether):
    server = bellwether()
    rules = server.get("/api/v1/storage/retention").json["rules"]
    assert any(rule["archives"][-1] == "10m:5y" for rule in rules), rules
    now = int(time.time()) // 600 * 600
    carbon(server, ("oven.heat", 180, now - 7 * 86400), ("oven.heat", 7, now - 4 * 365 * 86400))
    assert 180.0 in values(server, "timeShift(oven.heat,'7d')", **{"from": now - 600, "until": now + 600})
    assert 7.0 in values(server, "oven.heat", **{"from": now - 4 * 365 * 86400 - 1200, "until": now - 4 * 365 * 86400 + 1200})


def test_c041_c184_every_graph_says_how_far_to_believe_it(bellwether):
    server = bellwether()
    now = int(time.time())
    carbon(server, *(("roast.weight", 1, at) for at in range(now - 60, now - 5)))
    trust = lambda: server.get("/api/v1/trust?target=roast.weight&from=-5min&until=now").json
    told = trust()
    assert told["step"] == 1 and told["archive"].startswith("1s:") and told["aggregation"] == "average"
    assert told["source"] == "carbon" and told["last_point"] == now - 6 and 5 <= told["age"] < 60
    assert set(told["dropped"]) == {"kernel", "queue", "parser", "refused"}
    server.carbon_send(b"roast.weight heavy 1\n" * 3)
    wait_for(lambda: trust()["dropped"]["parser"] >= 3, what="lines that cannot be read beside the graph they are about")


def test_c184_what_the_store_refuses_of_statsd_stands_beside_its_graphs(bellwether):
    # More than there are of our own, which need their place too.
    server = bellwether("[storage]\nmax_series = 1000")
    server.statsd_send(b"known:1|c")
    wait_for(lambda: values(server, "stats.known"))
    server.statsd_send(*(b"flood.n%d:1|c" % n for n in range(1000)))
    wait_for(lambda: server.get("/api/v1/trust?target=stats.known&from=-5min").json["dropped"]["refused"] > 0)
    part = next(part for part in server.get("/api/v1/health").json["parts"] if part["id"] == "statsd")
    assert part["state"] == "warning" and "limit" in [drop["cause"] for drop in part["dropped"]]


def test_c045_many_senders_lose_nothing_uncounted(bellwether):
    server = bellwether()
    senders, each = 8, 5_000

    def send(sender):
        with socket.socket(type=socket.SOCK_DGRAM) as out:
            out.connect(("127.0.0.1", server.ports["statsd"]))
            for _ in range(each):
                out.send(b"\n".join(b"service%d.calls:1|c" % sender for _ in range(5)))

    threads = [threading.Thread(target=send, args=[sender]) for sender in range(senders)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]

    def accounted():
        stored = sum(values(server, "stats_counts.service*.calls"))
        part = next(p for p in server.get("/api/v1/health").json["parts"] if p["id"] == "statsd.udp")
        dropped = sum(drop["total"] for drop in part["dropped"] if drop["cause"] == "kernel")
        return stored + 5 * dropped == senders * each * 5

    wait_for(accounted, what="stored and dropped to add up to what was sent")


def test_c158_c159_every_part_tells_how_it_is(bellwether):
    server = bellwether("[collectors]\nhost = true")
    server.statsd_send(b"a:1|c")
    wait_for(lambda: values(server, "stats_counts.a"))
    at_work = ("collector", "evaluator", "store")

    def all_have_begun():
        health = server.get("/api/v1/health").json
        begun = all(part["last_success"] for part in health["parts"] if part["kind"] in at_work and part["state"] == "ok")
        return health["state"] == "ok" and begun and health

    health = wait_for(all_have_begun)
    kinds = {part["kind"] for part in health["parts"]}
    assert {"listener", "collector", "evaluator", "store"} <= kinds
    for part in health["parts"]:
        assert part["state"] in ("ok", "off") and part["text"], part
        if part["kind"] in at_work and part["state"] == "ok":
            assert health["now"] - part["last_success"] < 10, part
    # One process, and its memory is bounded and told.
    assert psutil.Process(server.process.pid).children() == []
    assert health["storage"]["resident_bytes"] < health["storage"]["memory_budget_bytes"]


def test_c160_from_the_start_to_a_graph_of_ones_own(bellwether):
    """The commands of the README, with this server's ports."""
    begun = time.monotonic()
    server = bellwether()
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
    commands = re.search(r"```\n(echo .*?)```", readme, re.DOTALL)[1].splitlines()
    send, query = commands[:2], commands[2].removeprefix("target/release/bellwether ").split()
    ports = {"8125": server.ports["statsd"], "2003": server.ports["line"]}
    for command in send:
        command = re.sub(r"/(8125|2003)\b", lambda port: f"/{ports[port[1]]}", command)
        subprocess.run(["bash", "-c", command], check=True)
    wait_for(lambda: values(server, "my.second") == [42.0] and values(server, "stats_counts.my.first")[:1] == [1.0])
    assert "42" in server.cli(*query).stdout
    graph = server.get("/render?target=my.second&format=png")
    assert graph.body.startswith(b"\x89PNG")
    assert time.monotonic() - begun < 60
