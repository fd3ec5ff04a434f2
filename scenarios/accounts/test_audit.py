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
