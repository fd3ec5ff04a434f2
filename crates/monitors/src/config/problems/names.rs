//! Names: what may be one, and which one was meant.

use std::collections::HashSet;

/// Longest name of anything that is defined: it becomes part of series, paths and pages.
pub const MAX_NAME_BYTES: usize = 255;

pub(super) fn keys<'n>(
    list: &'static str,
    names: impl Iterator<Item = &'n str>,
) -> impl Iterator<Item = (String, &'n str)> {
    names.enumerate().map(move |(index, name)| (format!("{list}.{index}.name"), name))
}

pub(super) fn bad_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("has no name: add name = \"…\"".into());
    }
    if name.len() > MAX_NAME_BYTES {
        return Some(format!("the name is longer than {MAX_NAME_BYTES} bytes: choose a shorter one"));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Some(
            "the name begins or ends with a space, or has control characters in it: take them out".into(),
        );
    }
    None
}

/// The name that was probably meant: one that differs by case, or by a letter or two.
pub(super) fn nearest<'n>(name: &str, known: &HashSet<&'n str>) -> Option<&'n str> {
    let allowed = if name.chars().count() < 5 { 1 } else { 2 };
    let distance = |other: &str| strsim::osa_distance(&name.to_lowercase(), &other.to_lowercase());
    let mut near: Vec<_> = known.iter().map(|other| (distance(other), *other)).collect();
    near.retain(|(distance, _)| *distance <= allowed);
    near.sort();
    near.first().map(|(_, other)| *other)
}
