"""What happens when. Times are seconds from the beginning of the story; what lies before it is negative."""
import dataclasses

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclasses.dataclass(frozen=True)
class Chapter:
    at: int
    until: int          # The first second in which it no longer holds; `at` for what only happens.
    what: str           # One of the effects that `site.py` knows, or "event".
    where: str          # The provider, queue or release that it happens to.
    say: str            # For whoever watches: what is happening, and where to look.
    tags: tuple = ()
    by: str = "http"    # How an event is told: POST /events/, or "statsd" for `_e{}`.


def deploy(at, release, by="http", say=None):
    return Chapter(at, at, "event", f"{release} deployed", say or f"{release} is deployed", ("deploy",), by)


# The story proper. Whoever changes it changes `docs/demo.md` too.
STORY = [
    deploy(0, "web@1.4.3", say="web@1.4.3 is deployed: a mark on every graph, and nothing else moves yet"),
    Chapter(3 * MINUTE, 8 * MINUTE, "provider_fails", "gdrive",
            "gdrive answers 401: stats.uploads.gdrive.failed x30, retries, slow uploads; the queue `uploads` grows"),
    Chapter(8 * MINUTE, 8 * MINUTE, "event", "web@1.4.3 rolled back to web@1.4.2",
            "rolled back to web@1.4.2: failures stop, the queue drains", ("deploy", "rollback"), "statsd"),
    Chapter(15 * MINUTE, 20 * MINUTE, "worker_stuck", "thumbnails",
            "the queue `thumbnails`: jobs are enqueued and none completes; no error is told anywhere"),
    Chapter(20 * MINUTE, 20 * MINUTE, "event", "worker thumbnails restarted",
            "the worker is restarted, the queue drains", ("restart",)),
    Chapter(28 * MINUTE, 32 * MINUTE, "connections_full", "database",
            "database connections reach their limit: view.api times out, response.503, slow queries"),
]
LENGTH = 40 * MINUTE

# Earlier days, so that there is something to compare with: the database reaches its limit once a day,
# releases went out, and another provider had its bad hour three days ago.
PAST = [
    *(Chapter(28 * MINUTE - day * DAY, 34 * MINUTE - day * DAY, "connections_full", "database",
              "database connections reach their limit") for day in range(1, 31)),
    Chapter(-3 * DAY - 2 * HOUR, -3 * DAY - 80 * MINUTE, "provider_fails", "onedrive", "onedrive fails"),
    deploy(-7 * DAY + 20 * MINUTE, "web@1.4.0"),
    deploy(-4 * DAY - HOUR, "web@1.4.1"),
    deploy(-DAY - 3 * HOUR, "web@1.4.2"),
]


class Story:
    """The chapters at their places on the clock."""

    def __init__(self, start, chapters=(*PAST, *STORY)):
        self.start = start
        self.chapters = sorted(chapters, key=lambda chapter: chapter.at)
        self.of = {}
        for chapter in self.chapters:
            self.of.setdefault((chapter.what, chapter.where), []).append(chapter)

    def holds(self, what, where, t):
        """The chapter of this kind that holds at `t`, or None."""
        return next((c for c in self.of.get((what, where), ()) if c.at <= t - self.start < c.until), None)

    def backlog(self, what, where, t, per_second, drain):
        """What has piled up by `t` at `per_second` while a chapter held, drained within `drain` seconds after it."""
        left = 0.0
        for chapter in self.of.get((what, where), ()):
            held = min(t - self.start, chapter.until) - chapter.at
            since = t - self.start - chapter.until
            if held > 0 and since < drain:
                left += held * per_second * (1 - max(0, since) / drain)
        return left

    def begins(self, t, seconds=1):
        """The chapters that begin within these seconds."""
        return [c for c in self.chapters if t <= self.start + c.at < t + seconds]
