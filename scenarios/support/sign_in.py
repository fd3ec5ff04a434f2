"""Signing in with a provider, as a browser does: the provider as a process, and a browser that keeps cookies and follows nothing by itself."""
import http.client
import json
import subprocess
import urllib.parse

from support.server import ROOT, free_port

PEOPLE = {
    "ana": {"preferred_username": "ana", "name": "Ana Sá", "email": "ana@example.com", "email_verified": True, "groups": ["sre", "all"]},
    "ben": {"preferred_username": "ben", "email": "ben@example.com", "email_verified": True, "groups": ["all"]},
    "eve": {"preferred_username": "eve", "email": "eve@example.com", "email_verified": False, "groups": []},
}


class SignInProvider:
    """`url` is its issuer."""

    def __init__(self, callback, people=None, port=None):
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.people = dict(people or PEOPLE)
        script = ROOT / "scenarios" / "support" / "sign_in_provider.mjs"
        self.process = subprocess.Popen(["node", str(script), str(self.port), callback, json.dumps(self.people)],
                                        stdout=subprocess.PIPE, text=True)
        # It says so when it listens, and nothing else.
        while (line := self.process.stdout.readline()) != "ready\n":
            assert line, "the sign-in provider did not start"

    def lie(self, kind):
        """What it says from now on is wrong in one way; `""`: right again."""
        Browser().get(f"{self.url}/lie?kind={kind}")

    def know(self, name, **claims):
        """It says this of somebody from now on, beside what it said before."""
        self.people[name] = {**self.people.get(name, {"preferred_username": name}), **claims}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("PUT", "/people", json.dumps({name: self.people[name]}))
        assert connection.getresponse().status == 200
        connection.close()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Browser:
    """Cookies by host and path, and one request at a time."""

    def __init__(self):
        self.cookies = {}

    def get(self, url, headers=None):
        return self.ask("GET", url, None, headers)

    def post(self, url, form):
        return self.ask("POST", url, urllib.parse.urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})

    def ask(self, method, url, body, headers):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        sent = {name: value for (port, name), (path, value) in self.cookies.items() if port == parts.port and parts.path.startswith(path)}
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in sent.items())} if sent else {}
        # What browsers say of following a link from another site.
        navigates = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        connection.request(method, urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, "")), body, headers={**navigates, **cookie, **(headers or {})})
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
        for header in response.headers.get_all("Set-Cookie") or []:
            pair, *attributes = [part.strip() for part in header.split(";")]
            name, value = pair.split("=", 1)
            of = dict(attribute.lower().split("=", 1) for attribute in attributes if "=" in attribute)
            if of.get("max-age") == "0" or "1970" in of.get("expires", ""):
                self.cookies.pop((parts.port, name), None)
            else:
                self.cookies[parts.port, name] = (dict(a.split("=", 1) for a in attributes if "=" in a).get("path", "/"), value)
        connection.close()
        location = response.headers.get("Location")
        return Page(response.status, response.headers, body, urllib.parse.urljoin(url, location) if location else None)

    def go(self, url, name, until):
        """Follows redirects, giving `name` to the provider's form, up to one that leads to what begins with `until`, and says where."""
        for _ in range(10):
            page = self.get(url)
            assert page.to, (url, page.status, page.text)
            url = page.to
            if url.startswith(until):
                return url
            if "/interaction/" in url:
                url += f"?as={name}" if name else ""
        raise AssertionError(f"more redirects than a sign-in has, the last to {url}")


class Page:
    def __init__(self, status, headers, text, to):
        self.status, self.headers, self.text, self.to = status, headers, text, to
