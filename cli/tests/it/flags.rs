//! Flags, variables, help and exit codes.

use crate::rig::{Rig, mode};

#[test]
fn one_dash_and_two_are_the_same() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    for words in [
        &["kv", "get", "-field=x", "secret/a"][..],
        &["kv", "get", "--field=x", "secret/a"],
        &["kv", "get", "-field", "x", "secret/a"],
        &["kv", "get", "--field", "x", "secret/a"],
        &["kv", "get", "secret/a", "-field=x"],
        &["-field=x", "kv", "get", "secret/a"],
        &["kv", "-field=x", "get", "secret/a"],
        &["kv", "get", "-field=x", "--", "secret/a"],
    ] {
        assert_eq!(rig.ok(words).out, "1", "{words:?}");
    }
}

#[test]
fn nothing_behind_two_dashes_is_a_flag() {
    let rig = Rig::bare();
    rig.ok(&["write", "cubbyhole/a", "--", "-field=x"]);
    assert_eq!(rig.data(&["read", "cubbyhole/a"])["-field"], "x");
}

#[test]
fn a_wrong_command_line_is_1() {
    let rig = Rig::bare();
    for words in [
        &["none-such"][..],
        &["kv", "none-such"],
        &["kv", "get"],
        &["kv", "get", "a", "b"],
        &["kv", "get", "-none-such", "a"],
        &["kv", "get", "-format=toml", "a"],
        &["kv", "get", "-version", "a"],
        &["read"],
        &["kv", "put", "secret/a"],
        &["status", "-passphrase", "-passphrase-file=x"],
        &["completions", "none-such"],
    ] {
        rig.call(words).fails(1);
    }
}

#[test]
fn a_wrong_command_line_is_not_quoted() {
    let rig = Rig::bare();
    for words in [
        &["hunter2-hunter2"][..],
        &["kv", "get", "secret/a", "hunter2-hunter2"],
        &["kv", "hunter2-hunter2"],
        &["kv", "get", "-version=hunter2-hunter2", "secret/a"],
        &["kv", "get", "-password=hunter2-hunter2", "secret/a"],
        &["kv", "get", "--password", "hunter2-hunter2", "secret/a"],
        &["kv", "put", "secret/a", "hunter2-hunter2"],
        &["kv", "put", "secret/a", "x=@hunter2-hunter2"],
        &["login", "a", "hunter2-hunter2"],
        &["kv", "get", "-format=hunter2-hunter2", "secret/a"],
        &["operator", "unseal", "hunter2-hunter2"],
        &["kv", "get", "-field=hunter2-hunter2", "secret/a"],
    ] {
        let run = rig.call(words).secret("hunter2-hunter2").run();
        assert_ne!(run.code, 0, "{words:?}");
    }
}

#[test]
fn a_mistyped_word_is_helped() {
    let rig = Rig::bare();
    assert!(
        rig.call(&["kv", "gett", "a"])
            .fails(1)
            .err
            .contains("did you mean get?")
    );
    assert!(
        rig.call(&["kv", "get", "-feild=x", "a"])
            .fails(1)
            .err
            .contains("--field")
    );
}

#[test]
fn help_is_0_and_has_examples() {
    let rig = Rig::empty();
    for words in [
        &["--help"][..],
        &["-help"],
        &["-h"],
        &["kv", "-help"],
        &["kv", "put", "-help"],
    ] {
        let run = rig.ok(words);
        assert!(run.out.contains("Usage: vaultcore"), "{words:?}");
    }
    assert!(rig.ok(&["--help"]).out.contains("Exit codes: 0"));
    for verb in [
        &["kv", "put"][..],
        &["kv", "get"],
        &["kv", "patch"],
        &["kv", "delete"],
        &["login"],
        &["kv", "undelete"],
        &["kv", "destroy"],
        &["kv", "rollback"],
        &["read"],
        &["write"],
        &["delete"],
        &["list"],
        &["unwrap"],
        &["status"],
        &["operator", "init"],
        &["operator", "unseal"],
        &["operator", "rekey"],
        &["policy", "write"],
        &["policy", "fmt"],
        &["policy", "explain"],
        &["policy", "diff"],
        &["policy", "lint"],
        &["token", "create"],
        &["token", "lookup"],
        &["token", "revoke"],
        &["audit", "enable"],
        &["audit", "verify"],
        &["secrets", "enable"],
        &["auth", "enable"],
        &["kv", "metadata", "put"],
        &["completions"],
    ] {
        let run = rig.ok(&[verb, &["--help"]].concat());
        assert!(run.out.contains("Example"), "{verb:?} has no example");
    }
}

#[test]
fn no_command_shows_help_and_is_1() {
    let rig = Rig::empty();
    for words in [
        &[][..],
        &["kv"],
        &["operator"],
        &["operator", "slots"],
        &["kv", "metadata"],
    ] {
        let run = rig.run(words);
        assert_eq!((run.code, run.out.as_str()), (1, ""));
        assert!(run.err.contains("Usage: vaultcore"), "{words:?}: {run:?}");
    }
}

#[test]
fn the_version_is_told() {
    let rig = Rig::empty();
    let version = format!("vaultcore {}\n", env!("CARGO_PKG_VERSION"));
    for word in ["--version", "-version", "-V"] {
        assert_eq!(rig.ok(&[word]).out, version);
    }
}

#[test]
fn which_vault_is_asked_for() {
    let rig = Rig::bare();
    let run = rig.call(&["status"]).without("VAULTCORE_VAULT").fails(1);
    assert!(run.err.contains("VAULTCORE_VAULT"));
    rig.call(&["status"]).env("VAULTCORE_VAULT", "").fails(1);
    for place in [
        "app.vault",
        "./app.vault",
        "sqlite:app.vault",
        "sqlite://app.vault",
    ] {
        rig.call(&["status", "--vault", place])
            .without("VAULTCORE_VAULT")
            .ok();
    }
    for place in ["postgres://host/db", "sqlite:", "etcd://host", "memory://"] {
        rig.call(&["status", "--vault", place]).fails(1);
    }
    rig.call(&["status", "--vault", "."]).fails(2);
}

#[test]
fn a_flag_goes_before_a_variable() {
    let rig = Rig::bare();
    rig.call(&["status"])
        .env("VAULTCORE_KEY_FILE", "none.key")
        .fails(1);
    rig.call(&["status", "--key-file=app.key"])
        .env("VAULTCORE_KEY_FILE", "none.key")
        .ok();
    let words = ["status", "--share-file=share-0", "--share-file=share-1"];
    rig.call(&words).env("VAULTCORE_KEY_FILE", "none.key").ok();
    rig.write("pass", "correct horse");
    rig.ok(&[
        "operator",
        "slots",
        "add",
        "passphrase",
        "--new-passphrase-file=pass",
    ]);
    rig.call(&["status"])
        .without_key()
        .env("VAULTCORE_PASSPHRASE_FILE", "pass")
        .ok();
}

#[test]
fn the_format_comes_from_a_variable() {
    let rig = Rig::bare();
    assert_eq!(
        rig.call(&["status"])
            .env("VAULTCORE_FORMAT", "json")
            .ok()
            .json()["n"],
        3
    );
    let words = ["status", "-format=table"];
    assert_eq!(
        rig.call(&words)
            .env("VAULTCORE_FORMAT", "json")
            .ok()
            .row("Total Shares"),
        "3"
    );
    rig.call(&["status"])
        .env("VAULTCORE_FORMAT", "toml")
        .fails(1);
}

#[test]
fn yaml_says_what_json_says() {
    let rig = Rig::new();
    rig.ok(&[
        "kv",
        "put",
        "secret/app",
        "user=app",
        "port=5432",
        "word=no",
    ]);
    let told = rig.ok(&["kv", "get", "-format=yaml", "secret/app"]).out;
    for line in [
        "  data:\n    port: \"5432\"\n    user: app\n    word: \"no\"\n",
        "    version: 1\n",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let list = rig
        .call(&["kv", "list", "secret"])
        .env("VAULTCORE_FORMAT", "yaml");
    assert_eq!(list.ok().out, "- app\n");
    let field = ["kv", "get", "-format=yaml", "-field=user", "secret/app"];
    assert_eq!(rig.ok(&field).out, "app\n");
    assert_eq!(
        rig.ok(&["policy", "list", "-format=yaml"]).out,
        "- default\n- root\n"
    );
    let mounts = rig.ok(&["secrets", "list", "-format=yaml"]).out;
    assert!(
        mounts.starts_with("cubbyhole/:\n  accessor: cubbyhole_"),
        "{mounts}"
    );
    for words in [
        &["operator", "slots", "list", "-format=yaml"][..],
        &["operator", "key-status", "-format=yaml"],
        &["status", "-format=yaml"],
        &["token", "lookup", "-format=yaml"],
        &["policy", "explain", "-format=yaml", "read", "secret/app"],
    ] {
        let told = rig.ok(words).out;
        assert!(
            told.contains(": ") && !told.contains('{') || told.contains("{}"),
            "{told}"
        );
    }
}

#[test]
fn there_is_no_colour_whatever_the_variables_say() {
    let rig = Rig::bare();
    for (name, value) in [
        ("NO_COLOR", "1"),
        ("CLICOLOR_FORCE", "1"),
        ("TERM", "xterm-256color"),
    ] {
        for words in [&["--help"][..], &["status"], &["none-such"]] {
            let run = rig.call(words).env(name, value).run();
            assert!(!run.out.contains('\u{1b}') && !run.err.contains('\u{1b}'));
        }
    }
}

#[test]
fn programs_are_told_nothing_beside_json() {
    let rig = Rig::new();
    for words in [
        &["kv", "put", "secret/a", "x=1"][..],
        &["kv", "delete", "secret/a"],
        &["kv", "metadata", "get", "secret/a"],
        &["secrets", "list"],
        &["auth", "list"],
        &["policy", "list"],
        &["token", "lookup"],
        &["token", "create"],
        &["operator", "key-status"],
        &["operator", "rotate"],
        &["operator", "slots", "list"],
        &["operator", "unseal"],
        &["read", "sys/health"],
        &["write", "cubbyhole/a", "k=v"],
        &["read", "cubbyhole/a"],
        &["list", "cubbyhole"],
        &["delete", "cubbyhole/a"],
    ] {
        let run = rig.ok(&[words, &["-format=json"]].concat());
        assert_eq!(run.err, "", "{words:?}");
        if !run.out.is_empty() {
            assert!(run.out.starts_with(['{', '[']), "{words:?}: {}", run.out);
            run.json();
        }
    }
}

#[test]
fn files_are_private_under_any_umask() {
    let rig = Rig::empty();
    let line = format!(
        "umask 0 && exec '{}' operator init --share-dir=shares --vault=v --key-file=k",
        crate::rig::BINARY
    );
    let mut shell = std::process::Command::new("sh");
    let output = shell
        .args(["-c", &line])
        .current_dir(rig.folder())
        .output()
        .expect("sh");
    assert!(output.status.success());
    for name in ["v", "k", "shares/share-1.txt"] {
        assert_eq!(mode(&rig.path(name)), 0o600, "{name}");
    }
}
