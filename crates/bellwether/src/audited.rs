//! A reload of the files, in the audit log: which keys and definitions are others now, and of which commit the files are.

use std::fs;
use std::path::{Path, PathBuf};

use accounts::Change;
use serde_json::{Map, Value, json};

use crate::config::{self, Config};
use crate::house::House;

/// Names of things that people write many of; of these it is told which, not what.
const LISTS: [&str; 15] = [
    "monitor",
    "check",
    "host",
    "contact",
    "time_period",
    "escalation",
    "dependency",
    "downtime",
    "service",
    "channel",
    "environment",
    "team",
    "schedule",
    "escalation_policy",
    "emergency",
];

/// What is not different is not written down: files are touched without being changed.
pub fn reload(house: &House, before: &Config, after: &Config) {
    let (mut was, mut is) = (Map::new(), Map::new());
    for difference in config::differences(before, after) {
        let list = difference.key.split('.').next().is_some_and(|first| LISTS.contains(&first));
        if !list {
            was.insert(difference.key.clone(), difference.running);
            is.insert(difference.key, difference.file);
        }
    }
    for (list, names) in definitions(before, after) {
        is.insert(list, names);
    }
    if is.is_empty() {
        return;
    }
    let file = house.origin.get().and_then(config::Origin::main_file);
    let text = |map: Map<String, Value>| (!map.is_empty()).then(|| Value::Object(map).to_string());
    let change = Change {
        who: "files".into(),
        via: "file",
        action: "reloaded".into(),
        subject: file.as_deref().map_or_else(String::new, |file| file.display().to_string()),
        before: text(was),
        after: text(is),
        commit: file.as_deref().and_then(commit_of),
        ..Change::default()
    };
    if let Err(error) = accounts::note(&house.state, &change, house.clock.now()) {
        tracing::warn!(%error, "a reload is not in the audit log");
    }
}

/// `{"added": […], "changed": […], "removed": […]}` of each list that differs, by names.
fn definitions(before: &Config, after: &Config) -> Vec<(String, Value)> {
    let tree = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let (before, after) = (tree(before), tree(after));
    let names = LISTS.iter().filter(|list| before.get(**list) != after.get(**list)).map(|list| {
        let (old, new) = (named(before.get(list)), named(after.get(list)));
        let of = |wanted: &dyn Fn(&str) -> bool, all: &Map<String, Value>| -> Vec<String> {
            all.keys().filter(|name| wanted(name)).cloned().collect()
        };
        let told = json!({
            "added": of(&|name| !old.contains_key(name), &new),
            "changed": of(&|name| old.get(name).is_some_and(|one| new.get(name) != Some(one)), &new),
            "removed": of(&|name| !new.contains_key(name), &old),
        });
        ((*list).to_owned(), told)
    });
    names.collect()
}

fn named(list: Option<&Value>) -> Map<String, Value> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let named = items.enumerate().map(|(index, item)| match item.get("name").and_then(Value::as_str) {
        Some(name) => (name.to_owned(), item.clone()),
        None => (format!("#{}", index + 1), item.clone()),
    });
    named.collect()
}

/// What the repository that the file is in has checked out. Git itself is not asked: what it runs, its configuration
/// chooses, and the repository may be anybody's.
fn commit_of(file: &Path) -> Option<String> {
    let file = std::path::absolute(file).ok()?;
    let repository = file.ancestors().skip(1).map(|at| at.join(".git")).find(|git| git.exists())?;
    let git = directory(&repository)?;
    let head = read(&git.join("HEAD"))?;
    let id = match head.strip_prefix("ref: ") {
        None => head,
        Some(name) => {
            // A worktree keeps its branches where they all are.
            let common = read(&git.join("commondir")).map_or_else(|| git.clone(), |common| git.join(common));
            read(&git.join(name)).or_else(|| read(&common.join(name))).or_else(|| packed(&common, name))?
        }
    };
    let is_id = (40..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then_some(id)
}

/// `.git` is a directory, or a file that says where it is.
fn directory(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_owned());
    }
    let told = read(git)?;
    Some(git.parent()?.join(told.strip_prefix("gitdir: ")?))
}

fn read(path: &Path) -> Option<String> {
    const LONGEST: u64 = 4_096;
    let short = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LONGEST);
    short.then(|| fs::read_to_string(path).ok()).flatten().map(|text| text.trim().to_owned())
}

fn packed(git: &Path, name: &str) -> Option<String> {
    let all = config::read_bounded(&git.join("packed-refs")).ok()?;
    let line = all.lines().find(|line| line.split_once(' ').is_some_and(|(_, named)| named == name))?;
    line.split_once(' ').map(|(id, _)| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_told_by_their_names() {
        let config = |names: &[(&str, &str)]| {
            let team = |(name, member): &(&str, &str)| accounts::TeamConfig {
                name: (*name).into(),
                members: vec![(*member).into()],
                ..Default::default()
            };
            Config { team: names.iter().map(team).collect(), ..Config::default() }
        };
        let told = definitions(
            &config(&[("a", "x"), ("b", "x"), ("c", "x")]),
            &config(&[("b", "y"), ("c", "x"), ("d", "x")]),
        );
        let expected = json!({"added": ["d"], "changed": ["b"], "removed": ["a"]});
        assert_eq!(told, [("team".to_owned(), expected)]);
    }

    #[test]
    fn the_commit_is_read_where_git_keeps_it() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("conf/bellwether.toml");
        let put = |path: &str, text: &str| {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let (first, second) = ("1".repeat(40), "a".repeat(64));
        put(".git/HEAD", "ref: refs/heads/main\n");
        assert_eq!(commit_of(&file), None, "nothing is committed yet");
        put(".git/packed-refs", &format!("# pack-refs\n{first} refs/heads/main\n"));
        assert_eq!(commit_of(&file).as_ref(), Some(&first));
        put(".git/refs/heads/main", &format!("{second}\n"));
        assert_eq!(commit_of(&file).as_ref(), Some(&second));
        put(".git/HEAD", &format!("{first}\n"));
        assert_eq!(commit_of(&file).as_ref(), Some(&first));
        put(".git/HEAD", "ref: ../../etc/passwd\n");
        assert_eq!(commit_of(&file), None);
    }
}
