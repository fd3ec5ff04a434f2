//! Lines and curves, in pixels from the top left.

use std::f64::consts::PI;

pub type Point = (f64, f64);

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Segment {
    Move(Point),
    Line(Point),
    Curve(Point, Point, Point),
    Close,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path {
    pub segments: Vec<Segment>,
}

/// Further out than any picture, and small enough to calculate with.
const FAR: f64 = 1e6;

impl Path {
    pub fn rectangle(left: f64, top: f64, width: f64, height: f64) -> Path {
        let mut path = Path::default();
        path.move_to((left, top));
        path.line_to((left + width, top));
        path.line_to((left + width, top + height));
        path.line_to((left, top + height));
        path.close();
        path
    }

    pub fn move_to(&mut self, point: Point) {
        if matches!(self.segments.last(), Some(Segment::Move(_))) {
            self.segments.pop();
        }
        self.segments.push(Segment::Move(on_grid(point)));
    }

    /// The first line of a path starts where it ends. One that goes on straight is part of the one before, as in
    /// cairo: it shows in an svg.
    pub fn line_to(&mut self, point: Point) {
        let point = on_grid(point);
        if self.segments.is_empty() {
            return self.move_to(point);
        }
        if let [.., before, Segment::Line(last)] = self.segments[..] {
            let from = match before {
                Segment::Move(point) | Segment::Line(point) | Segment::Curve(_, _, point) => Some(point),
                Segment::Close => None,
            };
            if last == point {
                return;
            }
            if from.is_some_and(|from| goes_on_straight(from, last, point)) {
                self.segments.pop();
            }
        }
        self.segments.push(Segment::Line(point));
    }

    pub fn curve_to(&mut self, first: Point, second: Point, end: Point) {
        self.segments.push(Segment::Curve(on_grid(first), on_grid(second), on_grid(end)));
    }

    pub fn close(&mut self) {
        let is_move = |segment: &Segment| matches!(segment, Segment::Move(_));
        let start = self.segments.iter().rposition(is_move).map(|index| self.segments[index]);
        // A line back to the start is what closing is.
        if let (Some(Segment::Move(start)), Some(Segment::Line(last))) = (start, self.segments.last())
            && start == *last
        {
            self.segments.pop();
        }
        self.segments.push(Segment::Close);
    }

    /// Part of a circle, clockwise, joined to what there is by a line.
    pub fn arc(&mut self, center: Point, radius: f64, from: f64, until: f64) {
        let on_circle = |angle: f64| (center.0 + radius * angle.cos(), center.1 + radius * angle.sin());
        self.line_to(on_circle(from));
        self.arc_from(center, radius, from, until);
    }

    fn arc_from(&mut self, center: Point, radius: f64, from: f64, until: f64) {
        if until - from > PI {
            let middle = from + (until - from) / 2.0;
            self.arc_from(center, radius, from, middle);
            return self.arc_from(center, radius, middle, until);
        }
        let on_circle = |angle: f64| (center.0 + radius * angle.cos(), center.1 + radius * angle.sin());
        let pieces = ((until - from) / longest_arc(radius)).ceil().clamp(1.0, 64.0);
        let piece = (until - from) / pieces;
        // The distance of the inner points that makes a curve follow a circle best.
        let handle = 4.0 / 3.0 * (piece / 4.0).tan();
        for index in 0..pieces as usize {
            let (a, b) = (from + piece * index as f64, from + piece * (index + 1) as f64);
            let (start, end) = (on_circle(a), on_circle(b));
            self.curve_to(
                (start.0 - handle * radius * a.sin(), start.1 + handle * radius * a.cos()),
                (end.0 + handle * radius * b.sin(), end.1 - handle * radius * b.cos()),
                end,
            );
        }
    }

    /// Every part of the path as corners, with whether it is closed; curves become lines.
    pub fn outlines(&self) -> Vec<Outline> {
        let mut outlines: Vec<Outline> = Vec::new();
        for segment in &self.segments {
            let current = outlines.last_mut().filter(|outline| !outline.closed);
            match (*segment, current) {
                (Segment::Move(point), _) => outlines.push(Outline::from(point)),
                (Segment::Line(point), Some(outline)) => outline.points.push(point),
                (Segment::Line(point), None) => outlines.push(Outline::from(point)),
                (Segment::Curve(first, second, end), Some(outline)) => {
                    if let Some(start) = outline.points.last().copied() {
                        flatten(&mut outline.points, [start, first, second, end], 0);
                        outline.points.push(end);
                    }
                }
                (Segment::Close, Some(outline)) => outline.closed = true,
                (Segment::Curve(..) | Segment::Close, None) => {}
            }
        }
        outlines
    }
}

#[derive(Clone, Debug)]
pub struct Outline {
    pub points: Vec<Point>,
    pub closed: bool,
}

impl Outline {
    fn from(point: Point) -> Outline {
        Outline { points: vec![point], closed: false }
    }
}

fn goes_on_straight(from: Point, middle: Point, to: Point) -> bool {
    let (x1, y1, x2, y2) = (middle.0 - from.0, middle.1 - from.1, to.0 - middle.0, to.1 - middle.1);
    x1 * y2 == x2 * y1 && x1 * x2 + y1 * y2 >= 0.0
}

/// Cairo keeps places as multiples of 1/256 of a pixel.
fn on_grid((x, y): Point) -> Point {
    (snap(x), snap(y))
}

pub fn snap(value: f64) -> f64 {
    let inside = if value.is_nan() { 0.0 } else { value.clamp(-FAR, FAR) };
    (inside * 256.0).round_ties_even() / 256.0
}

/// How far a flattened curve may be from the real one, as cairo has it.
const TOLERANCE: f64 = 0.1;

/// Halves a curve until its inner points are next to the line between its ends.
fn flatten(points: &mut Vec<Point>, curve: [Point; 4], depth: u8) {
    let [start, first, second, end] = curve;
    let off = |point| distance_squared(point, start, end);
    if depth >= 16 || off(first).max(off(second)) < TOLERANCE * TOLERANCE {
        return;
    }
    let middle = |a: Point, b: Point| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
    let (a, b, c) = (middle(start, first), middle(first, second), middle(second, end));
    let (ab, bc) = (middle(a, b), middle(b, c));
    let half = middle(ab, bc);
    flatten(points, [start, a, ab, half], depth + 1);
    points.push(half);
    flatten(points, [half, bc, c, end], depth + 1);
}

/// From a point to the nearest of a line between two others.
fn distance_squared(point: Point, start: Point, end: Point) -> f64 {
    let (x, y) = (point.0 - start.0, point.1 - start.1);
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let length = dx * dx + dy * dy;
    let along = if length > 0.0 { ((x * dx + y * dy) / length).clamp(0.0, 1.0) } else { 0.0 };
    let (x, y) = (x - along * dx, y - along * dy);
    x * x + y * y
}

/// The longest piece of a circle that one curve follows closely enough; the errors of cairo's table.
fn longest_arc(radius: f64) -> f64 {
    const ERRORS: [f64; 5] = [
        0.018_518_518_518_518_504,
        0.000_272_567_143_730_179_8,
        2.386_470_436_415_104_5e-5,
        4.245_537_744_322_244e-6,
        1.112_832_061_545_787_4e-6,
    ];
    let allowed = TOLERANCE / radius.abs().max(1e-9);
    let pieces = ERRORS.iter().position(|error| *error < allowed).unwrap_or(ERRORS.len());
    PI / (pieces + 1) as f64
}
