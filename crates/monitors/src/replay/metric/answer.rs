//! What a replay came to: firings, counts, and one sentence.

use std::collections::BTreeMap;

use serde::Serialize;
use vocabulary::state::{NoticeKind, State};

use super::super::doubt::Doubt;
use super::super::pages::Page;
use super::super::{Firing, any_within};
use super::Past;
use super::passage::Passage;
use crate::limits::MAX_FIRINGS;
use crate::proof::ground::Opened;

/// Seconds. A series begins between two points, and that is no gap.
const WORTH_TELLING: i64 = 60;

/// What would have been.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Replayed {
    pub from: i64,
    pub until: i64,
    /// In order of time.
    pub firings: Vec<Firing>,
    /// Beyond the most that an answer holds.
    pub firings_left_out: u64,
    pub instances: Vec<OfInstance>,
    /// Series beyond the most that are looked at.
    pub instances_left_out: u64,
    /// How often each contact would have been told of a problem; the name is empty where that reaches nobody.
    pub pages: BTreeMap<String, u64>,
    pub doubts: Vec<Doubt>,
    /// The first point of any of the series in the window.
    pub known_from: Option<i64>,
    /// Where a graph has its lines.
    pub warning_lines: Vec<f64>,
    pub critical_lines: Vec<f64>,
    /// Points that were judged.
    pub slots: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OfInstance {
    pub name: String,
    pub fired: u64,
    pub self_healed: u64,
    pub pages: u64,
    /// Seconds in a state that is not OK.
    pub bad_seconds: i64,
    /// How it stood at the end.
    pub state: Option<State>,
}

impl Replayed {
    pub(super) fn take(&mut self, passage: &Passage, pages: &[Page], past: &Past) {
        let mut of = OfInstance { name: passage.name.to_string(), ..OfInstance::default() };
        let mut open: Option<Firing> = None;
        for (index, (at, standing)) in passage.standings.iter().enumerate() {
            let until = passage.standings.get(index + 1).map_or(past.until.0, |next| next.0);
            let (text, value) = &passage.texts[index];
            let bad = if standing.state == State::Ok { standing.pending } else { Some(standing.state) };
            match (bad, &mut open) {
                (None, None) => {}
                (None, Some(_)) => {
                    if let Some(mut firing) = open.take() {
                        firing.ended = Some(*at);
                        self.firings.push(firing);
                    }
                }
                (Some(state), open) => {
                    let firing = open.get_or_insert_with(|| Firing {
                        instance: of.name.clone(),
                        state,
                        began: *at,
                        fired: None,
                        ended: None,
                        told: false,
                        text: text.clone(),
                        value: *value,
                    });
                    if state.badness() > firing.state.badness() || firing.fired.is_none() {
                        (firing.state, firing.text, firing.value) = (state, text.clone(), *value);
                    }
                    if standing.state != State::Ok {
                        firing.fired.get_or_insert(*at);
                        of.bad_seconds += until - at;
                    }
                }
            }
        }
        self.firings.extend(open);
        let begin = self.firings.len()
            - self.firings.iter().rev().take_while(|firing| firing.instance == of.name).count();
        let problems = pages.iter().filter(|page| page.kind == NoticeKind::Problem);
        let mut told: Vec<i64> = problems.clone().map(|page| page.at).collect();
        told.sort_unstable();
        for firing in &mut self.firings[begin..] {
            firing.told = any_within(&told, firing.began, firing.ended.unwrap_or(i64::MAX));
            match firing.healed() {
                true => of.self_healed += 1,
                false => of.fired += 1,
            }
        }
        for page in problems {
            *self.pages.entry(page.contact.clone()).or_default() += 1;
            of.pages += 1;
        }
        of.state = passage.standings.last().map(|(_, standing)| standing.state);
        self.known_from = match (self.known_from, passage.known_from) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.slots += passage.slots;
        for doubt in &passage.doubts {
            if !self.doubts.contains(doubt) {
                self.doubts.push(doubt.clone());
            }
        }
        self.instances.push(of);
    }

    /// Who would have been told is a matter of incidents: in the place of what each instance by itself comes to.
    pub(crate) fn told_by(&mut self, opened: &[Opened]) {
        self.pages.clear();
        let mut of: BTreeMap<&str, u64> = BTreeMap::new();
        for one in opened {
            for (_, contact) in &one.calls.made {
                *self.pages.entry(contact.clone()).or_default() += 1;
                *of.entry(&one.instance).or_default() += 1;
            }
        }
        for instance in &mut self.instances {
            instance.pages = of.get(&*instance.name).copied().unwrap_or(0);
        }
    }

    /// In order of time, all of them.
    pub(in crate::replay) fn sort(&mut self) {
        self.firings.sort_by(|a, b| (a.began, &a.instance).cmp(&(b.began, &b.instance)));
    }

    /// As many as an answer holds.
    pub(crate) fn cut(&mut self) {
        self.firings_left_out = self.firings.len().saturating_sub(MAX_FIRINGS) as u64;
        self.firings.truncate(MAX_FIRINGS);
    }

    pub fn fired(&self) -> u64 {
        self.instances.iter().map(|instance| instance.fired).sum()
    }

    pub fn self_healed(&self) -> u64 {
        self.instances.iter().map(|instance| instance.self_healed).sum()
    }

    pub fn told(&self) -> u64 {
        self.pages.values().sum()
    }

    /// One line of plain words.
    pub fn sentence(&self) -> String {
        let times = |count: u64, one: &str, many: &str| match count {
            0 => format!("no {one}"),
            1 => format!("1 {one}"),
            count => format!("{count} {many}"),
        };
        if self.instances.is_empty() {
            return "The target finds no series: nothing could fire.".to_owned();
        }
        let (fired, healed) = (self.fired(), self.self_healed());
        let bad = self.instances.iter().filter(|instance| instance.fired > 0).count();
        let mut sentence = match fired {
            0 => "It would not have fired".to_owned(),
            1 => "It would have fired once".to_owned(),
            fired => format!(
                "It would have fired {fired} times, on {}",
                times(bad as u64, "instance", "instances")
            ),
        };
        sentence.push_str(&format!(", with {}", times(self.told(), "page", "pages")));
        if healed > 0 {
            sentence.push_str(&format!(
                "; {} healed by itself before anybody was told",
                times(healed, "time it", "times it")
            ));
        }
        let (unknown, whole) = (self.unknown_seconds(), self.until - self.from);
        if fired == 0 && unknown >= whole {
            return "Nothing is known of that time, so it cannot be told whether it would have fired."
                .to_owned();
        }
        if unknown >= WORTH_TELLING {
            sentence.push_str(&format!("; of {} of the time it cannot be told", share(unknown, whole)));
        }
        sentence + "."
    }

    /// Before anything is known, and where what is kept is too coarse.
    fn unknown_seconds(&self) -> i64 {
        let coarse =
            self.doubts.iter().filter(|doubt| doubt.cannot_tell).map(|doubt| (doubt.from, doubt.until));
        // Of several series the first may have no points, and the rule stands by the others.
        let is_judged = self.instances.iter().any(|instance| instance.state.is_some());
        let known_from = self.known_from.or(is_judged.then_some(self.from));
        let before = (self.from, known_from.unwrap_or(self.until));
        let mut stretches: Vec<(i64, i64)> = coarse.chain([before]).collect();
        stretches.sort_unstable();
        let (mut unknown, mut end) = (0, self.from);
        for (from, until) in stretches {
            let (from, until) = (from.max(end), until.min(self.until));
            unknown += (until - from).max(0);
            end = end.max(until);
        }
        unknown
    }
}

/// Of a part that is neither nothing nor all.
fn share(part: i64, whole: i64) -> String {
    match 100.0 * part as f64 / whole.max(1) as f64 {
        percent if percent < 1.0 => "less than 1 %".to_owned(),
        percent if percent > 99.0 => "more than 99 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_no_quiet_time() {
        let check = |known_from: Option<i64>, doubts: &[(i64, i64)], wanted: &str| {
            let doubt = |&(from, until): &(i64, i64)| Doubt {
                from,
                until,
                step: 60,
                cannot_tell: true,
                reason: String::new(),
            };
            let doubts = doubts.iter().map(doubt).collect();
            let instances = vec![OfInstance::default()];
            let replayed = Replayed { until: 100_000, known_from, doubts, instances, ..Replayed::default() };
            assert_eq!(replayed.sentence(), wanted);
        };
        let but = |share: &str| {
            format!("It would not have fired, with no page; of {share} of the time it cannot be told.")
        };
        let nothing = "Nothing is known of that time, so it cannot be told whether it would have fired.";
        check(Some(10), &[], "It would not have fired, with no page.");
        check(Some(99_990), &[], &but("more than 99 %"));
        check(Some(10), &[(0, 300), (100, 500)], &but("less than 1 %"));
        check(Some(20_000), &[(10_000, 30_000), (90_000, 200_000)], &but("40 %"));
        check(None, &[], nothing);
        check(Some(50_000), &[(50_000, 100_000)], nothing);
    }
}
