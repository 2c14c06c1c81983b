//! Each fault: that it strikes, what the program sees, that it is counted, and that it stays alone.

use std::io::ErrorKind;
use std::time::Duration;

use expect_test::expect;
use stormglass::disk::{
    Disk, DiskError, DiskFault, DiskFaults, DiskOperationKind, FaultCount, IoErrors, Survival,
};

use super::{Log, disk, durable, lose_power, open};

/// A disk on which only `faults` are active.
fn faulty(faults: DiskFaults) -> Disk {
    let disk = disk(1);
    disk.set_faults(faults);
    disk
}

fn reason(error: &std::io::Error) -> DiskError {
    *error.get_ref().and_then(|error| error.downcast_ref()).expect("a disk error")
}

#[test]
fn without_faults_nothing_is_counted() {
    let disk = disk(1);
    durable(&disk, "a", b"1");
    for fault in DiskFault::ALL {
        assert_eq!(disk.fault_count(fault), FaultCount::default(), "{fault}");
    }
    assert_eq!(disk.faults(), DiskFaults::default());
}

#[test]
fn a_full_disk_refuses_what_needs_room() {
    let disk = faulty(DiskFaults { capacity: Some(8192), ..DiskFaults::default() });
    let file = open(&disk, "a");
    file.write_all_at(&[1; 8192], 0).unwrap();
    let error = file.write_at(b"x", 8192).unwrap_err();
    assert_eq!((error.kind(), reason(&error)), (ErrorKind::StorageFull, DiskError::Full));
    file.write_all_at(&[2; 8192], 0).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(disk.fault_count(DiskFault::Full), FaultCount { opportunities: 2, hits: 1 });
    file.set_len(4096).unwrap();
    file.write_all_at(b"x", 1 << 30).unwrap();
    assert_eq!(disk.image().used(), 8192);
}

#[test]
fn a_write_that_does_not_fit_leaves_nothing() {
    let disk = faulty(DiskFaults { capacity: Some(4096), ..DiskFaults::default() });
    let file = open(&disk, "a");
    file.write_at(&[1; 4097], 0).unwrap_err();
    assert_eq!(file.len().unwrap(), 0);
}

#[test]
fn latency_is_added_to_every_operation() {
    let disk = faulty(DiskFaults { latency: Duration::from_millis(5), ..DiskFaults::default() });
    assert_eq!(disk.latency(DiskOperationKind::Stat, 0), Duration::from_micros(5_001));
    open(&disk, "a").len().unwrap();
    assert_eq!(disk.stats().busy, Duration::from_micros(10_002));
    assert_eq!(disk.fault_count(DiskFault::Latency), FaultCount { opportunities: 2, hits: 2 });
}

#[test]
fn the_nth_operation_of_a_kind_fails() {
    let rule = IoErrors { kind: Some(DiskOperationKind::Write), at: Some(2), rate: 0.0 };
    let disk = faulty(DiskFaults { io_errors: vec![rule], ..DiskFaults::default() });
    let log = Log::of(&disk);
    let file = open(&disk, "a");
    file.write_all_at(b"1", 0).unwrap();
    let error = file.write_at(b"2", 0).unwrap_err();
    assert_eq!(reason(&error), DiskError::Io);
    assert_eq!(disk.read("a").unwrap(), b"1", "it has not been done");
    file.write_all_at(b"3", 0).unwrap();
    assert_eq!(disk.fault_count(DiskFault::IoError), FaultCount { opportunities: 3, hits: 1 });
    expect![["
        #1 open a
        #2 write a 0+1
        #3 write a 0+1: io_error
        #4 open a
        #5 stat a
        #6 read a 0+1
        #7 write a 0+1
    "]]
    .assert_eq(&log.take());
}

#[test]
fn any_operation_can_fail() {
    let rule = IoErrors { rate: 1.0, ..IoErrors::default() };
    let disk = disk(1);
    let file = durable(&disk, "a", b"1");
    disk.set_faults(DiskFaults { io_errors: vec![rule], ..DiskFaults::default() });
    let results = [
        file.read_at(&mut [0], 0).map(|_| ()),
        file.write_at(b"2", 0).map(|_| ()),
        file.set_len(0),
        file.sync(),
        file.len().map(|_| ()),
        disk.open("a", stormglass::disk::OpenOptions::new()).map(|_| ()),
        disk.rename("a", "b"),
        disk.remove("a"),
        disk.list("").map(|_| ()),
        disk.exists("a").map(|_| ()),
        disk.sync_dir(""),
    ];
    for result in results {
        assert_eq!(reason(&result.unwrap_err()), DiskError::Io);
    }
    disk.set_faults(DiskFaults::default());
    assert_eq!(disk.read("a").unwrap(), b"1");
}

#[test]
fn operations_fail_at_the_given_rate() {
    let rule = |rate| IoErrors { rate, ..IoErrors::default() };
    let failures = |rules: Vec<IoErrors>| {
        let disk = faulty(DiskFaults { io_errors: rules, ..DiskFaults::default() });
        (0..1_000).filter(|_| disk.exists("a").is_err()).count()
    };
    assert!((250..350).contains(&failures(vec![rule(0.3)])));
    assert!((450..550).contains(&failures(vec![rule(0.3), rule(0.3)])), "rules are independent");
    assert_eq!(failures(vec![rule(0.0)]), 0);
}

/// The fsync-gate: the kernel forgets that the pages are dirty, and the next sync has nothing to do.
#[test]
fn after_a_sync_that_failed_the_next_one_lies() {
    let rule = IoErrors { kind: Some(DiskOperationKind::Sync), rate: 1.0, at: None };
    let disk = disk(1);
    let file = durable(&disk, "a", b"old");
    let survival = Some(Survival::NOTHING);
    disk.set_faults(DiskFaults { io_errors: vec![rule], survival, ..DiskFaults::default() });
    file.write_all_at(b"new", 0).unwrap();
    file.sync().unwrap_err();
    disk.set_faults(DiskFaults { survival, ..DiskFaults::default() });
    file.sync().unwrap();
    assert_eq!(disk.read("a").unwrap(), b"new", "the cache has it");
    file.write_all_at(b"far", 5_000).unwrap();
    file.sync().unwrap();
    lose_power(&disk);
    let content = disk.read("a").unwrap();
    assert_eq!((&content[..3], &content[5_000..]), (&b"old"[..], &b"far"[..]));
}

#[test]
fn writing_to_the_sector_again_repairs_a_failed_sync() {
    let rule = IoErrors { kind: Some(DiskOperationKind::Sync), at: Some(3), rate: 0.0 };
    let disk = disk(1);
    let file = durable(&disk, "a", b"old");
    let survival = Some(Survival::NOTHING);
    disk.set_faults(DiskFaults { io_errors: vec![rule], survival, ..DiskFaults::default() });
    file.write_all_at(b"new", 0).unwrap();
    file.sync().unwrap_err();
    file.write_all_at(b"!", 3).unwrap();
    file.sync().unwrap();
    lose_power(&disk);
    assert_eq!(disk.read("a").unwrap(), b"new!", "a sector is written whole");
}

#[test]
fn a_lost_sync_says_ok_and_leaves_all_pending() {
    let disk = faulty(DiskFaults { lost_sync: 1.0, ..DiskFaults::default() });
    let log = Log::of(&disk);
    let file = durable(&disk, "a", b"1");
    assert_eq!(disk.image().pending(), 2, "the name and the write");
    assert_eq!(disk.fault_count(DiskFault::LostSync), FaultCount { opportunities: 2, hits: 2 });
    assert!(log.take().contains("#3 sync a 1: lost_sync\n"));
    disk.set_faults(DiskFaults::default());
    file.sync().unwrap();
    disk.sync_dir("").unwrap();
    assert_eq!(disk.image().pending(), 0, "an honest sync makes good for it");
    lose_power(&disk);
    assert_eq!(disk.read("a").unwrap(), b"1");
}

#[test]
fn corruption_turns_one_bit_of_what_is_read() {
    let disk = faulty(DiskFaults { corruption: 1.0, ..DiskFaults::default() });
    let file = durable(&disk, "a", &[0; 1000]);
    let mut bits = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let mut out = [0; 1000];
        file.read_exact_at(&mut out, 0).unwrap();
        assert_eq!(out.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
        bits.insert(out.iter().position(|byte| *byte != 0));
    }
    assert!(bits.len() > 10, "not always the same one: {bits:?}");
    assert_eq!(disk.fault_count(DiskFault::Corruption), FaultCount { opportunities: 20, hits: 20 });
    assert_eq!(disk.image().contents("a").unwrap(), [0; 1000], "the disk itself is right");
    assert_eq!(file.read_at(&mut [], 0).unwrap(), 0);
}

#[test]
fn bit_rot_stays() {
    let disk = disk(1);
    durable(&disk, "a", b"abc");
    disk.corrupt("a", 1, 0x20).unwrap();
    assert_eq!(disk.read("a").unwrap(), b"aBc");
    lose_power(&disk);
    assert_eq!(disk.read("a").unwrap(), b"aBc");
    disk.corrupt("a", 3, 0x20).unwrap();
    assert_eq!(disk.read("a").unwrap(), b"aBc", "there is no such byte");
    assert_eq!(disk.corrupt("b", 0, 1).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn power_is_lost_at_the_nth_operation() {
    let disk = faulty(DiskFaults { power_loss_at: Some(3), ..DiskFaults::default() });
    let log = Log::of(&disk);
    let file = open(&disk, "a");
    file.write_all_at(b"1", 0).unwrap();
    let error = file.sync().unwrap_err();
    assert_eq!((error.kind(), reason(&error)), (ErrorKind::BrokenPipe, DiskError::PowerLost));
    assert_eq!(reason(&file.sync().unwrap_err()), DiskError::PowerLost);
    assert_eq!(reason(&disk.exists("a").unwrap_err()), DiskError::PowerLost);
    assert_eq!(disk.stats().operations(), 3, "a disk without power does no operations");
    disk.start();
    assert_eq!(reason(&file.sync().unwrap_err()), DiskError::Crashed);
    assert_eq!(disk.faults().power_loss_at, None, "it strikes once");
    assert_eq!(disk.fault_count(DiskFault::PowerLoss), FaultCount { opportunities: 3, hits: 1 });
    let text = log.take();
    assert!(text.contains("#3 sync a 1: power_loss\npower lost: "), "{text}");
}

#[test]
fn a_struck_operation_may_be_on_the_disk_or_not() {
    let outcomes: std::collections::BTreeSet<Vec<u8>> = (0..50)
        .map(|seed| {
            let disk = disk(seed);
            let file = durable(&disk, "a", b"old");
            let at = disk.stats().operations() + 1;
            disk.set_faults(DiskFaults { power_loss_at: Some(at), ..DiskFaults::default() });
            file.write_at(b"new", 0).unwrap_err();
            disk.start();
            disk.read("a").unwrap()
        })
        .collect();
    assert_eq!(outcomes, [b"new".to_vec(), b"old".to_vec()].into());
}

/// What a sync that is struck had to write: some of its sectors, all of them, or none.
#[test]
fn a_struck_sync_is_through_or_not() {
    let outcomes: std::collections::BTreeSet<Vec<u8>> = (0..200)
        .map(|seed| {
            let disk = disk(seed);
            let file = durable(&disk, "a", &[b'o'; 1024]);
            file.write_all_at(&[b'n'; 1024], 0).unwrap();
            let at = disk.stats().operations() + 1;
            disk.set_faults(DiskFaults { power_loss_at: Some(at), ..DiskFaults::default() });
            assert_eq!(reason(&file.sync().unwrap_err()), DiskError::PowerLost);
            disk.start();
            let bytes = disk.read("a").unwrap();
            vec![bytes[0], bytes[512]]
        })
        .collect();
    let expected = ["nn", "no", "on", "oo"].map(|sectors| sectors.as_bytes().to_vec());
    assert_eq!(outcomes, expected.into());
}

#[test]
fn a_read_of_nothing_cannot_be_corrupted() {
    let disk = faulty(DiskFaults { corruption: 1.0, ..DiskFaults::default() });
    let log = Log::of(&disk);
    let file = open(&disk, "a");
    file.read_at(&mut [0; 8], 0).unwrap();
    file.write_all_at(b"1", 0).unwrap();
    file.read_at(&mut [0; 8], 0).unwrap();
    let count = disk.fault_count(DiskFault::Corruption);
    assert_eq!(count, FaultCount { opportunities: 2, hits: 1 });
    let struck: Vec<String> =
        log.take().lines().filter(|l| l.ends_with("corruption")).map(str::to_owned).collect();
    assert_eq!(struck, ["#4 read a 0+8: corruption"]);
}

#[test]
fn a_crash_closes_the_files_and_loses_nothing() {
    let disk = disk(1);
    let file = open(&disk, "a");
    file.write_all_at(b"1", 0).unwrap();
    disk.crash();
    assert_eq!(reason(&file.write_at(b"2", 0).unwrap_err()), DiskError::Crashed);
    assert_eq!(reason(&disk.remove("a").unwrap_err()), DiskError::Crashed);
    disk.start();
    assert_eq!(reason(&file.len().unwrap_err()), DiskError::Crashed);
    assert_eq!(disk.read("a").unwrap(), b"1");
    assert_eq!(disk.image().pending(), 2, "and nothing is durable that was not");
}

#[test]
fn power_that_is_lost_cannot_be_lost_again() {
    let disk = disk(1);
    open(&disk, "a");
    assert_ne!(disk.power_loss(), stormglass::disk::Loss::default());
    assert_eq!(disk.power_loss(), stormglass::disk::Loss::default());
    assert_eq!(disk.stats().power_losses, 1);
}

/// K4: a fault more or less moves the draws of no other.
#[test]
fn faults_draw_from_streams_of_their_own() {
    let losses = |faults: DiskFaults| {
        let disk = disk(9);
        let file = durable(&disk, "a", &[0; 4096]);
        disk.set_faults(faults);
        for i in 0..20 {
            file.write_all_at(&[i; 2000], u64::from(i) * 100).unwrap();
            let _ = file.read_at(&mut [0; 100], 0);
        }
        disk.set_faults(DiskFaults::default());
        (lose_power(&disk), disk.image().contents("a"))
    };
    let corruption = DiskFaults { corruption: 0.5, ..DiskFaults::default() };
    let read_errors = IoErrors { kind: Some(DiskOperationKind::Read), rate: 0.5, at: None };
    let io_errors = DiskFaults { io_errors: vec![read_errors], ..DiskFaults::default() };
    let without = losses(DiskFaults::default());
    assert_eq!(losses(corruption), without);
    assert_eq!(losses(io_errors), without);
}

#[test]
fn an_observer_may_ask_for_statistics() {
    struct Watch(Disk, std::sync::Arc<std::sync::atomic::AtomicU64>);
    impl stormglass::disk::DiskObserver for Watch {
        fn operation(&mut self, operation: &stormglass::disk::DiskOperation<'_>) {
            assert_eq!(self.0.stats().operations(), operation.number);
            self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        fn power_lost(&mut self, _: &stormglass::disk::Loss) {}
    }
    let disk = disk(1);
    let told = std::sync::Arc::default();
    disk.set_observer(Watch(disk.clone(), std::sync::Arc::clone(&told)));
    durable(&disk, "a", b"1");
    assert_eq!(told.load(std::sync::atomic::Ordering::Relaxed), 4);
}
