"""The pager proved on its own past: a noisy estate in, a shareable report and files to review out."""
import random
import time
import tomllib

from support.server import wait_for

DAY, MINUTE = 86_400, 60
CONFIG = """
[incidents]
contacts = ["ana"]
[[contact]]
name = "ana"
channels = ["hook"]
time_zone = "UTC"
[[channel]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:9/nobody-listens"
[[storage.retention]]
name = "minutes"
pattern = "^site\\\\."
archives = ["1m:60d"]
[[monitor]]
name = "errors"
target = "site.errors"
critical = "> 50"
[[monitor]]
name = "spikes"
target = "site.load.*"
critical = "> 8"
"""


def past(now):
    """Nine days: an outage, and spikes of a minute each that mean nothing. Points, and the outage."""
    dice, begin = random.Random(7), now - now % MINUTE - 9 * DAY
    outage = (begin + 5 * DAY, begin + 5 * DAY + 40 * MINUTE)
    points = []
    for at in range(begin, now - now % MINUTE, MINUTE):
        points.append(f"site.errors {400 if outage[0] <= at < outage[1] else 2} {at}\n")
        for host in ("one", "two"):
            points.append(f"site.load.{host} {12 if dice.randrange(200) == 0 else 1} {at}\n")
    return points, outage


def make(server, question):
    begun = server.post("/api/v1/proof", question)
    assert begun.status == 202, begun.text
    path = f"/api/v1/proof/{begun.json['id']}"
    return wait_for(lambda: (answer := server.get(path).json)["state"] != "running" and answer, seconds=120, what="the proof"), path


def test_the_pager_is_proved_on_its_own_past(bellwether):
    server = bellwether(CONFIG)
    now = int(time.time())
    points, outage = past(now)
    server.carbon_send("".join(points).encode())
    wait_for(lambda: len(server.points("site.load.two", **{"from": "-10d"}).get("site.load.two", [])) > 12_000, what="the past to be stored")

    csv = f"start,end,title\n{outage[0]},{outage[1]},checkout is down\n"
    answer, path = make(server, {"from": "-9d", "outages": csv, "night": {"from": 22, "until": 7}})
    assert answer["state"] == "done", answer
    proof = answer["proof"]
    by_rule = {rule["rule"]: rule for rule in proof["rules"]}
    assert by_rule["monitor:errors"]["would"] == 1 and by_rule["monitor:spikes"]["would"] > 50, proof["rules"]
    assert proof["would"]["contacts"]["ana"]["pages"] == proof["would"]["pages"] and proof["would"]["at_night"] > 0
    [label] = proof["labels"]
    assert label["title"] == "checkout is down" and label["verdict"] == "new" and label["with_proposals"], label
    [proposal] = proof["proposals"]
    assert proposal["rule"] == "monitor:spikes" and proposal["pages_after"] * 5 <= proposal["pages_before"], proposal
    assert proposal["caught_before"] == proposal["caught_after"] == 1
    assert proposal["replaces"].startswith(str(server.config_file)), proposal
    assert proof["proposed"]["pages"] * 5 <= proof["would"]["pages"] and "no known outage is missed" in answer["sentence"], answer["sentence"]

    # The file that is proposed is one that can be read, and does by itself what is said of it.
    [rule] = tomllib.loads(proposal["toml"])["monitor"]
    changed = server.directory / "changed.toml"
    changed.write_text(proposal["toml"])
    replayed = server.post("/api/v1/monitors/test", {"monitor": rule, "from": "-9d"}).json
    assert sum(instance["fired"] for instance in replayed["instances"]) <= proposal["pages_before"] // 5
    assert server.cli("monitor", "test", str(changed), "--from", "-9d").returncode == 0

    # Whoever has the address finds it again, after a restart too.
    server.kill()
    server.start()
    assert server.get(path).json["proof"] == proof
    assert [kept["sentence"] for kept in server.get("/api/v1/proof").json["proofs"]] == [answer["sentence"]]


def test_a_team_without_a_past_begins_with_rules_in_shadow(bellwether):
    server = bellwether("""
[[monitor]]
name = "new"
target = "site.young"
critical = "> 5"
shadow = true
""")
    now = int(time.time())
    server.carbon_send("".join(f"site.young {9 if at % 600 < 60 else 1} {at}\n" for at in range(now - 7_200, now, 10)).encode())
    wait_for(lambda: len(server.points("site.young", **{"from": "-3h"}).get("site.young", [])) > 500, what="the past to be stored")
    answer, _ = make(server, {"from": "-30d"})
    proof = answer["proof"]
    assert proof["proposals"] == [] and proof["first_report_at"] > now + 6 * DAY and "seven days" in answer["sentence"], answer
    assert proof["of_shadow"] >= 10 and proof["rules"][0]["shadow"], proof


def test_what_cannot_be_proved_is_told_with_its_cure(bellwether):
    server = bellwether()
    for question, why in [
        ({"outages": "yesterday,5,x"}, "line 1: `yesterday` is no start"),
        ({"from": "-3000d"}, "400 days"),
        ({"night": {"from": 5, "until": 5}}, "two different hours"),
        ({"tz": "Mars/Base"}, "no zone `Mars/Base`"),
        ({"form": "-9d"}, "form"),
    ]:
        answer = server.post("/api/v1/proof", question)
        assert answer.status in (400, 422) and why in answer.text, (question, answer.status, answer.text)
    assert server.get("/api/v1/proof/99").status == 404


def test_what_nagios_sent_stands_in_its_archives(bellwether, tmp_path):
    """A team that moves: what was sent before Bellwether counts as sent, at night and for the outages that people know of."""
    server = bellwether("""
[incidents]
night = "22:00-07:00"
[[contact]]
name = "ops"
channels = ["hook"]
time_zone = "UTC"
[[channel]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:9/nobody-listens"
[[host]]
name = "web"
[[check]]
name = "web/disk"
host = "web"
service = "disk"
type = "passive"
max_check_attempts = 1
flap_detection = false
notification_interval = "0s"
contacts = ["ops"]
""")
    midnight = int(time.time()) // DAY * DAY
    # Ten nights long at three for twenty minutes, and once at noon.
    bad = sorted([midnight - number * DAY + 3 * 3_600 for number in range(1, 11)] + [midnight - 4 * DAY + 12 * 3_600])
    lines = [f"[{midnight - 11 * DAY}] LOG VERSION: 2.0", f"[{midnight - 11 * DAY}] CURRENT SERVICE STATE: web;disk;OK;HARD;1;fine"]
    for at in bad:
        for when, state, words in ((at, "CRITICAL", "full"), (at + 20 * MINUTE, "OK", "fine")):
            lines.append(f"[{when}] SERVICE ALERT: web;disk;{state};HARD;1;{words}")
            lines.append(f"[{when}] SERVICE NOTIFICATION: ops;web;disk;{state};notify-by-mail;{words}")
    archives = tmp_path / "archives"
    archives.mkdir()
    (archives / "nagios.log").write_text("\n".join(lines) + "\n")
    server.cli("import", "nagios-archive", archives)

    csv = f"start,end,title\n{bad[2]},{bad[2] + 1_200},the disk was full\n{bad[2] + 7_200},{bad[2] + 7_300},nobody knew\n"
    csv += f"{midnight - 11 * DAY - 7_200},{midnight - 11 * DAY - 3_600},before the archives\n"
    answer, _ = make(server, {"from": "-13d", "outages": csv})
    proof = answer["proof"]
    assert proof["sent"]["contacts"] == {"ops": {"pages": 11, "at_night": 10, "nights_woken": 10}}, proof["sent"]
    assert proof["would"]["contacts"]["ops"]["pages"] == 11, proof["would"]
    assert [(label["title"], label["verdict"], label["sent"]) for label in proof["labels"]] == [
        ("before the archives", "unknown", None), ("the disk was full", "same", bad[2]), ("nobody knew", "unseen", None)]
    [rule] = [rule for rule in proof["rules"] if rule["rule"] == "check:web/disk"]
    assert (rule["sent"], rule["would"], rule["at_night"]) == (11, 11, 10)
    assert proof["slept"]["ops"]["sent"] == proof["slept"]["ops"]["would"]
    assert "11 pages sent; these rules would have sent 11" in answer["sentence"], answer["sentence"]
