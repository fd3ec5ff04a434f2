//! Parameters of a request, as the original reads them: those of the address first, then those of the form;
//! the last of a name counts, except where all do.

use crate::attime::TimeError;
use crate::error::Refusal;
use crate::python::quoted;

#[derive(Clone, Copy)]
pub struct Parameters<'a>(pub &'a [(String, String)]);

impl<'a> Parameters<'a> {
    pub fn get(self, name: &str) -> Option<&'a str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn has(self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn all(self, name: &str) -> Vec<&'a str> {
        self.0.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect()
    }

    /// Python's `bool(parameter)`: there and not empty.
    pub fn is_set(self, name: &str) -> bool {
        self.get(name).is_some_and(|value| !value.is_empty())
    }

    /// A number without sign; anything else counts as not given.
    pub fn digits(self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| value.parse().unwrap_or(u64::MAX))
    }

    /// An integer, or the complaint of `/metrics/find`.
    pub fn integer(self, name: &str, default: i64) -> Result<i64, Refusal> {
        let Some(value) = self.get(name) else { return Ok(default) };
        python_int(value).ok_or_else(|| {
            let shown = quoted(value);
            Refusal::bad_parameters(&format!(
                "Invalid int value {shown} for param {name}: {}",
                not_an_integer(value)
            ))
        })
    }
}

/// Python's `int(text)`.
pub fn python_int(text: &str) -> Option<i64> {
    text.trim().replace('_', "").parse().ok()
}

pub fn not_an_integer(text: &str) -> String {
    format!("invalid literal for int() with base 10: {}", quoted(text))
}

impl From<TimeError> for Refusal {
    fn from(error: TimeError) -> Refusal {
        Refusal::bad_parameters(&error.0)
    }
}
