//! `format=raw`: the one form of an answer that tells step and bounds, consolidates nothing and loses nothing of a
//! number: `name,start,end,step|value,value,None`, a line for each series.

use std::collections::HashMap;

/// The stored points of one series in one archive.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub start: i64,
    pub step: i64,
    /// NaN where there is none.
    pub values: Vec<f64>,
}

impl Row {
    pub fn at(&self, time: i64) -> Option<f64> {
        let index = usize::try_from((time - self.start).div_euclid(self.step)).ok()?;
        self.values.get(index).copied().filter(|value| !value.is_nan())
    }

    fn times(&self) -> impl DoubleEndedIterator<Item = i64> {
        let known = self.values.iter().enumerate().filter(|(_, value)| !value.is_nan());
        known.map(|(index, _)| self.start + index as i64 * self.step)
    }

    pub fn first(&self) -> Option<i64> {
        self.times().next()
    }

    pub fn last(&self) -> Option<i64> {
        self.times().next_back()
    }
}

/// Rows by name, or the line that is none.
pub fn read(body: &[u8]) -> Result<HashMap<String, Row>, String> {
    Ok(read_in_order(body)?.into_iter().collect())
}

/// The same as they come: an answer to a target may have a name twice.
pub fn read_in_order(body: &[u8]) -> Result<Vec<(String, Row)>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "an answer that is no UTF-8".to_owned())?;
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| row(line).ok_or_else(|| not_raw(line))).collect()
}

fn not_raw(line: &str) -> String {
    format!("not a line of format=raw: {}", line.chars().take(80).collect::<String>())
}

fn row(line: &str) -> Option<(String, Row)> {
    let (head, values) = line.rsplit_once('|')?;
    let mut fields = head.rsplitn(4, ',');
    let step: i64 = fields.next()?.parse().ok()?;
    let _end: i64 = fields.next()?.parse().ok()?;
    let start: i64 = fields.next()?.parse().ok()?;
    let name = fields.next()?.to_owned();
    let values = values.split(',').filter(|value| !value.is_empty()).map(value).collect::<Option<_>>()?;
    (step > 0).then_some((name, Row { start, step, values }))
}

fn value(text: &str) -> Option<f64> {
    if text == "None" { Some(f64::NAN) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_writes() {
        let rows = read(b"a,b|c,120,180,20|1.5,None,-3e-07\nx;t=1,60,60,60|\n").unwrap();
        let row = &rows["a,b|c"];
        assert_eq!((row.start, row.step), (120, 20));
        assert_eq!((row.at(120), row.at(140), row.at(160)), (Some(1.5), None, Some(-3e-7)));
        assert_eq!((row.at(100), row.at(180), row.first(), row.last()), (None, None, Some(120), Some(160)));
        assert!(rows["x;t=1"].values.is_empty());
        for bad in ["<html>", "a,1,2|3", "a,1,2,0|3", "a,1,2,3|x"] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
