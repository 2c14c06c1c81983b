//! The table of what an executable asks for.

use super::*;

/// The lines of this test's own audit, the last of which sums up.
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
#[test]
fn this_program_passes() {
    let ended = stormglass(&["audit"]);
    assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{}", ended.out);
    assert!(ended.out.contains("refused: other processes are not simulated\n"), "{}", ended.out);
    assert!(ended.out.contains(": 0 unknown, "), "{}", ended.out);
    let (code, lines) = json(&["audit"]);
    let (summary, symbols) = lines.split_last().unwrap();
    assert_eq!((code, &summary["unknown"]), (0, &serde_json::json!([])));
    let fork = symbols.iter().find(|symbol| symbol["name"] == "fork").unwrap();
    assert_eq!((&fork["class"], &fork["defined"]), (&"refused".into(), &true.into()));
    assert!(fork["remedy"].as_str().unwrap().contains("a program of its own"), "{fork}");
}

/// cargo is an executable without Stormglass.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn another_program_is_told_what_it_lacks() {
    let ended = stormglass(&["audit", env!("CARGO")]);
    assert_eq!((ended.code, ended.err.as_str()), (1, ""), "{}", ended.out);
    assert!(ended.out.contains("go to the C library"), "{}", ended.out);
    let flags = "[\"--cfg\", \"madsim\", \"--cfg\", \"tokio_unstable\"]";
    assert!(ended.out.contains(flags), "{}", ended.out);
}

#[test]
fn what_is_no_executable_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "binary");
    let error = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let ended = stormglass(&["audit", &path]);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""));
        ended.err.replace(&path, "binary")
    };
    assert_eq!(error(b""), "error: binary: it is no ELF executable\n");
    assert_eq!(error(b"#!/bin/sh\n"), "error: binary: it is no ELF executable\n");
    assert_eq!(error(b"\x7fELF\x02\x01\x01"), "error: binary: it is no ELF executable\n");
    let own = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    let mut start = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(own, 100_000), &mut start).unwrap();
    for length in [20, 64, 1_000, 100_000] {
        let text = error(&start[..length]);
        assert!(text.contains("it cannot be read") || text.contains("no ELF"), "{text}");
    }
    let folder = directory.path().display().to_string();
    assert!(stormglass(&["audit", &folder]).err.ends_with(": it is no file\n"));
}
