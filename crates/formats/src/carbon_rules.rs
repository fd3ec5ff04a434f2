//! The files by which carbon 1.1.10 decides where a point goes and under which name: relay-rules.conf,
//! aggregation-rules.conf, rewrite-rules.conf, blacklist.conf and whitelist.conf.
//!
//! As in [`carbon_conf`](crate::carbon_conf), what cannot be carried over is told with its line.

use std::fmt;
use std::str::FromStr;

use crate::carbon_conf::{self, CheckPattern, Problem, Rules, Section, Written};
use crate::python_regex::{Pattern, Template};

/// Where a relay sends: `host:port` or `host:port:instance`, IPv6 addresses in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    pub host: String,
    pub port: u16,
    /// Tells apart what shares a host, for consistent hashing.
    pub instance: Option<String>,
}

impl Destination {
    /// To connect to.
    pub fn address(&self) -> String {
        let Destination { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Destination, String> {
        let text = text.trim();
        let why = || {
            format!(
                "`{text}` is not a destination: write \"HOST:PORT\" or \"HOST:PORT:INSTANCE\", such as \"10.0.0.3:2004:a\""
            )
        };
        let split = match text.strip_prefix('[') {
            Some(rest) => rest.split_once("]:"),
            None => text.split_once(':'),
        };
        let (host, rest) = split.filter(|(host, _)| !host.is_empty()).ok_or_else(why)?;
        let (port, instance) = match rest.split_once(':') {
            Some((port, instance)) => (port, Some(instance)),
            None => (rest, None),
        };
        let port = port.trim().parse().ok().filter(|port| *port != 0).ok_or_else(why)?;
        Ok(Destination { host: host.to_owned(), port, instance: instance.map(str::to_owned) })
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address())?;
        self.instance.as_ref().map_or(Ok(()), |instance| write!(f, ":{instance}"))
    }
}

/// A section of relay-rules.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayRule {
    pub name: String,
    /// Searched anywhere, whatever the case; `None` is the default rule, which stands below all others.
    pub pattern: Option<String>,
    pub destinations: Vec<Destination>,
    /// Rules below are looked at too.
    pub goes_on: bool,
    pub line: usize,
}

pub fn relay_rules(text: &str, check_pattern: CheckPattern<'_>) -> Rules<RelayRule> {
    let keys = ["pattern", "destinations", "continue", "default"];
    let mut found = carbon_conf::rules(text, &keys, |section| relay_rule(section, check_pattern));
    // `default = false` is no rule, and no mistake.
    found.rules.retain(|rule| rule.pattern.is_some() || rule.line > 0);
    let mut defaults = found.rules.iter().filter(|rule| rule.pattern.is_none());
    let problem = match (defaults.next(), defaults.next()) {
        (None, _) => {
            Some((1, "no rule has `default = true`: Carbon wants one for names that match none".into()))
        }
        (Some(_), Some(second)) => {
            Some((second.line, format!("[{}] is a second default rule: only one can be", second.name)))
        }
        _ => None,
    };
    found.problems.extend(problem.map(|(line, message)| Problem { line, message }));
    found
}

fn relay_rule(section: &Section, check_pattern: CheckPattern<'_>) -> Result<RelayRule, Problem> {
    let written = section.required("destinations")?;
    let parsed: Result<Vec<Destination>, _> = written.text.split(',').map(str::parse).collect();
    let destinations = parsed.map_err(|why| written.problem(why))?;
    let rule = |pattern, goes_on, line| RelayRule {
        name: section.name.clone(),
        pattern,
        destinations,
        goes_on,
        line,
    };
    match (section.get("pattern"), section.get("default")) {
        (Some(_), Some(default)) => {
            let both = format!("[{}] has both `pattern` and `default`: it can be one only", section.name);
            Err(default.problem(both))
        }
        (Some(_), None) => {
            let pattern = section.pattern(check_pattern)?;
            let goes_on = section.get("continue").map(boolean).transpose()?.unwrap_or(false);
            Ok(rule(Some(pattern), goes_on, section.line))
        }
        (None, Some(default)) => {
            let line = if boolean(default)? { section.line } else { 0 };
            Ok(rule(None, false, line))
        }
        (None, None) => Err(Problem {
            line: section.line,
            message: format!("[{}] has neither `pattern` nor `default`: Carbon passes over it", section.name),
        }),
    }
}

/// ConfigParser's `getboolean`.
fn boolean(written: &Written) -> Result<bool, Problem> {
    match written.text.to_lowercase().as_str() {
        "1" | "yes" | "true" | "on" => Ok(true),
        "0" | "no" | "false" | "off" => Ok(false),
        other => Err(written.problem(format!("`{other}` is neither true nor false"))),
    }
}

/// What aggregation makes of the values of one interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    /// The share of the values below, in thousandths.
    Percentile(u16),
}

const METHODS: [(&str, Method); 12] = [
    ("sum", Method::Sum),
    ("avg", Method::Avg),
    ("min", Method::Min),
    ("max", Method::Max),
    ("count", Method::Count),
    ("p50", Method::Percentile(500)),
    ("p75", Method::Percentile(750)),
    ("p80", Method::Percentile(800)),
    ("p90", Method::Percentile(900)),
    ("p95", Method::Percentile(950)),
    ("p99", Method::Percentile(990)),
    ("p999", Method::Percentile(999)),
];

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Method, String> {
        let known = METHODS.iter().find(|(name, _)| *name == text);
        known.map(|(_, method)| *method).ok_or_else(|| {
            let names: Vec<_> = METHODS.iter().map(|(name, _)| *name).collect();
            format!("`{text}` is no method of aggregation: write one of {}", names.join(", "))
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = METHODS.iter().find(|(_, method)| method == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

/// A line of aggregation-rules.conf: `output (frequency) = method input`.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregationRule {
    pub output: String,
    pub frequency_seconds: u32,
    pub method: Method,
    pub input: String,
    pub line: usize,
}

pub fn aggregation_rules(text: &str) -> Rules<AggregationRule> {
    by_line(text, |line, written| {
        let rule = aggregation_rule(line, written)?;
        aggregation_patterns(&rule.input, &rule.output)?;
        Ok(rule)
    })
}

fn aggregation_rule(line: usize, written: &str) -> Result<AggregationRule, String> {
    let form = || format!("`{written}` is not of the form: output (frequency) = method input");
    let (left, right) = written.split_once('=').ok_or_else(form)?;
    let two = |side: &str| {
        let mut words = side.split_whitespace().map(str::to_owned);
        words.next().zip(words.next()).filter(|_| words.next().is_none())
    };
    let (output, frequency) = two(left).ok_or_else(form)?;
    let (method, input) = two(right).ok_or_else(form)?;
    let seconds = frequency.trim_start_matches('(').trim_end_matches(')');
    let seconds = seconds.parse().ok().filter(|seconds| *seconds > 0);
    let frequency_seconds =
        seconds.ok_or_else(|| format!("`{frequency}` is not a number of seconds in brackets"))?;
    Ok(AggregationRule { output, frequency_seconds, method: method.parse()?, input, line })
}

/// What a name must look like, and what of it the aggregate's name takes over. The expression is put together as
/// carbon does it: `<field>` and `<<field>>` once a node, `*` only in nodes without either, all else as it is.
pub fn aggregation_patterns(input: &str, output: &str) -> Result<(Pattern, Template), String> {
    let nodes: Vec<String> = input.split('.').map(node_expression).collect();
    let expression = nodes.join("\\.") + "$";
    let pattern = Pattern::at_start(&expression).map_err(|why| format!("`{input}`: {why}"))?;
    let format = output.replace('<', "%(").replace('>', ")s");
    let template = Template::percent(&format, &pattern);
    let why = |why| format!("`{output}`: {why} (fields of the input are written <name>, once)");
    Ok((pattern, template.map_err(why)?))
}

fn node_expression(node: &str) -> String {
    if let (Some(start), Some(end)) = (node.find("<<"), node.find(">>")) {
        // Carbon cuts like this even where `>>` comes first, which then is no valid expression.
        let field = node.get(start + 2..end).unwrap_or_default();
        return format!("{}(?P<{field}>.+?){}", &node[..start], &node[end + 2..]);
    }
    if let (Some(start), Some(end)) = (node.find('<'), node.find('>'))
        && end > start
    {
        return format!("{}(?P<{}>[^.]+?){}", &node[..start], &node[start + 1..end], &node[end + 1..]);
    }
    match node {
        "*" => "[^.]+".into(),
        _ => node.replace('*', "[^.]*"),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before aggregation.
    Pre,
    /// Behind it, for what goes on unaggregated.
    Post,
}

impl FromStr for Stage {
    type Err = String;

    fn from_str(text: &str) -> Result<Stage, String> {
        stage(text).ok_or_else(|| format!("`{text}` is no stage of rewriting: write \"pre\" or \"post\""))
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Pre => "pre",
            Stage::Post => "post",
        })
    }
}

/// A line of rewrite-rules.conf: `pattern = replacement`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RewriteRule {
    pub stage: Stage,
    pub pattern: String,
    pub replacement: String,
    pub line: usize,
}

pub fn rewrite_rules(text: &str) -> Rules<RewriteRule> {
    let mut section: Option<String> = None;
    let mut found = Rules { rules: Vec::<RewriteRule>::new(), problems: Vec::new() };
    for (line, written) in meaningful(text) {
        let mut problem = |message: String| found.problems.push(Problem { line, message });
        if let Some(name) = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let name = name.to_lowercase();
            let stage = stage(&name);
            match stage {
                None => problem(format!("[{name}] is neither [pre] nor [post]: Carbon never uses its rules")),
                Some(stage) if found.rules.iter().any(|rule| rule.stage == stage) => {
                    problem(format!("[{name}] stands twice: Carbon forgets what stood under the first"));
                    found.rules.retain(|rule| rule.stage != stage);
                }
                Some(_) => {}
            }
            section = Some(name);
            continue;
        }
        match rewrite_rule(section.as_deref(), line, written) {
            Ok(rule) => found.rules.push(rule),
            Err(message) => problem(message),
        }
    }
    found
}

fn stage(section: &str) -> Option<Stage> {
    match section {
        "pre" => Some(Stage::Pre),
        "post" => Some(Stage::Post),
        _ => None,
    }
}

fn rewrite_rule(section: Option<&str>, line: usize, written: &str) -> Result<RewriteRule, String> {
    let (pattern, replacement) =
        written.split_once('=').ok_or_else(|| format!("`{written}` is neither a section nor a rule"))?;
    let (pattern, replacement) = (pattern.trim(), replacement.trim());
    let section = section.ok_or("the rule stands before [pre] and [post]: Carbon never uses it")?;
    let stage = stage(section).ok_or_else(|| format!("Carbon never uses rules of [{section}]"))?;
    rewrite_patterns(pattern, replacement)?;
    Ok(RewriteRule { stage, pattern: pattern.into(), replacement: replacement.into(), line })
}

/// What is replaced, and with what.
pub fn rewrite_patterns(pattern: &str, replacement: &str) -> Result<(Pattern, Template), String> {
    let compiled = Pattern::new(pattern).map_err(|why| format!("`{pattern}`: {why}"))?;
    let template = Template::new(replacement, &compiled);
    Ok((compiled, template.map_err(|why| format!("`{replacement}`: {why}"))?))
}

/// A line of blacklist.conf or whitelist.conf: an expression, searched anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPattern {
    pub pattern: String,
    pub line: usize,
}

pub fn pattern_list(text: &str) -> Rules<ListedPattern> {
    let mut found = Rules { rules: Vec::new(), problems: Vec::new() };
    for (index, written) in text.lines().enumerate() {
        // Unlike in the other files, a `#` behind blanks is no comment.
        let (line, pattern) = (index + 1, written.trim());
        if written.starts_with('#') || pattern.is_empty() {
            continue;
        }
        match Pattern::new(pattern) {
            Ok(_) => found.rules.push(ListedPattern { pattern: pattern.into(), line }),
            Err(why) => found.problems.push(Problem { line, message: format!("`{pattern}`: {why}") }),
        }
    }
    found
}

fn by_line<R>(text: &str, rule: impl Fn(usize, &str) -> Result<R, String>) -> Rules<R> {
    let mut found = Rules { rules: Vec::new(), problems: Vec::new() };
    for (line, written) in meaningful(text) {
        match rule(line, written) {
            Ok(rule) => found.rules.push(rule),
            Err(message) => found.problems.push(Problem { line, message }),
        }
    }
    found
}

/// Lines that say something, with their numbers.
fn meaningful(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<R>(found: &Rules<R>) -> Vec<String> {
        found.problems.iter().map(|problem| format!("{} {}", problem.line, problem.message)).collect()
    }

    #[test]
    fn destinations() {
        let check = |text: &str, host: &str, port: u16, instance: Option<&str>, again: &str| {
            let destination: Destination = text.parse().unwrap();
            let wanted = Destination { host: host.into(), port, instance: instance.map(str::to_owned) };
            assert_eq!((&destination, destination.to_string().as_str()), (&wanted, again));
        };
        check("10.0.0.1:2004", "10.0.0.1", 2004, None, "10.0.0.1:2004");
        check(" graphite.example:2004:a ", "graphite.example", 2004, Some("a"), "graphite.example:2004:a");
        check("[::1]:2004:b", "::1", 2004, Some("b"), "[::1]:2004:b");
        for bad in ["", "host", ":2004", "host:", "host:0", "host:99999", "host:x:a", "[::1]"] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_rules_of_a_relay() {
        let text = "[a]\npattern = ^a\\.\ndestinations = h:1, h:2:x\ncontinue = True\n\n[off]\ndefault = no\n\
                    destinations = h:9\n[rest]\ndefault = true\ndestinations = h:3\n";
        let found = relay_rules(text, &|_| Ok(()));
        assert_eq!(told(&found), Vec::<String>::new());
        let [a, rest] = &found.rules[..] else { panic!("{:?}", found.rules) };
        assert_eq!((a.pattern.as_deref(), a.goes_on, a.destinations.len()), (Some("^a\\."), true, 2));
        assert_eq!((rest.pattern.as_deref(), rest.line), (None, 9));
        let text = "[a]\npattern = (\ndestinations = h:1\n[b]\npattern = x\n[c]\ndestinations = h:1\n\
                    [d]\npattern = x\ndefault = 1\ndestinations = h:1\n[e]\ndefault = maybe\ndestinations = h:1\n\
                    [f]\npattern = x\ndestinations = h\n";
        let found = relay_rules(text, &|pattern| Pattern::new(pattern).map(|_| ()));
        let lines: Vec<_> = found.problems.iter().map(|problem| problem.line).collect();
        assert_eq!((found.rules.len(), lines), (0, vec![2, 4, 6, 10, 13, 17, 1]), "{:?}", told(&found));
    }

    #[test]
    fn aggregation() {
        let text = "# all\n<env>.all.<app>.requests (60) = sum <env>.applications.<app>.*.requests\n\
                    \nx.<rest> (10) = p999 y.<<rest>>\n";
        let found = aggregation_rules(text);
        assert_eq!((told(&found), found.rules.len()), (vec![], 2));
        let check = |input: &str, output: &str, name: &str, wanted: Option<&str>| {
            let (pattern, template) = aggregation_patterns(input, output).unwrap();
            assert_eq!(pattern.expand(name, &template).unwrap().as_deref(), wanted, "{input} {name}");
        };
        let first = &found.rules[0];
        check(&first.input, &first.output, "p.applications.s.web1.requests", Some("p.all.s.requests"));
        check(&first.input, &first.output, "p.applications.s.requests", None);
        check(&first.input, &first.output, "x.p.applications.s.web1.requests", None);
        check("y.<<rest>>", "x.<rest>", "y.a.b", Some("x.a.b"));
        check("h<n>.cpu", "cpu.<n>", "h12.cpu", Some("cpu.12"));
        check("a*b.*", "o", "axxb.c", Some("o"));
        check("a*b.*", "o", "axxb.", None);
        for bad in [
            "a (60) = sum",
            "a (x) = sum b",
            "a (0) = sum b",
            "a (60) = mode b",
            "<y> (60) = sum <x>",
            "a (60) sum b",
            "<<x>> (60) = sum <<x>>",
            "a% (60) = sum b",
            "a (60) = sum (",
            "a (60) = sum >>b<<",
        ] {
            assert_eq!(aggregation_rules(bad).problems.len(), 1, "{bad}");
        }
    }

    #[test]
    fn rewriting() {
        let text = "^lost = x\n[PRE]\n^(\\w+)_old\\. = \\1.\n( = x\na = \\2\n[post]\n\\.\\.+ = .\nnonsense\n[other]\na = b\n[pre]\nb = c = d\n";
        let found = rewrite_rules(text);
        let rules =
            found.rules.iter().map(|rule| format!("{:?} {} {}", rule.stage, rule.pattern, rule.replacement));
        assert_eq!(rules.collect::<Vec<_>>(), ["Post \\.\\.+ .", "Pre b c = d"]);
        let lines: Vec<_> = found.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 4, 5, 8, 9, 10, 11], "{:?}", told(&found));
    }

    #[test]
    fn lists() {
        let found = pattern_list("# no\n # yes\n\n  ^a\\.  \n(\n");
        let patterns: Vec<_> = found.rules.iter().map(|rule| (rule.line, rule.pattern.as_str())).collect();
        assert_eq!(patterns, [(2, "# yes"), (4, "^a\\.")]);
        assert_eq!(found.problems.len(), 1);
    }
}
