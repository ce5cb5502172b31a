//! A stored list of key slots, which anyone may write, is refused or opens nothing.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vaultcore::fuzzing::slot(bytes));
