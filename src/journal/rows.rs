//! The rows of a journal, and the memory that one run leaves to the next.

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::event::Row;

/// A list of rows. Dropped, it leaves its memory to the next one on this thread: to touch new pages
/// for every run of a search costs more than to write the rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rows(Vec<Row>);

/// The rows of spare memory that a thread keeps at most: 64 MB.
const SPARE_MAX: usize = (64 << 20) / size_of::<Row>();

thread_local! {
    static SPARE: RefCell<Vec<Row>> = const { RefCell::new(Vec::new()) };
}

impl Rows {
    pub(super) fn new() -> Rows {
        Rows(SPARE.try_with(RefCell::take).unwrap_or_default())
    }
}

impl Drop for Rows {
    fn drop(&mut self) {
        let mut rows = std::mem::take(&mut self.0);
        if rows.capacity() > SPARE_MAX {
            return;
        }
        rows.clear();
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.capacity() < rows.capacity() {
                *spare = rows;
            }
        });
    }
}

impl Clone for Rows {
    fn clone(&self) -> Rows {
        Rows(self.0.clone())
    }
}

impl From<Vec<Row>> for Rows {
    fn from(rows: Vec<Row>) -> Rows {
        Rows(rows)
    }
}

impl Deref for Rows {
    type Target = Vec<Row>;

    fn deref(&self) -> &Vec<Row> {
        &self.0
    }
}

impl DerefMut for Rows {
    fn deref_mut(&mut self) -> &mut Vec<Row> {
        &mut self.0
    }
}
