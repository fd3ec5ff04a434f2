import pytest

from support.graphite_pair import Pair
from support.graphite_sides import Sides


@pytest.fixture(scope="session")
def sides(tmp_path_factory):
    """graphite-web and us over the same series."""
    sides = Sides(tmp_path_factory.mktemp("graphite"))
    yield sides
    sides.stop()


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Both over HTTP, with the same series."""
    pair = Pair(tmp_path_factory.mktemp("pair"))
    yield pair
    pair.stop()
