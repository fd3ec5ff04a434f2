//! Policies in simulated time, to the second: stories, and random ones against a model that counts seconds.

mod rehearsal;

use super::*;
use crate::oncall::policy::{PolicyConfig, StepConfig};
use crate::oncall::store::Kept;
use crate::oncall::{LayerConfig, Roster, ScheduleConfig};
use crate::store;

pub(super) fn step(notify: &[&str], wait: &str) -> StepConfig {
    let notify = notify.iter().map(|name| (*name).to_owned()).collect();
    StepConfig { notify, wait: wait.parse().unwrap(), ..StepConfig::default() }
}

pub(super) fn policy(steps: &[StepConfig]) -> PolicyConfig {
    let policy = PolicyConfig { name: "p".into(), step: steps.to_vec(), ..PolicyConfig::default() };
    assert_eq!(policy.problems(), []);
    policy
}

/// On call: ana by day and ben by night (UTC), nobody on Sundays.
fn schedule() -> ScheduleConfig {
    let layer = LayerConfig {
        people: vec!["ana".into(), "ben".into()],
        rotation: "12h".into(),
        start: "1970-01-01".into(),
        handoff: "06:00".into(),
        restrictions: vec!["monday-saturday".into()],
        ..LayerConfig::default()
    };
    ScheduleConfig { name: "s".into(), layer: vec![layer], ..ScheduleConfig::default() }
}

impl Story {
    pub(super) fn of_policy(policy: PolicyConfig) -> Story {
        let mut story = Story::new();
        story.goes_by(policy);
        story
    }

    /// As if nothing had happened yet.
    pub(super) fn begins_anew(&mut self, policy: PolicyConfig) {
        let tables = ["incident", "trouble", "incident_entry", "page", "oncall_turn"];
        let wipe = |tx: &state_store::Transaction<'_>| {
            tables.iter().try_for_each(|table| tx.execute(&format!("DELETE FROM {table}"), &[]).map(drop))
        };
        self.store.transaction(wipe).unwrap();
        self.incidents = Incidents::load(&self.store).unwrap();
        self.incidents.set_book(book());
        self.goes_by(policy);
    }

    fn goes_by(&mut self, policy: PolicyConfig) {
        let story = self;
        let book = &mut story.incidents.book;
        for name in ["ana", "ben", "cyd"] {
            book.contacts.insert(name.into(), contact(&["mail"]));
        }
        book.teams.insert("t".into(), vec!["ben".into(), "cyd".into()]);
        for name in ["paged", "paged2"] {
            let subject =
                Subject { escalation_policy: Some("p".into()), ..subject(Kind::Monitor, None, &[]) };
            book.subjects.insert((false, name.into()), subject);
        }
        book.named_periods = Some(Arc::new(|name, _| (name == "never").then_some(false)));
        let mut kept = Kept::default();
        let files = [(schedule(), String::new())];
        kept.take(crate::oncall::roster::news(&files, &kept, |_| true, Timestamp(0)));
        let mut roster = Roster::new(&files, &kept, &jiff::tz::TimeZone::UTC);
        roster.add_policies(&[(policy, String::new())], &kept);
        story.incidents.set_roster(Arc::new(roster));
        // Monday, 10:00.
        story.now = 4 * 86_400 + 36_000;
    }

    /// (seconds since the start, who) of everything that is told until then.
    pub(super) fn runs(&mut self, seconds: i64) -> Vec<(i64, String)> {
        let (start, mut told) = (self.now, Vec::new());
        for _ in 0..seconds {
            self.now += 1;
            let pages = self.incidents.tick(&self.sky, Timestamp(self.now));
            if pages.is_empty() {
                continue;
            }
            let at = self.now - start;
            let words = self.told(pages).into_iter();
            told.extend(words.map(|word| (at, word.replace(" by mail", "").replace(" by hook", ""))));
        }
        told
    }

    fn timeline(&self, id: i64) -> String {
        let lines = store::timeline(&self.store, id).unwrap();
        let lines =
            lines.into_iter().filter(|line| matches!(line.kind.as_str(), "escalated" | "unacknowledged"));
        lines.map(|line| line.text).collect::<Vec<_>>().join("\n")
    }
}

fn at(seconds: i64, word: &str) -> (i64, String) {
    (seconds, word.to_owned())
}

#[test]
fn c105_steps_run_to_the_second_until_somebody_acknowledges() {
    let mut story = Story::of_policy(policy(&[step(&["schedule:s"], "5m"), step(&["team:t"], "10m")]));
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.runs(299), []);
    assert_eq!(story.runs(1), [at(1, "problem ben"), at(1, "problem cyd")]);
    assert_eq!(story.runs(300), []);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.runs(3_600), [], "somebody has it");
    let mut ends = story.goes("paged", State::Ok);
    ends.sort();
    assert_eq!(ends, ["recovery ana by mail", "recovery ben by mail", "recovery cyd by mail"]);
}

#[test]
fn a_policy_repeats_and_then_tells_those_of_last_resort() {
    let repeating = PolicyConfig { repeat: 1, ..policy(&[step(&["ana"], "1m"), step(&["ben"], "2m")]) };
    let mut story = Story::of_policy(repeating);
    story.goes("paged", State::Critical);
    let told = story.runs(3_600);
    let expected = [(60, "problem ben"), (180, "still ana"), (240, "still ben"), (360, "problem default")];
    assert_eq!(told, expected.map(|(seconds, word)| at(seconds, word)));
    assert!(story.timeline(1).ends_with("policy `p` has come to its end: [incidents] contacts are told"));
}

#[test]
fn when_nobody_is_on_call_the_next_step_runs_at_once_and_the_timeline_says_so() {
    let mut story = Story::of_policy(policy(&[step(&["schedule:s"], "5m"), step(&["cyd"], "5m")]));
    // Sunday.
    story.now = 3 * 86_400 + 36_000;
    assert_eq!(story.goes("paged", State::Critical), ["problem cyd by mail"]);
    let lines = "step 1 of `p`: nobody is reached by schedule `s`\nstep 1 of `p` reaches nobody: the next step runs at once\nstep 2 of `p`: cyd";
    assert_eq!(story.timeline(1), lines);
    story.goes("paged", State::Ok);
    // Nobody at all: those of last resort, at once.
    let mut story = Story::of_policy(PolicyConfig { repeat: 9, ..policy(&[step(&["zoe"], "5m")]) });
    assert_eq!(story.goes("paged", State::Critical), ["problem default by hook"]);
    assert_eq!(story.runs(3_600), []);
}

#[test]
fn who_is_on_call_is_asked_when_the_step_runs_and_a_room_alone_reaches_nobody() {
    let steps =
        [step(&["zoe", "channel:chat"], "5m"), step(&["channel:chat"], "1h"), step(&["schedule:s"], "5m")];
    let mut story = Story::of_policy(policy(&steps));
    // Five to six in the evening, when it is ben's turn.
    story.now += 8 * 3_600 - 300;
    assert_eq!(
        story.goes("paged", State::Critical),
        ["problem channel:chat by chat", "still channel:chat by chat"]
    );
    assert_eq!(story.runs(3_600), [at(3_600, "problem ben")]);
    let ends: HashSet<_> = story.goes("paged", State::Ok).into_iter().collect();
    assert!(ends.contains("recovery channel:chat by chat"), "{ends:?}");
}

#[test]
fn a_step_that_goes_round_tells_another_one_each_time() {
    let round = StepConfig { round_robin: true, ..step(&["ana", "team:t"], "1m") };
    let mut story = Story::of_policy(PolicyConfig { repeat: 1, ..policy(&[round]) });
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    story.killed();
    assert_eq!(story.goes("paged2", State::Critical), ["problem ben by mail"]);
    assert_eq!(story.runs(60), [at(50, "problem ben"), at(60, "problem cyd")], "the second round");
}

#[test]
fn what_runs_out_begins_again_and_what_is_not_meant_for_now_is_left_out() {
    let never = StepConfig { if_time: Some("never".into()), ..step(&["cyd"], "1m") };
    let many = StepConfig { only_if: Some("> 1 in 1h".into()), ..step(&["cyd"], "1m") };
    let timeout = Some("10m".parse().unwrap());
    let policy = PolicyConfig { ack_timeout: timeout, ..policy(&[never, many, step(&["ana"], "1h")]) };
    let mut story = Story::of_policy(policy);
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.runs(1_200), [at(600, "still ana")]);
    assert!(story.timeline(1).contains("bea has had it for 10m"), "{}", story.timeline(1));
    // The second one that opens in the hour.
    assert_eq!(story.goes("paged2", State::Critical), ["problem cyd by mail"]);
}

/// Who acknowledges an incident acknowledges its checks, which stay so.
#[test]
fn what_ran_out_is_nobodys_though_its_check_is_still_acknowledged() {
    let timeout = Some("10m".parse().unwrap());
    let mut story =
        Story::of_policy(PolicyConfig { ack_timeout: timeout, ..policy(&[step(&["ana"], "1h")]) });
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    let acknowledged = |story: &Story| {
        let by = Acknowledged { by: "bea".into(), at: story.now, comment: String::new(), of_parts: true };
        story.sky.acknowledged.borrow_mut().insert(key("paged"), by);
        story.sky.withheld.borrow_mut().insert(key("paged"), Withheld::Acknowledged);
    };
    acknowledged(&story);
    assert_eq!(story.runs(1_200), [at(600, "still ana")]);
    acknowledged(&story);
    assert!(story.runs(500).is_empty(), "said anew");
}

#[test]
fn whoever_a_policy_has_told_hears_that_it_is_worse_and_a_snooze_begins_it_again() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    story.incidents.book.config.page_warnings = true;
    assert_eq!(story.goes("paged", State::Warning), ["problem ana by mail"]);
    assert_eq!(story.goes("paged", State::Critical), ["worse ana by mail"]);
    let until = Timestamp(story.now + 1_000);
    story.act(1, Deed::Snooze { until, comment: String::new() }).unwrap();
    assert_eq!(story.runs(1_299), [at(1_000, "still ana")]);
    assert_eq!(story.runs(1), [at(1, "problem ben")]);
}

/// Contacts and a policy of one and the same both act, also of a check, which tells its own by its own rules.
#[test]
fn contacts_and_a_policy_both_act() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    for name in ["latency", "web/http"] {
        let subject = story.incidents.book.subjects.get_mut(&(false, name.into())).unwrap();
        subject.escalation_policy = Some("p".into());
    }
    let told = story.goes("latency", State::Critical);
    assert_eq!(told, ["problem ops by mail", "problem ops by hook", "problem ana by mail"]);
    assert_eq!(story.goes("web/http", State::Critical), ["problem ana by mail"]);
}

/// The roster is made with the first thing that happens, which may be before the first second has gone by.
#[test]
fn what_happens_first_after_a_start_goes_by_its_policy() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    let mut book = std::mem::take(&mut story.incidents.book);
    book.policies = vec![(policy(&[step(&["ana"], "5m")]), String::new())];
    let desk = crate::Desk::open(story.store.clone(), book, b"secret").unwrap();
    desk.take(&[change("paged", State::Critical, None, 1_000)], &[], Timestamp(1_000)).unwrap();
    assert_eq!(desk.due("mail", 1_000_000, 10).len(), 1);
}

pub(super) struct Random(pub u64);

impl Random {
    pub(super) fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as i64
    }
}

/// What the policy says, counted second by second.
struct Model {
    /// (those who can be reached, seconds to wait)
    steps: Vec<(Vec<&'static str>, i64)>,
    repeat: i64,
    next: usize,
    rounds: i64,
    reached: bool,
    wait: i64,
    over: bool,
}

impl Model {
    fn begin(&mut self) {
        (self.next, self.rounds, self.reached, self.wait, self.over) = (0, 0, false, 0, false);
    }

    fn second(&mut self) -> Vec<&'static str> {
        if self.over || self.wait > 0 {
            self.wait -= 1;
            return Vec::new();
        }
        loop {
            if self.next == self.steps.len() {
                if !self.reached || self.rounds == self.repeat {
                    self.over = true;
                    return vec!["default"];
                }
                (self.next, self.rounds, self.reached) = (0, self.rounds + 1, false);
            }
            let (people, wait) = &self.steps[self.next];
            self.next += 1;
            if !people.is_empty() {
                (self.wait, self.reached) = (wait - 1, true);
                return people.clone();
            }
        }
    }
}

fn some_model(random: &mut Random) -> (Model, PolicyConfig) {
    let people = ["ana", "ben", "cyd"];
    let mut steps = Vec::new();
    let mut written = Vec::new();
    for _ in 0..1 + random.below(3) {
        let named: Vec<&str> = people.into_iter().filter(|_| random.below(3) == 0).collect();
        let wait = 1 + random.below(40);
        let also: Vec<&str> = named.iter().copied().chain(["zoe"]).collect();
        written.push(step(&also, &format!("{wait}s")));
        steps.push((named, wait));
    }
    let repeat = random.below(3);
    let policy = PolicyConfig { repeat: repeat as u32, ..policy(&written) };
    (Model { steps, repeat, next: 0, rounds: 0, reached: false, wait: 0, over: true }, policy)
}

/// Faults, acknowledgements by one or by two at once, deaths of channels and restarts at any second: every page of the
/// policy comes at its second and no other does, who was told is told of the end by whatever way is left, and an
/// incident in somebody's hands is in those of one.
#[test]
fn random_faults_escalate_as_the_model_says() {
    let seeds = if std::env::var_os("BELLWETHER_LONG").is_some() { 10_000 } else { 500 };
    let mut story = Story::new();
    for seed in 1..=seeds {
        story = one_history(seed, story);
    }
}

fn one_history(seed: u64, story: Story) -> Story {
    let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
    let (mut model, policy) = some_model(&mut random);
    let mut history = History::new(story, policy);
    let (mut bad, mut open) = (false, false);
    for second in 0..240 {
        history.story.now += 1;
        match random.below(60) {
            0 | 1 if !bad => {
                (bad, open) = (true, true);
                model.begin();
                history.change(State::Critical);
            }
            2 if bad => {
                (bad, open) = (false, false);
                history.change(State::Ok);
            }
            3 if bad => {
                open = false;
                let first = random.below(2) == 0;
                history.acknowledge(if first { &["ana", "ben"] } else { &["cyd"] });
            }
            4 => history.story.killed(),
            5 => history.channel_dies(),
            _ => {}
        }
        let mut told = history.tick();
        let mut expected: Vec<_> = if open { model.second() } else { Vec::new() };
        told.sort();
        expected.sort_unstable();
        assert_eq!(told, expected, "seed {seed}, second {second}");
    }
    if bad {
        history.change(State::Ok);
        history.tick();
    }
    assert_eq!(history.story.incidents.open_count(), 0, "seed {seed}");
    assert!(history.believes.is_empty(), "seed {seed}: {:?}", history.believes);
    history.story
}

struct History {
    story: Story,
    /// Contacts who have been told of an incident and not of its end.
    believes: HashSet<(i64, String)>,
    /// Problems that were sent of what is open.
    sent: Vec<Page>,
    pages: Vec<Page>,
}

impl History {
    fn new(mut story: Story, policy: PolicyConfig) -> History {
        story.begins_anew(policy);
        // One way for each.
        for contact in story.incidents.book.contacts.values_mut() {
            contact.channels = vec!["mail".into()];
        }
        History { story, believes: HashSet::new(), sent: Vec::new(), pages: Vec::new() }
    }

    fn change(&mut self, to: State) {
        let change = change("paged", to, None, self.story.now);
        self.pages.extend(self.story.incidents.apply(&change, Timestamp(self.story.now)));
        if to == State::Ok {
            self.sent.clear();
        }
    }

    fn acknowledge(&mut self, people: &[&str]) {
        let id = *self.story.incidents.live.keys().last().unwrap();
        let owner = |story: &Story| story.incidents.live[&id].owner().map(|(name, _)| name.to_owned());
        for name in people {
            let before = owner(&self.story);
            let deed = Deed::Acknowledge { comment: String::new() };
            let said = self.story.incidents.act(id, name, &deed, Timestamp(self.story.now));
            // The first has it, and the others are told who that is.
            assert_eq!(said.is_ok(), before.as_deref().is_none_or(|before| before == *name), "{said:?}");
            assert_eq!(owner(&self.story).as_deref(), before.as_deref().or(Some(name)));
        }
        let incident = &self.story.incidents.live[&id];
        assert_eq!(incident.phase, Phase::Acknowledged);
        self.pages.extend(self.story.incidents.take(&[], &[], Timestamp(self.story.now)));
    }

    /// What went by it goes another way: that of those of last resort, as nobody has a second one.
    fn channel_dies(&mut self) {
        let dying = self.sent.pop().filter(|page| &*page.contact != "default");
        if let Some(page) = dying {
            let now = Timestamp(self.story.now);
            self.story.incidents.book.contacts.get_mut("default").unwrap().channels = vec!["hook".into()];
            self.story.incidents.reroute(&page, false, now);
            let pages = self.story.incidents.take(&[], &[], now);
            assert!(pages.iter().all(|page| page.message.instead_of.is_some()), "{pages:?}");
            pages.into_iter().for_each(|page| self.believe(&page));
            self.story.incidents.book.contacts.get_mut("default").unwrap().channels = vec!["mail".into()];
        }
    }

    fn believe(&mut self, page: &Page) {
        let whom = (page.incident.unwrap(), page.contact.to_string());
        match page.kind.is_end() {
            // Once by each channel that has told of it.
            true => drop(self.believes.remove(&whom)),
            false => drop(self.believes.insert(whom)),
        }
    }

    /// Who was told of a problem in this second.
    fn tick(&mut self) -> Vec<String> {
        let mut pages = std::mem::take(&mut self.pages);
        pages.extend(self.story.incidents.tick(&self.story.sky, Timestamp(self.story.now)));
        let mut told = Vec::new();
        for page in pages {
            self.believe(&page);
            if page.kind.is_problem() {
                told.push(page.contact.to_string());
                self.sent.push(page);
            }
        }
        told
    }
}

#[test]
fn a_policy_begins_though_the_same_result_makes_the_check_tell_its_contacts() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    let subject = story.incidents.book.subjects.get_mut(&(false, "web/http".into())).unwrap();
    subject.escalation_policy = Some("p".into());
    let now = Timestamp(story.now);
    let notice = Notice {
        id: id("web/http"),
        at: now,
        kind: NoticeKind::Problem,
        state: State::Critical,
        contact: "ops".into(),
        number: 1,
        text: "text".into(),
        author: "".into(),
        comment: "".into(),
    };
    let change = change("web/http", State::Critical, None, story.now);
    let pages = story.incidents.take(&[change], &[(notice, false)], now);
    assert_eq!(story.told(pages), ["problem ops by mail", "problem ops by hook", "problem ana by mail"]);
}

#[test]
fn the_policy_of_a_member_begins_though_others_were_told_before() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    let book = &mut story.incidents.book;
    book.config.group_window = "2m".parse().unwrap();
    for name in ["paged", "paged2", "latency"] {
        book.subjects.get_mut(&(false, name.into())).unwrap().services = vec!["shop".into()];
    }
    assert_eq!(story.goes("paged", State::Warning), NOBODY);
    assert_eq!(story.goes("latency", State::Critical), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.goes("paged2", State::Critical), NOBODY, "those of last resort are the last");
    assert_eq!(story.incidents.open_count(), 1);
}

#[test]
fn what_goes_by_the_policy_of_all_stays_by_itself_beside_what_names_contacts() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    let book = &mut story.incidents.book;
    book.config.group_window = "2m".parse().unwrap();
    book.config.escalation_policy = Some("p".into());
    for name in ["unclaimed", "latency"] {
        book.subjects.get_mut(&(false, name.into())).unwrap().services = vec!["shop".into()];
    }
    story.goes("latency", State::Critical);
    assert_eq!(story.goes("unclaimed", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.incidents.open_count(), 2);
}

#[test]
fn a_policy_goes_on_in_what_is_split_off_and_in_what_it_is_merged_into() {
    let two_steps = policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]);
    let mut story = Story::of_policy(two_steps.clone());
    story.goes("paged|a", State::Critical);
    story.goes("paged|b", State::Critical);
    let now = Timestamp(story.now);
    story.incidents.split(1, "bea", &[key("paged|b")], "", now).unwrap();
    let pages = story.incidents.take(&[], &[], now);
    assert_eq!(story.told(pages), NOBODY);
    assert_eq!(story.runs(290), [at(290, "problem ben"), at(290, "problem ben")], "of each");
    let mut story = Story::of_policy(two_steps);
    story.goes("latency", State::Critical);
    story.goes("paged", State::Critical);
    assert_eq!(story.act(2, Deed::Merge { into: 1 }).unwrap(), NOBODY);
    assert_eq!(story.runs(300), [at(300, "problem ben")]);
}

#[test]
fn whoever_wants_the_next_one_called_during_a_snooze_gets_somebody() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    story.goes("paged", State::Critical);
    let until = Timestamp(story.now + 1_000);
    story.act(1, Deed::Snooze { until, comment: String::new() }).unwrap();
    let next = Deed::Escalate { to: Vec::new(), comment: String::new() };
    assert_eq!(story.act(1, next).unwrap(), ["still default by hook"]);
}

#[test]
fn what_somebody_has_as_a_warning_is_told_once_when_it_is_bad_enough_to_page() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    assert_eq!(story.goes("paged", State::Warning), NOBODY);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.runs(3_600), []);
}

#[test]
fn whoever_it_is_handed_to_has_the_whole_time() {
    let timeout = Some("10m".parse().unwrap());
    let mut story =
        Story::of_policy(PolicyConfig { ack_timeout: timeout, ..policy(&[step(&["ana"], "1h")]) });
    story.goes("paged", State::Critical);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.runs(500), []);
    story.act(1, Deed::HandOver { to: "ben".into(), comment: String::new() }).unwrap();
    assert_eq!(story.runs(700), [at(600, "still ana")]);
    assert!(story.timeline(1).contains("ben has had it for 10m"), "{}", story.timeline(1));
}

#[test]
fn what_is_declared_first_after_a_start_goes_by_the_policy_of_all() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    let mut book = std::mem::take(&mut story.incidents.book);
    book.policies = vec![(policy(&[step(&["ana"], "5m")]), String::new())];
    book.config.escalation_policy = Some("p".into());
    let desk = crate::Desk::open(story.store.clone(), book, b"secret").unwrap();
    let declared = crate::Declaration { title: "nobody can pay".into(), ..crate::Declaration::default() };
    desk.declare("bea", &declared, Timestamp(1_000)).unwrap();
    assert_eq!(desk.due("mail", 1_000_000, 10).len(), 1);
}

#[test]
fn a_silence_that_comes_later_keeps_the_next_step_from_calling() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    story.goes("paged", State::Critical);
    story.sky.withheld.borrow_mut().insert(key("paged"), Withheld::Silence);
    assert_eq!(story.runs(3_600), []);
    story.sky.withheld.borrow_mut().clear();
    assert_eq!(story.runs(10), [at(1, "problem ben")]);
}

#[test]
fn the_policy_of_a_part_that_runs_goes_on_in_a_whole_whose_policy_has_tried_everything() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    story.goes("paged", State::Critical);
    assert_eq!(story.runs(700), [at(300, "problem ben"), at(600, "problem default")]);
    story.goes("paged2", State::Critical);
    assert_eq!(story.act(2, Deed::Merge { into: 1 }).unwrap(), NOBODY);
    assert_eq!(story.runs(300), [at(300, "still ben")]);
}

#[test]
fn a_page_after_an_acknowledgement_has_run_out_says_so() {
    let timeout = Some("10m".parse().unwrap());
    let mut story =
        Story::of_policy(PolicyConfig { ack_timeout: timeout, ..policy(&[step(&["ana"], "5m")]) });
    story.now += 10;
    let first =
        story.incidents.apply(&change("paged", State::Critical, None, story.now), Timestamp(story.now));
    assert_eq!(first[0].message.nobodys_since, None);
    story.told(first);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    story.now += 600;
    let again = story.incidents.tick(&story.sky, Timestamp(story.now));
    assert_eq!((again[0].message.nobodys_since, &*again[0].contact), (Some(story.now), "ana"));
}

#[test]
fn so_does_one_after_an_acknowledgement_of_checks_or_an_end() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    story.goes("paged", State::Critical);
    let by = Acknowledged { by: "bea".into(), at: story.now, comment: String::new(), of_parts: true };
    story.sky.acknowledged.borrow_mut().insert(key("paged"), by);
    story.tick(1);
    assert_eq!(story.incidents.live[&1].phase, Phase::Acknowledged);
    story.sky.acknowledged.borrow_mut().clear();
    story.now += 10;
    let again = story.incidents.tick(&story.sky, Timestamp(story.now));
    assert_eq!((again[0].message.nobodys_since, &*again[0].contact), (Some(story.now), "ana"));

    let mut story = Story::new();
    story.incidents.book.config.reopen_within = "1h".parse().unwrap();
    story.goes("latency", State::Critical);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    story.goes("latency", State::Ok);
    story.now += 10;
    let bad = change("latency", State::Critical, None, story.now);
    let again = story.incidents.apply(&bad, Timestamp(story.now));
    assert_eq!((again.len(), again[0].message.nobodys_since), (2, Some(story.now)));
}
