//! A file is open as one database at a time.

use redb::{Builder, Database, DatabaseError, ReadOnlyDatabase};
use stormglass::disk::{Disk, DiskFaults, IoErrors};

use super::disk;

fn is_taken<T>(opened: &Result<T, DatabaseError>) -> bool {
    matches!(opened, Err(DatabaseError::DatabaseAlreadyOpen))
}

fn read_only(disk: &Disk) -> Result<ReadOnlyDatabase, DatabaseError> {
    Builder::new().open_read_only_with_backend(disk.redb_file("data.redb")?)
}

#[test]
fn a_second_database_on_a_file_is_refused_until_the_first_is_dropped() {
    let disk = disk(1);
    let first = disk.redb("data.redb").unwrap();
    assert!(is_taken(&disk.redb("data.redb")));
    assert!(is_taken(&disk.redb("/./data.redb")), "another spelling is the same file");
    let by_builder = |disk: &Disk| -> Result<Database, DatabaseError> {
        Builder::new().create_with_backend(disk.redb_file("data.redb")?)
    };
    assert!(is_taken(&by_builder(&disk)));
    assert!(is_taken(&read_only(&disk)));
    disk.rename("data.redb", "moved.redb").unwrap();
    assert!(is_taken(&disk.redb("moved.redb")), "a lock is the file's, not the name's");
    disk.redb("data.redb").expect("a new file has none");
    drop(first);
    drop(disk.redb("moved.redb").unwrap());
}

#[test]
fn clones_of_an_open_file_exclude_each_other() {
    let disk = disk(1);
    let file = disk.redb_file("data.redb").unwrap();
    let first = Builder::new().create_with_backend(file.clone()).unwrap();
    for _ in 0..2 {
        assert!(is_taken(&Builder::new().create_with_backend(file.clone())));
    }
    drop(first);
    Builder::new().create_with_backend(file).unwrap();
}

#[test]
fn readers_share_a_file_and_exclude_a_writer() {
    let disk = disk(1);
    drop(disk.redb("data.redb").unwrap());
    let readers = [read_only(&disk).unwrap(), read_only(&disk).unwrap()];
    assert!(is_taken(&disk.redb("data.redb")));
    drop(readers);
    disk.redb("data.redb").unwrap();
}

/// What outlives its process holds no lock, and takes none away from those who came after it.
#[test]
fn a_lock_ends_with_the_life_of_its_process() {
    let ends: [fn(&Disk); 3] =
        [|disk| disk.crash(), |disk| _ = disk.power_loss(), |disk| disk.wipe()];
    for end in ends {
        let disk = disk(1);
        let old = disk.redb("data.redb").unwrap();
        end(&disk);
        disk.start();
        let new = disk.redb("data.redb").unwrap();
        drop(old);
        assert!(is_taken(&disk.redb("data.redb")));
        drop(new);
        disk.redb("data.redb").unwrap();
    }
}

#[test]
fn a_database_that_fails_while_it_is_opened_or_closed_leaves_no_lock() {
    let disk = disk(1);
    let database = disk.redb("data.redb").unwrap();
    let fails = IoErrors { kind: None, rate: 1.0, at: None };
    let broken = DiskFaults { io_errors: vec![fails], ..DiskFaults::default() };
    let file = disk.redb_file("data.redb").unwrap();
    disk.set_faults(broken);
    drop(database);
    assert!(!is_taken(&Builder::new().create_with_backend(file)));
    disk.set_faults(DiskFaults::default());
    disk.redb("data.redb").unwrap();
}
