//! The world that runs on this thread.
//!
//! A service's futures must be `Send` (axum asks for it), so what they hold are numbers; the
//! world behind the numbers is found here. A [`Part`] is one thread's slot for one part of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::thread::LocalKey;

use super::Kernel;

/// A thread's slot for one part of the running world.
pub(crate) struct Part<T>(RefCell<Option<Rc<T>>>);

impl<T> Part<T> {
    pub(crate) const fn empty() -> Part<T> {
        Part(RefCell::new(None))
    }
}

/// Puts the old content of a [`Part`] back when it is dropped.
pub(crate) struct Installed<T: 'static> {
    part: &'static LocalKey<Part<T>>,
    before: Option<Rc<T>>,
}

impl<T> Drop for Installed<T> {
    fn drop(&mut self) {
        let before = self.before.take();
        let ended = self.part.try_with(|part| part.0.replace(before));
        drop(ended);
    }
}

/// Makes `value` the content of `part` until the result is dropped.
pub(crate) fn install<T>(part: &'static LocalKey<Part<T>>, value: Rc<T>) -> Installed<T> {
    Installed { part, before: part.with(|part| part.0.replace(Some(value))) }
}

/// Calls `f` with the content of `part`; none outside of a world.
#[inline]
pub(crate) fn try_part<T, R>(
    part: &'static LocalKey<Part<T>>,
    f: impl FnOnce(&Rc<T>) -> R,
) -> Option<R> {
    part.try_with(|part| part.0.borrow().as_ref().map(f)).ok().flatten()
}

/// Calls `f` with the content of `part`.
///
/// # Panics
///
/// Outside of a running world.
#[inline]
#[track_caller]
pub(crate) fn part<T, R>(part: &'static LocalKey<Part<T>>, f: impl FnOnce(&Rc<T>) -> R) -> R {
    try_part(part, f).expect("this must be called inside of a running world, on its thread")
}

thread_local! {
    static KERNEL: Part<Kernel> = const { Part::empty() };
}

pub(crate) fn enter(kernel: Rc<Kernel>) -> Installed<Kernel> {
    install(&KERNEL, kernel)
}

/// Calls `f` with the kernel of the running world; panics outside of one.
#[inline]
#[track_caller]
pub(crate) fn with<R>(f: impl FnOnce(&Kernel) -> R) -> R {
    part(&KERNEL, |kernel| f(kernel))
}

/// Calls `f` with the kernel, if a world runs on this thread.
#[inline]
pub(crate) fn try_with<R>(f: impl FnOnce(&Kernel) -> R) -> Option<R> {
    try_part(&KERNEL, |kernel| f(kernel))
}

/// Calls what it is given on the thread of the world.
pub(crate) type OnWorldsThread = fn(&mut dyn FnMut());

thread_local! {
    // Without a destructor, so that wakers work while a thread ends.
    static WORLDS_THREAD: Cell<Option<OnWorldsThread>> = const { Cell::new(None) };
}

/// Says how this thread, which is not its world's own, reaches that one.
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
pub(crate) fn reach_world_by(how: OnWorldsThread) {
    WORLDS_THREAD.set(Some(how));
}

/// Calls `f` with the kernel of the world that this thread belongs to, if it does to any.
pub(super) fn reach(mut f: impl FnMut(&Kernel)) {
    if try_with(&mut f).is_none()
        && let Some(on_worlds_thread) = WORLDS_THREAD.get()
    {
        on_worlds_thread(&mut || {
            try_with(&mut f);
        });
    }
}
