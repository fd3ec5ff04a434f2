//! The configuration as a documented file: the defaults with their comments, and the values in effect put
//! in place of them.

use toml_edit::{DocumentMut, Item, Table, Value};

use super::Config;

/// Every key with its default and what it means.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// The configuration in effect, documented as the defaults are.
pub fn show(config: &Config) -> Result<String, String> {
    let mut document: DocumentMut = DEFAULTS.parse().map_err(|error| format!("the defaults: {error}"))?;
    let effective = toml_edit::ser::to_document(config).map_err(|error| error.to_string())?;
    replace(document.as_table_mut(), effective.as_table());
    Ok(document.to_string())
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
        let shown = show(&config).unwrap();
        assert!(shown.contains("# Everything that is kept lives here."));
        assert_eq!(toml::from_str::<Config>(&shown).unwrap(), config, "{shown}");
    }
}
