"""The past is reproduced: a month of an estate, run by Debian's Nagios in compressed time, is imported from its configuration
and its archives, and replayed; who would have been told when is what Nagios's own log says."""
import datetime
import json
import os
import subprocess

import pytest

from support.nagios_month import Month
from support.nagios_time import TimedNagios
from support.server import default_binary

LONG = "BELLWETHER_LONG" in os.environ
SEED = int(os.environ.get("BELLWETHER_SEED", 11))
# As Debian's nagios.cfg has it, and as Nagios is where nothing is said.
LOGS = {"as Debian": "log_external_commands=1\nlog_passive_checks=1\n",
        "without tries": "log_external_commands=1\nlog_passive_checks=1\nlog_service_retries=0\nlog_host_retries=0\n"}
ESTATES = {"as Debian": (30, 50, 250) if LONG else (30, 6, 16), "without tries": (30, 12, 60) if LONG else (10, 6, 16)}


def begin(days):
    """A Tuesday's noon, so that weekdays are always the same."""
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=12, minute=0, second=0, microsecond=0)
    day = today - datetime.timedelta(days=days + 1)
    return int((day - datetime.timedelta(days=(day.weekday() - 1) % 7)).timestamp())


def run_nagios(home, days, hosts, services, settings):
    month = Month(SEED, begin(days), days, hosts, services)
    archives = home / "archives"
    archives.mkdir(mode=0o777)
    for folder in (home, archives):
        folder.chmod(0o777)
    ran = TimedNagios(home / "run", month.objects, f"log_archive_path={archives}\n{settings}", month.begin, month.until, month.answer, month.commands).run()
    (archives / "nagios.log").write_text(ran.nagios.log())
    print(f"BELLWETHER_SEED={SEED}: {days} days, {hosts} hosts, {services} services, {ran.checks} checks, {ran.told} notification commands")
    return month, ran, archives


@pytest.mark.parametrize("logs", LOGS)
def test_a_month_of_nagios_is_reproduced(tmp_path, bellwether, logs):
    days, hosts, services = ESTATES[logs]
    month, ran, archives = run_nagios(tmp_path, days, hosts, services, LOGS[logs])
    definitions = tmp_path / "nagios.toml"
    subprocess.run([default_binary(), "import", "nagios", ran.nagios.home / "nagios.cfg", "--out", definitions], check=True, capture_output=True, timeout=60)
    server = bellwether(definitions.read_text())
    imported = json.loads(server.cli("import", "nagios-archive", archives, "--json").stdout)
    assert imported["unreadable_lines"] == 0 and imported["notices"] == ran.told
    answer = server.post("/api/v1/monitors/test", json.dumps({"name": "*", "from": month.begin, "until": month.until}).encode(),
                         {"Content-Type": "application/json"}, timeout=300).json
    beside = answer["beside"]
    missed, more = (beside[key] for key in ("missed", "more"))
    # Recoveries that something held back: Nagios 4.4 forgets them, 4.5 tells them when it lifts, and so does Bellwether.
    late = [page for page in more if page["kind"] == "recovery"]
    others = [page for page in more if page["kind"] != "recovery"]
    print(f"{logs}: sent by Nagios {beside['sent']}, reproduced {beside['same']} ({beside['same'] * 100 / beside['sent']:.2f} %), missed {len(missed)}, "
          f"more {len(others)} and {len(late)} recoveries")
    for title, pages in (("missed", missed), ("more", more)):
        print(title, *(f"\n  {page}" for page in pages[:20]))
    assert beside["sent"] == ran.told > 100
    assert beside["same"] >= 0.99 * beside["sent"] and len(others) <= 0.01 * beside["sent"] and len(late) <= 0.02 * beside["sent"]
    assert "Of" in answer["sentence"] and "in the same minute" in answer["sentence"]
