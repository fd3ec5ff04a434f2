"""What was answered is there: kill -9, again and again, while events come, while groups are merged, and while the disk is full."""
import http.client
import os
import random
import threading
import time

from support.errors import Project, event
from support.server import wait_for
from support.small_disk import fill, small_disk

LONG = bool(os.environ.get("BELLWETHER_LONG"))
ROUNDS = 200 if LONG else 20
MERGES = 60 if LONG else 4


class Sending:
    """Four programs that send until the server is gone. Some of what they send opens groups. `functions` are those of the others."""

    def __init__(self, project, round, functions=("w0", "w1", "w2", "w3")):
        self.project, self.round, self.functions, self.over = project, round, functions, threading.Event()
        # Ids of what was answered with 200; and what else was answered.
        self.answered, self.refused = [], []
        self.threads = [threading.Thread(target=self.send, args=(n,)) for n in range(4)]

    def send(self, which):
        count = 0
        while not self.over.is_set():
            count += 1
            new = count % 5 == 0
            one = event("x", function=f"r{self.round}w{which}n{count}" if new else self.functions[which % len(self.functions)])
            try:
                answer = self.project.send(one)
            except (OSError, http.client.HTTPException):
                # The server is gone, or went before it could answer.
                return
            if answer.status == 200:
                self.answered.append(one["event_id"])
            else:
                self.refused.append((answer.status, answer.text))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def all_is_there(server, project, answered):
    """Each id that was answered, in the events of some group; and each that is kept is counted once, whether it was answered or not."""
    groups = project.groups("&limit=10000")
    listed = [one["event_id"] for group in groups for one in project.events(group["id"], "?limit=10000")]
    kept = set(listed)
    assert len(listed) == len(kept), "each is of one group"
    assert set(answered) <= kept, f"{len(set(answered) - kept)} of {len(answered)} are lost"
    assert sum(group["count"] for group in groups) == len(kept)
    counts = server.get(f"/api/v1/errors/series?project={project.id}&step=86400&from={int(time.time()) - 2 * 86_400}").json["series"]
    assert sum(count for one in counts for _, count in one["points"]) == len(kept)


def test_what_was_answered_is_there_after_kill_9(bellwether):
    server = bellwether()
    project = Project(server)
    answered = []
    for round in range(ROUNDS):
        with Sending(project, round) as sending:
            wait_for(lambda: len(sending.answered) >= 10 + round, what="answers to events")
            server.kill()
        assert len(sending.answered) >= 10 + round and sending.refused == []
        answered += sending.answered
        server.start()
    all_is_there(server, project, answered)


def test_a_kill_while_groups_are_merged(bellwether):
    server = bellwether()
    project = Project(server)
    chance, answered = random.Random(6), []
    for round in range(MERGES):
        into, part = (f"m{round}{which}" for which in "ab")
        with Sending(project, round, (into, part)) as sending:
            wait_for(lambda: len(sending.answered) >= 10, what="answers to events")
            ids = [wait_for(lambda: [group["id"] for group in project.groups() if f" in {name}" in group["culprit"]], what=f"the group of {name}")[0]
                   for name in (into, part)]
            merged = []

            def merge():
                try:
                    merged.append(server.post(f"/api/v1/errors/groups/{ids[1]}/merge", {"into": ids[0]}).status)
                except (OSError, http.client.HTTPException):
                    # Nobody was told that it is done.
                    pass

            merging = threading.Thread(target=merge)
            merging.start()
            # Before it, within it, and after it.
            time.sleep(chance.uniform(0, 0.03))
            server.kill()
            merging.join()
        assert sending.refused == [] and set(merged) <= {200}
        answered += sending.answered
        server.start()
        whole = server.get(f"/api/v1/errors/groups/{ids[1]}").json["id"]
        assert whole == ids[0] if merged else whole in ids
    all_is_there(server, project, answered)


def test_a_kill_while_the_disk_is_full(bellwether, tmp_path):
    with small_disk(tmp_path) as place:
        server = bellwether('[storage]\nmin_free = "16MiB"', env={"BELLWETHER_DATA_DIR": str(place / "data")})
        project = Project(server)
        filler = place / "filler"
        with Sending(project, 0) as sending:
            wait_for(lambda: len(sending.answered) >= 10, what="answers to events")
            fill(filler)
            wait_for(lambda: len(sending.refused) >= 10, what="events that are refused")
            server.kill()
        assert {status for status, _ in sending.refused} == {503} and "disk" in sending.refused[0][1], sending.refused[0]
        filler.unlink()
        server.start()
        assert project.send(event("x")).status == 200
        all_is_there(server, project, sending.answered)
        server.stop()
