//! Numbers with unit prefixes, for names and axes.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    Si,
    Binary,
    Seconds,
    Milliseconds,
    None,
}

const DAY: f64 = 86_400.0;

impl System {
    /// The two that names know.
    pub fn named(name: &str) -> Option<System> {
        match name {
            "si" => Some(System::Si),
            "binary" => Some(System::Binary),
            _ => None,
        }
    }

    /// Those that axes know; anything else is si.
    pub fn of_axis(name: &str) -> System {
        match name {
            "binary" => System::Binary,
            "sec" => System::Seconds,
            "msec" => System::Milliseconds,
            "none" => System::None,
            _ => System::Si,
        }
    }

    /// Largest first.
    fn prefixes(self) -> &'static [(&'static str, f64)] {
        match self {
            System::Si => &[("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)],
            System::Binary => &[
                ("Pi", 1_125_899_906_842_624.0),
                ("Ti", 1_099_511_627_776.0),
                ("Gi", 1_073_741_824.0),
                ("Mi", 1_048_576.0),
                ("Ki", 1_024.0),
            ],
            System::Seconds => {
                &[("Y", 365.0 * DAY), ("M", 30.0 * DAY), ("D", DAY), ("H", 3_600.0), ("m", 60.0)]
            }
            System::Milliseconds => &[
                ("Y", 365.0 * DAY * 1e3),
                ("M", 30.0 * DAY * 1e3),
                ("D", DAY * 1e3),
                ("H", 3_600e3),
                ("m", 60e3),
                ("s", 1e3),
            ],
            System::None => &[],
        }
    }

    /// The value in the largest unit that it reaches (and that the step of an axis reaches), with its prefix.
    pub fn scaled(self, value: f64, step: Option<f64>) -> (f64, &'static str) {
        let reaches = |size: f64| value.abs() >= size && step.is_none_or(|step| step >= size);
        let found = self.prefixes().iter().find(|(_, size)| reaches(*size));
        let (prefix, size) = found.copied().unwrap_or(("", 1.0));
        let scaled = value / size;
        // What is off a whole number by a rounding error is that number.
        let whole = scaled - scaled.floor() < 1e-11 && value > 1.0;
        (if whole { scaled.floor() } else { scaled }, prefix)
    }
}

/// Two decimals, prefix and unit, as in legends.
pub fn shown(value: f64, system: Option<System>, unit: Option<&str>) -> String {
    match (system, unit) {
        (Some(system), unit) => {
            let (scaled, prefix) = system.scaled(value, None);
            let space = if unit.is_some() { " " } else { "" };
            format!("{}{space}{prefix}{}", decimals(scaled), unit.unwrap_or_default())
        }
        (None, Some(unit)) => format!("{} {unit}", decimals(value)),
        (None, None) => decimals(value),
    }
}

/// `%.2f`
fn decimals(value: f64) -> String {
    if value.is_finite() { format!("{value:.2}") } else { crate::python::float(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        let check = |value: f64, system: System, unit: Option<&str>, wanted: &str| {
            assert_eq!(shown(value, Some(system), unit), wanted);
        };
        check(1_500.0, System::Si, None, "1.50k");
        check(1_536.0, System::Binary, Some("b"), "1.50 Kib");
        check(999.0, System::Si, Some("b"), "999.00 b");
        check(-2e6, System::Si, None, "-2.00M");
        check(90.0, System::Seconds, None, "1.50m");
        assert_eq!(shown(1.0, None, Some("ms")), "1.00 ms");
    }
}
