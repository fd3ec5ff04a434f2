"""carbon 1.1.10: its routers, filters, rewriting and aggregation as a function of their files and of a clock that is
set, and its daemons as they are."""
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import threading

from carbon import events, instrumentation, pipeline, regexlist, rewrite, routers, service, state  # noqa: F401
from carbon.aggregator import buffers, processor, rules
from carbon.conf import Settings, settings
from carbon.util import TaggedSeries, parseDestination, pickle
from twisted.internet import task

from support.server import free_port, wait_for

BIN = pathlib.Path(sys.executable).parent


class Clock(task.Clock):
    """One that stands, for carbon's loops and its idea of now."""

    def __init__(self, now):
        super().__init__()
        self.rightNow = now

    def time(self):
        return self.seconds()


class Looping(task.LoopingCall):
    def __init__(self, function):
        super().__init__(function)
        self.clock = CLOCK


CLOCK = Clock(1_700_000_000)
buffers.LoopingCall = Looping
buffers.time = CLOCK


def router(method, destinations=(), rules_file=None, aggregation_file=None, **options):
    """A function from a name to where carbon-relay sends it."""
    own = Settings()
    own.update({"ROUTER_HASH_TYPE": None, "relay-rules": rules_file, "aggregation-rules": None, **options})
    if aggregation_file:
        load_aggregation(aggregation_file)
    decider = routers.DatapointRouter.plugins[method](own)
    for destination in destinations:
        decider.addDestination(parseDestination(destination))
    written = dict((parseDestination(destination), destination) for destination in destinations)

    def decide(name):
        if options.get("TAG_RELAY_NORMALIZED"):
            name = TaggedSeries.parse(name).path
        return {written[destination] for destination in decider.getDestinations(name)}

    return decide


def load_aggregation(path):
    with open(path) as file:
        lines = [line.strip() for line in file]
    rules.RuleManager.rules = [rules.RuleManager.parse_definition(line) for line in lines
                               if line and not line.startswith("#")]


class Daemons:
    """What carbon-aggregator makes of points: `[rewrite:pre, aggregate, rewrite:post]` behind the lists."""

    def __init__(self, directory, now, aggregation="", rewriting="", blacklist="", whitelist="", **options):
        directory = pathlib.Path(directory)
        settings.update(FORWARD_ALL=True, MAX_AGGREGATION_INTERVALS=5, WRITE_BACK_FREQUENCY=None, LOG_AGGREGATOR_MISSES=False)
        settings.update(options)
        CLOCK.rightNow = now
        buffers.BufferManager.clear()
        self.out = []
        take = lambda metric, datapoint: self.out.append((metric, *datapoint))
        state.events.metricGenerated.handlers = [take]
        self.processors = [rewrite.RewriteProcessor("pre"), processor.AggregationProcessor(),
                           rewrite.RewriteProcessor("post"), Taking(take)]
        load_aggregation(written(directory / "aggregation-rules.conf", aggregation))
        rewrite.RewriteRuleManager.clear()
        rewrite.RewriteRuleManager.rules_last_read = 0
        rewrite.RewriteRuleManager.rules_file = written(directory / "rewrite-rules.conf", rewriting)
        rewrite.RewriteRuleManager.read_rules()
        for listed, text in ((regexlist.BlackList, blacklist), (regexlist.WhiteList, whitelist)):
            listed.rules_last_read = 0
            listed.list_file = written(directory / "list.conf", text)
            listed.read_list()

    def points(self, points, now):
        self.tell(now)
        for name, time, value in points:
            # As carbon.protocols.MetricReceiver.metricReceived.
            if regexlist.BlackList and name in regexlist.BlackList:
                continue
            if regexlist.WhiteList and name not in regexlist.WhiteList:
                continue
            pipeline.run_pipeline(name, (time, value), self.processors)
        return self.taken()

    def tell(self, now):
        CLOCK.advance(max(0, now - CLOCK.seconds()))
        return self.taken()

    def taken(self):
        out, self.out[:] = list(self.out), []
        return out


class Taking(pipeline.Processor):
    def __init__(self, take):
        self.take = take

    def process(self, metric, datapoint):
        self.take(metric, datapoint)
        return ()


def written(path, text):
    path.write_text(text)
    return str(path)


class Daemon:
    """carbon-relay.py, carbon-aggregator.py or carbon-cache.py with these keys of carbon.conf, on free ports."""

    def __init__(self, directory, program, files=None, **keys):
        self.directory = pathlib.Path(directory)
        conf = self.directory / "conf"
        conf.mkdir(parents=True)
        (self.directory / "storage").mkdir()
        self.ports = {name: free_port() for name in ("line", "pickle", "query")}
        keys = {"LINE_RECEIVER_PORT": self.ports["line"], "PICKLE_RECEIVER_PORT": self.ports["pickle"],
                "CACHE_QUERY_PORT": self.ports["query"], "LINE_RECEIVER_INTERFACE": "127.0.0.1",
                "PICKLE_RECEIVER_INTERFACE": "127.0.0.1", "CACHE_QUERY_INTERFACE": "127.0.0.1", "USER": "",
                "CARBON_METRIC_INTERVAL": 0, "ENABLE_TAGS": False, "MAX_CREATES_PER_MINUTE": "inf",
                "MAX_UPDATES_PER_SECOND": 100000, **keys}
        section = program.removeprefix("carbon-")
        lines = [f"{key} = {value}\n" for key, value in keys.items()]
        (conf / "carbon.conf").write_text("[cache]\nUSER =\n" * (section != "cache") + f"[{section}]\n" + "".join(lines))
        for name, text in {"storage-schemas.conf": "[all]\npattern = .*\nretentions = 1s:1h\n", **(files or {})}.items():
            (conf / name).write_text(text)
        self.log_file = self.directory / "log"
        self.start(program)

    def start(self, program):
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(BIN / f"{program}.py"), f"--config={self.directory}/conf/carbon.conf", "--debug",
                 f"--pidfile={self.directory}/pid", "start"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env={**os.environ, "GRAPHITE_ROOT": str(self.directory)})
        wait_for(self.listens, what=f"{program} (log: {self.log_file})")

    def listens(self):
        assert self.process.poll() is None, self.log_file.read_text(errors="replace")
        for name in ("line", "pickle"):
            try:
                socket.create_connection(("127.0.0.1", self.ports[name]), timeout=5).close()
            except OSError:
                return False
        return True

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Carbon:
    """A Carbon that keeps what comes, as lines or pickles, in order."""

    def __init__(self, protocol, port=0):
        self.read = {"line": self.read_lines, "pickle": self.read_pickles}[protocol]
        self.points, self.connections = [], []
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        try:
            with connection, connection.makefile("rb") as stream:
                self.read(stream)
        except (OSError, ValueError):
            pass

    def read_lines(self, stream):
        for line in stream:
            name, value, time = line.decode().split()
            self.points.append((name, float(time), float(value)))

    def read_pickles(self, stream):
        while head := stream.read(4):
            for name, (time, value) in pickle.loads(stream.read(struct.unpack("!L", head)[0])):
                self.points.append((name, float(time), float(value)))

    def close(self):
        # A listener that another thread waits at is closed only when that is woken.
        for each in (self.listener, *self.connections):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()
