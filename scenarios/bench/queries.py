"""Two questions to stored points, beside VictoriaMetrics over its query_range: its Graphite API is not in the free
version."""
import time

from .disk import ONE_ARCHIVE
from .figures import Line, interleaved, median, number
from .stores import Lines, Ours, Victoria, ask

STEP = 10


def measure(directory, sizes):
    stores = [Ours(directory, ONE_ARCHIVE), Victoria(directory)]
    # Past what VictoriaMetrics keeps back as too fresh.
    end = int(time.time()) // 3600 * 3600 - 3600
    day = Lines(directory / "day", 1, 24 * 360, end - 24 * 3600, STEP, "gauge")
    hour = Lines(directory / "hour", 1_000, sizes.query_rounds, end - sizes.query_rounds * STEP, STEP, "counter")
    for store in stores:
        store.take(day)
        store.take(hour)
    lines = [
        faster("1 series x 24 h at 10 s", stores, sizes,
               lambda store: store.path_of(day.last_name, end - 24 * 3600, end)),
        faster("sum of 1,000 series x 1 h", stores, sizes,
               lambda store: store.path_of_sum("counter", end - 3600, end)),
    ]
    for store in stores:
        store.stop()
    return lines


def faster(what, stores, sizes, path_of):
    connections = {store: store.connection() for store in stores}

    def milliseconds(store, _turn):
        path = path_of(store)
        begun = time.perf_counter()
        body = ask(connections[store], path)
        seconds = time.perf_counter() - begun
        if len(body) < 1000:
            raise RuntimeError(f"{store.name} answers {body!r}")
        return seconds * 1e3

    taken = interleaved(stores, sizes.queries, milliseconds)
    ours, theirs = stores
    half = {store: median(taken[store]) for store in stores}
    return Line(what, f"{number(half[ours])} ms", f"{theirs.name} {number(half[theirs])} ms",
                half[ours] / half[theirs], 0.5)
