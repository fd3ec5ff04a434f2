"""What is known about a series under a key: as graphite-web answers with a carbon-cache behind it, and what we add."""
import json
import pathlib

import pytest

from support.graphite_pair import Pair, difference, lines, parse

REQUESTS = pathlib.Path(__file__).with_name("requests") / "metadata.txt"


@pytest.fixture(scope="module")
def with_carbon(tmp_path_factory):
    pair = Pair(tmp_path_factory.mktemp("carbon"), carbon=True)
    yield pair
    pair.stop()


def without_words(answer):
    """Why something is not known is told in other words than in a trace of Python's."""
    if answer.body.startswith(b"{"):
        told = {name: "error" if "error" in value else value for name, value in answer.json.items()}
        answer.body = json.dumps(told).encode()
    return answer


def test_same_answers(with_carbon):
    different = []
    for line in lines(REQUESTS):
        theirs, ours = (without_words(answer) for answer in with_carbon.ask(*parse(line)))
        found = difference(theirs, ours)
        if found:
            different.append(f"{line}\n    {found}")
    assert not different, "\n".join(different)


def test_other_keys_are_kept(bellwether):
    server = bellwether()
    server.carbon_send(b"a.b 1 -1\n")
    get = lambda path: server.get(f"/metrics/{path}").json
    assert get("set-metadata?metric=a.b&key=unit&value=ms") == {"a.b": {"old_value": None, "new_value": "ms"}}
    assert get("set-metadata?metric=a.b&key=unit&value=s") == {"a.b": {"old_value": "ms", "new_value": "s"}}
    operations = [{"metric": "a.b", "key": "owner", "value": {"team": "web"}}]
    assert server.post("/metrics/set-metadata", operations).json == {"a.b": {"old_value": None, "new_value": {"team": "web"}}}
    server.stop()
    server.start()
    assert get("get-metadata?metric=a.b&key=unit") == {"a.b": "s"}
    assert get("get-metadata?metric=a.b&key=owner") == {"a.b": {"team": "web"}}
    assert "error" in get("get-metadata?metric=a.b&key=nothing")["a.b"]
    # How a series is rolled up is the configuration's to say, and that is told.
    refused = get("set-metadata?metric=a.b&key=aggregationMethod&value=max")["a.b"]["error"]
    assert "[[storage.aggregation]]" in refused
