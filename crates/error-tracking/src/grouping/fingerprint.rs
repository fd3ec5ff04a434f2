//! Fingerprints: texts that say what belongs together, with variables in them.

use super::Why;
use crate::limits::{MAX_FINGERPRINT_PARTS, MAX_TAG_VALUE, cut};
use crate::read::{Tree, exceptions, text_at};
use crate::title::crash_frame;

const DEFAULT: &str = "default";

/// As the client asks for it.
pub(super) fn of_client(event: &Tree<'_>) -> Option<Vec<String>> {
    let texts = event.get("fingerprint")?.list().iter().filter_map(Tree::spelled);
    let texts: Vec<String> = texts.take(MAX_FINGERPRINT_PARTS).map(|text| text.into_owned()).collect();
    (!texts.is_empty()).then_some(texts)
}

/// Variables are filled in; nothing but the default is as if nobody had asked. What the event itself would be grouped by is
/// asked for only where it is wanted.
pub(super) fn filled(
    name: &'static str,
    texts: &[String],
    event: &Tree<'_>,
    own: impl FnOnce() -> Why,
) -> Why {
    if texts.iter().all(|text| variable(text) == Some(DEFAULT)) {
        return own();
    }
    let wants_own = texts.iter().any(|text| pieces(text).any(|piece| piece == Piece::Variable(DEFAULT)));
    let own = wants_own.then(own);
    let own = |whole: bool| match (&own, whole) {
        (Some(own), true) => Why::of("default", vec![own.clone()]),
        (Some(own), false) => Why::leaf("default", own.hash().to_string()),
        (None, _) => Why::default(),
    };
    let fill = |text: &String| match variable(text) {
        Some(DEFAULT) => own(true),
        _ => {
            let filled = pieces(text).map(|piece| match piece {
                Piece::Text(text) => text.to_owned(),
                Piece::Variable(DEFAULT) => own(false).value.unwrap_or_default(),
                Piece::Variable(name) => value_of(event, name),
            });
            Why::leaf("text", filled.collect::<String>())
        }
    };
    Why::of(name, texts.iter().map(fill).collect())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Variable(&'t str),
}

/// The whole text is one variable.
fn variable(text: &str) -> Option<&str> {
    let name = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!name.contains(['{', '}'])).then(|| name.trim())
}

/// Texts and `{{ variables }}` in their order.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some(inner) = rest.strip_prefix("{{")
            && let Some(end) = inner.find("}}")
        {
            rest = &inner[end + 2..];
            return Some(Piece::Variable(inner[..end].trim()));
        }
        // Braces that are closed nowhere are text.
        let next = rest.char_indices().skip(1).find(|(at, _)| rest[*at..].starts_with("{{"));
        let (text, after) = rest.split_at(next.map_or(rest.len(), |(at, _)| at));
        rest = after;
        Some(Piece::Text(text))
    })
}

/// Of what is not there it says so, so that such events stay together.
fn value_of(event: &Tree<'_>, name: &str) -> String {
    let exception = exceptions(event).last();
    let of_exception = |key| exception.and_then(|one| one.get(key)).and_then(Tree::text);
    let of_frame = |key| crash_frame(event).and_then(|frame| text_at(frame, &[key]));
    let value = match name {
        "error.type" | "type" => of_exception("type"),
        "error.value" | "value" => of_exception("value"),
        "message" => crate::title::message(event),
        "level" | "logger" | "transaction" | "release" | "environment" | "platform" => {
            text_at(event, &[name])
        }
        "package" => of_frame("package"),
        "function" => of_frame("function"),
        "module" => of_frame("module"),
        _ => name.strip_prefix("tags.").and_then(|tag| text_at(event, &["tags", tag])),
    };
    match value {
        Some(value) => cut(value, MAX_TAG_VALUE).to_owned(),
        None => format!("<no {name}>"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces, variable};

    #[test]
    fn variables_are_found_with_any_spacing() {
        for text in ["{{ default }}", "{{default}}", "{{   default}}", " {{ default }} "] {
            assert_eq!(variable(text), Some("default"), "{text}");
        }
        assert_eq!(variable("x {{ default }}"), None);
        let found: Vec<Piece<'_>> = pieces("é{{ level }}-{{tags.a}} {{ open").collect();
        let expected = [
            Piece::Text("é"),
            Piece::Variable("level"),
            Piece::Text("-"),
            Piece::Variable("tags.a"),
            Piece::Text(" "),
            Piece::Text("{{ open"),
        ];
        assert_eq!(found, expected);
    }
}
