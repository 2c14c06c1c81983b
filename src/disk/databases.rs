//! Which files of a disk are open as databases in this life of its node.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use redb::Database;

use super::image::FileId;

/// The database of all stores of one path, while it is open.
pub(super) type Slot = Arc<Mutex<Option<Database>>>;

/// The locks and stores of one life. A process that ends takes them along: a new value takes the place
/// of this one.
#[derive(Default)]
pub(super) struct Databases {
    /// Weak: a file that is dropped holds no lock any more.
    locks: BTreeMap<FileId, Vec<Lock>>,
    /// By path. Weak: a store holds its disk, and its database is closed with the last store.
    stores: BTreeMap<String, Weak<Mutex<Option<Database>>>>,
}

/// Who holds a lock. A clone is another one: a database that is refused closes its file, and must not take
/// the lock of the file that it is a clone of along.
#[derive(Default)]
pub(super) struct Holder(Arc<()>);

impl Clone for Holder {
    fn clone(&self) -> Holder {
        Holder::default()
    }
}

struct Lock {
    holder: Weak<()>,
    exclusive: bool,
}

impl Databases {
    /// Locks a file, alone or with others; false if somebody has it who excludes that.
    pub(super) fn try_lock(&mut self, file: FileId, holder: &Holder, exclusive: bool) -> bool {
        let locks = self.locks.entry(file).or_default();
        locks.retain(|lock| lock.holder.strong_count() > 0);
        let is_free = locks.iter().all(|lock| !exclusive && !lock.exclusive);
        if is_free {
            locks.push(Lock { holder: Arc::downgrade(&holder.0), exclusive });
        }
        is_free
    }

    /// Takes the lock of `holder` back, if it has one.
    pub(super) fn unlock(&mut self, file: FileId, holder: &Holder) {
        if let Some(locks) = self.locks.get_mut(&file) {
            locks.retain(|lock| lock.holder.as_ptr() != Arc::as_ptr(&holder.0));
        }
    }

    /// The slot of all stores of that path: `own`, if nobody holds another one.
    pub(super) fn slot(&mut self, path: &str, own: &Slot) -> Slot {
        if let Some(slot) = self.stores.get(path).and_then(Weak::upgrade) {
            return slot;
        }
        self.stores.insert(path.to_owned(), Arc::downgrade(own));
        own.clone()
    }
}
