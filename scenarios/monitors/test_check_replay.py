"""Checks tried on what was kept of them: what these rules would have sent, what was sent, and what a changed rule would do."""
import json
import time

from support.server import within_a_minute

CHECK = """
[[contact]]
name = "ops"
channels = ["log"]
[[host]]
name = "web"
[[check]]
name = "web/disk"
host = "web"
service = "disk"
type = "passive"
max_check_attempts = {attempts}
notification_interval = "0s"
contacts = ["ops"]
"""


def test_what_was_kept_is_tried_again(bellwether, tmp_path):
    server = bellwether(CHECK.format(attempts=1))
    # Told later by two attempts, it is still the same page: what is told in the same minute is the same.
    within_a_minute(30)
    begun = int(time.time())
    for status in (0, 2, 0, 2, 2, 2, 0):
        answer = server.post("/api/v1/checks/web%2Fdisk/result", json.dumps({"status": status, "output": f"is {status}"}).encode(), {"Content-Type": "application/json"})
        assert answer.status < 300, answer.text
        time.sleep(1.1)

    def tried(*arguments, check=True):
        done = server.cli("monitor", "test", *arguments, "--from", str(begun - 5), "--json", check=check)
        return json.loads(done.stdout) if check else done

    same = tried("web/disk")
    assert (same["beside"]["sent"], same["beside"]["same"], same["beside"]["missed"], same["beside"]["more"]) == (4, 4, [], []), same
    assert [(notice["kind"], notice["contact"]) for notice in same["notices"]] == [("problem", "ops"), ("recovery", "ops")] * 2
    assert [(firing["state"], firing["told"]) for firing in same["firings"]] == [("CRITICAL", True)] * 2
    assert same["pages"] == {"ops": 2} and same["instances"][0]["name"] == "web/disk"
    assert any(doubt["cannot_tell"] and "nothing is known" in doubt["reason"] for doubt in same["doubts"])
    assert tried("w*k")["notices"] == same["notices"]
    # With three attempts only the second trouble lasts long enough.
    changed = tmp_path / "changed.toml"
    changed.write_text(CHECK.format(attempts=3))
    patient = tried(str(changed))
    assert [(notice["kind"], notice["state"]) for notice in patient["notices"]] == [("problem", "CRITICAL"), ("recovery", "OK")]
    assert [page["kind"] for page in patient["beside"]["missed"]] == ["problem", "recovery"]
    both = tried("web/disk", "--compare", str(changed))
    assert len(both["comparison"]["both"]) == 1 and len(both["comparison"]["only_first"]) == 1
    text = server.cli("monitor", "test", "web/disk", "--from", str(begun - 5)).stdout
    assert "fired 2 times" in text and "Told: ops 2" in text, text
    wrong = tried("nobody", check=False)
    assert wrong.returncode == 1 and "no monitor, check or host `nobody`" in wrong.stderr, wrong.stderr
    changed.write_text(CHECK.format(attempts=3).replace('"ops"]\n', '"gone"]\n'))
    assert "gone" in tried(str(changed), check=False).stderr
