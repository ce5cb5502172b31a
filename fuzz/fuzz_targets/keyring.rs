//! A decrypted keyring is refused, or is written and read again the same.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| vaultcore::fuzzing::keyring(bytes));
