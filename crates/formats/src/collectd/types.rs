//! types.db: which values a type has, and what each is called. A name of a series has them only where there are
//! several, so of collectd's own types only these are built in.

use std::collections::HashMap;

/// collectd's types with more than one value, as of 5.12.
const BUILT_IN: &[(&str, &[&str])] = &[
    ("arc_counts", &["demand_data", "demand_metadata", "prefetch_data", "prefetch_metadata"]),
    ("arc_l2_bytes", &["read", "write"]),
    ("arc_size", &["current", "target", "minlimit", "maxlimit"]),
    ("compression", &["uncompressed", "compressed"]),
    ("df", &["used", "free"]),
    ("disk_io_time", &["io_time", "weighted_io_time"]),
    ("disk_latency", &["read", "write"]),
    ("disk_merged", &["read", "write"]),
    ("disk_octets", &["read", "write"]),
    ("disk_ops", &["read", "write"]),
    ("disk_time", &["read", "write"]),
    ("dns_octets", &["queries", "responses"]),
    ("domain_state", &["state", "reason"]),
    ("ib_octets", &["rx", "tx"]),
    ("ib_packets", &["rx", "tx"]),
    ("if_dropped", &["rx", "tx"]),
    ("if_errors", &["rx", "tx"]),
    ("if_octets", &["rx", "tx"]),
    ("if_packets", &["rx", "tx"]),
    ("io_octets", &["rx", "tx"]),
    ("io_ops", &["read", "write"]),
    ("io_packets", &["rx", "tx"]),
    ("load", &["shortterm", "midterm", "longterm"]),
    ("memcached_octets", &["rx", "tx"]),
    ("mysql_octets", &["rx", "tx"]),
    ("mysql_qcache", &["hits", "inserts", "not_cached", "lowmem_prunes", "queries_in_cache"]),
    ("mysql_threads", &["running", "connected", "cached", "created"]),
    ("node_octets", &["rx", "tx"]),
    ("ps_count", &["processes", "threads"]),
    ("ps_cputime", &["user", "syst"]),
    ("ps_disk_octets", &["read", "write"]),
    ("ps_disk_ops", &["read", "write"]),
    ("ps_pagefaults", &["minflt", "majflt"]),
    ("serial_octets", &["rx", "tx"]),
    ("smart_attribute", &["current", "worst", "threshold", "pretty"]),
    ("vf_bytes", &["vf_rx", "vf_tx"]),
    ("vf_dropped", &["vf_rx", "vf_tx"]),
    ("vf_packets", &["vf_rx", "vf_tx"]),
    ("vmpage_faults", &["minflt", "majflt"]),
    ("vmpage_io", &["in", "out"]),
    ("voltage_threshold", &["value", "threshold"]),
];

/// The one value of a type that has no more.
const ONE: &str = "value";

/// Names of values, by type.
#[derive(Clone, Debug, PartialEq)]
pub struct Types(HashMap<String, Vec<String>>);

impl Default for Types {
    fn default() -> Types {
        let named = |(kind, names): &(&str, &[&str])| {
            ((*kind).to_owned(), names.iter().map(|name| (*name).to_owned()).collect())
        };
        Types(BUILT_IN.iter().map(named).collect())
    }
}

/// A line of types.db that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

impl Types {
    /// Adds what a file says, over what was known before: `type  name:KIND:min:max[, …]`.
    pub fn read(&mut self, text: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let mut fields = line.split([' ', '\t', ',']).filter(|field| !field.is_empty());
            let Some(kind) = fields.next().filter(|kind| !kind.starts_with('#')) else { continue };
            match fields.map(data_source).collect::<Result<Vec<_>, _>>() {
                Ok(names) if !names.is_empty() => {
                    self.0.insert(kind.to_owned(), names);
                }
                Ok(_) => problems.push(Problem { line: index + 1, message: format!("{kind} has no values") }),
                Err(message) => problems.push(Problem { line: index + 1, message }),
            }
        }
        problems
    }

    /// The name of each of `count` values, or `None` if the type has another number of them, or nobody has told.
    pub fn names(&self, kind: &str, count: usize) -> Option<Names<'_>> {
        match self.0.get(kind) {
            Some(names) => (names.len() == count).then_some(Names(Some(names))),
            None => (count == 1).then_some(Names(None)),
        }
    }
}

/// What the values of one type are called.
#[derive(Clone, Copy)]
pub struct Names<'t>(Option<&'t Vec<String>>);

impl<'t> Names<'t> {
    pub fn get(self, index: usize) -> &'t str {
        self.0.and_then(|names| names.get(index)).map_or(ONE, String::as_str)
    }
}

fn data_source(field: &str) -> Result<String, String> {
    let mut parts = field.split(':');
    let (name, kind) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let known =
        ["GAUGE", "COUNTER", "DERIVE", "ABSOLUTE"].iter().any(|known| known.eq_ignore_ascii_case(kind));
    let bounds = parts.count();
    if name.is_empty() || !known || bounds != 2 {
        return Err(format!("`{field}` is not NAME:GAUGE|COUNTER|DERIVE|ABSOLUTE:MIN:MAX"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_go_over_what_is_built_in() {
        let mut types = Types::default();
        assert_eq!(types.names("if_octets", 2).map(|names| names.get(1)), Some("tx"));
        assert!(types.names("if_octets", 1).is_none() && types.names("mine", 2).is_none());
        assert_eq!(types.names("gauge", 1).map(|names| names.get(0)), Some("value"));
        let problems = types.read(
            "# mine\nmine a:GAUGE:0:U, b:DERIVE:0:U\nib rx:DERIVE:0:U tx:DERIVE:0:U\n\nbad\nworse x:Y:0:U\n",
        );
        assert_eq!(types.names("mine", 2).map(|names| names.get(1)), Some("b"));
        assert_eq!(types.names("ib", 2).map(|names| names.get(1)), Some("tx"));
        let lines: Vec<usize> = problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [5, 6]);
    }
}
