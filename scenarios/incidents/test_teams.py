"""Whose it is decides whom it calls: the policy of the team that owns it, and the rehearsal and the list say why."""
import json
import uuid

from support.server import wait_for

CONFIG = """
[collectors]
host = false
[incidents]
escalation_policy = "usual"
"""


def config(hook):
    text = CONFIG + f'[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "{hook.url}"\n'
    for team, person in {"shop": "ana", "mail": "ben", "usual": "cyd"}.items():
        text += f'[[contact]]\nname = "{person}"\nchannels = ["hook"]\n[[escalation_policy]]\nname = "{team}"\n[[escalation_policy.step]]\nnotify = ["{person}"]\nwait = "5m"\n'
    text += '[[team]]\nname = "shop"\nmembers = ["ana"]\nprefixes = ["shop."]\nescalation_policy = "shop"\n'
    text += '[[team]]\nname = "mail"\nmembers = ["ben"]\nprefixes = ["mail."]\nescalation_policy = "mail"\n'
    for name, owner in {"shop.queue": "", "letters": 'owner = "mail"\n', "zoo": ""}.items():
        text += f'[[check]]\nname = "{name}"\ntype = "passive"\nmax_check_attempts = 1\n{owner}'
    return text


def test_the_team_that_owns_it_is_called(bellwether, hook):
    server = bellwether(config(hook))
    told = lambda: {(body["contact"], body["name"]) for _, body, _ in hook.taken if body["event"] == "problem"}
    wanted = {"shop.queue": ("ana", "shop", "of team shop, whose prefix its name has"),
              "letters": ("ben", "mail", "of team mail, its owner"), "zoo": ("cyd", "usual", "that of [incidents]")}
    rows = {row["name"]: row for row in server.get("/api/v1/monitors").json["monitors"]}
    for name, (person, policy, why) in wanted.items():
        rehearsed = server.get(f"/api/v1/oncall/rehearsal?monitor={name}").json
        assert (rehearsed["policy"], rehearsed["policy_why"]) == (policy, why)
        assert [call["contact"] for call in rehearsed["moments"][0]["calls"]] == [person]
        assert (rows[name]["policy"], rows[name]["policy_why"]) == (policy, why)
        assert server.post(f"/api/v1/checks/{name}/result", {"status": 2, "output": "bad"}).status // 100 == 2
    wait_for(lambda: told() == {(person, name) for name, (person, _, _) in wanted.items()}, what="a page for each team")


KEY = "0123456789abcdef0123456789abcdef"


def an_error(server, kind):
    frame = {"module": "shop.cart", "function": kind, "context_line": f"raise {kind}()", "in_app": True}
    body = {"event_id": uuid.uuid4().hex, "platform": "python", "environment": "production",
            "exception": {"values": [{"type": kind, "value": "no such article", "stacktrace": {"frames": [frame]}}]}}
    headers = {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={KEY}", "Content-Type": "application/json"}
    answer = server.post("/api/7/store/", json.dumps(body).encode(), headers=headers)
    assert answer.status == 200, answer.text


def group_of(server, kind):
    groups = server.get("/api/v1/errors/groups?project=7").json
    return next(one for one in groups if one["title"].startswith(kind))


def test_an_error_calls_the_team_that_an_owner_rule_assigns_it_to(bellwether, hook):
    """The project is the team web's; what is of payments is assigned to the team pay, which is called for it."""
    text = CONFIG + f'[[channel]]\nname = "hook"\ntype = "webhook"\nurl = "{hook.url}"\n'
    for team, person in {"web": "ana", "pay": "ben", "usual": "cyd"}.items():
        text += f'[[contact]]\nname = "{person}"\nchannels = ["hook"]\n[[escalation_policy]]\nname = "{team}"\n[[escalation_policy.step]]\nnotify = ["{person}"]\nwait = "5m"\n'
    text += '[[team]]\nname = "web"\nmembers = ["ana"]\nprojects = ["shop"]\nescalation_policy = "web"\n'
    text += '[[team]]\nname = "pay"\nmembers = ["ben"]\nescalation_policy = "pay"\n'
    text += '[[monitor]]\nname = "errors"\nkind = "errors"\nproject = "shop"\nwhen = ["new", "regressed"]\n'
    server = bellwether(text)
    server.cli("project", "create", "shop", "--id", "7", "--public-key", KEY)
    settings = {"owners": [{"when": [{"field": "type", "pattern": "Pay*"}], "owner": "pay"}]}
    assert server.put("/api/v1/errors/projects/shop", {"settings": settings}).status == 200
    told = lambda: [body["contact"] for _, body, _ in hook.taken if body["event"] == "problem"]

    an_error(server, "PayError")
    wait_for(lambda: told() == ["ben"], what="the page for the team of the owner rule")
    assert group_of(server, "PayError")["assigned"] == "pay"
    an_error(server, "KeyError")
    wait_for(lambda: told() == ["ben", "ana"], what="the page for the team of the project")

    # Back again, and somebody has given it to the other team meanwhile.
    payments = group_of(server, "PayError")["id"]
    for kind in ["PayError", "KeyError"]:
        answer = server.post(f"/api/v1/errors/groups/{group_of(server, kind)['id']}", {"status": "resolved"})
        assert answer.status == 200, answer.text
    wait_for(lambda: not server.get("/api/v1/incidents?state=open").json["incidents"], what="the end of both")
    wait_for(lambda: len(hook.taken) >= 4, what="the word of both ends")
    assert server.post(f"/api/v1/errors/groups/{payments}", {"assign": "web"}).status == 200
    an_error(server, "PayError")
    wait_for(lambda: told() == ["ben", "ana", "ana"], what="the page for the team that has it now")
