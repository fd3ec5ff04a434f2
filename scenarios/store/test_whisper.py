"""The same points into whisper and into the store: the same answers, on random policies.

`STORE_ROUNDS` policies (25 in the short run; 10 with whisper's file imported half-way), each with its own random history of in-order, late,
overwritten and old points, a clock that moves on, and background work in between. `STORE_SEED` repeats a run.
"""
import math
import os
import random

import pytest
import whisper

from . import driver

START = 1_728_000_000
METHODS = ["average", "sum", "last", "max", "min", "avg_zero", "absmax", "absmin"]


@pytest.fixture(scope="module")
def binary():
    return driver.build()


def random_policy(rng):
    """Archives as (step, points) that whisper takes."""
    while True:
        step = rng.choice([1, 1, 1, 2, 5, 10, 60])
        archives, points = [], rng.randint(10, 120)
        for _ in range(rng.randint(1, 4)):
            archives.append((step, points))
            ratio = rng.choice([2, 3, 5, 6, 10])
            step, points = step * ratio, rng.randint(8, 100)
        try:
            whisper.validateArchiveList(archives)
        except whisper.InvalidConfiguration:
            continue
        return archives


def random_value(rng):
    return rng.choice([
        lambda: rng.randint(-5, 1000), lambda: round(rng.uniform(-10, 10), 2), lambda: rng.random(), lambda: 0.0,
    ])()


def close(a, b):
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-300)


class Pair:
    """A whisper file and a series of the store that get the same."""

    def __init__(self, store, path, name, archives, method, factor):
        self.store, self.path, self.name = store, str(path), name
        self.archives = archives
        self.retention = archives[-1][0] * archives[-1][1]
        whisper.create(self.path, list(archives), factor, method)
        self.log = []
        # True while only whisper gets what is written.
        self.apart = False

    def take_over(self, now):
        """The store gets the past from whisper's file, and from now on the same points."""
        said = self.store.ask("import", self.name, self.path)
        assert said.startswith("[Stored"), said
        self.apart = False
        self.log.append((now, said))

    def write(self, now, points):
        """Whisper's update_many sorts a batch; the store takes it as it comes."""
        if not points:
            return
        self.log.append((now, points))
        whisper.update_many(self.path, points, now)
        newest_first = sorted(points, key=lambda point: point[0], reverse=True)
        groups = [[] for _ in self.archives]
        for time, value in newest_first:
            fits = [index for index, (step, count) in enumerate(self.archives) if step * count >= now - time]
            if fits:
                groups[fits[0]].insert(0, (time, value))
        for group in groups:
            self.store_write(group)

    def store_write(self, points):
        if points and not self.apart:
            self.store.write(*((self.name, time, value) for time, value in points))

    def compare(self, now, start, end):
        answer = whisper.fetch(self.path, start, end, now)
        first, step, values = self.store.fetch(self.name, start, end)
        if answer is None:
            assert values == []
            return
        (wanted_first, wanted_end, wanted_step), wanted = answer
        assert (first, step, len(values)) == (wanted_first, wanted_step, len(wanted)), (start, end)
        for index, (got, want) in enumerate(zip(values, wanted)):
            if not close(got, want):
                time = first + index * step
                inside = lambda entry: [p for p in entry if time <= p[0] < time + step] if isinstance(entry, list) else entry
                recent = [(at, inside(entry)) for at, entry in self.log][-16:]
                raise AssertionError(
                    f"{self.name} at {time} (step {step}, now {now}): {got!r} instead of {want!r}; {recent}")


def history(rng, pair, binary_reopen, now, taken_over_at=None):
    """One random life of a series; compares as it goes."""
    step = pair.archives[0][0]
    for turn in range(rng.randint(15, 40)):
        now += rng.choice([0, 0, 1, 1, step, 5 * step, rng.randint(1, pair.retention // 3)])
        pair.store.ask("now", now)
        kind = rng.random()
        if kind < 0.5:
            points = [(now - index * step, random_value(rng)) for index in range(rng.randint(0, 30))]
            points.reverse()
        elif kind < 0.8:
            oldest = rng.choice([100, pair.retention - 1])
            points = [(now - rng.randint(0, oldest), random_value(rng)) for _ in range(rng.randint(1, 10))]
        else:
            points = [(now - rng.randint(0, 3 * step), random_value(rng)) for _ in range(rng.randint(1, 3))]
        # A point exactly as old as an archive lands in whisper's ring on the slot of the present second and
        # wipes it out: that accident is not copied.
        edges = {count * length for length, count in pair.archives}
        points = [(t, v) for t, v in points if 0 <= now - t < pair.retention and not any(
            0 <= now - now % s - (t - t % s) >= s * n for s, n in pair.archives if s * n >= now - t)
            and now - t not in edges]
        pair.write(now, points)
        if turn == taken_over_at:
            pair.take_over(now)
        act = rng.choice(["compact", "maintain", "maintain", "reopen", *["nothing"] * 5])
        pair.log.append((now, act))
        if act == "reopen":
            binary_reopen()
        elif act != "nothing":
            pair.store.ask(act)
        if pair.apart or not any(isinstance(entry, list) for _, entry in pair.log):
            continue
        for back in {pair.retention, *(count * length for length, count in pair.archives)}:
            pair.compare(now, now - back + 1, now)
        start = now - rng.randint(0, pair.retention)
        pair.compare(now, start, min(now + 10, start + rng.randint(0, pair.retention)))
    return now


@pytest.mark.parametrize("what, usual", [("from the first point on", 25), ("after an import", 10), ("joined by one", 10)])
def test_the_store_answers_as_whisper(tmp_path, binary, what, usual):
    seed = int(os.environ.get("STORE_SEED", random.randrange(1 << 32)))
    rounds = int(os.environ.get("STORE_ROUNDS", usual))
    print("seed", seed)
    for index in range(rounds):
        rng = random.Random(f"{seed}-{index}")
        archives, method = random_policy(rng), rng.choice(METHODS)
        factor = rng.choice([0.0, 0.1, 0.3, 0.5, 0.5, 0.9, 1.0])
        text = ",".join(f"{step}:{count}" for step, count in archives)
        print("round", index, text, method, factor)
        directory = tmp_path / f"store{index}"
        now = START + rng.randint(0, 1_000_000)
        with driver.Driver(binary) as store:

            def open_store():
                said = store.ask("open", directory, text, method, factor, "manual")
                assert "gaps: []" in said, said

            store.ask("now", now)
            open_store()
            pair = Pair(store, tmp_path / f"{index}.wsp", "a.b", archives, method, factor)

            def reopen():
                store.ask("close")
                open_store()

            pair.apart = what == "after an import"
            history(rng, pair, reopen, now, None if usual == 25 else rng.randint(0, 14))
