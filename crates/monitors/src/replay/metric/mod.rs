//! A metric monitor over stored series.
//!
//! Stored series are read in long rows, many at a time, and judged on two threads; what a rule asks of the value alone
//! is looked for in the row itself, and only what is near it is judged slot by slot.

mod answer;
mod passage;

use std::collections::BTreeMap;
use std::sync::Arc;

use vocabulary::{SeriesRef, Timestamp};

use super::pages::Teller;
use crate::config::{Definitions, MonitorConfig};
use crate::kinds::metric::feed::step_of;
use crate::kinds::metric::ranking;
use crate::kinds::metric::source::{Slots, Subject};
use crate::kinds::metric::track::Blind;
use crate::kinds::metric::watch::{Finder, Item, find_all, primary};
use crate::kinds::metric::{Look, Rule};
use crate::limits::{
    MAX_REPLAY_INSTANCES, REPLAY_EXPRESSION_SECONDS, REPLAY_ROW_SLOTS, REPLAY_ROWS_SLOTS, REPLAY_THREADS,
};

pub use answer::{OfInstance, Replayed};
use passage::Passage;

/// The window that is looked at.
#[derive(Clone, Debug)]
pub struct Past {
    pub from: Timestamp,
    pub until: Timestamp,
    pub blind: Blind,
}

/// For whoever reads it: with as many firings as an answer holds.
pub fn replay(
    config: &MonitorConfig,
    all: &Definitions,
    look: &Look<'_>,
    past: &Past,
) -> Result<Replayed, String> {
    let mut answer = whole(config, all, look, past)?;
    answer.cut();
    Ok(answer)
}

/// For whoever counts: with all firings.
pub fn whole(
    config: &MonitorConfig,
    all: &Definitions,
    look: &Look<'_>,
    past: &Past,
) -> Result<Replayed, String> {
    let rule = Rule::new(config).map_err(|problems| {
        problems.iter().map(|(key, why)| format!("{key}: {why}")).collect::<Vec<_>>().join("\n")
    })?;
    let subjects: Vec<Subject> = rule.targets.iter().map(|target| Subject::of(&target.text)).collect();
    let expression =
        subjects.iter().any(|subject| matches!(subject, Subject::Expression(_))) && rule.funnel.is_none();
    let (passages, left_out) = match expression {
        true => of_expressions(&rule, look, past)?,
        false => of_stored(&rule, &subjects, look, past)?,
    };
    let mut answer = Replayed {
        from: past.from.0,
        until: past.until.0,
        instances_left_out: left_out,
        warning_lines: rule.warning.iter().flat_map(|level| level.condition.lines()).collect(),
        critical_lines: rule.critical.iter().flat_map(|level| level.condition.lines()).collect(),
        ..Replayed::default()
    };
    let mut teller = Teller::new(config, all, look.zone.clone())?;
    for passage in &passages {
        let pages = teller.tell(&rule, &passage.name, &passage.standings, past.until.0)?;
        answer.take(passage, &pages, past);
    }
    answer.sort();
    answer.doubts.sort_by_key(|doubt| (doubt.from, doubt.step));
    answer.doubts.dedup_by(|b, a| {
        a.reason == b.reason && b.from <= a.until && {
            a.until = a.until.max(b.until);
            true
        }
    });
    Ok(answer)
}

fn of_stored(
    rule: &Rule,
    subjects: &[Subject],
    look: &Look<'_>,
    past: &Past,
) -> Result<(Vec<Passage>, u64), String> {
    let mut items = find_all(rule, subjects, &Finder::new(look), &[])?;
    items.retain(|item| item.stored.iter().any(Option::is_some));
    let left_out = items.len().saturating_sub(MAX_REPLAY_INSTANCES) as u64;
    items.truncate(MAX_REPLAY_INSTANCES);
    if rule.ranks() {
        return ranked(rule, &items, look, past).map(|passages| (passages, left_out));
    }
    // Every thread takes every second item, so that long and short ones meet.
    let shares: Vec<Vec<&Item>> =
        (0..REPLAY_THREADS).map(|share| items.iter().skip(share).step_by(REPLAY_THREADS).collect()).collect();
    let done: Vec<Result<Vec<Passage>, String>> = std::thread::scope(|scope| {
        let run = |share: &Vec<&Item>| {
            share.chunks(batch(rule)).map(|batch| pass(rule, batch, look, past)).collect()
        };
        let threads: Vec<_> = shares
            .iter()
            .map(|share| scope.spawn(move || -> Result<Vec<Vec<Passage>>, String> { run(share) }))
            .collect();
        threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(passages) => passages.map(|passages| passages.into_iter().flatten().collect()),
                Err(_) => Err("the replay failed; the log says where".to_owned()),
            })
            .collect()
    });
    let mut passages = Vec::with_capacity(items.len());
    for share in done {
        passages.extend(share?);
    }
    passages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((passages, left_out))
}

/// So many instances are read at a time.
fn batch(rule: &Rule) -> usize {
    (REPLAY_ROWS_SLOTS / REPLAY_ROW_SLOTS / rule.inputs.len().max(1)).max(1)
}

/// Some instances through the whole of the window.
fn pass(rule: &Rule, items: &[&Item], look: &Look<'_>, past: &Past) -> Result<Vec<Passage>, String> {
    let mut passages: Vec<Passage> = items.iter().map(|item| Passage::new(rule, &item.name, past)).collect();
    let mut from = past.from.0 - rule.memory();
    while from < past.until.0 {
        let until = row_end(items, look, from, past);
        let rows = rows_of(rule, items, look, (from, until))?;
        for (passage, rows) in passages.iter_mut().zip(&rows) {
            passage.feed(rule, rows, until, past);
        }
        from = until;
    }
    Ok(passages)
}

/// The end of the next rows. One row comes out of one archive: it ends where a finer one reaches back to.
fn row_end(items: &[&Item], look: &Look<'_>, from: i64, past: &Past) -> i64 {
    let stored = items.iter().flat_map(|item| item.stored.iter().flatten());
    let policies = stored.filter_map(|stored| look.source.describe(stored.series)).map(|info| info.policy);
    let mut end = i64::MAX;
    for policy in policies {
        let serving = policy.archives.serving(Timestamp(from), look.now);
        end = end.min(from + serving.step.seconds() * REPLAY_ROW_SLOTS as i64);
        for archive in policy.archives.as_slice() {
            let reaches = look.now.0 - archive.retention_seconds;
            if reaches > from {
                end = end.min(reaches + archive.step.seconds());
            }
        }
    }
    end.min(past.until.0).max(from + 1)
}

/// The rows of each item, one for each input.
fn rows_of(
    rule: &Rule,
    items: &[&Item],
    look: &Look<'_>,
    (from, until): (i64, i64),
) -> Result<Vec<Vec<Option<Slots>>>, String> {
    let mut rows: Vec<Vec<Option<Slots>>> = items.iter().map(|_| vec![None; rule.inputs.len()]).collect();
    for (number, input) in rule.inputs.iter().enumerate() {
        let stored = |item: &&Item| item.stored[input.target];
        let wanted: Vec<(usize, _)> =
            items.iter().enumerate().filter_map(|(place, item)| Some((place, stored(item)?))).collect();
        let series: Vec<SeriesRef> = wanted.iter().map(|(_, stored)| stored.series).collect();
        let found = look
            .fetch(&series, from - input.earlier, until - input.earlier)
            .map_err(|error| error.to_string())?;
        for ((place, stored), row) in wanted.into_iter().zip(found) {
            rows[place][number] = Some(Slots::of_row(row, &stored));
        }
    }
    Ok(rows)
}

/// Rules that compare instances with each other go through the window slot by slot, all together.
fn ranked(rule: &Rule, items: &[Item], look: &Look<'_>, past: &Past) -> Result<Vec<Passage>, String> {
    let items: Vec<&Item> = items.iter().collect();
    let mut passages: Vec<Passage> = items.iter().map(|item| Passage::new(rule, &item.name, past)).collect();
    let mut from = past.from.0 - rule.memory();
    while from < past.until.0 {
        let until = row_end(&items, look, from, past)
            .min(from + (REPLAY_ROWS_SLOTS / items.len().max(1)).max(60) as i64);
        let rows = rows_of(rule, &items, look, (from, until))?;
        slot_by_slot(rule, &mut passages, &rows, (from, until), past);
        from = until;
    }
    Ok(passages)
}

fn slot_by_slot(
    rule: &Rule,
    passages: &mut [Passage],
    rows: &[Vec<Option<Slots>>],
    (from, until): (i64, i64),
    past: &Past,
) {
    let step = rows.iter().map(|rows| step_of(rule, rows)).min().unwrap_or(1);
    let mut at = from - from.rem_euclid(step) + step;
    while at <= until {
        for (number, input) in rule.inputs.iter().enumerate() {
            let value = |rows: &Vec<Option<Slots>>| {
                let row = rows[number].as_ref()?;
                row.beginning(at - row.step - input.earlier, at - input.earlier)?.map(|point| point.value)
            };
            let mut values: Vec<(usize, Option<f64>)> = rows.iter().map(value).enumerate().collect();
            ranking::order(&mut values);
            for (place, (instance, value)) in values.iter().enumerate() {
                passages[*instance].track.rank(number, value.map(|_| place as u32 + 1));
            }
        }
        for (passage, rows) in passages.iter_mut().zip(rows) {
            passage.feed(rule, rows, at, past);
        }
        at += step;
    }
}

fn of_expressions(rule: &Rule, look: &Look<'_>, past: &Past) -> Result<(Vec<Passage>, u64), String> {
    let mut passages: BTreeMap<Arc<str>, (Arc<str>, Passage)> = BTreeMap::new();
    let first = primary(rule);
    let first = rule.inputs.iter().position(|input| input.target == first).unwrap_or(0);
    let (mut from, mut left_out) = (past.from.0 - rule.memory(), 0);
    while from < past.until.0 {
        let until = (from + REPLAY_EXPRESSION_SECONDS).min(past.until.0);
        let mut found = Vec::with_capacity(rule.inputs.len());
        for input in &rule.inputs {
            let target = &rule.targets[input.target].text;
            found.push(look.evaluate(target, from - input.earlier, until - input.earlier)?);
        }
        for (series, _) in found.get(first).into_iter().flatten() {
            if !passages.contains_key(&series.name) && passages.len() >= MAX_REPLAY_INSTANCES {
                left_out += 1;
                continue;
            }
            passages.entry(Arc::clone(&series.name)).or_insert_with(|| {
                (Arc::clone(&series.key), Passage::beginning(rule, &series.name, from, past))
            });
        }
        for (key, passage) in passages.values_mut() {
            let row = |found: &Vec<(crate::kinds::metric::source::Found, Slots)>| {
                let own = found.iter().find(|(series, _)| series.key == *key);
                own.or_else(|| found.iter().find(|(series, _)| series.key.is_empty()))
                    .map(|(_, slots)| slots.clone())
            };
            let rows: Vec<Option<Slots>> = found.iter().map(row).collect();
            passage.feed(rule, &rows, until, past);
        }
        from = until;
    }
    Ok((passages.into_values().map(|(_, passage)| passage).collect(), left_out))
}
