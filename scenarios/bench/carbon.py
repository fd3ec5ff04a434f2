"""Carbon lines over one TCP connection, beside VictoriaMetrics: the same file to both, until its last point can be
read, for present and for old timestamps. The names are known before."""
import socket
import subprocess
import time

from support.server import free_port, wait_for

from . import processes
from .figures import Line, Note, interleaved, median, number
from .stores import Lines, Ours, Victoria

DAY = 86_400


def measure(directory, sizes):
    stores = [Ours(directory), Victoria(directory)]
    known = Lines(directory / "known", sizes.carbon_series, 1, int(time.time()) - 3600, 1)
    for store in stores:
        store.take(known)
    rounds = sizes.carbon_rounds
    lines = both(directory, "fresh", stores, sizes, lambda _: (int(time.time()) - rounds + 1, 1))
    # Each turn a day further back, on slots that hold nothing yet.
    lines += both(directory, "old", stores, sizes, lambda turn: (int(time.time()) // 10 * 10 - (2 + turn) * DAY, 10))
    for store in stores:
        store.stop()
    last = Lines(directory / "lines", sizes.carbon_series, rounds, int(time.time()), 1)
    return [*lines, Note("Carbon: a bare read sink, CPU per million", "", "", bare_cpu(last), unit="s")]


def bare_cpu(file):
    """Seconds per million lines of a process that reads and counts lines."""
    port = free_port()
    sink = subprocess.Popen([processes.example("bare_sink"), "tcp", f"127.0.0.1:{port}", "60"],
                            stdout=subprocess.PIPE, text=True)
    # The one connection that it takes.
    out = wait_for(lambda: connected(port), what="the sink")
    with out, open(file.path, "rb") as lines:
        out.sendfile(lines)
    words = sink.communicate(timeout=60)[0].split()
    said = dict(zip(words[::2], map(float, words[1::2])))
    return said["cpu_seconds"] / said["lines"] * 1e6


def connected(port):
    try:
        return socket.create_connection(("127.0.0.1", port))
    except OSError:
        return None


def both(directory, what, stores, sizes, when):
    files = {}

    def load(store, turn):
        if turn not in files:
            files[turn] = Lines(directory / "lines", sizes.carbon_series, sizes.carbon_rounds, *when(turn))
        return one(store, files[turn])

    taken = interleaved(stores, sizes.rounds, load)
    ours, theirs = stores
    cpu = {store: median([cost for cost, _ in taken[store]]) for store in stores}
    rate = {store: median([rate for _, rate in taken[store]]) for store in stores}
    return [
        Line(f"Carbon, {what}: CPU per million", f"{number(cpu[ours])} s", f"{theirs.name} {number(cpu[theirs])} s",
             cpu[ours] / cpu[theirs], 0.5),
        Line(f"Carbon, {what}: points/s until readable", f"{rate[ours] / 1e6:.2f} M",
             f"{theirs.name} {rate[theirs] / 1e6:.2f} M", rate[ours] / rate[theirs], 2, at_least=True),
    ]


def one(store, file):
    """CPU seconds per million, points a second."""
    cpu = processes.cpu_seconds(store.pid)
    seconds = file.send_to(store)
    # What it has put off is part of the price.
    processes.settle(store.pid)
    cpu = processes.cpu_seconds(store.pid) - cpu
    # VictoriaMetrics keeps what an earlier turn brought for the same second beside it.
    connection = store.connection()
    found = len(dict(store.points(connection, file.last_name, file.first - 1, file.last_time)))
    connection.close()
    if found != file.rounds:
        raise RuntimeError(f"{store.name} has {found} of {file.rounds} points of {file.last_name}")
    return cpu / file.points * 1e6, file.points / seconds
