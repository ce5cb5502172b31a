//! A path is refused or has one spelling: what was parsed is shown as it was written, parses again
//! to itself, and no other way of writing the same segments is taken.
#![no_main]

use vaultcore::storage::EntryPath;
use vaultcore::{FolderPath, MAX_PATH, MAX_SEGMENTS, MountPath, SecretPath};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    secret(text);
    folder(text);
    mount(text);
    entry(text);
});

fn secret(text: &str) {
    let Ok(path) = SecretPath::new(text) else {
        return;
    };
    assert_eq!(
        path.as_str(),
        text,
        "a secret's path is kept as it was written"
    );
    assert!(text.len() <= MAX_PATH && path.segments().count() <= MAX_SEGMENTS);
    let segments: Vec<_> = path.segments().collect();
    assert_eq!(segments.join("/"), text);
    for segment in segments {
        assert!(!matches!(segment, "" | "." | ".."), "a segment that walks");
    }
    for other in [
        format!("{text}/"),
        format!("/{text}"),
        text.replacen('/', "//", 1),
    ] {
        assert!(
            other == text || SecretPath::new(&other).is_err(),
            "a second spelling"
        );
    }
    assert_eq!(format!("{path:?}"), "SecretPath([redacted])");
}

fn folder(text: &str) {
    let Ok(path) = FolderPath::new(text) else {
        return;
    };
    assert!(path.as_str().is_empty() || path.as_str().ends_with('/'));
    assert_eq!(
        path.as_str().trim_end_matches('/'),
        text.strip_suffix('/').unwrap_or(text)
    );
    let again = FolderPath::new(path.as_str()).expect("its own text is taken");
    assert!(again == path, "parsing is not stable");
    let bare = FolderPath::new(path.as_str().trim_end_matches('/')).expect("without the slash");
    assert!(bare == path, "the last slash changes the folder");
}

fn mount(text: &str) {
    let Ok(path) = MountPath::new(text) else {
        return;
    };
    assert!(path.as_str().len() > 1 && path.as_str().ends_with('/'));
    let again = MountPath::new(path.as_str()).expect("its own text is taken");
    assert!(again == path, "parsing is not stable");
    // What names a mount also names a secret, but for the slash: one rule for both.
    SecretPath::new(path.as_str().trim_end_matches('/')).expect("the same rule");
}

fn entry(text: &str) {
    let Ok(path) = EntryPath::new(text) else {
        return;
    };
    assert_eq!(path.as_str(), text);
    assert!(
        text.bytes().all(|byte| byte.is_ascii_graphic()),
        "a name in clear"
    );
    assert!(text.split('/').all(|part| !part.is_empty()));
}
