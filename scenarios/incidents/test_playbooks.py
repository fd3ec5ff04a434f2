"""What to do when something fires: written together, read on the phone, ticked off."""
import re
import urllib.parse

from support.people import person

UPLOADS = """# Uploads
1. Look at the provider's status page
2. Roll back if something was deployed just before
3. Tell support what you see
4. Write down what helped

## in the evening
- [ ] sleep
"""
CONFIG = """
[incidents]
group_window = "0s"
[[contact]]
name = "ana"
channels = ["chat"]
[[channel]]
name = "chat"
type = "webhook"
url = "{hook}"
[[host]]
name = "web"
[[check]]
name = "uploads"
host = "web"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
playbook = "uploads"
[[check]]
name = "evening"
host = "web"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
playbook = "uploads#in the evening"
[[check]]
name = "bare"
host = "web"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
[[check]]
name = "lost"
host = "web"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
playbook = "uploads#nowhere"
"""


def fail(server, name):
    answer = server.post(f"/api/v1/checks/{name}/result", {"status": 2, "output": f"{name} is broken"})
    assert answer.status == 200, answer.text


def write(server, name, text, version=0, **more):
    return server.put(f"/api/v1/playbooks/{name}", {"text": text, "version": version}, **more)


def press(server, link, **fields):
    answer = server.request("POST", link, urllib.parse.urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200, answer.text
    return answer.text


def buttons(html):
    """[(do, step, version)] of the steps on the page."""
    found = re.findall(r'name="do" value="(\w+)"><input type="hidden" name="version" value="(\d+)"><button class="step" name="step" value="(\d+)"', html)
    return [(do, int(step), int(version)) for do, version, step in found]


def test_woken_at_three_the_playbook_is_open_and_its_steps_are_ticked(bellwether, hook):
    server = bellwether(CONFIG.format(hook=hook.url))
    assert write(server, "uploads", UPLOADS).json["version"] == 1
    fail(server, "uploads")
    [(_, told, _)] = hook.wait(1)
    assert told["playbook"].startswith("playbook uploads, Uploads\n1. Look at the provider's status page\n2. Roll back")
    assert "3. Tell support" in told["text"] and "… and more on the incident's page" in told["text"]
    link = urllib.parse.urlsplit(told["acknowledge"]).path
    html = server.get(link).text
    assert "What to do: Uploads" in html and "Roll back if something was deployed" in html and "Write down" not in html
    assert buttons(html) == [("tick", step, 1) for step in (1, 2, 3)]
    html = press(server, link, do="tick", step=2, version=1)
    assert buttons(html) == [("tick", 1, 1), ("untick", 2, 1), ("tick", 3, 1), ("tick", 4, 1)]
    assert re.search(r'Roll back[^<]*<span class="muted">ana, \d\d:\d\d:\d\d</span>', html)
    # Somebody improves it in the middle of the night: what is done stays done, also for a page that is older.
    assert write(server, "uploads", UPLOADS.replace("1. Look", "1. Breathe\n1. Look"), 1).json["version"] == 2
    html = press(server, link, do="tick", step=1, version=1)
    guide = server.get("/api/v1/incidents/1/playbook").json
    assert (guide["name"], guide["version"], guide["title"]) == ("uploads", 2, "Uploads")
    done = {step["text"]: step["ticked"] and step["ticked"]["by"] for step in guide["steps"][:3]}
    assert done == {"Breathe": None, "Look at the provider's status page": "ana", "Roll back if something was deployed just before": "ana"}
    assert "<strong>CRITICAL</strong>" in press(server, link, do="acknowledge")
    unticked = server.post("/api/v1/incidents/1/untick", {"step": 2, "version": 2, "author": "ben"}).json
    assert unticked["steps"][1]["ticked"] is None
    lines = [(line["kind"], line["who"], line["text"]) for line in server.get("/api/v1/incidents/1").json["timeline"] if "ticked" in line["kind"]]
    look = "Look at the provider's status page"
    assert lines == [("ticked", "ana", "Roll back if something was deployed just before"), ("ticked", "ana", look), ("unticked", "ben", look)]
    for body, status in [({"step": 99, "version": 2}, 400), ({"step": 0, "version": 2}, 400), ({"step": 1}, 422), ({"step": 1, "version": 77}, 409)]:
        assert server.post("/api/v1/incidents/1/tick", body).status == status, body
    wrong = server.request("POST", link, b"do=tick&step=x&version=1")
    assert wrong.status == 400 and "needs the number of a `step`" in wrong.text
    assert server.post("/api/v1/incidents/1/resolve").status == 200
    assert server.post("/api/v1/incidents/1/tick", {"step": 1, "version": 2}).status == 409
    over = server.get(link).text
    assert buttons(over) == [] and "☑ Roll back" in over


def test_what_is_missing_is_said_and_written_where_it_is_missed(bellwether, hook):
    server = bellwether(CONFIG.format(hook=hook.url))
    assert server.get("/api/v1/playbooks").json["missing"] == ["bare", "evening", "lost", "uploads"]
    assert server.get("/api/v1/monitors/lost").json["problems"] == ["there is no playbook `uploads` yet"]
    fail(server, "bare")
    guide = server.get("/api/v1/incidents/1/playbook").json
    assert (guide["steps"], guide["missing"], guide["problem"]) == ([], "bare", "nobody has written down yet what to do")
    write(server, "bare", "- [ ] turn it off\n- [ ] and on")
    assert [step["text"] for step in server.get("/api/v1/incidents/1/playbook").json["steps"]] == ["turn it off", "and on"]
    assert server.get("/api/v1/monitors/bare").json["playbook"] == "bare"
    write(server, "uploads", UPLOADS)
    listed = server.get("/api/v1/playbooks").json
    assert listed["missing"] == [] and [(one["name"], one["monitors"]) for one in listed["playbooks"]] == [
        ("bare", ["bare"]), ("uploads", ["evening", "lost", "uploads"])]
    [problem] = server.get("/api/v1/monitors/lost").json["problems"]
    assert problem == "the playbook `uploads` has no section `nowhere`: it has Uploads, in the evening"
    fail(server, "evening")
    assert [step["text"] for step in server.get("/api/v1/incidents/2/playbook").json["steps"]] == ["sleep"]


def test_nobody_overwrites_what_they_have_not_read(bellwether, hook):
    server = bellwether(CONFIG.format(hook=hook.url))
    write(server, "uploads", "1. one")
    assert write(server, "uploads", "1. two", 1).json["version"] == 2
    late = write(server, "uploads", "1. mine", 1)
    assert late.status == 409 and late.json["newer"]["text"] == "1. two" and late.json["newer"]["version"] == 2
    assert "version 2 now" in late.json["error"] and '"version": 2' in late.json["hint"]
    for body, wanted in [({"text": " ", "version": 2}, "empty"), ({"text": "x" * 70_000, "version": 2}, "65536 at most"), ({"text": 1}, "text")]:
        refused = server.put("/api/v1/playbooks/uploads", body)
        assert refused.status in (400, 422) and wanted in refused.text, refused.text
    assert server.put("/api/v1/playbooks/a%23b", {"text": "x"}).status == 400
    # With a slash in its name, as checks of Nagios have.
    assert write(server, "web%2Fdisk", "1. look").json["name"] == "web/disk"
    server.stop()
    server.start()
    assert server.get("/api/v1/playbooks/uploads").json["text"] == "1. two"
    needed = server.request("DELETE", "/api/v1/playbooks/uploads")
    assert needed.status == 409 and "the playbook `uploads`: `evening`, `lost`, `uploads`" in needed.json["error"], needed.text
    assert server.request("DELETE", "/api/v1/playbooks/uploads?confirmed=true").status == 204
    assert server.get("/api/v1/playbooks/uploads").status == 404
    versions = server.get("/api/v1/playbooks/uploads/versions").json["versions"]
    assert [(one["version"], one["text"]) for one in versions] == [(3, None), (2, "1. two"), (1, "1. one")]
    audit = [entry["subject"] for entry in server.get("/api/v1/audit").json["entries"]]
    assert audit.count("playbooks/uploads") == 3


def test_comments_are_kept_and_whoever_is_named_is_paged(bellwether, hook):
    server = bellwether(CONFIG.format(hook=hook.url))
    place = "/api/v1/comments?on=monitor:uploads"
    made = server.post(place, {"text": "too tight, @ana? @zoe agrees", "author": "ben"})
    assert made.status == 201 and made.json["not_paged"] == ["@zoe is no contact"] and made.json["by"] == "ben"
    [(_, told, _)] = hook.wait(1)
    assert (told["event"], told["incident"], told["comment"]) == ("mention", None, "too tight, @ana? @zoe agrees")
    assert told["link"].endswith("/checks/uploads") and "Says:       ben: too tight" in told["text"] and "State" not in told["text"]
    assert {"name": "ana"} in server.get("/api/v1/contacts").json["contacts"]
    server.post("/api/v1/comments?on=panel:front/p95", {"text": "log scale"})
    server.stop()
    server.start()
    [kept] = server.get(place).json["comments"]
    assert (kept["id"], kept["text"]) == (made.json["id"], "too tight, @ana? @zoe agrees")
    assert server.request("DELETE", f"/api/v1/comments/{kept['id']}").status == 204
    assert server.get(place).json["comments"] == []
    for path, status in [("?on=incident:1", 400), ("?on=monitor:gone", 404), ("?on=what", 400), ("", 400)]:
        assert server.post(f"/api/v1/comments{path}", {"text": "x"}).status == status, path
    for number in ["c99", "99"]:
        assert server.request("DELETE", f"/api/v1/comments/{number}").status == 404, number
    assert server.request("DELETE", "/api/v1/comments/x").status == 400


def test_editors_write_and_responders_tick(bellwether, hook):
    server = bellwether('[auth]\nmode = "required"\n' + CONFIG.format(hook=hook.url))
    people = {role: person(server, f"the-{role}", role) for role in ("viewer", "responder", "editor")}
    assert write(server, "uploads", UPLOADS, headers=people["responder"]).status == 403
    assert write(server, "uploads", UPLOADS, headers=people["editor"]).json["by"] == "the-editor"
    fields = {"status": 2, "output": "broken"}
    assert server.post("/api/v1/checks/uploads/result", fields, headers=people["editor"]).status == 200
    tick = {"step": 1, "version": 1}
    assert server.post("/api/v1/incidents/1/tick", tick, headers=people["viewer"]).status == 403
    ticked = server.post("/api/v1/incidents/1/tick", tick, headers=people["responder"]).json
    assert ticked["steps"][0]["ticked"]["by"] == "the-responder"
    proposal = server.post("/api/v1/comments?on=playbook:uploads", {"text": "first breathe"}, headers=people["responder"])
    assert proposal.status == 201
    assert server.request("DELETE", f"/api/v1/comments/{proposal.json['id']}", headers=people["viewer"]).status == 403
    other = person(server, "olga", "responder")
    assert server.request("DELETE", f"/api/v1/comments/{proposal.json['id']}", headers=other).status == 403
    assert server.request("DELETE", f"/api/v1/comments/{proposal.json['id']}", headers=people["responder"]).status == 204
