//! Every reader of files with the same odd texts: too large, very wide, nested deep, cut off, and with
//! one huge part. Each reads or refuses with file and line, in an error of bounded size.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use stormglass::chaos::{FaultPlan, Replay, Script};
use stormglass::contract::{OpenApi, Pact, Schema, Settings};
use stormglass::document::{self, Document, LARGEST};
use stormglass::error::Error;
use stormglass::explore::explore;
use stormglass::history::{import_edn, import_jepsen_log};
use stormglass::journal::Journal;
use stormglass::orchestrator::compose::{Project, Variables};
use stormglass::topology::Topology;
use stormglass::trace::{DistributedTracer, Flow, Format};

use crate::contract::{ORDER_PLACED, PAYMENT_PACT, payment_api};
use crate::explore::shop;

type Read = Box<dyn Fn(&str) -> Result<(), Error>>;
type Open = fn(&Path) -> Result<(), Error>;

/// How a notation writes what is odd.
#[derive(Clone, Copy)]
enum Notation {
    Json,
    Yaml,
    Toml,
    Edn,
    Log,
}
use Notation::{Edn, Json, Log, Toml, Yaml};

impl Notation {
    /// Lists in lists.
    fn deep(self, levels: usize) -> String {
        let lists = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        match self {
            Json => format!("{{\"a\": {lists}}}"),
            Yaml => format!("a: {lists}"),
            Toml => format!("a = {lists}"),
            Edn => lists,
            Log => format!("INFO  jepsen.util - 0 :invoke :write {lists}"),
        }
    }

    /// A map of many keys.
    fn wide(self, keys: usize) -> String {
        let (open, entry, close): (_, fn(usize) -> String, _) = match self {
            Json => ("{", |n| format!("\"k{n}\": {n},\n"), "\"k\": 0}"),
            Yaml => ("", |n| format!("k{n}: {n}\n"), ""),
            Toml => ("", |n| format!("k{n} = {n}\n"), ""),
            Edn => ("[{", |n| format!(":k{n} {n}\n"), "}]"),
            Log => ("", |n| format!("INFO  jepsen.util - {n} :invoke :write {n}\n"), ""),
        };
        format!("{open}{}{close}", (0..keys).map(entry).collect::<String>())
    }

    /// One huge text where none can be.
    fn long(self, letters: usize) -> String {
        let text = "x".repeat(letters);
        match self {
            Json | Yaml => format!("\"{text}\""),
            Toml => format!("format = \"{text}\""),
            Edn => format!("[\"{text}\" {text}]"),
            Log => format!("{text} jepsen.util - 0 :invoke\n"),
        }
    }
}

fn json(text: &str) -> Result<Document, Error> {
    Document::json("f", text)
}

fn exported(format: Format) -> String {
    let run = crate::trace::run_with([], crate::trace::shop(1));
    let mut text = Vec::new();
    DistributedTracer::of(&run.journal).export(format, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

const HISTORY: &str = "[{:process 0, :type :invoke, :f :write, :value [3 {:a 1}]}
{:process 0, :type :ok, :f :write, :value 3}]";
const LOG: &str = "INFO  jepsen.util - 0 :invoke :write 3\nINFO  jepsen.util - 0 :ok :write 3\n";
const FLOW: &str = "format = 1\n[[check]]\nname = \"a\"\nkind = \"exists\"\n\
                    span = { service = \"a\", operation = \"POST /a*\", status = \"ok\" }\n";
#[cfg(feature = "wiremock")]
const MAPPING: &str = r#"{"request": {"urlPattern": "/a.*", "bodyPatterns": [{"contains": "a"}]},
    "response": {"body": "{{request.path}}", "transformers": ["response-template"]}}"#;

/// What is read, how, and a good text.
fn readers() -> Vec<(&'static str, Notation, Read, String)> {
    fn one(
        name: &'static str,
        notation: Notation,
        good: impl Into<String>,
        read: impl Fn(&str) -> Result<(), Error> + 'static,
    ) -> (&'static str, Notation, Read, String) {
        (name, notation, Box::new(read), good.into())
    }
    let compose = "services:\n  web: { image: a, ports: ['80:8080'] }\n";
    let topology = || Topology { members: Vec::new() };
    let schema = |text: &str| {
        let document = json(text)?;
        let schema = Schema::new(document.value(), Settings::default());
        schema.map(drop).map_err(|(at, reason)| document.error(&at, reason))
    };
    let script = Script {
        replay: Replay { sim: Some("a".into()), ..Replay::default() },
        ..Script::default()
    };
    let mut readers = vec![
        one("pact", Json, PAYMENT_PACT, |text| Pact::read(&json(text)?).map(drop)),
        one("openapi", Yaml, payment_api("receipt"), |text| {
            OpenApi::read(&Document::yaml("f", text)?).map(drop)
        }),
        one("schema", Json, ORDER_PLACED, schema),
        one("compose", Yaml, compose, |text| {
            Project::parse("f", text, &Variables::new()).map(drop)
        }),
        one("flow", Toml, FLOW, |text| Flow::parse(text, "f").map(drop)),
        one("script", Toml, script.to_toml(), move |text| {
            Script::parse(text, "f", &topology()).map(drop)
        }),
        one("edn", Edn, HISTORY, |text| import_edn("f", text).map(drop)),
        one("log", Log, LOG, |text| import_jepsen_log("f", text).map(drop)),
    ];
    readers.extend(Format::ALL.into_iter().map(|format| {
        one("trace", Json, exported(format), move |text| {
            DistributedTracer::import("f", text, format).map(drop)
        })
    }));
    #[cfg(feature = "wiremock")]
    readers.push(one("mapping", Json, MAPPING, |text| {
        stormglass::mock::Stubs::from_json("f", text).map(drop)
    }));
    readers
}

/// What a reader says of a text: nothing, or an error with file and line, and no longer than a page.
#[track_caller]
fn told(name: &str, read: &Read, text: &str) -> Option<String> {
    let error = read(text).err()?.to_string();
    let line = error.strip_prefix("f:").and_then(|rest| rest.split_once(": "));
    assert!(line.is_some_and(|(line, _)| line.parse::<usize>().is_ok()), "{name}: {error}");
    assert!(error.chars().count() < 400, "{name}: {} characters", error.chars().count());
    Some(error)
}

#[test]
fn good_texts_are_read() {
    for (name, _, read, good) in readers() {
        assert_eq!(told(name, &read, &good), None, "{name}");
    }
}

#[test]
fn every_reader_refuses_a_text_that_is_too_large() {
    let large = " ".repeat(LARGEST as usize + 1);
    for (name, _, read, _) in readers() {
        let error = told(name, &read, &large).unwrap();
        assert_eq!(error, "f:1: 67108865 bytes; at most 67108864 are read", "{name}");
    }
}

/// Readers of traces skip what they do not know without going into it.
#[test]
fn no_reader_goes_down_into_a_text_that_is_nested_deep() {
    for (name, notation, read, _) in readers() {
        let refused = told(name, &read, &notation.deep(50_000)).is_some();
        assert!(refused || name == "trace", "{name}");
    }
}

#[test]
fn every_reader_comes_to_the_end_of_a_wide_text() {
    for (name, notation, read, _) in readers() {
        let _ = told(name, &read, &notation.wide(20_000));
    }
}

#[test]
fn no_error_is_as_large_as_its_file() {
    for (name, notation, read, _) in readers() {
        assert!(told(name, &read, &notation.long(1_000_000)).is_some(), "{name}");
    }
    let pattern = format!("{{\"pattern\": \"{}\"}}", "(".repeat(5_000));
    let (_, _, read, _) = readers().into_iter().find(|(name, ..)| *name == "schema").unwrap();
    let error = told("schema", &read, &pattern).unwrap();
    assert!(error.starts_with("f:1: no JSON Schema: \"((((((") && error.contains(" [...] "));
}

#[test]
fn every_beginning_of_a_file_is_read_or_refused() {
    for (name, _, read, good) in readers() {
        let step = good.len() / 60 + 1;
        let ends = (0..good.len()).step_by(step).filter(|end| good.is_char_boundary(*end));
        let refused = ends.filter(|end| told(name, &read, &good[..*end]).is_some()).count();
        assert!(refused > 5, "{name}: {refused}");
    }
}

/// The readers of files themselves: not UTF-8, and larger than they say.
#[test]
fn files_are_read_by_the_same_rules() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f");
    let readers: [(&str, Open); 5] = [
        ("document", |path| Document::open(path).map(drop)),
        ("flow", |path| Flow::load(path).map(drop)),
        ("script", |path| Script::load(path, &Topology { members: Vec::new() }).map(drop)),
        ("plan", |path| FaultPlan::load(path, &Topology { members: Vec::new() }).map(drop)),
        ("replay", |path| Replay::load(path).map(drop)),
    ];
    fs::write(&path, b"a\n\xff").unwrap();
    for (name, read) in readers {
        let error = read(&path).unwrap_err().to_string();
        assert!(error.ends_with("/f:2: the text is not UTF-8"), "{name}: {error}");
    }
    let error = explore(shop).seeds(0..2).resume(&path).try_find().unwrap_err().to_string();
    assert!(error.ends_with("/f:2: the text is not UTF-8"), "{error}");
    fs::write(&path, "{\n\"format\": \"x\"}").unwrap();
    let error = explore(shop).seeds(0..2).resume(&path).try_find().unwrap_err().to_string();
    assert!(error.contains("/f:2: it is no state of a search (invalid type"), "{error}");
    // As large as no memory is.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let error = document::read(&path).unwrap_err().to_string();
    assert!(error.ends_with("/f:1: 1099511627776 bytes; at most 67108864 are read"), "{error}");
    let error = Journal::load(&path).unwrap_err().to_string();
    assert!(error.ends_with("it does not begin with STORMGLASS-JOURNAL"), "{error}");
}

/// A device says that it has no bytes, and has no end.
#[cfg(unix)]
#[test]
fn what_has_no_end_is_not_read_to_its_end() {
    let error = document::read(Path::new("/dev/zero")).unwrap_err().to_string();
    assert_eq!(error, "/dev/zero:1: 67108865 bytes; at most 67108864 are read");
    assert!(Journal::load("/dev/zero").is_err());
}

/// More parts than are read, with aliases and without.
#[test]
fn aliases_are_named_only_where_there_are_some() {
    let mut text = String::from("a:\n");
    (0..1_000_001).for_each(|_| text.push_str("- 1\n"));
    let error = Document::yaml("f", &text).unwrap_err().to_string();
    assert_eq!(error, "f:1000001: more than 1000000 parts");
    let mut text = "a0: &a0 [x, x]\n".to_owned();
    for level in 1..30 {
        let before = level - 1;
        let _ = writeln!(text, "a{level}: &a{level} [*a{before}, *a{before}]");
    }
    let error = Document::yaml("f", &text).unwrap_err().to_string();
    assert!(error.ends_with("more than 1000000 parts, with what its aliases repeat"), "{error}");
}
