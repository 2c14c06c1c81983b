//! Versions of JSON Schemas, and whether what one accepts the other accepts.

use serde_json::Value;
use stormglass::contract::{Containment, Profile, Schema, Settings};

use crate::conformance::{Tally, files, set};

/// Cases in which the corpus goes by rules and a proof says otherwise: each `Compatible` of ours
/// against a "no" of the corpus is listed here by its id, with the reason.
const CORPUS_IS_WRONG: &[(&str, &str)] = &[
    ("Const backward", "a string that is a certain array: neither version accepts anything"),
    ("Const forward", "as above"),
    ("Complex: anyOf 1 forward", "maxLength takes everything that is no string: both accept all"),
    ("Complex: oneOf 1 forward", "old: no strings up to 5; new: none up to 10, which is less"),
    ("Conditional: if backward", "`[a-z]*` and `[A-Z]*` are not anchored: they match every text"),
    ("Conditional: if forward", "as above"),
];

fn contains(reader: &Value, writer: &Value) -> Containment {
    let both = [reader, writer].map(|text| Schema::new(text, Settings::default()));
    match both {
        [Ok(reader), Ok(writer)] => reader.contains(&writer, Profile::Open),
        [Err((at, reason)), _] | [_, Err((at, reason))] => {
            Containment::Unknown(format!("{at}: {reason}"))
        }
    }
}

/// A value that `writer` accepts and `reader` refuses, of all small values over few atoms.
fn sampled(reader: &Value, writer: &Value) -> Option<Value> {
    let [reader, writer] =
        [reader, writer].map(|text| Schema::new(text, Settings::default()).unwrap());
    let texts =
        ["", "a", "abc", "abcdefgh", "ABC", "abcdefghijklmnop", "lower", "upper", "2026-01-31"];
    let mut values: Vec<Value> = texts.iter().map(|text| Value::from(*text)).collect();
    values.extend([-1, 0, 1, 5, 6, 10, 11, 100].map(Value::from));
    values.extend([Value::Null, true.into(), false.into(), 0.5.into(), serde_json::json!([])]);
    let mut names = vec!["other".to_owned()];
    for schema in [&reader, &writer] {
        let properties = schema.text().get("properties").and_then(Value::as_object);
        names.extend(properties.into_iter().flatten().map(|(name, _)| name.clone()));
    }
    names.sort();
    names.dedup();
    let atoms = values.clone();
    values.extend(atoms.iter().map(|atom| serde_json::json!([atom])));
    for name in &names {
        values.extend(atoms.iter().map(|atom| serde_json::json!({ name: atom })));
        for other in &names {
            for first in &atoms {
                values.extend(atoms.iter().map(|a| serde_json::json!({ name: first, other: a })));
            }
        }
    }
    values.into_iter().find(|value| writer.accepts(value) && !reader.accepts(value))
}

#[test]
fn apicurio() {
    let Some(folder) = set("apicurio") else { return };
    let mut tally = Tally::new("apicurio");
    let (mut unsafe_yes, mut undecided) = (Vec::new(), 0);
    for path in files(&folder, &[".json"]) {
        let text = std::fs::read_to_string(path).unwrap();
        let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
        for case in cases.iter().filter(|case| case["enabled"] != Value::Bool(false)) {
            let (id, kind) =
                (case["id"].as_str().unwrap(), case["compatibility"].as_str().unwrap());
            let (old, new) = (&case["original"], &case["updated"]);
            let expected =
                [kind == "backward" || kind == "both", kind == "forward" || kind == "both"];
            let found = [contains(new, old), contains(old, new)];
            for (way, (expected, found)) in
                ["backward", "forward"].iter().zip(expected.into_iter().zip(found))
            {
                undecided += usize::from(matches!(found, Containment::Unknown(_)));
                let agrees = match &found {
                    Containment::Yes => expected,
                    Containment::No(_) => !expected,
                    // It never passes, and is right where the corpus says no.
                    Containment::Unknown(_) => !expected,
                };
                if found == Containment::Yes && !expected {
                    let (reader, writer) = if *way == "backward" { (new, old) } else { (old, new) };
                    unsafe_yes.push((format!("{id} {way}"), sampled(reader, writer)));
                }
                tally.count(agrees, || format!("{id} {way}: expected {expected}, {found:?}"));
            }
        }
    }
    println!("apicurio: {undecided} undecided");
    for (case, _) in &unsafe_yes {
        let reason = CORPUS_IS_WRONG.iter().find(|(known, _)| known == case);
        let reason = reason.map_or("proven by set algebra, not read by hand", |(_, reason)| reason);
        println!("  the corpus is wrong on {case}: {reason}");
    }
    // A proof that a sample contradicts is none.
    unsafe_yes.retain(|(_, counterexample)| counterexample.is_some());
    assert_eq!(unsafe_yes, Vec::new(), "compatible against the corpus");
    tally.at_least(80);
}
