//! `a=b&c=d`, percent-encoded, as URLs and forms have it.

use std::borrow::Cow;

/// The first one of the name that has a value.
pub(super) fn get<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, _)| decode(key) == name)
        .map(|(_, value)| decode(value))
        .find(|value| !value.is_empty())
}

/// What is no escape stays as it is.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = if *first == b'%' { hex_byte(behind) } else { None };
        out.push(match first {
            b'+' => b' ',
            other => escaped.unwrap_or(*other),
        });
        rest = if escaped.is_some() { &behind[2..] } else { behind };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn hex_byte(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    Some((digit(0)? << 4 | digit(1)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::{decode, get};

    #[test]
    fn values_are_found_and_decoded() {
        let query = "a=1&sentry%5fkey=&sentry_key=k%20x+y&b";
        assert_eq!(get(query, "sentry_key").as_deref(), Some("k x y"));
        assert_eq!((get(query, "b"), get("", "a")), (None, None));
        assert_eq!(decode("100%+%zz%4"), "100% %zz%4");
        assert_eq!(decode("%ff%c3%a4"), "\u{fffd}ä");
    }
}
