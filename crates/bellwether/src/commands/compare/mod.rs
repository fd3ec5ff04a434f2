//! `bellwether compare --graphite URL`: beside the Graphite that is to be replaced, asks both the same and tells
//! every difference, with its cause where the answers show it.
//!
//! A round goes through everything once: `names` (which series there are), `archives` (how each is kept), `stored`
//! (their points, compared by `points`, explained by `causes` and `hints`), `lists` and `targets` (answers to what people draw). `ledger`
//! knows what was told before, `report` tells.

mod archives;
mod causes;
mod hints;
mod ledger;
mod lists;
mod names;
mod original;
mod points;
mod raw;
mod report;
mod sides;
mod stored;
mod targets;

use std::io::IsTerminal;
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::{Common, CompareOptions};
use crate::clock::SystemClock;
use crate::failure::Failure;
use archives::Archives;
use hints::Hints;
use ledger::Ledger;
use names::Alike;
use original::{Original, Trouble};
use report::{Difference, Round};
use sides::Sides;
use stored::{BATCH, Pending};

/// Differences in slots newer than this are looked at again before they are told: points may come late.
const RECENT_SECONDS_MIN: i64 = 600;
/// How long an original that is away is waited for with `--once`.
const PATIENCE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

struct Comparison {
    sides: Sides,
    theirs: Archives,
    ours: Archives,
    ledger: Ledger,
    hints: Hints,
    round: Round,
    pending: Vec<Pending>,
    /// Seconds.
    settle: i64,
    only: Vec<String>,
    targets: Vec<String>,
    dashboards: bool,
    rest: Duration,
    once: bool,
    json: bool,
    progress: bool,
}

pub fn run(common: &Common, options: &CompareOptions) -> Result<(), Failure> {
    if let Some(status) = &options.nagios {
        return super::nagios::compare::run(common, options, status);
    }
    let graphite = options.graphite.as_deref().unwrap_or_default();
    let authorization = std::env::var("GRAPHITE_AUTHORIZATION").ok().filter(|value| !value.is_empty());
    let theirs = Original::new(graphite, authorization.as_deref(), options.rate)?;
    let mut targets = Vec::new();
    for file in &options.targets {
        targets.extend(targets::read(file)?);
    }
    let ours = super::server(common)?;
    let mut comparison = Comparison {
        sides: Sides { theirs, ours },
        theirs: Archives::default(),
        ours: Archives::default(),
        ledger: Ledger::default(),
        hints: Hints::default(),
        round: Round::default(),
        pending: Vec::new(),
        settle: options.settle.0.as_secs() as i64,
        only: options.only.clone(),
        targets,
        dashboards: options.dashboards,
        rest: options.rest.0,
        once: options.once,
        json: common.json,
        progress: std::io::stderr().is_terminal() && !common.json,
    };
    super::block_on(async {
        tokio::select! {
            ended = comparison.rounds() => ended?,
            _ = tokio::signal::ctrl_c() => {}
        }
        match comparison.ledger.real() {
            0 => Ok(()),
            1 => Err(Failure::new("1 difference")),
            count => Err(Failure::new(format!("{} differences", super::grouped(count as u64)))),
        }
    })
}

pub fn now() -> i64 {
    use vocabulary::Clock;
    SystemClock.now().0
}

impl Comparison {
    async fn rounds(&mut self) -> Result<(), Failure> {
        loop {
            let begun = Instant::now();
            self.round = Round { number: self.round.number + 1, ..Round::default() };
            self.ledger.begin();
            self.one_round().await?;
            self.round.seconds = begun.elapsed().as_secs();
            self.end_round()?;
            if self.once {
                return Ok(());
            }
            tokio::time::sleep(self.rest).await;
        }
    }

    async fn one_round(&mut self) -> Result<(), Failure> {
        let names = self.persist(async |this| names::names(&mut this.sides, &this.only).await).await?;
        self.hints = Hints::of(&self.sides.ours).await;
        self.round.left_out = names.left_out.clone();
        self.round.series = (names.both.len() + names.only_there.len() + names.only_here.len()) as u64;
        if self.round.series == 0 && self.round.number == 1 && !self.only.is_empty() {
            let prefixes = self.only.join(" or ");
            return Err(Failure::new(format!(
                "nothing to compare: no series begins with {prefixes}, here or there"
            )));
        }
        for difference in names::only_here(&names.only_here) {
            self.tell(difference)?;
        }
        let alike = Alike::new(&names.only_here);
        let total = names.both.len() + names.only_there.len();
        for (done, batch) in names.only_there.chunks(BATCH).enumerate() {
            self.show_progress(done * BATCH, total);
            let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
            self.persist(async |this| this.only_there(&batch, &alike).await).await?;
        }
        for (done, batch) in names.both.chunks(BATCH).enumerate() {
            self.show_progress(names.only_there.len() + done * BATCH, total);
            let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
            self.persist(async |this| this.batch(&batch, None).await).await?;
            self.look_again(false).await?;
        }
        self.look_again(true).await?;
        self.persist(async |this| this.lists(&names).await).await?;
        self.answers().await
    }

    /// To what people draw. Stored points come first: they explain most answers that differ.
    async fn answers(&mut self) -> Result<(), Failure> {
        let mut targets = self.targets.clone();
        if self.dashboards {
            targets.extend(self.persist(async |this| this.targets_of_dashboards().await).await?);
        }
        targets.sort();
        targets.dedup();
        self.round.targets = targets.len() as u64;
        for target in &targets {
            self.persist(async |this| this.target(target).await).await?;
        }
        Ok(())
    }

    /// At what was too new to judge.
    async fn look_again(&mut self, wait: bool) -> Result<(), Failure> {
        while let Some(pending) = self.pending.first() {
            let early = pending.due - now();
            if early > 0 && !wait {
                return Ok(());
            }
            if early > 0 {
                self.say_progress(&format!("looking again in {early} s at what was too new"));
                tokio::time::sleep(Duration::from_secs(early as u64)).await;
            }
            let pending = self.pending.remove(0);
            for batch in pending.names.chunks(BATCH) {
                let batch: Vec<&str> = batch.iter().map(String::as_str).collect();
                self.persist(async |this| this.batch(&batch, Some(pending.until)).await).await?;
            }
        }
        Ok(())
    }

    /// Do it, and again when somebody was away in between.
    async fn persist<T>(
        &mut self,
        work: impl AsyncFn(&mut Comparison) -> Result<T, Trouble>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        let mut pause = Duration::from_secs(1);
        let mut told = false;
        loop {
            let trouble = match work(self).await {
                Ok(done) => {
                    if told {
                        eprintln!("{}: they answer again", report::time(now()));
                    }
                    return Ok(done);
                }
                Err(trouble) => trouble,
            };
            let started = self.round.number > 1 || self.round.points > 0;
            let hopeless = matches!(trouble, Trouble::Elsewhere(_) | Trouble::Refused { .. }) && !started;
            if hopeless || (self.once && begun.elapsed() > PATIENCE) {
                return Err(Failure::new(format!("could not compare: {trouble}")));
            }
            if !told {
                eprintln!("{}: waiting: {trouble}", report::time(now()));
                told = true;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn recent(&self) -> i64 {
        (5 * self.settle).max(RECENT_SECONDS_MIN)
    }

    fn see(&mut self, difference: Difference) -> Result<(), Trouble> {
        self.tell(difference).map_err(|failure| Trouble::Elsewhere(failure.message))
    }

    /// Scripts hear of each at once, people at the end of the round.
    fn tell(&mut self, mut difference: Difference) -> Result<(), Failure> {
        self.hints.explain(&mut difference);
        let line = self.json.then(|| difference.json("new", now()));
        let new = self.ledger.see(difference, now());
        match line {
            Some(line) if new => super::print_or_end(format!("{line}\n")),
            _ => Ok(()),
        }
    }

    fn end_round(&mut self) -> Result<(), Failure> {
        self.say_progress("");
        let gone = self.ledger.end();
        let (new, not_kept) = (self.ledger.new_in_round(), self.ledger.not_kept);
        if !self.json {
            let text = report::summary(&self.round, &self.ledger.all(), gone.len(), not_kept);
            return super::print_or_end(text);
        }
        let mut lines: Vec<String> = gone
            .iter()
            .map(|(difference, first_seen)| difference.json("gone", *first_seen).to_string())
            .collect();
        lines.push(self.round.json(new, self.ledger.len(), gone.len(), not_kept).to_string());
        super::print_or_end(format!("{}\n", lines.join("\n")))
    }

    fn show_progress(&self, done: usize, total: usize) {
        let (done, total) = (super::grouped(done as u64), super::grouped(total as u64));
        self.say_progress(&format!(
            "round {}: {done} of {total} series, {} differences",
            self.round.number,
            super::grouped(self.ledger.len() as u64)
        ));
    }

    fn say_progress(&self, text: &str) {
        if self.progress {
            eprint!("\r\x1b[K{text}");
        }
    }
}
