"""Recorded truth: the same sequences of results and commands go to Debian's Nagios, all at once and in real seconds,
and to Bellwether's state machine; states, types, attempts, flapping, numbers and notices are equal step by step.
Where 4.4, which Debian has, and 4.5 differ, the sequence says so (`differs`), and Bellwether does as 4.5."""
import os
import pathlib

import pytest

from support import truth
from support.nagios import Nagios

HERE = pathlib.Path(__file__).parent / "truth"
FILES = ("states.txt", "flapping.txt", "hosts.txt", "people.txt")
SEED = int(os.environ.get("BELLWETHER_SEED", "4"))
WRITTEN = [sequence for name in FILES for sequence in truth.read(HERE / name)]
SEQUENCES = WRITTEN + truth.random_sequences(SEED, 400 if os.environ.get("BELLWETHER_LONG") else 60)
MODES = {"hard": "passive_host_checks_are_soft=0\ntranslate_passive_host_checks=0\n",
         "soft": "passive_host_checks_are_soft=1\ntranslate_passive_host_checks=1\n"}


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """mode -> what Nagios and the machine made of all sequences of that mode."""
    import concurrent.futures
    truth.machine()
    home = tmp_path_factory.mktemp("truth")
    # Nagios runs as another user when the tests run as root.
    home.chmod(0o755)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return dict(zip(MODES, pool.map(lambda mode: compare(home, mode), MODES)))


def compare(home, mode):
    sequences = [sequence for sequence in SEQUENCES if sequence.mode == mode]
    nagios, start = run_nagios(home, mode, sequences)
    ours = truth.run_machine(nagios.home, sequences, start)
    return {sequence.name: list(truth.differences(index, sequence, start, nagios.results(), nagios.notifications(), *ours))
            for index, sequence in enumerate(sequences)}


def run_nagios(home, mode, sequences):
    """A machine that is too busy gets more tries."""
    for turn in range(4):
        objects = truth.nagios_objects(sequences)
        nagios = Nagios(home / f"{mode}{turn}", objects, "interval_length=1\n" + MODES[mode])
        try:
            start = truth.run_nagios(nagios.start(), sequences)
        finally:
            stopped = nagios.stop()
        try:
            truth.check_punctual(nagios, sequences, start)
        except truth.Late as late:
            print(late)
        else:
            if stopped:
                return nagios, start
    pytest.fail("this machine is too busy to keep Nagios's seconds")


def test_there_are_enough_sequences():
    print(f"BELLWETHER_SEED={SEED}")
    assert len(WRITTEN) >= 60
    assert len({sequence.name for sequence in SEQUENCES}) == len(SEQUENCES)


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: sequence.name)
def test_as_nagios(both, sequence):
    differences = both[sequence.mode][sequence.name]
    assert not differences, "\n".join(differences)
