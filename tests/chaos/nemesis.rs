//! What is drawn from a seed: within the tolerance, of all kinds, the same for the same seed.

use std::collections::{BTreeMap, BTreeSet};

use stormglass::chaos::{Effect, Leg};

use super::*;

/// Fails unless the plan can be and is tolerated, and the storm is over in time.
pub(super) fn sound(chaos: &Chaos, plan: &FaultPlan, topology: &Topology) -> Result<(), String> {
    plan.check(topology).map_err(|error| error.to_string())?;
    chaos.tolerance.permits(plan, topology)?;
    for fault in &plan.faults {
        let (at, lasts) = fault.window().unwrap_or_default();
        let end = at + lasts.unwrap_or_default();
        if end > chaos.length || !chaos.kinds.contains(&fault.kind()) {
            return Err(format!("beyond the storm: {fault}"));
        }
    }
    Ok(())
}

#[test]
fn ten_thousand_plans_are_within_the_tolerance() {
    let bold = Chaos::default().tolerance(Tolerance::everything()).intensity(3.0);
    let strict = Tolerance::default().down_replicas(0).clock_error(Duration::ZERO);
    let quick = Chaos::default().for_(5 * MS).tolerance(strict.downtime(Duration::ZERO));
    let storms =
        [Chaos::default(), bold, quick, Chaos::none(), Chaos::default().for_(3_600_000 * MS)];
    for seed in 0..10_000 {
        let chaos = &storms[usize::try_from(seed % 5).unwrap()];
        let number = u32::try_from(seed / 5).unwrap();
        let topology = some_topology(number % 7, number % 3);
        let plan = chaos.draw(Seed(seed), &topology);
        assert_eq!(sound(chaos, &plan, &topology), Ok(()), "seed {seed}:\n{plan}");
        assert_eq!(chaos.draw(Seed(seed), &topology), plan);
    }
}

fn plans(chaos: &Chaos, seeds: u64) -> Vec<FaultPlan> {
    (0..seeds).map(|seed| chaos.draw(Seed(seed), &shop())).collect()
}

#[test]
fn a_swarm_draws_few_and_many_of_all_that_is_tolerated() {
    let chaos = Chaos::default();
    let plans = plans(&chaos, 2_000);
    let share = |sizes: std::ops::RangeInclusive<usize>| {
        plans.iter().filter(|plan| sizes.contains(&plan.faults.len())).count()
    };
    expect!["none 0, 1 to 3 1005, 4 to 8 680, 9 and more 315"].assert_eq(&format!(
        "none {}, 1 to 3 {}, 4 to 8 {}, 9 and more {}",
        share(0..=0),
        share(1..=3),
        share(4..=8),
        share(9..=99)
    ));
    let mut counts: BTreeMap<FaultKind, usize> = BTreeMap::new();
    for fault in plans.iter().flat_map(|plan| &plan.faults) {
        *counts.entry(fault.kind()).or_default() += 1;
    }
    let lines: Vec<String> = counts.iter().map(|(kind, n)| format!("{kind} {n}\n")).collect();
    expect![[r#"
        message 2084
        partition 661
        loss 456
        delay 428
        duplicate 235
        reorder 258
        bandwidth 289
        crash 1324
        power-loss 688
        pause 686
        stop 209
        slow 241
        clock-step 224
        clock-drift 521
        clock-freeze 221
        disk-full 244
        disk-slow 234
        disk-error 235
    "#]]
    .assert_eq(&lines.concat());
    let bold = plans_of(&Chaos::default().tolerance(Tolerance::everything()));
    let drawn = FaultKind::ALL.into_iter().filter(|kind| *kind != FaultKind::Connection);
    assert!(bold.into_iter().eq(drawn));
}

fn plans_of(chaos: &Chaos) -> BTreeSet<FaultKind> {
    plans(chaos, 2_000).iter().flat_map(|plan| &plan.faults).map(Fault::kind).collect()
}

#[test]
fn a_seed_draws_this() {
    check(
        &Chaos::default().draw(Seed(1), &shop()),
        expect![[r#"
            at 280ms for 440ms: slow the disk of inventory-2 by 2300us
            at 1800ms for 19ms: slow the disk of checkout by 6800us
        "#]],
    );
    check(
        &Chaos::default().draw(Seed(4), &shop()),
        expect![[r#"
            shopper -> checkout * #1 reply: drop
            checkout -> inventory * #1 reply: drop
            at 430ms for 2ms: crash payment
        "#]],
    );
    check(
        &Chaos::default().draw(Seed(7), &shop()),
        expect![[r#"
            at 100ms for 11ms: pause payment
            at 980us for 470ms: pause inventory-0
            at 510us for 18ms: pause payment
        "#]],
    );
}

#[test]
fn no_kind_moves_another() {
    for seed in (0..500).map(Seed) {
        let all = Chaos::default().draw(seed, &shop());
        let calm = Chaos::default().without([FaultKind::Crash, FaultKind::Partition]);
        let fewer = calm.draw(seed, &shop());
        assert!(fewer.faults.iter().all(|fault| calm.kinds.contains(&fault.kind())));
        // Without an outage before it, a fault may fit at its first try instead of its second.
        let links = |plan: &FaultPlan, kind| {
            plan.faults.iter().filter(|f| f.kind() == kind).cloned().collect::<Vec<_>>()
        };
        for kind in [FaultKind::Loss, FaultKind::Delay, FaultKind::Bandwidth, FaultKind::DiskSlow] {
            let (before, after) = (links(&all, kind), links(&fewer, kind));
            assert!(after.starts_with(&before), "seed {seed}: {before:?} became {after:?}");
        }
    }
}

#[test]
fn chaos_is_what_it_is_told_to_be() {
    assert!(plans(&Chaos::none(), 100).iter().all(|plan| plan.faults.is_empty()));
    assert!(plans(&Chaos::default().intensity(0.0), 100).iter().all(|p| p.faults.is_empty()));
    let crashes = Chaos::default().only([FaultKind::Crash]);
    assert_eq!(plans_of(&crashes), [FaultKind::Crash].into());
    let wild: usize =
        plans(&Chaos::default().intensity(4.0), 200).iter().map(|p| p.faults.len()).sum();
    let calm: usize = plans(&Chaos::default(), 200).iter().map(|p| p.faults.len()).sum();
    assert!(wild > 2 * calm, "{wild} and {calm}");
    let text = toml::to_string(&crashes).unwrap();
    assert_eq!(toml::from_str::<Chaos>(&text).unwrap(), crashes);
}

/// How many of 200 seeds have a fault of which `strikes` is true.
fn hits(strikes: impl Fn(&Fault) -> bool) -> usize {
    plans(&Chaos::default(), 200).iter().filter(|plan| plan.faults.iter().any(&strikes)).count()
}

#[test]
fn the_classics_are_found_in_200_seeds() {
    let in_ms = |window: Option<(Duration, Option<Duration>)>, range: std::ops::Range<u32>| {
        window.is_some_and(|(at, _)| (range.start * MS..range.end * MS).contains(&at))
    };
    let lost_reply = |fault: &Fault| {
        matches!(fault, Fault::Message { to, leg: Leg::Reply, n: 1..=2, effect, .. }
        if to == "payment" && match effect {
            Effect::Drop => true,
            Effect::Delay(by) => *by > 100 * MS,
            _ => false,
        })
    };
    let crash = |fault: &Fault| {
        fault.kind() == FaultKind::Crash
            && fault.node() == Some("checkout")
            && in_ms(fault.window(), 1..10)
    };
    let late_clock = |fault: &Fault| {
        fault.node() == Some("payment")
            && match fault {
                Fault::ClockDrift { ppm, .. } => ppm.abs() > 10_000,
                Fault::ClockStep { by_ns, .. } => by_ns.abs() > 50_000_000,
                Fault::Pause { lasts, .. } => lasts.is_none_or(|lasts| lasts > 100 * MS),
                _ => false,
            }
    };
    let power_loss = |fault: &Fault| {
        matches!(fault, Fault::PowerLoss { node, disk_op, .. } if node == "payment"
            && (disk_op.is_some_and(|n| n < 10) || in_ms(fault.window(), 1..20)))
    };
    let found = [
        ("the reply of payment lost or late", hits(lost_reply)),
        ("checkout crashes in its first ms", hits(crash)),
        ("payment's clock is wrong, or it pauses", hits(late_clock)),
        ("payment loses power after its first writes", hits(power_loss)),
    ];
    let lines: Vec<String> = found.iter().map(|(what, n)| format!("{what}: {n}\n")).collect();
    assert!(found.iter().all(|(_, n)| *n >= 4), "{lines:?}");
    expect![[r#"
        the reply of payment lost or late: 7
        checkout crashes in its first ms: 5
        payment's clock is wrong, or it pauses: 23
        payment loses power after its first writes: 15
    "#]]
    .assert_eq(&lines.concat());
}
