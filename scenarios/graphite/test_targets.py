"""graphite-web 1.1.10 and we give the same names, tags, times and values for the same targets."""
import re

import pytest

from support.graphite_compare import cases, difference, parse

# By shape only: the values are random or those of another clock.
RANDOM = ('randomWalk("walk")', 'randomWalk("walk",30)', 'randomWalkFunction("walk")', 'sumSeries(randomWalk("a"),single)')


# Where graphite-web fails on good input (gaps, large numbers) and we answer; docs/graphite.md says so.
BETTER = [
    'nonNegativeDerivative(servers.web1.cpu.system,255)',
    'perSecond(servers.web1.cpu.system,255,0)',
    'useSeriesAbove(servers.*.requests,198,"requests","errors")',
    'removeBetweenPercentile(servers.*.errors,90)',
    'exp(single)',
    'stdev(odd.huge,5)',
]


def ask(sides, targets, params, format="json"):
    moment = lambda match: str(sides.now + int(match[1] or 0))
    query = [("target", re.sub(r"\{now([+-]\d+)?\}", moment, target)) for target in targets] + [("format", format), ("now", sides.now)]
    return sides.ask("/render", query + list(params.items()))


@pytest.mark.parametrize("targets, params", cases(), ids=lambda part: " & ".join(part) if isinstance(part, list) else "")
def test_same_answer(sides, targets, params):
    theirs, ours = ask(sides, targets, params)
    assert ours.status == theirs.status, ours.text
    if theirs.status == 200:
        assert difference(parse(theirs), parse(ours)) is None
    elif theirs.status == 400:
        assert ours.text == theirs.text


@pytest.mark.parametrize("target", RANDOM)
def test_same_shape(sides, target):
    theirs, ours = (parse(answer) for answer in ask(sides, [target], {"from": "-1h", "until": "now"}))
    shape = [[(one["target"], one["tags"], [time for _, time in one["datapoints"]]) for one in side]
             for side in (theirs, ours)]
    assert shape[0] == shape[1]


@pytest.mark.parametrize("target", BETTER)
def test_better_answer(sides, target):
    theirs, ours = ask(sides, [target], {"from": "-2h", "until": "now"})
    assert (theirs.status, ours.status) == (500, 200), ours.text
    assert parse(ours)
