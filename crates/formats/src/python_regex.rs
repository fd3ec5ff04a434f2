//! Python's regular expressions, as `re.search` and `re.sub` understand them: translated to the syntax of the
//! library, and replacement templates expanded by Python's rules.

use fancy_regex::{Captures, Regex, RegexBuilder};

/// Steps that an expression with look-around or back-references may take back.
const BACKTRACKS_MAX: usize = 100_000;
/// Size of a compiled expression (or of one piece of it).
const PROGRAM_BYTES_MAX: usize = 1 << 20;
const SOURCE_BYTES_MAX: usize = 4_096;
/// Longest text that a substitution may make.
const TEXT_BYTES_MAX: usize = 256 << 10;

#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// The message says what is wrong with the expression.
    pub fn new(source: &str) -> Result<Pattern, String> {
        Pattern::build(source, "", "", false)
    }

    /// With `re.I`.
    pub fn ignoring_case(source: &str) -> Result<Pattern, String> {
        Pattern::build(source, "", "", true)
    }

    /// Found at the start of a text only, as `re.match` does: [`Pattern::expand`] and the others go no further.
    pub fn at_start(source: &str) -> Result<Pattern, String> {
        Pattern::build(source, "\\A(?:", ")", false)
    }

    fn build(source: &str, before: &str, behind: &str, ignore_case: bool) -> Result<Pattern, String> {
        if source.len() > SOURCE_BYTES_MAX {
            return Err(format!("the regular expression is longer than {SOURCE_BYTES_MAX} bytes"));
        }
        let out = String::with_capacity(source.len() + 8);
        let (translated, asked_group) = Translator { rest: source, out, asked_group: 0 }.run()?;
        let mut builder = RegexBuilder::new(&format!("{before}{translated}{behind}"));
        builder.case_insensitive(ignore_case);
        builder.backtrack_limit(BACKTRACKS_MAX);
        builder.delegate_size_limit(PROGRAM_BYTES_MAX);
        builder.max_prog_size(PROGRAM_BYTES_MAX);
        let regex = builder.build().map_err(|error| format!("bad regular expression: {error}"))?;
        // The library does not look whether the group of a condition exists.
        if asked_group >= regex.captures_len() {
            return Err(format!("invalid group reference {asked_group}"));
        }
        Ok(Pattern { regex })
    }

    /// The template filled from the first match, if there is one.
    pub fn expand(&self, text: &str, template: &Template) -> Result<Option<String>, String> {
        let captures = self.regex.captures(text).map_err(too_hard)?;
        Ok(captures.map(|captures| {
            let mut out = String::new();
            template.expand(&captures, &mut out);
            out
        }))
    }

    /// `re.search`
    pub fn is_in(&self, text: &str) -> Result<bool, String> {
        self.regex.is_match(text).map_err(too_hard)
    }

    /// `re.match`: from the start on, not necessarily to the end.
    pub fn matches_start(&self, text: &str) -> Result<bool, String> {
        let found = self.regex.find(text).map_err(too_hard)?;
        Ok(found.is_some_and(|found| found.start() == 0))
    }

    /// `re.sub`: every match replaced, an empty one next to another too.
    pub fn replace(&self, text: &str, template: &Template) -> Result<String, String> {
        let mut out = String::with_capacity(text.len());
        let (mut copied, mut from, mut last_was_empty_at) = (0, 0, None);
        while from <= text.len() {
            let Some(captures) = self.regex.captures_from_pos(text, from).map_err(too_hard)? else { break };
            let Some(whole) = captures.get(0) else { break };
            let (start, end) = (whole.start(), whole.end());
            if start == end && last_was_empty_at == Some(start) {
                from = next_character(text, start);
                last_was_empty_at = None;
                continue;
            }
            out.push_str(&text[copied..start]);
            template.expand(&captures, &mut out);
            if out.len() > TEXT_BYTES_MAX {
                return Err(format!("a text becomes longer than {} bytes", TEXT_BYTES_MAX));
            }
            (copied, from) = (end, end);
            last_was_empty_at = (start == end).then_some(end);
        }
        out.push_str(&text[copied..]);
        Ok(out)
    }
}

fn too_hard(error: fancy_regex::Error) -> String {
    format!("the regular expression gave up: {error}")
}

fn next_character(text: &str, at: usize) -> usize {
    at + text[at..].chars().next().map_or(1, char::len_utf8)
}

/// What matches are replaced with.
#[derive(Clone, Debug)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Group(usize),
    Named(String),
    /// `None` where the group took no part in the match.
    Formatted(String),
}

impl Template {
    /// `\1`, `\g<1>`, `\g<name>` and Python's escapes, for the groups of this pattern.
    pub fn new(source: &str, pattern: &Pattern) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = source;
        while let Some(at) = rest.find('\\') {
            text.push_str(&rest[..at]);
            let (piece, after) = escape(&rest[at + 1..])?;
            rest = after;
            match piece {
                Piece::Text(escaped) => text.push_str(&escaped),
                group => {
                    check_group(&group, pattern)?;
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(group);
                }
            }
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        Ok(Template(pieces))
    }

    /// `format % match.groupdict()`: `%(name)s` and `%%`.
    pub fn percent(format: &str, pattern: &Pattern) -> Result<Template, String> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut rest = format;
        while let Some((before, after)) = rest.split_once('%') {
            text.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                text.push('%');
                rest = after;
                continue;
            }
            let named = after.strip_prefix('(').and_then(|after| after.split_once(")s"));
            let (name, after) = named.ok_or("a `%` must be written `%%`")?;
            let piece = Piece::Formatted(name.to_owned());
            check_group(&piece, pattern)?;
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(piece);
            rest = after;
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        Ok(Template(pieces))
    }

    fn expand(&self, captures: &Captures<'_, str>, out: &mut String) {
        for piece in &self.0 {
            let group = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    continue;
                }
                Piece::Formatted(name) => {
                    out.push_str(captures.name(name).map_or("None", |group| group.as_str()));
                    continue;
                }
                Piece::Group(number) => captures.get(*number),
                Piece::Named(name) => captures.name(name),
            };
            out.push_str(group.map_or("", |group| group.as_str()));
        }
    }
}

fn check_group(group: &Piece, pattern: &Pattern) -> Result<(), String> {
    match group {
        Piece::Group(number) if *number >= pattern.regex.captures_len() => {
            Err(format!("invalid group reference {number}"))
        }
        Piece::Named(name) | Piece::Formatted(name)
            if !pattern.regex.capture_names().flatten().any(|known| known == name) =>
        {
            Err(format!("unknown group name {}", quoted(name)))
        }
        _ => Ok(()),
    }
}

/// What stands behind a backslash in a template, and the rest.
fn escape(rest: &str) -> Result<(Piece, &str), String> {
    let mut characters = rest.chars();
    let first = characters.next().ok_or("bad escape (end of pattern)")?;
    let after = characters.as_str();
    let text = |text: &str| Ok((Piece::Text(text.to_owned()), after));
    match first {
        'g' => group_reference(after),
        '0'..='9' => Ok(digits(rest)),
        'a' => text("\x07"),
        'b' => text("\x08"),
        'f' => text("\x0c"),
        'n' => text("\n"),
        'r' => text("\r"),
        't' => text("\t"),
        'v' => text("\x0b"),
        '\\' => text("\\"),
        letter if letter.is_ascii_alphabetic() => Err(format!("bad escape \\{letter}")),
        other => Ok((Piece::Text(format!("\\{other}")), after)),
    }
}

/// A group of one or two digits; an octal number if there are three, or a zero comes first.
fn digits(rest: &str) -> (Piece, &str) {
    let octal =
        |count: usize| rest.len() >= count && rest[..count].bytes().all(|b| (b'0'..b'8').contains(&b));
    let character = |length: usize| {
        let code = u32::from_str_radix(&rest[..length], 8).unwrap_or(0) & 0xff;
        (Piece::Text(char::from_u32(code).unwrap_or_default().to_string()), &rest[length..])
    };
    let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
    if rest.starts_with('0') {
        let length = (1..=digits).rev().find(|length| octal(*length)).unwrap_or(1);
        return character(length);
    }
    if digits == 3 && octal(3) {
        return character(3);
    }
    let length = digits.min(2);
    (Piece::Group(rest[..length].parse().unwrap_or(0)), &rest[length..])
}

/// `<1>` or `<name>`
fn group_reference(rest: &str) -> Result<(Piece, &str), String> {
    let inner = rest.strip_prefix('<').ok_or("missing <")?;
    let (name, after) = inner.split_once('>').ok_or("missing >, unterminated name")?;
    if name.is_empty() {
        return Err("missing group name".into());
    }
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = name.parse().map_err(|_| format!("invalid group reference {name}"))?;
        return Ok((Piece::Group(number), after));
    }
    Ok((Piece::Named(name.to_owned()), after))
}

/// Rewrites what the library reads in another way than Python.
struct Translator<'s> {
    rest: &'s str,
    out: String,
    /// The highest group that a condition asks for.
    asked_group: usize,
}

impl Translator<'_> {
    fn run(mut self) -> Result<(String, usize), String> {
        while let Some(character) = self.take() {
            match character {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '{' => self.braces(),
                '}' => self.out.push_str("\\}"),
                '(' if self.rest.starts_with('?') => self.group_start()?,
                other => self.out.push(other),
            }
        }
        Ok((self.out, self.asked_group))
    }

    fn take(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    /// A `{` that begins no repetition is a character like others; `{,n}` is `{0,n}`.
    fn braces(&mut self) {
        let inside = self.rest.split_once('}').map(|(inside, _)| inside);
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let repetition = inside.filter(|inside| match inside.split_once(',') {
            Some((low, high)) => number(low) && number(high),
            None => !inside.is_empty() && number(inside),
        });
        let Some(inside) = repetition else {
            self.out.push_str("\\{");
            return;
        };
        self.rest = &self.rest[inside.len() + 1..];
        let zero = if inside.starts_with(',') { "0" } else { "" };
        self.out += &format!("{{{zero}{inside}}}");
    }

    /// Flags that the library does not know say what it does anyway.
    fn group_start(&mut self) -> Result<(), String> {
        if let Some(condition) = self.rest.strip_prefix("?(") {
            return self.condition(condition);
        }
        let letters: usize = self.rest[1..].bytes().take_while(u8::is_ascii_lowercase).count();
        let ends = self.rest[1 + letters..].chars().next();
        if self.rest[1..].starts_with("P>") || self.rest[1..].starts_with('&') {
            return Err("unknown extension".into());
        }
        if letters == 0 || !matches!(ends, Some(')' | ':' | '-')) {
            self.out.push('(');
            return Ok(());
        }
        let flags: String = self.rest[1..=letters].chars().filter(|flag| !"auL".contains(*flag)).collect();
        self.rest = &self.rest[1 + letters..];
        if flags.is_empty() && ends == Some(')') {
            self.rest = &self.rest[1..];
            return Ok(());
        }
        self.out += &format!("(?{flags}");
        Ok(())
    }

    /// `(?(1)then|else)`, or with a group's name.
    fn condition(&mut self, rest: &str) -> Result<(), String> {
        let (group, _) = rest.split_once(')').ok_or("missing ), unterminated name")?;
        if group.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = group.parse().map_err(|_| format!("invalid group reference {group}"))?;
            if number == 0 {
                return Err("bad group number".into());
            }
            self.asked_group = self.asked_group.max(number);
        } else if !group.chars().all(|letter| letter == '_' || letter.is_alphanumeric()) {
            return Err(format!("bad character in group name {}", quoted(group)));
        }
        self.out.push('(');
        Ok(())
    }

    /// Behind a backslash, in a class or not.
    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let character = self.take().ok_or("bad escape (end of pattern)")?;
        match character {
            'Z' if !in_class => self.out.push_str("\\z"),
            'A' | 'B' if !in_class => self.out.extend(['\\', character]),
            'b' => self.out.push_str(if in_class { "\\x08" } else { "\\b" }),
            'd' | 'D' | 's' | 'S' | 'w' | 'W' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' => {
                self.out.extend(['\\', character]);
            }
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            '0' => self.octal(0),
            digit @ '1'..='9' => self.reference(digit, in_class),
            letter if letter.is_ascii_alphanumeric() => return Err(format!("bad escape \\{letter}")),
            other => self.literal(other),
        }
        Ok(())
    }

    fn code(&mut self, length: usize) -> Result<(), String> {
        let digits = self.rest.get(..length).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let digits = digits.ok_or("incomplete escape")?;
        self.out += &format!("\\x{{{digits}}}");
        self.rest = &self.rest[length..];
        Ok(())
    }

    fn octal(&mut self, first: u32) {
        let digits = self.rest.bytes().take(2).take_while(|byte| (b'0'..b'8').contains(byte)).count();
        let rest = u32::from_str_radix(&self.rest[..digits], 8).unwrap_or(0);
        self.rest = &self.rest[digits..];
        self.out += &format!("\\x{{{:x}}}", (first << (3 * digits)) + rest);
    }

    /// A group matched before, or three octal digits.
    fn reference(&mut self, digit: char, in_class: bool) {
        let octal = |text: &str| text.bytes().all(|byte| (b'0'..b'8').contains(&byte));
        let value = digit.to_digit(8);
        if let Some(value) = value
            && (in_class || self.rest.get(..2).is_some_and(octal))
        {
            return self.octal(value);
        }
        self.out.extend(['\\', digit]);
        if self.rest.starts_with(|c: char| c.is_ascii_digit())
            && let Some(second) = self.take()
        {
            self.out.push(second);
        }
        // What follows is no part of the number.
        self.out.push_str("(?:)");
    }

    fn literal(&mut self, character: char) {
        if "\\.+*?()|[]{}^$#&-~".contains(character) {
            self.out.push('\\');
        }
        self.out.push(character);
    }

    fn class(&mut self) -> Result<(), String> {
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.take();
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.take().ok_or("unterminated character set")? {
                ']' if !first => break,
                '\\' => self.escape(true)?,
                character => self.literal(character),
            }
            first = false;
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                self.take();
                self.out.push('-');
                match self.take().ok_or("unterminated character set")? {
                    '\\' => self.escape(true)?,
                    character => self.literal(character),
                }
            }
        }
        self.out.push(']');
        Ok(())
    }
}

/// `repr` of a text.
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::with_capacity(text.len() + 2);
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => out.extend(['\\', c]),
            c if c < ' ' || c == '\x7f' => out.push_str(&format!("\\x{:02x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substitutions_as_python_makes_them() {
        let check = |pattern: &str, template: &str, text: &str, wanted: &str| {
            let pattern = Pattern::new(pattern).unwrap();
            let template = Template::new(template, &pattern).unwrap();
            assert_eq!(pattern.replace(text, &template).unwrap(), wanted);
        };
        check("(^.*$)", "\\1 A", "a.b", "a.b A");
        check("x*", "-", "abxd", "-a-b--d-");
        check("^.*TCP(\\d+)", "\\1", "ip-TCP80 x", "80 x");
        check("(?P<n>a)", "<\\g<n>\\g<1>\\g<0>>", "bab", "b<aaa>b");
        check("a(b)?", "[\\1]", "a", "[]");
        check("^(<)?a(?(1)>)$", "x", "<a>", "x");
        check("^(<)?a(?(1)>|;)$", "x", "a;", "x");
        check("a{,2}b", "x", "aab", "x");
        check("a{b", "x", "a{b}", "x}");
        check("[[&&]", "x", "a&[", "axx");
        check("[]a-]", "x", "]a-b", "xxxb");
        check("[+--]", "x", "+,-.", "xxx.");
        check("\\<a", "x", "<a", "x");
        check("(a)\\1", "x", "aa", "x");
        check("(?<=a)b(?!c)", "x", "abcab", "abcax");
        check("a\\Z", "\\\\ \\n \\.", "a", "\\ \n \\.");
        check("(?i)A", "x", "a", "x");
        check("é", "ü", "café", "cafü");
    }

    #[test]
    fn formats_and_anchors() {
        let pattern = Pattern::at_start("a\\.(?P<x>b)?(?P<y>.)|z").unwrap();
        let check = |text: &str, wanted: Option<&str>| {
            let template = Template::percent("<%(x)s-%(y)s>%%", &pattern).unwrap();
            assert_eq!(pattern.expand(text, &template).unwrap().as_deref(), wanted, "{text}");
        };
        check("a.bc", Some("<b-c>%"));
        check("a.c", Some("<None-c>%"));
        check("xa.c", None);
        check("xz", None);
        for format in ["%", "%(x)d", "%(q)s", "100%(x)", "%(%(x)s)s"] {
            assert!(Template::percent(format, &pattern).is_err(), "{format}");
        }
        assert!(Pattern::ignoring_case("AbC").unwrap().is_in("xabcx").unwrap());
    }

    #[test]
    fn what_python_refuses() {
        for pattern in [
            "(",
            "a**",
            "[a",
            "\\",
            "\\q",
            "a)",
            "(?P<n",
            "\\x1",
            "(?(3333333)3)",
            "(?(1)a)",
            "(?(0)a)",
            "(?(?=a)b)",
        ] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        let pattern = Pattern::new("(a)").unwrap();
        for template in ["\\2", "\\g<x>", "\\g<", "\\q", "\\"] {
            assert!(Template::new(template, &pattern).is_err(), "{template}");
        }
    }

    #[test]
    fn a_hard_expression_gives_up() {
        let pattern = Pattern::new("(?=(a+)+$)\\1b").unwrap();
        assert!(pattern.is_in(&"a".repeat(64)).is_err() || !pattern.is_in(&"a".repeat(64)).unwrap());
    }
}
