//! The service map: who asked whom, how often, and how much of it was lost. An SVG, laid out here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::file::File;
use super::lanes;
use super::text::visible;
use crate::journal::{EventId, Journal, Kind, NodeId, message_ordinals};
use crate::sim::Run;

/// Services on the map; of more, those with the most traffic.
const SERVICES_MAX: usize = 40;
/// More calls than this inside of one layer, and the services stand in a circle.
const INNER_MAX: usize = 2;
/// Where on its edge a label stands, from 0 to 1.
const LABEL_AT: f64 = 0.58;
const WIDTH: f64 = 150.0;
const HEIGHT: f64 = 44.0;

/// What went from one service to another.
#[derive(Clone, Copy, Default)]
struct Traffic {
    requests: u64,
    replies: u64,
    lost: u64,
    doubled: u64,
    timeouts: u64,
}

/// Writes the map, if there was any traffic.
pub(super) fn write(run: &Run, file: &mut File) {
    let journal = &run.journal;
    let traffic = traffic(journal);
    if traffic.is_empty() {
        return;
    }
    let mut weight: BTreeMap<&str, u64> = BTreeMap::new();
    for ((from, to), t) in &traffic {
        *weight.entry(from).or_default() += t.requests + t.replies;
        *weight.entry(to).or_default() += t.requests + t.replies;
    }
    let mut services: Vec<&str> = weight.keys().copied().collect();
    services.sort_by_key(|service| (std::cmp::Reverse(weight[service]), *service));
    let left_out = services.len().saturating_sub(SERVICES_MAX);
    services.truncate(SERVICES_MAX);
    services.sort_unstable();
    let layout = Layout::of(run, &services, &traffic);
    file.raw("<section class=\"map\"><h2>The service map</h2>\n");
    layout.draw(&traffic, file);
    file.raw(
        "<p class=\"note\">Requests from one service to another, \
         replicas together; replies go the other way and are not drawn.",
    );
    if left_out > 0 {
        file.text(format_args!(" {left_out} services with less traffic are left out."));
    }
    file.raw("</p>\n</section>\n");
}

/// What went over each edge, from who asks to who answers.
fn traffic(journal: &Journal) -> BTreeMap<(&str, &str), Traffic> {
    let names = message_ordinals(journal);
    let mut traffic: BTreeMap<(&str, &str), Traffic> = BTreeMap::new();
    let mut lost: BTreeSet<EventId> = BTreeSet::new();
    for name in names.values() {
        let edge = traffic.entry((name.from, name.to)).or_default();
        *(if name.reply { &mut edge.replies } else { &mut edge.requests }) += 1;
    }
    for event in journal.events() {
        let counted = matches!(event.kind(), Kind::Drop | Kind::Duplicate | Kind::Timeout);
        if !counted || event.kind() == Kind::Drop && event.extra() > 0 {
            continue;
        }
        let sent = match event.kind() {
            Kind::Timeout => asked(journal, event.cause()),
            _ => event.sent_by().map(|send| send.id()),
        };
        let Some(name) = sent.and_then(|id| names.get(&id)) else { continue };
        let Some(edge) = traffic.get_mut(&(name.from, name.to)) else { continue };
        match event.kind() {
            Kind::Drop => edge.lost += u64::from(lost.insert(sent.unwrap_or_default())),
            Kind::Duplicate => edge.doubled += 1,
            _ => edge.timeouts += 1,
        }
    }
    traffic
}

/// The message that a timeout waited for, or that was lost.
fn asked(journal: &Journal, cause: EventId) -> Option<EventId> {
    let event = journal.get(cause)?;
    if event.kind() == Kind::Send { Some(cause) } else { event.sent_by().map(|send| send.id()) }
}

/// Where each service stands.
struct Layout<'a> {
    places: BTreeMap<&'a str, (f64, f64)>,
    size: (f64, f64),
}

impl<'a> Layout<'a> {
    fn of(run: &Run, services: &[&'a str], traffic: &BTreeMap<(&str, &str), Traffic>) -> Self {
        let nodes = lanes::depths(run);
        let mut layers: BTreeMap<usize, Vec<&'a str>> = BTreeMap::new();
        let depth = |service: &str| {
            let own = |name: &str| {
                name == service
                    || name.strip_prefix(service).is_some_and(|rest| rest.starts_with('-'))
            };
            let named = (0..).map(NodeId).zip(run.journal.nodes());
            let depths = named.filter(|(_, name)| own(name)).filter_map(|(id, _)| nodes.get(&id));
            depths.min().copied().unwrap_or(0)
        };
        let depths: BTreeMap<&str, usize> = services.iter().map(|s| (*s, depth(s))).collect();
        let inner = |(from, to): &(&str, &str)| {
            from != to && depths.contains_key(from) && depths.get(from) == depths.get(to)
        };
        if traffic.keys().filter(|edge| inner(edge)).count() > INNER_MAX {
            return Layout::circle(services);
        }
        for service in services {
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

    fn draw(&self, traffic: &BTreeMap<(&str, &str), Traffic>, file: &mut File) {
        let (width, height) = self.size;
        file.el("<svg role=\"img\" aria-label=\"The service map\" width=\"", width.round(), "\" ");
        file.el("viewBox=\"0 0 ", format_args!("{width:.0} {height:.0}"), "\">\n<defs>");
        for (open, close) in [
            ("<marker id=\"arrow\"", "class=\"tip\"/></marker>"),
            ("<marker id=\"arrow-lost\"", "class=\"tip lost\"/></marker>"),
        ] {
            file.raw(open);
            file.raw(
                " viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" \
                 markerHeight=\"7\" orient=\"auto\"><path d=\"M0 1 10 5 0 9z\" ",
            );
            file.raw(close);
        }
        file.raw("</defs>\n");
        for ((from, to), edge) in traffic {
            let ends = (self.places.get(from), self.places.get(to));
            if let (Some(from), Some(to)) = ends {
                draw_edge(*from, *to, edge, file);
            }
        }
        for (name, (x, y)) in &self.places {
            let (left, top) = (x - WIDTH / 2.0, y - HEIGHT / 2.0);
            file.el("<rect class=\"service\" rx=\"8\" x=\"", format_args!("{left:.1}"), "\" ");
            file.el("y=\"", format_args!("{top:.1}"), "\" width=\"150\" height=\"44\"/>");
            file.el("<text class=\"name\" x=\"", format_args!("{x:.1}"), "\" ");
            file.el("y=\"", format_args!("{:.1}", y + 5.0), "\">")
                .text(short(name))
                .raw("</text>\n");
        }
        file.raw("</svg>\n");
    }
}

/// A name that fits its box.
fn short(name: &str) -> String {
    let name = visible(name);
    match name.char_indices().nth(18) {
        Some((end, _)) => format!("{}\u{2026}", &name[..end]),
        None => name,
    }
}

fn draw_edge(from: (f64, f64), to: (f64, f64), edge: &Traffic, file: &mut File) {
    let (start, end) = (border(from, to), border(to, from));
    let (dx, dy) = (end.0 - start.0, end.1 - start.1);
    let length = dx.hypot(dy).max(1.0);
    // Bent a little to its left, so that the two directions do not lie on each other.
    let bend = if from == to { 0.0 } else { (length * 0.10).min(26.0) };
    let middle = (
        f64::midpoint(start.0, end.0) + dy / length * bend,
        f64::midpoint(start.1, end.1) - dx / length * bend,
    );
    let lost = edge.lost + edge.timeouts > 0;
    let path = format!(
        "M{:.1} {:.1} Q{:.1} {:.1} {:.1} {:.1}",
        start.0, start.1, middle.0, middle.1, end.0, end.1
    );
    file.raw(if lost {
        "<path class=\"edge lost\" marker-end=\"url(#arrow-lost)\" "
    } else {
        "<path class=\"edge\" marker-end=\"url(#arrow)\" "
    });
    file.el("d=\"", path, "\"/>");
    let mut first = edge.requests.to_string();
    first.push_str(if edge.requests == 1 { " message" } else { " messages" });
    let mut second = String::new();
    for (n, word) in [(edge.lost, "lost"), (edge.doubled, "doubled"), (edge.timeouts, "timed out")]
    {
        if n > 0 {
            let gap = if second.is_empty() { "" } else { ", " };
            let _ = write!(second, "{gap}{n} {word}");
        }
    }
    // Nearer to its end, where edges that cross have parted.
    let on_curve = |from: f64, by: f64, to: f64| {
        let t = LABEL_AT;
        (1.0 - t) * (1.0 - t) * from + 2.0 * (1.0 - t) * t * by + t * t * to
    };
    let at = (on_curve(start.0, middle.0, end.0), on_curve(start.1, middle.1, end.1));
    for (text, class, line) in [
        (first, "<text class=\"count\" x=\"", -8.0),
        (second, "<text class=\"count lost\" x=\"", 19.0),
    ] {
        if !text.is_empty() {
            let y = format!("{:.1}", at.1 + line);
            file.el(class, format_args!("{:.1}", at.0), "\" y=\"").text(y);
            file.raw("\">").text(text).raw("</text>\n");
        }
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
