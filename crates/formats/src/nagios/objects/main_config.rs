//! nagios.cfg: where the objects are, and the settings that change what they mean.

use std::collections::BTreeMap;

use super::lines::{Place, Problem};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    File(String),
    Directory(String),
}

#[derive(Clone, Debug, Default)]
pub struct MainConfig {
    /// In the order of the file; paths as written, relative ones to its directory.
    pub sources: Vec<(Source, Option<Place>)>,
    pub resource_files: Vec<String>,
    /// All else; of a setting that is given twice the last.
    pub settings: BTreeMap<String, String>,
    /// Where they stand.
    pub places: BTreeMap<String, Place>,
    pub problems: Vec<Problem>,
}

impl MainConfig {
    pub fn read(file: &str, text: &str) -> MainConfig {
        let mut config = MainConfig::default();
        for (at, line) in text.lines().enumerate() {
            let place = Place { file: file.into(), line: at + 1 };
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                let message = format!("`{line}` is no `name=value`");
                config.problems.push(Problem { place, message });
                continue;
            };
            let (key, value) = (key.trim(), value.trim());
            match key {
                "cfg_file" => config.sources.push((Source::File(value.to_owned()), Some(place))),
                "cfg_dir" => config.sources.push((Source::Directory(value.to_owned()), Some(place))),
                "resource_file" => config.resource_files.push(value.to_owned()),
                _ => {
                    config.settings.insert(key.to_owned(), value.to_owned());
                    config.places.insert(key.to_owned(), place);
                }
            }
        }
        config
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        self.settings.get(key).map(String::as_str)
    }

    pub fn number(&self, key: &str, default: f64) -> f64 {
        self.text(key).and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.text(key).map_or(default, |text| super::lines::leading_number(text) != 0)
    }
}

/// `$USER1$=/usr/lib/nagios/plugins` of a resource file. Names come back without their `$`.
pub fn resources(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| {
        let (name, value) = line.split_once('=')?;
        let name = name.trim().strip_prefix('$')?.strip_suffix('$')?;
        name.starts_with("USER").then(|| (name.to_owned(), value.trim().to_owned()))
    });
    pairs.collect()
}
