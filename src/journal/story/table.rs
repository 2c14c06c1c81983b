//! One event in words, and many of them in aligned columns.

use super::StoryLine;
use crate::journal::{Event, EventId, Kind, NodeId};
use crate::time::Time;

/// One event in words, before the columns are laid out.
pub(in crate::journal) struct Line<'a> {
    tag: String,
    at: Time,
    node: &'a str,
    pub(super) arrow: Option<(&'static str, &'a str)>,
    words: String,
    pub(super) remark: String,
}

impl<'a> Line<'a> {
    /// The same with a mark before its time.
    pub(in crate::journal) fn tagged(self, tag: String) -> Line<'a> {
        Line { tag, ..self }
    }

    /// The same for a page, as the line of that event.
    pub(in crate::journal) fn told(self, event: EventId) -> StoryLine<'a> {
        let Line { at, node, arrow, words, remark, .. } = self;
        StoryLine { event, at, node, arrow, words, remark }
    }

    /// The words, and with `remarked` the remark behind them.
    pub(in crate::journal) fn text(self, remarked: bool) -> String {
        match (self.words.as_str(), self.remark.as_str()) {
            (_, "") => self.words,
            ("", _) if remarked => self.remark,
            (words, remark) if remarked => format!("{words}, {remark}"),
            _ => self.words,
        }
    }

    /// The event by itself, without what became of it later.
    pub(in crate::journal) fn of(event: &Event<'a>) -> Line<'a> {
        let to_peer = |arrow| Some((arrow, event.peer_name()));
        let send = super::sent_by(event);
        let carried = send.as_ref().map_or_else(String::new, message);
        let (arrow, words, remark) = match event.kind() {
            Kind::Send => (to_peer("->"), message(event), String::new()),
            Kind::Deliver => {
                let sent = send.map_or_else(String::new, |send| format!("sent {}", send.at()));
                (to_peer("<-"), carried, sent)
            }
            Kind::Drop => (to_peer("-x"), carried, because("dropped", event)),
            Kind::Duplicate => (to_peer("=>"), carried, because("duplicated", event)),
            _ => (None, words(event), String::new()),
        };
        Line { tag: String::new(), at: event.at(), node: event.node_name(), arrow, words, remark }
    }
}

/// A request's label or a reply's status, and the text beside it. Bytes that say neither are
/// counted.
fn message(send: &Event<'_>) -> String {
    let label = match (send.extra(), send.payload()) {
        (0, Some(bytes)) if send.symbol().starts_with("conn #") => {
            format!("{}, {} B", send.symbol(), thousands(bytes.len()))
        }
        (0, _) => send.symbol().to_owned(),
        (status, _) => status.to_string(),
    };
    send.text().map_or_else(|| label.clone(), |text| format!("{label}  ({text})"))
}

/// `1204` as `1,204`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// What the event's node does, for all kinds that are no messages.
fn words(event: &Event<'_>) -> String {
    let (symbol, value, text) = (event.symbol(), event.value(), event.text());
    let with_text = |words: String| match text {
        Some(text) => format!("{}: {text}", words.trim_end()),
        None => words,
    };
    let symbol_or = |other: &str| if symbol.is_empty() { other } else { symbol }.to_owned();
    match event.kind() {
        Kind::Start => with_text("starts".to_owned()),
        Kind::Stop => with_text("stops".to_owned()),
        Kind::Crash => with_text("crashes".to_owned()),
        Kind::PowerLoss => with_text("loses power".to_owned()),
        Kind::Pause => with_text("pauses".to_owned()),
        Kind::Resume => with_text("resumes".to_owned()),
        Kind::Wipe => with_text("its disk is wiped".to_owned()),
        Kind::Clock => with_text("its clock changes".to_owned()),
        Kind::Spawn if symbol.is_empty() => with_text("spawns a task".to_owned()),
        Kind::Spawn => with_text(format!("spawns a task at {symbol}")),
        Kind::Panic => with_text("panics".to_owned()),
        Kind::Timer => with_text("a timer fires".to_owned()),
        Kind::Reset => {
            let reason = match symbol {
                "" | "reset" => String::new(),
                reason => format!(": {reason}"),
            };
            format!("reset by {}{reason}", event.peer_name())
        }
        Kind::Timeout => {
            let whom = match event.peer() {
                NodeId::WORLD => String::new(),
                _ => format!(" waiting for {}", event.peer_name()),
            };
            let then = text.map_or_else(String::new, |text| format!(", {text}"));
            format!("timed out{whom}{then}")
        }
        Kind::FaultBegin => with_text(format!("fault {} begins", value.saturating_add(1))),
        Kind::FaultEnd => with_text(format!("fault {} ends", value.saturating_add(1))),
        Kind::FaultHit => with_text(format!("fault {} strikes", value.saturating_add(1))),
        Kind::DiskWrite => format!("writes {} bytes at {value} to {symbol}", event.extra()),
        Kind::DiskSync => format!("syncs {}", symbol_or("its disk")),
        Kind::DiskOp => with_text(format!("disk {symbol}")),
        Kind::DiskFail => with_text(format!("disk fails {symbol}")),
        Kind::Note | Kind::Log => text.map_or_else(|| symbol.to_owned(), str::to_owned),
        Kind::SpanOpen => with_text(format!("enters {symbol}")),
        Kind::SpanClose => with_text(format!("leaves {symbol}")),
        Kind::Probe => format!("{symbol} = {}", text.unwrap_or_default()),
        Kind::Reach => format!("reaches {symbol}"),
        Kind::Operation => with_text(format!("operation {value} {symbol}")),
        Kind::Heal => with_text("chaos ends, all is healed".to_owned()),
        Kind::Property => with_text(format!("property \"{symbol}\"")),
        Kind::End => with_text(format!("the world ends: {}", symbol_or("done"))),
        Kind::Connection => format!("connection {value} with {}: {symbol}", event.peer_name()),
        Kind::Scale => format!("scales {symbol} to {value}"),
        Kind::Invoke => with_text(format!("calls {symbol}")),
        Kind::Return => with_text(format!("returns {symbol}")),
        Kind::Saga => with_text(symbol.to_owned()),
        Kind::Container => with_text(symbol_or("container")),
        Kind::Send | Kind::Deliver | Kind::Drop | Kind::Duplicate => String::new(),
    }
}

/// `dropped: fault 1`, `dropped: partition, fault 2`, `dropped: loss`, `dropped`.
pub(super) fn because(verb: &str, event: &Event<'_>) -> String {
    match (event.symbol(), event.value()) {
        ("", 0) => verb.to_owned(),
        ("" | "fault", fault @ 1..) => format!("{verb}: fault {fault}"),
        (reason, 0) => format!("{verb}: {reason}"),
        (reason, fault) => format!("{verb}: {reason}, fault {fault}"),
    }
}

/// A row of a table.
pub(in crate::journal) enum Item<'a> {
    Header,
    Text(String),
    Line(Line<'a>),
}

/// Times are as wide as in every other story, so that texts do not move when a run gets longer.
const TIME_WIDTH: usize = 15;
/// Remarks stand at least here, and at most there: one long line does not push all others.
const REMARK_COLUMN: std::ops::RangeInclusive<usize> = 24..=60;

/// Lays the columns out, as wide as their contents.
pub(in crate::journal) fn table(items: &[Item<'_>]) -> String {
    let lines = || items.iter().filter_map(|i| if let Item::Line(l) = i { Some(l) } else { None });
    let widest = |column: &dyn Fn(&Line<'_>) -> usize| lines().map(column).max().unwrap_or(0);
    let tag_width = widest(&|l| l.tag.chars().count());
    let time_width = widest(&|l| l.at.to_string().len()).max(TIME_WIDTH);
    let node_width = widest(&|l| l.node.chars().count()).max("node".len());
    let peer_width = widest(&|l| l.arrow.map_or(0, |(_, peer)| peer.chars().count()));
    let lead_width = if tag_width == 0 { 0 } else { tag_width + 2 };

    let what = |line: &Line<'_>| match line.arrow {
        Some((arrow, peer)) => format!("{arrow} {peer:<peer_width$}  {}", line.words),
        None => line.words.clone(),
    };
    let remarked = |l: &Line<'_>| if l.remark.is_empty() { 0 } else { what(l).chars().count() };
    let remark_column = widest(&remarked).clamp(*REMARK_COLUMN.start(), *REMARK_COLUMN.end());

    let margin = format!("\n{:1$}", "", lead_width + time_width + node_width + 4);
    let mut out = String::new();
    for item in items {
        let row = match item {
            Item::Text(text) => text.clone(),
            Item::Header => {
                format!("{:<lead_width$}{:<time_width$}  {:<node_width$}  what", "", "time", "node")
            }
            Item::Line(line) => {
                let Line { tag, at, node, remark, .. } = line;
                let what = format!("{:<remark_column$}  {remark}", what(line));
                let what = what.trim_end().replace('\n', &margin);
                format!("{tag:<lead_width$}{at:>time_width$}  {node:<node_width$}  {what}")
            }
        };
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}
