"""Everything that is watched can stand in files, one each in conf.d: made by the API, exported, compared, reloaded whole or not at all."""
import json
import os
import signal
import tomllib

from support.server import replace, wait_for

FILES = """
[[contact]]
name = "ana"
channels = ["log"]
[[time_period]]
name = "work"
ranges = ["monday 09:00-17:00"]
[[host]]
name = "web"
[[check]]
name = "web/http"
host = "web"
service = "http"
type = "passive"
contacts = ["ana"]
"""

MADE = {
    "api latency / p90": {"monitor": {"kind": "metric", "target": "stats.timers.api.*.upper_90", "critical": "> 800", "for": "30s", "contacts": ["ana"]}},
    "backup": {"monitor": {"kind": "heartbeat", "slug": "backup", "schedule": "0 4 * * *", "time_zone": "Europe/Berlin", "grace": "1h"}},
    "mail": {"check": {"type": "tcp", "address": "127.0.0.1", "port": 25, "check_interval": "1h"}},
}


def put(server, name, body):
    from urllib.parse import quote
    answer = server.put(f"/api/v1/monitors/{quote(name, safe='')}", body)
    assert answer.status == 200, answer.text
    return answer.json


SAME = "no difference\nnot compared: passwords, tokens and keys, which are told to nobody\n"


def diff(server):
    done = server.cli("config", "diff", check=False)
    return done.returncode, done.stdout + done.stderr


def reloaded(server, act):
    count = server.log().count("configuration reloaded")
    act()
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(lambda: server.log().count("configuration reloaded") > count, what="the reload")


def test_what_the_api_makes_is_exported_as_files_and_then_comes_from_them(bellwether):
    server = bellwether(FILES)
    assert diff(server) == (0, SAME)
    for name, body in MADE.items():
        first = put(server, name, body)
        assert put(server, name, body)["version"] == first["version"], "twice is the same"
    status, told = diff(server)
    assert status == 1 and "3 differences" in told
    for name in MADE:
        assert f"{name}: in effect, and in no file" in told, told
    printed = server.cli("config", "export").stdout
    assert printed.count("[[monitor]]") == 2 and printed.count("[[check]]") == 1
    directory = server.directory / "conf.d"
    directory.mkdir()
    reloaded(server, lambda: server.cli("config", "export", str(directory)))
    assert sorted(path.name for path in directory.iterdir()) == ["api%20latency%20%2f%20p90.toml", "backup.toml", "mail.toml"]
    assert diff(server) == (0, SAME)
    rows = {row["name"]: row["origin"] for row in server.get("/api/v1/monitors").json["monitors"]}
    assert all("conf.d" in rows[name] for name in MADE), rows
    again = server.cli("config", "export", str(directory))
    assert "nothing new" in again.stdout
    (directory / "mail.toml").write_text("# mine\n")
    refused = server.cli("config", "export", str(directory), check=False)
    assert refused.returncode == 1 and "mail.toml" in refused.stderr and (directory / "mail.toml").read_text() == "# mine\n"
    # What is in a file wins, and says where it is.
    conflict = server.put("/api/v1/monitors/backup", MADE["backup"])
    assert conflict.status == 409 and "backup.toml:" in conflict.text
    shown = server.cli("config", "show").stdout
    assert "api latency / p90" in shown and "stats.timers.api.*.upper_90" in shown


def test_who_is_called_is_exported_and_compared_as_well(bellwether):
    server = bellwether('[[contact]]\nname = "ana"\nchannels = ["log"]\n')
    layer = {"people": ["ana"], "rotation": "weekly", "start": "2020-01-06"}
    assert server.put("/api/v1/schedules/web", {"layer": [layer]}).status == 200
    assert server.put("/api/v1/escalation-policies/web", {"step": [{"notify": ["schedule:web"], "wait": "5min"}]}).status == 200
    assert server.put("/api/v1/teams/shop", {"members": ["ana"]}).status == 200
    put(server, "web", {"monitor": {"kind": "heartbeat", "slug": "web", "period": "1h"}})
    status, told = diff(server)
    assert status == 1 and "4 differences" in told, told
    for one in ("[[schedule]] web", "[[escalation_policy]] web", "[[team]] shop", "[[monitor]] web"):
        assert f"+ {one}: in effect, and in no file" in told, told
    tables = tomllib.loads(server.cli("config", "export").stdout)
    assert {table: [one["name"] for one in all] for table, all in tables.items()} == {
        "monitor": ["web"], "schedule": ["web"], "escalation_policy": ["web"], "team": ["shop"]}
    directory = server.directory / "conf.d"
    directory.mkdir()
    reloaded(server, lambda: server.cli("config", "export", str(directory)))
    assert sorted(path.name for path in directory.iterdir()) == ["escalation_policy-web.toml", "schedule-web.toml", "team-shop.toml", "web.toml"]
    assert "conf.d" in server.get("/api/v1/schedules/web").json["origin"]
    assert diff(server) == (0, SAME)


def test_a_reload_takes_all_files_or_nothing_and_names_the_place(bellwether):
    server = bellwether(FILES)
    directory = server.directory / "conf.d"
    directory.mkdir()
    reloaded(server, lambda: replace(directory / "one.toml", '[[monitor]]\nname = "one"\nkind = "heartbeat"\nslug = "one"\n'))
    names = lambda: {row["name"] for row in server.get("/api/v1/monitors").json["monitors"]}
    assert "one" in names()
    replace(directory / "good.toml", '[[monitor]]\nname = "good"\nkind = "heartbeat"\nslug = "good"\n')
    wait_for(lambda: "good" in names(), what="the second")
    for text, line, told in [
        ('[[monitor]]\nname = "bad"\nkind = "heartbeat"\ngrace = "soon"\n', 4, "grace"),
        ('[[monitor]]\nname = "bad"\ntarget = "a.b"\ncritical = "> > 3"\n', 4, "critical"),
        ('[[check]]\nname = "bad"\ntype = "passive"\ncontacts = ["nobody"]\n', 4, "nobody"),
        ('[[check]]\nname = "bad"\nhost = "nowhere"\ntype = "passive"\n', 3, "nowhere"),
        ('[[check]]\nname = "web/http"\ntype = "passive"\n', 2, "web/http"),
        ('[[monitor]]\nname = "bad"\nkind = "heartbeat"\nslugg = "x"\n', 4, "slug"),
        ('[[downtime]]\nname = "d"\nranges = ["sonntag 02:00-04:00"]\nchecks = ["web/http"]\n', 3, "sonntag"),
    ]:
        # The good file is gone a moment later, and stays in effect all the same. Not before: the server looks by itself, too.
        replace(directory / "bad.toml", text)
        (directory / "good.toml").unlink(missing_ok=True)
        os.kill(server.process.pid, signal.SIGHUP)
        shown = lambda: "".join(part["text"] for part in server.get("/api/v1/health").json["parts"] if part["id"] == "config")
        wait_for(lambda: f"bad.toml:{line}:" in shown() and told in shown(), what=f"the refusal of {text}")
        last = server.log().rsplit("was not reloaded", 1)[1]
        assert f"bad.toml:{line}:" in last and told in last, f"{text}\n{last}"
        assert {"one", "good"} <= names()
        status, told_by_diff = diff(server)
        assert status == 2 or (status == 1 and "problems" in told_by_diff), told_by_diff
    reloaded(server, (directory / "bad.toml").unlink)
    assert "one" in names() and "good" not in names()


def test_settings_that_wait_for_the_next_start_are_differences_too(bellwether):
    server = bellwether("[http]\nmax_connections = 100\n")
    reloaded(server, lambda: server.rewrite("[http]\nmax_connections = 200\n"))
    status, told = diff(server)
    assert status == 1 and "http.max_connections: 100 in effect, 200 in the file" in told, told
    listed = json.loads(server.cli("config", "diff", "--json", check=False).stdout)
    assert [(one["table"], one["name"]) for one in listed["differences"]] == [("", "http.max_connections")]
