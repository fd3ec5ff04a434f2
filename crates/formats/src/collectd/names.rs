//! Names of series as collectd's write_graphite plugin makes them, with all its options.

use super::Values;

/// write_graphite's options of the same names, with its defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct Naming {
    pub prefix: String,
    pub postfix: String,
    pub escape: char,
    /// A dot between name and instance, not `-`.
    pub separate_instances: bool,
    /// Dots of host names and others stay.
    pub preserve_separator: bool,
    /// Also where a type has only one value.
    pub always_append_ds: bool,
    /// `cpu.percent` and not `cpu.cpu-percent`.
    pub drop_duplicate_fields: bool,
}

impl Default for Naming {
    fn default() -> Naming {
        Naming {
            prefix: String::new(),
            postfix: String::new(),
            escape: '_',
            separate_instances: false,
            preserve_separator: false,
            always_append_ds: false,
            drop_duplicate_fields: false,
        }
    }
}

/// What no name of write_graphite has.
const FORBIDDEN: [char; 12] = [' ', '\t', '"', '\\', ':', '!', ',', '/', '(', ')', '\n', '\r'];

impl Naming {
    /// `prefix host postfix . plugin[-instance] . type[-instance] [. source]`, appended to `out`.
    pub fn write(&self, values: &Values<'_>, source: &str, out: &mut String) {
        let between = if self.separate_instances { '.' } else { '-' };
        self.add(&self.prefix, true, out);
        self.add(values.host, false, out);
        self.add(&self.postfix, true, out);
        out.push('.');
        let plugin = out.len();
        self.add(values.plugin, false, out);
        if !values.plugin_instance.is_empty() {
            out.push(between);
            self.add(values.plugin_instance, false, out);
        }
        let kind = out.len();
        out.push('.');
        let same = self.drop_duplicate_fields && values.plugin == values.kind;
        if !same || values.type_instance.is_empty() {
            self.add(values.kind, false, out);
            if !values.type_instance.is_empty() {
                out.push(between);
            }
        }
        self.add(values.type_instance, false, out);
        if values.len() > 1 || self.always_append_ds {
            let twice = out[plugin..kind] == out[kind + 1..];
            if self.drop_duplicate_fields && twice {
                out.truncate(kind);
            }
            out.push('.');
            self.add(source, true, out);
        }
    }

    fn add(&self, text: &str, dots: bool, out: &mut String) {
        let dots = dots || self.preserve_separator;
        let bad = |c: char| (c == '.' && !dots) || c.is_ascii_control() || FORBIDDEN.contains(&c);
        out.extend(text.chars().map(|c| if bad(c) { self.escape } else { c }));
    }
}

#[cfg(test)]
mod tests {
    use super::super::FineTime;
    use super::*;

    fn check(naming: &Naming, parts: [&str; 5], count: usize, expected: &str) {
        let [host, plugin, plugin_instance, kind, type_instance] = parts;
        let raw = vec![0; count * 9];
        let (time, interval) = (FineTime(1), FineTime(1));
        let values = Values { host, plugin, plugin_instance, kind, type_instance, time, interval, raw: &raw };
        let mut name = String::new();
        naming.write(&values, "rx", &mut name);
        assert_eq!(name, expected);
    }

    #[test]
    fn names_are_those_of_write_graphite() {
        let plain = Naming { prefix: "collectd.".into(), ..Naming::default() };
        check(&plain, ["a.example.org", "load", "", "load", ""], 3, "collectd.a_example_org.load.load.rx");
        check(&plain, ["a", "df", "root", "df_complex", "free"], 1, "collectd.a.df-root.df_complex-free");
        check(
            &plain,
            ["a", "snmp", "x/y:z 1", "if_octets", "(e)\u{7}"],
            2,
            "collectd.a.snmp-x_y_z_1.if_octets-_e__.rx",
        );
        let all = Naming {
            prefix: "p.".into(),
            postfix: ".q".into(),
            escape: '+',
            separate_instances: true,
            preserve_separator: true,
            always_append_ds: true,
            drop_duplicate_fields: true,
        };
        check(&all, ["a.b", "cpu", "0", "cpu", "idle"], 1, "p.a.b.q.cpu.0.idle.rx");
        check(&all, ["a", "load", "", "load", ""], 1, "p.a.q.load.rx");
        check(&all, ["a", "df", "x y", "df", ""], 1, "p.a.q.df.x+y.df.rx");
    }
}
