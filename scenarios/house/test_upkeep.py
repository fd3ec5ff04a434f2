"""Configuration, reload, backup and restore, upgrade, and the commands, as a person uses them."""
import json
import os
import signal
import time

from support.server import Bellwether, wait_for


def test_config_check_tells_every_mistake(tmp_path, bellwether):
    server = Bellwether(tmp_path, "[statsd]\nflushInterval = \"1s\"\nunix = 5\n[http]\nquery_timeout = \"soon\"\n")
    done = server.cli("config", "check", check=False)
    assert done.returncode == 2
    for part in (":2:1: unknown key `flushInterval`; did you mean `flush_interval`?", ":3:8:", ":5:17:", "3 problems"):
        assert part in done.stdout + done.stderr, done
    server.config_file.write_text("[statsd]\nflush_interval = \"2s\"\n")
    assert server.cli("config", "check").returncode == 0
    assert "flush_interval = \"2s\"" in server.cli("config", "show").stdout
    defaults = server.cli("config", "show", "--defaults").stdout
    assert 'flush_interval = "1s"' in defaults and "# How often numbers are handed on" in defaults


def test_wrong_usage_ends_with_2(bellwether, tmp_path):
    server = Bellwether(tmp_path)
    for arguments in (["frobnicate"], ["send", "a"], ["send", "a", "x"], ["query"], ["query", "a", "--format", "x"]):
        assert server.cli(*arguments, check=False).returncode == 2, arguments
    assert server.cli("query", "a", "--url", "nonsense", check=False).returncode == 2
    assert server.cli("query", "a", "--url", "http://127.0.0.1:1", check=False).returncode == 1


def test_reload_is_all_or_nothing(bellwether):
    server = bellwether("[statsd]\nlegacy_namespace = false\nglobal_prefix = \"one\"\n")
    reloaded = lambda count: lambda: server.log().count("configuration reloaded") == count
    server.rewrite("[statsd]\nlegacy_namespace = false\nglobal_prefix = \"two\"\n")
    wait_for(reloaded(1), what="a reload because the file changed")
    server.statsd_send(b"a:1|g")
    wait_for(lambda: server.points("two.gauges.a", **{"from": "-10s"}), what="the new prefix")

    server.rewrite("[statsd]\nlegacy_namespace = false\nglobal_prefix = \"three\"\nnonsense = 1\n")
    wait_for(lambda: "was not reloaded" in server.log(), what="the refusal")
    refused = lambda health: any(part["id"] == "config" and "nonsense" in part["text"] for part in health["parts"]) and health
    health = wait_for(lambda: refused(server.get("/api/v1/health").json), what="the refusal where people look")
    assert health["state"] == "warning"

    server.rewrite("[statsd]\nlegacy_namespace = false\nglobal_prefix = \"four\"\n")
    os.kill(server.process.pid, signal.SIGHUP)
    wait_for(lambda: server.log().count("configuration reloaded") >= 2, what="a reload after the mistake was mended")
    server.statsd_send(b"b:1|g")
    wait_for(lambda: server.points("four.gauges.b", **{"from": "-10s"}), what="the newest prefix")
    assert not server.points("three.**")


def test_backup_while_running_and_restore(bellwether, tmp_path):
    server = bellwether()
    for value in range(5):
        server.cli("send", f"shop.orders{value}", str(value))
    server.cli("event", "deployed 4.2", "--tag", "deploy")
    secret = server.cli("token", "create", "t").stdout.strip()
    server.statsd_send(b"kept:7|g")
    wait_for(lambda: server.points("stats.gauges.kept"), what="the gauge")
    backup = tmp_path / "backup"
    assert "backed up" in server.cli("backup", str(backup)).stdout
    server.cli("send", "shop.later", "1")
    server.cli("backup", str(backup))  # a second one to the same place
    assert server.cli("backup", str(tmp_path), check=False).returncode == 1, "a directory with other things in it"

    (backup / "BACKUP.json").rename(backup / "BACKUP.unfinished")
    other = Bellwether(tmp_path / "other", '[auth]\nmode = "required"')
    assert other.cli("restore", str(backup), check=False).returncode == 1, "one that was cut off"
    server.cli("backup", str(backup))  # the next one goes on from there
    assert other.cli("restore", str(backup)).returncode == 0
    assert other.cli("restore", str(backup), check=False).returncode == 1, "not over data that is there"
    other.start()
    try:
        bearer = {"Authorization": f"Bearer {secret}"}
        names = other.get("/metrics/index.json", headers=bearer).json
        assert {f"shop.orders{value}" for value in range(5)} | {"shop.later"} <= set(names)
        render = other.get("/render?target=shop.orders3&format=json&from=-1h", headers=bearer).json
        assert [v for v, _ in render[0]["datapoints"] if v is not None] == [3.0]
        events = other.get("/events/get_data?tags=deploy", headers=bearer).json
        assert [event["what"] for event in events] == ["deployed 4.2"]
        other.statsd_send(b"kept:+1|g")
        last = lambda: other.get("/render?target=stats.gauges.kept&format=json&from=-5s", headers=bearer).json
        wait_for(lambda: any(8.0 in point for series in last() for point in series["datapoints"]), what="the gauge to go on")
        assert (other.data_dir / "secret.key").read_bytes() == (server.data_dir / "secret.key").read_bytes()
    finally:
        other.stop()


def test_a_damaged_backup_is_refused(bellwether, tmp_path):
    server = bellwether()
    server.cli("send", "a", "1")
    server.cli("backup", str(tmp_path / "backup"))
    victim = next((tmp_path / "backup" / "blocks").rglob("*.blk"))
    victim.write_bytes(victim.read_bytes()[:-1])
    other = Bellwether(tmp_path / "other")
    done = other.cli("restore", str(tmp_path / "backup"), check=False)
    assert done.returncode == 1 and victim.name in done.stderr


def test_one_changed_byte_of_a_backup_is_refused_and_nothing_is_left(bellwether, tmp_path):
    server = bellwether()
    server.cli("send", "a", "1")
    server.cli("token", "create", "t")
    backup = tmp_path / "backup"
    server.cli("backup", str(backup))
    other = Bellwether(tmp_path / "other")
    files = [path for path in backup.rglob("*") if path.is_file() and path.name not in ("BACKUP.json", "alive")]
    assert {"state.db", "secret.key", "CURRENT"} <= {path.name for path in files}
    for path in files:
        whole = path.read_bytes()
        if not whole:
            continue
        middle = len(whole) // 2
        path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:])
        done = other.cli("restore", str(backup), check=False)
        path.write_bytes(whole)
        assert done.returncode == 1 and path.name in done.stderr, (path, done)
        assert not other.data_dir.exists() or not list(other.data_dir.iterdir()), path
    assert other.cli("restore", str(backup)).returncode == 0


def test_upgrade_check(bellwether, tmp_path):
    server = bellwether()
    done = server.cli("upgrade", "check", server.binary)
    assert "the same format" in done.stdout and "nothing to change" in done.stdout
    stranger = tmp_path / "stranger"
    formats = {"version": "9.0.0", "store": [1, 0], "state": {"accounts": 0}}
    stranger.write_text(f"#!/bin/sh\n[ \"$1\" = upgrade ] && echo '{json.dumps(formats)}'\nexit 0\n")
    stranger.chmod(0o755)
    done = server.cli("upgrade", "check", str(stranger), check=False)
    assert done.returncode == 1 and "accounts" in done.stderr


def test_an_older_version_refuses_newer_state_and_says_what_to_do(bellwether):
    import sqlite3
    server = bellwether()
    server.stop()
    with sqlite3.connect(server.data_dir / "state" / "state.db") as database:
        database.execute("UPDATE form SET version = 99 WHERE room = 'accounts'")
    server.start(ready=False)
    assert server.process.wait(60) == 1
    assert "form 99" in server.log() and "restore the copy" in server.log()


def test_emptied_state_and_key_are_refused_with_the_cure(bellwether):
    server = bellwether()
    server.cli("token", "create", "t")
    server.stop()
    state, key = server.data_dir / "state" / "state.db", server.data_dir / "secret.key"
    for path in (state, key):
        whole = path.read_bytes()
        path.write_bytes(b"")
        server.start(ready=False)
        assert server.process.wait(60) == 1
        told = server.log().splitlines()[-1]
        assert str(path) in told and "backup" in told and "move" in told, told
        path.write_bytes(whole)
    server.start()
    assert "t" in server.cli("token", "list").stdout
    server.stop()
    state.unlink()
    server.start()
    assert "state.db was missing and is made anew" in server.log()


def test_commands_work_without_a_server(bellwether):
    server = bellwether()
    # Of their own seconds, as a stop takes less than one.
    now = int(time.time())
    server.cli("send", "a.b", "5", str(now - 1))
    server.stop()
    assert "a.b" in server.cli("query", "a.b", "--from", "-1min").stdout
    mistaken = server.cli("query", "sumSeries(a.b", check=False)
    assert mistaken.returncode == 2 and "not a target" in mistaken.stderr and "close every parenthesis" in mistaken.stderr, mistaken.stderr
    assert server.cli("storage", "fsck").returncode == 0
    server.cli("send", "a.b", "6", str(now))
    server.cli("token", "create", "offline")
    server.start()
    assert [value for _, value in server.points("a.b", **{"from": "-1h"})["a.b"]] == [5.0, 6.0]


def test_c156_the_log_can_be_made_louder_and_quieter(bellwether):
    server = bellwether()
    assert server.request("PUT", "/api/v1/log-level", json.dumps({"level": "debug"}).encode(),
                          {"Content-Type": "application/json"}).status == 204
    assert server.request("PUT", "/api/v1/log-level", b'{"level": "shout"}',
                          {"Content-Type": "application/json"}).status == 400
    wait_for(lambda: "log level changed level=debug" in server.log(), what="the API to change the level")
    os.kill(server.process.pid, signal.SIGUSR2)
    wait_for(lambda: "log level changed level=info" in server.log(), what="SIGUSR2 to make it quieter")
    os.kill(server.process.pid, signal.SIGUSR1)
    wait_for(lambda: server.log().count("log level changed level=debug") == 2, what="SIGUSR1 to make it louder")


def test_stops_within_five_seconds_with_streams_and_connections_open(bellwether):
    import socket
    server = bellwether()
    stream = socket.create_connection(("127.0.0.1", server.ports["http"]))
    stream.sendall(b"GET /api/v1/stream?target=* HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"200 OK" in stream.recv(100)
    carbon = socket.create_connection(("127.0.0.1", server.ports["line"]))
    carbon.sendall(b"half a line")
    started = time.monotonic()
    server.process.terminate()
    assert server.process.wait(20) == 0
    assert time.monotonic() - started < 5


def test_a_stop_waits_for_no_second(bellwether):
    """Of a server that has nothing to write; the quickest of some, as another process may have the machine just then."""
    took = []
    while not took or min(took) > 0.6 and len(took) < 6:
        server = bellwether()
        # At another part of the second each time.
        time.sleep(len(took) * 0.15)
        started = time.monotonic()
        assert server.stop() == 0
        took.append(time.monotonic() - started)
    assert min(took) <= 0.6, took


def test_a_restart_leaves_a_gap_that_is_counted(bellwether):
    server = bellwether()
    server.statsd_send(b"g:5|g")
    wait_for(lambda: server.points("stats.gauges.g"), what="the gauge")
    time.sleep(1.1)
    server.kill()
    time.sleep(4)
    server.start()
    gaps = server.get("/api/v1/health").json["storage"]["gaps"]
    assert len(gaps) == 1 and 3 <= gaps[0][1] - gaps[0][0] <= 30
    series = wait_for(lambda: server.get("/render?target=stats.gauges.g&format=json&from=-20s").json, what="the series")
    inside = [value for value, at in series[0]["datapoints"] if gaps[0][0] + 1 <= at < gaps[0][1] - 1]
    assert inside and not any(inside), "a gap is no value, never zero"
