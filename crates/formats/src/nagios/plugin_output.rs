//! What a plugin printed and how it ended, as Nagios 4.4 makes a result of it.

use std::borrow::Cow;

/// More is cut: Nagios's own limit is 8 KB in its documents and none in its code; a page of text for a person is less.
pub const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// The three parts of an output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The first line up to a `|`, with `:` where it had `;`.
    pub output: String,
    /// The lines after it, up to a `|`.
    pub long_output: String,
    /// What follows the first `|` of the first line and the first `|` of the other lines, as it was written.
    pub perfdata: String,
    /// The plugin said more than [`MAX_OUTPUT_BYTES`].
    pub cut: bool,
}

/// How a plugin ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ended {
    Exit(i32),
    Signal(i32),
    /// We ended it, after so many seconds.
    TimedOut(f64),
}

/// What was looked at; its name stands in the texts that Nagios puts in the place of the plugin's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    Service { host: &'a str, service: &'a str },
    Host(&'a str),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginResult {
    /// 0 to 3.
    pub status: u8,
    pub text: Text,
}

/// The result of a check that was run. A timeout is CRITICAL, as Nagios's `service_check_timeout_state` is by default.
pub fn result(stdout: &[u8], stderr: &[u8], ended: Ended, subject: Subject<'_>) -> PluginResult {
    let said = |status| PluginResult { status, text: Text::of_streams(stdout, stderr) };
    // The first line gives way; Nagios keeps the long output and the performance data.
    let critical = |output| {
        let mut result = said(2);
        result.text.output = output;
        result
    };
    match (ended, subject) {
        (Ended::Exit(code @ 0..=3), _) => said(code as u8),
        // Nagios has no exit status then, which is UNKNOWN to it.
        (Ended::Signal(_), _) => said(3),
        (Ended::Exit(126), _) => {
            only("(Return code of 126 is out of bounds. Check if plugin is executable)".to_owned())
        }
        (Ended::Exit(127), _) => {
            only("(Return code of 127 is out of bounds. Check if plugin exists)".to_owned())
        }
        (Ended::Exit(code), Subject::Service { host, service }) => critical(format!(
            "(Return code of {code} for service '{service}' on host '{host}' was out of bounds)"
        )),
        (Ended::Exit(code), Subject::Host(host)) => {
            critical(format!("(Return code of {code} for host '{host}' was out of bounds)"))
        }
        (Ended::TimedOut(seconds), Subject::Service { .. }) => {
            only(format!("(Service check timed out after {seconds:.2} seconds)"))
        }
        (Ended::TimedOut(seconds), Subject::Host(_)) => {
            only(format!("(Host check timed out after {seconds:.2} seconds)"))
        }
    }
}

/// Nothing of what it printed is kept.
fn only(output: String) -> PluginResult {
    PluginResult { status: 2, text: Text { output, ..Text::default() } }
}

impl Text {
    /// Nagios shows what came on stderr only where nothing came on stdout.
    pub fn of_streams(stdout: &[u8], stderr: &[u8]) -> Text {
        if !up_to_nul(stdout).is_empty() {
            return Text::of(stdout);
        }
        let mut told = b"(No output on stdout) stderr: ".to_vec();
        told.extend_from_slice(&stderr[..stderr.len().min(MAX_OUTPUT_BYTES + 1)]);
        Text::of(&told)
    }

    /// Takes the parts of an output apart. Bytes that are no UTF-8 become `U+FFFD`; the rest after a zero is not
    /// seen by Nagios, nor here.
    pub fn of(bytes: &[u8]) -> Text {
        let bytes = up_to_nul(bytes);
        let cut = bytes.len() > MAX_OUTPUT_BYTES;
        let text = lossy_up_to(bytes, MAX_OUTPUT_BYTES);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let (short, first_perfdata) = first.split_once('|').unwrap_or((first, ""));
        let (long, more_perfdata) = rest.split_once('|').unwrap_or((rest, ""));
        Text {
            output: match first {
                "" => "(No output returned from plugin)".to_owned(),
                _ => short.trim_matches(BLANK).replace(';', ":"),
            },
            long_output: without_line_end_cr(long),
            perfdata: format!("{first_perfdata} {more_perfdata}")
                .replace('\r', "")
                .replace('\n', " ")
                .trim_matches(BLANK)
                .to_owned(),
            cut,
        }
    }

    /// Of an external command's argument, in which `\n` and `\\` stand for a line's end and a backslash.
    pub fn of_escaped(bytes: &[u8]) -> Text {
        Text::of(&unescaped(bytes))
    }

    /// The text as one, as a plugin would print it.
    pub fn whole(&self) -> String {
        let mut text = self.output.clone();
        if !self.perfdata.is_empty() {
            text.push('|');
            text.push_str(&self.perfdata);
        }
        if !self.long_output.is_empty() {
            text.push('\n');
            text.push_str(&self.long_output);
        }
        text
    }
}

/// What Nagios's `strip` takes off both ends.
const BLANK: [char; 4] = [' ', '\t', '\r', '\n'];

fn up_to_nul(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

/// Cut between characters.
fn lossy_up_to(bytes: &[u8], most: usize) -> Cow<'_, str> {
    if bytes.len() <= most {
        return String::from_utf8_lossy(bytes);
    }
    let mut end = most;
    while end > most - 4 && bytes[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    String::from_utf8_lossy(&bytes[..end])
}

fn without_line_end_cr(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    lines.join("\n")
}

/// Another backslash stays as it is.
pub(crate) fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (plain, taken) = match (byte, bytes.get(at + 1)) {
            (b'\\', Some(b'n')) => (b'\n', 2),
            (b'\\', Some(b'\\')) => (b'\\', 2),
            _ => (byte, 1),
        };
        out.push(plain);
        at += taken;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line was seen on Nagios 4.4.6; carriage returns at the ends of lines are ours to take away.
    #[test]
    fn outputs() {
        let nothing = "(No output returned from plugin)";
        for (printed, output, long_output, perfdata) in [
            ("OK | a=1\n", "OK", "", "a=1"),
            ("\nsecond | b=2\n", nothing, "second ", "b=2"),
            ("\n\n", nothing, "", ""),
            ("\n|p=1\n", nothing, "", "p=1"),
            ("|only=1\n", "", "", "only=1"),
            (" \n", "", "", ""),
            ("\r\nfoo\n", "", "foo", ""),
            (
                "a;b | c;d|e\nlong1\n\nlong2 | p=1\nmore q=2|x\n",
                "a:b",
                "long1\n\nlong2 ",
                "c;d|e  p=1 more q=2|x",
            ),
            ("   pad   |   p=1   \n   long   \n", "pad", "   long   ", "p=1"),
            ("a\nb|p=1|q=2\nc|d\ne\n", "a", "b", "p=1|q=2 c|d e"),
            ("a | b=1 \nc | d=2 \n e=3 \n\nf=4", "a", "c ", "b=1   d=2   e=3   f=4"),
            ("x\n  \n \ny\n", "x", "  \n \ny", ""),
            ("a\nb\n\n\n", "a", "b\n\n", ""),
            ("a\nb\n|p=1\n", "a", "b\n", "p=1"),
            ("a\n\n\n|q", "a", "\n\n", "q"),
            ("x\r\ny\r\n\r\n", "x", "y\n", ""),
            ("a|p=1\r\nb\r\nc|q=2\r\nr=3\r\n", "a", "b\nc", "p=1\r q=2 r=3"),
            ("a\0b|c=1\n", "a", "", ""),
            ("x;y\nlong;z|p;q", "x:y", "long;z", "p;q"),
        ] {
            let seen = Text::of(printed.as_bytes());
            let perfdata = perfdata.replace('\r', "");
            assert_eq!((&*seen.output, &*seen.long_output), (output, long_output), "{printed:?}");
            assert_eq!(seen.perfdata.replace('\r', ""), perfdata, "{printed:?}");
            assert!(!seen.perfdata.contains('\r'), "{printed:?}");
        }
    }

    #[test]
    fn ends() {
        let subject = Subject::Service { host: "h", service: "s" };
        for (stdout, stderr, ended, status, output) in [
            ("x", "e", Ended::Exit(2), 2, "x"),
            ("", "err1\nerr2", Ended::Exit(1), 1, "(No output on stdout) stderr: err1"),
            ("", "", Ended::Exit(0), 0, "(No output on stdout) stderr:"),
            ("\0abc", "", Ended::Exit(0), 0, "(No output on stdout) stderr:"),
            ("x", "", Ended::Signal(9), 3, "x"),
            ("x", "", Ended::Exit(4), 2, "(Return code of 4 for service 's' on host 'h' was out of bounds)"),
            ("x", "", Ended::TimedOut(4.004), 2, "(Service check timed out after 4.00 seconds)"),
        ] {
            let seen = result(stdout.as_bytes(), stderr.as_bytes(), ended, subject);
            assert_eq!((seen.status, &*seen.text.output), (status, output));
        }
    }

    #[test]
    fn floods_are_cut_between_characters() {
        let flood = "é".repeat(MAX_OUTPUT_BYTES);
        let seen = Text::of(format!("x{flood}").as_bytes());
        assert!(seen.cut && seen.output.ends_with('é') && seen.output.len() <= MAX_OUTPUT_BYTES);
        assert!(!Text::of(&flood.as_bytes()[..MAX_OUTPUT_BYTES]).cut);
    }

    #[test]
    fn escaped() {
        let seen = Text::of_escaped(br"a\\b|p=1\nlong\t\n2");
        assert_eq!((&*seen.output, &*seen.long_output, &*seen.perfdata), (r"a\b", "long\\t\n2", "p=1"));
        assert_eq!(Text::of(seen.whole().as_bytes()), seen);
    }
}
