"""Metric monitors: stories S3 and S4 by the real clock, and rules tried on stored history."""
import json
import os
import signal
import subprocess
import time

from support.server import wait_for

QUIET = """
[collectors]
host = false
[self]
series = false
[statsd]
legacy_namespace = false
"""

RULE = """
[[monitor]]
name = "latency"
target = "lat.*"
warning = "> 200"
critical = "> 300"
for = "10s"
"""


def instances(server, monitor):
    """{instance: state} of what is told of a monitor."""
    answer = server.get(f"/api/v1/monitors/{monitor}")
    if answer.status != 200:
        return {}
    return {one["instance"]: one["state"] for one in answer.json["instances_list"]}


def second_by_second(server, seconds, packets):
    """Sends what `packets` gives for each second, as a client does while its site runs."""
    begun = time.monotonic()
    for second in range(seconds):
        server.statsd_send(*packets(second))
        time.sleep(max(0.0, begun + second + 1 - time.monotonic()))


def test_stalled_jobs_and_missing_builds_are_told_and_idle_ones_are_not(bellwether):
    """S3: jobs are enqueued and none completes. S4: pushes arrive and no build starts. Both within a minute, while
    their idle twins stay as they are."""
    server = bellwether(QUIET + """
[[monitor]]
name = "jobs"
funnel = "stats.counters.jobs.**"
[[monitor]]
name = "builds"
series = { builds = "stats.counters.builds.*.count", pushes = "stats.counters.pushes.*.count" }
critical = "sum(builds) over 10s < 1 while pushes active within 20s"
for = "5s"
""")

    def packets(second):
        lines = [b"jobs.mail.enqueued:3|c", b"jobs.idle.enqueued:0|c", b"jobs.idle.completed:0|c",
                 b"builds.sunday:0|c", b"pushes.sunday:0|c", b"builds.site:0|c", b"pushes.site:1|c"]
        if second < 5:
            lines += [b"jobs.mail.completed:3|c", b"builds.site:1|c"]
        return lines

    begun = time.monotonic()
    second_by_second(server, 5, packets)
    stopped = time.monotonic()
    told = {}
    while time.monotonic() < stopped + 75:
        second_by_second(server, 1, lambda _: packets(99))
        for monitor in ("jobs", "builds"):
            for instance, state in instances(server, monitor).items():
                if state == "CRITICAL" and instance not in told:
                    told[instance] = time.monotonic() - stopped
        if len(told) == 2 and time.monotonic() > stopped + 30:
            break
    assert set(told) == {"stats.counters.jobs.mail", "stats.counters.builds.site.count"}, (told, begun)
    assert told["stats.counters.jobs.mail"] <= 60, told
    assert instances(server, "jobs")["stats.counters.jobs.idle"] == "OK"
    assert instances(server, "builds")["stats.counters.builds.sunday.count"] == "OK"


def test_a_machine_that_slept_calls_nobody_absent(bellwether):
    """The process stands still for longer than a series may be silent; when it goes on, only what stays silent is told."""
    server = bellwether(QUIET + """
[[monitor]]
name = "silent"
target = "came.*"
critical = "no point for 6s"
""")

    def packets(names):
        now = int(time.time())
        server.carbon_send("".join(f"came.{name} 1 {now}\n" for name in names).encode())

    def watched():
        packets(["on", "off"])
        return instances(server, "silent") == {"came.on": "OK", "came.off": "OK"}

    wait_for(watched, what="both to be watched", pause=0.3)
    os.kill(server.process.pid, signal.SIGSTOP)
    time.sleep(8)
    os.kill(server.process.pid, signal.SIGCONT)
    end = time.monotonic() + 60
    while instances(server, "silent")["came.off"] != "CRITICAL" and time.monotonic() < end:
        packets(["on"])
        time.sleep(0.2)
    assert instances(server, "silent")["came.off"] == "CRITICAL", "what is really gone is told"
    told = {one["instance"]: {stretch["state"] for stretch in one["ribbon"]}
            for one in server.get("/api/v1/monitors/silent").json["instances_list"]}
    assert told["came.on"] <= {"OK", "PENDING"}, told
    (gap,) = server.get("/api/v1/health").json["storage"]["gaps"]
    assert 6 <= gap[1] - gap[0] <= 60, gap


def history(now):
    """An hour of seconds: one long breach, two that heal by themselves, and a series that is always fine."""
    begin = now - 3600
    lines = []
    for second in range(0, 3540):
        bad = 1000 <= second < 1060 or 2000 <= second < 2005 or 2500 <= second < 2503
        lines.append(f"lat.a {400 if bad else 100} {begin + second}")
        lines.append(f"lat.b 100 {begin + second}")
    return begin, ("\n".join(lines) + "\n").encode()


def test_a_rule_is_tried_on_history(bellwether, tmp_path):
    server = bellwether(QUIET + RULE)
    begin, lines = history(int(time.time()))
    server.carbon_send(lines)
    wait_for(lambda: server.points("lat.b", **{"from": begin + 3538, "until": begin + 3540}), what="points")
    rule = tmp_path / "rule.toml"
    rule.write_text(RULE)
    other = tmp_path / "other.toml"
    other.write_text(RULE.replace('"10s"', '"3s"'))
    replay = json.loads(server.cli("monitor", "test", str(rule), "--from", str(begin), "--json").stdout)
    fired = [one for one in replay["firings"] if one["fired"]]
    assert [(one["instance"], one["state"], one["began"] - begin, one["fired"] - begin, one["ended"] - begin, one["told"])
            for one in fired] == [("lat.a", "CRITICAL", 1000, 1010, 1060, True)]
    assert [(one["fired"], one["self_healed"], one["pages"]) for one in replay["instances"]] == [(1, 2, 1), (0, 0, 0)]
    assert replay["critical_lines"] == [300.0] and replay["warning_lines"] == [200.0] and replay["doubts"] == []

    words = server.cli("monitor", "test", "latency", "--from", str(begin), "--compare", str(other)).stdout
    assert "It would have fired once, with 1 page; 2 times it healed by itself" in words, words
    assert "1 were fine all the time" in words
    assert "Both fired 1 times for the same trouble." in words and "Only the other one: 1" in words, words
    assert "The other one fired 7s earlier on average." in words

    # The same without a server.
    server.stop()
    again = json.loads(server.cli("monitor", "test", str(rule), "--from", str(begin), "--json").stdout)
    assert again["firings"] == replay["firings"]


def refused(server, *arguments):
    done = server.cli("monitor", "test", *arguments, check=False)
    assert done.stdout in ("", b"") and done.returncode != 0
    return done.returncode, done.stderr if isinstance(done.stderr, str) else done.stderr.decode()


def test_what_cannot_be_tried_is_told_with_its_cure(bellwether, tmp_path):
    server = bellwether(QUIET)

    def file(text):
        path = tmp_path / "rule.toml"
        path.write_text(text)
        return str(path)

    status, words = refused(server, file(RULE.replace("> 300", "> x300")))
    assert status == 2 and "rule.toml: latency: critical: `> x300`: `x300` is not a number" in words, words
    status, words = refused(server, file(RULE.replace("critical", "critcal")))
    assert status == 2 and "critcal" in words and "rule.toml" in words, words
    # Whether a check fits to the others is for the server to say.
    status, words = refused(server, file("[[check]]\nname = 'a'\n"))
    assert status == 1 and 'a check of type "plugin" needs a command' in words, words
    status, words = refused(server, str(tmp_path / "none.toml"))
    assert status == 2 and "none.toml" in words, words
    status, words = refused(server, "nobody")
    assert status == 1 and "there is no monitor, check or host `nobody`" in words, words
    status, words = refused(server, file(RULE), "--from", "-1h", "--until", "-2h")
    assert status != 0 and "`from` is not before `until`" in words, words
    answer = server.post("/api/v1/monitors/test", json.dumps({"monitor": {"target": "a", "critical": "> 5%"}}).encode(),
                         {"Content-Type": "application/json"})
    assert answer.status == 400 and "a percentage is of something" in answer.json["error"], answer.text
    answer = server.post("/api/v1/monitors/test", b"{}", {"Content-Type": "application/json"})
    assert answer.status == 400 and "write either `name` or `monitor`" in answer.json["error"], answer.text


def test_one_command_line_says_what_is_missing(bellwether):
    server = bellwether(QUIET)
    done = subprocess.run([str(server.binary), "monitor", "test"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "FILE|NAME" in done.stderr
