"""Resident memory by series, beside VictoriaMetrics; a full minute of one-second points; a start after kill -9; an
idle server."""
import subprocess
import time

from . import processes
from .figures import Line, number
from .stores import Ours, Victoria

MIB = 1 << 20


def measure(directory, sizes):
    lines = []
    for series in sizes.memory_series:
        lines += three_points(directory / f"three-{series}", series)
        lines += full_minute(directory / f"minute-{series}", series, sizes.minute_pause)
    return lines + idle(directory / "idle", sizes)


def blast(store, series, rounds, first, step, pause):
    return subprocess.Popen(
        [processes.example("blast"), "rounds", f"127.0.0.1:{store.carbon_port}", str(series), str(rounds),
         str(first), str(step), "gauge", str(pause)], stdout=subprocess.DEVNULL)


def most_while(blasts, stores):
    """{store: the most that was resident}, until all blasts have ended and all stores have settled."""
    most = {store: 0 for store in stores}
    calm_since = time.monotonic()
    while time.monotonic() - calm_since < 5:
        for store in stores:
            most[store] = max(most[store], processes.resident_bytes(store.pid))
        if any(blast.poll() is None for blast in blasts):
            calm_since = time.monotonic()
        time.sleep(0.2)
    if any(blast.returncode for blast in blasts):
        raise RuntimeError("a load failed")
    return most


def three_points(directory, series):
    stores = [Ours(directory), Victoria(directory)]
    ours, theirs = stores
    now = int(time.time())
    most_while([blast(store, series, 3, now, 10, pause=10) for store in stores], stores)
    used = {store: processes.resident_bytes(store.pid) for store in stores}
    theirs.stop()
    seconds = ours.kill_and_start()
    ours.stop()
    per_series = {store: f"{number(used[store] / MIB)} MiB, {used[store] / series:,.0f} B a series" for store in stores}
    return [
        Line(f"{series:,} series, 3 points each: resident", per_series[ours], f"{theirs.name} {per_series[theirs]}",
             used[ours] / used[theirs], 1),
        Line(f"{series:,} series: start after kill -9", f"{number(seconds)} s", "", seconds, 5, unit="s"),
    ]


def full_minute(directory, series, pause):
    store = Ours(directory)
    # As the seconds pass, or the minute that has just passed at once.
    first = int(time.time()) - (0 if pause else 59)
    most = most_while([blast(store, series, 60, first, 1, pause)], [store])[store]
    store.stop()
    return [Line(f"{series:,} series, 60 points each: most resident", f"{number(most / MIB)} MiB", "", most / series,
                 800, unit="B a series")]


def idle(directory, sizes):
    store = Ours(directory)
    cpu = processes.cpu_seconds(store.pid)
    time.sleep(sizes.idle_seconds)
    cpu = (processes.cpu_seconds(store.pid) - cpu) / sizes.idle_seconds
    used = processes.resident_bytes(store.pid)
    store.stop()
    return [Line("idle, with the host's numbers: resident", f"{cpu * 100:.2f} % of a core", "", used / 1e6, 100,
                 unit="MB")]
