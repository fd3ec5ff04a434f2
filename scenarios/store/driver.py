"""The store's driver program (crates/series-store/examples/drive.rs) as an object."""
import os
import subprocess

from support.examples import example
from support.server import ahead


def build():
    """The path of the driver, built if need be."""
    if "STORE_DRIVER" in os.environ:
        return os.environ["STORE_DRIVER"]
    return example("drive")


class Driver:
    def __init__(self, binary, goes_ahead=False):
        self.process = subprocess.Popen([binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        preexec_fn=ahead if goes_ahead else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def tell(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().rstrip("\n")

    def ask(self, *words):
        """One command and its answer; a failure is an error."""
        self.tell(*words)
        answer = self.answer()
        assert answer and not answer.startswith("error"), (words, answer)
        return answer

    def write(self, *points):
        """(name, time, value), all in one batch."""
        return self.ask("write", *(part for name, time, value in points for part in (name, time, repr(float(value)))))

    def fetch(self, name, start, end):
        """(first time, step, values with None)."""
        first, step, *values = self.ask("fetch", name, start, end).split(" ")
        return int(first), int(step), [None if value == "-" else float(value) for value in values]
