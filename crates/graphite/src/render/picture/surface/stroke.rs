//! What a pen covers on its way: outlines to shapes. Ends are cut off straight, corners are pointed.

use super::Pen;
use super::shape::{Rectangle, Shape, ring};
use crate::limits::MAX_DASHES;
use crate::render::picture::path::{Outline, Point, snap};

/// A corner whose point would reach further than this many half widths is cut off, as cairo does.
const POINTED: f64 = 10.0;

pub fn stroked(outlines: &[Outline], pen: Pen) -> Shape {
    let ways: Vec<Outline> = match pen.dash {
        Some(length) => outlines.iter().flat_map(|outline| dashed(outline, length)).collect(),
        None => outlines.to_vec(),
    };
    let half = pen.width / 2.0;
    if ways.iter().all(is_rectilinear) {
        return Shape::Boxes(ways.iter().flat_map(|way| boxes(way, half)).collect());
    }
    let mut edges = Vec::new();
    for way in &ways {
        let points = distinct(way);
        let legs = legs(&points, way.closed, half);
        for leg in &legs {
            ring(&mut edges, &[leg.left_start(), leg.left_end(), leg.right_end(), leg.right_start()]);
        }
        let last = if way.closed { legs.len() } else { legs.len().saturating_sub(1) };
        for index in 0..last {
            ring(&mut edges, &corner(&legs[index], &legs[(index + 1) % legs.len()], half));
        }
    }
    Shape::Edges(edges)
}

/// The points without repetitions.
fn distinct(way: &Outline) -> Vec<Point> {
    let mut points = way.points.clone();
    points.dedup();
    if way.closed && points.len() > 1 && points.first() == points.last() {
        points.pop();
    }
    points
}

fn is_rectilinear(way: &Outline) -> bool {
    let level = |a: Point, b: Point| a.0 == b.0 || a.1 == b.1;
    let closing = way.closed.then(|| Some((*way.points.last()?, *way.points.first()?))).flatten();
    way.points.windows(2).all(|pair| level(pair[0], pair[1])) && closing.is_none_or(|(a, b)| level(a, b))
}

/// A straight piece of a line with half the width of the pen at a right angle to it.
struct Leg {
    start: Point,
    end: Point,
    /// Of length 1.
    direction: Point,
    offset: Point,
}

impl Leg {
    fn left_start(&self) -> Point {
        (self.start.0 + self.offset.0, self.start.1 + self.offset.1)
    }

    fn left_end(&self) -> Point {
        (self.end.0 + self.offset.0, self.end.1 + self.offset.1)
    }

    fn right_start(&self) -> Point {
        (self.start.0 - self.offset.0, self.start.1 - self.offset.1)
    }

    fn right_end(&self) -> Point {
        (self.end.0 - self.offset.0, self.end.1 - self.offset.1)
    }
}

fn legs(points: &[Point], closed: bool, half: f64) -> Vec<Leg> {
    let next = points.iter().skip(1).chain(closed.then(|| &points[0]));
    let leg = |(start, end): (&Point, &Point)| {
        let (dx, dy) = (end.0 - start.0, end.1 - start.1);
        let length = dx.hypot(dy);
        let direction = (dx / length, dy / length);
        let offset = (snap(-direction.1 * half), snap(direction.0 * half));
        Leg { start: *start, end: *end, direction, offset }
    };
    points.iter().zip(next).filter(|(start, end)| start != end).map(leg).collect()
}

/// What two legs leave open on the outer side of their corner.
fn corner(one: &Leg, other: &Leg, half: f64) -> Vec<Point> {
    let at = one.end;
    let ((x1, y1), (x2, y2)) = (one.direction, other.direction);
    let (turn, cosine) = (x1 * y2 - y1 * x2, x1 * x2 + y1 * y2);
    if turn == 0.0 || half == 0.0 {
        return Vec::new();
    }
    let (from, to) = match turn > 0.0 {
        true => (one.right_end(), other.right_start()),
        false => (one.left_end(), other.left_start()),
    };
    // The point is 1/cos(half the angle) half widths away, and cos² of the half is (1 + cos) / 2.
    let reach = 2.0 / (1.0 + cosine).max(1e-9);
    if reach > POINTED * POINTED {
        return vec![at, from, to];
    }
    // Half way between the outer sides, that far out.
    let side = if turn > 0.0 { half } else { -half };
    let scale = side * reach / 2.0;
    let tip = (at.0 + (y1 + y2) * scale, at.1 - (x1 + x2) * scale);
    vec![at, from, (snap(tip.0), snap(tip.1)), to]
}

/// Level and upright pieces, each as long as its corners need.
fn boxes(way: &Outline, half: f64) -> Vec<Rectangle> {
    let points = distinct(way);
    let half = snap(half);
    let count = points.len();
    let pieces = if way.closed { count } else { count.saturating_sub(1) };
    let point = |index: usize| points[index % count];
    let upright = |index: usize| point(index).0 == point(index + 1).0;
    (0..pieces)
        .map(|index| {
            let (start, end) = (point(index), point(index + 1));
            let turns_before =
                (index > 0 || way.closed) && upright((index + pieces - 1) % pieces) != upright(index);
            let turns_after =
                (index + 1 < pieces || way.closed) && upright((index + 1) % pieces) != upright(index);
            let before = if turns_before { half } else { 0.0 };
            let after = if turns_after { half } else { 0.0 };
            let (along, across) = match upright(index) {
                true => ((start.1, end.1), start.0),
                false => ((start.0, end.0), start.1),
            };
            let (low, high) = match along.0 <= along.1 {
                true => (along.0 - before, along.1 + after),
                false => (along.1 - after, along.0 + before),
            };
            match upright(index) {
                true => Rectangle::new(across - half, low, across + half, high),
                false => Rectangle::new(low, across - half, high, across + half),
            }
        })
        .collect()
}

/// The pieces that a pen draws that is put down and lifted in turns of this length. It starts one pixel into
/// its first turn.
fn dashed(way: &Outline, length: f64) -> Vec<Outline> {
    let mut points = distinct(way);
    if way.closed {
        points.extend(points.first().copied());
    }
    let mut drawn = Vec::new();
    let mut down = ((1.0 / length) as u64).is_multiple_of(2);
    let mut left = length - 1.0 % length;
    let mut current: Vec<Point> = points.first().copied().filter(|_| down).into_iter().collect();
    for pair in points.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        let whole = (end.0 - start.0).hypot(end.1 - start.1);
        let mut done = 0.0;
        while whole - done > left {
            done += left;
            let at = (
                snap(start.0 + (end.0 - start.0) * done / whole),
                snap(start.1 + (end.1 - start.1) * done / whole),
            );
            current.push(at);
            if down {
                drawn.push(Outline { points: std::mem::take(&mut current), closed: false });
            }
            (down, left) = (!down, length);
            current = if down { vec![at] } else { Vec::new() };
            if drawn.len() >= MAX_DASHES {
                return drawn;
            }
        }
        left -= whole - done;
        if down {
            current.push(end);
        }
    }
    if down && current.len() > 1 {
        drawn.push(Outline { points: current, closed: false });
    }
    drawn
}
