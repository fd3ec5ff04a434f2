//! Object literals of JavaScript, as configuration files of Node programs are: comments, bare keys, single
//! quotes, commas too many. Nothing is evaluated: what is not a literal comes back as its text.

use std::fmt;

use crate::js_number;

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text(String),
    Number(f64),
    Truth(bool),
    /// `null` or `undefined`.
    Nothing,
    List(Vec<Literal>),
    Object(Vec<Property>),
    /// What would have to be evaluated, as written.
    Expression(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    pub key: String,
    pub value: Literal,
    /// From 1.
    pub line: usize,
}

/// The text is not an object literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiteralError {
    pub line: usize,
    pub why: &'static str,
}

impl fmt::Display for LiteralError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for LiteralError {}

/// Deeper literals are refused, so that they cannot exhaust the stack.
const DEEPEST: usize = 64;

/// Longer texts are refused: no configuration is, and lines are counted anew for each property.
const LONGEST: usize = 1 << 18;

/// Read `{ ... }`, which may end with a semicolon.
pub fn read_object(text: &str) -> Result<Vec<Property>, LiteralError> {
    if text.len() > LONGEST {
        return Err(LiteralError { line: 1, why: "it is longer than 256 KiB" });
    }
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.skip_blanks()?;
    if !reader.take('{') {
        return Err(reader.error("there is no `{` at the start"));
    }
    let properties = reader.properties()?;
    reader.skip_blanks()?;
    reader.take(';');
    reader.skip_blanks()?;
    if reader.rest().is_empty() {
        Ok(properties)
    } else {
        Err(reader.error("something stands behind the last `}`"))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    fn line_at(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }

    fn error(&self, why: &'static str) -> LiteralError {
        LiteralError { line: self.line_at(self.at), why }
    }

    /// White space and comments.
    fn skip_blanks(&mut self) -> Result<(), LiteralError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches(js_number::is_space);
            self.at += rest.len() - trimmed.len();
            if let Some(comment) = trimmed.strip_prefix("/*") {
                let length = comment.find("*/").ok_or_else(|| self.error("a comment has no end"))?;
                self.at += length + 4;
            } else if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else {
                return Ok(());
            }
        }
    }

    /// Behind the `{`.
    fn properties(&mut self) -> Result<Vec<Property>, LiteralError> {
        let mut properties = Vec::new();
        loop {
            self.skip_blanks()?;
            if self.take('}') {
                return Ok(properties);
            }
            let line = self.line_at(self.at);
            let key = self.key()?;
            self.skip_blanks()?;
            if !self.take(':') {
                return Err(self.error("there is no `:` behind a key"));
            }
            let value = self.value()?;
            properties.push(Property { key, value, line });
            if !self.take(',') && self.peek() != Some('}') {
                return Err(self.error("there is no `,` behind a value"));
            }
        }
    }

    fn key(&mut self) -> Result<String, LiteralError> {
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            return self.text_literal(quote);
        }
        let word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
        let length = self.rest().find(|character| !word(character)).unwrap_or(self.rest().len());
        if length == 0 {
            return Err(self.error("there is no key"));
        }
        let key = self.rest()[..length].to_owned();
        self.at += length;
        Ok(key)
    }

    /// A value and the blanks around it, up to the `,` or bracket behind it.
    fn value(&mut self) -> Result<Literal, LiteralError> {
        self.skip_blanks()?;
        let start = self.at;
        let literal = self.literal()?;
        self.skip_blanks()?;
        if literal.is_some() && matches!(self.peek(), Some(',' | '}' | ']') | None) {
            return Ok(literal.unwrap_or(Literal::Nothing));
        }
        self.at = start;
        self.skip_expression()?;
        match self.text[start..self.at].trim_end() {
            "" => Err(self.error("there is no value")),
            text => Ok(Literal::Expression(text.to_owned())),
        }
    }

    fn literal(&mut self) -> Result<Option<Literal>, LiteralError> {
        Ok(Some(match self.peek() {
            Some(quote @ ('"' | '\'' | '`')) => Literal::Text(self.text_literal(quote)?),
            Some('{') => self.nested(|reader| reader.properties().map(Literal::Object))?,
            Some('[') => self.nested(|reader| reader.list().map(Literal::List))?,
            _ => return Ok(self.word()),
        }))
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Literal, LiteralError>,
    ) -> Result<Literal, LiteralError> {
        if self.depth == DEEPEST {
            return Err(self.error("it is nested too deep"));
        }
        self.depth += 1;
        self.at += 1;
        let literal = read(self);
        self.depth -= 1;
        literal
    }

    /// Behind the `[`.
    fn list(&mut self) -> Result<Vec<Literal>, LiteralError> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks()?;
            if self.take(']') {
                return Ok(items);
            }
            items.push(self.value()?);
            if !self.take(',') && self.peek() != Some(']') {
                return Err(self.error("there is no `,` behind a value"));
            }
        }
    }

    /// A number, a truth value, nothing; or not a literal.
    fn word(&mut self) -> Option<Literal> {
        let part = |character: char| character.is_alphanumeric() || "._+-$".contains(character);
        let length = self.rest().find(|character| !part(character)).unwrap_or(self.rest().len());
        let word = &self.rest()[..length];
        let literal = match word {
            "true" => Literal::Truth(true),
            "false" => Literal::Truth(false),
            "null" | "undefined" => Literal::Nothing,
            "" => return None,
            _ => Literal::Number(js_number::read(word.as_bytes())?),
        };
        self.at += length;
        Some(literal)
    }

    fn text_literal(&mut self, quote: char) -> Result<String, LiteralError> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let character =
                self.peek().ok_or(LiteralError { line: self.line_at(start), why: "a text has no end" })?;
            self.at += character.len_utf8();
            match character {
                '\\' => self.escaped(&mut text)?,
                _ if character == quote => return Ok(text),
                '\n' if quote != '`' => {
                    return Err(LiteralError { line: self.line_at(start), why: "a text has no end" });
                }
                _ => text.push(character),
            }
        }
    }

    /// Behind the backslash.
    fn escaped(&mut self, text: &mut String) -> Result<(), LiteralError> {
        let character = self.peek().ok_or_else(|| self.error("a text has no end"))?;
        self.at += character.len_utf8();
        match character {
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'v' => text.push('\u{b}'),
            '0' => text.push('\0'),
            '\n' => {}
            'x' => text.push(self.code(2)?),
            'u' => text.push(self.code(4)?),
            other => text.push(other),
        }
        Ok(())
    }

    fn code(&mut self, digits: usize) -> Result<char, LiteralError> {
        let code = self.rest().get(..digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let character =
            code.and_then(char::from_u32).ok_or_else(|| self.error("an escape is not a character"))?;
        self.at += digits;
        Ok(character)
    }

    /// To the comma or bracket that ends a value which must be evaluated.
    fn skip_expression(&mut self) -> Result<(), LiteralError> {
        let mut open = 0usize;
        loop {
            self.skip_blanks()?;
            match self.peek() {
                None => return Ok(()),
                Some(',' | '}' | ']' | ')') if open == 0 => return Ok(()),
                Some(quote @ ('"' | '\'' | '`')) => drop(self.text_literal(quote)?),
                Some(character) => {
                    match character {
                        '(' | '[' | '{' => open += 1,
                        ')' | ']' | '}' => open -= 1,
                        _ => {}
                    }
                    self.at += character.len_utf8();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(properties: &[Property]) -> String {
        let pairs = properties
            .iter()
            .map(|property| format!("{}@{}={}", property.key, property.line, value_shown(&property.value)));
        pairs.collect::<Vec<_>>().join(" ")
    }

    fn value_shown(value: &Literal) -> String {
        match value {
            Literal::Text(text) => format!("{text:?}"),
            Literal::Number(number) => number.to_string(),
            Literal::Truth(truth) => truth.to_string(),
            Literal::Nothing => "nothing".into(),
            Literal::List(items) => {
                format!("[{}]", items.iter().map(value_shown).collect::<Vec<_>>().join(" "))
            }
            Literal::Object(properties) => format!("{{{}}}", shown(properties)),
            Literal::Expression(text) => format!("<{text}>"),
        }
    }

    #[test]
    fn literals() {
        let check = |text: &str, wanted: &str| {
            assert_eq!(
                read_object(text).map(|properties| shown(&properties)).as_deref(),
                Ok(wanted),
                "{text}"
            );
        };
        check("{}", "");
        check("// c\n/* a\n */ { a: 1\n, 'b': \"x\" };\n", "a@3=1 b@4=\"x\"");
        check(
            "{a:-1.5e3, b:0x10, c: true, d: null, e: undefined,}",
            "a@1=-1500 b@1=16 c@1=true d@1=nothing e@1=nothing",
        );
        check("{a: [1, 'x', [], {b: 2},], c: {}}", "a@1=[1 \"x\" [] {b@1=2}] c@1={}");
        check("{a: 'it\\'s \\u00e9\\n', b: `t`}", "a@1=\"it's é\\n\" b@1=\"t\"");
        check(
            "{ a: require('os').hostname().split('.')[0], b: process.env.X || 8125, c: 10 * 1000, d: 'x' + 'y'}",
            "a@1=<require('os').hostname().split('.')[0]> b@1=<process.env.X || 8125> c@1=<10 * 1000> d@1=<'x' + 'y'>",
        );
        check(
            "{a: function() { return {b: 1, c: '}'}; }, d: 1}",
            "a@1=<function() { return {b: 1, c: '}'}; }> d@1=1",
        );
        check("{a: 1 // one, or two\n, b: /* two */ 2}", "a@1=1 b@2=2");
    }

    #[test]
    fn what_is_not_an_object_literal() {
        for (text, line) in [
            ("", 1),
            ("[]", 1),
            ("{\n\na 1}", 3),
            ("{\n/* no end", 2),
            ("{\na: 'no end\n'}", 2),
            ("{a: 1} + 2", 1),
            ("{a: 1", 1),
            ("{: 1}", 1),
            ("{a: }", 1),
            ("{a: [,]}", 1),
            ("{a: '\\xzz'}", 1),
        ] {
            assert_eq!(read_object(text).map_err(|error| error.line), Err(line), "{text}");
        }
        let deep = format!("{{a: {}", "[".repeat(100_000));
        assert!(read_object(&deep).is_err());
    }
}
