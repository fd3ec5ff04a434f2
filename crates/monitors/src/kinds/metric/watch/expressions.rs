//! Targets that are not plain names: evaluated from the second on that was last fed.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::super::ranking;
use super::super::source::{Found, Look, Slots};
use super::WatchStats;
use super::instance::FIRST_LAG_SECONDS;
use super::items::primary;
use super::watched::{Making, Watched};
use crate::limits::CATCH_UP_SECONDS;

type Series = Rc<Vec<(Found, Slots)>>;

/// Target, from, until.
type Asked = (String, i64, i64);

/// Evaluates targets, those that several monitors ask for once.
pub struct Evaluator<'l> {
    look: &'l Look<'l>,
    done: RefCell<HashMap<Asked, Result<Series, String>>>,
}

impl<'l> Evaluator<'l> {
    pub fn new(look: &'l Look<'l>) -> Evaluator<'l> {
        Evaluator { look, done: RefCell::default() }
    }

    fn evaluate(&self, target: &str, from: i64, until: i64) -> Result<Series, String> {
        let key = (target.to_owned(), from, until);
        if let Some(done) = self.done.borrow().get(&key) {
            return done.clone();
        }
        let done = self.look.evaluate(target, from, until).map(Rc::new);
        self.done.borrow_mut().insert(key, done.clone());
        done
    }
}

impl Watched {
    pub fn feed_expressions(
        &mut self,
        evaluator: &Evaluator<'_>,
        making: Making<'_>,
        stats: &mut WatchStats,
        budget: &mut i64,
    ) {
        let Some((from, until)) = self.due_expression(making.now) else { return };
        let rows = match self.evaluate(evaluator, from, until) {
            Ok(rows) => rows,
            Err(why) => {
                stats.failed_reads += 1;
                self.trouble = Some(why);
                return;
            }
        };
        let primary = primary(&self.rule);
        let first = self.rule.inputs.iter().position(|input| input.target == primary).unwrap_or(0);
        let names = rows.get(first).into_iter().flat_map(|found| found.iter());
        let names = names.map(|(found, _)| (Arc::clone(&found.name), Arc::clone(&found.key))).collect();
        self.found(names, making, stats);
        let jobs = self.rows_of_instances(&rows);
        let rule = Arc::clone(&self.rule);
        if rule.ranks() {
            let newest = jobs.iter().enumerate();
            ranking::rank(&rule, newest, |instance, input, place| {
                self.instances[instance].track.rank(input, place)
            });
        }
        for (instance, rows) in self.instances.iter_mut().zip(jobs) {
            *budget -= until - from;
            instance.feed(&rule, &rows, until, making.now, false, stats);
        }
    }

    /// The seconds that are to be looked at now.
    fn due_expression(&self, now: i64) -> Option<(i64, i64)> {
        let oldest = self.instances.iter().map(|instance| instance.cursor).min();
        let from = oldest.unwrap_or(now - FIRST_LAG_SECONDS - 1 - self.rule.memory());
        let step = self.instances.iter().map(|instance| instance.step).min().unwrap_or(1);
        (now >= from + step).then_some((from, now.min(from + CATCH_UP_SECONDS)))
    }

    fn evaluate(&self, evaluator: &Evaluator<'_>, from: i64, until: i64) -> Result<Vec<Series>, String> {
        let inputs = self.rule.inputs.iter();
        let evaluated = inputs.map(|input| {
            let target = &self.rule.targets[input.target].text;
            evaluator.evaluate(target, from - input.earlier, until - input.earlier)
        });
        evaluated.collect()
    }

    /// Of each instance a row for each input.
    fn rows_of_instances(&self, rows: &[Series]) -> Vec<Vec<Option<Slots>>> {
        let by_key: Vec<HashMap<&str, &Slots>> = rows.iter().map(|found| by_key(found)).collect();
        let of_instance = |key: &str| -> Vec<Option<Slots>> {
            by_key
                .iter()
                .map(|found| found.get(key).or_else(|| found.get("")).map(|slots| (*slots).clone()))
                .collect()
        };
        self.instances.iter().map(|instance| of_instance(&instance.key)).collect()
    }
}

fn by_key(found: &[(Found, Slots)]) -> HashMap<&str, &Slots> {
    found.iter().map(|(found, slots)| (&*found.key, slots)).collect()
}
