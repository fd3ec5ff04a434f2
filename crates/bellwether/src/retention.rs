//! Retention rules: what they keep, what a changed one would do, and doing it.

use http_api::control::{
    Checked, DifferingRetention, Repolicied, Retention, RetentionPreview, RetentionQuestion, RetentionRule,
};
use series_store::{FsckReport, RulePreview};
use vocabulary::retention::Archives;

use crate::house::House;

pub fn retention(house: &House, question: Option<RetentionQuestion>) -> Result<Retention, String> {
    let previews = previews(house)?;
    let written = house.config.load().storage.retention.len();
    let rules = previews.iter().enumerate().map(|(index, preview)| RetentionRule {
        name: preview.rule.name.clone(),
        pattern: preview.rule.pattern.to_string(),
        archives: texts(&preview.rule.archives),
        origin: if index < written { "configuration" } else { "built in" }.into(),
        series: preview.series,
        bytes: preview.bytes_now,
        bytes_per_series: preview.full_bytes_then.checked_div(preview.series).unwrap_or(0),
    });
    let differing =
        previews.iter().filter(|preview| preview.changing > 0).map(|preview| DifferingRetention {
            rule: preview.rule.name.clone(),
            series: preview.changing,
            have: preview.have.iter().map(ToString::to_string).collect(),
            want: texts(&preview.rule.archives),
        });
    Ok(Retention {
        rules: rules.collect(),
        differing: differing.collect(),
        preview: question.map(|question| what_if(house, &previews, question)),
    })
}

fn previews(house: &House) -> Result<Vec<RulePreview>, String> {
    let storage = house.config.load().storage.clone();
    let asked = house.store.retention_preview(&storage.retention_rules(), &storage.aggregation_rules());
    asked.map_err(|error| error.to_string())
}

fn texts(archives: &Archives) -> Vec<String> {
    archives.as_slice().iter().map(ToString::to_string).collect()
}

/// What the rule would cost with other archives, and what that means in words.
fn what_if(house: &House, now: &[RulePreview], question: RetentionQuestion) -> RetentionPreview {
    let failed = |error: String| RetentionPreview {
        rule: question.rule.clone(),
        error: Some(error),
        ..RetentionPreview::default()
    };
    let archives: Archives = match question.archives.parse() {
        Ok(archives) => archives,
        Err(error) => return failed(error),
    };
    let storage = house.config.load().storage.clone();
    let mut rules = storage.retention_rules();
    let Some(rule) = rules.iter_mut().find(|rule| rule.name == question.rule) else {
        return failed(format!("there is no rule called `{}`", question.rule));
    };
    let before = std::mem::replace(&mut rule.archives, archives.clone());
    let then = match house.store.retention_preview(&rules, &storage.aggregation_rules()) {
        Ok(previews) => previews,
        Err(error) => return failed(error.to_string()),
    };
    let of_rule = |previews: &[RulePreview]| {
        previews.iter().find(|preview| preview.rule.name == question.rule).cloned()
    };
    let (Some(now), Some(then)) = (of_rule(now), of_rule(&then)) else {
        return failed("the rule is gone".into());
    };
    RetentionPreview {
        rule: question.rule,
        archives: texts(&archives),
        series: then.series,
        bytes_now: now.full_bytes_now,
        bytes_then: then.full_bytes_then,
        bytes_per_series: then.full_bytes_then.checked_div(then.series).unwrap_or(0),
        says: changes(&before, &archives),
        error: None,
    }
}

/// What becomes of each resolution, in words.
fn changes(before: &Archives, then: &Archives) -> Vec<String> {
    let mut says = Vec::new();
    for old in before.as_slice() {
        match then.as_slice().iter().find(|new| new.step == old.step) {
            None => says.push(format!("{old} goes; coarser archives keep what they have of it")),
            Some(new) if new.retention_seconds < old.retention_seconds => {
                says.push(format!("{old} becomes {new}: older points of this resolution go"));
            }
            Some(new) if new.retention_seconds > old.retention_seconds => {
                says.push(format!("{old} becomes {new}: points are kept longer from now on"));
            }
            Some(_) => {}
        }
    }
    for new in then.as_slice() {
        if !before.as_slice().iter().any(|old| old.step == new.step) {
            says.push(format!("{new} is new: it is filled from finer points where there are any"));
        }
    }
    if says.is_empty() {
        says.push("nothing changes".into());
    }
    says
}

pub fn check(house: &House) -> Checked {
    let mut checked = checked(house.store.check());
    crate::errors::upkeep::check(house, &mut checked);
    checked
}

pub fn checked(report: FsckReport) -> Checked {
    Checked { files: report.files, pages: report.pages, damaged: report.problems }
}

pub fn repolicy(house: &House, apply: bool) -> Result<Repolicied, String> {
    let previews = previews(house)?;
    let changes = previews.iter().filter(|preview| preview.changing > 0).map(|preview| {
        format!(
            "{} of {} series of rule `{}` get {}",
            preview.changing, preview.series, preview.rule.name, preview.rule.archives
        )
    });
    let answer = Repolicied {
        applied: apply,
        series: previews.iter().map(|preview| preview.changing).sum(),
        bytes_now: previews.iter().map(|preview| preview.full_bytes_now).sum(),
        bytes_then: previews.iter().map(|preview| preview.full_bytes_then).sum(),
        changes: changes.collect(),
    };
    if apply {
        house.store.repolicy().map_err(|error| error.to_string())?;
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_words() {
        let check = |before: &str, then: &str, wanted: &[&str]| {
            assert_eq!(changes(&before.parse().unwrap(), &then.parse().unwrap()), wanted, "{before} {then}");
        };
        check("1s:6h,10s:7d", "1s:6h,10s:7d", &["nothing changes"]);
        check("1s:6h,10s:7d", "1s:1h,10s:7d", &["1s:6h becomes 1s:1h: older points of this resolution go"]);
        check(
            "1s:6h,10s:7d",
            "1s:6h,1m:30d",
            &[
                "10s:7d goes; coarser archives keep what they have of it",
                "1m:30d is new: it is filled from finer points where there are any",
            ],
        );
    }
}
