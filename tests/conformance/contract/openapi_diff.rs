//! Pairs of OpenAPI documents.

use std::path::Path;

use serde_json::Value;
use stormglass::contract::{Compatibility, Diff};
use stormglass::document::Document;

use crate::conformance::{Tally, set};

fn compare(folder: &Path, case: &Value) -> Result<Compatibility, String> {
    let open = |key: &str| {
        let path = folder.join(case[key].as_str().unwrap());
        Document::open(&path).map_err(|e| e.to_string())
    };
    let diff = Diff::of_files(&open("base")?, &open("revision")?);
    diff.map(|diff| diff.compatibility()).map_err(|e| e.to_string())
}

#[test]
fn incompatible_interfaces_are_breaking() {
    let Some(folder) = set("openapi-diff") else { return };
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut breaking = Tally::new("openapi-diff, incompatible is Breaking");
    let mut others = Tally::new("openapi-diff, others are not Breaking");
    let (mut changed, mut changed_breaking) = (0, 0);
    for case in &cases {
        let found = compare(&folder.join("resources"), case);
        let broken = matches!(found, Ok(Compatibility::Breaking(_)));
        let why =
            || format!("{} -> {} {}: {found:?}", case["base"], case["revision"], case["verdict"]);
        match case["verdict"].as_str() {
            Some("incompatible") => breaking.count(broken, why),
            Some("compatible" | "unchanged") => others.count(!broken, why),
            // "changed" says nothing of compatibility: a lower maximum of a parameter is one, too.
            _ => {
                changed += 1;
                changed_breaking += usize::from(broken);
            }
        }
    }
    println!(
        "openapi-diff: of {changed} that are only \"changed\", {changed_breaking} are Breaking"
    );
    others.at_least(90);
    breaking.at_least(100);
}
