//! What a quorum of shares may do without a token.

use serde_json::{Value, json};
use vaultcore::api::{ApiRequest, Method};
use vaultcore::{ErrorKind, Init, NewSlot, Nonce, Rekey, SecretString, Share, Vault};

use crate::rig::{Rig, builder};

/// An open vault of five shares, of which three open it.
fn vault() -> (Vault, Init) {
    let vault = builder(&Rig::new()).build().expect("builds");
    let init = vault.init([NewSlot::shamir(5, 3)]).expect("init");
    open(&vault, init.shares(), 3);
    (vault, init)
}

fn open(vault: &Vault, shares: &[Share], threshold: usize) {
    for share in shares.iter().take(threshold) {
        vault.unseal(share).expect("unseals");
    }
    assert!(!vault.status().expect("status").sealed());
}

fn kind<T: std::fmt::Debug>(result: vaultcore::Result<T>) -> ErrorKind {
    result.expect_err("refused").kind()
}

/// Gives the shares of now, and returns the new ones.
fn rekey(vault: &Vault, nonce: Nonce, shares: &[Share]) -> Rekey {
    let (last, first) = shares.split_last().expect("shares");
    for (number, share) in (1..).zip(first) {
        let given = vault.rekey(nonce, share).expect("taken");
        assert!(given.rekey.is_none() && given.progress == number);
    }
    let given = vault.rekey(nonce, last).expect("taken");
    given.rekey.expect("the new shares")
}

#[test]
fn a_quorum_makes_new_shares_and_the_new_ones_bring_them_into_force() {
    let (vault, init) = vault();
    let nonce = vault.start_rekey(4, 2).expect("begun");
    let made = rekey(&vault, nonce, &init.shares()[1..4]);
    assert_eq!(made.shares().len(), 4);
    // Until they came back the old ones open the vault, and these open nothing.
    vault.seal().expect("sealed");
    assert_eq!(
        kind(vault.unseal(&made.shares()[0])),
        ErrorKind::UnsealFailed
    );
    open(&vault, init.shares(), 3);
    let verify = |share: &Share| vault.rekey_verify(made.nonce(), share);
    assert_eq!(kind(verify(&init.shares()[0])), ErrorKind::UnsealFailed);
    assert_eq!(
        kind(vault.rekey_verify(nonce, &made.shares()[0])),
        ErrorKind::InvalidArgument
    );
    assert!(!verify(&made.shares()[3]).expect("taken").complete);
    assert!(!verify(&made.shares()[3]).expect("once").complete);
    assert!(verify(&made.shares()[1]).expect("taken").complete);
    assert_eq!(kind(verify(&made.shares()[0])), ErrorKind::NotFound);
    vault.seal().expect("sealed");
    assert_eq!(
        kind(vault.unseal(&init.shares()[0])),
        ErrorKind::UnsealFailed
    );
    open(&vault, made.shares(), 2);
}

#[test]
fn fewer_than_a_quorum_make_nothing() {
    let (vault, init) = vault();
    let [first, second, ..] = init.shares() else {
        panic!("five shares");
    };
    assert_eq!(
        kind(vault.rekey(Nonce::from_bytes([0; 16]), first)),
        ErrorKind::NotFound
    );
    for (shares, threshold) in [(0, 0), (1, 2), (3, 1), (3, 0)] {
        assert_eq!(
            kind(vault.start_rekey(shares, threshold)),
            ErrorKind::InvalidArgument
        );
    }
    let nonce = vault.start_rekey(3, 2).expect("begun");
    for _ in 0..4 {
        assert!(vault.rekey(nonce, first).expect("once").rekey.is_none());
    }
    let other = Nonce::from_bytes([0; 16]);
    assert_eq!(kind(vault.rekey(other, second)), ErrorKind::InvalidArgument);
    // Shares for a root token are none for new shares, and a new attempt begins with none.
    let token = vault.start_root_token().expect("begun");
    vault.root_token(token, second).expect("taken");
    assert_eq!(vault.rekey(nonce, second).expect("taken").progress, 2);
    let again = vault.start_rekey(3, 2).expect("begun");
    assert_eq!(kind(vault.rekey(nonce, first)), ErrorKind::InvalidArgument);
    assert_eq!(vault.rekey(again, first).expect("taken").progress, 1);
    vault.cancel_rekey().expect("dropped");
    assert_eq!(kind(vault.rekey(again, first)), ErrorKind::NotFound);
    vault.seal().expect("sealed");
    assert_eq!(kind(vault.start_rekey(3, 2)), ErrorKind::Sealed);
}

#[test]
fn a_quorum_of_one_slot_changes_that_slot_only() {
    let vault = builder(&Rig::new()).build().expect("builds");
    let slots = [NewSlot::shamir(3, 2), NewSlot::shamir(2, 2)];
    let init = vault.init(slots).expect("init");
    let (ours, theirs) = init.shares().split_at(3);
    open(&vault, ours, 2);
    let nonce = vault.start_rekey(2, 2).expect("begun");
    vault.rekey(nonce, &ours[0]).expect("taken");
    assert_eq!(
        kind(vault.rekey(nonce, &theirs[0])),
        ErrorKind::InvalidArgument
    );
    let made = vault
        .rekey(nonce, &ours[2])
        .expect("taken")
        .rekey
        .expect("made");
    for share in made.shares() {
        vault.rekey_verify(made.nonce(), share).expect("taken");
    }
    for (shares, count) in [(made.shares(), 2), (theirs, 2)] {
        vault.seal().expect("sealed");
        open(&vault, shares, count);
    }
    vault.seal().expect("sealed");
    assert_eq!(kind(vault.unseal(&ours[0])), ErrorKind::UnsealFailed);
}

/// Sends a request without a token.
fn send(vault: &Vault, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let mut request = ApiRequest::new(method, path);
    if !body.is_null() {
        request = request.body(body.to_string().as_bytes());
    }
    let response = vault.handle(&request);
    let body = match response.body() {
        [] => Value::Null,
        body => serde_json::from_slice(body).expect("JSON"),
    };
    (response.status(), body)
}

#[test]
fn the_door_says_how_many_shares_of_their_slot_it_takes() {
    let vault = builder(&Rig::new()).build().expect("builds");
    let slots = [NewSlot::shamir(3, 2), NewSlot::shamir(4, 3)];
    let init = vault.init(slots).expect("init");
    open(&vault, init.shares(), 2);
    let share = init.shares()[3].to_text();
    let body = json!({"secret_shares": 2, "secret_threshold": 2});
    for path in ["sys/rekey/", "sys/generate-root/"] {
        let begin = format!(
            "{path}{}",
            if path.contains("root") {
                "attempt"
            } else {
                "init"
            }
        );
        let nonce = send(&vault, Method::Put, &begin, &body).1["nonce"].clone();
        let give = json!({"nonce": nonce, "key": share.expose()});
        let given = send(&vault, Method::Put, &format!("{path}update"), &give).1;
        assert_eq!(
            (&given["progress"], &given["required"]),
            (&json!(1), &json!(3)),
            "{path}"
        );
        let shown = send(&vault, Method::Get, &begin, &Value::Null).1;
        assert_eq!(
            (&shown["progress"], &shown["required"]),
            (&json!(1), &json!(3)),
            "{path}"
        );
    }
}

#[test]
fn the_door_takes_shares_in_place_of_a_token() {
    let (vault, init) = vault();
    let put = |path: &str, body: Value| send(&vault, Method::Put, path, &body);
    let (status, idle) = send(&vault, Method::Get, "sys/rekey/init", &Value::Null);
    assert_eq!(
        (status, &idle["started"], &idle["nonce"]),
        (200, &json!(false), &json!(""))
    );
    let body = json!({"secret_shares": 2, "secret_threshold": 2});
    let (status, begun) = put("sys/rekey/init", body.clone());
    assert_eq!(
        (status, &begun["started"], &begun["required"]),
        (200, &json!(true), &json!(3))
    );
    assert!(begun.get("keys").is_none());
    assert_eq!(put("sys/rekey/init", body.clone()).0, 400);
    let give = |path: &str, nonce: &Value, key: &SecretString| {
        put(path, json!({"nonce": nonce, "key": key.expose()}))
    };
    let mut last = Value::Null;
    for share in &init.shares()[..3] {
        assert_ne!(last["complete"], json!(true));
        last = give("sys/rekey/update", &begun["nonce"], &share.to_text()).1;
    }
    assert_eq!(last["complete"], json!(true));
    let keys = last["keys_base64"].as_array().expect("keys").clone();
    let nonce = last["verification_nonce"].clone();
    // Who has the new shares is told what they are for.
    let get = |path: &str| send(&vault, Method::Get, path, &Value::Null).1;
    let waiting = get("sys/rekey/verify");
    assert_eq!(
        (&waiting["nonce"], &waiting["t"], &waiting["n"]),
        (&nonce, &json!(2), &json!(2))
    );
    let (shown, begun_so) = (get("sys/rekey/init"), json!(true));
    assert_eq!((&shown["nonce"], &shown["started"]), (&nonce, &begun_so));
    for key in &keys {
        let body = json!({"nonce": nonce, "key": key});
        last = put("sys/rekey/verify", body).1;
    }
    assert_eq!(last["complete"], json!(true));
    let (status, _) = send(&vault, Method::Get, "sys/rekey/verify", &Value::Null);
    assert_eq!(status, 400);
    vault.seal().expect("sealed");
    for key in &keys {
        assert_eq!(put("sys/unseal", json!({"key": key})).0, 200);
    }
    assert!(!vault.status().expect("status").sealed());

    // Nothing of it in a namespace; and a token that may not is not asked for shares.
    let (root, path) = (init.root_token().expose(), "sys/namespaces/team");
    let made = vault.handle(&ApiRequest::new(Method::Post, path).token(root));
    assert_eq!(made.status(), 200);
    let start = |request: ApiRequest| vault.handle(&request.body(body.to_string().as_bytes()));
    let inside = ApiRequest::new(Method::Put, "sys/rekey/init").namespace("team");
    assert_eq!(start(inside).status(), 403);
    let wrong = ApiRequest::new(Method::Put, "sys/rekey/init").token("hvs.wrong");
    assert_eq!(start(wrong).status(), 403);
    assert_eq!(put("sys/rekey/init", body.clone()).0, 200);
    assert_eq!(
        send(&vault, Method::Delete, "sys/rekey/init", &Value::Null).0,
        204
    );
    assert_eq!(
        give(
            "sys/rekey/update",
            &begun["nonce"],
            &init.shares()[0].to_text()
        )
        .0,
        400
    );
}
