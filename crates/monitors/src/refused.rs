//! Why something was not done.

use state_store::StateError;

use crate::machine::{ObjectName, Problem, Refusal};

/// Why something was not done; the text says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    NotFound(String),
    Wrong(String),
    /// As things are now.
    Conflict(String),
    /// The disk does not take it.
    NotKept(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Refused::NotFound(text)
        | Refused::Wrong(text)
        | Refused::Conflict(text)
        | Refused::NotKept(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Refused {}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        match refusal {
            Refusal::Wrong(text) => Refused::Wrong(text),
            Refusal::NotFound(text) => Refused::NotFound(text),
            Refusal::NoProblem(text) | Refusal::TooMany(text) => Refused::Conflict(text),
        }
    }
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Refused {
        Refused::NotKept(error.to_string())
    }
}

/// What keeps everything from opening.
#[derive(Debug)]
pub enum OpenError {
    State(StateError),
    Definitions(Vec<Problem>),
}

impl From<StateError> for OpenError {
    fn from(error: StateError) -> OpenError {
        OpenError::State(error)
    }
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::State(error) => error.fmt(f),
            OpenError::Definitions(problems) => {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                f.write_str(&told.join("; "))
            }
        }
    }
}

impl std::error::Error for OpenError {}

/// What is said of a thing that is not there, or that whoever asks is not to know of.
pub fn unknown(name: &ObjectName) -> Refused {
    Refused::NotFound(match name {
        ObjectName::Check(name) => format!("there is no check `{name}`"),
        ObjectName::Host(name) => format!("there is no host `{name}`"),
        ObjectName::Instance(monitor, instance) if instance.is_empty() => {
            format!("there is no monitor `{monitor}`")
        }
        ObjectName::Instance(monitor, instance) => {
            format!("monitor `{monitor}` has no instance `{instance}`")
        }
    })
}

pub(crate) fn plain(name: &ObjectName) -> &str {
    match name {
        ObjectName::Check(name) | ObjectName::Host(name) | ObjectName::Instance(name, _) => name,
    }
}
