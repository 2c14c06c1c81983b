//! Panics inside a world are events, not noise: the message is kept, the terminal stays quiet.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
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

fn remember(info: &PanicHookInfo<'_>) {
    PLACE.set(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
}

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
