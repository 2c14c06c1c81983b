//! The same seed is the same run, and each stub draws for itself.

use super::*;

fn drawing() -> Stubs {
    let delay = Delay::LogNormal { median: ms(20), sigma: 0.8, max: None };
    let reply =
        Reply::status(200).template("{{randomValue length=8}} {{randomInt lower=0 upper=100}}");
    Stubs::new().with(Stub::new(charge(), reply.delay(delay)).named("charge"))
}

fn run_of(stubs: &Stubs, asks: Vec<Ask>, seed: u64) -> Run {
    run(&asking(stubs, asks, |_, _| {}), &RunConfig::seed(seed))
}

#[test]
fn a_seed_replays() {
    let asks = || vec![ask("POST /charge"); 20];
    let (first, second) = (run_of(&drawing(), asks(), 3), run_of(&drawing(), asks(), 3));
    assert_eq!(first.journal.fingerprint(), second.journal.fingerprint());
    assert_ne!(notes(&first), notes(&run_of(&drawing(), asks(), 4)));
    let texts: std::collections::BTreeSet<String> =
        notes(&first).lines().map(|l| l[l.len() - 11..].to_owned()).collect();
    assert_eq!(texts.len(), 20, "no draw is another's");
}

/// What is said in the answers to `POST /charge`.
fn charges(run: &Run) -> Vec<String> {
    let notes = notes(run);
    let charged = notes.lines().filter(|line| line.contains(": 200 ") && !line.contains("other"));
    charged.map(|line| line.split(": ").last().unwrap().to_owned()).collect()
}

#[test]
fn another_stub_moves_nothing() {
    let other =
        Stub::new(RequestPattern::new("GET"), Reply::status(200).template("other {{randomValue}}"));
    let alone = run_of(&drawing(), vec![ask("POST /charge"); 5], 3);
    let between = [ask("GET /other"), ask("POST /charge")];
    let asks = (0..5).flat_map(|_| between.clone()).collect();
    let beside = run_of(&drawing().with(other), asks, 3);
    assert_eq!(charges(&alone).len(), 5);
    assert_eq!(charges(&alone), charges(&beside));
}

/// The stub before it has the same name: they are told apart by their number.
#[test]
fn stubs_of_one_name_draw_apart() {
    let stub = |path: &str| {
        let pattern = RequestPattern::new("GET").path(path);
        Stub::new(pattern, Reply::status(200).template("{{randomValue}}")).named("same")
    };
    let run = run_of(
        &Stubs::new().with(stub("/a")).with(stub("/b")),
        vec![ask("GET /a"), ask("GET /b")],
        1,
    );
    let seen = charges(&run);
    assert_eq!(seen.len(), 2);
    assert_ne!(seen[0], seen[1]);
}

/// Mapping files that are read in the world function replay as those read before it do.
#[test]
fn where_stubs_are_made_means_nothing() {
    let inside = |sim: &mut Sim| asking(&drawing(), vec![ask("POST /charge"); 5], |_, _| {})(sim);
    let inside = run(&inside, &RunConfig::seed(3));
    let outside = run_of(&drawing(), vec![ask("POST /charge"); 5], 3);
    assert_eq!(inside.journal.fingerprint(), outside.journal.fingerprint());
}
