"""An agent under test, the certificate of the server that it sends to, and a network that can fail between them."""
import select
import socket
import subprocess
import threading
import time

from .server import Bellwether, free_port


def certificate(directory, name="server", days=30, subject="localhost", names="DNS:localhost,IP:127.0.0.1"):
    """Paths of a self-signed certificate and its key, as operators make them."""
    pem, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
         str(days), "-subj", f"/CN={subject}", "-addext", f"subjectAltName={names}", "-keyout", key, "-out", pem],
        check=True, capture_output=True, timeout=60)
    return pem, key


def tls_server(bellwether, directory, config="", **options):
    """A server that speaks TLS and asks for a token, and an editor's token of it."""
    pem, key = certificate(directory)
    server = bellwether(
        f'[auth]\nmode = "required"\n' + config,
        env={"BELLWETHER_HTTP__TLS_CERTIFICATE": str(pem), "BELLWETHER_HTTP__TLS_KEY": str(key)}, tls=pem, **options)
    return server, token(server, "agents")


def token(server, name, *prefixes):
    prefixes = [word for prefix in prefixes for word in ("--prefix", prefix)]
    return server.cli("token", "create", name, "--role", "editor", *prefixes).stdout.split()[-1]


class Agent(Bellwether):
    """Started with `agent` in place of `serve`; ready when it has printed where it sends."""

    def __init__(self, directory, url, config="", env=None, **options):
        named = {"BELLWETHER_AGENT__SERVER": url} if url else {}
        super().__init__(directory, config, env={**named, **(env or {})}, **options)

    def start(self, ready=True):
        if self.log_file.exists():
            self.log_file.rename(self.log_file.with_name(f"log.{time.monotonic_ns()}"))
        return super().start(ready, command="agent")

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended with {self.process.returncode}:\n{self.log()}")
        return " -> " in self.log()

    def logs(self):
        """Of this run and those before."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.directory.glob("log*")))


class Network:
    """A TCP proxy that can lose everything without a word, as a cable that is pulled."""

    def __init__(self, to):
        self.to, self.port = to, free_port()
        self.is_cut, self.is_over = False, False
        self.pairs, self.lock = [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.listener.settimeout(0.1)
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.accept, self.pump)]
        for thread in self.threads:
            thread.start()

    def accept(self):
        while not self.is_over:
            try:
                near, _ = self.listener.accept()
            except TimeoutError:
                continue
            if self.is_cut:
                # It gets no answer, and nobody learns of it.
                with self.lock:
                    self.pairs.append((near, None))
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self.to), timeout=5)
            except OSError:
                near.close()
                continue
            with self.lock:
                self.pairs += [(near, far), (far, near)]

    def pump(self):
        while not self.is_over:
            with self.lock:
                ways = dict(self.pairs)
            ready = select.select(list(ways), [], [], 0.05)[0] if ways and not self.is_cut else []
            if self.is_cut or not ways:
                threading.Event().wait(0.02)
            for source in ready:
                try:
                    data = source.recv(1 << 16)
                    if data and ways[source]:
                        ways[source].sendall(data)
                except OSError:
                    data = b""
                if not data:
                    self.drop(source, ways[source])

    def drop(self, *both):
        with self.lock:
            self.pairs = [pair for pair in self.pairs if pair[0] not in both and pair[1] not in both]
        for one in both:
            if one:
                one.close()

    def cut(self):
        self.is_cut = True

    def mend(self):
        """What was on its way is lost: the ends of such connections hear nothing more."""
        with self.lock:
            lost, self.pairs = self.pairs, []
        self.is_cut = False
        self.lost = lost

    def stop(self):
        self.is_over = True
        for thread in self.threads:
            thread.join(5)
        self.listener.close()
        for pair in self.pairs:
            self.drop(*pair)
