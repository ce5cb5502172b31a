//! Input that nobody means well by.

use crate::rig::{Rig, words};

#[test]
fn arguments_that_are_no_text_are_1() {
    let rig = Rig::new();
    for line in [
        &[&b"kv"[..], b"get", b"secret/\xff"][..],
        &[b"kv", b"put", b"secret/a", b"x=\xff\xfe"],
        &[b"\xff"],
        &[b"kv", b"get", b"-field=\xff", b"secret/a"],
        &[b"-\xff\xff=1", b"status"],
        &[b"login", b"\xc3\x28"],
        &[b"status", b"--namespace=\xff"],
    ] {
        rig.call(&words(line)).fails(1);
    }
}

#[test]
fn variables_that_are_no_text_are_1() {
    let rig = Rig::bare();
    let bad = words(&[b"\xff\xfe"]).remove(0);
    for name in ["VAULTCORE_TOKEN", "VAULTCORE_NAMESPACE", "VAULTCORE_FORMAT"] {
        rig.call(&["token", "lookup"]).env(name, &bad).fails(1);
    }
    rig.call(&["status"]).env("VAULTCORE_VAULT", &bad).fails(1);
}

#[test]
fn a_file_name_need_not_be_text() {
    let rig = Rig::empty();
    let place = words(&[b"vault-\xff"]).remove(0);
    rig.call(&["operator", "init"])
        .env("VAULTCORE_VAULT", &place)
        .ok();
    rig.call(&["status"]).env("VAULTCORE_VAULT", &place).ok();
}

#[test]
fn files_that_are_no_text_are_1() {
    let rig = Rig::new();
    rig.write("bytes", [0xff, 0xfe, 0x00]);
    rig.call(&["kv", "put", "secret/a", "x=@bytes"]).fails(1);
    rig.call(&["kv", "put", "secret/a", "@bytes"]).fails(1);
    rig.call(&["kv", "put", "secret/a", "x=-"])
        .input([0xff])
        .fails(1);
    rig.call(&["policy", "write", "p", "bytes"]).fails(1);
    rig.call(&["token", "lookup", "--token-file=bytes"])
        .nobody()
        .fails(1);
    rig.call(&["status", "--share-file=bytes"])
        .without_key()
        .fails(1);
    rig.call(&["status", "--passphrase-file=bytes"])
        .without_key()
        .fails(1);
    rig.call(&["status", "--key-file=bytes"])
        .without_key()
        .fails(1);
}

#[test]
fn huge_values_are_refused_by_the_vault_and_harm_nothing() {
    let rig = Rig::new();
    let large = "x".repeat(900_000);
    rig.call(&["kv", "put", "secret/a", "x=-"])
        .input(&large)
        .ok();
    assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, large);
    let huge = "x".repeat(3_000_000);
    let run = rig
        .call(&["kv", "put", "secret/a", "x=-"])
        .input(huge)
        .fails(2);
    assert!(run.err.len() < 300);
    assert_eq!(rig.ok(&["kv", "get", "secret/a"]).row("version"), "1");
}

#[test]
fn input_without_end_is_cut() {
    let rig = Rig::new();
    rig.call(&["kv", "put", "secret/a", "x=@/dev/zero"])
        .fails(1);
    rig.call(&["status", "--share-file=/dev/zero"])
        .without_key()
        .fails(1);
    rig.call(&["status", "--key-file=/dev/zero"])
        .without_key()
        .fails(1);
}

#[test]
fn huge_arguments_are_taken_or_refused() {
    let rig = Rig::new();
    let long = "x".repeat(100_000);
    rig.ok(&["kv", "put", "secret/a", &format!("x={long}")]);
    for line in [
        &["kv", "get", long.as_str()][..],
        &["kv", "get", "-field", &long, "secret/a"],
        &["read", &long],
        &["token", "lookup", &long],
        &["operator", "unseal", &long],
    ] {
        let run = rig.call(line).secret(&long).run();
        assert!(run.code == 1 || run.code == 2, "{}", run.code);
        assert!(run.err.len() < 300, "{}", run.err);
    }
    let flag = format!("--{long}");
    assert!(rig.call(&["status", &flag]).fails(1).err.len() < 300);
    let many = vec!["x=1"; 5_000];
    rig.ok(&[&["write", "cubbyhole/a"], &many[..]].concat());
}

#[test]
fn paths_that_cannot_be_are_refused() {
    let rig = Rig::new();
    for path in [
        "",
        "/",
        "secret/",
        "secret//a",
        "secret/../sys/mounts",
        "secret/./a",
        "secret/a\nb",
        "secret/\u{7}",
        "secret/a?list=true",
        "..",
        "secret/a/../../sys/seal",
    ] {
        let run = rig.run(&["kv", "put", path, "x=1"]);
        assert!(run.code == 1 || run.code == 2, "{path:?}: {run:?}");
        let run = rig.run(&["read", path]);
        assert!(run.code == 1 || run.code == 2, "{path:?}: {run:?}");
    }
    rig.ok(&["token", "lookup"]);
}

#[test]
fn deep_json_is_refused_without_a_crash() {
    let rig = Rig::new();
    let deep = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let run = rig.call(&["kv", "put", "secret/a", "-"]).input(deep).run();
    assert!(run.code == 1 || run.code == 2, "{}", run.code);
}

#[test]
fn a_stored_value_cannot_take_over_the_terminal() {
    let rig = Rig::new();
    rig.call(&["kv", "put", "secret/a", "x=-"])
        .input("\u{1b}]0;owned\u{7}\r\u{1b}[2J")
        .ok();
    let run = rig.ok(&["kv", "get", "secret/a"]);
    assert!(!run.out.contains('\u{1b}') && !run.out.contains('\r'));
    rig.call(&["kv", "put", "secret/a", "-"])
        .input("{\"\\u001b[2J\": \"x\"}")
        .ok();
    assert!(!rig.ok(&["kv", "get", "secret/a"]).out.contains('\u{1b}'));
}

#[test]
fn a_damaged_vault_is_2() {
    let rig = Rig::new();
    let file = rig.path("app.vault");
    let mut bytes = std::fs::read(&file).expect("read");
    let half = bytes.len() / 2;
    bytes.truncate(half);
    std::fs::write(&file, bytes).expect("written");
    let _ = std::fs::remove_file(rig.path("app.vault-wal"));
    rig.call(&["kv", "get", "secret/a"]).fails(2);
}

#[test]
fn nobody_reads_what_is_printed() {
    let rig = Rig::new();
    let mut command = rig.call(&["kv", "get", "secret/a"]).into_command();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    let output = command.stdout(full).output().expect("ended");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("Error: standard output"));
    let line = format!("'{}' kv get secret/a | true", crate::rig::BINARY);
    let mut shell = std::process::Command::new("sh");
    let shell = shell
        .args(["-c", &line])
        .env("VAULTCORE_VAULT", rig.path("app.vault"));
    let shell = shell.env("VAULTCORE_KEY_FILE", rig.path("app.key"));
    let output = shell
        .env("VAULTCORE_TOKEN", &rig.root)
        .output()
        .expect("sh");
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "",
        "a closed pipe is no news"
    );
}

#[test]
fn shares_that_could_not_be_shown_are_spoken_of() {
    let rig = Rig::empty();
    let mut command = rig.call(&["operator", "init"]).without_key().into_command();
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let output = command.stdout(full).output().expect("ended");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("delete"), "{told}");
}
