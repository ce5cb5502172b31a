//! A log that anyone may have written holds no line of ours, and data goes into one hashed.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vaultcore::fuzzing::audit_line(bytes));
