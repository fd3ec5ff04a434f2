"""What can be taken and is hardly meant is said to whoever writes it: by the API, and by `config check`."""
import json

CONFIG = """
[collectors]
host = false
[[contact]]
name = "ana"
channels = ["log"]
[[check]]
name = "alone"
type = "passive"
"""
DOUBTFUL = """
[[monitor]]
name = "swapped"
target = "a"
warning = "> 5"
critical = "> 1"
escalation_policy = "nosuch"
[[escalation_policy]]
name = "web"
[[escalation_policy.step]]
notify = ["zoe", "ana"]
wait = "5min"
[[team]]
name = "shop"
members = ["ana", "yan"]
"""


def test_config_check_says_what_is_hardly_meant(bellwether):
    server = bellwether(CONFIG + DOUBTFUL)
    checked = server.cli("config", "check")
    for key, words in [("monitor.0.warning", "never a warning: swap them"), ("monitor.0.escalation_policy", "no [[escalation_policy]] `nosuch`"),
                       ("escalation_policy.0.step.0.notify", "there is no `zoe` here"), ("team.0.members", "no [[contact]]: `yan`;")]:
        [line] = [line for line in checked.stdout.splitlines() if f" {key}: " in line]
        assert words in line and ".toml:" in line, checked.stdout
    assert "no problem found" in checked.stdout
    told = json.loads(server.cli("config", "check", "--json").stdout)
    assert told["problems"] == [] and len(told["warnings"]) == 4, told


def test_the_api_says_what_is_hardly_meant(bellwether):
    server = bellwether(CONFIG)
    swapped = server.put("/api/v1/monitors/swapped", {"monitor": {"target": "a", "warning": "< 1", "critical": "< 5"}})
    doubted = lambda said: any("never a warning" in words for words in said)
    assert swapped.status == 200 and doubted(swapped.json["warnings"]), swapped.text
    assert doubted(server.get("/api/v1/monitors/swapped").json["problems"])
    right = server.put("/api/v1/monitors/swapped", {"monitor": {"target": "a", "warning": "> 1", "critical": "> 5"}})
    assert right.status == 200 and not doubted(right.json.get("warnings", [])), right.text
    assert "nothing is stored as `a` yet" in right.json["warnings"][0], right.text
    wrong = server.put("/api/v1/monitors/wrong", {"monitor": {"target": "a", "critical": "> 1OO"}})
    assert wrong.status == 400 and wrong.json["error"].startswith("critical: `> 1OO`"), wrong.text
    strange = server.put("/api/v1/escalation-policies/p", {"step": [{"notify": ["channel:fax", "ana"], "wait": "5min"}]})
    assert strange.status == 400 and "there is no channel `fax`" in strange.json["error"], strange.text
    lost = server.put("/api/v1/escalation-policies/p", {"step": [{"notify": ["ana"], "wait": "5min"}]})
    assert lost.status == 200 and "`ana` is to be called and is reached by nothing: `log` is a list" in lost.json["warnings"][0], lost.text
    team = server.put("/api/v1/teams/shop", {"members": ["ana", "zoe"]})
    assert team.status == 200 and ["`zoe`" in words for words in team.json["warnings"]] == [True], team.text
    notice = server.post("/api/v1/checks/alone/notify", {"author": "eve", "comment": "look"})
    assert (notice.status, notice.json["told"]) == (200, 0) and "no contacts" in notice.json["note"], notice.text
    preview = server.post("/api/v1/oncall/preview", {"layer": [{"people": ["ana"], "rotation": "weekly", "start": "2020-01-06"}]})
    assert preview.status == 200 and preview.json["shifts"][0]["person"] == "ana", preview.text
