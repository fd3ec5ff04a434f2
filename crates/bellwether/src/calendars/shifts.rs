//! Whose turn it is, by the events of a layer's calendar: what an event is called says who is on call while it lasts. What was
//! cancelled is no turn; what is marked as free is one, as programs mark whole days so by themselves.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use formats::ical;
use incidents::limits::MAX_PLANNED;
use incidents::oncall::planned::Planned;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::occurring::coming;

const NAMELESS: &str = "(no name)";
/// As much of a name as somebody needs to find it.
const LETTERS: usize = 60;

/// Somebody whom events may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub name: Arc<str>,
    pub email: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In order, one at a time.
    pub turns: Vec<Planned>,
    /// What was not understood, in the calendar's words.
    pub unread: BTreeSet<String>,
    /// Who is named and is none of the people, and how often.
    pub strangers: BTreeMap<String, usize>,
}

/// `own`: the zone of the layer, in which whole days are, and times that name none.
pub fn found(text: &str, people: &[Named], own: &TimeZone, now: Timestamp) -> Result<Found, String> {
    let calendar = ical::read(text)?;
    let coming = coming(&calendar, |event| !event.cancelled, 1, own, now);
    let register = Register::new(people);
    let mut found = Found { unread: coming.unread, ..Found::default() };
    let mut turns = Vec::new();
    // Times of one event stand together, and it names the same people each time.
    for times in coming.times.chunk_by(|a, b| std::ptr::eq(a.event, b.event)) {
        let (people, strangers) = register.named(&times[0].event.summary);
        strangers.into_iter().for_each(|stranger| found.note(stranger, times.len()));
        if !people.is_empty() {
            let turn = |people: &Vec<_>, from, until| Planned { from, until, people: people.clone() };
            turns.extend(times.iter().map(|time| turn(&people, time.from, time.until)));
        }
    }
    found.turns = one_at_a_time(turns);
    if found.turns.len() > MAX_PLANNED {
        found.turns.truncate(MAX_PLANNED);
        found.unread.insert(format!("turns beyond {MAX_PLANNED}"));
    }
    Ok(found)
}

impl Found {
    /// Of very many the first few are named.
    fn note(&mut self, stranger: String, times: usize) {
        if self.strangers.len() < ical::MAX_UNREAD || self.strangers.contains_key(&stranger) {
            *self.strangers.entry(stranger).or_default() += times;
        }
    }
}

/// The people by what they may be called.
struct Register {
    exactly: BTreeMap<String, Arc<str>>,
    /// In small letters: names go before addresses.
    roughly: BTreeMap<String, Arc<str>>,
}

impl Register {
    fn new(people: &[Named]) -> Register {
        let mut roughly = BTreeMap::new();
        let names = people.iter().map(|one| (&one.name, &*one.name));
        let addresses = people.iter().filter_map(|one| Some((&one.name, one.email.as_deref()?)));
        for (name, called) in names.chain(addresses) {
            roughly.entry(called.to_lowercase()).or_insert_with(|| name.clone());
        }
        let exactly = people.iter().map(|one| (one.name.to_string(), one.name.clone())).collect();
        Register { exactly, roughly }
    }

    fn who(&self, called: &str) -> Option<&Arc<str>> {
        self.exactly.get(called).or_else(|| self.roughly.get(&called.to_lowercase()))
    }

    /// Whom an event names, the first of whom has the turn, and which words of it name nobody.
    fn named(&self, summary: &str) -> (Vec<Arc<str>>, Vec<String>) {
        let summary = without_level(summary.trim());
        if let Some(one) = self.who(summary) {
            return (vec![one.clone()], Vec::new());
        }
        let (mut people, mut strangers) = (Vec::new(), Vec::new());
        for word in summary.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match self.who(word) {
                Some(one) if people.contains(one) => {}
                Some(one) => people.push(one.clone()),
                None => strangers.push(shown(word)),
            }
        }
        match people.is_empty() {
            // What is no list of names is told as it stands there.
            true => (people, vec![shown(summary)]),
            false => (people, strangers),
        }
    }
}

/// `[L1] ana`: how Grafana OnCall's calendars begin.
fn without_level(summary: &str) -> &str {
    let level = summary.strip_prefix("[L").and_then(|rest| rest.split_once(']'));
    let is_level = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    level.filter(|(number, _)| is_level(number)).map_or(summary, |(_, rest)| rest.trim_start())
}

fn shown(word: &str) -> String {
    let word: String = word.chars().filter(|c| !c.is_control()).take(LETTERS).collect();
    if word.is_empty() { NAMELESS.to_owned() } else { word }
}

/// Of turns at the same time the one that began last goes before the others, as what is put in between is meant; of those that
/// begin together, the shortest.
fn one_at_a_time(mut turns: Vec<Planned>) -> Vec<Planned> {
    turns.sort_by_key(|turn| (turn.from, Reverse(turn.until)));
    let mut borders: Vec<(Timestamp, usize)> =
        turns.iter().enumerate().flat_map(|(rank, turn)| [(turn.from, rank), (turn.until, rank)]).collect();
    borders.sort_unstable();
    let (mut single, mut on): (Vec<Planned>, BTreeSet<usize>) = (Vec::new(), BTreeSet::new());
    let mut since = Timestamp(i64::MIN);
    for (at, rank) in borders {
        if let Some(above) = on.last().filter(|_| since < at) {
            go_on(&mut single, Planned { from: since, until: at, people: turns[*above].people.clone() });
        }
        since = at;
        // Each begins at its first border, and ends at its second.
        if !on.remove(&rank) {
            on.insert(rank);
        }
    }
    single
}

/// What follows with the same people is the same turn.
fn go_on(single: &mut Vec<Planned>, turn: Planned) {
    match single.last_mut().filter(|last| last.until == turn.from && last.people == turn.people) {
        Some(last) => last.until = turn.until,
        None => single.push(turn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    fn in_berlin(events: &[&str]) -> Found {
        let events: String =
            events.iter().map(|event| format!("BEGIN:VEVENT\n{event}\nEND:VEVENT\n")).collect();
        let named =
            |name: &str, email: Option<&str>| Named { name: name.into(), email: email.map(str::to_owned) };
        let people = [named("ana", None), named("ben", Some("Ben@example.org")), named("Li, Wei", None)];
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let text = format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n");
        found(&text, &people, &zone, at("2026-01-01T00:00:00Z")).unwrap()
    }

    /// `05 08:00-16:00 ana`, of January and in UTC.
    fn turns(events: &[&str]) -> Vec<String> {
        let utc =
            |at: Timestamp| jiff::Timestamp::from_second(at.0).unwrap().strftime("%d %H:%M").to_string();
        let turn =
            |turn: &Planned| format!("{}-{} {}", utc(turn.from), utc(turn.until), turn.people.join("+"));
        in_berlin(events).turns.iter().map(turn).collect()
    }

    fn event(hours: &str, summary: &str) -> String {
        let (from, until) = hours.split_once('-').unwrap();
        format!("DTSTART:20260105T{from}0000Z\nDTEND:20260105T{until}0000Z\nSUMMARY:{summary}")
    }

    #[test]
    fn an_event_is_a_turn_of_whom_it_names() {
        for (summary, who) in [
            ("ana", "ana"),
            (" ANA ", "ana"),
            ("ben@EXAMPLE.org", "ben"),
            ("ben\\, ana\\, ben", "ben+ana"),
            ("[L1] ana", "ana"),
            ("Li\\, Wei", "Li, Wei"),
        ] {
            let found = in_berlin(&[&event("08-16", summary)]);
            assert_eq!(turns(&[&event("08-16", summary)]), [format!("05 08:00-05 16:00 {who}")], "{summary}");
            assert!(found.strangers.is_empty(), "{summary}");
        }
        // Days are those of the layer's zone, and what is marked as free is meant too.
        let day = "DTSTART;VALUE=DATE:20260105\nTRANSP:TRANSPARENT\nSUMMARY:ana";
        assert_eq!(turns(&[day]), ["04 23:00-05 23:00 ana"]);
        assert!(turns(&[&format!("{day}\nSTATUS:CANCELLED")]).is_empty());
        let short = "DTSTART;TZID=Asia/Tokyo:20260105T090000\nDURATION:PT5M\nSUMMARY:ana";
        assert_eq!(turns(&[short]), ["05 00:00-05 00:05 ana"]);
    }

    #[test]
    fn what_comes_again_is_a_turn_each_time_and_what_is_moved_may_be_somebody_elses() {
        let days = "UID:d\nDTSTART;TZID=Europe/Berlin:20260105T090000\nDURATION:PT8H\nRRULE:FREQ=DAILY;COUNT=4\n\
                    EXDATE;TZID=Europe/Berlin:20260106T090000\nSUMMARY:ana";
        let moved = "UID:d\nRECURRENCE-ID;TZID=Europe/Berlin:20260107T090000\nDTSTART:20260107T100000Z\nDURATION:PT1H\nSUMMARY:ben";
        let expected = ["05 08:00-05 16:00 ana", "07 10:00-07 11:00 ben", "08 08:00-08 16:00 ana"];
        assert_eq!(turns(&[days, moved]), expected);
    }

    #[test]
    fn one_has_the_turn_at_a_time() {
        let events = |all: &[(&str, &str)]| {
            let all: Vec<String> = all.iter().map(|(hours, who)| event(hours, who)).collect();
            turns(&all.iter().map(String::as_str).collect::<Vec<_>>())
        };
        let swapped = ["05 00:00-05 08:00 ana", "05 08:00-05 12:00 ben", "05 12:00-05 20:00 ana"];
        assert_eq!(events(&[("08-12", "ben"), ("00-20", "ana")]), swapped);
        assert_eq!(events(&[("00-20", "ana"), ("08-12", "ben")]), swapped);
        let together = ["05 00:00-05 12:00 ben", "05 12:00-05 20:00 ana"];
        assert_eq!(events(&[("00-12", "ben"), ("00-20", "ana")]), together);
        assert_eq!(events(&[("00-08", "ana"), ("08-12", "ana")]), ["05 00:00-05 12:00 ana"]);
        assert_eq!(
            events(&[("00-08", "ana"), ("09-12", "ana")]),
            ["05 00:00-05 08:00 ana", "05 09:00-05 12:00 ana"]
        );
    }

    #[test]
    fn whoever_is_none_of_the_people_is_told_of_and_takes_no_turn() {
        let weekly = "DTSTART:20260105T080000Z\nDURATION:PT8H\nRRULE:FREQ=WEEKLY;COUNT=3\nSUMMARY:Bob";
        let found = in_berlin(&[
            weekly,
            &event("00-20", "ana\\, Zoe"),
            &event("08-12", "team lunch\\, all"),
            "DTSTART:20260105T080000Z\nDURATION:PT8H",
        ]);
        let strangers: Vec<(&str, usize)> =
            found.strangers.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(strangers, [("(no name)", 1), ("Bob", 3), ("Zoe", 1), ("team lunch, all", 1)]);
        assert_eq!(found.turns.len(), 1);
        let many: Vec<String> = (0..50).map(|number| event("08-12", &format!("x{number}"))).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(in_berlin(&many).strangers.len(), ical::MAX_UNREAD);
    }

    #[test]
    fn more_turns_than_are_kept_are_told_of() {
        let all: Vec<String> = (0..=MAX_PLANNED)
            .map(|number| {
                let from = at("2026-01-05T00:00:00Z").plus(number as i64 * 3_600);
                let from = jiff::Timestamp::from_second(from.0).unwrap().strftime("%Y%m%dT%H%M%SZ");
                format!("DTSTART:{from}\nDURATION:PT30M\nSUMMARY:ana")
            })
            .collect();
        let found = in_berlin(&all.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(found.turns.len(), MAX_PLANNED);
        assert!(found.unread.contains("turns beyond 5000"), "{:?}", found.unread);
    }
}
