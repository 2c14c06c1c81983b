//! Which operation of an interface a request is for.

use stormglass::contract::OpenApi;
use stormglass::document::Document;

/// The path template that a request is for, of an interface with `head` before its paths.
fn found(head: &str, method: &str, path: &str) -> Option<String> {
    let text = format!(
        "openapi: 3.1.0\n{head}\npaths:\n  /orders/new: {{ get: {{}} }}\n  /Orders/{{id}}.json: {{ get: \
         {{}} }}\n  /orders/{{id}}: {{ get: {{}} }}\n"
    );
    let api = OpenApi::read(&Document::yaml("openapi.yaml", &text).unwrap()).unwrap();
    Some(api.operation(method, path)?.path.clone())
}

#[test]
fn paths_without_parameters_come_first() {
    let none = "info: {}";
    assert_eq!(found(none, "GET", "/orders/new").as_deref(), Some("/orders/new"));
    assert_eq!(found(none, "get", "/orders/7").as_deref(), Some("/orders/{id}"));
    assert_eq!(found(none, "POST", "/orders/7"), None);
    assert_eq!(found(none, "GET", "/ORDERS/7"), None);
}

#[test]
fn a_path_may_have_that_of_a_server_before_it() {
    let head = "servers: [{ url: 'https://shop.example/v1/' }, { url: '/{stage}' }]";
    assert_eq!(found(head, "GET", "/v1/orders/7").as_deref(), Some("/orders/{id}"));
    assert_eq!(found(head, "GET", "/orders/7").as_deref(), Some("/orders/{id}"));
    assert_eq!(found(head, "GET", "/v2/orders/7"), None);
    assert_eq!(found(head, "GET", "/v1orders/7"), None);
}

#[test]
fn a_base_path_of_the_comparator_is_needed() {
    let head = "info: { x-opc-config-base-path: /shop }";
    assert_eq!(found(head, "GET", "/shop/orders/7").as_deref(), Some("/orders/{id}"));
    assert_eq!(found(head, "GET", "/orders/7"), None);
}

#[test]
fn case_counts_unless_the_document_says_otherwise() {
    let head = "info: { x-opc-config-case-insensitive: true }";
    assert_eq!(found(head, "GET", "/ORDERS/7").as_deref(), Some("/orders/{id}"));
    assert_eq!(found(head, "GET", "/orders/7.JSON").as_deref(), Some("/Orders/{id}.json"));
}
