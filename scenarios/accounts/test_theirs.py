"""Two teams in one installation: each deals with what is theirs, and the other's is as if it were not there."""
import json
import time
import urllib.parse

import pytest

from support.people import person
from support.screen import Screen
from support.server import replace, wait_for

KEY = "0123456789abcdef0123"
CLOSED = f'''[auth]
mode = "required"
[heartbeats]
ping_key = "{KEY}"
[[team]]
name = "shop"
members = ["ana"]
prefixes = ["shop."]
[[team]]
name = "post"
members = ["ben"]
prefixes = ["mail.", "post."]
[[monitor]]
name = "shop.job"
kind = "heartbeat"
slug = "shop-job"
[[monitor]]
name = "mail.job"
kind = "heartbeat"
slug = "mail-job"
[[monitor]]
name = "errors"
target = "*.shared.errors"
critical = "> 10"
[[host]]
name = "shop.web"
[[check]]
name = "shop.http"
host = "shop.web"
type = "passive"
[[check]]
name = "mail.smtp"
host = "shop.web"
type = "passive"
'''


@pytest.fixture
def server(bellwether):
    return bellwether(CLOSED)


@pytest.fixture
def people(server):
    return {"ana": person(server, "ana", "editor"), "ben": person(server, "ben", "responder"), "root": person(server, "root", "admin")}


def incidents(server, who):
    answer = server.get("/api/v1/incidents?state=all", headers=who)
    assert answer.status == 200, answer.text
    assert answer.json["open"] >= len([one for one in answer.json["incidents"] if not one["closed"]])
    return {one["reason"]: one for one in answer.json["incidents"]}


def names(server, who, path, key):
    return [one["name"] for one in server.get(path, headers=who).json[key]]


def test_each_team_deals_with_its_own_incidents(server, people):
    ana, ben, root = people["ana"], people["ben"], people["root"]
    screens = {name: Screen(server, who) for name, who in people.items()}
    for slug in ("shop-job", "mail-job"):
        assert server.post(f"/ping/{KEY}/{slug}/fail").status == 200
    wait_for(lambda: {"monitor:shop.job", "monitor:mail.job"} <= set(incidents(server, root)), what="both incidents")
    of_ana, of_ben = incidents(server, ana), incidents(server, ben)
    assert (list(of_ana), list(of_ben)) == (["monitor:shop.job"], ["monitor:mail.job"])
    assert server.get("/api/v1/incidents", headers=ana).json["open"] == 1
    own, foreign = of_ana["monitor:shop.job"]["id"], of_ben["monitor:mail.job"]["id"]
    shown = server.get(f"/api/v1/incidents/{own}", headers=ana)
    assert shown.status == 200 and [one["monitor"] for one in shown.json["troubles"]] == ["shop.job"]
    assert server.get(f"/api/v1/incidents/{own}/moved", headers=ana).status == 200
    # What is another's is answered word for word as what was never there.
    gone = lambda answer, number: (answer.status, answer.text.replace(f"incident {number}", "incident N"))
    deeds = {"acknowledge": {}, "note": {"text": "x"}, "snooze": {"for": "1h"}, "resolve": {}, "judge": {"useful": True}, "take": {},
             "handover": {"to": "ana"}, "escalate": {}, "severity": {"severity": "warning"}, "reopen": {}, "merge": {"into": own},
             "split": {"members": [{"monitor": "mail.job"}]}, "silence": {"for": "1h", "comment": "x"}}
    for verb, body in deeds.items():
        ask = lambda number: gone(server.post(f"/api/v1/incidents/{number}/{verb}", body, headers=ana), number)
        assert ask(foreign) == ask(9999) and ask(foreign)[0] == 404, verb
    merged = server.post(f"/api/v1/incidents/{own}/merge", {"into": foreign}, headers=ana)
    assert merged.status == 404, merged.text
    for path in ("", "/moved"):
        ask = lambda number: gone(server.get(f"/api/v1/incidents/{number}{path}", headers=ana), number)
        assert ask(foreign) == ask(9999) and ask(foreign)[0] == 404, path
    done = server.post(f"/api/v1/incidents/{own}/acknowledge", {"comment": "on it"}, headers=ana)
    assert done.status == 200 and done.json["owner"] == "ana"
    assert incidents(server, root)["monitor:mail.job"]["owner"] is None
    assert len(server.get(f"/api/v1/incidents/{foreign}", headers=ben).json["timeline"]) > 0
    screens["ana"].sees(id=own, owner="ana")
    screens["ben"].sees(id=foreign)
    screens["root"].sees(id=own, owner="ana")
    assert {one["id"] for one in screens["ana"].seen} == {own} and {one["id"] for one in screens["ben"].seen} == {foreign}


def test_of_a_shared_incident_each_sees_their_part(server, people):
    ana, ben, root = people["ana"], people["ben"], people["root"]
    screen = Screen(server, ana)

    def both_are_bad():
        now = int(time.time())
        server.carbon_send("".join(f"{team}.shared.errors 99 {now}\n" for team in ("shop", "mail")).encode())
        one = incidents(server, root).get("monitor:errors")
        return one if one and one["bad"] == 2 else None

    number = wait_for(both_are_bad, pause=0.5, what="an incident of both teams")["id"]
    for who, own, foreign in ((ana, "shop.", "mail."), (ben, "mail.", "shop.")):
        listed = incidents(server, who)["monitor:errors"]
        assert (listed["bad"], listed["instances"]) == (1, 1)
        shown = server.get(f"/api/v1/incidents/{number}", headers=who)
        assert [one["instance"] for one in shown.json["troubles"]] == [f"{own}shared.errors"]
        monitor = server.get("/api/v1/monitors/errors", headers=who)
        assert (monitor.json["instances"], monitor.json["in_trouble"]) == (1, 1)
        assert (monitor.json["definition"], monitor.json["toml"]) == ({}, ""), "its target is of all"
        for text in (shown.text, monitor.text):
            assert foreign not in text, text
    assert server.get("/api/v1/monitors/errors", headers=root).json["definition"]["monitor"]["target"] == "*.shared.errors"
    assert server.get(f"/api/v1/incidents/{number}", headers=root).json["bad"] == 2
    screen.sees(id=number, bad=1)
    assert {one["bad"] for one in screen.seen} <= {0, 1}
    # A word is for everybody who has to do with it; only their own members can be moved or silenced.
    assert server.post(f"/api/v1/incidents/{number}/note", {"text": "we look"}, headers=ana).status == 200
    told = server.get(f"/api/v1/incidents/{number}", headers=ben).json["timeline"]
    assert [(one["who"], one["text"]) for one in told if one["kind"] == "note"] == [("ana", "we look")]
    moved = server.post(f"/api/v1/incidents/{number}/split", {"members": [{"monitor": "errors", "instance": "mail.shared.errors"}]}, headers=ana)
    assert moved.status == 400 and "not a member" in moved.text
    silenced = server.post(f"/api/v1/incidents/{number}/silence", {"for": "1h", "comment": "known"}, headers=ana)
    assert silenced.status == 200, silenced.text
    [silence] = server.get("/api/v1/silences", headers=root).json["silences"]
    assert [(one["monitor"], one["instance"]) for one in silence["matchers"]] == [("errors", "shop.shared.errors")]


def test_what_is_watched_is_theirs_by_its_name(server, people):
    ana, ben, root = people["ana"], people["ben"], people["root"]
    assert names(server, ana, "/api/v1/monitors", "monitors") == ["shop.http", "shop.job", "shop.web"]
    assert names(server, ben, "/api/v1/checks", "monitors") == ["mail.smtp"] and names(server, ben, "/api/v1/hosts", "monitors") == []
    assert names(server, ana, "/api/v1/heartbeats", "heartbeats") == ["shop.job"]
    result = {"status": 2, "output": "down"}
    assert server.post("/api/v1/checks/shop.http/result", result, headers=ana).status == 200
    assert server.post("/api/v1/checks/shop.http/ack", {"comment": "known"}, headers=ana).json == {"acknowledged": True}
    assert server.post("/api/v1/heartbeats/shop.job/pause", headers=ana).status == 204
    same = lambda a, b: (a.status, a.text.replace("mail.smtp", "N").replace("mail.job", "N").replace("mail-job", "N")) == (b.status, b.text.replace("none", "N"))
    for path in ("/api/v1/checks/{}", "/api/v1/checks/{}/history", "/api/v1/monitors/{}"):
        foreign, none = (server.get(path.format(name), headers=ana) for name in ("mail.smtp", "none"))
        assert foreign.status == 404 and same(foreign, none), foreign.text
    for path, body in (("/result", result), ("/ack", {"comment": "x"}), ("/comments", {"comment": "x"}), ("/notify", {"comment": "x"}), ("/run", {})):
        foreign, none = (server.post(f"/api/v1/checks/{name}{path}", body, headers=ana) for name in ("mail.smtp", "none"))
        assert foreign.status == 404 and same(foreign, none), (path, foreign.text)
    # By slug it is the same heartbeat.
    for name in ("mail.job", "mail-job"):
        for path in ("pause", "resume", "ping"):
            answer = server.post(f"/api/v1/heartbeats/{name}/{path}", {} if path == "ping" else b"", headers=ana)
            assert answer.status == 404, answer.text
    assert server.get("/api/v1/heartbeats/mail.job", headers=root).json["status"] == "new"
    # A rule is read by the whole server, whoever wrote it: a part may not make one that reads what is others'.
    rule = {"monitor": {"target": "mail.**", "critical": "> 1"}}
    assert server.put("/api/v1/monitors/shop.mine", rule, headers=ana).status == 403


def test_what_somebody_declares_is_their_teams(server, people):
    ana, ben = people["ana"], people["ben"]
    made = server.post("/api/v1/incidents", {"title": "nobody can pay"}, headers=ana)
    assert made.status == 201, made.text
    assert [one["title"] for one in incidents(server, ana).values()] == ["nobody can pay"] and incidents(server, ben) == {}
    foreign = server.post("/api/v1/incidents", {"title": "x", "key": "shop.pay"}, headers=ben)
    assert foreign.status == 400 and "mail." in foreign.json["hint"]
    own = server.post("/api/v1/incidents", {"title": "no letters", "key": "post.out"}, headers=ben)
    assert own.status == 201 and list(incidents(server, ben)) == ["declared:key:post.out"]
    assert server.post(f"/api/v1/incidents/{own.json['id']}/resolve", headers=ben).json["phase"] == "resolved"


def test_dashboards_are_theirs_by_their_name(server, people):
    ana, root = people["ana"], people["root"]
    state = urllib.parse.urlencode({"state": json.dumps({"graphs": []})}).encode()
    save = lambda who, name: server.post(f"/dashboard/save/{name}", state, headers=who).text
    names = lambda who, part="": [one["name"] for one in server.get(f"/dashboard/find/?query={part}", headers=who).json["dashboards"]]
    assert "success" in save(root, "mail.queues") and "success" in save(ana, "shop.orders")
    for foreign in ("mail.queues", "everything", "temporary-0"):
        assert "permissions" in save(ana, foreign), foreign
    assert "permissions" in server.post("/dashboard/create-temporary/", state, headers=ana).text
    assert names(ana) == ["shop.orders"] and names(root) == ["mail.queues", "shop.orders"]
    assert "mail.queues" not in server.get("/dashboard", headers=ana).text
    for path in ("/dashboard/load/{}", "/dashboard/delete/{}"):
        ask = lambda name: server.get(path.format(name), headers=ana).text.replace(name, "N")
        assert ask("mail.queues") == ask("none") and "does not exist" in ask("none"), path
    assert server.get("/dashboard/mail.queues", headers=ana).status == 404
    template = urllib.parse.urlencode({"state": json.dumps({"graphs": [["a", {"target": ["mail.x"]}, ""]]})}).encode()
    assert "success" in server.post("/dashboard/save_template/mail.t/x", template, headers=root).text
    assert "permissions" in server.post("/dashboard/save_template/mail.t/x", template, headers=ana).text
    assert "does not exist" in server.get("/dashboard/load_template/mail.t/y", headers=ana).text
    assert names(root) == ["mail.queues", "shop.orders"]


def test_another_team_of_the_files_ends_what_is_open(server, people):
    ana = people["ana"]
    screen = Screen(server, ana)
    replace(server.config_file, CLOSED.replace('members = ["ana"]', 'members = ["dee"]').replace('members = ["ben"]', 'members = ["ben", "ana"]'))
    screen.ends()
    assert names(server, ana, "/api/v1/heartbeats", "heartbeats") == ["mail.job"]
    again = Screen(server, ana)
    for slug in ("shop-job", "mail-job"):
        assert server.post(f"/ping/{KEY}/{slug}/fail").status == 200
    own = wait_for(lambda: incidents(server, ana).get("monitor:mail.job"), what="the incident of the other team")["id"]
    again.sees(id=own)
    assert {one["id"] for one in again.seen} == {own}


SECRET = "Bearer-k3y-of-the-check"
HEADERS = f'''[auth]
mode = "required"
[[check]]
name = "api"
type = "http"
url = "http://127.0.0.1:9/"
headers = {{ Authorization = "{SECRET}" }}
[[check]]
name = "disk"
type = "plugin"
command = ["/bin/true", "-p", "{SECRET}"]
variables = {{ KEY = "{SECRET}" }}
[[check]]
name = "query"
type = "http"
url = "http://127.0.0.1:9/?key={SECRET}"
[[check]]
name = "buy"
type = "job"
steps = [{{ name = "a", url = "http://127.0.0.1:9/", headers = {{ X-Key = "{SECRET}" }} }}]
'''


def test_what_a_check_sends_is_for_who_may_change_it(bellwether):
    server = bellwether(HEADERS)
    roles = {role: person(server, role, role) for role in ("viewer", "responder", "editor", "admin")}
    for role, who in roles.items():
        for name in ("api", "buy", "disk", "query"):
            shown = server.get(f"/api/v1/monitors/{name}", headers=who)
            assert "(hidden)" in shown.text or role in ("editor", "admin"), (role, name)
            assert shown.status == 200 and (SECRET in shown.text) == (role in ("editor", "admin")), (role, name)
    assert SECRET not in server.get("/api/v1/graph?target=a", headers=roles["viewer"]).text
    # What is shown in its place is no value.
    hidden = {"check": {"type": "http", "url": "http://127.0.0.1:9/", "headers": {"Authorization": "(hidden)"}}}
    refused = server.put("/api/v1/monitors/other", hidden, headers=roles["editor"])
    assert refused.status == 400 and "in place of one" in refused.text
    # Nor do checks tell editors of the files of this machine.
    file = {"type": "file", "path": str(server.config_file)}
    for ask in (lambda who: server.post("/api/v1/trial", {"check": file}, headers=who),
                lambda who: server.put("/api/v1/monitors/file", {"check": file}, headers=who)):
        refused = ask(roles["editor"])
        assert refused.status == 403 and "administrator" in refused.json["hint"], refused.text
        assert ask(roles["admin"]).status == 200
    trusting = {"type": "tcp", "address": "127.0.0.1", "port": 9, "tls": True, "ca_file": str(server.config_file)}
    refused = server.post("/api/v1/trial", {"check": trusting}, headers=roles["editor"])
    assert refused.status == 403 and "administrator" in refused.json["hint"], refused.text


def test_downtimes_and_silences_are_theirs(server, people):
    ana, ben, root = people["ana"], people["ben"], people["root"]
    now = int(time.time())
    plan = lambda who, **of: server.post("/api/v1/downtimes", {"start": now - 1, "end": now + 3600, "comment": "x", **of}, headers=who)
    # Ben's check is on her host: what holds back the host would hold it back.
    shared = plan(ana, host="shop.web")
    assert shared.status == 403 and "not yours" in shared.text and "mail" not in shared.text, shared.text
    # So would a word that it is down.
    down = lambda who: server.post("/api/v1/hosts/shop.web/result", {"status": 1, "output": "down"}, headers=who)
    refused = down(ana)
    assert refused.status == 403 and "not yours" in refused.text and "mail" not in refused.text, refused.text
    assert down(people["root"]).status == 200
    own, foreign = plan(ana, check="shop.http").json["id"], plan(root, check="mail.smtp").json["id"]
    gone = lambda answer, name: (answer.status, answer.text.replace(str(name), "N"))
    assert gone(plan(ana, check="mail.smtp"), "mail.smtp") == gone(plan(ana, check="none"), "none") and plan(ana, check="none").status == 404
    assert gone(plan(ana, check="shop.http", triggered_by=foreign), foreign) == gone(plan(ana, check="shop.http", triggered_by=9999), 9999)
    listed = lambda who: [one["id"] for one in server.get("/api/v1/downtimes", headers=who).json["downtimes"]]
    assert (listed(ana), listed(ben), sorted(listed(root))) == ([own], [foreign], sorted([own, foreign]))
    cancel = lambda who, number: server.request("DELETE", f"/api/v1/downtimes/{number}", headers=who)
    assert gone(cancel(ana, foreign), foreign) == gone(cancel(ana, 9999), 9999) and cancel(ana, foreign).status == 404
    assert cancel(ana, own).status == 204 and listed(root) == [foreign]
    # A silence is theirs when nothing else can match it.
    quiet = lambda who, *matchers: server.post("/api/v1/silences", {"matchers": list(matchers), "until": now + 3600, "reason": "x"}, headers=who)
    for wide in ({"monitor": "*"}, {"monitor": "mail.job"}, {"monitor": "sho*"}, {"monitor": "{shop.a,mail.b}"}, {"monitor": "[s]hop.*"}, {"host": "shop.web"},
                 {"monitor": "errors"}, {"monitor": "errors", "instance": "*.shared.errors"}, {"monitor": f"shop.{{{','.join(map(str, range(65)))}}}"}):
        for matchers in ([wide], [{"monitor": "shop.*"}, wide]):
            refused = quiet(ana, *matchers)
            assert refused.status == 403 and "shop." in refused.json["hint"], (matchers, refused.text)
    mine, others = quiet(ana, {"monitor": "shop.*"}, {"monitor": "errors", "instance": "shop.*"}).json["id"], quiet(root, {"monitor": "*.job"}).json["id"]
    silences = lambda who: [one["id"] for one in server.get("/api/v1/silences", headers=who).json["silences"]]
    assert (silences(ana), silences(ben), sorted(silences(root))) == ([mine], [], sorted([mine, others]))
    end = lambda who, number: server.request("DELETE", f"/api/v1/silences/{number}", headers=who)
    assert gone(end(ana, others), others) == gone(end(ana, 9999), 9999) and end(ben, mine).status == 404
    assert end(ana, mine).status == 204 and silences(root) == [others]


def test_what_helped_the_last_time_is_theirs(server, people):
    ana, ben = people["ana"], people["ben"]
    for slug in ("shop-job", "mail-job"):
        assert server.post(f"/ping/{KEY}/{slug}/fail").status == 200
    own = wait_for(lambda: incidents(server, ana).get("monitor:shop.job"), what="the incident of ana")["id"]
    foreign = wait_for(lambda: incidents(server, ben).get("monitor:mail.job"), what="the incident of ben")["id"]
    helped = lambda number: server.post(f"/api/v1/incidents/{number}/helped", {"text": "turned it off and on"}, headers=ana)
    earlier = lambda number: server.get(f"/api/v1/incidents/{number}/earlier", headers=ana)
    for ask in (helped, earlier):
        gone = lambda number: (ask(number).status, ask(number).text.replace(f"incident {number}", "incident N"))
        assert gone(foreign) == gone(9999) and gone(foreign)[0] == 404
    assert helped(own).status == 200 and earlier(own).json == {"earlier": [], "post_mortems": []}


def test_rules_for_levels_tell_no_names_of_others(server, people):
    rules = [{"pattern": pattern, "level": "business"} for pattern in ("shop.orders", "mail.sent", "*.revenue", "{shop,mail}.x")]
    assert server.put("/api/v1/levels", {"rules": rules}, headers=people["root"]).status == 200
    shown = lambda who: [rule["pattern"] for rule in server.get("/api/v1/levels", headers=people[who]).json["rules"]]
    assert shown("root") == [rule["pattern"] for rule in rules]
    assert (shown("ana"), shown("ben")) == (["shop.orders", "*.revenue"], ["mail.sent", "*.revenue"])
    # An editor says it of their own names, and of nobody else's.
    put = lambda who, *patterns: server.put("/api/v1/levels", {"rules": [{"pattern": pattern, "level": "feature"} for pattern in patterns]}, headers=people[who])
    assert put("ben", "mail.own").status == 403, "ben is no editor"
    for foreign in ("mail.own", "*.other", "sho*", "{shop,mail}.y", "**"):
        assert put("ana", "shop.own", foreign).status == 403, foreign
    done = put("ana", "shop.own", "shop.more")
    assert done.status == 200 and [rule["pattern"] for rule in done.json["rules"]] == ["shop.own", "shop.more", "*.revenue"], done.text
    assert shown("root") == ["shop.own", "shop.more", "mail.sent", "*.revenue", "{shop,mail}.x"]


ON_CALL = CLOSED.replace('name = "shop.http"', 'name = "shop.http"\nescalation_policy = "shop"').replace(
    'name = "mail.smtp"', 'name = "mail.smtp"\nescalation_policy = "mail"') + "".join(f'''
[[schedule]]
name = "{name}"
[[schedule.layer]]
people = ["{person}"]
rotation = "weekly"
start = "2026-01-05"
''' for name, person in (("shop", "ana"), ("mail", "ben"), ("both", "cho"))) + "".join(f'''
[[escalation_policy]]
name = "{name}"
[[escalation_policy.step]]
notify = ["schedule:{name}", "schedule:both"]
wait = "5m"
''' for name in ("shop", "mail")) + "".join(f'''
[[contact]]
name = "{name}"
channels = ["log"]
''' for name in ("ana", "ben", "cho"))


def test_schedules_are_theirs_that_answer_for_theirs(bellwether):
    server = bellwether(ON_CALL)
    ana, ben, root = (person(server, name, role) for name, role in (("ana", "responder"), ("ben", "responder"), ("root", "admin")))
    for path in ("/api/v1/schedules", "/api/v1/oncall"):
        assert [names(server, who, path, "schedules") for who in (ana, ben, root)] == [["both", "shop"], ["both", "mail"], ["both", "mail", "shop"]], path
    assert "ben" not in server.get("/api/v1/oncall", headers=ana).text
    for path in ("", "/shifts", "/gaps"):
        ask = lambda name: server.get(f"/api/v1/schedules/{name}{path}", headers=ana)
        assert ask("shop").status == ask("both").status == 200
        assert (ask("mail").status, ask("mail").text.replace("mail", "N")) == (ask("none").status, ask("none").text.replace("none", "N")) and ask("none").status == 404, path
    until = int(time.time()) + 3600
    stand_in = lambda who, schedule, **more: server.post("/api/v1/overrides", {"schedule": schedule, "until": until, **more}, headers=who)
    assert stand_in(ana, "mail").status == stand_in(ana, "none").status == 404
    shared = stand_in(ana, "both")
    assert shared.status == 403 and "what others see" in shared.text, shared.text
    for stranger in ("ben", "nobody"):
        refused = stand_in(ana, "shop", person=stranger)
        assert refused.status == 400 and "neither of your teams" in refused.text, "who there is elsewhere is not told"
    own, foreign = stand_in(ana, "shop", note="mine").json["id"], stand_in(root, "mail", person="cho").json["id"]
    listed = lambda who: [one["id"] for one in server.get("/api/v1/overrides", headers=who).json["overrides"]]
    assert (listed(ana), listed(ben), sorted(listed(root))) == ([own], [foreign], sorted([own, foreign]))
    end = lambda who, number: server.request("DELETE", f"/api/v1/overrides/{number}", headers=who)
    assert end(ana, foreign).status == end(ana, 9999).status == 404
    assert end(ana, own).status == 204 and listed(root) == [foreign]
    assert server.put("/api/v1/schedules/shop", {"layer": []}, headers=ana).status == 403


def test_a_proof_tells_a_part_of_its_own_rules(server, people):
    ana, root = people["ana"], people["root"]
    begun = server.post("/api/v1/proof", {"from": "-1d"}, headers=root)
    assert begun.status == 202, begun.text
    path = f"/api/v1/proof/{begun.json['id']}"
    wait_for(lambda: server.get(path, headers=root).json["state"] != "running", what="the proof")
    whole, part = server.get(path, headers=root).json, server.get(path, headers=ana).json
    assert whole["state"] == "done" and whole["sentence"] and whole["proof"]["sent"], whole
    assert (part["state"], part["sentence"], part["author"]) == ("done", "", "")
    assert set(part["proof"]) <= {"from", "until", "known_from", "first_report_at", "unfinished", "rules", "proposals", "doubts"}
    assert "mail" not in json.dumps(part)
    assert [one["author"] for one in server.get("/api/v1/proof", headers=ana).json["proofs"]] == [""]
    assert server.post("/api/v1/proof", {}, headers=ana).status == 403


def test_a_check_on_which_others_depend_is_not_theirs_to_fail(bellwether):
    server = bellwether(CLOSED + '''[[dependency]]
check = "shop.http"
dependent_check = "mail.smtp"
notification_failure = ["c"]
''')
    ana, root = person(server, "ana", "editor"), person(server, "root", "admin")
    send = lambda who: server.post("/api/v1/checks/shop.http/result", {"status": 2, "output": "full"}, headers=who)
    refused = send(ana)
    assert refused.status == 403 and "depend on it and are not yours" in refused.text, refused.text
    assert send(root).status == 200


def test_how_others_hosts_are_is_not_told_with_what_is_behind_them(bellwether):
    server = bellwether(CLOSED + '''[[host]]
name = "mail.box"
[[host]]
name = "shop.db"
parents = ["mail.box", "shop.web"]
[[check]]
name = "shop.queue"
host = "mail.box"
type = "passive"
''')
    ana, root = person(server, "ana", "editor"), person(server, "root", "admin")
    before = lambda path, who: sorted(one["host"] for one in server.get(path, headers=who).json["parents"])
    assert before("/api/v1/hosts/shop.db", ana) == ["shop.web"] and before("/api/v1/checks/shop.queue", ana) == []
    assert before("/api/v1/hosts/shop.db", root) == ["mail.box", "shop.web"] and before("/api/v1/checks/shop.queue", root) == ["mail.box"]
