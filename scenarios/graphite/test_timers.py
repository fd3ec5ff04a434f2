"""percentileOver is within 1 % of the exact percentile of all samples, over any window, tags and nodes."""
import json
import math
import random

import pytest

from support.graphite_compare import parse
from support.examples import example
from support.graphite_sides import Lines

NOW = 1_700_000_000
STEP = 10
SLOTS = 120


@pytest.fixture(scope="module")
def samples():
    """{timer: {time: [sample, ...]}}"""
    dice = random.Random(7)
    shapes = {
        "t.api.a": lambda: dice.lognormvariate(3, 1), "t.api.b": lambda: dice.uniform(1, 1000),
        "t.web.a": lambda: dice.expovariate(0.01), "latency;dc=x;host=1": lambda: dice.gauss(0, 50),
        "latency;dc=x;host=2": lambda: dice.choice([0, 0.001, 5, 1e6]), "latency;dc=y;host=3": lambda: dice.random(),
    }
    times = [NOW - NOW % STEP - STEP * index for index in range(SLOTS)]
    return {name: {time: [draw() for _ in range(dice.choice([0, 1, 5, 40]))] for time in times}
            for name, draw in shapes.items()}


@pytest.fixture(scope="module")
def ask(samples, tmp_path_factory):
    directory = tmp_path_factory.mktemp("timers")
    timers = [{"name": name, "archives": [{"archive": f"{STEP}s:1h", "points": [
        [time, values] for time, values in slots.items() if values]}]} for name, slots in samples.items()]
    (directory / "timers.json").write_text(json.dumps({"series": [], "timers": timers}))
    with open(directory / "log", "ab") as log:
        side = Lines([example("answer"), str(directory / "timers.json")], log)
        yield lambda target: {one["target"]: {time: value for value, time in one["datapoints"]}
                              for one in parse(side.ask("/render", [("target", target), ("from", NOW - 600), ("until", NOW),
                                                                    ("format", "json")], NOW))}
        side.stop()


def exact(values, n):
    ordered = sorted(values)
    return ordered[max(math.ceil(n / 100 * len(ordered)), 1) - 1] if ordered else None


def close(found, wanted):
    if found is None or wanted is None:
        return found is wanted
    return abs(found - wanted) <= abs(wanted) * 0.01 + 1e-9


def within(slots, start, end):
    """Samples in (start, end]."""
    return [value for time, values in slots.items() if start < time <= end for value in values]


@pytest.mark.parametrize("n", [0, 5, 50, 90, 95, 99.9, 100])
@pytest.mark.parametrize("window, seconds", [("", 10), (',"1min"', 60), (',"5min"', 300), (',"7min"', 420)])
def test_sliding(ask, samples, n, window, seconds):
    for name, slots in samples.items():
        (points,) = ask(f"percentileOver({name},{n}{window})").values()
        assert len(points) == 60
        for time, value in points.items():
            assert close(value, exact(within(slots, time - seconds, time), n)), (name, time)


@pytest.mark.parametrize("n", [50, 99])
def test_whole_windows(ask, samples, n):
    (points,) = ask(f'percentileOver(t.api.a,{n},"2min",true)').values()
    for time, value in points.items():
        assert time % 120 == 0
        assert close(value, exact(within(samples["t.api.a"], time - 1, time + 119), n))


@pytest.mark.parametrize("target, members", [
    ("mergeTimers(t.*.*)", {"mergeTimers(t.*.*)": ["t.api.a", "t.api.b", "t.web.a"]}),
    ("mergeTimers(t.*.*,1)", {"api": ["t.api.a", "t.api.b"], "web": ["t.web.a"]}),
    ("seriesByTag('name=latency')|mergeTimers('dc')",
     {"x": ["latency;dc=x;host=1", "latency;dc=x;host=2"], "y": ["latency;dc=y;host=3"]}),
])
def test_merged(ask, samples, target, members):
    for n in (10, 50, 95):
        answers = ask(f'percentileOver({target},{n},"3min")')
        assert list(answers) == [f'percentileOver({name},{n},"3min")' for name in members]
        for points, names in zip(answers.values(), members.values()):
            for time, value in points.items():
                together = [value for name in names for value in within(samples[name], time - 180, time)]
                assert close(value, exact(together, n))


def test_a_heatmap_counts_all(ask, samples):
    rows = ask('heatmapOver(t.api.b,"1min",12)')
    assert 3 <= len(rows) <= 12
    for time in next(iter(rows.values())):
        counts = [row[time] for row in rows.values()]
        wanted = len(within(samples["t.api.b"], time - 1, time + 59))
        assert wanted == sum(count or 0 for count in counts)
