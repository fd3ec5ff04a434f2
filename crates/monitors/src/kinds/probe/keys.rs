//! What is wrong with the keys of a built-in check: those of another type, missing ones, values that mean nothing.

use std::path::Path;

use outbound::{HIDDEN, Secret};
use regex::{Regex, RegexBuilder};

use super::limits::{REGEX_BYTES_MAX, SECRET_BYTES_MAX};
use super::threshold::Threshold;
use super::{PROBES, Trouble, of};
use crate::config::{CheckConfig, CheckType};

type Problems = Vec<(String, String)>;

/// Every built-in check takes them.
const COMMON: [&str; 3] = ["warning", "critical", "thresholds"];

/// Keys of checks that are not built in, which some built-in ones have too.
const ELSEWHERE: [(CheckType, &[&str]); 3] = [
    (CheckType::Plugin, &["command"]),
    (CheckType::Passive, &["command"]),
    (CheckType::Nrpe, &["address", "port", "query", "nrpe_version", "tls", "ca_file", "verify", "tls_name"]),
];

/// Each with the key that it is about.
pub fn problems(check: &CheckConfig) -> Problems {
    let mut problems = of_other_types(check);
    problems.extend(thresholds(check));
    problems.extend(secrets(check));
    let Some(probe) = of(check.kind) else { return problems };
    let set = keys_set(check);
    for key in probe.required.iter().filter(|key| !set.iter().any(|set| set == *key)) {
        problems.push(("name".into(), format!("a check of type \"{}\" needs {key}", probe.name)));
    }
    problems.extend((probe.problems)(check).into_iter().map(|(key, why)| (key.to_owned(), why)));
    problems
}

fn keys_set(check: &CheckConfig) -> Vec<String> {
    let written = serde_json::to_value(check).unwrap_or_default();
    written.as_object().map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
}

/// Which types take a key that belongs to types.
fn takers(key: &str) -> Vec<String> {
    let named = |kind: &CheckType| format!("{kind:?}").to_lowercase();
    let built_in = PROBES.iter().filter(|probe| probe.keys.contains(&key)).map(|probe| probe.name.to_owned());
    let others = ELSEWHERE.iter().filter(|(_, keys)| keys.contains(&key)).map(|(kind, _)| named(kind));
    built_in.chain(others).collect()
}

fn of_other_types(check: &CheckConfig) -> Problems {
    let probe = of(check.kind);
    let elsewhere = ELSEWHERE.iter().find(|(kind, _)| *kind == check.kind).map_or(&[][..], |(_, keys)| keys);
    let taken = probe.map_or(elsewhere, |probe| probe.keys);
    let kind = format!("{:?}", check.kind).to_lowercase();
    let mut problems = Vec::new();
    for key in keys_set(check) {
        let takers = takers(&key);
        if COMMON.contains(&&*key) && probe.is_none() {
            let why = format!("a check of type \"{kind}\" has no thresholds here: its plugin judges");
            problems.push((key, why));
        } else if !takers.is_empty() && !taken.contains(&&*key) {
            let why = format!(
                "is a key of type \"{}\", and this check is of type \"{kind}\": remove one",
                takers.join("\", \"")
            );
            problems.push((key, why));
        }
    }
    problems
}

fn thresholds(check: &CheckConfig) -> Problems {
    let own = [("warning".to_owned(), &check.warning), ("critical".to_owned(), &check.critical)];
    let named = check.thresholds.iter().flat_map(|(label, both)| {
        let key = |which: &str| format!("thresholds.{label}.{which}");
        [(key("warning"), &both.warning), (key("critical"), &both.critical)]
    });
    let all = own.into_iter().chain(named);
    all.filter_map(|(key, text)| Some((key, Threshold::parse(text.as_deref()?).err()?))).collect()
}

fn secrets(check: &CheckConfig) -> Problems {
    let pairs = [
        ("password", &check.password, "password_file", &check.password_file),
        ("token", &check.token, "token_file", &check.token_file),
        ("secret_key", &check.secret_key, "secret_key_file", &check.secret_key_file),
    ];
    let mut problems = Vec::new();
    for (key, secret, file_key, file) in pairs {
        if secret.is_some() && file.is_some() {
            problems.push((file_key.to_owned(), format!("`{key}` is set too; write one of them")));
        }
        if secret.as_ref().is_some_and(|secret| secret.0 == HIDDEN) {
            let why = format!(
                "this is what is shown in place of a secret: write it again, or put it into a file that {file_key} names"
            );
            problems.push((key.to_owned(), why));
        }
    }
    let why = "a value is what is shown in place of one: write it again";
    problems.extend(check.hidden_keys().into_iter().map(|key| (key.to_owned(), why.to_owned())));
    problems
}

/// A secret as it stands in the configuration, or the first line of the file that it is in, read each time: it may be
/// renewed.
pub fn secret(inline: &Option<Secret>, file: &Option<std::path::PathBuf>) -> Result<Option<Secret>, Trouble> {
    match (inline, file) {
        (Some(secret), _) => Ok(Some(secret.clone())),
        (None, None) => Ok(None),
        (None, Some(path)) => read_secret(path).map(Some),
    }
}

fn read_secret(path: &Path) -> Result<Secret, Trouble> {
    use std::io::Read;
    let wrong = |why: String| Trouble::unknown(format!("{}: {why}", path.display()));
    let file = std::fs::File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut text = String::new();
    let read = file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(wrong(format!("is longer than {SECRET_BYTES_MAX} bytes, so it is no secret")));
    }
    Ok(Secret(text.lines().next().unwrap_or_default().trim().to_owned()))
}

/// Bounded in what it may become.
pub fn regex(pattern: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|error| {
        let why = error.to_string();
        let last = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        format!("`{pattern}` is not a regular expression: {last}")
    })
}

/// None of the keys of this type needs more than its type says.
pub fn nothing(_: &CheckConfig) -> Vec<(&'static str, String)> {
    Vec::new()
}
