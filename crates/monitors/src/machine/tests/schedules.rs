//! Thousands of schedules, each from a seed: results, restarts, downtimes, acknowledgements, clock steps. After every
//! step the machine is what the model is, and has told what the model has told.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::{NoticeKind, State};

use super::model::{Model, Phase, Planned, Rules};
use super::support::START;
use crate::Outcome;
use crate::config::Definitions;
use crate::machine::{Command, Done, Happenings, Kept, Machine, NewDowntime, ObjectId, Saved, Switch};

/// Of schedules that an ordinary run does; `BELLWETHER_LONG` does all ten thousand.
const ORDINARY: u64 = 500;
const ALL: u64 = 10_000;
const STEPS: u64 = 120;

const STATES: [State; 4] = [State::Ok, State::Warning, State::Critical, State::Unknown];

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn the_machine_is_the_model_under_every_schedule() {
    let first = variable("BELLWETHER_SEED").and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let schedules = if variable("BELLWETHER_LONG").is_some() { ALL } else { ORDINARY };
    for seed in first..first + schedules {
        println!("BELLWETHER_SEED={seed}");
        Schedule::new(seed).run();
    }
}

struct Schedule {
    random: Random,
    definitions: Definitions,
    machine: Machine,
    model: Model,
    id: ObjectId,
    host: ObjectId,
    now: i64,
    out: Happenings,
    /// Told of the problem and not of its end, by the notices alone.
    waiting: BTreeSet<String>,
}

impl Schedule {
    fn new(seed: u64) -> Schedule {
        let mut random = Random(seed);
        let rules = rules(&mut random);
        let definitions: Definitions = toml::from_str(&text(&rules)).unwrap();
        let machine = Machine::new(&definitions, TimeZone::UTC).unwrap();
        let (id, host) = (machine.check("http").unwrap(), machine.host("web").unwrap());
        Schedule {
            random,
            definitions,
            machine,
            model: Model::new(rules),
            id,
            host,
            now: START,
            out: Happenings::default(),
            waiting: BTreeSet::new(),
        }
    }

    fn run(mut self) {
        // A state is likely to stay, so that HARD ones and recoveries come about.
        let mut state = State::Ok;
        for step in 0..STEPS {
            self.pass_time();
            match self.random.below(24) {
                0 => self.restart(),
                1 => self.downtime(),
                2 => self.cancel(),
                3 => self.acknowledge(),
                4 => self.switch(),
                5 => self.heard_elsewhere(),
                _ => {
                    if self.random.one_in(3) {
                        state = self.random.one_of(&STATES);
                    }
                    self.result(state);
                }
            }
            self.compare(step);
        }
    }

    fn pass_time(&mut self) {
        let before = self.now;
        self.now += match self.random.below(30) {
            0 => -(self.random.below(7_200) as i64),
            1 => self.random.below(86_400) as i64,
            2 => 0,
            _ => self.random.below(400) as i64,
        };
        // The machine is asked as a clock would: each time that something is due, or late after a step of the clock.
        if self.random.one_in(4) {
            while let Some(due) = self.machine.next_due().filter(|due| before <= due.0 && due.0 <= self.now) {
                self.machine.tick(due, &mut self.out);
                self.model.tick(due.0);
            }
        }
        self.machine.tick(Timestamp(self.now), &mut self.out);
        self.model.tick(self.now);
    }

    fn result(&mut self, state: State) {
        let status = STATES.iter().position(|other| *other == state).unwrap() as u8;
        // Some senders' clocks are behind, some ahead, and some results come late.
        let at = match self.random.below(8) {
            0 => self.now - self.random.below(600) as i64,
            1 => self.now + self.random.below(600) as i64,
            _ => self.now,
        };
        let outcome = Outcome { status, output: state.to_string(), at: Timestamp(at), ..Outcome::default() };
        self.machine.result(self.id, &outcome, Timestamp(self.now), &mut self.out);
        self.model.result(state, at.min(self.now), self.now);
    }

    /// The state is written down, read again by a machine that knows nothing, and nothing is told by that.
    fn restart(&mut self) {
        let saved = [self.id, self.host].map(|id| serde_json::to_string(&self.machine.save(id)).unwrap());
        let kept = serde_json::to_string(&self.machine.keep()).unwrap();
        let mut machine = Machine::new(&self.definitions, TimeZone::UTC).unwrap();
        for (id, saved) in [self.id, self.host].iter().zip(&saved) {
            machine.restore(*id, &serde_json::from_str::<Saved>(saved).unwrap());
        }
        let gone = machine.restore_kept(&serde_json::from_str::<Kept>(&kept).unwrap(), self.now);
        assert_eq!(gone, []);
        let mut told = Happenings::default();
        machine.tick(Timestamp(self.now), &mut told);
        assert_eq!(told, Happenings::default(), "a restart tells nothing");
        assert_eq!(serde_json::to_string(&machine.keep()).unwrap(), kept);
        self.machine = machine;
    }

    fn downtime(&mut self) {
        let on_host = self.random.one_in(3);
        let start = self.now + self.random.below(1_200) as i64 - 300;
        let end = start + 1 + self.random.below(2_000) as i64;
        let lasts = self.random.one_in(2).then(|| 1 + self.random.below(1_500) as i64);
        let new = NewDowntime {
            object: if on_host { self.host } else { self.id },
            start,
            end,
            fixed: lasts.is_none(),
            duration: lasts.unwrap_or(0),
            triggered_by: None,
            author: "ann".into(),
            comment: "new disk".into(),
        };
        match self.command(Command::ScheduleDowntime(new)) {
            Ok(Done::Downtime(id)) => {
                self.model.downtimes.push(Planned { id, on_host, start, end, lasts, until: None });
                self.model.tick(self.now);
            }
            answer => assert!(end <= self.now, "{answer:?}"),
        }
    }

    fn cancel(&mut self) {
        let ids: Vec<u64> = self.machine.downtimes().map(|downtime| downtime.id).collect();
        if !ids.is_empty() {
            let id = self.random.one_of(&ids);
            self.command(Command::CancelDowntime { id }).unwrap();
            self.model.end(id, NoticeKind::DowntimeCancelled);
        }
    }

    fn acknowledge(&mut self) {
        if self.random.one_in(4) {
            let removed = self.command(Command::RemoveAcknowledgement { object: self.id });
            assert_eq!(removed.is_ok(), self.model.acknowledged.take().is_some());
            return;
        }
        let sticky = self.random.one_in(2);
        let (author, comment) = ("ann".to_owned(), "seen".to_owned());
        let (object, persistent) = (self.id, self.random.one_in(2));
        let answer = self.command(Command::Acknowledge {
            object,
            sticky,
            notify: false,
            persistent,
            expires: None,
            author,
            comment,
        });
        assert_eq!(answer.is_ok(), self.model.state != State::Ok);
        if answer.is_ok() {
            self.model.acknowledged = Some(sticky);
        }
    }

    fn switch(&mut self) {
        self.model.enabled = !self.model.enabled || self.random.one_in(2);
        let (object, on) = (self.id, self.model.enabled);
        self.command(Command::Switch { object, what: Switch::Notifications, on }).unwrap();
    }

    /// The incident told somebody of the end.
    fn heard_elsewhere(&mut self) {
        if let Some(contact) = self.machine.outstanding(self.id).first().cloned() {
            self.waiting.remove(&*contact);
            self.command(Command::Heard { object: self.id, contacts: vec![contact] }).unwrap();
        }
    }

    fn command(&mut self, command: Command) -> Result<Done, crate::machine::Refusal> {
        self.machine.command(command, Timestamp(self.now), &mut self.out)
    }

    fn compare(&mut self, step: u64) {
        let told: Vec<_> = self.out.notices.iter().filter(|notice| &*notice.id.monitor == "http").collect();
        let theirs: Vec<_> = self
            .model
            .told
            .iter()
            .map(|(kind, state, contact, number)| (*kind, *state, contact.to_string(), *number))
            .collect();
        let ours: Vec<_> = told
            .iter()
            .map(|notice| (notice.kind, notice.state, notice.contact.to_string(), notice.number))
            .collect();
        assert_eq!(ours, theirs, "told, in step {step}");
        for (kind, _, contact, _) in ours {
            match kind {
                NoticeKind::Problem => _ = self.waiting.insert(contact),
                NoticeKind::Recovery => _ = self.waiting.remove(&contact),
                _ => {}
            }
        }
        self.model.told.clear();
        self.out.clear();
        let status = self.machine.status(self.id, Timestamp(self.now));
        let (state_type, attempt) = match self.model.phase {
            Phase::Good => ("Hard", 1),
            Phase::Trying(tries) => ("Soft", tries),
            Phase::Confirmed => ("Hard", self.model.rules.attempts),
        };
        let ours = (
            status.state.unwrap_or(State::Ok),
            format!("{:?}", status.state_type),
            status.attempt,
            status.flapping,
            (status.percent_state_change * 1e6).round() as i64,
            status.notification_number,
            status.acknowledged(),
        );
        let model = &self.model;
        let theirs = (
            model.state,
            state_type.to_owned(),
            attempt,
            model.flapping,
            (model.percent() * 1e6).round() as i64,
            model.number,
            model.acknowledged.is_some(),
        );
        assert_eq!(ours, theirs, "state, in step {step}");
        // Whoever was told of a problem was told of its end, or is named among those who were not.
        let outstanding: BTreeSet<String> =
            self.machine.outstanding(self.id).iter().map(ToString::to_string).collect();
        assert_eq!(outstanding, self.waiting, "outstanding, in step {step}");
    }
}

fn rules(random: &mut Random) -> Rules {
    let mut some = |always: State| {
        let mut states = vec![always];
        states.extend(STATES.iter().filter(|state| **state != always && !random.one_in(4)));
        states
    };
    let options = some(State::Critical);
    let contacts = vec![("ops", some(State::Critical)), ("boss", some(State::Ok))];
    // None that a sum of weights hits: its last bit hangs on the order.
    let low = random.one_of(&[5.1, 19.9]);
    Rules {
        attempts: 1 + random.below(4) as u32,
        volatile: random.one_in(5),
        interval: random.one_of(&[0, 60, 600, 3_600]),
        delay: random.one_of(&[0, 0, 120, 900]),
        options,
        low,
        high: random.one_of(&[20.3, 30.7, 99.1]),
        contacts,
    }
}

fn text(rules: &Rules) -> String {
    let letters = |states: &[State]| {
        let letter = |state: &State| match state {
            State::Ok => "\"r\"",
            State::Warning => "\"w\"",
            State::Critical => "\"c\"",
            _ => "\"u\"",
        };
        let letters: Vec<&str> = states.iter().map(letter).chain(["\"f\"", "\"s\""]).collect();
        format!("[{}]", letters.join(", "))
    };
    let contacts: String = rules
        .contacts
        .iter()
        .map(|(name, states)| {
            format!("[[contact]]\nname = \"{name}\"\ncheck_notification_options = {}\n", letters(states))
        })
        .collect();
    format!(
        "{contacts}[[host]]\nname = \"web\"\n[[check]]\nname = \"http\"\nhost = \"web\"\ntype = \"passive\"\n\
         contacts = [\"ops\", \"boss\"]\nmax_check_attempts = {}\nvolatile = {}\nnotification_interval = \"{}s\"\n\
         first_notification_delay = \"{}s\"\nnotification_options = {}\nlow_flap_threshold = {:.1}\n\
         high_flap_threshold = {:.1}\n",
        rules.attempts,
        rules.volatile,
        rules.interval,
        rules.delay,
        letters(&rules.options),
        rules.low,
        rules.high,
    )
}
