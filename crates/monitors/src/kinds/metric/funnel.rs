//! Job queues: five counters of one queue are one funnel, from enqueued to completed, retried or given up.

use std::collections::BTreeMap;

use super::condition::Name;
use super::rule::Target;

/// What can happen to a job, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    Enqueued,
    Taken,
    Completed,
    Retried,
    GivenUp,
}

impl Stage {
    pub const ALL: [Stage; 5] =
        [Stage::Enqueued, Stage::Taken, Stage::Completed, Stage::Retried, Stage::GivenUp];

    /// What the series is called in conditions.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Enqueued => "enqueued",
            Stage::Taken => "taken",
            Stage::Completed => "completed",
            Stage::Retried => "retried",
            Stage::GivenUp => "given_up",
        }
    }

    /// The words that libraries of job queues count under.
    fn words(self) -> &'static [&'static str] {
        match self {
            Stage::Enqueued => {
                &["enqueued", "enqueue", "queued", "submitted", "published", "pushed", "added", "created"]
            }
            Stage::Taken => &[
                "taken",
                "dequeued",
                "dequeue",
                "started",
                "start",
                "reserved",
                "fetched",
                "popped",
                "received",
                "picked_up",
            ],
            Stage::Completed => &[
                "completed",
                "complete",
                "succeeded",
                "success",
                "finished",
                "done",
                "processed",
                "performed",
                "acked",
            ],
            Stage::Retried => &["retried", "retry", "retries", "requeued"],
            Stage::GivenUp => &[
                "given_up",
                "gave_up",
                "givenup",
                "abandoned",
                "failed",
                "failure",
                "dead",
                "discarded",
                "buried",
                "rejected",
            ],
        }
    }

    fn of_word(word: &str) -> Option<Stage> {
        let word = word.to_ascii_lowercase();
        Stage::ALL.into_iter().find(|stage| stage.words().contains(&word.as_str()))
    }
}

/// The counters of one queue, by stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Funnel {
    pub stages: [Option<String>; 5],
}

/// Jobs keep coming and none completes: for half a minute, or in a slow queue for ten. One job alone, however
/// long it takes, is no reason: it leaves the short window before the condition has lasted.
pub const CRITICAL: &str = "(total(enqueued) over 25s > 0 and total(completed) over 25s < 1) or (total(enqueued) over 10m >= 5 and total(completed) over 10m < 1)";
pub const LASTING_SECONDS: i64 = 25;

/// The series of a funnel, as a monitor's. What they are called differs from queue to queue.
pub fn targets() -> Vec<Target> {
    let target = |stage: Stage| Target { name: Name(stage.name().to_owned()), text: stage.name().to_owned() };
    Stage::ALL.into_iter().map(target).collect()
}

/// The queues among these series, by name. Known by what is counted first and last; the other three may be missing.
pub fn recognise<'n>(names: impl IntoIterator<Item = &'n str>) -> BTreeMap<String, Funnel> {
    let mut queues: BTreeMap<String, Funnel> = BTreeMap::new();
    for name in names {
        let Some((queue, stage)) = place_of(name) else { continue };
        let slot = &mut queues.entry(queue).or_default().stages[stage as usize];
        // StatsD writes a rate beside each count: the count has whole jobs.
        if slot.as_deref().is_none_or(|known| !counts(known) && counts(name)) {
            *slot = Some(name.to_owned());
        }
    }
    queues.retain(|_, funnel| {
        let has = |stage: Stage| funnel.stages[stage as usize].is_some();
        let known = funnel.stages.iter().flatten().count();
        has(Stage::Enqueued) && (has(Stage::Completed) || known >= 2)
    });
    queues
}

/// A target that finds the counters of this queue: where their names differ, each of the words may stand.
pub fn target_of(funnel: &Funnel) -> String {
    let names: Vec<(&str, &str)> =
        funnel.stages.iter().flatten().map(|name| vocabulary::series::split(name)).collect();
    let nodes: Vec<Vec<&str>> = names.iter().map(|(name, _)| name.split('.').collect()).collect();
    let tags = names.first().map_or("", |(_, tags)| tags);
    if !tags.is_empty() || nodes.iter().any(|one| one.len() != nodes[0].len()) {
        let words: Vec<String> = names.iter().map(|(name, _)| name.replace('.', "\\.")).collect();
        let tags = tags.split(';').filter(|tag| !tag.is_empty()).map(|tag| format!(", '{tag}'"));
        return format!("seriesByTag('name=~^({})$'{})", words.join("|"), tags.collect::<String>());
    }
    let node = |place: usize| {
        let words: std::collections::BTreeSet<&str> = nodes.iter().map(|one| one[place]).collect();
        let list: Vec<&str> = words.into_iter().collect();
        if list.len() == 1 { list[0].to_owned() } else { format!("{{{}}}", list.join(",")) }
    };
    (0..nodes.first().map_or(0, Vec::len)).map(node).collect::<Vec<_>>().join(".")
}

fn counts(name: &str) -> bool {
    name.ends_with(".count")
}

/// The queue that a counter belongs to, and what it counts: one of its nodes is a word for a stage, or a tag is.
fn place_of(name: &str) -> Option<(String, Stage)> {
    let (metric, tags) = vocabulary::series::split(name);
    let leaf = ["count", "rate", "sum"];
    let nodes: Vec<&str> = metric.split('.').collect();
    let last = nodes.len() - usize::from(nodes.last().is_some_and(|node| leaf.contains(node)));
    let (place, stage) = nodes[..last]
        .iter()
        .enumerate()
        .rev()
        .find_map(|(place, node)| Some((place, Stage::of_word(node)?)))?;
    let rest: Vec<&str> = nodes[..last]
        .iter()
        .enumerate()
        .filter(|(index, _)| *index != place)
        .map(|(_, node)| *node)
        .collect();
    if rest.is_empty() {
        return None;
    }
    let tags = if tags.is_empty() { String::new() } else { format!(";{tags}") };
    Some((rest.join(".") + &tags, stage))
}
