//! Names without what compilers, proxies and build tools put into them, which differs from build to build.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

/// One kind of generated part. `needle` spares most names the pattern.
struct Cleaner {
    platforms: &'static [&'static str],
    needle: &'static str,
    pattern: &'static str,
    instead: &'static str,
}

const JVM: &[&str] = &["java", "kotlin", "scala", "groovy"];
const JS: &[&str] = &["javascript", "node"];
const NATIVE: &[&str] = &["native", "c", "rust", "cocoa", "objc", "swift"];

const fn cleaner(
    platforms: &'static [&'static str],
    needle: &'static str,
    pattern: &'static str,
    instead: &'static str,
) -> Cleaner {
    Cleaner { platforms, needle, pattern, instead }
}

/// Of functions, modules and kinds of exceptions. `$$` stands for one `$`.
static CLEANERS: &[Cleaner] = &[
    cleaner(JVM, "$$Lambda", r"\$\$Lambda(\$\d+)?([/.](0x)?[0-9a-fA-F]+)?", "$$$$Lambda"),
    // `Foo$$EnhancerBySpringCGLIB$$1a2b`, `Foo$$SpringCGLIB$$0`
    cleaner(JVM, "CGLIB$$", r"\$\$[A-Za-z]*CGLIB\$\$[0-9A-Za-z]+", ""),
    cleaner(JVM, "_$$_", r"_\$\$_(jvst|javassist_?)[0-9a-f]+(_[0-9a-f]+)?", ""),
    cleaner(JVM, "$HibernateProxy$", r"\$HibernateProxy\$\w+", ""),
    cleaner(JVM, "Accessor", r"(Generated[A-Za-z]*Accessor)\d+", "$1"),
    cleaner(JVM, "lambda$", r"(lambda\$[A-Za-z_]\w*)\$\d+", "$1"),
    // Numbers of anonymous classes, lambdas, proxies.
    cleaner(JVM, "$", r"\$\d+", "$$"),
    cleaner(JVM, "$Proxy", r"\$Proxy\d+", "$$Proxy"),
    cleaner(&["ruby"], "block", r"block \(\d+ levels?\) in ", "block in "),
    // Templates are compiled to methods with a number and an address.
    cleaner(&["ruby"], "__", r"_{2,}\d+_\d+", ""),
    // Ruby 3.4 writes whose method it is.
    cleaner(&["ruby"], "#", r"[A-Z]\w*(::[A-Z]\w*)*#", ""),
    cleaner(&["ruby"], ".", r"[A-Z]\w*(::[A-Z]\w*)*\.", ""),
    cleaner(&["php"], "__TwigTemplate_", r"__TwigTemplate_[0-9a-f]+", "__TwigTemplate"),
    cleaner(&["php"], "@anonymous", r"(@anonymous).*?(?:\$|0x)[0-9a-f]+", "$1"),
    cleaner(&["php"], "{closure", r"(\w+\\)*\{closure[^}]*\}", "{closure}"),
    cleaner(JS, "async ", r"^async ", ""),
    cleaner(JS, "Object.", r"^Object\.", ""),
    cleaner(JS, " [as ", r" \[as [^\]]*\]", ""),
    // V8 writes of which type the receiver was; others do not.
    cleaner(JS, ".", r"^[A-Z]\w*\.([^.]+)$", "$1"),
    // Firefox: a function without a name within another.
    cleaner(JS, "<", r"(/?<)+$", ""),
    cleaner(&["csharp", "dotnet"], ">", r"(<\w*>[bcd]__)\d+(_\d+)*", "$1"),
    cleaner(&["csharp", "dotnet"], "DisplayClass", r"DisplayClass\d+(_\d+)*", "DisplayClass"),
    cleaner(&["csharp", "dotnet"], "|", r"\|\d+_\d+", ""),
    cleaner(&["go"], ".", r"\.(func|gowrap|deferwrap)\d+(\.\d+)*", ".func"),
    // What a generic function is made for, and a method that is used as a value.
    cleaner(&["go"], "[", r"\[[^\]]*\]", ""),
    cleaner(&["go"], "-fm", r"-fm$", ""),
    cleaner(&["elixir"], "-fun-", r"-fun-\d+-", "-fun-"),
    cleaner(NATIVE, "h", r"(::|17)h[0-9a-f]{16}", ""),
    cleaner(NATIVE, "{lambda", r"\{lambda\([^{}]*\)#\d+\}", "{lambda}"),
    cleaner(NATIVE, "<", r"(\w)(::)?<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>", "$1"),
    cleaner(NATIVE, "closure", r"\{+closure[^}]*\}+|closure #\d+", "closure"),
    cleaner(NATIVE, "_block_invoke", r"^__\d+|(_block_invoke)_\d+", "$1"),
    // Copies that the optimiser made, and where within the function.
    cleaner(NATIVE, ".", r"\.(isra|part|constprop|cold|lto_priv|llvm)(\.\d+)*", ""),
    cleaner(NATIVE, "+", r"\s*\+\s*(0x[0-9a-f]+|\d+)$", ""),
    cleaner(NATIVE, ")", r"\((?:[^()]|\([^()]*\))*\)(?: const)?$", ""),
];

/// What says that there is no name.
const NO_FUNCTION: [&str; 9] =
    ["", "?", "??", "<anonymous>", "anonymous", "(anonymous)", "<unknown>", "<redacted>", "eval"];
const NO_FILE: [&str; 8] = [
    "",
    "<anonymous>",
    "<unknown>",
    "<generated>",
    "Unknown Source",
    "SourceFile",
    "[native code]",
    "native",
];
/// A file that came over a network is called as whoever serves it likes.
const URL_SCHEMES: [&str; 7] =
    ["http:", "https:", "blob:", "data:", "applewebdata:", "chrome-extension:", "moz-extension:"];

/// By platform. Many have none.
static READ: LazyLock<HashMap<&'static str, Vec<(&'static Cleaner, Regex)>>> = LazyLock::new(|| {
    let mut read: HashMap<_, Vec<_>> = HashMap::new();
    for cleaner in CLEANERS {
        let pattern = Regex::new(cleaner.pattern).expect("each pattern is read by a test");
        for platform in cleaner.platforms {
            read.entry(*platform).or_default().push((cleaner, pattern.clone()));
        }
    }
    read
});
/// Build tools put a hash of the content into names of files.
static BUILD_HASH: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[.\-_][0-9a-f]{8,40}\.").expect("it is read by a test"));
/// Cells and examples are numbered.
static CELL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^<(ipython-input|doctest)[^>]*>$").expect("it is read by a test"));

/// Compiled templates and pieces of bundles are called by a hash or a number.
fn is_numbered(name: &str) -> bool {
    // Hardly any name begins so, and that is told sooner than by the pattern.
    let digits = name.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    let begins_so = digits > 0 && matches!(name.as_bytes().get(digits), None | Some(b'.'));
    begins_so && NUMBERED.is_match(name)
}

static NUMBERED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^([0-9]+|[0-9a-f]{16,})(\.\w+)*$").expect("it is read by a test"));
/// Build tools add digits, or parts with separators, to what they name.
static CHOSEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^[a-z_]{3,}\.[a-z]+$").expect("it is read by a test"));
/// Of C#: an async method as the class that the compiler makes of it.
static STATE_MACHINE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(.+)\+<(\w+)>d__\d+$").expect("it is read by a test"));

fn cleaned<'n>(platform: &str, name: &'n str) -> Cow<'n, str> {
    let mut name = Cow::Borrowed(name);
    for (cleaner, pattern) in READ.get(platform).into_iter().flatten() {
        if !name.contains(cleaner.needle) {
            continue;
        }
        let changed = match pattern.replace_all(&name, cleaner.instead) {
            Cow::Owned(changed) => changed,
            Cow::Borrowed(_) => continue,
        };
        name = Cow::Owned(changed);
    }
    name
}

/// None: it has no name of its own.
pub(super) fn function<'n>(platform: &str, name: &'n str) -> Option<Cow<'n, str>> {
    let name = match cleaned(platform, name.trim()) {
        Cow::Owned(name) => Cow::Owned(name.trim().to_owned()),
        name => name,
    };
    let is_address =
        name.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    (!is_address && !NO_FUNCTION.contains(&&*name)).then_some(name)
}

pub(super) fn module<'n>(platform: &str, name: &'n str) -> Option<Cow<'n, str>> {
    let name = cleaned(platform, name.trim());
    (!NO_FUNCTION.contains(&&*name) && !is_numbered(&name)).then_some(name)
}

/// Class and method, of the frame of an async method.
pub(super) fn state_machine<'t>(
    module: Option<&'t str>,
    function: Option<&str>,
) -> Option<(&'t str, &'t str)> {
    if function != Some("MoveNext") {
        return None;
    }
    let found = STATE_MACHINE.captures(module?)?;
    Some((found.get(1)?.as_str(), found.get(2)?.as_str()))
}

/// A name in lower case that somebody has chosen, and that no build changes.
pub(super) fn is_chosen(file: &str) -> bool {
    CHOSEN.is_match(file)
}

/// Of an exception. Of which platform it is matters little here: `$` and `@anonymous` are in no name that people write.
pub(super) fn kind(name: &str) -> Cow<'_, str> {
    match cleaned("java", name) {
        Cow::Borrowed(name) => cleaned("php", name),
        name => name,
    }
}

/// The base name in lower case.
pub(super) fn file(platform: &str, path: &str) -> Option<String> {
    let path = path.trim();
    if let Some(cell) = CELL.captures(path) {
        return Some(format!("<{}>", &cell[1]));
    }
    let is_js = JS.contains(&platform);
    let path = if is_js { path.split(['?', '#']).next().unwrap_or_default() } else { path };
    let base = path.rsplit(['/', '\\']).next().unwrap_or_default();
    let lower = base.to_lowercase();
    if NO_FILE.contains(&base) || is_numbered(&lower) {
        return None;
    }
    let base = lower;
    Some(if is_js { BUILD_HASH.replace_all(&base, ".").into_owned() } else { base })
}

pub(super) fn is_url(path: &str) -> bool {
    URL_SCHEMES
        .iter()
        .any(|scheme| path.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))
}

#[cfg(test)]
mod tests {
    use super::{file, function, is_url, kind, module};

    #[test]
    fn what_is_generated_leaves_the_names_of_functions() {
        let check = |platform: &str, name: &str, expected: &str| {
            assert_eq!(function(platform, name).as_deref(), Some(expected), "{platform}: {name}");
        };
        check("java", "lambda$process$3", "lambda$process");
        check("java", "invoke", "invoke");
        check("ruby", "block (2 levels) in show", "block in show");
        check("ruby", "_app_views_home_index_html_erb___356_7018", "_app_views_home_index_html_erb");
        check("php", "App\\Job::{closure:/srv/app.php:12}", "App\\Job::{closure}");
        check("php", "class@anonymous/srv/app.php:12$0::run", "class@anonymous::run");
        check("javascript", "Object.onClick", "onClick");
        check("node", "async Promise.all [as all]", "all");
        check("javascript", "HTMLButtonElement.onClick", "onClick");
        check("javascript", "shop.cart.add", "shop.cart.add");
        check("csharp", "<Main>b__0_1", "<Main>b__");
        check("csharp", "<Main>g__Local|0_1", "<Main>g__Local");
        check("go", "main.serve.func1.2", "main.serve.func");
        check("go", "(*Hub).Start.gowrap1", "(*Hub).Start.func");
        check("go", "Max[go.shape.int]", "Max");
        check("go", "(*Label).place-fm", "(*Label).place");
        check("ruby", "block in Shop::Ranking#sorted", "block in sorted");
        check("ruby", "Ranking.sorted", "sorted");
        check("php", "App\\Basket::App\\{closure}", "App\\Basket::{closure}");
        check("php", "__TwigTemplate_9f0a1b::doDisplay", "__TwigTemplate::doDisplay");
        check("native", "Pump::run()::{lambda()#1}::operator()() const", "Pump::run()::{lambda}::operator()");
        check("native", "wald::Tree<wald::Oak>::leaf", "wald::Tree::leaf");
        check("native", "<wald::Oak as wald::Tree>::leaf", "<wald::Oak as wald::Tree>::leaf");
        check("native", "shop::cart::add::h0123456789abcdef", "shop::cart::add");
        check("native", "parse(char const*, int) + 0x1f", "parse");
        check("native", "parse.isra.0.cold.3", "parse");
        check("python", "<lambda>", "<lambda>");
        check("python", "block (2 levels) in x", "block (2 levels) in x");
    }

    #[test]
    fn what_has_no_name_does_not_count() {
        for (platform, name) in [
            ("javascript", "?"),
            ("javascript", "<anonymous>"),
            ("node", "Object.<anonymous>"),
            ("javascript", "eval"),
            ("native", "0x7fff12"),
            ("native", "  "),
        ] {
            assert_eq!(function(platform, name), None, "{platform}: {name}");
        }
    }

    #[test]
    fn generated_classes_are_their_originals() {
        let check = |name: &str, expected: &str| {
            assert_eq!(module("java", name).as_deref(), Some(expected), "{name}");
        };
        check("shop.Cart$$EnhancerBySpringCGLIB$$9a8b7c", "shop.Cart");
        check("shop.Cart$$FastClassBySpringCGLIB$$1f", "shop.Cart");
        check("shop.Cart$$SpringCGLIB$$0", "shop.Cart");
        check("shop.Cart_$$_jvst4e1_2", "shop.Cart");
        check("shop.Cart$$Lambda$14/0x0000000800c81840", "shop.Cart$$Lambda");
        check("shop.Cart$$Lambda/0x0000000800c81840", "shop.Cart$$Lambda");
        check("shop.Cart$$Lambda$114.0x00007f0b5c1a2000", "shop.Cart$$Lambda");
        check("shop.Cart$1", "shop.Cart$");
        check(
            "jdk.internal.reflect.GeneratedMethodAccessor412",
            "jdk.internal.reflect.GeneratedMethodAccessor",
        );
        check("com.sun.proxy.$Proxy31", "com.sun.proxy.$Proxy");
        check("shop.Cart", "shop.Cart");
        assert_eq!(kind("Foo$1"), "Foo$");
        assert_eq!(kind("ValueError"), "ValueError");
    }

    #[test]
    fn files_are_their_base_names() {
        let check = |platform: &str, path: &str, expected: Option<&str>| {
            assert_eq!(file(platform, path).as_deref(), expected, "{path}");
        };
        check("python", "/srv/App/Views.py", Some("views.py"));
        check("csharp", "C:\\src\\Cart.cs", Some("cart.cs"));
        check("node", "/app/dist/main.4f3a2b1c.js?x=1", Some("main.js"));
        check("node", "/app/cart.js", Some("cart.js"));
        check("python", "<ipython-input-12-0f3a>", Some("<ipython-input>"));
        check("javascript", "<anonymous>", None);
        check("node", "/app/chunks/4471.js", None);
        check("php", "/cache/4a1be0c2f94e7c1d8b6f2d05f8a1c2e3.php", None);
        check("java", "Unknown Source", None);
        assert!(is_url("https://a.example/app.js") && is_url("BLOB:x"));
        assert!(!is_url("app:///main.js") && !is_url("/srv/http:") && !is_url("é"));
    }
}
