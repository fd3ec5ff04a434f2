//! Everything that cannot be trusted now, in one list: what is wrong, since when, and what it affects.

use http_api::control::{Doubt, Part, State, StorageHealth};

/// A time without data is worth a word for so long.
const RECENT_SECONDS: f64 = 86_400.0;

pub fn doubts(parts: &[Part], storage: &StorageHealth, now: f64) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> = parts.iter().filter_map(of_part).collect();
    doubts.extend(storage.gaps.iter().filter(|(_, until)| now - *until as f64 <= RECENT_SECONDS).map(of_gap));
    let damage = |text: &String| Doubt {
        part: "store".to_owned(),
        state: State::Warning,
        text: text.clone(),
        since: None,
        until: None,
        affects: "the series whose points stood there".to_owned(),
    };
    doubts.extend(storage.lost.iter().chain(&storage.quarantined).map(damage));
    // The worst first, then the newest.
    doubts.sort_by(|a, b| {
        b.state.cmp(&a.state).then(b.since.unwrap_or(0.0).total_cmp(&a.since.unwrap_or(0.0)))
    });
    doubts
}

fn of_part(part: &Part) -> Option<Doubt> {
    if part.state <= State::Ok {
        return None;
    }
    Some(Doubt {
        part: part.id.clone(),
        state: part.state,
        text: format!("{}: {}", part.title, part.text),
        since: part.since,
        until: None,
        affects: affected(part),
    })
}

fn of_gap((from, until): &(i64, i64)) -> Doubt {
    Doubt {
        part: "server".to_owned(),
        state: State::Warning,
        text: format!(
            "this server was away for {} s: nothing was received, judged or told",
            until - from + 1
        ),
        since: Some(*from as f64),
        until: Some(*until as f64),
        affects: "all series and states of that time".to_owned(),
    }
}

fn affected(part: &Part) -> String {
    let kind = part.id.split('.').next().unwrap_or_default();
    let known = match kind {
        "statsd" => "all series under `stats`, and what is judged by them",
        "carbon" | "collectd" => "the series that come by it, and what is judged by them",
        "nsca" => "checks whose results are sent by NSCA",
        "journal" => "what StatsD has received and not yet flushed, should this server be killed",
        "store" => "all series: what is stored, and how safely",
        "made" => "what these rules watch: it is not looked at, or others are told than they name",
        "monitors" | "threads" => "all states: what is bad may not be told",
        "metrics" => "monitors with rules on numbers: they are judged late, or not at all",
        "checks" => "checks: their states are older than they should be",
        "pages" => "pages: somebody was not told",
        "contacts" => "pages to these contacts: nobody may see them",
        "calendars" => "who is on call while somebody is away: absences that are not known change nothing",
        "shifts" => {
            "who is on call by these calendars: what was known last holds, and what names nobody puts nobody on call"
        }
        "leavers" => "pages to these people: they may have left",
        "night" => "what these monitors find at night: nobody hears of it before the morning",
        "links" => "the links in pages: people cannot acknowledge by them",
        "channel" => "pages by this channel: they come late, or by another one",
        "people" => "who is told, and who sees what: schedules, teams and contacts mean people by name",
        "oncall" => "whoever should be called at such a time: the next step of a policy is, or nobody",
        "outside_heartbeat" => {
            "this server's own end: nobody outside would hear of it, or has heard of it now"
        }
        "host" => "this host's own numbers",
        "agent" => "the series of that machine",
        "relay" | "forward" | "repeater" => "other servers that points go on to",
        "config" => "whatever was changed last in the configuration",
        _ => "what goes through it",
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::part;

    #[test]
    fn what_cannot_be_trusted_is_one_list() {
        let at = |id: &str, state, since| Part { state, since: Some(since), ..part(id, "queue", id) };
        let parts = [
            at("statsd.udp", State::Warning, 10.0),
            at("store", State::Critical, 5.0),
            at("http", State::Ok, 1.0),
            at("metrics", State::Off, 1.0),
        ];
        let storage = StorageHealth {
            gaps: vec![(100, 200), (990_000, 990_009)],
            lost: vec!["a record of the log (12 bytes)".into()],
            ..StorageHealth::default()
        };
        let found = doubts(&parts, &storage, 1_000_000.0);
        let told: Vec<_> = found.iter().map(|doubt| (doubt.part.as_str(), doubt.since)).collect();
        assert_eq!(
            told,
            [("store", Some(5.0)), ("server", Some(990_000.0)), ("statsd.udp", Some(10.0)), ("store", None)]
        );
        assert!(found[1].text.contains("10 s") && found.iter().all(|doubt| !doubt.affects.is_empty()));
        assert_eq!(doubts(&[], &StorageHealth::default(), 0.0), []);
    }
}
