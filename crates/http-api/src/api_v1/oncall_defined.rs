//! What schedules and policies have in common: where they are written, what is doubtful about them.

use incidents::oncall::Origin;

/// (`file:line` or "ui", who made it there)
pub fn origin(of: &Origin) -> (String, Option<String>) {
    match of {
        Origin::File(place) => (place.clone(), None),
        Origin::Made { by, .. } => ("ui".to_owned(), Some(by.clone())),
    }
}

/// Those that name it: `what` is as a warning calls it.
pub fn warnings_of(what: &str, name: &str, all: &[String]) -> Vec<String> {
    let of = format!("{what} `{name}`");
    all.iter().filter(|warning| warning.contains(&of)).cloned().collect()
}

/// That nothing leads to whom it calls.
pub fn warnings_of_person(name: &str, all: &[String]) -> Vec<String> {
    let of = format!("`{name}` is to be called");
    all.iter().filter(|warning| warning.starts_with(&of)).cloned().collect()
}
