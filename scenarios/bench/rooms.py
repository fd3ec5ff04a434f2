"""What the rooms do in process, without sockets, for each second of processor time."""
from . import processes
from .figures import Line, median


def measure(_directory, sizes):
    seconds = str(sizes.room_seconds)
    lines = rate(sizes, "points", "load", "lines", "10000", str(40 * sizes.room_seconds))
    metrics = rate(sizes, "metrics", "packets", "10000", seconds)
    return [
        Line("Carbon lines to the store, in client order", f"{lines / 1e6:.1f} M/s a core", "", lines / 1e6, 3,
             at_least=True, unit="M/s"),
        Line("StatsD packets of many metrics", f"{metrics / 1e6:.1f} M/s a core", "", metrics / 1e6, 10,
             at_least=True, unit="M/s"),
    ]


def rate(sizes, what, example, *arguments):
    said = [processes.run(processes.example(example), *arguments) for _ in range(sizes.rounds)]
    return median([run[what] / run["cpu_seconds"] for run in said])
