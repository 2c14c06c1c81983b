//! `tracing` inside of a world: events and spans become events of the journal, with the node and
//! the virtual time.

use std::cell::{Cell, RefCell};
use std::fmt::{Debug, Write as _};
use std::sync::LazyLock;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};

use crate::journal::{Entry, Kind, NodeId};
use crate::kernel::{WorldId, current, is_of_seal};

/// Runs `f` with a subscriber that writes what is of `level` or above into the running world's
/// journal.
pub(super) fn capture<R>(level: LevelFilter, f: impl FnOnce() -> R) -> R {
    // One for all worlds: with each new one, every place that logs would be asked anew.
    static CAPTURE: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Capture));
    let before = LEVEL.replace(level);
    let result = tracing::dispatcher::with_default(&CAPTURE, f);
    LEVEL.set(before);
    result
}

struct Capture;

thread_local! {
    /// What the world of this thread writes down.
    static LEVEL: Cell<LevelFilter> = const { Cell::new(LevelFilter::OFF) };
    /// The texts of this thread's open spans, by id, how many hold each, and the world of each.
    static SPANS: RefCell<slab::Slab<(String, u32, Option<WorldId>)>> = RefCell::default();
}

fn record(kind: Kind, text: String) {
    current::try_with(|kernel| {
        let node = kernel.node();
        if node != NodeId::WORLD {
            kernel.record_text(Entry::new(kind, node), text);
        }
    });
}

impl Subscriber for Capture {
    /// Nothing of the seal ever; for everything else the world is asked each time.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_of_seal(metadata.target()) { Interest::never() } else { Interest::sometimes() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= LEVEL.get()
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut text = attributes.metadata().name().to_owned();
        attributes.record(&mut Text(&mut text));
        record(Kind::SpanOpen, text.clone());
        let world = current::try_with(WorldId::of);
        let key = SPANS.with_borrow_mut(|spans| spans.insert((text, 1, world)));
        Id::from_u64(key as u64 + 1)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        SPANS.with_borrow_mut(|spans| {
            if let Some((text, ..)) = spans.get_mut(key(span)) {
                values.record(&mut Text(text));
            }
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = format!("{} ", event.metadata().level());
        event.record(&mut Text(&mut text));
        record(Kind::Log, text);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}

    fn clone_span(&self, id: &Id) -> Id {
        SPANS.with_borrow_mut(|spans| {
            if let Some((_, holders, _)) = spans.get_mut(key(id)) {
                *holders += 1;
            }
        });
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let closed = SPANS.try_with(|spans| {
            let mut spans = spans.borrow_mut();
            let (_, holders, _) = spans.get_mut(key(&id))?;
            *holders -= 1;
            (*holders == 0).then(|| spans.remove(key(&id)))
        });
        let Some((text, _, world)) = closed.ok().flatten() else { return false };
        if world.is_some_and(WorldId::is_here) {
            record(Kind::SpanClose, text);
        }
        true
    }
}

fn key(id: &Id) -> usize {
    (id.into_u64() - 1) as usize
}

/// Writes fields as `message key=value key=value`.
struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        } else {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.push_str(value);
        } else {
            let _ = write!(self.0, " {}={value}", field.name());
        }
    }
}
