"""What pages depend on is not taken out in silence."""
from support.server import wait_for

CONFIG = """
[[contact]]
name = "ana"
channels = ["log"]
[[check]]
name = "shop"
type = "passive"
escalation_policy = "night"
"""
ALWAYS = {"layer": [{"people": ["ana"], "rotation": "weekly", "start": "2020-01-06"}]}
STEPS = {"step": [{"notify": ["schedule:web"], "wait": "5min"}]}


def test_who_needs_a_schedule_or_a_policy_is_said_before_it_goes(bellwether):
    server = bellwether(CONFIG)
    assert server.put("/api/v1/schedules/web", ALWAYS).status == 200
    assert server.put("/api/v1/escalation-policies/night", STEPS).status == 200
    of_night = {"members": ["ana"], "prefixes": ["shop."], "escalation_policy": "night"}
    assert server.put("/api/v1/teams/post", of_night).status == 200
    said = lambda: [one["text"] for one in server.get("/api/v1/health").json["doubts"] if one["part"] == "oncall"]
    wait_for(lambda: not said(), what="nothing to say")
    remove = lambda path: server.request("DELETE", f"/api/v1/{path}")

    for path, needed_by in [("schedules/web", "policy `night`"), ("escalation-policies/night", "`shop`"),
                            ("teams/post", "what begins with `shop.`")]:
        refused = remove(path)
        assert refused.status == 409 and needed_by in refused.json["error"] and "confirmed=true" in refused.json["hint"], refused.text
    assert remove("schedules/web?confirmed=perhaps").status == 400
    assert remove("schedules/none").status == 404
    assert remove("teams/none").status == 404
    assert remove("teams/post?confirmed=true").status == 204

    assert remove("schedules/web?confirmed=true").status == 204
    assert "there is no schedule `web`" in wait_for(said, what="a doubt")[0]
    assert remove("escalation-policies/night?confirmed=true").status == 204
    wait_for(lambda: any("shop names the policy `night`" in one for one in said()), what="another doubt")
