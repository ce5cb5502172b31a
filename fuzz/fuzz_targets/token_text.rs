//! No text but a token lets anybody in, in whichever field it comes.
#![no_main]

#[path = "../src/door.rs"]
mod door;

use vaultcore::api::{ApiRequest, Method};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    door::with(|door| {
        // The first token of the vault, changed at one place, or cut, or drawn out, is none.
        let mut close = vec![text.to_string(), format!("{}{text}", door.root)];
        if let Some(byte) = bytes.first() {
            let at = usize::from(*byte) % door.root.len();
            close.push(door.root[..at].to_owned());
            close.push(format!("{}{text}{}", &door.root[..at], &door.root[at..]));
        }
        for text in close.iter().filter(|text| **text != door.root) {
            let own = ApiRequest::new(Method::Get, "auth/token/lookup-self").token(text);
            assert_eq!(door.ask(&own).status(), 403, "a text is a token");
            let fields = serde_json::json!({ "token": text, "accessor": text });
            for path in [
                "auth/token/lookup",
                "auth/token/lookup-accessor",
                "auth/token/renew",
                "sys/wrapping/unwrap",
                "sys/wrapping/lookup",
            ] {
                let request = ApiRequest::new(Method::Post, path)
                    .token(&door.root)
                    .body(fields.to_string().as_bytes());
                let status = door.ask(&request).status();
                // Without a text the caller's own token is meant, which can be looked at.
                let own = text.is_empty() && path == "auth/token/lookup";
                assert!(status >= 400 || own, "{path}: {status}");
            }
        }
    });
});
