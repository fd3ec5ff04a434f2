"""Far more than is usual of a project, and less than it may send."""
import time

from support.errors import Project, event


def many(project, count):
    return project.envelope(*[("event", event("x")) for _ in range(count)])


def test_what_is_far_more_than_usual_is_refused(bellwether):
    server = bellwether()
    project, new = Project(server), Project(server, "new")
    assert project.send(event("long ago", timestamp=time.time() - 3 * 86_400)).status == 200
    # What is usual is looked up now and then.
    server.stop()
    server.start()
    until = time.time() // 300 * 300 + 300
    answers = [many(project, 1_000) for _ in range(4)]
    assert many(new, 1_000).status == 200
    if time.time() >= until:
        return
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    seconds, categories, scope, reason = answers[-1].headers["X-Sentry-Rate-Limits"].split(":")
    assert 1 <= int(seconds) <= 300 and (categories, scope, reason) == ("error;default;security;feedback", "project", "spike")
    assert "spike_factor" in answers[-1].json["detail"] and answers[-1].headers["Retry-After"] == seconds
    assert project.wait_for_group("ValueError: x")["count"] == 3_000
    changed = server.put(f"/api/v1/errors/projects/{project.id}", {"settings": {"spike_factor": 0}})
    assert changed.status == 200, changed.text
    assert many(project, 100).status == 200
