//! Bodies of webhooks in other forms: ready ones, and templates of yours. A template sees what the usual body holds.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::limits::TEMPLATE_BYTES;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Teams,
    Discord,
    Mattermost,
    Gotify,
    /// What Alertmanager posts to its webhooks.
    Alertmanager,
}

impl Format {
    /// A room, which may be empty.
    pub fn is_chat(self) -> bool {
        matches!(self, Format::Teams | Format::Discord | Format::Mattermost)
    }

    pub fn text(self) -> &'static str {
        match self {
            Format::Teams => include_str!("templates/teams.json"),
            Format::Discord => include_str!("templates/discord.json"),
            Format::Mattermost => include_str!("templates/mattermost.json"),
            Format::Gotify => include_str!("templates/gotify.json"),
            Format::Alertmanager => include_str!("templates/alertmanager.json"),
        }
    }
}

pub struct Template(Environment<'static>);

const NAME: &str = "body";

impl Template {
    /// Or the line and what is wrong with it.
    pub fn new(text: &str) -> Result<Template, String> {
        let mut environment = Environment::new();
        // A name that is not known is a mistake of the template, not an empty place in a page.
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.add_template_owned(NAME, text.to_owned()).map_err(told)?;
        Ok(Template(environment))
    }

    pub fn render(&self, page: &Value) -> Result<String, String> {
        let template = self.0.get_template(NAME).map_err(told)?;
        let body = template.render(page).map_err(told)?;
        match body.len() > TEMPLATE_BYTES {
            true => Err(format!("what the template makes is longer than {TEMPLATE_BYTES} bytes")),
            false => Ok(body),
        }
    }
}

fn told(error: minijinja::Error) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    format!("{line}{}{detail}", error.kind())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::channels::webhook::body::sample;

    const READY: [Format; 5] =
        [Format::Teams, Format::Discord, Format::Mattermost, Format::Gotify, Format::Alertmanager];

    /// All texts of what a form makes of a page, one below the other.
    fn texts(format: Format, page: &Value) -> String {
        fn all(of: &Value, found: &mut Vec<String>) {
            match of {
                Value::String(text) => found.push(text.clone()),
                Value::Array(items) => items.iter().for_each(|item| all(item, found)),
                Value::Object(items) => items.values().for_each(|item| all(item, found)),
                _ => {}
            }
        }
        let body = Template::new(format.text()).and_then(|template| template.render(page));
        let body = body.unwrap_or_else(|why| panic!("{format:?}: {why}"));
        let read: Value =
            serde_json::from_str(&body).unwrap_or_else(|why| panic!("{format:?}: {why}: {body}"));
        let mut found = Vec::new();
        all(&read, &mut found);
        found.join("\n")
    }

    #[test]
    fn ready_forms_say_what_is_wrong_how_to_acknowledge_and_what_to_do() {
        for format in READY {
            let said = texts(format, &sample());
            for part in [
                "CRITICAL: api-latency (2 instances)",
                "https://bell.example/a/TOKEN",
                "https://wiki.example/api",
            ] {
                assert!(said.contains(part), "{format:?}: no `{part}` in {said}");
            }
        }
    }

    #[test]
    fn ready_forms_say_that_it_is_over_and_offer_no_acknowledgement() {
        let mut over = sample();
        for (key, what) in [
            ("event", json!("recovery")),
            ("state", json!("OK")),
            ("headline", json!("over, OK: api-latency")),
            ("text", json!("over, OK: api-latency")),
            ("until", json!(1_700_000_400)),
            ("until_utc", json!("2023-11-14T22:20:00Z")),
            ("acknowledge", Value::Null),
            ("graph", Value::Null),
            ("playbook", Value::Null),
        ] {
            over[key] = what;
        }
        for format in READY {
            let said = texts(format, &over);
            assert!(said.contains("over, OK: api-latency"), "{format:?}: {said}");
            assert!(!said.contains("TOKEN") && !said.contains("SEEN"), "{format:?}: {said}");
        }
    }

    #[test]
    fn ready_forms_are_json_whatever_is_told() {
        let nasty = "a \"quote\" \\ {{ x }} <b>\nline\u{1}";
        let mut page = sample();
        for key in ["headline", "name", "title", "output", "text", "playbook", "instance"] {
            page[key] = json!(nasty);
        }
        for format in READY {
            let said = texts(format, &page);
            assert!(said.contains(nasty), "{format:?}: {said}");
        }
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let check = |text: &str, wanted: &str| {
            let why = Template::new(text).and_then(|template| template.render(&sample())).unwrap_err();
            assert!(why.contains(wanted), "{why}");
        };
        check("{{ headline }}\n{{ nobody }}", "line 2: ");
        check("{% if %}", "line 1: ");
        check("{% for x in range(9000) %}{{ headline }}{% endfor %}", "longer than");
        assert_eq!(
            Template::new("{{ state }} {{ name }}").unwrap().render(&sample()).unwrap(),
            "CRITICAL api-latency"
        );
    }
}
