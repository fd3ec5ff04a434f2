//! Order of releases and life of groups against models that anybody can check by reading.

use std::collections::BTreeMap;

use proptest::prelude::*;
use vocabulary::Timestamp;

use super::Story;
use crate::deeds::Deed;
use crate::life::News;
use crate::release::Releases;

const RELEASES: [&str; 8] = ["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0", "abc", "def", ""];
const KINDS: [&str; 3] = ["A", "B", "C"];

#[derive(Clone, Debug)]
enum Step {
    Event { kind: usize, release: usize },
    Resolve(usize),
    ResolveIn(usize, usize),
    ResolveInNext(usize),
    Reopen(usize),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = 0..KINDS.len();
    let named = 0..RELEASES.len() - 1;
    prop_oneof![
        8 => (kind.clone(), 0..RELEASES.len()).prop_map(|(kind, release)| Step::Event { kind, release }),
        1 => kind.clone().prop_map(Step::Resolve),
        1 => (kind.clone(), named).prop_map(|(kind, release)| Step::ResolveIn(kind, release)),
        1 => kind.clone().prop_map(Step::ResolveInNext),
        1 => kind.prop_map(Step::Reopen),
        1 => Just(Step::Restart),
    ]
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn groups_live_as_the_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let mut story = Story::new();
        let mut seen: Vec<usize> = Vec::new();
        let mut groups: BTreeMap<usize, (u64, Model, u64)> = BTreeMap::new();
        for step in steps {
            story.now += 1;
            let now = Timestamp(story.now);
            let deed = match step {
                Step::Event { kind, release } => {
                    let release = Some(release).filter(|release| !RELEASES[*release].is_empty());
                    seen.extend(release.filter(|release| !seen.contains(release)));
                    let sent = super::exception(KINDS[kind], release.map_or("", |release| RELEASES[release]));
                    let taken = story.event(&sent);
                    let expected = match groups.get_mut(&kind) {
                        None => {
                            groups.insert(kind, (taken.group, Model::Open, 1));
                            "new"
                        }
                        Some((group, life, count)) => {
                            prop_assert_eq!(taken.group, *group);
                            *count += 1;
                            if life.comes_back(&seen, release) {
                                *life = Model::Open;
                                "back"
                            } else {
                                ""
                            }
                        }
                    };
                    let told = match taken.news {
                        Some(News::New) => "new",
                        Some(News::Regressed { .. }) => "back",
                        Some(News::Unignored { .. }) => "unignored",
                        None => "",
                    };
                    prop_assert_eq!(told, expected);
                    continue;
                }
                Step::Restart => {
                    story.restart();
                    continue;
                }
                Step::Resolve(kind) => (kind, Deed::Resolve, Model::Now(newest(&seen))),
                Step::ResolveIn(kind, release) => {
                    (kind, Deed::ResolveIn { release: RELEASES[release].into() }, Model::In(release))
                }
                Step::ResolveInNext(kind) => (kind, Deed::ResolveInNext, Model::Next(newest(&seen))),
                Step::Reopen(kind) => (kind, Deed::Reopen, Model::Open),
            };
            let (kind, deed, becomes) = deed;
            if let Some((group, life, _)) = groups.get_mut(&kind) {
                story.tracker.act(*group, &deed, "ana", now).unwrap();
                *life = becomes;
            }
        }
        for (group, life, count) in groups.values() {
            let found = story.tracker.one(*group).unwrap().unwrap();
            prop_assert_eq!(found.count, *count);
            prop_assert_eq!(found.detail.life.word() == "unresolved", *life == Model::Open);
        }
    }

    #[test]
    fn no_release_is_later_than_itself_or_both_ways(
        seen in prop::collection::vec("[a-c]|[0-2]\\.[0-2]\\.[0-2](-rc\\.[0-9]{1,2})?|[pq]@[0-2]\\.[0-2]\\.0", 0..20),
        one in "[a-d]|[0-2]\\.[0-2]\\.[0-2]",
        other in "[a-d]|[0-2]\\.[0-2]\\.[0-2]",
    ) {
        let mut releases = Releases::default();
        for (at, version) in seen.iter().enumerate() {
            releases.note(version, Timestamp(at as i64));
        }
        prop_assert!(!releases.is_later(&one, &one));
        prop_assert!(!(releases.is_later(&one, &other) && releases.is_later(&other, &one)));
        if seen.contains(&one) && seen.contains(&other) && one != other {
            prop_assert!(releases.is_later(&one, &other) || releases.is_later(&other, &one), "one of two is later");
        }
        prop_assert_eq!(releases.newest().is_some(), !seen.is_empty());
    }
}
