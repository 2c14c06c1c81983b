//! Each operation on a disk without faults, and what it says when it cannot be done.

use std::io::ErrorKind;
use std::time::Duration;

use expect_test::{Expect, expect};
use stormglass::disk::{
    Disk, DiskFaults, DiskOperationKind, DiskSpeed, IoErrors, OpenOptions, Survival,
};

use super::{Log, disk, durable, lose_power, open};

#[test]
fn a_file_holds_what_was_written() {
    let disk = disk(1);
    let file = open(&disk, "a");
    file.write_all_at(b"world", 6).unwrap();
    file.write_all_at(b"hello", 0).unwrap();
    assert_eq!(disk.read("a").unwrap(), b"hello\0world");
    assert_eq!(file.len().unwrap(), 11);
    assert!(!file.is_empty().unwrap());
    let mut out = [0xff; 8];
    assert_eq!(file.read_at(&mut out, 6).unwrap(), 5);
    assert_eq!(&out, b"world\xff\xff\xff", "bytes that were not read are left alone");
    assert_eq!(file.read_at(&mut out, 11).unwrap(), 0);
    assert_eq!(file.read_at(&mut out, u64::MAX).unwrap(), 0);
    assert_eq!(file.read_exact_at(&mut out, 6).unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn writes_cross_pages_and_leave_holes() {
    let disk = disk(1);
    let file = open(&disk, "a");
    let data: Vec<u8> = (0..10_000_u32).map(|i| (i % 251) as u8).collect();
    file.write_all_at(&data, 1 << 40).unwrap();
    let mut out = vec![0; 10_100];
    assert_eq!(file.read_at(&mut out, (1 << 40) - 100).unwrap(), 10_100);
    assert_eq!(out[..100], [0; 100]);
    assert_eq!(out[100..], data);
    assert_eq!(disk.image().used(), 3 * 4096, "a hole takes no room");
    assert_eq!(file.write_at(b"x", 0).unwrap(), 1);
    assert_eq!(file.write_at(b"", 1 << 50).unwrap(), 0);
    assert_eq!(file.len().unwrap(), (1 << 40) + 10_000, "an empty write does not grow the file");
}

#[test]
fn set_len_cuts_and_grows_by_zeros() {
    let disk = disk(1);
    let file = open(&disk, "a");
    file.write_all_at(&[7; 9_000], 0).unwrap();
    file.set_len(5_000).unwrap();
    file.set_len(9_000).unwrap();
    let bytes = disk.read("a").unwrap();
    assert_eq!(bytes[..5_000], [7; 5_000]);
    assert_eq!(bytes[5_000..], [0; 4_000], "what was cut does not come back");
    for len in [i64::MAX as u64 + 1, u64::MAX] {
        assert_eq!(file.set_len(len).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(file.write_at(b"x", len).unwrap_err().kind(), ErrorKind::FileTooLarge);
    }
}

#[test]
fn open_does_what_its_options_say() {
    let disk = disk(1);
    let options = OpenOptions::new();
    let error = |path: &str, options| disk.open(path, options).unwrap_err().kind();
    assert_eq!(error("a", options.read(true)), ErrorKind::NotFound);
    let file = disk.open("/a", options.write(true).create_new(true)).unwrap();
    assert_eq!(file.path(), "a");
    assert_eq!(error("a", options.create_new(true)), ErrorKind::AlreadyExists);
    file.write_all_at(b"1", 0).unwrap();
    assert_eq!(file.read_at(&mut [0], 0).unwrap_err().kind(), ErrorKind::PermissionDenied);
    let reader = disk.open("a", options.read(true)).unwrap();
    assert_eq!(reader.write_at(b"2", 0).unwrap_err().kind(), ErrorKind::PermissionDenied);
    assert_eq!(reader.set_len(0).unwrap_err().kind(), ErrorKind::PermissionDenied);
    disk.open("a", options.write(true).create(true)).unwrap();
    assert_eq!(disk.read("a").unwrap(), b"1");
    disk.open("a", options.write(true).truncate(true)).unwrap();
    assert_eq!(disk.read("a").unwrap(), b"");
}

#[test]
fn paths_have_one_spelling() {
    let disk = disk(1);
    open(&disk, "/dir//./a/");
    assert!(disk.exists("dir/a").unwrap());
    assert!(!disk.exists("dir").unwrap(), "a directory is no file");
    for path in ["..", "dir/../a", "/.."] {
        assert_eq!(disk.exists(path).unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
        assert_eq!(disk.list(path).unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
        assert_eq!(disk.sync_dir(path).unwrap_err().kind(), ErrorKind::InvalidInput, "{path}");
    }
}

#[test]
fn list_names_what_is_in_a_directory() {
    let disk = disk(1);
    for path in ["b", "a/2", "a/1", "a/sub/x", "a/sub/y", "ab", "a.b"] {
        open(&disk, path);
    }
    assert_eq!(disk.list("").unwrap(), ["a", "a.b", "ab", "b"]);
    assert_eq!(disk.list("/a/").unwrap(), ["1", "2", "sub"]);
    assert_eq!(disk.list("a/sub").unwrap(), ["x", "y"]);
    assert_eq!(disk.list("nowhere").unwrap(), [""; 0]);
    disk.remove("a/1").unwrap();
    disk.rename("a/2", "c").unwrap();
    assert_eq!(disk.list("a").unwrap(), ["sub"]);
}

/// Renames in a directory with the files `file`, `other`, `dir/a` and `dir/sub/b`.
#[track_caller]
fn check_rename(from: &str, to: &str, expect: Expect) {
    let disk = disk(1);
    for path in ["file", "other", "dir/a", "dir/sub/b"] {
        open(&disk, path).write_all_at(path.as_bytes(), 0).unwrap();
    }
    let mut text = match disk.rename(from, to) {
        Ok(()) => String::new(),
        Err(error) => format!("{:?}", error.kind()),
    };
    let image = disk.image();
    for path in ["file", "other", "new", "dir/a", "dir/sub/b", "new/a", "new/sub/b"] {
        if let (Some(content), true) = (image.contents(path), text.len() < 80) {
            let content = String::from_utf8(content).unwrap();
            if content != path {
                text += &format!("{path} was {content}; ");
            }
        }
    }
    expect.assert_eq(text.trim_end());
}

#[test]
fn rename_moves_a_file() {
    check_rename("file", "new", expect![["new was file;"]]);
    check_rename("file", "new/a", expect![["new/a was file;"]]);
    check_rename("dir/a", "new", expect![["new was dir/a;"]]);
}

#[test]
fn rename_replaces_a_file() {
    check_rename("file", "other", expect![["other was file;"]]);
    check_rename("file", "file", expect![[""]]);
}

#[test]
fn rename_moves_a_directory() {
    check_rename("dir", "new", expect![["new/a was dir/a; new/sub/b was dir/sub/b;"]]);
    check_rename("dir/sub", "new/sub", expect![["new/sub/b was dir/sub/b;"]]);
}

#[test]
fn rename_says_what_is_in_the_way() {
    check_rename("nothing", "new", expect![["NotFound"]]);
    check_rename("file", "dir", expect![["IsADirectory"]]);
    check_rename("dir", "file", expect![["NotADirectory"]]);
    check_rename("file", "other/new", expect![["NotADirectory"]]);
    check_rename("dir", "dir/new", expect![["InvalidInput"]]);
    check_rename("dir/sub", "dir", expect![["DirectoryNotEmpty"]]);
}

#[test]
fn a_file_and_a_directory_cannot_share_a_path() {
    let disk = disk(1);
    open(&disk, "a/b");
    let error = |path| disk.open(path, OpenOptions::new().create(true)).unwrap_err().kind();
    assert_eq!(error("a"), ErrorKind::IsADirectory);
    assert_eq!(error("a/b/c"), ErrorKind::NotADirectory);
    assert_eq!(error(""), ErrorKind::IsADirectory);
    assert_eq!(disk.remove("a").unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(disk.remove("x").unwrap_err().kind(), ErrorKind::NotFound);
    disk.remove("a/b").unwrap();
    open(&disk, "a");
}

#[test]
fn an_open_file_survives_its_name() {
    let disk = disk(1);
    let file = durable(&disk, "a", b"old");
    disk.rename("a", "b").unwrap();
    file.write_all_at(b"new", 0).unwrap();
    assert_eq!(disk.read("b").unwrap(), b"new");
    disk.remove("b").unwrap();
    disk.sync_dir("").unwrap();
    file.write_all_at(b"NEW", 0).unwrap();
    let mut out = [0; 3];
    file.read_exact_at(&mut out, 0).unwrap();
    assert_eq!(&out, b"NEW");
    assert_eq!(disk.image().used(), 4096, "it takes room as long as it is open");
    drop(file);
    disk.sync_dir("").unwrap();
    assert_eq!(disk.image().used(), 0);
}

#[test]
fn every_operation_is_told_with_its_number() {
    let disk = disk(1);
    let log = Log::of(&disk);
    let file = open(&disk, "/dir/a");
    file.write_all_at(b"hello", 512).unwrap();
    file.set_len(600).unwrap();
    file.read_at(&mut [0; 4], 512).unwrap();
    file.len().unwrap();
    file.sync().unwrap();
    disk.rename("dir/a", "dir/b").unwrap();
    disk.sync_dir("dir").unwrap();
    disk.list("dir").unwrap();
    disk.exists("dir/a").unwrap();
    disk.remove("dir/a").unwrap_err();
    expect![["
        #1 open /dir/a
        #2 write dir/a 512+5
        #3 set_len dir/a 600
        #4 read dir/a 512+4
        #5 stat dir/a
        #6 sync dir/a 5
        #7 rename dir/a -> dir/b
        #8 sync dir 0
        #9 list dir
        #10 stat dir/a
        #11 remove dir/a: entity not found
    "]]
    .assert_eq(&log.take());
    let stats = disk.stats();
    assert_eq!(stats.operations(), 11);
    assert_eq!(stats.of(DiskOperationKind::Sync), 2);
    assert_eq!((stats.bytes_read, stats.bytes_written), (4, 5));
}

#[test]
fn a_disk_takes_its_time() {
    use DiskOperationKind::{Read, Rename, Sync, Write};
    let disk = disk(1);
    assert_eq!(disk.latency(Read, 0), Duration::from_micros(85));
    assert_eq!(disk.latency(Write, 1 << 30), Duration::from_micros(1));
    assert_eq!(disk.latency(Sync, 1_050_000), Duration::from_micros(1_020));
    assert_eq!(disk.latency(Rename, 9), Duration::from_micros(1));
    assert_eq!(disk.latency(Read, u64::MAX).as_secs(), u64::MAX / 3_200_000_000);
    open(&disk, "a").write_all_at(b"x", 0).unwrap();
    assert_eq!(disk.stats().busy, Duration::from_micros(2));
    disk.set_speed(DiskSpeed { write: Duration::from_millis(8), ..DiskSpeed::NVME });
    open(&disk, "a").write_all_at(b"x", 0).unwrap();
    assert_eq!(disk.stats().busy, Duration::from_micros(8_003));
}

#[test]
fn names_are_those_of_scripts() {
    for kind in DiskOperationKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
    }
    for fault in stormglass::disk::DiskFault::ALL {
        assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
    }
    let script = r#"{ "lost_sync": 0.5, "io_errors": [{ "kind": "set_len", "at": 3 }] }"#;
    let error = IoErrors { kind: Some(DiskOperationKind::SetLen), at: Some(3), rate: 0.0 };
    let faults = DiskFaults { lost_sync: 0.5, io_errors: vec![error], ..DiskFaults::default() };
    assert_eq!(serde_json::from_str::<DiskFaults>(script).unwrap(), faults);
}

#[test]
fn a_snapshot_goes_its_own_way() {
    let first = disk(1);
    durable(&first, "a", b"1");
    let second = Disk::with_image(first.image(), stormglass::seed::Seed(2).stream("disk", 0));
    open(&second, "a").write_all_at(b"2", 0).unwrap();
    assert_eq!(first.read("a").unwrap(), b"1");
    assert_eq!(second.read("a").unwrap(), b"2");
    first.wipe();
    assert!(!first.exists("a").unwrap());
    second.set_faults(DiskFaults { survival: Some(Survival::NOTHING), ..DiskFaults::default() });
    lose_power(&second);
    assert_eq!(second.read("a").unwrap(), b"1");
}
