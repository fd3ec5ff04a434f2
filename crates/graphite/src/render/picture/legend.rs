//! Names and colours of the lines, below the drawing.

use super::canvas::{Across, Down};
use super::graph::Graph;
use crate::error::EvaluationError;

pub struct Entry {
    pub name: String,
    pub color: String,
    /// Measured by the axis on the right.
    pub right: bool,
}

const PADDING: f64 = 5.0;

/// Sizes that all entries share.
struct Sizes {
    square: f64,
    line: f64,
    entry: f64,
}

impl Graph<'_> {
    pub fn legend(
        &mut self,
        mut entries: Vec<Entry>,
        unique: bool,
        second_axis: bool,
    ) -> Result<(), EvaluationError> {
        self.canvas.begin_part("legend");
        if unique {
            let mut seen = std::collections::HashSet::new();
            entries.retain(|entry| seen.insert(entry.name.clone()));
        }
        // Python's: by letters, the last of the longest.
        let Some(longest) = entries.iter().max_by_key(|entry| entry.name.chars().count()) else {
            return Ok(());
        };
        let longest = longest.name.clone();
        let square = self.canvas.heights().line - 1.0;
        let twice = self.canvas.width_of(&format!("{longest} {longest}")) + 2.0 * (square + PADDING);
        let entry = self.canvas.width_of(&longest) + 2.0 * (square + PADDING);
        let sizes = Sizes { square, line: square + 2.0, entry };
        self.canvas.pen.width = 1.0;
        if second_axis && twice + 50.0 < self.width {
            self.two_sides(&entries, &sizes)
        } else {
            self.columns(&entries, &sizes)
        }
    }

    /// Those of the left axis on the left, those of the right axis on the right.
    fn two_sides(&mut self, entries: &[Entry], sizes: &Sizes) -> Result<(), EvaluationError> {
        let columns = ((self.width - self.area.left) / sizes.entry).floor().max(1.0);
        let columns = (columns / 2.0).floor().max(1.0);
        let right = entries.iter().filter(|entry| entry.right).count();
        let lines = right.max(entries.len() - right) as f64;
        self.area.bottom -= (lines / columns).max(1.0) * sizes.line + PADDING;
        let top = self.area.bottom + 2.0 * PADDING;
        let far = self.area.right - self.area.left;
        let (mut left, mut right) = ((0.0, self.area.left, top), (0.0, far, top));
        for entry in entries {
            let (count, x, y) = if entry.right { &mut right } else { &mut left };
            *count += 1.0;
            if entry.right {
                self.square(*x - PADDING, *y, &entry.color, sizes)?;
                self.canvas.text(&entry.name, (*x - sizes.square, *y), Across::Right, Down::Top);
                *x -= sizes.entry;
            } else {
                self.square(*x, *y, &entry.color, sizes)?;
                self.canvas.text(&entry.name, (*x + sizes.square + PADDING, *y), Across::Left, Down::Top);
                *x += sizes.entry;
            }
            if *count % columns == 0.0 {
                *x = if entry.right { far } else { self.area.left };
                *y += sizes.line;
            }
        }
        Ok(())
    }

    fn columns(&mut self, entries: &[Entry], sizes: &Sizes) -> Result<(), EvaluationError> {
        let columns = (self.width / sizes.entry).floor().max(1.0) as usize;
        let lines = entries.len().div_ceil(columns) as f64;
        self.area.bottom -= lines * sizes.line + PADDING;
        let (mut x, mut y) = (self.area.left, self.area.bottom + 2.0 * PADDING);
        for (index, entry) in entries.iter().enumerate() {
            if entry.right {
                self.square(x + sizes.entry + PADDING, y, &entry.color, sizes)?;
                self.canvas.text(&entry.name, (x + sizes.entry, y), Across::Right, Down::Top);
            } else {
                self.square(x, y, &entry.color, sizes)?;
                self.canvas.text(&entry.name, (x + sizes.square + PADDING, y), Across::Left, Down::Top);
            }
            x += sizes.entry;
            if (index + 1) % columns == 0 {
                x = self.area.left;
                y += sizes.line;
            }
        }
        Ok(())
    }

    /// Leaves the foreground colour for the name.
    fn square(&mut self, x: f64, y: f64, color: &str, sizes: &Sizes) -> Result<(), EvaluationError> {
        self.set_color(color, 1.0)?;
        self.canvas.fill_rectangle(x, y, sizes.square, sizes.square);
        self.set_color("darkgrey", 1.0)?;
        self.canvas.frame(x, y, sizes.square, sizes.square);
        self.set_foreground()
    }
}
