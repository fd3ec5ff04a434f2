"""A machine is lost. On a blank directory its backup pages again, and nothing that somebody had answered for is lost."""
import time

from support.server import Bellwether, wait_for

# What is promised; a quiet machine needs seconds.
PROMISED_SECONDS = 600


def config(hook):
    checks = "".join(f"""
[[check]]
name = "{name}"
type = "passive"
max_check_attempts = 1
contacts = ["ana"]
""" for name in ("taken", "put-off", "untold", "new"))
    return f"""
[[contact]]
name = "ana"
channels = ["hook"]
[[channel]]
name = "hook"
type = "webhook"
url = "{hook.url}"
{checks}
"""


def tell(server, check, status):
    answer = server.post(f"/api/v1/checks/{check}/result", {"status": status, "output": "said so"})
    assert answer.status == 200, answer.text


def incident_of(server, check):
    listed = server.get("/api/v1/incidents?state=all").json["incidents"]
    return next((one for one in listed if check in (one["title"], one["reason"].partition(":")[2])), None)


def test_a_blank_directory_pages_again_and_no_answer_is_lost(bellwether, hook, tmp_path):
    server = bellwether(config(hook))
    for count, check in enumerate(("taken", "put-off"), 1):
        tell(server, check, 2)
        hook.wait(count)
    taken = incident_of(server, "taken")["id"]
    done = server.post(f"/api/v1/incidents/{taken}/acknowledge", {"author": "ana", "comment": "on it"})
    assert done.status == 200, done.text
    until = int(time.time()) + 86_400
    snoozed = server.post(f"/api/v1/incidents/{incident_of(server, 'put-off')['id']}/snooze", {"until": until, "author": "ana"})
    assert snoozed.status == 200, snoozed.text
    # One page that nobody has taken yet: the provider refuses it for now.
    sent = len(hook.all)
    hook.answers = [(503, {"Retry-After": "3600"})]
    tell(server, "untold", 2)
    wait_for(lambda: len(hook.all) > sent, what="the try that is refused")
    waiting = hook.all[-1][0]["x-bellwether-delivery"]
    # Made by people here, and written in no file.
    made = server.put("/api/v1/monitors/made", {"monitor": {"target": "restored.level", "critical": "> 5", "contacts": ["ana"]}})
    assert made.status == 200, made.text
    assert server.post("/api/v1/post-mortems", {"incident": taken}).status == 200
    link = next(body["acknowledge"] for _, body, _ in hook.taken if body["name"] == "put-off")
    def is_waiting():
        pages = server.get(f"/api/v1/incidents/{incident_of(server, 'untold')['id']}").json["pages"]
        return [page for page in pages if page["state"] == "waiting" and page["tries"] == 1]
    wait_for(is_waiting, what="the page that waits")
    timeline = server.get(f"/api/v1/incidents/{taken}").json["timeline"]

    backup = tmp_path / "backup"
    server.cli("backup", str(backup))
    server.kill()
    delivered = len(hook.taken)

    began = time.monotonic()
    other = Bellwether(tmp_path / "other", config(hook))
    try:
        assert other.cli("restore", str(backup)).returncode == 0
        other.start()
        tell(other, "new", 2)
        wait_for(lambda: any(body["name"] == "new" for _, body, _ in hook.taken[delivered:]), what="the first page after the restore")
        took = time.monotonic() - began
        print(f"from the backup to the first page: {took:.1f} s")
        assert took < PROMISED_SECONDS

        kept = incident_of(other, "taken")
        assert (kept["id"], kept["phase"]) == (taken, "acknowledged")
        assert (kept["acknowledged"]["by"], kept["acknowledged"]["comment"]) == ("ana", "on it")
        assert other.get(f"/api/v1/incidents/{taken}").json["timeline"][:len(timeline)] == timeline
        assert incident_of(other, "put-off")["snoozed_until"] == until
        # What waited goes on waiting for the provider, as the same delivery.
        [page] = [page for page in other.get(f"/api/v1/incidents/{incident_of(other, 'untold')['id']}").json["pages"]
                  if page["channel"] == "hook" and page["kind"] == "problem"]
        assert page["state"] in ("waiting", "delivered")
        again = {headers["x-bellwether-delivery"] for headers, body, _ in hook.taken[delivered:] if body["name"] == "untold"}
        assert again <= {waiting}
        # The link in a page of before is good here too, and what people made is watched.
        token = link.rsplit("/", 1)[1]
        assert other.get(f"/a/{token}").status == 200
        pressed = other.post(f"/a/{token}", b"do=acknowledge", {"Content-Type": "application/x-www-form-urlencoded"})
        assert pressed.status == 200 and incident_of(other, "put-off")["phase"] == "acknowledged", pressed.text
        assert [one["incident"] for one in other.get("/api/v1/post-mortems").json["post_mortems"]] == [taken]
        def made_pages():
            other.carbon_send(f"restored.level 9 {int(time.time())}\n".encode())
            return any(body["name"] == "made" for _, body, _ in hook.taken[delivered:])
        wait_for(made_pages, pause=0.5, what="the page of the monitor that was made before")
        # Nobody is told twice of what they knew.
        assert not [body for _, body, _ in hook.taken[delivered:] if body["name"] in ("taken", "put-off")]
    finally:
        other.stop()
