//! What breaks people, rule by rule: each with the words that a person reads.

use expect_test::{Expect, expect};
use stormglass::contract::Diff;
use stormglass::document::Document;

const BASE: &str = "\
openapi: 3.0.3
paths:
  /pets:
    get:
      operationId: listPets
      parameters:
        - { name: limit, in: query, schema: { type: integer, default: 10 } }
        - { name: filter, in: query, content: { application/json: { schema: { maxLength: 9 } } } }
      responses:
        '200':
          description: all
          headers: { X-Next: { schema: { type: integer } } }
          content:
            application/json:
              schema: { $ref: '#/components/schemas/Answer' }
        '404': { description: none }
    post:
      requestBody:
        content:
          application/json:
            schema: { $ref: '#/components/schemas/Pet' }
      security: [{ sign: [write] }]
      responses: { 2XX: { description: made } }
components:
  securitySchemes:
    sign:
      type: oauth2
      flows:
        password: { tokenUrl: /token, scopes: { write: may write } }
  schemas:
    Answer:
      type: object
      required: [size]
      properties:
        size: { type: integer, format: int64 }
        name: { type: string, minLength: 1 }
        note: { type: string }
    Pet:
      oneOf:
        - $ref: '#/components/schemas/Cat'
        - $ref: '#/components/schemas/Dog'
      discriminator:
        propertyName: kind
        mapping: { dog: '#/components/schemas/Dog' }
    Animal:
      type: object
      required: [kind]
      properties:
        kind: { type: string }
        tags: { type: object, additionalProperties: { type: string } }
    Cat:
      allOf:
        - $ref: '#/components/schemas/Animal'
        - { properties: { lives: { type: integer } } }
    Dog:
      allOf:
        - $ref: '#/components/schemas/Animal'
        - { properties: { bark: { type: string } } }
    Fish:
      allOf:
        - $ref: '#/components/schemas/Animal'
        - { properties: { depth: { type: integer } } }
";

/// The change of the base in which each text is another, told as a person reads it.
#[track_caller]
fn check(changes: &[(&str, &str)], expect: Expect) {
    let mut new = BASE.to_owned();
    for (from, to) in changes {
        assert!(new.contains(from), "{from}");
        new = new.replacen(from, to, 1);
    }
    let open = |text: &str| Document::yaml("openapi.yaml", text).unwrap();
    let diff = Diff::of_files(&open(BASE), &open(&new)).unwrap();
    let mut text: String = diff.changes.iter().map(|change| format!("{change}\n")).collect();
    text += &diff.unknown.iter().map(|reason| format!("unknown {reason}\n")).collect::<String>();
    expect.assert_eq(&format!("{text}{}\n", diff.required_bump()));
}

#[test]
fn generated_clients_call_an_operation_by_its_name() {
    check(
        &[("listPets", "getPets")],
        expect![[r#"
        major GET /pets /paths/~1pets/get (operation-renamed): `listPets` is called `getPets` now: generated clients call it
        major
    "#]],
    );
    check(
        &[("      operationId: listPets\n", "")],
        expect![[r#"
        major GET /pets /paths/~1pets/get (operation-renamed): `listPets` has no name any more: generated clients call it
        major
    "#]],
    );
}

#[test]
fn a_parameter_that_is_left_out_means_something_else() {
    check(
        &[("default: 10", "default: 20")],
        expect![[r#"
        major GET /pets /paths/~1pets/get/parameters/0 (parameter-default-changed): the query parameter `limit` means 20 where it is left out, meant 10
        major
    "#]],
    );
}

#[test]
fn a_parameter_with_a_media_type_is_narrowed() {
    check(
        &[("maxLength: 9", "maxLength: 5")],
        expect![[r#"
        major GET /pets /paths/~1pets/get/parameters/1 (request-narrowed): a message that was taken is refused now
            for example "aaaaaa"
        major
    "#]],
    );
}

#[test]
fn an_answer_is_gone() {
    check(
        &[("        '404': { description: none }\n", "")],
        expect![[r#"
        major GET /pets /paths/~1pets/get/responses/404 (response-removed): 404 is no answer any more: who handles it is not told what comes instead
        major
    "#]],
    );
}

#[test]
fn an_answer_of_a_wider_status_is_compared() {
    check(
        &[("'404': { description: none }", "4XX: { description: none }")],
        expect![[r#"
        minor GET /pets /paths/~1pets/get/responses/4XX (response-added): 4XX is a new answer
        minor
    "#]],
    );
    check(
        &[("2XX: { description: made }", "'201': { description: made }")],
        expect![[r#"
        patch
    "#]],
    );
}

#[test]
fn a_header_is_promised() {
    check(
        &[("X-Next: {", "X-Next: { required: true,")],
        expect![[r#"
        major GET /pets /paths/~1pets/get/responses/200/headers/X-Next (header-required): the header `x-next` is promised now: answers of caches, proxies and instances that are not yet replaced come without it
        major
    "#]],
    );
}

#[test]
fn a_media_type_is_itself_whatever_its_parameters() {
    check(
        &[(
            "application/json:\n              schema",
            "application/json; v=1:\n              schema",
        )],
        expect![[r#"
            patch
        "#]],
    );
}

#[test]
fn a_format_is_the_type_of_generated_code() {
    check(
        &[("format: int64", "format: int32")],
        expect![[r#"
        major GET /pets /paths/~1pets/get/responses/200 (format-changed): /size: the format is `int32`, was `int64`: generated code has another type for it
        minor GET /pets /paths/~1pets/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
        major
    "#]],
    );
}

#[test]
fn a_minimum_of_answers_is_raised() {
    check(
        &[("minLength: 1", "minLength: 5")],
        expect![[r#"
        major GET /pets /paths/~1pets/get/responses/200 (response-minimum-raised): /name: at least 5 characters, were 1: what was kept with fewer cannot be given back as it is
        minor GET /pets /paths/~1pets/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
        major
    "#]],
    );
}

#[test]
fn a_property_of_answers_is_hidden() {
    check(
        &[("note: { type: string }", "note: { type: string, writeOnly: true }")],
        expect![[r#"
        major GET /pets /paths/~1pets/get/responses/200 (property-hidden): /note: it was in answers, and never is now
        minor GET /pets /paths/~1pets/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
        major
    "#]],
    );
}

#[test]
fn a_property_that_always_came_is_not_declared_any_more() {
    check(
        &[("        size: { type: integer, format: int64 }\n", "")],
        expect![[r#"
        major GET /pets /paths/~1pets/get/responses/200 (response-widened): a message may come that was never allowed
            for example {"size":null}
        major
    "#]],
    );
}

#[test]
fn the_property_that_tells_kinds_apart_changes() {
    check(
        &[("propertyName: kind", "propertyName: sort")],
        expect![[r#"
        major POST /pets /paths/~1pets/post/requestBody (discriminator-changed): `sort` tells alternatives apart, was `kind`
        major
    "#]],
    );
    check(
        &[("{ dog: ", "{ hound: ")],
        expect![[r#"
        major POST /pets /paths/~1pets/post/requestBody (discriminator-changed): `dog` of `kind` is no known kind
        major
    "#]],
    );
}

#[test]
fn a_kind_may_be_called_otherwise_where_its_value_stays() {
    check(
        &[
            ("- $ref: '#/components/schemas/Dog'", "- $ref: '#/components/schemas/Hound'"),
            ("{ dog: '#/components/schemas/Dog' }", "{ dog: '#/components/schemas/Hound' }"),
            ("    Dog:\n", "    Hound:\n"),
        ],
        expect![[r#"
            unknown POST /pets /paths/~1pets/post/requestBody (request): the algebra does not decide it, and no example was found
            major
        "#]],
    );
}

#[test]
fn a_kind_is_refused() {
    check(
        &[("        - $ref: '#/components/schemas/Cat'\n", "")],
        expect![[r#"
        major POST /pets /paths/~1pets/post/requestBody (discriminator-changed): `Cat` of `kind` is no known kind
        major POST /pets /paths/~1pets/post/requestBody (request-narrowed): `Cat` of several is possible, and not accepted
        major
    "#]],
    );
}

#[test]
fn one_kind_becomes_several() {
    check(
        &[(
            "required: [size]\n",
            "required: [size]\n      oneOf: [{ $ref: '#/components/schemas/Cat' }, { $ref: \
             '#/components/schemas/Dog' }]\n      discriminator: { propertyName: kind }\n",
        )],
        expect![[r#"
            major GET /pets /paths/~1pets/get/responses/200 (discriminator-changed): it is one of several kinds now, which `kind` tells apart: generated code has another type for it
            minor GET /pets /paths/~1pets/get/responses/200 (response-narrowed): what goes this way changed, and nothing that was promised broke
            major
        "#]],
    );
}

#[test]
fn a_part_of_undecided_alternatives_is_narrowed() {
    check(
        &[("tags: { type: object,", "tags: { type: object, maxProperties: 2,")],
        expect![[r#"
        major POST /pets /paths/~1pets/post/requestBody (request-narrowed): /tags: {"x0":null,"x1":null,"x2":null} is possible, and not accepted
        major
    "#]],
    );
    check(
        &[("kind: { type: string }", "kind: { type: integer }")],
        expect![[r#"
        major POST /pets /paths/~1pets/post/requestBody (request-narrowed): /kind: "" is possible, and not accepted
        major
    "#]],
    );
    check(
        &[("required: [kind]", "required: [kind, tags]")],
        expect![[r#"
            major POST /pets /paths/~1pets/post/requestBody (request-narrowed): {"kind":1} is possible, and not accepted
            major
        "#]],
    );
    check(
        &[("bark: { type: string }", "bark: { type: string, pattern: '^w' }")],
        expect![[r#"
        major POST /pets /paths/~1pets/post/requestBody (request-narrowed): /bark: "" is possible, and not accepted
        major
    "#]],
    );
}

#[test]
fn an_optional_part_of_undecided_alternatives_stays_undecided() {
    check(
        &[("bark: {", "wags: { type: boolean }, bark: {")],
        expect![[r#"
        unknown POST /pets /paths/~1pets/post/requestBody (request): the algebra does not decide it, and no example was found
        major
    "#]],
    );
}

#[test]
fn more_has_to_be_proved() {
    check(
        &[("sign: [write]", "sign: [write, admin]")],
        expect![[r#"
        major POST /pets /paths/~1pets/post (security-narrowed): who proved sign is refused now
        major
    "#]],
    );
    check(
        &[("tokenUrl: /token", "tokenUrl: /login")],
        expect![[r#"
        major POST /pets /paths/~1pets/post (security-narrowed): who proved sign is refused now
        major
    "#]],
    );
}

#[test]
fn words_and_more_ways_to_a_token_break_nothing() {
    check(
        &[("may write", "writes")],
        expect![[r#"
        patch
    "#]],
    );
    check(
        &[("flows:\n", "flows:\n        clientCredentials: { tokenUrl: /token, scopes: {} }\n")],
        expect![[r#"
            patch
        "#]],
    );
}
