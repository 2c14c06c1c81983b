//! # The checkout
//!
//! **Story**: a shop as teams build them. A storefront, an unmodified program, takes orders and asks what is left. The
//! orders service runs a saga: it reserves at the inventory, charges at the payment provider, and announces the
//! order, which shipping sends out. Three replicas of the inventory gossip. What the team has as files is
//! used as it is: `docker-compose.yml`, WireMock mappings of the provider, contracts, fault scripts.
//!
//! **Defect**: six, a variant each. `silence_means_no`: no answer of the provider is taken for no charge.
//! `shipped_twice`: shipping forgets that an event may come again. `stale_stock`: a replica answers from the
//! gossip. `lost_gossip`: what is told once may be lost. `undocumented_answer`: an error that the
//! contract does not know. `eager_charge`: who cannot wait charges before there is a reservation.
//!
//! **Invariant**: the saga's five, each order is sent out once, the stock of an item is linearizable, the replicas
//! converge, every message keeps its contract, no trace charges before it has reserved.
//!
//! **Repair**: `fixed`: an idempotent step is compensated when nobody knows, an inbox, the owner of an item answers
//! for it, gossip goes on, errors are documented, steps wait for each other.
//!
//! **Run**: `cargo run --release -- explore checkout`, with `--variant` for another defect, `--report FILE.html` for
//! the page, `--otlp FILE` for the traces.
//!
//! **Expect**: each variant fails within 500 seeds and shrinks to at most 3 faults; `fixed` holds for 100,000.

mod checks;
mod files;
mod inventory;
mod orders;
mod payment;
mod shipping;
mod stock;
mod storefront;

use std::time::Duration;

use stormglass::mock::ServiceMockManager;
use stormglass::orchestrator::ServiceTestOrchestrator;
use stormglass::prelude::*;
use stormglass::sim::MemberBuilder;

use files::FILES;
use orders::Order;

/// What the shop sells, and how many pieces of each it has.
const ITEMS: [&str; 3] = ["lamp", "chair", "clock"];
const PIECES: i64 = 2;
const REPLICAS: usize = 3;
/// How many orders a shopper places.
const ORDERS: u32 = 5;
const SAGA: &str = "place_order";
/// How long a service waits for another one.
const PATIENCE: Duration = Duration::from_millis(100);

/// The defects, and the shop without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variant {
    SilenceMeansNo,
    ShippedTwice,
    StaleStock,
    LostGossip,
    UndocumentedAnswer,
    EagerCharge,
    Fixed,
}

/// The names of the variants; the first is what a search looks at unless it is told otherwise.
pub(crate) const VARIANTS: [&str; 7] = [
    "silence_means_no",
    "shipped_twice",
    "stale_stock",
    "lost_gossip",
    "undocumented_answer",
    "eager_charge",
    "fixed",
];

impl Variant {
    fn of(name: &str) -> Variant {
        match name {
            "silence_means_no" => Variant::SilenceMeansNo,
            "shipped_twice" => Variant::ShippedTwice,
            "stale_stock" => Variant::StaleStock,
            "lost_gossip" => Variant::LostGossip,
            "undocumented_answer" => Variant::UndocumentedAnswer,
            "eager_charge" => Variant::EagerCharge,
            _ => Variant::Fixed,
        }
    }
}

/// The world.
pub(crate) fn world(sim: &mut Sim) {
    let variant = Variant::of(sim.variant());
    let mocks = ServiceMockManager::new();
    let provider = mocks.mock(sim.seed(), "payment", &FILES.payment);
    let mut shop = ServiceTestOrchestrator::new(FILES.project.clone());
    let shop_is = "the compose file has it";
    shop.program("storefront", storefront::main).expect(shop_is);
    shop.service("orders", move |ctx| orders::orders(ctx, variant)).expect(shop_is);
    shop.service("inventory", move |ctx| inventory::inventory(ctx, variant)).expect(shop_is);
    shop.process("shipping", move |ctx| shipping::shipping(ctx, variant)).expect(shop_is);
    shop.service("payment", payment::payment(&provider)).expect(shop_is);
    shop.broker("events").expect(shop_is);
    let calls: [(&str, &[&str]); 4] = [
        ("storefront", &["orders", "inventory"]),
        ("orders", &["inventory", "payment", "events"]),
        ("inventory", &["inventory"]),
        ("events", &["shipping"]),
    ];
    for (name, others) in calls {
        let calls = |member: &mut MemberBuilder<'_>| _ = member.calls(others.iter().copied());
        shop.configure(name, calls).expect(shop_is);
    }
    shop.install(sim).expect("nothing is missing");

    let orders = (1..=ORDERS).map(|order| {
        let item = if order == 3 { "chair" } else { "lamp" };
        Order { order, item: item.to_owned(), amount: 20 }
    });
    sim.workload("shopper", orders.collect(), shop_for).calls(["storefront"]);
    sim.workload("clerk", vec!["lamp"; 8], look_up).calls(["inventory"]);
    checks::checks(sim);
}

/// A shopper orders at the storefront.
async fn shop_for(ctx: Ctx, order: Order) -> Result<(), HttpError> {
    let order = ctx.http().post("http://storefront/orders").json(&order);
    let reply = order.timeout(Duration::from_secs(5)).send().await?;
    ctx.record(format_args!("sees {}", reply.status()));
    Ok(())
}

/// A clerk looks up what is left.
async fn look_up(ctx: Ctx, item: &'static str) -> Result<(), HttpError> {
    ctx.sleep(Duration::from_millis(30)).await;
    let call = ctx.invoke("stock", item, stock::Call::Read);
    let look = ctx.http().get(&format!("http://inventory/items/{item}")).label("look up");
    let reply = look.timeout(Duration::from_millis(300)).send().await?.error_for_status()?;
    let left: serde_json::Value = reply.json()?;
    match left["stock"].as_i64() {
        Some(left) => call.ok(stock::Reply::Left(left)),
        None => call.info(),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use stormglass::chaos::Script;
    use stormglass::contract::{Checker, ContractRegistry, Release, Tap};
    use stormglass::document::Document;
    use stormglass::explore::World;
    use stormglass::seed::Seed;
    use stormglass::sim::RunConfig;

    use super::{FILES, VARIANTS, world};
    use crate::trial::{first_failure_of, holds, run_alone, same_trace_of, smaller};

    /// Each defect, and the oracle that finds it.
    const FOUND_BY: [(&str, &str); 6] = [
        ("silence_means_no", "the saga place_order keeps its invariants"),
        ("shipped_twice", "no order is sent out twice"),
        ("stale_stock", "the stock of an item is linearizable"),
        ("lost_gossip", "the inventory converges"),
        ("undocumented_answer", "every message keeps its contracts"),
        ("eager_charge", "work flows as it must"),
    ];

    #[test]
    fn every_defect_is_found_by_its_oracle_and_needs_few_faults() {
        for (variant, oracle) in FOUND_BY {
            let failure = smaller(&world, variant, first_failure_of(&world, variant, 500));
            assert_eq!(failure.violated().unwrap().property, oracle, "{variant}\n{}", failure.plan);
        }
    }

    #[test]
    fn without_a_defect_no_seed_fails() {
        holds(&world, 100);
    }

    #[test]
    fn same_seed_same_trace() {
        VARIANTS.iter().for_each(|variant| same_trace_of(&world, variant, 8));
    }

    /// Both ways of an event are checked: to the broker, and from it.
    #[test]
    fn events_keep_their_contracts_or_are_told_of() {
        let config = RunConfig::seed(1).variant("fixed");
        let run = run_alone(&world, &config);
        for (service, publishes) in [("orders", true), ("shipping", false)] {
            let release: Release = format!("{service}@1.0.0").parse().unwrap();
            let colour = Document::json("colour.json", r#"{"required": ["colour"]}"#).unwrap();
            let mut registry = ContractRegistry::new();
            registry.add_event(release.clone(), "OrderPlaced", publishes, &colour).unwrap();
            let verdict = Checker::new(&registry, [&release]).unwrap().verdict(&run.journal);
            assert!(verdict.to_string().contains("colour"), "{service}: {verdict}");
        }
    }

    /// No message is passed over, and one that nobody promises is told of.
    #[test]
    fn every_message_is_under_a_contract() {
        let run = run_alone(&world, &RunConfig::seed(3).variant("fixed"));
        let requests = |path: &str| run.journal.http_messages().any(|m| m.path() == path);
        assert!(requests("/orders") && requests("/items/lamp/reservations"));
        let mut tap = Tap::new(&FILES.contracts);
        assert_eq!(tap.read(&run.journal), 0, "{:?}", tap.findings);
        // What is left is the broker's own talk with its publishers and groups.
        let told = tap.summary.to_string();
        assert!(told.contains(" messages under a contract"), "{told}");
        assert!(tap.summary.covered * 5 > tap.summary.messages * 4, "{told}");
        let mut registry = ContractRegistry::new();
        let release: Release = "orders@1.0.0".parse().unwrap();
        let placed = Document::json("placed.json", "{}").unwrap();
        registry.add_event(release.clone(), "OrderPlaced", true, &placed).unwrap();
        let checker = || Checker::new(&registry, [&release]).unwrap().strict();
        assert!(checker().verdict(&run.journal).holds());
        let verdict = checker().complete().verdict(&run.journal).to_string();
        assert!(
            verdict.contains(" -> orders ") && verdict.contains("nobody promises it"),
            "{verdict}"
        );
    }

    #[test]
    fn the_scripts_of_the_team_strike_and_are_survived() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sims/checkout/chaos");
        for script in ["a-reply-of-payment-is-lost", "inventory-falls-apart"] {
            let path = folder.join(format!("{script}.toml"));
            let topology = World::new("checkout", world).topology(Seed(1), "fixed");
            let script = Script::load(path, &topology).unwrap();
            let config = RunConfig::seed(1).variant("fixed").plan(script.plan);
            let run = run_alone(&world, &config);
            assert!(run.verdict().holds(), "{}", run.verdict());
            assert!(run.idle_faults().is_empty(), "{:?}", run.tallies);
        }
    }
}
