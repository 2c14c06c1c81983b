//! Errors say what was meant.

use super::*;

#[test]
fn an_unknown_sim_has_a_suggestion() {
    check(
        &["run", "shopp"],
        2,
        expect![[r#"
        error: no sim `shopp`; did you mean `shop`?
    "#]],
    );
    check(
        &["explore", "sh"],
        2,
        expect![[r#"
        error: no sim `sh`; did you mean `shop`?
    "#]],
    );
    check(
        &["replay", "warehouse"],
        2,
        expect![[r#"
        error: no sim `warehouse`; there is shop, calm, blind
    "#]],
    );
}

#[test]
fn an_unknown_variant_has_a_suggestion() {
    check(
        &["run", "shop", "--variant", "fixt"],
        2,
        expect![[r#"
        error: `shop` has no variant `fixt`; did you mean `fixed`?
    "#]],
    );
}

#[test]
fn a_wrong_argument_is_explained() {
    check(
        &["explore", "shop", "--seeds", "10"],
        2,
        expect![[r#"
        error: invalid value '10' for '--seeds <A..B>': `10` is no range of seeds; write 0..1000

        For more information, try '--help'.
    "#]],
    );
    check(
        &["explore", "shop", "--shard", "4/4"],
        2,
        expect![[r#"
        error: invalid value '4/4' for '--shard <I/N>': `4/4` is no shard; the first of four is 0/4, the last 3/4

        For more information, try '--help'.
    "#]],
    );
    check(
        &["explore", "shop", "--strategy", "swrm"],
        2,
        expect![[r#"
        error: invalid value 'swrm' for '--strategy <STRATEGY>': no strategy `swrm`; did you mean `swarm`?

        For more information, try '--help'.
    "#]],
    );
    check(
        &["explore", "shop", "--time", "5 parsecs"],
        2,
        expect![[r#"
        error: invalid value '5 parsecs' for '--time <DURATION>': `5 parsecs` has an unknown unit `parsecs`; the units are ns, us, ms, s, m, h, d

        For more information, try '--help'.
    "#]],
    );
    check(
        &["explor"],
        2,
        expect![[r#"
        error: unrecognized subcommand 'explor'

          tip: a similar subcommand exists: 'explore'

        Usage: stormglass <COMMAND>

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn a_wrong_file_is_explained() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "plan.toml");
    let run = ["run", "shop", "--plan", &path];
    let error = |args: &[&str]| {
        let ended = stormglass(args);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        ended.err.replace(&path, "plan.toml")
    };
    assert!(error(&run).starts_with("error: plan.toml: No such file"), "{}", error(&run));
    std::fs::write(&path, "format = 1\n[[fault]]\nkind = \"crash\"\nnode = \"paymnt\"\n").unwrap();
    let expected = "error: plan.toml:4: no service `paymnt`; did you mean `payment`?\n";
    assert_eq!(error(&run), expected);
    std::fs::write(&path, "format = 1\n[replay]\nsim = \"calm\"\n").unwrap();
    assert_eq!(error(&run), "error: plan.toml is a script of `calm`: give that sim\n");
    let foreign = "[replay]\nsim = \"calm\"\n[[fault]]\nkind = \"crash\"\nnode = \"sky\"\n";
    std::fs::write(&path, format!("format = 1\n{foreign}")).unwrap();
    assert_eq!(error(&run), "error: plan.toml is a script of `calm`: give that sim\n");
    assert!(error(&["diff", &path, &path]).contains("not a journal file"));
}

#[test]
fn help_teaches() {
    let ended = stormglass(&["--help"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
    for part in ["explore", "replay", "Examples, in the order", "Exit codes: 0 it holds"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    assert!(!ended.out.contains("fingerprints"), "{}", ended.out);
    let ended = stormglass(&["explore", "--help"]);
    assert!(ended.out.contains("--shard 2/8"), "{}", ended.out);
}

/// The help of somebody's own binary speaks of that binary, and of a sim that it has.
#[test]
fn help_speaks_of_whoever_s_binary_it_is() {
    let help = |worlds: &[World], args: &[&str]| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let all = ["target/debug/shop-sims"].iter().chain(args).copied();
        assert_eq!(cli::run(worlds, all, &mut out, &mut err), 0);
        String::from_utf8(out).unwrap()
    };
    let text = help(&worlds(), &["--help"]);
    for part in [
        "Usage: shop-sims <COMMAND>",
        "\n  shop-sims explore shop                                 find a seed that fails",
        "\n  shop-sims replay shop --seed 4 --plan target/stormglass/shop-4.toml\n",
        "\n  shop-sims explore shop --variant fixed --seeds 0..100000\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("duplicate_charge"), "{text}");
    let text = help(&worlds(), &["trace", "analyze", "--help"]);
    assert!(text.contains("\n  shop-sims run shop --seed 4 --journal a\n"), "{text}");
    assert!(text.contains("Usage: shop-sims trace analyze "), "{text}");
    let text = help(&[World::new("a_calm_day_in_the_small_shop", calm)], &["--help"]);
    assert!(
        text.contains("\n  shop-sims explore a_calm_day_in_the_small_shop --seeds 0..100000\n"),
        "{text}"
    );
    assert!(help(&[], &["--help"]).contains("\n  shop-sims explore SIM  "));
    let version = concat!("shop-sims (stormglass ", env!("CARGO_PKG_VERSION"), ")\n");
    assert_eq!(help(&[], &["--version"]), version);
}
