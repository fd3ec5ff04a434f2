//! DogStatsD's lines, where they are more than the original's: several values before one type, options in
//! any order, timestamps, events and service checks.
//!
//! ```text
//! name:value[:value...]|type[|@rate][|#tag:value,tag,...][|T<seconds>][|c:container][|e:...][|card:...]
//! _e{<bytes of title>,<bytes of text>}:title|text[|d:<seconds>][|h:host][|k:key][|p:low][|s:source][|t:error][|#tags]
//! _sc|name|<0..3>[|d:<seconds>][|h:host][|#tags][|m:message]
//! ```
//! The original's `name:value|type:value|type` is read too: a line that both know means the same in both.

use memchr::{memchr, memmem};
use vocabulary::Timestamp;
use vocabulary::sample::{
    Alert, BadSample, CheckStatus, Dialect, Event, Reading, Sample, SampleSink, ServiceCheck,
};

use crate::statsd::{reading, weight};

/// Could the text before a line's first colon be the start of an event?
pub(crate) fn is_event(name: &[u8]) -> bool {
    name.starts_with(b"_e{")
}

pub(crate) fn read_line(line: &[u8], sink: &mut impl SampleSink) {
    // Lines of clients that end them as Windows does.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        return;
    }
    if is_event(line) {
        return match event(line) {
            Some(event) => sink.event(event),
            None => refuse_whole(line, BadSample::Event, sink),
        };
    }
    if line.starts_with(b"_sc|") {
        return match service_check(line) {
            Some(check) => sink.service_check(check),
            None => refuse_whole(line, BadSample::ServiceCheck, sink),
        };
    }
    readings(line, sink);
}

fn refuse_whole(line: &[u8], why: BadSample, sink: &mut impl SampleSink) {
    sink.line(b"", b"");
    sink.bad(line, why);
}

/// What holds for all values of a line.
struct Options<'a> {
    tags: &'a [u8],
    weight: Option<f64>,
    time: Option<Timestamp>,
}

fn readings(line: &[u8], sink: &mut impl SampleSink) {
    let tags_at = memmem::find(line, b"|#").unwrap_or(line.len());
    let Some(colon) = memchr(b':', line).filter(|colon| *colon < tags_at) else {
        sink.line(&line[..tags_at], b"");
        return sink.bad(line, BadSample::NoType);
    };
    let (name, rest) = (&line[..colon], &line[colon + 1..]);
    let (values, options) = rest.split_at(options_start(rest));
    let tags = tags_of(options);
    sink.line(name, tags);
    let options = match read_options(options, tags) {
        Ok(options) => options,
        Err(why) => return sink.bad(line, why),
    };
    each_value(values, |value| match value {
        Ok((reading, own_weight)) => {
            let weight = own_weight.or(options.weight).unwrap_or(1.0);
            let time = options.time;
            sink.sample(&Sample { name, tags: options.tags, reading, weight, time });
        }
        Err(why) => sink.bad(line, why),
    });
}

/// Where the options begin, bar included, that are none of a value's own. `values|type` and
/// `values|type|@rate` may be followed by `:` and further values with their own type, as the original
/// reads it; a `c:` there is a counter and not yet a container.
fn options_start(rest: &[u8]) -> usize {
    enum Expect {
        Type,
        Option,
    }
    let mut expect = Expect::Type;
    let mut at = 0;
    while let Some(bar) = memchr(b'|', &rest[at..]) {
        let start = at + bar;
        let section = &rest[start + 1..];
        let section = &section[..memchr(b'|', section).unwrap_or(section.len())];
        let more_values = memchr(b':', section).is_some();
        expect = match expect {
            Expect::Option if is_option(section) => return start,
            _ if more_values => Expect::Type,
            _ => Expect::Option,
        };
        at = start + 1;
    }
    rest.len()
}

fn is_option(section: &[u8]) -> bool {
    match section {
        [b'#', ..] => true,
        [b'T', rest @ ..] => memchr(b':', rest).is_none(),
        _ => [&b"c:"[..], b"e:", b"card:"].iter().any(|option| section.starts_with(option)),
    }
}

fn sections(options: &[u8]) -> impl Iterator<Item = &[u8]> {
    options.split(|byte| *byte == b'|').skip(1)
}

fn tags_of(options: &[u8]) -> &[u8] {
    sections(options).find_map(|section| section.strip_prefix(b"#")).unwrap_or_default()
}

fn read_options<'a>(options: &[u8], tags: &'a [u8]) -> Result<Options<'a>, BadSample> {
    let mut read = Options { tags, weight: None, time: None };
    for section in sections(options) {
        match section {
            [b'@', ..] => read.weight = Some(weight(section)?),
            [b'T', seconds @ ..] => read.time = Some(seconds_of(seconds).ok_or(BadSample::Time)?),
            // The container's id, the external data and the cardinality say nothing that a series keeps.
            _ => {}
        }
    }
    Ok(read)
}

fn seconds_of(text: &[u8]) -> Option<Timestamp> {
    let seconds = std::str::from_utf8(text).ok()?.parse::<i64>().ok()?;
    (seconds > 0).then_some(Timestamp(seconds))
}

/// Each value with its own weight, if it has one. Values without a type take that of the next value.
fn each_value<'a>(values: &'a [u8], mut each: impl FnMut(Result<(Reading<'a>, Option<f64>), BadSample>)) {
    let mut first = 0;
    let mut at = 0;
    loop {
        let end = memchr(b':', &values[at..]).map_or(values.len(), |colon| at + colon);
        if let Some(bar) = memchr(b'|', &values[at..end]) {
            typed_values(&values[first..at + bar], &values[at + bar + 1..end], &mut each);
            first = end + 1;
        }
        if end == values.len() {
            break;
        }
        at = end + 1;
    }
    if let Some(untyped) = values.get(first..) {
        untyped.split(|byte| *byte == b':').for_each(|_| each(Err(BadSample::NoType)));
    }
}

/// `values` is `value[:value...]`, `rest` is `type[|@rate[|whatever]]`.
fn typed_values<'a>(
    values: &'a [u8],
    rest: &[u8],
    each: &mut impl FnMut(Result<(Reading<'a>, Option<f64>), BadSample>),
) {
    let mut fields = rest.split(|byte| *byte == b'|');
    let kind = fields.next().unwrap_or_default();
    let weight = fields.next().map(weight).transpose();
    let mut say = |value| {
        each(weight.and_then(|weight| reading(value, kind, Dialect::DogStatsD).map(|read| (read, weight))));
    };
    // A member of a set may hold colons.
    if kind == b"s" { say(values) } else { values.split(|byte| *byte == b':').for_each(say) }
}

fn event(line: &[u8]) -> Option<Event> {
    let line = std::str::from_utf8(line).ok()?;
    let (lengths, rest) = line.strip_prefix("_e{")?.split_once("}:")?;
    let (title_length, text_length) = lengths.split_once(',')?;
    let (title_length, text_length): (usize, usize) = (title_length.parse().ok()?, text_length.parse().ok()?);
    let title = rest.get(..title_length).filter(|title| !title.is_empty())?;
    let rest = rest[title_length..].strip_prefix('|')?;
    let text = rest.get(..text_length)?;
    let options = &rest[text_length..];
    if !matches!(options.as_bytes(), [] | [b'|', ..]) {
        return None;
    }
    let mut event = Event { title: unescaped(title), text: unescaped(text), ..Event::default() };
    for option in options.split('|').skip(1) {
        match option.split_once(':') {
            _ if option.starts_with('#') => event.tags = tag_list(&option[1..]),
            Some(("d", seconds)) => event.time = seconds_of(seconds.as_bytes()),
            Some(("h", host)) => event.host = Some(host.to_owned()),
            Some(("k", key)) => event.aggregation_key = Some(key.to_owned()),
            Some(("s", source)) => event.source = Some(source.to_owned()),
            Some(("p", priority)) => event.low_priority = priority == "low",
            Some(("t", alert)) => event.alert = alert_of(alert),
            _ => {}
        }
    }
    Some(event)
}

fn alert_of(word: &str) -> Alert {
    match word {
        "success" => Alert::Success,
        "warning" => Alert::Warning,
        "error" => Alert::Error,
        _ => Alert::Info,
    }
}

fn service_check(line: &[u8]) -> Option<ServiceCheck> {
    let line = std::str::from_utf8(line).ok()?;
    let mut sections = line.strip_prefix("_sc|")?.split('|');
    let name = sections.next().filter(|name| !name.is_empty())?;
    let status = match sections.next()? {
        "0" => CheckStatus::Ok,
        "1" => CheckStatus::Warning,
        "2" => CheckStatus::Critical,
        "3" => CheckStatus::Unknown,
        _ => return None,
    };
    let (name, tags) = (name.to_owned(), Vec::new());
    let mut check = ServiceCheck { name, status, time: None, host: None, message: None, tags };
    for option in sections {
        match option.split_once(':') {
            _ if option.starts_with('#') => check.tags = tag_list(&option[1..]),
            Some(("d", seconds)) => check.time = seconds_of(seconds.as_bytes()),
            Some(("h", host)) => check.host = Some(host.to_owned()),
            Some(("m", message)) => check.message = Some(unescaped(message).replace("m\\:", "m:")),
            _ => {}
        }
    }
    Some(check)
}

/// A line break travels as `\n`, two characters, since real ones part lines.
fn unescaped(text: &str) -> String {
    text.replace("\\n", "\n")
}

fn tag_list(tags: &str) -> Vec<String> {
    tags.split(',').filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}
