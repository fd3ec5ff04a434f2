//! Each project's series: what came in this second, as points of `errors.PROJECT.…`.

use std::collections::{BTreeMap, HashSet};

use error_tracking::{Digested, News, Taken};
use http_api::sentry::senders::{Ran, Sent};
use parking_lot::Mutex;
use vocabulary::{PointBatch, SketchBatch, Timestamp};

use super::Errors;

/// Users and groups of one second of one project that are told apart.
const MAX_APART: usize = 10_000;

#[derive(Default)]
pub struct Seconds(Mutex<BTreeMap<u64, Project>>);

#[derive(Default)]
struct Project {
    events: u64,
    new: u64,
    groups: HashSet<u64>,
    users: HashSet<u64>,
    /// What its clients had sent by the last second.
    sent: Sent,
}

impl Seconds {
    /// Of these projects something is told each second, be it nothing: a restart makes no gap in graphs, and no rule wait.
    pub fn of(projects: Vec<u64>) -> Seconds {
        Seconds(Mutex::new(projects.into_iter().map(|id| (id, Project::default())).collect()))
    }

    pub fn note(&self, event: &Digested, taken: &Taken) {
        let mut projects = self.0.lock();
        let project = projects.entry(event.project).or_default();
        project.events += 1;
        project.new += u64::from(matches!(taken.news, Some(News::New)));
        if project.groups.len() < MAX_APART {
            project.groups.insert(taken.group);
        }
        if let Some(user) = &event.user
            && project.users.len() < MAX_APART
        {
            project.users.insert(user.hash);
        }
    }
}

/// The points of this second, of every project that has sent anything since the start, or not long before.
pub fn write(errors: &Errors, now: Timestamp, batch: &mut PointBatch) {
    let mut projects = errors.seconds.0.lock();
    let mut all_sent = errors.senders.all();
    for id in all_sent.keys() {
        projects.entry(*id).or_default();
    }
    for (id, project) in projects.iter_mut() {
        let Some(known) = errors.projects.get(*id) else { continue };
        let sent = all_sent.remove(id).unwrap_or_default();
        let mut add = |what: &str, value: f64| {
            let parts: [&[u8]; 4] = [b"errors.", known.name.as_bytes(), b".", what.as_bytes()];
            batch.push_parts(&parts, now, value);
        };
        project.take(sent, &mut add);
    }
}

/// How long the work of this second took, by project and name, in milliseconds; nothing of names under which nothing came.
pub fn write_timings(errors: &Errors, now: Timestamp, batch: &mut PointBatch, sketches: &mut SketchBatch) {
    for (project, name, timed) in errors.timings.take() {
        let Some(known) = errors.projects.get(project) else { continue };
        let series = format!("errors.{}.transactions.{name}", known.name);
        let (count, took) = (timed.count as f64, timed.milliseconds);
        for (what, value) in [
            (".count", count),
            (".failed.count", timed.failed as f64),
            (".mean", took.sum / count),
            (".upper", took.upper),
        ] {
            batch.push_parts(&[series.as_bytes(), what.as_bytes()], now, value);
        }
        sketches.push(series.as_bytes(), now, took.into_sketch());
    }
}

impl Project {
    /// Tells this second, and begins the next.
    fn take(&mut self, sent: Sent, add: &mut impl FnMut(&str, f64)) {
        add("events.count", self.events as f64);
        add("groups.seen", self.groups.len() as f64);
        add("groups.new", self.new as f64);
        add("users", self.users.len() as f64);
        let before = std::mem::take(&mut self.sent);
        let grown = |now: u64, before: u64| now.saturating_sub(before);
        let limited = grown(sent.limited, before.limited);
        if sent.limited > 0 {
            add("events_limited.count", limited as f64);
        }
        let sessions = grown(sent.sessions, before.sessions);
        let crashed = grown(sent.crashed_sessions, before.crashed_sessions);
        if sent.sessions > 0 {
            add("sessions.count", sessions as f64);
            add("sessions_crashed.count", crashed as f64);
        }
        if sessions > 0 {
            add("crash_free.sessions", crash_free(sessions, crashed));
        }
        for (release, ran) in &sent.releases {
            let before = before.releases.get(release).copied().unwrap_or_default();
            tell_release(release, ran.since(before), add);
        }
        for (name, count, old) in [
            ("unused", &sent.unused, &before.unused),
            ("lost_by_clients", &sent.lost_by_clients, &before.lost_by_clients),
        ] {
            for (kind, now) in count {
                let grown = grown(*now, old.get(kind).copied().unwrap_or(0));
                add(&format!("{name}.{kind}.count"), grown as f64);
            }
        }
        *self = Project { sent, ..Project::default() };
    }
}

/// Of a second in which any run of it began or crashed.
fn tell_release(release: &str, Ran { sessions, crashed }: Ran, add: &mut impl FnMut(&str, f64)) {
    if sessions == 0 && crashed == 0 {
        return;
    }
    add(&format!("releases.{release}.sessions.count"), sessions as f64);
    add(&format!("releases.{release}.sessions_crashed.count"), crashed as f64);
    if sessions > 0 {
        add(&format!("releases.{release}.crash_free.sessions"), crash_free(sessions, crashed));
    }
}

fn crash_free(sessions: u64, crashed: u64) -> f64 {
    1.0 - (crashed.min(sessions) as f64 / sessions as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_told_and_the_next_begins() {
        let mut project = Project { events: 3, new: 1, groups: HashSet::from([1, 2]), ..Project::default() };
        let mut sent = Sent { sessions: 4, crashed_sessions: 1, ..Sent::default() };
        sent.unused.insert("transaction", 5);
        sent.releases.insert("web_1".into(), Ran { sessions: 2, crashed: 1 });
        let told = |project: &mut Project, sent: &Sent| {
            let mut points = BTreeMap::new();
            project.take(sent.clone(), &mut |name: &str, value: f64| {
                points.insert(name.to_owned(), value);
            });
            points
        };
        let first = told(&mut project, &sent);
        let of = |points: &BTreeMap<String, f64>, name: &str| points.get(name).copied();
        assert_eq!((of(&first, "events.count"), of(&first, "groups.seen")), (Some(3.0), Some(2.0)));
        assert_eq!((of(&first, "groups.new"), of(&first, "crash_free.sessions")), (Some(1.0), Some(0.75)));
        assert_eq!(of(&first, "unused.transaction.count"), Some(5.0));
        assert_eq!(of(&first, "releases.web_1.crash_free.sessions"), Some(0.5));
        let second = told(&mut project, &sent);
        assert_eq!(of(&second, "releases.web_1.sessions.count"), None, "nothing came");
        assert_eq!((of(&second, "events.count"), of(&second, "sessions.count")), (Some(0.0), Some(0.0)));
        assert_eq!(
            (of(&second, "crash_free.sessions"), of(&second, "unused.transaction.count")),
            (None, Some(0.0))
        );
    }
}
