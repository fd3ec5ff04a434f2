//! What servers answer to built-in checks: DNS, Redis, MongoDB, certificates, redirects, bodies; and what people write
//! about them. Called by the fuzz target, and by a loop of seeded mutations in the tests.

use outbound::Url;
use outbound::certificate::Certificate;

use super::condition::{Condition, Path};
use super::http::health;
use super::threshold::Threshold;
use super::wire::{bson, dns, resp};

/// The first byte says which of them the rest is for.
pub fn answers(bytes: &[u8]) {
    let Some((&which, rest)) = bytes.split_first() else { return };
    match which % 6 {
        0 => {
            let question = dns::question(7, "example.org", u16::from(rest.first().copied().unwrap_or(1)));
            let Some(question) = question else { return };
            // An answer that is let through to its records.
            let mut answer = question.clone();
            answer[2] |= 0x80;
            answer[7] = 3;
            answer.extend(rest);
            let _ = dns::answer(&question, &answer);
            let _ = dns::answer(&question, rest);
        }
        1 => {
            if let resp::Parsed::Whole(_, length) = resp::parse(rest) {
                assert!(length <= rest.len());
            }
        }
        2 => {
            let _ = bson::answer(rest);
            let _ = bson::length(rest);
        }
        3 => {
            let _ = Certificate::parse(rest);
        }
        4 => {
            if let Ok(text) = std::str::from_utf8(rest) {
                if let Ok(threshold) = Threshold::parse(text) {
                    let again = Threshold::parse(&threshold.text);
                    assert_eq!(again.map(|again| again.range), Ok(threshold.range));
                }
                let _ = Url::parse(text);
                if let Ok(url) = Url::parse("http://a.example/b/c") {
                    let _ = url.join(rest);
                }
            }
        }
        _ => {
            let _ = health::read(rest);
            let Ok(text) = std::str::from_utf8(rest) else { return };
            let (left, right) = text.split_once('\n').unwrap_or((text, "{}"));
            let body = serde_json::from_str(right).unwrap_or_default();
            let _ = Path::parse(left).map(|path| path.find(&body));
            let _ = Condition::parse(left).map(|condition| condition.breach(&body));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seeds() -> Vec<Vec<u8>> {
        let mut dns = vec![
            0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1, 0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 0, 4, 0, 10,
            0xc0, 12,
        ];
        dns.extend(b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x3c\x00\x04\x03abc");
        let mut mongo = vec![2];
        mongo.extend(bson::message(1, &[("a", json!({"b": [1, "x", null, 1.5]})), ("$db", json!("admin"))]));
        let mut certificate = vec![3];
        certificate.extend(include_bytes!("../../../../outbound/tests/certificate.der"));
        vec![
            dns,
            b"\x01*3\r\n:1\r\n$3\r\nabc\r\n*1\r\n+x\r\n".to_vec(),
            mongo,
            certificate,
            b"\x04> 300 ms".to_vec(),
            b"\x04@~:5e3".to_vec(),
            b"\x04../x/./y?z#http://b.example:81/".to_vec(),
            b"\x05$.checks['a'][0].length >= 3\n{\"status\":\"ok\",\"checks\":{\"a\":[{\"status\":\"warn\"}]}}".to_vec(),
            b"\x05{\"status\":\"ok\",\"components\":{\"a\":{\"status\":\"DOWN\",\"details\":{\"error\":\"x\"}}}}".to_vec(),
        ]
    }

    #[test]
    fn no_answer_is_a_panic() {
        formats::fuzzing::mutate(&seeds(), 20_000, answers);
    }
}
