//! A stream comes back whole, and none that was changed, cut off or made elsewhere is taken.
#![no_main]

#[path = "../src/keys.rs"]
#[allow(dead_code)] // each target needs a part of it
mod keys;

use keys::{make, spliced};
use vaultcore::ErrorKind;
use vaultcore::transit::{Input, Transit};

thread_local! {
    static KEYS: Transit = make();
}

fn opened(transit: &Transit, stream: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    match transit.decrypt_stream("aes256", Input::new(""), stream, &mut plain) {
        Ok(count) => {
            assert_eq!(count, plain.len() as u64);
            Some(plain)
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            None
        }
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| KEYS.with(|transit| {
    assert!(
        opened(transit, bytes).is_none(),
        "a stream that nobody made"
    );
    let mut stream = Vec::new();
    let made = transit.encrypt_stream("aes256", Input::new(""), bytes, &mut stream);
    assert_eq!(made.expect("made"), bytes.len() as u64);
    assert_eq!(
        opened(transit, &stream).as_deref(),
        Some(bytes),
        "another text"
    );
    // Near its beginning, and near its end.
    let tail = stream.len().saturating_sub(200);
    let ends = [
        spliced(&stream, bytes),
        [&stream[..tail], &*spliced(&stream[tail..], bytes)].concat(),
    ];
    for changed in ends {
        if changed != stream {
            assert!(
                opened(transit, &changed).is_none(),
                "a changed stream is taken"
            );
        }
    }
}));
