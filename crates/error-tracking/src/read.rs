//! What is asked of an event's tree in more than one place, once it is normalised.

pub(crate) use formats::sentry::Tree;

pub(crate) fn text_at<'t>(tree: &'t Tree<'_>, path: &[&str]) -> Option<&'t str> {
    tree.at(path).and_then(Tree::text)
}

/// The oldest cause first, the outermost last.
pub(crate) fn exceptions<'t, 'a>(event: &'t Tree<'a>) -> &'t [Tree<'a>] {
    event.at(&["exception", "values"]).map(Tree::list).unwrap_or_default()
}

pub(crate) fn is_grouped(exception: &Tree<'_>) -> bool {
    exception.at(&["mechanism", "is_exception_group"]).and_then(Tree::bool) == Some(true)
}

/// The outermost call first, the innermost last.
pub(crate) fn frames<'t, 'a>(stacktrace: &'t Tree<'a>) -> &'t [Tree<'a>] {
    stacktrace.get("frames").map(Tree::list).unwrap_or_default()
}

pub(crate) fn values_mut<'t, 'a>(tree: &'t mut Tree<'a>, key: &str) -> &'t mut [Tree<'a>] {
    match tree.get_mut(key).and_then(|inner| inner.get_mut("values")) {
        Some(Tree::List(values)) => values,
        _ => &mut [],
    }
}

/// Does something to each stack of an event: of its exceptions, its threads, and its own.
pub(crate) fn each_stack<'a>(event: &mut Tree<'a>, mut work: impl FnMut(&mut Tree<'a>)) {
    for holder in ["exception", "threads"] {
        for one in values_mut(event, holder) {
            if let Some(stack) = one.get_mut("stacktrace") {
                work(stack);
            }
        }
    }
    if let Some(stack) = event.get_mut("stacktrace") {
        work(stack);
    }
}

pub(crate) fn frames_mut<'t, 'a>(stacktrace: &'t mut Tree<'a>) -> &'t mut [Tree<'a>] {
    match stacktrace.get_mut("frames") {
        Some(Tree::List(frames)) => frames,
        _ => &mut [],
    }
}
