//! What may be wrong with keys that several types of channels have.

use std::path::PathBuf;

use outbound::Url;

use crate::config::{ChannelConfig, Secret};

/// (key, what is wrong and how to mend it)
pub type Problems = Vec<(&'static str, String)>;

/// An address to post to, which may hold a secret and is not repeated.
pub fn url(channel: &ChannelConfig, problems: &mut Problems) {
    let wrong = channel.url.as_ref().and_then(|url| Url::parse(url.reveal()).err());
    let cure = "this is not an address to post to: write it as \"https://example.org/path\"";
    problems.extend(wrong.map(|_| ("url", cure.to_owned())));
}

pub fn url_is_there(channel: &ChannelConfig, problems: &mut Problems) {
    if channel.url.is_none() {
        let word = super::of(channel.kind).word;
        problems.push(("url", format!("a channel of type {word} needs the address that it posts to")));
    }
}

/// A secret in the file or beside it, not both. `what` it is, if it has to be there.
pub fn secret(
    (key, here): (&'static str, &Option<Secret>),
    (file_key, file): (&'static str, &Option<PathBuf>),
    what: Option<&str>,
    problems: &mut Problems,
) {
    if here.is_some() && file.is_some() {
        problems.push((file_key, format!("`{key}` is set too; write one of them")));
    }
    if let (None, None, Some(what)) = (here, file, what) {
        problems.push((key, format!("this is missing: {what}; or write `{file_key}`")));
    }
}

pub fn token(channel: &ChannelConfig, what: Option<&str>, problems: &mut Problems) {
    secret(("token", &channel.token), ("token_file", &channel.token_file), what, problems);
}

/// What signs what goes out, or what the provider posts to us.
pub fn signing(channel: &ChannelConfig, problems: &mut Problems) {
    let (here, file) = (("secret", &channel.secret), ("secret_file", &channel.secret_file));
    secret(here, file, None, problems);
    if channel.secret.as_ref().is_some_and(|secret| secret.reveal().trim().is_empty()) {
        problems.push(("secret", "this is empty: anybody could sign with it".into()));
    }
}

/// Recipients that are written must be some, each as `is_fine` wants it.
pub fn to(channel: &ChannelConfig, is_fine: fn(&str) -> bool, shape: &str, problems: &mut Problems) {
    if channel.to.as_ref().is_some_and(Vec::is_empty) {
        problems.push(("to", "this names nobody: leave it out, and each contact's own is used".into()));
    }
    let wrong = channel.to.iter().flatten().filter(|to| !is_fine(to));
    problems.extend(wrong.map(|to| ("to", format!("`{}` is not {shape}", to.escape_debug()))));
}
