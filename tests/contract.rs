//! Contracts: their comparison, the registry, the gate, the tap, and files that are none.

#[cfg(feature = "contracts")]
mod compare;
#[cfg(feature = "contracts")]
mod covers;
#[cfg(feature = "contracts")]
mod gate;
#[cfg(feature = "contracts")]
mod hostile;
#[cfg(feature = "contracts")]
mod route;
#[cfg(feature = "contracts")]
mod rules;
#[cfg(feature = "contracts")]
mod schema;
#[cfg(all(feature = "contracts", feature = "pact"))]
mod tap;
#[cfg(all(feature = "contracts", feature = "cli"))]
mod tool;

use std::fs;
use std::path::Path;

/// Writes files into a folder, with the folders that they need.
fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path: &Path = &folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What orders expects of payment.
pub(crate) const PAYMENT_PACT: &str = r#"{
  "consumer": { "name": "orders" },
  "provider": { "name": "payment" },
  "interactions": [
    {
      "type": "Synchronous/HTTP",
      "description": "a charge",
      "request": {
        "method": "POST", "path": "/charge",
        "headers": { "Content-Type": ["application/json"] },
        "body": { "contentType": "application/json", "content": { "order": 7, "amount": 100 } },
        "matchingRules": { "body": {
          "$.order": { "matchers": [{ "match": "integer" }] },
          "$.amount": { "matchers": [{ "match": "integer" }] }
        } }
      },
      "response": {
        "status": 201,
        "headers": { "Content-Type": ["application/json"] },
        "body": { "contentType": "application/json", "content": { "receipt": "r-1" } },
        "matchingRules": { "body": { "$.receipt": { "matchers": [{ "match": "type" }] } } }
      }
    }
  ],
  "metadata": { "pactSpecification": { "version": "4.0" } }
}"#;

/// What payment serves; `{RECEIPT}` is the name of a property of the answer.
const PAYMENT_API: &str = "\
openapi: 3.1.0
info: { title: payment, version: 1.0.0 }
paths:
  /charge:
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [order, amount]
              properties:
                order: { type: integer }
                amount: { type: integer, minimum: 1 }
      responses:
        '201':
          description: charged
          content:
            application/json:
              schema:
                type: object
                required: [{RECEIPT}]
                properties:
                  {RECEIPT}: { type: string }
  /charges/{id}:
    get:
      parameters:
        - { name: id, in: path, required: true, schema: { type: integer } }
        - { name: full, in: query, schema: { type: boolean } }
      responses:
        '200': { description: there }
";

/// The interface with that property.
pub(crate) fn payment_api(receipt: &str) -> String {
    PAYMENT_API.replace("{RECEIPT}", receipt)
}

pub(crate) const ORDER_PLACED: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object", "required": ["order"], "properties": { "order": { "type": "integer" } }
}"#;

/// The beginning of a value's text.
fn super_short(value: &serde_json::Value) -> String {
    value.to_string().chars().take(80).collect()
}
