//! Small pieces of the page: escaping, times, lengths, marks.

use ::incidents::page::readable;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use vocabulary::state::State;

/// Nothing in it is markup, or turns round what stands behind it.
pub fn escape(text: &str) -> String {
    readable(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// To the second, with the zone of the server.
pub fn clock(at: i64) -> String {
    spell_time(at, "%Y-%m-%d %H:%M:%S %Z")
}

/// For what lies at most hours back.
pub fn short_clock(at: i64) -> String {
    spell_time(at, "%H:%M:%S")
}

fn spell_time(at: i64, format: &str) -> String {
    let at = Timestamp::from_second(at).unwrap_or_default().to_zoned(TimeZone::system());
    at.strftime(format).to_string()
}

/// As people say it: `40 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub fn lasting(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |large: i64, word: &str, small: i64, small_word: &str| match small {
        0 => format!("{large} {word}"),
        _ => format!("{large} {word} {small} {small_word}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => two(hours, "h", minutes, "min"),
        _ => two(days, "d", hours, "h"),
    }
}

/// Each state has its shape beside its word and colour.
pub fn mark(state: State) -> String {
    let (class, shape) = match state {
        State::Ok | State::Up => ("ok", "M8 2.2a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2Z"),
        State::Warning => ("warning", "M8 1.8 15 14H1L8 1.8Z"),
        State::Critical | State::Down => ("critical", "M2.2 2.2h11.6v11.6H2.2z"),
        State::Unknown | State::Unreachable => ("unknown", "M8 1.2 14.8 8 8 14.8 1.2 8 8 1.2Z"),
    };
    format!(
        "<svg class=\"{class}\" width=\"18\" height=\"18\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"{shape}\" fill=\"currentColor\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let check = |seconds: i64, said: &str| assert_eq!(lasting(seconds), said, "{seconds}");
        check(-5, "0 s");
        check(59, "59 s");
        check(60, "1 min");
        check(3_600, "1 h");
        check(3_900, "1 h 5 min");
        check(86_400 * 2 + 3_600 * 4, "2 d 4 h");
    }

    #[test]
    fn nothing_that_was_said_is_markup() {
        assert_eq!(escape("<b a='1'>\"&"), "&lt;b a=&#39;1&#39;&gt;&quot;&amp;");
        assert_eq!(escape("photo_\u{202e}gpj.exe"), "photo_[U+202E]gpj.exe");
    }
}
