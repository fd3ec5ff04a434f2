"""Real SDKs, unchanged: all that they are given is a DSN."""
import shutil
import sys

import pytest

from support.errors import MODULES, Project, run, script
from support.server import wait_for


def test_sentry_for_python(bellwether, tmp_path):
    server = bellwether()
    project = Project(server)
    program = script(tmp_path, '''
import os, sentry_sdk
sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], release="shop@1.0.0", environment="live", traces_sample_rate=1.0)
sentry_sdk.set_user({"id": "17", "email": "ana@example.com"})
sentry_sdk.set_tag("tenant", "acme")

def charge(card, password):
    raise ValueError("card refused")

for _ in range(3):
    try:
        # Not in the source, which is sent too.
        charge("none", password="".join(["hun", "ter2"]))
    except ValueError:
        sentry_sdk.capture_exception()
with sentry_sdk.start_transaction(op="task", name="nightly"):
    pass
sentry_sdk.capture_message("a plain message", level="warning")
sentry_sdk.flush(30)
''')
    run([sys.executable], program, project.dsn)
    group = project.wait_for_group("ValueError: card refused")
    assert (group["count"], group["users"], group["release_first"], group["environment"]) == (3, 1, "shop@1.0.0", ["live"])
    assert (group["short"], group["level"], group["status"]) == ("WEB-1", "error", "unresolved")
    message = project.wait_for_group("a plain message")
    assert (message["level"], message["kind"]) == ("warning", "message")
    events = project.events(group["id"])
    assert len(events) == 3 and len({one["event_id"] for one in events}) == 3
    frames = events[0]["exception"]["values"][-1]["stacktrace"]["frames"]
    assert frames[-1]["function"] == "charge" and "hunter2" not in str(events)
    whole = server.get(f"/api/v1/errors/groups/{group['id']}").json
    tags = {tag["key"]: tag["values"][0]["value"] for tag in whole["tags"]}
    assert tags["tenant"] == "acme", tags
    assert whole["hashes"][0]["why"], "why it is grouped so"
    assert [one["release"] for one in whole["releases"]] == ["shop@1.0.0"]
    client = server.get(f"/api/v1/errors/projects/{project.id}").json["client"]
    assert client.startswith("sentry.python"), client


def test_logging_and_flask(bellwether, tmp_path):
    server = bellwether()
    project = Project(server, "shop-web")
    program = script(tmp_path, '''
import logging, os, flask, sentry_sdk
sentry_sdk.init(dsn=os.environ["SENTRY_DSN"])
app = flask.Flask(__name__)

@app.route("/pay/<order>")
def pay(order):
    raise RuntimeError("no connection")

assert app.test_client().get("/pay/17?token=abcdef").status_code == 500
logging.getLogger("shop.mail").error("cannot send to %s", "ana@example.com")
sentry_sdk.flush(30)
''')
    run([sys.executable], program, project.dsn)
    group = project.wait_for_group("RuntimeError: no connection")
    assert group["unhandled"] and group["short"].startswith("SHOP-WEB-")
    [event] = project.events(group["id"])
    assert event["request"]["url"].endswith("/pay/17") and "abcdef" not in str(event["request"])
    logged = project.wait_for_group("cannot send to")
    assert project.events(logged["id"])[0]["logger"] == "shop.mail"


def test_django(bellwether, tmp_path):
    server = bellwether()
    project = Project(server)
    program = script(tmp_path, '''
import os, sentry_sdk
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
from sentry_sdk.integrations.django import DjangoIntegration
from werkzeug.test import Client
sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], integrations=[DjangoIntegration()], release="shop@4", send_default_pii=True)

def basket(request, number):
    items = {}
    return HttpResponse(items[number])

urlpatterns = [path("basket/<int:number>/", basket)]
settings.configure(ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"], SECRET_KEY="of the test")
client = Client(get_wsgi_application())
# Not in the source, which is sent too.
client.set_cookie("sessionid", "".join(["c0f", "fee"]))
assert client.post("/basket/7/", data={"password": "".join(["hun", "ter2"]), "item": "tea"}).status_code == 500
sentry_sdk.flush(30)
''')
    run([sys.executable], program, project.dsn)
    group = project.wait_for_group("KeyError: 7")
    assert group["unhandled"] and group["release_first"] == "shop@4"
    [event] = project.events(group["id"])
    assert event["transaction"] == "/basket/{number}/"
    assert event["request"]["method"] == "POST" and event["request"]["url"].endswith("/basket/7/")
    assert event["request"]["data"] == {"password": "[Filtered]", "item": "tea"}
    assert "hunter2" not in str(event) and "c0ffee" not in str(event)


def test_celery(bellwether, tmp_path):
    server = bellwether()
    project = Project(server, "jobs")
    program = script(tmp_path, '''
import os, celery, sentry_sdk
from sentry_sdk.integrations.celery import CeleryIntegration
sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], integrations=[CeleryIntegration()], send_default_pii=True)
# A worker is there after the client, as where it has a process of its own.
from celery.contrib.testing.worker import start_worker
app = celery.Celery("shop", broker="memory://", backend="cache+memory://")

@app.task(name="shop.send_mail")
def send_mail(order):
    raise ConnectionError("mail server is away")

with start_worker(app, perform_ping_check=False, shutdown_timeout=60):
    send_mail.delay(17).get(timeout=60, propagate=False)
sentry_sdk.flush(30)
''')
    run([sys.executable], program, project.dsn)
    group = project.wait_for_group("ConnectionError: mail server is away")
    [event] = project.events(group["id"])
    assert event["transaction"] == "shop.send_mail" and event["extra"]["celery-job"]["args"] == [17]
    assert group["unhandled"], group


def test_raven(bellwether, tmp_path):
    """The client before: version 6 of the protocol, with a secret, packed with zlib."""
    server = bellwether()
    project = Project(server)
    program = script(tmp_path, '''
import os, raven
from raven.transport.http import HTTPTransport
client = raven.Client(os.environ["SENTRY_DSN"].replace("@", ":" + "0" * 32 + "@"), transport=HTTPTransport, install_sys_hook=False)
try:
    {}["missing"]
except KeyError:
    assert client.captureException()
assert client.captureMessage("raven speaks")
''')
    run([sys.executable], program, project.dsn)
    assert project.wait_for_group("KeyError")["count"] == 1
    assert project.wait_for_group("raven speaks")["count"] == 1


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_raven_for_node(bellwether, tmp_path):
    """The last of the clients before: it says when it sends in milliseconds."""
    server = bellwether()
    project = Project(server)
    program = script(tmp_path, '''
const Raven = require("raven");
Raven.config(process.env.SENTRY_DSN, { release: "api@1.0.0", tags: { till: "2" } }).install();
function charge() { throw new TypeError("no such card"); }
const sent = (send) => new Promise((done) => send((error) => done(error)));
(async () => {
  let failed;
  try { charge(); } catch (error) { failed = await sent((done) => Raven.captureException(error, { user: { id: "7" } }, done)); }
  failed = failed || (await sent((done) => Raven.captureMessage("raven speaks", done)));
  process.exit(failed ? 1 : 0);
})();
''', "program.cjs")
    run(["node"], program, project.dsn, NODE_PATH=str(MODULES))
    group = project.wait_for_group("TypeError: no such card")
    assert (group["count"], group["users"], group["release_first"]) == (1, 1, "api@1.0.0")
    [event] = project.events(group["id"])
    assert event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["function"] == "charge"
    assert project.wait_for_group("raven speaks")["count"] == 1
    assert server.get(f"/api/v1/errors/projects/{project.id}").json["client"] == "raven-node/2.6.4"


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_sentry_for_node(bellwether, tmp_path):
    server = bellwether()
    project = Project(server)
    program = script(tmp_path, '''
const Sentry = require("@sentry/node");
Sentry.init({ dsn: process.env.SENTRY_DSN, release: "api@2.0.0" });
function charge() { throw new TypeError("no such card"); }
try { charge(); } catch (error) { Sentry.captureException(error); }
Sentry.captureException(new Error("long"), { extra: { text: "x".repeat(60000) } });
Sentry.flush(30000).then((done) => process.exit(done ? 0 : 1));
''', "program.cjs")
    run(["node"], program, project.dsn, NODE_PATH=str(MODULES))
    group = project.wait_for_group("TypeError: no such card")
    assert group["platform"] == "node" and group["release_first"] == "api@2.0.0"
    # Longer than 32 KiB it comes as gzip.
    assert project.wait_for_group("Error: long")["count"] == 1


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node")
def test_words_of_users_about_an_error_and_about_none(bellwether, tmp_path):
    server = bellwether()
    project = Project(server)
    program = script(tmp_path, '''
const Sentry = require("@sentry/node");
Sentry.init({ dsn: process.env.SENTRY_DSN, release: "api@2.0.0" });
const associatedEventId = Sentry.captureException(new Error("broken"));
Sentry.captureFeedback({ message: "It broke.", name: "Ben", email: "ben@example.com", associatedEventId });
Sentry.captureFeedback({ message: "I only wanted tea.", name: "Vera" });
Sentry.flush(30000).then((done) => process.exit(done ? 0 : 1));
''', "program.cjs")
    run(["node"], program, project.dsn, NODE_PATH=str(MODULES))
    said = lambda event: (event.get("_feedback") or {}).get("comments")
    words = lambda group: {said(event) for event in project.events(group["id"])}
    wait_for(lambda: words(project.wait_for_group("Error: broken")) == {"It broke."}, what="the words about the error")
    free = lambda: [group for group in project.groups() if group["kind"] == "feedback" and "I only wanted tea." in words(group)]
    [group] = wait_for(free, what="the words about no error")
    assert group["level"] == "info"


def test_check_ins_and_sessions_of_the_sdk(bellwether, tmp_path):
    server = bellwether()
    project = Project(server, "jobs")
    program = script(tmp_path, '''
import os, sentry_sdk
from sentry_sdk.crons import monitor
sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], release="jobs@1", auto_session_tracking=True)
config = {"schedule": {"type": "interval", "value": 2, "unit": "hour"}, "checkin_margin": 5, "max_runtime": 10}
with monitor(monitor_slug="nightly", monitor_config=config):
    pass
sentry_sdk.flush(30)
''')
    run([sys.executable], program, project.dsn)
    beat = lambda: [one for one in server.get("/api/v1/heartbeats").json["heartbeats"] if one["name"] == "jobs/nightly" and one["status"] == "up"]
    [heartbeat] = wait_for(beat, what="the heartbeat of the job")
    assert (heartbeat["period"], heartbeat["grace"]) == (7200, 600)
