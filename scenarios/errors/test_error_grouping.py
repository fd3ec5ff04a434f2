"""The promise of grouping, on the pairs of `corpus/`: of those that belong together and of those that do not, each, 98 % are right."""
import os

from errors.scoring import OfBellwether, keeps_promise, read_pairs, run, table, wrong

# Bugsink, which is asked too for the full length, takes most of a minute.
SERVERS = ["bellwether", "bugsink"] if os.environ.get("BELLWETHER_LONG") else ["bellwether"]


def test_groups_are_as_people_would_make_them():
    pairs = read_pairs()
    verdicts = run(SERVERS, pairs)
    print("\n".join(table(pairs, verdicts)))
    ours = verdicts[OfBellwether.name]
    assert keeps_promise(pairs, ours), [pair.id for pair in wrong(pairs, ours)]
