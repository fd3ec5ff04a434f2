//! What people know an error by, and where it was.

use crate::limits::{MAX_TITLE, cut};
use crate::read::{Tree, exceptions, frames, text_at};

pub(crate) fn title(event: &Tree<'_>) -> String {
    let of_event = of_security(event)
        .or_else(|| feedback(event).map(|said| first_line(said).to_owned()))
        .or_else(|| of_exception(event))
        .or_else(|| of_message(event))
        .or_else(|| of_thread(event));
    let title = of_event.unwrap_or_else(|| "<without a title>".to_owned());
    cut(&title, MAX_TITLE).to_owned()
}

/// The transaction, else the place in the code; of what a browser refused by what.
pub(crate) fn culprit(event: &Tree<'_>) -> String {
    let transaction = text_at(event, &["transaction"]).filter(|text| !text.is_empty()).map(str::to_owned);
    let culprit = transaction
        .or_else(|| refused(event).map(|(directive, _)| directive))
        .or_else(|| place(crash_frame(event)?))
        .unwrap_or_default();
    cut(&culprit, MAX_TITLE).to_owned()
}

fn place(frame: &Tree<'_>) -> Option<String> {
    let text = |key| text_at(frame, &[key]).filter(|text: &&str| !text.is_empty());
    let place = text("module").or(text("filename"));
    match (place, text("function")) {
        (Some(place), Some(function)) => Some(format!("{place} in {function}")),
        (place, function) => place.or(function).map(str::to_owned),
    }
}

/// The innermost frame of the program's own code, else the innermost.
pub(crate) fn crash_frame<'t, 'a>(event: &'t Tree<'a>) -> Option<&'t Tree<'a>> {
    let of_chain = exceptions(event).iter().rev().filter_map(|one| one.get("stacktrace"));
    let mut stacks = of_chain.chain(event.get("stacktrace")).chain(crashed_stack(event));
    let stack = stacks.find(|stack| !frames(stack).is_empty())?;
    let is_own = |frame: &&Tree<'_>| frame.get("in_app").and_then(Tree::bool) == Some(true);
    frames(stack).iter().rev().find(is_own).or_else(|| frames(stack).last())
}

/// Of the thread that is said to have ended the program.
fn crashed_stack<'t, 'a>(event: &'t Tree<'a>) -> Option<&'t Tree<'a>> {
    let threads = event.at(&["threads", "values"]).map(Tree::list).unwrap_or_default();
    let crashed = threads.iter().find(|thread| thread.get("crashed").and_then(Tree::bool) == Some(true));
    crashed?.get("stacktrace")
}

fn of_thread(event: &Tree<'_>) -> Option<String> {
    crashed_stack(event)?;
    text_at(crash_frame(event)?, &["function"]).map(str::to_owned)
}

fn of_exception(event: &Tree<'_>) -> Option<String> {
    let outermost = exceptions(event).last()?;
    let text = |key| text_at(outermost, &[key]).filter(|text: &&str| !text.trim().is_empty());
    let is_synthetic = outermost.at(&["mechanism", "synthetic"]).and_then(Tree::bool) == Some(true);
    let function = crash_frame(event).and_then(|frame| text_at(frame, &["function"]));
    if let (true, Some(function)) = (is_synthetic, function) {
        return Some(function.to_owned());
    }
    match (text("type"), text("value").map(first_line)) {
        (Some(kind), Some(value)) => Some(format!("{kind}: {value}")),
        (kind, value) => kind.or(value).map(str::to_owned),
    }
}

fn of_message(event: &Tree<'_>) -> Option<String> {
    message(event).map(|text| first_line(text).to_owned())
}

/// What it became, else its template.
pub(crate) fn message<'t>(event: &'t Tree<'_>) -> Option<&'t str> {
    let entry = event.get("logentry")?;
    let text = |key| text_at(entry, &[key]).filter(|text: &&str| !text.trim().is_empty());
    text("formatted").or(text("message"))
}

/// What a person said of their own accord.
pub(crate) fn feedback<'t>(event: &'t Tree<'_>) -> Option<&'t str> {
    text_at(event, &["contexts", "feedback", "message"]).filter(|text| !text.trim().is_empty())
}

fn of_security(event: &Tree<'_>) -> Option<String> {
    let (directive, host) = refused(event)?;
    // The kin of such policies block nothing.
    Some(match &*directive {
        "expectct" => format!("Expect-CT failed for '{host}'"),
        "expectstaple" => format!("Expect-Staple failed for '{host}'"),
        "hpkp" => format!("Pinned keys did not fit for '{host}'"),
        directive => format!("Blocked '{directive}' from '{host}'"),
    })
}

/// What a browser refused, and from which host. The page's own is `self`.
pub(crate) fn refused(event: &Tree<'_>) -> Option<(String, String)> {
    let report = event.get("csp")?;
    let directive = text_at(report, &["effective_directive"]).filter(|text| !text.is_empty());
    let directive = directive.or(text_at(report, &["violated_directive"])).unwrap_or_default();
    // Old browsers send the whole rule.
    let directive = directive.split_whitespace().next().unwrap_or("unknown");
    let blocked = text_at(report, &["blocked_uri"]).unwrap_or_default();
    let own = text_at(report, &["document_uri"]).map(host).unwrap_or_default();
    let blocked = match host(blocked) {
        "" => "self",
        blocked if blocked == own => "self",
        blocked => blocked,
    };
    Some((directive.to_owned(), blocked.to_owned()))
}

/// Of a URL; of `inline`, `eval`, `data` and other words: the word.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default().trim_end()
}
