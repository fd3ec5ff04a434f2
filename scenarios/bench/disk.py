"""Bytes a point of a day at ten seconds in one archive, after `storage compact`, beside VictoriaMetrics after its
forced merge: points only, without names."""
import time

from .figures import Line, number
from .stores import Lines, Ours, Victoria

KINDS = ("gauge", "counter", "constant", "sparse", "mixed")
# Their steps are all the information they carry.
WITH_ENTROPY = ("gauge", "counter")
ONE_ARCHIVE = '[[storage.retention]]\nname = "all"\npattern = ".*"\narchives = ["10s:7d"]\n'
STEP, ROUNDS = 10, 8_640


def measure(directory, sizes):
    return [line for kind in KINDS for line in one_kind(directory / kind, kind, sizes.disk_series)]


def one_kind(directory, kind, series):
    stores = [Ours(directory, ONE_ARCHIVE), Victoria(directory)]
    ours, theirs = stores
    # Ends yesterday: a span that is closed.
    first = int(time.time()) // 86_400 * 86_400 - 86_400
    lines = Lines(directory / "lines", series, ROUNDS, first, STEP, kind)
    size = {}
    for store in stores:
        store.take(lines)
        store.compact()
        size[store] = store.bytes_of_points() / lines.points
        store.stop()
    found = [Line(f"{kind}: bytes a point", number(size[ours]), f"{theirs.name} {number(size[theirs])}",
                  size[ours] / size[theirs], 1)]
    if kind in WITH_ENTROPY:
        found.append(Line(f"{kind}: above its entropy", number(size[ours]), f"entropy {number(lines.entropy)}",
                          size[ours] / lines.entropy, 1.05))
    return found
