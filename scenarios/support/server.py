"""A Bellwether under test: its own directory, free ports, and short ways to speak to it."""
import fcntl
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]


def default_binary():
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return os.environ.get("BELLWETHER_BIN", str(target / "debug" / "bellwether"))


_claims = []


def free_port():
    """A port below those that the kernel gives to outgoing connections, free for TCP and UDP, and claimed by a
    lock so that no other test run at the same time takes it."""
    directory = pathlib.Path(tempfile.gettempdir()) / "bellwether-test-ports"
    directory.mkdir(exist_ok=True)
    while True:
        port = random.SystemRandom().randrange(12_000, 32_000)
        claim = open(directory / str(port), "w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port


def replace(path, text):
    """Gives a file that another process reads a new content, at once: it is never seen empty, or half written."""
    written = path.with_name(path.name + ".new")
    written.write_text(text)
    written.replace(path)


def within_a_minute(seconds):
    """Returns when a minute of the wall clock has at least so many seconds left."""
    left = 60 - time.time() % 60
    if left < seconds:
        time.sleep(left)


def wait_for(condition, seconds=60, pause=0.02, what="the condition"):
    """The first truthy answer of `condition`, or a failure that names what was waited for."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come about in {seconds} s; last answer: {answer!r}")
        time.sleep(pause)


def ahead():
    """For a process that is about to begin: it goes before the machine's other work, where that may be. What is promised in milliseconds
    is promised of a machine that has time."""
    try:
        os.nice(-20)
    except PermissionError:
        pass


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Bellwether:
    def __init__(self, directory, config="", binary=None, env=None, tls=None, goes_ahead=False):
        self.goes_ahead = goes_ahead
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data_dir = self.directory / "data"
        self.binary = binary or default_binary()
        self.env = env or {}
        # The certificate that the server shows, if it speaks TLS; the token that requests carry, if any.
        self.tls, self.token = tls and ssl.create_default_context(cafile=str(tls)), None
        self.ports = {name: free_port() for name in ("http", "statsd", "admin", "line", "pickle")}
        self.config_file = self.directory / "bellwether.toml"
        self.config_file.write_text(config)
        self.log_file = self.directory / "log"
        self.process = None

    def environment(self):
        """Addresses come through the environment, so that a test's own file says only what it is about."""
        at = lambda name: f"127.0.0.1:{self.ports[name]}"
        return {
            "PATH": os.environ.get("PATH", ""),
            "BELLWETHER_DATA_DIR": str(self.data_dir),
            "BELLWETHER_HTTP__LISTEN": at("http"),
            "BELLWETHER_STATSD__UDP": at("statsd"),
            "BELLWETHER_STATSD__TCP": at("statsd"),
            "BELLWETHER_STATSD__ADMIN": at("admin"),
            "BELLWETHER_CARBON__LINE": at("line"),
            "BELLWETHER_CARBON__UDP": at("line"),
            "BELLWETHER_CARBON__PICKLE": at("pickle"),
            **self._any_machine_at_any_hour(),
            **self.env,
        }

    def _any_machine_at_any_hour(self):
        """Tests run on disks that are nearly full, where a store by its defaults is read-only, and at night, when by default only what is
        CRITICAL rings."""
        night = {} if "night" in self.config_file.read_text() else {"BELLWETHER_INCIDENTS__NIGHT": "off"}
        return {"BELLWETHER_STORAGE__MIN_FREE": "16MiB", **night}

    def start(self, ready=True, command="serve"):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, command, "--config", str(self.config_file)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment(), cwd=self.directory,
                preexec_fn=ahead if self.goes_ahead else None)
        if ready:
            wait_for(self.ready, what=f"readiness (log: {self.log_file})")
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()}")
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def stop(self, seconds=60):
        """SIGTERM, and the exit status."""
        if self.process is None or self.process.poll() is not None:
            return self.process and self.process.returncode
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop in {seconds} s:\n{self.log()}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def rewrite(self, config):
        """The server looks at its file each second, and reads it when it is asked to: it finds the old text or the new one."""
        replace(self.config_file, config)

    def log(self):
        return self.log_file.read_text(errors="replace")

    def cli(self, *arguments, input=None, check=True):
        """Run the command line against this server through its control socket."""
        done = subprocess.run(
            [self.binary, *arguments, "--config", str(self.config_file)], input=input, capture_output=True,
            text=True, env=self.environment(), cwd=self.directory, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done

    def all_told(self, count=None, headers=None):
        """Nothing is left to send of any incident, and if said so, so many pages there are."""
        def pages():
            every = self.get("/api/v1/incidents?state=all", headers=headers).json["incidents"]
            return [page for one in every for page in self.get(f"/api/v1/incidents/{one['id']}", headers=headers).json["pages"]]

        def done():
            found = pages()
            return all(page["state"] != "waiting" for page in found) and count in (None, len(found))
        wait_for(done, pause=0.1, what="that nothing is left to send" if count is None else f"{count} pages, none of which is left to send")

    # HTTP

    def url(self, path):
        scheme = "https" if self.tls else "http"
        return f"{scheme}://127.0.0.1:{self.ports['http']}{path}"

    def get(self, path, headers=None, timeout=30):
        return self.request("GET", path, headers=headers, timeout=timeout)

    def post(self, path, body=b"", headers=None, timeout=30):
        return self.send("POST", path, body, headers, timeout)

    def put(self, path, body=b"", headers=None, timeout=30):
        return self.send("PUT", path, body, headers, timeout)

    def send(self, method, path, body, headers, timeout):
        if not isinstance(body, (bytes, str)):
            body, headers = json.dumps(body), {"Content-Type": "application/json", **(headers or {})}
        return self.request(method, path, body.encode() if isinstance(body, str) else body, headers, timeout)

    def request(self, method, path, body=None, headers=None, timeout=30):
        headers = {**({"Authorization": f"Bearer {self.token}"} if self.token else {}), **(headers or {})}
        request = urllib.request.Request(self.url(path), data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.tls) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def points(self, target, **parameters):
        """{name: [(time, value), ...]} without nulls."""
        query = urllib.parse.urlencode({"target": target, "format": "json", **parameters})
        series = self.get(f"/render?{query}").json
        return {s["target"]: [(t, v) for v, t in s["datapoints"] if v is not None] for s in series}

    # Points in

    def statsd_send(self, *packets):
        with socket.socket(type=socket.SOCK_DGRAM) as out:
            for packet in packets:
                out.sendto(packet, ("127.0.0.1", self.ports["statsd"]))

    def carbon_send(self, data):
        """Returns when the server has taken all of it and hung up."""
        with socket.create_connection(("127.0.0.1", self.ports["line"]), timeout=10) as out:
            out.sendall(data)
            out.shutdown(socket.SHUT_WR)
            assert out.recv(1) == b""

    def admin(self, command):
        """The answer of StatsD's admin port to one command."""
        with socket.create_connection(("127.0.0.1", self.ports["admin"]), timeout=10) as out:
            out.sendall(command.encode() + b"\n")
            out.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: out.recv(65536), b"")).decode()
