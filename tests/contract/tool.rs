//! The commands, as a person or a script meets them.

use expect_test::{Expect, expect};

use super::{ORDER_PLACED, PAYMENT_PACT, payment_api, written};

/// What `stormglass contract ...` writes in a folder of contracts, and its exit code.
#[track_caller]
fn check(args: &[&str], code: u8, expect: Expect) {
    let state = r#"{
        "environments": { "production": { "production": true } },
        "deployments": [{ "release": "payment@1.0.0", "environment": "production",
                          "placement": { "deployed": {} } }]
    }"#;
    let folder = written(&[
        ("state.json", state),
        ("orders/1.0.0/payment.json", PAYMENT_PACT),
        ("orders/1.0.0/publishes/OrderPlaced.json", ORDER_PLACED),
        ("payment/1.0.0/openapi.yaml", &payment_api("receipt")),
        ("payment/1.1.0/openapi.yaml", &payment_api("number")),
    ]);
    let path = folder.path().display().to_string();
    let args = args.iter().map(|arg| arg.replace("DIR", &path));
    let args: Vec<String> =
        ["stormglass".to_owned(), "contract".to_owned()].into_iter().chain(args).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let found = stormglass::cli::run(&[], args, &mut out, &mut err);
    let text = String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap();
    expect.assert_eq(&text.replace(&path, "DIR"));
    assert_eq!(found, code);
}

#[test]
fn diff() {
    let (old, new) = ("DIR/payment/1.0.0/openapi.yaml", "DIR/payment/1.1.0/openapi.yaml");
    check(
        &["diff", old, new],
        1,
        expect![[r#"
        major POST /charge /paths/~1charge/post/responses/201 (response-widened): a message may come that was never allowed
            for example {"number":""}
        breaking, required bump: major
    "#]],
    );
    check(
        &["diff", old, old, "--json"],
        0,
        expect![[r#"
        {"changes":[],"compatibility":"compatible","new":null,"old":null,"required_bump":"none","schema":1,"type":"contract_diff","unknown":[],"unverified":[]}
    "#]],
    );
    check(
        &["diff", old, "DIR/orders/1.0.0/payment.json"],
        2,
        expect![[r#"
        error: DIR/orders/1.0.0/payment.json:1: this is Pact, and the old file is OpenAPI
    "#]],
    );
    check(
        &["diff", old, "DIR/nothing.yaml"],
        2,
        expect![[r#"
        error: DIR/nothing.yaml: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn check_all() {
    check(
        &["check", "DIR"],
        1,
        expect![[r#"
        payment@1.0.0 to payment@1.1.0: minor, but it needs major
            major POST /charge /paths/~1charge/post/responses/201 (response-widened): a message may come that was never allowed
                for example {"number":""}
        orders@1.0.0 with payment@1.1.0: breaking (compared)  orders/1.0.0/payment.json
            major /interactions/0/response/body (example-response-impossible): Additional properties are not allowed ('receipt' was unexpected)
                for example {"receipt":"r-1"}
        4 contracts of 3 releases: violated: orders@1.0.0 with payment@1.1.0: Additional properties are not allowed ('receipt' was unexpected); a version says less than it breaks
    "#]],
    );
}

/// Two interactions more, and an interface of the provider that keeps them.
#[test]
fn a_consumer_may_expect_more_in_a_minor_version() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/sims/checkout/contracts");
    let orders = |version| format!("{folder}/orders/{version}/payment.pact.json");
    check(
        &["diff", &orders("1.3.0"), &orders("1.4.0")],
        3,
        expect![[r#"
        unverified /interactions/2 (`a charge of an order that was refunded`) is expected anew of payment: verify it, or check it against its interface
        unverified /interactions/3 (`a refund`) is expected anew of payment: verify it, or check it against its interface
        unknown, required bump: minor
    "#]],
    );
    check(
        &["check", folder],
        0,
        expect![[r#"
            orders@1.4.0 with inventory@1.2.0: compatible (compared)  orders/1.4.0/inventory.pact.json
            orders@1.4.0 with payment@2.1.0: compatible (compared)  orders/1.4.0/payment.pact.json
            shipping@1.1.0 with orders@1.4.0: compatible (compared)  shipping/1.1.0/reads/OrderPlaced.schema.json
            11 contracts of 7 releases: holds
        "#]],
    );
}

#[test]
fn can_i_deploy() {
    let ask =
        ["can-i-deploy", "DIR", "--service", "orders", "--version", "1.0.0", "--to", "production"];
    check(
        &ask,
        0,
        expect![[r#"
        orders@1.0.0 with payment@1.0.0: compatible (compared)  orders/1.0.0/payment.json
        yes: orders@1.0.0 to production, 1 pair
    "#]],
    );
    let other =
        ["can-i-deploy", "DIR", "--service", "order", "--version", "1.0.0", "--to", "production"];
    check(
        &other,
        2,
        expect![[r#"
        error: no service `order`; did you mean `orders`?
    "#]],
    );
}

#[test]
fn impact() {
    check(
        &["impact", "DIR", "--service", "payment", "--version", "1.1.0"],
        1,
        expect![[r#"
        orders@1.0.0 with payment@1.1.0: breaking (compared)  orders/1.0.0/payment.json
            major /interactions/0/response/body (example-response-impossible): Additional properties are not allowed ('receipt' was unexpected)
                for example {"receipt":"r-1"}
        since payment@1.0.0: required bump major
            major POST /charge /paths/~1charge/post/responses/201 (response-widened): a message may come that was never allowed
                for example {"number":""}
        payment@1.1.0: breaking with its 1 consumer
    "#]],
    );
}
