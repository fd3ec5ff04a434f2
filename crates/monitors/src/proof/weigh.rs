//! Pages counted: whom they reach, at night or not, and which outages they tell of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Label, Sent};

/// People say when it began by memory: a page shortly before is about it too.
const BEFORE_SECONDS: i64 = 300;
/// A night has whole hours.
const HALF_AN_HOUR: usize = 1_800;
/// Pages within a minute of each other are the same.
const SAME_SECONDS: i64 = 60;

/// When people sleep: hours of the day in their zone.
#[derive(Clone, Debug)]
pub struct Night {
    pub from_hour: i8,
    pub until_hour: i8,
    pub zone: TimeZone,
}

impl Night {
    pub fn is(&self, at: i64) -> bool {
        self.of(at).is_some()
    }

    /// Nights of which some of the time lies in it.
    pub fn count(&self, from: i64, until: i64) -> u64 {
        let looks = (from..until).step_by(HALF_AN_HOUR);
        looks.filter_map(|at| self.of(at)).collect::<BTreeSet<_>>().len() as u64
    }

    /// The day on which this night began; none: it is day.
    fn of(&self, at: i64) -> Option<jiff::civil::Date> {
        let local = jiff::Timestamp::from_second(at).ok()?.to_zoned(self.zone.clone());
        let hour = local.hour();
        let wraps = self.from_hour > self.until_hour;
        match (wraps, hour >= self.from_hour, hour < self.until_hour) {
            (true, true, _) | (false, true, true) => Some(local.date()),
            (true, false, true) => local.date().yesterday().ok(),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Weight {
    pub pages: u64,
    pub at_night: u64,
    /// Nights in which somebody was woken, of each contact.
    pub nights_woken: u64,
    pub contacts: BTreeMap<String, OfContact>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OfContact {
    pub pages: u64,
    pub at_night: u64,
    pub nights_woken: u64,
}

pub fn weigh<'s>(pages: impl Iterator<Item = &'s Sent>, night: &Night) -> Weight {
    let mut weight = Weight::default();
    let mut nights: BTreeSet<(&str, jiff::civil::Date)> = BTreeSet::new();
    for page in pages {
        let of = weight.contacts.entry(page.contact.clone()).or_default();
        weight.pages += 1;
        of.pages += 1;
        let Some(date) = night.of(page.at) else { continue };
        weight.at_night += 1;
        of.at_night += 1;
        if nights.insert((&page.contact, date)) {
            weight.nights_woken += 1;
            of.nights_woken += 1;
        }
    }
    weight
}

/// The first page about it.
pub fn caught(label: &Label, pages: &[Sent]) -> Option<i64> {
    let about = |page: &&Sent| page.at >= label.start - BEFORE_SECONDS && page.at <= label.end;
    pages.iter().filter(about).map(|page| page.at).min()
}

/// Did any page tell of it?
pub fn is_caught<'s>(label: &Label, mut pages: impl Iterator<Item = &'s Sent>) -> bool {
    pages.any(|page| page.at >= label.start - BEFORE_SECONDS && page.at <= label.end)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nobody was told, now or then.
    Unseen,
    /// Nobody was told then.
    New,
    Earlier,
    Same,
    Later,
    /// Somebody was told then.
    Missed,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    #[serde(flatten)]
    pub label: Label,
    /// The first page about it, as it was.
    pub sent: Option<i64>,
    pub would: Option<i64>,
    pub verdict: Verdict,
    /// With all proposals taken.
    pub with_proposals: Option<i64>,
}

pub fn judge(label: &Label, sent: &[Sent], would: &[Sent], proposed: &[Sent]) -> Judged {
    let (sent, would) = (caught(label, sent), caught(label, would));
    let verdict = match (sent, would) {
        (None, None) => Verdict::Unseen,
        (None, Some(_)) => Verdict::New,
        (Some(_), None) => Verdict::Missed,
        (Some(sent), Some(would)) if would < sent - SAME_SECONDS => Verdict::Earlier,
        (Some(sent), Some(would)) if would > sent + SAME_SECONDS => Verdict::Later,
        _ => Verdict::Same,
    };
    Judged { label: label.clone(), sent, would, verdict, with_proposals: caught(label, proposed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(at: i64, contact: &str) -> Sent {
        Sent { at, rule: "monitor:a".into(), contact: contact.into() }
    }

    #[test]
    fn nights_are_those_of_the_people() {
        let night = Night { from_hour: 22, until_hour: 7, zone: TimeZone::get("Europe/Berlin").unwrap() };
        // 2026-03-28 21:30, 22:30 and on the next morning, after the clocks went forth, 06:59 and 07:00.
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
        let evening = [at("2026-03-28T20:30:00Z"), at("2026-03-28T21:30:00Z")];
        let morning = [at("2026-03-29T04:59:00Z"), at("2026-03-29T05:00:00Z")];
        let pages: Vec<Sent> = evening
            .iter()
            .chain(&morning)
            .map(|at| sent(*at, "ana"))
            .chain([sent(morning[0], "ben")])
            .collect();
        let weight = weigh(pages.iter(), &night);
        assert_eq!((weight.pages, weight.at_night, weight.nights_woken), (5, 3, 2));
        assert_eq!(weight.contacts["ana"], OfContact { pages: 4, at_night: 2, nights_woken: 1 });
        assert_eq!(night.count(evening[0], morning[1]), 1);
        assert_eq!(night.count(evening[0] - 30 * 86_400, morning[1]), 31);
        assert_eq!(night.count(morning[1], morning[1] + 3_600), 0);
        let nap = Night { from_hour: 13, until_hour: 14, zone: TimeZone::UTC };
        assert_eq!(weigh([sent(13 * 3_600, "ana"), sent(14 * 3_600, "ana")].iter(), &nap).at_night, 1);
    }

    #[test]
    fn outages_are_caught_earlier_later_or_not() {
        let label = Label { start: 1_000, end: 2_000, title: "down".into() };
        let judged = |then: &[i64], now: &[i64]| {
            let pages = |times: &[i64]| times.iter().map(|at| sent(*at, "ana")).collect::<Vec<_>>();
            judge(&label, &pages(then), &pages(now), &[]).verdict
        };
        assert_eq!(judged(&[1_500], &[1_440, 1_900]), Verdict::Same);
        assert_eq!(judged(&[1_500], &[800]), Verdict::Earlier);
        assert_eq!(judged(&[1_500], &[600, 1_900]), Verdict::Later, "600 is too early to be about it");
        assert_eq!(judged(&[1_500], &[2_001]), Verdict::Missed);
        assert_eq!(judged(&[], &[1_500]), Verdict::New);
        assert_eq!(judged(&[], &[]), Verdict::Unseen);
    }
}
