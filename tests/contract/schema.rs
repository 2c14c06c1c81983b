//! Whether one schema accepts all of another, against brute force.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use stormglass::contract::{Containment, Profile, Schema, Settings};

fn schema(text: &Value) -> Schema {
    Schema::new(text, Settings::default()).unwrap()
}

#[track_caller]
fn check(reader: Value, writer: Value, profile: Profile, expected: Containment) {
    assert_eq!(schema(&reader).contains(&schema(&writer), profile), expected);
}

#[test]
fn a_narrowed_reader_is_shown_what_it_loses() {
    let (long, short) = (json!({ "type": "string" }), json!({ "type": "string", "maxLength": 3 }));
    check(long.clone(), short.clone(), Profile::Open, Containment::Yes);
    check(short, long, Profile::Open, Containment::No(Some(json!("aaaa"))));
}

#[test]
fn a_new_optional_property_breaks_open_writers_alone() {
    let old = json!({ "type": "object", "properties": { "a": { "type": "integer" } } });
    let new = json!({ "type": "object", "properties": {
        "a": { "type": "integer" }, "b": { "type": "string" },
    } });
    check(new.clone(), old.clone(), Profile::ClosedWriter, Containment::Yes);
    let Containment::No(Some(witness)) = schema(&new).contains(&schema(&old), Profile::Open) else {
        panic!("an open writer may send any b");
    };
    assert!(schema(&old).accepts(&witness) && !schema(&new).accepts(&witness), "{witness}");
}

/// The example needs a value within bounds in each of several properties.
#[test]
fn a_new_property_that_is_refused_is_shown() {
    let of = |names: &[&str]| {
        let bounded = json!({ "type": "integer", "minimum": 1 });
        let properties: Map<String, Value> =
            names.iter().map(|name| ((*name).to_owned(), bounded.clone())).collect();
        json!({
            "type": "object", "required": names, "properties": properties,
            "additionalProperties": false,
        })
    };
    let example = json!({ "amount": 1, "order": 1 });
    let no = Containment::No(Some(example));
    check(of(&["order"]), of(&["order", "amount"]), Profile::Open, no);
}

#[test]
fn recursive_schemas_are_compared() {
    let list = |value: &str| {
        json!({ "type": "object", "required": ["value"], "properties": {
            "value": { "type": value }, "next": { "$ref": "#" },
        } })
    };
    check(list("number"), list("number"), Profile::Open, Containment::Yes);
    // True, and not decided: the algebra does not reason by induction.
    let wider = schema(&list("number")).contains(&schema(&list("integer")), Profile::Open);
    assert!(!matches!(wider, Containment::No(_)), "{wider:?}");
    let broken = schema(&list("integer")).contains(&schema(&list("number")), Profile::Open);
    assert!(matches!(broken, Containment::No(Some(_))), "{broken:?}");
}

#[test]
fn drafts_that_differ_are_not_compared() {
    let of = |draft: &str| json!({ "$schema": draft, "type": "string" });
    let (old, new) = (
        of("http://json-schema.org/draft-07/schema#"),
        of("https://json-schema.org/draft/2020-12/schema"),
    );
    let found = schema(&new).contains(&schema(&old), Profile::Open);
    assert!(matches!(found, Containment::Unknown(_)), "{found:?}");
}

/// Values over few atoms, two deep.
fn instances() -> Vec<Value> {
    let atoms = [
        Value::Null,
        json!(true),
        json!(-2),
        json!(0),
        json!(1),
        json!(2),
        json!(3),
        json!(0.5),
        json!(""),
        json!("a"),
        json!("ab"),
        json!("abc"),
    ];
    let mut all = atoms.to_vec();
    all.push(json!([]));
    all.push(json!({}));
    for a in &atoms {
        all.push(json!([a]));
        all.push(json!({ "a": a }));
        all.push(json!({ "b": a }));
        for b in &atoms {
            all.push(json!([a, b]));
            all.push(json!({ "a": a, "b": b }));
        }
    }
    all
}

/// Small schemas over those atoms.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(true)),
        Just(json!({ "type": "string" })),
        Just(json!({ "type": "null" })),
        Just(json!({ "type": ["integer", "boolean"] })),
        (-2..3i64, 0..4i64)
            .prop_map(|(a, b)| json!({ "type": "integer", "minimum": a, "maximum": a + b })),
        (0..3u64).prop_map(|n| json!({ "type": "number", "exclusiveMinimum": n })),
        (0..3u64, 0..2u64)
            .prop_map(|(a, b)| json!({ "type": "string", "minLength": a, "maxLength": a + b })),
        (0..4i64).prop_map(|n| json!({ "enum": [n, "a", null] })),
        (0..3i64).prop_map(|n| json!({ "not": { "const": n } })),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), any::<bool>(), any::<bool>()).prop_map(|(a, required, open)| {
                let required: &[&str] = if required { &["a"] } else { &[] };
                json!({ "type": "object", "properties": { "a": a }, "required": required,
                        "additionalProperties": open })
            }),
            (inner.clone(), 0..3u64)
                .prop_map(|(a, n)| json!({ "type": "array", "items": a, "maxItems": n })),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| json!({ "anyOf": [a, b] })),
            (inner.clone(), inner).prop_map(|(a, b)| json!({ "allOf": [a, b] })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// "Yes" has no counterexample among all small values, "no" has a witness that is one; and what
    /// brute force refutes is never called "yes".
    #[test]
    fn verdicts_agree_with_brute_force(reader in schemas(), writer in schemas()) {
        let (reader, writer) = (schema(&reader), schema(&writer));
        let lost = instances().into_iter().find(|v| writer.accepts(v) && !reader.accepts(v));
        match reader.contains(&writer, Profile::Open) {
            Containment::Yes => prop_assert_eq!(lost, None),
            Containment::No(Some(witness)) => {
                prop_assert!(writer.accepts(&witness) && !reader.accepts(&witness));
            }
            Containment::No(None) | Containment::Unknown(_) => {}
        }
        // A closed writer sends less: what is taken from an open one is taken from it.
        if reader.contains(&writer, Profile::Open) == Containment::Yes {
            let closed = reader.contains(&writer, Profile::ClosedWriter);
            prop_assert!(!matches!(closed, Containment::No(_)), "{:?}", closed);
        }
    }

    /// What a closed schema accepts, its open one does.
    #[test]
    fn closing_takes_away_alone(text in schemas()) {
        let open = schema(&text);
        if let Some(closed) = open.closed() {
            for value in instances() {
                prop_assert!(!closed.accepts(&value) || open.accepts(&value), "{}", value);
            }
        }
    }
}
