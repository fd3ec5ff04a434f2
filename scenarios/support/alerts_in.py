"""Alerts of others: a server with a check for each of their senders, what these send, and what becomes of it."""
import datetime

from support import told

CONFIG = """
[collectors]
host = false
[[check]]
name = "pagerduty"
type = "passive"
max_check_attempts = 1
[[check]]
name = "alertmanager"
type = "passive"
max_check_attempts = 1
"""


def event(server, action, key, severity="critical", **more):
    body = {"routing_key": "R" * 32, "event_action": action, "dedup_key": key,
            "payload": {"summary": f"{key} is bad", "source": key, "severity": severity}, **more}
    return server.post("/v2/enqueue", body)


def troubles(server, check):
    """Those that are bad: instance -> state."""
    all_of_it = [server.get(f"/api/v1/incidents/{one['id']}").json for one in server.get("/api/v1/incidents").json["incidents"]]
    return {trouble["instance"]: trouble for one in all_of_it for trouble in one["troubles"]
            if trouble["monitor"] == check and trouble["instance"] and trouble["until"] is None}


def posted(name, ends_in, **labels):
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ends_in)
    return {"labels": {"alertname": name, **labels}, "annotations": {"summary": f"{name} fires"}, "endsAt": end.isoformat(), "generatorURL": "http://prom/"}


def ana_by(channel):
    """Configuration by which ana is told of everything, by a channel with these keys."""
    return told.contact("ana", channel) + '[incidents]\ncontacts = ["ana"]\n'


def webhook(providers):
    return told.webhook(providers.url("hook", "/page"))
