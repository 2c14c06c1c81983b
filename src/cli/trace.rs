//! Traces of journals and files: analysed, checked, and written for other tools.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::commands::{Done, write_lines};
use super::{HOLDS, exit_code};
use crate::error::Error;
use crate::explore::{Search, SearchReport};
use crate::journal::Journal;
use crate::report::json::SCHEMA;
use crate::seed::Seed;
use crate::time::Time;
use crate::trace::{CriticalPath, DistributedTracer, Flow, Format, SpanRef, SpanSet, Trace};
use crate::trace::{ErrorSpan, errors};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows the slowest traces with their critical paths, where errors come from, and who calls whom.
    #[command(after_help = "Example:\n  stormglass run duplicate_charge --seed 4 --journal a\n  \
        stormglass trace analyze a")]
    Analyze {
        /// A journal, OTLP/JSON, Jaeger's JSON or Zipkin's, version 2.
        file: PathBuf,
        /// How many traces are shown.
        #[arg(long, value_name = "N", default_value_t = 5)]
        traces: usize,
        /// Take siblings that overlap by at most that share of their trace for one after the other:
        /// clocks of machines that do not agree, 0.01 is usual. Not for journals.
        #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
        align: f64,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Writes traces in the format of another tool; virtual time counts from 2023-11-14 22:13:20 UTC.
    #[command(after_help = "Example:\n  stormglass trace export a --format jaeger --out a.json")]
    Export {
        /// A journal, OTLP/JSON, Jaeger's JSON or Zipkin's, version 2.
        file: PathBuf,
        /// otlp, jaeger or zipkin.
        #[arg(long)]
        format: Format,
        /// Where to. Default: standard output.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Says whether work flows as it must: 0 it does, 1 it does not, 3 unknown.
    #[command(after_help = "Example:\n  stormglass trace check a --flow orders.toml\n\n\
        A flow file:\n  format = 1\n\n  [[check]]\n  name = \"one charge an order\"\n  \
        kind = \"exactly_once_per_key\"     or exists, never, before, deadline\n  \
        span = { service = \"payment\", operation = \"POST /charge\", kind = \"server\" }\n  \
        key = \"sim.request.body:/order\"")]
    Check {
        /// A journal, OTLP/JSON, Jaeger's JSON or Zipkin's, version 2.
        file: PathBuf,
        /// The checks, in TOML.
        #[arg(long, value_name = "FILE")]
        flow: PathBuf,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
}

/// Findings that are shown.
const FINDINGS: usize = 10;

pub(super) fn run(command: Command, out: &mut dyn Write) -> Done {
    match command {
        Command::Analyze { file, traces, align, json } => {
            let tracer = DistributedTracer::load(&file)?;
            let tracer = if align > 0.0 { tracer.aligned(align) } else { tracer };
            match json {
                true => write_lines(lines(&tracer), out)?,
                false => out.write_all(text(&tracer, traces).as_bytes())?,
            }
            Ok(HOLDS)
        }
        Command::Export { file, format, out: to } => {
            let tracer = DistributedTracer::load(&file)?;
            match to {
                Some(path) => save(&tracer, format, &path)?,
                None => tracer.export(format, &mut &mut *out)?,
            }
            Ok(HOLDS)
        }
        Command::Check { file, flow, json } => {
            let flow = Flow::load(&flow)?;
            check(&DistributedTracer::load(&file)?, &flow, json, out)
        }
    }
}

fn save(tracer: &DistributedTracer, format: Format, path: &Path) -> Result<(), Error> {
    let file = File::create(path).map_err(|e| Error::io(path, e))?;
    let mut file = BufWriter::new(file);
    let written = tracer.export(format, &mut file).and_then(|()| file.flush());
    written.map_err(|e| Error::io(path, e))
}

/// Writes the traces of a run as OTLP/JSON, if a file is asked for.
pub(super) fn save_otlp(journal: &Journal, path: Option<&Path>) -> Result<(), Error> {
    path.map_or(Ok(()), |path| save(&DistributedTracer::of(journal), Format::Otlp, path))
}

/// The same of a search: the traces of its first failure, else of its last seed.
pub(super) fn save_otlp_of(
    search: &Search,
    report: &SearchReport,
    path: Option<&Path>,
) -> Result<(), Error> {
    if path.is_none() {
        return Ok(());
    }
    match report.failures.first() {
        Some(failure) => save_otlp(&failure.run.journal, path),
        None => {
            let last = report.seeds.end.saturating_sub(1);
            let run = search.world.run(&search.config_of_seed(Seed(last)));
            save_otlp(&run.journal, path)
        }
    }
}

fn check(tracer: &DistributedTracer, flow: &Flow, json: bool, out: &mut dyn Write) -> Done {
    for checked in flow.check(tracer.spans()) {
        if json {
            let ids = checked.witnesses.iter().map(|index| id(tracer.spans().span(*index)));
            let (verdict, text) = (checked.verdict.word(), checked.verdict.text());
            let line = json!({
                "schema": SCHEMA, "type": "flow_check", "name": checked.name,
                "verdict": verdict, "text": text, "matched": checked.matched,
                "witnesses": ids.collect::<Vec<_>>(),
            });
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{}: {}", checked.name, checked.verdict)?;
        }
    }
    Ok(exit_code(&tracer.check(flow)))
}

fn id(span: SpanRef<'_>) -> String {
    format!("{:016x}", span.id)
}

/// Milliseconds with three digits.
fn ms(duration: std::time::Duration) -> String {
    format!("{:.3} ms", duration.as_nanos() as f64 / 1e6)
}

/// The traces, the one that took longest first.
fn slowest(tracer: &DistributedTracer) -> Vec<Trace<'_>> {
    let mut traces: Vec<_> = tracer.traces().collect();
    traces.sort_by_key(|trace| std::cmp::Reverse(trace.root().duration()));
    traces
}

fn text(tracer: &DistributedTracer, most: usize) -> String {
    let set = tracer.spans();
    let traffic = tracer.topology();
    let mut text = format!(
        "{} spans in {} traces of {} services\n",
        set.len(),
        tracer.traces().len(),
        traffic.services().count()
    );
    for trace in slowest(tracer).into_iter().take(most) {
        tell_trace(tracer, trace, &mut text);
    }
    if tracer.traces().len() > most {
        let _ = writeln!(text, "\n{} more traces; see --traces", tracer.traces().len() - most);
    }
    let mut edges = traffic.edges().peekable();
    if edges.peek().is_some() {
        text.push_str("\nwho calls whom:\n");
    }
    for edge in edges {
        let calls = edge.calls;
        let _ = writeln!(
            text,
            "  {} -> {}  {}; half within {}, 99 % {}, all {}",
            edge.caller,
            edge.callee,
            calls.words().join(", "),
            ms(calls.quantile(0.5)),
            ms(calls.quantile(0.99)),
            ms(calls.slowest()),
        );
    }
    for circle in traffic.circles() {
        let _ = writeln!(text, "  in a circle: {}", circle.join(", "));
    }
    if !set.findings().is_empty() {
        let _ = writeln!(text, "\n{} findings:", set.findings().len());
    }
    for finding in set.findings().iter().take(FINDINGS) {
        let _ = writeln!(text, "  {finding}");
    }
    text
}

fn tell_trace(tracer: &DistributedTracer, trace: Trace<'_>, text: &mut String) {
    let (set, root) = (tracer.spans(), trace.root());
    let begun = since(set, root.start);
    let _ = writeln!(
        text,
        "\ntrace {:032x}: {} in {}, from {}, {} spans",
        trace.id(),
        *root,
        ms(root.duration()),
        ms(begun.since(Time::ZERO)),
        trace.spans().len(),
    );
    text.push_str("  critical path:\n");
    for segment in tracer.critical_path(trace).segments {
        let span = set.span(segment.span);
        let from = segment.start.since(root.start);
        let (from, took) = (ms(from), ms(segment.duration()));
        let _ = writeln!(text, "  {from:>14} {took:>14}  {} {}", span.kind, *span);
    }
    let roles = errors(trace);
    if !roles.is_empty() {
        text.push_str("  errors:\n");
    }
    for ErrorSpan { span, role } in roles {
        let span = set.span(span);
        let how = match &span.status {
            crate::trace::Status::Error(how) => how.as_str(),
            _ => "",
        };
        let line = format!("  {:>14}  {} {} {how}", role.name(), span.kind, *span);
        let _ = writeln!(text, "{}", line.trim_end());
        for event in span.events.iter().filter(|event| !is_chat(&event.name)) {
            let more = event.attributes.iter().map(|(key, value)| format!(" {key}={value}"));
            let more: String = more.collect();
            let at = ms(since(set, event.at).since(Time::ZERO));
            let _ = writeln!(text, "                    {} at {at}{more}", event.name);
        }
    }
}

/// What services tell of themselves, which is not why something failed.
fn is_chat(name: &str) -> bool {
    matches!(name, "note" | "log")
}

/// Virtual time as it is; time since 1970 from the first span on.
fn since(set: &SpanSet, time: Time) -> Time {
    match set.epoch() {
        0 => Time(time.0.saturating_sub(set.start().0)),
        _ => time,
    }
}

fn lines(tracer: &DistributedTracer) -> Vec<Value> {
    let set = tracer.spans();
    let traces = slowest(tracer).into_iter().map(|trace| {
        let root = trace.root();
        let roles = errors(trace).into_iter().map(|ErrorSpan { span, role }| {
            let span = set.span(span);
            json!({
                "span": id(span), "service": span.service, "operation": span.operation,
                "role": role.name(),
            })
        });
        json!({
            "schema": SCHEMA, "type": "trace", "trace": format!("{:032x}", trace.id()),
            "service": root.service, "operation": root.operation, "spans": trace.spans().len(),
            "start_ns": root.start.as_nanos(), "latency_ns": root.duration().as_nanos() as u64,
            "critical_path": path_lines(set, &tracer.critical_path(trace)),
            "errors": roles.collect::<Vec<_>>(),
        })
    });
    let traffic = tracer.topology();
    let edges = traffic.edges().map(|edge| {
        json!({
            "schema": SCHEMA, "type": "calls", "caller": edge.caller, "callee": edge.callee,
            "calls": edge.calls.calls, "errors": edge.calls.errors, "lost": edge.calls.lost,
            "replies_lost": edge.calls.replies_lost, "doubled": edge.calls.doubled,
            "timeouts": edge.calls.timeouts,
            "p50_ns": edge.calls.quantile(0.5).as_nanos() as u64,
            "p99_ns": edge.calls.quantile(0.99).as_nanos() as u64,
            "max_ns": edge.calls.slowest().as_nanos() as u64,
        })
    });
    let findings = set.findings().iter().map(|finding| {
        let (kind, text) = (finding.kind.name(), &finding.text);
        json!({ "schema": SCHEMA, "type": "finding", "kind": kind, "text": text })
    });
    traces.chain(edges).chain(findings).collect()
}

fn path_lines(set: &SpanSet, path: &CriticalPath) -> Vec<Value> {
    let line = |segment: &crate::trace::Segment| {
        let span = set.span(segment.span);
        json!({
            "span": id(span), "service": span.service, "operation": span.operation,
            "kind": span.kind.name(), "start_ns": segment.start.as_nanos(),
            "end_ns": segment.end.as_nanos(),
        })
    };
    path.segments.iter().map(line).collect()
}
