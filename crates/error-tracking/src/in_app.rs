//! Which frames are the program's own code, where the client does not say.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::grouping::rules::Rules;
use crate::read::{Tree, each_stack, frames_mut, text_at};

/// Anywhere in the path: what was installed, not written.
const FOREIGN_PATHS: [&str; 24] = [
    "/site-packages/",
    "/dist-packages/",
    "/lib/python",
    "/lib64/python",
    "/node_modules/",
    "/vendor/",
    "/vendored/",
    "/gems/",
    "/rubygems/",
    "/lib/ruby/",
    "/go/pkg/mod/",
    "/usr/local/go/src/",
    "/.cargo/registry/",
    "/rustc/",
    "/rustlib/",
    "/usr/lib/",
    "/usr/lib64/",
    "/usr/include/",
    "/system/library/",
    "/.composer/",
    "/bower_components/",
    "/webpack/runtime/",
    "/webpack/bootstrap",
    "/hostedtoolcache/",
];
/// At its beginning.
const FOREIGN_STARTS: [&str; 10] = [
    "node:",
    "internal/",
    "<frozen ",
    "node_modules/",
    "vendor/",
    "chrome-extension:",
    "moz-extension:",
    "safari-extension:",
    "native ",
    "[native code]",
];
/// What languages and the clients themselves bring.
const FOREIGN_MODULES: [&str; 22] = [
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "android.",
    "androidx.",
    "com.android.",
    "dalvik.",
    "org.springframework.",
    "org.apache.",
    "io.sentry.",
    "System.",
    "Microsoft.",
    "sentry_sdk.",
    "raven.",
    "@sentry",
];

const NATIVE: [&str; 6] = ["native", "c", "rust", "cocoa", "objc", "swift"];

/// All of them in one pass.
static FOREIGN: LazyLock<Regex> = LazyLock::new(|| {
    let either = |texts: &[&str]| texts.iter().map(|text| regex::escape(text)).collect::<Vec<_>>().join("|");
    let pattern = format!("(?i)^(?:{})|{}", either(&FOREIGN_STARTS), either(&FOREIGN_PATHS));
    Regex::new(&pattern).expect("escaped texts are a pattern")
});

/// Each frame says so afterwards. A rule of the project goes before what the client says.
pub(crate) fn mark(rules: &Rules, event: &mut Tree<'_>) {
    let is_native = text_at(event, &["platform"]).is_some_and(|platform| NATIVE.contains(&platform));
    each_stack(event, |stack| {
        let frames = frames_mut(stack);
        // The program was built to tell its lines; what of the system stands beside it was not.
        let tells_files = is_native && frames.iter().any(has_file);
        for frame in frames {
            let said = frame.get("in_app").and_then(Tree::bool);
            let guess = |frame: &Tree<'_>| (!tells_files || has_file(frame)) && guess(frame);
            let is_own = rules.in_app(frame).or(said).unwrap_or_else(|| guess(frame));
            if said != Some(is_own) {
                frame.set("in_app", Tree::Bool(is_own));
            }
        }
    });
}

fn has_file(frame: &Tree<'_>) -> bool {
    ["filename", "abs_path"].iter().any(|key| text_at(frame, &[*key]).is_some_and(|text| !text.is_empty()))
}

fn guess(frame: &Tree<'_>) -> bool {
    let module = text_at(frame, &["module"]).unwrap_or_default();
    if FOREIGN_MODULES.iter().any(|foreign| module.starts_with(foreign)) {
        return false;
    }
    ["abs_path", "filename", "package"]
        .iter()
        .all(|key| !is_foreign(text_at(frame, &[*key]).unwrap_or_default()))
}

fn is_foreign(path: &str) -> bool {
    let path = if path.contains('\\') { Cow::Owned(path.replace('\\', "/")) } else { Cow::Borrowed(path) };
    FOREIGN.is_match(&path)
}

#[cfg(test)]
mod tests {
    use super::guess;
    use crate::read::Tree;

    #[test]
    fn what_was_installed_is_not_the_programs_own() {
        let check = |key: &'static str, text: &'static str, is_own: bool| {
            let frame = Tree::Map(vec![(key.into(), Tree::Text(text.into()))]);
            assert_eq!(guess(&frame), is_own, "{key}: {text}");
        };
        check("abs_path", "/srv/venv/lib/python3.12/site-packages/django/core.py", false);
        check("abs_path", "C:\\app\\node_modules\\express\\lib.js", false);
        check("filename", "node:internal/process", false);
        check("filename", "app/cart.py", true);
        check("filename", "/srv/shop/views.py", true);
        check("package", "/usr/lib/libc.so.6", false);
        check("module", "java.util.concurrent.FutureTask", false);
        check("module", "shop.cart", true);
        check("function", "main", true);
    }
}
