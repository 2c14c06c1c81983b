//! Operations of clients and states of replicas, recorded for the checks of consistency.

use std::fmt::Display;

use serde::Serialize;
use serde_json::Value;

use super::Ctx;
use crate::history::{self, Outcome, Snapshot};
use crate::journal::{Entry, EventId, Kind};
use crate::kernel::{WorldId, current};
use crate::node;

/// An operation that was called and has not returned: see [`Ctx::invoke`].
///
/// Dropped, it returns *info*: its client gave up or died, and nobody knows whether it took effect.
#[derive(Debug)]
#[must_use = "say how it returned; what is dropped may have happened or not"]
pub struct Invocation {
    ctx: Ctx,
    world: WorldId,
    /// [`EventId::NONE`] once it has returned, and if nobody heard the call.
    call: EventId,
}

impl Ctx {
    /// Records that this node calls an operation on `object`, a name of your choice, and of `key`, the
    /// part of it that is concerned (`""` if it has none); say how it returns on what comes back.
    ///
    /// Input and output are written to the journal as JSON, and read from there by
    /// [`History::of`](crate::history::History::of) and the checks of
    /// [`consistency`](crate::consistency). Calls of one process follow each other: a client with
    /// several sessions at once names each ([`Ctx::invoke_as`]).
    ///
    /// ```
    /// use stormglass::consistency::{self, register};
    /// use stormglass::prelude::*;
    ///
    /// fn world(sim: &mut Sim) {
    ///     sim.client("shopper", |ctx| async move {
    ///         let read = ctx.invoke("price", "apple", register::Call::<u32>::Read);
    ///         // Ask the service here.
    ///         read.ok(register::Reply::<u32>::Value(None));
    ///         Ok::<(), String>(())
    ///     });
    ///     let prices = register::Register::<u32>::new();
    ///     sim.check("prices are linearizable", consistency::linearizable("price", prices));
    /// }
    ///
    /// assert!(run(&world, &RunConfig::seed(1)).verdict().holds());
    /// ```
    ///
    /// # Panics
    ///
    /// If `input` cannot be written as JSON: a map with keys that are no texts.
    #[track_caller]
    pub fn invoke(&self, object: &str, key: impl Display, input: impl Serialize) -> Invocation {
        self.call(None, object, key.to_string(), json(&input))
    }

    /// As [`Ctx::invoke`], by a process of that name instead of the node's. Names of processes are the
    /// world's: the same name on two nodes is the same process.
    ///
    /// # Panics
    ///
    /// As [`Ctx::invoke`].
    #[track_caller]
    pub fn invoke_as(
        &self,
        process: impl Display,
        object: &str,
        key: impl Display,
        input: impl Serialize,
    ) -> Invocation {
        self.call(Some(process.to_string()), object, key.to_string(), json(&input))
    }

    /// Shows the state of this replica under `name`, as JSON, for the checks of
    /// [`convergence`](crate::convergence); properties see it as a
    /// [`Snapshot`](crate::history::Snapshot).
    ///
    /// # Panics
    ///
    /// If `state` cannot be written as JSON: a map with keys that are no texts.
    #[track_caller]
    pub fn publish_state(&self, name: &str, state: impl Serialize) {
        self.publish(name, Snapshot::of(&state));
    }

    fn call(&self, process: Option<String>, object: &str, key: String, input: Value) -> Invocation {
        let node = self.node();
        let call = current::with(|kernel| match node::life(node).is_up() {
            true => {
                let entry = Entry::new(Kind::Invoke, node).symbol(kernel.symbol(object));
                kernel.record_text(entry, history::call_text(process, key, input))
            }
            false => EventId::NONE,
        });
        Invocation { ctx: *self, world: WorldId::here(), call }
    }
}

impl Invocation {
    /// It took effect, and this is its answer.
    ///
    /// # Panics
    ///
    /// If `output` cannot be written as JSON.
    #[track_caller]
    pub fn ok(mut self, output: impl Serialize) {
        self.returns(&Outcome::Ok(json(&output)));
    }

    /// It took no effect, and never will: it was refused, or not even sent. Of a timeout nobody can
    /// say so: that is [`Invocation::info`].
    pub fn fail(mut self) {
        self.returns(&Outcome::Fail);
    }

    /// It may take effect at any time, or never: no answer came.
    pub fn info(mut self) {
        self.returns(&Outcome::Info);
    }

    fn returns(&mut self, outcome: &Outcome<Value>) {
        let call = std::mem::replace(&mut self.call, EventId::NONE);
        // Destructors run after the end of the world, too, and in dead processes.
        if call == EventId::NONE || !self.world.is_here() || !node::life(self.ctx.node()).is_up() {
            return;
        }
        current::with(|kernel| {
            let symbol = kernel.symbol(history::symbol(outcome));
            let entry = Entry::new(Kind::Return, self.ctx.node()).symbol(symbol).extra(call.0);
            match outcome {
                Outcome::Ok(output) => kernel.record_text(entry, output.to_string()),
                Outcome::Fail | Outcome::Info => kernel.record(entry),
            }
        });
    }
}

impl Drop for Invocation {
    fn drop(&mut self) {
        self.returns(&Outcome::Info);
    }
}

#[track_caller]
fn json(value: &impl Serialize) -> Value {
    match serde_json::to_value(value) {
        Ok(value) => value,
        Err(error) => panic!("an operation is recorded as JSON, and this is none: {error}"),
    }
}
