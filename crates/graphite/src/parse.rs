//! The text of a target -> [`Expression`], by the rules of graphite-web 1.1.10's grammar.
//!
//! ```text
//! target    = expression                                   what follows it is ignored
//! expression= (template | call | path) { "|" call }
//! call      = name "(" [ arg {"," arg} ["," keyword {"," keyword}] ] ")"      keyword = name "=" arg
//! arg       = true | false | number | none | string | inf | expression
//! path      = element {"." element}          element = pieces and {a,b} lists, without blanks
//! template  = "template" "(" (call | path) [ "," literals | "," named literals ] ")"
//! ```
//!
//! The original chooses between alternatives in this order and never comes back to a choice. Two habits
//! follow that people see: a call that cannot be read to its end is taken for the path of its name (so
//! `sumSeries(a` finds nothing instead of failing), and `inf.x` as an argument is "inf" followed by nonsense.
//! Names may hold any characters beyond ASCII; the original reads such targets only with `UTF8_METRICS`.

use std::collections::HashMap;
use std::ops::Range;

use crate::limits;
use crate::target::{Call, Expression, Literal, Path, Template};

/// Why a text is not a target, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub message: String,
    /// Byte of the text at which nothing fitted any more.
    pub at: usize,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at character {}", self.message, self.at + 1)
    }
}

impl std::error::Error for SyntaxError {}

/// The expression that the text starts with.
pub fn parse(text: &str) -> Result<Expression, SyntaxError> {
    parse_prefix(text).map(|parsed| parsed.expression)
}

/// What was read, and what was left over: for editors, which should point at it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub expression: Expression,
    /// Bytes of the text (with tabs expanded) that belong to the expression.
    pub end: usize,
    /// The place of the text that no alternative could get beyond, if that is behind `end`.
    pub stuck: Option<SyntaxError>,
}

/// As [`parse`], telling what was ignored.
pub fn parse_prefix(text: &str) -> Result<Parsed, SyntaxError> {
    if text.len() > limits::MAX_TARGET_BYTES {
        let message = format!("the target is longer than {} bytes", limits::MAX_TARGET_BYTES);
        return Err(SyntaxError { message, at: limits::MAX_TARGET_BYTES });
    }
    let text = expand_tabs(text);
    let mut parser =
        Parser { text: &text, furthest: 0, expected: "a target", work: 0, depth: 0, calls: HashMap::new() };
    let found = parser.expression(0);
    // Pipes are read one after the other, and evaluated one within the other.
    let too_high = |expression: &Expression| expression.height() > limits::MAX_TARGET_DEPTH;
    if parser.work > limits::MAX_PARSE_WORK || found.as_ref().is_some_and(|(found, _)| too_high(found)) {
        return Err(SyntaxError { message: "the target is nested too deeply".into(), at: parser.furthest });
    }
    let stuck = SyntaxError { message: format!("expected {}", parser.expected), at: parser.furthest };
    match found {
        None => Err(stuck),
        Some((expression, end)) => {
            let ignored = !text[end..].trim().is_empty();
            Ok(Parsed { expression, end, stuck: ignored.then_some(stuck) })
        }
    }
}

/// Python's `expandtabs`, which the original's parser applies to its whole input.
fn expand_tabs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut column = 0;
    for character in text.chars() {
        match character {
            '\t' => {
                let spaces = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', spaces));
                column += spaces;
            }
            '\n' | '\r' => {
                out.push(character);
                column = 0;
            }
            _ => {
                out.push(character);
                column += 1;
            }
        }
    }
    out
}

/// Each method takes a position and gives what it read with the position behind it, or `None`.
struct Parser<'a> {
    text: &'a str,
    /// The furthest place at which something was missing, and what.
    furthest: usize,
    expected: &'static str,
    /// Alternatives tried. Bounded, since a wrong call is read once for each alternative on each level.
    work: usize,
    depth: usize,
    /// What was read of calls, by their place: what is no template is read again as a call, on each level.
    calls: HashMap<usize, Found<Call>>,
}

type Found<T> = Option<(T, usize)>;

impl Parser<'_> {
    fn expression(&mut self, at: usize) -> Found<Expression> {
        self.work += 1;
        if self.work > limits::MAX_PARSE_WORK || self.depth >= limits::MAX_TARGET_DEPTH {
            self.work = limits::MAX_PARSE_WORK + 1;
            return None;
        }
        self.depth += 1;
        let found = self.piped(at);
        self.depth -= 1;
        found
    }

    fn piped(&mut self, at: usize) -> Found<Expression> {
        let (base, mut end) = self.template_call_or_path(at)?;
        let mut calls = Vec::new();
        while let Some((call, next)) = self.pipe(end) {
            calls.push(call);
            end = next;
        }
        if calls.is_empty() {
            return Some((base, end));
        }
        Some((Expression::Piped { base: Box::new(base), calls }, end))
    }

    fn pipe(&mut self, at: usize) -> Found<Call> {
        let at = self.symbol(at, b'|', "`|`")?;
        self.call(at)
    }

    fn template_call_or_path(&mut self, at: usize) -> Found<Expression> {
        if let Some((template, end)) = self.template(at) {
            return Some((Expression::Template(template), end));
        }
        self.call_or_path(at)
    }

    fn call_or_path(&mut self, at: usize) -> Found<Expression> {
        if let Some((call, end)) = self.call(at) {
            return Some((Expression::Call(call), end));
        }
        self.path(at).map(|(path, end)| (Expression::Path(path), end))
    }

    fn template(&mut self, at: usize) -> Found<Template> {
        let at = self.blanks(at);
        let at = self.text[at..].starts_with("template").then(|| at + "template".len())?;
        let at = self.symbol(at, b'(', "`(`")?;
        self.depth += 1;
        let inner = if self.depth > limits::MAX_TARGET_DEPTH { None } else { self.call_or_path(at) };
        self.depth -= 1;
        let (inner, mut end) = inner?;
        let (mut values, mut named) = (Vec::new(), Vec::new());
        while let Some((value, next)) = self.comma_then(end, Self::unnamed_literal) {
            values.push(value);
            end = next;
        }
        while values.is_empty()
            && let Some((pair, next)) = self.comma_then(end, Self::named_literal)
        {
            named.push(pair);
            end = next;
        }
        let end = self.symbol(end, b')', "`)`")?;
        Some((Template { inner: Box::new(inner), values, named }, end))
    }

    fn call(&mut self, at: usize) -> Found<Call> {
        let start = self.blanks(at);
        if let Some(known) = self.calls.get(&start) {
            return known.clone();
        }
        let found = self.call_at(start);
        self.calls.insert(start, found.clone());
        found
    }

    fn call_at(&mut self, start: usize) -> Found<Call> {
        let (function, at) = self.identifier(start)?;
        let mut end = self.symbol(at, b'(', "`(`")?;
        let (mut arguments, mut keywords) = (Vec::new(), Vec::new());
        let mut keyword = None;
        if let Some((first, next)) = self.argument_or_keyword(end) {
            match first {
                // Keywords alone are no arguments: the original then wants `)` here.
                Argument::Keyword(_) => {}
                Argument::Plain(value) => {
                    arguments.push(value);
                    end = next;
                    while let Some((next_one, next)) = self.comma_then(end, Self::argument_or_keyword) {
                        match next_one {
                            Argument::Plain(value) => arguments.push(value),
                            Argument::Keyword(pair) => {
                                keyword = Some((pair, next));
                                break;
                            }
                        }
                        end = next;
                    }
                }
            }
        }
        if let Some((pair, next)) = keyword {
            keywords.push(pair);
            end = next;
            while let Some((pair, next)) = self.comma_then(end, Self::keyword) {
                keywords.push(pair);
                end = next;
            }
        }
        let end = self.symbol(end, b')', "`,` or `)`")?;
        let source = self.text[start..end].to_owned();
        Some((Call { function, arguments, keywords, source, span: start..end }, end))
    }

    fn comma_then<T>(&mut self, at: usize, then: fn(&mut Self, usize) -> Found<T>) -> Found<T> {
        let at = self.symbol(at, b',', "`,` or `)`")?;
        then(self, at)
    }

    /// The original looks ahead for a keyword before each argument; reading it once is enough.
    fn argument_or_keyword(&mut self, at: usize) -> Found<Argument> {
        if let Some((pair, end)) = self.keyword(at) {
            return Some((Argument::Keyword(pair), end));
        }
        self.argument(at).map(|(value, end)| (Argument::Plain(value), end))
    }

    fn keyword(&mut self, at: usize) -> Found<(String, Expression)> {
        let (name, at) = self.equals(at)?;
        let (value, end) = self.argument(at)?;
        Some(((name, value), end))
    }

    /// `name =`
    fn equals(&mut self, at: usize) -> Found<String> {
        let start = self.blanks(at);
        let (name, at) = self.identifier(start)?;
        // Not a missing piece worth telling: most arguments are no keywords.
        let at = self.blanks(at);
        (self.byte(at) == Some(b'=')).then_some((name, at + 1))
    }

    fn argument(&mut self, at: usize) -> Found<Expression> {
        let literal = |(value, end)| (Expression::Literal(value), end);
        if let Some((value, end)) = self.word(at, "true", Literal::Bool(true)) {
            return Some(literal((value, end)));
        }
        if let Some((value, end)) = self.word(at, "false", Literal::Bool(false)) {
            return Some(literal((value, end)));
        }
        if let Some(found) = self.number(at) {
            return Some(literal(found));
        }
        if let Some(found) = self.word(at, "none", Literal::None) {
            return Some(literal(found));
        }
        if let Some(found) = self.string(at) {
            return Some(literal(found));
        }
        if let Some(found) = self.word(at, "inf", Literal::Infinity) {
            return Some(literal(found));
        }
        self.expression(at)
    }

    fn unnamed_literal(&mut self, at: usize) -> Found<Literal> {
        if self.named_literal(at).is_some() {
            return None;
        }
        self.number_or_string(at)
    }

    fn named_literal(&mut self, at: usize) -> Found<(String, Literal)> {
        let (name, at) = self.equals(at)?;
        let (value, end) = self.number_or_string(at)?;
        Some(((name, value), end))
    }

    fn number_or_string(&mut self, at: usize) -> Found<Literal> {
        if let Some(found) = self.number(at) {
            return Some(found);
        }
        let found = self.string(at);
        if found.is_none() {
            self.missing(at, "a number or a quoted text");
        }
        found
    }

    /// A word in any letter case that is not a part of a longer one.
    fn word(&mut self, at: usize, word: &str, value: Literal) -> Found<Literal> {
        let at = self.blanks(at);
        let end = at + word.len();
        let there = self.text.as_bytes().get(at..end)?.eq_ignore_ascii_case(word.as_bytes());
        let alone = !self.byte(end).is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$');
        (there && alone).then_some((value, end))
    }

    /// `-?digits[.digits][e-?digits]`, when `,`, `)` or the end of a line follows.
    fn number(&mut self, at: usize) -> Found<Literal> {
        let start = self.blanks(at);
        let whole = self.digits_with_sign(start)?;
        let float = (self.byte(whole) == Some(b'.')).then(|| self.digits(whole + 1)).flatten();
        let mantissa = float.unwrap_or(whole);
        if matches!(self.byte(mantissa), Some(b'e' | b'E'))
            && let Some(end) = self.digits_with_sign(mantissa + 1)
            && self.number_may_end(end)
        {
            return Some((Literal::Float(self.float(start..end)), end));
        }
        if let Some(end) = float
            && self.number_may_end(end)
        {
            return Some((Literal::Float(self.float(start..end)), end));
        }
        self.number_may_end(whole).then(|| (self.integer(start..whole), whole))
    }

    fn float(&self, span: Range<usize>) -> f64 {
        self.text[span].parse().unwrap_or(f64::NAN)
    }

    /// Integers beyond 64 bits become floats; the original counts on without end.
    fn integer(&self, span: Range<usize>) -> Literal {
        match self.text[span.clone()].parse() {
            Ok(value) => Literal::Int(value),
            Err(_) => Literal::Float(self.float(span)),
        }
    }

    fn digits_with_sign(&self, at: usize) -> Option<usize> {
        self.digits(at + usize::from(self.byte(at) == Some(b'-')))
    }

    fn digits(&self, at: usize) -> Option<usize> {
        let rest = self.text.as_bytes().get(at..)?;
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count > 0).then_some(at + count)
    }

    fn number_may_end(&self, at: usize) -> bool {
        let line = self.text[at..].trim_start_matches([' ', '\t', '\r']);
        if line.is_empty() || line.starts_with('\n') {
            return true;
        }
        matches!(self.byte(self.blanks(at)), Some(b',' | b')'))
    }

    /// Between quotes, on one line. A doubled quote and a backslash with the character after it do not end it
    /// and both stay as they are; `\x` must be followed by a hexadecimal digit.
    fn string(&mut self, at: usize) -> Found<Literal> {
        let start = self.blanks(at);
        let quote = self.byte(start).filter(|byte| matches!(byte, b'"' | b'\''))?;
        let mut end = start + 1;
        loop {
            match self.byte(end) {
                Some(byte) if byte == quote && self.byte(end + 1) == Some(quote) => end += 2,
                Some(byte) if byte == quote => break,
                Some(b'\\') => end = self.escape(end + 1)?,
                None | Some(b'\n' | b'\r') => {
                    self.missing(end, "a closing quote");
                    return None;
                }
                Some(_) => end += 1,
            }
        }
        Some((Literal::Text(self.text[start + 1..end].to_owned()), end + 1))
    }

    /// Behind the character (or the hexadecimal digits) that follow a backslash.
    fn escape(&self, at: usize) -> Option<usize> {
        let character = self.text[at..].chars().next()?;
        if character != 'x' {
            return Some(at + character.len_utf8());
        }
        let digits = self.text[at + 1..].bytes().take_while(u8::is_ascii_hexdigit).count();
        (digits > 0).then_some(at + 1 + digits)
    }

    fn path(&mut self, at: usize) -> Found<Path> {
        let start = self.blanks(at);
        let mut text = String::new();
        let mut end = self.path_element(start, &mut text);
        if end == start {
            self.missing(start, "a name or a function");
            return None;
        }
        while self.byte(end) == Some(b'.') {
            let length = text.len();
            text.push('.');
            let next = self.path_element(end + 1, &mut text);
            if next == end + 1 {
                text.truncate(length);
                break;
            }
            end = next;
        }
        self.missing(end, "the end of the target, or `|`");
        Some((Path { text, span: start..end }, end))
    }

    /// Pieces and lists as long as there are any.
    fn path_element(&self, at: usize, text: &mut String) -> usize {
        let mut end = at;
        loop {
            let next = self.piece(end, text);
            let next = if next == end { self.list(end, text) } else { next };
            if next == end {
                return end;
            }
            end = next;
        }
    }

    fn piece(&self, at: usize, text: &mut String) -> usize {
        let mut end = at;
        while let Some(byte) = self.byte(end) {
            if byte == b'\\' && self.byte(end + 1).is_some_and(|b| is_symbol(b) || b == b'=') {
                text.push(char::from(self.text.as_bytes()[end + 1]));
                end += 2;
            } else if byte > b' ' && byte != 0x7f && !is_symbol(byte) {
                let run = self.text.as_bytes()[end..].iter();
                let run = run.take_while(|b| **b > b' ' && **b != 0x7f && !is_symbol(**b)).count();
                text.push_str(&self.text[end..end + run]);
                end += run;
            } else {
                break;
            }
        }
        end
    }

    /// `{a,b}`
    fn list(&self, at: usize, text: &mut String) -> usize {
        let length = text.len();
        if self.byte(at) != Some(b'{') {
            return at;
        }
        let mut end = at;
        loop {
            text.push(char::from(self.text.as_bytes()[end]));
            let next = self.piece(end + 1, text);
            if next == end + 1 {
                break;
            }
            match self.byte(next) {
                Some(b',') => end = next,
                Some(b'}') => {
                    text.push('}');
                    return next + 1;
                }
                _ => break,
            }
        }
        text.truncate(length);
        at
    }

    fn identifier(&mut self, at: usize) -> Found<String> {
        let rest = &self.text.as_bytes()[at..];
        let starts = rest.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        starts.then(|| (self.text[at..at + length].to_owned(), at + length))
    }

    /// Behind the symbol.
    fn symbol(&mut self, at: usize, symbol: u8, name: &'static str) -> Option<usize> {
        let at = self.blanks(at);
        if self.byte(at) == Some(symbol) {
            return Some(at + 1);
        }
        self.missing(at, name);
        None
    }

    fn missing(&mut self, at: usize, what: &'static str) {
        if at >= self.furthest {
            (self.furthest, self.expected) = (at, what);
        }
    }

    fn blanks(&self, at: usize) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')).count()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }
}

enum Argument {
    Plain(Expression),
    Keyword((String, Expression)),
}

/// What a path holds only behind a backslash (or, braces and commas, as a list).
fn is_symbol(byte: u8) -> bool {
    b"(){},.'\"\\|".contains(&byte)
}
