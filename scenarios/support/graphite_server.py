"""graphite-web 1.1.10 behind HTTP, over a whisper tree that stays in reach of the test.

    python graphite_server.py ROOT PORT         (ROOT/storage/whisper is the tree)
"""
import os
import pathlib
import subprocess
import sys
import urllib.parse
import urllib.request


class GraphiteWeb:
    """For tests: the process, and short ways to its files."""

    def __init__(self, root, port):
        self.root, self.port = pathlib.Path(root), port
        self.root.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{port}"
        self.log_file = self.root / "log"
        self.process = None

    def start(self):
        from support.server import wait_for
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen([sys.executable, __file__, str(self.root), str(self.port)],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(self.answers, seconds=60, what=f"graphite-web (log: {self.log_file})")
        return self

    def answers(self):
        assert self.process.poll() is None, self.log_file.read_text()
        try:
            return self.get("/version").strip() == b"1.1.10"
        except OSError:
            return False

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read()

    def post(self, path, form):
        body = urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(self.url + path, data=body, timeout=30) as answer:
            return answer.read()

    def file(self, name):
        return str(self.root / "storage" / "whisper" / (name.replace(".", "/") + ".wsp"))

    def create(self, name, archives, method="average", x_files_factor=0.5):
        """`archives` as (step, points)."""
        import whisper
        os.makedirs(os.path.dirname(self.file(name)), exist_ok=True)
        whisper.create(self.file(name), list(archives), x_files_factor, method)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def main():
    from graphite_original import mend_inspect, serve, start_django
    mend_inspect()
    start_django(sys.argv[1])
    serve(int(sys.argv[2]))


if __name__ == "__main__":
    main()
