//! Frames of minified code become frames of what people wrote.

use std::borrow::Cow;

use super::maps::Origin;
use super::urls::file_name;
use crate::read::{Tree, text_at};

/// Where a frame is, as its client says.
pub(super) struct Spot {
    /// What the browser loaded.
    pub url: String,
    pub line: u32,
    pub column: u32,
    pub function: Option<String>,
}

impl Spot {
    /// None: the frame does not say what a map could be asked for, or is of another language.
    pub(super) fn of(frame: &Tree<'_>, is_script: bool) -> Option<Spot> {
        let is_script = text_at(frame, &["platform"]).map_or(is_script, is_scripted);
        let number = |key: &str| {
            let number = frame.get(key).and_then(Tree::count)?;
            u32::try_from(number).ok().filter(|number| *number > 0)
        };
        let url = text_at(frame, &["abs_path"]).or_else(|| text_at(frame, &["filename"]))?;
        let is_placed = is_script && !url.is_empty() && !url.starts_with("node:");
        is_placed.then_some(())?;
        Some(Spot {
            url: url.to_owned(),
            line: number("lineno")?,
            column: number("colno")?,
            function: text_at(frame, &["function"]).map(str::to_owned),
        })
    }
}

pub(super) fn is_scripted(platform: &str) -> bool {
    matches!(platform, "javascript" | "node")
}

/// `caller` is what the frame that calls this one says that it calls.
pub(super) fn rewrite(frame: &mut Tree<'_>, origin: Origin, caller: Option<&str>, map: &str) {
    let number = |number: u32| Tree::Number(Cow::Owned(number.to_string()));
    let texts = |lines: Vec<String>| Tree::List(lines.into_iter().map(Tree::owned_text).collect());
    frame.set("lineno", number(origin.line));
    frame.set("colno", number(origin.column));
    if let Some(source) = origin.source {
        frame.set("filename", Tree::owned_text(file_name(&source)));
        frame.set("abs_path", Tree::owned_text(source));
        // The name of a module was made of the minified file's.
        frame.take("module");
    }
    if let Some(function) = origin.function.or_else(|| caller.map(str::to_owned)) {
        frame.set("function", Tree::owned_text(function));
    }
    // The client judged the whole bundle; what is foreign in it is told by the path now.
    if frame.get("in_app").and_then(Tree::bool) == Some(true) {
        frame.take("in_app");
    }
    for key in ["pre_context", "context_line", "post_context"] {
        frame.take(key);
    }
    if let Some(lines) = origin.lines {
        frame.set("pre_context", texts(lines.before));
        frame.set("context_line", Tree::owned_text(lines.line));
        frame.set("post_context", texts(lines.after));
    }
    if frame.get("data").is_none_or(Tree::is_null) {
        frame.set("data", Tree::Map(vec![(Cow::Borrowed("sourcemap"), Tree::owned_text(map))]));
    }
}
