//! Many connections, many seeds.

use stormglass::journal::Recording;

use super::*;

/// Clients that connect, ask and hang up, in all ways there are.
fn busy(sim: &mut Sim) {
    sim.process("server", echo).replicas(2);
    for name in ["ann", "bob"] {
        sim.client(name, |ctx| async move {
            for n in 0..12_usize {
                let asked = async {
                    let mut connection = ctx.connect("server", 7).await?;
                    connection.set_user_timeout(Some(secs(4)));
                    let text = pattern(1 << n);
                    let answer = ask(&mut connection, &text).await?;
                    assert!(answer == text, "an answer is whole or it is none");
                    match n % 3 {
                        0 => connection.reset(),
                        1 => connection.close().await?,
                        _ => {}
                    }
                    io::Result::Ok(())
                };
                match ctx.timeout(secs(5), asked).await {
                    Ok(Ok(())) => ctx.reachable("answered"),
                    Ok(Err(error)) => ctx.reachable(&format!("{:?}", error.kind())),
                    Err(_) => ctx.reachable("too late"),
                }
                ctx.sleep(ms(100)).await;
            }
            io::Result::Ok(())
        });
    }
}

#[test]
fn same_seed_same_run_under_every_chaos() {
    let mut reached = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let once = || run(&busy, &RunConfig::seed(seed));
        let (first, second) = (once(), once());
        assert!(first.verdict().holds(), "seed {seed}: {:?}", first.verdict());
        assert_eq!(first.fingerprint(), second.fingerprint(), "seed {seed}");
        reached.extend(first.reached);
    }
    let reached: Vec<_> = reached.iter().map(String::as_str).collect();
    expect_test::expect!["ConnectionRefused ConnectionReset answered too late"]
        .assert_eq(&reached.join(" "));
}

#[test]
fn recording_changes_nothing() {
    for seed in 0..20 {
        let config = RunConfig { recording: Recording::Digest, ..RunConfig::seed(seed) };
        assert_eq!(
            run(&busy, &config).fingerprint(),
            run(&busy, &RunConfig::seed(seed)).fingerprint()
        );
    }
}

/// A fault on one link moves nothing on a connection over another.
#[test]
fn faults_elsewhere_move_nothing() {
    let world = |sim: &mut Sim| {
        sim.chaos(Chaos::none());
        sim.process("server", echo);
        for name in ["ann", "bob"] {
            sim.client(name, |ctx| async move {
                let mut connection = ctx.connect("server", 7).await?;
                for n in 0..50 {
                    ask(&mut connection, &[n]).await?;
                    ctx.record(n);
                }
                io::Result::Ok(())
            });
        }
    };
    let loss = Fault::Loss {
        from: "ann".into(),
        to: "server".into(),
        percent: 20.0,
        burst: None,
        at: ms(0),
        lasts: None,
    };
    let of_bob =
        |run: &Run| -> String { told(run).lines().filter(|line| line.contains(" bob ")).collect() };
    let (calm, struck) = (run_with(&world, 3, vec![]), run_with(&world, 3, vec![loss]));
    assert_eq!(of_bob(&calm), of_bob(&struck));
    assert_ne!(told(&calm), told(&struck));
}
