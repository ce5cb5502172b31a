//! Stored metadata of a secret is refused, or takes new versions within its limits.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vaultcore::fuzzing::metadata(bytes));
