//! Examples of consumers against the interface of their provider.

use serde_json::{Value, json};
use stormglass::contract::{Compatibility, OpenApi, Pact};
use stormglass::document::Document;

const API: &str = "\
openapi: 3.1.0
paths:
  /label/{id}:
    get:
      parameters:
        - name: id
          in: path
          required: true
          style: label
          explode: true
          schema: { type: array, items: { type: integer } }
      responses: { '200': {} }
  /matrix/{;id*}:
    get:
      parameters:
        - { name: id, in: path, required: true, style: matrix, schema: { type: integer } }
      responses: { '200': {} }
  /object/{point}:
    get:
      parameters:
        - name: point
          in: path
          required: true
          explode: true
          schema: { type: object, properties: { x: { type: integer } } }
      responses: { '200': {} }
  /form:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              required: [name]
              properties:
                name: { type: string }
                size: { type: integer }
                tags: { type: array, items: { type: string } }
      responses: { '200': {} }
  /closed:
    get:
      security: [{ basic: [] }, { key: [], basic: [] }]
      responses: { '200': {}, '401': {} }
  /keyed: { get: { security: [{ key: [] }], responses: { '200': {} } } }
  /kinds:
    get:
      responses:
        '200':
          headers: { X-Left: { schema: { type: integer } } }
          content:
            application/json:
              schema:
                oneOf: [{ $ref: '#/components/schemas/Cat' }, { $ref: '#/components/schemas/Dog' }]
                discriminator: { propertyName: kind, mapping: { dog: Dog } }
        '500': { content: { text/html: {} } }
  /twice: { get: { responses: { '200': {} } } }
  /twice/: { get: { responses: { '201': {} } } }
components:
  securitySchemes:
    basic: { type: http, scheme: basic }
    key: { type: apiKey, in: query, name: key }
  schemas:
    Cat: { type: object, required: [kind, lives], properties: { kind: {}, lives: { type: integer } } }
    Dog: { type: object, required: [kind, bark], properties: { kind: {}, bark: { type: string } } }
";

/// What of an example the interface does not allow.
fn refused(request: Value, response: Value) -> Vec<String> {
    let pact = json!({
        "consumer": { "name": "a" },
        "provider": { "name": "b" },
        "interactions": [{ "description": "it", "request": request, "response": response }],
        "metadata": { "pactSpecification": { "version": "3.0.0" } },
    });
    let api = OpenApi::read(&Document::yaml("api.yaml", API).unwrap());
    let pact = Pact::read(&Document::json("pact.json", &pact.to_string()).unwrap()).unwrap();
    match api.unwrap().covers(&pact) {
        Compatibility::Compatible => Vec::new(),
        Compatibility::Breaking(changes) => changes.into_iter().map(|c| c.text).collect(),
        Compatibility::Unknown(reasons) => panic!("{reasons:?}"),
    }
}

fn get(path: &str) -> Vec<String> {
    refused(json!({ "method": "GET", "path": path }), json!({ "status": 200 }))
}

#[test]
fn parameters_of_paths_are_read_in_their_style() {
    assert_eq!(get("/label/.1.2"), [""; 0]);
    assert_eq!(
        get("/label/.1.b"),
        ["the path parameter `id`: /1: \"b\" is not of type \"integer\""]
    );
    assert_eq!(get("/matrix/;id=5"), [""; 0]);
    assert_eq!(get("/matrix/;id=x").len(), 1);
    assert_eq!(get("/object/x=5,y=a"), [""; 0]);
    assert_eq!(get("/object/x=a").len(), 1);
}

#[test]
fn forms_are_objects() {
    let form = |body: &str| {
        let headers = json!({ "Content-Type": "application/x-www-form-urlencoded" });
        let request =
            json!({ "method": "POST", "path": "/form", "headers": headers, "body": body });
        refused(request, json!({ "status": 200 }))
    };
    assert_eq!(form("name=7&size=7&tags=a"), [""; 0]);
    assert_eq!(form("name=a&tags=a&tags=b"), [""; 0]);
    assert_eq!(form("size=7"), ["body: \"name\" is a required property"]);
    assert_eq!(form("name=a&size=b"), ["body/size: \"b\" is not of type \"integer\""]);
}

#[test]
fn who_asks_proves_who_it_is() {
    assert_eq!(
        get("/closed"),
        ["the header `authorization` is missing, which the operation asks for"]
    );
    let proved = json!({ "method": "GET", "path": "/closed", "headers": { "Authorization": "x" } });
    assert_eq!(refused(proved, json!({ "status": 200 })), [""; 0]);
    let denied = json!({ "method": "GET", "path": "/closed" });
    assert_eq!(refused(denied, json!({ "status": 401 })), [""; 0]);
    assert_eq!(get("/keyed"), ["the query `key` is missing, which the operation asks for"]);
    let keyed = json!({ "method": "GET", "path": "/keyed", "query": { "key": ["k"] } });
    assert_eq!(refused(keyed, json!({ "status": 200 })), [""; 0]);
}

#[test]
fn answers_are_parts_of_what_is_declared() {
    let answer = |response: Value| refused(json!({ "method": "GET", "path": "/kinds" }), response);
    assert_eq!(answer(json!({ "status": 200, "body": { "kind": "dog" } })), [""; 0]);
    assert_eq!(answer(json!({ "status": 200, "body": { "kind": "Cat" } })), [""; 0]);
    assert_eq!(answer(json!({ "status": 200, "body": { "kind": "fish" } })).len(), 1);
    assert_eq!(answer(json!({ "status": 200, "headers": { "X-Left": "3" } })), [""; 0]);
    let left = answer(json!({ "status": 200, "headers": { "X-Left": "few" } }));
    assert_eq!(left, ["the header parameter `x-left`: \"few\" is not of type \"integer\""]);
    assert_eq!(answer(json!({ "status": 500, "body": "boom" })), [""; 0]);
}

#[test]
fn a_slash_at_the_end_tells_paths_apart_where_both_are_declared() {
    assert_eq!(get("/twice"), [""; 0]);
    assert_eq!(get("/twice/"), ["200 is not declared"]);
}
