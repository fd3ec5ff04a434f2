"""A wall clock that can be set (libfaketime); time itself passes as it does."""
import pathlib

LIBRARY = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


class Clock:
    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "clock"
        self.set(0)

    def set(self, seconds):
        new = self.file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.replace(self.file)

    def environment(self):
        return {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1", "NO_FAKE_STAT": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
