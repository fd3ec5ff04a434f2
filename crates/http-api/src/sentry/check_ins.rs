//! Check-ins of jobs: each is a ping of the heartbeat `PROJECT/SLUG`, which one that says its schedule makes, or changes.

use std::sync::Arc;

use axum::http::StatusCode;
use error_tracking::Project;
use formats::sentry::check_in::{CheckIn, Monitor, Schedule, Status, Unit};
use monitors::config::{MonitorConfig, MonitorKind};
use monitors::kinds::heartbeat::ask::{Ask, Refused, Whom};
use monitors::kinds::heartbeat::heart::PingKind;
use monitors::made::{Definition, Version};
use tokio::sync::oneshot;
use vocabulary::time::HumanDuration;

use super::answers::Refusal;
use super::limits::{DEFINED_HEARTBEATS, MADE_HEARTBEATS};
use crate::api_v1::heartbeats::now_ms;
use crate::services::Services;

/// Of what check-ins define, in its versions.
const AUTHOR: &str = "check-in";
/// What SDKs assume where a schedule says nothing of it: how late a job may begin.
const MARGIN_MINUTES: u64 = 1;
/// The longest that a heartbeat may wait.
const MAX_MINUTES: u64 = 366 * 24 * 60;

/// Answered when it is on the disk. What no heartbeat takes is counted, and no fault of the job. A schedule that cannot be used
/// is told only where there is no heartbeat either: what happened to a job that is known counts, whatever else is said of it.
pub async fn take(
    services: &Arc<Services>,
    project: &Arc<Project>,
    check_in: CheckIn,
) -> Result<(), Refusal> {
    let name = format!("{}/{}", project.name, check_in.slug);
    services.senders.note(project.id, |sent| sent.check_ins += 1);
    let fault = schedule(services, project.id, &name, &check_in).await.err();
    let (sender, receiver) = oneshot::channel();
    services.heartbeats.ask(
        ask(name, &check_in),
        now_ms(services),
        Box::new(move |answer| {
            // Whoever asked has gone; the ping counts all the same.
            let _ = sender.send(answer);
        }),
    );
    match receiver.await.unwrap_or(Err(Refused::Busy)) {
        Ok(_) => Ok(()),
        Err(Refused::Busy) => Err(Refusal::busy("too many check-ins wait")),
        Err(Refused::Disk) => Err(Refusal::busy("the check-in could not be written")),
        Err(_) => {
            services.senders.note(project.id, |sent| sent.unknown_check_ins += 1);
            fault.map_or(Ok(()), Err)
        }
    }
}

/// What the check-in says of it.
async fn schedule(
    services: &Arc<Services>,
    project: u64,
    name: &str,
    check_in: &CheckIn,
) -> Result<(), Refusal> {
    let wanted = match check_in.monitor.clone() {
        None => return Ok(()),
        Some(Ok(wanted)) => wanted,
        Some(Err(malformed)) => {
            services.senders.note(project, |sent| sent.dropped_schedules += 1);
            return Err(Refusal::bad_request(format!("monitor_config: {malformed}")));
        }
    };
    let (services, name) = (services.clone(), name.to_owned());
    let made = tokio::task::spawn_blocking(move || define(&services, project, &name, &wanted));
    made.await.map_err(|error| Refusal::busy(error.to_string()))?
}

fn ask(name: String, check_in: &CheckIn) -> Ask {
    let kind = match check_in.status {
        Status::InProgress => PingKind::Start,
        Status::Ok => PingKind::Success,
        Status::Error => PingKind::Fail,
    };
    let said = [
        check_in.environment.as_ref().map(|environment| format!("environment: {environment}")),
        check_in.release.as_ref().map(|release| format!("release: {release}")),
        check_in.duration_seconds.map(|seconds| format!("duration: {seconds} s")),
    ];
    Ask {
        whom: Whom::Name(name),
        kind,
        exit: None,
        rid: check_in.id.map(|id| id.dashed()),
        method: "check-in".into(),
        body: said.into_iter().flatten().collect::<Vec<_>>().join("\n").into_bytes(),
    }
}

/// The schedule is as the client says, unless people have said it: here or in a file. What they have set besides stays.
fn define(services: &Services, project: u64, name: &str, wanted: &Monitor) -> Result<(), Refusal> {
    let definitions = services.monitors.definitions();
    let there = definitions.monitors.iter().find(|monitor| monitor.name == name);
    let is_heartbeat = there.is_none_or(|there| there.kind == MonitorKind::Heartbeat);
    // Checks are called so too, and are none of a stranger's.
    if !is_heartbeat || definitions.checks.iter().any(|check| check.name == name) {
        let why = format!("`{name}` is what another monitor is called: give the check-in another slug");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
    }
    if there.is_none() {
        let prefix = &name[..name.find('/').map_or(0, |at| at + 1)];
        let made = definitions.monitors.iter().filter(|monitor| monitor.name.starts_with(prefix)).count();
        if made >= MADE_HEARTBEATS {
            let why = format!("check-ins of this project have made {MADE_HEARTBEATS} heartbeats already");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, why));
        }
    }
    let before = there.cloned();
    let monitor = scheduled(before.clone().unwrap_or_default(), name, wanted);
    if before.as_ref() == Some(&monitor) {
        return Ok(());
    }
    if let Some(before) = &before {
        let versions = services.monitors.versions(name).map_err(|why| Refusal::busy(why.to_string()))?;
        if !is_scheduled_by_check_in(before, &versions) {
            return Ok(());
        }
    }
    let now = services.clock.now();
    if let Err(beyond) = services.defined.admit(project, DEFINED_HEARTBEATS, now) {
        services.senders.note(project, |sent| sent.dropped_schedules += 1);
        return match before {
            // The ping counts all the same, and says the schedule again the next time.
            Some(_) => Ok(()),
            None => Err(first_is_lost(name, beyond.retry_after_seconds)),
        };
    }
    match services.monitors.define(name, Definition::Monitor(Box::new(monitor)), AUTHOR, now) {
        Ok(_) => {
            services.control.definitions_changed();
            Ok(())
        }
        // One of a file goes on as the file says.
        Err(_) if before.is_some() => Ok(()),
        Err(why) => Err(Refusal::bad_request(format!("monitor_config: {why}"))),
    }
}

/// There is no heartbeat yet that it could ping. 429 would hold back the check-ins of all jobs of the process, which count.
fn first_is_lost(name: &str, seconds: u64) -> Refusal {
    let why = format!(
        "check-ins of this project have written {DEFINED_HEARTBEATS} schedules in five minutes: the heartbeat `{name}` is not made, and this check-in is lost; send the next one in {seconds} s"
    );
    Refusal::bad_request(why)
}

/// Whoever reads the key in a page would else put off what people wait for. `versions`: the newest first.
fn is_scheduled_by_check_in(there: &MonitorConfig, versions: &[Version]) -> bool {
    let when = |monitor: &MonitorConfig| {
        (monitor.schedule.clone(), monitor.time_zone.clone(), monitor.period, monitor.grace)
    };
    let said = versions.iter().find(|version| version.author == AUTHOR);
    match said.and_then(|version| version.definition.as_ref()) {
        Some(Definition::Monitor(said)) => when(said) == when(there),
        _ => false,
    }
}

fn scheduled(before: MonitorConfig, name: &str, wanted: &Monitor) -> MonitorConfig {
    let (schedule, period) = match &wanted.schedule {
        Schedule::Crontab(text) => (Some(text.clone()), None),
        Schedule::Interval { value, unit } => {
            let minutes = value.saturating_mul(minutes_of(*unit)).min(MAX_MINUTES);
            (None, Some(HumanDuration::from_secs(minutes * 60)))
        }
    };
    // A heartbeat has one patience, for a job that is late and for one that takes long.
    let margin = wanted.margin_minutes.unwrap_or(MARGIN_MINUTES);
    let grace = margin.max(wanted.runtime_minutes_max.unwrap_or(0)).clamp(1, MAX_MINUTES);
    MonitorConfig {
        name: name.to_owned(),
        kind: MonitorKind::Heartbeat,
        time_zone: schedule.as_ref().and(wanted.timezone.clone()),
        schedule,
        period,
        grace: Some(HumanDuration::from_secs(grace * 60)),
        ..before
    }
}

fn minutes_of(unit: Unit) -> u64 {
    const DAY: u64 = 24 * 60;
    match unit {
        Unit::Minute => 1,
        Unit::Hour => 60,
        Unit::Day => DAY,
        Unit::Week => 7 * DAY,
        // The longest of them: a job is not late before it can be.
        Unit::Month => 31 * DAY,
        Unit::Year => 366 * DAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monitor(schedule: Schedule) -> Monitor {
        Monitor {
            schedule,
            margin_minutes: Some(5),
            runtime_minutes_max: Some(30),
            failures: None,
            recoveries: None,
            timezone: Some("Europe/Berlin".into()),
            owner: None,
        }
    }

    #[test]
    fn the_schedule_is_the_clients_and_the_rest_stays() {
        let contacts = Some(vec!["ana".to_owned()]);
        let before = MonitorConfig { contacts: contacts.clone(), ..MonitorConfig::default() };
        let cron = scheduled(before, "web/nightly", &monitor(Schedule::Crontab("0 3 * * *".into())));
        assert_eq!((cron.name.as_str(), cron.schedule.as_deref()), ("web/nightly", Some("0 3 * * *")));
        assert_eq!((cron.time_zone.as_deref(), cron.contacts.clone()), (Some("Europe/Berlin"), contacts));
        assert_eq!(cron.grace, Some(HumanDuration::from_secs(30 * 60)));
        let interval = Schedule::Interval { value: 2, unit: Unit::Hour };
        let period = scheduled(cron, "web/nightly", &monitor(interval));
        assert_eq!((period.schedule, period.time_zone), (None, None));
        assert_eq!(period.period, Some(HumanDuration::from_secs(2 * 3_600)));
        let never = Schedule::Interval { value: u64::MAX, unit: Unit::Year };
        let period = scheduled(MonitorConfig::default(), "a/b", &monitor(never)).period;
        assert_eq!(period, Some(HumanDuration::from_secs(MAX_MINUTES * 60)));
    }

    #[test]
    fn what_people_scheduled_is_theirs() {
        let said = |author: &str, monitor: &MonitorConfig| Version {
            name: "web/nightly".into(),
            version: 1,
            at: vocabulary::Timestamp(1),
            author: author.into(),
            definition: Some(Definition::Monitor(Box::new(monitor.clone()))),
        };
        let by = |hours| {
            let wanted = monitor(Schedule::Interval { value: hours, unit: Unit::Hour });
            scheduled(MonitorConfig::default(), "web/nightly", &wanted)
        };
        let (made, changed) = (by(1), by(2));
        let named = MonitorConfig { contacts: Some(vec!["ana".to_owned()]), ..made.clone() };
        let of_check_in = said(AUTHOR, &made);
        assert!(!is_scheduled_by_check_in(&made, &[]), "of a file");
        assert!(!is_scheduled_by_check_in(&made, &[said("fay", &made)]), "made by a person");
        assert!(is_scheduled_by_check_in(&made, std::slice::from_ref(&of_check_in)));
        assert!(
            is_scheduled_by_check_in(&named, &[said("fay", &named), of_check_in.clone()]),
            "only its contacts"
        );
        assert!(!is_scheduled_by_check_in(&changed, &[said("fay", &changed), of_check_in]), "scheduled anew");
    }
}
