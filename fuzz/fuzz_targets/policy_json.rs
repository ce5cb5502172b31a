//! A policy in JSON is refused, or says in HCL the same as in JSON.
#![no_main]

use vaultcore::ErrorKind;
use vaultcore::policy::Policy;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let text = format!("{{{text}"); // the brace that makes it JSON
    match Policy::parse(&text) {
        Ok(policy) => match Policy::parse(&policy.to_hcl()) {
            Ok(again) => assert!(again == policy, "{}", policy.to_hcl()),
            Err(error) => assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}"),
        },
        Err(error) => assert!(error.to_string().is_ascii(), "the text is quoted"),
    }
});
