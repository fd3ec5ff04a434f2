//! From a sender's spelling to the one name that is stored.

use std::borrow::Cow;

use vocabulary::series::{self, NameError};

use super::guard::NameFault;
use super::limits::{DEPTH_MAX, NAME_BYTES_MAX};

/// The canonical name, or why there is none. Beside `vocabulary::series::canonical` this drops empty
/// nodes of untagged names: carbon writes `a..b` and `.a.b` to the file of `a.b`. (It also writes
/// `a.b.` to a file that graphite-web then never shows; here that is `a.b`, too.)
pub(super) fn canonical(spelling: &[u8]) -> Result<Cow<'_, str>, NameFault> {
    if spelling.len() > NAME_BYTES_MAX {
        return Err(NameFault::TooLong);
    }
    let text = std::str::from_utf8(spelling).map_err(|_| NameFault::Form(NameError::NotUtf8))?;
    if text.chars().any(char::is_control) {
        return Err(NameFault::Form(NameError::ControlCharacter));
    }
    let name = series::canonical(text).map_err(NameFault::Form)?;
    if name.contains(';') {
        return Ok(name);
    }
    let name = without_empty_nodes(name);
    if name.is_empty() {
        return Err(NameFault::Form(NameError::Empty));
    }
    if name.split('.').nth(DEPTH_MAX).is_some() {
        return Err(NameFault::TooDeep);
    }
    Ok(name)
}

fn without_empty_nodes(name: Cow<'_, str>) -> Cow<'_, str> {
    if !name.starts_with('.') && !name.ends_with('.') && !name.contains("..") {
        return name;
    }
    let nodes: Vec<&str> = name.split('.').filter(|node| !node.is_empty()).collect();
    Cow::Owned(nodes.join("."))
}
