//! No text decrypts but one that the key made, whatever it looks like.
#![no_main]

#[path = "../src/keys.rs"]
#[allow(dead_code)] // each target needs a part of it
mod keys;

use keys::{CIPHERS, make, plainly, spliced};
use vaultcore::ErrorKind;
use vaultcore::transit::{Input, Transit};

const PLAIN: &[u8] = b"plain text";
const BOUND: &[u8] = b"bound";

thread_local! {
    /// The keys, and a text of each.
    static KEYS: (Transit, Vec<String>) = {
        let transit = make();
        let text = |(name, _)| transit.encrypt(name, with(name, PLAIN)).expect("text");
        let texts = CIPHERS.map(text);
        (transit, texts.to_vec())
    };
}

fn with<'d>(name: &str, data: &'d [u8]) -> Input<'d> {
    let context: &[u8] = if name == "derived" { b"context" } else { b"" };
    Input::new(data).context(context).associated_data(BOUND)
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| KEYS.with(|(transit, texts)| {
    for ((name, _), made) in CIPHERS.into_iter().zip(texts) {
        for text in [bytes.to_vec(), spliced(made.as_bytes(), bytes)] {
            let found = transit.decrypt(name, with(name, &text));
            let again = transit.rewrap(name, with(name, &text));
            assert_eq!(found.is_ok(), again.is_ok(), "decrypts, but not anew");
            match found {
                Ok(plain) => {
                    assert_eq!(plain.expose(), PLAIN, "it holds something else");
                    let text = String::from_utf8(text).expect("a text");
                    assert_eq!(plainly(&text).as_ref(), Some(made), "another text is taken");
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}"),
            }
        }
        // The text is good with what it was bound to only.
        let other = with(name, made.as_bytes()).associated_data(bytes);
        assert_eq!(transit.decrypt(name, other).is_ok(), bytes == BOUND);
    }
}));
