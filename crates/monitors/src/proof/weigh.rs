//! Pages counted: whom they reach, at night or not, and which outages they tell of.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Label, Sent};
use crate::replay::any_within;

/// People say when it began by memory: a page shortly before is about it too.
const BEFORE_SECONDS: i64 = 300;
/// Pages within a minute of each other are the same.
pub(super) const SAME_SECONDS: i64 = 60;

/// When people sleep: whoever asks knows where they live, and by what hours.
pub trait Nights: Sync {
    /// The day on which this contact's night began that the moment lies in; none: it is day, or nobody sleeps.
    fn of(&self, contact: &str, at: i64) -> Option<jiff::civil::Date>;
    /// Nights of this contact of which some of the time lies in it.
    fn count(&self, contact: &str, from: i64, until: i64) -> u64;
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

pub fn weigh<'s>(pages: impl Iterator<Item = &'s Sent>, nights: &dyn Nights) -> Weight {
    let mut weight = Weight::default();
    let mut woken: BTreeSet<(&str, jiff::civil::Date)> = BTreeSet::new();
    for page in pages {
        let of = weight.contacts.entry(page.contact.clone()).or_default();
        weight.pages += 1;
        of.pages += 1;
        let Some(date) = nights.of(&page.contact, page.at) else { continue };
        weight.at_night += 1;
        of.at_night += 1;
        if woken.insert((&page.contact, date)) {
            weight.nights_woken += 1;
            of.nights_woken += 1;
        }
    }
    weight
}

/// Is one of these the same as this? They are in order.
pub fn is_near(times: &[i64], at: i64) -> bool {
    any_within(times, at - SAME_SECONDS, at + SAME_SECONDS)
}

/// The first page about it.
pub fn caught(label: &Label, pages: &[Sent]) -> Option<i64> {
    pages.iter().filter(|page| is_about(label, page)).map(|page| page.at).min()
}

/// Did any page tell of it?
pub fn is_caught<'s>(label: &Label, mut pages: impl Iterator<Item = &'s Sent>) -> bool {
    pages.any(|page| is_about(label, page))
}

/// A label may begin whenever somebody wrote that it did.
fn is_about(label: &Label, page: &Sent) -> bool {
    page.at >= label.start.saturating_sub(BEFORE_SECONDS) && page.at <= label.end
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It began before anything is known of.
    Unknown,
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

/// `known_from`: what these rules would have done before cannot be told.
pub fn judge(label: &Label, known_from: i64, sent: &[Sent], would: &[Sent], proposed: &[Sent]) -> Judged {
    let (sent, would) = (caught(label, sent), caught(label, would));
    let verdict = match (sent, would) {
        _ if label.start < known_from => Verdict::Unknown,
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
    use super::super::tests::TenToSeven;
    use super::*;

    fn sent(at: i64, contact: &str) -> Sent {
        Sent { at, rule: "monitor:a".into(), contact: contact.into() }
    }

    #[test]
    fn who_was_woken_twice_in_a_night_was_woken_once() {
        // Three and four in one night and noon, of each; ben never sleeps.
        let hours = [27, 28, 36].map(|hour| hour * 3_600);
        let pages: Vec<Sent> =
            hours.iter().flat_map(|at| [sent(*at, "ana"), sent(*at, "ben"), sent(*at, "cyd")]).collect();
        let weight = weigh(pages.iter(), &TenToSeven { awake: "ben" });
        assert_eq!((weight.pages, weight.at_night, weight.nights_woken), (9, 4, 2));
        assert_eq!(weight.contacts["ana"], OfContact { pages: 3, at_night: 2, nights_woken: 1 });
        assert_eq!(weight.contacts["ben"], OfContact { pages: 3, at_night: 0, nights_woken: 0 });
    }

    #[test]
    fn outages_are_caught_earlier_later_or_not() {
        let label = Label { start: 1_000, end: 2_000, title: "down".into() };
        let judged = |then: &[i64], now: &[i64]| {
            let pages = |times: &[i64]| times.iter().map(|at| sent(*at, "ana")).collect::<Vec<_>>();
            judge(&label, 0, &pages(then), &pages(now), &[]).verdict
        };
        assert_eq!(judged(&[1_500], &[1_440, 1_900]), Verdict::Same);
        assert_eq!(judged(&[1_500], &[800]), Verdict::Earlier);
        assert_eq!(judged(&[1_500], &[600, 1_900]), Verdict::Later, "600 is too early to be about it");
        assert_eq!(judged(&[1_500], &[2_001]), Verdict::Missed);
        assert_eq!(judged(&[], &[1_500]), Verdict::New);
        assert_eq!(judged(&[], &[]), Verdict::Unseen);
        let for_ever = Label { start: i64::MIN, end: i64::MAX, title: "always".into() };
        assert_eq!(caught(&for_ever, &[sent(5, "ana")]), Some(5));
        assert!(is_caught(&for_ever, [sent(5, "ana")].iter()));
    }
}
