//! The two that are asked the same.

use std::collections::HashMap;

use axum::body::Bytes;
use serde::de::DeserializeOwned;

use super::original::{Kind, Original, Trouble};
use super::raw::{self, Row};
use crate::client::{Server, encode};

/// So many single series in a row that are refused are no accident of their names.
const MAX_REFUSED_IN_A_ROW: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Theirs,
    Ours,
}

pub struct Sides {
    pub theirs: Original,
    pub ours: Server,
}

/// What is asked for, the same for both: nothing depends on when the question arrives.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub from: i64,
    pub until: i64,
    pub now: i64,
}

impl Window {
    /// graphite-web's memory of answers does not know `now`: without `noCache` the answer to another archive comes.
    pub fn form(self) -> String {
        format!("from={}&until={}&now={}&noCache=1", self.from, self.until, self.now)
    }
}

/// Rows by name, and the series that one side will not answer for, with its words.
#[derive(Default)]
pub struct Rows {
    pub rows: HashMap<String, Row>,
    pub refused: Vec<(String, String)>,
}

impl Sides {
    pub async fn ask(
        &mut self,
        which: Which,
        path: &str,
        form: Option<String>,
        kind: Kind,
    ) -> Result<Bytes, Trouble> {
        match which {
            Which::Theirs => self.theirs.ask(path, form, kind).await,
            Which::Ours => {
                let asked = self.ours.ask_graphite(path, form).await;
                let (status, body) = asked.map_err(|failure| Trouble::Away(failure.message))?;
                if status.is_success() {
                    return Ok(body);
                }
                let text = String::from_utf8_lossy(&body).trim().to_owned();
                Err(match status.as_u16() {
                    401 | 403 => Trouble::Elsewhere(format!(
                        "Bellwether: {text} (BELLWETHER_TOKEN needs the role viewer)"
                    )),
                    status => Trouble::Refused { status, text },
                })
            }
        }
    }

    /// The stored points of series. What is refused together is asked in halves, down to the one at fault.
    pub async fn raw(&mut self, which: Which, names: &[&str], window: Window) -> Result<Rows, Trouble> {
        let mut found = Rows::default();
        let mut ahead = vec![names];
        let mut in_a_row = 0;
        while let Some(names) = ahead.pop() {
            if names.is_empty() {
                continue;
            }
            let targets: String =
                names.iter().map(|name| format!("&target={}", encode(&target(name)))).collect();
            let form = format!("format=raw&{}{targets}", window.form());
            match self.ask(which, "/render", Some(form), Kind::Raw).await {
                Ok(body) => {
                    let rows = raw::read(&body).map_err(Trouble::Elsewhere)?;
                    found.rows.extend(rows);
                    in_a_row = 0;
                }
                Err(Trouble::Refused { .. } | Trouble::TooMuch(_)) if names.len() > 1 => {
                    let (left, right) = names.split_at(names.len() / 2);
                    ahead.extend([right, left]);
                }
                Err(trouble @ (Trouble::Refused { .. } | Trouble::TooMuch(_))) => {
                    in_a_row += 1;
                    if in_a_row > MAX_REFUSED_IN_A_ROW {
                        return Err(Trouble::Away(trouble.to_string()));
                    }
                    found.refused.push((names[0].to_owned(), trouble.to_string()));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(found)
    }
}

/// graphite-web writes infinity as a number that is too large for others: here it becomes the largest that is not.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    let text = String::from_utf8_lossy(body).replace("1e9999", "1.7976931348623157e308");
    serde_json::from_str(&text)
        .map_err(|error| Trouble::Elsewhere(format!("an answer cannot be read: {error}")))
}

/// Can both be asked for exactly this name? graphite-web has no way to quote what stands for other characters in a
/// pattern, and reads ASCII only.
pub fn can_be_asked(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic() && !b"*?[]{}\\".contains(&byte))
}

/// A name as a path in a target.
pub fn target(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for character in name.chars() {
        if matches!(character, '(' | ')' | ',' | '\'' | '"' | '|') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_targets_of_themselves() {
        assert_eq!(target("disk.C(root),a;b=c"), "disk.C\\(root\\)\\,a;b=c");
        for (name, can) in
            [("a.b-c;d=e", true), ("a.[b]", false), ("a b", false), ("ü", false), ("a*", false)]
        {
            assert_eq!(can_be_asked(name), can, "{name}");
        }
    }
}
