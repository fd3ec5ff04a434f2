//! Grafana's dashboards as JSON, of all schema versions with rows or panels: what is drawn from Graphite, as plain
//! structs, and in words what could not be carried over.
//!
//! A file holds one dashboard, a list of them, or what Grafana's API answers for one (`{"dashboard": …}`). Fields that
//! are missing or of another type than usual are left out: files are edited by hand and written by programs.

mod read;
pub mod variables;

pub use read::read;
pub use variables::substituted;

/// A dashboard as far as it can be carried over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dashboard {
    pub title: String,
    pub uid: String,
    pub schema_version: i64,
    pub tags: Vec<String>,
    /// Its usual time range, in Grafana's grammar: `now-6h`, `now`.
    pub from: String,
    pub until: String,
    /// How often it reloads: `10s`; empty: never.
    pub refresh: String,
    pub variables: Vec<Variable>,
    pub annotations: Vec<Annotation>,
    pub panels: Vec<Panel>,
    /// What is in the file and not here.
    pub lost: Vec<Lost>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variable {
    pub name: String,
    pub label: String,
    /// query, custom, interval, constant, textbox, …
    pub kind: String,
    /// What its values are asked with.
    pub query: String,
    /// The chosen values. `$__all` stands for all.
    pub current: Vec<String>,
    /// All values that the file knows.
    pub options: Vec<String>,
    /// What stands for all, if not the list of them.
    pub all_value: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Annotation {
    pub name: String,
    pub enabled: bool,
    pub source: AnnotationSource,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AnnotationSource {
    /// Graphite's events with these tags.
    Events(Vec<String>),
    /// A mark wherever this target has a value.
    Target(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    pub title: String,
    pub description: String,
    /// The heading that it stands below.
    pub row: String,
    /// graph, timeseries, stat, …
    pub kind: String,
    pub unit: String,
    pub stacked: bool,
    pub thresholds: Vec<f64>,
    /// Another time range than the dashboard's, and how far it is shifted back: `2h`.
    pub time_from: String,
    pub time_shift: String,
    /// Drawn once for each value of this variable.
    pub repeat: String,
    pub targets: Vec<Target>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// A, B, …
    pub ref_id: String,
    /// As written, with variables, but `#A` replaced by what it stands for.
    pub text: String,
    /// Only there to be used by others.
    pub hidden: bool,
}

/// Something that could not be carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// `panel "Requests"`, `annotation "Deploys"`.
    pub place: String,
    pub why: String,
}

/// Why a file is no dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotADashboard {
    /// Counted from 1; 0 where it is not about a place.
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl std::fmt::Display for NotADashboard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "{line}:{}: {}", self.column, self.message),
        }
    }
}

/// More panels than this are no dashboard that anybody looks at.
const MAX_PANELS: usize = 5_000;
/// Beyond it a target is cut off where others would be put into it: they may stand for each other in a circle.
const MAX_TARGET_BYTES: usize = 64 << 10;

#[cfg(test)]
mod tests;
