"""How soon a point can be read: each time a name that is new."""
import itertools
import json
import random
import socket
import time

from .figures import Line, Note, number
from .stores import PATIENCE_SECONDS, Ours, Victoria, ask

NUMBERS = itertools.count()


def measure(directory, sizes):
    ours, theirs = Ours(directory), Victoria(directory)
    udp = waits(sizes.looks, lambda: by_udp(ours))
    carbon = waits(sizes.looks, lambda: by_carbon(ours))
    new_series = max(waits(sizes.slow_looks, lambda: by_carbon(theirs)))
    for store in (ours, theirs):
        store.stop()
    spread = lambda all_: f"{number(min(all_))}-{number(max(all_))} s of {len(all_)}"
    return [
        Line("UDP to /render, 1 s flush", spread(udp), "", max(udp), 1.2, unit="s"),
        Line("Carbon to /render, new series", spread(carbon), "", max(carbon), 0.2, unit="s"),
        Note("Carbon, new series: VictoriaMetrics", "", "", new_series, unit="s"),
    ]


def waits(count, look):
    # At any moment of a second.
    dice = random.Random(1)
    taken = []
    for _ in range(count):
        time.sleep(dice.random())
        taken.append(look())
    return taken


def by_carbon(store):
    name, now = f"look.carbon{next(NUMBERS)}", int(time.time())
    begun = time.monotonic()
    store.send(f"{name} 1 {now}\n")
    store.wait_readable(name, now, pause=0.002)
    return time.monotonic() - begun


def by_udp(store):
    name = f"look.udp{next(NUMBERS)}"
    connection, begun = store.connection(), time.monotonic()
    with socket.socket(type=socket.SOCK_DGRAM) as out:
        out.sendto(f"{name}:1|g".encode(), ("127.0.0.1", store.server.ports["statsd"]))
    path = store.path_of(f"stats.gauges.{name}", int(time.time()) - 5, int(time.time()) + 60)
    while time.monotonic() - begun < PATIENCE_SECONDS:
        if any(value is not None for row in json.loads(ask(connection, path)) for value, _ in row["datapoints"]):
            return time.monotonic() - begun
        time.sleep(0.002)
    raise RuntimeError(f"{name} never came")
