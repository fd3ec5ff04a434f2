//! One entry for each reader of foreign text: any bytes, no panic.

use formats::python_regex::{Pattern, Template};
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::attime;
use crate::parse;
use crate::series::Tags;
use crate::tag_expressions;

fn with_text(data: &[u8], read: impl FnOnce(&str)) {
    read(&String::from_utf8_lossy(data));
}

/// A target, with what is worked out of its tree.
pub fn target(data: &[u8]) {
    with_text(data, |text| {
        if let Ok(parsed) = parse::parse_prefix(text) {
            assert!(parsed.end <= 8 * text.len());
            let _ = parsed.expression.first_path();
        }
    });
}

pub fn time(data: &[u8]) {
    with_text(data, |text| {
        let _ = attime::parse(text, &TimeZone::UTC, Timestamp(1_700_000_000));
        let _ = attime::parse_offset(text);
    });
}

/// A regular expression, what to replace with, and a text, divided by zero bytes.
pub fn regular_expression(data: &[u8]) {
    with_text(data, |text| {
        let mut parts = text.split('\0');
        let mut part = || parts.next().unwrap_or_default();
        let Ok(pattern) = Pattern::new(part()) else { return };
        let Ok(template) = Template::new(part(), &pattern) else { return };
        let _ = pattern.replace(part(), &template);
    });
}

/// A series' name with tags, and a tag expression.
pub fn tags(data: &[u8]) {
    with_text(data, |text| {
        assert!(Tags::of_name(text).get("name").is_some());
        let _ = tag_expressions::parse_one(text);
        let _ = tag_expressions::of_call(text);
        // What cannot be a name is told with words.
        assert!(
            crate::tags::canonical(text)
                .map_or_else(|refused| refused.text.len() > 12, |name| !name.is_empty())
        );
    });
}
