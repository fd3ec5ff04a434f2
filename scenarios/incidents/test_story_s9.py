"""Story S9: a loop that looks at its machine once a second, and tells of what is above its threshold through captureMessage. Its graphs move each
second; a day above the threshold is one error and one incident, of which somebody hears once."""
import contextlib
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.parse

from support.clock import Clock
from support.errors import Project
from support.server import wait_for
from support.told import contact, webhook

# As it stands on the machines of those who wrote it: a StatsD client, psutil, and the Sentry client of its time.
LOOP = '''
import os, random, time, psutil, raven, statsd
from raven.transport.http import HTTPTransport

client = raven.Client(os.environ["SENTRY_DSN"].replace("@", ":" + "0" * 32 + "@"), transport=HTTPTransport, install_sys_hook=False)
stats = statsd.StatsClient("127.0.0.1", int(os.environ["STATSD_PORT"]), prefix="box")
while True:
    memory, swap, cpu, net = psutil.virtual_memory(), psutil.swap_memory(), psutil.cpu_times(), psutil.net_io_counters()
    disk, load = psutil.disk_usage("/"), psutil.getloadavg()
    gauges = {
        "memory.total": memory.total, "memory.used": memory.used, "memory.free": memory.free, "memory.percent": memory.percent,
        "swap.used": swap.used, "swap.percent": swap.percent,
        "cpu.percent": psutil.cpu_percent(), "cpu.user": cpu.user, "cpu.system": cpu.system, "cpu.idle": cpu.idle,
        "load.1": load[0], "load.5": load[1], "load.15": load[2],
        "disk.total": disk.total, "disk.used": disk.used, "disk.percent": disk.percent,
        "net.sent": net.bytes_sent, "net.received": net.bytes_recv,
        "queue.length": random.uniform(50, 5000), "total.users": 1000, "total.feeds": 5000, "processes": len(psutil.pids()),
    }
    for name, value in gauges.items():
        stats.gauge(name, value)
    if gauges["queue.length"] > 20:
        client.captureMessage("the queue has %s jobs, 20 are too many", params=(gauges["queue.length"],))
    time.sleep(max(0, float(os.environ["EVERY"]) - time.time() % float(os.environ["EVERY"])))
'''
CONFIG = '''
[collectors]
host = false
[statsd]
flush_interval = "1s"
[[monitor]]
name = "thresholds"
kind = "errors"
project = "box"
when = ["new", "regressed", "spike"]
contacts = ["ana"]
'''
# A step is shorter than what an error has to be calm for to be over.
SECONDS, STEP, DAY = 3, 3_000, 87_000


class Loop:
    def __init__(self, folder, server, project, every):
        program = folder / "loop.py"
        program.write_text(LOOP)
        environment = {**os.environ, "SENTRY_DSN": project.dsn, "STATSD_PORT": str(server.ports["statsd"]), "EVERY": str(every)}
        self.process = subprocess.Popen([sys.executable, str(program)], env=environment)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def shown(server, target):
    """What a page that shows this is told each second: {series: {second: value}}."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ports["http"], timeout=60)
    connection.request("GET", "/api/v1/stream?target=" + urllib.parse.quote(target))
    stream = connection.getresponse()
    with contextlib.closing(connection):
        event = names = None
        for line in iter(stream.readline, b""):
            key, _, text = line.decode().strip().partition(": ")
            if key == "event":
                event = text
            elif key == "data" and event == "series":
                names = {one["id"]: one["name"] for one in json.loads(text)["series"]}
            elif key == "data" and event == "points" and names:
                told = json.loads(text)
                rows = zip(told["ids"], told["starts"], told["values"])
                yield {names[id]: {start + at: value for at, value in enumerate(values) if value is not None} for id, start, values in rows}


def test_s9_a_loop_with_thresholds(bellwether, hook, tmp_path):
    clock = Clock(tmp_path)
    server = bellwether(CONFIG + contact("ana", webhook(hook.url)), env=clock.environment(), goes_ahead=True)
    project = Project(server, "box")
    queue = "stats.gauges.box.queue.length"
    with Loop(tmp_path, server, project, every=1):
        wait_for(lambda: len(server.points("stats.gauges.box.**")) == 22, what="22 gauges")
        drawn, end = {}, time.monotonic() + 60
        for told in shown(server, "stats.gauges.box.**"):
            for name, slots in told.items():
                drawn.setdefault(name, {}).update(slots)
            if len(set(drawn[queue].values())) > SECONDS:
                break
            assert time.monotonic() < end, drawn[queue]
    # Of every graph each second was told, and what moves was seen to move.
    assert len(drawn) == 22
    for name, slots in drawn.items():
        assert sorted(slots) == list(range(min(slots), max(slots) + 1)), name

    # A whole day goes by in steps of 50 minutes; in each the threshold is passed, by another value each time.
    with Loop(tmp_path, server, project, every=0.05):
        for passed in range(STEP, DAY + STEP, STEP):
            clock.set(passed)
            before = project.groups()[0]["count"]
            wait_for(lambda: project.groups()[0]["count"] > before, what="the next breach")
    [group] = project.groups()
    kept = project.events(group["id"], "?limit=10000")
    assert group["count"] == len(kept) > DAY / STEP
    assert len({event["logentry"]["formatted"] for event in kept}) > DAY / STEP
    # It is one error, one incident that is still open, and one page.
    [incident] = server.get("/api/v1/incidents?state=all").json["incidents"]
    assert incident["phase"] == "open" and incident["breaches"] == 1, incident
    assert server.get("/api/v1/incidents").json["now"] - incident["opened"] >= DAY
    server.all_told(1)
    assert hook.events() == ["problem"]
