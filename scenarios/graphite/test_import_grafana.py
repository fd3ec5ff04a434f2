"""`bellwether import grafana`: what dashboards draw, and what cannot be carried over."""
import json
import subprocess
import time

from support.server import default_binary

BOARD = {
    "title": "Shop", "uid": "abc", "schemaVersion": 36, "time": {"from": "now-6h", "to": "now"},
    "templating": {"list": [{"name": "server", "type": "query", "query": "web.*", "current": {"value": ["web1", "web2"]}}]},
    "annotations": {"list": [{"name": "Deploys", "datasource": {"type": "graphite"}, "target": {"tags": ["deploy"]}}]},
    "panels": [
        {"type": "row", "title": "Front"},
        {"type": "timeseries", "title": "Requests", "datasource": {"type": "graphite", "uid": "x"}, "targets": [
            {"refId": "A", "target": "shop.$server.requests", "hide": True},
            {"refId": "B", "target": "sumSeries(#A)"}]},
        {"type": "stat", "title": "Nothing yet", "targets": [{"refId": "A", "target": "shop.nothing"}]},
    ],
}


def test_a_preview_with_what_is_there_now(bellwether, tmp_path):
    server = bellwether()
    now = int(time.time())
    server.carbon_send("".join(f"shop.web{n}.requests {n}.5 {now - 60}\n" for n in (1, 2, 3)).encode())
    file = tmp_path / "shop.json"
    file.write_text(json.dumps(BOARD))
    done = server.cli("import", "grafana", str(file))
    lines = done.stdout.splitlines()
    assert lines[0] == f"Shop  ({file}; 2 panels, 3 targets, of schema version 36)"
    assert "  $server = web1, web2" in lines and "  Front" in lines
    row = lambda text: next(line for line in lines if text in line)
    assert "2 series" in row("A (hidden)  shop.{web1,web2}.requests") and "last 1.5" in row("A (hidden)")
    assert "1 series" in row("sumSeries(shop.{web1,web2}.requests)") and "last 4" in row("sumSeries")
    assert "no series" in row("shop.nothing")
    assert '  marks "Deploys": events with the tags deploy' in lines

    board = json.loads(server.cli("import", "grafana", str(file), "--json").stdout)
    assert [target["series"] for panel in board["panels"] for target in panel["targets"]] == [2, 1, 0]
    assert board["lost"] == [] and board["panels"][0]["targets"][1]["last"] == 4.0

    # The same file says what to compare the answers of.
    done = server.cli("compare", "--graphite", "http://127.0.0.1:1", "--targets", str(tmp_path / "none.json"), check=False)
    assert done.returncode == 2 and "none.json" in done.stderr


def test_what_cannot_be_carried_over_is_told_line_by_line(tmp_path):
    """Without a server."""
    directory = tmp_path / "boards"
    (directory / "more").mkdir(parents=True)
    board = json.loads(json.dumps(BOARD))
    board["panels"] += [{"type": "text", "title": "Hello"},
                        {"type": "graph", "title": "Wrong", "targets": [
                            {"refId": "A", "target": "sumSeries(a.b"}, {"refId": "B", "target": "(x)"},
                            {"refId": "C", "target": "noSuch(a)"}, {"refId": "D", "target": "a.$gone.b"}]}]
    (directory / "a.json").write_text(json.dumps(board))
    (directory / "more" / "b.json").write_text('{"panels": [\n')
    (directory / "more" / "readme.txt").write_text("no board")
    run = lambda *arguments: subprocess.run(
        [default_binary(), "import", "grafana", *arguments, "--data-dir", tmp_path / "none"],
        capture_output=True, text=True, timeout=60, cwd=tmp_path)
    done = run(directory)
    assert done.returncode == 1
    a, b = directory / "a.json", directory / "more" / "b.json"
    lines = done.stderr.splitlines()
    for start, words in [(f"{b}:", "not JSON"), (f'{a}: panel "Hello"', "type text"),
                         (f'{a}: panel "Wrong", target A', "close every parenthesis"),
                         (f'{a}: panel "Wrong", target B', "at character 1"),
                         (f'{a}: panel "Wrong", target C', "no function noSuch"),
                         (f'{a}: panel "Wrong", target D', "$gone is no variable")]:
        assert any(line.startswith(start) and words in line for line in lines), (start, lines)
    assert lines[-1] == "6 not carried over" and "Shop" in done.stdout and "No server answers" in done.stdout

    for arguments, words in [([tmp_path / "nothing.json"], "nothing.json"), ([], "FILES")]:
        done = run(*arguments)
        assert done.returncode in (1, 2) and words in done.stderr, done
    assert not (tmp_path / "none").exists()
