"""A group's life as the API tells it: how it is called, what it is found by, whose it may be, how its releases do."""
import pytest

from support.errors import Project, event
from support.server import Bellwether, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Bellwether(tmp_path_factory.mktemp("server"), '[http]\npublic_url = "https://bell.example"\n')
    server.start()
    yield server
    server.stop()


def sent(project, *events):
    for one in events:
        answer = project.send(one)
        assert answer.status == 200, answer.text
    return project.groups("&sort=count")[0]


def ask(server, path):
    answer = server.get(f"/api/v1/errors/{path}")
    assert answer.status == 200, answer.text
    return answer.json


def test_a_group_goes_by_its_name_and_is_found_by_its_tags(server):
    project = Project(server, "names")
    group = sent(project, event("x", kind="Named", tags={"browser": "Firefox 121"}))
    assert group["short"] == "NAMES-1"
    for name in ("NAMES-1", "names-1", group["id"]):
        assert ask(server, f"groups/{name}")["id"] == group["id"]
    assert len(project.events("NAMES-1")) == 1
    assert ask(server, "series?group=NAMES-1")["series"][0]["points"]
    for name, status in (("NAMES-2", 404), ("NONE-1", 404), ("names", 400), ("NAMES-x", 400)):
        assert server.get(f"/api/v1/errors/groups/{name}").status == status, name
    titles = lambda query: [one["title"] for one in project.groups(query)]
    assert titles("&tag=browser:Firefox+121") == ["Named: x"] and titles("&tag=browser:Firefox") == []
    assert server.get(f"/api/v1/errors/groups?project={project.id}&tag=browser").status == 400


def test_that_it_is_back_is_told_until_somebody_has_seen_it(server):
    project = Project(server, "back")
    group = sent(project, event("x"))
    assert group["regressed_at"] is None
    assert server.post("/api/v1/errors/groups/BACK-1", {"status": "resolved"}).status == 200
    assert sent(project, event("x"))["regressed_at"] >= group["last_seen"]
    assert server.post("/api/v1/errors/groups/BACK-1", {"status": "unresolved"}).status == 200
    assert project.groups()[0]["regressed_at"] is None
