//! What can go wrong with a request, as far as the asker can act on it.

use vocabulary::ports::StoreError;

/// Why a target has no answer. Statuses are graphite-web's: it answers 400 for what it checks itself, and 500
/// for everything that Python stumbles over, such as a text where a number should be.
#[derive(Clone, Debug, PartialEq)]
pub enum EvaluationError {
    /// 400. The asker's mistake, as the original words it.
    Input(InputError),
    /// 500 in the original: what went wrong, in our words.
    Failed(String),
    /// Something asked for more than it may, or was called off, or the disk failed.
    Store(StoreError),
}

/// A mistake and where it was made: `Invalid parameters (what); targets: "..."; func: "..."`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    pub what: String,
    /// The call, with its arguments as Python prints them.
    pub function: Option<String>,
}

impl EvaluationError {
    pub fn input(what: impl Into<String>) -> EvaluationError {
        EvaluationError::Input(InputError { what: what.into(), function: None })
    }

    pub fn failed(what: impl Into<String>) -> EvaluationError {
        EvaluationError::Failed(what.into())
    }
}

impl From<StoreError> for EvaluationError {
    fn from(error: StoreError) -> Self {
        EvaluationError::Store(error)
    }
}

impl From<crate::parse::SyntaxError> for EvaluationError {
    fn from(error: crate::parse::SyntaxError) -> Self {
        EvaluationError::Failed(format!("cannot read the target: {error}"))
    }
}

/// Which setting lets a query take more, if one does.
fn raised_by(what: &str) -> String {
    let key = match what {
        "series" | "nodes" => "max_query_series",
        "points" => "max_query_points",
        "bytes of memory" => "max_query_bytes",
        _ => return String::new(),
    };
    format!(", or raise {key} in [http]")
}

/// An answer that is an error: an HTTP status and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub text: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    /// What the original answers when it checked a parameter itself.
    pub fn bad_parameters(what: &str) -> Refusal {
        Refusal { status: 400, text: format!("Invalid parameters ({what})") }
    }

    /// For an evaluation of these targets.
    pub fn of(error: EvaluationError, targets: &[String]) -> Refusal {
        match error {
            EvaluationError::Input(InputError { what, function }) => {
                let mut text = format!("Invalid parameters ({what})");
                if !targets.is_empty() && targets.iter().any(|target| !target.is_empty()) {
                    text += &format!("; targets: \"{}\"", targets.join(", "));
                }
                if let Some(function) = function {
                    text += &format!("; func: \"{function}\"");
                }
                Refusal { status: 400, text }
            }
            EvaluationError::Failed(text) => Refusal { status: 500, text },
            EvaluationError::Store(error) => Refusal::of_store(&error),
        }
    }

    pub fn of_store(error: &StoreError) -> Refusal {
        let status = match error {
            StoreError::BadQuery(_) | StoreError::TooMuch { .. } => 400,
            StoreError::Deadline => 503,
            // Nobody reads it: the asker went away.
            StoreError::Cancelled => 499,
            StoreError::Disk(_) => 500,
        };
        let mut text = error.to_string();
        if let StoreError::TooMuch { what, .. } = error {
            text += &format!(": narrow the pattern or the time{}", raised_by(what));
        }
        Refusal { status, text }
    }
}
