//! Sealing a crate: what is written, and what stays.

use std::process::Command;

use super::*;

/// Runs `init` in a folder with this file; what it says, how it ends, and the file then.
#[track_caller]
fn init(before: Option<&str>, args: &[&str]) -> (String, i32, Option<String>) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("Cargo.toml"), "").unwrap();
    let config = directory.path().join(".cargo/config.toml");
    if let Some(before) = before {
        std::fs::create_dir(directory.path().join(".cargo")).unwrap();
        std::fs::write(&config, before).unwrap();
    }
    let ended = command(directory.path()).args(args).output().unwrap();
    let text = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
    (text, ended.status.code().unwrap(), std::fs::read_to_string(&config).ok())
}

/// `stormglass init` in a folder, with nothing of the environment that cargo has.
fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormglass"));
    for name in ["RUSTFLAGS", "RUSTDOCFLAGS"] {
        command.env_remove(name).env_remove(format!("CARGO_ENCODED_{name}"));
    }
    command.env("CARGO_HOME", directory.join("home")).current_dir(directory).arg("init");
    command
}

/// Compares the file that comes of another one, which is then done.
#[track_caller]
fn check_file(before: Option<&str>, expected: Expect) {
    let (text, code, after) = init(before, &[]);
    assert_eq!(code, 0, "{text}");
    let after = after.unwrap();
    expected.assert_eq(&after);
    for args in [&[][..], &["--check"]] {
        let (text, code, again) = init(Some(&after), args);
        assert_eq!((text.as_str(), code), (".cargo/config.toml has the seal\n", 0));
        assert_eq!(again.as_ref(), Some(&after));
    }
}

#[test]
fn a_file_is_made() {
    check_file(
        None,
        expect![[r##"
            # The seal of Stormglass: inside of a world the clock, entropy and hash keys of std are the seed's.
            # An environment variable RUSTFLAGS takes the place of these lines: do not set it.
            [build]
            rustflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"]
            rustdocflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"]
        "##]],
    );
    check_file(
        Some("# nothing yet\n"),
        expect![[r##"
            # nothing yet
            [build]
            rustflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"]
            rustdocflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"]
        "##]],
    );
}

#[test]
fn what_is_there_stays() {
    check_file(
        Some(
            "# ours\n[alias]\nb = \"build\" # short\n\n[build]\njobs = 2\nrustflags = [\"-Dwarnings\"] # strict\n",
        ),
        expect![[r##"
            # ours
            [alias]
            b = "build" # short

            [build]
            jobs = 2
            rustflags = ["-Dwarnings", "--cfg", "madsim", "--cfg", "tokio_unstable"] # strict
            rustdocflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"]
        "##]],
    );
    check_file(
        Some(
            "[build]\nrustflags = [\n    \"-Cdebuginfo=1\", # small\n    \"--cfg\", \"madsim\", # sealed\n]\n",
        ),
        expect![[r#"
            [build]
            rustflags = [
                "-Cdebuginfo=1", # small
                "--cfg", "madsim", # sealed
                "--cfg",
                "tokio_unstable",
            ]
            rustdocflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"]
        "#]],
    );
    check_file(
        Some(
            "[build]\nrustflags = [\n    \"-Cdebuginfo=1\" # small\n]\nrustdocflags = \"--cfg=madsim\"\n",
        ),
        expect![[r#"
            [build]
            rustflags = [
                "-Cdebuginfo=1", # small
                "--cfg",
                "madsim",
                "--cfg",
                "tokio_unstable"
            ]
            rustdocflags = "--cfg=madsim --cfg tokio_unstable"
        "#]],
    );
    check_file(
        Some("build.jobs = 2\n"),
        expect![[r#"
        build.jobs = 2
        build.rustflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"]
        build.rustdocflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"]
    "#]],
    );
    check_file(
        Some("build = { rustflags = [] }\n"),
        expect![[r#"
        build = { rustflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"] , rustdocflags = ["--cfg", "madsim", "--cfg", "tokio_unstable"] }
    "#]],
    );
}

#[test]
fn a_check_writes_nothing() {
    let (text, code, after) = init(None, &["--check"]);
    assert_eq!((code, after), (1, None));
    expect![[r#"
        .cargo/config.toml lacks build.rustflags --cfg madsim --cfg tokio_unstable, build.rustdocflags --cfg madsim --cfg tokio_unstable
    "#]].assert_eq(&text);
}

#[test]
fn a_file_that_cannot_be_used_is_explained() {
    for (before, expected) in [
        (
            "[build\n",
            expect![[r#"
                error: .cargo/config.toml:1: unclosed table, expected `]`
            "#]],
        ),
        (
            "[build]\nrustflags = 1\n",
            expect![[r#"
                error: .cargo/config.toml:2: `build.rustflags` must be a list of texts
            "#]],
        ),
        (
            "[build]\n\nrustflags = [\"-C\", 1]\n",
            expect![[r#"
                error: .cargo/config.toml:3: `build.rustflags` must be a list of texts
            "#]],
        ),
        (
            "build = \"x\"\n",
            expect![[r#"
                error: .cargo/config.toml:1: `build` must be a table
            "#]],
        ),
    ] {
        let (text, code, after) = init(Some(before), &[]);
        assert_eq!((code, after.as_deref()), (2, Some(before)), "{text}");
        expected.assert_eq(&text);
    }
    let directory = tempfile::tempdir().unwrap();
    let ended = command(directory.path()).output().unwrap();
    expect![[r#"
        error: . has no Cargo.toml: give a crate's folder
    "#]]
    .assert_eq(&String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn what_replaces_the_flags_is_named() {
    let target = "[target.x86_64-unknown-linux-gnu]\nrustflags = [\"-Clink-arg=-fuse-ld=mold\"]\n";
    let (text, code, _) = init(Some(target), &[]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("config.toml:2: `target.x86_64-unknown-linux-gnu.rustflags` replaces"),
        "{text}"
    );
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("Cargo.toml"), "").unwrap();
    let ended = command(directory.path()).env("RUSTFLAGS", "-Dwarnings").output().unwrap();
    let text = String::from_utf8(ended.stdout).unwrap();
    assert!(text.contains("the variable RUSTFLAGS is set"), "{text}");
    let check = command(directory.path()).arg("--check").env("RUSTFLAGS", "").output().unwrap();
    assert_eq!(check.status.code(), Some(1));
    let sealed = "--cfg madsim --cfg tokio_unstable";
    let check = command(directory.path()).arg("--check").env("RUSTFLAGS", sealed).output().unwrap();
    assert_eq!(check.status.code(), Some(0));
}
