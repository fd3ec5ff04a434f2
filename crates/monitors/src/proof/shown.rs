//! What is proposed, as a text for everybody who reads the proof: without what checks and hosts sign in with.

use outbound::HIDDEN;

use crate::config::{CheckConfig, Definitions, HostConfig};

/// A file for `conf.d`, with these words before it.
pub(super) fn file(words: &str, mut all: Definitions) -> String {
    all.checks.iter_mut().for_each(CheckConfig::hide_secrets);
    all.hosts.iter_mut().for_each(HostConfig::hide_secrets);
    // Definitions are read from such text, so that they can be written as it.
    let body = toml::to_string(&all).unwrap_or_default();
    let hint = format!("# Secrets are not shown: put them back where `{HIDDEN}` stands.\n");
    match body.contains(HIDDEN) && !words.contains(&hint) {
        true => format!("{words}{hint}{body}"),
        false => format!("{words}{body}"),
    }
}

/// The same of a file that was kept before all of them were hidden in it. What cannot be read any more is left out.
pub fn without_secrets(file_shown: &str) -> String {
    let words: usize =
        file_shown.split_inclusive('\n').take_while(|line| line.starts_with('#')).map(str::len).sum();
    let (words, body) = file_shown.split_at(words);
    match toml::from_str(body) {
        Ok(all) => file(words, all),
        Err(_) => format!("{words}# What stood here cannot be read any more: ask for a new proof.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "# check:shop: asks twice\n";
    const SECRET: &str = r#"
        [[check]]
        name = "shop"
        type = "http"
        url = "https://shop.example/?key=s3cret"
        headers = { "Authorization" = "Bearer s3cret" }
        [[host]]
        name = "web"
        command = ["check_x", "-p", "s3cret"]
    "#;

    #[test]
    fn nobody_reads_what_checks_and_hosts_sign_in_with() {
        let made = file(WORDS, toml::from_str(SECRET).unwrap());
        assert!(!made.contains("s3cret") && made.starts_with(WORDS), "{made}");
        assert!(made.contains("put them back") && made.contains("shop.example"), "{made}");
        assert_eq!(without_secrets(&made), made, "as it was");
        assert_eq!(without_secrets(&format!("{WORDS}{SECRET}")), made, "kept from before");
        let plain = file(WORDS, toml::from_str("[[check]]\nname = \"disk\"").unwrap());
        assert!(!plain.contains("Secrets") && plain.contains("disk"), "{plain}");
        let gone = without_secrets(&format!("{WORDS}[[check]]\nno_such_key = \"s3cret\""));
        assert!(
            gone.starts_with(WORDS) && !gone.contains("s3cret") && gone.contains("a new proof"),
            "{gone}"
        );
    }
}
