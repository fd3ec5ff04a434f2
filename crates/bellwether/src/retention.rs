//! Retention rules: what they keep, what a changed one would do, and doing it.

use http_api::control::{Checked, Repolicied, Retention, RetentionQuestion, RetentionRule};

use crate::house::House;

pub fn retention(house: &House, _question: Option<RetentionQuestion>) -> Retention {
    let config = house.config.load();
    let written = config.storage.retention.len();
    let rules = config.storage.retention_rules();
    let rules = rules.into_iter().enumerate().map(|(index, rule)| RetentionRule {
        name: rule.name.clone(),
        pattern: rule.pattern.to_string(),
        archives: rule.archives.as_slice().iter().map(ToString::to_string).collect(),
        origin: if index < written { "configuration" } else { "built in" }.into(),
        series: 0,
        bytes: 0,
        bytes_per_series: 0,
    });
    Retention { rules: rules.collect(), differing: Vec::new(), preview: None }
}

pub fn check(_house: &House) -> Result<Checked, String> {
    Err("not yet".into())
}

pub fn repolicy(_house: &House, _apply: bool) -> Result<Repolicied, String> {
    Err("not yet".into())
}
