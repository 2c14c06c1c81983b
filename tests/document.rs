//! Files with their lines: what is read, what is refused, and where.

use serde_json::json;
use stormglass::document::{self, Document};

#[track_caller]
fn refused(text: &str, what: &str) {
    let problem = Document::yaml("f.yaml", text).expect_err("it is refused").to_string();
    assert!(problem.starts_with(what), "{problem}");
}

#[test]
fn json_knows_its_lines() {
    let text = "\u{feff}{\n  \"a\": [1,\n    {\"b/c\": 2}],\n  \"d\":\n    3\n}";
    let document = Document::json("f.json", text).expect("it is JSON");
    assert_eq!(document.value(), &json!({"a": [1, {"b/c": 2}], "d": 3}));
    let line = |pointer: &str| document.line(pointer);
    assert_eq!([line(""), line("/a"), line("/a/0"), line("/a/1")], [1, 2, 2, 3]);
    assert_eq!(line(&document::join("/a/1", "b/c")), 3);
    // The key's line, and for what is not there that of the nearest part around it.
    assert_eq!([line("/d"), line("/d/e/f"), line("/nothing")], [4, 4, 1]);
    let error = document.error("/d", "a text was expected");
    assert_eq!(error.to_string(), "f.json:4: a text was expected");
}

#[test]
fn json_that_is_none_is_refused_with_its_line() {
    for (text, what) in [
        ("", "f.json:1: EOF while parsing a value"),
        ("{\n\"a\": 1,\n}", "f.json:3: trailing comma"),
        ("{\"a\": 1} x", "f.json:1: trailing characters"),
        (&"[".repeat(100_000), "f.json:1: recursion limit exceeded"),
    ] {
        let problem = Document::json("f.json", text).expect_err("it is refused").to_string();
        assert_eq!(problem, what);
    }
}

#[test]
fn yaml_is_read_by_the_core_schema() {
    let text = "\
a: &base {x: 1, y: 0x1f, z: 0o17}
b:
  <<: *base
  x: -2
list: [yes, ~, true, 1.5, '3', \"4\", 1e3, 12:30, 1.2.3, 2024-01-01]
200: ok
tagged: !!str 5
own: !reset null
text: |
  two
  lines
";
    let document = Document::yaml("f.yaml", text).expect("it is YAML");
    let expected = json!({
        "a": {"x": 1, "y": 31, "z": 15},
        "b": {"x": -2, "y": 31, "z": 15},
        "list": ["yes", null, true, 1.5, "3", "4", 1000.0, "12:30", "1.2.3", "2024-01-01"],
        "200": "ok",
        "tagged": "5",
        "own": null,
        "text": "two\nlines\n",
    });
    assert_eq!(document.value(), &expected);
    let lines = ["/a/x", "/b", "/b/x", "/b/y", "/list/3", "/200", "/text"];
    assert_eq!(lines.map(|pointer| document.line(pointer)), [1, 2, 4, 1, 5, 6, 9]);
}

/// As compose files of public repositories have it, and libyaml reads it.
#[test]
fn a_bracket_may_close_where_its_key_begins() {
    let text = "a:\n  b: [\n    1,\n    {c: [\n    2\n  ]}\n  ]\n  d: {\n  }\ne: |\n  ]\n";
    let document = Document::yaml("f.yaml", text).expect("it is read");
    assert_eq!(document.value(), &json!({"a": {"b": [1, {"c": [2]}], "d": {}}, "e": "]\n"}));
    assert_eq!(["/a/d", "/e"].map(|pointer| document.line(pointer)), [8, 10]);
    refused("a: 1\n]\n", "f.yaml:2: ");
    refused(&format!("a: [\n{}", "]\n".repeat(100_000)), "f.yaml:");
}

#[test]
fn yaml_that_is_none_is_refused_with_its_line() {
    refused("", "f.yaml:1: the file is empty");
    refused("a: 1\nb: [1, 2\n", "f.yaml:3: ");
    refused("a: 1\na: 2\n", "f.yaml:2: the key \"a\" stands here a second time");
    refused("a: 1\n---\nb: 2\n", "f.yaml:3: a second document; one was expected");
    refused("a: *nobody\n", "f.yaml:1: ");
    refused("a: &x [*x]\n", "f.yaml:1: an alias inside of its own anchor");
    refused("a:\n  - .inf\n", "f.yaml:2: .inf is a number that JSON cannot hold");
    refused("a: 1\n<<: 5\n", "f.yaml:2: `<<` takes a map");
    refused("a: !!int x\n", "f.yaml:1: \"x\" is no int");
    refused("? [a]\n: 1\n", "f.yaml:1: a key is a text");
    refused(&"[".repeat(100_000), "f.yaml:1: ");
    refused(&"- ".repeat(5_000), "f.yaml:1: ");
}

/// A text of nine lines that would grow to 10^9 parts.
#[test]
fn aliases_do_not_grow_without_bound() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text += &format!("a{level}: &a{level} [{inner}]\n");
    }
    refused(&text, "f.yaml:6: more than 1000000 parts");
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("f.json");
    let problem = |path: &std::path::Path| {
        let problem = Document::open(path).expect_err("it is refused").to_string();
        problem.replace(&folder.path().display().to_string(), "")
    };
    assert!(problem(&path).starts_with("/f.json: No such file"));
    std::fs::write(&path, b"{\n\"a\": \"\xff\"}").expect("written");
    assert_eq!(problem(&path), "/f.json:2: the text is not UTF-8");
    let large = folder.path().join("large.yaml");
    let file = std::fs::File::create(&large).expect("made");
    file.set_len(document::LARGEST + 1).expect("a file with a hole");
    assert_eq!(problem(&large), "/large.yaml:1: 67108865 bytes; at most 67108864 are read");
}
