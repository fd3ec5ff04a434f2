"""The numbers of every kind of check are series under documented names, in base units, and the API says which; what is asked for is
run at once and answered."""
import contextlib
import json
import os
import pwd
import subprocess
import time

import pytest

from support.nagios_original import PLUGINS
from support.probes import Authority, postgres, redis, sqs, web
from support.server import free_port, wait_for

HERE = "127.0.0.1"


def check(name, keys):
    return f'[[check]]\nname = "{name}"\nhost = "web1"\ncheck_interval = "1s"\n{keys}\n'


@contextlib.contextmanager
def nrpe(folder):
    port = free_port()
    config = folder / "nrpe.cfg"
    user, group = ("nobody", "nogroup") if os.geteuid() == 0 else (pwd.getpwuid(os.geteuid()).pw_name, str(os.getegid()))
    config.write_text(f"nrpe_user={user}\nnrpe_group={group}\ncommand_timeout=20\nserver_port={port}\nserver_address={HERE}\nallowed_hosts={HERE}\npid_file={folder}/nrpe.pid\n"
                      f"command[load]={PLUGINS}/check_load -w 900,900,900 -c 901,901,901\n")
    folder.chmod(0o755)
    process = subprocess.Popen(["/usr/sbin/nrpe", "-c", config, "-f", "-n"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(20)


def test_numbers_of_every_kind_are_series(bellwether, tmp_path):
    queues = {"orders": {"ApproximateNumberOfMessages": "7", "ApproximateNumberOfMessagesNotVisible": "2",
                         "ApproximateNumberOfMessagesDelayed": "0", "ApproximateAgeOfOldestMessage": "31"}}
    with contextlib.ExitStack() as stack:
        authority = Authority(tmp_path)
        database = stack.enter_context(postgres(tmp_path, authority))
        redis_port, ask = stack.enter_context(redis())
        ask("SADD", "resque:queues", "mail", "low")
        ask("RPUSH", "resque:queue:mail", "1", "2", "3")
        nrpe_port = stack.enter_context(nrpe(tmp_path))
        here = []
        here.append(stack.enter_context(web(sqs(queues, "s3cret", lambda: here[0]))))
        page = stack.enter_context(web(lambda _: (200, [], b'{"orders": {"open": 12}}')))
        config = f'[[host]]\nname = "web1"\naddress = "{HERE}"\n' + "".join([
            check("plugin", 'command = ["/bin/sh", "-c", "echo \'fine | time=12ms;500;1000 size=2KB used=40%;80;90\'"]'),
            check("load", f'type = "nrpe"\naddress = "{HERE}"\nport = {nrpe_port}\nquery = "load"\ntls = false'),
            check("sent", 'type = "passive"'),
            check("page", f'type = "http"\nurl = "http://{HERE}:{page}/"\nvalues = {{ open = "$.orders.open" }}\nthresholds.open.warning = "> 100"'),
            check("jobs", f'type = "resque"\nport = {redis_port}'),
            check("queues", f'type = "sqs"\nregion = "x"\nurl = "http://{HERE}:{here[0]}/"\naccess_key = "AKID"\nsecret_key = "s3cret"'),
            check("postgres", f'type = "sql"\nport = {database}\nuser = "postgres"\npassword = "sesame"\ndatabase = "postgres"'),
        ])
        server = bellwether(config)
        assert server.post("/api/v1/checks/sent/result", {"status": 0, "output": "ok | depth=5MB;6;7"}).status == 200
        expected = {
            "plugin.time_seconds": 0.012, "plugin.size_bytes": 2048, "plugin.used_percent": 40, "load.load1": None,
            "sent.depth_bytes": 5 * 1024 * 1024, "page.open": 12, "page.time_seconds": None, "jobs.pending": 3, "jobs.queue_mail": 3,
            "jobs.queue_low": 0, "jobs.failed": 0, "queues.visible": 7, "queues.in_flight": 2, "queues.oldest_age_seconds": 31,
            "queues.orders_visible": 7, "postgres.connections": None, "postgres.connections_percent": None,
        }
        end = time.monotonic() + 40
        stored = lambda: server.points("checks.web1.*.*", **{"from": "-2min"})
        wanted = {f"checks.web1.{name}" for name in expected}
        wait_for(lambda: wanted <= set(stored()) or time.monotonic() > end, 60)
        outputs = {one["name"]: one["text"] for one in server.get("/api/v1/checks").json["monitors"]}
        seen = stored()
        assert wanted <= set(seen), (wanted - set(seen), outputs)
        for name, value in expected.items():
            last = seen[f"checks.web1.{name}"][-1][1]
            assert value is None or last == pytest.approx(value), name
        share, count = (seen[f"checks.web1.postgres.{name}"][-1][1] for name in ("connections_percent", "connections"))
        assert count >= 1 and share == pytest.approx(100 * count / 20, rel=0.01), "the share of max_connections, which is 20"
        # What the API shows beside a result leads to its series, with the thresholds in the plugin's own unit.
        for name in ("plugin", "sent", "page", "jobs", "queues", "postgres", "load"):
            shown = server.get(f"/api/v1/checks/{name}").json
            assert len(shown["perfdata"]) == len(shown["perfdata_series"]) > 0
            for item, stored_as in zip(shown["perfdata"], shown["perfdata_series"]):
                series = stored_as["series"]
                points = wait_for(lambda: server.points(series, **{"from": "-2min"}), what=series)
                near = pytest.approx(item["value"] * stored_as["scale"], rel=1e-6)
                assert name in ("load", "page", "postgres") or points[series][-1][1] == near, item
        shown = server.get("/api/v1/checks/plugin").json
        assert shown["perfdata_series"][0] == {"label": "time", "series": "checks.web1.plugin.time_seconds", "scale": 0.001}
        assert (shown["perfdata"][0]["warn"], shown["perfdata"][0]["crit"]) == ("500", "1000")


def test_a_run_that_is_waited_for_is_answered(bellwether, tmp_path):
    counter = tmp_path / "runs"
    config = f"""
[[check]]
name = "counts"
command = ["/bin/sh", "-c", "echo x >> {counter}; echo run $(wc -l < {counter}); exit 1"]
check_interval = "1h"
[[check]]
name = "slow"
command = ["/bin/sleep", "20"]
check_interval = "1h"
[[check]]
name = "sent"
type = "passive"
"""
    server = bellwether(config)
    first = wait_for(lambda: (now := server.get("/api/v1/checks/counts").json)["state"] == "WARNING" and now)
    assert first["last_output"] == "run 1"
    answer = server.post("/api/v1/checks/counts/run?wait=20")
    assert (answer.status, answer.json["last_output"], answer.json["attempt"]) == (200, "run 2", 2)
    assert server.post("/api/v1/checks/counts/run").status == 202
    begun = time.monotonic()
    assert server.post("/api/v1/checks/slow/run?wait=0.2").status == 202 and time.monotonic() - begun < 4
    assert server.post("/api/v1/checks/sent/run?wait=1").status == 409
    for wrong in ("-1", "1e9", "nan", "x"):
        assert server.post(f"/api/v1/checks/counts/run?wait={wrong}").status == 400, wrong


def test_a_check_made_over_the_api_is_tried_from_the_command_line(bellwether):
    with web(lambda _: (200, [], b'{"status": "fail", "checks": {"db": {"status": "fail", "message": "no route"}}}')) as page:
        server = bellwether('[[check]]\nname = "here"\ncommand = ["/bin/echo", "from a file | a=1"]\n')
        made = {"check": {"type": "http", "url": f"http://{HERE}:{page}/", "check_interval": "1h"}}
        assert server.put("/api/v1/monitors/made", made).status == 200
        told = json.loads(server.cli("check", "run", "made", "--json").stdout)
        assert (told["name"], told["state"], told["parts"]) == ("made", "CRITICAL", [{"name": "db", "state": "CRITICAL", "output": "db fail: no route"}])
        assert "sub-check" in server.cli("check", "run", "made").stdout
        assert json.loads(server.cli("check", "run", "here", "--json").stdout)["command"] == ["/bin/echo", "from a file | a=1"]
        elsewhere = json.loads(server.cli("check", "run", "here", "--json", "--url", server.url("")).stdout)
        assert elsewhere["output"] == "from a file" and elsewhere["perfdata"][0]["value"] == 1
        refused = server.cli("check", "run", "--url", server.url(""), "--", "/bin/true", check=False)
        assert refused.returncode == 2 and "leave out --url" in refused.stderr
        nobody = server.cli("check", "run", "mode", check=False)
        assert nobody.returncode != 0 and "there is no check `mode`" in nobody.stderr
