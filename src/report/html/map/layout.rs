//! Where everything on the map stands: services in layers or in a circle, labels where nothing else is.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::journal::NodeId;
use crate::report::html::lanes;
use crate::sim::Run;

/// The size of a service's box.
pub(super) const WIDTH: f64 = 150.0;
pub(super) const HEIGHT: f64 = 58.0;
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
/// How far an edge may be bent aside to pass by the boxes between its ends; to the left, then to the
/// right. The first is that of an edge with nothing in its way.
const BENDS: [f64; 9] = [1.0, 60.0, 120.0, 180.0, 240.0, 320.0, 420.0, 540.0, 680.0];
/// Free space around a box that an edge passes.
const CLEAR: f64 = 4.0;
/// Points by which an edge is looked at.
const POINTS: usize = 64;

/// Where each service stands, and how the edges run.
pub(super) struct Layout<'a> {
    pub(super) places: BTreeMap<&'a str, (f64, f64)>,
    pub(super) curves: BTreeMap<(&'a str, &'a str), Curve>,
    pub(super) size: (f64, f64),
}

impl<'a> Layout<'a> {
    /// In layers, as far from a client as a service is; in a circle if edges run behind boxes there.
    pub(super) fn of(
        run: &Run,
        of_node: &[&str],
        shown: &[&'a str],
        edges: &[(&'a str, &'a str)],
    ) -> Self {
        let of_nodes = lanes::depths(run);
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        for (node, service) in (0..).map(NodeId).zip(of_node) {
            let name = shown.iter().find(|name| *name == service);
            if let (Some(name), Some(depth)) = (name, of_nodes.get(&node)) {
                let least = known.entry(name).or_insert(*depth);
                *least = (*least).min(*depth);
            }
        }
        let shown_edges = edges
            .iter()
            .filter(|(from, to)| from != to && shown.contains(from) && shown.contains(to));
        Layout::with(&known, shown, &shown_edges.copied().collect::<Vec<_>>())
    }

    /// With the depths that are known, and edges between the services that are shown.
    fn with(
        known: &BTreeMap<&'a str, usize>,
        shown: &[&'a str],
        edges: &[(&'a str, &'a str)],
    ) -> Self {
        let depths = depths(known, shown, edges);
        let mut layers: BTreeMap<usize, Vec<&'a str>> = BTreeMap::new();
        for service in shown {
            layers.entry(depths[service]).or_default().push(service);
        }
        let layers: Vec<_> = layers.into_values().collect();
        let in_layers = Layout::routed(places_in_layers(&layers), edges);
        if in_layers.behind() == 0 {
            return in_layers;
        }
        let in_circle = Layout::routed(places_in_circle(shown), edges);
        if in_circle.behind() < in_layers.behind() { in_circle } else { in_layers }
    }

    /// The edges between these boxes, and a picture that has room for all of it.
    fn routed(mut places: BTreeMap<&'a str, (f64, f64)>, edges: &[(&'a str, &'a str)]) -> Self {
        let mut curves: BTreeMap<(&'a str, &'a str), Curve> = BTreeMap::new();
        for (from, to) in edges {
            let others = places.iter().filter(|(name, _)| *name != from && *name != to);
            let others: Vec<Area> = others.map(|(_, place)| Area::of_box(*place, CLEAR)).collect();
            curves.insert((from, to), Curve::past(places[from], places[to], &others));
        }
        let boxes = places.values().map(|place| Area::of_box(*place, 20.0));
        let points = curves
            .values()
            .flat_map(|curve| curve.points().map(|middle| Area { middle, half: (10.0, 10.0) }));
        let all: Vec<Area> = boxes.chain(points).collect();
        let least = |of: fn(&Area) -> f64| all.iter().map(of).fold(f64::INFINITY, f64::min);
        let most = |of: fn(&Area) -> f64| all.iter().map(of).fold(0.0, f64::max);
        let (left, top) =
            (least(|area| area.middle.0 - area.half.0), least(|area| area.middle.1 - area.half.1));
        let (right, bottom) =
            (most(|area| area.middle.0 + area.half.0), most(|area| area.middle.1 + area.half.1));
        let moved = |(x, y): (f64, f64)| (x - left, y - top);
        places.values_mut().for_each(|place| *place = moved(*place));
        curves.values_mut().for_each(|curve| *curve = curve.moved(moved));
        Layout { places, curves, size: (right - left, bottom - top) }
    }

    /// How many edges run behind boxes that they have nothing to do with.
    fn behind(&self) -> usize {
        let crossed = |((from, to), curve): (&(&str, &str), &Curve)| {
            let others = self.places.iter().filter(|(name, _)| *name != from && *name != to);
            let crosses = |place: &(f64, f64)| curve.crosses(&[Area::of_box(*place, 0.0)]) > 0;
            others.filter(|(_, place)| crosses(place)).count()
        };
        self.curves.iter().map(crossed).sum()
    }
}

/// How far from a client each service is. What no client reaches, a job by itself, stands before what it
/// calls.
fn depths<'a>(
    known: &BTreeMap<&'a str, usize>,
    shown: &[&'a str],
    edges: &[(&'a str, &'a str)],
) -> BTreeMap<&'a str, usize> {
    let mut depths = known.clone();
    let mut open: VecDeque<&str> = depths.keys().copied().collect();
    let mut left: BTreeSet<&str> =
        shown.iter().copied().filter(|name| !known.contains_key(name)).collect();
    loop {
        while let Some(service) = open.pop_front() {
            let depth = depths[service] + 1;
            for (_, to) in edges.iter().filter(|(from, _)| *from == service) {
                if left.remove(to) {
                    depths.insert(to, depth);
                    open.push_back(to);
                }
            }
        }
        let callers = |name: &str| edges.iter().filter(|(_, to)| *to == name).count();
        let Some(root) = left.iter().copied().min_by_key(|name| (callers(name), *name)) else {
            return depths;
        };
        let called = edges.iter().filter(|(from, _)| *from == root);
        let nearest = called.filter_map(|(_, to)| depths.get(to)).min();
        depths.insert(root, nearest.map_or(0, |depth| depth.saturating_sub(1)));
        left.remove(root);
        open.push_back(root);
    }
}

fn places_in_layers<'a>(layers: &[Vec<&'a str>]) -> BTreeMap<&'a str, (f64, f64)> {
    let rows = layers.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let (across, down) = (WIDTH + 170.0, HEIGHT + 46.0);
    let mut places = BTreeMap::new();
    for (column, layer) in layers.iter().enumerate() {
        let top = (rows - layer.len() as f64) * down / 2.0;
        for (row, service) in layer.iter().enumerate() {
            places.insert(*service, (column as f64 * across, top + row as f64 * down));
        }
    }
    places
}

/// So large a circle that a line between two boxes passes by the one between them.
fn places_in_circle<'a>(services: &[&'a str]) -> BTreeMap<&'a str, (f64, f64)> {
    let n = services.len() as f64;
    let radius = (n * 34.0).max(n * n * 6.0).clamp(110.0, 900.0);
    let place = |(k, service): (usize, &&'a str)| {
        let angle = std::f64::consts::TAU * k as f64 / n - std::f64::consts::FRAC_PI_2;
        (*service, (radius * angle.cos(), radius * angle.sin()))
    };
    services.iter().enumerate().map(place).collect()
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
    /// From the middle of a box to that of another one, as far as it is in none of them: with the least
    /// bend that passes by the other boxes.
    fn past(from: (f64, f64), to: (f64, f64), others: &[Area]) -> Curve {
        let bends = BENDS.iter().flat_map(|by| [*by, -*by]);
        let curves = bends.map(|by| Curve::bent(from, to, by));
        let best = curves.min_by_key(|curve| curve.crosses(others));
        best.expect("there is more than one bend")
    }

    /// With its middle so far to its left; 1 stands for what its length asks for.
    fn bent(from: (f64, f64), to: (f64, f64), by: f64) -> Curve {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(1.0);
        let left = (dy / length, -dx / length);
        let slight = (length * 0.10).min(26.0);
        let by = if by.abs() > 1.0 { by * 2.0 } else { by * slight };
        let middle = (f64::midpoint(from.0, to.0), f64::midpoint(from.1, to.1));
        let bend = (middle.0 + left.0 * by, middle.1 + left.1 * by);
        // A wide bend leaves its boxes in its own direction.
        let (ahead, behind) = if by.abs() > slight { (bend, bend) } else { (to, from) };
        Curve { start: border(from, ahead), bend, end: border(to, behind), left }
    }

    fn moved(self, moved: impl Fn((f64, f64)) -> (f64, f64)) -> Curve {
        Curve { start: moved(self.start), bend: moved(self.bend), end: moved(self.end), ..self }
    }

    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        (0..=POINTS).map(|n| self.at(n as f64 / POINTS as f64))
    }

    /// How many of its points are in these areas.
    fn crosses(&self, areas: &[Area]) -> usize {
        let in_any = |point: &(f64, f64)| areas.iter().any(|area| area.has(*point));
        self.points().filter(in_any).count()
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
        let boxes = layout.places.values().map(|place| Area::of_box(*place, 0.0));
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
    /// A service's box, and so much around it.
    fn of_box(middle: (f64, f64), around: f64) -> Area {
        Area { middle, half: (WIDTH / 2.0 + around, HEIGHT / 2.0 + around) }
    }

    fn has(&self, (x, y): (f64, f64)) -> bool {
        (self.middle.0 - x).abs() < self.half.0 && (self.middle.1 - y).abs() < self.half.1
    }

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
