r'''Black-box stories against the built binary. A test's first line gives a running server:

    def test_something(bellwether):
        server = bellwether()                       # or bellwether("""[statsd]\nflush_interval = "10s" """)
        server.statsd_send(b"a:1|c")
        server.get("/render?target=a&format=json").json

`BELLWETHER_BIN` names the binary; the default is the dev build of this checkout.
'''
import os

import pytest

from support.server import Bellwether


@pytest.fixture(scope="session", autouse=True)
def passable(tmp_path_factory):
    """Nagios, PostgreSQL and others that refuse to be root run as another user, who has to get to what a test gives them."""
    base = tmp_path_factory.getbasetemp()
    for folder in (base, *base.parents):
        if folder.stat().st_uid == os.geteuid() and folder.stat().st_mode & 0o077 == 0:
            folder.chmod(0o711)


@pytest.fixture
def bellwether(tmp_path):
    """A function that starts servers; all are stopped at the end, and none may have left by itself."""
    started = []

    def start(config="", **options):
        server = Bellwether(tmp_path / f"server{len(started)}", config, **options)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.stop()
