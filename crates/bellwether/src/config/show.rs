//! The configuration as a documented file: the defaults with their comments, and the values in effect put
//! in place of them.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, Value};

use super::Config;

/// Every key with its default and what it means.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// The configuration in effect, documented as the defaults are.
pub fn show(config: &Config) -> Result<String, String> {
    let mut document: DocumentMut = DEFAULTS.parse().map_err(|error| format!("the defaults: {error}"))?;
    let effective = toml_edit::ser::to_document(config).map_err(|error| error.to_string())?;
    replace(document.as_table_mut(), effective.as_table());
    show_definitions(&mut document);
    Ok(document.to_string())
}

/// What is watched stands behind the sections, below the words about it, and as people write it: `[[check]]`.
fn show_definitions(document: &mut DocumentMut) {
    let lists: Vec<String> = document
        .iter()
        .filter(|(_, item)| item.as_array().is_some_and(|array| array.iter().all(Value::is_inline_table)))
        .map(|(name, _)| name.to_owned())
        .collect();
    let words = document.trailing().as_str().unwrap_or_default().to_owned();
    for (index, name) in lists.iter().enumerate() {
        let Some(Item::Value(Value::Array(array))) = document.remove(name) else { continue };
        let mut tables: ArrayOfTables = array.into_iter().filter_map(into_table).collect();
        if let Some(first) = tables.get_mut(0).filter(|_| index == 0) {
            first.decor_mut().set_prefix(format!("{words}\n"));
            document.set_trailing("");
        }
        document.insert(name, Item::ArrayOfTables(tables));
    }
}

fn into_table(value: Value) -> Option<Table> {
    match value {
        Value::InlineTable(table) => Some(table.into_table()),
        _ => None,
    }
}

fn replace(documented: &mut Table, effective: &Table) {
    for (key, item) in effective {
        match (documented.get_mut(key), item) {
            (Some(Item::Table(inner)), Item::Table(values)) => replace(inner, values),
            (Some(Item::Table(inner)), Item::Value(Value::InlineTable(values))) => {
                replace(inner, &values.clone().into_table());
            }
            (Some(Item::Value(old)), Item::Value(new)) => {
                let decor = old.decor().clone();
                *old = new.clone();
                *old.decor_mut() = decor;
            }
            _ => {
                documented.insert(key, item.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All keys of a table, with those of tables in it, in order.
    fn keys(table: &toml::Table, prefix: &str) -> Vec<String> {
        let of = |(key, value): (&String, &toml::Value)| match value {
            toml::Value::Table(inner) => keys(inner, &format!("{prefix}{key}.")),
            _ => vec![format!("{prefix}{key}")],
        };
        table.iter().flat_map(of).collect()
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        assert_eq!(toml::from_str::<Config>(DEFAULTS).unwrap(), Config::default());
    }

    #[test]
    fn every_key_is_documented() {
        let all = toml::Table::try_from(Config::default()).unwrap();
        assert_eq!(keys(&DEFAULTS.parse().unwrap(), ""), keys(&all, ""));
        for (number, line) in
            DEFAULTS.lines().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with('#'))
        {
            let before = DEFAULTS.lines().nth(number.saturating_sub(1)).unwrap_or_default();
            assert!(
                !before.is_empty() && !before.starts_with('['),
                "line {}: `{line}` has no words before it",
                number + 1
            );
        }
    }

    /// The parser lists the keys of a table when it meets one that it does not know.
    fn keys_of_list(list: &str) -> Vec<String> {
        let error = toml::from_str::<Config>(&format!("[[{list}]]\n-no-such-key- = 1")).unwrap_err();
        let words = error.message().split('`').skip(3).step_by(2);
        words.map(str::to_owned).collect()
    }

    #[test]
    fn every_key_of_what_is_watched_is_documented() {
        for list in [
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
            "team",
            "environment",
            "schedule",
            "escalation_policy",
            "emergency",
        ] {
            let header = format!("# [[{list}]]\n");
            let (_, words) = DEFAULTS.split_once(&header).unwrap_or_else(|| panic!("no word of [[{list}]]"));
            let words = words.split("\n# [[").next().unwrap_or_default();
            let keys = keys_of_list(list);
            assert!(keys.len() > 2, "{list}: {keys:?}");
            for key in keys {
                let told = words.lines().any(|line| line.starts_with(&format!("# {key} = ")));
                assert!(told, "[[{list}]]: `# {key} = …` is missing in defaults.toml");
            }
        }
    }

    /// So that a key in a comment is not wrong for ever.
    #[test]
    fn the_documented_examples_can_be_read() {
        let (_, words) = DEFAULTS.split_once("# [[monitor]]\n").unwrap();
        let written = words.lines().filter_map(|line| line.strip_prefix("# "));
        let is_toml = |line: &&str| {
            line.starts_with("[[") || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '))
        };
        let text: String = written.filter(is_toml).map(|line| format!("{line}\n")).collect();
        let config: Result<Config, _> = toml::from_str(&format!("[[monitor]]\n{text}"));
        config.unwrap_or_else(|error| panic!("{error}\n{text}"));
    }

    #[test]
    fn what_is_in_effect_is_shown_with_its_words() {
        let mut config = Config::default();
        config.statsd.global_prefix = "x".into();
        config.http.tls_certificate = Some("a.pem".into());
        config.storage.retention = toml::from_str::<series_store::StorageConfig>(
            "[[retention]]\nname = 'a'\npattern = '^a'\narchives = ['1s:1h']",
        )
        .unwrap()
        .retention;
        config.monitor = vec![monitors::config::MonitorConfig { name: "m".into(), ..Default::default() }];
        config.check = vec![monitors::config::CheckConfig { name: "c".into(), ..Default::default() }];
        let shown = show(&config).unwrap();
        assert!(shown.contains("\n[[monitor]]\n") && shown.contains("\n[[check]]\n"), "{shown}");
        assert!(shown.contains("# Everything that is kept lives here."));
        assert_eq!(toml::from_str::<Config>(&shown).unwrap(), config, "{shown}");
    }
}
