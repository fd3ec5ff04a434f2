"""Metric monitors each second: how soon a point that is sent is judged by a running server, what judging takes alone,
and rules tried on the past. The last two in process over a real store."""
import json
import math
import socket
import threading
import time
import urllib.request

from support.server import Bellwether

from . import processes
from .figures import Line, Note, median, number

PROBES = 50
CONDITIONS = ("> 300", "outside 10..300", "avg over 1m > 300", "no point for 60s", "sum over 5m < 1")


def measure(directory, sizes):
    return sent_and_judged(directory, sizes) + alone(sizes) + on_the_past(sizes)


def alone(sizes):
    runs = [processes.run(processes.example("metrics"), "watch", str(sizes.monitors), str(sizes.monitor_seconds))
            for _ in range(sizes.rounds)]
    share, late = median([run["cpu_share"] for run in runs]), max(run["p99_seconds"] for run in runs)
    return [Line(f"{sizes.monitors:,} metric monitors: one look at all of them, p99", f"{share * 100:.0f} % of a core", "", late, 1, unit="s")]


def on_the_past(sizes):
    month = processes.run(processes.example("metrics"), "replay", str(sizes.replay_series), str(sizes.replay_days))
    # The promise is of 20 series and 30 days.
    whole = month["seconds"] * 20 * 30 / (sizes.replay_series * sizes.replay_days)
    rules = processes.run(processes.example("metrics"), "rules", str(sizes.replay_rules), "90", "60")
    all_rules = rules["seconds"] * 10_000 / sizes.replay_rules
    return [
        Line("30 days of a 1 s rule on 20 series", f"{month['slots'] / month['seconds'] / 1e6:.0f} M points/s", "",
             whole, 2, unit="s"),
        Line("90 days of 10,000 metric rules at 1 min", f"{rules['slots'] / rules['seconds'] / 1e6:.0f} M points/s, {rules['fired']:,.0f} firings", "",
             all_rules, 300, unit="s"),
    ]


def sent_and_judged(directory, sizes):
    """A second's points are sent at one go at the moment that a Carbon relay might; some series are bad every other
    second, and the time until the change of state is heard of is what counts, with the disk in between."""
    server = Bellwether(directory / "server", configuration(sizes.monitors), binary=processes.binary())
    processes.STARTED.append(server)
    server.start()
    sender, listener = Sender(server, sizes.monitors), Listener(server)
    # Names are found, windows filled.
    time.sleep(25)
    pid = server.process.pid
    before, begun = processes.cpu_seconds(pid), time.monotonic()
    listener.begin(sender)
    time.sleep(sizes.monitor_seconds)
    share = (processes.cpu_seconds(pid) - before) / (time.monotonic() - begun)
    sender.stop()
    time.sleep(2)
    counted = [second for second in sender.sent if listener.begun <= second < int(time.time()) - 3]
    heard = sorted(wait for second, wait in listener.waits if second in counted)
    expected = PROBES * len(counted) or 1
    resident = processes.resident_bytes(pid)
    health = {part["id"]: part for part in server.get("/api/v1/health").json["parts"]}["metrics"]
    server.stop()
    p99 = heard[math.ceil(len(heard) * 0.99) - 1] if heard else math.inf
    return [
        Line(f"{sizes.monitors:,} metric monitors each second: from sent to judged, kept and heard, p99",
             f"median {number(median(heard or [math.inf]))} s, of {len(heard):,}", "", p99, 1, unit="s"),
        Line("… changes of state that were heard of", health["text"], "", len(heard) / expected, 0.99, at_least=True, unit=""),
        Note("… share of a core, with storing the points", f"{number(share * 100)} %", "", share * 100, unit="%"),
        Note("… resident", f"{number(resident / 1e6)} MB", "", resident / 1e6, unit="MB"),
    ]


def configuration(monitors):
    text = ["[collectors]\nhost = false\n"]
    text.append('[[monitor]]\nname = "probe"\ntarget = "probe.*"\ncritical = "> 5"\nshadow = true\n')
    for n in range(monitors):
        target = {9: f"sumSeries(m.rack{n % 37}.*.ms)"}.get(n % 100, f"m.rack{n % 37}.h{n}.ms")
        text.append(f'[[monitor]]\nname = "m{n}"\ntarget = "{target}"\ncritical = "{CONDITIONS[n % 5]}"\nfor = "10s"\n')
    return "".join(text)


class Sender(threading.Thread):
    """Every second one point of each series, the probes' among them, at another moment of the second each time."""

    def __init__(self, server, monitors):
        super().__init__(daemon=True)
        self.names = [f"m.rack{n % 37}.h{n}.ms" for n in range(monitors)]
        self.out = socket.create_connection(("127.0.0.1", server.ports["line"]))
        self.going, self.sent = True, {}
        self.start()

    def run(self):
        second = int(time.time()) + 1
        while self.going:
            moment = second + (second * 37 % 100) / 100 * 0.8
            time.sleep(max(0.0, moment - time.time()))
            lines = [f"{name} {20 + second % 7} {second}\n" for name in self.names]
            lines += [f"probe.p{n} {9 if second % 2 else 1} {second}\n" for n in range(PROBES)]
            self.out.sendall("".join(lines).encode())
            self.sent[second] = time.time()
            second += 1

    def stop(self):
        self.going = False
        self.join(5)
        self.out.close()


class Listener(threading.Thread):
    """Hears of changes of state as a page does."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.stream = urllib.request.urlopen(server.url("/api/v1/stream"), timeout=60)
        self.waits, self.sender, self.begun = [], None, math.inf
        self.start()

    def begin(self, sender):
        self.sender, self.begun = sender, int(time.time()) + 1

    def run(self):
        try:
            for line in self.stream:
                if line.startswith(b"data:") and b'"changes"' in line:
                    self.take(json.loads(line[5:])["changes"], time.time())
        except OSError:
            return

    def take(self, changes, now):
        for change in changes:
            # An odd second is the bad one, so the state tells which second was judged.
            if change["monitor"] != "probe" or self.sender is None:
                continue
            odd = change["state"] == "CRITICAL"
            seconds = [at for at in (change["at"], change["at"] - 1, change["at"] - 2) if at % 2 == odd and at in self.sender.sent]
            if seconds and seconds[0] >= self.begun:
                self.waits.append((seconds[0], now - self.sender.sent[seconds[0]]))
