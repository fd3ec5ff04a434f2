//! Definitions made in the UI: kept in the state database, with versions. What is in a file wins.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use crate::config::{CheckConfig, CheckType, Definitions, MonitorConfig};
use crate::limits::MAX_VERSIONS;

/// What the configuration files define, and where each monitor, check and host is written: `file:line` by list
/// (`check`) and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Files {
    pub definitions: Definitions,
    pub origins: Origins,
}

pub type Origins = BTreeMap<(&'static str, String), String>;

/// What is written in a file as one table, under that table's name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Definition {
    Monitor(Box<MonitorConfig>),
    Check(Box<CheckConfig>),
}

impl Definition {
    pub fn name(&self) -> &str {
        match self {
            Definition::Monitor(monitor) => &monitor.name,
            Definition::Check(check) => &check.name,
        }
    }

    pub fn set_name(&mut self, name: &str) {
        match self {
            Definition::Monitor(monitor) => name.clone_into(&mut monitor.name),
            Definition::Check(check) => name.clone_into(&mut check.name),
        }
    }

    /// Would a program be run that this definition chose, or a file be read whose words are sent to somebody it chose?
    pub fn runs_commands(&self) -> bool {
        match self {
            Definition::Monitor(_) => false,
            Definition::Check(check) => {
                let files = [&check.password_file, &check.token_file, &check.secret_key_file];
                let reads = files.into_iter().any(Option::is_some);
                !check.command.is_empty() || !check.event_handler.is_empty() || reads
            }
        }
    }

    /// Without what lets whoever reads it ping in the name of the job, or ask in that of the check.
    pub fn without_secrets(mut self) -> Definition {
        match &mut self {
            Definition::Monitor(monitor) => monitor.uuid = None,
            Definition::Check(check) => check.hide_secrets(),
        }
        self
    }

    /// Would it tell of this machine's files, whichever it names? Whether one can be read, and why not, is told too.
    pub fn looks_at_files(&self) -> bool {
        let Definition::Check(check) = self else { return false };
        check.kind == CheckType::File || check.ca_file.is_some() || check.pidfile.is_some()
    }

    /// What nobody may read is in it: it would be kept as it is shown, without its secret.
    pub fn holds_secret(&self) -> bool {
        match self {
            Definition::Monitor(_) => false,
            Definition::Check(check) => {
                [&check.password, &check.token, &check.secret_key].into_iter().any(Option::is_some)
            }
        }
    }

    /// Takes out the name of something that is not defined. False: there is nothing at this key that it could do without.
    fn forget_name(&mut self, key: &str) -> bool {
        let Definition::Check(check) = self else { return false };
        match key {
            "host" if !check.host.is_empty() => check.host.clear(),
            "check_period" if check.check_period.is_some() => check.check_period = None,
            "notification_period" if check.notification_period.is_some() => check.notification_period = None,
            key => {
                let place = key.strip_prefix("contacts.").and_then(|place| place.parse::<usize>().ok());
                let Some(contacts) = check.contacts.as_mut() else { return false };
                let Some(place) = place.filter(|place| *place < contacts.len()) else { return false };
                contacts.remove(place);
            }
        }
        true
    }

    fn add_to(self, all: &mut Definitions) {
        match self {
            Definition::Monitor(monitor) => all.monitors.push(*monitor),
            Definition::Check(check) => all.checks.push(*check),
        }
    }
}

/// One version of one definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub name: String,
    pub version: i64,
    pub at: Timestamp,
    pub author: String,
    /// `None`: it was taken out.
    pub definition: Option<Definition>,
}

/// All that are made in the UI and not taken out again, by name.
#[derive(Clone, Debug, Default)]
pub struct Made {
    pub versions: Vec<Version>,
    /// Those that do not fit to the files as they are now, by name.
    pub unfit: BTreeMap<String, Unfit>,
}

/// What of a definition made in the UI does not fit to the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unfit {
    pub why: Vec<String>,
    /// It is watched without the names that lead nowhere.
    pub is_watched: bool,
}

impl Unfit {
    /// For people.
    pub fn line(&self, name: &str) -> String {
        let so = if self.is_watched { "it is watched without that" } else { "it is not watched" };
        format!("`{name}`, made in the UI: {}; {so}", self.why.join("; "))
    }
}

impl Made {
    pub fn load(state: &StateStore) -> Result<Made, StateError> {
        let sql = "SELECT name, version, at, author, body FROM monitor_made AS one
             WHERE version = (SELECT MAX(version) FROM monitor_made WHERE name = one.name) AND body IS NOT NULL ORDER BY name";
        let rows = state.query(sql, &[])?;
        let versions = rows.iter().filter_map(|row| {
            let version = version(row);
            // One that this version cannot read stays where it is, for the version that can.
            version.definition.is_some().then_some(version)
        });
        Ok(Made { versions: versions.collect(), unfit: BTreeMap::new() })
    }

    pub fn get(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    pub fn with(&self, version: Version) -> Made {
        let mut versions: Vec<Version> =
            self.versions.iter().filter(|other| other.name != version.name).cloned().collect();
        let mut unfit = self.unfit.clone();
        unfit.remove(&version.name);
        versions.extend(version.definition.is_some().then_some(version));
        versions.sort_by(|a, b| a.name.cmp(&b.name));
        Made { versions, unfit }
    }

    /// All that is in effect.
    pub fn merged(&self, files: &Definitions) -> Definitions {
        let mut all = files.clone();
        let hidden = |name: &str| {
            files.monitors.iter().any(|monitor| monitor.name == name)
                || files.checks.iter().any(|check| check.name == name)
        };
        let ours = self.versions.iter().filter(|version| !hidden(&version.name));
        ours.filter_map(|version| version.definition.clone()).for_each(|made| made.add_to(&mut all));
        all
    }

    /// As they fit to the files as they are now: a contact, host or period may be gone, and that must neither keep the server from
    /// starting nor lose a rule. What only names such a thing goes on without it; the others are left out.
    pub fn fitting(&self, files: &Definitions) -> Made {
        let mut fitting = self.clone();
        loop {
            let merged = fitting.merged(files);
            let mut wrong: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
            for (key, why) in merged.problems() {
                let found = place(&merged, &key).filter(|(name, _)| fitting.get(name).is_some());
                let Some((name, own)) = found else { continue };
                wrong.entry(name.to_owned()).or_default().push((own.to_owned(), why));
            }
            if wrong.is_empty() {
                return fitting;
            }
            for (name, problems) in wrong {
                fitting.mend(&name, problems);
            }
        }
    }

    /// Without the names that lead nowhere; if that is not all, without the whole of it.
    fn mend(&mut self, name: &str, problems: Vec<(String, String)>) {
        let Some(at) = self.versions.iter().position(|version| version.name == name) else { return };
        let unfit =
            self.unfit.entry(name.to_owned()).or_insert(Unfit { is_watched: true, ..Unfit::default() });
        let definition = self.versions[at].definition.as_mut();
        // From the last one on: those before keep their places.
        let is_mended =
            definition.is_some_and(|it| problems.iter().rev().all(|(key, _)| it.forget_name(key)));
        unfit.why.extend(problems.into_iter().map(|(_, why)| why));
        if !is_mended {
            unfit.is_watched = false;
            self.versions.remove(at);
        }
    }

    /// As a file that can be put into conf.d.
    pub fn export(&self) -> Definitions {
        self.merged(&Definitions::default())
    }
}

/// Of `monitor.3.critical` the name of that monitor, and the key in it.
pub(crate) fn place<'d>(all: &'d Definitions, key: &'d str) -> Option<(&'d str, &'d str)> {
    let mut parts = key.splitn(3, '.');
    let (list, index) = (parts.next()?, parts.next()?.parse::<usize>().ok()?);
    let name = match list {
        "monitor" => &all.monitors.get(index)?.name,
        "check" => &all.checks.get(index)?.name,
        _ => return None,
    };
    Some((name, parts.next().unwrap_or_default()))
}

fn version(row: &state_store::Row) -> Version {
    Version {
        name: row.text(0).to_owned(),
        version: row.integer(1),
        at: Timestamp(row.integer(2)),
        author: row.text(3).to_owned(),
        definition: serde_json::from_str(row.text(4)).ok(),
    }
}

/// Every version of one, the newest first.
pub fn versions(state: &StateStore, name: &str) -> Result<Vec<Version>, StateError> {
    let sql =
        "SELECT name, version, at, author, body FROM monitor_made WHERE name = ?1 ORDER BY version DESC";
    Ok(state.query(sql, &[name.into()])?.iter().map(version).collect())
}

pub fn write(tx: &Transaction<'_>, version: &Version) -> Result<(), StateError> {
    let body = version.definition.as_ref().map(crate::store::to_json);
    tx.execute(
        "INSERT INTO monitor_made (name, version, at, author, body) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            version.name.as_str().into(),
            version.version.into(),
            version.at.0.into(),
            version.author.as_str().into(),
            body.into(),
        ],
    )?;
    let oldest = version.version - MAX_VERSIONS;
    tx.execute(
        "DELETE FROM monitor_made WHERE name = ?1 AND version <= ?2",
        &[version.name.as_str().into(), oldest.into()],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str, version: i64, target: Option<&str>) -> Version {
        let monitor = |target: &str| {
            let target = Some(target.to_owned());
            Definition::Monitor(Box::new(MonitorConfig { name: name.into(), target, ..Default::default() }))
        };
        let definition = target.map(monitor);
        Version { name: name.into(), version, at: Timestamp(5), author: "ana".into(), definition }
    }

    #[test]
    fn the_newest_version_counts_and_older_ones_stay() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        let all =
            [made("a", 1, Some("x")), made("a", 2, Some("y")), made("b", 1, Some("z")), made("b", 2, None)];
        state.transaction(|tx| all.iter().try_for_each(|version| write(tx, version))).unwrap();
        assert_eq!(Made::load(&state).unwrap().versions, [all[1].clone()]);
        assert_eq!(versions(&state, "b").unwrap(), [all[3].clone(), all[2].clone()]);
        for number in 3..=MAX_VERSIONS + 10 {
            state.transaction(|tx| write(tx, &made("a", number, Some("n")))).unwrap();
        }
        assert_eq!(versions(&state, "a").unwrap().len(), MAX_VERSIONS as usize);
    }

    #[test]
    fn a_key_is_of_the_definition_that_stands_there() {
        let mut all = Definitions::default();
        for name in ["a", "b"] {
            all.monitors.push(MonitorConfig { name: name.into(), ..Default::default() });
        }
        assert_eq!(place(&all, "monitor.1.critical"), Some(("b", "critical")));
        assert_eq!(place(&all, "monitor.0.series.x"), Some(("a", "series.x")));
        for none in ["monitor.2.critical", "host.0.name", "check.0.contacts.1", "incidents.contacts"] {
            assert_eq!(place(&all, none), None, "{none}");
        }
    }

    #[test]
    fn who_reads_a_rule_need_not_learn_how_to_ping() {
        let uuid = Some("3f0c5f4e-52fd-4a3b-9b60-2c9f1c7d8a10".to_owned());
        let monitor = MonitorConfig { name: "backup".into(), uuid, ..Default::default() };
        let shown = Definition::Monitor(Box::new(monitor)).without_secrets();
        assert_eq!(shown.name(), "backup");
        assert!(matches!(shown, Definition::Monitor(monitor) if monitor.uuid.is_none()));
    }

    #[test]
    fn who_reads_a_check_need_not_learn_what_it_signs_in_with() {
        let text = r#"{"check": {"name": "shop", "type": "http", "url": "https://shop.example", "body": "key=s3cret",
            "headers": {"X-Key": "s3cret"}, "steps": [{"url": "https://shop.example/a", "body": "password=s3cret"}]}}"#;
        let check: Definition = serde_json::from_str(text).unwrap();
        let shown = serde_json::to_string(&check.without_secrets()).unwrap();
        assert!(!shown.contains("s3cret") && shown.matches(outbound::HIDDEN).count() == 3, "{shown}");
    }

    #[test]
    fn what_tells_of_files_is_known() {
        let check = |keys: &str, looks: bool| {
            let text = format!("{{\"check\": {{\"name\": \"a\", {keys}}}}}");
            let definition: Definition = serde_json::from_str(&text).unwrap();
            assert_eq!(definition.looks_at_files(), looks, "{keys}");
        };
        check(r#""type": "http", "url": "https://shop.example""#, false);
        check(r#""type": "http", "url": "https://shop.example", "ca_file": "/etc/shadow""#, true);
        check(r#""type": "file", "path": "/etc/shadow""#, true);
        check(r#""type": "process", "process": "unicorn""#, false);
        check(r#""type": "process", "pidfile": "/root/.ssh/id""#, true);
    }

    #[test]
    fn what_is_in_a_file_wins() {
        let made = Made::default().with(made("a", 1, Some("ours"))).with(made("b", 1, Some("ours")));
        let files: Definitions = toml::from_str("[[monitor]]\nname = \"a\"\ntarget = \"file\"").unwrap();
        let merged = made.merged(&files);
        let targets: Vec<_> = merged.monitors.iter().map(|monitor| monitor.target.as_deref()).collect();
        assert_eq!(targets, [Some("file"), Some("ours")]);
        let text = toml::to_string(&made.export()).unwrap();
        assert_eq!(toml::from_str::<Definitions>(&text).unwrap().monitors.len(), 2, "{text}");
    }

    #[test]
    fn what_names_something_that_is_gone_is_watched_without_it() {
        let check = |name: &str, keys: &str| {
            let text = format!("{{\"check\": {{\"name\": \"{name}\", {keys}}}}}");
            let definition = Some(serde_json::from_str(&text).unwrap());
            Version { name: name.into(), version: 1, at: Timestamp(1), author: String::new(), definition }
        };
        let passive = |keys: &str| format!("\"type\": \"passive\", {keys}");
        let made = Made::default()
            .with(check("a", &passive("\"host\": \"web1\"")))
            .with(check("b", &passive("\"host\": \"db1\", \"check_period\": \"night\"")))
            .with(check("c", &passive("\"contacts\": [\"ana\", \"ben\", \"cyd\"]")))
            .with(check("d", "\"type\": \"plugin\", \"contacts\": [\"ana\"]"));
        let files = "[[host]]\nname = \"web1\"\n[[contact]]\nname = \"ben\"";
        let fitting = made.fitting(&toml::from_str(files).unwrap());
        let check = |name: &str| match fitting.get(name).and_then(|version| version.definition.clone()) {
            Some(Definition::Check(check)) => check,
            other => panic!("{name}: {other:?}"),
        };
        assert!(check("a").host == "web1" && !fitting.unfit.contains_key("a"));
        assert_eq!((check("b").host.as_str(), &check("b").check_period), ("", &None));
        assert_eq!(check("c").contacts, Some(vec!["ben".to_owned()]));
        let line = fitting.unfit["c"].line("c");
        assert!(line.contains("no contact `ana`") && line.contains("no contact `cyd`"), "{line}");
        assert!(line.ends_with("it is watched without that"), "{line}");
        // It has no command, so that it does not fit whoever is named.
        assert!(fitting.get("d").is_none());
        assert!(fitting.unfit["d"].line("d").ends_with("it is not watched"));
        // Written anew, it fits.
        assert!(!fitting.with(made.get("a").unwrap().clone()).unfit.contains_key("a"));
    }

    #[test]
    fn taken_out_is_gone() {
        let one = Made::default().with(made("a", 1, Some("x")));
        assert!(one.get("a").is_some() && one.with(made("a", 2, None)).get("a").is_none());
    }
}
