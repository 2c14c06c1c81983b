//! The service map: who asked whom, how often, and how much of it was lost. An SVG, laid out here.

mod layout;

use std::collections::{BTreeMap, BTreeSet};

use super::file::File;
use super::text::visible;
use crate::journal::{EventId, Journal, Kind, NodeId, services};
use crate::sim::Run;
use crate::trace::{Calls, DistributedTracer, Traffic};
use layout::{Curve, HEIGHT, LABEL_LINE, Labels, Layout, WIDTH};

/// Services on the map; of more, those with the most traffic.
const SERVICES_MAX: usize = 40;
/// Characters of a name, and of a line below it, that a box has room for.
const NAME_MAX: usize = 17;
const WITHIN_MAX: usize = 26;
/// Lines below a name.
const WITHIN_LINES: usize = 2;
/// From one of them to the next.
const WITHIN_LINE: f64 = 13.0;
/// Characters of a line of an edge's label, about.
const LINE_MAX: usize = 25;

/// What went from one service to another.
#[derive(Clone, Copy, Default)]
struct Edge<'a> {
    /// Requests, as the traces of the run have them.
    calls: Option<&'a Calls>,
    messages: Messages,
}

/// Messages that are no part of a request.
#[derive(Clone, Copy, Default)]
struct Messages {
    sent: u64,
    lost: u64,
    doubled: u64,
}

type Edges<'a> = BTreeMap<(&'a str, &'a str), Edge<'a>>;

impl Edge<'_> {
    fn weight(&self) -> u64 {
        self.messages.sent + self.calls.map_or(0, |calls| calls.calls as u64)
    }

    /// How much went there, and what befell it.
    fn words(&self) -> (Vec<String>, Vec<String>) {
        let Messages { sent, lost, doubled } = self.messages;
        let calls = self.calls.map(Calls::words).unwrap_or_default();
        let (mut much, mut befell) = (calls.clone(), calls);
        much.truncate(1);
        befell.drain(..much.len());
        if sent > 0 {
            much.push(format!("{sent} {}", if sent == 1 { "message" } else { "messages" }));
        }
        let of_messages = [(lost, "lost"), (doubled, "doubled")];
        let of_messages = of_messages.into_iter().filter(|(n, _)| *n > 0);
        let of_which = if self.calls.is_some() { " messages" } else { "" };
        befell.extend(of_messages.map(|(n, what)| format!("{n}{of_which} {what}")));
        (much, befell)
    }

    /// True if something on the way got lost, or seemed to.
    fn is_lossy(&self) -> bool {
        let lossy = |calls: &Calls| calls.lost + calls.replies_lost + calls.timeouts > 0;
        self.messages.lost > 0 || self.calls.is_some_and(lossy)
    }
}

/// Writes the map, if there was any traffic.
pub(super) fn write(run: &Run, tracer: &DistributedTracer, file: &mut File) {
    let calls = tracer.topology();
    let of_node = services(run.journal.nodes());
    let edges = edges(&run.journal, &of_node, &calls);
    if edges.is_empty() {
        return;
    }
    let mut weight: BTreeMap<&str, u64> = BTreeMap::new();
    for ((from, to), edge) in &edges {
        *weight.entry(from).or_default() += edge.weight();
        *weight.entry(to).or_default() += edge.weight();
    }
    let mut shown: Vec<&str> = weight.keys().copied().collect();
    shown.sort_by_key(|service| (std::cmp::Reverse(weight[service]), *service));
    let left_out = shown.len().saturating_sub(SERVICES_MAX);
    shown.truncate(SERVICES_MAX);
    shown.sort_unstable();
    let pairs: Vec<(&str, &str)> = edges.keys().copied().collect();
    let layout = Layout::of(run, &of_node, &shown, &pairs);
    file.raw("<section class=\"map\"><h2>The service map</h2>\n<div class=\"scroll\">");
    draw(&layout, &edges, file);
    file.raw(
        "</div>\n<p class=\"note\">Who calls whom, replicas together; \u{201c}within\u{201d} is from a service \
         to itself or from replica to replica. Replies go the other way and are not drawn.",
    );
    if left_out > 0 {
        file.text(format_args!(" {left_out} services with less traffic are left out."));
    }
    file.raw("</p>\n</section>\n");
}

/// What went over each edge, from who asks to who answers; by the services of the nodes.
fn edges<'a>(journal: &'a Journal, of_node: &[&'a str], calls: &'a Traffic) -> Edges<'a> {
    let mut edges = Edges::new();
    for edge in calls.edges() {
        edges.entry((edge.caller, edge.callee)).or_default().calls = Some(edge.calls);
    }
    let ends = |a: NodeId, b: NodeId| (a.min(b), a.max(b));
    // What goes beside the requests of a connection is the rest of them, or their frame.
    let framed = journal.http_messages().filter(|message| message.is_of_connection());
    let framed: BTreeSet<_> =
        framed.map(|message| ends(message.event().node(), message.event().peer())).collect();
    let mut lost: BTreeSet<EventId> = BTreeSet::new();
    for event in journal.events() {
        let send = match event.kind() {
            Kind::Send => Some(event),
            Kind::Drop if event.extra() == 0 => event.sent_by(),
            Kind::Duplicate => event.sent_by(),
            _ => None,
        };
        let alone = |s: &crate::journal::Event<'_>| {
            s.http().is_none() && !framed.contains(&ends(s.node(), s.peer()))
        };
        let Some(send) = send.filter(alone) else { continue };
        let service = |node: NodeId| of_node.get(node.0 as usize).copied();
        let (Some(from), Some(to)) = (service(send.node()), service(send.peer())) else { continue };
        let messages = &mut edges.entry((from, to)).or_default().messages;
        match event.kind() {
            Kind::Send => messages.sent += 1,
            Kind::Drop => messages.lost += u64::from(lost.insert(send.id())),
            _ => messages.doubled += 1,
        }
    }
    edges
}

fn draw(layout: &Layout<'_>, edges: &Edges<'_>, file: &mut File) {
    let (width, height) = layout.size;
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
    let outer = edges.iter().filter(|((from, to), _)| from != to);
    let drawn = outer.filter_map(|(ends, edge)| Some((*layout.curves.get(ends)?, edge)));
    let drawn: Vec<(Curve, &Edge<'_>)> = drawn.collect();
    let mut labels = Labels::of(layout, drawn.iter().map(|(curve, _)| *curve).collect());
    for (curve, edge) in &drawn {
        draw_edge(curve, edge, &mut labels, file);
    }
    for (name, place) in &layout.places {
        draw_service(name, *place, edges.get(&(*name, *name)), file);
    }
    file.raw("</svg>\n");
}

/// A text that fits its box.
fn short(text: &str, most: usize) -> String {
    let text = visible(text);
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text,
    }
}

/// A box with a name, and in it what the service has to do with itself.
fn draw_service(name: &str, (x, y): (f64, f64), within: Option<&Edge<'_>>, file: &mut File) {
    let (left, top) = (x - WIDTH / 2.0, y - HEIGHT / 2.0);
    file.el("<rect class=\"service\" rx=\"8\" x=\"", format_args!("{left:.1}"), "\" ");
    file.el("y=\"", format_args!("{top:.1}"), "\" ");
    let (much, befell) = within.map(Edge::words).unwrap_or_default();
    let much = within.map(|_| format!("{} within", much.join(", ")));
    let all: Vec<String> = much.into_iter().chain(befell.iter().cloned()).collect();
    file.el("width=\"", WIDTH, "\" ").el("height=\"", HEIGHT, "\">");
    // Whoever points at the box reads all of it.
    let whole = [&[visible(name)], all.as_slice()].concat().join(", ");
    file.el("<title>", whole, "</title></rect>");
    let mut lines = wrapped(&all, WITHIN_MAX);
    if lines.len() > WITHIN_LINES {
        lines.truncate(WITHIN_LINES);
        lines.last_mut().expect("there are more lines").push_str(", \u{2026}");
    }
    let baseline = y + 5.0 - lines.len() as f64 * (WITHIN_LINE / 2.0 + 0.5);
    file.raw("<text class=\"name\"");
    at((x, baseline), file);
    file.text(short(name, NAME_MAX)).raw("</text>\n");
    for (line, text) in lines.iter().enumerate() {
        file.raw(match befell.is_empty() {
            true => "<text class=\"count within\"",
            false => "<text class=\"count within lost\"",
        });
        at((x, baseline + 2.0 + (line as f64 + 1.0) * WITHIN_LINE), file);
        file.text(short(text, WITHIN_MAX)).raw("</text>\n");
    }
}

/// The place of a text, and the end of its tag.
fn at((x, y): (f64, f64), file: &mut File) {
    file.el(" x=\"", format_args!("{x:.1}"), "\"");
    file.el(" y=\"", format_args!("{y:.1}"), "\">");
}

/// An edge, with its label where nothing else is.
fn draw_edge(curve: &Curve, edge: &Edge<'_>, labels: &mut Labels, file: &mut File) {
    file.raw(match edge.is_lossy() {
        true => "<path class=\"edge lost\" marker-end=\"url(#arrow-lost)\" ",
        false => "<path class=\"edge\" marker-end=\"url(#arrow)\" ",
    });
    file.el("d=\"", curve, "\"/>");
    let (much, befell) = edge.words();
    let mut lines = vec![(much.join(", "), "<text class=\"count\"")];
    lines.extend(
        wrapped(&befell, LINE_MAX).into_iter().map(|line| (line, "<text class=\"count lost\"")),
    );
    let longest = lines.iter().map(|(text, _)| text.chars().count()).max().unwrap_or(0);
    let (x, top) = labels.place(curve, longest, lines.len());
    for (line, (text, open)) in lines.into_iter().enumerate() {
        file.raw(open);
        at((x, top + (line as f64 + 1.0) * LABEL_LINE - 4.0), file);
        file.text(text).raw("</text>\n");
    }
}

/// Words in lines of about so many characters.
fn wrapped(words: &[String], most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut().filter(|line| line.len() + 2 + word.len() <= most) {
            Some(line) => *line = format!("{line}, {word}"),
            None => lines.push(word.clone()),
        }
    }
    lines
}
