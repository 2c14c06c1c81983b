//! Versions of interfaces and what they break.

use expect_test::{Expect, expect};
use stormglass::contract::{Bump, Diff};
use stormglass::document::Document;

const BASE: &str = "\
openapi: 3.0.3
paths:
  /orders/{id}:
    get:
      parameters: [{ name: id, in: path, required: true, schema: { type: integer } }]
      responses:
        '200':
          content:
            application/json:
              schema: { $ref: '#/components/schemas/Order' }
  /orders:
    post:
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: '#/components/schemas/Order' } } }
      responses: { '201': { description: made } }
components:
  schemas:
    Order:
      type: object
      required: [item]
      properties:
        item: { type: string, maxLength: 20 }
        id: { type: integer, readOnly: true }
        note: { type: string, nullable: true }
";

/// The change from the base in which `from` is `to`.
#[track_caller]
fn check(from: &str, to: &str, expect: Expect) {
    assert!(BASE.contains(from), "{from}");
    let open = |text: &str| Document::yaml("openapi.yaml", text).unwrap();
    let diff = Diff::of_files(&open(BASE), &open(&BASE.replace(from, to))).unwrap();
    let mut text: String = diff.changes.iter().map(|change| format!("{change}\n")).collect();
    text += &diff.unknown.iter().map(|reason| format!("unknown {reason}\n")).collect::<String>();
    expect.assert_eq(&format!("{text}{}\n", diff.required_bump()));
}

#[test]
fn nothing_changes_nothing() {
    check(
        "openapi",
        "openapi",
        expect![[r#"
        none
    "#]],
    );
}

#[test]
fn a_comment_is_a_patch() {
    check(
        "description: made",
        "description: created",
        expect![[r#"
        patch
    "#]],
    );
}

#[test]
fn a_shorter_text_breaks_requests_and_not_responses() {
    check(
        "maxLength: 20",
        "maxLength: 10",
        expect![[r#"
        minor GET /orders/{id} /paths/~1orders~1{id}/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
        major POST /orders /paths/~1orders/post/requestBody (request-narrowed): a message that was taken is refused now
            for example {"item":"aaaaaaaaaaa"}
        major
    "#]],
    );
}

#[test]
fn a_longer_text_breaks_responses_and_not_requests() {
    check(
        "maxLength: 20",
        "maxLength: 30",
        expect![[r#"
        major GET /orders/{id} /paths/~1orders~1{id}/get/responses/200 (response-widened): a message may come that was never allowed
            for example {"item":"aaaaaaaaaaaaaaaaaaaaa"}
        minor POST /orders /paths/~1orders/post/requestBody (request-widened): what goes this way changed, and nothing that was promised broke
        major
    "#]],
    );
}

#[test]
fn an_optional_property_may_be_added() {
    check(
        "        note:",
        "        gift: { type: boolean }\n        note:",
        expect![[r#"
        minor GET /orders/{id} /paths/~1orders~1{id}/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
        minor
    "#]],
    );
}

#[test]
fn a_required_property_may_not() {
    check(
        "required: [item]",
        "required: [item, note]",
        expect![[r#"
        minor GET /orders/{id} /paths/~1orders~1{id}/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
        major POST /orders /paths/~1orders/post/requestBody (request-narrowed): a message that was taken is refused now
            for example {"item":""}
        major
    "#]],
    );
}

#[test]
fn a_read_only_property_is_none_of_requests() {
    check(
        "required: [item]",
        "required: [item, id]",
        expect![[r#"
        minor GET /orders/{id} /paths/~1orders~1{id}/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
        minor
    "#]],
    );
}

#[test]
fn an_operation_is_gone() {
    check(
        "    post:",
        "    put:",
        expect![[r#"
        major POST /orders (operation-removed): the operation is gone: whoever calls it is refused
            for example {"method":"POST","path":"/orders"}
        minor PUT /orders (operation-added): a new operation
        major
    "#]],
    );
}

#[test]
fn a_parameter_may_have_another_name_in_the_path() {
    let renamed = BASE.replace("{id}:", "{order}:").replace("name: id, in", "name: order, in");
    let open = |text: &str| Document::yaml("openapi.yaml", text).unwrap();
    let diff = Diff::of_files(&open(BASE), &open(&renamed)).unwrap();
    assert_eq!((diff.changes.len(), diff.required_bump()), (0, Bump::Patch));
}

#[test]
fn null_is_refused_anew() {
    check(
        ", nullable: true",
        "",
        expect![[r#"
        minor GET /orders/{id} /paths/~1orders~1{id}/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
        major POST /orders /paths/~1orders/post/requestBody (request-narrowed): a message that was taken is refused now
            for example {"item":"","note":null}
        major
    "#]],
    );
}
