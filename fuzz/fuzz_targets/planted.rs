//! A target that crashes on four bytes, so that a run which finds nothing is known to look.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert!(!bytes.starts_with(b"VLT!"), "the planted fault was found");
});
