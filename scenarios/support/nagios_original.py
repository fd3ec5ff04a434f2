"""Debian's nagios4: started over a directory of its own, and its files read."""
import getpass
import os
import pathlib
import shutil
import signal
import subprocess
import time

NAGIOS = shutil.which("nagios4") or "/usr/sbin/nagios4"
PLUGINS = pathlib.Path("/usr/lib/nagios/plugins")

ALWAYS = """define timeperiod{
 timeperiod_name always
 alias always
 sunday 00:00-24:00
 monday 00:00-24:00
 tuesday 00:00-24:00
 wednesday 00:00-24:00
 thursday 00:00-24:00
 friday 00:00-24:00
 saturday 00:00-24:00
}
"""


def define(kind, **values):
    """One object; a list is joined with commas."""
    lines = [f"    {key:<30} {','.join(value) if isinstance(value, list) else value}" for key, value in values.items()]
    return "\n".join([f"define {kind} {{", *lines, "}", ""])


def blocks(path):
    """The blocks of status.dat, retention.dat or objects.cache: (kind, values) each, text as it stands there."""
    found = []
    with open(path, encoding="utf-8", errors="replace", newline="\n") as file:
        for line in file:
            line = line.rstrip("\n")
            if line.endswith("{"):
                kind, values = line.removesuffix("{").removeprefix("define ").strip(), {}
            elif line.strip() == "}":
                found.append((kind, values))
            elif line and not line.startswith("#"):
                separator = "=" if "=" in line.split("\t")[0 if not line.startswith("\t") else 1] else "\t"
                key, _, value = line.removeprefix("\t").partition(separator)
                values[key] = value
    return found


def verify(config_file):
    """Nagios's own resolved objects of a configuration: the blocks of its precache file, named in the configuration."""
    done = subprocess.run([NAGIOS, "-vp", str(config_file)], capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


class Nagios:
    """`objects` is the text of one object file; `options` go into nagios.cfg."""

    def __init__(self, directory, objects, environment=None, **options):
        self.directory = pathlib.Path(directory)
        self.environment = environment or {}
        (self.directory / "results").mkdir(parents=True)
        (self.directory / "archives").mkdir()
        (self.directory / "objects.cfg").write_text(objects)
        own = self.directory
        user = getpass.getuser()
        settings = {
            "log_file": own / "nagios.log", "cfg_file": own / "objects.cfg", "object_cache_file": own / "objects.cache",
            "precached_object_file": own / "objects.precache", "status_file": own / "status.dat", "status_update_interval": 1,
            "nagios_user": user, "nagios_group": user, "lock_file": own / "lock", "temp_file": own / "temporary", "temp_path": own,
            "check_result_path": own / "results", "check_result_reaper_frequency": 1, "command_file": own / "command",
            "state_retention_file": own / "retention.dat", "query_socket": own / "query", "log_archive_path": own / "archives",
            "use_syslog": 0, "check_for_updates": 0, "illegal_macro_output_chars": "`~$&|'\"<>", **options}
        self.config_file = own / "nagios.cfg"
        self.config_file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        self.process = None

    def start(self):
        self.output = open(self.directory / "output", "w")
        self.process = subprocess.Popen([NAGIOS, str(self.config_file)], stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output, cwd="/",
                                        env={**os.environ, **self.environment}, start_new_session=True)
        return self

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def status(self, kind):
        """The blocks of one kind, `servicestatus` for instance; empty before Nagios has written its file."""
        try:
            return [values for found, values in blocks(self.directory / "status.dat") if found == kind]
        except FileNotFoundError:
            return []

    def wait_for(self, condition, seconds=60):
        """Until `condition(self)`; what Nagios said is shown where it ended by itself."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, (self.directory / "output").read_text(errors="replace")[-3000:]
            if found := condition(self):
                return found
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s: {(self.directory / 'nagios.log').read_text(errors='replace')[-2000:]}")
