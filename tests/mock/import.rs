//! Mapping files: what is read, and how errors name what is not.

use std::fs;
use std::path::Path;

use super::*;

/// The error of a mapping text.
#[track_caller]
fn refused(text: &str) -> String {
    Stubs::from_json("it.json", text).expect_err("it is refused").to_string()
}

#[track_caller]
fn check_request(request: &str, expected: &str) {
    let text = format!("{{\n\"request\": {request},\n\"response\": {{}}}}");
    assert_eq!(refused(&text), expected);
}

#[track_caller]
fn check_response(response: &str, expected: &str) {
    let text = format!("{{\n\"request\": {{}},\n\"response\": {response}}}");
    assert_eq!(refused(&text), expected);
}

#[test]
fn unsupported_keys_are_named_with_their_line() {
    let text = r#"{"request": {},
        "response": {},
        "postServeActions": []}"#;
    assert_eq!(
        refused(text),
        "it.json:3: `postServeActions`: actions after serving are not supported"
    );
    check_request(
        "{\n \"method\": \"GET\",\n \"multipartPatterns\": [] }",
        "it.json:4: `multipartPatterns`: conditions on multipart bodies are not supported",
    );
    check_response(
        "{\n\"proxyBaseUrl\": \"http://x\"}",
        "it.json:4: `proxyBaseUrl`: a mock in a world has nothing to proxy to",
    );
    check_request(
        "{\"bodyPatterns\": [{\"contains\": \"a\"},\n{\"equalToXml\": \"<a/>\"}]}",
        "it.json:3: `equalToXml`: XML is not supported",
    );
}

#[test]
fn misspelt_keys_get_a_suggestion() {
    check_request(
        "{\"urlPatern\": \"/a\"}",
        "it.json:2: `urlPatern`: this key is not supported; did you mean `urlPattern`?",
    );
    check_request(
        "{\"headers\": {\"A\": {\n\"equalsTo\": \"x\"}}}",
        "it.json:3: `equalsTo`: this condition is not supported; did you mean `equalTo`?",
    );
    check_response(
        "{\"fault\": \"EMPTY_RESPONCE\"}",
        "it.json:3: `fault`: `EMPTY_RESPONCE` is no fault; did you mean `EMPTY_RESPONSE`?",
    );
    check_response(
        "{\"delayDistribution\": {\"type\": \"unifrom\"}}",
        "it.json:3: `type`: `unifrom` is no distribution; did you mean `uniform`?",
    );
    check_response(
        "{\"transformers\": [\"response-template\"], \"body\": \"{{rnadomValue length=3}}\"}",
        "it.json:3: `body`: there is no template helper `rnadomValue`; did you mean `randomValue`?",
    );
}

#[test]
fn values_of_a_wrong_kind_are_named() {
    check_request("{\"method\": 7}", "it.json:2: `method`: a text was expected, not this number");
    check_request(
        "{\"url\": \"/a\", \"urlPath\": \"/b\"}",
        "it.json:2: `urlPath`: there is `url` already",
    );
    check_request(
        "{\"headers\": {\"A\": \"x\"}}",
        "it.json:2: an object was expected, not this text",
    );
    check_request(
        "{\"bodyPatterns\": [7]}",
        "it.json:2: a condition was expected, not this number",
    );
    check_request(
        "{\"headers\": {\"A\": {}}}",
        "it.json:2: a condition was expected, such as `equalTo`",
    );
    check_request(
        "{\"headers\": {\"A\": {\"absent\": false}}}",
        "it.json:2: `absent`: only `true` means something",
    );
    check_request(
        "{\"headers\": {\"A\": {\"contains\": \"a\", \"matches\": \"b\"}}}",
        "it.json:2: `matches`: there is `contains` already; use `and`",
    );
    check_request(
        "{\"urlPathTemplate\": \"/a/{id}\", \"pathParameters\": {\"no\": {\"equalTo\": \"1\"}}}",
        "it.json:2: `no`: the `urlPathTemplate` has no such name",
    );
    check_response(
        "{\"status\": 42}",
        "it.json:3: `status`: a whole number from 100 to 999 was expected, not this number",
    );
    check_response(
        "{\"body\": \"a\", \"jsonBody\": 1}",
        "it.json:3: `jsonBody`: there is `body` already",
    );
    check_response(
        "{\"bodyFileName\": \"a\"}",
        "it.json:3: `bodyFileName`: there are no files beside a text",
    );
    check_response(
        "{\"delayDistribution\": {\"type\": \"uniform\", \"lower\": 2, \"upper\": 1}}",
        "it.json:3: `upper`: is less than `lower`",
    );
    assert_eq!(refused("{\"request\": {}}"), "it.json:1: a mapping needs a `response`");
    assert_eq!(refused("[]"), "it.json:1: an object was expected, not a list");
    let text = r#"{"request": {}, "response": {}, "newScenarioState": "x"}"#;
    assert_eq!(
        refused(text),
        "it.json:1: `newScenarioState`: belongs to a scenario: `scenarioName` is missing"
    );
}

#[test]
fn expressions_are_checked_when_they_are_read() {
    let error = |request: &str| refused(&format!("{{\"request\": {request}, \"response\": {{}}}}"));
    assert!(
        error(r#"{"urlPattern": "/a(["}"#).starts_with("it.json:1: `urlPattern`: `/a([` is not")
    );
    assert!(
        error(r#"{"bodyPatterns": [{"matchesJsonPath": "$.a["}]}"#)
            .contains("`matchesJsonPath`: `$.a[`")
    );
    assert!(error(r#"{"bodyPatterns": [{"equalToJson": "{"}]}"#).contains("this text is not JSON"));
    let open = r#"{"request": {}, "response": {"body": "{{#if}}", "transformers": ["response-template"]}}"#;
    assert!(
        refused(open).starts_with("it.json:1: `body`: the template cannot be read"),
        "{}",
        refused(open)
    );
}

#[test]
fn hostile_texts_are_errors() {
    assert!(refused("{\"request\": {").starts_with("it.json:1:"));
    assert!(refused("").starts_with("it.json:1:"));
    let deep = format!("{{\"request\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refused(&deep).starts_with("it.json:1:"));
    let nested = format!("{}{{\"contains\": \"a\"}}{}", "{\"not\": ".repeat(50), "}".repeat(50));
    let text = format!("{{\"request\": {{\"bodyPatterns\": [{nested}]}}, \"response\": {{}}}}");
    assert!(refused(&text).contains("nested more than"));
    let blocks = format!("{}{}", "{{#if a}}".repeat(10_000), "{{/if}}".repeat(10_000));
    let brackets = format!("{{{{lower {}1{}}}}}", "(lower ".repeat(10_000), ")".repeat(10_000));
    let lists = format!("{{{{lower {}{}}}}}", "[".repeat(10_000), "]".repeat(10_000));
    for body in [blocks, brackets, lists] {
        let text = serde_json::json!({"request": {}, "response": {
            "body": body, "transformers": ["response-template"],
        }});
        assert!(refused(&text.to_string()).contains("nested more than"));
    }
    let regex = serde_json::json!({"request": {"urlPattern": "(a{1000}){1000}"}, "response": {}});
    assert!(refused(&regex.to_string()).contains("is not a regular expression"));
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const OK: &str = r#"{"request": {"url": "/a"}, "response": {"bodyFileName": "sub/a.txt"}}"#;

#[test]
fn a_root_folder_is_read() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "mappings/b.json", OK);
    write(
        root.path(),
        "mappings/deep/c.json",
        r#"{"mappings": [{"request": {"url": "/c"}, "response": {"status": 202}}]}"#,
    );
    write(root.path(), "mappings/notes.txt", "no mapping");
    write(root.path(), "__files/sub/a.txt", "from a file");
    let stubs = Stubs::open(root.path()).unwrap();
    assert_eq!(stubs.len(), 2);
    super::check(
        &stubs,
        [ask("GET /a"), ask("GET /c")],
        expect![[r#"
        2.000 ms client: 200 from a file
        4.000 ms client: 202
    "#]],
    );
}

#[test]
fn a_folder_with_a_mistake_is_not_half_read() {
    let root = tempfile::tempdir().unwrap();
    let error = Stubs::open(root.path()).unwrap_err().to_string();
    assert!(error.contains("has a folder `mappings`, and this one has not"), "{error}");
    write(root.path(), "mappings/a.json", OK);
    let error = Stubs::open(root.path()).unwrap_err().to_string();
    assert!(error.contains("a.json:1: `bodyFileName`"), "{error}");
    write(root.path(), "__files/sub/a.txt", "");
    write(root.path(), "mappings/b.json", "{\n\"request\": {},\n\"respons\": {}}");
    let error = Stubs::open(root.path()).unwrap_err().to_string();
    assert!(
        error.contains("b.json:3: `respons`: this key is not supported; did you mean `response`?"),
        "{error}"
    );
    write(root.path(), "mappings/b.json", r#"{"id": "x", "request": {}, "response": {}}"#);
    write(root.path(), "mappings/c.json", "\n{\"id\": \"x\", \"request\": {}, \"response\": {}}");
    let error = Stubs::open(root.path()).unwrap_err().to_string();
    assert!(error.contains("c.json:2: the id `x` is that of"), "{error}");
}

/// A body's file is below `__files`, whatever its name says.
#[test]
fn files_elsewhere_are_out_of_reach() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "secret.txt", "secret");
    write(root.path(), "__files/a.txt", "");
    for name in ["../secret.txt", "/../secret.txt", "a/../../secret.txt", "."] {
        let text = OK.replace("sub/a.txt", name);
        write(root.path(), "mappings/a.json", &text);
        let error = Stubs::open(root.path()).unwrap_err().to_string();
        assert!(error.contains("a.json:1: `bodyFileName`"), "{name}: {error}");
    }
    #[cfg(unix)]
    {
        let link = root.path().join("__files/link.txt");
        std::os::unix::fs::symlink(root.path().join("secret.txt"), link).unwrap();
        write(root.path(), "mappings/a.json", &OK.replace("sub/a.txt", "link.txt"));
        let error = Stubs::open(root.path()).unwrap_err().to_string();
        assert!(error.contains("is not below `__files`"), "{error}");
    }
}
