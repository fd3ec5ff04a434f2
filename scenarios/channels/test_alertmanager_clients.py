"""What works with an Alertmanager works with the alerts that are kept here: amtool as it is, and the calls of Grafana and karma."""
import json
import shutil
import subprocess

import pytest

from support.alerts_in import CONFIG, ana_by, posted, troubles, webhook
from support.server import wait_for

AMTOOL = shutil.which("amtool") or "/usr/bin/amtool"


@pytest.fixture
def amtool():
    def run(server, *arguments):
        command = [AMTOOL, f"--alertmanager.url={server.url('')}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout
    return run


def test_amtool_silences_alerts_and_ends_it(bellwether, providers, amtool):
    server = bellwether(CONFIG + ana_by(webhook(providers)))
    made = amtool(server, "silence", "add", "alertname=Down", "job=~api|db", "--author=ben", "--comment=moving", "--duration=1h").strip()
    [silence] = json.loads(amtool(server, "silence", "query", "-o", "json"))
    assert (silence["id"], silence["status"]["state"], silence["createdBy"], silence["comment"]) == (made, "active", "ben", "moving"), silence
    assert {one["name"]: (one["value"], one["isRegex"], one["isEqual"]) for one in silence["matchers"]} == {
        "alertname": ("Down", False, True), "job": ("api|db", True, True)}
    assert not json.loads(amtool(server, "silence", "query", "-o", "json", "alertname=Other"))

    alerts = [posted("Down", 600, job="api", severity="critical"), posted("Down", 600, job="web", severity="critical")]
    assert server.post("/api/v2/alerts", alerts).status == 200
    by_job = lambda: {one["labels"]["job"]: one["status"] for one in server.get("/api/v2/alerts").json}
    wait_for(lambda: set(by_job()) == {"api", "web"}, what="both alerts")
    assert by_job()["api"] == {"state": "suppressed", "silencedBy": [made], "inhibitedBy": []}
    assert by_job()["web"] == {"state": "active", "silencedBy": [], "inhibitedBy": []}
    assert [one["labels"]["job"] for one in json.loads(amtool(server, "alert", "query", "-o", "json", "Down"))] == ["web"]
    pages = lambda: [body["title"] for call in providers.hook.calls if (body := call.json)["event"] == "problem"]
    wait_for(lambda: len(pages()) == 1, what="the page of the one that is not silenced")

    # By our own calls it is the same silence.
    [own] = server.get("/api/v1/silences").json["silences"]
    assert own["matchers"][0]["monitor"] == "alertmanager" and [one["name"] for one in own["matchers"][0]["labels"]] == ["alertname", "job"]
    amtool(server, "silence", "expire", made)
    assert server.get("/api/v1/silences").json["silences"] == [] and server.get(f"/api/v2/silence/{made}").status == 404
    wait_for(lambda: by_job()["api"] == {"state": "active", "silencedBy": [], "inhibitedBy": []}, what="the end of the silence")


def test_what_clients_ask_besides(bellwether, amtool):
    server = bellwether(CONFIG)
    assert "receiver: bellwether" in amtool(server, "config", "show")
    assert server.get("/api/v2/receivers").json == [{"name": "bellwether"}]
    status = server.get("/api/v2/status").json
    assert status["cluster"]["status"] == "disabled" and status["versionInfo"]["version"] and status["uptime"].endswith("Z")
    assert server.get("/api/v2/alerts/groups").json == []
    assert server.post("/api/v2/alerts", [posted("Down", 600, job="api", severity="critical")]).status == 200
    wait_for(lambda: set(troubles(server, "alertmanager")) == {"Down;job=api;severity=critical"}, what="an incident")
    [incident] = server.get("/api/v1/incidents").json["incidents"]
    [group] = server.get("/api/v2/alerts/groups").json
    assert group["labels"] == {"incident": str(incident["id"])} and group["receiver"] == {"name": "bellwether"}
    assert [one["labels"]["job"] for one in group["alerts"]] == ["api"]
    assert server.get("/api/v2/alerts/groups?filter=job%3Ddb").json == []
    missing = server.get("/api/v2/nothing")
    assert missing.status == 404 and "/api/v2/silences" not in missing.json["error"] and "/silences" in missing.json["hint"]


GOOD = {"matchers": [{"name": "alertname", "value": "Down", "isRegex": False}], "startsAt": "2020-01-01T00:00:00Z",
        "endsAt": "2999-01-01T00:00:00Z", "createdBy": "ana", "comment": "x"}


@pytest.mark.parametrize("change, status, words", [
    ({"matchers": []}, 400, "every alert would be silenced"),
    ({"matchers": [{"name": "job", "value": ".*", "isRegex": True}]}, 400, "every alert would be silenced"),
    ({"matchers": [{"name": "job", "value": "(", "isRegex": True}]}, 400, "no regular expression"),
    ({"matchers": [{"name": "job", "value": "x"}]}, 422, "`isRegex` is missing"),
    ({"matchers": [{"name": "job", "value": "x", "isRegex": False}] * 33}, 400, "32 labels at most"),
    ({"endsAt": "soon"}, 400, "`endsAt` is no time"),
    ({"endsAt": "2020-01-02T00:00:00Z"}, 400, "over already"),
    ({"comment": " "}, 400, "needs a reason"),
    ({"id": "17"}, 404, "there is no silence `17`"),
])
def test_a_silence_that_cannot_be_kept_is_told_why(shared, change, status, words):
    answer = shared.post("/api/v2/silences", {**GOOD, **change})
    assert answer.status == status and words in answer.text, answer.text
    assert shared.get("/api/v2/silences").json == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    from support.server import Bellwether
    server = Bellwether(tmp_path_factory.mktemp("alertmanager"), CONFIG)
    server.start()
    yield server
    server.stop()


def test_a_silence_comes_in_the_place_of_another(bellwether):
    server = bellwether(CONFIG)
    create = lambda **more: server.post("/api/v2/silences", {**GOOD, "endsAt": "2099-01-01T00:00:00Z", **more}).json["silenceID"]
    first = create()
    second = create(id=first, comment="longer")
    assert first != second and [(one["id"], one["comment"]) for one in server.get("/api/v2/silences").json] == [(second, "longer")]
    later = create(startsAt="2098-01-01T00:00:00Z")
    assert server.get(f"/api/v2/silence/{later}").json["status"]["state"] == "pending"
    for one in (second, later):
        assert server.request("DELETE", f"/api/v2/silence/{one}").status == 200
    assert server.get("/api/v2/silences").json == [] and server.request("DELETE", f"/api/v2/silence/{later}").status == 404
    # Each of them is in the audit log, with what it changed.
    said = [one for one in server.get("/api/v1/audit").json["entries"] if one["subject"] == "silences"]
    assert len(said) == 5 and "longer" in said[3]["after"] and "longer" in said[1]["before"], said
