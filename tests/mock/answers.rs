//! Which stub answers, what, and how late.

use super::*;

#[test]
fn the_stub_that_matches_answers() {
    let stubs = Stubs::from_json(
        "stubs.json",
        r#"{"mappings": [
            {"request": {"method": "GET", "urlPathTemplate": "/orders/{id}"},
             "response": {"status": 200, "jsonBody": {"open": true}}},
            {"request": {"method": "POST", "url": "/charge?now=1",
                         "bodyPatterns": [{"matchesJsonPath": "$[?(@.amount > 10)]"}]},
             "response": {"status": 201, "body": "much"}},
            {"request": {"urlPattern": "/x.*", "headers": {"X-A": {"equalTo": "1"}}},
             "response": {"status": 204}}
        ]}"#,
    );
    check(
        &stubs.unwrap(),
        [
            ask("GET /orders/7?full=1"),
            ask("POST /charge?now=1").body(r#"{"amount": 12}"#),
            ask("PUT /xyz").header("x-a", "1"),
        ],
        expect![[r#"
            2.000 ms client: 200 {"open":true}
            4.000 ms client: 201 much
            6.000 ms client: 204
        "#]],
    );
}

#[test]
fn the_best_priority_answers_and_of_equals_the_newest() {
    let stub = |body: &'static str| Stub::new(charge(), Reply::status(200).body(body)).named(body);
    let stubs = Stubs::new().with(stub("old")).with(stub("new")).with(stub("worse").priority(6));
    check(
        &stubs,
        [ask("POST /charge")],
        expect![[r#"
        2.000 ms client: 200 new
    "#]],
    );
    let stubs = stubs.with(stub("best").priority(1)).with(stub("last"));
    check(
        &stubs,
        [ask("POST /charge")],
        expect![[r#"
        2.000 ms client: 200 best
    "#]],
    );
}

/// A stub for one path and one for many are tried in one order.
#[test]
fn what_kind_of_url_it_is_means_nothing() {
    let any = || Stub::new(RequestPattern::new("ANY"), Reply::status(200).body("any"));
    let fixed = || Stub::new(charge(), Reply::status(200).body("fixed"));
    check(
        &Stubs::new().with(any()).with(fixed()),
        [ask("POST /charge")],
        expect![[r#"
        2.000 ms client: 200 fixed
    "#]],
    );
    check(
        &Stubs::new().with(fixed()).with(any()),
        [ask("POST /charge")],
        expect![[r#"
        2.000 ms client: 200 any
    "#]],
    );
}

#[test]
fn delays_add_up_in_virtual_time() {
    let reply = Reply::status(200).delay(Delay::Fixed(ms(1_500))).delay(Delay::Fixed(ms(500)));
    check(
        &Stubs::new().with(Stub::new(charge(), reply)),
        [ask("POST /charge")],
        expect![[r#"
        2002.000 ms client: 200
    "#]],
    );
}

/// The world knows when each answer came: that is the delay that was drawn.
fn delays(text: &str, seed: u64) -> Vec<u64> {
    let stubs = Stubs::from_json("delay.json", text).unwrap();
    let world = asking(&stubs, vec![ask("GET /"); 50], |_, _| {});
    let run = run(&world, &RunConfig::seed(seed));
    let at: Vec<u64> = run.journal.of_kind(Kind::Note).map(|e| e.at().as_nanos()).collect();
    let starts = std::iter::once(&0).chain(&at);
    starts.zip(&at).map(|(from, to)| to - from - 2_000_000).collect()
}

#[test]
fn delays_of_files_are_drawn_from_their_distribution() {
    let uniform = r#"{"request": {"url": "/"}, "response": {
        "delayDistribution": {"type": "uniform", "lower": 100, "upper": 200}}}"#;
    let drawn = delays(uniform, 1);
    assert_eq!(drawn.len(), 50);
    assert!(drawn.iter().all(|delay| (100_000_000..=200_000_000).contains(delay)), "{drawn:?}");
    assert_eq!(drawn, delays(uniform, 1), "the same seed draws the same");
    assert_ne!(drawn, delays(uniform, 2));
    let lognormal = r#"{"request": {"url": "/"}, "response": {"delayDistribution":
        {"type": "lognormal", "median": 80, "sigma": 0.4, "maxValue": 90}}}"#;
    let drawn = delays(lognormal, 1);
    assert!(drawn.iter().all(|delay| *delay <= 90_000_000), "{drawn:?}");
    assert!(drawn.iter().any(|delay| *delay < 80_000_000));
}

#[test]
fn a_request_that_nothing_matches_is_told_what_is_nearest() {
    let stubs = Stubs::new()
        .with(Stub::new(RequestPattern::new("GET").path("/health"), Reply::status(200)))
        .with(
            Stub::new(charge().header("x-tenant", Matcher::equal_to("a")), Reply::status(201))
                .named("charge"),
        );
    check(
        &stubs,
        [ask("POST /chargee")],
        expect![[r#"
        1.000 ms payment: no stub matches POST /chargee
        2.000 ms client: 404 no stub of `payment` matches POST /chargee
        the nearest is `charge`
          url: expected /charge with any query, found /chargee
          header x-tenant: expected equalTo "a", found nothing
    "#]],
    );
}

#[test]
fn a_mock_without_stubs_says_so() {
    check(
        &Stubs::new(),
        [ask("GET /")],
        expect![[r#"
        1.000 ms payment: no stub matches GET /
        2.000 ms client: 404 no stub of `payment` matches GET /
        it has no stubs
    "#]],
    );
}
