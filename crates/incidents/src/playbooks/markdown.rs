//! As much of Markdown as it takes to find a section and its steps. How it looks is for others to know.

use crate::limits::{MAX_STEP, MAX_STEPS, cut};

/// A heading, and where its line begins.
struct Heading<'t> {
    at: usize,
    level: usize,
    title: &'t str,
}

/// The lines, each with where it begins. What stands between fences is code, of which nothing is told but that it is there.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let mut fence = None;
    text.split_inclusive('\n').map(move |line| {
        let begins = at;
        at += line.len();
        let line = line.trim_end();
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        let is_code = fence.is_some() || mark.is_some();
        fence = match (fence, mark) {
            (None, mark) => mark,
            (Some(open), Some(mark)) if open == mark => None,
            (open, _) => open,
        };
        (begins, if is_code { "" } else { line })
    })
}

fn heading((at, line): (usize, &str)) -> Option<Heading<'_>> {
    let line = line.trim_start();
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    let title = line[level..].strip_prefix([' ', '\t'])?.trim();
    // `## Uploads ##` is closed, `## C#` is not.
    let closed = title.trim_end_matches('#');
    let title = if closed.is_empty() || closed.ends_with(' ') { closed.trim_end() } else { title };
    (1..=6).contains(&level).then_some(Heading { at, level, title })
}

fn headings(text: &str) -> impl Iterator<Item = Heading<'_>> {
    lines(text).filter_map(heading)
}

/// What it is called: its first heading.
pub fn title(text: &str) -> Option<&str> {
    headings(text).map(|heading| heading.title).find(|title| !title.is_empty())
}

/// What its sections are called.
pub fn titles(text: &str) -> impl Iterator<Item = &str> {
    headings(text).map(|heading| heading.title).filter(|title| !title.is_empty())
}

/// From the heading of this name to the next that is not below it.
pub fn section<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let mut headings = headings(text);
    let begin = headings.find(|heading| plain(heading.title) == plain(name))?;
    let end = headings.find(|heading| heading.level <= begin.level).map_or(text.len(), |next| next.at);
    Some(text[begin.at..end].trim_end())
}

/// `` `web1` `` and `**Web1**` are the same.
fn plain(title: &str) -> String {
    title.trim_matches(['`', '*', '_', ' ']).to_lowercase()
}

/// What is to be done: its task-list items, and those that are numbered. A step of two lines is one. Of steps with the same
/// words the second says so: each is ticked by itself.
pub fn steps(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut goes_on = false;
    for (at, line) in lines(text) {
        if let Some(step) = step(line) {
            if found.len() == MAX_STEPS {
                break;
            }
            found.push(step.to_owned());
            goes_on = true;
        } else if !line.starts_with([' ', '\t']) || bullet(line).is_some() || heading((at, line)).is_some() {
            goes_on = false;
        } else if let Some(last) = found.last_mut().filter(|_| goes_on) {
            last.push(' ');
            last.push_str(line.trim_start());
        }
    }
    let mut said: Vec<String> = Vec::with_capacity(found.len());
    for step in found {
        let step = cut(&step, MAX_STEP).to_owned();
        let before = said.iter().filter(|one| **one == step).count();
        let numbered = (2..).map(|number| format!("{step} ({number})")).find(|one| !said.contains(one));
        said.push(if before == 0 { step } else { numbered.unwrap_or_default() });
    }
    said
}

/// `- [ ] look`, `2. look`, `2) [x] look`
fn step(line: &str) -> Option<&str> {
    let line = line.trim_start();
    if let Some(item) = bullet(line) {
        return unticked(item);
    }
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    // CommonMark reads no longer numbers.
    if !(1..=9).contains(&(line.len() - rest.len())) {
        return None;
    }
    let item = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))?.trim_start();
    Some(unticked(item).unwrap_or(item))
}

fn bullet(line: &str) -> Option<&str> {
    ["- ", "* ", "+ "].iter().find_map(|mark| line.trim_start().strip_prefix(mark)).map(str::trim_start)
}

fn unticked(item: &str) -> Option<&str> {
    ["[ ] ", "[x] ", "[X] "].iter().find_map(|tick| item.strip_prefix(tick)).map(str::trim_start)
}

/// The first lines that say something, for where there are no steps; and whether there is more.
pub fn first_lines(text: &str, most: usize) -> (Vec<String>, bool) {
    let said = lines(text).filter(|line| !line.1.trim().is_empty() && heading(*line).is_none());
    let mut said = said.map(|(_, line)| bullet(line).unwrap_or(line.trim_start()).to_owned());
    let first = said.by_ref().take(most).collect();
    (first, said.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Uploads\nWhat they are.\n\n## `Box` ##\n1. look\n\n### In the evening\n- [ ] sleep\n\n```\n## Drive\n- [ ] no\n```\n## Drive\n- [x] call\n";

    #[test]
    fn a_section_ends_where_the_next_of_its_kind_begins() {
        let check = |name: &str, begins: &str, ends: &str| {
            let found = section(TEXT, name).unwrap_or_else(|| panic!("{name}"));
            assert!(found.starts_with(begins) && found.ends_with(ends), "{name}: {found}");
        };
        check("box", "## `Box` ##\n1. look", "```");
        check("**In the Evening**", "### In", "```");
        check("drive", "## Drive\n- [x] call", "call");
        check("Uploads", "# Uploads", "call");
        assert_eq!(section(TEXT, "dropbox"), None);
        assert_eq!(title(TEXT), Some("Uploads"));
        assert_eq!(titles(TEXT).collect::<Vec<_>>(), ["Uploads", "`Box`", "In the evening", "Drive"]);
        assert_eq!(titles("## C#\n#none\n####### seven\n#\n# #\n").collect::<Vec<_>>(), ["C#"]);
    }

    #[test]
    fn what_is_numbered_or_has_a_box_is_a_step() {
        let check = |text: &str, expected: &[&str]| assert_eq!(steps(text), expected, "{text}");
        check("- [ ] look\n* [x] roll back\n+ [X] tell\n- not this\n", &["look", "roll back", "tell"]);
        check("1. one\n2) [ ] two\n   1. three\n1234567890. no\n4.no\n5. \n", &["one", "two", "three"]);
        check("1. one\n   goes on\n   - a note\n   not of it\n\nnor this\n", &["one goes on"]);
        check("- [ ] roll back:\n  ```\n  1. cap\n  ```\n  then look\n", &["roll back:"]);
        check("1. wait\n2. wait\n3. wait (2)\n", &["wait", "wait (2)", "wait (2) (2)"]);
        check("", &[]);
        let many = "1. x\n".repeat(MAX_STEPS + 1);
        assert_eq!(steps(&many).len(), MAX_STEPS);
        assert_eq!(steps(&format!("1. {}", "ä".repeat(MAX_STEP)))[0].len(), MAX_STEP);
    }

    #[test]
    fn where_there_are_no_steps_the_first_lines_say_what_to_do() {
        let check = |text: &str, expected: &[&str], more: bool| {
            assert_eq!(
                first_lines(text, 2),
                (expected.iter().map(ToString::to_string).collect(), more),
                "{text}"
            );
        };
        check("# Title\nturn it off and on\n\n", &["turn it off and on"], false);
        check("- a\n  b\n\nc", &["a", "b"], true);
        check("", &[], false);
    }
}
