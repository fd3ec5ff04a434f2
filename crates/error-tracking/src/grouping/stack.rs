//! Which frames of a stack count, and what of them. Never line numbers: they change with every other change of a file.

use formats::sentry::Tree;

use super::{Why, names};
use crate::limits::MAX_CONTEXT_LINE;
use crate::read::{frames, text_at};

/// Where what an SDK sends as the line of source is the line that people wrote.
const TRUSTED_SOURCE: [&str; 4] = ["python", "php", "node", "javascript"];
/// So many functions that call each other in a circle are one recursion.
const LONGEST_CIRCLE: usize = 4;

/// None: there is no stack.
pub(super) fn of(event: &Tree<'_>, stacktrace: Option<&Tree<'_>>) -> Option<Why> {
    let frames = frames(stacktrace?);
    if frames.is_empty() {
        return None;
    }
    let platform = text_at(event, &["platform"]).unwrap_or("other");
    let has_own = frames.iter().any(is_in_app);
    let mut parts: Vec<Why> = Vec::with_capacity(frames.len());
    // Places of those that count, to find what repeats.
    let mut counting: Vec<usize> = Vec::new();
    for frame in frames {
        let part = of_frame(platform, frame);
        let part = if has_own && !is_in_app(frame) { part.not("not the program's own code") } else { part };
        if part.counts {
            counting.push(parts.len());
        }
        parts.push(part);
        drop_circle(&mut parts, &mut counting);
    }
    Some(Why::of("stack", parts))
}

/// How deep a recursion went says nothing of the cause.
fn drop_circle(parts: &mut [Why], counting: &mut Vec<usize>) {
    let longest = LONGEST_CIRCLE.min(counting.len() / 2);
    for length in 1..=longest {
        let middle = counting.len() - length;
        let mut pairs = counting[middle - length..middle].iter().zip(&counting[middle..]);
        let is_circle = pairs.all(|(one, other)| parts[*one].is_like(&parts[*other]));
        if is_circle {
            for place in counting.drain(middle..) {
                let part = std::mem::take(&mut parts[place]);
                parts[place] = part.not("recursion");
            }
            return;
        }
    }
}

fn is_in_app(frame: &Tree<'_>) -> bool {
    frame.get("in_app").and_then(Tree::bool) == Some(true)
}

fn of_frame(platform: &str, frame: &Tree<'_>) -> Why {
    let platform = text_at(frame, &["platform"]).unwrap_or(platform);
    let context = context(platform, frame);
    let has_source = context.as_ref().is_some_and(|context| context.counts);
    let parts = [place(platform, frame), function(platform, frame, has_source), context];
    Why::of("frame", parts.into_iter().flatten().collect())
}

/// The module, else the file.
fn place(platform: &str, frame: &Tree<'_>) -> Option<Why> {
    if let Some(written) = text_at(frame, &["module"])
        && let Some(module) = names::module(platform, written)
    {
        let hint = (module != written).then_some("without what is generated");
        return Some(Why::leaf("module", module).with_hint(hint));
    }
    let path = text_at(frame, &["filename"]).or_else(|| text_at(frame, &["abs_path"]))?;
    let file = Why::leaf("file", names::file(platform, path)?);
    let is_url = names::is_url(path) || text_at(frame, &["abs_path"]).is_some_and(names::is_url);
    Some(if is_url { file.not("it came from a server") } else { file })
}

fn function(platform: &str, frame: &Tree<'_>, has_source: bool) -> Option<Why> {
    let written = text_at(frame, &["function"])?;
    let Some(name) = names::function(platform, written) else {
        return Some(Why::leaf("function", written).not("it has no name"));
    };
    let hint = (name != written).then_some("without what is generated");
    let function = Why::leaf("function", name).with_hint(hint);
    // A source map tells what a place was called by guessing: the line itself is sure.
    let is_mapped = frame.at(&["data", "sourcemap"]).is_some();
    Some(if is_mapped && has_source { function.not("the line tells more") } else { function })
}

fn context(platform: &str, frame: &Tree<'_>) -> Option<Why> {
    let line = text_at(frame, &["context_line"])?;
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.is_empty() || !TRUSTED_SOURCE.contains(&platform) {
        return None;
    }
    if line.len() > MAX_CONTEXT_LINE {
        return Some(Why { name: "line", ..Why::default() }.not("too long to be written by hand"));
    }
    Some(Why::leaf("line", line))
}

/// Of an event without an exception: its own, or that of the one thread it is about.
pub(super) fn alone<'t, 'a>(event: &'t Tree<'a>) -> Option<&'t Tree<'a>> {
    if let Some(stack) = event.get("stacktrace").filter(|stack| !frames(stack).is_empty()) {
        return Some(stack);
    }
    let threads = event.at(&["threads", "values"])?.list();
    let with_stack =
        |thread: &&Tree<'_>| thread.get("stacktrace").is_some_and(|stack| !frames(stack).is_empty());
    let threads: Vec<_> = threads.iter().filter(with_stack).collect();
    let is = |thread: &Tree<'_>, what: &str| thread.get(what).and_then(Tree::bool) == Some(true);
    let about = ["crashed", "current"].iter().find_map(|what| {
        let mut such = threads.iter().filter(|thread| is(thread, what));
        let first = such.next()?;
        such.next().is_none().then_some(*first)
    });
    let only = if let [one] = threads[..] { Some(one) } else { None };
    about.or(only)?.get("stacktrace")
}
