//! Names in a target that no series has: most often they are spelt in another way, and such a rule is quiet for ever.

use monitors::config::MonitorConfig;
use monitors::made::Definition;
use vocabulary::ports::Scope;

use crate::evaluate::{Pattern, patterns_of};
use crate::services::Services;

/// Of these a rule may name many; whoever has made a mistake sees it in the first.
const TOLD_MOST: usize = 3;
/// And of so many it is looked whether they are stored: each may be a pattern over all that is.
const LOOKED_FOR_MOST: usize = 32;

/// What may come later is no mistake, so that it is a warning.
pub fn warnings(services: &Services, made: &Definition) -> Vec<String> {
    let Definition::Monitor(monitor) = made else { return Vec::new() };
    let unseen = named(monitor).filter_map(|(key, pattern)| {
        let name = is_unseen(services, pattern)?;
        Some(format!("`{key}`: nothing is stored as `{name}` yet: is it spelt so?"))
    });
    unseen.take(TOLD_MOST).collect()
}

/// The first names and patterns, each with the key of the target that it stands in.
fn named(monitor: &MonitorConfig) -> impl Iterator<Item = (String, Pattern)> {
    let all = targets(monitor).flat_map(|(key, target)| {
        let patterns = patterns_of(target).unwrap_or_default().into_iter();
        patterns.map(move |pattern| (key.clone(), pattern))
    });
    all.take(LOOKED_FOR_MOST)
}

fn targets(monitor: &MonitorConfig) -> impl Iterator<Item = (String, &String)> {
    let own = monitor.target.iter().map(|target| ("target".to_owned(), target));
    let named = monitor.series.iter().map(|(name, target)| (format!("series.{name}"), target));
    let steps = monitor.funnel.iter().enumerate().map(|(step, target)| (format!("funnel.{step}"), target));
    own.chain(named).chain(steps)
}

/// None: there is one, or more than can be told.
fn is_unseen(services: &Services, pattern: Pattern) -> Option<String> {
    let found = pattern.find(services, &Scope::everything(), 1);
    let is_nothing = found.is_ok_and(|found| found.is_empty());
    match pattern {
        Pattern::Path(name) => is_nothing.then_some(name),
        Pattern::Tags(_) => is_nothing.then(|| "seriesByTag(…)".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_the_first_are_looked_for() {
        let series = (0..100).map(|n| (format!("s{n}"), format!("sumSeries(shop.{n}.*, post.{n}.*)")));
        let many = MonitorConfig { series: series.collect(), ..MonitorConfig::default() };
        assert_eq!(named(&many).count(), LOOKED_FOR_MOST);
        let one =
            MonitorConfig { target: Some("sumSeries(shop.*, post.*)".into()), ..MonitorConfig::default() };
        let keys: Vec<String> = named(&one).map(|(key, _)| key).collect();
        assert_eq!(keys, ["target", "target"]);
    }
}
