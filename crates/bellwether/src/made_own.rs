//! What is made in the UI and does not fit to the files as they are now: for health, and for `config check`.

use std::collections::BTreeMap;

use http_api::control::{Part, State};
use monitors::made::{Made, Unfit};
use state_store::{StateError, StateStore};

use crate::config::{Config, Problem};
use crate::health::part;
use crate::house::House;

const NAMED: usize = 10;

/// Critical while one of them is not watched.
pub fn made_part(house: &House) -> Option<Part> {
    part_of(&house.monitors.unfit())
}

fn part_of(unfit: &BTreeMap<String, Unfit>) -> Option<Part> {
    let is_lost = unfit.values().any(|one| !one.is_watched);
    // What is not watched first.
    let mut all: Vec<(&String, &Unfit)> = unfit.iter().collect();
    all.sort_by_key(|(_, one)| one.is_watched);
    let lines: Vec<String> = all.iter().take(NAMED).map(|(name, one)| one.line(name)).collect();
    let more = all.len() - lines.len();
    let more = if more > 0 { format!(". And {more} more") } else { String::new() };
    (!lines.is_empty()).then(|| Part {
        state: if is_lost { State::Critical } else { State::Warning },
        text: format!("{}{more}. Define again what they name, or edit them", lines.join(". ")),
        ..part("made", "evaluator", "Rules made in the UI")
    })
}

/// What would become of them by these files. Nothing where no server has ever run.
pub fn doubts(config: &Config) -> Vec<Problem> {
    let path = config.data_dir.0.join("state/state.db");
    let doubt = |message: String| Problem { place: path.display().to_string(), message, excerpt: None };
    let found = StateStore::open_to_read(&path).and_then(|state| match state {
        Some(state) => unfit(&state, config),
        None => Ok(BTreeMap::new()),
    });
    match found {
        Ok(unfit) => unfit.iter().map(|(name, unfit)| doubt(unfit.line(name))).collect(),
        Err(error) => {
            vec![doubt(format!("whether what is made in the UI fits to the files is not known: {error}"))]
        }
    }
}

fn unfit(state: &StateStore, config: &Config) -> Result<BTreeMap<String, Unfit>, StateError> {
    Ok(Made::load(state)?.fitting(&config.files().definitions).unfit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_watched_is_named_first_and_is_critical() {
        let unfit = |why: &str, is_watched| Unfit { why: vec![why.to_owned()], is_watched };
        let mut all = BTreeMap::from([("a".to_owned(), unfit("there is no contact `ana`", true))]);
        let told = part_of(&all).unwrap();
        assert!(
            told.state == State::Warning && told.text.contains("it is watched without that"),
            "{}",
            told.text
        );
        all.insert("b".to_owned(), unfit("needs a command", false));
        let told = part_of(&all).unwrap();
        assert!(
            told.state == State::Critical && told.text.starts_with("`b`, made in the UI"),
            "{}",
            told.text
        );
        assert!(part_of(&BTreeMap::new()).is_none());
    }
}
