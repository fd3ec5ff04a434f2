//! A message without what changes from event to event: numbers, ids, addresses, times. One pass by hand: each place is
//! looked at once, and what is tried there is bounded.

mod dates;
mod tokens;

use crate::limits::{MAX_GROUPED_MESSAGE, cut};

use tokens::is_word;

/// Lines that a person would call the message; what follows is detail.
const LINES: usize = 2;

pub(crate) fn parameterised(text: &str) -> String {
    let text = first_lines(cut(text, MAX_GROUPED_MESSAGE));
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match tokens::variable(bytes, at) {
            Some((end, name)) => {
                out.push_str(name);
                end
            }
            None => {
                let end = plain_end(bytes, at);
                out.push_str(&text[at..end]);
                end
            }
        };
        at = end;
    }
    out
}

/// A word, or one character between words. What is not ASCII counts as a part of words, so no character is cut.
fn plain_end(bytes: &[u8], at: usize) -> usize {
    let word = bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
    at + word.max(1)
}

fn first_lines(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.take(LINES).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::parameterised;

    fn check(text: &str, expected: &str) {
        assert_eq!(parameterised(text), expected, "{text}");
    }

    #[test]
    fn what_changes_from_event_to_event_is_named() {
        check("no mail to ana.b+x@example.com.", "no mail to <email>.");
        check("GET https://a.example/x?y=1, failed", "GET <url>, failed");
        check("cannot resolve db-3.prod.example.com: timeout", "cannot resolve <hostname>: timeout");
        check("refused by 10.0.0.12:5432", "refused by <ip>:<number>");
        check("refused by fe80::1:2", "refused by <ip>");
        check("refused by [2001:db8::ff00:42:8329]", "refused by [<ip>]");
        check("in 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "in <traceparent>");
        check("user 6ba7b810-9dad-11d1-80b4-00C04FD430C8 gone", "user <uuid> gone");
        check("blob da39a3ee5e6b4b0d3255bfef95601890afd80709", "blob <sha1>");
        check("sum d41d8cd98f00b204e9800998ecf8427e", "sum <md5>");
        check("at 0x7ffe12ab and 0XFF", "at <hex> and <hex>");
        check("id 64b7c0f1e9a2", "id <hex>");
        check("commit 1a2b3c4 is bad", "commit <git_sha> is bad");
        check("took 12ms, then 1.5s and 1h30m", "took <duration>, then <duration> and <duration>");
        check("-3 of 12, 0.25, 1e-9, 1,234,567", "<number> of <number>, <number>, <number>, <number>");
        check("drawn at 1920x1080 in time", "drawn at <number> in time");
        check("version 1.22.3 is too old", "version <number> is too old");
        check("name='ana' flag=True n=5 kind=\"a b\"", "name=<quoted> flag=<bool> n=<number> kind=<quoted>");
    }

    #[test]
    fn moments_are_named_in_many_shapes() {
        for moment in [
            "2024-01-02",
            "2024/01/02 03:04:05",
            "2024-01-02T03:04:05Z",
            "2024-01-02T03:04:05.678901+02:00",
            "2024-01-02 03:04:05,678",
            "02.01.2024",
            "1/2/2024 3:04:05 PM",
            "20240102T030405Z",
            "03:04:05",
            "03:04:05.123",
            "Mon, 02 Jan 2006 15:04:05 GMT",
            "Mon, 02 Jan 2006 15:04:05 +0000",
            "Mon Jan  2 15:04:05 2006",
            "Jan 2, 2006",
            "2 January 2006",
        ] {
            check(&format!("since {moment} it is late"), "since <date> it is late");
            check(&format!("since {moment}"), "since <date>");
        }
    }

    #[test]
    fn what_has_a_meaning_stays() {
        for text in [
            "user123 has no e-mail",
            "java.io.IOException: Broken pipe",
            "std::vec is empty",
            "module 'app.views' has no attribute 'index2'",
            "May I have a moment",
            "Sun is a star",
            "deadbeef cafe facade",
            "a=b, c='",
            "größe ist zu groß für α",
            "x@y",
            "-",
            "",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn the_first_lines_decide_and_long_texts_are_cut() {
        check("\n  first 1\n\n second\nthird", "first <number>\nsecond");
        assert!(parameterised(&"é".repeat(10_000)).len() <= 2_048);
        // What is tried at each place is bounded, whatever comes.
        for part in ["a.", "1.", "1:", "a@", "aa-", "0-", "=\"", "é1"] {
            parameterised(&part.repeat(100_000));
        }
    }

    #[test]
    fn it_says_the_same_of_what_it_has_said() {
        for text in ["no mail to a@example.com", "at 0x12", "since 2024-01-02", "a=true", "in 12ms"] {
            let once = parameterised(text);
            assert_eq!(parameterised(&once), once);
        }
    }
}
