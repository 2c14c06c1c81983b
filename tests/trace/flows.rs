//! Checks of flows: what holds, what does not, and what cannot be said.

use stormglass::trace::{Flow, Outcome};

use super::*;

/// What checks come to in the shop with these faults.
#[track_caller]
fn check(faults: impl IntoIterator<Item = Fault>, orders: u32, flow: &Flow, expect: Expect) {
    let run = run_with(faults, shop(orders));
    let tracer = DistributedTracer::of(&run.journal);
    let line = |c: stormglass::trace::Checked| format!("{}: {}\n", c.name, c.verdict);
    expect.assert_eq(&flow.check(tracer.spans()).into_iter().map(line).collect::<String>());
}

fn charge() -> Pattern {
    Pattern::operation("POST /charge").service("payment").server()
}

fn flow() -> Flow {
    let order = Pattern::operation("POST /orders").service("checkout").server();
    let nothing = Pattern::operation("DELETE *");
    Flow::new()
        .exists("somebody pays", charge())
        .never("nothing is deleted", nothing.clone())
        .never("no charge fails", charge().client().status(Outcome::Error).service("checkout"))
        .before("charged, then answered", charge(), Pattern::operation("none such"))
        .exactly_once_per_key("charged once", charge(), "sim.request.body:/order")
        .exactly_once_per_key_of("each order", charge(), "sim.request.body:/order", order.clone())
        .deadline("orders are quick", order, ms(20))
        .deadline("deletes are quick", nothing, ms(20))
}

#[test]
fn without_faults_it_holds_and_what_was_not_seen_is_unknown() {
    check(
        [],
        2,
        &flow(),
        expect![[r#"
        somebody pays: holds
        nothing is deleted: holds
        no charge fails: holds
        charged, then answered: unknown: no span is none such
        charged once: holds
        each order: holds
        orders are quick: holds
        deletes are quick: unknown: no span is DELETE *
    "#]],
    );
}

#[test]
fn a_lost_reply_charges_twice() {
    check(
        [strike(Leg::Reply, 1, Effect::Drop)],
        2,
        &flow(),
        expect![[r#"
        somebody pays: holds
        nothing is deleted: holds
        no charge fails: violated: there is 26f2a1148cf52011 [checkout] POST /charge from 1ms to 51ms
        charged, then answered: unknown: no span is none such
        charged once: violated: with sim.request.body:/order 0, 2 spans are server [payment] POST /charge: 8328cc565896520a [payment] POST /charge from 2ms to 5ms; 39afba8320c56ba5 [payment] POST /charge from 52ms to 55ms
        each order: violated: with sim.request.body:/order 0, 2 spans are server [payment] POST /charge: 8328cc565896520a [payment] POST /charge from 2ms to 5ms; 39afba8320c56ba5 [payment] POST /charge from 52ms to 55ms
        orders are quick: violated: longer than 20ms: 09d0e76b1500559c [checkout] POST /orders from 1ms to 56ms
        deletes are quick: unknown: no span is DELETE *
    "#]],
    );
}

#[test]
fn order_within_a_trace() {
    let spans = vec![span(1, 0, 0, 100), span(2, 1, 0, 50), span(3, 1, 50, 90)];
    let set = SpanSet::new(spans, 0);
    let of = |n: u32| Pattern::default().service(&format!("s{n}"));
    let holds = |flow: Flow| flow.verdict(&set).holds();
    assert!(holds(Flow::new().before("2, 3", of(2), of(3))), "the end is inclusive");
    assert!(!holds(Flow::new().before("3, 2", of(3), of(2))));
    assert!(!holds(Flow::new().before("1, 3", of(1), of(3))), "1 has not ended");
}

#[test]
fn what_has_not_ended_is_late_or_unknown() {
    let open = Span { finished: false, ..span(1, 0, 0, 100) };
    let set = SpanSet::new(vec![open], 0);
    let within = |nanos| Flow::new().deadline("d", Pattern::default(), Duration::from_nanos(nanos));
    assert!(within(50).verdict(&set).is_violated());
    assert!(matches!(within(200).verdict(&set), Verdict::Unknown(_)));
}

/// A check is a property of a world: the search finds the seed that breaks it.
#[test]
fn a_flow_is_a_property() {
    let world = |sim: &mut Sim| {
        shop(2)(sim);
        let flow = Flow::new().exactly_once_per_key("once", charge(), "sim.request.body:/order");
        sim.check("charged once", move |journal| DistributedTracer::of(journal).check(&flow));
    };
    let plan = |fault: Option<Fault>| RunConfig::seed(1).plan(FaultPlan::new(fault));
    assert!(run(&world, &plan(None)).verdict().holds());
    let struck = run(&world, &plan(Some(strike(Leg::Reply, 1, Effect::Drop))));
    assert!(struck.verdict().is_violated(), "{}", struck.verdict());
}

#[test]
fn stars_stand_for_anything() {
    let one = span(1, 0, 0, 1);
    let check = |pattern: &str, expected| {
        let pattern = Pattern::operation(pattern);
        assert_eq!(
            pattern.matches(&Span { operation: "GET /a/b".into(), ..one.clone() }),
            expected
        );
    };
    check("GET /a/b", true);
    check("*", true);
    check("GET *", true);
    check("*/b", true);
    check("G*/*b", true);
    check("GET /a", false);
    check("*/c", false);
    check("", false);
    let many = Span { operation: "a".repeat(10_000).into(), ..one.clone() };
    assert!(!Pattern::operation(&"a*".repeat(50).repeat(2)).attribute("no", "x").matches(&many));
    assert!(!Pattern::operation(&format!("{}b", "a*".repeat(100))).matches(&many));
}

#[track_caller]
fn mistake(text: &str, expect: Expect) {
    expect.assert_eq(&Flow::parse(text, "flow.toml").unwrap_err().to_string());
}

#[test]
fn a_file_says_the_same() {
    let text = r#"
        format = 1
        [[check]]
        name = "charged once"
        kind = "exactly_once_per_key"
        span = { service = "payment", operation = "POST /charge", kind = "server" }
        key = "sim.request.body:/order"
        [[check]]
        name = "quick"
        kind = "deadline"
        span = { operation = "POST /orders", status = "ok", attributes = { "url.path" = "/orders" } }
        within = "20ms"
    "#;
    let orders = Pattern::operation("POST /orders").status(Outcome::Ok);
    let expected = Flow::new()
        .exactly_once_per_key("charged once", charge(), "sim.request.body:/order")
        .deadline("quick", orders.attribute("url.path", "/orders"), ms(20));
    assert_eq!(Flow::parse(text, "flow.toml").unwrap(), expected);
}

#[test]
fn mistakes_have_their_line() {
    mistake(
        "format = 2\n",
        expect!["flow.toml:1: an unknown format; this version reads `format = 1`"],
    );
    mistake("format = 1\n", expect!["flow.toml:1: no checks; write each as `[[check]]`"]);
    mistake(
        "format = 1\n[[check]]\nname = \"a\"\nkind = \"nevr\"\n",
        expect!["flow.toml:4: no kind `nevr`; did you mean `never`?"],
    );
    mistake(
        "format = 1\n[[check]]\nname = \"a\"\nkind = \"never\"\n",
        expect!["flow.toml:2: a check of kind `never` needs `span`"],
    );
    mistake(
        "format = 1\n[[check]]\nname = \"a\"\nkind = \"never\"\nspan = { servce = \"b\" }\n",
        expect!["flow.toml:5: no field `servce`; did you mean `service`?"],
    );
    mistake(
        "format = 1\n[[check]]\nname = \"a\"\nkind = \"never\"\nspan = {}\nwithin = \"1s\"\n",
        expect!["flow.toml:6: a check of kind `never` has no `within`"],
    );
    mistake(
        "format = 1\n[[check]]\nname = \"a\"\nkind = \"deadline\"\nspan = {}\nwithin = \"1 day\"\n",
        expect![
            "flow.toml:6: `1 day` is no duration; write a whole number and ns, us, ms, s or m: `200ms`"
        ],
    );
    mistake("format = 1\n[[check]\n", expect!["flow.toml:2: unclosed array table, expected `]`"]);
}
