//! No text verifies but a signature or MAC that the key made, and of nothing else.
#![no_main]

#[path = "../src/keys.rs"]
#[allow(dead_code)] // each target needs a part of it
mod keys;

use keys::{SIGNERS, make, options, spliced};
use vaultcore::transit::{HashType, Marshaling, SignOptions, Transit};

const DATA: &[u8] = b"what is signed";
const FORMS: [Marshaling; 2] = [Marshaling::Asn1, Marshaling::Jws];

/// A key, how its signature is written, the signature, and a MAC.
type Made = (&'static str, SignOptions, String, String);

thread_local! {
    static KEYS: (Transit, Vec<Made>) = {
        let transit = make();
        let mut made = Vec::new();
        for (name, kind) in SIGNERS {
            for form in FORMS {
                let options = options(kind).marshaling(form);
                let signature = transit.sign(name, options, DATA).expect("signature");
                let mac = transit.hmac(name, HashType::default(), DATA).expect("MAC");
                made.push((name, options, signature, mac));
            }
        }
        (transit, made)
    };
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| KEYS.with(|(transit, made)| {
    let hash = HashType::default();
    for (name, options, signature, mac) in made {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let texts = [signature, mac].map(|made| lossy(&spliced(made.as_bytes(), bytes)));
        for text in texts.into_iter().chain([lossy(bytes)]) {
            let valid = transit
                .verify(name, *options, DATA, &text)
                .expect("an answer");
            assert_eq!(valid, text == *signature, "another signature");
            let valid = transit
                .verify_hmac(name, hash, DATA, &text)
                .expect("an answer");
            assert_eq!(valid, text == *mac, "another MAC");
        }
        let valid = transit
            .verify(name, *options, bytes, signature)
            .expect("an answer");
        assert_eq!(valid, bytes == DATA, "a signature of something else");
        let valid = transit
            .verify_hmac(name, hash, bytes, mac)
            .expect("an answer");
        assert_eq!(valid, bytes == DATA, "a MAC of something else");
    }
}));
