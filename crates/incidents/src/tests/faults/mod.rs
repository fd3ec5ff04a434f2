//! Everything at once, by seeds: what goes bad and well again, people who race for it and give it to each other, people who are
//! removed, a contact that files take out and put back, mergers, parts that are split off, silences, providers that are busy, cut the line, answer too late, refuse for good or go away, and kills of the process at any
//! moment, in the middle of sending too.
//!
//! Whatever comes, whoever got a word of trouble gets one of its end, each incident is in the hands of the one in whom the rules say,
//! policies tell whom they name, to the second and nobody else, and once everything works again somebody has heard of whatever is in
//! nobody's hands, since it was so.

mod model;

use std::collections::{BTreeMap, BTreeSet};

use self::model::{Case, Course, Steps, Weather};
use super::policies::{Random, policy, step};
use super::*;
use crate::desk::{Attempt, Desk};
use crate::incident::IncidentId;
use crate::outbox::Waiting;
use crate::page::Page;
use crate::{limits, store};

/// The contact who comes and goes.
const GOES: &str = "dan";
const SECONDS: i64 = 200;
const CHANNELS: [&str; 3] = ["mail", "hook", "sms"];
const PEOPLE: [&str; 4] = ["ana", "ben", "cyd", "ops"];
/// Those of `default` are the last resort: their channel may be slow, and never refuses.
const LAST: &str = "sms";
/// Two go by policies, the others have contacts whom no policy names; the last two are of one service.
const NAMES: [&str; 5] = ["paged", "paged2", "unclaimed", "latency", "checkout"];
const BY_CONTACTS: [(&str, &str); 3] = [("unclaimed", "dan"), ("latency", "ops"), ("checkout", "eve")];

struct World {
    seed: u64,
    random: Random,
    store: Arc<StateStore>,
    desk: Desk,
    book: Book,
    sky: Sky,
    now: i64,
    weather: BTreeMap<&'static str, Weather>,
    policies: BTreeMap<&'static str, Steps>,
    bad: BTreeSet<&'static str>,
    cases: BTreeMap<IncidentId, Case>,
    /// Bad again before all had heard of the end, or with a part that was: stories tell in whose hands these are.
    unfollowed: BTreeSet<IncidentId>,
    last_page: i64,
    /// Pages that have reached their receiver: a second time it is the same page.
    got: HashSet<i64>,
    /// (incident, contact): got a word of trouble by this page, and none of its end.
    waiting_for_end: BTreeMap<(IncidentId, String), i64>,
    /// The last page of an end that no try would have brought to this contact, and of which end it was.
    refused_ends: BTreeMap<(IncidentId, String), (i64, Option<i64>)>,
    /// Ends that those got who are told in the place of others.
    stood_in: HashSet<(IncidentId, Option<i64>)>,
    /// The way of one person that leads nowhere, as long as the world lasts.
    wrong: Option<(&'static str, &'static str)>,
    /// Of which incident it was a part: who was told of that stays told.
    split_from: BTreeMap<IncidentId, IncidentId>,
    /// When it became nobody's again, or a snooze of it was over.
    anew: BTreeMap<IncidentId, i64>,
    /// Those who have one whose snooze ends in this second.
    woken: Vec<(IncidentId, &'static str)>,
}

#[test]
fn random_faults_on_the_way_to_people() {
    let (seeds, first) = match std::env::var("BELLWETHER_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => (1, seed),
        None if std::env::var_os("BELLWETHER_LONG").is_some() => (10_000, 1),
        None => (60, 1),
    };
    let directory = tempfile::tempdir().unwrap();
    let rooms = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
    let store = Arc::new(StateStore::open(&directory.path().join("state.db"), &rooms).unwrap());
    for seed in first..first + seeds {
        let mut world = World::new(seed, store.clone());
        for _ in 0..SECONDS {
            world.second();
        }
        world.comes_to_rest();
    }
}

impl World {
    fn new(seed: u64, store: Arc<StateStore>) -> World {
        let tables = ["incident", "trouble", "incident_entry", "page", "oncall_turn"];
        let wipe = |tx: &state_store::Transaction<'_>| {
            tables.iter().try_for_each(|table| tx.execute(&format!("DELETE FROM {table}"), &[]).map(drop))
        };
        store.transaction(wipe).unwrap();
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut book = super::book();
        let people = [("ana", &["mail", "hook"][..]), ("ben", &["mail"]), ("cyd", &["hook"])];
        let others = [("dan", &["hook"][..]), ("eve", &["mail", "hook"]), ("default", &[LAST])];
        for (name, channels) in people.into_iter().chain(others) {
            book.contacts.insert(name.into(), contact(channels));
        }
        let mut policies = BTreeMap::new();
        for (monitor, name) in [("paged", "p"), ("paged2", "q")] {
            let steps = Steps::some(name, &mut random);
            let written = steps.steps.iter().map(|(people, wait)| {
                let all: Vec<&str> = people.iter().copied().chain(["zoe"]).collect();
                step(&all, &format!("{wait}s"))
            });
            let written: Vec<_> = written.collect();
            let config = crate::oncall::policy::PolicyConfig {
                name: name.into(),
                repeat: u32::try_from(steps.repeat).unwrap(),
                ..policy(&written)
            };
            book.policies.push((config, String::new()));
            let paged = Subject { escalation_policy: Some(name.into()), ..subject(Kind::Monitor, None, &[]) };
            book.subjects.insert((false, monitor.into()), paged);
            policies.insert(monitor, steps);
        }
        book.config.group_window = "2m".parse().unwrap();
        for (name, who) in BY_CONTACTS {
            let services = if name == "unclaimed" { Vec::new() } else { vec!["shop".into()] };
            let one = Subject { services, ..subject(Kind::Monitor, None, &[who]) };
            book.subjects.insert((false, name.into()), one);
        }
        World {
            seed,
            random,
            desk: Desk::open(store.clone(), book.clone(), b"secret").unwrap(),
            store,
            book,
            sky: Sky::default(),
            now: 1_000,
            weather: CHANNELS.into_iter().map(|name| (name, Weather::Fine)).collect(),
            policies,
            bad: BTreeSet::new(),
            cases: BTreeMap::new(),
            unfollowed: BTreeSet::new(),
            last_page: 0,
            got: HashSet::new(),
            waiting_for_end: BTreeMap::new(),
            refused_ends: BTreeMap::new(),
            stood_in: HashSet::new(),
            wrong: [None, Some(("ana", "mail")), Some(("ana", "hook")), Some(("ben", "mail"))]
                [usize::try_from(seed % 4).unwrap()],
            split_from: BTreeMap::new(),
            anew: BTreeMap::new(),
            woken: Vec::new(),
        }
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let count = i64::try_from(all.len()).unwrap();
        (count > 0).then(|| all[usize::try_from(self.random.below(count)).unwrap()])
    }

    fn second(&mut self) {
        self.now += 1;
        match self.random.below(24) {
            0 | 1 => self.something_changes(),
            2 => self.weather_changes(),
            3 => self.somebody_acts(),
            4 if self.random.below(2) == 0 => self.killed(),
            5 => self.silence_changes(),
            6 if self.random.below(2) == 0 => self.files_change(),
            _ => {}
        }
        self.desk.tick(&self.sky, Timestamp(self.now)).unwrap();
        self.compare();
        for channel in CHANNELS {
            self.send(channel);
        }
    }

    fn killed(&mut self) {
        self.desk = Desk::open(self.store.clone(), self.book.clone(), b"secret").unwrap();
    }

    fn something_changes(&mut self) {
        let name = self.one_of(&NAMES).unwrap();
        let to = if self.bad.remove(name) { State::Ok } else { State::Critical };
        let withheld = self.sky.withheld.borrow().get(&key(name)).copied();
        self.desk.take(&[change(name, to, withheld, self.now)], &[], Timestamp(self.now)).unwrap();
        if to == State::Critical {
            self.bad.insert(name);
            if let (Some(id), Some(steps)) = (self.place(name), self.policies.get(name)) {
                let course = Course::begin(steps, self.now);
                let case = self.cases.entry(id).or_default();
                // What joins one that people are called for already is a part of that.
                if case.course.is_none() && case.owner.is_none() {
                    case.course = Some(course);
                }
            }
        }
    }

    fn place(&self, name: &str) -> Option<IncidentId> {
        self.desk.inner.lock().incidents.placed_bad(&key(name))
    }

    fn weather_changes(&mut self) {
        let channel = self.one_of(&CHANNELS).unwrap();
        let mut all = vec![Weather::Fine, Weather::Fine, Weather::Busy, Weather::Cuts, Weather::Late];
        if channel != LAST {
            all.extend([Weather::Refuses, Weather::Gone]);
        }
        let weather = self.one_of(&all).unwrap();
        if self.weather.insert(channel, weather) == Some(Weather::Gone) {
            // Somebody has defined it anew.
            self.desk.forgive(channel, Timestamp(self.now)).unwrap();
        }
    }

    /// Of what goes by contacts only: with policies this is told by stories.
    fn silence_changes(&mut self) {
        let (name, _) = self.one_of(&BY_CONTACTS).unwrap();
        let silenced = self.sky.withheld.borrow_mut().remove(&key(name)).is_some();
        if !silenced {
            self.sky.withheld.borrow_mut().insert(key(name), Withheld::Silence);
        }
    }

    /// The contact of one of them is taken out, or put back: meanwhile those are told who are told by default.
    fn files_change(&mut self) {
        if self.book.contacts.remove(GOES).is_none() {
            self.book.contacts.insert(GOES.into(), contact(&["hook"]));
        }
        self.desk.set_book(self.book.clone());
    }

    /// What was theirs is nobody's, and is told anew.
    fn is_removed(&mut self, who: &str) {
        self.desk.give_back_all_of(who, "root", Timestamp(self.now)).unwrap();
        let theirs = self.cases.iter().filter(|(_, case)| case.owner == Some(who));
        for id in theirs.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.anew.insert(id, self.now);
            let course = self.begins_again(id);
            let case = self.cases.entry(id).or_default();
            (case.owner, case.course) = (None, course);
        }
    }

    /// By the policy that has run, or if nothing in it goes by that any more, by the first by which something does.
    fn begins_again(&self, id: IncidentId) -> Option<Course> {
        let before = self.cases.get(&id)?.course.as_ref()?;
        let inner = self.desk.inner.lock();
        let bad = inner.incidents.live.get(&id)?.bad();
        let of: Vec<&Steps> = bad.filter_map(|(key, _)| self.policies.get(&*key.monitor)).collect();
        let same = of.iter().find(|steps| steps.name == before.of.name);
        same.or(of.first()).map(|steps| Course::begin(steps, self.now))
    }

    fn open_ids(&self) -> Vec<IncidentId> {
        let inner = self.desk.inner.lock();
        let open = inner
            .incidents
            .live
            .values()
            .filter(|one| !one.is_closed() && !one.reason.starts_with("channel:"));
        open.map(|one| one.id).collect()
    }

    fn somebody_acts(&mut self) {
        let open = self.open_ids();
        let (Some(id), Some(who)) = (self.one_of(&open), self.one_of(&PEOPLE)) else { return };
        let other = self.one_of(&open).filter(|other| *other != id);
        let none = String::new;
        match self.random.below(10) {
            0 | 1 => {
                let racer = self.one_of(&PEOPLE).unwrap();
                self.acknowledges(id, who);
                self.acknowledges(id, racer);
            }
            2 => {
                self.does(id, who, &Deed::Take { comment: none() });
                self.cases.entry(id).or_default().owner = Some(who);
            }
            3 => {
                let to = self.one_of(&["ana", "ben", "cyd"]).unwrap();
                if self.hands_over(id, who, to) {
                    self.cases.entry(id).or_default().owner = Some(to);
                }
            }
            4 => {
                let until = self.now + 1 + self.random.below(40);
                self.does(id, who, &Deed::Snooze { until: Timestamp(until), comment: none() });
                self.cases.entry(id).or_default().snoozed_until = Some(until);
            }
            5 => {
                self.does(id, who, &Deed::Resolve { comment: none(), helped: none() });
                self.cases.remove(&id);
            }
            6 => self.does(id, who, &Deed::Note { text: "@ana, is it yours?".into() }),
            7 => self.merges(id, other, who),
            8 => self.is_removed(who),
            _ => self.splits(id, who),
        }
    }

    fn does(&self, id: IncidentId, who: &str, deed: &Deed) {
        let done = self.desk.act(id, who, deed, Timestamp(self.now));
        assert!(done.is_ok(), "seed {}, {}: {deed:?}: {:?}", self.seed, self.now, done.err());
    }

    /// Who is not reached by their only way gets nothing, once that is known.
    fn hands_over(&self, id: IncidentId, who: &str, to: &'static str) -> bool {
        let deed = Deed::HandOver { to: to.into(), comment: String::new() };
        let done = self.desk.act(id, who, &deed, Timestamp(self.now)).is_ok();
        let is_only_way = self.book.contacts[to].channels.len() == 1;
        let may_fail = self.wrong.is_some_and(|(whose, _)| whose == to) && is_only_way;
        assert!(done || may_fail, "seed {}, {}: {id} is not handed over to {to}", self.seed, self.now);
        done
    }

    /// The first has it, and whoever else wants it is told who that is.
    fn acknowledges(&mut self, id: IncidentId, who: &'static str) {
        let owner = self.desk.inner.lock().incidents.live[&id].owner().map(|(name, _)| name.to_owned());
        let deed = Deed::Acknowledge { comment: String::new() };
        let done = self.desk.act(id, who, &deed, Timestamp(self.now));
        let free = owner.is_none_or(|owner| owner == who);
        assert_eq!(
            done.is_ok(),
            free,
            "seed {}, {}: {who} wants {id}: {:?}",
            self.seed,
            self.now,
            done.err()
        );
        self.cases.entry(id).or_default().owner.get_or_insert(who);
    }

    fn merges(&mut self, from: IncidentId, into: Option<IncidentId>, who: &str) {
        let Some(into) = into else { return };
        let part = self.cases.remove(&from).unwrap_or_default();
        let case = self.cases.entry(into).or_default();
        if part.snoozed_until.is_some() || case.snoozed_until.is_some() {
            self.cases.insert(from, part);
            return;
        }
        if self.unfollowed.contains(&from) {
            self.unfollowed.insert(into);
        }
        // A policy that has come to its end calls nobody any more: that of the part goes on.
        case.course = match (case.course.take(), part.course) {
            (Some(own), Some(other)) if own.is_over() && !other.is_over() => Some(other),
            (own, other) => own.or(other),
        };
        case.owner = case.owner.or(part.owner);
        self.does(from, who, &Deed::Merge { into });
    }

    fn splits(&mut self, id: IncidentId, who: &str) {
        let members: Vec<Key> = {
            let inner = self.desk.inner.lock();
            inner.incidents.live[&id].bad().map(|(key, _)| key.clone()).collect()
        };
        let case = self.cases.entry(id).or_default().clone();
        if members.len() < 2 || case.snoozed_until.is_some() {
            return;
        }
        let count = i64::try_from(members.len()).unwrap();
        let chosen = members[usize::try_from(self.random.below(count)).unwrap()].clone();
        let new = self.desk.split(id, who, std::slice::from_ref(&chosen), "", Timestamp(self.now)).unwrap();
        self.split_from.insert(new, id);
        self.anew.extend(self.anew.get(&id).map(|at| (new, *at)).into_iter().collect::<Vec<_>>());
        if self.unfollowed.contains(&id) {
            self.unfollowed.insert(new);
        }
        let own = self.policies.get(&*chosen.monitor);
        let same = case.course.clone().filter(|course| own.is_some_and(|own| own.name == course.of.name));
        let anew = own.filter(|_| case.owner.is_none()).map(|own| Course::begin(own, self.now));
        self.cases.insert(new, Case { course: same.or(anew), ..case });
    }

    /// A snooze that ends begins the policy again, if nobody has it; else whoever has it hears of it.
    /// That waits for silences.
    fn wake_snoozed(&mut self, silenced: &BTreeSet<IncidentId>) {
        let is_due = |case: &Case| case.snoozed_until.is_some_and(|until| until <= self.now);
        let due = self.cases.iter().filter(|(id, case)| !silenced.contains(id) && is_due(case));
        for id in due.map(|(id, _)| *id).collect::<Vec<_>>() {
            let course = self.begins_again(id);
            let Some(case) = self.cases.get_mut(&id) else { continue };
            case.snoozed_until = None;
            self.woken.extend(case.owner.filter(|_| case.course.is_some()).map(|owner| (id, owner)));
            if case.owner.is_none() {
                case.course = course;
                self.anew.insert(id, self.now);
            }
        }
    }

    /// In whose hands each incident is, and whom policies have told in this second.
    fn compare(&mut self) {
        let (seed, now) = (self.seed, self.now);
        let owners: BTreeMap<IncidentId, Option<String>> = {
            let inner = self.desk.inner.lock();
            let open: Vec<_> = inner.incidents.live.values().filter(|one| !one.is_closed()).collect();
            self.unfollowed.extend(open.iter().filter(|one| one.detail.reopened > 0).map(|one| one.id));
            open.into_iter()
                .filter(|one| !self.unfollowed.contains(&one.id))
                .map(|one| {
                    let owner = one.owner().map(|(name, _)| name.to_owned());
                    assert_eq!(
                        owner.is_some(),
                        one.phase == Phase::Acknowledged,
                        "seed {seed}, {now}: {}",
                        one.id
                    );
                    (one.id, owner)
                })
                .collect()
        };
        self.cases.retain(|id, _| owners.contains_key(id));
        for (id, case) in &self.cases {
            assert_eq!(owners[id].as_deref(), case.owner, "seed {seed}, {now}: who has {id}");
        }
        let silenced = self.silenced();
        self.wake_snoozed(&silenced);
        let mut expected: Vec<(IncidentId, &str)> = Vec::new();
        let waits = |id: &IncidentId, case: &Case| case.owner.is_some() || silenced.contains(id);
        for (id, case) in self.cases.iter_mut().filter(|(id, case)| !waits(id, case)) {
            if let Some(course) = case.course.as_mut().filter(|_| case.snoozed_until.is_none()) {
                expected.extend(course.told(now).into_iter().map(|who| (*id, who)));
            }
        }
        let woken = std::mem::take(&mut self.woken).into_iter();
        let of_contacts = |who: &str| BY_CONTACTS.iter().any(|(_, name)| *name == who);
        expected.extend(woken.filter(|(id, who)| self.cases.contains_key(id) && !of_contacts(who)));
        if !self.book.contacts.contains_key(GOES) {
            // Those who are told by default are, of what named that one.
            expected.retain(|(_, who)| *who != "default");
        }
        let mut told = self.told_by_policies();
        told.sort();
        expected.sort_unstable();
        let told: Vec<(IncidentId, &str)> = told.iter().map(|(id, who)| (*id, who.as_str())).collect();
        assert_eq!(told, expected, "seed {seed}, {now}: told, and what the policies say: {:?}", self.cases);
    }

    /// Those in which all that is bad is silenced, after a merge: their steps wait.
    fn silenced(&self) -> BTreeSet<IncidentId> {
        let inner = self.desk.inner.lock();
        let withheld = self.sky.withheld.borrow();
        let is_silenced =
            |id: &&IncidentId| inner.incidents.live[*id].bad().all(|(key, _)| withheld.contains_key(key));
        self.cases.keys().filter(is_silenced).copied().collect()
    }

    /// Words of trouble since the last second, of incidents that go by a policy, each contact once; not those that went another way, and
    /// not what people did.
    fn told_by_policies(&mut self) -> Vec<(IncidentId, String)> {
        let next = self.desk.inner.lock().incidents.next_page;
        let since = std::mem::replace(&mut self.last_page, next - 1);
        if next - 1 == since {
            return Vec::new();
        }
        let mut told = BTreeSet::new();
        for (id, _) in self.cases.iter().filter(|(_, case)| case.course.is_some()) {
            let pages = store::pages_of(&self.store, *id).unwrap();
            let fresh = pages.into_iter().map(|kept| kept.page).filter(|page| page.id > since);
            let by_step = |page: &Page| matches!(page.kind, PageKind::Problem | PageKind::Still);
            let of_contacts = |page: &Page| BY_CONTACTS.iter().any(|(_, who)| **who == *page.contact);
            let is_by_default =
                |page: &Page| !self.book.contacts.contains_key(GOES) && &*page.contact == "default";
            let fresh = fresh.filter(|page| {
                let instead = page.message.instead_of.is_some() || of_contacts(page) || is_by_default(page);
                by_step(page) && !instead
            });
            told.extend(fresh.map(|page| (*id, page.contact.to_string())));
        }
        told.into_iter().collect()
    }

    /// All that is due by this channel, and now and then the process is killed before it knows what became of it.
    fn send(&mut self, channel: &'static str) {
        let due = self.desk.due(channel, self.now * 1_000, 20);
        let mut attempts = Vec::new();
        for Waiting { page, .. } in due {
            let attempt = match self.desk.is_off(channel) {
                true => Attempt::GivenUp { why: "it is switched off".into() },
                false if self.wrong.is_some_and(|(who, by)| *who == *page.contact && by == channel) => {
                    super::delivery::unreached()
                }
                false => self.attempt(self.weather[channel], &page),
            };
            let is_refused = !matches!(attempt, Attempt::Delivered | Attempt::Later { .. });
            if is_refused && page.kind.is_end() {
                let end = (page.id, page.message.until);
                if let Some(id) = page.incident {
                    let last = self.refused_ends.entry((id, page.contact.to_string())).or_insert(end);
                    *last = end.max(*last);
                }
            }
            attempts.push((page.id, attempt));
        }
        match !attempts.is_empty() && self.random.below(20) == 0 {
            true => self.killed(),
            false => self.desk.record(channel, &attempts, Timestamp(self.now)).unwrap(),
        }
    }

    fn attempt(&mut self, weather: Weather, page: &Page) -> Attempt {
        let later =
            |now: i64, seconds: i64| Attempt::Later { at_ms: (now + seconds) * 1_000, why: "not now".into() };
        match weather {
            Weather::Fine => {
                self.receives(page);
                Attempt::Delivered
            }
            Weather::Busy => later(self.now, 1 + self.random.below(30)),
            Weather::Cuts => later(self.now, 1),
            Weather::Late => {
                self.receives(page);
                later(self.now, 2)
            }
            Weather::Refuses => Attempt::GivenUp { why: "it is refused".into() },
            Weather::Gone => Attempt::Gone { why: "it answers 410".into() },
        }
    }

    fn receives(&mut self, page: &Page) {
        let Some(incident) = page.incident.filter(|_| self.got.insert(page.id)) else { return };
        let whom = (incident, page.contact.to_string());
        match page.kind.is_end() {
            true => {
                self.waiting_for_end.remove(&whom);
                // Who is told by default stands in, unless this one has the end by itself.
                if page.message.instead_of.is_some() || &*page.contact == "default" {
                    self.stood_in.insert((incident, page.message.until));
                }
            }
            false if page.kind.is_problem() => drop(self.waiting_for_end.insert(whom, page.id)),
            false => {}
        }
    }

    /// Nothing is held back and all channels work: of what is bad, and in nobody's hands, somebody got a word, since it was so.
    fn somebody_has_heard(&mut self) {
        for _ in 0..12 {
            self.now += 30;
            self.desk.tick(&self.sky, Timestamp(self.now)).unwrap();
            for channel in CHANNELS {
                self.desk.forgive(channel, Timestamp(self.now)).unwrap();
                while !self.desk.due(channel, self.now * 1_000, 1).is_empty() {
                    self.send(channel);
                }
            }
        }
        let open: Vec<(IncidentId, Vec<IncidentId>)> = {
            let incidents = &self.desk.inner.lock().incidents;
            let open = incidents.live.values();
            let open = open.filter(|one| one.phase == Phase::Open && !one.reason.starts_with("channel:"));
            open.map(|one| (one.id, incidents.parts_of(one.id).map(|part| part.id).chain([one.id]).collect()))
                .collect()
        };
        for (id, parts) in open {
            let since = self.anew.get(&id).copied().unwrap_or(0);
            let before =
                |part: &IncidentId| std::iter::successors(Some(*part), |id| self.split_from.get(id).copied());
            let all: BTreeSet<IncidentId> = parts.iter().flat_map(before).collect();
            let pages = all.iter().flat_map(|part| store::pages_of(&self.store, *part).unwrap());
            let mut got =
                pages.filter(|kept| kept.page.kind.is_problem() && self.got.contains(&kept.page.id));
            let seed = self.seed;
            assert!(
                got.any(|kept| kept.page.at.0 >= since),
                "seed {seed}: nobody has heard of {id} since {since}: {:#?}",
                store::timeline(&self.store, id).unwrap()
            );
        }
    }

    /// All is well, nothing is held back, all channels work: after some minutes everybody knows.
    fn comes_to_rest(&mut self) {
        self.sky.withheld.borrow_mut().clear();
        for channel in CHANNELS {
            self.weather.insert(channel, Weather::Fine);
        }
        self.somebody_has_heard();
        for name in std::mem::take(&mut self.bad) {
            self.now += 1;
            self.desk.take(&[change(name, State::Ok, None, self.now)], &[], Timestamp(self.now)).unwrap();
        }
        for _ in 0..10 {
            self.now += limits::PATIENCE_SECONDS / 9;
            self.desk.tick(&self.sky, Timestamp(self.now)).unwrap();
            for channel in CHANNELS {
                self.desk.forgive(channel, Timestamp(self.now)).unwrap();
                while !self.desk.due(channel, self.now * 1_000, 1).is_empty() {
                    self.send(channel);
                }
            }
        }
        let seed = self.seed;
        let standing = self.desk.standing();
        let open: Vec<_> = {
            let inner = self.desk.inner.lock();
            let open = inner.incidents.live.values().filter(|one| one.phase != Phase::Resolved);
            open.map(|one| (one.id, one.reason.clone(), store::timeline(&self.store, one.id).unwrap()))
                .collect()
        };
        let left = (standing.open, standing.waiting.len());
        assert_eq!(left, (0, 0), "seed {seed}: {:?} {open:#?}", standing.waiting);
        for (whom, problem) in &self.waiting_for_end {
            let (incident, contact) = whom;
            let refused = self.refused_ends.get(whom).filter(|(page, _)| page > problem);
            assert!(
                refused.is_some_and(|(_, end)| self.stood_in.contains(&(*incident, *end))),
                "seed {seed}: {contact} has not heard of the end of {incident}: {:#?}",
                store::pages_of(&self.store, *incident).unwrap()
            );
        }
    }
}
