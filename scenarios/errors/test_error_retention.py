"""What is kept of errors, for how long, and how much it is."""
import time

from support.errors import Project, event
from support.server import wait_for


def told(project):
    return project.server.get(f"/api/v1/errors/projects/{project.id}").json["kept"]


def test_bodies_go_with_their_time_and_counts_stay(bellwether):
    server = bellwether()
    project, other = Project(server), Project(server, "other")
    now = int(time.time())
    assert told(project) == {"events": 0, "bytes": 0, "oldest": None}
    for one in (project, other):
        for days in (20, 10, 0):
            for _ in range(5):
                assert one.send(event("x", timestamp=now - days * 86_400)).status == 200
    first = told(project)
    assert first["events"] == 15 and first["bytes"] > 100 and abs(first["oldest"] - (now - 20 * 86_400)) <= 5, first
    group = project.wait_for_group("ValueError")
    assert (group["count"], len(project.events(group["id"]))) == (15, 15)
    changed = server.put(f"/api/v1/errors/projects/{project.id}", {"settings": {"retention_days": 15}})
    assert changed.status == 200, changed.text
    wait_for(lambda: len(project.events(group["id"])) == 10, what="that the oldest are found no more")
    assert project.wait_for_group("ValueError")["count"] == 15
    assert told(other)["events"] == 15 and len(other.events(other.wait_for_group("ValueError")["id"])) == 15
    # Over a restart, and for good.
    assert server.put(f"/api/v1/errors/projects/{project.id}", {"settings": {"retention_days": 90}}).status == 200
    server.stop()
    server.start()
    assert len(project.events(group["id"])) == 10
    assert project.wait_for_group("ValueError")["count"] == 15
