//! What becomes of a point by the rules: refused, renamed, aggregated, stored, sent on. Decided once for each name and
//! remembered; without sockets and clocks.
//!
//! The order is that of carbon's daemons put one behind the other: blacklist and whitelist on the name as it came,
//! rewriting before aggregation, aggregation, rewriting behind it, relay. Aggregates go to store and relay as they are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use formats::carbon_rules::{Destination, Method, Stage};
use formats::python_regex::{Pattern, Template};
use parking_lot::Mutex;
use vocabulary::{PointBatch, Timestamp};

use super::aggregation::{Buffers, Pace};
use super::config::{Aggregation, Expression, RelayConfig, RelayMethod, Rewrite, Rule, Text};
use super::ring::Ring;
use crate::limits;
use crate::stats::Sorted;

pub struct Plan {
    config: RelayConfig,
    blacklist: Vec<Text<Expression>>,
    whitelist: Vec<Text<Expression>>,
    rewrites: Vec<Rewriting>,
    aggregations: Vec<Aggregating>,
    pub destinations: Vec<Destination>,
    router: Router,
    verdicts: Verdicts,
    /// Expressions that gave up on a name, which was then taken as not matching.
    pub gave_up: AtomicU64,
}

struct Rewriting {
    stage: Stage,
    pattern: Pattern,
    replacement: Template,
}

struct Aggregating {
    input: Pattern,
    output: Template,
    method: Method,
    frequency: i64,
}

struct Routing {
    /// `None`: all names.
    pattern: Option<Pattern>,
    destinations: Vec<usize>,
    goes_on: bool,
}

enum Router {
    Nowhere,
    /// The default rule last.
    Rules(Vec<Routing>),
    Ring(Ring),
    /// Where the aggregates of a name belong, so that those who aggregate get all of it.
    AggregateRing(Ring),
}

/// What becomes of a name's points.
#[derive(Debug)]
enum Verdict {
    Blacklisted,
    NotWhitelisted,
    Taken(Way),
}

#[derive(Debug)]
struct Way {
    aggregates: Vec<(Arc<str>, Method, i64)>,
    /// The single points go on, under this name if it is another one.
    name: Option<String>,
    passes: bool,
    destinations: Vec<usize>,
}

/// A batch when it was looked through.
#[derive(Default)]
pub struct Parcels {
    pub to_store: PointBatch,
    /// By the destination's number.
    pub to_send: Vec<PointBatch>,
    pub sorted: Sorted,
}

impl Plan {
    /// `None` if there is nothing to decide. Fails where `RelayConfig::problems` tells of a problem.
    pub fn new(
        config: &RelayConfig,
        blacklist: &[Text<Expression>],
        whitelist: &[Text<Expression>],
    ) -> Result<Option<Plan>, String> {
        let idle = config.method == RelayMethod::Off
            && config.rewrite.is_empty()
            && config.aggregation.is_empty()
            && blacklist.is_empty()
            && whitelist.is_empty();
        if idle {
            return Ok(None);
        }
        let destinations = config.all_destinations();
        Ok(Some(Plan {
            config: config.clone(),
            blacklist: blacklist.to_vec(),
            whitelist: whitelist.to_vec(),
            rewrites: config.rewrite.iter().map(rewriting).collect::<Result<_, _>>()?,
            aggregations: config.aggregation.iter().map(aggregating).collect::<Result<_, _>>()?,
            router: router(config, &destinations)?,
            destinations,
            verdicts: Verdicts::default(),
            gave_up: AtomicU64::new(0),
        }))
    }

    pub fn is_of(
        &self,
        config: &RelayConfig,
        blacklist: &[Text<Expression>],
        whitelist: &[Text<Expression>],
    ) -> bool {
        self.config == *config && self.blacklist == blacklist && self.whitelist == whitelist
    }

    /// Other rules aggregate otherwise, so that what was gathered by these is told before.
    pub fn aggregates_as(&self, other: &Plan) -> bool {
        self.config.aggregation == other.config.aggregation && self.pace() == other.pace()
    }

    pub fn pace(&self) -> Pace {
        let write_back = self.config.write_back_frequency.0.as_secs() as i64;
        Pace {
            max_intervals: i64::from(self.config.max_aggregation_intervals),
            write_back_seconds: (write_back > 0).then_some(write_back),
        }
    }

    pub fn sort(&self, batch: &PointBatch, buffers: &Mutex<Buffers>, now: Timestamp) -> Parcels {
        let mut parcels = self.parcels();
        let pace = self.pace();
        let mut buffers_of_batch = None;
        for point in batch.iter() {
            let verdict = self.verdicts.of(point.name, || self.judge(point.name));
            let way = match &*verdict {
                Verdict::Blacklisted => {
                    parcels.sorted.blacklisted += 1;
                    continue;
                }
                Verdict::NotWhitelisted => {
                    parcels.sorted.not_whitelisted += 1;
                    continue;
                }
                Verdict::Taken(way) => way,
            };
            for (name, method, frequency) in &way.aggregates {
                let buffers = buffers_of_batch.get_or_insert_with(|| buffers.lock());
                buffers.take(name, (*method, *frequency), (point.time, point.value), pace, now);
            }
            if !way.passes {
                let counter = match way.aggregates.is_empty() {
                    true => &mut parcels.sorted.unaggregated,
                    false => &mut parcels.sorted.aggregated,
                };
                *counter += 1;
                continue;
            }
            let name = way.name.as_ref().map_or(point.name, String::as_bytes);
            self.hand_out(name, point.time, point.value, &way.destinations, &mut parcels);
        }
        parcels
    }

    /// Aggregates on their way: no filter, no rewriting, no aggregation again.
    pub fn sort_aggregates(&self, batch: &PointBatch) -> Parcels {
        let mut parcels = self.parcels();
        for point in batch.iter() {
            let name = String::from_utf8_lossy(point.name);
            let destinations = self.destinations_of(&name);
            self.hand_out(point.name, point.time, point.value, &destinations, &mut parcels);
        }
        parcels
    }

    fn parcels(&self) -> Parcels {
        let to_send = self.destinations.iter().map(|_| PointBatch::default()).collect();
        Parcels { to_send, ..Parcels::default() }
    }

    fn hand_out(
        &self,
        name: &[u8],
        time: Timestamp,
        value: f64,
        destinations: &[usize],
        parcels: &mut Parcels,
    ) {
        for destination in destinations {
            parcels.to_send[*destination].push(name, time, value);
        }
        if self.config.store {
            parcels.to_store.push(name, time, value);
        } else if destinations.is_empty() {
            parcels.sorted.unroutable += 1;
        } else {
            parcels.sorted.relayed += 1;
        }
    }

    fn judge(&self, name: &[u8]) -> Verdict {
        let name = String::from_utf8_lossy(name);
        let listed =
            |list: &[Text<Expression>]| list.iter().any(|Text(entry)| self.is_in(&entry.pattern, &name));
        if listed(&self.blacklist) {
            return Verdict::Blacklisted;
        }
        if !self.whitelist.is_empty() && !listed(&self.whitelist) {
            return Verdict::NotWhitelisted;
        }
        Verdict::Taken(self.way(&name))
    }

    fn way(&self, received: &str) -> Way {
        let before = self.rewritten(received, Stage::Pre);
        let aggregates = self.aggregates(&before);
        let own = aggregates.iter().any(|(aggregate, _, _)| **aggregate == *before);
        // An aggregate under the name of its own input takes its place.
        let passes = !self.aggregates_here() || (self.config.forward_all && !own);
        let behind = self.rewritten(&before, Stage::Post);
        let name = match self.config.normalize_tags {
            // As carbon does, what has no proper tags stays as it is.
            true => {
                vocabulary::series::canonical(&behind).map_or_else(|_| behind.to_string(), Cow::into_owned)
            }
            false => behind.into_owned(),
        };
        let destinations = if passes { self.destinations_of(&name) } else { Vec::new() };
        Way { aggregates, name: (name != received).then_some(name), passes, destinations }
    }

    /// Those who get what `aggregated-consistent-hashing` sends aggregate.
    fn aggregates_here(&self) -> bool {
        !self.config.aggregation.is_empty() && !matches!(self.router, Router::AggregateRing(_))
    }

    fn aggregates(&self, name: &str) -> Vec<(Arc<str>, Method, i64)> {
        if !self.aggregates_here() {
            return Vec::new();
        }
        let of = |rule: &Aggregating| Some((self.aggregate(rule, name)?.into(), rule.method, rule.frequency));
        self.aggregations.iter().filter_map(of).collect()
    }

    fn aggregate(&self, rule: &Aggregating, name: &str) -> Option<String> {
        self.note(rule.input.expand(name, &rule.output)).flatten()
    }

    fn rewritten<'n>(&self, name: &'n str, stage: Stage) -> Cow<'n, str> {
        let rules = self.rewrites.iter().filter(|rule| rule.stage == stage);
        rules.fold(Cow::Borrowed(name), |name, rule| self.rewrite(rule, name))
    }

    fn rewrite<'n>(&self, rule: &Rewriting, name: Cow<'n, str>) -> Cow<'n, str> {
        match self.note(rule.pattern.replace(&name, &rule.replacement)) {
            Some(replaced) if replaced != *name => Cow::Owned(replaced),
            _ => name,
        }
    }

    fn destinations_of(&self, name: &str) -> Vec<usize> {
        match &self.router {
            Router::Nowhere => Vec::new(),
            Router::Rules(rules) => self.by_rules(rules, name),
            Router::Ring(ring) => self.replicas(ring, name),
            Router::AggregateRing(ring) => {
                let of = |rule: &Aggregating| self.aggregate(rule, name);
                let mut keys: Vec<String> = self.aggregations.iter().filter_map(of).collect();
                if keys.is_empty() {
                    keys.push(name.to_owned());
                }
                let mut found: Vec<usize> = Vec::new();
                keys.iter().for_each(|key| add(&mut found, &self.replicas(ring, key)));
                found
            }
        }
    }

    fn by_rules(&self, rules: &[Routing], name: &str) -> Vec<usize> {
        let mut found = Vec::new();
        for rule in rules {
            let matches = rule.pattern.as_ref().is_none_or(|pattern| self.is_in(pattern, name));
            if matches {
                add(&mut found, &rule.destinations);
                if !rule.goes_on {
                    break;
                }
            }
        }
        found
    }

    fn replicas(&self, ring: &Ring, name: &str) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        for node in ring.nodes(name) {
            let host = |node: usize| &self.destinations[node].host;
            let taken = self.config.diverse_replicas && found.iter().any(|other| host(*other) == host(node));
            if !taken {
                found.push(node);
            }
            if found.len() >= self.config.replication_factor {
                break;
            }
        }
        found
    }

    fn is_in(&self, pattern: &Pattern, name: &str) -> bool {
        self.note(pattern.is_in(name)).unwrap_or(false)
    }

    fn note<T>(&self, outcome: Result<T, String>) -> Option<T> {
        if outcome.is_err() {
            self.gave_up.fetch_add(1, Ordering::Relaxed);
        }
        outcome.ok()
    }
}

fn router(config: &RelayConfig, destinations: &[Destination]) -> Result<Router, String> {
    Ok(match config.method {
        RelayMethod::Off => Router::Nowhere,
        RelayMethod::Rules => {
            let (default, others): (Vec<&Rule>, Vec<&Rule>) =
                config.rule.iter().partition(|rule| rule.default);
            let in_order = others.into_iter().chain(default);
            Router::Rules(in_order.map(|rule| routing(rule, destinations)).collect::<Result<_, _>>()?)
        }
        RelayMethod::ConsistentHashing => Router::Ring(Ring::new(destinations, config.hash)),
        RelayMethod::AggregatedConsistentHashing => {
            Router::AggregateRing(Ring::new(destinations, config.hash))
        }
    })
}

fn routing(rule: &Rule, destinations: &[Destination]) -> Result<Routing, String> {
    let number = |text: &Text<Destination>| destinations.iter().position(|other| *other == text.0);
    let destinations = rule.destinations.iter().filter_map(number).collect();
    Ok(Routing { pattern: rule.compiled()?, destinations, goes_on: rule.goes_on })
}

fn rewriting(rule: &Rewrite) -> Result<Rewriting, String> {
    let (pattern, replacement) = rule.compiled()?;
    Ok(Rewriting { stage: rule.stage.0, pattern, replacement })
}

fn aggregating(rule: &Aggregation) -> Result<Aggregating, String> {
    let (input, output) = rule.compiled()?;
    let frequency = (rule.frequency.0.as_secs() as i64).max(1);
    Ok(Aggregating { input, output, method: rule.method.0, frequency })
}

fn add(found: &mut Vec<usize>, more: &[usize]) {
    for destination in more {
        if !found.contains(destination) {
            found.push(*destination);
        }
    }
}

/// What was decided, by name. Full, a part of it begins anew.
#[derive(Default)]
struct Verdicts {
    parts: [Mutex<ByName>; PARTS],
}

type ByName = HashMap<Box<[u8]>, Arc<Verdict>>;

/// So that threads rarely meet at one.
const PARTS: usize = 16;

impl Verdicts {
    fn of(&self, name: &[u8], judge: impl FnOnce() -> Verdict) -> Arc<Verdict> {
        if name.len() > limits::VERDICT_NAME_BYTES_MAX {
            return Arc::new(judge());
        }
        // Names of one kind differ at their end.
        let end = name.iter().rev().take(8).fold(0usize, |sum, byte| sum * 31 + usize::from(*byte));
        let part = &self.parts[end % PARTS];
        if let Some(verdict) = part.lock().get(name) {
            return Arc::clone(verdict);
        }
        let verdict = Arc::new(judge());
        let mut part = part.lock();
        if part.len() >= limits::VERDICTS_MAX / PARTS {
            part.clear();
        }
        part.insert(name.into(), Arc::clone(&verdict));
        verdict
    }
}
