//! Faults to plant: orderings weaker than those that the table asks for.

use std::cell::Cell;
use std::panic::catch_unwind;
use std::sync::atomic::Ordering;

/// What a call does to the word of a slot. The table has a method of the atomic for each, so that
/// the method tells which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Lets calls in: `fetch_add`.
    Open,
    /// Counts a call in: a `compare_exchange_weak` that succeeds.
    Enter,
    /// Finds that the word has changed: one that fails.
    Retry,
    /// Looks for a member of a family: the `load` that acquires.
    Look,
    /// Lets no call in any more: `fetch_and`.
    Close,
    /// Counts a call out: `fetch_sub`.
    Leave,
}

thread_local! {
    // Loom runs all threads of a model on the one that began it.
    static PLANTED: Cell<Option<(Operation, Ordering)>> = const { Cell::new(None) };
}

/// Runs a model whose table does `operation` with the ordering `weak`. Returns how it failed, if it
/// did.
pub fn caught(operation: Operation, weak: Ordering, model: fn()) -> Option<String> {
    PLANTED.set(Some((operation, weak)));
    let ended = catch_unwind(model);
    PLANTED.set(None);
    let payload = ended.err()?;
    let text = payload.downcast_ref::<String>().cloned();
    text.or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
}

/// Returns the ordering that the table gets where it asks for `asked`.
pub(crate) fn ordering(operation: Operation, asked: Ordering) -> Ordering {
    match PLANTED.get() {
        Some((planted, weak)) if planted == operation => weak,
        _ => asked,
    }
}
