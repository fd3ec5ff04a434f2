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
