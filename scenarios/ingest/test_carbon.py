"""Carbon's listeners of the real binary: clients as they are, bad input, and what is said about it."""
import os
import pathlib
import pickle
import random
import socket
import struct
import time

import pytest

from support.server import Bellwether, wait_for


# How often a long run does what a short one does once.
TIMES = 20 if os.environ.get("BELLWETHER_LONG") else 1


def now():
    return int(time.time())


def frame(points, protocol):
    body = pickle.dumps(points, protocol=protocol)
    return struct.pack("!L", len(body)) + body


def send(server, port, data):
    with socket.create_connection(("127.0.0.1", server.ports[port]), timeout=10) as out:
        out.sendall(data)


def send_datagram(server, data):
    with socket.socket(type=socket.SOCK_DGRAM) as out:
        out.sendto(data, ("127.0.0.1", server.ports["line"]))


def value(server, name):
    """The newest value of a series, or None."""
    points = server.points(name, **{"from": "-2min"}).get(name)
    return points[-1][1] if points else None


def part(server, listener):
    parts = server.get("/api/v1/health").json["parts"]
    return next(part for part in parts if part["id"] == listener)


def dropped(server, listener):
    return {drop["cause"]: drop["total"] for drop in part(server, listener)["dropped"] if drop["total"]}


def test_points_are_readable_at_once(bellwether):
    """Sent by Carbon -> in /render within 0.2 s, for new series too."""
    server = bellwether(goes_ahead=True)
    waits = []
    for index in range(10):
        name = f"visible.n{index}"
        begun = time.monotonic()
        send(server, "line", f"{name} {index}.5 {now()}\n".encode())
        wait_for(lambda: value(server, name) == index + 0.5, pause=0.005, what=name)
        waits.append(time.monotonic() - begun)
    assert sorted(waits)[8] <= 0.2, waits


def test_lines_over_tcp_and_udp(bellwether):
    server = bellwether()
    at = now() - 5
    send(server, "line", f"tcp.a 1 {at}\r\ntcp.b 1e3 {at}.9\n  tcp.c\t-0.5  {at}\ntcp.now 7 -1\n".encode())
    send_datagram(server, f"udp.a 2 {at}\nudp.b;k=v 3 {at}".encode())
    wait_for(lambda: value(server, "udp.a") == 2.0)
    wait_for(lambda: value(server, "tcp.now") == 7.0)
    assert [value(server, f"tcp.{letter}") for letter in "abc"] == [1.0, 1000.0, -0.5]
    assert server.points("tcp.b", **{"from": "-1min"})["tcp.b"] == [(at, 1000.0)]
    assert server.points("seriesByTag('k=v')", **{"from": "-1min"})["udp.b;k=v"] == [(at, 3.0)]


def test_pickles_of_every_protocol(bellwether):
    server = bellwether()
    at = now()
    for protocol in range(6):
        send(server, "pickle", frame([(f"pickled.p{protocol}", (at, protocol)), ("pickled.same", (at, 1.5))], protocol))
    for protocol in range(6):
        wait_for(lambda: value(server, f"pickled.p{protocol}") == protocol)


def test_salts_carbon_returner(bellwether):
    """A dictionary that the returner flattens and sends, in both of its modes (C014)."""
    server = bellwether()
    at = now()
    metrics = [("salt.web1.load.1m", 0.25, at), ("salt.web1.disk.root", 71, at)]
    send(server, "line", "\n".join([" ".join(map(str, metric)) for metric in metrics] + [""]).encode())
    send(server, "pickle", frame([(f"{name}.pickled", (time, number)) for name, number, time in metrics], -1))
    wait_for(lambda: value(server, "salt.web1.disk.root") == 71)
    wait_for(lambda: value(server, "salt.web1.load.1m.pickled") == 0.25)


def test_reporters_names(bellwether):
    """Names as Coda Hale's metrics report them (C020)."""
    server = bellwether()
    suffixes = "count m1_rate m5_rate m15_rate mean_rate min max mean stddev p50 p75 p95 p98 p99 p999".split()
    lines = [f"app.requests.{suffix} {index} {now()}" for index, suffix in enumerate(suffixes)]
    send(server, "line", ("\n".join(lines) + "\n").encode())
    wait_for(lambda: value(server, "app.requests.p999") == len(suffixes) - 1)


def test_bad_lines_are_counted_and_shown(bellwether):
    server = bellwether()
    send(server, "line", f"good 1 {now()}\nthis is no point at all\nno.value x 1\n\xff\n".encode("latin-1"))
    wait_for(lambda: value(server, "good") == 1.0)
    wait_for(lambda: sum(dropped(server, "carbon.line").values()) == 3, what="three bad lines")
    shown = server.get("/api/v1/health").json["bad_lines"]
    assert any(line["listener"] == "carbon.line" and line["source"] == "127.0.0.1"
               and "three fields" in line["reason"] and line["sample"].startswith("this is") for line in shown), shown


def resident(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) * 1024


def test_a_line_without_an_end(bellwether):
    """A gigabyte without a line feed (a twentieth of it in the short run): bounded memory, and the next line is read."""
    server = bellwether()
    before = resident(server)
    with socket.create_connection(("127.0.0.1", server.ports["line"]), timeout=60) as out:
        piece = b"x" * (1 << 20)
        for _ in range(54 * TIMES):
            out.sendall(piece)
        out.sendall(f"\nafterwards 1 {now()}\n".encode())
        wait_for(lambda: value(server, "afterwards") == 1.0)
    assert resident(server) < before + (32 << 20)
    assert sum(dropped(server, "carbon.line").values()) == 1


def test_pickle_bombs(bellwether):
    server = bellwether()
    laughs = b"]q\x00" + b"".join(b"]q" + bytes([level + 1]) + b"(" + b"h" + bytes([level]) + b"h" + bytes([level]) + b"e"
                                  for level in range(100)) + b"."
    bombs = [b"cos\nsystem\n(S'touch /tmp/owned'\ntR.", b"(" * 1_000_000, b"]" * 1_000_000, laughs,
             b"X\xff\xff\xff\xff", b"\x8b\xff\xff\xff\x7f", b"j\xff\xff\xff\xff.", b"r\xff\xff\xff\xff."]
    for bomb in bombs:
        send(server, "pickle", struct.pack("!L", len(bomb)) + bomb)
    send(server, "pickle", struct.pack("!L", 0xFFFFFFFF))
    send(server, "pickle", frame([("survived", (now(), 1))], 2))
    wait_for(lambda: value(server, "survived") == 1.0)
    assert resident(server) < 300 << 20


def test_garbage_on_every_listener(bellwether):
    """At full speed, a minute for each listener in the long run."""
    server = bellwether()
    rng = random.Random(7)
    garbage = [rng.randbytes(rng.choice([1, 20, 300, 1400])) for _ in range(200)]
    for port in ("line", "pickle", "statsd", "admin"):
        end = time.monotonic() + 3 * TIMES / 4
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", server.ports[port]), timeout=10) as out:
                    out.sendall(b"".join(rng.sample(garbage, 20)))
            except (BrokenPipeError, ConnectionResetError):
                pass
    with socket.socket(type=socket.SOCK_DGRAM) as out:
        end = time.monotonic() + 3 * TIMES / 4
        while time.monotonic() < end:
            out.sendto(rng.choice(garbage), ("127.0.0.1", rng.choice([server.ports["line"], server.ports["statsd"]])))
    send(server, "line", f"alive 1 {now()}\n".encode())
    wait_for(lambda: value(server, "alive") == 1.0)
    assert server.get("/readyz").status == 200


def test_a_flood_of_new_names(bellwether):
    """500,000 names where 100,000 are allowed; 10 million in the long run."""
    names, allowed = 500_000 * TIMES, 100_000
    server = bellwether(f"[storage]\nmax_series = {allowed}")
    send(server, "line", f"honest.metric 1 {now()}\n".encode())
    wait_for(lambda: value(server, "honest.metric") == 1.0)
    with socket.create_connection(("127.0.0.1", server.ports["line"]), timeout=60) as out:
        for first in range(0, names, 1000):
            out.sendall("".join(f"flood.user.n{n} 1 {now()}\n" for n in range(first, first + 1000)).encode())
    refused = lambda: dropped(server, "carbon.line").get("limit", 0)
    kept = lambda: server.get("/api/v1/health").json["storage"]["series"]
    wait_for(lambda: refused() + kept() >= names, seconds=120, what="each name to be kept or refused")
    assert kept() <= allowed
    send(server, "line", f"honest.metric 2 {now()}\n".encode())
    wait_for(lambda: value(server, "honest.metric") == 2.0)
    # About 1 kB a series, and what an unoptimised build holds beside.
    assert resident(server) < 300e6, resident(server)
    whose = server.get("/api/v1/health").json["refused"]
    assert whose["prefixes"][0]["prefix"].startswith("flood") and whose["total"] >= names - allowed, whose


def test_sources_outside_the_allow_list(bellwether):
    server = bellwether('[carbon]\nallow = ["10.0.0.0/8"]\n[statsd]\nallow = ["10.0.0.0/8"]\n')
    for port in ("line", "pickle", "statsd", "admin"):
        with socket.create_connection(("127.0.0.1", server.ports[port]), timeout=10) as out:
            try:
                out.sendall(b"a 1 1\n")
                assert out.recv(10) == b""
            except ConnectionResetError:
                pass
    send_datagram(server, f"refused 1 {now()}".encode())
    for listener in ("carbon.line", "carbon.pickle", "carbon.udp", "statsd.tcp", "statsd.admin"):
        wait_for(lambda: sum(dropped(server, listener).values()) >= 1, what=listener)
    assert value(server, "refused") is None


def test_a_listener_that_cannot_be_bound_ends_the_start(bellwether, tmp_path):
    server = bellwether()
    second = Bellwether(tmp_path / "second")
    second.ports["line"] = server.ports["line"]
    second.start(ready=False)
    assert second.process.wait(60) == 1
    assert f"carbon.line 127.0.0.1:{server.ports['line']}: address in use" in second.log()


@pytest.mark.parametrize("protocol", ["line", "pickle"])
def test_forwarding_to_another_carbon(bellwether, protocol):
    target = bellwether()
    source = bellwether(f'[[carbon.forward]]\naddress = "127.0.0.1:{target.ports[protocol]}"\nprotocol = "{protocol}"\n')
    send(source, "line", f"passed.on 0.1 {now()}\n".encode())
    source.statsd_send(b"counted:3|c")
    wait_for(lambda: value(target, "passed.on") == 0.1)
    wait_for(lambda: any(number == 3 for _, number in target.points("stats_counts.counted").get("stats_counts.counted", [])))
