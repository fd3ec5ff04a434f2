"""What was answered is there: kill -9, again and again, while events come."""
import http.client
import os
import threading
import time

from support.errors import Project, event
from support.server import wait_for

ROUNDS = 200 if os.environ.get("BELLWETHER_LONG") else 20


class Sending:
    """Four programs that send until the server is gone. Some of what they send opens groups."""

    def __init__(self, project, round):
        self.project, self.round, self.answered, self.over = project, round, [], threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(n,)) for n in range(4)]

    def send(self, which):
        count = 0
        while not self.over.is_set():
            count += 1
            new = count % 5 == 0
            one = event("x", function=f"r{self.round}w{which}n{count}" if new else f"w{which}")
            try:
                answer = self.project.send(one)
            except (OSError, http.client.HTTPException):
                # The server is gone, or went before it could answer.
                return
            assert answer.status == 200, answer.text
            self.answered.append(one["event_id"])

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def test_what_was_answered_is_there_after_kill_9(bellwether):
    server = bellwether()
    project = Project(server)
    answered = []
    for round in range(ROUNDS):
        with Sending(project, round) as sending:
            wait_for(lambda: len(sending.answered) >= 10 + round, what="answers to events")
            server.kill()
        assert len(sending.answered) >= 10 + round
        answered += sending.answered
        server.start()
    groups = project.groups("&limit=10000")
    kept = {one["event_id"] for group in groups for one in project.events(group["id"], "?limit=10000")}
    assert set(answered) <= kept, f"{len(set(answered) - kept)} of {len(answered)} are lost"
    # Each that is kept is counted once, whether it was answered or not.
    assert sum(group["count"] for group in groups) == len(kept)
    counts = server.get(f"/api/v1/errors/series?project={project.id}&step=86400&from={int(time.time()) - 2 * 86_400}").json["series"]
    assert sum(count for one in counts for _, count in one["points"]) == len(kept)
