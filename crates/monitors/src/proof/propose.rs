//! Which change is worth proposing: fewer pages, and every labelled outage is still told of by somebody.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::Kind;
use super::weigh::is_caught;
use super::{Label, MIN_PAGES, Sent};

/// The first change that takes away so much is taken, for it is the gentlest.
const ENOUGH: f64 = 0.8;
/// What takes away less is not worth anybody's review.
const WORTHWHILE: f64 = 0.3;

/// The pages of all rules, as they are with what has been chosen so far.
#[derive(Clone, Debug, Default)]
pub struct Board {
    pages: BTreeMap<String, Vec<Sent>>,
    labels: Vec<Known>,
}

/// An outage that somebody is told of.
#[derive(Clone, Debug)]
struct Known {
    label: Label,
    /// Who tells of it.
    rules: BTreeSet<String>,
}

/// One change, replayed.
#[derive(Clone, Debug)]
pub struct Tried<C> {
    pub change: C,
    pub kind: Kind,
    pub pages: Vec<Sent>,
}

impl Board {
    /// Of the labels only those count that somebody is told of now.
    pub fn new(pages: Vec<Sent>, labels: &[Label]) -> Board {
        let mut board = Board::default();
        for page in pages {
            board.pages.entry(page.rule.clone()).or_default().push(page);
        }
        for label in labels {
            let tell = board.pages.iter().filter(|(_, pages)| is_caught(label, pages.iter()));
            let rules: BTreeSet<String> = tell.map(|(rule, _)| rule.clone()).collect();
            if !rules.is_empty() {
                board.labels.push(Known { label: label.clone(), rules });
            }
        }
        board
    }

    pub fn of(&self, rule: &str) -> &[Sent] {
        self.pages.get(rule).map_or(&[], Vec::as_slice)
    }

    /// Most pages first.
    pub fn noisiest(&self) -> Vec<String> {
        let mut rules: Vec<(&String, usize)> = self
            .pages
            .iter()
            .map(|(rule, pages)| (rule, pages.len()))
            .filter(|(_, count)| *count >= MIN_PAGES)
            .collect();
        rules.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        rules.into_iter().map(|(rule, _)| rule.clone()).collect()
    }

    /// Outages that are known of, and those of them that are told of still if this rule has these pages.
    pub fn kept(&self, rule: &str, pages: &[Sent]) -> (usize, usize) {
        let others = |known: &Known| known.rules.iter().any(|name| name != rule);
        let kept = self.labels.iter().filter(|known| others(known) || is_caught(&known.label, pages.iter()));
        (self.labels.len(), kept.count())
    }

    fn keeps_all(&self, rule: &str, pages: &[Sent]) -> bool {
        let (before, after) = self.kept(rule, pages);
        before == after
    }

    pub fn set(&mut self, rule: &str, pages: Vec<Sent>) {
        for known in &mut self.labels {
            match is_caught(&known.label, pages.iter()) {
                true => known.rules.insert(rule.to_owned()),
                false => known.rules.remove(rule),
            };
        }
        self.pages.insert(rule.to_owned(), pages);
    }

    /// Share of the rule's pages that this takes away.
    fn gain(&self, rule: &str, pages: &[Sent]) -> f64 {
        let before = self.of(rule).len();
        if before == 0 { 0.0 } else { 1.0 - pages.len() as f64 / before as f64 }
    }

    /// Most of what it says is about outages that people know of: it is worth hearing, though others tell of them too.
    fn tells_of_outages(&self, rule: &str) -> bool {
        let is_known =
            |page: &&Sent| self.labels.iter().any(|known| is_caught(&known.label, [*page].into_iter()));
        let pages = self.of(rule);
        2 * pages.iter().filter(is_known).count() > pages.len()
    }

    /// Takes changes in their order until one is enough; `try_one` replays them one by one and none after that. The rule is
    /// silenced only if nothing else helps, and only where outages are known of which it could have told and mostly did not.
    pub fn choose<C>(&self, rule: &str, tried: impl Iterator<Item = Tried<C>>) -> Option<Tried<C>> {
        let mut best: Option<(f64, Tried<C>)> = None;
        for one in tried {
            let gain = self.gain(rule, &one.pages);
            let may = one.kind != Kind::Delete || (!self.labels.is_empty() && !self.tells_of_outages(rule));
            if !may || gain < WORTHWHILE || !self.keeps_all(rule, &one.pages) {
                continue;
            }
            if gain >= ENOUGH {
                return Some(one);
            }
            if best.as_ref().is_none_or(|(before, _)| gain > *before) {
                best = Some((gain, one));
            }
        }
        best.map(|(_, one)| one)
    }

    /// Outages that these pages do not tell of, and the present ones do.
    pub fn missed_by(&self, pages: &[Sent]) -> Vec<&Label> {
        let missed = self.labels.iter().filter(|known| !is_caught(&known.label, pages.iter()));
        missed.map(|known| &known.label).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(rule: &str, times: impl IntoIterator<Item = i64>) -> Vec<Sent> {
        times.into_iter().map(|at| Sent { at, rule: rule.into(), contact: "ana".into() }).collect()
    }

    fn tried(kind: Kind, pages: Vec<Sent>) -> Tried<Kind> {
        Tried { change: kind, kind, pages }
    }

    fn board(labels: &[(i64, i64)]) -> Board {
        let noisy = pages("noisy", (0..100).map(|number| number * 1_000));
        let labels: Vec<Label> =
            labels.iter().map(|(start, end)| Label { start: *start, end: *end, title: "x".into() }).collect();
        Board::new([noisy, pages("good", [50_100])].concat(), &labels)
    }

    #[test]
    fn the_gentlest_that_is_enough_is_chosen() {
        let board = board(&[(50_000, 50_200)]);
        assert_eq!(board.noisiest(), ["noisy"]);
        let few = |count: i64| pages("noisy", (0..count).map(|number| number * 1_000));
        let all = [tried(Kind::For, few(90)), tried(Kind::Threshold, few(15)), tried(Kind::Delete, few(0))];
        let chosen = board.choose("noisy", all.clone().into_iter()).unwrap();
        assert_eq!((chosen.kind, chosen.pages.len()), (Kind::Threshold, 15));
        let chosen = board.choose("noisy", [all[0].clone(), all[2].clone()].into_iter());
        assert_eq!(chosen.map(|one| one.kind), Some(Kind::Delete), "`good` tells of what is known");
        assert!(board.choose("noisy", all[..1].iter().cloned()).is_none(), "90 of 100 is not worth it");
    }

    #[test]
    fn no_labelled_outage_is_lost() {
        // Only the noisy one tells of the first.
        let board = board(&[(70_000, 70_500), (50_000, 50_200), (990_000, 990_001)]);
        let with = tried(Kind::For, pages("noisy", [70_400]));
        let chosen = board.choose("noisy", [tried(Kind::Delete, Vec::new()), with].into_iter()).unwrap();
        assert_eq!(chosen.kind, Kind::For);
        assert_eq!(board.missed_by(&pages("good", [50_100])).len(), 1, "what nobody was told of is not lost");
    }

    #[test]
    fn what_tells_of_outages_is_not_silenced_since_a_noisier_one_does_too() {
        let labels = [(50_000, 50_200), (60_000, 60_200), (70_000, 70_200)];
        let labels = labels.map(|(start, end)| Label { start, end, title: "x".into() });
        let good = pages("good", [50_100, 60_100, 70_100, 75_000, 80_000]);
        let noisy = pages("noisy", (0..100).map(|number| number * 1_000));
        let board = Board::new([noisy, good].concat(), &labels);
        let silent = || [tried(Kind::Delete, Vec::new())].into_iter();
        assert!(board.choose("good", silent()).is_none(), "three of five");
        assert!(board.choose("noisy", silent()).is_some());
    }

    #[test]
    fn nobody_is_silenced_where_no_outage_is_known() {
        let board = board(&[]);
        assert!(board.choose("noisy", [tried(Kind::Delete, Vec::new())].into_iter()).is_none());
    }
}
