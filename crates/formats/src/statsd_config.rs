//! StatsD's config.js into the section `[statsd]` of ours, with a word on everything that does not go over.
//!
//! Where the original's default differs from ours, what the file leaves out is written too, so that the result
//! means what the file meant.

use std::net::IpAddr;

use crate::carbon_conf::Problem;
use crate::js_literal::{Literal, LiteralError, Property, read_object};
use crate::js_number;

/// The section as TOML, comments included, and what it does not hold. Lines count from 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    pub toml: String,
    pub problems: Vec<Problem>,
}

pub fn convert(text: &str) -> Result<Converted, LiteralError> {
    let properties = read_object(text)?;
    let mut section = Section::default();
    section.listeners(&properties);
    section.admin(&properties);
    for property in &properties {
        section.property(property);
    }
    section.defaults();
    section.forward(&properties);
    Ok(section.written())
}

/// The original's key, ours, and how its value is read. Keys of the object `graphite` are flat in ours.
const SAME: [(&str, &str, ReadValue); 23] = [
    ("flushInterval", "flush_interval", flush_interval),
    ("percentThreshold", "percentiles", percentiles),
    ("histogram", "histogram", histograms),
    ("calculatedTimerMetrics", "calculated_timer_metrics", texts),
    ("flush_counts", "flush_counts", truth),
    ("deleteIdleStats", "delete_idle_stats", truth),
    ("deleteCounters", "delete_counters", truth),
    ("deleteTimers", "delete_timers", truth),
    ("deleteSets", "delete_sets", truth),
    ("deleteGauges", "delete_gauges", truth),
    ("gaugesMaxTTL", "gauges_max_ttl", gauges_max_ttl),
    ("prefixStats", "prefix_stats", text),
    ("keyNameSanitize", "key_name_sanitize", truth),
    ("healthStatus", "health_status", health),
    ("repeater", "repeater", targets),
    ("repeaterProtocol", "repeater_protocol", protocol),
    ("graphite.legacyNamespace", "legacy_namespace", truth),
    ("graphite.globalPrefix", "global_prefix", text),
    ("graphite.prefixCounter", "prefix_counter", text),
    ("graphite.prefixTimer", "prefix_timer", text),
    ("graphite.prefixGauge", "prefix_gauge", text),
    ("graphite.prefixSet", "prefix_set", text),
    ("graphite.globalSuffix", "global_suffix", text),
];

/// A value as TOML, or why it cannot be one.
type ReadValue = fn(&Literal) -> Result<String, String>;

/// Keys that have nowhere to go, and why.
const LEFT: [(&str, &str); 6] = [
    ("debug", "what is logged is set for the whole process"),
    ("dumpMessages", "packets are not logged; bad lines are shown on the Data page"),
    ("log", "the log goes to standard error"),
    ("title", "the process keeps its name"),
    ("automaticConfigReload", "the configuration is always read again when it changes"),
    ("console", "there is no console backend: use `bellwether query --follow`"),
];

/// Keys that are read together, by [`Section::listeners`], [`Section::admin`] and [`Section::forward`].
const TOGETHER: [&str; 12] = [
    "server",
    "servers",
    "address",
    "address_ipv6",
    "port",
    "socket",
    "mgmt_address",
    "mgmt_port",
    "graphiteHost",
    "graphitePort",
    "graphitePicklePort",
    "graphiteProtocol",
];

#[derive(Default)]
struct Section {
    lines: Vec<String>,
    problems: Vec<Problem>,
}

impl Section {
    /// A key that is written twice has its last value.
    fn set(&mut self, key: &str, value: &str) {
        let start = format!("{key} = ");
        self.lines.retain(|line| !line.starts_with(&start));
        self.lines.push(format!("{key} = {value}"));
    }

    fn comment(&mut self, text: &str) {
        self.lines.push(format!("# {text}"));
    }

    fn problem(&mut self, line: usize, key: &str, why: &str) {
        self.problems.push(Problem { line, message: format!("{key}: {why}") });
    }

    fn property(&mut self, property: &Property) {
        let Property { key, value, line } = property;
        match (key.as_str(), value) {
            (_, Literal::Nothing) => {}
            ("graphite", Literal::Object(properties)) => {
                for property in properties {
                    self.value(&format!("graphite.{}", property.key), property);
                }
            }
            ("keyFlush", Literal::Object(properties)) => self.key_flush(*line, properties),
            ("backends", Literal::List(backends)) => self.backends(*line, backends),
            (key, _) if TOGETHER.contains(&key) => {}
            (key, _) => self.value(key, property),
        }
    }

    fn value(&mut self, key: &str, property: &Property) {
        if let Some((_, ours, read)) = SAME.iter().find(|(theirs, ..)| *theirs == key) {
            return match evaluated(&property.value).and_then(read) {
                Ok(value) => self.set(ours, &value),
                Err(why) => self.problem(property.line, key, &why),
            };
        }
        let left = LEFT.iter().find(|(left, _)| *left == key);
        self.problem(property.line, key, left.map_or("the original knows no such key", |(_, why)| why));
    }

    fn key_flush(&mut self, line: usize, properties: &[Property]) {
        let mut parts = Vec::new();
        for Property { key, value, line } in properties {
            let read = match key.as_str() {
                "interval" => positive(value).map(|interval| format!("interval = \"{interval}ms\"")),
                "percent" => number(value).map(|percent| format!("percent = {percent}")),
                "log" => text(value).map(|path| format!("log = {path}")),
                _ => Err("the original knows no such key".to_owned()),
            };
            match read {
                Ok(part) => parts.push(part),
                Err(why) => self.problem(*line, &format!("keyFlush.{key}"), &why),
            }
        }
        match parts.iter().any(|part| part.starts_with("interval")) {
            true => self.set("key_flush", &format!("{{ {} }}", parts.join(", "))),
            false => self.problem(line, "keyFlush", "without an interval it is off"),
        }
    }

    fn backends(&mut self, line: usize, backends: &[Literal]) {
        for backend in backends {
            let Literal::Text(name) = backend else { continue };
            let base = name.rsplit('/').next().unwrap_or_default();
            if !["graphite", "repeater"].contains(&base.strip_suffix(".js").unwrap_or(base)) {
                self.problem(line, "backends", &format!("there is nothing like {name} here"));
            }
        }
    }

    /// Points stay here; where they went before is a remark.
    fn forward(&mut self, properties: &[Property]) {
        let Some(host) = properties.iter().find(|property| property.key == "graphiteHost") else { return };
        let Literal::Text(name) = &host.value else {
            return self.problem(host.line, "graphiteHost", &unreadable(&host.value));
        };
        let pickle = find(properties, "graphiteProtocol") == Some(&Literal::Text("pickle".into()));
        let (protocol, key, default) =
            if pickle { ("pickle", "graphitePicklePort", 2004) } else { ("line", "graphitePort", 2003) };
        let port = find(properties, key).and_then(|port| positive(port).ok()).unwrap_or(default);
        self.comment(&format!("Points stay here. To send them on to {name} as well:"));
        self.comment("[[carbon.forward]]");
        self.comment(&format!("address = {}", quoted(&format!("{name}:{port}"))));
        self.comment(&format!("protocol = {}", quoted(protocol)));
    }

    /// The list `servers`, or without it one server made of the keys at the top.
    fn listeners(&mut self, properties: &[Property]) {
        let mut udp = None;
        let mut tcp = None;
        let servers = properties.iter().find(|property| property.key == "servers");
        match servers.map(|servers| (servers.line, &servers.value)) {
            Some((line, Literal::List(servers))) => {
                for server in servers {
                    match server {
                        Literal::Object(properties) => self.listener(line, properties, &mut udp, &mut tcp),
                        _ => self.problem(line, "servers", "a server is an object"),
                    }
                }
            }
            _ => self.listener(1, properties, &mut udp, &mut tcp),
        }
        let off = || "off".to_owned();
        self.set("udp", &quoted(&udp.unwrap_or_else(off)));
        self.set("tcp", &quoted(&tcp.unwrap_or_else(off)));
    }

    fn listener(
        &mut self,
        line: usize,
        properties: &[Property],
        udp: &mut Option<String>,
        tcp: &mut Option<String>,
    ) {
        let is_tcp = matches!(find(properties, "server"), Some(Literal::Text(name)) if name.ends_with("tcp") || name.ends_with("tcp.js"));
        if is_tcp && find(properties, "socket").is_some() {
            let why = "a Unix socket is one for datagrams here: set `unix` and tell the clients";
            return self.problem(line, "socket", why);
        }
        let place = if is_tcp { tcp } else { udp };
        if place.is_some() {
            return self.problem(line, "servers", "there is one listener for UDP and one for TCP");
        }
        match address(properties, "address", "port", 8125) {
            Ok(address) => *place = Some(self.reachable(address)),
            Err(why) => self.problem(line, "address", &why),
        }
    }

    fn admin(&mut self, properties: &[Property]) {
        if ["mgmt_address", "mgmt_port"].iter().all(|key| find(properties, key).is_none()) {
            return;
        }
        match address(properties, "mgmt_address", "mgmt_port", 8126) {
            Ok(address) => {
                let address = self.reachable(address);
                self.set("admin", &quoted(&address));
            }
            Err(why) => self.problem(1, "mgmt_address", &why),
        }
    }

    /// Says once what a listener beyond this host needs.
    fn reachable(&mut self, (address, port): (IpAddr, u16)) -> String {
        let remark = "# Only sources in `allow` are taken: add the networks of your clients.";
        if !address.is_loopback() && !self.lines.iter().any(|line| line == remark) {
            self.lines.push(remark.to_owned());
            self.set("allow", "[\"127.0.0.0/8\"]");
        }
        std::net::SocketAddr::new(address, port).to_string()
    }

    fn defaults(&mut self) {
        self.comment("Exactly the original's grammar. Without it DogStatsD's is read too.");
        self.set("dialect", "\"statsd\"");
        if !self.lines.iter().any(|line| line.starts_with("flush_interval = ")) {
            self.comment("The original's default. Without it the interval is one second.");
            self.set("flush_interval", "\"10s\"");
        }
    }

    fn written(self) -> Converted {
        Converted { toml: format!("[statsd]\n{}\n", self.lines.join("\n")), problems: self.problems }
    }
}

fn find<'a>(properties: &'a [Property], key: &str) -> Option<&'a Literal> {
    let found = properties.iter().rev().find(|property| property.key == key).map(|property| &property.value);
    found.filter(|value| **value != Literal::Nothing)
}

fn address(
    properties: &[Property],
    address_key: &str,
    port_key: &str,
    default_port: u16,
) -> Result<(IpAddr, u16), String> {
    let v6 = find(properties, "address_ipv6") == Some(&Literal::Truth(true));
    let address = match find(properties, address_key) {
        None if v6 => IpAddr::from([0u16; 8]),
        None => IpAddr::from([0u8; 4]),
        Some(Literal::Text(name)) if name == "localhost" => IpAddr::from([127, 0, 0, 1]),
        Some(Literal::Text(written)) => written
            .parse()
            .map_err(|_| format!("`{written}` is not an IP address, which a listener needs"))?,
        Some(other) => return Err(unreadable(other)),
    };
    let port = match find(properties, port_key) {
        None => default_port,
        Some(written) => {
            let port = positive(written)?;
            port.try_into().map_err(|_| format!("{port} is not a port"))?
        }
    };
    Ok((address, port))
}

fn evaluated(value: &Literal) -> Result<&Literal, String> {
    match value {
        Literal::Expression(_) => Err(unreadable(value)),
        value => Ok(value),
    }
}

fn unreadable(value: &Literal) -> String {
    match value {
        Literal::Expression(written) => format!("`{written}` would have to be evaluated: write its value"),
        _ => "its value is of another kind".into(),
    }
}

fn truth(value: &Literal) -> Result<String, String> {
    match value {
        Literal::Truth(truth) => Ok(truth.to_string()),
        other => Err(unreadable(other)),
    }
}

fn text(value: &Literal) -> Result<String, String> {
    match value {
        Literal::Text(text) => Ok(quoted(text)),
        other => Err(unreadable(other)),
    }
}

/// A number, which may stand in quotes as the original converts those.
fn number(value: &Literal) -> Result<f64, String> {
    let number = match value {
        Literal::Number(number) => Some(*number),
        Literal::Text(text) => js_number::read(text.as_bytes()).filter(|_| !text.trim().is_empty()),
        other => return Err(unreadable(other)),
    };
    number.filter(|number| number.is_finite()).ok_or_else(|| "it is not a number".to_owned())
}

fn positive(value: &Literal) -> Result<u64, String> {
    let number = number(value)?;
    let whole = number.fract() == 0.0 && (1.0..=1e15).contains(&number);
    if whole { Ok(number as u64) } else { Err(format!("{number} is not a whole number above 0")) }
}

fn flush_interval(value: &Literal) -> Result<String, String> {
    match positive(value)? {
        0..1000 => Err("an interval is one second at least".into()),
        milliseconds if milliseconds % 1000 == 0 => Ok(format!("\"{}s\"", milliseconds / 1000)),
        milliseconds => Ok(format!("\"{milliseconds}ms\"")),
    }
}

fn percentiles(value: &Literal) -> Result<String, String> {
    match value {
        Literal::List(items) => list(items, |item| number(item).map(|percent| percent.to_string())),
        // The original takes 0 for none said.
        single => match number(single)? {
            0.0 => Ok("[90]".into()),
            percent => Ok(format!("[{percent}]")),
        },
    }
}

fn gauges_max_ttl(value: &Literal) -> Result<String, String> {
    // Whatever is not a whole number above one is one to the original.
    Ok(positive(value).map_or_else(|_| "1".to_owned(), |flushes| flushes.min(u32::MAX.into()).to_string()))
}

fn health(value: &Literal) -> Result<String, String> {
    match value {
        Literal::Text(word) if ["up", "down"].contains(&word.as_str()) => Ok(quoted(word)),
        _ => Err("it is neither \"up\" nor \"down\"".into()),
    }
}

/// Whatever is neither "tcp" nor "udp6" is "udp4" to the original.
fn protocol(value: &Literal) -> Result<String, String> {
    match value {
        Literal::Text(word) if ["tcp", "udp6"].contains(&word.as_str()) => Ok(quoted(word)),
        _ => Ok("\"udp4\"".into()),
    }
}

fn texts(value: &Literal) -> Result<String, String> {
    match value {
        Literal::List(items) => list(items, text),
        other => Err(unreadable(other)),
    }
}

fn histograms(value: &Literal) -> Result<String, String> {
    let bin = |bin: &Literal| match bin {
        Literal::Text(word) if word == "inf" => Ok(quoted(word)),
        bin => number(bin).map(|limit| limit.to_string()),
    };
    objects(value, |properties| {
        let metric = find(properties, "metric").ok_or("a histogram has no metric").map(text)??;
        let Some(Literal::List(bins)) = find(properties, "bins") else {
            return Err("a histogram has no bins".into());
        };
        Ok(format!("{{ metric = {metric}, bins = {} }}", list(bins, bin)?))
    })
}

fn targets(value: &Literal) -> Result<String, String> {
    objects(value, |properties| {
        let host = find(properties, "host").ok_or("a target has no host").map(text)??;
        let port = find(properties, "port").ok_or("a target has no port").map(positive)??;
        let port = u16::try_from(port).map_err(|_| format!("{port} is not a port"))?;
        Ok(format!("{{ host = {host}, port = {port} }}"))
    })
}

fn objects(value: &Literal, write: impl Fn(&[Property]) -> Result<String, String>) -> Result<String, String> {
    let Literal::List(items) = value else { return Err(unreadable(value)) };
    list(items, |item| match item {
        Literal::Object(properties) => write(properties),
        other => Err(unreadable(other)),
    })
}

fn list(items: &[Literal], write: impl Fn(&Literal) -> Result<String, String>) -> Result<String, String> {
    let written: Result<Vec<String>, String> = items.iter().map(write).collect();
    Ok(format!("[{}]", written?.join(", ")))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..' ' | '\u{7f}' => quoted.push_str(&format!("\\u{:04X}", character as u32)),
            _ => quoted.push(character),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, wanted: &str, problems: &[(usize, &str)]) {
        let converted = convert(text).expect("the text is an object");
        let settings: Vec<&str> =
            converted.toml.lines().filter(|line| !line.starts_with(['#', '['])).collect();
        assert_eq!(settings.join("\n"), wanted, "{text}");
        let found: Vec<(usize, &str)> =
            converted.problems.iter().map(|problem| (problem.line, problem.message.as_str())).collect();
        assert_eq!(found, problems, "{text}");
    }

    #[test]
    fn the_example_of_the_original() {
        check(
            "/* Graphite Required Variable: */\n{\n  graphitePort: 2003\n, graphiteHost: \"graphite.example.com\"\n\
             , port: 8125\n, backends: [ \"./backends/graphite\" ]\n}\n",
            "allow = [\"127.0.0.0/8\"]\nudp = \"0.0.0.0:8125\"\ntcp = \"off\"\ndialect = \"statsd\"\n\
             flush_interval = \"10s\"",
            &[],
        );
        let remarks = convert("{graphiteHost: 'g', graphiteProtocol: 'pickle', graphitePicklePort: 2014}");
        let toml = remarks.expect("it is an object").toml;
        assert!(
            toml.ends_with("# [[carbon.forward]]\n# address = \"g:2014\"\n# protocol = \"pickle\"\n"),
            "{toml}"
        );
    }

    #[test]
    fn all_keys() {
        check(
            "{address: '127.0.0.1', mgmt_address: '127.0.0.1', mgmt_port: 9000, flushInterval: 2500,\n\
             percentThreshold: [90, '99.9', -10], flush_counts: false, deleteIdleStats: true, deleteGauges: false,\n\
             gaugesMaxTTL: 3, prefixStats: 'own \"x\"', keyNameSanitize: false, healthStatus: 'down',\n\
             calculatedTimerMetrics: ['mean', \"upper_percent\"], histogram: [{metric: '', bins: [0.1, 1, 'inf']}],\n\
             repeater: [{host: 'other', port: 8125}], repeaterProtocol: 'tcp',\n\
             keyFlush: {interval: 10000, percent: 50, log: '/x'},\n\
             graphite: {legacyNamespace: false, globalPrefix: '', prefixCounter: 'c', prefixTimer: 't',\n\
             prefixGauge: 'g', prefixSet: 's', globalSuffix: 'h'}}",
            "udp = \"127.0.0.1:8125\"\ntcp = \"off\"\nadmin = \"127.0.0.1:9000\"\nflush_interval = \"2500ms\"\n\
             percentiles = [90, 99.9, -10]\nflush_counts = false\ndelete_idle_stats = true\n\
             delete_gauges = false\ngauges_max_ttl = 3\nprefix_stats = \"own \\\"x\\\"\"\n\
             key_name_sanitize = false\nhealth_status = \"down\"\n\
             calculated_timer_metrics = [\"mean\", \"upper_percent\"]\n\
             histogram = [{ metric = \"\", bins = [0.1, 1, \"inf\"] }]\n\
             repeater = [{ host = \"other\", port = 8125 }]\nrepeater_protocol = \"tcp\"\n\
             key_flush = { interval = \"10000ms\", percent = 50, log = \"/x\" }\nlegacy_namespace = false\n\
             global_prefix = \"\"\nprefix_counter = \"c\"\nprefix_timer = \"t\"\nprefix_gauge = \"g\"\n\
             prefix_set = \"s\"\nglobal_suffix = \"h\"\ndialect = \"statsd\"",
            &[],
        );
    }

    #[test]
    fn servers() {
        check(
            "{servers: [{server: './servers/udp', address: '::1', port: '9125'}, {server: './servers/tcp', \
             address: '127.0.0.1'},\n{port: 1}, {server: './servers/tcp', socket: '/x'}], flushInterval: 1000}",
            "udp = \"[::1]:9125\"\ntcp = \"127.0.0.1:8125\"\nflush_interval = \"1s\"\ndialect = \"statsd\"",
            &[
                (1, "servers: there is one listener for UDP and one for TCP"),
                (1, "socket: a Unix socket is one for datagrams here: set `unix` and tell the clients"),
            ],
        );
    }

    #[test]
    fn the_last_of_equal_keys_counts() {
        check(
            "{address: '127.0.0.1', flushInterval: 1000, flushInterval: 2000}",
            "udp = \"127.0.0.1:8125\"\ntcp = \"off\"\nflush_interval = \"2s\"\ndialect = \"statsd\"",
            &[],
        );
    }

    #[test]
    fn what_does_not_go_over_is_told() {
        check(
            "{\naddress: '127.0.0.1',\nflushInterval: 10 * 1000,\ndebug: true,\nnonsense: 1,\n\
             percentThreshold: 'x',\nbackends: ['./backends/console', 'aws-cloudwatch'],\n\
             graphite: {globalSuffix: require('os').hostname(), x: 1},\nhealthStatus: 'ill',\nkeyFlush: {}\n}",
            "udp = \"127.0.0.1:8125\"\ntcp = \"off\"\ndialect = \"statsd\"\nflush_interval = \"10s\"",
            &[
                (3, "flushInterval: `10 * 1000` would have to be evaluated: write its value"),
                (4, "debug: what is logged is set for the whole process"),
                (5, "nonsense: the original knows no such key"),
                (6, "percentThreshold: it is not a number"),
                (7, "backends: there is nothing like ./backends/console here"),
                (7, "backends: there is nothing like aws-cloudwatch here"),
                (
                    8,
                    "graphite.globalSuffix: `require('os').hostname()` would have to be evaluated: write its value",
                ),
                (8, "graphite.x: the original knows no such key"),
                (9, "healthStatus: it is neither \"up\" nor \"down\""),
                (10, "keyFlush: without an interval it is off"),
            ],
        );
    }
}
