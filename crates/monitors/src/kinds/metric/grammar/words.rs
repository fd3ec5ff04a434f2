//! The text as words, and what all rules of the grammar need: what comes next, names, durations, mistakes.

use vocabulary::time::HumanDuration;

use super::super::condition::Name;
use super::Mistake;
use crate::limits::MAX_WINDOW_SECONDS;

pub(super) struct Token<'a> {
    pub text: &'a str,
    pub start: usize,
}

/// Words and numbers with what sticks to them; brackets, comparisons and signs for themselves.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return tokens };
        let length = match first {
            '>' | '<' | '=' | '!' => 1 + usize::from(rest[1..].starts_with('=')),
            '(' | ')' | '±' | '≥' | '≤' => first.len_utf8(),
            _ => {
                let ends = |c: char| c.is_whitespace() || "()<>=!±≥≤".contains(c);
                rest.find(ends).unwrap_or(rest.len())
            }
        };
        tokens.push(Token { text: &rest[..length], start: text.len() - rest.len() });
        rest = &rest[length..];
    }
}

pub(super) struct Parser<'a> {
    pub tokens: Vec<Token<'a>>,
    pub at: usize,
    pub text: &'a str,
    pub names: &'a [&'a str],
    pub depth: usize,
    pub clauses: usize,
}

pub(super) type Read<T> = Result<T, Mistake>;

impl<'a> Parser<'a> {
    pub(super) fn peek(&self) -> Option<&'a str> {
        self.tokens.get(self.at).map(|token| token.text)
    }

    pub(super) fn next(&mut self) -> Option<&'a str> {
        let token = self.peek();
        self.at += usize::from(token.is_some());
        token
    }

    pub(super) fn is(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.eq_ignore_ascii_case(word))
    }

    pub(super) fn take(&mut self, word: &str) -> bool {
        let taken = self.is(word);
        self.at += usize::from(taken);
        taken
    }

    pub(super) fn expect(&mut self, word: &str, example: &str) -> Read<()> {
        match self.take(word) {
            true => Ok(()),
            false => Err(self.mistake(format!("`{word}` is missing here: write it as in `{example}`"))),
        }
    }

    /// About the token that is next.
    pub(super) fn mistake(&self, message: impl Into<String>) -> Mistake {
        let (start, end) = match self.tokens.get(self.at) {
            Some(token) => (token.start, token.start + token.text.len()),
            None => (self.text.len(), self.text.len()),
        };
        let characters = |byte: usize| self.text.get(..byte).map_or(0, |before| before.chars().count());
        Mistake { message: message.into(), start: characters(start), end: characters(end) }
    }

    /// About the token that was just taken.
    pub(super) fn mistake_before(&mut self, message: impl Into<String>) -> Mistake {
        self.at = self.at.saturating_sub(1);
        self.mistake(message)
    }

    pub(super) fn mistake_at_end(&self, message: &str) -> Mistake {
        let end = self.at.saturating_sub(1);
        let token = &self.tokens[end.min(self.tokens.len() - 1)];
        let characters = |byte: usize| self.text.get(..byte).map_or(0, |before| before.chars().count());
        Mistake {
            message: message.into(),
            start: characters(token.start),
            end: characters(token.start + token.text.len()),
        }
    }

    pub(super) fn unknown(&mut self, word: &str) -> Mistake {
        let message = match self.names {
            [] => format!(
                "`{word}` is not known here: write a comparison such as `> 300`, or `avg over 5m > 300`, `no point for 60s`; other series must be named in the monitor's `series`"
            ),
            names => format!("there is no series `{word}`: the monitor has {}", names.join(", ")),
        };
        self.mistake_before(message)
    }

    /// The series that a word names.
    pub(super) fn name_of(&self, word: &str) -> Option<Name> {
        if word.eq_ignore_ascii_case("value") {
            return Some(Name::default());
        }
        self.names.iter().find(|name| **name == word).map(|name| Name((*name).to_owned()))
    }

    pub(super) fn name(&mut self) -> Read<Name> {
        match self.next() {
            None => Err(self.mistake("the name of a series is missing here")),
            Some(word) => match self.name_of(word) {
                Some(name) => Ok(name),
                None => Err(self.unknown(word)),
            },
        }
    }

    pub(super) fn duration(&mut self) -> Read<i64> {
        const HINT: &str = "write a number and a unit (s, min, h, d, w), such as `5m`";
        let Some(word) = self.next() else { return Err(self.mistake(format!("how long? {HINT}"))) };
        let Ok(duration) = word.parse::<HumanDuration>() else {
            return Err(self.mistake_before(format!("`{word}` is not a duration: {HINT}")));
        };
        let seconds = duration.0.as_secs();
        if seconds == 0 || duration.0.subsec_nanos() != 0 {
            return Err(self.mistake_before(format!("`{word}` must be whole seconds, one at least")));
        }
        match i64::try_from(seconds).ok().filter(|seconds| *seconds <= MAX_WINDOW_SECONDS) {
            Some(seconds) => Ok(seconds),
            None => {
                let most = HumanDuration::from_secs(MAX_WINDOW_SECONDS as u64);
                Err(self.mistake_before(format!("`{word}` is longer than {most}, the longest there is")))
            }
        }
    }
}
