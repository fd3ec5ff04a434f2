//! Nagios's macros: `$HOSTADDRESS$`, `$ARG1$`, `$USER1$`, `$_SERVICEX$`, `$HOSTSTATE:other$`, `$$`.
//!
//! Each argument is expanded by itself, so a value with a space or a quote stays one argument. Only where the command is
//! a shell with `-c` would a value be read again; from what plugins said (`$SERVICEOUTPUT$` …) the characters that mean
//! something to it are taken away there, as Nagios does with `illegal_macro_output_chars`.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::State;

/// What is configured of a host or a check, and what state it is in.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    pub address: &'a str,
    /// Under their names in capitals.
    pub variables: Option<&'a BTreeMap<String, String>>,
    pub max_attempts: u32,
    /// `None` before the first result.
    pub standing: Option<Standing>,
}

/// How it stands with a host or a check.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub state: State,
    pub last_state: State,
    pub is_hard: bool,
    pub attempt: u32,
    pub output: String,
    pub long_output: String,
    pub perfdata: String,
    pub last_check: Timestamp,
    pub last_change: Timestamp,
    pub in_downtime: bool,
    pub percent_change: f64,
    /// Seconds.
    pub latency: f64,
    pub took: f64,
}

/// Where facts come from; `service` is the name under its host.
pub trait Lookup {
    fn host(&self, name: &str) -> Option<Facts<'_>>;
    fn service(&self, host: &str, service: &str) -> Option<Facts<'_>>;
}

/// Whose command it is, and when.
pub struct Context<'a> {
    pub lookup: &'a dyn Lookup,
    pub host: &'a str,
    /// `None`: the host's own command.
    pub service: Option<&'a str>,
    /// `$ARG1$` and so on.
    pub arguments: &'a [String],
    /// `$USER1$` and so on.
    pub users: &'a BTreeMap<String, String>,
    pub now: Timestamp,
    pub zone: &'a TimeZone,
}

/// What a shell would not leave as it is: `illegal_macro_output_chars` of Nagios's sample configuration.
const ILLEGAL_IN_OUTPUT: &str = "`~$&|'\"<>";

/// `$ARG1$` to `$ARG32$`, as many as Nagios has.
pub const MOST_ARGUMENTS: usize = 32;

/// `$USER1$` to `$USER256$`.
pub const MOST_USERS: u16 = 256;

/// A command with all macros in place.
pub fn expand_command(command: &[String], context: &Context<'_>) -> Vec<String> {
    let strip = is_shell(command);
    command.iter().map(|part| expand(part, context, strip)).collect()
}

/// A shell that is given its commands as an argument.
fn is_shell(command: &[String]) -> bool {
    let program = command.first().and_then(|program| program.rsplit('/').next());
    let is_one =
        program.is_some_and(|name| matches!(name, "sh" | "ash" | "bash" | "dash" | "ksh" | "mksh" | "zsh"));
    let takes_commands =
        |part: &String| part.starts_with('-') && !part.starts_with("--") && part.contains('c');
    is_one && command.iter().skip(1).any(takes_commands)
}

/// What is no macro stays as it was written, its `$` too.
pub fn expand(text: &str, context: &Context<'_>, strip: bool) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        let Some((name, behind)) = after.split_once('$') else {
            expanded.push('$');
            rest = after;
            break;
        };
        match value(name, context) {
            _ if name.is_empty() => expanded.push('$'),
            Some(value) if strip && is_output(name) => {
                expanded.extend(value.chars().filter(|c| !ILLEGAL_IN_OUTPUT.contains(*c)));
            }
            Some(value) => expanded.push_str(&value),
            None => expanded.extend(["$", name, "$"]),
        }
        rest = behind;
    }
    expanded.push_str(rest);
    expanded
}

/// Every macro that has a value, as a variable `NAGIOS_…`.
pub fn environment(context: &Context<'_>) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str| {
        if let Some(value) = value(name, context) {
            variables.push((format!("NAGIOS_{name}"), value));
        }
    };
    DATES.iter().for_each(|name| add(name));
    HOST.iter().chain(SHARED).for_each(|name| add(&host_name(name)));
    if context.service.is_some() {
        SERVICE.iter().chain(SHARED).for_each(|name| add(&service_name(name)));
    }
    (1..=context.arguments.len()).for_each(|n| add(&format!("ARG{n}")));
    let own = |facts: Option<Facts<'_>>, of: &str| -> Vec<String> {
        let variables = facts.and_then(|facts| facts.variables).into_iter().flatten();
        variables.map(|(name, _)| format!("_{of}{name}")).collect()
    };
    own(context.lookup.host(context.host), "HOST").iter().for_each(|name| add(name));
    if let Some(service) = context.service {
        own(context.lookup.service(context.host, service), "SERVICE").iter().for_each(|name| add(name));
    }
    variables
}

const DATES: &[&str] = &["LONGDATETIME", "SHORTDATETIME", "DATE", "TIME", "TIMET"];

/// Of hosts, of services, and of both with the kind in the place of the `*`.
const HOST: &[&str] = &["NAME", "DISPLAYNAME", "ALIAS", "ADDRESS"];
const SERVICE: &[&str] = &["DESC", "DISPLAYNAME"];
const SHARED: &[&str] = &[
    "*STATE",
    "*STATEID",
    "LAST*STATE",
    "LAST*STATEID",
    "*STATETYPE",
    "*ATTEMPT",
    "MAX*ATTEMPTS",
    "*OUTPUT",
    "LONG*OUTPUT",
    "*PERFDATA",
    "LAST*CHECK",
    "LAST*STATECHANGE",
    "*DURATION",
    "*DURATIONSEC",
    "*DOWNTIME",
    "*LATENCY",
    "*EXECUTIONTIME",
    "*PERCENTCHANGE",
];

fn host_name(name: &str) -> String {
    named(name, "HOST")
}

fn service_name(name: &str) -> String {
    named(name, "SERVICE")
}

fn named(name: &str, kind: &str) -> String {
    if name.contains('*') { name.replace('*', kind) } else { format!("{kind}{name}") }
}

fn is_output(name: &str) -> bool {
    let name = name.split(':').next().unwrap_or(name);
    name.ends_with("OUTPUT") || name.ends_with("PERFDATA")
}

fn value(name: &str, context: &Context<'_>) -> Option<String> {
    if let Some(number) = name.strip_prefix("ARG") {
        // Empty where none was given.
        let number: usize = number.parse().ok().filter(|number| (1..=MOST_ARGUMENTS).contains(number))?;
        return Some(context.arguments.get(number - 1).cloned().unwrap_or_default());
    }
    if let Some(number) = name.strip_prefix("USER") {
        let is_one = number.parse().is_ok_and(|number| (1..=MOST_USERS).contains(&number));
        return is_one.then(|| context.users.get(name).cloned().unwrap_or_default());
    }
    if DATES.contains(&name) {
        return date(name, context);
    }
    let (name, of) = match name.split_once(':') {
        Some((name, of)) => (name, Some(of)),
        None => (name, None),
    };
    host_value(name, of, context).or_else(|| service_value(name, of, context))
}

/// `$HOSTSTATE$` and `$HOSTSTATE:other$`.
fn host_value(name: &str, of: Option<&str>, context: &Context<'_>) -> Option<String> {
    let host = of.unwrap_or(context.host);
    if let Some(variable) = name.strip_prefix("_HOST") {
        return variable_of(context.lookup.host(host)?, variable);
    }
    let own = name.strip_prefix("HOST");
    if own.is_some_and(|own| HOST.contains(&own)) {
        let facts = context.lookup.host(host)?;
        return Some(if own == Some("ADDRESS") { facts.address } else { host }.to_owned());
    }
    let shared = SHARED.iter().find(|shared| host_name(shared) == name)?;
    let facts = context.lookup.host(host)?;
    Some(shared_value(shared, &facts, true, context.now))
}

/// `$SERVICESTATE$` and `$SERVICESTATE:host:service$`, in which an empty host is the command's own.
fn service_value(name: &str, of: Option<&str>, context: &Context<'_>) -> Option<String> {
    let (host, service) = match of {
        Some(of) => of.split_once(':')?,
        None => (context.host, context.service?),
    };
    let host = if host.is_empty() { context.host } else { host };
    if let Some(variable) = name.strip_prefix("_SERVICE") {
        return variable_of(context.lookup.service(host, service)?, variable);
    }
    if name.strip_prefix("SERVICE").is_some_and(|own| SERVICE.contains(&own)) {
        return context.lookup.service(host, service).map(|_| service.to_owned());
    }
    let shared = SHARED.iter().find(|shared| service_name(shared) == name)?;
    let facts = context.lookup.service(host, service)?;
    Some(shared_value(shared, &facts, false, context.now))
}

fn variable_of(facts: Facts<'_>, name: &str) -> Option<String> {
    facts.variables?.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
}

fn shared_value(name: &str, facts: &Facts<'_>, is_host: bool, now: Timestamp) -> String {
    let pending;
    let standing = match &facts.standing {
        Some(standing) => standing,
        None => {
            pending = Standing::pending(is_host);
            &pending
        }
    };
    let lasted =
        if standing.last_change == Timestamp(0) { 0 } else { now.since(standing.last_change).max(0) };
    match name {
        "*STATE" => standing.state.word().to_owned(),
        "*STATEID" => state_number(standing.state).to_string(),
        "LAST*STATE" => standing.last_state.word().to_owned(),
        "LAST*STATEID" => state_number(standing.last_state).to_string(),
        "*STATETYPE" => if standing.is_hard { "HARD" } else { "SOFT" }.to_owned(),
        "*ATTEMPT" => standing.attempt.to_string(),
        "MAX*ATTEMPTS" => facts.max_attempts.to_string(),
        "*OUTPUT" => standing.output.clone(),
        "LONG*OUTPUT" => standing.long_output.clone(),
        "*PERFDATA" => standing.perfdata.clone(),
        "LAST*CHECK" => standing.last_check.to_string(),
        "LAST*STATECHANGE" => standing.last_change.to_string(),
        "*DURATION" => days_and_less(lasted),
        "*DURATIONSEC" => lasted.to_string(),
        "*DOWNTIME" => u8::from(standing.in_downtime).to_string(),
        "*LATENCY" => format!("{:.3}", standing.latency),
        "*EXECUTIONTIME" => format!("{:.3}", standing.took),
        "*PERCENTCHANGE" => format!("{:.2}", standing.percent_change),
        _ => String::new(),
    }
}

impl Standing {
    /// Before the first result all is well, as with Nagios.
    fn pending(is_host: bool) -> Standing {
        let state = if is_host { State::Up } else { State::Ok };
        Standing {
            state,
            last_state: state,
            is_hard: true,
            attempt: 1,
            output: String::new(),
            long_output: String::new(),
            perfdata: String::new(),
            last_check: Timestamp(0),
            last_change: Timestamp(0),
            in_downtime: false,
            percent_change: 0.0,
            latency: 0.0,
            took: 0.0,
        }
    }
}

fn state_number(state: State) -> u8 {
    match state {
        State::Ok | State::Up => 0,
        State::Warning | State::Down => 1,
        State::Critical | State::Unreachable => 2,
        State::Unknown => 3,
    }
}

fn days_and_less(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    format!("{days}d {hours}h {minutes}m {}s", seconds % 60)
}

/// In Nagios's `date_format=us`, its default.
fn date(name: &str, context: &Context<'_>) -> Option<String> {
    let format = match name {
        "LONGDATETIME" => "%a %b %-d %H:%M:%S %Z %Y",
        "SHORTDATETIME" => "%m-%d-%Y %H:%M:%S",
        "DATE" => "%m-%d-%Y",
        "TIME" => "%H:%M:%S",
        _ => return Some(context.now.to_string()),
    };
    let moment = jiff::Timestamp::from_second(context.now.0).ok()?;
    Some(moment.to_zoned(context.zone.clone()).strftime(format).to_string())
}

#[cfg(test)]
mod tests;
