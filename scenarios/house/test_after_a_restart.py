"""What came before a start is told of after it."""
import time

from support.errors import Project, event
from support.server import wait_for


def test_what_came_before_a_start_is_still_known(bellwether):
    server = bellwether("")
    now = int(time.time())
    server.carbon_send(b"roast.weight 7 %d\n" % (now - 30))
    described = lambda: server.get("/api/v1/describe?name=roast.weight")
    wait_for(lambda: described().status == 200 and described().json["last_point"] == now - 30, what="the point")
    project = Project(server)
    assert project.send(event("x")).status == 200
    heard = lambda: server.get(f"/api/v1/errors/projects/{project.id}").json["last_heard"]
    assert heard() >= now
    for stop in (server.stop, server.kill):
        stop()
        server.start()
        wait_for(lambda: described().json["last_point"] == now - 30, what="the newest point of before the start")
        assert now <= heard() <= time.time() + 1
        said = lambda: server.get("/api/v1/home").json["sentence"]["text"]
        wait_for(lambda: "come since the server was started" in said(), what="what Home says")


def test_what_people_made_is_said_in_words(bellwether):
    server = bellwether("")
    assert server.post("/api/v1/errors/projects", {"name": "shop"}).status in (200, 201)
    graph = lambda: server.post("/api/v1/graph", {"targets": [], "from": "-1h", "until": "now", "width": 1}).json
    made = lambda: [mark["what"] for mark in graph()["annotations"] if "audit" in mark["tags"]]
    wait_for(lambda: any(what.endswith(" made a project of errors") for what in made()), what="the mark")
