//! The seal: with `--cfg madsim` a world runs inside of madsim's runtime, which gives code that
//! asks the operating system a virtual clock and seeded entropy, and refuses threads.
//!
//! This is the only file that names madsim. Without the flag everything here does nothing.

/// True for the `tracing` events and spans of the seal itself. They hold numbers that are the
/// process's, not the world's, so they must never enter a journal.
pub(crate) fn is_of_seal(target: &str) -> bool {
    target == "madsim" || target.starts_with("madsim::")
}

#[cfg(madsim)]
pub(crate) use sealed::{Seal, ThreadSeal, seal};
#[cfg(not(madsim))]
pub(crate) use unsealed::{Seal, seal};

#[cfg(madsim)]
mod sealed {
    use std::cell::{Cell, RefCell};
    use std::collections::BTreeMap;
    use std::time::Duration;

    use madsim::Config;
    use madsim::runtime::Runtime;
    use madsim::time::TimeHandle;

    use crate::journal::NodeId;
    use crate::seed::Seed;
    use crate::time::Time;

    /// Runs `world` with the std clock, OS entropy and hash keys of `seed`.
    pub(crate) fn seal<R>(seed: Seed, world: impl FnOnce() -> R) -> R {
        let mut runtime = Runtime::with_seed_and_config(seed.0, Config::default());
        // Programs make threads; that nobody else does is `os`'s business.
        runtime.set_allow_system_thread(true);
        runtime.block_on(async { world() })
    }

    /// The seal of a thread that a program makes: it sees the world's clock, and entropy of its
    /// own.
    #[derive(Clone)]
    pub(crate) struct ThreadSeal {
        seed: Seed,
        number: u64,
        /// Its clock, and how far that is ahead of what it is shown.
        time: Option<(TimeHandle, Duration)>,
    }

    impl ThreadSeal {
        pub(crate) fn new(seed: Seed, number: u64) -> ThreadSeal {
            ThreadSeal { seed, number, time: None }
        }

        /// Runs what the thread does.
        pub(crate) fn run<R>(self, now: Time, body: impl FnOnce(ThreadSeal) -> R) -> R {
            // Past what the world's own thread and the threads before it are likely to draw: two
            // threads must not make the same "random" name.
            let skipped = 4096 + self.number % 1024 * 64;
            let runtime = runtime_apart(self.seed, skipped, Duration::from_nanos(now.0));
            runtime.block_on(async {
                let time = TimeHandle::current();
                let ahead = time.elapsed().saturating_sub(Duration::from_nanos(now.0));
                body(ThreadSeal { time: Some((time, ahead)), ..self })
            })
        }

        /// Moves its clock to where the world's is.
        pub(crate) fn show(&self, now: Time) {
            if let Some((time, ahead)) = &self.time {
                let due = Duration::from_nanos(now.0) + *ahead;
                time.advance(due.saturating_sub(time.elapsed()));
            }
        }
    }

    /// Keeps madsim's clocks in step with the kernel's.
    pub(crate) struct Seal {
        /// None in a run that was started without the seal.
        time: Option<TimeHandle>,
        /// What the shared std clock shows, in nanoseconds since the start of the world.
        shown: Cell<u64>,
        /// The runtimes of nodes that have a std clock of their own.
        own: RefCell<BTreeMap<NodeId, Runtime>>,
    }

    impl Seal {
        pub(crate) fn new() -> Seal {
            let time = TimeHandle::try_current();
            Seal { time, shown: Cell::new(0), own: RefCell::default() }
        }

        /// True inside of madsim's runtime.
        pub(crate) fn is_closed(&self) -> bool {
            self.time.is_some()
        }

        /// The date that the std clock shows at the start, in nanoseconds since 1970.
        pub(crate) fn start_date(&self) -> Option<u64> {
            let time = self.time.as_ref()?;
            let date = time.now_time().duration_since(std::time::UNIX_EPOCH).ok()?;
            Some(crate::time::nanos(date))
        }

        /// Moves the std clock that all nodes with a true clock share.
        pub(crate) fn advance_to(&self, nanos: u64) {
            if let Some(time) = &self.time {
                time.advance(Duration::from_nanos(nanos - self.shown.replace(nanos)));
            }
        }

        /// Gives `node` a std clock of its own that goes on from the shared one.
        pub(crate) fn part(&self, seed: Seed, node: NodeId) {
            if self.time.is_some() && !self.own.borrow().contains_key(&node) {
                let shown = Duration::from_nanos(self.shown.get());
                let runtime = runtime_apart(seed, u64::from(node.0) * 1031, shown);
                self.own.borrow_mut().insert(node, runtime);
            }
        }

        /// Calls `poll` under a std clock of `node`'s own that shows `local` nanoseconds. madsim's
        /// clock only moves forwards: a clock that was stepped back stands still here.
        pub(crate) fn poll_with_clock<R>(
            &self,
            node: NodeId,
            local: u64,
            poll: &mut dyn FnMut() -> R,
        ) -> R {
            let runtime = self.own.borrow_mut().remove(&node);
            let Some(runtime) = runtime else { return poll() };
            let result = runtime.block_on(async {
                let time = TimeHandle::current();
                let shown = time.elapsed();
                time.advance(Duration::from_nanos(local).saturating_sub(shown));
                poll()
            });
            self.own.borrow_mut().insert(node, runtime);
            result
        }

        pub(crate) fn end(&self) {
            self.own.borrow_mut().clear();
        }
    }

    /// The seed gives the same start date as the world's; its entropy must be another, so a
    /// stretch of the stream is thrown away.
    fn runtime_apart(seed: Seed, skipped: u64, shown: Duration) -> Runtime {
        use madsim::rand::RngCore;
        let mut runtime = Runtime::with_seed_and_config(seed.0, Config::default());
        // As for the world: programs make threads.
        runtime.set_allow_system_thread(true);
        runtime.block_on(async {
            TimeHandle::current().advance(shown);
            let mut entropy = madsim::rand::thread_rng();
            let mut chunk = [0; 4096];
            let mut rest = skipped as usize * 8;
            while rest > 0 {
                let length = rest.min(chunk.len());
                entropy.fill_bytes(&mut chunk[..length]);
                rest -= length;
            }
        });
        runtime
    }
}

#[cfg(not(madsim))]
mod unsealed {
    use crate::journal::NodeId;
    use crate::seed::Seed;

    pub(crate) fn seal<R>(_: Seed, world: impl FnOnce() -> R) -> R {
        world()
    }

    pub(crate) struct Seal;

    impl Seal {
        pub(crate) fn new() -> Seal {
            Seal
        }

        pub(crate) fn is_closed(&self) -> bool {
            false
        }

        pub(crate) fn start_date(&self) -> Option<u64> {
            None
        }

        pub(crate) fn advance_to(&self, _: u64) {}

        pub(crate) fn part(&self, _: Seed, _: NodeId) {}

        pub(crate) fn poll_with_clock<R>(
            &self,
            _: NodeId,
            _: u64,
            poll: &mut dyn FnMut() -> R,
        ) -> R {
            poll()
        }

        pub(crate) fn end(&self) {}
    }
}
