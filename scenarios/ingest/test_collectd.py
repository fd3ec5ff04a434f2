"""Debian's collectd, unchanged, with its write_graphite plugin: what it sends is what its own csv plugin writes down."""
import pathlib
import shutil
import socket
import subprocess
import time

import pytest

from support.server import default_binary, free_port, wait_for

COLLECTD = "/usr/sbin/collectd"
CONFIG = """
Hostname "box"
FQDNLookup false
BaseDir "{directory}"
PIDFile "{directory}/pid"
TypesDB "/usr/share/collectd/types.db"
Interval 1
LoadPlugin load
LoadPlugin memory
LoadPlugin uptime
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "{directory}/collectd.log"
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "{directory}/csv"
</Plugin>
LoadPlugin write_graphite
<Plugin write_graphite>
  <Node "bellwether">
    Host "127.0.0.1"
    Port "{port}"
    Protocol "{protocol}"
    Prefix "collectd."
  </Node>
</Plugin>
"""


def written(directory):
    """{series: {second: value}} from the csv files, under write_graphite's names."""
    series = {}
    for file in sorted(pathlib.Path(directory, "csv", "box").glob("*/*")):
        lines = file.read_text().splitlines()
        kind = file.name.rsplit("-", 3)[0]
        fields = lines[0].split(",")[1:]
        for number, field in enumerate(fields):
            name = f"collectd.box.{file.parent.name}.{kind}" + (f".{field}" if len(fields) > 1 else "")
            for line in lines[1:]:
                columns = line.split(",")
                series.setdefault(name, {})[round(float(columns[0]))] = float(columns[number + 1])
    return series


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_write_graphite(bellwether, tmp_path, protocol):
    assert shutil.which(COLLECTD), "collectd-core is not installed"
    server = bellwether()
    config = tmp_path / "collectd.conf"
    config.write_text(CONFIG.format(directory=tmp_path, port=server.ports["line"], protocol=protocol))
    collectd = subprocess.Popen([COLLECTD, "-f", "-C", config], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        query = {"from": "-5min"}
        wait_for(lambda: len(server.points("collectd.box.load.load.shortterm", **query)
                             .get("collectd.box.load.load.shortterm", [])) >= 5, seconds=60)
    finally:
        collectd.terminate()
        assert collectd.wait(60) == 0, collectd.stderr.read().decode()
    wrote = written(tmp_path)
    assert {"collectd.box.load.load.midterm", "collectd.box.memory.memory-used", "collectd.box.uptime.uptime"} <= set(wrote)
    for name, points in wrote.items():
        stored = lambda: dict(server.points(name, **query).get(name, []))
        wait_for(lambda: len(stored().keys() & points.keys()) >= min(4, len(points)), what=name)
        stored = stored()
        both = stored.keys() & points.keys()
        # The csv plugin rounds to six digits behind the point, write_graphite to its own.
        assert all(stored[at] == pytest.approx(points[at], rel=1e-5, abs=1e-5) for at in both), name
    listener = next(part for part in server.get("/api/v1/health").json["parts"] if part["id"].startswith("carbon.") and part["last_success"])
    assert listener["dropped"] == []


# One thread that writes: several hand their values to each plugin in an order of its own, and a counter that comes late is too old.
NETWORK = """
Hostname "{host}"
FQDNLookup false
BaseDir "{directory}"
PIDFile "{directory}/pid"
TypesDB "/usr/share/collectd/types.db" "{directory}/own.db"
Interval 1
WriteThreads 1
LoadPlugin load
LoadPlugin memory
LoadPlugin cpu
LoadPlugin contextswitch
LoadPlugin df
LoadPlugin interface
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{directory}/socket"
</Plugin>
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "{directory}/collectd.log"
</Plugin>
LoadPlugin write_graphite
<Plugin write_graphite>
  <Node "bellwether">
    Host "127.0.0.1"
    Port "{line}"
    Protocol "tcp"
    Prefix "{prefix}"
    {options}
  </Node>
</Plugin>
LoadPlugin network
<Plugin network>
  <Server "127.0.0.1" "{udp}">
    {security}
  </Server>
</Plugin>
"""


OWN_TYPES = "mine  in:DERIVE:0:U, out:COUNTER:0:U, now:GAUGE:U:U\n"


class Collectd:
    """The real one, with write_graphite and network, both to the same server."""

    def __init__(self, directory, server, udp, **more):
        self.directory, self.sent_at = directory, None
        (directory / "own.db").write_text(OWN_TYPES)
        values = {"host": "box", "prefix": "lines.", "options": "", "security": "", **more}
        config = directory / "collectd.conf"
        config.write_text(NETWORK.format(directory=directory, line=server.ports["line"], udp=udp, **values))
        self.process = subprocess.Popen([COLLECTD, "-f", "-C", config], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)

    def put(self, *lines):
        """Values over its own socket, as other programs hand them in."""
        def connected():
            try:
                out = socket.socket(socket.AF_UNIX)
                out.settimeout(10)
                out.connect(str(self.directory / "socket"))
                return out
            except OSError:
                return None
        with wait_for(connected, what="collectd's socket") as out, out.makefile("rw") as talk:
            for line in lines:
                talk.write(line + "\n")
                talk.flush()
                answer = talk.readline()
                assert answer.startswith("0 "), (line, answer)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0, self.process.stderr.read().decode()


def with_network(bellwether, **options):
    """A server that listens for packets, and their port."""
    port = free_port()
    env = {f"BELLWETHER_COLLECTD__{name}": str(value) for name, value in {"LISTEN": f"127.0.0.1:{port}", **options}.items()}
    return bellwether("[collectors]\nhost = false\n[self]\nseries = false\n", env=env), port


def same_series(server, lines, packets, seconds=60):
    """Both ways brought the same names and numbers; returns them without their prefixes."""
    def stored(prefix):
        found = {}
        for name in server.get("/metrics/index.json").json:
            if name.startswith(prefix):
                found.update({name[len(prefix):]: dict(server.points(name, **{"from": "-5min"}).get(name, []))})
        return found
    # The network plugin collects values of some seconds in one packet.
    enough = lambda a, b: set(a) == set(b) and all(len(points.keys() & b[name].keys()) >= min(len(points), 2) for name, points in a.items())
    try:
        wait_for(lambda: enough(stored(lines), stored(packets)), seconds=seconds)
    except AssertionError:
        pass
    a, b = stored(lines), stored(packets)
    assert set(a) == set(b)
    for name, points in a.items():
        common = points.keys() & b[name].keys()
        assert len(common) >= min(len(points), 2), (name, points, b[name])
        for at in common:
            # write_graphite writes rates with six digits behind the point.
            assert b[name][at] == pytest.approx(points[at], rel=1e-9, abs=1e-6), (name, at)
    return b


@pytest.mark.parametrize("graphite, ours", [
    ("", {}),
    ("SeparateInstances true\nPreserveSeparator true\nAlwaysAppendDS true\nDropDuplicateFields true\n"
     'EscapeCharacter "+"\nPostfix ".q"\nStoreRates false',
     {"SEPARATE_INSTANCES": "true", "PRESERVE_SEPARATOR": "true", "ALWAYS_APPEND_DS": "true",
      "DROP_DUPLICATE_FIELDS": "true", "ESCAPE_CHARACTER": "+", "POSTFIX": ".q", "STORE_RATES": "false"}),
])
def test_packets_are_what_write_graphite_sends(bellwether, tmp_path, graphite, ours):
    (tmp_path / "own.db").write_text(OWN_TYPES)
    server, udp = with_network(bellwether, TYPES_DB=f'["{tmp_path}/own.db"]', **ours)
    collectd = Collectd(tmp_path, server, udp, host="web1.example.org", options=graphite)
    try:
        now = int(time.time()) - 30
        put = lambda name, at, values: f'PUTVAL "{name}" interval=10 {now + at}:{values}'
        for name, rows in {
            "a.b/mine-x y/mine": [(0, "5:4294967290:1.5"), (10, "25:5:-2"), (20, "20:50:1e300")],
            "odd/p(q):r-i.j/counter-s,t!": [(0, "18446744073709551610"), (10, "7"), (20, "9")],
            "odd/cpu-0/cpu-idle": [(0, "100"), (10, "50"), (20, "1050")],
            "odd/load/load": [(0, "1:2:3"), (10, "1:2:3"), (20, "1:2:3.25")],
            "odd/abs/absolute": [(0, "100"), (10, "200"), (20, "300")],
            "odd/ratio/gauge-\u00fc": [(0, "0.1"), (10, "123456789.125"), (20, "1e-7")],
        }.items():
            collectd.put(*[put(name, at, values) for at, values in rows])
        time.sleep(4)
    finally:
        collectd.stop()
    found = same_series(server, "lines.", "collectd.")
    names = set(found)
    if not graphite:
        assert {"web1_example_org.load.load.midterm", "a_b.mine-x_y.mine.out", "odd.p_q__r-i_j.counter-s_t_",
                "odd.ratio.gauge-\u00fc"} <= names, names
        assert sorted(found["a_b.mine-x_y.mine.in"].values()) == [-0.5, 2.0]
        assert sorted(found["a_b.mine-x_y.mine.out"].values()) == [1.1, 4.5]
    listener = next(part for part in server.get("/api/v1/health").json["parts"] if part["id"] == "collectd.udp")
    assert listener["title"] == "collectd UDP" and listener["dropped"] == [] and listener["last_success"]


@pytest.mark.parametrize("level", ["Sign", "Encrypt"])
def test_signed_and_encrypted_packets(bellwether, tmp_path, level):
    passwords = tmp_path / "passwords"
    passwords.write_text("joe: secret\n")
    server, udp = with_network(bellwether, SECURITY_LEVEL=level.lower(), PASSWORD_FILE=passwords)
    credentials = lambda password: f'SecurityLevel {level}\nUsername "joe"\nPassword "{password}"'
    for password, security in [("secret", credentials("secret")), ("wrong", credentials("wrong")), ("none", "")]:
        directory = tmp_path / password
        directory.mkdir()
        collectd = Collectd(directory, server, udp, host=password, security=security)
        try:
            if password == "secret":
                wait_for(lambda: len(server.points("collectd.secret.load.load.shortterm", **{"from": "-5min"})
                                     .get("collectd.secret.load.load.shortterm", [])) >= 2, seconds=60)
            else:
                before = refused(server)
                wait_for(lambda: refused(server) > before, seconds=60, what="refused packets")
        finally:
            collectd.stop()
    names = server.get("/metrics/index.json").json
    assert not [name for name in names if name.startswith(("collectd.wrong", "collectd.none"))]
    bad = server.get("/api/v1/health").json["bad_lines"]
    assert {"signed or encrypted with a user or password that is not in password_file",
            "less protected than security_level asks for"} == {line["reason"] for line in bad if line["listener"] == "collectd.udp"}
    assert "secret" not in server.log()


def refused(server):
    part = next(part for part in server.get("/api/v1/health").json["parts"] if part["id"] == "collectd.udp")
    return sum(entry["total"] for entry in part["dropped"])


def test_what_cannot_be_read_is_counted_and_shown(bellwether):
    server, udp = with_network(bellwether)
    with socket.socket(type=socket.SOCK_DGRAM) as out:
        for packet in [b"", b"x", b"\0\0\0\3", b"\0\0\0\5x", bytes(60_000)]:
            out.sendto(packet, ("127.0.0.1", udp))
    wait_for(lambda: refused(server) == 4, what="the counts")
    assert {line["reason"] for line in server.get("/api/v1/health").json["bad_lines"]} <= \
        {"a length that does not fit", "text that is too long, without an end or not UTF-8"}


@pytest.mark.parametrize("config, words", [
    ('types_db = ["/nowhere"]', "collectd.types_db: /nowhere: cannot be read"),
    ('security_level = "sign"', "collectd.password_file: is needed"),
    ('escape_character = "."', "collectd.escape_character"),
    ('security_level = "much"', "unknown variant `much`"),
    ('listens = "x"', "did you mean `listen`?"),
])
def test_wrong_configuration_is_told_with_its_place(tmp_path, config, words):
    file = tmp_path / "bellwether.toml"
    file.write_text(f'[collectd]\nlisten = "127.0.0.1:0"\n{config}\n')
    done = subprocess.run([default_binary(), "config", "check", file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and words in done.stdout + done.stderr, done
