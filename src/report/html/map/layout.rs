//! Where everything on the map stands: services in layers or in a circle, labels where nothing else is.

use std::collections::BTreeMap;
use std::fmt;

use crate::journal::NodeId;
use crate::report::html::lanes;
use crate::sim::Run;

/// The size of a service's box.
pub(super) const WIDTH: f64 = 150.0;
pub(super) const HEIGHT: f64 = 44.0;
/// From one line of a label to the next.
pub(super) const LABEL_LINE: f64 = 15.0;
/// The width of a character of a label, about.
const LABEL_LETTER: f64 = 6.2;
/// From an edge to its label.
const LABEL_GAP: f64 = 4.0;
/// Where on its edge a label may stand, from 0 to 1: best nearer to its end, where edges that cross
/// have parted.
const LABEL_AT: [f64; 5] = [0.58, 0.45, 0.7, 0.32, 0.82];
/// Of more edges than this, labels lie over some anyhow, and are not kept off them.
const CURVES_MAX: usize = 100;
/// More calls than this inside of one layer, and the services stand in a circle.
const INNER_MAX: usize = 2;

/// Where each service stands.
pub(super) struct Layout<'a> {
    pub(super) places: BTreeMap<&'a str, (f64, f64)>,
    pub(super) size: (f64, f64),
}

impl<'a> Layout<'a> {
    pub(super) fn of(
        run: &Run,
        of_node: &[&str],
        shown: &[&'a str],
        edges: &[(&str, &str)],
    ) -> Self {
        let of_nodes = lanes::depths(run);
        let mut depths: BTreeMap<&str, usize> =
            shown.iter().map(|name| (*name, usize::MAX)).collect();
        for (node, service) in (0..).map(NodeId).zip(of_node) {
            if let (Some(depth), Some(own)) = (depths.get_mut(service), of_nodes.get(&node)) {
                *depth = (*depth).min(*own);
            }
        }
        depths.values_mut().filter(|depth| **depth == usize::MAX).for_each(|depth| *depth = 0);
        let inner = |(from, to): &(&str, &str)| {
            from != to && depths.contains_key(from) && depths.get(from) == depths.get(to)
        };
        if edges.iter().filter(|edge| inner(edge)).count() > INNER_MAX {
            return Layout::circle(shown);
        }
        let mut layers: BTreeMap<usize, Vec<&'a str>> = BTreeMap::new();
        for service in shown {
            layers.entry(depths[service]).or_default().push(service);
        }
        Layout::layers(layers.into_values().collect())
    }

    fn layers(layers: Vec<Vec<&'a str>>) -> Self {
        let rows = layers.iter().map(Vec::len).max().unwrap_or(0) as f64;
        let (across, down) = (WIDTH + 170.0, HEIGHT + 46.0);
        let size = (layers.len() as f64 * across - 170.0 + 40.0, rows * down + 14.0);
        let mut places = BTreeMap::new();
        for (column, layer) in layers.iter().enumerate() {
            let top = (rows - layer.len() as f64) * down / 2.0;
            for (row, service) in layer.iter().enumerate() {
                let x = 20.0 + WIDTH / 2.0 + column as f64 * across;
                let y = top + down / 2.0 + 7.0 + row as f64 * down;
                places.insert(*service, (x, y));
            }
        }
        Layout { places, size }
    }

    fn circle(services: &[&'a str]) -> Self {
        let n = services.len() as f64;
        let radius = (n * 34.0).clamp(110.0, 420.0);
        let middle = (radius + WIDTH / 2.0 + 20.0, radius + HEIGHT / 2.0 + 24.0);
        let place = |(k, service): (usize, &&'a str)| {
            let angle = std::f64::consts::TAU * k as f64 / n - std::f64::consts::FRAC_PI_2;
            (*service, (middle.0 + radius * angle.cos(), middle.1 + radius * angle.sin()))
        };
        let places = services.iter().enumerate().map(place).collect();
        Layout { places, size: (middle.0 * 2.0, middle.1 * 2.0) }
    }
}

/// An edge: a curve that is bent a little to its left, so that the two directions do not lie on each
/// other.
#[derive(Clone, Copy)]
pub(super) struct Curve {
    start: (f64, f64),
    bend: (f64, f64),
    end: (f64, f64),
    /// To its left, of length 1.
    left: (f64, f64),
}

impl Curve {
    /// From the middle of a box to that of another one, as far as it is in none of them.
    pub(super) fn between(from: (f64, f64), to: (f64, f64)) -> Curve {
        let (start, end) = (border(from, to), border(to, from));
        let (dx, dy) = (end.0 - start.0, end.1 - start.1);
        let length = dx.hypot(dy).max(1.0);
        let left = (dy / length, -dx / length);
        let by = (length * 0.10).min(26.0);
        let bend = (
            f64::midpoint(start.0, end.0) + left.0 * by,
            f64::midpoint(start.1, end.1) + left.1 * by,
        );
        Curve { start, bend, end, left }
    }

    /// Its point at a share of the way, from 0 to 1.
    fn at(&self, share: f64) -> (f64, f64) {
        let on_curve = |from: f64, by: f64, to: f64| {
            let rest = 1.0 - share;
            rest * rest * from + 2.0 * rest * share * by + share * share * to
        };
        (
            on_curve(self.start.0, self.bend.0, self.end.0),
            on_curve(self.start.1, self.bend.1, self.end.1),
        )
    }
}

/// The data of an SVG path.
impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Curve { start, bend, end, .. } = self;
        write!(f, "M{:.1} {:.1} ", start.0, start.1)?;
        write!(f, "Q{:.1} {:.1} {:.1} {:.1}", bend.0, bend.1, end.0, end.1)
    }
}

/// The labels of the edges, and what they should not cover.
pub(super) struct Labels {
    taken: Vec<Area>,
    curves: Vec<Curve>,
    size: (f64, f64),
}

impl Labels {
    pub(super) fn of(layout: &Layout<'_>, curves: Vec<Curve>) -> Labels {
        let half = (WIDTH / 2.0, HEIGHT / 2.0);
        let boxes = layout.places.values().map(|middle| Area { middle: *middle, half });
        let curves = if curves.len() > CURVES_MAX { Vec::new() } else { curves };
        Labels { taken: boxes.collect(), curves, size: layout.size }
    }

    /// The place of a label of so many letters and lines: its middle, and its top. It stands beside its
    /// edge, where it covers least.
    pub(super) fn place(&mut self, curve: &Curve, letters: usize, lines: usize) -> (f64, f64) {
        let half = (letters as f64 * LABEL_LETTER / 2.0, lines as f64 * LABEL_LINE / 2.0);
        // Clear of the edge: as far off as the label is wide in that direction.
        let left = curve.left;
        let gap = half.0 * left.0.abs() + half.1 * left.1.abs() + LABEL_GAP;
        let beside = |share: f64, side: f64| {
            let (x, y) = curve.at(share);
            Area { middle: (x + side * left.0 * gap, y + side * left.1 * gap), half }
        };
        let all =
            [1.0, -1.0].into_iter().flat_map(|side| LABEL_AT.map(|share| beside(share, side)));
        let best = all.min_by_key(|area| self.covers(area));
        let area = best.expect("there is more than one place");
        self.taken.push(area);
        (area.middle.0, area.middle.1 - half.1)
    }

    /// How much an area covers: a text or a box is worse than any piece of edges.
    fn covers(&self, area: &Area) -> usize {
        let texts = self.taken.iter().filter(|other| other.overlaps(area)).count();
        let points =
            self.curves.iter().flat_map(|curve| (0..=40).map(|n| curve.at(n as f64 / 40.0)));
        let points = points.map(|middle| Area { middle, half: (1.0, 1.0) });
        let edges = points.filter(|point| point.overlaps(area)).count();
        texts * 1_000 + usize::from(!area.is_within(self.size)) * 1_000 + edges
    }
}

/// What a label or a box covers.
#[derive(Clone, Copy)]
struct Area {
    middle: (f64, f64),
    /// From its middle to its edges.
    half: (f64, f64),
}

impl Area {
    fn overlaps(&self, other: &Area) -> bool {
        (self.middle.0 - other.middle.0).abs() < self.half.0 + other.half.0
            && (self.middle.1 - other.middle.1).abs() < self.half.1 + other.half.1
    }

    /// True if it is in a picture of that size.
    fn is_within(&self, (width, height): (f64, f64)) -> bool {
        let inside = |middle: f64, half: f64, size: f64| middle >= half && middle + half <= size;
        inside(self.middle.0, self.half.0, width) && inside(self.middle.1, self.half.1, height)
    }
}

/// Where the line from the middle of a box leaves it.
fn border(from: (f64, f64), to: (f64, f64)) -> (f64, f64) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (half_x, half_y) = (WIDTH / 2.0 + 3.0, HEIGHT / 2.0 + 3.0);
    let share = |d: f64, half: f64| if d.abs() < 1e-9 { f64::INFINITY } else { half / d.abs() };
    let t = share(dx, half_x).min(share(dy, half_y)).min(1.0);
    (from.0 + dx * t, from.1 + dy * t)
}
