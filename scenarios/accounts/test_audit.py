"""The audit log: who changed what, from where, and how it was before."""
import base64
import json
import subprocess
import time

from support.people import person, sign_in
from support.server import wait_for

CLOSED = '[auth]\nmode = "required"\n'


def entries(server, asker, **asked):
    query = "&".join(f"{key}={value}" for key, value in asked.items())
    return server.get(f"/api/v1/audit?{query}", headers=asker).json["entries"]


def test_changes_are_written_down_with_before_and_after(bellwether):
    server = bellwether(CLOSED)
    root, ana = person(server, "root", "admin"), person(server, "ana", "editor")
    rule = {"monitor": {"target": "a.b", "critical": "> 5"}}
    assert server.put("/api/v1/monitors/api", rule, headers=ana).status == 200
    rule["monitor"]["critical"] = "> 6"
    assert server.put("/api/v1/monitors/api", rule, headers=ana).status == 200
    assert server.request("DELETE", "/api/v1/monitors/api", headers=ana).status == 204
    assert server.put("/api/v1/people/ana/role", {"role": "viewer"}, headers=ana).status == 403
    assert server.get("/api/v1/audit", headers=ana).status == 403
    removed, changed, made, *_ = entries(server, root, who="ana")
    assert [one["action"] + " " + one["subject"] for one in (removed, changed, made)] == [
        "removed monitors/api", "changed monitors/api", "changed monitors/api"]
    assert made["before"] is None and "> 5" in made["after"] and made["via"] == "session" and made["source"] == "127.0.0.1"
    assert "> 5" in changed["before"] and "> 6" in changed["after"] and removed["after"] is None
    # They are marks on graphs, for those who see everything.
    marks = lambda who: [mark["what"] for mark in server.get("/api/v1/graph?target=a", headers=who).json["annotations"]]
    assert "ana changed monitors/api" in marks(ana)
    part = {"Authorization": "Bearer " + server.cli("token", "create", "part", "--prefix", "x.").stdout.strip()}
    assert marks(part) == []
    # The lists go on where they end.
    first = server.get("/api/v1/audit?limit=1", headers=root).json
    assert first["more"] and entries(server, root, limit=1, before_id=first["entries"][0]["id"])[0]["id"] < first["entries"][0]["id"]


def test_sign_ins_are_written_down_and_no_secret_is(bellwether):
    server = bellwether(CLOSED)
    root = person(server, "root", "admin")
    token = server.cli("token", "create", "t").stdout.strip()
    assert server.post("/api/v1/session", {"name": "root", "password": "wrong horse"}).status == 401
    # Somebody typed the password where the name belongs.
    assert server.post("/api/v1/session", {"name": "battery staple", "password": ""}).status == 401
    again = sign_in(server, "root")
    assert server.request("DELETE", "/api/v1/session", headers=again).status == 204
    told = [(one["who"], one["action"]) for one in entries(server, root)]
    assert told[:4] == [("root", "signed out"), ("root", "signed in"), ("", "failed to sign in"), ("root", "failed to sign in")]
    assert ("you", "posted") in told, "what was done at the machine itself is there too"
    secrets = [token, "battery staple", "correct horse", root["Cookie"].split("=")[1], "argon2"]
    for text in (server.get("/api/v1/audit", headers=root).text, server.log(),
                 *(server.get(f"/api/v1/audit?format={kind}", headers=root).text for kind in ("csv", "jsonl"))):
        assert not [secret for secret in secrets if secret in text]
    lines = server.get("/api/v1/audit?format=jsonl", headers=root).text.splitlines()
    assert json.loads(lines[0])["action"] == "signed out"
    assert server.get("/api/v1/audit?format=csv", headers=root).text.startswith("id,at,who,via,")
    assert server.get("/api/v1/audit?format=xml", headers=root).status == 400
    # Who came and went is a mark on graphs, for whoever sees everything; how is in the log.
    again = sign_in(server, "root")
    marks = server.get("/api/v1/graph?target=a", headers=again).json["annotations"]
    marked = {mark["what"] for mark in marks}
    assert {"root signed in", "root signed out"} <= marked and not [what for what in marked if "failed" in what], marks
    assert all(mark["tags"] == ["audit"] and not mark["data"] for mark in marks if "sign" in mark["what"])
    part = {"Authorization": "Bearer " + server.cli("token", "create", "part", "--prefix", "x.").stdout.strip()}
    assert server.get("/api/v1/graph?target=a", headers=part).json["annotations"] == []
    # Guessing without the form is written down, too.
    basic = "Basic " + base64.b64encode(b"root:wrong horse").decode()
    assert server.get("/api/v1/teams", headers={"Authorization": basic}).status == 401
    newest = entries(server, root)[0]
    assert (newest["who"], newest["action"]) == ("root", "failed to sign in")


def test_a_reload_tells_what_changed_and_of_which_commit(bellwether):
    server = bellwether('[log]\nlevel = "info"\n')
    git = lambda *arguments: subprocess.run(
        ["git", "-c", "user.name=ana", "-c", "user.email=ana@example.org", "-c", "commit.gpgsign=false", *arguments],
        cwd=server.directory, check=True, capture_output=True, text=True).stdout.strip()
    git("init", "-q")
    git("add", "bellwether.toml")
    git("commit", "-q", "-m", "first")
    server.rewrite('[log]\nlevel = "warn"\n[[team]]\nname = "shop"\nmembers = ["ana"]\n')
    reloads = lambda: [one for one in entries(server, {}) if one["action"] == "reloaded"]
    told = wait_for(reloads, what="the reload in the log")[0]
    assert told["commit"] == git("rev-parse", "HEAD") and told["subject"].endswith("bellwether.toml")
    assert json.loads(told["before"]) == {"log.level": "info"}
    assert json.loads(told["after"]) == {
        "log.level": "warn", "team": {"added": ["shop"], "changed": [], "removed": []}}


def test_deeds_downtimes_and_who_is_on_call_are_told_with_before_and_after(bellwether):
    server = bellwether(CLOSED + '[[check]]\nname = "disk"\ntype = "passive"\n[[contact]]\nname = "ana"\nchannels = ["log"]\n')
    root = person(server, "root", "admin")
    number = server.post("/api/v1/incidents", {"title": "down"}, headers=root).json["id"]
    assert server.post(f"/api/v1/incidents/{number}/acknowledge", {"comment": "on it"}, headers=root).status == 200
    now = int(time.time())
    plan = {"check": "disk", "start": now, "end": now + 60, "comment": "work"}
    downtime = server.post("/api/v1/downtimes", plan, headers=root).json["id"]
    assert server.request("DELETE", f"/api/v1/downtimes/{downtime}", headers=root).status == 204
    for wait in ("1min", "2min"):
        policy = {"step": [{"notify": ["ana"], "wait": wait}]}
        assert server.put("/api/v1/escalation-policies/web", policy, headers=root).status == 200
    layer = {"people": ["ana"], "rotation": "weekly", "start": "2020-01-06"}
    made = server.put("/api/v1/schedules/web", {"layer": [layer]}, headers=root)
    assert made.status == 200, made.text
    # The newest of each.
    told = {f"{one['action']} {one['subject']}": one for one in reversed(entries(server, root))}
    side = lambda subject, which: json.loads(told[subject][which]) if told[subject][which] else None
    deed = f"posted incidents/{number}/acknowledge"
    assert side(deed, "before")["phase"] == "open" and side(deed, "after")["phase"] == "acknowledged"
    assert side(deed, "before")["owner"] is None and side(deed, "after")["owner"] == "root"
    assert side("posted downtimes", "after")[str(downtime)]["comment"] == "work"
    assert str(downtime) in side(f"removed downtimes/{downtime}", "before")
    assert side("changed escalation-policies/web", "before")["step"][0]["wait"] == "1min"
    assert side("changed escalation-policies/web", "after")["step"][0]["wait"] == "2min"
    assert side("changed schedules/web", "before") is None and side("changed schedules/web", "after")["layer"][0]["people"] == ["ana"]


def test_what_people_write_and_switch_is_told_with_before_and_after(bellwether):
    server = bellwether(CLOSED + """
[[check]]
name = "disk"
type = "passive"
max_check_attempts = 1
[[contact]]
name = "ana"
channels = ["log"]
[[contact]]
name = "root"
channels = ["log"]
[[schedule]]
name = "web"
[[schedule.layer]]
people = ["ana"]
rotation = "weekly"
start = "2020-01-06"
[[monitor]]
name = "backup"
kind = "heartbeat"
period = "1d"
[status_page]
enabled = true
components = ["Shop"]
""")
    root = person(server, "root", "admin")
    form = {**root, "Content-Type": "application/x-www-form-urlencoded"}
    now = int(time.time())

    def do(method, path, body=b"", headers=root, expected=2):
        answer = server.send(method, path, body, headers, 30)
        assert answer.status // 100 == expected, (path, answer.status, answer.text)
        return answer.json if answer.body else None
    over = do("POST", "/api/v1/overrides", {"schedule": "web", "person": "root", "until": now + 3600, "note": "dentist"})["id"]
    do("DELETE", f"/api/v1/overrides/{over}")
    cover = do("POST", "/api/v1/cover", {"schedule": "web", "person": "ana", "until": now + 3600})["id"]
    feed = do("POST", "/api/v1/oncall/calendars", {"schedule": "web"})
    do("PUT", "/api/v1/me/rules", {"rules": [{"severity": "any", "steps": [{"after": "0s", "channel": "log"}]}]})
    do("POST", "/api/v1/checks/disk/result", {"status": 2, "output": "full"})
    do("POST", "/api/v1/checks/disk/ack", {"comment": "on it"})
    do("PUT", "/api/v1/checks/disk/notifications", {"enabled": False})
    do("POST", "/api/v1/heartbeats/backup/pause")
    post = do("POST", "/api/v1/status-posts", {"title": "Slow", "text": "We look.", "components": {"Shop": "degraded"}})["id"]
    do("DELETE", f"/api/v1/status-posts/{post}")
    number = do("POST", "/api/v1/incidents", {"title": "down"})["id"]
    do("POST", f"/api/v1/incidents/{number}/resolve", {"comment": "up"})
    begun = do("POST", "/api/v1/post-mortems", {"incident": number})
    place = f"post-mortems/{begun['id']}"
    do("PUT", f"/api/v1/{place}", {"version": begun["version"], "text": {**begun["text"], "title": "Orders were lost"}})
    do("POST", f"/api/v1/{place}/follow-ups", {"what": "an alarm", "owner": "ana", "due": "2030-01-01", "kind": "task"})
    for state in ("a", "b"):
        do("POST", "/dashboard/save/Shop", "state=" + json.dumps({"name": "Shop", "graphs": [], "say": state}), form)
    # It is refused with status 200, as the original does: nothing is written down of it.
    ana = person(server, "ana", "viewer")
    do("POST", "/dashboard/save/Shop", 'state={"say":"mine"}', {**ana, "Content-Type": form["Content-Type"]})
    do("POST", "/dashboard/save_template/T/web1", 'state={"graphs":[]}', form)
    do("POST", "/dashboard/delete_template/T", b"", form)
    do("POST", "/dashboard/delete/Shop", b"", form)
    do("POST", "/dashboard/delete/Shop", b"", form)

    all_of_them = [one for one in entries(server, root) if one["who"] == "root"]
    told = lambda action, subject: [
        tuple(one[side] and json.loads(one[side]) for side in ("before", "after"))
        for one in reversed(all_of_them) if (one["action"], one["subject"]) == (action, subject)]
    assert told("posted", "overrides")[0][1][str(over)]["note"] == "dentist" and told("removed", f"overrides/{over}")[0][0][str(over)]["person"] == "root"
    assert told("posted", "cover")[0][1][str(cover)]["person"] == "ana"
    assert told("posted", "oncall/calendars")[0][1][str(feed["id"])]["schedule"] == "web"
    assert told("changed", "me/rules")[0][1]["rules"][0]["steps"][0]["channel"] == "log"
    assert told("posted", "checks/disk/ack")[0][1]["acknowledgement"]["comment"] == "on it"
    assert told("changed", "checks/disk/notifications") == [({"notifications_enabled": True}, {"notifications_enabled": False})]
    assert told("posted", "heartbeats/backup/pause")[0][1] == {"status": "paused"}
    assert told("posted", "status-posts")[0][1][str(post)]["title"] == "Slow" and told("removed", f"status-posts/{post}")[0][1] is None
    assert told("posted", "post-mortems")[0][1][str(begun["id"])]["incident"] == number
    before, after = told("changed", place)[0]
    assert before["text"]["title"] != "Orders were lost" and after["text"]["title"] == "Orders were lost"
    assert [one["what"] for one in told("posted", f"{place}/follow-ups")[0][1]["follow_ups"].values()] == ["an alarm"]
    assert [(before and before["say"], after and after["say"]) for before, after in told("changed", "dashboard/Shop")] == [(None, "a"), ("a", "b")]
    assert [before["say"] for before, _ in told("removed", "dashboard/Shop")] == ["b"], "what was not there is not removed"
    assert told("changed", "dashboard-template/T") and told("removed", "dashboard-template/T")
    assert not [one for one in entries(server, root, who="ana") if one["subject"].startswith("dashboard")]
    secret = feed["path"].rsplit("/", 1)[1].removesuffix(".ics")
    assert secret not in server.get("/api/v1/audit", headers=root).text
