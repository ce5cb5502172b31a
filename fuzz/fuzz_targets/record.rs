//! A stored record is refused or is what was written; nothing that is changed opens.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vaultcore::fuzzing::record(bytes));
