"""Debian's Alertmanager: started over a directory of its own, and asked how it groups what it is told."""
import json
import pathlib
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from support.server import free_port, wait_for

ALERTMANAGER = shutil.which("prometheus-alertmanager") or "/usr/bin/prometheus-alertmanager"


class Alertmanager:
    def __init__(self, directory, config):
        self.directory, self.port = pathlib.Path(directory), free_port()
        self.directory.mkdir()
        self.config_file, self.log_file = self.directory / "alertmanager.yml", self.directory / "log"
        self.config_file.write_text(config)

    def start(self):
        arguments = [ALERTMANAGER, f"--config.file={self.config_file}", f"--storage.path={self.directory / 'data'}",
                     f"--web.listen-address=127.0.0.1:{self.port}", "--cluster.listen-address="]
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory)
        wait_for(self.ready, what=f"Alertmanager (log: {self.log_file})")
        return self

    def ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Alertmanager ended:\n{self.log_file.read_text(errors='replace')}")
        try:
            return self.request("/-/ready") is not None
        except (urllib.error.URLError, OSError):
            return False

    def stop(self):
        self.process.kill()
        self.process.wait()

    def take(self, alerts):
        """As Prometheus posts them: label sets, each firing since then."""
        self.request("/api/v2/alerts", json.dumps(alerts).encode())

    def alerts(self):
        return json.loads(self.request("/api/v2/alerts"))

    def groups(self, receiver):
        """The label sets of each group that would be told of: what something else inhibits is told to nobody."""
        query = urllib.parse.urlencode({"receiver": receiver, "inhibited": "false"})
        groups = json.loads(self.request(f"/api/v2/alerts/groups?{query}"))
        return [[alert["labels"] for alert in group["alerts"]] for group in groups]

    def request(self, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read().decode()
