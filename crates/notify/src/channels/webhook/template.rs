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

    #[test]
    fn ready_forms_are_json_whatever_is_told() {
        let mut nasty = sample();
        for key in ["headline", "name", "title", "output", "text", "playbook", "instance"] {
            nasty[key] = json!("a \"quote\" \\ {{ x }} <b>\nline\u{1}");
        }
        let mut over = sample();
        (over["event"], over["until"], over["acknowledge"], over["playbook"]) =
            (json!("recovery"), json!(1_700_000_100), Value::Null, Value::Null);
        for format in
            [Format::Teams, Format::Discord, Format::Mattermost, Format::Gotify, Format::Alertmanager]
        {
            for page in [sample(), nasty.clone(), over.clone()] {
                let body = Template::new(format.text()).and_then(|template| template.render(&page));
                let body = body.unwrap_or_else(|why| panic!("{format:?}: {why}"));
                let read: Value =
                    serde_json::from_str(&body).unwrap_or_else(|why| panic!("{format:?}: {why}: {body}"));
                let words = page["headline"].as_str().unwrap();
                let said = format!("{read}");
                assert!(
                    said.contains(words.lines().next().unwrap().trim_start_matches("a \""))
                        || said.contains("quote"),
                    "{said}"
                );
            }
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
