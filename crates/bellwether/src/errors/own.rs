//! How the keeping of errors is: counters, gauges and the part of the health page.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use http_api::control::{Part, State};
use http_api::sentry::senders::Sent;
use vocabulary::ports::EventLog;

use super::tee;
use crate::health::{dropped, part};
use crate::house::House;
use crate::own::Counters;

/// A queue that is fuller than this is told of.
const NEARLY_FULL: f64 = 0.5;

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

pub fn count(house: &House, all: &mut Counters) {
    let errors = &*house.errors;
    let (stats, log, groups) = (&errors.stats, errors.log.stats(), errors.tracker.counters());
    for (name, value) in [
        ("kept", read(&stats.kept)),
        ("dropped.busy", read(&stats.busy)),
        ("dropped.not_kept", read(&stats.not_kept)),
        ("rounds", read(&stats.rounds)),
        ("round_microseconds", read(&stats.round_microseconds)),
        ("doubled", groups.doubled),
        ("groups.opened", groups.opened),
        ("groups.regressed", groups.regressed),
        ("recounted", groups.recounted),
        ("log.appended_bytes", log.appended_bytes),
        ("log.written_bytes", log.written_bytes),
        ("log.failed_batches", log.failed_batches),
        ("log.damaged_events", log.damaged_events),
        ("log.expired_events", log.expired_events),
        ("log.erased_events", log.erased_events),
    ] {
        all.add(&format!("errors.{name}"), value);
    }
    for (status, count) in errors.senders.all_refused() {
        all.add(&format!("errors.refused.{status}"), count);
    }
    let sent = errors.senders.all();
    let sum = |of: fn(&Sent) -> u64| sent.values().map(of).sum::<u64>();
    all.add("errors.dropped.limited", sum(|sent| sent.limited));
    all.add("errors.dropped.invalid", sum(|sent| sent.invalid));
    all.add("errors.dropped.attachments", sum(|sent| sent.dropped_attachments));
    all.add("errors.dropped.reports", sum(|sent| sent.dropped_reports));
    all.add("errors.dropped.check_ins", sum(|sent| sent.unknown_check_ins));
    all.add("errors.dropped.schedules", sum(|sent| sent.dropped_schedules));
    for (category, counter) in LIMITED_OTHERS {
        all.add(&format!("errors.dropped.{counter}"), limited_others(&sent, category));
    }
    all.add("errors.dropped.unused", sum(|sent| sent.unused.values().sum()));
    all.add("errors.check_ins", sum(|sent| sent.check_ins));
    tee::count(house, all);
}

/// What has a quota of its own: category, and what its counter is called.
const LIMITED_OTHERS: [(&str, &str); 2] = [("transaction", "transactions"), ("session", "sessions")];

fn limited_others(sent: &BTreeMap<u64, Sent>, category: &str) -> u64 {
    sent.values().filter_map(|sent| sent.limited_others.get(category)).sum()
}

pub fn gauges(house: &House, add: &mut impl FnMut(&str, f64)) {
    let log = house.errors.log.stats();
    add("errors.waiting", house.errors.waiting() as f64);
    add("errors.log.events", log.events as f64);
    add("errors.log.disk_bytes", log.disk_bytes as f64);
    add("errors.log.segments", log.segments as f64);
    tee::gauges(house, add);
}

/// None: there is no project yet.
pub fn errors_part(house: &House) -> Option<Part> {
    let errors = &*house.errors;
    let projects = errors.projects.list().len();
    if projects == 0 {
        return None;
    }
    let stats = &errors.stats;
    let lost = |counter: &str, cause, total, help| {
        dropped(house, &format!("errors.dropped.{counter}"), cause, total, help)
    };
    let sent = errors.senders.all();
    let limited = sent.values().map(|sent| sent.limited).sum();
    let list = vec![
        lost(
            "busy",
            "queue",
            read(&stats.busy),
            "more came than could be kept: clients were told to come again",
        ),
        lost("not_kept", "disk", read(&stats.not_kept), "the disk or the state database did not take them"),
        lost("limited", "quota", limited, "a project has sent more than it may in five minutes"),
        lost(
            "transactions",
            "quota",
            limited_others(&sent, "transaction"),
            "a project has sent more transactions than it may in five minutes",
        ),
        lost(
            "sessions",
            "quota",
            limited_others(&sent, "session"),
            "a project has sent more sessions than it may in five minutes",
        ),
        lost(
            "check_ins",
            "quota",
            sent.values().map(|sent| sent.unknown_check_ins).sum(),
            "no heartbeat takes them: make one called PROJECT/SLUG, or let the job say its schedule",
        ),
    ];
    let lost_lately = list.iter().any(|one| one.last_minute > 0 && one.cause != "quota");
    let trouble = stats.keeping.why().or_else(|| stats.counting.why());
    let (state, text) = match (trouble, lost_lately || errors.filled() > NEARLY_FULL) {
        (Some(why), _) => (State::Critical, format!("events cannot be kept: {why}")),
        (None, true) => (State::Warning, "more events come than can be kept".to_owned()),
        (None, false) => (State::Ok, format!("{projects} projects")),
    };
    Some(Part {
        state,
        text,
        rate: house.history.rate("errors.kept"),
        unit: Some("events/s"),
        filled: Some(errors.filled()),
        dropped: list,
        ..part("errors", "listener", "Errors")
    })
}
