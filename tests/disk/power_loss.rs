//! What a power loss leaves: of data, of lengths, of names, and of what the literature warns of.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use stormglass::disk::{Disk, Image, Loss, OpenOptions, SECTOR, Survival};
use stormglass::seed::Seed;

use super::{disk, durable, lose_power, open};

const SEEDS: u64 = 1_000;

/// Runs `work` on a fresh disk with a synced file `a` of three sectors of `.`, loses the power, and
/// collects over many seeds what is on the disk, a letter a sector: `a:...` or `a:N.. b:`.
#[track_caller]
fn check(work: impl Fn(&Disk), expect: Expect) {
    let mut outcomes = BTreeMap::<String, u32>::new();
    for seed in 0..SEEDS {
        let disk = disk(seed);
        durable(&disk, "a", &[b'.'; 3 * SECTOR as usize]);
        work(&disk);
        lose_power(&disk);
        *outcomes.entry(render(&disk.image())).or_default() += 1;
    }
    let mut text = String::new();
    for outcome in outcomes.keys() {
        text += &format!("{outcome}\n");
    }
    expect.assert_eq(&text);
}

/// All files of the root: the first and the last byte of each sector, once if they are equal.
fn render(image: &Image) -> String {
    let mut words = Vec::new();
    for name in image.list("").unwrap() {
        // A directory.
        let Some(content) = image.contents(&name) else {
            words.push(format!("{name}/"));
            continue;
        };
        let mut text = String::new();
        for sector in content.chunks(SECTOR as usize) {
            let ends = [sector[0], sector[sector.len() - 1]];
            let letters = ends.map(|byte| if byte == 0 { '0' } else { char::from(byte) });
            text.push(letters[0]);
            if letters[0] != letters[1] {
                text.push(letters[1]);
            }
        }
        words.push(format!("{name}:{text}"));
    }
    words.join(" ")
}

/// Fills sectors of a file.
fn fill(disk: &Disk, path: &str, sectors: std::ops::Range<u64>, letter: u8) {
    let data = vec![letter; ((sectors.end - sectors.start) * SECTOR) as usize];
    open(disk, path).write_all_at(&data, sectors.start * SECTOR).unwrap();
}

#[test]
fn nothing_unsynced_nothing_lost() {
    check(
        |_| (),
        expect![["
        a:...
    "]],
    );
}

#[test]
fn a_write_is_kept_lost_or_torn_between_sectors() {
    check(
        |disk| fill(disk, "a", 0..3, b'N'),
        expect![["
        a:...
        a:..N
        a:.N.
        a:.NN
        a:N..
        a:N.N
        a:NN.
        a:NNN
    "]],
    );
}

#[test]
fn a_sector_is_never_torn() {
    let half = |disk: &Disk| open(disk, "a").write_all_at(&[b'N'; 256], 256).unwrap();
    check(
        half,
        expect![["
        a:...
        a:.N..
    "]],
    );
}

#[test]
fn writes_reach_the_disk_in_any_order() {
    let writes = |disk: &Disk| {
        fill(disk, "a", 0..1, b'1');
        fill(disk, "a", 1..2, b'2');
    };
    check(
        writes,
        expect![["
        a:...
        a:.2.
        a:1..
        a:12.
    "]],
    );
}

/// The second write to a sector is not there without the first: the cache holds them together.
#[test]
fn of_two_writes_to_a_sector_the_second_contains_the_first() {
    let writes = |disk: &Disk| {
        let file = open(disk, "a");
        file.write_all_at(b"1", 0).unwrap();
        file.write_all_at(b"2", SECTOR - 1).unwrap();
    };
    check(
        writes,
        expect![["
        a:...
        a:1...
        a:12..
    "]],
    );
}

/// The data of an append can be there without the length, and the length without the data.
#[test]
fn an_append_can_leave_zeros() {
    check(
        |disk| fill(disk, "a", 3..5, b'N'),
        expect![["
        a:...
        a:...00
        a:...0N
        a:...N0
        a:...NN
    "]],
    );
}

#[test]
fn growing_is_kept_or_lost() {
    check(
        |disk| open(disk, "a").set_len(4 * SECTOR).unwrap(),
        expect![["
        a:...
        a:...0
    "]],
    );
}

/// Data that was written after a cut never shows up in a file that was not cut; what lies before
/// the cut is written as it likes.
#[test]
fn a_cut_comes_before_the_data_behind_it() {
    let rewrite = |disk: &Disk| {
        open(disk, "a").set_len(SECTOR).unwrap();
        fill(disk, "a", 0..2, b'N');
    };
    check(
        rewrite,
        expect![["
        a:.
        a:...
        a:.0
        a:.N
        a:N
        a:N..
        a:N0
        a:NN
    "]],
    );
}

#[test]
fn of_two_cuts_the_second_needs_the_first() {
    let cuts = |disk: &Disk| {
        let file = open(disk, "a");
        file.set_len(2 * SECTOR).unwrap();
        file.set_len(0).unwrap();
    };
    check(
        cuts,
        expect![[r#"
            a:
            a:..
            a:...
        "#]],
    );
}

/// `open(O_TRUNC)`, `write`, `close`: the file can be empty, and neither old nor new.
#[test]
fn rewriting_in_place_can_leave_an_empty_file() {
    let rewrite = |disk: &Disk| {
        let file = disk.open("a", OpenOptions::new().write(true).truncate(true)).unwrap();
        file.write_all_at(&[b'N'; SECTOR as usize], 0).unwrap();
    };
    check(
        rewrite,
        expect![["
        a:
        a:...
        a:0
        a:N
    "]],
    );
}

/// Write to a temporary file, rename it over the old one, and no sync: the zero-length file.
#[test]
fn rename_without_sync_can_leave_an_empty_file() {
    let replace = |disk: &Disk| {
        fill(disk, "t", 0..1, b'N');
        disk.rename("t", "a").unwrap();
    };
    check(
        replace,
        expect![["
        a:
        a:...
        a:... t:
        a:... t:0
        a:... t:N
        a:0
        a:N
    "]],
    );
}

/// With a sync of the file before, the old content or the new one is there, but which is open.
#[test]
fn rename_after_sync_is_atomic() {
    let replace = |disk: &Disk| {
        fill(disk, "t", 0..1, b'N');
        open(disk, "t").sync().unwrap();
        disk.rename("t", "a").unwrap();
    };
    check(
        replace,
        expect![["
        a:...
        a:... t:N
        a:N
    "]],
    );
}

/// And with a sync of the directory after, the new content is there: the idiom in full.
#[test]
fn rename_between_two_syncs_is_durable() {
    let replace = |disk: &Disk| {
        fill(disk, "t", 0..1, b'N');
        open(disk, "t").sync().unwrap();
        disk.rename("t", "a").unwrap();
        disk.sync_dir("").unwrap();
    };
    check(
        replace,
        expect![["
        a:N
    "]],
    );
}

#[test]
fn a_synced_file_needs_a_synced_name() {
    let create = |disk: &Disk| {
        fill(disk, "b", 0..1, b'N');
        open(disk, "b").sync().unwrap();
    };
    check(
        create,
        expect![["
        a:...
        a:... b:N
    "]],
    );
}

#[test]
fn a_removed_file_can_come_back() {
    let replace = |disk: &Disk| {
        durable(disk, "b", b"B");
        disk.remove("a").unwrap();
    };
    check(
        replace,
        expect![["
        a:... b:B
        b:B
    "]],
    );
    let remove = |disk: &Disk| {
        replace(disk);
        disk.sync_dir("").unwrap();
    };
    check(
        remove,
        expect![["
        b:B
    "]],
    );
}

/// Names are written in order: the last is not there without the ones before.
#[test]
fn names_reach_the_disk_in_order() {
    let create = |disk: &Disk| {
        open(disk, "b");
        disk.remove("a").unwrap();
        open(disk, "c");
    };
    check(
        create,
        expect![["
        a:...
        a:... b:
        b:
        b: c:
    "]],
    );
}

#[test]
fn a_synced_directory_brings_what_came_before_and_no_more() {
    let create = |disk: &Disk| {
        open(disk, "b");
        open(disk, "dir/x");
        open(disk, "c");
        disk.sync_dir("dir").unwrap();
    };
    check(
        create,
        expect![["
        a:... b: c: dir/
        a:... b: dir/
    "]],
    );
}

#[test]
fn what_survives_can_be_chosen() {
    let outcome = |survival: Survival| {
        let mut image = Image::default();
        for name in ["a", "b"] {
            let file = image.create(name).unwrap();
            image.write(file, 0, &[b'N'; 1024]);
        }
        let pending = image.pending();
        let loss = image.power_loss(survival, &mut Seed(1).stream("power", 0));
        assert_eq!((pending, image.pending()), (4, 0));
        (render(&image), loss)
    };
    assert_eq!(outcome(Survival::NOTHING), (String::new(), Loss { kept: 0, lost: 4, torn: 0 }));
    let all = outcome(Survival::EVERYTHING);
    assert_eq!(all, ("a:NN b:NN".to_owned(), Loss { kept: 4, lost: 0, torn: 0 }));
}

/// A long list of changes is lost whole, kept whole and mixed: not always the average.
#[test]
fn power_losses_differ_in_kind() {
    let losses: BTreeSet<(bool, bool, bool)> = (0..SEEDS)
        .map(|seed| {
            let disk = disk(seed);
            let file = durable(&disk, "a", b"");
            for i in 0..30 {
                file.write_all_at(&[1; 2048], i * 2048).unwrap();
            }
            let loss = lose_power(&disk);
            (loss.kept > 0, loss.lost > 0, loss.torn > 0)
        })
        .collect();
    for kind in [(true, false, false), (false, true, false), (true, true, true)] {
        assert!(losses.contains(&kind), "{losses:?}");
    }
}

/// A log that nobody syncs is written back by and by, and does not fill the memory.
#[test]
fn old_changes_are_written_back() {
    let mut image = Image::default();
    let file = image.create("a").unwrap();
    image.sync_dir("").unwrap();
    for i in 0..10_000_u64 {
        image.write(file, i * 8, &i.to_le_bytes());
        assert!(image.pending() <= 4096);
        assert_eq!(image.pending_bytes(file), image.pending() as u64 * 8);
    }
    for i in 0..5_000 {
        image.create(&format!("dir/{i:04}")).unwrap();
    }
    image.power_loss(Survival::NOTHING, &mut Seed(1).stream("power", 0));
    let content = image.contents("a").unwrap();
    assert!((40_000..80_000).contains(&content.len()), "{}", content.len());
    let number = |i: usize| u64::from_le_bytes(content[i * 8..][..8].try_into().unwrap());
    assert!((0..content.len() / 8).all(|i| number(i) == i as u64), "the older ones, in order");
    let names = image.list("dir").unwrap();
    assert!((900..5_000).contains(&names.len()), "{}", names.len());
    assert_eq!(names.last(), Some(&format!("{:04}", names.len() - 1)));
}
