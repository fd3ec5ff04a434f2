"""Questions to the same points beside graphite-web 1.1.10 over whisper files: its time is that of the request within its
process, ours the whole of one over HTTP, without our memory of answers."""
import json
import math
import random
import sys
import time
import urllib.parse

from support.graphite_sides import Lines, original_script

from .disk import ONE_ARCHIVE
from .figures import Line, Note, median, number
from .stores import Ours, ask

STEP, HOUR, DAY, SERIES = 10, 3_600, 86_400, 1_000
MONTH = '[[storage.retention]]\nname = "month"\npattern = "^month"\narchives = ["10s:31d"]\n'


def measure(directory, sizes):
    now = int(time.time()) // STEP * STEP
    dice = random.Random(5)
    # As agents send numbers: a few digits.
    crowd = [(f"crowd.server{index:04}.requests", [round(50 + 40 * math.sin(slot / 30 + index) + dice.random(), 2)
                                                   for slot in range(HOUR // STEP)]) for index in range(SERIES)]
    month = [(f"month.server{index}.load", [round(2 + math.sin(slot / 3_000) + dice.random(), 2)
                                            for slot in range(30 * DAY // STEP)]) for index in range(4)]
    ours = Ours(directory, MONTH + ONE_ARCHIVE)
    for name, values in crowd + month:
        first = now - len(values) * STEP + STEP
        ours.send("".join(f"{name} {value} {first + slot * STEP}\n" for slot, value in enumerate(values)))
    for name, _ in crowd + month:
        ours.wait_readable(name, now)
    theirs = original(directory, crowd, month, now)
    hour, days = [("from", now - HOUR), ("until", now)], [("from", now - 30 * DAY), ("until", now)]
    questions = [
        ("sum of 1,000 series x 1 h at 10 s", "sumSeries(crowd.*.*)", hour, 1 / 50),
        ("1,000 series x 1 h at 10 s as JSON", "crowd.*.*", hour, 1 / 30),
        ("mean over an hour of 4 series x 30 d at 10 s", "movingAverage(sumSeries(month.*.*),'1h')",
         days + [("maxDataPoints", 800)], 1 / 30),
        # crowd.server0000 to 0009
        ("10 series x 1 h at 10 s as png", "crowd.server000*.*", hour + [("format", "png")], 1 / 2),
    ]
    lines = [compared(what, ours, theirs, target, params, now, limit, sizes)
             for what, target, params, limit in questions]
    lines += while_editing(ours, now, sizes)
    theirs.stop()
    ours.stop()
    return lines


def original(directory, crowd, month, now):
    """graphite-web over files that whisper made."""
    root = directory / "original"
    root.mkdir()
    series = [{"name": name, "archives": [(STEP, retention)], "x_files_factor": 0.5, "method": "average",
               "points": [(now - (len(values) - 1 - slot) * STEP, value) for slot, value in enumerate(values)]}
              for group, retention in ((crowd, 7 * DAY), (month, 31 * DAY)) for name, values in group]
    (root / "series.json").write_text(json.dumps({"now": now, "events": [], "series": series, "archives": False}))
    lines = Lines([sys.executable, str(original_script()), str(root)], open(directory / "log", "ab"))
    if lines.read() != "ready\n":
        raise RuntimeError(f"graphite-web does not start: {directory / 'log'}")
    return lines


def compared(what, ours, theirs, target, params, now, limit, sizes):
    query = [("target", target), ("format", "json"), ("noCache", 1), *params]
    format = dict(query)["format"]
    path = "/render?" + urllib.parse.urlencode(query)
    half = {"ours": [], "theirs": []}
    for _ in range(sizes.rounds + 1):
        answer = theirs.ask("/render", query, now)
        half["theirs"].append(answer.seconds * 1e3)
        # A new one: the server closes what is idle for long.
        connection = ours.connection()
        for _ in range(5):
            begun = time.perf_counter()
            body = ask(connection, path)
            half["ours"].append((time.perf_counter() - begun) * 1e3)
        if format == "png":
            same_size(what, answer.body, body)
        else:
            same(what, json.loads(answer.body), json.loads(body))
    ours_ms, theirs_ms = median(half["ours"]), median(half["theirs"])
    return Line(what, f"{number(ours_ms)} ms", f"graphite-web {number(theirs_ms)} ms", ours_ms / theirs_ms, limit)


def same(what, theirs, ours):
    """A fast answer that is another is no answer."""
    for their, our in zip(theirs, ours, strict=True):
        pairs = zip(their["datapoints"], our["datapoints"], strict=True)
        if their["target"] != our["target"] or any(a[1] != b[1] or not math.isclose(a[0], b[0]) for a, b in pairs
                                                   if (a[0], b[0]) != (None, None)):
            raise RuntimeError(f"{what}: graphite-web and Bellwether differ in {their['target']}")


def same_size(what, theirs, ours):
    """Width and height are at the same place in every png; test_pictures.py looks at the rest."""
    if theirs[:24] != ours[:24]:
        raise RuntimeError(f"{what}: graphite-web and Bellwether draw in different sizes")


def while_editing(ours, now, sizes):
    """What the Explore page asks at each pause in typing."""
    connection = ours.connection()
    for what, target, seconds in (
            ("Explore, 4 series x 30 d at 10 s with a moving mean", "movingAverage(month.*.*,'1h')", 30 * DAY),
            ("Explore, 1,000 series x 1 h", "crowd.*.*", HOUR), ("Explore, 1 series x 1 min", "month.server0.load", 60)):
        query = {"target": target, "from": now - seconds, "until": now, "width": 1200}
        path = "/api/v1/graph?" + urllib.parse.urlencode(query)
        taken = []
        for _ in range(sizes.rounds * 5):
            begun = time.perf_counter()
            ask(connection, path)
            taken.append((time.perf_counter() - begun) * 1e3)
        yield Note(what, f"{number(median(taken))} ms", "", median(taken), "ms")
