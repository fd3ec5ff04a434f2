//! Outages that people know of: `start,end,title`, one a line.

use serde::{Deserialize, Serialize};

use super::MAX_LABELS;

const MAX_TITLE: usize = 500;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    pub start: i64,
    pub end: i64,
    pub title: String,
}

impl Label {
    pub fn problem(&self) -> Option<String> {
        match () {
            () if self.end < self.start => Some("it ends before it begins".into()),
            () if self.title.len() > MAX_TITLE => Some(format!("its title is longer than {MAX_TITLE} bytes")),
            () => None,
        }
    }
}

/// Times are seconds since 1970 or RFC 3339; a first line that names the columns is passed over, a title may be quoted.
pub fn read_csv(text: &str) -> Result<Vec<Label>, String> {
    let mut labels = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        if index == 0 && line.trim_start().to_ascii_lowercase().starts_with("start") {
            continue;
        }
        let label = read_line(line).map_err(|why| format!("line {}: {why}", index + 1))?;
        labels.push(label);
        if labels.len() > MAX_LABELS {
            return Err(format!("more than {MAX_LABELS} outages: ask for a shorter time"));
        }
    }
    Ok(labels)
}

fn read_line(line: &str) -> Result<Label, String> {
    let mut fields = line.splitn(3, ',');
    let mut time = |name: &str| {
        let field = fields.next().unwrap_or_default().trim().trim_matches('"');
        read_time(field).ok_or_else(|| {
            format!("`{field}` is no {name}: write start,end,title, times as 2026-03-01T03:12:00Z or seconds since 1970")
        })
    };
    let (start, end) = (time("start")?, time("end")?);
    let title = fields.next().unwrap_or_default().trim();
    let title = title.strip_prefix('"').and_then(|title| title.strip_suffix('"')).unwrap_or(title);
    let label = Label { start, end, title: title.replace("\"\"", "\"") };
    label.problem().map_or(Ok(label), Err)
}

fn read_time(text: &str) -> Option<i64> {
    let instant = || text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
    text.parse().ok().or_else(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outages_are_read_as_people_write_them() {
        let text =
            "start,end,title\n100,200,disk full\n\n1970-01-01T00:05:00Z,\"400\",\"said \"\"no\"\", twice\"\n";
        let label = |start, end, title: &str| Label { start, end, title: title.into() };
        assert_eq!(
            read_csv(text),
            Ok(vec![label(100, 200, "disk full"), label(300, 400, "said \"no\", twice")])
        );
        assert_eq!(read_csv(""), Ok(Vec::new()));
        let wrong = |text: &str| read_csv(text).unwrap_err();
        assert!(
            wrong("yesterday,200,x").contains("line 1: `yesterday` is no start"),
            "{}",
            wrong("yesterday,200,x")
        );
        assert!(wrong("start\n300,200,x").contains("line 2: it ends before"));
        assert!(wrong("5").contains("is no end"));
    }
}
