"""Lives through the site's time: the past in one go, a story faster than it happens, the present as it comes."""
import time

from demo import wire
from demo.flush import flush
from demo.story import MINUTE

# How far back the past has one point a second, as `server.py` keeps them; before it, one a minute.
FINE = 120 * MINUTE
# Between two looks at the clock while a second's packets go out.
SLOTS = 20
# A machine that slept is not made to live through what it missed.
TOO_LATE_SECONDS = 10


class Player:
    """`tell(t, text)` is called for what happens; `check()` may raise when the server is gone."""

    def __init__(self, site, ports, tell, check=lambda: None, rate=300):
        self.site, self.story, self.tell, self.check, self.rate = site, site.story, tell, check, rate
        self.wire = wire.Wire(ports)

    def past(self, begin, end):
        """Everything before `end`, as StatsD would have written it."""
        t = begin // MINUTE * MINUTE
        while t < end:
            # Whole minutes for as long as the store keeps no seconds of them: there they would not make a minute.
            seconds = MINUTE if t % MINUTE == 0 and t + MINUTE <= end and t < time.time() - FINE else 1
            self._record(t, seconds)
            t += seconds

    def catch_up(self, t, speed=float("inf")):
        """From `t` on through Carbon with the times at which it would have happened, `speed` times as fast as time
        goes by, until that is now. StatsD knows no other time than now. The second that comes next."""
        begin, began = t, time.time()
        # Late in a second what is said over StatsD might come after it: that second is waited for, and is past.
        while t < int(time.time()) or time.time() % 1 > 0.5:
            sleep_until(t + 1)
            early = began + (t - begin) / speed - time.time()
            if early > 0:
                time.sleep(early)
            self._announce(t)
            self._record(t)
            t += 1
        return t

    def live(self, t, until=float("inf")):
        """Second after second from `t` on, over the protocols that the site's parts speak."""
        for packet in wire.packets(wire.first_lines(self.site.step(t)), self.rate):
            self.wire.statsd(packet)
        while t < until:
            if time.time() > t + TOO_LATE_SECONDS:
                missed, t = int(time.time()) - t, int(time.time())
                self.tell(t, f"{missed} seconds are left out: this machine was asleep or too busy")
            self._second(t)
            t += 1

    def _second(self, t):
        step = self.site.step(t)
        packets = wire.packets(wire.statsd_lines(step), self.rate)
        sleep_until(t)
        self.check()
        self._announce(t)
        for chapter in self._events(t):
            self.wire.event(chapter, t)
        self.wire.lines(step.lines, t)
        self.wire.pickled(step.pickled, t)
        for slot in range(SLOTS):
            sleep_until(t + slot / SLOTS)
            for packet in packets[slot::SLOTS]:
                self.wire.statsd(packet)

    def _record(self, t, seconds=1):
        """A step that is over, by Carbon."""
        self.check()
        step = self.site.step(t, seconds)
        # A flush carries the second at whose beginning it falls, which is the one after what it tells of.
        self.wire.pickled(flush(step), t + 1 if seconds == 1 else t)
        self.wire.lines(step.lines, t)
        self.wire.pickled(step.pickled, t)
        for chapter in self._events(t, seconds):
            self.wire.post_event(chapter, self.story.start + chapter.at)

    def _events(self, t, seconds=1):
        return [chapter for chapter in self.story.begins(t, seconds) if chapter.what == "event"]

    def _announce(self, t):
        for chapter in self.story.begins(t):
            self.tell(t, chapter.say)


def sleep_until(t):
    ahead = t - time.time()
    if ahead > 0:
        time.sleep(ahead)
