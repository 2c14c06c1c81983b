//! The binary file and the lines of JSON.

use super::*;

/// The file that `journal` is saved to.
fn saved(journal: &Journal) -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("run.journal");
    journal.save(&path).expect("the directory can be written");
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("it is there").collect();
    assert_eq!(left.len(), 1, "no temporary file stays");
    std::fs::read(&path).expect("the file was written")
}

fn load(bytes: &[u8]) -> Result<Journal, String> {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), bytes).expect("it can be written");
    Journal::load(file.path()).map_err(|error| match error {
        Error::Journal { path, reason } => {
            assert_eq!(path, file.path());
            reason
        }
        other => panic!("no journal error: {other}"),
    })
}

#[track_caller]
fn refuses(bytes: &[u8], expect: Expect) {
    check(load(bytes).expect_err("the file is wrong"), expect);
}

/// The file with another body and a header that fits it.
fn with_body(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = saved(&shop());
    let mut body = file.split_off(39);
    change(&mut body);
    file.truncate(23);
    file.extend_from_slice(&(body.len() as u64).to_le_bytes());
    file.extend_from_slice(&xxhash_rust::xxh3::xxh3_64(&body).to_le_bytes());
    file.extend_from_slice(&body);
    file
}

/// Where byte `at` of the row of event `id` stands in the body.
fn in_row(id: usize, at: usize) -> usize {
    8 + (id - 1) * 40 + at
}

#[test]
fn comes_back_as_it_was() {
    let journal = shop();
    let back = load(&saved(&journal)).expect("a good file");
    assert_eq!(back, journal);
    assert_eq!(back.story().to_string(), journal.story().to_string());
    assert_eq!(back.get(EventId(7)).and_then(|e| e.payload()), Some(&b"{\"order\":7}"[..]));
    assert_eq!(saved(&journal), saved(&back), "the same journal makes the same bytes");
}

#[test]
fn a_digest_keeps_its_fingerprint() {
    let mut recorder = Recorder::new(Recording::Digest);
    recorder.append(5, Entry::new(Kind::Heal, NodeId::WORLD), NONE, NONE);
    let journal = recorder.finish();
    let back = load(&saved(&journal)).expect("a good file");
    assert_eq!((back.total(), back.len(), back.fingerprint()), (1, 0, journal.fingerprint()));
}

#[test]
fn saving_replaces_the_file_or_leaves_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("run.journal");
    std::fs::write(&path, "old").expect("it can be written");
    shop().save(&path).expect("it can be replaced");
    assert_eq!(Journal::load(&path).expect("a good file"), shop());
    let nowhere = dir.path().join("missing/run.journal");
    assert!(matches!(shop().save(&nowhere), Err(Error::Io { path, .. }) if path == nowhere));
    assert!(matches!(Journal::load(&nowhere), Err(Error::Io { path, .. }) if path == nowhere));
}

#[test]
fn other_files_are_no_journals() {
    refuses(
        b"PNG and so on",
        expect!["not a journal file: it does not begin with STORMGLASS-JOURNAL"],
    );
    refuses(b"", expect!["truncated: 39 bytes expected, 0 found"]);
}

#[test]
fn other_versions_are_named() {
    let mut file = saved(&shop());
    file[19] = u8::try_from(FORMAT_VERSION + 1).expect("a small number");
    refuses(
        &file,
        expect![
            "format version 4, but this build reads version 3; it is newer: read it with the stormglass that wrote it, or a later one"
        ],
    );
    file[19] = 0;
    refuses(
        &file,
        expect![
            "format version 0, but this build reads version 3; it is older: record the run again, or read it with the stormglass that wrote it"
        ],
    );
}

#[test]
fn a_cut_file_is_truncated() {
    let file = saved(&shop());
    refuses(&file[..30], expect!["truncated: 39 bytes expected, 30 found"]);
    refuses(&file[..file.len() - 1], expect!["truncated: 875 bytes expected, 874 found"]);
}

#[test]
fn more_than_the_file_is_corruption() {
    let mut file = saved(&shop());
    file.push(0);
    refuses(&file, expect!["corrupted: 875 bytes expected, and there are more"]);
}

#[test]
fn a_changed_byte_is_corruption() {
    let mut file = saved(&shop());
    file[100] ^= 1;
    refuses(
        &file,
        expect!["corrupted: the checksum is 372c3f9bcf0a0952, the file says 41d778566ad90414"],
    );
}

#[test]
fn unknown_kinds_are_refused() {
    refuses(
        &with_body(|body| body[in_row(2, 24)] = 200),
        expect!["event 2 is of kind 200, which this build does not know"],
    );
}

#[test]
fn causes_lie_in_the_past() {
    refuses(
        &with_body(|body| body[in_row(3, 20)] = 4),
        expect!["event 3 is caused by event 4, which does not come before it"],
    );
    refuses(
        &with_body(|body| body[in_row(3, 16)] = 3),
        expect!["event 3 follows event 3, which does not come before it"],
    );
}

#[test]
fn bodies_that_contradict_themselves() {
    refuses(
        &with_body(Vec::clear),
        expect!["corrupted: it has no row count, although its checksum is right"],
    );
    refuses(
        &with_body(|body| body[7] = 0xff),
        expect!["corrupted: it has fewer rows than it says, although its checksum is right"],
    );
    refuses(
        &with_body(|body| body.truncate(in_row(17, 0))),
        expect![
            "corrupted: its names cannot be read (Hit the end of buffer, expected more data), although its checksum is right"
        ],
    );
    refuses(
        &with_body(|body| body.push(0)),
        expect!["corrupted: something follows its payloads, although its checksum is right"],
    );
}

#[test]
fn every_cut_and_every_flipped_bit_is_found() {
    let mut s = Script::with_nodes(&["a"]);
    s.note(NodeId(1), "hello", NONE);
    let file = saved(&s.finish());
    for len in 0..file.len() {
        load(&file[..len]).expect_err("a truncated file");
    }
    for bit in 0..file.len() * 8 {
        let mut flipped = file.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        load(&flipped).expect_err("a flipped bit");
    }
}

#[test]
fn json_lines() {
    let json = shop().to_json_lines();
    let lines: Vec<&str> = json.lines().collect();
    assert_eq!(lines.len(), shop().len());
    let some = [lines[0], lines[6], lines[11]].join("\n");
    check(
        some,
        expect![[r#"
            {"id":1,"at_ns":0,"kind":"start","node":"shopper","value":0,"extra":0}
            {"id":7,"at_ns":1204000,"kind":"send","node":"checkout","peer":"payment","symbol":"POST /charge","value":77,"extra":0,"cause":5,"text":"order 7","trace":"4bf90000000000000000000000000000-0000000000000007"}
            {"id":12,"at_ns":2517000,"kind":"drop","node":"payment","peer":"checkout","symbol":"fault","value":1,"extra":0,"cause":11}"#]],
    );
    for line in lines {
        serde_json::from_str::<serde_json::Value>(line).expect("each line is JSON");
    }
}

#[cfg(feature = "proptest")]
mod properties {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    /// One event to be: kind, node, peer, symbol, value, causes, text and payload.
    type Draw = (Index, u32, u32, String, u64, Index, Index, String, Vec<u8>);

    fn record(draws: Vec<Draw>) -> Journal {
        let mut s = Script::new();
        for (i, (kind, node, peer, symbol, value, prev, cause, text, payload)) in (0..).zip(draws) {
            let symbol = s.recorder.symbol(&symbol);
            let entry = Entry::new(*kind.get(Kind::ALL), NodeId(node)).peer(NodeId(peer));
            let earlier =
                |index: Index| EventId(u32::try_from(index.index(i + 1)).expect("few events"));
            let entry = entry.symbol(symbol).value(value).extra(node);
            let id = s.at(i as u64).add(entry, earlier(prev), earlier(cause), &text);
            s.recorder.attach_payload(id, &payload.into());
        }
        s.finish()
    }

    fn journals() -> impl Strategy<Value = Journal> {
        let draw = (
            any::<Index>(),
            0..5u32,
            0..5u32,
            "[a-c ]{0,3}",
            any::<u64>(),
            any::<Index>(),
            any::<Index>(),
            "\\PC{0,6}",
            any::<Vec<u8>>(),
        );
        prop::collection::vec(draw, 0..40).prop_map(record)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn round_trip(journal in journals()) {
            prop_assert_eq!(load(&saved(&journal)), Ok(journal));
        }

        #[test]
        fn damage_is_an_error(journal in journals(), cut: Index, bit: Index) {
            let file = saved(&journal);
            prop_assert!(load(&file[..cut.index(file.len())]).is_err());
            let bit = bit.index(file.len() * 8);
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(load(&flipped).is_err());
        }

        #[test]
        fn a_wrong_body_never_panics(at: Index, byte: u8, len: Index) {
            let file = with_body(|body| {
                let at = at.index(body.len());
                body[at] = byte;
                body.truncate(len.index(body.len() * 2).max(at));
            });
            if let Ok(journal) = load(&file) {
                let _ = journal.story().all().to_string();
                let _ = first_divergence(&journal, &shop()).map(|d| d.render(&journal, &shop()));
            }
        }

        #[test]
        fn every_story_can_be_told(journal in journals(), id in 0..50u32) {
            for story in [journal.story(), journal.story().all(), journal.story().past_of(EventId(id))] {
                prop_assert!(story.to_string().lines().count() > story.events().len());
            }
            prop_assert_eq!(first_divergence(&journal, &journal.clone()), None);
        }
    }
}
