//! Distributed traces: who worked for which request, when, and for whom.
//!
//! [`DistributedTracer`] is the front: it makes spans of a run's [`Journal`], or reads those that other
//! systems recorded; tells the [critical path](CriticalPath) of a request, [where errors come
//! from](ErrorRole), [who calls whom](Traffic), whether work flows as it must ([`Flow`]); and writes
//! traces for Jaeger, Zipkin and everything that takes OTLP.
//!
//! This module knows no world: everything is a function of the journal or the file.

mod context;
mod errors;
mod flow;
mod jaeger;
mod otlp;
mod path;
mod recorded;
mod set;
mod skew;
mod span;
mod traffic;
mod wire;
mod zipkin;

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::str::FromStr;

pub use context::TraceContext;
pub use errors::{ErrorRole, ErrorSpan, errors};
pub use flow::{Check, Checked, Flow, Outcome, Pattern, Question};
pub use path::{CriticalPath, Segment};
pub use recorded::{EPOCH, from_journal};
pub use set::{Finding, FindingKind, SpanIndex, SpanRef, SpanSet, Trace};
pub use span::{Attributes, Link, Span, SpanEvent, SpanKind, Status, Value, attribute};
pub(crate) use span::{DOUBLED, DROPPED};
pub use traffic::{Calls, Edge, Traffic};

use crate::document;
use crate::error::{Error, Result, nearest};
use crate::journal::Journal;
use crate::verdict::Verdict;

/// What can be read, for whoever gives something else.
const READS: &str = "a journal (`run --journal`), OTLP/JSON, or Jaeger's or Zipkin's JSON";

/// A format in which tools exchange traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// OTLP/JSON, one request.
    Otlp,
    /// Jaeger's JSON.
    Jaeger,
    /// Zipkin's JSON, version 2.
    Zipkin,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 3] = [Format::Otlp, Format::Jaeger, Format::Zipkin];

    /// The format's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Format::Otlp => "otlp",
            Format::Jaeger => "jaeger",
            Format::Zipkin => "zipkin",
        }
    }

    /// The format of a text, by what stands at its top.
    ///
    /// # Errors
    ///
    /// If it is not JSON, or JSON that is none of them.
    pub fn of(file: &str, text: &str) -> Result<Format> {
        let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
        if start.starts_with('[') {
            return Ok(Format::Zipkin);
        }
        if !start.starts_with('{') {
            let is = if start.is_empty() { "the file is empty" } else { "it is no JSON" };
            return Err(wire::bad(file, 1, format!("{is}; {READS} was expected")));
        }
        let tops = wire::documents::<wire::Top>(file, text)?;
        let has = |part: fn(&wire::Top) -> bool| tops.iter().any(part);
        if has(|top| top.resource_spans.is_some()) {
            return Ok(Format::Otlp);
        }
        if has(|top| top.data.is_some()) {
            return Ok(Format::Jaeger);
        }
        let holds = match () {
            () if has(|top| top.resource_metrics.is_some()) => "metrics",
            () if has(|top| top.resource_logs.is_some()) => "logs",
            () => "something else",
        };
        let expected = "`resourceSpans` (OTLP), `data` (Jaeger) or a list (Zipkin) was expected";
        Err(wire::bad(file, 1, format!("it holds {holds}, not spans; {expected}")))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Format, String> {
        Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| {
            let names = Format::ALL.map(Format::name);
            match nearest(name, names) {
                Some(near) => format!("no format `{name}`; did you mean `{near}`?"),
                None => format!("no format `{name}`; there is {}", names.join(", ")),
            }
        })
    }
}

/// The traces of a run, or of a file, and what can be asked of them.
///
/// ```
/// use stormglass::trace::DistributedTracer;
///
/// let file = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [{
///     "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "order",
///     "startTimeUnixNano": "1000", "endTimeUnixNano": "1500"}]}]}]}"#;
/// let tracer = DistributedTracer::import_otlp("order.json", file).unwrap();
/// let trace = tracer.traces().next().unwrap();
/// let path = tracer.critical_path(trace);
/// assert_eq!(path.total(), trace.root().duration());
/// ```
#[derive(Clone, Debug, Default)]
pub struct DistributedTracer {
    spans: SpanSet,
}

impl DistributedTracer {
    /// The traces of a run: see [`from_journal`]. A journal of which nothing was kept has none.
    #[must_use]
    pub fn of(journal: &Journal) -> DistributedTracer {
        DistributedTracer { spans: from_journal(journal) }
    }

    /// Any spans.
    #[must_use]
    pub fn of_spans(spans: SpanSet) -> DistributedTracer {
        DistributedTracer { spans }
    }

    /// Reads OTLP/JSON; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// [`Error::Document`] with the line and what was expected, if the text is not OTLP/JSON or
    /// larger than [`document::LARGEST`]. What is odd in it, but can be read, is a finding of the set.
    pub fn import_otlp(file: &str, text: &str) -> Result<DistributedTracer> {
        DistributedTracer::import(file, text, Format::Otlp)
    }

    /// Reads a text of that format; `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// As [`DistributedTracer::import_otlp`].
    pub fn import(file: &str, text: &str, format: Format) -> Result<DistributedTracer> {
        let spans = match format {
            Format::Otlp => otlp::read(file, text),
            Format::Jaeger => jaeger::read(file, text),
            Format::Zipkin => zipkin::read(file, text),
        };
        spans.map(DistributedTracer::of_spans)
    }

    /// Reads a file: a journal or one of the formats, as its content says.
    ///
    /// # Errors
    ///
    /// If it cannot be read, is none of them, or as [`DistributedTracer::import_otlp`].
    pub fn load(path: impl AsRef<Path>) -> Result<DistributedTracer> {
        let path = path.as_ref();
        if Journal::is_one(path).map_err(|e| Error::io(path, e))? {
            return Ok(DistributedTracer::of(&Journal::load(path)?));
        }
        let text = document::read(path).map_err(|error| match error {
            Error::Document { file, line, reason } => {
                wire::bad(&file, line, format!("{reason}; {READS} was expected"))
            }
            other => other,
        })?;
        let file = path.display().to_string();
        DistributedTracer::import(&file, &text, Format::of(&file, &text)?)
    }

    /// The same after [`SpanSet::align`]: for traces of machines whose clocks do not quite agree.
    #[must_use]
    pub fn aligned(self, tolerance: f64) -> DistributedTracer {
        DistributedTracer { spans: self.spans.align(tolerance) }
    }

    /// All spans.
    #[must_use]
    pub fn spans(&self) -> &SpanSet {
        &self.spans
    }

    /// All traces, in the order of their first spans.
    pub fn traces(&self) -> impl DoubleEndedIterator<Item = Trace<'_>> + ExactSizeIterator {
        self.spans.traces()
    }

    /// The critical path of a trace's root: what its caller waited for.
    #[must_use]
    pub fn critical_path(&self, trace: Trace<'_>) -> CriticalPath {
        CriticalPath::of(&self.spans, trace.root().index())
    }

    /// Who calls whom.
    #[must_use]
    pub fn topology(&self) -> Traffic {
        Traffic::of(&self.spans)
    }

    /// The spans that have to do with errors, trace by trace.
    #[must_use]
    pub fn errors(&self) -> Vec<ErrorSpan> {
        self.traces().flat_map(errors).collect()
    }

    /// Whether work flows as it must. As a property of a world:
    /// `sim.check("charged once", move |journal| DistributedTracer::of(journal).check(&flow))`.
    #[must_use]
    pub fn check(&self, flow: &Flow) -> Verdict {
        flow.verdict(&self.spans)
    }

    /// Writes all spans; the same ones always give the same bytes. Times are since 1970: virtual
    /// time counts from [`EPOCH`], and stands beside it as the attribute `sim.vt`, in nanoseconds.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn export(&self, format: Format, out: &mut impl Write) -> io::Result<()> {
        match format {
            Format::Otlp => otlp::write(&self.spans, out),
            Format::Jaeger => jaeger::write(&self.spans, out),
            Format::Zipkin => zipkin::write(&self.spans, out),
        }
    }
}

/// What every format says of a recorded span beside its attributes: its virtual time in nanoseconds,
/// and the number of the journal's event that began it.
fn own_attributes(span: &Span) -> Vec<(&'static str, Value)> {
    if span.event == 0 {
        return Vec::new();
    }
    let event = Value::Int(span.event.into());
    vec![("sim.vt", Value::number(span.start.as_nanos())), ("sim.event", event)]
}
