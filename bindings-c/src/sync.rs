//! What the table of handles is made of where threads meet.
//!
//! `bindings-c/model` compiles the table over parts of these names that try the orders in which
//! threads may come.

use std::cell::UnsafeCell;
use std::mem;
pub(super) use std::sync::atomic::AtomicU64;
pub(super) use std::sync::{Mutex, MutexGuard, OnceLock};

/// How many slots the first page of a table has; fewer in the model.
pub(super) const FIRST_PAGE: u32 = 64;

/// A value that is shared without a lock: its users know when it may be replaced.
pub(super) struct Cell<T>(UnsafeCell<T>);

impl<T> Cell<T> {
    pub(super) fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// # Safety
    /// The value is not replaced as long as it is borrowed.
    #[inline]
    pub(super) unsafe fn get(&self) -> &T {
        // SAFETY: nobody changes it meanwhile, as the caller promises.
        unsafe { &*self.0.get() }
    }

    /// Puts a value there, and returns the one that was.
    ///
    /// # Safety
    /// Nobody has borrowed the value, and no other thread replaces it.
    #[inline]
    pub(super) unsafe fn replace(&self, value: T) -> T {
        // SAFETY: nobody else looks at it, as the caller promises.
        unsafe { mem::replace(&mut *self.0.get(), value) }
    }
}
