//! status.dat and retention.dat: blocks of `key=value`.
//!
//! Both say the same of each host and service; status.dat calls its blocks `hoststatus`, indents them, and writes long
//! output and what is in downtime too.

use std::collections::BTreeMap;

use super::plugin_output::unescaped;

/// One `kind { … }`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub kind: String,
    pub line: usize,
    values: BTreeMap<String, String>,
}

impl Block {
    /// Empty where it is not there.
    pub fn text(&self, key: &str) -> &str {
        self.values.get(key).map_or("", String::as_str)
    }

    /// 0 where it is not there, or no number.
    pub fn number(&self, key: &str) -> i64 {
        self.text(key).parse().unwrap_or(0)
    }

    pub fn float(&self, key: &str) -> f64 {
        self.text(key).parse().ok().filter(|number: &f64| number.is_finite()).unwrap_or(0.0)
    }

    pub fn flag(&self, key: &str) -> bool {
        self.number(key) != 0
    }

    /// With its line ends, which are written as `\n`.
    pub fn lines(&self, key: &str) -> String {
        String::from_utf8_lossy(&unescaped(self.text(key).as_bytes())).into_owned()
    }

    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Host and service; without a service the host itself. Nothing where the block is of neither.
    pub fn subject(&self) -> Option<(&str, Option<&str>)> {
        let host = self.values.get("host_name")?;
        Some((host, self.values.get("service_description").map(String::as_str)))
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StateFile {
    pub blocks: Vec<Block>,
    /// Lines that are none of a block's, and a block that does not end: a file that was cut off.
    pub unreadable: Vec<usize>,
}

/// Begins with the block `info`, as both files do.
pub fn is_one(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().is_some_and(|line| line.strip_suffix('{').is_some_and(|kind| kind.trim_end() == "info"))
}

pub fn read(text: &str) -> StateFile {
    let mut file = StateFile::default();
    let mut open: Option<Block> = None;
    for (at, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let number = at + 1;
        let trimmed = line.trim_matches(['\t', ' ']);
        match &mut open {
            Some(_) if trimmed == "}" => file.blocks.extend(open.take()),
            // Values keep their blanks; only the indent goes.
            Some(block) => match line.trim_start_matches('\t').split_once('=') {
                Some((key, value)) => drop(block.values.insert(key.to_owned(), value.to_owned())),
                None if trimmed.is_empty() => {}
                None => file.unreadable.push(number),
            },
            None if trimmed.is_empty() || trimmed.starts_with('#') => {}
            None => match trimmed.strip_suffix('{') {
                Some(kind) => {
                    open = Some(Block { kind: kind.trim_end().to_owned(), line: number, ..Block::default() })
                }
                None => file.unreadable.push(number),
            },
        }
    }
    file.unreadable.extend(open.map(|block| block.line));
    file
}

#[cfg(test)]
mod tests {
    #[test]
    fn blocks() {
        let text = "#c\ninfo {\ncreated=1\n\t}\n\nservicestatus {\n\thost_name=u\n\tservice_description=s 1\n\tplugin_output=a=b ; c \n\tlong_plugin_output=x\\ny\\\\n\n\tlast_check=12\n\t}\nhost {\nhost_name=h\n";
        let file = super::read(text);
        assert_eq!(file.blocks.len(), 2);
        let service = &file.blocks[1];
        assert_eq!(
            (service.kind.as_str(), service.line, service.subject()),
            ("servicestatus", 6, Some(("u", Some("s 1"))))
        );
        assert_eq!((service.text("plugin_output"), service.number("last_check")), ("a=b ; c ", 12));
        assert_eq!(service.lines("long_plugin_output"), "x\ny\\n");
        assert_eq!(file.unreadable, [13], "the file was cut off");
        assert_eq!(file.blocks[0].subject(), None);
    }
}
