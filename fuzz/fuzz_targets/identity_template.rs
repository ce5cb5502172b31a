//! Whatever an identity's value is, a rule with a template covers no more than the rule in which
//! the value stands literally; and a value that could be a wildcard covers nothing. The input is
//! the template, a NUL, the value, a NUL, a path. `@` in the template stands for a slot.
#![no_main]

use vaultcore::policy::{Acl, Alias, Capability, Entity, Group, Identity, Policy};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut parts = text.splitn(3, '\0');
    let (Some(template), Some(value), Some(path)) = (parts.next(), parts.next(), parts.next())
    else {
        return;
    };
    if template.contains(['{', '}', '"', '\\']) || template.chars().any(char::is_control) {
        return;
    }
    let identity = identity(value);
    let narrows = !value.is_empty()
        && !value.contains(['*', '+', '/', '{', '}', '"', '\\'])
        && !value.chars().any(char::is_control);
    for slot in [
        "identity.entity.id",
        "identity.entity.metadata.k",
        "identity.entity.aliases.acc.custom_metadata.k",
        "identity.groups.ids.g.name",
    ] {
        let rule = |path: &str, word: &str| {
            Policy::parse(&format!(
                "path \"{path}\" {{ capabilities = [\"{word}\"] }}"
            ))
        };
        let filled = template.replace('@', &format!("{{{{{slot}}}}}"));
        let Ok(templated) = rule(&filled, "read") else {
            return;
        };
        let found = Acl::compile([("p", &templated)], Some(&identity)).capabilities(path);
        if !template.contains('@') {
            continue;
        }
        let without = value.is_empty()
            || value.contains(['*', '+', '/'])
            || value.chars().any(char::is_control);
        assert!(
            !without || found.is_empty(),
            "{template:?} {value:?} {path:?}"
        );
        if narrows && let Ok(literal) = rule(&template.replace('@', value), "read") {
            let expected = Acl::compile([("p", &literal)], None).capabilities(path);
            assert_eq!(found, expected, "{template:?} {value:?} {path:?}");
        }
        // A deny covers at least what the same rule would allow, whatever the value is. (`*` is
        // more specific than a pattern that begins with `+` and ends with `*`.)
        let first_plus = template.trim_start_matches('/').starts_with('+');
        if let (Ok(deny), false) = (rule(&filled, "deny"), first_plus) {
            let open = Policy::parse("path \"*\" { capabilities = [\"read\"] }").expect("parses");
            let acl = Acl::compile([("p", &deny), ("q", &open)], Some(&identity));
            assert!(found.is_empty() || !acl.capabilities(path).contains(Capability::Read));
            let head = template.split('@').next().unwrap_or_default();
            let plain = !head.contains('+') && !head.starts_with('/') && !path.starts_with('/');
            if without && plain && path.starts_with(head) {
                assert!(
                    acl.capabilities(path).is_empty(),
                    "{template:?} {value:?} {path:?}"
                );
            }
        }
    }
});

fn identity(value: &str) -> Identity {
    let mut alias = Alias::default();
    alias
        .custom_metadata
        .insert("k".to_owned(), value.to_owned());
    let mut entity = Entity::default();
    entity.id = value.to_owned();
    entity.metadata.insert("k".to_owned(), value.to_owned());
    entity.aliases.insert("acc".to_owned(), alias);
    let mut group = Group::default();
    group.id = "g".to_owned();
    group.name = value.to_owned();
    let mut identity = Identity::default();
    identity.entity = Some(entity);
    identity.groups = vec![group];
    identity
}
