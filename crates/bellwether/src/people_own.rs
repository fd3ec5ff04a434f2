//! Did somebody come by the word of a provider or proxy under a name that means somebody in the files?

use std::collections::BTreeMap;

use http_api::control::{Part, State};

use crate::health::part;
use crate::house::House;

/// So many are named; the rest is a number.
const NAMED: usize = 3;

/// None: nobody did, or an administrator has said that they are meant.
pub fn people_part(house: &House) -> Option<Part> {
    let services = house.services.load().as_ref().clone()?;
    let text = told(&services.taken_names.all())?;
    Some(Part { state: State::Warning, text, ..part("people", "evaluator", "Names of people") })
}

fn told(taken: &BTreeMap<String, Vec<String>>) -> Option<String> {
    let named = taken.iter().take(NAMED).map(|(name, uses)| format!("`{name}` ({})", uses.join(", ")));
    let named: Vec<String> = named.collect();
    let (first, _) = taken.first_key_value()?;
    let more = match taken.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!(
        "somebody signs in under a name that means somebody here: {}{more}. An administrator says that it is they (Settings, or POST /api/v1/people/{first}/link), or takes them out",
        named.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_taken_are_told_with_what_uses_them() {
        assert_eq!(told(&BTreeMap::new()), None);
        let taken = |names: &[&str]| -> BTreeMap<String, Vec<String>> {
            names.iter().map(|name| ((*name).to_owned(), vec![format!("contact {name}")])).collect()
        };
        let one = told(&taken(&["ana"])).unwrap();
        assert!(one.contains("`ana` (contact ana).") && one.contains("/people/ana/link"), "{one}");
        let many = told(&taken(&["a", "b", "c", "d", "e"])).unwrap();
        assert!(many.contains("`c` (contact c), and 2 more") && !many.contains("`d`"), "{many}");
    }
}
