//! Shapes to the share of each pixel that they cover.
//!
//! Cairo's way, so that pixels come out as in the original: rectangles exactly; all else in 15 lines for each
//! row of pixels, which is exact across and a matter of fifteenths down. Edges that pass a whole row undisturbed
//! are not cut into lines.

use crate::render::picture::path::{Outline, Point};

/// Lines for each row of pixels.
const LINES: i32 = 15;

pub enum Shape {
    Boxes(Vec<Rectangle>),
    Edges(Vec<Edge>),
}

#[derive(Clone, Copy, Debug)]
pub struct Rectangle {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl Rectangle {
    pub fn new(left: f64, top: f64, right: f64, bottom: f64) -> Rectangle {
        Rectangle { left, top, right, bottom }
    }

    pub fn within(self, other: Rectangle) -> Rectangle {
        Rectangle {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    fn is_empty(self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }
}

/// A side of a shape, downwards, from one line of the grid to another.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    top: i32,
    bottom: i32,
    start: Point,
    slope: f64,
    direction: i32,
}

pub fn filled(outlines: &[Outline]) -> Shape {
    if let [one] = outlines
        && let [a, b, c, d] = one.points[..]
        && ((a.1 == b.1 && b.0 == c.0 && c.1 == d.1 && d.0 == a.0)
            || (a.0 == b.0 && b.1 == c.1 && c.0 == d.0 && d.1 == a.1))
    {
        let (left, right) = (a.0.min(c.0), a.0.max(c.0));
        return Shape::Boxes(vec![Rectangle::new(left, a.1.min(c.1), right, a.1.max(c.1))]);
    }
    let mut edges = Vec::new();
    for outline in outlines {
        let next = outline.points.iter().cycle().skip(1);
        edges.extend(outline.points.iter().zip(next).filter_map(|(from, to)| edge(*from, *to)));
    }
    Shape::Edges(edges)
}

/// A closed outline, always the same way round: those that overlap must not cancel each other.
pub fn ring(edges: &mut Vec<Edge>, points: &[Point]) {
    let pairs = || points.iter().zip(points.iter().cycle().skip(1));
    let area: f64 = pairs().map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum();
    edges.extend(pairs().filter_map(|(a, b)| if area < 0.0 { edge(*b, *a) } else { edge(*a, *b) }));
}

fn edge(from: Point, to: Point) -> Option<Edge> {
    let (upper, lower, direction) = if from.1 < to.1 { (from, to, 1) } else { (to, from, -1) };
    let (top, bottom) = (line_at(upper.1), line_at(lower.1));
    let slope = (lower.0 - upper.0) / (lower.1 - upper.1);
    (top < bottom).then_some(Edge { top, bottom, start: upper, slope, direction })
}

fn line_at(y: f64) -> i32 {
    (y * f64::from(LINES) + 0.5).floor() as i32
}

impl Edge {
    /// Where it is at half a line (two to a line), in 256ths of a pixel.
    fn exactly_at(&self, half_line: i32) -> f64 {
        let y = f64::from(half_line) / f64::from(2 * LINES);
        let far = f64::from(BEYOND - 1);
        ((self.start.0 + (y - self.start.1) * self.slope) * 256.0).clamp(-far, far)
    }

    /// The same, cut off.
    fn at(&self, half_line: i32) -> i32 {
        // A cast is cheaper than rounding down, and the same for what is not negative.
        (self.exactly_at(half_line) + f64::from(BEYOND)) as i32 - BEYOND
    }
}

/// More than any place on the grid, in 256ths of a pixel.
const BEYOND: i32 = 1 << 29;

/// Calls back with every run of pixels that is covered at all: row, first pixel, and how much of each pixel.
pub fn rasterize(shape: &Shape, limits: Rectangle, mut row_done: impl FnMut(usize, usize, &[u8])) {
    let limits = Rectangle { left: limits.left.max(0.0), top: limits.top.max(0.0), ..limits };
    if limits.is_empty() {
        return;
    }
    match shape {
        Shape::Boxes(boxes) => rasterize_boxes(boxes, limits, &mut Row::new(limits, 256), &mut row_done),
        Shape::Edges(edges) => rasterize_edges(edges, limits, &mut Row::new(limits, LINES), &mut row_done),
    }
}

/// One row of pixels while it is filled: how coverage changes from pixel to pixel. Places are 256ths of a pixel.
struct Row {
    left: i32,
    right: i32,
    /// What a pixel that is covered by a weight of 1 adds up to is 512.
    changes: Vec<i32>,
    /// The weight of what covers a pixel all the way down.
    whole: i32,
    covered: Vec<u8>,
    first: usize,
    last: usize,
}

impl Row {
    fn new(limits: Rectangle, whole: i32) -> Row {
        let width = limits.right.ceil() as usize + 2;
        let (left, right) = (fixed(limits.left), fixed(limits.right));
        Row { left, right, changes: vec![0; width], whole, covered: vec![0; width], first: width, last: 0 }
    }

    /// Everything between two places, with a weight.
    fn span(&mut self, from: i32, to: i32, weight: i32) {
        let (from, to) = (from.clamp(self.left, self.right), to.clamp(self.left, self.right));
        if from < to {
            self.from(2 * from, weight);
            self.from(2 * to, -weight);
        }
    }

    /// Everything right of a place, in 512ths of a pixel.
    fn from(&mut self, place: i32, weight: i32) {
        let place = place.clamp(2 * self.left, 2 * self.right);
        let (pixel, beyond) = ((place >> 9) as usize, place & 511);
        self.changes[pixel] += weight * (512 - beyond);
        self.changes[pixel + 1] += weight * beyond;
        self.first = self.first.min(pixel);
        self.last = self.last.max(pixel + 1);
    }

    /// Everything right of an edge through the whole row. Where it passes several pixels, the share of each in
    /// its height is a whole number of lines.
    fn right_of(&mut self, top: i32, bottom: i32, direction: i32) {
        let (low, high) = (top.min(bottom), top.max(bottom));
        let (first, last) = (low >> 8, high >> 8);
        if first == last || low >= self.right || high <= self.left {
            return self.from(low.saturating_add(high), direction * LINES);
        }
        let passed = |place: i32| (i64::from(place - low) * i64::from(LINES) / i64::from(high - low)) as i32;
        let mut before = 0;
        // What is left of the limits is passed at once.
        let mut pixel = first.max((self.left >> 8) - 1);
        while pixel < last && pixel << 8 <= self.right {
            let until = passed((pixel + 1) << 8);
            self.from((pixel << 8).max(low) + ((pixel + 1) << 8), direction * (until - before));
            before = until;
            pixel += 1;
        }
        self.from((pixel << 8).max(low).saturating_add(high), direction * (LINES - before));
    }

    /// Calls back with each run of pixels that are covered at all, and is an empty row again.
    fn finish(&mut self, y: usize, row_done: &mut impl FnMut(usize, usize, &[u8])) {
        if self.first > self.last {
            return;
        }
        let end = self.last.min(((self.right + 255) >> 8) as usize - 1);
        let whole = self.whole * 512;
        let (mut total, mut run) = (0, self.first);
        for index in self.first..=end {
            // Most of a row is nothing, or all of it is covered: both without a division.
            total += std::mem::take(&mut self.changes[index]);
            self.covered[index] = match total {
                ..=0 => 0,
                partly if partly < whole => ((partly * 255 + whole / 2) / whole) as u8,
                _ => 255,
            };
            if self.covered[index] == 0 {
                if run < index {
                    row_done(y, run, &self.covered[run..index]);
                }
                run = index + 1;
            }
        }
        if run <= end {
            row_done(y, run, &self.covered[run..=end]);
        }
        // What is right of the limits.
        let last = self.last.min(self.changes.len() - 1);
        self.changes[(end + 1).min(last)..=last].fill(0);
        (self.first, self.last) = (self.changes.len(), 0);
    }
}

/// In 256ths of a pixel.
fn fixed(place: f64) -> i32 {
    (place * 256.0).round() as i32
}

fn rasterize_boxes(
    boxes: &[Rectangle],
    limits: Rectangle,
    row: &mut Row,
    row_done: &mut impl FnMut(usize, usize, &[u8]),
) {
    let mut boxes: Vec<Rectangle> =
        boxes.iter().map(|one| one.within(limits)).filter(|one| !one.is_empty()).collect();
    boxes.sort_by(|a, b| a.top.total_cmp(&b.top));
    let mut active: Vec<Rectangle> = Vec::new();
    let mut waiting = boxes.into_iter().peekable();
    let mut y = waiting.peek().map_or(0.0, |one| one.top.floor());
    while waiting.peek().is_some() || !active.is_empty() {
        if active.is_empty() {
            y = waiting.peek().map_or(y, |one| one.top.floor().max(y));
        }
        while let Some(one) = waiting.next_if(|one| one.top < y + 1.0) {
            active.push(one);
        }
        active.retain(|one| one.bottom > y);
        row_of_boxes(&mut active, y, row);
        row.finish(y as usize, row_done);
        y += 1.0;
        active.retain(|one| one.bottom > y);
    }
}

/// Overlaps count once: the row is cut where a box begins or ends.
fn row_of_boxes(active: &mut [Rectangle], y: f64, row: &mut Row) {
    active.sort_by(|a, b| a.left.total_cmp(&b.left));
    let ends = active.iter().flat_map(|one| [one.top, one.bottom]).filter(|end| *end > y && *end < y + 1.0);
    let mut cuts: Vec<f64> = ends.chain([y, y + 1.0]).collect();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    for slab in cuts.windows(2) {
        let mut reached = i32::MIN;
        for one in active.iter().filter(|one| one.top <= slab[0] && one.bottom >= slab[1]) {
            let right = fixed(one.right);
            row.span(fixed(one.left).max(reached), right, fixed(slab[1] - slab[0]));
            reached = reached.max(right);
        }
    }
}

fn rasterize_edges(
    edges: &[Edge],
    limits: Rectangle,
    row: &mut Row,
    row_done: &mut impl FnMut(usize, usize, &[u8]),
) {
    let (first, end) = (line_at(limits.top), line_at(limits.bottom));
    let mut edges: Vec<&Edge> = edges.iter().filter(|edge| edge.bottom > first && edge.top < end).collect();
    edges.sort_unstable_by_key(|edge| edge.top);
    let mut waiting = edges.into_iter().peekable();
    let mut active: Vec<Crossing<'_>> = Vec::new();
    let Some(top) = waiting.peek().map(|edge| edge.top.max(first)) else { return };
    let mut y = top.div_euclid(LINES);
    while y * LINES < end && (waiting.peek().is_some() || !active.is_empty()) {
        if active.is_empty() {
            y = waiting.peek().map_or(y, |edge| edge.top.div_euclid(LINES).max(y));
        }
        let lines = (y * LINES).max(first)..((y + 1) * LINES).min(end);
        while let Some(edge) = waiting.next_if(|edge| edge.top <= lines.start) {
            active.push(Crossing::new(edge));
        }
        let undisturbed = lines.len() == LINES as usize
            && waiting.peek().is_none_or(|edge| edge.top >= lines.end)
            && active.iter().all(|one| one.edge.bottom >= lines.end)
            && keeps_order(&mut active, lines.start, lines.end);
        if undisturbed {
            whole_row(&active, lines.start, lines.end, row);
        } else {
            line_by_line(&mut active, &mut waiting, lines.clone(), row);
        }
        row.finish(y as usize, row_done);
        active.retain(|one| one.edge.bottom > lines.end);
        y += 1;
    }
}

/// An edge and where it is on the present line.
struct Crossing<'e> {
    edge: &'e Edge,
    /// In 256ths of a pixel, and `FINE` of these.
    x: i64,
    /// From line to line.
    step: i64,
}

const FINE: i64 = 1 << 24;

impl<'e> Crossing<'e> {
    fn new(edge: &'e Edge) -> Crossing<'e> {
        let step = edge.slope * 256.0 / f64::from(LINES) * FINE as f64;
        Crossing { edge, x: 0, step: step as i64 }
    }

    /// To the middle of a line.
    fn place(&mut self, line: i32) {
        self.x = (self.edge.exactly_at(2 * line + 1) * FINE as f64) as i64;
    }

    fn whole(&self) -> i32 {
        (self.x >> FINE.trailing_zeros()) as i32
    }
}

fn line_by_line<'e>(
    active: &mut Vec<Crossing<'e>>,
    waiting: &mut std::iter::Peekable<impl Iterator<Item = &'e Edge>>,
    lines: std::ops::Range<i32>,
    row: &mut Row,
) {
    active.iter_mut().for_each(|one| one.place(lines.start));
    let first_end = |active: &[Crossing<'_>]| active.iter().map(|one| one.edge.bottom).min();
    let mut next_end = first_end(active);
    for line in lines {
        while let Some(edge) = waiting.next_if(|edge| edge.top <= line) {
            let mut crossing = Crossing::new(edge);
            crossing.place(line);
            active.push(crossing);
            next_end = next_end.map_or(Some(edge.bottom), |end| Some(end.min(edge.bottom)));
        }
        if next_end.is_some_and(|end| end <= line) {
            active.retain(|one| one.edge.bottom > line);
            next_end = first_end(active);
        }
        put_in_order(active);
        one_line(active, row);
    }
}

/// From left to right. They nearly are, from the line before.
fn put_in_order(active: &mut [Crossing<'_>]) {
    for index in 1..active.len() {
        let mut at = index;
        while at > 0 && active[at - 1].x > active[at].x {
            active.swap(at - 1, at);
            at -= 1;
        }
    }
}

fn keeps_order(active: &mut [Crossing<'_>], top: i32, bottom: i32) -> bool {
    active.sort_by_key(|one| (one.edge.at(2 * top), one.step));
    active.windows(2).all(|pair| pair[0].edge.at(2 * bottom) < pair[1].edge.at(2 * bottom))
}

fn whole_row(active: &[Crossing<'_>], top: i32, bottom: i32, row: &mut Row) {
    let mut winding = 0;
    for one in active {
        let before = winding;
        winding += one.edge.direction;
        let direction = match (before == 0, winding == 0) {
            (true, false) => 1,
            (false, true) => -1,
            _ => continue,
        };
        row.right_of(one.edge.at(2 * top), one.edge.at(2 * bottom), direction);
    }
}

/// And on to the next.
fn one_line(active: &mut [Crossing<'_>], row: &mut Row) {
    let (mut winding, mut start) = (0, 0);
    for one in active.iter_mut() {
        if winding == 0 {
            start = one.whole();
        }
        winding += one.edge.direction;
        if winding == 0 {
            row.span(start, one.whole(), 1);
        }
        one.x = one.x.saturating_add(one.step);
    }
}
