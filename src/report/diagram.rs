//! A space-time diagram in characters: nodes side by side, time downwards, arrows for messages.
//!
//! ```text
//!                    shopper         checkout        payment
//!        0.000 ms       o- POST /orders ->|               |
//!        0.215 ms       |               o- POST /charge ->|
//!        1.526 ms       |               |               *  charges order 1
//!        1.526 ms       |               |  x---- 201 ---o  dropped: fault 1
//! ```
//!
//! `o` sends, `>` arrives, `x` is lost, `=` is doubled, `~` is under way at the end; a letter joins the
//! two ends of a message between which something else happens. `*` tells something, `!` gives up
//! waiting, `X` goes down, `^` comes up, `"` stands still; a node that is down has no line.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use super::html::depths;
use super::story;
use crate::journal::{Event, EventId, Journal, Kind, NodeId};
use crate::sim::{Outcome, Run};

/// The characters of a row, at most.
const WIDTH: usize = 100;
/// Times are as wide as in a story.
const MARGIN: usize = 19;
/// From one lane to the next.
const LANE: std::ops::RangeInclusive<usize> = 11..=21;
/// What is left for words on the right.
const WORDS: usize = 30;
/// An arrow with less room than this has its label beside it if it does not fit.
const LABEL: usize = 10;
/// Rows, before the first ones are left out.
const ROWS: usize = 36;

/// A space-time diagram of a part of a run; printed by [`fmt::Display`].
#[derive(Clone, Debug)]
pub struct Diagram<'a> {
    journal: &'a Journal,
    lanes: Vec<NodeId>,
    /// Nodes that take part and have no lane.
    left_out: usize,
    rows: Vec<Row<'a>>,
    earlier: usize,
    /// The nodes that are down or paused when the first row begins.
    down: BTreeMap<NodeId, char>,
    mark: Option<(EventId, String)>,
    signs: &'static Signs,
}

/// One row: an event, and how it is drawn.
#[derive(Clone, Debug)]
struct Row<'a> {
    event: Event<'a>,
    shape: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A message from its sending to its end.
    Whole(End),
    /// It leaves, once or doubled; a letter says where it arrives.
    Leaves(char, bool),
    /// It arrives.
    Arrives(char),
    /// Something happens at one node, or to the world.
    Local,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Arrived,
    Lost,
    UnderWay,
}

/// The characters that are drawn with.
#[derive(Debug)]
struct Signs {
    lane: char,
    line: char,
    double: char,
    sends: char,
    right: char,
    left: char,
    lost: char,
}

const ASCII: Signs =
    Signs { lane: '|', line: '-', double: '=', sends: 'o', right: '>', left: '<', lost: 'x' };
const BOXES: Signs = Signs {
    lane: '\u{2502}',
    line: '\u{2500}',
    double: '\u{2550}',
    sends: '\u{25cf}',
    right: '\u{25b6}',
    left: '\u{25c0}',
    lost: '\u{2715}',
};

/// The diagram of what explains a violation, as its story tells it.
pub(super) fn of_failure<'a>(run: &'a Run, outcome: &Outcome) -> Diagram<'a> {
    let kept = story::chosen(&run.journal, outcome).kept;
    let mark = match story::witness(outcome).lines().next() {
        None => "<- here".to_owned(),
        Some(witness) => format!("<- here: {witness}"),
    };
    Diagram { mark: Some((outcome.event, mark)), ..Diagram::of(run, &kept) }
}

impl<'a> Diagram<'a> {
    /// The diagram of these events of a run, in the order in which they happened.
    #[must_use]
    pub fn of(run: &'a Run, events: &[EventId]) -> Diagram<'a> {
        let journal = &run.journal;
        let mut rows = rows(journal, events);
        let earlier = rows.len().saturating_sub(ROWS);
        let mut down = BTreeMap::new();
        rows.drain(..earlier).for_each(|row| goes_down_or_up(&row.event, &mut down));
        let (lanes, left_out) = lanes(run, &rows);
        Diagram { journal, lanes, left_out, rows, earlier, down, mark: None, signs: &ASCII }
    }

    /// The same with box-drawing characters.
    #[must_use]
    pub fn unicode(self) -> Diagram<'a> {
        Diagram { signs: &BOXES, ..self }
    }

    /// From one lane to the next.
    fn lane_width(&self) -> usize {
        let room = WIDTH.saturating_sub(MARGIN + 8 + WORDS);
        (room / self.lanes.len().saturating_sub(1).max(1)).clamp(*LANE.start(), *LANE.end())
    }

    fn column(&self, node: NodeId) -> Option<usize> {
        let place = self.lanes.iter().position(|lane| *lane == node)?;
        Some(MARGIN + 4 + place * self.lane_width())
    }

    /// Where words begin.
    fn words_column(&self) -> usize {
        MARGIN + 4 + (self.lanes.len().max(1) - 1) * self.lane_width() + 4
    }

    fn header(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line: Vec<char> = Vec::new();
        for node in &self.lanes {
            let name = short(self.journal.node_name(*node), self.lane_width() - 1);
            let length = name.chars().count();
            let start = (self.column(*node).unwrap_or(0) + 1).saturating_sub(length.div_ceil(2));
            let start = start.max(if line.is_empty() { 0 } else { line.len() + 1 });
            line.resize(start, ' ');
            line.extend(name.chars());
        }
        writeln!(f, "{}", line.into_iter().collect::<String>())
    }

    /// One row as characters: the lanes, the mark or arrow, the words.
    fn draw(&self, row: &Row<'_>, down: &BTreeMap<NodeId, char>) -> String {
        let event = &row.event;
        let mut line = Line(vec![' '; self.words_column() - 2]);
        for node in &self.lanes {
            let sign = down.get(node).copied().unwrap_or(self.signs.lane);
            line.put_at(self.column(*node), sign);
        }
        let words = match row.shape {
            Shape::Local => {
                let sign = mark(event.kind());
                line.put_at(self.column(event.node()), sign);
                self.local_words(event)
            }
            _ => self.arrow(row, &mut line),
        };
        let time = event.at().to_string();
        let mut text = format!("{time:>15}{}", line.0[15..].iter().collect::<String>());
        let room = WIDTH.saturating_sub(self.words_column());
        let here = self.mark.as_ref().filter(|(id, _)| *id == event.id());
        // The end of the story is told in full, or nearly so.
        let (words, room) = here.map_or((words, room), |(_, here)| (here.clone(), room.max(WIDTH)));
        let words = words.lines().next().unwrap_or_default();
        if !words.is_empty() {
            text.push_str("  ");
            text.push_str(&cut(words, room));
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn local_words(&self, event: &Event<'_>) -> String {
        match (event.node(), self.column(event.node())) {
            (NodeId::WORLD, _) | (_, Some(_)) => event.words(),
            // Its node has no lane.
            _ => format!("{}: {}", event.node_name(), event.words()),
        }
    }

    /// Draws a message; what is said beside it.
    fn arrow(&self, row: &Row<'_>, line: &mut Line) -> String {
        let send = row.event.sent_by().unwrap_or(row.event);
        let label = match send.extra() {
            0 => send.symbol().to_owned(),
            status => status.to_string(),
        };
        let ends = (self.column(send.node()), self.column(send.peer()));
        let (Some(from), Some(to)) = ends else {
            return format!("{} -> {}  {label}", send.node_name(), send.peer_name());
        };
        if from == to {
            line.put(from, self.signs.sends);
            return format!("-> itself  {label}");
        }
        let doubled = matches!(row.shape, Shape::Leaves(_, true));
        let stroke = if doubled { self.signs.double } else { self.signs.line };
        let (low, high) = (from.min(to), from.max(to));
        line.0[low + 1..high].fill(stroke);
        let head = if to > from { self.signs.right } else { self.signs.left };
        let before = if to > from { to - 1 } else { to + 1 };
        let after = if to > from { from + 1 } else { from - 1 };
        match row.shape {
            Shape::Whole(End::Lost | End::UnderWay) => {
                let lost = row.shape == Shape::Whole(End::Lost);
                let stop = if to > from { to - 3 } else { to + 3 };
                line.0[stop.min(before)..=stop.max(before)].fill(' ');
                line.put(stop, if lost { self.signs.lost } else { '~' });
            }
            Shape::Leaves(letter, _) => line.put(before, letter),
            _ => line.put(before, head),
        }
        match row.shape {
            Shape::Arrives(letter) => line.put(after, letter),
            _ => line.put(from, self.signs.sends),
        }
        if !matches!(row.shape, Shape::Arrives(_)) {
            let stops = matches!(row.shape, Shape::Whole(End::Lost | End::UnderWay));
            let room = (high - low).saturating_sub(if stops { 12 } else { 6 });
            if label.chars().count() > room && room < LABEL {
                // Beside so short an arrow it can be read.
                let remark = self.remark(row, &send);
                return if remark.is_empty() { label } else { format!("{label}  {remark}") };
            }
            let label = format!(" {} ", cut(&label, room));
            let start = low + (high - low + 1).saturating_sub(label.chars().count()) / 2;
            label.chars().enumerate().for_each(|(place, c)| line.put(start + place, c));
        }
        self.remark(row, &send)
    }

    /// Why a message was lost, doubled or is late.
    fn remark(&self, row: &Row<'_>, send: &Event<'_>) -> String {
        match row.shape {
            Shape::Whole(End::Lost) => loss(self.journal, send),
            Shape::Leaves(_, true) => "doubled".to_owned(),
            Shape::Arrives(_) => format!("sent {}", send.at()),
            _ => String::new(),
        }
    }
}

/// A row of characters.
struct Line(Vec<char>);

impl Line {
    fn put_at(&mut self, column: Option<usize>, sign: char) {
        if let Some(column) = column {
            self.put(column, sign);
        }
    }

    fn put(&mut self, column: usize, sign: char) {
        if let Some(place) = self.0.get_mut(column) {
            *place = sign;
        }
    }
}

impl fmt::Display for Diagram<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header(f)?;
        if self.earlier > 0 {
            let s = if self.earlier == 1 { "" } else { "s" };
            writeln!(f, "... {} row{s} left out", self.earlier)?;
        }
        let mut down = self.down.clone();
        for row in &self.rows {
            writeln!(f, "{}", self.draw(row, &down))?;
            goes_down_or_up(&row.event, &mut down);
        }
        match self.left_out {
            0 => Ok(()),
            1 => writeln!(f, "1 node that takes part has no lane"),
            n => writeln!(f, "{n} nodes that take part have no lane"),
        }
    }
}

/// Notes what is drawn instead of a node's line from this event on.
fn goes_down_or_up(event: &Event<'_>, down: &mut BTreeMap<NodeId, char>) {
    match event.kind() {
        Kind::Crash | Kind::PowerLoss | Kind::Stop | Kind::Wipe => {
            down.insert(event.node(), ' ');
        }
        Kind::Pause => _ = down.insert(event.node(), ':'),
        Kind::Start | Kind::Resume => _ = down.remove(&event.node()),
        _ => {}
    }
}

/// What stands on the lane of a node for what it does.
fn mark(kind: Kind) -> char {
    match kind {
        Kind::Crash | Kind::PowerLoss | Kind::Stop | Kind::Wipe | Kind::Panic => 'X',
        Kind::Start | Kind::Resume => '^',
        Kind::Pause => '"',
        Kind::Timeout | Kind::Reset | Kind::DiskFail => '!',
        _ => '*',
    }
}

/// The first reason for which a message was lost.
fn loss(journal: &Journal, send: &Event<'_>) -> String {
    let later = (send.id().0 + 1..).map_while(|id| journal.get(EventId(id)));
    let mut parts = later.filter(|e| matches!(e.kind(), Kind::Drop | Kind::Reset));
    let part = parts.find(|event| event.sent_by().is_some_and(|sent| sent.id() == send.id()));
    part.map_or_else(
        || "lost".to_owned(),
        |part| match part.kind() {
            Kind::Drop => part.words().rsplit(", dropped").next().map_or_else(String::new, |why| {
                let why = why.trim_start_matches("dropped").trim_start_matches(": ");
                if why.is_empty() { "dropped".to_owned() } else { format!("dropped: {why}") }
            }),
            _ => part.words(),
        },
    )
}

/// The rows of these events. A message is one row, or two if another row stands between its ends.
fn rows<'a>(journal: &'a Journal, events: &[EventId]) -> Vec<Row<'a>> {
    let mut ends: BTreeMap<EventId, Vec<Event<'a>>> = BTreeMap::new();
    for event in journal.events() {
        let final_drop = event.kind() == Kind::Drop && event.extra() == 0;
        let ends_it = final_drop || matches!(event.kind(), Kind::Deliver | Kind::Reset);
        if let Some(send) = event.sent_by().filter(|_| ends_it) {
            ends.entry(send.id()).or_default().push(event);
        }
    }
    let told = |id: &&EventId| {
        let event = journal.get(**id);
        let part = event.and_then(|event| event.sent_by()).map(|send| send.id());
        part.is_none_or(|send| events.binary_search(&send).is_err())
    };
    let ids: Vec<EventId> = events.iter().filter(told).copied().collect();
    let mut letters = ('a'..='z').cycle();
    let mut rows = Vec::new();
    for id in &ids {
        let Some(event) = journal.get(*id) else { continue };
        if event.kind() != Kind::Send {
            rows.push(Row { event, shape: Shape::Local });
            continue;
        }
        let ends = ends.get(id).map_or(&[][..], Vec::as_slice);
        let arrivals = || ends.iter().filter(|end| end.kind() == Kind::Deliver);
        let doubled = arrivals().count() > 1;
        let between = |end: &Event<'_>| {
            let next = ids.partition_point(|other| other <= id);
            ids.get(next).is_some_and(|next| *next < end.id())
        };
        let first = arrivals().next();
        let shape = match first {
            None if ends.is_empty() => Shape::Whole(End::UnderWay),
            None => Shape::Whole(End::Lost),
            Some(arrival) if between(arrival) || doubled => {
                Shape::Leaves(letters.next().unwrap_or('a'), doubled)
            }
            Some(_) => Shape::Whole(End::Arrived),
        };
        rows.push(Row { event, shape });
        if let Shape::Leaves(letter, _) = shape {
            rows.extend(arrivals().map(|end| Row { event: *end, shape: Shape::Arrives(letter) }));
        }
    }
    rows.sort_by_key(|row| row.event.id());
    rows
}

/// The nodes that take part, as many as there is room for, clients first.
fn lanes(run: &Run, rows: &[Row<'_>]) -> (Vec<NodeId>, usize) {
    let mut busy: BTreeMap<NodeId, usize> = BTreeMap::new();
    for row in rows {
        for node in [row.event.node(), row.event.peer()] {
            if node != NodeId::WORLD {
                *busy.entry(node).or_default() += 1;
            }
        }
    }
    let mut nodes: Vec<NodeId> = busy.keys().copied().collect();
    nodes.sort_by_key(|node| (std::cmp::Reverse(busy[node]), *node));
    let room = (WIDTH - MARGIN - WORDS) / LANE.start() + 1;
    let left_out = nodes.len().saturating_sub(room);
    nodes.truncate(room);
    let depths = depths(run);
    nodes.sort_by_key(|node| (depths.get(node).copied().unwrap_or(usize::MAX), *node));
    (nodes, left_out)
}

/// A node's name in at most so many characters; the number of a replica stays.
fn short(name: &str, most: usize) -> String {
    let number = name.rfind('-').map_or("", |dash| &name[dash..]);
    let is_number = number.len() > 1 && number[1..].bytes().all(|digit| digit.is_ascii_digit());
    match is_number && name.chars().count() > most && number.len() + 4 <= most {
        true => cut(&name[..name.len() - number.len()], most - number.len()) + number,
        false => cut(name, most),
    }
}

/// The text in at most so many characters.
fn cut(text: &str, most: usize) -> String {
    let mut out = String::new();
    let length = text.chars().count();
    let kept = if length > most { most.saturating_sub(2) } else { length };
    for c in text.chars().take(kept) {
        out.push(if c.is_control() { ' ' } else { c });
    }
    if length > most {
        let _ = write!(out, "..");
    }
    out
}
