//! Names in a target that no series has: most often they are spelt in another way, and such a rule is quiet for ever.

use monitors::config::MonitorConfig;
use monitors::made::Definition;
use vocabulary::ports::Scope;

use crate::evaluate::{Pattern, patterns_of};
use crate::services::Services;

/// Of these a rule may name many; whoever has made a mistake sees it in the first.
const TOLD_MOST: usize = 3;

/// What may come later is no mistake, so that it is a warning.
pub fn warnings(services: &Services, made: &Definition) -> Vec<String> {
    let Definition::Monitor(monitor) = made else { return Vec::new() };
    let unseen = targets(monitor).flat_map(|(key, target)| {
        let patterns = patterns_of(target).unwrap_or_default().into_iter();
        let names = patterns.filter_map(|pattern| is_unseen(services, pattern));
        names.map(move |name| format!("`{key}`: nothing is stored as `{name}` yet: is it spelt so?"))
    });
    unseen.take(TOLD_MOST).collect()
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
