//! Names code that does not come back. Virtual time stands still while a task is polled, so a loop
//! that waits for the clock to move on waits for ever, and no budget of the world can end it. One
//! thread of the process looks on in real time, from outside of all worlds, and says where.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use crate::seed::Seed;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);
/// For how many looks one poll may last: no honest one takes so long.
const PATIENCE: u32 = 10;

/// What a kernel tells of itself: two stores a poll.
#[derive(Debug)]
pub(super) struct Pulse {
    seed: Seed,
    polls: AtomicU64,
    /// Where the task that is polled was made, 0 between polls.
    place: AtomicUsize,
}

/// A kernel's own hold of its pulse. Its end is not that of the pulse, which the watchdog may hold for a
/// moment while it looks, under the very lock that this end takes.
#[derive(Debug)]
pub(super) struct Beat(Arc<Pulse>);

/// A kernel as the watchdog knows it.
struct Watched {
    pulse: Weak<Pulse>,
    polls: u64,
    looks: u32,
}

static WATCHED: Mutex<Vec<Watched>> = Mutex::new(Vec::new());
/// Places in the source by their address.
static PLACES: Mutex<BTreeMap<usize, &'static Location<'static>>> = Mutex::new(BTreeMap::new());

impl Pulse {
    /// Has a kernel watched for as long as it lives.
    pub(super) fn watched(seed: Seed) -> Beat {
        static THREAD: Once = Once::new();
        THREAD.call_once(|| {
            // Without it nothing is named, and all else works.
            let _ = thread::Builder::new().name("watchdog".to_owned()).spawn(watch);
        });
        let pulse = Arc::new(Pulse { seed, polls: AtomicU64::new(0), place: AtomicUsize::new(0) });
        let pulse_of = Watched { pulse: Arc::downgrade(&pulse), polls: 0, looks: 0 };
        lock(&WATCHED).push(pulse_of);
        Beat(pulse)
    }

    /// Makes a place known, once for each kernel.
    pub(super) fn know(place: &'static Location<'static>) {
        lock(&PLACES).insert(address(place), place);
    }

    pub(super) fn begin_poll(&self, polls: u64, place: &'static Location<'static>) {
        self.polls.store(polls, Relaxed);
        self.place.store(address(place), Relaxed);
    }

    pub(super) fn end_poll(&self) {
        self.place.store(0, Relaxed);
    }
}

impl Deref for Beat {
    type Target = Pulse;

    fn deref(&self) -> &Pulse {
        &self.0
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        let own = Arc::as_ptr(&self.0);
        lock(&WATCHED).retain(|watched| watched.pulse.as_ptr() != own);
    }
}

fn address(place: &'static Location<'static>) -> usize {
    std::ptr::from_ref(place).addr()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "it waits in real time, outside of all worlds")]
fn watch() {
    loop {
        thread::sleep(PERIOD);
        let stuck = look(&mut lock(&WATCHED));
        stuck.iter().for_each(|line| eprintln!("{line}"));
    }
}

/// Looks at all kernels; a line for each whose poll has lasted for [`PATIENCE`] looks now.
fn look(all: &mut [Watched]) -> Vec<String> {
    let mut stuck = Vec::new();
    for watched in all {
        let Some(pulse) = watched.pulse.upgrade() else { continue };
        let (polls, place) = (pulse.polls.load(Relaxed), pulse.place.load(Relaxed));
        if place == 0 || polls != watched.polls {
            (watched.polls, watched.looks) = (polls, 0);
            continue;
        }
        watched.looks += 1;
        if watched.looks == PATIENCE {
            let place = lock(&PLACES).get(&place).map_or("?".to_owned(), ToString::to_string);
            stuck.push(format!(
                "seed {}: what was made at {place} does not come back from its code: virtual time \
                 stands still meanwhile, so a loop that reads the clock never ends. Sleep in it, or \
                 give long work to `spawn_blocking`",
                pulse.seed
            ));
        }
    }
    stuck
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The watchdog may hold a pulse for longer than its kernel does.
    #[test]
    fn a_kernel_ends_while_it_is_looked_at() {
        let beat = Pulse::watched(Seed(7));
        let held = beat.0.clone();
        let mut all = lock(&WATCHED);
        thread::scope(|scope| {
            let ends = scope.spawn(|| drop(beat));
            look(&mut all);
            // The last hold of the pulse goes under the lock.
            drop(held);
            drop(all);
            ends.join().expect("nothing panics");
        });
    }

    #[test]
    fn a_poll_that_lasts_is_named_once() {
        let here = Location::caller();
        Pulse::know(here);
        let pulse =
            Arc::new(Pulse { seed: Seed(7), polls: AtomicU64::new(0), place: AtomicUsize::new(0) });
        let mut all = [Watched { pulse: Arc::downgrade(&pulse), polls: 0, looks: 0 }];
        let mut looks =
            |times: u32| -> Vec<String> { (0..times).flat_map(|_| look(&mut all)).collect() };
        assert!(looks(100).is_empty(), "between polls it may take its time");
        pulse.begin_poll(1, here);
        assert!(looks(PATIENCE).is_empty(), "the first look sees a new poll");
        pulse.begin_poll(2, here);
        let named = looks(10 * PATIENCE);
        assert_eq!(named.len(), 1);
        assert!(named[0].starts_with(&format!("seed 7: what was made at {here} ")), "{named:?}");
        pulse.end_poll();
        assert!(looks(100).is_empty());
    }
}
