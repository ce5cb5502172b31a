//! Calls of what is written in Python.

use std::mem;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

type Object = *mut ffi::PyObject;
type Call = unsafe extern "C" fn(Object, Object, Object) -> Object;
type UnwindingCall = unsafe extern "C-unwind" fn(Object, Object, Object) -> Object;

/// Calls `callable`, which may run Python's code, with `arguments`.
///
/// Python's code lets the interpreter go now and then. A thread that wants it back while the
/// interpreter ends is ended by CPython before 3.14 as by `pthread_exit`, which unwinds its stack.
/// What Rust has on that stack cannot take part: the process would be aborted, or go on without the
/// interpreter. So the thread stands still here, as CPython 3.14 lets it, and pyo3 where the
/// interpreter is taken.
pub(crate) fn run<'py>(
    callable: &Bound<'py, PyAny>,
    arguments: &Bound<'py, PyTuple>,
) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the two types differ only in that a call by the second may unwind.
    let call = unsafe { mem::transmute::<Call, UnwindingCall>(ffi::PyObject_Call) };
    let guard = StandStill;
    // SAFETY: the interpreter is held, as both objects say, which live longer than the call.
    let made = unsafe { call(callable.as_ptr(), arguments.as_ptr(), ptr::null_mut()) };
    mem::forget(guard);
    // SAFETY: an object that is ours, or null, and an error is set.
    unsafe { Bound::from_owned_ptr_or_err(callable.py(), made) }
}

/// Never lets go of the thread that drops it: nothing but that unwinding does.
struct StandStill;

impl Drop for StandStill {
    fn drop(&mut self) {
        loop {
            std::thread::park();
        }
    }
}
