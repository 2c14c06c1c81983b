//! Files that are no contracts: an error with the file, the line and what was expected; never a
//! panic, never half a registry.

use std::fmt::Write as _;

use serde_json::{Value, json};
use stormglass::contract::{Containment, ContractRegistry, OpenApi, Profile, Schema, Settings};
use stormglass::document::Document;

use super::{ORDER_PLACED, PAYMENT_PACT, payment_api, written};

/// The error of a registry with that file, without the folder's name.
#[track_caller]
fn check(name: &str, text: &str, expected: &str) {
    let folder = written(&[("orders/1.0.0/publishes/Fine.json", ORDER_PLACED), (name, text)]);
    let error = ContractRegistry::open(folder.path()).unwrap_err().to_string();
    let error = error.replace(&format!("{}/", folder.path().display()), "");
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn files_that_are_no_contracts_are_refused() {
    check("orders/1.0.0/a.json", "{\"a\": 1", "orders/1.0.0/a.json:1: EOF while parsing");
    check("orders/1.0.0/a.json", "[]", "orders/1.0.0/a.json:1: neither OpenAPI");
    check("orders/one/a.json", "{}", "orders/one:1: a folder with a version was expected");
    check("orders/1.0.0/publish/A.json", "{}", "orders/1.0.0/publish:1: the folder `publish`");
    check("orders/1.0.0/reads/A.json", "7", "orders/1.0.0/reads/A.json:1: a JSON Schema is");
    let bad_type = "{\n\"properties\": {\n \"a\": { \"type\": \"texts\" } } }";
    check("orders/1.0.0/reads/A.json", bad_type, "orders/1.0.0/reads/A.json:");
    check(
        "orders/1.0.0/a.yaml",
        "swagger: '2.0'",
        "orders/1.0.0/a.yaml:1: Swagger 2.0 is not read",
    );
    check("orders/1.0.0/a.yaml", "openapi: 4.0.0", "orders/1.0.0/a.yaml:1: OpenAPI `4.0.0`");
    check("state.json", "{\n\"deployment\": []}", "state.json:2: unknown field `deployment`");
    let elsewhere = "{ \"deployments\": [{ \"release\": \"a@1.0.0\", \"environment\": \"x\", \
                     \"placement\": \"released\" }] }";
    check("state.json", elsewhere, "state.json:1: no environment `x`");
}

#[test]
fn references_to_elsewhere_are_refused_and_never_fetched() {
    let remote =
        "{\n \"properties\": {\n  \"a\": {\n   \"$ref\": \"http://127.0.0.1:1/x.json\" } } }";
    check("orders/1.0.0/reads/A.json", remote, "orders/1.0.0/reads/A.json:4: `$ref` to `http://");
    let file = remote.replace("http://127.0.0.1:1/x.json", "file:///etc/passwd");
    check("orders/1.0.0/reads/A.json", &file, "orders/1.0.0/reads/A.json:4: `$ref` to `file:///");
    let api = payment_api("receipt").replace("{ type: boolean }", "{ $ref: 'other.yaml#/a' }");
    check("orders/1.0.0/a.yaml", &api, "orders/1.0.0/a.yaml:30: `$ref` to `other.yaml#/a`");
}

#[test]
fn pacts_of_others_and_broken_ones_are_refused() {
    let other = PAYMENT_PACT.replace("\"orders\"", "\"order\"");
    check("orders/1.0.0/a.json", &other, "orders/1.0.0/a.json:2: the consumer is `order`");
    let nobody = PAYMENT_PACT.replace("\"name\": \"payment\"", "\"nam\": \"payment\"");
    check("orders/1.0.0/a.json", &nobody, "orders/1.0.0/a.json:3: a Pact file names its provider");
    let list = PAYMENT_PACT.replace("\"interactions\": [", "\"interactions\": [7,");
    check("orders/1.0.0/a.json", &list, "orders/1.0.0/a.json:4: an example is an object");
    let method = PAYMENT_PACT.replace("\"POST\"", "7");
    check("orders/1.0.0/a.json", &method, "orders/1.0.0/a.json:9: a method is a text");
}

/// Whatever part of a good file is cut off or replaced: an error or a registry, no panic.
#[test]
fn truncated_and_mangled_files_never_panic() {
    let read = |text: &str| {
        let Ok(document) = Document::json("a.json", text) else { return };
        let _ = stormglass::contract::Pact::read(&document);
        let _ = OpenApi::read(&document);
        let _ = Schema::new(document.value(), Settings::default());
    };
    let api = Document::yaml("a.yaml", &payment_api("receipt")).unwrap().value().to_string();
    let schema = json!({ "openapi": "3.0.0", "paths": { "/": { "get": { "parameters": [7] } } } });
    for text in [PAYMENT_PACT, &api, &schema.to_string(), ORDER_PLACED] {
        for end in (0..text.len()).step_by(7) {
            read(&text[..end]);
        }
        let value: Value = serde_json::from_str(text).unwrap();
        for odd in [Value::Null, json!(7), json!("x"), json!([]), json!({}), json!([[{}]])] {
            mangle(&value, &odd, &mut |mangled| read(&mangled.to_string()));
        }
    }
}

/// Every value in which one part is replaced by `odd`.
fn mangle(value: &Value, odd: &Value, visit: &mut dyn FnMut(&Value)) {
    visit(odd);
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                mangle(item, odd, &mut |part| {
                    let mut all = items.clone();
                    all[index] = part.clone();
                    visit(&Value::Array(all));
                });
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                mangle(field, odd, &mut |part| {
                    let mut all = fields.clone();
                    all.insert(key.clone(), part.clone());
                    visit(&Value::Object(all));
                });
            }
        }
        _ => {}
    }
}

fn contains(reader: &Value, writer: &Value) -> Result<Containment, (String, String)> {
    let [reader, writer] = [reader, writer].map(|text| Schema::new(text, Settings::default()));
    let (reader, writer) = (reader?, writer?);
    let _ = reader.accepts(&json!({ "a": { "a": [1] } }));
    let _ = writer.contains(&reader, Profile::ClosedWriter);
    Ok(reader.contains(&writer, Profile::Open))
}

/// Schemas that grow without bound when they are followed: answered, or refused, and the test ends.
#[test]
fn recursive_schemas_end() {
    let mut doubling = json!({ "$defs": { "d0": { "type": "string" } }, "$ref": "#/$defs/d40" });
    let mut chain = json!({ "$defs": { "c5000": { "type": "string" } }, "$ref": "#/$defs/c0" });
    for n in 1..=40 {
        let part = json!({ "$ref": format!("#/$defs/d{}", n - 1) });
        doubling["$defs"][format!("d{n}")] =
            json!({ "type": "object", "required": ["a"], "properties": { "a": part, "b": part } });
    }
    for n in 0..5_000 {
        chain["$defs"][format!("c{n}")] = json!({ "$ref": format!("#/$defs/c{}", n + 1) });
    }
    let mut tree = json!({ "type": "object", "properties": {} });
    for n in 0..12 {
        tree["properties"][format!("p{n}")] =
            json!({ "anyOf": [{ "$ref": "#" }, { "type": "null" }] });
    }
    let cases = [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#" }] }),
        json!({ "not": { "$ref": "#" } }),
        json!({ "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }),
        json!({ "type": "object", "required": ["a"], "properties": { "a": { "$ref": "#" } } }),
        tree,
        doubling,
        chain,
    ];
    for case in &cases {
        let changed = json!({ "type": "object", "minProperties": 1 });
        for (reader, writer) in [(case, &changed), (&changed, case), (case, case)] {
            let found = contains(reader, writer);
            assert!(found.is_ok() || found.is_err());
        }
        println!("it ends for {}", super::super_short(case));
    }
}

/// A big interface is read and compared; a text that is nested too deep is refused.
#[test]
fn huge_files_are_read_and_deep_ones_refused() {
    let mut text = "openapi: 3.0.0\npaths:\n".to_owned();
    for n in 0..2_000 {
        let _ = write!(
            text,
            "  /p{n}:\n    get:\n      responses:\n        '200':\n          content:\n            \
             application/json:\n              schema: {{ $ref: '#/components/schemas/S{n}' }}\n"
        );
    }
    text += "components:\n  schemas:\n";
    for n in 0..2_000 {
        let _ =
            writeln!(text, "    S{n}: {{ type: object, properties: {{ a: {{ type: string }} }} }}");
    }
    let api = OpenApi::read(&Document::yaml("huge.yaml", &text).unwrap()).unwrap();
    assert_eq!(api.operations.len(), 2_000);
    let deep = format!("{}1{}", "{\"not\":".repeat(200), "}".repeat(200));
    check("orders/1.0.0/reads/A.json", &deep, "orders/1.0.0/reads/A.json:1: recursion limit");
}
