//! As `bindings-c/src/sync.rs`, made of loom's parts.

use std::mem;
use std::sync::atomic::Ordering;
use std::thread;

use loom::cell::UnsafeCell;
use loom::sync::atomic;
pub(crate) use loom::sync::{Mutex, MutexGuard};

use super::faults::{Operation, ordering};

/// The second object of a table already stands in another page than the first.
pub(crate) const FIRST_PAGE: u32 = 1;

/// An atomic with the methods that the table uses, where faults are planted.
pub(crate) struct AtomicU64(atomic::AtomicU64);

impl AtomicU64 {
    pub(crate) fn new(value: u64) -> Self {
        Self(atomic::AtomicU64::new(value))
    }

    pub(crate) fn load(&self, asked: Ordering) -> u64 {
        self.0.load(match asked {
            Ordering::Relaxed => asked, // nothing is weaker
            _ => ordering(Operation::Look, asked),
        })
    }

    pub(crate) fn store(&self, value: u64, asked: Ordering) {
        self.0.store(value, asked);
    }

    pub(crate) fn fetch_add(&self, value: u64, asked: Ordering) -> u64 {
        self.0.fetch_add(value, ordering(Operation::Open, asked))
    }

    pub(crate) fn fetch_sub(&self, value: u64, asked: Ordering) -> u64 {
        // When a model has failed, its objects are dropped, and loom would panic a second time:
        // nobody is told to be the last to leave.
        if thread::panicking() {
            return 0;
        }
        self.0.fetch_sub(value, ordering(Operation::Leave, asked))
    }

    pub(crate) fn fetch_and(&self, value: u64, asked: Ordering) -> u64 {
        self.0.fetch_and(value, ordering(Operation::Close, asked))
    }

    pub(crate) fn compare_exchange_weak(
        &self,
        from: u64,
        to: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        let success = ordering(Operation::Enter, success);
        let failure = ordering(Operation::Retry, failure);
        self.0.compare_exchange_weak(from, to, success, failure)
    }
}

/// A cell that fails the model if it is replaced while another thread may be at it.
pub(crate) struct Cell<T>(UnsafeCell<T>);

impl<T> Cell<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(UnsafeCell::new(value))
    }

    /// Loom sees the begin of the borrow only; what is in the cell has to show that it lives on.
    ///
    /// # Safety
    /// The value is not replaced as long as it is borrowed.
    pub(crate) unsafe fn get(&self) -> &T {
        // SAFETY: nobody changes it meanwhile, as the caller promises.
        self.0.with(|value| unsafe { &*value })
    }

    /// Puts a value there, and returns the one that was.
    ///
    /// # Safety
    /// Nobody has borrowed the value, and no other thread replaces it.
    pub(crate) unsafe fn replace(&self, value: T) -> T {
        // SAFETY: nobody else looks at it, as the caller promises.
        self.0
            .with_mut(|place| unsafe { mem::replace(&mut *place, value) })
    }
}

/// A value that is set once. Loom has no such cell: here a flag tells that the value is there. Who
/// sets it must hold a lock.
pub(crate) struct OnceLock<T> {
    set: atomic::AtomicBool,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self {
            set: atomic::AtomicBool::new(false),
            value: std::sync::OnceLock::new(),
        }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        match self.set.load(Ordering::Acquire) {
            true => self.value.get(),
            false => None,
        }
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let value = self.value.get_or_init(make);
        self.set.store(true, Ordering::Release);
        value
    }
}
