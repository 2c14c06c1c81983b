//! Pact files against OpenAPI documents.

use std::collections::BTreeSet;

use serde_json::Value;
use stormglass::contract::{Compatibility, OpenApi, Pact};
use stormglass::document::Document;

use crate::conformance::{Tally, files, set};

/// Cases in which we mean to say otherwise, with the reason.
const OTHERWISE: &[(&str, &str)] = &[
    (
        "broken-references",
        "(a file whose references lead nowhere is refused, with the line; there nothing is checked)",
    ),
    ("references 6", "(`**` in a path is no parameter of OpenAPI: the path is unknown here)"),
    ("request-body 12", "(bodies of several parts are not read)"),
];

fn reason(case: &str) -> &'static str {
    OTHERWISE.iter().find(|(known, _)| *known == case).map_or("", |(_, reason)| reason)
}

/// The interaction that something was found in: `[root].interactions[2].request`, or
/// `/interactions/2/request`; messages of version 3 are counted alike.
fn interaction(place: &str) -> Option<usize> {
    let (_, rest) = place.split_once("interactions").or_else(|| place.split_once("messages"))?;
    let digits: String = rest.chars().skip(1).take_while(|c| c.is_ascii_digit()).collect();
    digits.parse().ok()
}

/// The interactions of a case in which the comparator finds an error, and those in which we do.
fn broken(findings: &[Value], found: &Compatibility) -> [BTreeSet<usize>; 2] {
    let errors = findings.iter().filter(|f| f["type"] == "error");
    let place = |f: &Value| interaction(f["mockDetails"]["location"].as_str()?);
    let ours = match found {
        Compatibility::Breaking(changes) => {
            changes.iter().filter_map(|change| interaction(&change.at)).collect()
        }
        _ => BTreeSet::new(),
    };
    [errors.filter_map(place).collect(), ours]
}

fn covers(folder: &std::path::Path) -> Result<Compatibility, String> {
    let open = |name: &str| Document::open(&folder.join(name)).map_err(|e| e.to_string());
    let api = OpenApi::read(&open("oas.yaml")?).map_err(|e| e.to_string())?;
    let pact = Pact::read(&open("pact.json")?).map_err(|e| e.to_string())?;
    Ok(api.covers(&pact))
}

#[test]
fn examples_are_covered_as_the_comparator_says() {
    let Some(folder) = set("openapi-pact-comparator") else { return };
    let mut tally = Tally::new("openapi-pact-comparator, OpenAPI 3");
    let mut one_by_one = Tally::new("openapi-pact-comparator, each interaction");
    let (mut others, mut swagger) = (0, 0);
    for results in files(&folder, &["results.json"]) {
        let case = results.parent().unwrap();
        if !case.join("oas.yaml").exists() || !case.join("pact.json").exists() {
            others += 1;
            continue;
        }
        let interface = std::fs::read_to_string(case.join("oas.yaml")).unwrap();
        if interface.contains("swagger:") {
            swagger += 1;
            continue;
        }
        let text = std::fs::read_to_string(&results).unwrap();
        let findings: Vec<Value> = serde_json::from_str(&text).unwrap();
        let errors = findings.iter().filter(|f| f["type"] == "error");
        let codes: Vec<&str> = errors.filter_map(|f| f["code"].as_str()).collect();
        let found = covers(case);
        let agrees = match &found {
            Ok(Compatibility::Compatible) => codes.is_empty(),
            Ok(Compatibility::Breaking(_)) => !codes.is_empty(),
            _ => false,
        };
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        if let Ok(found) = &found {
            let pact = std::fs::read_to_string(case.join("pact.json")).unwrap();
            let pact: Value = serde_json::from_str(&pact).unwrap();
            let [theirs, ours] = broken(&findings, found);
            let is_http = |index: &usize| pact["interactions"][*index]["request"].is_object();
            let all = pact["interactions"].as_array().map_or(0, Vec::len);
            for index in (0..all).filter(is_http) {
                let (theirs, ours) = (theirs.contains(&index), ours.contains(&index));
                one_by_one.count(theirs == ours, || {
                    let what = &pact["interactions"][index]["description"];
                    let reason = reason(&format!("{name} {index}"));
                    format!("{name} {index} {what}: broken there {theirs}, here {ours} {reason}")
                });
            }
        }
        tally.count(agrees, || format!("{name}: {codes:?}, {found:?} {}", reason(&name)));
    }
    println!(
        "openapi-pact-comparator: {others} without OpenAPI (AsyncAPI), {swagger} of Swagger 2.0: not read"
    );
    one_by_one.at_least(95);
    tally.at_least(90);
}
