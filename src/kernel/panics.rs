//! Panics inside a world are events, not noise: the message is kept, the terminal stays quiet.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use super::current;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    /// The node whose program made this thread, if one did.
    static MAKER: RefCell<String> = const { RefCell::new(String::new()) };
    /// The text of the last panic of this thread, for the case that nobody can catch it.
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
    /// Where the last panic of this thread happened; only the hook is told.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Ends the silence when it is dropped.
pub(crate) struct Silence(bool);

impl Drop for Silence {
    fn drop(&mut self) {
        QUIET.set(self.0);
    }
}

/// Until the result is dropped, panics of this thread print nothing. Other threads keep the hook
/// that was installed before.
pub(crate) fn silence() -> Silence {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(
            move |info| {
                if QUIET.get() { remember(info) } else { loud(info) }
            },
        ));
    });
    Silence(QUIET.replace(true))
}

/// As [`silence`], for the rest of a thread that the program of `node` has made.
#[cfg(all(madsim, target_os = "linux", target_env = "gnu"))]
pub(crate) fn silence_thread_of(node: String) {
    std::mem::forget(silence());
    MAKER.set(node);
}

fn remember(info: &PanicHookInfo<'_>) {
    let text = info.payload_as_str().unwrap_or_default();
    let is_last = text.starts_with("panic in a function that cannot unwind");
    if !is_last {
        TEXT.set(text.to_owned());
        PLACE.set(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
    }
    // The process ends now, and only this can say why. Of a clock it always does; an optimized build
    // then aborts without a second panic.
    let is_untold = TEXT.with_borrow(|text| !text.is_empty());
    if text.starts_with(NO_CLOCK) || is_last && is_untold {
        last_words();
    }
}

/// A panic leaves a function of C, as those of the seal are: nobody can catch it.
fn last_words() {
    let here = current::try_with(|kernel| kernel.node_name(kernel.node()));
    let node = here.unwrap_or_else(|| MAKER.take());
    let (text, place) = (TEXT.take(), PLACE.take().unwrap_or_default());
    let what = match text.strip_prefix(NO_CLOCK) {
        Some(id) => format!("`clock_gettime({})`: {}; {}", id.trim(), CLOCKS.0, CLOCKS.1),
        None => format!("a function of the C library panics: {text} ({place})"),
    };
    // Not by a macro, whose output a test would keep to itself.
    let _ = writeln!(std::io::stderr(), "stormglass: {node}: {what}");
}

/// What the seal says of a clock that it does not have.
const NO_CLOCK: &str = "unsupported clockid:";
/// Why a program may not ask for such a clock, and what to do instead.
pub(crate) const CLOCKS: (&str, &str) = (
    "only the clocks of time and date are simulated, not those of CPU time, TAI and alarms",
    "ask for `CLOCK_MONOTONIC` or `CLOCK_REALTIME`, as `Instant` and `SystemTime` do",
);

/// The message of a caught panic, with the place where it happened.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned());
    let text = explain(text);
    match PLACE.take() {
        Some(place) => format!("{text} ({place})"),
        None => text,
    }
}

/// Adds the remedy to the panics that tokio raises outside of its runtime.
fn explain(text: String) -> String {
    if text.contains("there is no reactor running") {
        return format!(
            "{text}\n  handlers run on the simulator's own executor: add `.on_tokio()` to the service, or \
             use ctx.sleep, ctx.timeout and ctx.spawn instead of tokio::time and tokio::spawn"
        );
    }
    text
}
