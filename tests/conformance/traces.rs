//! Traces: jaeger-ui's and CRISP's critical paths, and files of other systems.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value as Json;
use stormglass::time::Time;
use stormglass::trace::{
    CriticalPath, DistributedTracer, ErrorRole, Format, Span, SpanKind, SpanSet,
};

use super::{Tally, files, set};

fn name(path: &Path) -> String {
    path.file_name().expect("a file has a name").to_string_lossy().into_owned()
}

fn json(path: &Path) -> Json {
    let text = fs::read_to_string(path).expect("the file can be read");
    serde_json::from_str(&text).expect("the corpus is JSON")
}

#[test]
fn jaeger_ui_critical_paths() {
    let Some(folder) = set("traces/jaeger-ui") else { return };
    let mut tally = Tally::new("traces/jaeger-ui/critical-path");
    for file in files(&folder, &["-cases.json"]) {
        for case in json(&file).as_array().expect("a list of cases") {
            let (ours, theirs) = sections(case);
            tally.count(ours == theirs, || format!("{}: {ours:?}, not {theirs:?}", case["name"]));
        }
    }
    tally.at_least(100);
}

type Sections = Vec<(String, u64, u64)>;

/// The sections of a case, ours and theirs, from the end of the trace back.
fn sections(case: &Json) -> (Sections, Sections) {
    let list = |key: &str| case[key].as_array().expect("a list").clone();
    let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
    let spans = list("spans");
    let names: Vec<String> = spans.iter().map(|span| text(&span["id"])).collect();
    let number = |name: &str| names.iter().position(|known| known == name);
    let made = spans.iter().enumerate().map(|(n, span)| Span {
        trace: 1,
        id: n as u64 + 1,
        parent: number(&text(&span["parent"])).map(|n| n as u64 + 1),
        kind: SpanKind::of_name(&text(&span["kind"])).unwrap_or_default(),
        start: Time(span["start"].as_u64().expect("a time")),
        end: Time(span["end"].as_u64().expect("a time")),
        finished: true,
        ..Span::default()
    });
    let set = SpanSet::new(made.collect(), 0);
    let root = number(&text(&list("roots")[0])).expect("the root is a span");
    let path = CriticalPath::of(&set, root as u32);
    let ours = path.segments.iter().rev();
    let ours = ours.map(|s| (names[s.span as usize].clone(), s.start.0, s.end.0)).collect();
    let number = |section: &Json, key: &str| section[key].as_u64().expect("a time");
    let expected = list("expected");
    let theirs = expected.iter().map(|section| {
        let (start, end) = (number(section, "sectionStart"), number(section, "sectionEnd"));
        (text(&section["spanID"]), start, end)
    });
    (ours, theirs.collect())
}

/// CRISP bears clocks that differ by 1 %.
const SKEW: f64 = 0.01;

#[test]
fn crisp_critical_paths_and_errors() {
    let Some(folder) = set("traces/crisp") else { return };
    let mut paths = Tally::new("traces/crisp/critical-path");
    let mut errors = Tally::new("traces/crisp/errors");
    let mut exact = (0, Vec::new());
    for file in files(&folder, &[".json"]) {
        let name = file.strip_prefix(&folder).expect("it is in it").display().to_string();
        let answer = &json(&file)["testing"];
        if answer.is_null() {
            continue;
        }
        let load = || DistributedTracer::load(&file).expect("the corpus can be read");
        let times = answer.get(0).unwrap_or(&answer["opTimeExclusive"]);
        let theirs: BTreeMap<String, u64> = serde_json::from_value(times.clone()).expect("times");
        let theirs = theirs.into_iter().filter(|(_, time)| *time > 0).collect();
        let ours = exclusive(&load().aligned(SKEW));
        match exclusive(&load()) == theirs {
            true => exact.0 += 1,
            false => exact.1.push(name.clone()),
        }
        paths.count(ours == theirs, || format!("{name}: {ours:?}, not {theirs:?}"));
        let counts = ["errCounts", "errCPErrCounts"].map(|key| answer.get(key));
        if let Some(counts) = counts.into_iter().flatten().next() {
            let theirs: BTreeMap<String, [u64; 3]> =
                serde_json::from_value(counts.clone()).expect("three counts each");
            let theirs = theirs.into_iter().map(|(path, counts)| (cleaned(&path), counts));
            let theirs: BTreeMap<_, _> = theirs.collect();
            let ours = triples(&load());
            errors.count(ours == theirs, || format!("{name}: {ours:?}, not {theirs:?}"));
        }
    }
    println!("traces/crisp without a tolerance for clocks: {}, but for {:?}", exact.0, exact.1);
    paths.at_least(100);
    errors.at_least(100);
}

/// Microseconds of each operation on the critical path.
fn exclusive(tracer: &DistributedTracer) -> BTreeMap<String, u64> {
    let trace = tracer.traces().next().expect("a trace");
    let path = tracer.critical_path(trace);
    assert_eq!(path.total(), trace.root().duration(), "the path is the latency");
    let sums = path.by_operation(tracer.spans());
    let named = |((service, operation), time): ((&str, &str), std::time::Duration)| {
        (format!("[{service}] {operation}"), time.as_micros() as u64)
    };
    sums.into_iter().map(named).collect()
}

/// A path of calls without the synthetic root, and without a bracket that some answers have twice.
fn cleaned(path: &str) -> String {
    let path = path.strip_prefix("errorCriticalPathSyntheticRoot->").unwrap_or(path);
    path.replace("[[", "[")
}

/// How many errors originated, were propagated, and were stopped, by path of calls.
fn triples(tracer: &DistributedTracer) -> BTreeMap<String, [u64; 3]> {
    let mut counts: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for error in tracer.errors() {
        let mut span = tracer.spans().span(error.span);
        let mut path = span.get().to_string();
        while let Some(parent) = span.parent() {
            path = format!("{}->{path}", *parent);
            span = parent;
        }
        let place = match error.role {
            ErrorRole::Originated => 0,
            ErrorRole::Propagated => 1,
            ErrorRole::Stopped => 2,
        };
        counts.entry(path).or_default()[place] += 1;
    }
    counts
}

/// What OTLP and Jaeger's form of the same trace agree in: all but the last microsecond of an end,
/// which Jaeger cuts off.
fn essence(path: &Path) -> Vec<String> {
    let tracer = DistributedTracer::load(path).expect("the corpus can be read");
    let mut spans: Vec<String> = tracer
        .spans()
        .spans()
        .map(|span| {
            let ids = (span.trace, span.id, span.parent);
            let (start, took) = (span.start.0 / 1000, span.duration().as_micros());
            let attributes: Vec<String> =
                span.attributes.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let scope = &span.scope;
            format!("{ids:x?} {} {} {start}+{took} {attributes:?} {scope:?}", span.kind, *span)
        })
        .collect();
    spans.sort();
    spans
}

#[test]
fn otlp_is_the_trace_that_jaeger_makes_of_it() {
    let Some(folder) = set("traces/jaeger-ui") else { return };
    let mut tally = Tally::new("traces/jaeger-ui/otlp2jaeger");
    let pairs = [
        ("otlp2jaeger-in.json", "otlp2jaeger-out.json"),
        ("otlp2jaeger-multi-in-combined.json", "oltp2jaeger-multi-out.json"),
        ("otlp2jaeger-multi-in.json.txt", "oltp2jaeger-multi-out.json"),
    ];
    for (otlp, jaeger) in pairs {
        if !folder.join(otlp).exists() || !folder.join(jaeger).exists() {
            continue;
        }
        let (ours, theirs) = (essence(&folder.join(otlp)), essence(&folder.join(jaeger)));
        tally.count(ours == theirs, || format!("{otlp}: {ours:#?}, not {theirs:#?}"));
    }
    tally.at_least(100);
}

/// Every file of a set is read, and every root's critical path tiles it; metrics and logs are refused by name.
#[test]
fn files_of_other_systems_are_read() {
    for (folder, format) in [
        ("traces/zipkin", Some(Format::Zipkin)),
        ("traces/otlp", Some(Format::Otlp)),
        ("traces/deathstarbench", Some(Format::Jaeger)),
    ] {
        let Some(path) = set(folder) else { continue };
        let mut tally = Tally::new(folder);
        for file in files(&path, &[".json"]) {
            let text = fs::read_to_string(&file).expect("the file can be read");
            let found = Format::of(&name(&file), &text);
            if let Err(error) = &found {
                let told = error.to_string();
                let refused = told.contains("holds metrics") || told.contains("holds logs");
                tally.count(refused, || told);
                continue;
            }
            let read = DistributedTracer::load(&file);
            let fits = read.as_ref().is_ok_and(|tracer| {
                !tracer.spans().is_empty() && tiles(tracer) && found.ok() == format
            });
            tally.count(fits, || format!("{}: {:?}", name(&file), read.err()));
        }
        tally.at_least(100);
    }
}

fn tiles(tracer: &DistributedTracer) -> bool {
    let roots = tracer.traces().flat_map(|trace| trace.roots());
    roots
        .into_iter()
        .all(|root| CriticalPath::of(tracer.spans(), root.index()).total() == root.duration())
}
