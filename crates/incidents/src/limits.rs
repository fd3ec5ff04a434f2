//! Bounds, each with its reason.

/// Closed incidents that are kept; the oldest go. Years of a small team's.
pub const MAX_CLOSED: i64 = 20_000;
/// Entries of one timeline. What comes after is counted in the incident, not listed: a storm of 10,000 instances
/// is one line that says so.
pub const MAX_ENTRIES: usize = 1_000;
/// With what people do and write, for which there is room when a policy has called for a day.
pub const MAX_ENTRIES_WITH_DEEDS: usize = 2 * MAX_ENTRIES;
/// Instances whose coming and going is a line of its own in the timeline.
pub const MAX_LISTED_INSTANCES: usize = 20;
/// Instances that one page names; the rest is a number.
pub const MAX_NAMED: usize = 10;
/// Sub-checks that a title names: it is read on telephones.
pub const PARTS_IN_TITLE: usize = 3;
/// Pages that wait, all channels together. Beyond it the new ones are not sent, which is counted and shown.
pub const MAX_WAITING: usize = 100_000;
/// Letters leave the rest to pages: news for thousands of readers wait for hours when a mail server is away.
pub const MAX_WAITING_WITH_LETTERS: usize = MAX_WAITING / 2;
/// No try of a page is put off by so long, unless by a clock that was ahead and has been set back.
pub const CLOCK_SET_SECONDS: i64 = 3_600;
/// Pages that are kept after they were delivered or given up.
pub const MAX_KEPT_PAGES: i64 = 100_000;
/// Between two tests of one contact: they ring telephones, cost money, and wait where real pages do.
pub const TEST_PAUSE_SECONDS: i64 = 30;
/// A note, a comment, an author as people write it.
pub const MAX_NOTE: usize = 10_000;
pub const MAX_AUTHOR: usize = 200;
/// Of a plugin's text in a page and in an incident; the check's page has all of it.
pub const MAX_TEXT: usize = 2_000;
/// Snoozed no longer than this at once, so that nothing is forgotten.
pub const MAX_SNOOZE_SECONDS: i64 = 30 * 86_400;
/// An incident that is over is kept in mind no longer than this, should it come back.
pub const MAX_REOPEN_SECONDS: i64 = 3_600;
/// By hand an incident opens again for so long after its end; what is older is history.
pub const MAX_REOPEN_BY_HAND_SECONDS: i64 = 7 * 86_400;
/// Members of one incident with which something that goes bad is compared; of a storm the first say enough.
pub const MAX_COMPARED: usize = 100;
/// … and so many are looked at to find them, on either side in time.
pub const MAX_NEAR: usize = 10 * MAX_COMPARED;
/// Further instances of what somebody was told of are told at once, and then no sooner than this.
pub const MORE_AGAIN_SECONDS: i64 = 3_600;
/// `group_window` by default: where nothing is grouped, instances that go bad within this are one page all the same.
pub const USUAL_GROUP_SECONDS: i64 = 120;
/// Incidents of one sender of alerts that may open within [`FLOOD_SECONDS`] and that nobody has; more of its alerts join the
/// last of these. A flood of keys wakes people so often, and not once for each.
pub const MAX_ALERTS_APART: usize = 5;
pub const FLOOD_SECONDS: i64 = 120;
/// Sub-checks that a title counts; of more it says that there are more.
pub const MAX_COUNTED_PARTS: usize = 1_000;
/// What goes bad later than this is not said to belong together.
pub const MAX_GROUP_SECONDS: i64 = 3_600;
/// Of an incident that somebody declares.
pub const MAX_TITLE: usize = 200;
/// Open ones that one person has declared: everybody who is signed in may, and each wakes people.
pub const MAX_DECLARED: usize = 50;
/// Open ones that were declared at all, but for calls for help from outside, which have a pace of their own.
pub const MAX_DECLARED_OPEN: usize = 500;
/// Of whoever may only look, within this time: each rings telephones.
pub const MAX_DECLARED_SOON: usize = 10;
pub const DECLARED_SOON_SECONDS: i64 = 600;
/// Contacts whom one word names.
pub const MAX_NAMED_CONTACTS: usize = 50;
/// Words of a note that look like a name and are none, in the line that says so.
pub const MAX_MISSED_MENTIONS: usize = 5;
/// What helped: it is read on telephones, by somebody who was just woken.
pub const MAX_HELPED: usize = 1_000;
/// The last times that something happened, which is what a person reads before acting.
pub const EARLIER: usize = 3;
/// A playbook is read by somebody who was just woken; this is a small book.
pub const MAX_PLAYBOOK: usize = 64 * 1_024;
/// It is called as a monitor may be.
pub const MAX_PLAYBOOK_NAME: usize = 200;
/// All are held in memory: each page of a problem says how its playbook begins.
pub const MAX_PLAYBOOKS: usize = 1_000;
/// Saves of one playbook that are kept.
pub const MAX_PLAYBOOK_VERSIONS: i64 = 200;
/// Steps of one section, and what is read of each.
pub const MAX_STEPS: usize = 100;
pub const MAX_STEP: usize = 500;
/// Steps of one incident that are ticked: those of versions that are gone count too.
pub const MAX_TICKS: usize = 500;
/// Steps that a message and the page behind its link name; a small screen has room for no more.
pub const STEPS_TOLD: usize = 3;
/// What a comment is on: the longest names that there are, and what kind they are of.
pub const MAX_COMMENTED_NAME: usize = 1_024;
/// Of one thing, and of all together; the oldest go.
pub const MAX_COMMENTS_OF_ONE: i64 = 500;
pub const MAX_COMMENTS: i64 = 100_000;
/// A check's own rules get so long to tell an end that nothing holds back; then the incident tells it. They do so with
/// the next result, and a check whose results are sent may have had its last.
pub const PATIENCE_SECONDS: i64 = 900;
/// What is not defined any more and was bad is remembered so long, should it come back.
pub const GONE_SECONDS: i64 = 7 * 86_400;
/// A channel that failed so often in a row is told of by another one.
pub const FAILURES_TO_TELL: u32 = 3;
/// A turn is no longer than a year of weeks: who has it for longer is no rotation.
pub const MAX_ROTATION_HOURS: i64 = 52 * 168;
/// Of one schedule: a page shows a strip for each.
pub const MAX_LAYERS: usize = 32;
pub const MAX_LAYER_PEOPLE: usize = 100;
/// Lines of the week of one layer.
pub const MAX_RESTRICTIONS: usize = 50;
/// Of a schedule or a policy: it stands in URLs and on telephones.
pub const MAX_ONCALL_NAME: usize = 100;
/// Made by the API: schedules, and policies.
pub const MAX_MADE: usize = 1_000;
pub const MAX_POLICY_STEPS: usize = 50;
/// Whom one step names.
pub const MAX_STEP_TARGETS: usize = 50;
/// A step that waits for longer than a day is forgotten by those who wrote it.
pub const MAX_STEP_WAIT_SECONDS: i64 = 86_400;
/// A policy begins again so often at most; then those are told who are told of what names nobody.
pub const MAX_REPEATS: u32 = 100;
/// Incidents whose opening is remembered, for steps that run only when there are many.
pub const MAX_OPENINGS: usize = 1_000;
/// Changes of one schedule that are kept.
pub const MAX_VERSIONS: i64 = 1_000;
/// Overrides that are kept; the ones that ended first go.
pub const MAX_OVERRIDES: i64 = 10_000;
/// Shifts are computed for so long at once: a year, and what a calendar shows around it.
pub const MAX_SHIFTS_SECONDS: i64 = 400 * 86_400;
/// Absences of one person that are kept; the oldest go.
pub const MAX_LEAVES: usize = 1_000;
/// Turns of one layer's calendar that are kept; the oldest go.
pub const MAX_PLANNED: usize = 5_000;
/// Turns are told of no earlier.
pub const MAX_TOLD_BEFORE_SECONDS: i64 = 14 * 86_400;
/// Nobody on call is warned of so long ahead.
pub const GAPS_AHEAD_SECONDS: i64 = 30 * 86_400;

/// What a calendar has of the past, and of what is to come.
pub const CALENDAR_BACK_SECONDS: i64 = 31 * 86_400;
pub const CALENDAR_AHEAD_SECONDS: i64 = 366 * 86_400;
/// The beginning of a turn that is not over is looked for so far back: turns are no longer than a year of weeks.
pub const CALENDAR_SEARCH_SECONDS: i64 = (MAX_ROTATION_HOURS + 168) * 3_600;
/// Cover that was asked for and is kept; what ended first goes.
pub const MAX_COVERS: i64 = 10_000;
/// One person asks for it so often in an hour: each time everybody in the schedule is told.
pub const MAX_COVERS_ASKED: usize = 10;
pub const COVERS_ASKED_SECONDS: i64 = 3_600;
/// Calendars that are read without signing in.
pub const MAX_FEEDS: usize = 1_000;
/// Who would be woken is told for a day: who has not answered until then is no matter of steps any more.
pub const REHEARSAL_SECONDS: i64 = 86_400;
/// … and for so many moments: a policy of seconds could fill a page of megabytes.
pub const MAX_REHEARSED: usize = 500;
/// Whom an incident of the past would have called is told for so many moments: three people who are called twice a minute
/// for the day after which their own rules end. Whoever counts is told that there were more.
pub const MAX_CALLED: usize = 10_000;

/// Pages of one channel whose receivers may still answer; of a storm the newest.
pub const MAX_ANSWERABLE: i64 = 1_000;
/// What a receiver calls a page, and how far a channel has read; others write it.
pub const MAX_HANDLE: usize = 1_000;

/// The text up to a bound, cut between characters.
pub fn cut(text: &str, bound: usize) -> &str {
    if text.len() <= bound {
        return text;
    }
    let mut end = bound;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A channel works that could not bring a word: after so long that word is told again, then after twice as long, at most after the
/// longest. A receiver that takes some words and never this one is not asked with each of the others.
pub const UNHEARD_PAUSE_SECONDS: i64 = 60;
pub const LONGEST_UNHEARD_PAUSE_SECONDS: i64 = 3_600;
/// Whoever is told so late, or later, is told by nobody that could be waited for.
pub const LONGEST_LATE_SECONDS: i64 = 7 * 86_400;
