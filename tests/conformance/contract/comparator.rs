//! Pact files against OpenAPI documents.

use serde_json::Value;
use stormglass::contract::{Compatibility, OpenApi, Pact};
use stormglass::document::Document;

use crate::conformance::{Tally, files, set};

/// Cases in which we mean to say otherwise, with the reason.
const OTHERWISE: &[(&str, &str)] = &[(
    "broken-references",
    "a file whose references lead nowhere is refused here, with the line; there nothing is checked",
)];

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
        let reason = OTHERWISE.iter().find(|(known, _)| *known == name);
        let reason = reason.map_or("", |(_, reason)| *reason);
        tally.count(agrees, || format!("{name}: {codes:?}, {found:?} {reason}"));
    }
    println!(
        "openapi-pact-comparator: {others} without OpenAPI (AsyncAPI), {swagger} of Swagger 2.0: not read"
    );
    tally.at_least(90);
}
