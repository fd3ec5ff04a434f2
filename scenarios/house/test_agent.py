"""`bellwether agent`: what it takes arrives at the server once and in order, whatever is killed, cut or away meanwhile.

Outages of some seconds; of ten minutes in the long run."""
import contextlib
import math
import os
import random
import re
import socket
import sqlite3
import struct
import time
import zlib

import pytest

from support.agent import Agent, Network, certificate, tls_server, token
from support.server import wait_for

LONG = os.environ.get("BELLWETHER_LONG") == "1"
OUTAGE_SECONDS = 600 if LONG else 6
# Of 5,000 a second: the figure.
SERIES = 5_000 if LONG else 1_000
BACK_WITHIN = 5.0


@pytest.fixture
def agents(tmp_path):
    """A function that starts agents; all are stopped at the end, and none may have left by itself."""
    started = []

    def start(url, secret, config="", **options):
        name = f"web{len(started) + 1}"
        config = f'[agent]\ntoken = "{secret}"\nca_file = "{tmp_path}/server.pem"\n{config}\n[collectors]\nhost_name = "{name}"\n'
        agent = Agent(tmp_path / name, url, config, **options)
        agent.name, agent.secret = name, secret
        started.append(agent)
        return agent.start()

    yield start
    for agent in started:
        assert agent.stop() in (0, -9)
        assert agent.secret not in agent.logs()


@pytest.fixture
def server(bellwether, tmp_path):
    server, server.token = tls_server(bellwether, tmp_path)
    return server


def tls_server_with(bellwether, tmp_path, config):
    server, secret = tls_server(bellwether, tmp_path, config)
    server.token = secret
    return server


def values(server, target, **window):
    return {name: dict((t, v) for t, v in points)
            for name, points in server.points(target, **{"from": "-2min", **window}).items()}


def part(server, name):
    parts = server.get("/api/v1/health").json["parts"]
    return next((part for part in parts if part["id"] == f"agent.{name}"), None)


def settled(server, name):
    """What the agent has taken by now is sent."""
    # The second is over, and its batch closed.
    time.sleep(1.3)

    def look():
        at = part(server, name)
        return at and at["state"] == "ok" and "nothing waits" in at["text"]
    wait_for(look, seconds=60, what=f"{name} to have sent everything")


def live(server, name):
    """The host's numbers of the last two seconds are there."""
    newest = [max(points) for points in values(server, f"host.{name}.load.1m", **{"from": "-10s"}).values() if points]
    return newest and time.time() - newest[0] <= 2.5


class Load:
    """Numbered points, each slot written twice, the second value the right one; some that come late or correct."""

    def __init__(self, agent):
        self.agent, self.wanted, self.count = agent, {}, 0

    def second(self):
        now = int(time.time())
        lines = []
        for number in range(SERIES):
            name = f"load.s{number}"
            self.count += 1
            lines += [f"{name} -1 {now}", f"{name} {self.count} {now}"]
            self.wanted[name, now] = self.count
            if number % 97 == 0:
                late = now - random.Random(self.count).randrange(1, 12)
                lines.append(f"{name} {-self.count} {late}")
                self.wanted[name, late] = -self.count
        self.agent.carbon_send(("\n".join(lines) + "\n").encode())

    def seconds(self, count):
        for _ in range(count):
            self.second()
            time.sleep(1 - time.time() % 1)

    def check(self, server):
        span = f"-{OUTAGE_SECONDS + 120}s"
        # A batch may have been closed late on a busy machine, after `settled` had its look.
        end = time.monotonic() + 20
        while True:
            there = {}
            for tens in range(10):
                for name, points in values(server, f"load.s*{tens}", **{"from": span}).items():
                    there.update({(name, at): value for at, value in points.items()})
            missing = self.wanted.keys() - there.keys()
            wrong = {key: (there[key], value) for key, value in self.wanted.items() if key in there and there[key] != value}
            if not missing and not wrong or time.monotonic() > end:
                break
        assert not missing, f"{len(missing)} of {len(self.wanted)} are missing: {sorted(missing)[:5]}"
        assert not wrong, f"{len(wrong)} of {len(self.wanted)} differ: {dict(list(wrong.items())[:5])}"


def test_a_second_machine_is_watched(server, agents):
    agent = agents(server.url(""), server.token)
    now = int(time.time())
    agent.statsd_send(b"orders:3|c\nqueue:7|g\nqueue:+1|g\napi:20|ms\nusers:ana|s\ntagged:1|c|#env:prod")
    agent.statsd_send(b"_e{12,6}:deployed 4.2|by ana|#deploy\n_sc|db|2")
    agent.carbon_send(b"shop.orders 5 %d\nshop.tagged;b=2;a=1 6 %d\n" % (now, now))
    # A second, and with it a batch, may end between any two of them.
    arrived = ["stats.timers.web1.api.mean", "stats_counts.web1.orders", "stats.gauges.web1.queue", "stats.sets.web1.users.count",
               "stats_counts.web1.tagged;env=prod", "stats.service_checks.web1.db", "stats.web1.statsd.processing_time",
               "host.web1.memory.total_bytes", "shop.orders", "shop.tagged;a=1;b=2"]
    wait_for(lambda: all(values(server, name) for name in arrived), what=f"{arrived}")
    wait_for(lambda: server.get("/events/get_data?tags=deploy").json, what="the event")
    assert values(server, "shop.orders") == {"shop.orders": {now: 5}}
    assert values(server, "shop.tagged;a=1;b=2") == {"shop.tagged;a=1;b=2": {now: 6}}
    newest = lambda target: [list(points.values()) for points in values(server, target).values()]
    assert newest("stats_counts.web1.orders")[0][0] == 3
    assert newest("stats.gauges.web1.queue")[0][-1] == 8
    assert newest("stats.sets.web1.users.count")[0][0] == 1
    assert newest("stats_counts.web1.tagged;env=prod")[0][0] == 1
    assert newest("stats.service_checks.web1.db")[0][0] == 2
    assert [event["what"] for event in server.get("/events/get_data?tags=deploy").json] == ["deployed 4.2"]
    wait_for(lambda: newest("bellwether.agent.web1.taken.points.count"), what="own numbers")
    settled(server, "web1")
    wait_for(lambda: part(server, "web1")["rate"] > 0, what="the rate")
    at = part(server, "web1")
    assert at["dropped"] == [] and at["lag"] < 10
    shown = agent.cli("config", "show").stdout + agent.cli("config", "show", "--json").stdout
    assert server.token not in shown and "(hidden)" in shown
    # A gauge goes on after a restart, as on a server.
    agent.stop()
    agent.start()
    agent.statsd_send(b"queue:+1|g")
    wait_for(lambda: 9 in newest("stats.gauges.web1.queue")[0], what="the gauge to go on")


def test_percentiles_over_two_machines_are_exact_also_after_kills(server, agents):
    first, second = agents(server.url(""), server.token), agents(server.url(""), server.token)
    rng = random.Random(5)
    everything = []
    for _ in range(6):
        for agent, mean in ((first, 3), (second, 5)):
            chunk = [rng.lognormvariate(mean, 1) for _ in range(200)]
            everything += chunk
            for start in range(0, len(chunk), 20):
                agent.statsd_send("\n".join(f"api:{value:.6f}|ms" for value in chunk[start:start + 20]).encode())
        time.sleep(0.6)
        server.kill()
        server.start()
    # Six starts may take minutes on a busy machine.
    counts = lambda: values(server, "stats.timers.*.api.count", **{"from": "-20min"})
    total = lambda: sum(sum(points.values()) for points in counts().values())
    wait_for(lambda: total() == len(everything), what="all samples")
    for name in ("web1", "web2"):
        settled(server, name)
    ranked = sorted(everything)
    for percent in (1, 50, 90, 99):
        target = f"percentileOver(mergeTimers(stats.timers.*.api), {percent}, '20min')"
        told = [value for points in values(server, target, **{"from": "-30s"}).values() for value in points.values()][-1]
        assert abs(told / ranked[max(1, math.ceil(len(ranked) * percent / 100)) - 1] - 1) <= 0.01, percent


def test_nothing_is_lost_while_the_server_is_away(server, agents):
    agent = agents(server.url(""), server.token)
    load = Load(agent)
    load.seconds(2)
    server.kill()
    load.seconds(OUTAGE_SECONDS)
    server.start(ready=False)
    wait_for(lambda: reachable(server), seconds=60, what="the server to listen")
    back = time.monotonic()
    wait_for(server.ready, seconds=60)
    load.second()
    wait_for(lambda: live(server, "web1"), seconds=60, what="the page to be live")
    assert time.monotonic() - back <= BACK_WITHIN
    load.seconds(2)
    settled(server, "web1")
    load.check(server)
    assert "the server takes batches again" in agent.log()
    waited = values(server, "bellwether.agent.web1.spool.waiting_points", **{"from": f"-{OUTAGE_SECONDS + 60}s"})
    assert max(waited["bellwether.agent.web1.spool.waiting_points"].values()) > SERIES


def reachable(server):
    try:
        socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=1).close()
        return True
    except OSError:
        return False


def test_a_cable_is_pulled_and_put_back(server, agents):
    network = Network(server.ports["http"])
    try:
        agent = agents(f"https://127.0.0.1:{network.port}", server.token)
        load = Load(agent)
        load.seconds(2)
        network.cut()
        load.seconds(6)
        network.mend()
        back = time.monotonic()
        wait_for(lambda: live(server, "web1"), what="the page to be live")
        assert time.monotonic() - back <= BACK_WITHIN
        load.seconds(1)
        settled(server, "web1")
        load.check(server)
        assert "no answer within" in agent.log()
    finally:
        network.stop()


def test_a_killed_agent_goes_on_where_it_was(server, agents):
    agent = agents(server.url(""), server.token)
    load = Load(agent)
    load.second()
    server.stop()
    for _ in range(3):
        load.seconds(1)
        # As soon as Carbon's side of the connection was closed, the points are the agent's.
        load.second()
        agent.kill()
        agent.start()
    server.start()
    settled(server, "web1")
    load.check(server)
    assert "the spool holds what was not sent before" in agent.logs()


def test_a_full_spool_drops_the_oldest_and_every_point_is_accounted_for(bellwether, tmp_path, agents):
    server = tls_server_with(bellwether, tmp_path, "[self]\nseries = false\n")
    quiet = {"BELLWETHER_COLLECTORS__HOST": "false", "BELLWETHER_SELF__SERIES": "false", "BELLWETHER_STATSD__UDP": "off",
             "BELLWETHER_STATSD__TCP": "off", "BELLWETHER_STATSD__ADMIN": "off", "BELLWETHER_AGENT__SPOOL_BYTES": "1048576"}
    agent = agents(server.url(""), server.token, env=quiet)
    settled(server, "web1")
    server.stop()
    rng, sent, now = random.Random(3), 0, int(time.time())
    # Some 20,000 to 50,000 of these points are kept, fewer in many small batches than in some large ones, and time cuts batches too.
    for piece in range(12):
        lines = [f"full.{piece}.{rng.getrandbits(64):016x} {rng.random()} {now}" for _ in range(10_000)]
        agent.carbon_send(("\n".join(lines) + "\n").encode())
        sent += len(lines)
    time.sleep(1.3)
    on_disk = sum(path.stat().st_size for path in (agent.data_dir / "spool").glob("*.batches"))
    assert on_disk <= 1.2 * 2**20
    server.start()
    settled(server, "web1")
    stored = [len(server.get(f"/metrics/expand?query=full.{piece}.*").json["results"]) for piece in range(12)]
    dropped = sum(entry["total"] for entry in part(server, "web1")["dropped"] if entry["cause"] == "spool")
    assert sum(stored) + dropped == sent and dropped > 0
    assert "given up: the spool was full" in agent.log()
    assert stored[-1] == 10_000 and stored[0] < 10_000, "the oldest went"


def test_what_the_server_refuses_is_said_and_waits(server, agents, tmp_path):
    agent = agents(server.url(""), "bw_0123456789")
    wait_for(lambda: "does not know the token (401)" in agent.log(), what="the refusal")
    agent.carbon_send(b"early.bird 1 %d\n" % time.time())
    time.sleep(1.2)
    agent.rewrite(agent.config_file.read_text().replace("bw_0123456789", server.token))
    wait_for(lambda: values(server, "early.bird"), what="the point that waited")
    # A token for some names only: others are refused, counted and told.
    narrow = token(server, "narrow", "early.", "host.")
    agent.rewrite(agent.config_file.read_text().replace(server.token, narrow))
    wait_for(lambda: agent.log().count("configuration reloaded") == 2, what="the reload")
    agent.carbon_send(b"early.worm 1 %d\nlate.worm 1 %d\n" % (time.time(), time.time()))
    wait_for(lambda: values(server, "early.worm"), what="the point that the token may write")
    wait_for(lambda: "is outside of what the token narrow may touch" in agent.log(), what="the example")
    assert not values(server, "late.worm")
    causes = lambda: {entry["cause"]: entry["total"] for entry in part(server, "web1")["dropped"]}
    wait_for(lambda: causes().get("token"), what="what was refused to be counted")
    viewer = server.cli("token", "create", "viewer").stdout.split()[-1]
    agent.rewrite(agent.config_file.read_text().replace(narrow, viewer))
    wait_for(lambda: "the token may not send (403)" in agent.log(), what="the refusal of the role")


def test_a_certificate_that_nobody_vouches_for_is_refused_with_its_cure(server, agents, tmp_path):
    (tmp_path / "other").mkdir()
    other, _ = certificate(tmp_path / "other", subject="other", names="DNS:other")
    untrusted = agents(server.url(""), server.token, env={"BELLWETHER_AGENT__CA_FILE": str(other)})
    wait_for(lambda: "agent.ca_file" in untrusted.log(), what="the refusal")
    assert "points wait in the spool" in untrusted.log()
    plain = agents(server.url("").replace("https", "http"), server.token)
    wait_for(lambda: re.search(r"WARN .*points wait in the spool", plain.log()), what="the refusal of plain HTTP")
    assert part(server, "web1") is None


def test_two_machines_of_one_name_are_told(server, agents):
    agents(server.url(""), server.token)
    twin = agents(server.url(""), server.token, env={"BELLWETHER_COLLECTORS__HOST_NAME": "web1"})
    wait_for(lambda: "two machines call themselves web1" in twin.log(), what="the warning in the log")
    wait_for(lambda: "calls itself the same" in part(server, "web1")["text"], what="the warning on the Data page")


def test_an_agent_that_falls_silent_is_a_warning(server, agents):
    agent = agents(server.url(""), server.token)
    settled(server, "web1")
    agent.stop()
    wait_for(lambda: part(server, "web1")["text"].startswith("silent for"), what="the warning")
    assert server.get("/api/v1/health").json["state"] == "warning"
    server.stop()
    server.start()
    assert part(server, "web1")["text"].startswith("silent for"), "also after a restart"


def test_configurations_that_cannot_work_say_what_is_wrong(server, tmp_path):
    def check(text, told):
        agent = Agent(tmp_path / "wrong", "", text)
        done = agent.cli("config", "check", check=False) if "server" in text else agent.cli("agent", check=False)
        assert done.returncode == 2 and told in done.stdout + done.stderr, done.stdout + done.stderr

    check("", "agent.server: missing")
    check('[agent]\nserver = "http://metrics.example"\ntoken = "x"\n', "in the clear")
    check('[agent]\nserver = "https://metrics.example"\n', "agent.token: missing")
    check('[agent]\nserver = "https://metrics.example"\ntoken_file = "nowhere"\n', "agent.token_file: nowhere")
    check('[agent]\nserver = "https://metrics.example"\ntoken = "x"\nspool_byte = 5\n', "did you mean `spool_bytes`")
    check('[agent]\nserver = "https://metrics.example"\ntoken = "x"\ninterval = "10ms"\n', "between 1s and 60s")
    check('[agent]\nserver = "https://metrics.example"\ntoken = "x"\nca_file = "nowhere.pem"\n', "agent.ca_file: nowhere.pem")
    # A second process in the same directory.
    busy = Agent(server.directory, server.url(""), '[agent]\ntoken = "x"\n')
    done = busy.cli("agent", check=False)
    assert done.returncode == 1 and "is in use by another agent or server" in done.stderr


def test_requests_that_are_no_batches_are_refused(server):
    bearer = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/octet-stream"}
    path = "/api/v1/agent/batch"
    check = lambda body, **options: server.post(path, body, headers={**bearer, **options}).status
    greeting = b"BWAG\x01\x08\x04\x00web9" + bytes(64)
    assert server.post(path, b"", headers={"Authorization": "Bearer x"}).status == 401
    assert [check(b""), check(b"GET / HTTP/1.1"), check(greeting[:20])] == [400, 400, 400]
    assert [check(greeting), check(greeting + b"junk"), check(greeting + b"\xf1bat\xff\xff\xff\xff1234")] == [200, 422, 422]
    assert "version 9" in server.post(path, b"BWAG\x09" + greeting[5:], headers=bearer).text


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return (crc ^ 0xffffffff).to_bytes(4, "little")


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def batch_of_a_sketch(number, name, at, key, weight):
    """As docs/formats/agent-batch.md draws it: one row, a sketch of one bucket."""
    row = varint(1) + varint(len(name)) + name + varint(2 * at) + varint(1) + varint(2 * key) + varint(2 * weight)
    packer = zlib.compressobj(wbits=-15)
    body = struct.pack("<QqqIIII", number, at, at, 0, 1, 0, len(row)) + packer.compress(row) + packer.flush()
    length = struct.pack("<I", len(body))
    return b"\xf1bat" + length + crc32c(length + body) + body


def test_a_batch_that_the_store_has_and_the_server_forgot_counts_once(server):
    """A kill between the log of the points and the note of the batch: the agent has had no answer, and tells it again."""
    bearer = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/octet-stream"}
    greeting = b"BWAG\x01\x08\x04\x00web9" + struct.pack("<8Q", 7, 1, int(time.time() * 1000), 1000, 0, 0, 0, 0)
    at = int(time.time()) - 30
    low = lambda number: batch_of_a_sketch(number, b"told.timer", at, 100, 1)

    def take(batch):
        answer = server.post("/api/v1/agent/batch", greeting + batch, headers=bearer)
        assert answer.status == 200, answer.text
        return answer.json

    def median():
        told = values(server, "percentileOver(told.timer, 50, '20min')", **{"from": "-30s"})
        return [value for points in told.values() for value in points.values()][-1]

    assert take(low(1))["stored"] == 1
    take(batch_of_a_sketch(2, b"told.timer", at, 200, 2))
    before = median()
    server.kill()
    with contextlib.closing(sqlite3.connect(server.data_dir / "state" / "state.db")) as state, state:
        assert state.execute("DELETE FROM agent").rowcount == 1
    server.start()
    assert take(low(1))["repeated"] == 0, "the server itself does not know it"
    assert median() == before
    assert take(low(1))["repeated"] == 1
    # The same under another number counts: the one low value of three is two of four now.
    take(low(3))
    assert median() < before
