"""The Bellwether of a demo: one directory, the usual ports where they are free, ended by its process id."""
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
USUAL_PORTS = {"http": 8080, "statsd": 8125, "admin": 8126, "line": 2003, "pickle": 2004}
START_SECONDS = 60
STOP_SECONDS = 20

# Two hours of single seconds and a month of minutes: what `play.py` writes of the past has no holes in them.
CONFIG = """# Written by the demo.
data_dir = "{directory}/data"

[http]
listen = "127.0.0.1:{http}"

[statsd]
udp = "127.0.0.1:{statsd}"
tcp = "127.0.0.1:{statsd}"
admin = "127.0.0.1:{admin}"

[carbon]
line = "127.0.0.1:{line}"
udp = "127.0.0.1:{line}"
pickle = "127.0.0.1:{pickle}"

[[storage.retention]]
name = "every ten seconds"
pattern = '^(batch|storage)\\.'
archives = ["10s:2h", "1m:30d", "10m:5y"]

[[storage.retention]]
name = "every second"
pattern = ".*"
archives = ["1s:2h", "1m:30d", "10m:5y"]
"""


class Ended(Exception):
    """The server is not there any more, or never was."""


class Server:
    def __init__(self, directory, binary):
        self.directory, self.binary = pathlib.Path(directory).resolve(), binary
        self.ports = ports()
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['http']}/"

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        config = self.directory / "bellwether.toml"
        config.write_text(CONFIG.format(directory=self.directory, **self.ports))
        # Its own session: Ctrl-C reaches us alone, and we end it when the senders have stopped.
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "serve", "--config", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={k: v for k, v in os.environ.items() if not k.startswith("BELLWETHER_")}, start_new_session=True)
        self._wait_until_ready()

    def check(self):
        if self.process.poll() is not None:
            log = (self.directory / "log").read_text(errors="replace")
            raise Ended(f"the server ended with status {self.process.returncode}:\n{log[-2000:]}")

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_until_ready(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            self.check()
            try:
                with urllib.request.urlopen(self.url + "readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise Ended(f"the server was not ready within {START_SECONDS} s, see {self.directory / 'log'}")


def binary():
    """BELLWETHER_BIN, else what this checkout built last."""
    if "BELLWETHER_BIN" in os.environ:
        return os.environ["BELLWETHER_BIN"]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    built = [path for path in (target / "release/bellwether", target / "debug/bellwether") if path.exists()]
    if not built:
        raise Ended("no binary found: `make demo` builds one, or set BELLWETHER_BIN")
    return str(max(built, key=lambda path: path.stat().st_mtime))


def ports():
    """For each listener its usual port if that is free, else any free one."""
    return {name: usual if is_free(usual) else free_port() for name, usual in USUAL_PORTS.items()}


def free_port():
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if is_free(port):
            return port


def is_free(port):
    """For TCP and UDP: StatsD and Carbon lines listen on both."""
    try:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True
