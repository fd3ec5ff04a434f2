//! `[collectd]`.

use std::path::PathBuf;

use formats::collectd::Protection;
use formats::collectd::names::Naming;
use formats::collectd::security::Security;
use formats::collectd::types::Types;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use vocabulary::settings::Listen;

use crate::limits;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectdConfig {
    /// Datagrams of collectd's network plugin. Its own port is 25826.
    pub listen: Listen,
    /// Networks that may send. Others are refused and counted.
    pub allow: Vec<IpNet>,
    /// Buffer asked of the kernel for the socket.
    pub receive_buffer_bytes: usize,
    /// Packets that are less protected are refused.
    pub security_level: SecurityLevel,
    /// collectd's AuthFile: `user: password`, a line each. Empty: signatures are not looked at, and encrypted packets
    /// are refused.
    pub password_file: PathBuf,
    /// Further types.db files, over the types that collectd comes with.
    pub types_db: Vec<PathBuf>,
    /// Options of write_graphite, under its names in snake_case.
    pub prefix: String,
    pub postfix: String,
    pub escape_character: char,
    pub store_rates: bool,
    pub separate_instances: bool,
    pub preserve_separator: bool,
    pub always_append_ds: bool,
    pub drop_duplicate_fields: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecurityLevel {
    #[default]
    None,
    Sign,
    Encrypt,
}

impl Default for CollectdConfig {
    fn default() -> Self {
        CollectdConfig {
            listen: Listen::Off,
            allow: vec![IpNet::V4("127.0.0.0/8".parse().expect("a network"))],
            receive_buffer_bytes: limits::RECEIVE_BUFFER_BYTES,
            security_level: SecurityLevel::None,
            password_file: PathBuf::new(),
            types_db: Vec::new(),
            prefix: "collectd.".into(),
            postfix: String::new(),
            escape_character: '_',
            store_rates: true,
            separate_instances: false,
            preserve_separator: false,
            always_append_ds: false,
            drop_duplicate_fields: false,
        }
    }
}

/// What the configuration and the files that it names come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    pub security: Security,
    pub types: Types,
    pub naming: Naming,
    pub store_rates: bool,
}

impl CollectdConfig {
    /// What is wrong although each value by itself can be read.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        let escape = self.escape_character;
        if !escape.is_ascii_graphic() || ".;/\\\"():!,".contains(escape) {
            let what = "must be a character that a name can have, such as \"_\" or \"-\"";
            problems.push(("escape_character", what.into()));
        }
        if self.security_level != SecurityLevel::None && self.password_file.as_os_str().is_empty() {
            let what = "is needed to know who signs: name a file with a line `user: password`";
            problems.push(("password_file", what.into()));
        }
        // Files are looked at only when they are used: the one of another machine may be missing here.
        if self.listen != Listen::Off
            && problems.is_empty()
            && let Err(problem) = self.setup()
        {
            problems.push(problem);
        }
        problems
    }

    /// Reads the files.
    pub fn setup(&self) -> Result<Setup, (&'static str, String)> {
        let least = match self.security_level {
            SecurityLevel::None => Protection::None,
            SecurityLevel::Sign => Protection::Signed,
            SecurityLevel::Encrypt => Protection::Encrypted,
        };
        let security = match self.password_file.as_os_str().is_empty() {
            true => Security::none(),
            false => {
                let text = read(&self.password_file).map_err(|message| ("password_file", message))?;
                Security::with_passwords(least, &text).map_err(|line| {
                    let file = self.password_file.display();
                    ("password_file", format!("{file}:{line}: is not `user: password`"))
                })?
            }
        };
        let mut types = Types::default();
        for file in &self.types_db {
            let text = read(file).map_err(|message| ("types_db", message))?;
            if let Some(problem) = types.read(&text).first() {
                return Err((
                    "types_db",
                    format!("{}:{}: {}", file.display(), problem.line, problem.message),
                ));
            }
        }
        Ok(Setup { security, types, naming: self.naming(), store_rates: self.store_rates })
    }

    fn naming(&self) -> Naming {
        Naming {
            prefix: self.prefix.clone(),
            postfix: self.postfix.clone(),
            escape: self.escape_character,
            separate_instances: self.separate_instances,
            preserve_separator: self.preserve_separator,
            always_append_ds: self.always_append_ds,
            drop_duplicate_fields: self.drop_duplicate_fields,
        }
    }
}

fn read(file: &std::path::Path) -> Result<String, String> {
    use std::io::Read;
    let mut text = String::new();
    let opened = std::fs::File::open(file);
    let read =
        opened.and_then(|file| file.take(limits::COLLECTD_FILE_BYTES_MAX + 1).read_to_string(&mut text));
    read.map_err(|error| format!("{}: cannot be read: {error}", file.display()))?;
    match text.len() as u64 <= limits::COLLECTD_FILE_BYTES_MAX {
        true => Ok(text),
        false => Err(format!("{}: is longer than {} bytes", file.display(), limits::COLLECTD_FILE_BYTES_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_have_no_problem_and_bad_values_are_named() {
        assert_eq!(CollectdConfig::default().problems(), []);
        let check = |change: &dyn Fn(&mut CollectdConfig), key: &str| {
            let mut config =
                CollectdConfig { listen: "127.0.0.1:25826".parse().unwrap(), ..CollectdConfig::default() };
            change(&mut config);
            let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
            assert_eq!(keys, [key]);
        };
        check(&|config| config.escape_character = '.', "escape_character");
        check(&|config| config.security_level = SecurityLevel::Sign, "password_file");
        check(&|config| config.password_file = "/nowhere".into(), "password_file");
        check(&|config| config.types_db = vec!["/nowhere".into()], "types_db");
    }
}
