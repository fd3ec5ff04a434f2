//! Exceptions, threads, stacks.

use std::borrow::Cow;

use crate::limits::{MAX_EXCEPTIONS, MAX_FRAMES};
use crate::read::{Tree, each_stack, values_mut};

pub(super) fn exceptions(event: &mut Tree<'_>) {
    if let Some(sent) = event.take("exception").filter(|sent| !sent.is_null()) {
        let mut chain = values(sent);
        // The outermost is the last, and is what people know the error by.
        let more = chain.len().saturating_sub(MAX_EXCEPTIONS);
        chain.drain(..more);
        chain.iter_mut().for_each(exception);
        event.set("exception", Tree::Map(vec![(Cow::Borrowed("values"), Tree::List(chain))]));
    }
    one_exception_has_the_stack(event);
    each_stack(event, bounded);
}

pub(super) fn threads(event: &mut Tree<'_>) {
    if let Some(sent) = event.take("threads").filter(|sent| !sent.is_null()) {
        let threads = values(sent);
        event.set("threads", Tree::Map(vec![(Cow::Borrowed("values"), Tree::List(threads))]));
        each_stack(event, bounded);
    }
}

/// Of a list, of `{values}`, of one alone; only what has fields.
pub(super) fn values(tree: Tree<'_>) -> Vec<Tree<'_>> {
    let mut values = match tree {
        Tree::List(values) => values,
        mut map @ Tree::Map(_) => match map.take("values") {
            Some(Tree::List(values)) => values,
            Some(_) => Vec::new(),
            None => vec![map],
        },
        _ => Vec::new(),
    };
    values.retain(|value| matches!(value, Tree::Map(_)));
    values
}

/// A value that is no text is shown as it was sent.
fn exception(exception: &mut Tree<'_>) {
    for key in ["type", "value"] {
        let Some(sent) = exception.take(key).filter(|sent| !sent.is_null()) else { continue };
        let text = match sent {
            container @ (Tree::List(_) | Tree::Map(_) | Tree::Unread(_)) => {
                Tree::owned_text(String::from_utf8_lossy(&container.to_bytes()))
            }
            other => super::into_text(other).map_or(Tree::Null, Tree::Text),
        };
        exception.set(key, text);
    }
}

/// The oldest clients send the stack beside the only exception.
fn one_exception_has_the_stack(event: &mut Tree<'_>) {
    let has_one = match values_mut(event, "exception") {
        [only] => only.get("stacktrace").is_none_or(Tree::is_null),
        _ => false,
    };
    if !has_one {
        return;
    }
    let Some(stack) = event.take("stacktrace").filter(|stack| !stack.is_null()) else { return };
    if let [only] = values_mut(event, "exception") {
        only.set("stacktrace", stack);
    }
}

/// The outermost and the innermost frames stay: what is between is a recursion.
fn bounded(stack: &mut Tree<'_>) {
    let Some(Tree::List(frames)) = stack.get_mut("frames") else { return };
    frames.retain(|frame| matches!(frame, Tree::Map(_)));
    if frames.len() > MAX_FRAMES {
        let outer = MAX_FRAMES / 2;
        frames.drain(outer..frames.len() - (MAX_FRAMES - outer));
    }
    frames.iter_mut().for_each(source);
}

/// Ruby's clients send lines of source with their ends, which would be empty lines between them.
fn source(frame: &mut Tree<'_>) {
    for key in ["pre_context", "context_line", "post_context"] {
        match frame.get_mut(key) {
            Some(Tree::List(lines)) => lines.iter_mut().for_each(without_end),
            Some(line) => without_end(line),
            None => {}
        }
    }
}

fn without_end(line: &mut Tree<'_>) {
    const ENDS: [char; 2] = ['\r', '\n'];
    if let Tree::Text(text) = line
        && text.ends_with(ENDS)
    {
        *text = Cow::Owned(text.trim_end_matches(ENDS).to_owned());
    }
}
