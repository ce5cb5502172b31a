//! Every operation there is, asked for by whoever may not.

use super::{ApiRequest, Method};
use crate::auth::{self, token};
use crate::engine::{self, cubbyhole, identity, sys, wrapping};
use crate::operation::Handler;
use crate::wire::{Route, Verb};
use crate::{NewMount, NewSlot, NewToken, SecretString, Vault, storage::Memory};

/// What anybody may ask, as in Vault: the request itself is the proof, or nothing is secret.
const OPEN: &[&str] = &[
    "sys/wrapping/lookup",
    "sys/internal/ui/mounts",
    "auth/x-userpass/login/x",
    "auth/x-approle/login",
];

/// Returns method and path of every operation that there is.
pub(super) fn operations(vault: &Vault) -> Vec<(Method, String)> {
    let mut all = Vec::new();
    let mut add = |prefix: &str, routes: &[Route<Handler>]| {
        for route in routes {
            let parts = route.pattern.split('/').map(|part| match part.as_bytes() {
                [b'{', ..] => "x",
                _ => part,
            });
            let path = format!("{prefix}{}", parts.collect::<Vec<_>>().join("/"));
            let verbs = route.verbs.iter();
            all.extend(verbs.map(|(verb, _)| (method(*verb), path.clone())));
        }
    };
    for table in sys::TABLES {
        add("sys/", table);
    }
    add("sys/wrapping/", wrapping::ROUTES);
    add("auth/token/", token::api::ROUTES);
    add("cubbyhole/", cubbyhole::ROUTES);
    add("identity/", identity::api::ROUTES);
    for engine in engine::built_in(engine::database::Databases::new()) {
        let path = format!("x-{}", engine.kind());
        let mount = vault.owner().expect("owner").sys();
        mount
            .mount(&path, NewMount::new(engine.kind()))
            .expect("mounted");
        add(&format!("{path}/"), engine.routes());
    }
    for method in auth::built_in() {
        let path = format!("x-{}", method.kind());
        let request = ApiRequest::new(Method::Post, &format!("sys/auth/{path}"))
            .body(format!("{{\"type\": \"{}\"}}", method.kind()).as_bytes());
        let owner = vault.owner().expect("owner");
        assert_eq!(owner.request(&request).status(), 204);
        add(&format!("auth/{path}/"), method.routes());
    }
    // Ceremonies that take a token.
    for path in [
        "sys/audit/x",
        "sys/seal",
        "sys/rotate/root",
        "sys/rekey/init",
        "sys/rekey/verify",
    ] {
        all.push((Method::Post, path.to_owned()));
    }
    all.push((Method::Get, "sys/metrics".to_owned()));
    all
}

fn method(verb: Verb) -> Method {
    match verb {
        Verb::Read => Method::Get,
        Verb::List => Method::List,
        Verb::Scan => Method::Scan,
        Verb::Write => Method::Post,
        Verb::Patch => Method::Patch,
        Verb::Delete => Method::Delete,
    }
}

fn statuses(vault: &Vault, all: &[(Method, String)], token: &str) -> Vec<(String, u16)> {
    let status = |(method, path): &(Method, String)| {
        let body = br#"{"secret_shares": 1, "secret_threshold": 1, "nonce": "00", "key": "00"}"#;
        let request = ApiRequest::new(*method, path).token(token).body(body);
        let status = vault.handle(&request).status();
        (format!("{method:?} {path}"), status)
    };
    all.iter().map(status).collect()
}

#[test]
fn nobody_does_anything_without_leave() {
    let vault = Vault::builder(Memory::new()).build().expect("vault");
    let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
    vault.unseal(&init.shares()[0]).expect("unsealed");
    let all = operations(&vault);
    assert!(all.len() > 80, "{} operations are few", all.len());
    let root = vault.login(init.root_token()).expect("root");
    let bare = NewToken::new().policy("nothing").no_default_policy();
    let bare: SecretString = root.token().create(&bare).expect("token");
    let closed: Vec<_> = all
        .iter()
        .filter(|(_, path)| !OPEN.iter().any(|open| path.starts_with(open)))
        .cloned()
        .collect();
    for token in ["", "hvs.wrong", "hvb.wrong", bare.expose()] {
        for (what, status) in statuses(&vault, &closed, token) {
            // Without a token a rekey asks for a quorum of shares.
            let quorum = token.is_empty() && what.contains(" sys/rekey/");
            assert!(status == 403 || quorum, "{what}: {status}");
        }
    }
    assert_eq!(
        vault
            .rekey_attempt()
            .expect("open")
            .map(|attempt| attempt.progress),
        Some(0)
    );
    let pending = root.sys().rekey_cancel();
    pending.expect("nothing came of it");
    vault.seal().expect("sealed");
    for (what, status) in statuses(&vault, &all, init.root_token().expose()) {
        assert_eq!(status, 503, "{what}");
    }
}
