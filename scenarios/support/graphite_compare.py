"""Cases from targets.txt, and what differs between two answers of /render."""
import json
import math
import pathlib
import re

TARGETS = pathlib.Path(__file__).parents[1] / "graphite" / "targets.txt"


def cases():
    """(targets, parameters) of each line of targets.txt."""
    common = {}
    for line in TARGETS.read_text().split("\n"):
        if not line or line.startswith("#"):
            continue
        if line.startswith("["):
            common = parameters(line.strip("[]"))
            continue
        targets, _, own = line.partition(" @ ")
        yield targets.split(" & "), {**common, **parameters(own)}


def parameters(text):
    return dict(part.split("=", 1) for part in text.split())


def parse(answer):
    return json.loads(answer.body.replace(b"1e9999", b"Infinity"))


def same(theirs, ours):
    if theirs is None or ours is None:
        return theirs is ours
    if math.isnan(theirs):
        return math.isnan(ours)
    return theirs == ours or math.isclose(theirs, ours, rel_tol=1e-9, abs_tol=1e-300)


def difference(theirs, ours):
    """What differs first between two lists of series, or None."""
    names = [one["target"] for one in theirs], [one["target"] for one in ours]
    if names[0] != names[1]:
        return f"names {names[0]} and {names[1]}"
    for their, our in zip(theirs, ours):
        if their["tags"] != our["tags"] or list(their["tags"]) != list(our["tags"]):
            return f"tags of {their['target']}: {their['tags']} and {our['tags']}"
        times = [[time for _, time in one["datapoints"]] for one in (their, our)]
        if times[0] != times[1]:
            return f"times of {their['target']}: {len(times[0])} {times[0][:3]} and {len(times[1])} {times[1][:3]}"
        for (value, time), (mine, _) in zip(their["datapoints"], our["datapoints"]):
            if not same(value, mine):
                return f"{their['target']} at {time}: {value} and {mine}"
    return None


def load(format, body):
    if format == "pickle":
        import pickle
        return pickle.loads(body)
    from graphite import umsgpack
    return umsgpack.unpackb(body)
