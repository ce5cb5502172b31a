//! A request of any bytes is answered in Vault's shape; without a token it does nothing.
#![no_main]

#[path = "../src/door.rs"]
mod door;

use vaultcore::api::{ApiRequest, Method};

const METHODS: [Method; 6] = [
    Method::Get,
    Method::Post,
    Method::List,
    Method::Patch,
    Method::Delete,
    Method::Scan,
];

/// What anybody may ask, in any namespace.
const OPEN: [&str; 10] = [
    "sys/health",
    "sys/seal-status",
    "sys/leader",
    "sys/init",
    "sys/unseal",
    "sys/generate-root",
    "sys/rekey/",
    "sys/wrapping/lookup",
    "sys/internal/ui/mounts",
    "auth/approle/login",
];

// Lines: a digit for the method, the path, the namespace, the wrap TTL; the rest is the body.
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.splitn(5, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, space, wrap, body) = (line(), line(), line(), line(), line());
    let method = METHODS[usize::from(method.first().copied().unwrap_or(0)) % METHODS.len()];
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let (path, space, wrap) = (text(path), text(space), text(wrap));
    let request = ApiRequest::new(method, &path)
        .namespace(&space)
        .wrap_ttl(&wrap)
        .body(body);
    door::with(|door| {
        let status = door.ask(&request).status();
        let asked = path.trim_start_matches('/');
        // Behind the name of a namespace, too, if there is one.
        let is_space = |name: &str| {
            let known = ApiRequest::new(Method::Get, &format!("sys/namespaces/{name}"));
            let known = known.namespace(&space).token(&door.root);
            door.ask(&known).status() == 200
        };
        let open = |open: &&str| {
            let at = asked.find(*open);
            at.is_some_and(|at| at == 0 || is_space(asked[..at].trim_end_matches('/')))
        };
        assert!(
            status >= 400 || OPEN.iter().any(open),
            "{status} without a token"
        );
        let _ = door.ask(&request.clone().token(&door.root));
    });
});
