//! Counts and near misses.

use http::Request;
use stormglass::service::Body;

use super::*;

#[test]
fn requests_are_counted_by_pattern() {
    let stubs = Stubs::new().with(Stub::new(charge(), Reply::status(201)));
    let big = charge().body(Matcher::json_path("$[?(@.amount > 10)]"));
    let asks = vec![
        ask("POST /charge").body(r#"{"amount": 7}"#),
        ask("POST /charge").body(r#"{"amount": 70}"#),
        ask("GET /other"),
    ];
    let world = asking(&stubs, asks, move |sim, payment| {
        let big = big.clone();
        sim.eventually("one big charge", move |_: &View<'_>| {
            payment.verify(&charge(), Count::Exactly(2))?;
            payment.verify(&big, Count::AtLeast(1))?;
            payment.verify(&big, Count::AtMost(1))?;
            match (payment.unmatched_count(), payment.unmatched().as_slice()) {
                (1, [other]) if other.url == "/other" => Ok(()),
                (_, others) => Err(format!("{others:?}")),
            }
        });
    });
    let run = run(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{}", run.verdict());
}

#[test]
fn a_wrong_count_says_what_was_nearest() {
    let stubs = Stubs::new().with(Stub::new(charge(), Reply::status(201)));
    let world = asking(&stubs, vec![ask("POST /charge").header("x-a", "2")], |sim, payment| {
        let wanted = charge().header("x-a", Matcher::equal_to("1"));
        sim.eventually("asked for one", move |_: &View<'_>| {
            payment.verify(&wanted, Count::Exactly(1))
        });
    });
    let run = run(&world, &RunConfig::seed(1));
    expect![[r#"
        violated: asked for one: `payment` was asked 0 times, not exactly 1: POST /charge with any query, header x-a equalTo "1"
        the nearest was POST /charge
          header x-a: expected equalTo "1", found 2"#]]
    .assert_eq(&run.verdict().to_string());
}

#[test]
fn near_misses_are_in_the_order_of_their_distance() {
    let stub = |path: &str| Stub::new(RequestPattern::new("GET").path(path), Reply::status(200));
    let stubs =
        Stubs::new().with(stub("/completely/else")).with(stub("/orders")).with(stub("/order"));
    let mock = ServiceMockManager::new().mock(stormglass::seed::Seed(1), "it", &stubs);
    let asked = |path: &str| mock.near_misses(&Request::get(path).body(Body::empty()).unwrap());
    assert!(asked("/orders").is_empty(), "it matches");
    let misses = asked("/orderz");
    let names: Vec<&str> = misses.iter().map(|miss| miss.stub.as_str()).collect();
    let expected = [
        "GET /order with any query",
        "GET /orders with any query",
        "GET /completely/else with any query",
    ];
    assert_eq!(names.len(), 3);
    assert!(names[..2].iter().all(|name| expected[..2].contains(name)) && names[2] == expected[2]);
    assert!(misses.windows(2).all(|pair| pair[0].distance <= pair[1].distance));
    assert!(misses.iter().all(|miss| miss.distance > 0.0 && miss.distance <= 1.0));
}
