"""graphite-web's paths beside /render: the same requests to both, over HTTP and in the same order."""
import pathlib

import pytest

from support.graphite_pair import asked, lines, parse

REQUESTS = pathlib.Path(__file__).with_name("requests")


@pytest.mark.parametrize("name, ignored", [("others", ()), ("tags", {"id"}), ("events", ()), ("dashboards", ()), ("short", ())])
def test_same_answers(pair, name, ignored):
    different = []
    for line in lines(REQUESTS / f"{name}.txt"):
        found = asked(pair.ask, parse(line), ignored)
        if found:
            different.append(f"{line}\n    {found}")
    assert not different, "\n".join(different)
