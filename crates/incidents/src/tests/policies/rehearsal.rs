//! Who would be woken is who is woken then, to the second: what is said before against what then happens.

use vocabulary::reach::{ReachRule, ReachStep, Severity};
use vocabulary::time::HumanDuration;

use super::*;
use crate::oncall::rehearsal::{Call, Held};
use crate::oncall::{Past, Rehearsal};

const WATCHED_SECONDS: i64 = 900;

impl Story {
    fn rehearses(&self, name: &str, state: State, at: i64) -> Rehearsal {
        let (key, at) = (key(name), Timestamp(at));
        self.incidents.stage_for(&key, at).unwrap().play(&key, state, at, &[])
    }

    /// CRITICAL from then on, for so long; after so many others.
    fn would_call(&self, name: &str, at: i64, lasts: i64, before: u64) -> Option<Vec<(i64, String)>> {
        let (at, until) = (Timestamp(at), Timestamp(at + lasts));
        let past = Past { key: key(name), state: State::Critical, at, until, before };
        let calls = self.incidents.scene().called(&past)?;
        Some(calls.made.into_iter().map(|(at, name)| (at.0, name.to_string())).collect())
    }
}

#[test]
fn whom_a_policy_would_have_called_then_is_known_of_any_moment() {
    let mut story = Story::of_policy(policy(&[step(&["schedule:s"], "5m"), step(&["cyd"], "5m")]));
    let called = |story: &Story, name: &str, at: i64| {
        let calls = story.would_call(name, at, 60, 0);
        calls.map(|all| all.into_iter().map(|(_, name)| name).collect::<Vec<_>>())
    };
    let wanted = |name: &str| Some(vec![name.to_owned()]);
    assert_eq!(called(&story, "paged", story.now), wanted("ana"));
    assert_eq!(called(&story, "paged", story.now + 9 * 3_600), wanted("ben"));
    assert_eq!(called(&story, "paged", 3 * 86_400 + 36_000), wanted("cyd"), "nobody on call on Sundays");
    assert_eq!(called(&story, "latency", story.now), wanted("ops"), "without a policy its contacts");
    assert_eq!(called(&story, "web/http", story.now), None, "its own rules tell");
    let paged = (false, "paged".into());
    story.incidents.book.subjects.get_mut(&paged).unwrap().shadow = true;
    assert_eq!(called(&story, "paged", story.now), wanted("ana"), "as if it were not in shadow");
    story.incidents.book.subjects.get_mut(&paged).unwrap().contacts = vec!["ops".into()];
    assert_eq!(
        called(&story, "paged", story.now),
        Some(vec!["ana".to_owned(), "ops".to_owned()]),
        "both act"
    );
}

#[test]
fn later_steps_are_called_until_somebody_has_it() {
    let mut turns = step(&["ana", "ben"], "5m");
    turns.round_robin = true;
    let story = Story::of_policy(policy(&[turns, step(&["cyd"], "10m")]));
    let start = story.now;
    let called = |lasts: i64, before: u64| {
        let calls = story.would_call("paged", start, lasts, before).unwrap();
        calls.into_iter().map(|(at, name)| format!("{name} after {}", at - start)).collect::<Vec<_>>()
    };
    assert_eq!(called(300, 0), ["ana after 0"]);
    assert_eq!(called(301, 0), ["ana after 0", "cyd after 300"]);
    assert_eq!(called(60, 1), ["ben after 0"], "it goes round");
    assert_eq!(called(60, 2), ["ana after 0"]);
    // Nobody of the policy has answered: it comes to its end, and to those of `[incidents]`.
    assert_eq!(called(901, 0), ["ana after 0", "cyd after 300", "default after 900"]);
    assert_eq!(called(60, 0), called(60, 0), "asking changes nothing");
}

/// The scene is as things were when it was made, and asking it changes nothing.
#[test]
fn many_are_asked_of_one_scene() {
    let mut turns = step(&["ana", "ben"], "5m");
    turns.round_robin = true;
    let mut story = Story::of_policy(policy(&[turns]));
    let scene = story.incidents.scene();
    let (at, until) = (Timestamp(story.now), Timestamp(story.now + 60));
    let called = |before: u64| {
        let past = Past { key: key("paged"), state: State::Critical, at, until, before };
        scene.called(&past).unwrap().made.into_iter().map(|(_, name)| name.to_string()).collect::<Vec<_>>()
    };
    story.incidents.book.subjects.clear();
    assert_eq!([called(0), called(0), called(1), called(0)].concat(), ["ana", "ana", "ben", "ana"]);
    let unknown = Past { key: key("nothing"), state: State::Critical, at, until, before: 0 };
    assert!(scene.called(&unknown).is_none());
}

/// Twice a minute, until a day has gone by and a person's own rule ends.
#[test]
fn whoever_is_called_again_and_again_is_called_to_the_end() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    let book = &mut story.incidents.book;
    book.contacts.insert("ana".into(), contact(&["hook"]));
    let steps = vec![ReachStep { after: HumanDuration::from_secs(0), channel: "hook".into() }];
    let repeat_every = Some(HumanDuration::from_secs(30));
    book.contacts.get_mut("ana").unwrap().rules =
        vec![ReachRule { severity: Severity::Any, steps, repeat_every }];
    let (start, month) = (story.now, 30 * 86_400);
    let calls = story.would_call("paged", start, month, 0).unwrap();
    let of_ana: Vec<i64> = calls.iter().filter(|(_, name)| name == "ana").map(|(at, _)| *at).collect();
    assert!((2_880..=2_882).contains(&of_ana.len()), "{}", of_ana.len());
    assert!(of_ana.last().is_some_and(|last| (86_340..=86_460).contains(&(last - start))), "{of_ana:?}");

    let (key, at) = (key("paged"), Timestamp(start));
    let past = |lasts: i64| {
        let until = Timestamp(start + lasts);
        Past { key: key.clone(), state: State::Critical, at, until, before: 0 }
    };
    let at_most = |lasts: i64, most: usize| {
        let calls = story.incidents.stage_for(&key, at).unwrap().called(&past(lasts), most).unwrap();
        (calls.made.len(), calls.goes_on)
    };
    assert_eq!(at_most(91, 10), (4, false), "at once, and three times again");
    assert_eq!(at_most(91, 3), (4, false));
    assert_eq!(at_most(91, 2), (3, true), "and it is said that there would be more");
}

#[test]
fn who_would_have_slept_until_the_morning_is_called_then_if_it_is_still_bad() {
    let mut story = Story::of_policy(policy(&[step(&["cyd"], "5m")]));
    let config = &mut story.incidents.book.config;
    (config.night, config.page_warnings) = ("22:00-07:00".into(), true);
    // Two at night on Tuesday; a WARNING waits for seven.
    let at = 5 * 86_400 + 2 * 3_600;
    let key = key("paged");
    let called = |until: i64| {
        let past = Past {
            key: key.clone(),
            state: State::Warning,
            at: Timestamp(at),
            until: Timestamp(until),
            before: 0,
        };
        story.incidents.scene().called(&past).unwrap().made
    };
    assert!(called(at + 3_600).is_empty());
    let morning = 5 * 86_400 + 7 * 3_600;
    let calls = called(morning + 60);
    assert_eq!(calls, [(Timestamp(morning), Arc::<str>::from("cyd"))]);
}

fn some_policy(random: &mut Random) -> PolicyConfig {
    let targets = ["ana", "ben", "cyd", "zoe", "team:t", "schedule:s", "channel:chat"];
    let mut steps = vec![step(&["ana", "cyd"], &format!("{}s", 1 + random.below(90)))];
    for _ in 0..random.below(4) {
        let named: Vec<&str> = targets.into_iter().filter(|_| random.below(3) == 0).collect();
        let named = if named.is_empty() { vec!["schedule:s"] } else { named };
        let mut step = step(&named, &format!("{}s", 1 + random.below(90)));
        step.round_robin = random.below(3) == 0;
        step.if_time = (random.below(6) == 0).then(|| "never".into());
        step.only_if = (random.below(4) == 0).then(|| format!("> {} in 10m", random.below(4)));
        let place = usize::try_from(random.below(1 + steps.len() as i64)).unwrap();
        steps.insert(place, step);
    }
    PolicyConfig { repeat: random.below(3) as u32, ..policy(&steps) }
}

fn some_rule(random: &mut Random) -> ReachRule {
    let duration = |seconds: i64| HumanDuration::from_secs(seconds.unsigned_abs());
    let step = |after, channel: &str| ReachStep { after: duration(after), channel: channel.into() };
    let steps = vec![step(0, "hook"), step(1 + random.below(120), "mail")];
    let repeat_every = (random.below(2) == 0).then(|| duration(30 + random.below(100)));
    ReachRule { severity: Severity::Any, steps, repeat_every }
}

/// Other incidents came and went: whose turn it is, and how many there were, is not as at first.
fn some_past(random: &mut Random, story: &mut Story) {
    for _ in 0..random.below(5) {
        for to in [State::Critical, State::Ok] {
            story.now += 1 + random.below(200);
            story.incidents.apply(&change("paged2", to, None, story.now), Timestamp(story.now));
            story.incidents.tick(&story.sky, Timestamp(story.now));
        }
    }
}

/// The pages of each second, of those seconds that have any.
fn really(random: &mut Random, story: &mut Story, state: State) -> Vec<(i64, Vec<Call>)> {
    let mut all = Vec::new();
    let start = story.now;
    while story.now < start + WATCHED_SECONDS {
        let now = Timestamp(story.now);
        let mut pages = Vec::new();
        if story.now == start {
            pages.extend(story.incidents.apply(&change("paged", state, None, start), now));
        }
        pages.extend(story.incidents.tick(&story.sky, now));
        let call = |page: Page| Call { contact: page.contact, channel: page.channel, kind: page.kind };
        // Of those before somebody may still hear of the end.
        pages.retain(|page| page.kind.is_problem());
        if !pages.is_empty() {
            all.push((story.now, pages.into_iter().map(call).collect()));
        }
        if random.below(200) == 0 {
            story.killed();
        }
        story.now += 1;
    }
    all
}

fn one_comparison(seed: u64, mut story: Story) -> Story {
    let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
    story.begins_anew(some_policy(&mut random));
    let book = &mut story.incidents.book;
    book.contacts.insert("ana".into(), contact(&["mail", "hook"]));
    if random.below(2) == 0 {
        let ana = book.contacts.get_mut("ana").unwrap();
        ana.rules = vec![some_rule(&mut random)];
    }
    if random.below(2) == 0 {
        (book.config.night, book.config.page_warnings) = ("22:00-07:00".into(), true);
    }
    // Five minutes on, five minutes off.
    book.periods = Some(Arc::new(|name, _, now| name != "cyd" || now.0 % 600 >= 300));
    if random.below(2) == 0 {
        let paged = book.subjects.get_mut(&(false, "paged".into())).unwrap();
        paged.contacts = vec!["cyd".into(), "ops".into()];
    }
    some_past(&mut random, &mut story);
    // Any time of a week, some of it on a Sunday, when nobody is on call.
    story.now += random.below(7 * 86_400);
    let state = if random.below(8) == 0 { State::Warning } else { State::Critical };
    let at = story.now + random.below(3_600);
    let said = story.rehearses("paged", state, at);
    assert_eq!(said, story.rehearses("paged", state, at), "seed {seed}: asking changes nothing");
    story.now = at;
    let happened = really(&mut random, &mut story, state);
    let expected = said.moments.into_iter().filter(|moment| !moment.calls.is_empty());
    let expected = expected.map(|moment| (moment.at.0, moment.calls));
    let expected: Vec<_> = expected.take_while(|(second, _)| *second < at + WATCHED_SECONDS).collect();
    assert_eq!(expected, happened, "seed {seed}");
    let quiet = !story.incidents.book.config.page_warnings;
    assert!(happened.is_empty() || state != State::Warning || !quiet, "seed {seed}");
    assert!(!happened.is_empty() || state == State::Warning, "seed {seed}");
    story
}

#[test]
fn c110_who_would_be_woken_is_who_then_is() {
    let mut story = Story::new();
    for seed in 1..=100 {
        story = one_comparison(seed, story);
    }
}

#[test]
fn why_nobody_is_woken_is_told() {
    let mut story = Story::of_policy(policy(&[step(&["zoe"], "5m"), step(&["ana"], "10m")]));
    let said = |story: &Story, name: &str, state| {
        let first = &story.rehearses(name, state, 1_000).moments[0];
        (first.calls.len(), first.said.join("\n"))
    };
    let lines = "step 1 of `p`: nobody is reached by `zoe`\nstep 1 of `p` reaches nobody: the next step runs at once\nstep 2 of `p`: ana";
    assert_eq!(said(&story, "paged", State::Critical), (1, lines.into()));
    assert_eq!(story.rehearses("paged", State::Critical, 1_000).policy.as_deref(), Some("p"));
    let low = "WARNING pages nobody: [incidents] page_warnings is off";
    assert_eq!(said(&story, "paged", State::Warning), (0, low.into()));
    let shadow = "it is in shadow: no incident opens";
    assert_eq!(said(&story, "shadow", State::Critical), (0, shadow.into()));
    // A check's own rules tell its contacts.
    let of_check = story.rehearses("web/http", State::Critical, 1_000);
    assert_eq!(of_check.by_own_rules, [Arc::from("ops")]);
    assert!(of_check.moments[0].calls.is_empty() && of_check.policy.is_none());
    assert!(story.incidents.stage_for(&key("nothing"), Timestamp(0)).is_none());
    // What goes on for longer than is told.
    story.goes_by(PolicyConfig { repeat: 100, ..policy(&[step(&["ana"], "1s")]) });
    let long = story.rehearses("paged", State::Critical, 1_000);
    assert_eq!((long.moments.len(), long.goes_on), (102, false), "101 rounds, and those of last resort");
    story.goes_by(policy(&[step(&["ana"], "24h"), step(&["ben"], "1h")]));
    assert!(story.rehearses("paged", State::Critical, 1_000).goes_on);
}

#[test]
fn what_is_planned_holds_back_what_it_would_hold_back_then() {
    let story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    let start = story.now;
    let calls = |from: i64, until: i64| {
        let (from, until) = (Timestamp(start + from), Timestamp(start + until));
        let held = Held { from, until, why: Withheld::Downtime, what: "downtime: backups".into() };
        let stage = story.incidents.stage_for(&key("paged"), Timestamp(start)).unwrap();
        let said = stage.play(&key("paged"), State::Critical, Timestamp(start), &[held]);
        let calls = said.moments.iter().flat_map(|moment| {
            moment.calls.iter().map(|call| (moment.at.0 - start, call.contact.to_string()))
        });
        (calls.collect::<Vec<_>>(), said.moments[0].said.join("; "), said.policy)
    };
    let call = |(at, name): (i64, &str)| (at, name.to_owned());
    let (told, said, policy) = calls(-60, 3_600);
    assert_eq!(told, [(3_600, "ana"), (3_900, "ben"), (4_200, "default")].map(call));
    assert_eq!((said.as_str(), policy.as_deref()), ("nobody is told: downtime: backups", Some("p")));
    let (told, said, _) = calls(200, 1_000);
    assert_eq!(told, [(0, "ana"), (1_000, "ben"), (1_300, "default")].map(call));
    assert_eq!(said, "step 1 of `p`: ana");
    assert_eq!(calls(90_000, 91_000).0.len(), 3, "of another day");
    assert_eq!(calls(-60, 200_000).0, [], "all the time that is told of");
}
