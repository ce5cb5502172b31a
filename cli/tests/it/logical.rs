//! `read`, `write`, `patch`, `delete`, `list`, `scan`, `unwrap`: any path of the API.

use crate::rig::Rig;

#[test]
fn what_is_written_is_read_listed_and_deleted() {
    let rig = Rig::bare();
    let run = rig.ok(&["write", "cubbyhole/a", "k=v", "n=1"]);
    assert_eq!(run.out, "Success! Data written to: cubbyhole/a\n");
    let read = rig.ok(&["read", "cubbyhole/a"]);
    assert_eq!(read.out, "Key    Value\n---    -----\nk      v\nn      1\n");
    assert_eq!(rig.ok(&["read", "-field=k", "cubbyhole/a"]).out, "v");
    assert_eq!(rig.data(&["read", "/cubbyhole/a"])["k"], "v");
    assert_eq!(rig.ok(&["list", "cubbyhole"]).out, "Keys\n----\na\n");
    let run = rig.ok(&["delete", "cubbyhole/a"]);
    assert_eq!(
        run.out,
        "Success! Data deleted (if it existed) at: cubbyhole/a\n"
    );
    assert_eq!(
        rig.call(&["read", "cubbyhole/a"]).fails(2).err,
        "Error: no value found\n"
    );
    rig.call(&["list", "cubbyhole"]).fails(2);
}

#[test]
fn a_write_has_data_or_says_that_it_has_none() {
    let rig = Rig::bare();
    rig.ok(&["secrets", "enable", "transit"]);
    rig.call(&["write", "transit/keys/k"]).fails(1);
    for force in ["-f", "-force", "--force"] {
        rig.ok(&["write", force, "transit/keys/k"]);
    }
}

#[test]
fn transit_encrypts_signs_and_rotates() {
    let rig = Rig::bare();
    rig.ok(&["secrets", "enable", "transit"]);
    rig.ok(&["write", "-f", "transit/keys/k"]);
    let words = [
        "write",
        "-field=ciphertext",
        "transit/encrypt/k",
        "plaintext=-",
    ];
    let ciphertext = rig.call(&words).input("aGVsbG8=").ok().out;
    assert!(ciphertext.starts_with("vault:v1:"));
    rig.ok(&["write", "-f", "transit/keys/k/rotate"]);
    let given = format!("ciphertext={ciphertext}");
    let words = ["write", "-field=ciphertext", "transit/rewrap/k", &given];
    let rewrapped = rig.ok(&words).out;
    assert!(rewrapped.starts_with("vault:v2:"));
    rig.write("cipher", &rewrapped);
    let words = [
        "write",
        "-field=plaintext",
        "transit/decrypt/k",
        "ciphertext=@cipher",
    ];
    assert_eq!(rig.ok(&words).out, "aGVsbG8=");
    rig.ok(&["write", "transit/keys/s", "type=ed25519"]);
    let words = ["write", "-field=signature", "transit/sign/s", "input=aGk="];
    let signature = format!("signature={}", rig.ok(&words).out);
    let words = [
        "write",
        "-field=valid",
        "transit/verify/s",
        "input=aGk=",
        &signature,
    ];
    assert_eq!(rig.ok(&words).out, "true");
    assert_eq!(rig.ok(&["list", "transit/keys"]).lines()[2..], ["k", "s"]);
}

#[test]
fn every_kind_of_transit_key_is_there() {
    let rig = Rig::bare();
    rig.ok(&["secrets", "enable", "transit"]);
    for kind in [
        "aes128-gcm96",
        "chacha20-poly1305",
        "xchacha20-poly1305",
        "ecdsa-p256",
        "ecdsa-p521",
        "rsa-2048",
        "ml-dsa-65",
        "ml-kem-768",
        "hmac",
    ] {
        let mut words = vec!["write".to_owned(), format!("transit/keys/{kind}")];
        words.push(format!("type={kind}"));
        words.extend((kind == "hmac").then(|| "key_size=32".to_owned()));
        rig.ok(&words);
    }
}

#[test]
fn a_query_is_given_as_fields() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    rig.ok(&["kv", "put", "secret/a", "x=2"]);
    let words = ["read", "-format=json", "secret/data/a", "version=1"];
    assert_eq!(rig.ok(&words).json()["data"]["data"]["x"], "1");
    let run = rig.call(&["read", "secret/data/a?version=1"]).fails(1);
    assert!(run.err.contains('?'));
}

#[test]
fn what_stands_in_no_envelope_is_shown_too() {
    let rig = Rig::bare();
    let health = rig.call(&["read", "sys/health"]).nobody().ok();
    assert_eq!(health.row("initialized"), "true");
    assert_eq!(
        rig.ok(&["read", "-field=sealed", "sys/health"]).out,
        "false"
    );
    assert_eq!(
        rig.ok(&["read", "-format=json", "sys/seal-status"]).json()["n"],
        3
    );
    let metrics = rig.ok(&["read", "sys/metrics", "format=prometheus"]);
    assert!(metrics.out.starts_with("# "), "{}", metrics.out);
}

#[test]
fn patch_changes_a_part() {
    let rig = Rig::bare();
    rig.ok(&["namespace", "create", "team"]);
    let body = r#"{"custom_metadata": {"a": "b"}}"#;
    rig.call(&["patch", "sys/namespaces/team", "-"])
        .input(body)
        .ok();
    let data = rig.data(&["read", "sys/namespaces/team"]);
    assert_eq!(data["custom_metadata"]["a"], "b");
    rig.call(&["patch", "sys/namespaces/team"]).fails(1);
}

#[test]
fn scan_lists_all_below() {
    let rig = Rig::new();
    for path in ["secret/a/b/c", "secret/a/d"] {
        rig.ok(&["kv", "put", path, "x=1"]);
    }
    let run = rig.ok(&["scan", "secret/metadata"]);
    assert_eq!(run.lines()[2..], ["a/b/c", "a/d"]);
}

#[test]
fn an_error_of_the_vault_is_2_with_its_words() {
    let rig = Rig::bare();
    let run = rig.call(&["write", "auth/token/create", "ttl=x"]).fails(2);
    assert!(
        run.err.contains("ttl") && run.err.contains("(400)"),
        "{run:?}"
    );
    let run = rig.call(&["delete", "sys/health"]).fails(2);
    assert!(run.err.contains("(40"), "{run:?}");
    rig.call(&["write", "none/such", "a=b"]).fails(2);
}

#[test]
fn warnings_go_to_standard_error() {
    let rig = Rig::bare();
    let run = rig.ok(&["token", "create", "-policy=no-such-policy", "-field=token"]);
    assert!(run.err.starts_with("WARNING! "), "{run:?}");
    assert!(run.out.starts_with("hvs."));
}

#[test]
fn a_reply_is_wrapped_and_unwrapped_once() {
    let rig = Rig::bare();
    rig.ok(&["write", "cubbyhole/a", "k=v"]);
    let shown = rig.ok(&["read", "-wrap-ttl=60", "cubbyhole/a"]);
    assert_eq!(shown.row("wrapping_token_ttl:"), "1m");
    assert_eq!(shown.row("wrapping_token_creation_path:"), "cubbyhole/a");
    let token = shown.row("wrapping_token:").to_owned();
    assert_eq!(rig.ok(&["unwrap", "-field=k", &token]).out, "v");
    rig.call(&["unwrap", &token]).secret(&token).fails(2);
    let words = ["read", "-wrap-ttl=60", "-format=json", "cubbyhole/a"];
    let reply = rig.ok(&words).json();
    let token = reply["wrap_info"]["token"]
        .as_str()
        .expect("token")
        .to_owned();
    rig.write("wrapped", &token);
    assert_eq!(
        rig.call(&["unwrap", "@wrapped"]).nobody().ok().row("k"),
        "v"
    );
    rig.call(&["read", "-wrap-ttl=x", "cubbyhole/a"]).fails(2);
}

#[test]
fn without_an_argument_the_token_that_asks_is_unwrapped() {
    let rig = Rig::bare();
    let words = [
        "write",
        "-wrap-ttl=60",
        "-field=wrapping_token",
        "sys/wrapping/wrap",
        "a=b",
    ];
    let token = rig.ok(&words).out;
    assert_eq!(
        rig.call(&["unwrap", "-field=a"]).token(&token).ok().out,
        "b"
    );
    rig.call(&["unwrap", "-"]).input("").fails(1);
}

#[test]
fn durations_and_lists_are_shown_as_vault_shows_them() {
    let rig = Rig::bare();
    let run = rig.ok(&["token", "create", "-ttl=90m", "-policy=default"]);
    assert_eq!(run.row("token_duration"), "1h30m");
    assert_eq!(run.row("policies"), "[\"default\"]");
    rig.ok(&["secrets", "enable", "transit"]);
    let run = rig.ok(&["read", "sys/mounts/transit"]);
    assert!(run.row("config").starts_with("map[default_lease_ttl:0 "));
    assert_eq!(
        (run.row("options"), run.row("description")),
        ("<nil>", "n/a")
    );
}
