"""Debian's nagios4 as it is: a real process in a directory of its own, its objects from a text, results and commands
through its command file. What it does with a result stands in its performance data files, one line a result, written
after all else is done; what it tells stands in its log."""
import os
import pathlib
import pwd
import re
import signal
import subprocess
import time

BINARY = "/usr/sbin/nagios4"

CONFIGURATION = """
cfg_file={home}/objects.cfg
log_file={home}/nagios.log
object_cache_file={home}/objects.cache
precached_object_file={home}/objects.precache
status_file={home}/status.dat
status_update_interval=1
temp_file={home}/nagios.tmp
temp_path={home}
check_result_path={home}/results
lock_file={home}/nagios.lock
command_file={home}/nagios.cmd
query_socket={home}/nagios.qh
state_retention_file={home}/retention.dat
retain_state_information=0
check_external_commands=1
nagios_user={user}
nagios_group={group}
use_syslog=0
log_notifications=1
log_service_retries=1
log_host_retries=1
log_event_handlers=1
log_external_commands=0
log_passive_checks=0
enable_flap_detection=1
process_performance_data=1
service_perfdata_file={home}/service.results
service_perfdata_file_template=$TIMET$\\t$HOSTNAME$\\t$SERVICEDESC$\\t$SERVICESTATE$\\t$SERVICESTATETYPE$\\t$SERVICEATTEMPT$\\t$SERVICEPERCENTCHANGE$\\t$SERVICENOTIFICATIONNUMBER$\\t$SERVICEDOWNTIME$
service_perfdata_file_processing_interval=0
host_perfdata_file={home}/host.results
host_perfdata_file_template=$TIMET$\\t$HOSTNAME$\\t\\t$HOSTSTATE$\\t$HOSTSTATETYPE$\\t$HOSTATTEMPT$\\t$HOSTPERCENTCHANGE$\\t$HOSTNOTIFICATIONNUMBER$\\t$HOSTDOWNTIME$
host_perfdata_file_processing_interval=0
check_for_updates=0
check_workers=2
illegal_macro_output_chars=`~$&|'"<>
"""

NOTIFICATION = re.compile(r"^\[(\d+)\] (HOST|SERVICE) NOTIFICATION: (.*)$")
KINDS = {
    "ACKNOWLEDGEMENT": "acknowledgement", "FLAPPINGSTART": "flapping_start", "FLAPPINGSTOP": "flapping_stop",
    "FLAPPINGDISABLED": "flapping_disabled", "DOWNTIMESTART": "downtime_start", "DOWNTIMEEND": "downtime_end",
    "DOWNTIMECANCELLED": "downtime_cancelled", "CUSTOM": "custom"}


def running_as():
    """Nagios refuses to run as root and changes to this user; another user stays what it is."""
    return ("nobody", "nogroup") if os.geteuid() == 0 else (pwd.getpwuid(os.geteuid()).pw_name, str(os.getegid()))


class Nagios:
    def __init__(self, home, objects, settings="", environment=None):
        self.home = pathlib.Path(home)
        (self.home / "results").mkdir(parents=True)
        for folder in (self.home, self.home / "results"):
            folder.chmod(0o777)
        user, group = running_as()
        (self.home / "objects.cfg").write_text(objects)
        configuration = CONFIGURATION.format(home=self.home, user=user, group=group) + settings
        (self.home / "nagios.cfg").write_text(configuration)
        self.environment = {**os.environ, **(environment or {})}
        self.process = None
        self.fifo = None

    def start(self):
        verified = subprocess.run([BINARY, "-v", self.home / "nagios.cfg"], env=self.environment, capture_output=True,
                                  text=True, timeout=60)
        assert verified.returncode == 0, verified.stdout[-3000:]
        with open(self.home / "stdout", "wb") as output:
            self.process = subprocess.Popen([BINARY, self.home / "nagios.cfg"], stdout=output, stderr=output,
                                            env=self.environment, start_new_session=True)
        deadline = time.monotonic() + 60
        # Its worker makes the file, maybe after Nagios has told of the worker.
        while "command file worker" not in self.log() or not (self.home / "nagios.cmd").is_fifo():
            assert self.process.poll() is None, (self.home / "stdout").read_text() + self.log()
            assert time.monotonic() < deadline, "nagios did not open its command file:\n" + self.log()
            time.sleep(0.05)
        self.fifo = open(self.home / "nagios.cmd", "w", buffering=1)
        return self

    def command(self, *lines, at=None):
        at = int(time.time()) if at is None else at
        # Longer than a pipe takes at once would be mixed with others'; there are no others.
        self.fifo.write("".join(f"[{at}] {line}\n" for line in lines))
        self.fifo.flush()

    def stop(self):
        """False if it had to be killed, and has not written its results."""
        if self.fifo:
            self.fifo.close()
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                # The session that was started for it, workers and all.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
                return False
        return True

    def log(self):
        path = self.home / "nagios.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def results(self):
        """(host, service or "") -> what it was after each result, in order; after `stop`, when they are written."""
        results = {}
        for name in ("service.results", "host.results"):
            for line in (self.home / name).read_text().splitlines():
                at, host, service, state, state_type, attempt, percent, number, depth = line.split("\t")
                results.setdefault((host, service), []).append({
                    "at": int(at), "state": state, "state_type": state_type, "attempt": int(attempt),
                    "percent": float(percent), "number": int(number), "depth": int(depth)})
        return results

    def notifications(self):
        """(host, service or "") -> each notification, in the order of the log."""
        told = {}
        for line in self.log().splitlines():
            if not (match := NOTIFICATION.match(line)):
                continue
            at, of, rest = match.groups()
            fields = rest.split(";")
            contact, host = fields[0], fields[1]
            service = fields[2] if of == "SERVICE" else ""
            what = fields[3 if of == "SERVICE" else 2]
            kind, _, state = what.partition(" (")
            if state:
                kind, state = KINDS[kind], state.rstrip(")")
            else:
                state, kind = kind, "recovery" if kind in ("OK", "UP") else "problem"
            told.setdefault((host, service), []).append(
                {"at": int(at), "kind": kind, "state": state, "contact": contact})
        return told
