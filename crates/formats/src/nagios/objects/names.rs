//! Lists of names in directives: `web1,web2`, `*`, `!web3`, regular expressions.

use std::collections::BTreeSet;
use std::sync::Arc;

use fancy_regex::Regex;

use super::lines::items;

pub type Name = Arc<str>;

/// `use_regexp_matching` and `use_true_regexp_matching` of nagios.cfg.
#[derive(Clone, Copy, Debug, Default)]
pub struct Matching {
    pub expressions: bool,
    pub always: bool,
}

/// What a list chooses, leaves out, and names without anything of that name being there.
#[derive(Debug, Default)]
pub struct Chosen {
    pub yes: BTreeSet<Name>,
    pub no: BTreeSet<Name>,
    pub unknown: Vec<String>,
}

impl Chosen {
    /// Exclusions stand above everything, wherever they stand in the list.
    pub fn without_excluded(self) -> BTreeSet<Name> {
        self.yes.into_iter().filter(|name| !self.no.contains(name)).collect()
    }
}

impl Matching {
    fn is_expression(self, item: &str) -> bool {
        self.expressions && (self.always || item.contains(['*', '?', '+']) || item.contains("\\."))
    }

    pub fn choose<'a>(self, list: &str, known: impl Iterator<Item = &'a Name> + Clone) -> Chosen {
        let mut chosen = Chosen::default();
        for item in items(list) {
            let (excluded, item) = match item.strip_prefix('!') {
                Some(rest) => (true, rest.trim_start()),
                None => (false, item),
            };
            let found = self.matching(item, known.clone());
            if found.is_empty() && !excluded && item != "*" {
                chosen.unknown.push(item.to_owned());
            }
            let side = if excluded { &mut chosen.no } else { &mut chosen.yes };
            side.extend(found);
        }
        chosen
    }

    fn matching<'a>(self, item: &str, known: impl Iterator<Item = &'a Name>) -> Vec<Name> {
        if item == "*" {
            return known.cloned().collect();
        }
        if self.is_expression(item)
            && let Ok(expression) = Regex::new(item)
        {
            return known
                .filter(|name| expression.is_match(name.as_ref() as &str).unwrap_or(false))
                .cloned()
                .collect();
        }
        known.filter(|name| ***name == *item).take(1).cloned().collect()
    }
}
