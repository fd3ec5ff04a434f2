"""The packet scenarios in `cases/`, sent to the original and to Bellwether: same names, same values, same
answers of the admin interface."""
import concurrent.futures
import pathlib

import pytest

from support.statsd_cases import our_toml, read_group
from support.statsd_compare import compare, play
from support.statsd_servers import Binary, InProcess, Original, answers_of, driver_binary

CASES = sorted(pathlib.Path(__file__).parent.glob("cases/*.txt"))


@pytest.fixture(scope="session")
def groups():
    return [read_group(path) for path in CASES]


@pytest.fixture(scope="session")
def originals(groups, tmp_path_factory):
    """What the original answers to each group, all of them running side by side."""
    directory = tmp_path_factory.mktemp("originals")

    def run(group):
        start = lambda attempt: Original(directory / f"{group.name}{attempt}", group.original)
        return answers_of(start, lambda server: play(server, group))

    with concurrent.futures.ThreadPoolExecutor(len(groups)) as pool:
        return dict(zip((group.name for group in groups), pool.map(run, groups)))


@pytest.fixture(scope="session")
def driver():
    return driver_binary()


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_aggregation_equals_the_original(path, originals, driver):
    group = read_group(path)
    for dialect in group.dialects:
        ours = InProcess(driver, our_toml(group.original, dialect=dialect))
        try:
            found = compare(group, dialect, originals[group.name], play(ours, group))
        finally:
            ours.stop()
        assert not found, f"dialect {dialect}:\n" + "\n".join(found[:40])


# Starting them all at once would only make each of them late.
SIDE_BY_SIDE = 12


@pytest.fixture(scope="session")
def binaries(groups, tmp_path_factory):
    """What the binary answers to each group in the dialect of the original."""
    directory = tmp_path_factory.mktemp("binaries")

    def run(group):
        toml = our_toml(group.original, dialect="statsd")
        start = lambda attempt: Binary(directory / f"{group.name}{attempt}", toml)
        return answers_of(start, lambda server: play(server, group))

    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return dict(zip((group.name for group in groups), pool.map(run, groups)))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_binary_equals_the_original(path, originals, binaries):
    group = read_group(path)
    found = compare(group, "statsd", originals[group.name], binaries[group.name])
    assert not found, "\n".join(found[:40])


def test_there_are_at_least_two_hundred_scenarios(groups):
    names = [(group.name, case.name) for group in groups for case in group.cases]
    assert len(names) >= 200 and len(set(names)) == len(names)
