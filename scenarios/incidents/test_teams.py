"""Whose it is decides whom it calls: the policy of the team that owns it, and the rehearsal and the list say why."""
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
