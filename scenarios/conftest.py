r'''Black-box stories against the built binary. A test's first line gives a running server:

    def test_something(bellwether):
        server = bellwether()                       # or bellwether("""[statsd]\nflush_interval = "10s" """)
        server.statsd_send(b"a:1|c")
        server.get("/render?target=a&format=json").json

`BELLWETHER_BIN` names the binary; the default is the dev build of this checkout.
'''
import pytest

from support.server import Bellwether


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
