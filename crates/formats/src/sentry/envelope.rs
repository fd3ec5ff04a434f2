//! What travels together: a line of JSON about all of it, then items, each a line of JSON and a payload.

use vocabulary::error::EventId;

use super::item::{Category, ItemKind};
use super::json::{self, Limits, Malformed, Tree};
use super::limits::{HEADER_BYTES, ITEMS};
use super::when;

/// Headers are flat; what SDKs put below is not looked at.
const HEADER_LIMITS: Limits = Limits { depth: 16, nodes: 2_000 };

#[derive(Clone, Debug, PartialEq)]
pub struct Envelope<'a> {
    pub header: Header,
    pub items: Vec<Item<'a>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// Wins over the one in the payload.
    pub event_id: Option<EventId>,
    /// Of tunnels and proxies: says who sends.
    pub dsn: Option<String>,
    /// Seconds since 1970 by the sender's clock.
    pub sent_at: Option<f64>,
    /// `sentry.python/2.19.0`.
    pub sdk: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Item<'a> {
    pub kind: ItemKind,
    pub category: Category,
    /// `filename`, `content_type`, `attachment_type` and whatever else.
    pub headers: Tree<'a>,
    pub payload: &'a [u8],
}

pub fn read(bytes: &[u8]) -> Result<Envelope<'_>, Malformed> {
    let mut lines = Lines { bytes, at: 0 };
    let header = header(&lines.header("the envelope's header")?)?;
    let mut items = Vec::new();
    while lines.skip_empty() {
        if items.len() == ITEMS {
            return Err(Malformed::new(lines.at, format!("more than {ITEMS} items")));
        }
        items.push(item(&mut lines)?);
    }
    Ok(Envelope { header, items })
}

fn header(tree: &Tree<'_>) -> Result<Header, Malformed> {
    let text = |key| tree.get(key).and_then(Tree::text).filter(|text| !text.is_empty());
    let event_id = text("event_id").map(str::parse::<EventId>).transpose();
    Ok(Header {
        event_id: event_id.map_err(|why| Malformed::new(0, format!("the envelope's event_id: {why}")))?,
        dsn: text("dsn").map(str::to_owned),
        sent_at: tree.get("sent_at").and_then(when::read),
        sdk: tree.get("sdk").and_then(sdk),
    })
}

/// Its name and version as clients say it in their header.
fn sdk(tree: &Tree<'_>) -> Option<String> {
    let name = tree.get("name").and_then(Tree::text)?;
    let version = tree.get("version").and_then(Tree::text);
    Some(version.map_or_else(|| name.to_owned(), |version| format!("{name}/{version}")))
}

fn item<'a>(lines: &mut Lines<'a>) -> Result<Item<'a>, Malformed> {
    let start = lines.at;
    let headers = lines.header("an item's header")?;
    let Some(kind) = headers.get("type").and_then(Tree::text).map(ItemKind::of) else {
        return Err(Malformed::new(start, "an item's header says no type"));
    };
    let payload = match headers.get("length") {
        None | Some(Tree::Null) => lines.line(),
        Some(length) => {
            let length = length.count().and_then(|length| usize::try_from(length).ok());
            let length = length.ok_or_else(|| Malformed::new(start, "an item's length is no number"))?;
            lines.exactly(length)?
        }
    };
    Ok(Item { kind, category: kind.category(), headers, payload })
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Empty lines between items and at the end are nothing; is there more?
    fn skip_empty(&mut self) -> bool {
        while let [b'\n' | b'\r', ..] = self.rest() {
            self.at += 1;
        }
        !self.rest().is_empty()
    }

    /// Up to the next line end, or to the end.
    fn line(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at += (length + 1).min(rest.len());
        &rest[..length]
    }

    fn header(&mut self, what: &str) -> Result<Tree<'a>, Malformed> {
        let start = self.at;
        let line = self.line();
        if line.len() > HEADER_BYTES {
            return Err(Malformed::new(start, format!("{what} is longer than {HEADER_BYTES} bytes")));
        }
        let tree = json::read(line, &HEADER_LIMITS).map_err(|error| error.within(start, what))?;
        match tree {
            Tree::Map(_) => Ok(tree),
            _ => Err(Malformed::new(start, format!("{what} is no JSON object"))),
        }
    }

    /// A payload of known length, which a line end follows, or the end.
    fn exactly(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let rest = self.rest();
        let Some((payload, behind)) = rest.split_at_checked(length) else {
            let why = format!("an item is said to be {length} bytes long, but {} are there", rest.len());
            return Err(Malformed::new(self.at, why));
        };
        if !matches!(behind, [] | [b'\n', ..] | [b'\r', b'\n', ..]) {
            return Err(Malformed::new(self.at + length, "no line end follows the payload of an item"));
        }
        self.at += length;
        self.line();
        Ok(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "9ec79c33ec9942ab8353589fcb2e04dc";

    fn envelope(text: &str) -> Envelope<'_> {
        read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refused(text: &str, why: &str) {
        let error = read(text.as_bytes()).expect_err(text);
        assert!(error.why.contains(why), "{text}: {error}");
    }

    #[test]
    fn items_with_and_without_a_length() {
        let text = format!(
            "{{\"event_id\":\"{ID}\",\"dsn\":\"https://e1@h/42\",\"sent_at\":\"1970-01-01T00:00:01.5Z\",\
             \"sdk\":{{\"name\":\"sentry.python\",\"version\":\"2.0\"}},\"trace\":{{}}}}\n\
             {{\"type\":\"attachment\",\"length\":10,\"content_type\":\"text/plain\",\"filename\":\"hello.txt\"}}\n\
             \u{ef}\u{bb}\u{bf}Hell\n\n\
             {{\"type\":\"event\",\"x\":1}}\n\
             {{\"message\":\"hello\"}}"
        );
        let envelope = envelope(&text);
        let id = ID.parse().unwrap();
        let header = Header {
            event_id: Some(id),
            dsn: Some("https://e1@h/42".into()),
            sent_at: Some(1.5),
            sdk: Some("sentry.python/2.0".into()),
        };
        assert_eq!(envelope.header, header);
        let [file, event] = &envelope.items[..] else { panic!("{:?}", envelope.items) };
        assert_eq!((file.kind, file.category), (ItemKind::Attachment, Category::Attachment));
        assert_eq!(file.headers.get("filename").and_then(Tree::text), Some("hello.txt"));
        assert_eq!(file.payload, "\u{ef}\u{bb}\u{bf}Hell".as_bytes());
        assert_eq!((event.kind, event.payload), (ItemKind::Event, &b"{\"message\":\"hello\"}"[..]));
    }

    #[test]
    fn nothing_in_it_and_empty_payloads() {
        assert_eq!(envelope("{}"), Envelope { header: Header::default(), items: Vec::new() });
        assert_eq!(envelope("{}\n\n\n").items.len(), 0);
        let text = "{}\n{\"type\":\"session\",\"length\":0}\n\n{\"type\":\"later\"}\n\n{\"type\":\"log\"}";
        let kinds: Vec<_> = envelope(text).items.iter().map(|item| (item.kind, item.payload.len())).collect();
        assert_eq!(kinds, [(ItemKind::Session, 0), (ItemKind::Unknown, 0), (ItemKind::Log, 0)]);
    }

    #[test]
    fn line_ends_of_windows() {
        let envelope = envelope("{}\r\n{\"type\":\"event\",\"length\":2}\r\n{}\r\n");
        assert_eq!(envelope.items[0].payload, b"{}");
    }

    #[test]
    fn what_is_broken_is_refused_as_a_whole() {
        refused("", "the envelope's header: the document ends too early");
        refused("[]", "no JSON object");
        refused("{\"event_id\":\"12\"}", "event_id");
        refused("{}\n{}\n", "says no type");
        refused("{}\n{\"type\":1}\n", "says no type");
        refused("{}\nevent\n", "an item's header");
        refused("{}\n{\"type\":\"event\",\"length\":3}\n{}", "3 bytes long, but 2");
        refused("{}\n{\"type\":\"event\",\"length\":1}\n{}\n", "no line end");
        refused("{}\n{\"type\":\"event\",\"length\":-1}\n{}\n", "no number");
        refused(&format!("{{\"a\":\"{}\"}}", "x".repeat(HEADER_BYTES)), "longer than");
        refused(&format!("{{}}\n{}", "{\"type\":\"event\"}\n{}\n".repeat(ITEMS + 1)), "more than 1000 items");
    }

    #[test]
    fn bytes_that_are_no_text() {
        let read = read(b"{}\n{\"type\":\"replay_recording\",\"length\":4}\n\xff\0\n\xfe\n").unwrap();
        assert_eq!(read.items[0].payload, b"\xff\0\n\xfe");
    }

    #[test]
    fn whatever_comes_is_read_or_refused() {
        let sample = format!(
            "{{\"event_id\":\"{ID}\"}}\n{{\"type\":\"event\",\"length\":2}}\n{{}}\n{{\"type\":\"log\"}}\nx"
        );
        crate::fuzzing::mutate(
            &[sample.into_bytes(), b"{}\n".to_vec()],
            20_000,
            crate::fuzzing::sentry_envelope,
        );
    }
}
