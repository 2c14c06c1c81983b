//! Who may be deployed where, and whom a release concerns.

use stormglass::contract::{ContractRegistry, Placement, Release};
use stormglass::verdict::Verdict;

use super::{ORDER_PLACED, PAYMENT_PACT, payment_api, written};

fn release(text: &str) -> Release {
    text.parse().unwrap()
}

fn deployed(target: Option<&str>) -> Placement {
    Placement::Deployed { target: target.map(str::to_owned) }
}

/// Orders expects `receipt`, which payment 1 gives and payment 2 calls `number`; shipping reads what
/// orders publishes, and the shop uses orders.
fn shop() -> (tempfile::TempDir, ContractRegistry) {
    let shop_pact = PAYMENT_PACT.replace("\"payment\"", "\"to\"").replace("\"orders\"", "\"shop\"");
    let shop_pact = shop_pact.replace("\"to\"", "\"orders\"");
    let folder = written(&[
        ("orders/1.0.0/payment.json", PAYMENT_PACT),
        ("orders/1.0.0/publishes/OrderPlaced.json", ORDER_PLACED),
        ("payment/1.0.0/openapi.yaml", &payment_api("receipt")),
        ("payment/2.0.0/openapi.yaml", &payment_api("number")),
        ("shipping/1.0.0/reads/OrderPlaced.json", ORDER_PLACED),
        ("shop/1.0.0/orders.json", &shop_pact),
    ]);
    let mut registry = ContractRegistry::open(folder.path()).unwrap();
    registry.state.create_environment("production", true);
    (folder, registry)
}

#[track_caller]
fn ask(registry: &ContractRegistry, asked: &str) -> Verdict {
    registry.can_i_deploy(&[release(asked)], "production").unwrap().verdict
}

#[test]
fn a_provider_comes_first() {
    let (_folder, mut registry) = shop();
    assert_eq!(ask(&registry, "payment@1.0.0"), Verdict::Holds);
    assert!(matches!(ask(&registry, "orders@1.0.0"), Verdict::Unknown(_)));
    registry.state.deploy(release("payment@1.0.0"), "production", deployed(None)).unwrap();
    assert_eq!(ask(&registry, "orders@1.0.0"), Verdict::Holds);
}

#[test]
fn every_live_version_counts() {
    let (_folder, mut registry) = shop();
    registry.state.deploy(release("payment@1.0.0"), "production", deployed(Some("eu"))).unwrap();
    registry.state.deploy(release("payment@2.0.0"), "production", deployed(Some("us"))).unwrap();
    let gate = registry.can_i_deploy(&[release("orders@1.0.0")], "production").unwrap();
    assert_eq!(gate.pairs.len(), 2);
    assert!(gate.verdict.is_violated(), "{}", gate.verdict);
    // One target moves on; the other one stays.
    registry.state.deploy(release("payment@1.0.0"), "production", deployed(Some("us"))).unwrap();
    assert_eq!(ask(&registry, "orders@1.0.0"), Verdict::Holds);
    // A release replaces nobody.
    registry.state.deploy(release("payment@2.0.0"), "production", Placement::Released).unwrap();
    assert!(ask(&registry, "orders@1.0.0").is_violated());
    assert_eq!(registry.state.undeploy(&release("payment@2.0.0"), "production"), 1);
    assert_eq!(ask(&registry, "orders@1.0.0"), Verdict::Holds);
}

#[test]
fn a_verification_counts_more_than_a_comparison_and_the_newest_most() {
    let (_folder, mut registry) = shop();
    registry.state.deploy(release("payment@2.0.0"), "production", deployed(None)).unwrap();
    assert!(ask(&registry, "orders@1.0.0").is_violated());
    let contract = registry.of(&release("orders@1.0.0")).next().unwrap().digest.clone();
    registry.state.verify(&contract, release("payment@2.0.0"), true);
    assert_eq!(ask(&registry, "orders@1.0.0"), Verdict::Holds);
    registry.state.verify(&contract, release("payment@2.0.0"), false);
    assert!(ask(&registry, "orders@1.0.0").is_violated());
}

#[test]
fn what_is_deployed_is_kept_in_the_directory() {
    let (folder, mut registry) = shop();
    registry.state.deploy(release("payment@1.0.0"), "production", deployed(Some("eu"))).unwrap();
    registry.state.verify("abc", release("payment@1.0.0"), true);
    registry.save().unwrap();
    let again = ContractRegistry::open(folder.path()).unwrap();
    assert_eq!(again.state, registry.state);
    assert_eq!(again.contracts().count(), registry.contracts().count());
}

#[test]
fn names_that_are_not_there_are_told() {
    let (_folder, registry) = shop();
    let error = |asked: &str, to: &str| {
        registry.can_i_deploy(&[release(asked)], to).unwrap_err().to_string()
    };
    assert_eq!(error("order@1.0.0", "production"), "no service `order`; did you mean `orders`?");
    assert_eq!(error("orders@9.0.0", "production"), "no release orders@9.0.0; there is 1.0.0");
    let missing = error("orders@1.0.0", "productoin");
    assert_eq!(missing, "no environment `productoin`; did you mean `production`?");
}

#[test]
fn a_release_concerns_its_consumers_and_those_behind_them() {
    let (_folder, registry) = shop();
    let impact = registry.impact(&release("payment@2.0.0"), None, None).unwrap();
    assert_eq!(impact.before, Some(release("payment@1.0.0")));
    assert!(impact.compatibility().is_breaking());
    let direct: Vec<String> = impact.direct.iter().map(|p| p.consumer.to_string()).collect();
    assert_eq!(direct, ["orders@1.0.0"]);
    let behind: Vec<&str> = impact.transitive.iter().map(|s| s.service.as_str()).collect();
    assert_eq!(behind, ["shop"]);
    let quiet = registry.impact(&release("payment@1.0.0"), None, None).unwrap();
    assert!(quiet.compatibility().is_compatible() && quiet.transitive.is_empty());
}

#[test]
fn an_event_that_its_reader_cannot_read_is_a_no() {
    let text = ORDER_PLACED.replace("\"integer\"", "\"string\"");
    let folder = written(&[
        ("orders/1.0.0/publishes/OrderPlaced.json", ORDER_PLACED),
        ("orders/2.0.0/publishes/OrderPlaced.json", &text),
        ("shipping/1.0.0/reads/OrderPlaced.json", ORDER_PLACED),
    ]);
    let mut registry = ContractRegistry::open(folder.path()).unwrap();
    registry.state.create_environment("production", true);
    registry.state.deploy(release("shipping@1.0.0"), "production", deployed(None)).unwrap();
    assert_eq!(ask(&registry, "orders@1.0.0"), Verdict::Holds);
    assert!(ask(&registry, "orders@2.0.0").is_violated());
}
