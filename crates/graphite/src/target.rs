//! A target as a tree. What the text of a target may be, [`crate::parse`] says.

use std::ops::Range;

/// One expression. Spans are byte ranges of the text that was parsed.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    Literal(Literal),
    Path(Path),
    Call(Call),
    Template(Template),
    /// `base|f()|g()`, which means `g(f(base))`.
    Piped {
        base: Box<Expression>,
        calls: Vec<Call>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Bool(bool),
    Int(i64),
    Float(f64),
    None,
    Text(String),
    Infinity,
}

/// A pattern of names, with its backslashes taken away.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub text: String,
    pub span: Range<usize>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub function: String,
    pub arguments: Vec<Expression>,
    pub keywords: Vec<(String, Expression)>,
    /// The call as it was written: what a `seriesByTag` is known by.
    pub source: String,
    pub span: Range<usize>,
}

/// `template(inner, 'value', ...)` or `template(inner, name='value', ...)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// A path or a call.
    pub inner: Box<Expression>,
    pub values: Vec<Literal>,
    pub named: Vec<(String, Literal)>,
}

impl Expression {
    /// How deep an evaluation goes: calls within calls, pipes written as such.
    pub fn height(&self) -> usize {
        let of_call = |call: &Call| {
            let keywords = call.keywords.iter().map(|(_, value)| value);
            call.arguments.iter().chain(keywords).map(Expression::height).max().unwrap_or(0)
        };
        match self {
            Expression::Literal(_) | Expression::Path(_) => 1,
            Expression::Call(call) => 1 + of_call(call),
            Expression::Template(template) => 1 + template.inner.height(),
            Expression::Piped { base, calls } => {
                calls.iter().fold(base.height(), |below, call| 1 + below.max(of_call(call)))
            }
        }
    }

    /// The first path in a chain of first arguments: what `aliasByNode(scale(a.b, 2), 1)` counts nodes in.
    /// `Err` if the chain ends at a call without arguments, where graphite-web fails.
    pub fn first_path(&self) -> Result<Option<&str>, EmptyCall> {
        let mut here = self;
        loop {
            here = match here {
                Expression::Path(path) => return Ok(Some(&path.text)),
                Expression::Piped { base, .. } => base,
                Expression::Call(call) => call.arguments.first().ok_or(EmptyCall)?,
                Expression::Literal(_) | Expression::Template(_) => return Ok(None),
            };
        }
    }
}

/// A call without arguments, where one was needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EmptyCall;
