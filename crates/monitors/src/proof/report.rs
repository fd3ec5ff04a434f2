//! All of it together: read [`prove`] from top to bottom.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::Serialize;
use vocabulary::time::HumanDuration;

use super::as_sent::AsSent;
use super::changes::Kind;
use super::ground::{self, Ground, Outcome, metric_monitors, monitor_rule};
use super::propose::Board;
use super::search::{Chosen, New, confirm, propose};
use super::weigh::{self, Judged, Nights, SAME_SECONDS, Verdict, Weight};
use super::{EARLIEST_SECONDS, Label, Sent, shown};
use crate::config::Definitions;
use crate::made::Origins;
use crate::replay::{Doubt, checks};

const MAX_DOUBTS: usize = 200;
/// Lives where the server is.
const NOBODY: &str = "";

pub struct Question<'q> {
    pub definitions: &'q Definitions,
    pub origins: &'q Origins,
    pub labels: Vec<Label>,
    pub nights: &'q dyn Nights,
    /// Words of all incidents.
    pub sent: Vec<Sent>,
    /// Judged by people, by rule: useful, useless.
    pub judged: BTreeMap<String, (u64, u64)>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Proof {
    pub from: i64,
    pub until: i64,
    /// The first moment that anything is known of.
    pub known_from: Option<i64>,
    /// Too little is known for proposals before this moment.
    pub first_report_at: Option<i64>,
    /// One line of plain words.
    pub sentence: String,
    pub sent: Weight,
    /// By the rules as they are; those in shadow too, as if they could.
    pub would: Weight,
    /// … of these.
    pub of_shadow: u64,
    /// With all proposals taken.
    pub proposed: Weight,
    /// Nights in all, where the server is.
    pub nights: u64,
    /// Nights in which each of those whom any of the three reach was not woken.
    pub slept: BTreeMap<String, Slept>,
    pub labels: Vec<Judged>,
    /// The noisiest first.
    pub rules: Vec<OfRule>,
    pub proposals: Vec<Proposal>,
    pub doubts: Vec<RuleDoubt>,
    /// It was ended before all proposals were tried.
    pub unfinished: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Slept {
    pub sent: u64,
    pub would: u64,
    pub proposed: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OfRule {
    pub rule: String,
    pub shadow: bool,
    pub sent: u64,
    pub would: u64,
    pub at_night: u64,
    pub useful: u64,
    pub useless: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    pub rule: String,
    pub kind: Kind,
    pub what: String,
    pub pages_before: u64,
    pub pages_after: u64,
    pub at_night_before: u64,
    pub at_night_after: u64,
    /// Labelled outages that somebody is told of, before and after, with this change alone.
    pub caught_before: u64,
    pub caught_after: u64,
    /// Where the rule is written now; with the change in place that is taken out.
    pub replaces: Option<String>,
    /// What to review, for a file in `conf.d`.
    pub toml: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleDoubt {
    pub rule: String,
    #[serde(flatten)]
    pub doubt: Doubt,
}

/// `go_on` is asked between replays, with the share that is done.
pub fn prove(
    question: &Question<'_>,
    ground: &Ground<'_>,
    go_on: &(dyn Fn(f64) -> bool + Sync),
) -> Result<Proof, String> {
    let all = question.definitions;
    let (mut base, failed) = baseline(all, ground, go_on)?;
    let mut sent = really_sent(question, &base.sent);
    base.as_sent = AsSent::of(all, &failed, &sent);
    base.would.retain(|page| !base.as_sent.holds(&page.rule));
    let board = Board::new([&*base.would, &*base.as_sent.pages].concat(), &question.labels);
    let mut proof = Proof { from: ground.past.from.0, until: ground.past.until.0, ..Proof::default() };
    // Of what was sent all is known.
    let sent_only = (!base.as_sent.pages.is_empty()).then_some(proof.from);
    proof.known_from = base.known_from.or(sent_only);
    proof.first_report_at = too_early(base.known_from, ground.past.until.0);
    let (mut chosen, whole) = match proof.first_report_at {
        Some(_) => (Vec::new(), true),
        None => propose(all, ground, board.clone(), &base, go_on),
    };
    let (mut after, confirmed) = confirm(all, ground, &board, &mut chosen, &base, go_on)?;
    proof.unfinished = !(whole && confirmed);
    proof.proposals = chosen.iter().map(|one| proposal(one, question, &board)).collect();
    base.would.extend(base.as_sent.pages.iter().cloned());
    let known = (proof.known_from.unwrap_or(proof.until).max(proof.from), proof.until);
    let judge = |label| weigh::judge(label, known.0, &sent, &base.would, &after);
    proof.labels = question.labels.iter().map(judge).collect();
    // What was sent while nothing is known of is no measure for rules that nobody can try there.
    for pages in [&mut sent, &mut base.would, &mut after] {
        pages.retain(|page| page.at >= known.0);
    }
    proof.sent = weigh::weigh(sent.iter(), question.nights);
    proof.would = weigh::weigh(base.would.iter(), question.nights);
    proof.proposed = weigh::weigh(after.iter(), question.nights);
    proof.nights = question.nights.count(NOBODY, known.0, known.1);
    proof.slept = slept(&proof, question.nights, known);
    proof.rules = rules(question, &sent, &base.would);
    proof.of_shadow = proof.rules.iter().filter(|rule| rule.shadow).map(|rule| rule.would).sum();
    let as_sent = base.as_sent.pages.iter().filter(|page| page.at >= known.0).count();
    proof.doubts = doubts(base);
    proof.sentence = sentence(&proof, as_sent);
    Ok(proof)
}

/// What checks and hosts with contacts told by their own rules (`own`), and the words of incidents. Those have a word of
/// each such notice too, which is the same page.
fn really_sent(question: &Question<'_>, own: &[Sent]) -> Vec<Sent> {
    let by_themselves = ground::telling_themselves(question.definitions);
    let mut told: HashMap<&str, Vec<i64>> = HashMap::new();
    for page in own {
        told.entry(&page.contact).or_default().push(page.at);
    }
    told.values_mut().for_each(|times| times.sort_unstable());
    let is_own = |word: &&Sent| {
        let times = told.get(word.contact.as_str()).map_or(&[][..], Vec::as_slice);
        by_themselves.contains(&word.rule) && weigh::is_near(times, word.at)
    };
    own.iter().chain(question.sent.iter().filter(|word| !is_own(word))).cloned().collect()
}

/// Only those whose sleep is known of: from the first moment that anything is.
fn slept(proof: &Proof, nights: &dyn Nights, (from, until): (i64, i64)) -> BTreeMap<String, Slept> {
    let all = [&proof.sent, &proof.would, &proof.proposed];
    let names = all.iter().flat_map(|weight| weight.contacts.keys()).filter(|name| !name.is_empty());
    let of = |name: &String| {
        let theirs = nights.count(name, from, until);
        let woken = |weight: &Weight| weight.contacts.get(name).map_or(0, |of| of.nights_woken);
        let [sent, would, proposed] = all.map(|weight| theirs.saturating_sub(woken(weight)));
        (name.clone(), Slept { sent, would, proposed })
    };
    names.map(of).collect()
}

fn too_early(known_from: Option<i64>, until: i64) -> Option<i64> {
    let ready = known_from.unwrap_or(until) + EARLIEST_SECONDS;
    (ready > until).then_some(ready)
}

/// What the rules come to, and those that could not be replayed.
fn baseline(
    all: &Definitions,
    ground: &Ground<'_>,
    go_on: &(dyn Fn(f64) -> bool + Sync),
) -> Result<(Outcome, BTreeSet<String>), String> {
    let mut failed = BTreeSet::new();
    let mut base = ground.objects(all, &ground::objects_of(all))?;
    let count = metric_monitors(all).count().max(1);
    for (number, rule) in metric_monitors(all).enumerate() {
        if !go_on(0.1 + 0.4 * number as f64 / count as f64) {
            return Err(checks::ENDED.into());
        }
        match ground.monitor(rule, all) {
            Ok(outcome) => base.add(outcome),
            Err(why) => {
                base.untried.push((monitor_rule(&rule.name), why));
                failed.insert(monitor_rule(&rule.name));
            }
        }
    }
    Ok((base, failed))
}

impl Outcome {
    fn add(&mut self, other: Outcome) {
        self.would.extend(other.would);
        self.sent.extend(other.sent);
        self.doubts.extend(other.doubts);
        self.untried.extend(other.untried);
        self.known_from = self.known_from.into_iter().chain(other.known_from).min();
    }
}

fn proposal(chosen: &Chosen, question: &Question<'_>, board: &Board) -> Proposal {
    let (before, after) = (
        weigh::weigh(chosen.before.iter(), question.nights),
        weigh::weigh(chosen.after.iter(), question.nights),
    );
    let (caught_before, caught_after) = board.kept(&chosen.rule, &chosen.after);
    let (replaces, toml) = written(chosen, question.origins);
    Proposal {
        rule: chosen.rule.clone(),
        kind: chosen.kind,
        what: chosen.what.clone(),
        pages_before: before.pages,
        pages_after: after.pages,
        at_night_before: before.at_night,
        at_night_after: after.at_night,
        caught_before: caught_before as u64,
        caught_after: caught_after as u64,
        replaces,
        toml,
    }
}

/// A file for `conf.d`, with words that say what it is.
fn written(chosen: &Chosen, origins: &Origins) -> (Option<String>, String) {
    let (table, name, all) = match &chosen.new {
        New::Monitor(one) => (
            "monitor",
            one.name.clone(),
            Definitions { monitors: vec![(**one).clone()], ..Definitions::default() },
        ),
        New::Check(one) => (
            "check",
            one.name.clone(),
            Definitions { checks: vec![(**one).clone()], ..Definitions::default() },
        ),
        New::Host(one) => {
            ("host", one.name.clone(), Definitions { hosts: vec![(**one).clone()], ..Definitions::default() })
        }
        New::Dependency(one) => (
            "dependency",
            String::new(),
            Definitions { dependencies: vec![one.clone()], ..Definitions::default() },
        ),
    };
    let replaces = origins.get(&(table, name)).cloned();
    let mut words = format!(
        "# {}: {}\n# {} pages before, {} after, by replay.\n",
        chosen.rule,
        chosen.what,
        chosen.before.len(),
        chosen.after.len()
    );
    match &replaces {
        Some(place) => {
            words.push_str(&format!("# Stands in the place of what is at {place}: take that out.\n"))
        }
        None if table != "dependency" => {
            words.push_str("# It was made in the UI: change it there, or take it out there first.\n")
        }
        None => {}
    }
    (replaces, shown::file(&words, all))
}

fn rules(question: &Question<'_>, sent: &[Sent], would: &[Sent]) -> Vec<OfRule> {
    let mut rules: BTreeMap<&str, OfRule> = BTreeMap::new();
    for page in sent {
        rules.entry(&page.rule).or_default().sent += 1;
    }
    for page in would {
        let of = rules.entry(&page.rule).or_default();
        of.would += 1;
        of.at_night += u64::from(question.nights.of(&page.contact, page.at).is_some());
    }
    let all = question.definitions;
    let monitors = metric_monitors(all).filter(|one| one.shadow).map(|one| monitor_rule(&one.name));
    let checks = all.checks.iter().filter(|one| one.shadow).map(|one| format!("check:{}", one.name));
    let in_shadow: HashSet<String> = monitors.chain(checks).collect();
    let mut rules: Vec<OfRule> = rules
        .into_iter()
        .map(|(rule, of)| {
            let (useful, useless) = question.judged.get(rule).copied().unwrap_or_default();
            OfRule { rule: rule.to_owned(), shadow: in_shadow.contains(rule), useful, useless, ..of }
        })
        .collect();
    rules.sort_by(|a, b| (b.would, b.sent, &a.rule).cmp(&(a.would, a.sent, &b.rule)));
    rules
}

fn doubts(base: Outcome) -> Vec<RuleDoubt> {
    let untried = base.untried.into_iter().chain(base.as_sent.doubts()).map(|(rule, reason)| RuleDoubt {
        rule,
        doubt: Doubt { from: 0, until: 0, step: 0, cannot_tell: true, reason },
    });
    let all = base.doubts.into_iter().map(|(rule, doubt)| RuleDoubt { rule, doubt });
    untried.chain(all).take(MAX_DOUBTS).collect()
}

/// `as_sent`: pages that no rule can be tried on.
fn sentence(proof: &Proof, as_sent: usize) -> String {
    let count = |wanted: Verdict| proof.labels.iter().filter(|label| label.verdict == wanted).count();
    let pages = |count: u64| if count == 1 { "1 page".to_owned() } else { format!("{count} pages") };
    let mut text = format!(
        "{} sent; these rules would have sent {} ({} at night).",
        pages(proof.sent.pages),
        pages(proof.would.pages),
        proof.would.at_night
    );
    if as_sent > 0 {
        let them = pages(as_sent as u64);
        text.push_str(&format!(" {them} of what cannot be replayed count on both sides as they were sent."));
    }
    if !proof.labels.is_empty() {
        text.push_str(&format!(
            " Of {} known outages {} told of earlier, {} later, {} missed, {} for the first time.",
            proof.labels.len(),
            count(Verdict::Earlier),
            count(Verdict::Later),
            count(Verdict::Missed),
            count(Verdict::New)
        ));
    }
    match count(Verdict::Unknown) {
        0 => {}
        unknown => text.push_str(&format!(" {unknown} began before anything is known of.")),
    }
    match (proof.first_report_at, proof.proposals.len()) {
        (Some(_), _) => text.push_str(" Too little is known yet: proposals come when there are seven days."),
        (None, 0) => text.push_str(" No change is proposed."),
        (None, proposals) => {
            let share = 100.0 * (1.0 - proof.proposed.pages as f64 / proof.would.pages.max(1) as f64);
            text.push_str(&format!(
                " {proposals} proposed changes leave {} ({share:.0} % fewer), and no known outage is missed by them{}.",
                pages(proof.proposed.pages),
                told_later(&proof.labels)
            ));
        }
    }
    text
}

/// What a longer `for` costs: outages of which people hear later by the proposals than by the rules as they are.
fn told_later(labels: &[Judged]) -> String {
    let later = labels.iter().filter_map(|label| label.with_proposals?.checked_sub(label.would?));
    let later: Vec<i64> = later.filter(|seconds| *seconds > SAME_SECONDS).collect();
    match later.iter().max() {
        None => String::new(),
        Some(most) => {
            let most = HumanDuration::from_secs(most.unsigned_abs());
            format!(", but {} would be told later, by up to {most}", later.len())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_would_hear_later_is_said() {
        let judged = |would, with_proposals| Judged {
            label: Label { start: 0, end: 9_000, title: "down".into() },
            sent: None,
            would,
            verdict: Verdict::Same,
            with_proposals,
        };
        let same = [judged(Some(100), Some(160)), judged(None, Some(9)), judged(Some(9), None)];
        assert_eq!(told_later(&same), "");
        let later =
            [same.to_vec(), vec![judged(Some(100), Some(700)), judged(Some(100), Some(220))]].concat();
        assert_eq!(told_later(&later), ", but 2 would be told later, by up to 10min");
    }
}
