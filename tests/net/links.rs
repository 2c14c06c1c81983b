//! What links do by themselves: loss, duplicates, reordering, corruption, queues, limits.

use stormglass::net::Loss;

use super::*;

/// The lengths of the gaps in the numbers that arrived.
fn bursts(arrivals: &[Arrival], count: u32) -> Vec<usize> {
    let mut there = vec![false; count as usize];
    arrivals.iter().for_each(|a| there[a.number as usize] = true);
    let runs = there.chunk_by(|a, b| a == b);
    runs.filter(|run| !run[0]).map(<[bool]>::len).collect()
}

#[test]
fn losses_are_as_frequent_as_said() {
    for (seed, p) in [(1, 0.01), (2, 0.1), (3, 0.5), (4, 1.0), (5, 0.0)] {
        let loss = Loss::Bernoulli(p);
        let profile = LinkProfile { loss, ..LinkProfile::with_delay(ms(1)) };
        let lost = 10_000 - Flow { seed, ..Flow::over(profile) }.arrivals().len();
        check_share(lost, 10_000, p);
    }
}

/// In the bad state for 1/0.25 packets on average, and in it for 0.02 / 0.27 of the time.
#[test]
fn gilbert_and_elliott_lose_in_bursts() {
    let loss = Loss::GilbertElliott { to_bad: 0.02, to_good: 0.25, loss_bad: 1.0, loss_good: 0.0 };
    let profile = LinkProfile { loss, ..LinkProfile::with_delay(ms(1)) };
    let flow = Flow { count: 50_000, gap: micros(10), ..Flow::over(profile) };
    let arrivals = flow.arrivals();
    let bursts = bursts(&arrivals, flow.count);
    let share = 1.0 - arrivals.len() as f64 / 50_000.0;
    assert!((share - 0.02 / 0.27).abs() < 0.01, "{share}");
    let mean = bursts.iter().sum::<usize>() as f64 / bursts.len() as f64;
    assert!((mean - 4.0).abs() < 0.3, "bursts of {mean}");
}

#[test]
fn some_come_twice() {
    let profile = LinkProfile { duplicate: 0.2, ..LinkProfile::with_delay(ms(1)) };
    let run = Flow::over(profile).run();
    let copies = run.journal.of_kind(Kind::Duplicate).count();
    check_share(copies, 10_000, 0.2);
    assert_eq!(arrivals(&run, "there").len(), 10_000 + copies, "a copy has no copies");
}

#[test]
fn some_are_overtaken() {
    let profile = LinkProfile { reorder: 0.1, reorder_by: ms(2), ..LinkProfile::with_delay(ms(1)) };
    let arrivals = Flow::over(profile).arrivals();
    let late = arrivals.iter().filter(|a| a.took == 3_000_000).count();
    check_share(late, 10_000, 0.1);
    assert!(arrivals.windows(2).any(|pair| pair[0].number > pair[1].number));
    assert_eq!(arrivals.len(), 10_000);
}

#[test]
fn some_are_corrupt() {
    // 32 of 1,000 bits are the number's, which the receiver does not look at.
    let profile = LinkProfile { corrupt: 0.1, ..LinkProfile::with_delay(ms(1)) };
    let run = Flow { size: 125, ..Flow::over(profile) }.run();
    let seen = run.journal.of_kind(Kind::Note).count();
    assert!((870..=1070).contains(&seen), "{seen} of 10,000");
    assert_eq!(arrivals(&run, "there").len(), 10_000);
}

/// A link of 1 MB/s that is given 1.28 MB/s: delays grow up to the queue, then packets are lost.
#[test]
fn a_narrow_link_queues_then_loses() {
    let narrow = |queue: u64| {
        let profile =
            LinkProfile { rate: Some(1_000_000), queue, ..LinkProfile::with_delay(ms(1)) };
        Flow { size: 100, ..Flow::over(profile) }.run()
    };
    for queue in [10_000, 100_000] {
        let run = narrow(queue);
        let arrivals = arrivals(&run, "there");
        let longest = arrivals.iter().map(|a| a.took).max().unwrap();
        // The queue's bytes at 1 us each, the packet's own 128, and the link's delay.
        let bound = 1_000_000 + queue * 1000 + 128_000;
        assert!((bound * 95 / 100..=bound).contains(&longest), "{longest} and {bound}");
        assert!(arrivals.windows(2).all(|pair| pair[0].number < pair[1].number));
        let first_gap = arrivals.windows(2).position(|p| p[1].number != p[0].number + 1).unwrap();
        let full_after = queue / 28;
        assert!((first_gap as u64).abs_diff(full_after) < full_after / 10, "{first_gap}");
        assert_eq!(losses(&run), [("queue full".to_owned(), 10_000 - arrivals.len())]);
        // What gets through is what the rate allows.
        let sent = u64::from(10_000_u32) * 100 / 128 + queue / 128;
        assert!((arrivals.len() as u64).abs_diff(sent) < 10, "{} and {sent}", arrivals.len());
    }
}

#[test]
fn a_wide_link_only_takes_its_time() {
    let profile = LinkProfile { rate: Some(12_800_000), ..LinkProfile::with_delay(ms(1)) };
    let arrivals = Flow::over(profile).arrivals();
    assert!(arrivals.iter().all(|a| a.took == 1_010_000), "128 bytes take 10 us");
}

#[test]
fn longer_than_the_mtu_is_lost() {
    let profile = LinkProfile { mtu: 1500, ..LinkProfile::with_delay(ms(1)) };
    let sized = |size| Flow { count: 10, size, ..Flow::over(profile.clone()) }.run();
    assert_eq!(losses(&sized(1472)), []);
    assert_eq!(losses(&sized(1473)), [("longer than the MTU".to_owned(), 10)]);
}

#[test]
fn a_port_without_a_listener_swallows() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.process("there", |ctx| async move { drop(ctx.bind(7).unwrap()) });
        sim.client("here", |ctx| async move {
            let endpoint = ctx.bind(9)?;
            assert!(ctx.bind(9).is_err());
            endpoint.send("there", 7, "hello")?;
            assert!(endpoint.send("nobody", 7, "hello").is_err());
            ctx.sleep(ms(10)).await;
            assert!(endpoint.try_receive().is_none());
            std::io::Result::Ok(())
        });
    };
    let run = run(&world, &RunConfig::seed(1));
    assert!(run.verdict().holds(), "{:?}", run.verdict());
    assert_eq!(losses(&run), [("nobody listens".to_owned(), 1)]);
}

/// The two directions of a pair, and other pairs, draw from streams of their own.
#[test]
fn a_link_is_independent_of_others() {
    let profile = LinkProfile { duplicate: 0.1, reorder: 0.1, ..LinkProfile::default() };
    let alone = Flow { count: 2000, ..Flow::over(profile) };
    let beside = Flow { bystander: true, ..alone.clone() };
    assert!(alone.arrivals() == beside.arrivals());
    let other_seed = Flow { seed: 2, ..alone.clone() };
    assert!(alone.arrivals() != other_seed.arrivals());
}
