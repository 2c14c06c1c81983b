//! The simulated disk: its operations, its model of power loss, its faults, and `redb` on it.
#![allow(clippy::unwrap_used, reason = "a test's helpers are tests, too")]

mod faults;
#[cfg(feature = "redb")]
mod locks;
mod model;
mod operations;
mod power_loss;
#[cfg(feature = "redb")]
mod redb;

use std::sync::{Arc, Mutex};

use stormglass::disk::{Disk, DiskFile, DiskObserver, DiskOperation, Loss, OpenOptions};
use stormglass::seed::Seed;

/// A disk whose draws follow from `seed`.
fn disk(seed: u64) -> Disk {
    Disk::new(Seed(seed).stream("disk", 0))
}

/// An open file that can be read and written, made if there is none.
fn open(disk: &Disk, path: &str) -> DiskFile {
    disk.open(path, OpenOptions::new().read(true).write(true).create(true)).unwrap()
}

/// Makes a file with its name and content durable.
fn durable(disk: &Disk, path: &str, content: &[u8]) -> DiskFile {
    let file = open(disk, path);
    file.write_all_at(content, 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir(path.rsplit_once('/').map_or("", |(dir, _)| dir)).unwrap();
    file
}

/// Loses the power and brings it back.
fn lose_power(disk: &Disk) -> Loss {
    let loss = disk.power_loss();
    disk.start();
    loss
}

/// What an observer was told, a line each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn of(disk: &Disk) -> Log {
        let log = Log::default();
        disk.set_observer(log.clone());
        log
    }

    fn push(&self, line: &str) {
        let mut text = self.0.lock().unwrap();
        text.push_str(line);
        text.push('\n');
    }

    fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl DiskObserver for Log {
    fn operation(&mut self, operation: &DiskOperation<'_>) {
        self.push(&operation.to_string());
    }

    fn power_lost(&mut self, loss: &Loss) {
        self.push(&format!(
            "power lost: {} kept, {} lost, {} torn",
            loss.kept, loss.lost, loss.torn
        ));
    }
}
