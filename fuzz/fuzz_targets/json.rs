//! JSON from outside is taken if it is good, and merges as RFC 7396 says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vaultcore::fuzzing::json(bytes));
