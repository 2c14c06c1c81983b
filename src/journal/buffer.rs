//! The long lists of a journal, and the memory that one run leaves to the next.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

use super::event::Row;
use super::payloads::Mark;

/// A list that, dropped, leaves its memory to the next one of its kind: to touch new pages for
/// every run of a search costs more than to write the rows. The memory is the process's and not
/// the thread's, since a sealed run has a thread of its own.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Buffer<T: Spare>(Vec<T>);

/// What a [`Buffer`] can hold: each kind has its own shelf of spare memory.
pub(super) trait Spare: Sized + 'static {
    fn shelf() -> &'static Shelf<Self>;
}

/// Spare memory, the last left on top.
pub(super) struct Shelf<T>(Mutex<Vec<Vec<T>>>);

/// Lists that are kept: more than the threads of a search have use for at once.
const KEPT: usize = 16;
/// The bytes of one list above which it is given back: a search that keeps 16 of these is not small.
const KEPT_BYTES: usize = 64 << 20;

macro_rules! has_a_shelf {
    ($($kind:ty),*) => {$(
        impl Spare for $kind {
            fn shelf() -> &'static Shelf<$kind> {
                static SHELF: Shelf<$kind> = Shelf(Mutex::new(Vec::new()));
                &SHELF
            }
        }
    )*};
}

has_a_shelf!(Row, Mark, u8);

impl<T: Spare> Buffer<T> {
    /// An empty list, with the memory of an earlier one if there is any.
    pub(super) fn new() -> Buffer<T> {
        let mut shelf = T::shelf().0.lock().unwrap_or_else(PoisonError::into_inner);
        Buffer(shelf.pop().unwrap_or_default())
    }
}

impl<T: Spare> Drop for Buffer<T> {
    fn drop(&mut self) {
        let mut list = std::mem::take(&mut self.0);
        if list.capacity() == 0 || list.capacity() * size_of::<T>() > KEPT_BYTES {
            return;
        }
        list.clear();
        let mut shelf = T::shelf().0.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() < KEPT {
            shelf.push(list);
        }
    }
}

impl<T: Spare + Clone> Clone for Buffer<T> {
    fn clone(&self) -> Buffer<T> {
        Buffer(self.0.clone())
    }
}

impl<T: Spare> From<Vec<T>> for Buffer<T> {
    fn from(list: Vec<T>) -> Buffer<T> {
        Buffer(list)
    }
}

impl<T: Spare> Deref for Buffer<T> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T: Spare> DerefMut for Buffer<T> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}
