"""Projects of errors, and what programs send to them."""
import json
import os
import pathlib
import subprocess
import uuid

from support.server import wait_for

# What npm brought: clients of Sentry, sentry-cli.
MODULES = pathlib.Path(os.environ.get("STATSD_MODULES", pathlib.Path(__file__).resolve().parents[1] / "node_modules"))


class Project:
    """A project of a server, made by its command line; and short ways to send to it and to look."""

    def __init__(self, server, name="web", *options):
        self.server, self.name = server, name
        made = json.loads(server.cli("project", "create", name, "--json", *options).stdout)
        self.id, self.key = made["id"], made["keys"][0]["key"]
        # Whatever it would be called from outside.
        self.dsn = f"http://{self.key}@127.0.0.1:{server.ports['http']}/{self.id}"

    def auth(self, **more):
        return {"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_client=test/1, sentry_key={self.key}", **more}

    def path(self, rest):
        return f"/api/{self.id}/{rest}"

    def envelope(self, *items, headers=None, id=None, header=None):
        return self.server.post(self.path("envelope/"), envelope(*items, id=id, header=header), headers=self.auth(**(headers or {})), timeout=60)

    def send(self, event):
        return self.envelope(("event", event))

    def groups(self, query=""):
        answer = self.server.get(f"/api/v1/errors/groups?project={self.id}{query}")
        assert answer.status == 200, answer.text
        return answer.json

    def events(self, group, query=""):
        answer = self.server.get(f"/api/v1/errors/groups/{group}/events{query}")
        assert answer.status == 200, answer.text
        return answer.json

    def wait_for_group(self, title):
        found = lambda: [group for group in self.groups() if title in group["title"]]
        return wait_for(found, pause=0.1, what=f"a group with {title!r} in its title")[0]


def event(message="broken", kind="ValueError", function="work", **more):
    """One that groups by its function: another one is another group."""
    frame = {"function": function, "module": "shop.cart", "filename": "shop/cart.py", "lineno": 7, "in_app": True}
    exception = {"type": kind, "value": message, "stacktrace": {"frames": [frame]}}
    return {"event_id": uuid.uuid4().hex, "platform": "python", "level": "error", "exception": {"values": [exception]}, **more}


def envelope(*items, id=None, header=None):
    """Of (type, payload) or (type, payload, further headers)."""
    lines = [json.dumps({**({"event_id": id} if id else {}), **(header or {})}).encode()]
    for kind, payload, *more in items:
        payload = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        lines += [json.dumps({"type": kind, "length": len(payload), **(more[0] if more else {})}).encode(), payload]
    return b"\n".join(lines) + b"\n"


def script(tmp_path, text, name="program.py"):
    path = tmp_path / name
    path.write_text(text)
    return path


def run(command, program, dsn, **environment):
    """A program that has nothing but its DSN, where it lives: what is its own is told by that."""
    done = subprocess.run([*command, str(program)], capture_output=True, text=True, timeout=120, cwd=program.parent,
                          env={**os.environ, "SENTRY_DSN": dsn, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done
