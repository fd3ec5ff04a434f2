"""Bugsink, a Sentry-compatible server, over SQLite in a directory of the test: what Bellwether's grouping is compared with.

It needs another Django than graphite-web does, so it lives in a virtual environment of its own, which is made at the first use:
`target/test-env/bugsink`, or the one whose python `BUGSINK_PYTHON` names."""
import fcntl
import os
import pathlib
import secrets
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request

from support.server import ROOT, free_port, wait_for

VERSION = "2.6.1"

CONFIGURATION = """\
from bugsink.settings.default import *
SECRET_KEY = "{secret}"
DATABASES["default"]["NAME"] = "{root}/db.sqlite3"
DATABASES["snappea"]["NAME"] = "{root}/snappea.sqlite3"
# An event is digested before its answer.
SNAPPEA = {{"TASK_ALWAYS_EAGER": True}}
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
ALLOWED_HOSTS = ["*"]
BUGSINK = {{
    "BASE_URL": "http://127.0.0.1:{port}",
    "INGEST_STORE_BASE_DIR": "{root}/ingestion",
    "PHONEHOME": False,
    "SINGLE_USER": True,
    "SINGLE_TEAM": True,
    **{{f"MAX_EVENTS_{{scope}}PER_{{period}}": 10_000_000
       for scope in ("", "PER_PROJECT_") for period in ("5_MINUTES", "HOUR", "MONTH")}},
}}
"""

MAKE_PROJECTS = """\
import sys, uuid
from projects.models import Project
for line in sys.stdin:
    number, key = line.split()
    Project.objects.create(id=int(number), name=f"pair {number}", slug=f"pair-{number}", sentry_key=uuid.UUID(key),
                           alert_on_new_issue=False, alert_on_regression=False, alert_on_unmute=False)
"""


def python():
    """The interpreter that has Bugsink."""
    if "BUGSINK_PYTHON" in os.environ:
        return os.environ["BUGSINK_PYTHON"]
    home = ROOT / "target" / "test-env" / f"bugsink-{VERSION}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with open(home.with_name(home.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "made").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
            subprocess.run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", f"bugsink=={VERSION}"], check=True)
            (home / "made").touch()
    return str(home / "bin" / "python")


class Bugsink:
    def __init__(self, directory):
        self.root, self.port = pathlib.Path(directory), free_port()
        self.root.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_file, self.process, self.python = self.root / "log", None, python()

    def start(self):
        (self.root / "bugsink_conf.py").write_text(
            CONFIGURATION.format(secret=secrets.token_urlsafe(50), root=self.root, port=self.port))
        self.manage("migrate")
        self.manage("migrate", "--database=snappea")
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [self.python, "-m", "gunicorn", f"--bind=127.0.0.1:{self.port}", "--workers=1", "--threads=4", "--timeout=120",
                 "--log-level=warning", "bugsink.wsgi"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment(), cwd=self.root)
        wait_for(self.answers, what=f"Bugsink (log: {self.log_file})")
        return self

    def environment(self):
        return {"PATH": os.environ.get("PATH", ""), "DJANGO_SETTINGS_MODULE": "bugsink_conf", "PYTHONPATH": str(self.root)}

    def manage(self, *arguments, input=None):
        done = subprocess.run([self.python, "-m", "bugsink.scripts.manage", *arguments], input=input, capture_output=True,
                              text=True, env=self.environment(), cwd=self.root, timeout=600)
        assert done.returncode == 0, f"bugsink-manage {' '.join(arguments)[:80]}: {done.stderr[-2000:]}"

    def answers(self):
        assert self.process.poll() is None, self.log_file.read_text()
        try:
            with urllib.request.urlopen(self.url + "/health/ready", timeout=10):
                return True
        except urllib.error.HTTPError:
            # Any page of it will do: it speaks.
            return True
        except OSError:
            return False

    def make_projects(self, keys):
        """{number: public key}"""
        self.manage("shell", "-c", MAKE_PROJECTS, input="".join(f"{number} {key}\n" for number, key in keys.items()))

    def groups(self):
        """{(project, event id): the issue that it was put into}, from its database."""
        with sqlite3.connect(f"file:{self.root}/db.sqlite3?mode=ro", uri=True) as database:
            rows = database.execute("SELECT project_id, event_id, issue_id FROM events_event").fetchall()
        return {(project, str(event).replace("-", "")): issue for project, event, issue in rows}

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
