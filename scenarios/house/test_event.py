"""`bellwether event` in a deploy script: two seconds at most, whatever state the server is in, and nothing is lost."""
import json
import socket
import subprocess
import threading
import time

from support.server import default_binary, free_port

# A debug build on a busy machine needs a while to start at all.
PATIENCE = 2 + 8


def event(home, url, *arguments, token=None, check=0):
    env = {"HOME": str(home), "BELLWETHER_URL": url}
    if token:
        env["BELLWETHER_TOKEN"] = token
    started = time.monotonic()
    done = subprocess.run([default_binary(), "event", *arguments], env=env, cwd=home, capture_output=True, text=True, timeout=60)
    assert time.monotonic() - started < PATIENCE
    assert done.returncode == check, done.stderr
    return done


def kept(home):
    return sorted(path.name for path in (home / ".local/state/bellwether/events").glob("*"))


def test_a_server_that_is_away_gets_it_later(bellwether, tmp_path):
    server = bellwether()
    url = server.url("")
    server.stop()
    before = time.time()
    away = event(tmp_path, url, "deployed 1", "--tag", "deploy", "--data", "by ana")
    assert "kept in" in away.stderr and away.stdout == ""
    told = json.loads(event(tmp_path, url, "deployed 2", "--when", "1700000000", "--json").stdout)
    assert told["recorded"] is False and told["kept"].startswith(str(tmp_path))
    event(tmp_path, f"http://127.0.0.1:{free_port()}", "for another server")
    assert len(kept(tmp_path)) == 3
    server.start()
    now = event(tmp_path, url, "deployed 3")
    assert "recorded 2" in now.stderr
    assert len(kept(tmp_path)) == 1
    events = server.get("/events/get_data").json
    assert [one["what"] for one in events] == ["deployed 2", "deployed 1", "deployed 3"]
    assert events[0]["when"] == 1700000000 and before - 1 <= events[1]["when"] <= before + PATIENCE
    assert (events[1]["tags"], events[1]["data"]) == (["deploy"], "by ana")
    # Nothing twice.
    event(tmp_path, url, "deployed 4")
    assert len(server.get("/events/get_data").json) == 4


def test_a_server_that_does_not_answer(tmp_path):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        away = event(tmp_path, f"http://127.0.0.1:{listener.getsockname()[1]}", "deployed 1")
    assert "did not answer within 2 s" in away.stderr and len(kept(tmp_path)) == 1


def answering(status, body):
    """A server that says one thing to whoever asks."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())

    threading.Thread(target=serve, daemon=True).start()
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_what_a_server_refuses_is_told_and_not_kept(bellwether, tmp_path):
    server = bellwether('[auth]\nmode = "required"\n')
    wrong = event(tmp_path, server.url(""), "deployed 1", token="bw_wrong", check=1)
    assert "not right" in wrong.stderr
    assert "what" in event(tmp_path, server.url(""), "", check=2).stderr
    made = server.cli("token", "create", "deploys", "--role", "editor", "--json")
    token = json.loads(made.stdout)["token"]
    assert "longer than 255" in event(tmp_path, server.url(""), "x" * 256, token=token, check=1).stderr
    event(tmp_path, server.url(""), "deployed 1", token=token)
    viewer = json.loads(server.cli("token", "create", "looks", "--role", "viewer", "--json").stdout)["token"]
    assert "role editor" in event(tmp_path, server.url(""), "deployed 2", token=viewer, check=1).stderr
    assert kept(tmp_path) == []


def test_a_server_in_trouble_is_one_that_is_away(tmp_path):
    listener, url = answering(503, '{"error": "starting"}')
    with listener:
        assert "starting" in event(tmp_path, url, "deployed 1").stderr
    assert len(kept(tmp_path)) == 1


def test_where_nothing_can_be_kept_it_has_failed(tmp_path):
    (tmp_path / ".local").write_text("not a directory")
    failed = event(tmp_path, f"http://127.0.0.1:{free_port()}", "deployed 1", check=1)
    assert "cannot be kept" in failed.stderr


def test_without_a_server_named_it_says_so(tmp_path):
    done = subprocess.run([default_binary(), "event", "deployed 1"], env={"HOME": str(tmp_path)}, cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "BELLWETHER_URL" in done.stderr
    assert not (tmp_path / "data").exists() and kept(tmp_path) == []


def test_many_at_once(bellwether, tmp_path):
    """Kept by many, sent by many, each once."""
    server = bellwether()
    url = server.url("")
    server.stop()
    env = {"HOME": str(tmp_path), "BELLWETHER_URL": url}
    many = lambda word: [subprocess.Popen([default_binary(), "event", f"{word} {number}"], env=env, cwd=tmp_path,
                                          stderr=subprocess.DEVNULL) for number in range(6)]
    assert [process.wait(60) for process in many("away")] == [0] * 6
    server.start()
    assert [process.wait(60) for process in many("there")] == [0] * 6
    # Those that were given back in a hurry go with the next.
    for _ in range(5):
        event(tmp_path, url, "last")
        if not kept(tmp_path):
            break
    told = [one["what"] for one in server.get("/events/get_data").json if one["what"] != "last"]
    assert sorted(told) == sorted([f"{word} {number}" for word in ("away", "there") for number in range(6)])
