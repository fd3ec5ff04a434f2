//! What a check signs in with stands in many keys: headers, bodies, arguments of commands, the queries of URLs. Whoever may not
//! change the check is shown [`HIDDEN`] in their place, and what is written so is no value.

use outbound::HIDDEN;

use super::{CheckConfig, HostConfig};

impl CheckConfig {
    pub fn hide_secrets(&mut self) {
        let steps = self.steps.iter_mut().flat_map(|step| step.headers.values_mut());
        self.headers.values_mut().chain(steps).for_each(hide);
        let bodies = self.steps.iter_mut().filter_map(|step| step.body.as_mut());
        self.body.iter_mut().chain(bodies).chain(&mut self.send).for_each(hide);
        hide_arguments([&mut self.command, &mut self.event_handler]);
        self.arguments.iter_mut().chain(self.variables.values_mut()).for_each(hide);
        let urls = self.steps.iter_mut().map(|step| &mut step.url);
        self.url.iter_mut().chain(urls).for_each(hide_in_url);
    }

    /// The keys in which something was hidden from whoever wrote this.
    pub fn hidden_keys(&self) -> Vec<&'static str> {
        let mut headers =
            self.steps.iter().flat_map(|step| step.headers.values()).chain(self.headers.values());
        let mut bodies = self.steps.iter().filter_map(|step| step.body.as_ref()).chain(&self.body);
        let mut urls = self.steps.iter().map(|step| &step.url).chain(&self.url);
        let is_hidden = |text: &String| text == HIDDEN;
        let found = [
            ("headers", headers.any(is_hidden)),
            ("body", bodies.any(is_hidden)),
            ("send", self.send.iter().any(is_hidden)),
            ("command", self.command.iter().any(is_hidden)),
            ("event_handler", self.event_handler.iter().any(is_hidden)),
            ("arguments", self.arguments.iter().any(is_hidden)),
            ("variables", self.variables.values().any(is_hidden)),
            ("url", urls.any(|url| url.contains(HIDDEN))),
        ];
        found.into_iter().filter(|(_, is_there)| *is_there).map(|(key, _)| key).collect()
    }
}

impl HostConfig {
    pub fn hide_secrets(&mut self) {
        hide_arguments([&mut self.command, &mut self.event_handler]);
        self.variables.values_mut().for_each(hide);
    }
}

/// The program says what is done, its arguments with what.
fn hide_arguments(commands: [&mut Vec<String>; 2]) {
    commands.into_iter().flat_map(|command| command.iter_mut().skip(1)).for_each(hide);
}

fn hide(text: &mut String) {
    HIDDEN.clone_into(text);
}

/// The name and password before the host, and the query.
fn hide_in_url(url: &mut String) {
    if let Some(query) = url.find('?') {
        url.replace_range(query + 1.., HIDDEN);
    }
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url[host..].find(['/', '?']).map_or(url.len(), |length| host + length);
    if let Some(user) = url[host..end].rfind('@') {
        url.replace_range(host..host + user, HIDDEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_secret_in_a_url_is_hidden() {
        let check = |url: &str, shown: &str| {
            let mut url = url.to_owned();
            hide_in_url(&mut url);
            assert_eq!(url, shown);
        };
        check("https://shop.example/a", "https://shop.example/a");
        check("https://shop.example/a?key=s3cret&b=1", "https://shop.example/a?(hidden)");
        check("https://shop.example?s3cret", "https://shop.example?(hidden)");
        check("https://ana:s3c@ret@shop.example/a@b", "https://(hidden)@shop.example/a@b");
        check("", "");
    }

    #[test]
    fn what_a_host_is_asked_with_is_hidden() {
        let text = r#"{"name": "web", "address": "10.0.0.5", "command": ["check_x", "-p", "s3cret"],
            "event_handler": ["mend", "s3cret"], "variables": {"KEY": "s3cret"}}"#;
        let mut host: HostConfig = serde_json::from_str(text).unwrap();
        host.hide_secrets();
        let shown = serde_json::to_string(&host).unwrap();
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(["10.0.0.5", "check_x", "mend"].iter().all(|kept| shown.contains(kept)), "{shown}");
    }

    #[test]
    fn what_was_hidden_is_known_again() {
        let text = r#"{"name": "shop", "command": ["check_x", "-p", "s3cret"], "event_handler": ["mend", "s3cret"],
            "arguments": ["s3cret"], "variables": {"KEY": "s3cret"}, "url": "https://shop.example/?k=s3cret", "send": "s3cret",
            "body": "s3cret", "headers": {"X": "s3cret"},
            "steps": [{"url": "https://a:s3cret@shop.example/", "body": "s3cret", "headers": {"X": "s3cret"}}]}"#;
        let mut check: CheckConfig = serde_json::from_str(text).unwrap();
        assert!(check.hidden_keys().is_empty());
        check.hide_secrets();
        let shown = serde_json::to_string(&check).unwrap();
        assert!(
            !shown.contains("s3cret") && shown.contains("check_x") && shown.contains("shop.example"),
            "{shown}"
        );
        let keys = ["headers", "body", "send", "command", "event_handler", "arguments", "variables", "url"];
        assert_eq!(check.hidden_keys(), keys);
    }
}
