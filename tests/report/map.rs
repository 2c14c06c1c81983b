//! Where everything on the service map stands: no edge may run behind a box that it has nothing to do with.

use stormglass::journal::{Entry, EventId, Kind, Recorder, Recording};
use stormglass::prelude::*;
use stormglass::topology::Role;

use super::generated::{member, run_of};
use super::html::page_of;

const NAMES: [&str; 9] = [
    "client",
    "events",
    "inventory",
    "orders",
    "payment",
    "replica",
    "shipping",
    "storefront",
    "till",
];

/// A run in which these talk to each other, by their places in the names; 0 is a client.
fn talk(edges: &[(usize, usize)], times: usize) -> Run {
    let mut recorder = Recorder::new(Recording::Full);
    let nodes: Vec<_> = NAMES.iter().map(|name| recorder.add_node(name)).collect();
    let label = recorder.symbol("POST /work");
    for (from, to) in edges.iter().cycle().take(edges.len() * times) {
        let send = Entry::new(Kind::Send, nodes[*from]).peer(nodes[*to]).symbol(label);
        let sent = recorder.append(0, send, EventId::NONE, EventId::NONE);
        let deliver = Entry::new(Kind::Deliver, nodes[*to]).peer(nodes[*from]).symbol(label);
        recorder.append(0, deliver, EventId::NONE, sent);
    }
    let members = NAMES.iter().map(|name| match *name {
        "client" => member(name, Role::Client),
        name => member(name, Role::Service),
    });
    run_of(recorder.finish(), members.collect(), Vec::new())
}

/// A box: its name, its left upper corner, its size, and the lines of text in it.
struct Box {
    name: String,
    at: (f64, f64),
    size: (f64, f64),
    lines: Vec<String>,
}

impl Box {
    fn has(&self, (x, y): (f64, f64)) -> bool {
        let ((left, top), (width, height)) = (self.at, self.size);
        x > left && x < left + width && y > top && y < top + height
    }
}

/// A map as it is drawn: the curves of the edges by three points each, and the boxes.
struct Map {
    curves: Vec<[(f64, f64); 3]>,
    boxes: Vec<Box>,
    size: (f64, f64),
}

fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
    let (_, rest) = element.split_once(&format!(" {name}=\"")).unwrap();
    rest.split_once('"').unwrap().0
}

fn numbers(text: &str) -> Vec<f64> {
    let numbers = text.split([' ', 'M', 'Q']).filter(|number| !number.is_empty());
    numbers.map(|number| number.parse().unwrap()).collect()
}

fn map(page: &str) -> Map {
    let (_, svg) = page.split_once("aria-label=\"The service map\"").unwrap();
    let svg = svg.split_once("</svg>").unwrap().0;
    let (_, drawn) = svg.split_once("</defs>").unwrap();
    let size = numbers(attribute(svg, "viewBox"));
    let mut map = Map { curves: Vec::new(), boxes: Vec::new(), size: (size[2], size[3]) };
    for element in drawn.split('<') {
        if element.starts_with("path") {
            let n = numbers(attribute(element, "d"));
            map.curves.push([(n[0], n[1]), (n[2], n[3]), (n[4], n[5])]);
        } else if element.starts_with("rect") {
            let number = |name| attribute(element, name).parse::<f64>().unwrap();
            let (at, size) = ((number("x"), number("y")), (number("width"), number("height")));
            map.boxes.push(Box { name: String::new(), at, size, lines: Vec::new() });
        } else if let (Some(last), Some((tag, text))) =
            (map.boxes.last_mut().filter(|_| element.starts_with("text")), element.split_once('>'))
        {
            match tag.contains("name") {
                true => text.clone_into(&mut last.name),
                false => last.lines.push(text.to_owned()),
            }
        }
    }
    map
}

/// Every point of every edge is free of the boxes at which it neither begins nor ends, and all of it is in
/// the picture.
#[track_caller]
fn check(edges: &[(usize, usize)]) {
    let map = map(&page_of(&talk(edges, 1)));
    let mut outer: Vec<_> = edges.iter().filter(|(from, to)| from != to).collect();
    outer.sort_unstable();
    outer.dedup();
    assert_eq!(map.curves.len(), outer.len(), "{edges:?}");
    for ((from, to), [start, bend, end]) in outer.into_iter().zip(&map.curves) {
        for share in (0..=200).map(|n| f64::from(n) / 200.0) {
            let rest = 1.0 - share;
            let at = |a: f64, b: f64, c: f64| {
                rest * rest * a + 2.0 * rest * share * b + share * share * c
            };
            let point = (at(start.0, bend.0, end.0), at(start.1, bend.1, end.1));
            let behind = map.boxes.iter().find(|of| of.has(point));
            let behind = behind.map(|of| of.name.as_str());
            let (from, to) = (NAMES[*from], NAMES[*to]);
            assert_eq!(behind, None, "{from} -> {to} in {edges:?}");
            let (x, y) = point;
            let inside = x >= 0.0 && y >= 0.0 && x <= map.size.0 && y <= map.size.1;
            assert!(inside, "{from} -> {to} leaves the picture in {edges:?}");
        }
    }
}

/// Jobs that no client calls: the one that the shop's events go through stands behind both of its callers.
#[test]
fn what_no_client_calls_stands_before_what_it_calls() {
    let edges = [(3, 1), (6, 1), (2, 2), (7, 7), (1, 6)];
    check(&edges);
    let map = map(&page_of(&talk(&edges, 1)));
    let left = |name: &str| map.boxes.iter().find(|of| of.name == name).unwrap().at.0;
    assert!(left("orders") < left("events"));
    check(&[(0, 7), (7, 3), (3, 4), (6, 4), (6, 1), (8, 7)]);
}

/// Calls within one layer, past the box between.
#[test]
fn an_edge_passes_by_the_boxes_between_its_ends() {
    check(&[(0, 1), (0, 2), (0, 3), (0, 4), (1, 4), (4, 1), (1, 3)]);
    check(&[(0, 1), (1, 2), (2, 3), (3, 4), (0, 4), (4, 0)]);
}

/// All kinds of graphs.
#[test]
fn no_edge_runs_behind_a_box() {
    let mut state: usize = 1;
    let mut draw = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for services in 2..=NAMES.len() {
        for _ in 0..40 {
            let many = 1 + draw(services * 2);
            let edges: Vec<_> = (0..many).map(|_| (draw(services), draw(services))).collect();
            check(&edges);
        }
    }
}
