"""What people do with an incident, through the whole server: who has it, who is called, one from two, and again."""
import threading

from support.screen import Screen
from support.server import wait_for

KEY = "0123456789abcdef0123"


def config(hook_url):
    return f"""
[heartbeats]
ping_key = "{KEY}"
[incidents]
contacts = ["desk"]
[[contact]]
name = "ana"
channels = ["hook"]
[[contact]]
name = "ben"
channels = ["hook"]
[[contact]]
name = "desk"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook_url}"
[[monitor]]
name = "job"
kind = "heartbeat"
slug = "job"
contacts = ["ana"]
[[monitor]]
name = "import"
kind = "heartbeat"
slug = "import"
"""


def fail(server, name):
    assert server.post(f"/ping/{KEY}/{name}/fail").status == 200


def well(server, name):
    assert server.post(f"/ping/{KEY}/{name}").status == 200


def incident(server, reason):
    """The newest of this reason."""
    def look():
        every = server.get("/api/v1/incidents?state=all").json["incidents"]
        return next((one for one in every if one["reason"] == reason), None)
    return wait_for(look, what=f"an incident of {reason}")


def deed(server, number, verb, body=None, status=200):
    answer = server.post(f"/api/v1/incidents/{number}/{verb}", body or {})
    assert answer.status == status, answer.text
    return answer.json


def test_of_two_who_acknowledge_at_once_one_has_it_and_everybody_sees_who(bellwether, hook):
    server = bellwether(config(hook.url))
    screens = [Screen(server), Screen(server)]
    fail(server, "job")
    number = incident(server, "monitor:job")["id"]
    answers, ready = {}, threading.Barrier(2)

    def acknowledge(who):
        ready.wait()
        answers[who] = server.post(f"/api/v1/incidents/{number}/acknowledge", {"author": who})

    threads = [threading.Thread(target=acknowledge, args=(who,)) for who in ("ana", "ben")]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(answer.status for answer in answers.values()) == [200, 409]
    [owner] = [who for who, answer in answers.items() if answer.status == 200]
    [refused] = [answer.json for answer in answers.values() if answer.status == 409]
    assert refused["error"].startswith(f"{owner} has it, since 20") and "/take" in refused["hint"]
    assert server.get(f"/api/v1/incidents/{number}").json["owner"] == owner
    for screen in screens:
        screen.sees(id=number, phase="acknowledged", owner=owner)
    other = "ben" if owner == "ana" else "ana"
    assert deed(server, number, "take", {"author": other})["owner"] == other
    screens[0].sees(id=number, owner=other)


def test_it_is_handed_over_called_out_and_judged_how_bad(bellwether, hook):
    server = bellwether(config(hook.url))
    fail(server, "job")
    number = incident(server, "monitor:job")["id"]
    hook.wait(1)
    given = deed(server, number, "handover", {"to": "ben", "author": "ana", "comment": "my shift ends"})
    assert (given["owner"], given["phase"]) == ("ben", "acknowledged")
    _, body, _ = hook.wait(2)[1]
    assert (body["event"], body["contact"], body["author"], body["comment"]) == ("handed_over", "ben", "ana", "my shift ends")
    assert "no contact" in deed(server, number, "handover", {"to": "zoe"}, 400)["error"]
    deed(server, number, "escalate", {"author": "ben"})
    assert hook.wait(3)[2][1]["contact"] == "desk"
    assert deed(server, number, "severity", {"severity": "warning", "author": "ben"})["severity"] == "WARNING"
    assert "critical, warning" in deed(server, number, "severity", {"severity": "red"}, 400)["hint"]
    silenced = deed(server, number, "silence", {"for": "2h", "comment": "we know", "author": "ben"})
    assert any("silenced for 7200 s" in entry["text"] for entry in silenced["timeline"])
    [silence] = server.get("/api/v1/silences").json["silences"]
    assert silence["matchers"] == [{"monitor": "job", "instance": None, "host": None}] and silence["author"] == "ben"
    assert deed(server, number, "silence", {"for": "25h", "comment": "too long"}, 400)["hint"]
    server.request("DELETE", f"/api/v1/silences/{silence['id']}")
    well(server, "job")
    ends = {body["contact"] for _, body, _ in hook.wait(6)[3:]}
    assert ends == {"ana", "ben", "desk"}, "whoever was told hears of the end"


def test_what_is_bad_again_soon_is_the_same_incident_also_after_a_restart(bellwether, hook):
    server = bellwether(config(hook.url))
    fail(server, "job")
    number = incident(server, "monitor:job")["id"]
    well(server, "job")
    hook.wait(2)
    server.kill()
    server.start()
    fail(server, "job")
    hook.wait(3)
    again = incident(server, "monitor:job")
    assert (again["id"], again["phase"], again["reopened"]) == (number, "open", 1)
    deed(server, number, "resolve", {"author": "ana"})
    opened = deed(server, number, "reopen", {"author": "ben", "comment": "users still see it"})
    assert (opened["phase"], opened["resolved_by"]) == ("open", None)


def test_two_become_one_and_one_becomes_two(bellwether, hook):
    server = bellwether(config(hook.url))
    fail(server, "job")
    first = incident(server, "monitor:job")["id"]
    fail(server, "import")
    second = incident(server, "monitor:import")["id"]
    assert first != second
    hook.wait(2)
    whole = deed(server, second, "merge", {"into": first, "author": "ana"})
    assert (whole["id"], whole["also"], len(whole["troubles"])) == (first, ["monitor:import"], 2)
    assert server.get(f"/api/v1/incidents/{second}").json["merged_into"] == first
    assert [one["why"] for one in whole["troubles"] if one["monitor"] == "import"] == ["merged by ana"]
    deed(server, first, "merge", {"into": 99}, 400)
    shown = deed(server, second, "acknowledge", {"author": "ana"})
    assert (shown["id"], shown["phase"], shown["owner"]) == (first, "acknowledged", "ana")
    # Killed in between: what belongs together is known again.
    server.kill()
    server.start()
    apart = deed(server, first, "split", {"members": [{"monitor": "import"}], "comment": "another cause"})
    assert apart["id"] not in (first, second) and apart["reason"] == "monitor:import"
    assert deed(server, first, "split", {"members": [{"monitor": "job"}]}, 400)["error"].startswith("these are all")
    well(server, "job")
    well(server, "import")
    wait_for(lambda: server.get("/api/v1/incidents").json["open"] == 0, what="the end of both")


def test_everybody_may_declare_what_no_monitor_sees(bellwether, hook):
    server = bellwether(config(hook.url))
    body = {"title": "nobody can pay", "what": "three calls", "key": "pay", "author": "cem", "contacts": ["ben"]}
    answer = server.post("/api/v1/incidents", body)
    assert answer.status == 201, answer.text
    made = answer.json
    assert (made["title"], made["declared_by"], made["severity"], made["bad"]) == ("nobody can pay", "cem", "CRITICAL", 1)
    told = {body["contact"]: body for _, body, _ in hook.wait(2)}
    assert set(told) == {"desk", "ben"} and told["desk"]["title"] == "nobody can pay" and told["desk"]["about"] == "declared"
    again = server.post("/api/v1/incidents", {**body, "what": "a fourth call"})
    assert (again.status, again.json["id"]) == (200, made["id"])
    assert server.post("/api/v1/incidents", {"title": " "}).status == 400
    assert server.post("/api/v1/incidents", {"title": "x", "severity": "loud"}).status == 400
    assert "no JSON object" in deed(server, made["id"], "resolve", ["ben"], 400)["error"]
    assert deed(server, made["id"], "resolve", {"author": "ben", "comment": "the bank is back"})["phase"] == "resolved"
    assert {body["event"] for _, body, _ in hook.wait(4)[2:]} == {"resolved"}
    deed(server, made["id"], "reopen", {"comment": "still so"})
    same = server.post("/api/v1/incidents", {**body, "title": "the till is on fire"})
    assert (same.status, same.json["id"], same.json["title"]) == (200, made["id"], "nobody can pay"), same.text


def test_the_last_time_is_in_the_page_and_a_note_pages_whom_it_mentions(bellwether, hook):
    server = bellwether(config(hook.url).replace("[incidents]", '[incidents]\nreopen_within = "0s"'))
    fail(server, "job")
    first = incident(server, "monitor:job")["id"]
    [(_, page, _)] = hook.wait(1)
    assert page["last_time"] is None and "Last time" not in page["text"]
    # Somebody who is mentioned reads it, and hears of no end by that; a word that names nobody is said to.
    said = deed(server, first, "note", {"text": "@Ben, is it yours? cc @zoe, mail zoe@example.org", "author": "ana"})
    assert said["timeline"][-1]["text"] == "not paged: @zoe is no contact"
    mention = hook.wait(2)[1][1]
    assert (mention["event"], mention["contact"], mention["author"], mention["acknowledge"]) == ("mention", "ben", "ana", None)
    assert mention["headline"].startswith("ana mentions you: ") and "is it yours?" in mention["text"]
    deed(server, first, "acknowledge", {"author": "ana"})
    closed = deed(server, first, "resolve", {"author": "ben", "comment": "done", "helped": "restarted the proxy"})
    assert closed["helped"]["text"] == "restarted the proxy" and closed["helped"]["who"] == "ben"
    assert [entry["text"] for entry in closed["timeline"] if entry["kind"] == "helped"] == ["restarted the proxy"]
    assert [body["contact"] for _, body, _ in hook.wait(3)[2:]] == ["ana"]
    well(server, "job")
    wait_for(lambda: server.get("/api/v1/monitors/job").json["state"] == "OK", what="the job to be well")
    # Killed in between; the word can still be changed, and the last one counts.
    server.kill()
    server.start()
    deed(server, first, "helped", {"text": "a bigger proxy", "author": "cem"})
    for body, status in [({"text": " "}, 400), ({}, 422), ({"text": "x" * 1001}, 400), ({"text": "x", "more": 1}, 422)]:
        deed(server, first, "helped", body, status)
    deed(server, 999, "helped", {"text": "x"}, 404)
    fail(server, "job")
    page = hook.wait(4)[3][1]
    assert page["event"] == "problem" and page["incident"] != first, page
    assert page["last_time"].endswith(", ana: a bigger proxy") and f"Last time:  {page['last_time']}" in page["text"]
    times = server.get(f"/api/v1/incidents/{page['incident']}/earlier").json
    [last] = times["earlier"]
    assert (last["id"], last["same"], last["owner"], last["judged"], last["post_mortem"]) == (first, "reason", "ana", None, None)
    assert last["helped"]["text"] == "a bigger proxy" and last["seconds"] == last["closed"] - last["opened"]
    begun = server.post("/api/v1/post-mortems", {"incident": first}).json
    task = {"what": "a second proxy", "owner": "ben", "due": "2030-01-01"}
    assert server.post(f"/api/v1/post-mortems/{begun['id']}/follow-ups", task).status == 200
    deed(server, first, "judge", {"useful": True, "too_late": True})
    [last] = server.get(f"/api/v1/incidents/{page['incident']}/earlier").json["earlier"]
    assert (last["judged"], last["post_mortem"]["id"], last["post_mortem"]["open_follow_ups"]) == ("too late", begun["id"], 1)
    assert server.get(f"/api/v1/incidents/{first}/earlier").json["earlier"] == []
    assert server.get("/api/v1/incidents/999/earlier").status == 404
