"""Debian's collectd, unchanged, with its write_graphite plugin: what it sends is what its own csv plugin writes down."""
import pathlib
import shutil
import subprocess
import time

import pytest

from support.server import wait_for

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
                             .get("collectd.box.load.load.shortterm", [])) >= 5, seconds=40)
    finally:
        collectd.terminate()
        assert collectd.wait(20) == 0, collectd.stderr.read().decode()
    wrote = written(tmp_path)
    assert {"collectd.box.load.load.midterm", "collectd.box.memory.memory-used", "collectd.box.uptime.uptime"} <= set(wrote)
    time.sleep(0.3)
    for name, points in wrote.items():
        stored = dict(server.points(name, **query).get(name, []))
        both = stored.keys() & points.keys()
        assert len(both) >= min(4, len(points)), name
        # The csv plugin rounds to six digits behind the point, write_graphite to its own.
        assert all(stored[at] == pytest.approx(points[at], rel=1e-5, abs=1e-5) for at in both), name
    listener = next(part for part in server.get("/api/v1/health").json["parts"] if part["id"].startswith("carbon.") and part["last_success"])
    assert listener["dropped"] == []
