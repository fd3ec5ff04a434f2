"""Bellwether and VictoriaMetrics, spoken to alike: Carbon lines in, queries out."""
import http.client
import json
import socket
import time
import urllib.parse

from support.server import Bellwether, free_port, wait_for

from . import processes

# Long enough for VictoriaMetrics to show a new series.
PATIENCE_SECONDS = 60


class Store:
    """Both have `pid`, `carbon_port`, `http_port`, `readable`, `path_of` a query, `show`, `compact` and `stop`."""
    name: str

    def take(self, lines):
        """All of them, without measuring."""
        self.send_file(lines.path)
        processes.settle(self.pid)
        self.show()
        self.wait_readable(lines.last_name, lines.last_time)

    def show(self):
        """What was taken can be read at once."""

    def send_file(self, path):
        with socket.create_connection(("127.0.0.1", self.carbon_port), timeout=120) as out, open(path, "rb") as lines:
            out.sendfile(lines)

    def send(self, text):
        with socket.create_connection(("127.0.0.1", self.carbon_port), timeout=10) as out:
            out.sendall(text.encode())

    def get(self, path):
        connection = self.connection()
        try:
            return ask(connection, path)
        finally:
            connection.close()

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)

    def wait_readable(self, name, timestamp, pause=0.01):
        connection = self.connection()
        wait_for(lambda: self.readable(connection, name, timestamp), PATIENCE_SECONDS, pause,
                 f"{name} at {timestamp} from {self.name}")
        connection.close()


def ask(connection, path):
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
    return body


class Ours(Store):
    name = "Bellwether"

    def __init__(self, directory, config="", **options):
        self.server = Bellwether(directory / "bellwether", config, binary=processes.binary(), **options)
        processes.STARTED.append(self.server)
        self.server.start()
        self.note_addresses()

    def note_addresses(self):
        self.pid = self.server.process.pid
        self.carbon_port, self.http_port = self.server.ports["line"], self.server.ports["http"]

    def readable(self, connection, name, timestamp):
        return timestamp in [at for at, _ in self.points(connection, name, timestamp - 1, timestamp)]

    def points(self, connection, name, start, end):
        path = self.path_of(name, start, end)
        rows = json.loads(ask(connection, path))
        return [(at, value) for row in rows for value, at in row["datapoints"] if value is not None]

    def path_of(self, name, start, end):
        """Of one series from after `start` until `end`."""
        query = {"target": name, "from": start, "until": end, "format": "json"}
        return "/render?" + urllib.parse.urlencode(query)

    def path_of_sum(self, prefix, start, end):
        return self.path_of(f"sumSeries({prefix}.*.*.*)", start, end)

    def kill_and_start(self):
        """Seconds from the start until everything can be read."""
        self.server.kill()
        begun = time.monotonic()
        self.server.start()
        self.note_addresses()
        return time.monotonic() - begun

    def compact(self):
        self.server.cli("storage", "compact")

    def bytes_of_points(self):
        return processes.bytes_under(self.server.data_dir / "blocks")

    def stop(self):
        self.server.stop(60)


class Victoria(Store):
    name = "VictoriaMetrics"

    def __init__(self, directory):
        program = processes.find("/usr/bin/victoria-metrics", "victoria-metrics")
        self.carbon_port, self.http_port = free_port(), free_port()
        self.data = directory / "victoria-metrics" / "data"
        self.process = processes.Process(directory / "victoria-metrics", [
            program, f"-storageDataPath={self.data}", f"-httpListenAddr=127.0.0.1:{self.http_port}",
            f"-graphiteListenAddr=127.0.0.1:{self.carbon_port}", "-retentionPeriod=1y"])
        self.pid = self.process.pid
        wait_for(self.ready, what=f"VictoriaMetrics (log: {self.process.log})")

    def ready(self):
        try:
            return self.get("/health")
        except OSError:
            return None

    def readable(self, connection, name, timestamp):
        return bool(self.points(connection, name, timestamp - 1, timestamp))

    def points(self, connection, name, start, end):
        query = {"match[]": f'{{__name__="{name}"}}', "start": start + 1, "end": end}
        rows = ask(connection, "/api/v1/export?" + urllib.parse.urlencode(query)).splitlines()
        return [(at // 1000, value) for row in map(json.loads, rows)
                for at, value in zip(row["timestamps"], row["values"])]

    def path_of(self, name, start, end):
        # Without its cache of answers: the next question is seldom the same one.
        query = {"query": name, "start": start, "end": end, "step": "10s", "nocache": 1}
        return "/api/v1/query_range?" + urllib.parse.urlencode(query)

    def path_of_sum(self, prefix, start, end):
        return self.path_of(f'sum({{__name__=~"{prefix}[.].*"}})', start, end)

    def show(self):
        # New series come seconds later otherwise.
        self.get("/internal/force_flush")

    def compact(self):
        self.show()
        self.get("/internal/force_merge")
        # It answers at once and merges then.
        time.sleep(1)
        processes.settle(self.pid)

    def bytes_of_points(self):
        return processes.bytes_under(self.data / "data" / "small", self.data / "data" / "big")

    def stop(self):
        self.process.stop()


class Lines:
    """A file of Carbon lines (`blast file`), and what its last one says."""

    def __init__(self, path, series, rounds, first, step, kind="ramp"):
        self.path, self.series, self.first, self.rounds, self.step = path, series, first, rounds, step
        said = processes.run(processes.example("blast"), "file", str(path), str(series), str(rounds), str(first),
                             str(step), kind)
        self.points, self.entropy = int(said["lines"]), said["entropy"]
        with open(path, "rb") as file:
            file.seek(-4096, 2)
            name, _, timestamp = file.read().splitlines()[-1].decode().split()
        self.last_name, self.last_time = name, int(timestamp)

    def send_to(self, store):
        """Seconds from the first byte until the last point can be read."""
        begun = time.monotonic()
        store.send_file(self.path)
        store.wait_readable(self.last_name, self.last_time)
        return time.monotonic() - begun
