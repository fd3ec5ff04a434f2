//! `[[emergency]]`: its keys are read from their files, and its contacts are looked for.

use http_api::EmergencyConfig;
use http_api::emergency::{Door, Key};
use notify::secret::read_secret;

use super::Config;

pub fn problems(config: &Config) -> Vec<(String, String)> {
    let mut problems = http_api::emergency::problems(&config.emergency);
    let mut keys: Vec<(usize, Key)> = Vec::new();
    for (index, emergency) in config.emergency.iter().enumerate() {
        match key(emergency) {
            Ok(Some(key)) => keys.push((index, key)),
            Ok(None) => {}
            Err(why) => problems.push((format!("emergency.{index}.key_file"), why)),
        }
    }
    for (place, (index, key)) in keys.iter().enumerate() {
        if keys[..place].iter().any(|(_, other)| other == key) {
            let why = "another emergency has the same key: give each its own".to_owned();
            problems.push((format!("emergency.{index}.name"), why));
        }
    }
    problems
}

/// Contacts that no file defines: people of the pages, perhaps. A call for help is taken all the same.
pub fn doubts(config: &Config) -> Vec<(String, String)> {
    let is_defined = |name: &String| config.contact.iter().any(|one| one.name == *name);
    let named = config.emergency.iter().enumerate().flat_map(|(index, emergency)| {
        emergency.contacts.iter().map(move |name| (format!("emergency.{index}.contacts"), name))
    });
    let unknown = named.filter(|(_, name)| !is_defined(name));
    let said = unknown.map(|(key, name)| {
        let why = format!(
            "there is no [[contact]] `{name}`: unless somebody of that name signs in and has ways of their own, those are told who are told of what names nobody"
        );
        (key, why)
    });
    said.collect()
}

/// Those whose keys can be read; the others have been told as problems, unless their files have gone since.
pub fn doors(config: &Config) -> Vec<Door> {
    let door = |emergency: &EmergencyConfig| match key(emergency) {
        Ok(key) => {
            Some(Door { name: emergency.name.clone(), key: key?, contacts: emergency.contacts.clone() })
        }
        Err(why) => {
            tracing::warn!(emergency = emergency.name, why, "an emergency link does not work");
            None
        }
    };
    config.emergency.iter().filter_map(door).collect()
}

fn key(emergency: &EmergencyConfig) -> Result<Option<Key>, String> {
    let Some(path) = &emergency.key_file else { return Ok(emergency.key.clone()) };
    let Some(secret) = read_secret(&None, &emergency.key_file)? else { return Ok(None) };
    let key = Key::try_from(secret.reveal().to_owned());
    key.map(Some).map_err(|why| format!("{}: {why}", path.display()))
}
