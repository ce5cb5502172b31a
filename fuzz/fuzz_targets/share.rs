//! A share is refused, or is printed and parsed again the same.
#![no_main]

use vaultcore::Share;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(share) = Share::parse(text) else {
        return;
    };
    let printed = share.to_text();
    let again = Share::parse(printed.expose()).expect("what it prints is a share");
    assert_eq!(again.expose(), share.expose());
    assert_eq!(again.number(), share.number());
    assert_eq!(again.ceremony(), share.ceremony());
    assert_eq!(again.to_text().expose(), printed.expose());
    assert!(!format!("{share:?}").contains(&printed.expose()[..8]));
});
