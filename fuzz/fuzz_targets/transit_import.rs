//! Bytes are no key, or one that works, and that is the same after it was exported and imported.
#![no_main]

#[path = "../src/keys.rs"]
#[allow(dead_code)] // each target needs a part of it
mod keys;

use keys::{CIPHERS, SIGNERS, make, options};
use vaultcore::transit::{ExportType, HashType, KeyType, KeyUpdate, NewKey, Transit};

const OTHERS: [(&str, KeyType); 2] = [("hmac", KeyType::Hmac), ("rsa", KeyType::Rsa2048)];

thread_local! {
    static KEYS: Transit = make();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| KEYS.with(|transit| {
    for (_, kind) in CIPHERS.into_iter().chain(SIGNERS).chain(OTHERS) {
        let new = NewKey::new(kind).exportable(true);
        if transit.import("first", &new, bytes).is_ok() {
            check(transit, kind, &new);
            remove(transit, "first");
        }
        let text = String::from_utf8_lossy(bytes);
        if transit.import_public("public", &new, &text).is_ok() {
            let public = transit.export("public", ExportType::Public).expect("shown");
            assert!(transit.sign("public", options(kind), b"x").is_err());
            assert_eq!(public.len(), 1);
            remove(transit, "public");
        }
    }
}));

/// Uses a key that was taken, and a copy of it.
fn check(transit: &Transit, kind: KeyType, new: &NewKey) {
    let part = match kind {
        KeyType::Hmac => ExportType::Hmac,
        kind if SIGNERS.iter().any(|(_, signs)| *signs == kind) => ExportType::Signing,
        KeyType::Rsa2048 => ExportType::Signing,
        _ => ExportType::Encryption,
    };
    let exported = |name: &str| {
        let keys = transit.export(name, part).expect("exported");
        keys[0].1.expose().to_owned()
    };
    let text = exported("first");
    let copy = data_encoding::BASE64.decode(text.as_bytes());
    let copy = copy.unwrap_or_else(|_| text.clone().into_bytes()); // PEM
    transit
        .import("second", new, &copy)
        .expect("what was exported is taken");
    assert_eq!(exported("second"), text, "another key");
    match part {
        ExportType::Hmac => {
            let hash = HashType::default();
            let mac = transit.hmac("first", hash, b"x").expect("MAC");
            assert!(
                transit
                    .verify_hmac("second", hash, b"x", &mac)
                    .expect("answered")
            );
        }
        ExportType::Signing => {
            let options = options(kind);
            let signature = transit.sign("first", options, b"x").expect("signature");
            assert!(
                transit
                    .verify("second", options, b"x", &signature)
                    .expect("answered")
            );
        }
        _ => {
            let text = transit.encrypt("first", b"x").expect("text");
            assert_eq!(
                transit.decrypt("second", &text).expect("plain").expose(),
                b"x"
            );
        }
    }
    remove(transit, "second");
}

fn remove(transit: &Transit, name: &str) {
    let deletion = KeyUpdate::new().deletion_allowed(true);
    transit.configure(name, &deletion).expect("configured");
    transit.delete(name).expect("deleted");
}
