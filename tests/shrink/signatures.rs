//! What failures of the same cause have in common: everything but the numbers.

use super::*;

fn signature(faults: impl IntoIterator<Item = Fault>) -> String {
    Signature::of("p", &FaultPlan::new(faults)).to_string()
}

fn crash(at: u64) -> Fault {
    Fault::Crash { node: "payment".into(), at: ms(at), lasts: None }
}

#[test]
fn numbers_do_not_matter() {
    let first = signature([message(1, Leg::Reply, Effect::Delay(ms(3)))]);
    assert_eq!(first, r#"p: shopper -> payment "POST /charge" reply: delay"#);
    assert_eq!(first, signature([message(9, Leg::Reply, Effect::Delay(ms(7)))]));
    assert_eq!(signature([crash(1)]), signature([crash(2)]));
    assert_eq!(signature([]), "p");
}

#[test]
fn effects_legs_labels_and_targets_do() {
    let drop = message(1, Leg::Reply, Effect::Drop);
    assert_ne!(signature([drop.clone()]), signature([message(1, Leg::Request, Effect::Drop)]));
    assert_ne!(signature([drop.clone()]), signature([message(1, Leg::Reply, Effect::Reset)]));
    let cut = |one_way| Fault::Partition {
        a: vec!["a".into(), "b".into()],
        b: vec!["c".into()],
        one_way,
        at: ms(1),
        lasts: None,
    };
    assert_eq!(signature([cut(false)]), "p: partition a, b | c");
    assert_eq!(signature([cut(true)]), "p: partition a, b -> c");
    assert_eq!(signature([crash(1)]), "p: crash payment");
    let any = Fault::Message {
        from: "a".into(),
        to: "b".into(),
        label: None,
        n: 1,
        leg: Leg::Message,
        effect: Effect::Corrupt,
    };
    assert_eq!(signature([any]), "p: a -> b * message: corrupt");
}

#[test]
fn the_order_of_the_faults_does_not() {
    let drop = || message(1, Leg::Reply, Effect::Drop);
    assert_eq!(signature([crash(1), drop()]), signature([drop(), crash(5)]));
    assert_ne!(signature([crash(1)]), signature([crash(1), crash(2)]));
}
