//! What people say about an error: in the dialog of a page, in an item of the old form, or in an event of the new one.

use vocabulary::error::EventId;

use super::json::{self, Limits, Malformed, Tree};
use super::limits::{DIALOG_EMAIL_CHARS, REPORT_CHARS, REPORTER_EMAIL_CHARS, REPORTER_NAME_CHARS};
use super::query;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserReport {
    /// The event that it is about.
    pub event: Option<EventId>,
    pub name: String,
    pub email: String,
    pub comments: String,
    /// The page that it was sent from.
    pub url: Option<String>,
}

/// A field of the dialog, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadField {
    pub field: &'static str,
    pub why: String,
}

/// An item `user_report`. The envelope's event is taken where the report names none.
pub fn read(bytes: &[u8]) -> Result<UserReport, Malformed> {
    let tree = json::read(bytes, &Limits::default())?;
    let report = UserReport {
        event: event(tree.get("event_id"))?,
        name: text(&tree, "name", REPORTER_NAME_CHARS),
        email: text(&tree, "email", REPORTER_EMAIL_CHARS),
        comments: text(&tree, "comments", REPORT_CHARS),
        url: None,
    };
    said(report)
}

/// An event of type `feedback`: what is said is in `contexts.feedback`.
pub fn of_event(tree: &Tree<'_>) -> Result<UserReport, Malformed> {
    let said_in = tree.at(&["contexts", "feedback"]);
    let feedback = said_in.ok_or_else(|| Malformed::new(0, "a feedback has no contexts.feedback"))?;
    let report = UserReport {
        event: event(feedback.get("associated_event_id"))?,
        name: text(feedback, "name", REPORTER_NAME_CHARS),
        email: text(feedback, "contact_email", REPORTER_EMAIL_CHARS),
        comments: text(feedback, "message", REPORT_CHARS),
        url: Some(text(feedback, "url", REPORT_CHARS)).filter(|url| !url.is_empty()),
    };
    said(report)
}

/// The form that the dialog posts. Its event is in the URL.
pub fn of_form(event: EventId, form: &str) -> Result<UserReport, Vec<BadField>> {
    let mut bad = Vec::new();
    let mut field = |field: &'static str, chars_max: usize| {
        let text = query::get(form, field).map(|text| text.trim().to_owned()).unwrap_or_default();
        let mut refuse = |why: String| bad.push(BadField { field, why });
        match text.chars().count() {
            0 => refuse("this field is required".into()),
            chars if chars > chars_max => refuse(format!("{chars} characters, and {chars_max} are the most")),
            _ => {}
        }
        text
    };
    let name = field("name", REPORTER_NAME_CHARS);
    let email = field("email", DIALOG_EMAIL_CHARS);
    let comments = field("comments", REPORT_CHARS);
    if !email.is_empty() && !looks_like_mail(&email) {
        bad.push(BadField { field: "email", why: "this is no address for mail".into() });
    }
    if !bad.is_empty() {
        return Err(bad);
    }
    Ok(UserReport { event: Some(event), name, email, comments, url: None })
}

fn looks_like_mail(text: &str) -> bool {
    let sound = |part: &str| !part.is_empty() && !part.contains(|letter: char| letter.is_whitespace());
    text.split_once('@').is_some_and(|(who, host)| sound(who) && sound(host) && !host.contains('@'))
}

fn said(report: UserReport) -> Result<UserReport, Malformed> {
    if report.comments.is_empty() {
        return Err(Malformed::new(0, "a report of a user says nothing"));
    }
    Ok(report)
}

fn event(tree: Option<&Tree<'_>>) -> Result<Option<EventId>, Malformed> {
    let text = tree.and_then(Tree::text).filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|why: String| Malformed::new(0, why))).transpose()
}

/// Cut, not refused: nobody is there to be told.
fn text(tree: &Tree<'_>, key: &str, chars_max: usize) -> String {
    let text = tree.get(key).and_then(Tree::text).unwrap_or_default().trim();
    text.chars().take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9ec79c33ec9942ab8353589fcb2e04dc";

    fn id() -> EventId {
        ID.parse().unwrap()
    }

    #[test]
    fn the_old_item() {
        let payload = format!(
            "{{\"event_id\":\"{ID}\",\"name\":\" Jo \",\"email\":\"jo@x.example\",\"comments\":\"It broke\"}}"
        );
        let report = read(payload.as_bytes()).unwrap();
        assert_eq!(
            (report.event, report.name.as_str(), report.comments.as_str()),
            (Some(id()), "Jo", "It broke")
        );
        let long = format!("{{\"comments\":\"{}\"}}", "ä".repeat(REPORT_CHARS + 1));
        assert_eq!(read(long.as_bytes()).unwrap().comments.chars().count(), REPORT_CHARS);
        assert!(read(b"{\"comments\":\" \"}").unwrap_err().why.contains("says nothing"));
        assert!(read(b"{\"event_id\":\"x\",\"comments\":\"a\"}").is_err());
    }

    #[test]
    fn the_new_event() {
        let payload = format!(
            "{{\"contexts\":{{\"feedback\":{{\"message\":\"Slow\",\"contact_email\":\"jo@x.example\",\
             \"associated_event_id\":\"{ID}\",\"url\":\"https://shop.example/\"}}}}}}"
        );
        let report = of_event(&json::read(payload.as_bytes(), &Limits::default()).unwrap()).unwrap();
        assert_eq!((report.event, report.email.as_str()), (Some(id()), "jo@x.example"));
        assert_eq!(
            (report.comments.as_str(), report.url.as_deref()),
            ("Slow", Some("https://shop.example/"))
        );
        assert!(of_event(&Tree::Map(Vec::new())).is_err());
    }

    #[test]
    fn the_dialog() {
        let report = of_form(id(), "name=Jo+D&email=jo%40x.example&comments=It%20broke%0aagain").unwrap();
        assert_eq!((report.event, report.name.as_str()), (Some(id()), "Jo D"));
        assert_eq!((report.email.as_str(), report.comments.as_str()), ("jo@x.example", "It broke\nagain"));
        let fields =
            |form: &str| of_form(id(), form).unwrap_err().iter().map(|bad| bad.field).collect::<Vec<_>>();
        assert_eq!(fields(""), ["name", "email", "comments"]);
        assert_eq!(fields("name=a&email=b&comments=c"), ["email"]);
        assert_eq!(fields(&format!("name={}&email=a@b&comments=c", "x".repeat(129))), ["name"]);
        let mail = |chars: usize| format!("name=a&email={}@b.example&comments=c", "x".repeat(chars - 10));
        assert!(of_form(id(), &mail(75)).is_ok());
        assert_eq!(fields(&mail(76)), ["email"]);
    }
}
