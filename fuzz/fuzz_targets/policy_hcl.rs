//! A policy in HCL is refused, or is printed and parsed again the same; and what people are told of
//! it fits what it decides.
#![no_main]

use vaultcore::ErrorKind;
use vaultcore::policy::{Acl, Ask, Capability, Policy, diff, explain, lint};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let policy = match Policy::parse(text) {
        Ok(policy) => policy,
        Err(error) => {
            assert!(error.to_string().is_ascii(), "the text is quoted");
            assert_eq!(lint(text).len(), 1);
            return;
        }
    };
    let printed = policy.to_hcl();
    let again = match Policy::parse(&printed) {
        Ok(again) => again,
        Err(error) if error.kind() == ErrorKind::TooLarge => return,
        Err(error) => panic!("{error}: {printed}"),
    };
    assert!(again == policy, "{printed}");
    assert_eq!(again.to_hcl(), printed);
    if policy.len() > 50 {
        return; // the rest takes the square of it
    }
    let named = [("p", &policy)];
    assert_eq!(diff(&named, &[("q", &again)], None), []);
    let acl = Acl::compile(named, None);
    let findings = policy.lint();
    for path in findings
        .iter()
        .map(|finding| finding.path())
        .chain(["a", "a/b/", text])
    {
        for capability in [Capability::Read, Capability::List] {
            let ask = Ask::new(path, capability);
            let (decision, explanation) = (acl.check(&ask), explain(&named, None, &ask));
            assert_eq!(decision.denial(), explanation.denial());
            let granted = acl.capabilities(path).contains(capability);
            assert!(granted || capability == Capability::Read || !decision.is_allowed());
        }
    }
});
