//! Which frames of a stack count, and what of them. Never line numbers: they change with every other change of a file.

use formats::sentry::Tree;

use super::value::Crash;
use super::{Why, names};
use crate::limits::MAX_CONTEXT_LINE;
use crate::read::{frames, text_at};

/// Where what an SDK sends as the line of source is the line that people wrote.
const TRUSTED_SOURCE: [&str; 5] = ["python", "php", "node", "javascript", "ruby"];
const GENERATED: &str = "without what is generated";
/// So many functions that call each other in a circle are one recursion.
const LONGEST_CIRCLE: usize = 4;

pub(super) fn has_own(stacktrace: Option<&Tree<'_>>) -> bool {
    stacktrace.is_some_and(|stack| frames(stack).iter().any(is_in_app))
}

/// Of a stack that counts.
pub(super) fn crash(stack: &Why, stacktrace: Option<&Tree<'_>>) -> Crash {
    let innermost = stack.parts.iter().rev().find(|frame| frame.counts);
    let is_line = |part: &Why| part.name == "line" && part.counts;
    let last = stacktrace.and_then(|stack| frames(stack).last());
    Crash {
        has_line: innermost.is_some_and(|frame| frame.parts.iter().any(is_line)),
        is_below: has_own(stacktrace) && last.is_some_and(|frame| !is_in_app(frame)),
    }
}

/// None: there is no stack. `has_own`: there is code of the program's own elsewhere, if not here.
pub(super) fn of(event: &Tree<'_>, stacktrace: Option<&Tree<'_>>, has_own: bool) -> Option<Why> {
    let frames = frames(stacktrace?);
    if frames.is_empty() {
        return None;
    }
    let platform = text_at(event, &["platform"]).unwrap_or("other");
    let has_own = has_own || frames.iter().any(is_in_app);
    let mut parts: Vec<Why> = Vec::with_capacity(frames.len());
    // Places of those that count, to find what repeats.
    let mut counting: Vec<usize> = Vec::new();
    for frame in frames {
        let frame = Frame::of(frame);
        let part = of_frame(platform, &frame);
        let part = if has_own && !frame.is_in_app { part.not("not the program's own code") } else { part };
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

/// What counts of a frame, found in one look at its fields.
#[derive(Default)]
struct Frame<'t> {
    platform: Option<&'t str>,
    module: Option<&'t str>,
    function: Option<&'t str>,
    filename: Option<&'t str>,
    abs_path: Option<&'t str>,
    context_line: Option<&'t str>,
    is_in_app: bool,
    is_mapped: bool,
}

impl<'t> Frame<'t> {
    fn of(tree: &'t Tree<'_>) -> Frame<'t> {
        let mut frame = Frame::default();
        for (key, value) in tree.entries() {
            match &**key {
                "platform" => frame.platform = value.text(),
                "module" => frame.module = value.text(),
                "function" => frame.function = value.text(),
                "filename" => frame.filename = value.text(),
                "abs_path" => frame.abs_path = value.text(),
                "context_line" => frame.context_line = value.text(),
                "in_app" => frame.is_in_app = value.bool() == Some(true),
                "data" => frame.is_mapped = value.get("sourcemap").is_some(),
                _ => {}
            }
        }
        frame
    }
}

fn of_frame(platform: &str, frame: &Frame<'_>) -> Why {
    let platform = frame.platform.unwrap_or(platform);
    let context = context(platform, frame);
    let has_source = context.as_ref().is_some_and(|context| context.counts);
    if let Some((module, function)) = names::state_machine(frame.module, frame.function) {
        let parts = [Why::leaf("module", module), Why::leaf("function", function)];
        return Why::of("frame", parts.into_iter().map(|part| part.with_hint(Some(GENERATED))).collect());
    }
    let parts = [place(platform, frame), function(platform, frame, has_source), context];
    Why::of("frame", parts.into_iter().flatten().collect())
}

/// The module, else the file.
fn place(platform: &str, frame: &Frame<'_>) -> Option<Why> {
    if let Some(written) = frame.module
        && let Some(module) = names::module(platform, written)
    {
        let hint = (module != written).then_some(GENERATED);
        return Some(Why::leaf("module", module).with_hint(hint));
    }
    let path = frame.filename.or(frame.abs_path)?;
    let name = names::file(platform, path)?;
    let is_chosen = names::is_chosen(&name);
    let file = Why::leaf("file", name);
    let is_url = names::is_url(path) || frame.abs_path.is_some_and(names::is_url);
    Some(if is_url && !is_chosen { file.not("it may be called otherwise by the next build") } else { file })
}

fn function(platform: &str, frame: &Frame<'_>, has_source: bool) -> Option<Why> {
    let written = frame.function?;
    let Some(name) = names::function(platform, written) else {
        return Some(Why::leaf("function", written).not("it has no name"));
    };
    let hint = (name != written).then_some(GENERATED);
    let function = Why::leaf("function", name).with_hint(hint);
    // A source map tells what a place was called by guessing: the line itself is sure.
    Some(if frame.is_mapped && has_source { function.not("the line tells more") } else { function })
}

fn context(platform: &str, frame: &Frame<'_>) -> Option<Why> {
    let written = frame.context_line.filter(|_| TRUSTED_SOURCE.contains(&platform))?;
    let line = with_single_blanks(written);
    if line.is_empty() {
        return None;
    }
    if line.len() > MAX_CONTEXT_LINE {
        return Some(Why { name: "line", ..Why::default() }.not("too long to be written by hand"));
    }
    Some(Why::leaf("line", line))
}

/// How it is indented and broken is no part of it.
fn with_single_blanks(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
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
