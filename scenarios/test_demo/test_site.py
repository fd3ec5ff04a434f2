"""The site as numbers: the same for the same seed, and the story changes what it is about and nothing else."""
import pytest

from demo.flush import flush
from demo.site import DRAIN, Site, busy_clock
from demo.story import DAY, HOUR, MINUTE, PAST, STORY, Chapter, Story

START = 1_800_000_000
CALM = Story(START, ())


def outage(what, where):
    return Chapter(3 * MINUTE, 6 * MINUTE, what, where, f"{what}: {where}")


def site(story=None, seed=1):
    return Site(story or Story(START), seed, busy_clock(START))


def total(site, name, begin, end):
    """What a counter comes to from `begin` to `end`, in seconds of the story."""
    return sum(site.step(t).counters[name] for t in range(START + begin, START + end))


def test_the_same_step_of_the_same_seed_is_the_same():
    for t, seconds in [(START, 1), (START + 4 * MINUTE, 1), (START - DAY, 60)]:
        assert site().step(t, seconds) == site().step(t, seconds)
        assert site().step(t, seconds) != site(seed=2).step(t, seconds)
    # Also after others were asked for, in any order.
    other = site()
    for t in (START + 100, START + 7):
        other.step(t)
    assert other.step(START) == site().step(START)


@pytest.mark.parametrize("chapter, about", [
    (STORY[1], ("uploads.gdrive", "jobs.uploads", "view.files.upload")),
    (STORY[3], ("jobs.thumbnails",)),
    (STORY[5], ("view.", "response.", "database.")),
    (outage("queries_slow", "database"), ("view.", "database.")),
    (outage("deploy_breaks", "web"), ("view.", "response.")),
    (outage("mail_refused", "mail"), ("mail.bounced", "jobs.mail")),
    (outage("logins_refused", "logins"), ("logins.",)),
    (outage("charges_slow", "card"), ("payments.latency;provider=card",)),
    (outage("cpu_busy", "web1"), ("workers.web1.busy_percent",)),
    (outage("memory_leaks", "web2"), ("workers.web2.memory_bytes",)),
    (outage("host_down", "jobs1"), ("jobs.", "workers.jobs1")),
], ids=lambda value: f"{value.what}-{value.where}" if isinstance(value, Chapter) else None)
def test_a_chapter_changes_exactly_its_window_and_what_it_is_about(chapter, about):
    told, calm = site(Story(START, [chapter])), site(CALM)
    end = chapter.until + (DRAIN if "jobs" in "".join(about) else 0)
    edges = [*range(chapter.at - 5, chapter.at + 5), *range(end - 5, end + 5)]
    within = []
    for t in sorted({*edges, *range(chapter.at, end, 9)}):
        one, other = numbers(told.step(START + t)), numbers(calm.step(START + t))
        # A host that is down tells nothing.
        differing = {name for name in other if one.get(name) != other[name]}
        assert all(name.startswith(about) for name in differing), (t, differing)
        if not chapter.at <= t < end:
            assert differing == set(), t
        elif t in range(chapter.at + 5, chapter.until):
            within.append(bool(differing))
    # Some things do not happen each second.
    assert (all if chapter in STORY else any)(within)


def numbers(step):
    return {**step.counters, **step.timers, **step.gauges, **step.sets, **step.sampled}


def test_gdrive_fails_thirty_times_as_often_and_no_other_provider_does():
    window = 3 * MINUTE, 8 * MINUTE
    told, calm = site(), site(CALM)
    before = total(calm, "uploads.gdrive.failed", *window)
    during = total(told, "uploads.gdrive.failed", *window)
    assert 15 <= during / before <= 60, (before, during)
    started = total(told, "uploads.gdrive.started", *window)
    assert 0.55 <= during / started <= 0.65
    for provider in ("box", "dropbox", "onedrive", "s3"):
        share = total(told, f"uploads.{provider}.failed", *window) / total(told, f"uploads.{provider}.started", *window)
        assert share < 0.06, provider


def test_what_is_started_ends():
    for t in range(START, START + 10 * MINUTE, 7):
        counters = site().step(t).counters
        for provider in ("box", "gdrive"):
            ends = counters[f"uploads.{provider}.completed"] + counters[f"uploads.{provider}.failed"]
            assert counters[f"uploads.{provider}.started"] == ends


def test_a_stuck_worker_completes_nothing_and_its_queue_grows_and_drains():
    story = site()
    at, until = 15 * MINUTE, 20 * MINUTE
    assert total(story, "jobs.thumbnails.completed", at, until) == 0
    assert total(story, "jobs.thumbnails.enqueued", at, until) > 1000
    depth = [story.step(START + second).gauges["jobs.thumbnails.depth"] for second in (at, until - 1, until + DRAIN + 1)]
    enqueued = total(story, "jobs.thumbnails.enqueued", at, until)
    assert depth[0] < 20 and depth[2] < 20 and abs(depth[1] - enqueued) < 0.15 * enqueued
    # Everything that had piled up is worked off.
    drained = sum(total(story, f"jobs.thumbnails.{end}", until, until + DRAIN) for end in ("completed", "retried"))
    assert drained > total(story, "jobs.thumbnails.enqueued", until, until + DRAIN) + 0.8 * enqueued


def test_the_connections_reach_their_limit_and_requests_fail():
    story, at = site(), 28 * MINUTE
    assert story.step(START + at).gauges["database.connections"] == 100
    assert story.step(START + at - 1).gauges["database.connections"] < 90
    assert total(story, "response.503", at, at + 60) > 50 and total(story, "response.503", at - 60, at) == 0


def test_a_sunday_has_a_tenth_and_nights_are_quiet():
    story = site(CALM)
    # The story begins on a Tuesday at two in the afternoon.
    minutes = range(0, 30 * MINUTE, MINUTE)
    tuesday, sunday, night = (sum(story.step(START + at + minute, MINUTE).counters["uploads.s3.started"] for minute in minutes)
                              for at in (0, -2 * DAY, 12 * HOUR))
    assert 0.06 < sunday / tuesday < 0.15
    assert night < 0.2 * tuesday


def test_a_day_of_builds_on_sunday_has_an_hour_without_any():
    story = site(CALM)
    sunday = range(START - 2 * DAY - 10 * HOUR, START - 2 * DAY + 9 * HOUR, HOUR)
    assert 0 in [sum(story.step(t, MINUTE).counters["ci.pushes"] for t in range(hour, hour + HOUR, MINUTE)) for hour in sunday]


def test_long_steps_tell_what_their_seconds_would():
    story = site(CALM)
    for name in ("response.200", "uploads.box.completed", "jobs.mail.enqueued"):
        seconds = total(story, name, 0, 1200)
        minutes = sum(story.step(START + m * 60, 60).counters[name] for m in range(20))
        assert abs(seconds - minutes) < 6 * (seconds + minutes) ** 0.5, name


def test_a_flush_has_statsd_s_names_and_numbers():
    step = site(CALM).step(START)
    points = dict(flush(step))
    assert len(points) < 500
    assert points["stats_counts.response.200"] == step.counters["response.200"]
    n, values = step.timers["view.home.GET"][1:]
    assert (points["stats.timers.view.home.GET.count"], points["stats.timers.view.home.GET.upper"]) == (n, max(values))
    card = step.timers["payments.latency;provider=card"]
    assert points["stats.timers.payments.latency.count;provider=card"] == card[1]
    assert points["stats_counts.cache.hits"] == step.sampled["cache.hits"][0] * 10
    assert points["stats.sets.users.online.count"] == len(set(step.sets["users.online"]))


def test_every_chapter_is_in_order_and_has_words():
    for chapter in (*PAST, *STORY):
        assert chapter.at <= chapter.until and chapter.say
    assert all(chapter.at < 0 for chapter in PAST) and [c.at for c in STORY] == sorted(c.at for c in STORY)
