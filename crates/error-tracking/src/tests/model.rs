//! Order of releases and life of groups against models that anybody can check by reading.

use std::collections::BTreeMap;

use vocabulary::Timestamp;

use super::Story;
use crate::deeds::Deed;
use crate::life::News;
use crate::release::Releases;

const RELEASES: [&str; 8] = ["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0", "abc", "def", ""];
const KINDS: [&str; 3] = ["A", "B", "C"];

/// A seed makes one story, which is told when it fails.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

#[derive(Clone, Debug)]
enum Step {
    Event { kind: usize, release: usize },
    Resolve(usize),
    ResolveIn(usize, usize),
    ResolveInNext(usize),
    Reopen(usize),
    Restart,
}

fn step(dice: &mut Dice) -> Step {
    let kind = dice.below(KINDS.len());
    match dice.below(13) {
        0 => Step::Resolve(kind),
        1 => Step::ResolveIn(kind, dice.below(RELEASES.len() - 1)),
        2 => Step::ResolveInNext(kind),
        3 => Step::Reopen(kind),
        4 => Step::Restart,
        _ => Step::Event { kind, release: dice.below(RELEASES.len()) },
    }
}

/// The first five are versions and in their order; the others are known by when they came.
fn is_later(seen: &[usize], one: usize, than: usize) -> bool {
    if one < 5 && than < 5 {
        return one > than;
    }
    let place = |release: usize| seen.iter().position(|known| *known == release).unwrap_or(usize::MAX);
    place(one) > place(than)
}

fn newest(seen: &[usize]) -> Option<usize> {
    seen.iter().copied().reduce(|newest, one| if is_later(seen, one, newest) { one } else { newest })
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Model {
    Open,
    Now(Option<usize>),
    In(usize),
    Next(Option<usize>),
}

impl Model {
    fn comes_back(self, seen: &[usize], release: Option<usize>) -> bool {
        match (self, release) {
            (Model::Open, _) => false,
            (Model::Now(Some(newest)), Some(release)) => !is_later(seen, newest, release),
            (Model::Now(_), _) => true,
            (Model::In(fixed), Some(release)) => release == fixed || is_later(seen, release, fixed),
            (Model::Next(Some(after)), Some(release)) => is_later(seen, release, after),
            (Model::Next(None), Some(_)) => true,
            (Model::In(_) | Model::Next(_), None) => false,
        }
    }
}

#[test]
fn groups_live_as_the_model_says() {
    for seed in 0..48 {
        let mut dice = Dice(seed);
        let steps: Vec<Step> = (0..40).map(|_| step(&mut dice)).collect();
        let mut world = World::new();
        for (at, one) in steps.iter().enumerate() {
            world.story.now += 1;
            world.does(one).unwrap_or_else(|why| panic!("seed {seed}: {why} at {at} of {steps:?}"));
        }
        for (group, life, count) in world.groups.values() {
            let found = world.story.tracker.one(*group).unwrap().unwrap();
            assert_eq!(found.count, *count, "seed {seed}");
            assert_eq!(found.detail.life.word() == "unresolved", *life == Model::Open, "seed {seed}");
        }
    }
}

struct World {
    story: Story,
    /// Releases in the order in which they came.
    seen: Vec<usize>,
    groups: BTreeMap<usize, (u64, Model, u64)>,
}

impl World {
    fn new() -> World {
        World { story: Story::new(), seen: Vec::new(), groups: BTreeMap::new() }
    }

    fn does(&mut self, step: &Step) -> Result<(), String> {
        let newest = newest(&self.seen);
        let (kind, deed, becomes) = match *step {
            Step::Event { kind, release } => return self.event(kind, release),
            Step::Restart => {
                self.story.restart();
                return Ok(());
            }
            Step::Resolve(kind) => (kind, Deed::Resolve, Model::Now(newest)),
            Step::ResolveIn(kind, release) => {
                (kind, Deed::ResolveIn { release: RELEASES[release].into() }, Model::In(release))
            }
            Step::ResolveInNext(kind) => (kind, Deed::ResolveInNext, Model::Next(newest)),
            Step::Reopen(kind) => (kind, Deed::Reopen, Model::Open),
        };
        if let Some((group, life, _)) = self.groups.get_mut(&kind) {
            let now = Timestamp(self.story.now);
            self.story.tracker.act(*group, &deed, "ana", now).map_err(|refusal| refusal.to_string())?;
            *life = becomes;
        }
        Ok(())
    }

    fn event(&mut self, kind: usize, release: usize) -> Result<(), String> {
        let release = Some(release).filter(|release| !RELEASES[*release].is_empty());
        let is_first = release.is_some_and(|release| !self.seen.contains(&release));
        self.seen.extend(release.filter(|_| is_first));
        let sent = super::exception(KINDS[kind], release.map_or("", |release| RELEASES[release]));
        let taken = self.story.event(&sent);
        let (group, life, count) = self.groups.entry(kind).or_insert((taken.group, Model::Open, 0));
        let expected = match *count {
            0 => "new",
            _ if life.comes_back(&self.seen, release) => "back",
            _ => "",
        };
        let told = match taken.news {
            Some(News::New) => "new",
            Some(News::Regressed { .. }) => "back",
            Some(News::Unignored { .. }) => "unignored",
            None => "",
        };
        *count += 1;
        if expected == "back" {
            *life = Model::Open;
        }
        match told == expected && taken.group == *group {
            true => Ok(()),
            false => Err(format!("`{told}` of group {}, not `{expected}` of {group}", taken.group)),
        }
    }
}

#[test]
fn no_release_is_later_than_itself_or_both_ways() {
    let mut dice = Dice(7);
    for _ in 0..5_000 {
        let version = |dice: &mut Dice| match dice.below(4) {
            0 => ["a", "b", "c", "d"][dice.below(4)].to_owned(),
            1 => format!("{}.{}.{}", dice.below(3), dice.below(3), dice.below(3)),
            2 => format!("{}.{}.0-rc.{}", dice.below(2), dice.below(2), dice.below(12)),
            _ => format!("{}@{}.{}.0", ["p", "q"][dice.below(2)], dice.below(3), dice.below(3)),
        };
        let mut releases = Releases::default();
        let seen: Vec<String> = (0..dice.below(12)).map(|_| version(&mut dice)).collect();
        for (at, version) in seen.iter().enumerate() {
            releases.note(version, Timestamp(at as i64));
        }
        let (one, other) = (version(&mut dice), version(&mut dice));
        let (before, after) = (releases.is_later(&other, &one), releases.is_later(&one, &other));
        assert!(!(releases.is_later(&one, &one) || (before && after)), "{one} {other} of {seen:?}");
        let are_known = seen.contains(&one) && seen.contains(&other) && one != other;
        assert!(!are_known || before || after, "one of two is later: {one} {other} of {seen:?}");
        assert_eq!(releases.newest().is_some(), !seen.is_empty());
    }
}
