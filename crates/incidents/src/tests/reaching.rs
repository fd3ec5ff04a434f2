//! People's own rules, to the second: stories, and random ones beside a model that only counts.

use vocabulary::reach::{ReachRule, ReachStep, Severity};

use super::policies::{Random, policy, step};
use super::*;

fn rule(severity: Severity, steps: &[(i64, &str)], repeat: Option<i64>) -> ReachRule {
    let duration = |seconds: i64| vocabulary::time::HumanDuration::from_secs(seconds.unsigned_abs());
    let step = |(after, channel): &(i64, &str)| ReachStep {
        after: duration(*after),
        channel: (*channel).to_owned(),
    };
    ReachRule { severity, steps: steps.iter().map(step).collect(), repeat_every: repeat.map(duration) }
}

/// Push at once, a text after two minutes, a call after five that keeps on every minute.
fn push_then_voice() -> ReachRule {
    rule(Severity::Critical, &[(0, "push"), (120, "sms"), (300, "voice")], Some(60))
}

fn story_with(rules: Vec<ReachRule>) -> Story {
    let mut story = Story::new();
    let ops = story.incidents.book.contacts.get_mut("ops").unwrap();
    *ops = Contact { rules, ..contact(&["mail", "push", "sms", "voice"]) };
    story
}

/// (seconds since then, by which channel)
fn goes_on(story: &mut Story, seconds: i64) -> Vec<(i64, String)> {
    let (start, mut told) = (story.now, Vec::new());
    for _ in 0..seconds {
        story.now += 1;
        let pages = story.incidents.tick(&story.sky, Timestamp(story.now));
        told.extend(pages.iter().map(|page| (story.now - start, page.channel.to_string())));
        if !pages.is_empty() {
            story.told(pages);
        }
    }
    told
}

fn at(seconds: i64, channel: &str) -> (i64, String) {
    (seconds, channel.to_owned())
}

#[test]
fn c105_push_then_a_text_then_a_call_that_keeps_on_until_somebody_has_it() {
    let mut story = story_with(vec![push_then_voice()]);
    assert_eq!(story.goes("latency", State::Critical), ["problem ops by push"]);
    let expected = [at(120, "sms"), at(300, "voice"), at(360, "voice"), at(420, "voice")];
    assert_eq!(goes_on(&mut story, 430), expected);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(goes_on(&mut story, 3_600), []);
    let ends: HashSet<_> = story.goes("latency", State::Ok).into_iter().collect();
    assert_eq!(ends.len(), 3, "by each that told of it: {ends:?}");
    let lines = crate::store::timeline(&story.store, 1).unwrap();
    let said =
        "ops's own rule: push, sms after 2min, voice after 5min, again every 1min, until somebody has it";
    assert_eq!(lines.iter().filter(|line| line.text == said).count(), 1);
}

#[test]
fn a_rule_goes_on_for_a_day_and_ends() {
    let mut story = story_with(vec![rule(Severity::Any, &[(0, "push")], Some(3_600))]);
    story.goes("latency", State::Critical);
    assert_eq!(goes_on(&mut story, 2 * 86_400).len(), 24);
    let lines = crate::store::timeline(&story.store, 1).unwrap();
    assert!(lines.last().unwrap().text.contains("ops has not answered for a day"));
}

#[test]
fn c084_how_bad_it_is_decides_by_which_channel() {
    let mut story = story_with(vec![push_then_voice(), rule(Severity::Any, &[(0, "mail")], None)]);
    story.incidents.book.config.page_warnings = true;
    assert_eq!(story.goes("latency", State::Warning), ["problem ops by mail"]);
    assert_eq!(goes_on(&mut story, 600), []);
    assert_eq!(story.goes("latency", State::Critical), ["worse ops by push"], "this is the other rule's");
    assert_eq!(goes_on(&mut story, 120), [at(120, "sms")]);
    // Without a rule for it: by all.
    let mut story = story_with(vec![push_then_voice()]);
    story.incidents.book.config.page_warnings = true;
    assert_eq!(story.goes("latency", State::Warning).len(), 4);
}

#[test]
fn what_holds_the_word_back_holds_the_rule_back() {
    let mut story = story_with(vec![push_then_voice()]);
    story.goes("latency", State::Critical);
    story.sky.withheld.borrow_mut().insert(key("latency"), Withheld::Silence);
    assert_eq!(goes_on(&mut story, 1_000), []);
    story.sky.withheld.borrow_mut().clear();
    assert_eq!(goes_on(&mut story, 10), [at(1, "sms"), at(1, "voice")], "what is due, and each way once");
    let until = Timestamp(story.now + 600);
    story.act(1, Deed::Snooze { until, comment: String::new() }).unwrap();
    assert_eq!(goes_on(&mut story, 599), []);
    assert_eq!(goes_on(&mut story, 121), [at(1, "push"), at(121, "sms")], "it begins again");
}

#[test]
fn a_late_tick_shifts_nothing_but_what_is_late() {
    let mut story = story_with(vec![push_then_voice()]);
    story.goes("latency", State::Critical);
    assert_eq!(story.tick(123), ["still ops by sms"]);
    assert_eq!(goes_on(&mut story, 177), [at(177, "voice")], "five minutes since it was told");
    // The server was away for an hour: one call, not sixty.
    assert_eq!(story.tick(3_600), ["still ops by voice"]);
    assert_eq!(goes_on(&mut story, 60), [at(60, "voice")]);
}

#[test]
fn a_checks_own_notices_go_by_the_rule_and_their_end_by_what_told() {
    let mut story = story_with(vec![push_then_voice()]);
    story.goes("web/http", State::Critical);
    let problem = story.notice("web/http", NoticeKind::Problem, State::Critical, "ops");
    assert_eq!(problem, ["problem ops by push"]);
    assert_eq!(goes_on(&mut story, 120), [at(120, "sms")]);
    story.sky.will_tell.borrow_mut().insert((key("web/http"), "ops".into()));
    assert_eq!(story.goes("web/http", State::Ok), NOBODY);
    let recovery = story.notice("web/http", NoticeKind::Recovery, State::Ok, "ops");
    assert_eq!(recovery, ["recovery ops by push", "recovery ops by sms"]);
    assert_eq!(goes_on(&mut story, 600), []);
}

#[test]
fn what_need_not_ring_goes_by_the_first_way() {
    let mut story = story_with(vec![rule(Severity::Any, &[(0, "mail"), (60, "voice")], None)]);
    story.goes("unclaimed", State::Critical);
    let note = Deed::Note { text: "@ops do you know this?".into() };
    assert_eq!(story.act(1, note).unwrap(), ["mention ops by mail"]);
    assert_eq!(goes_on(&mut story, 120), []);
}

#[test]
fn rules_that_people_make_hold_when_none_stand_in_a_file() {
    let story = story_with(Vec::new());
    let desk = crate::Desk::open(story.store.clone(), story.incidents.book.clone(), b"secret").unwrap();
    let now = Timestamp(1_000);
    let wrong = desk.put_own_rules("ops", vec![rule(Severity::Any, &[(0, "fax")], None)], now);
    assert!(format!("{wrong:?}").contains("rules.0.steps.0.channel: `fax` is no channel"), "{wrong:?}");
    assert!(desk.put_own_rules("zoe", Vec::new(), now).is_err());
    desk.put_own_rules("ops", vec![push_then_voice()], now).unwrap();
    desk.take(&[change("latency", State::Critical, None, 1_000)], &[], now).unwrap();
    assert_eq!((desk.due("push", 1_000_000, 9).len(), desk.due("mail", 1_000_000, 9).len()), (1, 0));
    // They are on the disk.
    let desk = crate::Desk::open(story.store.clone(), story.incidents.book.clone(), b"secret").unwrap();
    assert_eq!(desk.own_rules("ops").unwrap().rules, [push_then_voice()]);
    desk.tick(&story.sky, Timestamp(1_120)).unwrap();
    assert_eq!(desk.due("sms", 2_000_000, 9).len(), 1);
    desk.put_own_rules("ops", Vec::new(), now).unwrap();
    assert_eq!(desk.own_rules("ops").unwrap().rules, []);
    let book = story_with(vec![push_then_voice()]).incidents.book.clone();
    desk.set_book(book);
    assert!(desk.own_rules("ops").unwrap().of_file && desk.put_own_rules("ops", Vec::new(), now).is_err());
}

/// When each way rings, and how often the last one rings again.
type Rule = (Vec<(i64, &'static str)>, Option<i64>);

/// A rule as a list of seconds: when each way rings, counted from when its contact was told.
fn rings(steps: &[(i64, &'static str)], repeat: Option<i64>, second: i64) -> Vec<&'static str> {
    let mut rings: Vec<&str> =
        steps.iter().filter(|(after, _)| *after == second).map(|(_, name)| *name).collect();
    if let (Some(repeat), Some((last, name))) = (repeat, steps.last())
        && second > *last
        && (second - last) % repeat == 0
    {
        rings.push(name);
    }
    rings.dedup();
    rings
}

/// Faults, ends, acknowledgements and restarts at any second, with a policy that tells two people whose rules are their
/// own: each way of each rings in its second, and no other does.
#[test]
fn c105_random_histories_ring_as_the_model_says() {
    let mut story = Story::new();
    for seed in 1..=200 {
        story = one_history(seed, story);
    }
}

fn one_history(seed: u64, mut story: Story) -> Story {
    let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
    let ways = ["push", "sms", "voice"];
    let waits = [10 + random.below(90), 10 + random.below(90)];
    let steps = [step(&["ana"], &format!("{}s", waits[0])), step(&["ben"], &format!("{}s", waits[1]))];
    story.begins_anew(policy(&steps));
    let mut rules: HashMap<&str, Rule> = HashMap::new();
    for name in ["ana", "ben"] {
        let mut after = 0;
        let count = 1 + random.below(3);
        let mut steps: Vec<(i64, &'static str)> = Vec::new();
        for way in ways.into_iter().take(usize::try_from(count).unwrap()) {
            steps.push((after, way));
            after += 1 + random.below(60);
        }
        let repeat = (random.below(2) == 0).then(|| 30 + random.below(40));
        let written = rule(Severity::Any, &steps, repeat);
        story.incidents.book.contacts.insert(name.into(), Contact { rules: vec![written], ..contact(&ways) });
        rules.insert(name, (steps, repeat));
    }
    // When each was told, of the incident that is open.
    let mut told_at: HashMap<&str, i64> = HashMap::new();
    let (mut bad, mut opened, mut mine) = (false, 0, false);
    for second in 0..400 {
        story.now += 1;
        let now = Timestamp(story.now);
        let mut pages = Vec::new();
        match random.below(80) {
            0 | 1 if !bad => {
                (bad, opened, mine) = (true, second, false);
                told_at.clear();
                pages.extend(story.incidents.apply(&change("paged", State::Critical, None, story.now), now));
            }
            2 if bad => {
                bad = false;
                pages.extend(story.incidents.apply(&change("paged", State::Ok, None, story.now), now));
            }
            3 if bad && !mine => {
                mine = true;
                let id = *story.incidents.live.keys().last().unwrap();
                let deed = Deed::Acknowledge { comment: String::new() };
                story.incidents.act(id, "cyd", &deed, now).unwrap();
            }
            4 => story.killed(),
            _ => {}
        }
        pages.extend(story.incidents.tick(&story.sky, now));
        let problems = pages.iter().filter(|page| page.kind.is_problem());
        let mut rang: Vec<(String, String)> =
            problems.map(|page| (page.contact.to_string(), page.channel.to_string())).collect();
        let mut expected: Vec<(String, String)> = Vec::new();
        if bad && !mine {
            for (name, after) in [("ana", 0), ("ben", waits[0])] {
                if second == opened + after {
                    told_at.insert(name, second);
                }
            }
            for (name, told) in &told_at {
                let (steps, repeat) = &rules[name];
                let due = rings(steps, *repeat, second - told);
                expected.extend(due.into_iter().map(|way| ((*name).to_owned(), way.to_owned())));
            }
            if second == opened + waits[0] + waits[1] {
                expected.push(("default".into(), "hook".into()));
            }
        }
        rang.sort();
        expected.sort();
        assert_eq!(rang, expected, "seed {seed}, second {second}");
    }
    story
}

#[test]
fn who_is_told_that_it_is_worse_while_somebody_has_it_hears_it_by_all_ways() {
    let mut story = story_with(vec![push_then_voice(), rule(Severity::Any, &[(0, "mail")], None)]);
    story.incidents.book.config.page_warnings = true;
    assert_eq!(story.goes("latency", State::Warning), ["problem ops by mail"]);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    let told = story.goes("latency", State::Critical);
    assert_eq!(told, ["worse ops by push", "worse ops by sms", "worse ops by voice"]);
    assert_eq!(goes_on(&mut story, 3_600), [], "and no way comes later");
}

#[test]
fn a_person_who_is_gone_leaves_no_rules_to_whoever_is_called_so_next() {
    let story = Story::new();
    let desk = crate::Desk::open(story.store.clone(), book(), b"secret").unwrap();
    let (now, rules) = (Timestamp(story.now), vec![rule(Severity::Any, &[(0, "mail")], None)]);
    desk.put_own_rules("ops", rules.clone(), now).unwrap();
    assert_eq!(desk.own_rules("ops").unwrap().rules, rules);
    desk.forget_own_rules("ops", now).unwrap();
    assert_eq!(desk.own_rules("ops").unwrap().rules, []);
    let rows = story.store.query("SELECT count(*) FROM oncall_rule", &[]).unwrap();
    assert_eq!(rows[0].integer(0), 0);
}

#[test]
fn people_who_cannot_be_read_at_a_reload_are_reached_as_before() {
    let mut story = Story::new();
    let mut with_people = book();
    with_people.config.contacts.clear();
    with_people.contacts.insert("eve".into(), Contact { of_account: true, ..contact(&["push"]) });
    with_people.config.contacts.push("eve".into());
    with_people.teams.insert("web".into(), vec!["eve".into()]);
    story.incidents.set_book(with_people);
    let mut without = book();
    without.config.contacts.clear();
    without.contacts.remove("ana");
    without.unread = crate::book::Unread { people: true, teams: true };
    story.incidents.set_book(without.clone());
    assert_eq!(story.goes("unclaimed", State::Critical), ["problem eve by push"]);
    assert_eq!(story.incidents.book.teams["web"], [Arc::from("eve")]);
    assert!(!story.incidents.book.contacts.contains_key("ana"), "files are read: who is not in them is gone");
    // Once they are read, who is not among them is gone too.
    without.unread = crate::book::Unread::default();
    story.incidents.set_book(without);
    assert!(!story.incidents.book.contacts.contains_key("eve"));
}
