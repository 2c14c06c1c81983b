//! Templates of answers.

use super::*;

/// What a template makes of `POST /t/42?q=1` with a body of JSON.
#[track_caller]
fn check(template: &str, expected: &str) {
    let pattern = RequestPattern::new("POST").path_template("/t/{id}");
    let stubs = Stubs::new().with(Stub::new(pattern, Reply::status(200).template(template)));
    let body = r#"{"name": "Ann", "items": [{"id": 1}, {"id": 2}]}"#;
    let asked = ask("POST /t/42?q=1&q=two").header("X-Trace", "abc").body(body);
    let run = run(&asking(&stubs, vec![asked], |_, _| {}), &RunConfig::seed(1));
    let notes = notes(&run);
    let seen = notes.split_once("2.000 ms client: ").map_or(&*notes, |(_, seen)| seen).trim_end();
    assert_eq!(seen, expected, "{template}");
}

#[test]
fn requests_are_seen() {
    check("{{request.path.id}} {{request.path.[0]}} {{request.path}}", "200 42 t /t/42");
    check(
        "{{request.query.q}} {{request.query.q.[1]}} {{request.headers.X-Trace}}",
        "200 1 two abc",
    );
    check(
        "{{jsonPath request.body '$.name'}} {{request.method}} {{request.host}}",
        "200 Ann POST payment",
    );
    check(
        "{{#each (jsonPath request.body '$.items') as |item|}}<{{item.id}}>{{/each}}",
        "200 <1><2>",
    );
    check(
        "{{#if (gt (size (jsonPath request.body '$.items')) 1)}}many{{else}}few{{/if}}",
        "200 many",
    );
}

#[test]
fn time_is_the_nodes() {
    let stubs = Stubs::new()
        .with(Stub::new(charge(), Reply::status(200).template("{{now format='unix'}}")));
    let world = asking(&stubs, vec![ask("POST /charge")], |sim, _| {
        sim.client("clock", |ctx| async move {
            ctx.sleep(ms(1)).await;
            ctx.record(format_args!("200 {}", ctx.clock().unix_millis() / 1_000));
            Ok::<(), String>(())
        });
    });
    let run = run(&world, &RunConfig::seed(1));
    let notes = notes(&run);
    let said: Vec<&str> = notes.lines().map(|line| line.split(": ").last().unwrap()).collect();
    assert_eq!(said.len(), 2);
    assert_eq!(said[0], said[1]);
}

#[test]
fn headers_of_files_are_templates_too() {
    let text = r#"{"request": {"url": "/"}, "response": {
        "headers": {"Location": "/orders/{{randomValue length=4 type='NUMERIC'}}", "X-Fixed": "f"},
        "transformers": ["response-template"]}}"#;
    let stubs = Stubs::from_json("t.json", text).unwrap();
    let world = move |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        ServiceMockManager::new().install(sim, "payment", &stubs);
        sim.client("client", |ctx| async move {
            let reply = ctx.http().get("http://payment/").send().await?;
            let location = reply.headers()["location"].to_str().unwrap();
            let number = location.strip_prefix("/orders/").unwrap();
            assert!(number.len() == 4 && number.parse::<u32>().is_ok(), "{location}");
            assert_eq!(reply.headers()["x-fixed"], "f");
            ctx.record("fine");
            Ok::<(), HttpError>(())
        });
    };
    let run = run(&world, &RunConfig::seed(1));
    assert!(notes(&run).ends_with("fine\n"), "{}", run.journal.story());
}

#[test]
fn without_the_transformer_braces_are_text() {
    let text = r#"{"request": {"url": "/"}, "response": {"body": "{{now}}"}}"#;
    let stubs = Stubs::from_json("t.json", text).unwrap();
    super::check(
        &stubs,
        [ask("GET /")],
        expect![[r#"
        2.000 ms client: 200 {{now}}
    "#]],
    );
}

/// What a helper finds wrong stands in the answer, as in WireMock.
#[test]
fn mistakes_of_a_request_are_in_the_answer() {
    check("{{math request.query.zzz '+' 1}}", "200 [ERROR: `` is not a number]");
    check("{{math 1 '/' 0}}", "200 [ERROR: division by zero]");
    check(
        "{{range 1 1000000000}}",
        "200 [ERROR: a range of 1000000000 numbers; at most 10000 are made]",
    );
}

/// A block takes an error for a value, and it is gone from the answer: the journal has it.
#[test]
fn mistakes_that_a_block_hides_are_told() {
    let told = |template: &str| {
        let stubs = Stubs::new().with(Stub::new(charge(), Reply::status(200).template(template)));
        notes(&run(&asking(&stubs, vec![ask("POST /charge")], |_, _| {}), &RunConfig::seed(1)))
    };
    expect![[r#"
        1.000 ms payment: a template of the stub `POST /charge with any query`: [ERROR: a range of 20001 numbers; at most 10000 are made]
        2.000 ms client: 200
    "#]]
    .assert_eq(&told("{{#each (range 0 20000)}}x{{/each}}"));
    let shown = told("{{range 0 20000}}");
    assert!(!shown.contains("a template of"), "{shown}");
}

/// A path that is given up leads nowhere, and the journal says why.
#[test]
fn paths_that_are_given_up_are_told() {
    let path = format!("${}", "..a".repeat(9));
    let deep = format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100));
    let pattern = RequestPattern::new("POST").body(Matcher::json_path(&path));
    let stubs = Stubs::new().with(Stub::new(pattern, Reply::status(200)));
    let asked = ask("POST /charge").body(&deep);
    let run = run(&asking(&stubs, vec![asked], |_, _| {}), &RunConfig::seed(1));
    let said = "..a` visits more than 50000 parts: taken for no match";
    assert!(notes(&run).contains(said), "{}", notes(&run));
    let template = format!("{{{{jsonPath request.body '{path}'}}}}");
    let stubs = Stubs::new().with(Stub::new(charge(), Reply::status(200).template(&template)));
    let asked = ask("POST /charge").body(&deep);
    let run = stormglass::sim::run(&asking(&stubs, vec![asked], |_, _| {}), &RunConfig::seed(1));
    assert!(notes(&run).contains("client: 200 [ERROR: the JSONPath `$..a"), "{}", notes(&run));
}

#[test]
fn a_template_without_end_is_stopped() {
    let loops = "{{#each (range 1 9999) as |a|}}{{#each (range 1 9999) as |b|}}{{lower 'x'}}{{/each}}{{/each}}";
    let stubs = Stubs::new().with(Stub::new(charge(), Reply::status(200).template(loops)));
    let run = run(&asking(&stubs, vec![ask("POST /charge")], |_, _| {}), &RunConfig::seed(1));
    let notes = notes(&run);
    assert!(notes.contains("client: 500") && notes.contains("steps"), "{notes}");
}

#[test]
fn a_template_that_makes_too_much_is_stopped() {
    let grows = "{{#each (range 1 9999)}}{{ljust 'x' size=9999}}{{/each}}";
    let stubs = Stubs::new().with(Stub::new(charge(), Reply::status(200).template(grows)));
    let run = run(&asking(&stubs, vec![ask("POST /charge")], |_, _| {}), &RunConfig::seed(1));
    assert!(notes(&run).contains("makes more than"), "{}", notes(&run));
}

/// A request's text is a value, never a template.
#[test]
fn requests_cannot_write_templates() {
    let stubs =
        Stubs::new().with(Stub::new(charge(), Reply::status(200).template("{{request.body}}")));
    super::check(
        &stubs,
        [ask("POST /charge").body("{{randomValue}} {{{x}}}")],
        expect![[r#"
        2.000 ms client: 200 {{randomValue}} {{{x}}}
    "#]],
    );
}

/// A method and a path are no texts to Java.
#[test]
fn a_method_equals_no_text() {
    check("{{#eq request.method 'POST'}}same{{else}}other{{/eq}}", "200 other");
    check("{{#neq request.path '/t/42'}}other{{/neq}}", "200 other");
    check("{{#eq request.method request.requestLine.method}}same{{/eq}}", "200 same");
    check("{{#matches request.method 'P.*'}}fits{{/matches}}", "200 fits");
}

#[test]
fn members_keep_the_order_in_which_they_are_written() {
    check(
        r#"{{jsonMerge '{"z":1,"o":{"b":1}}' '{"a":2,"o":{"a":2},"z":null}' removeNulls=true}}"#,
        r#"200 {"o":{"b":1,"a":2},"a":2}"#,
    );
    check(
        r#"{{formatJson '{"b":[1,{}],"a":null}' format='compact'}}"#,
        r#"200 {"b":[1,{}],"a":null}"#,
    );
    check(
        r#"{{jsonRemove '{"z":[{"y":1,"x":2}],"a":3}' '$.z[0].y'}}"#,
        r#"200 {"z":[{"x":2}],"a":3}"#,
    );
    check(r#"{{jsonArrayAdd '[1]' '{"b":1,"a":2}'}}"#, r#"200 [1,{"b":1,"a":2}]"#);
}

#[test]
fn a_backslash_before_a_tag_is_one() {
    check(r"\{{request.path.id}} \\{{request.path.id}}", r"200 \42 \\42");
}

/// What WireMock's helper throws is the whole answer, with its place in the template.
#[test]
fn an_exception_is_the_answer() {
    let exception = "java.lang.IllegalArgumentException: bound must be greater than origin";
    check("{{randomInt lower=2 upper=1}}", &format!("500 1:2: {exception}"));
    check("a\n {{{ randomDecimal lower=1 upper=1 }}}", &format!("500 2:5: {exception}"));
}

#[test]
fn names_that_are_none_are_refused() {
    let refused = |template: &str| {
        let text = serde_json::json!({"request": {}, "response": {
            "body": template, "transformers": ["response-template"]}});
        Stubs::from_json("t.json", &text.to_string()).unwrap_err().to_string()
    };
    let as_a_name = refused("{{as}}");
    assert!(as_a_name.contains("`as` is a keyword of Handlebars"), "{as_a_name}");
    let address = refused("{{lower request.clientIp}}");
    assert!(address.contains("a mock does not know addresses"), "{address}");
}
