//! New names for series.

use super::lists::{aggregator, key_of, reduce};
use super::table::{Constant, Function, Group, Kind, SERIES, optional, required};
use super::units;
use formats::python_regex::{Pattern, Template};

use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::python::{decimal, float, general};
use crate::series::{Numbers, Series, is_null};
use crate::value::{Value, point_text};

type Answer = Result<Value, EvaluationError>;

pub const ALIAS: Function = Function {
    signature: "(seriesList, newName)",
    group: Group::Alias,
    params: &[SERIES, required("newName", Kind::String)],
    help: "Gives all series this name.\n\nExample: alias(sumSeries(web.*.requests), \"requests\")",
    aggregator: false,
    run: |call| {
        // The original takes anything for a name.
        if !call.arguments.has(1) {
            call.arguments.text(1)?;
        }
        let name = call.arguments.get(1).text();
        rename_each(call, |_| Ok(name.clone()))
    },
};

pub const ALIAS_BY_METRIC: Function = Function {
    signature: "(seriesList)",
    group: Group::Alias,
    params: &[SERIES],
    help: "Names each series by the last node of its path.\n\nExample: aliasByMetric(web.*.requests)",
    aggregator: false,
    run: |call| rename_each(call, |series| Ok(part_of_name(&series.name, -1, 0))),
};

pub const ALIAS_BY_NODE: Function = Function {
    signature: "(seriesList, *nodes)",
    group: Group::Alias,
    params: &[SERIES, required("nodes", Kind::NodeOrTag).multiple()],
    help: "Names each series by nodes of its path (counted from 0, or from -1 at the end) and values of tags, \
           joined by dots.\n\nExample: aliasByNode(web.*.requests.*, 1, 3)",
    aggregator: false,
    run: |call| {
        let nodes = call.arguments.rest().to_vec();
        rename_each(call, |series| key_of(series, &nodes))
    },
};

pub const ALIAS_BY_TAGS: Function = Function {
    signature: "(seriesList, *tags)",
    params: &[SERIES, required("tags", Kind::NodeOrTag).multiple()],
    help: "Names each series by values of its tags and nodes of its path, joined by dots.\n\n\
           Example: aliasByTags(seriesByTag(\"name=requests\"), \"host\")",
    ..ALIAS_BY_NODE
};

pub const ALIAS_QUERY: Function = Function {
    signature: "(seriesList, search, replace, newName)",
    group: Group::Alias,
    params: &[
        SERIES,
        required("search", Kind::String),
        required("replace", Kind::String),
        required("newName", Kind::String),
    ],
    help: "Makes a target out of each name by search and replace, evaluates it, and puts its last value into the \
           new name where that has %d, %g or %.2f.\n\n\
           Example: aliasQuery(ports.*.traffic, \"ports.(\\d+).traffic\", \"ports.\\1.speed\", \"%g Mbit/s\")",
    aggregator: false,
    run: alias_query,
};

pub const ALIAS_SUB: Function = Function {
    signature: "(seriesList, search, replace)",
    group: Group::Alias,
    params: &[SERIES, required("search", Kind::String), required("replace", Kind::String)],
    help: "Replaces what the regular expression finds in each name; \\1 stands for its first group.\n\n\
           Example: aliasSub(web.*.requests, \"^web.(.*).requests$\", \"\\1\")",
    aggregator: false,
    run: |call| {
        let substitution = Substitution::of(call)?;
        rename_each(call, |series| substitution.apply(&series.name))
    },
};

pub const LEGEND_VALUE: Function = Function {
    signature: "(seriesList, *valueTypes)",
    group: Group::Alias,
    params: &[SERIES, optional("valuesTypes", Kind::String).multiple().options(LEGEND_OPTIONS)],
    help: "Adds values to the names: average, max, last and the other aggregations. With si or binary as the last \
           argument they are shown with unit prefixes.\n\nExample: legendValue(web.*.load, \"avg\", \"max\")",
    aggregator: false,
    run: legend_value,
};

const LEGEND_OPTIONS: &[Constant] = &[
    Constant::Text("average"),
    Constant::Text("averageSeries"),
    Constant::Text("avg"),
    Constant::Text("avgSeries"),
    Constant::Text("avg_zero"),
    Constant::Text("avg_zeroSeries"),
    Constant::Text("binary"),
    Constant::Text("count"),
    Constant::Text("countSeries"),
    Constant::Text("current"),
    Constant::Text("currentSeries"),
    Constant::Text("diff"),
    Constant::Text("diffSeries"),
    Constant::Text("last"),
    Constant::Text("lastSeries"),
    Constant::Text("max"),
    Constant::Text("maxSeries"),
    Constant::Text("median"),
    Constant::Text("medianSeries"),
    Constant::Text("min"),
    Constant::Text("minSeries"),
    Constant::Text("multiply"),
    Constant::Text("multiplySeries"),
    Constant::Text("range"),
    Constant::Text("rangeOf"),
    Constant::Text("rangeOfSeries"),
    Constant::Text("rangeSeries"),
    Constant::Text("si"),
    Constant::Text("stddev"),
    Constant::Text("stddevSeries"),
    Constant::Text("sum"),
    Constant::Text("sumSeries"),
    Constant::Text("total"),
    Constant::Text("totalSeries"),
];

pub const UPPER: Function = Function {
    signature: "(seriesList, *pos)",
    group: Group::Alias,
    params: &[SERIES, optional("pos", Kind::Integer).multiple()],
    help: "Names in capital letters; with positions, only the characters there.\n\nExample: upper(web.*.load, 0)",
    aggregator: false,
    run: |call| change_case(call, |character, out| out.extend(character.to_uppercase())),
};

pub const LOWER: Function = Function {
    signature: "(seriesList, *pos)",
    group: Group::Alias,
    params: &[SERIES, optional("pos", Kind::Integer).multiple()],
    help: "Names in small letters; with positions, only the characters there.\n\nExample: lower(WEB.*.LOAD)",
    aggregator: false,
    run: |call| change_case(call, |character, out| out.extend(character.to_lowercase())),
};

pub const SUBSTR: Function = Function {
    signature: "(seriesList, start=0, stop=0)",
    group: Group::Special,
    params: &[
        SERIES,
        optional("start", Kind::Node).default(Constant::Int(0)),
        optional("stop", Kind::Node).default(Constant::Int(0)),
    ],
    help: "Names each series by the nodes from `start` up to before `stop` of its path, or to the end; negative \
           numbers count from the end.\n\nExample: substr(web.*.requests.count, 1, 3)",
    aggregator: false,
    run: |call| {
        let (start, stop) = (call.arguments.whole(1)?, call.arguments.whole(2)?);
        rename_each(call, |series| Ok(part_of_name(&series.name, start, stop)))
    },
};

fn rename_each(
    call: &mut Invocation<'_, '_>,
    mut name: impl FnMut(&Series) -> Result<String, EvaluationError>,
) -> Answer {
    let mut list = call.series()?;
    for series in &mut list {
        call.evaluator.check()?;
        series.name = name(series)?;
        call.evaluator.make_room_for_text(series.name.len())?;
    }
    Ok(Value::Series(list))
}

/// A regular expression and what replaces it, from the second and third argument.
pub struct Substitution {
    pattern: Pattern,
    template: Template,
}

impl Substitution {
    pub fn of(call: &Invocation<'_, '_>) -> Result<Substitution, EvaluationError> {
        Substitution::new(&call.arguments.text(1)?, &call.arguments.text(2)?)
    }

    pub fn new(search: &str, replace: &str) -> Result<Substitution, EvaluationError> {
        let pattern = Pattern::new(search).map_err(EvaluationError::Failed)?;
        let template = Template::new(replace, &pattern).map_err(EvaluationError::Failed)?;
        Ok(Substitution { pattern, template })
    }

    pub fn apply(&self, text: &str) -> Result<String, EvaluationError> {
        self.pattern.replace(text, &self.template).map_err(EvaluationError::Failed)
    }
}

fn alias_query(call: &mut Invocation<'_, '_>) -> Answer {
    let substitution = Substitution::of(call)?;
    let new_name = call.arguments.text(3)?;
    let mut list = call.series()?;
    for series in &mut list {
        let query = substitution.apply(&series.name)?;
        let found = call.evaluate_text(&query)?;
        let Some(first) = found.first() else {
            return Err(EvaluationError::input(format!("No series found with query: {query}")));
        };
        let last = reduce(first, super::aggregation::Aggregator::Last)?;
        if is_null(last) {
            // The original fails over its own message here.
            return Err(EvaluationError::failed(format!("Cannot get last value of series: {query}")));
        }
        series.name = formatted(&new_name, last)?;
    }
    Ok(Value::Series(list))
}

/// `newName % value`: exactly one conversion, `%%` for a percent sign.
fn formatted(template: &str, value: f64) -> Result<String, EvaluationError> {
    let wrong = |what: &str| EvaluationError::failed(format!("{what} in {template}"));
    let mut out = String::new();
    let mut used = false;
    let mut rest = template;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        if std::mem::replace(&mut used, true) {
            return Err(wrong("not enough arguments for format string"));
        }
        let length =
            rest.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(|| wrong("incomplete format"))?;
        let (flags, conversion) = (&rest[..length], rest.as_bytes()[length]);
        out += &converted(flags, conversion, value).ok_or_else(|| wrong("unsupported format character"))?;
        rest = &rest[length + 1..];
    }
    out.push_str(rest);
    if used { Ok(out) } else { Err(wrong("not all arguments converted during string formatting")) }
}

/// One conversion with flags, width and precision.
fn converted(flags: &str, conversion: u8, value: f64) -> Option<String> {
    let (flags, precision) = match flags.split_once('.') {
        Some((flags, digits)) => (flags, Some(digits.parse::<usize>().unwrap_or(0).min(300))),
        None => (flags, None),
    };
    let width_at = flags.find(|c: char| ('1'..='9').contains(&c)).unwrap_or(flags.len());
    let (signs, width) = flags.split_at(width_at);
    if !signs.bytes().all(|flag| b"-+ 0#".contains(&flag)) {
        return None;
    }
    let width = if width.is_empty() { 0 } else { width.parse::<usize>().ok()?.min(300) };
    let mut text = match conversion {
        b'd' | b'i' => decimal(value)?,
        b'f' | b'F' if value.is_finite() => format!("{value:.*}", precision.unwrap_or(6)),
        b'g' if precision.is_none() => general(value),
        b'f' | b'F' => float(value),
        b's' | b'r' => float(value).chars().take(precision.unwrap_or(usize::MAX)).collect(),
        _ => return None,
    };
    if !text.starts_with('-') && matches!(conversion, b'd' | b'i' | b'f' | b'F' | b'g') {
        if signs.contains('+') {
            text.insert(0, '+');
        } else if signs.contains(' ') {
            text.insert(0, ' ');
        }
    }
    let missing = width.saturating_sub(text.chars().count());
    Some(match () {
        () if signs.contains('-') => text + &" ".repeat(missing),
        () if signs.contains('0') && conversion != b's' && conversion != b'r' => {
            let digits_at = usize::from(text.starts_with(['-', '+', ' ']));
            let (sign, digits) = text.split_at(digits_at);
            format!("{sign}{}{digits}", "0".repeat(missing))
        }
        () => " ".repeat(missing) + &text,
    })
}

fn legend_value(call: &mut Invocation<'_, '_>) -> Answer {
    let mut types: Vec<String> = call.arguments.rest().iter().map(Value::text).collect();
    let last = types.last().ok_or_else(|| EvaluationError::failed("tuple index out of range"))?;
    let system = units::System::named(last);
    if system.is_some() {
        types.pop();
    }
    let mut list = call.series()?;
    for name in types {
        let aggregator = aggregator(&name).ok();
        for series in &mut list {
            let value = aggregator.map(|aggregator| reduce(series, aggregator)).transpose()?;
            let numbers = aggregator.map_or(Numbers::Floats, |aggregator| aggregator.numbers(series.numbers));
            match system {
                None => {
                    let shown = value.map_or("(?)".into(), |value| point_text(value, numbers));
                    series.name += &format!(" ({name}: {shown})");
                }
                Some(system) => {
                    let shown = match value {
                        None => "(?)".into(),
                        Some(value) if is_null(value) => "None".into(),
                        Some(value) => units::shown(value, Some(system), None),
                    };
                    series.name = format!("{:<20}{name:<5}{shown:<10}", series.name);
                }
            }
        }
    }
    Ok(Value::Series(list))
}

fn change_case(call: &mut Invocation<'_, '_>, change: fn(char, &mut String)) -> Answer {
    let mut positions = Vec::new();
    for position in call.arguments.rest() {
        match position {
            Value::Int(position) => positions.push(*position),
            other => return Err(EvaluationError::failed(format!("{} is not a position", other.repr()))),
        }
    }
    rename_each(call, |series| {
        let length = series.name.chars().count() as i64;
        let chosen = |index: usize| {
            let index = index as i64;
            positions.is_empty() || positions.iter().any(|p| *p == index || *p + length == index)
        };
        let mut name = String::with_capacity(series.name.len());
        for (index, character) in series.name.chars().enumerate() {
            if chosen(index) { change(character, &mut name) } else { name.push(character) }
        }
        Ok(name)
    })
}

/// Nodes of what stands in the innermost brackets, up to a comma.
fn part_of_name(name: &str, start: i64, stop: i64) -> String {
    let left = name.rfind('(').map_or(0, |at| at + 1);
    let right = name.find(')').unwrap_or(name.len());
    let clean = if left <= right { &name[left..right] } else { "" };
    let nodes: Vec<&str> = clean.split('.').collect();
    let length = nodes.len() as i64;
    let index = |index: i64| if index < 0 { index + length } else { index }.clamp(0, length) as usize;
    let (from, to) = (index(start), if stop == 0 { nodes.len() } else { index(stop) });
    let part = if from < to { nodes[from..to].join(".") } else { String::new() };
    without_comma(part)
}

/// `re.sub(",.*$", "", text)`
fn without_comma(mut text: String) -> String {
    if let Some(at) = text.find(',') {
        text.truncate(at);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_names() {
        let check = |name: &str, start: i64, stop: i64, wanted: &str| {
            assert_eq!(part_of_name(name, start, stop), wanted, "{name} {start} {stop}");
        };
        check("a.b.c", 1, 0, "b.c");
        check("a.b.c", -1, 0, "c");
        check("scale(a.b.c,2)", 1, 3, "b.c");
        check("sum(a.b,c.d)", 0, 0, "a.b");
        check("f(g(a.b),1)", 1, 2, "b");
        check("a.b", 5, 0, "");
        check(") (a", 0, 0, "");
    }

    #[test]
    fn python_formats() {
        let check = |template: &str, value: f64, wanted: Option<&str>| {
            assert_eq!(formatted(template, value).ok().as_deref(), wanted, "{template}");
        };
        check("%d Mbit", 12.9, Some("12 Mbit"));
        check("%g%%", 0.5, Some("0.5%"));
        check("%.2f", 1.005, Some("1.00"));
        check("%6.1f|", 2.25, Some("   2.2|"));
        check("%-6d|", 5.0, Some("5     |"));
        check("%05d", -3.0, Some("-0003"));
        check("%s", 3.0, Some("3.0"));
        check("plain", 1.0, None);
        check("%d %d", 1.0, None);
        check("%q", 1.0, None);
    }
}
