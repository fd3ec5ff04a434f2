"""The bytes that carry a step to the server, and the sockets that take them."""
import json
import pickle
import random
import socket
import struct
import urllib.request

# What clients keep to, so that a datagram fits into one Ethernet frame.
PACKET_BYTES = 1432
# A pipeline of a client holds what one request tells.
LINES_IN_A_PACKET = 4
# Points in one pickle: carbon-relay's own MAX_DATAPOINTS_PER_MESSAGE.
PICKLE_POINTS = 500
# A server that is busy may let us wait; one that is gone says so at once.
TIMEOUT_SECONDS = 60


def statsd_lines(step):
    """A step of one second as its clients tell it: one line for each thing that happens, in no special order."""
    lines = []
    for name, n in step.counters.items():
        # Amounts are told at once, occurrences one by one.
        lines += [line(name, n, "c")] if name.endswith("_cents") else [line(name, 1, "c")] * n
    for name, (n, rate) in step.sampled.items():
        lines += [line(name, 1, f"c|@{rate}")] * n
    for name, (kind, _, values) in step.timers.items():
        lines += [line(name, value, kind) for value in values]
    lines += [line(name, value, "g") for name, value in step.gauges.items()]
    lines += [line(name, member, "s") for name, members in step.sets.items() for member in members]
    random.Random(step.at).shuffle(lines)
    return lines


def first_lines(step):
    """What clients tell of their counters when they start: that they are there. Else StatsD does not know those to
    which nothing has happened yet."""
    return [line(name, 0, "c") for name in (*step.counters, *step.sampled)]


def line(name, value, kind):
    """`name;k=v` is told with DogStatsD's tags."""
    stem, _, tags = name.partition(";")
    behind = tags and "|#" + tags.replace("=", ":").replace(";", ",")
    return f"{stem}:{value}|{kind}{behind}"


def packets(lines, most):
    """The lines in datagrams: few in each as clients do, more where there would be more than `most` datagrams."""
    wanted = max(LINES_IN_A_PACKET, -(-len(lines) // most))
    packed, current, size = [], [], 0
    for text in lines:
        if current and (len(current) == wanted or size + len(text) >= PACKET_BYTES):
            packed.append("\n".join(current).encode())
            current, size = [], 0
        current.append(text)
        size += len(text) + 1
    return packed + ["\n".join(current).encode()] * bool(current)


def statsd_event(title, tags, at):
    """DogStatsD's event."""
    behind = f"|d:{at}" + ("|#" + ",".join(tags) if tags else "")
    return f"_e{{{len(title.encode())},0}}:{title}|{behind}".encode()


def carbon_lines(points, at):
    return "".join(f"{name} {value:.10g} {at}\n" for name, value in points).encode()


def pickles(points, at):
    """Carbon's pickles, each behind its length."""
    framed = []
    for begin in range(0, len(points), PICKLE_POINTS):
        body = pickle.dumps([(n, (at, v)) for n, v in points[begin:begin + PICKLE_POINTS]], protocol=2)
        framed.append(struct.pack("!I", len(body)) + body)
    return b"".join(framed)


class Wire:
    """The sockets of one site to one server. `ports` names http, statsd, line and pickle on loopback."""

    def __init__(self, ports):
        self.ports = ports
        self.udp = socket.socket(type=socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", ports["statsd"]))
        self.tcp = {}
        self.points_sent = 0

    def statsd(self, packet):
        """Fire and forget, as clients do: whoever does not listen misses it."""
        try:
            self.udp.send(packet)
        except ConnectionRefusedError:
            pass

    def lines(self, points, at):
        self._write("line", carbon_lines(points, at), len(points))

    def pickled(self, points, at):
        self._write("pickle", pickles(points, at), len(points))

    def event(self, chapter, at):
        """A chapter's event, as a deploy script tells it."""
        if chapter.by == "statsd":
            return self.statsd(statsd_event(chapter.where, chapter.tags, at))
        self.post_event(chapter, at)

    def post_event(self, chapter, at):
        body = json.dumps({"what": chapter.where, "tags": list(chapter.tags), "when": at}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports['http']}/events/", body, method="POST",
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            answer.read()

    def close(self):
        for connection in (self.udp, *self.tcp.values()):
            connection.close()

    def _write(self, listener, data, points):
        if not data:
            return
        if listener not in self.tcp:
            address = ("127.0.0.1", self.ports[listener])
            self.tcp[listener] = socket.create_connection(address, TIMEOUT_SECONDS)
        self.tcp[listener].sendall(data)
        self.points_sent += points
