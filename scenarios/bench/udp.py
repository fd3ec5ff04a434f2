"""StatsD over UDP, one metric in a packet: CPU and losses beside a sink that only reads, and beside other servers."""
import json
import time

from support.server import Bellwether, free_port, wait_for

from . import processes
from .figures import Line, Note, interleaved, median, number

NAMES = 1_000


class Sink:
    """recvmmsg in a loop, with Bellwether's buffer."""
    name = "bare recvmmsg"

    def __init__(self, directory):
        self.port = free_port()
        self.process = processes.Process(
            directory / "sink", [processes.example("bare_sink"), "udp", f"127.0.0.1:{self.port}", "3600"])
        self.pid = self.process.pid

    def stop(self):
        self.process.stop()


class Ours:
    name = "Bellwether"

    def __init__(self, directory):
        self.server = Bellwether(directory / "bellwether", binary=processes.binary())
        processes.STARTED.append(self.server)
        self.server.start()
        self.begun = int(time.time())
        self.port, self.pid = self.server.ports["statsd"], self.server.process.pid

    def counted(self):
        """Of all that was sent, as it can be read."""
        points = self.server.points("sumSeries(stats_counts.bench.*.*)", **{"from": self.begun - 2})
        return sum(value for series in points.values() for _, value in series)

    def stop(self):
        self.server.stop()


class Netdata:
    name = "netdata"

    def __init__(self, directory):
        program = processes.find("/usr/sbin/netdata", "netdata-core")
        home = directory / "netdata"
        for name in ("etc", "logs", "cache", "lib"):
            (home / name).mkdir(parents=True)
        self.port = free_port()
        sections = {
            "global": {"run as user": "root"},
            "db": {"mode": "ram"},
            "directories": {"config": home / "etc", "stock config": home / "etc", "log": home / "logs",
                            "cache": home / "cache", "lib": home / "lib"},
            "web": {"mode": "none"}, "health": {"enabled": "no"}, "ml": {"enabled": "no"},
            "plugins": {**{plugin: "no" for plugin in (
                "timex", "idlejitter", "checks", "proc", "diskspace", "cgroups", "tc", "apps", "slabinfo", "perf",
                "enable running new plugins")}, "statsd": "yes"},
            "statsd": {"enabled": "yes", "bind to": f"udp:127.0.0.1:{self.port}",
                       "update every (flushInterval)": 1},
        }
        text = "".join(f"[{section}]\n" + "".join(f"  {key} = {value}\n" for key, value in keys.items())
                       for section, keys in sections.items())
        (home / "netdata.conf").write_text(text)
        self.process = processes.Process(home, [program, "-D", "-c", str(home / "netdata.conf")])
        self.pid = self.process.pid

    def stop(self):
        self.process.stop()


class Collectd:
    name = "collectd"

    def __init__(self, directory):
        program = processes.find("/usr/sbin/collectd", "collectd-core")
        home = directory / "collectd"
        home.mkdir()
        self.port = free_port()
        (home / "collectd.conf").write_text(
            f'BaseDir "{home}"\nPIDFile "{home}/pid"\nInterval 1\nFQDNLookup false\nLoadPlugin statsd\n'
            f'<Plugin statsd>\n  Host "127.0.0.1"\n  Port "{self.port}"\n</Plugin>\n'
            f'LoadPlugin csv\n<Plugin csv>\n  DataDir "{home}/csv"\n</Plugin>\n')
        self.process = processes.Process(home, [program, "-f", "-C", str(home / "collectd.conf")])
        self.pid = self.process.pid

    def stop(self):
        self.process.stop()


class Original:
    name = "statsd (npm)"

    def __init__(self, directory):
        program = processes.find("/usr/bin/node", "nodejs")
        home = directory / "statsd"
        home.mkdir()
        self.port = free_port()
        (home / "config.js").write_text(json.dumps({
            "port": self.port, "address": "127.0.0.1", "mgmt_port": free_port(), "mgmt_address": "127.0.0.1",
            "backends": [], "flushInterval": 1000}))
        source = processes.find(str(processes.ROOT / "scenarios/node_modules/statsd/stats.js"), "npm")
        self.process = processes.Process(home, [program, "--no-deprecation", source, str(home / "config.js")])
        self.pid = self.process.pid

    def stop(self):
        self.process.stop()


def measure(directory, sizes):
    lines = []
    for rate in sizes.udp_rates:
        lines += beside_the_sink(directory / str(rate), rate, sizes)
    return lines + other_servers(directory / "others", sizes)


def beside_the_sink(directory, rate, sizes):
    sides = [Ours(directory), Sink(directory)]
    ours, sink = sides
    warm_up(sides, rate)
    counted = ours.counted()
    loads = interleaved(sides, sizes.rounds, lambda side, _: Load(side, rate, sizes.seconds))
    sent = sum(load.sent for load in loads[ours])
    lost = sent - (ours.counted() - counted)
    for side in sides:
        side.stop()
    lost_by_sink = sum(load.lost for load in loads[sink])
    cpu = {side: median([load.cpu_per_million for load in loads[side]]) for side in sides}
    return [
        Line(f"UDP {rate:,}/s, CPU per million", f"{number(cpu[ours])} s", f"{sink.name} {number(cpu[sink])} s",
             cpu[ours] / cpu[sink], 1.5),
        Line(f"UDP {rate:,}/s, lost of {sent:,}", f"{lost:,.0f}", f"{sink.name} {lost_by_sink:,}", lost,
             lost_by_sink, unit=""),
    ]


def other_servers(directory, sizes):
    sink = Sink(directory)
    sides = [sink, Netdata(directory), Collectd(directory), Original(directory)]
    warm_up(sides, sizes.udp_peers_rate)
    loads = interleaved(sides, sizes.peer_rounds, lambda side, _: Load(side, sizes.udp_peers_rate, sizes.seconds))
    for side in sides:
        side.stop()
    cpu = {side: median([load.cpu_per_million for load in loads[side]]) for side in sides}
    lost = {side: sum(load.lost for load in loads[side]) for side in sides}
    return [Note(f"UDP {sizes.udp_peers_rate:,}/s, {side.name}", "",
                 f"{number(cpu[side])} s per million, lost {lost[side]:,}", cpu[side] / cpu[sink])
            for side in sides[1:]]


class Load:
    def __init__(self, side, rate, seconds):
        dropped, cpu = processes.kernel_drops(side.port), processes.cpu_seconds(side.pid)
        said = processes.run(processes.example("blast"), "udp", f"127.0.0.1:{side.port}", str(rate), str(seconds),
                             str(NAMES), "1")
        # The flush that follows is part of the price, and what it writes can be read then.
        time.sleep(1.5)
        self.sent = int(said["metrics"])
        self.lost = processes.kernel_drops(side.port) - dropped
        self.cpu_per_million = (processes.cpu_seconds(side.pid) - cpu) / max(self.sent - self.lost, 1) * 1e6


def warm_up(sides, rate):
    """Names are new once."""
    for side in sides:
        wait_for(lambda: processes.bound(side.port), what=f"{side.name} on port {side.port}")
        Load(side, rate, 1)
