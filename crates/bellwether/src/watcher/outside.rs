//! The heartbeat to the outside. Whoever waits for it, such as another Bellwether, hears of our end by its absence; so it
//! goes only while everything turns that somebody must be told by.

use std::time::{Duration, Instant};

use http_api::control::{Part, State};
use outbound::{Secret, Url, http};

use super::STALLED_AFTER;
use crate::health::part;
use crate::house::House;
use crate::own::Counters;
use crate::telling;

/// Pages that may be tried and are not for so long: nobody sends them any more.
const OVERDUE_AFTER: Duration = Duration::from_secs(300);
/// After a failure it is tried again soon: whoever waits may have little patience.
const RETRY_AFTER: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Nobody reads it.
const ANSWER_BYTES: usize = 500;
/// So many in a row are no hiccup of the network.
const FAILURES_TO_CALL_CRITICAL: u32 = 3;

/// What the pager is asked before each heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub stalled: Vec<(&'static str, Duration)>,
    /// Why states cannot be kept.
    pub unkept: Option<String>,
    /// For how long the oldest page has waited that could have been tried.
    pub overdue: Option<Duration>,
    /// Channels that fail or reach nobody any more, of how many.
    pub failing: (usize, usize),
    /// Incidents that nobody is told of, though somebody could be.
    pub untold: usize,
}

pub fn facts(house: &House) -> Facts {
    let now_ms = i64::try_from(house.clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
    let channels = telling::used(house);
    let failing = channels.iter().filter(|channel| house.desk.is_dead(channel)).count();
    Facts {
        stalled: house.turning.stalled(STALLED_AFTER),
        unkept: house.monitors.failure(),
        overdue: house.desk.overdue(now_ms),
        failing: (failing, channels.len()),
        untold: house.desk.untold().incidents.len(),
    }
}

impl Facts {
    /// Why nobody could rely on us.
    pub fn why_not(&self) -> Option<String> {
        if let Some((thread, ago)) = self.stalled.first() {
            return Some(format!("`{thread}` has not turned for {} s", ago.as_secs()));
        }
        if let Some(why) = &self.unkept {
            return Some(format!("states cannot be kept: {why}"));
        }
        if let Some(waits) = self.overdue.filter(|waits| *waits > OVERDUE_AFTER) {
            return Some(format!("a page has waited for {} s, and nobody tries to send it", waits.as_secs()));
        }
        if self.untold > 0 {
            let of = match self.untold {
                1 => "1 incident that is".to_owned(),
                many => format!("{many} incidents that are"),
            };
            return Some(format!("nobody is told of {of} bad enough to page"));
        }
        match self.failing {
            (failing, channels) if channels > 0 && failing >= channels => {
                Some("no channel delivers pages".to_owned())
            }
            _ => None,
        }
    }
}

/// For health.
#[derive(Clone, Debug, Default)]
pub struct OutsideStats {
    pub sent: u64,
    pub failed: u64,
    pub held_back: u64,
    pub last_success: Option<f64>,
    pub failures_in_a_row: u32,
    pub why_failed: String,
    /// Why none is sent now.
    pub why_held_back: Option<String>,
}

/// When the next one is due.
#[derive(Default)]
pub struct Outside {
    next: Option<Instant>,
    /// A heartbeat that is meant for somebody else is due at once.
    url: Option<Secret>,
}

impl Outside {
    /// Sends one if it is due and nothing speaks against it. `facts`: none if they could not be found out.
    pub async fn turn(&mut self, house: &House, facts: Option<Facts>) {
        let config = house.config.load().own.clone();
        if config.heartbeat_url != self.url {
            self.url = config.heartbeat_url;
            self.next = None;
            *house.outside.lock() = OutsideStats::default();
        }
        let Some(url) = &self.url else { return };
        if self.next.is_some_and(|next| next > Instant::now()) {
            return;
        }
        let interval = config.heartbeat_interval.0;
        let why_not =
            facts.map_or_else(|| Some("nobody knows how it is".to_owned()), |facts| facts.why_not());
        let wait = match why_not {
            Some(why) => {
                note_held_back(house, why);
                interval.min(RETRY_AFTER)
            }
            None => match call(house, &url.0).await {
                Ok(()) => {
                    note_sent(house);
                    interval
                }
                Err(why) => {
                    note_failed(house, why);
                    interval.min(RETRY_AFTER)
                }
            },
        };
        self.next = Some(Instant::now() + wait);
    }
}

async fn call(house: &House, url: &str) -> Result<(), String> {
    let mut request = http::Request::new(http::get(), Url::parse(url)?);
    request.connect_timeout = CONNECT_TIMEOUT;
    request.timeout = TIMEOUT;
    request.body_most = ANSWER_BYTES;
    let answer = http::call(&house.egress, &request).await.map_err(|failure| failure.message)?;
    match answer.status.is_success() {
        true => Ok(()),
        false => Err(format!("{} answers {}", answer.url.origin(), answer.status.as_u16())),
    }
}

fn note_sent(house: &House) {
    let mut stats = house.outside.lock();
    if stats.failures_in_a_row > 0 || stats.why_held_back.is_some() {
        tracing::info!("the heartbeat to the outside is sent again");
    }
    stats.sent += 1;
    stats.last_success = Some(house.clock.since_epoch().as_secs_f64());
    (stats.failures_in_a_row, stats.why_held_back) = (0, None);
}

fn note_failed(house: &House, why: String) {
    let mut stats = house.outside.lock();
    if stats.failures_in_a_row == 0 {
        tracing::warn!(why, "the heartbeat to the outside failed");
    }
    stats.failed += 1;
    stats.failures_in_a_row += 1;
    (stats.why_failed, stats.why_held_back) = (why, None);
}

fn note_held_back(house: &House, why: String) {
    let mut stats = house.outside.lock();
    if stats.why_held_back.is_none() {
        tracing::error!(why, "no heartbeat is sent to the outside: nobody could rely on it");
    }
    stats.held_back += 1;
    stats.why_held_back = Some(why);
}

pub fn count(house: &House, all: &mut Counters) {
    let stats = house.outside.lock().clone();
    for (name, value) in [("sent", stats.sent), ("failed", stats.failed), ("held_back", stats.held_back)] {
        all.add(&format!("outside_heartbeat.{name}"), value);
    }
}

pub fn outside_part(house: &House) -> Part {
    let stats = house.outside.lock().clone();
    let is_set = house.config.load().own.heartbeat_url.is_some();
    let (state, text) = standing(&stats, is_set);
    Part {
        state,
        text,
        last_success: stats.last_success,
        ..part("outside_heartbeat", "forward", "Heartbeat to the outside")
    }
}

fn standing(stats: &OutsideStats, is_set: bool) -> (State, String) {
    if !is_set {
        return (State::Off, "nobody outside misses this server: set self.heartbeat_url".to_owned());
    }
    if let Some(why) = &stats.why_held_back {
        return (State::Critical, format!("held back, so that somebody outside hears of it: {why}"));
    }
    let text = format!("{} failed in a row: {}", stats.failures_in_a_row, stats.why_failed);
    match (stats.failures_in_a_row, stats.last_success) {
        (0, None) => (State::Ok, "the first one is on its way".to_owned()),
        (0, Some(_)) => (State::Ok, format!("{} sent", stats.sent)),
        (failures, _) if failures >= FAILURES_TO_CALL_CRITICAL => (State::Critical, text),
        _ => (State::Warning, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_sent_only_while_the_pager_works() {
        let fine = Facts { failing: (1, 2), overdue: Some(OVERDUE_AFTER), ..Facts::default() };
        assert_eq!(fine.why_not(), None, "one channel is left, and a page has waited a little");
        let second = Duration::from_secs(1);
        let not = [
            Facts { stalled: vec![("metrics", 90 * second)], ..fine.clone() },
            Facts { unkept: Some("disk full".into()), ..fine.clone() },
            Facts { overdue: Some(OVERDUE_AFTER + second), ..fine.clone() },
            Facts { failing: (2, 2), ..fine.clone() },
            Facts { untold: 1, ..fine.clone() },
        ];
        let why: Vec<_> = not.iter().map(|facts| facts.why_not().unwrap()).collect();
        assert!(why[0].contains("`metrics`") && why[0].contains("90 s"), "{why:?}");
        assert!(why[1].contains("disk full") && why[2].contains("301 s"), "{why:?}");
        assert!(why[3].contains("no channel") && why[4].contains("nobody is told of 1"), "{why:?}");
        assert_eq!(Facts::default().why_not(), None, "who has no channel pages nobody anyway");
    }

    #[test]
    fn what_became_of_it_stands_in_health() {
        let stats = OutsideStats { sent: 3, last_success: Some(1.0), ..OutsideStats::default() };
        assert_eq!(standing(&stats, false).0, State::Off);
        assert_eq!(standing(&stats, true), (State::Ok, "3 sent".into()));
        let failed = OutsideStats { failures_in_a_row: 1, why_failed: "refused".into(), ..stats.clone() };
        assert_eq!(standing(&failed, true), (State::Warning, "1 failed in a row: refused".into()));
        assert_eq!(standing(&OutsideStats { failures_in_a_row: 3, ..failed }, true).0, State::Critical);
        let held = OutsideStats { why_held_back: Some("`checks` …".into()), ..stats };
        assert_eq!(standing(&held, true).0, State::Critical);
    }
}
