//! What is known of one object's macros while its definition is converted.

use std::collections::{BTreeMap, HashMap};

use formats::nagios::objects::{Definition, Name};

use super::convert::Converting;
use super::words::Macros;

/// What is known of one object's macros.
pub(super) struct Known<'a> {
    values: HashMap<String, String>,
    macros: &'a BTreeMap<String, String>,
    pub address: String,
}

impl<'a> Known<'a> {
    pub fn of(converting: &Converting<'a>, host: &Name, service: Option<(&Name, &Definition)>) -> Known<'a> {
        let mut values = HashMap::new();
        let definition = converting.estate.hosts.get(host);
        let text = |key: &str| definition.and_then(|host| host.text(key)).unwrap_or(host).to_owned();
        let address = text("address");
        values.insert("HOSTNAME".to_owned(), host.to_string());
        values.insert("HOSTALIAS".to_owned(), text("alias"));
        values.insert("HOSTADDRESS".to_owned(), address.clone());
        values.insert("HOSTDISPLAYNAME".to_owned(), text("display_name"));
        for (kind, definition) in [("HOST", definition), ("SERVICE", service.map(|(_, service)| service))] {
            let own = definition.map(variables).unwrap_or_default();
            values.extend(own.into_iter().map(|(key, value)| (format!("_{kind}{key}"), value)));
        }
        if let Some((description, service)) = service {
            values.insert("SERVICEDESC".to_owned(), description.to_string());
            let shown = service.text("display_name").unwrap_or(description).to_owned();
            values.insert("SERVICEDISPLAYNAME".to_owned(), shown);
        }
        Known { values, macros: converting.macros, address }
    }
}

impl Macros for Known<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).or_else(|| self.macros.get(name)).map(String::as_str)
    }
}

/// Custom variables without their `_`.
pub(super) fn variables(definition: &Definition) -> BTreeMap<String, String> {
    let own = definition.values.iter().filter_map(|(key, value)| Some((key.strip_prefix('_')?, value)));
    own.map(|(key, value)| (key.to_owned(), value.text.as_deref().unwrap_or_default().to_owned())).collect()
}

pub(super) fn used_macros(command: &[String]) -> impl Iterator<Item = &str> {
    command.iter().flat_map(|argument| argument.split('$').skip(1).step_by(2))
}

pub(super) fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/:".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}
