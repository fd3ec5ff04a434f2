//! Json with the spacing of Python's `json.dumps`: `", "` and `": "`, or two spaces of indent.

use crate::python::push_json_text;

pub struct Json {
    pub out: Vec<u8>,
    /// Depth, if the text is to be pretty.
    indent: Option<usize>,
    /// Nothing was written yet in the innermost list or object.
    first: bool,
}

impl Json {
    pub fn new(pretty: bool) -> Json {
        Json { out: Vec::new(), indent: pretty.then_some(0), first: true }
    }

    pub fn list(&mut self, items: impl FnOnce(&mut Json)) {
        self.enclosed(b'[', b']', items);
    }

    pub fn object(&mut self, members: impl FnOnce(&mut Json)) {
        self.enclosed(b'{', b'}', members);
    }

    fn enclosed(&mut self, open: u8, close: u8, inside: impl FnOnce(&mut Json)) {
        self.out.push(open);
        if let Some(depth) = &mut self.indent {
            *depth += 1;
        }
        self.first = true;
        inside(self);
        if let Some(depth) = &mut self.indent {
            *depth -= 1;
        }
        if !self.first {
            self.new_line();
        }
        self.first = false;
        self.out.push(close);
    }

    fn new_line(&mut self) {
        if let Some(depth) = self.indent {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + 2 * depth, b' ');
        }
    }

    /// Call before each item of a list; [`Json::key`] does for objects.
    pub fn item(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(b',');
            if self.indent.is_none() {
                self.out.push(b' ');
            }
        }
        self.new_line();
    }

    pub fn key(&mut self, key: &str) {
        self.item();
        self.text(key);
        self.out.extend_from_slice(b": ");
    }

    pub fn text(&mut self, text: &str) {
        push_json_text(&mut self.out, text);
    }

    pub fn integer(&mut self, value: i64) {
        self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    pub fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub fn bool(&mut self, value: bool) {
        self.raw(if value { "true" } else { "false" });
    }

    pub fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        self.list(|json| {
            for text in texts {
                json.item();
                json.text(text);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spacing_of_python() {
        let check = |pretty: bool, wanted: &str| {
            let mut json = Json::new(pretty);
            json.object(|json| {
                json.key("a");
                json.texts(["x", "y"]);
                json.key("b");
                json.list(|_| {});
                json.key("c");
                json.integer(1);
            });
            assert_eq!(String::from_utf8(json.out).unwrap(), wanted);
        };
        check(false, "{\"a\": [\"x\", \"y\"], \"b\": [], \"c\": 1}");
        check(true, "{\n  \"a\": [\n    \"x\",\n    \"y\"\n  ],\n  \"b\": [],\n  \"c\": 1\n}");
    }
}
