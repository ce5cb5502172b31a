//! The storage backends against the public suite, and the suite against broken backends.

// A test binary: its helpers fail their test, and a second process reports by printing.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::sync::Arc;

use vaultcore::storage::{Faulty, Memory, Storage};
use vaultcore::storage_conformance;

mod broken;
#[cfg(all(feature = "sqlite", unix))]
mod processes;
#[cfg(all(feature = "sqlite", unix))]
mod sqlite;

storage_conformance!(memory, in_memory());

/// A place that keeps its entries as long as it lives.
fn in_memory() -> impl Fn() -> Arc<dyn Storage> {
    let memory: Arc<dyn Storage> = Arc::new(Memory::new());
    move || Arc::clone(&memory)
}

storage_conformance!(unarmed, {
    let faulty: Arc<dyn Storage> = Arc::new(Faulty::new(Memory::new()));
    move || Arc::clone(&faulty)
});
