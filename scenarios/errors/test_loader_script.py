"""The script that brings Sentry's client to a page: who gets it, and what it does before the client is there."""
import json
import shutil
import subprocess

import pytest

from support.errors import Project, script

CLIENT = "https://shop.example/static/sentry.min.js"

# A page that has nothing but what the script touches, and clients as bundlers make them.
PAGES = """
const fs = require("fs"), vm = require("vm");
function visit(way, lazy) {
  const listeners = {}, log = [], asked = [];
  const note = (name) => (...given) => void log.push([name, ...given.map((one) => (one instanceof Error ? String(one) : one))]);
  const sdk = { init: note("init"), captureException: note("error"), captureMessage: note("message"), setTag: note("tag") };
  const window = {
    addEventListener: (name, heard) => (listeners[name] = [...(listeners[name] ?? []), heard]),
    removeEventListener: (name, heard) => (listeners[name] = listeners[name].filter((one) => one !== heard)),
  };
  const document = { currentScript: { getAttribute: () => lazy }, createElement: () => ({}), head: { appendChild: (element) => asked.push(element) } };
  const console = { error: (said) => log.push(["console", String(said)]) };
  vm.runInNewContext(fs.readFileSync("loader.js", "utf8"), { window, document, console });
  const happens = (name, event) => (listeners[name] ?? []).forEach((heard) => heard(event));
  const arrives = () => {
    if (way === "frozen") window.Sentry = Object.freeze(sdk);
    if (way === "into ours") Object.assign(window.Sentry, sdk);
    asked[0].onload();
  };
  return { window, log, asked, happens, arrives, listening: () => Object.values(listeners).flat().length };
}
function broken(way) {
  const page = visit(way, null);
  page.window.Sentry.setTag("tenant", "acme");
  page.window.Sentry.onLoad(() => page.window.Sentry.init({ release: "shop@1" }));
  page.window.Sentry.onLoad(() => { throw new Error("their own"); });
  const before = page.asked.length;
  page.happens("error", { error: new RangeError("no card"), message: "Uncaught RangeError: no card" });
  page.happens("unhandledrejection", { reason: "no tea" });
  page.happens("error", { error: null, message: "Script error." });
  page.window.Sentry.captureMessage("paid");
  const urls = page.asked.map((element) => [element.src, element.crossOrigin]);
  page.arrives();
  return { before, urls, log: page.log, listening: page.listening() };
}
const eager = visit("frozen", "no");
const asked = eager.asked.length;
eager.arrives();
const away = visit("frozen", "no");
away.asked[0].onerror();
console.log(JSON.stringify({ frozen: broken("frozen"), ours: broken("into ours"), none: broken("none"), eager: { asked, log: eager.log }, away: away.log }));
"""


def test_the_loader_is_for_whoever_has_the_key(bellwether):
    page = {"Origin": "https://shop.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "script"}
    for mode in ("none", "required"):
        server = bellwether(f'[auth]\nmode = "{mode}"\n[errors]\nbrowser_client = "{CLIENT}"\n')
        project = Project(server)
        for ending in (".min.js", ".js"):
            answer = server.get(f"/js-sdk-loader/{project.key}{ending}", headers=page)
            assert (answer.status, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8"), answer.text
            assert answer.headers["Access-Control-Allow-Origin"] == "*" and "max-age" in answer.headers["Cache-Control"]
            assert project.dsn in answer.text and f'"client":"{CLIENT}"' in answer.text
        for path, status, why in (("0" * 32 + ".min.js", 403, "no project"), ("shop.min.js", 400, "hexadecimal"), (project.key, 404, "KEY.min.js")):
            answer = server.get(f"/js-sdk-loader/{path}", headers=page)
            assert (answer.status, why in answer.json["detail"]) == (status, True), answer.text
    server = bellwether()
    answer = server.get(f"/js-sdk-loader/{Project(server).key}.min.js", headers=page)
    assert (answer.status, "errors.browser_client" in answer.json["detail"]) == (404, True)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_what_happens_before_the_client_is_there(bellwether, tmp_path):
    server = bellwether(f'[errors]\nbrowser_client = "{CLIENT}"\n')
    project = Project(server)
    loader = server.get(f"/js-sdk-loader/{project.key}.min.js")
    assert loader.status == 200, loader.text
    script(tmp_path, loader.text, "loader.js")
    visits = subprocess.run(["node", str(script(tmp_path, PAGES, "pages.cjs"))], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert visits.returncode == 0, visits.stderr
    saw = json.loads(visits.stdout)
    unhandled = lambda kind: {"mechanism": {"type": kind, "handled": False}}
    for way in ("frozen", "ours"):
        page = saw[way]
        assert (page["before"], page["urls"]) == (0, [[CLIENT, "anonymous"]]), "once, when there is something to send"
        assert page["log"] == [
            ["init", {"dsn": project.dsn, "release": "shop@1"}],
            ["console", "Error: their own"],
            ["tag", "tenant", "acme"],
            ["error", "RangeError: no card", unhandled("onerror")],
            ["error", "no tea", unhandled("onunhandledrejection")],
            ["error", "Script error.", unhandled("onerror")],
            ["message", "paid"],
        ], way
        assert page["listening"] == 0, "the client hears for itself"
    assert saw["none"]["log"] == [["console", f"errors of this page are not sent: what is at {CLIENT} is not Sentry's client"]]
    assert saw["eager"] == {"asked": 1, "log": [["init", {"dsn": project.dsn}]]}
    assert saw["away"] == [["console", f"errors of this page are not sent: there is no client at {CLIENT}"]]
