//! Making a vault, opening and sealing it.

use crate::rig::{Rig, mode};

#[test]
fn init_shows_shares_and_a_root_token_once() {
    let rig = Rig::empty();
    let run = rig.call(&["operator", "init"]).without_key().ok();
    let shares = run
        .lines()
        .iter()
        .filter(|line| line.starts_with("Unseal Key "))
        .count();
    assert_eq!(shares, 5);
    assert!(run.out.contains(": vcs1-1-"));
    assert!(run.out.contains("Initial Root Token: hvs."));
    assert!(run.out.contains("5 shares; any 3 of them"));
    assert_eq!(mode(&rig.path("app.vault")), 0o600);
    let again = rig.call(&["operator", "init"]).without_key().fails(2);
    assert!(again.err.contains("already"), "{again:?}");
}

#[test]
fn init_tells_programs_what_vault_tells_them() {
    let rig = Rig::empty();
    let words = [
        "operator",
        "init",
        "-key-shares=3",
        "-key-threshold=2",
        "-format=json",
    ];
    let made = rig.call(&words).without_key().ok().json();
    for name in ["unseal_keys_b64", "unseal_keys_hex", "unseal_keys_text"] {
        assert_eq!(made[name].as_array().expect("shares").len(), 3);
    }
    assert_eq!(made["unseal_keys_hex"][0].as_str().expect("hex").len(), 66);
    assert_eq!(
        (&made["unseal_shares"], &made["unseal_threshold"]),
        (&3.into(), &2.into())
    );
    assert!(
        made["root_token"]
            .as_str()
            .expect("token")
            .starts_with("hvs.")
    );
}

#[test]
fn init_prints_one_field() {
    let rig = Rig::empty();
    let run = rig.ok(&["operator", "init", "-field=root_token"]);
    assert!(run.out.starts_with("hvs.") && !run.out.contains('\n'));
    rig.call(&["token", "lookup"]).token(&run.out).ok();
}

#[test]
fn init_makes_a_key_file_that_opens_the_vault() {
    let rig = Rig::bare();
    assert_eq!(mode(&rig.path("app.key")), 0o600);
    assert_eq!(rig.read_bytes("app.key").len(), 32);
    assert_eq!(rig.ok(&["status"]).row("Sealed"), "false");
}

#[test]
fn init_writes_shares_into_files_of_their_own() {
    let rig = Rig::empty();
    let words = [
        "operator",
        "init",
        "-n",
        "3",
        "-t",
        "2",
        "--share-dir=shares",
    ];
    let run = rig.call(&words).without_key().ok();
    assert!(!run.out.contains("vcs1-") && run.out.contains("Give each share"));
    for number in 1..=3 {
        let file = rig.path(&format!("shares/share-{number}.txt"));
        assert_eq!(mode(&file), 0o600);
    }
    let words = [
        "status",
        "--share-file=shares/share-1.txt",
        "--share-file=shares/share-3.txt",
    ];
    rig.call(&words).without_key().ok();
}

#[test]
fn shares_in_files_are_not_in_json() {
    let rig = Rig::empty();
    let made = rig
        .ok(&["operator", "init", "--share-dir=shares", "-format=json"])
        .json();
    assert!(made.get("unseal_keys_hex").is_none() && made["root_token"].is_string());
}

#[test]
fn init_makes_nothing_if_the_shares_have_nowhere_to_go() {
    let rig = Rig::empty();
    std::fs::create_dir(rig.path("shares")).expect("folder");
    rig.write("shares/old", "x");
    rig.call(&["operator", "init", "--share-dir=shares"])
        .without_key()
        .fails(1);
    assert!(!rig.path("app.vault").exists());
}

#[test]
fn init_needs_something_that_opens_the_vault() {
    let rig = Rig::empty();
    rig.call(&["operator", "init", "-key-shares=0"])
        .without_key()
        .fails(1);
    let run = rig.ok(&["operator", "init", "-key-shares=0"]);
    assert!(run.out.contains("no shares") && !run.out.contains("Give each share"));
    let status = rig.ok(&["status"]);
    assert_eq!(
        (status.row("Total Shares"), status.row("Sealed")),
        ("0", "false")
    );
}

#[test]
fn init_refuses_a_sharing_that_cannot_be() {
    let rig = Rig::empty();
    for (shares, threshold, code) in [("5", "1", 2), ("2", "3", 2), ("256", "3", 1), ("x", "1", 1)]
    {
        let words = ["operator", "init", "-n", shares, "-t", threshold];
        rig.call(&words).without_key().fails(code);
        let status = rig.call(&["operator", "init", "-status"]).run();
        assert_eq!(status.code, 2, "there is a vault of {shares}/{threshold}");
    }
}

#[test]
fn init_with_a_passphrase_file() {
    let rig = Rig::empty();
    rig.write("pass", "correct horse battery\nignored\n");
    rig.call(&["operator", "init", "--passphrase-file=pass"])
        .without_key()
        .ok();
    rig.call(&["status", "--passphrase-file=pass"])
        .without_key()
        .ok();
    let words = ["status", "--passphrase-file", "-"];
    rig.call(&words)
        .without_key()
        .input("correct horse battery\n")
        .ok();
    let wrong = rig
        .call(&words)
        .without_key()
        .input("wrong horse\n")
        .secret("wrong horse")
        .fails(2);
    assert!(wrong.err.contains("passphrase"), "{wrong:?}");
}

#[test]
fn init_status_says_whether_the_vault_is_there() {
    let rig = Rig::empty();
    rig.call(&["operator", "init", "-status"]).fails(2);
    rig.call(&["operator", "init", "-status", "--vault=etcd://host"])
        .fails(1);
    rig.ok(&["operator", "init"]);
    rig.ok(&["operator", "init", "-status"]);
}

#[test]
fn status_is_2_for_a_sealed_vault_and_asks_nobody() {
    let rig = Rig::bare();
    let run = rig.call(&["status"]).without_key().run();
    assert_eq!((run.code, run.row("Sealed")), (2, "true"));
    assert_eq!((run.row("Total Shares"), run.row("Threshold")), ("3", "2"));
    let open = rig.ok(&["status", "-format=json"]).json();
    assert_eq!(
        (&open["sealed"], &open["initialized"]),
        (&false.into(), &true.into())
    );
    assert_eq!((&open["t"], &open["n"]), (&2.into(), &3.into()));
    assert_eq!(rig.ok(&["status", "-field=sealed"]).out, "false");
}

#[test]
fn status_needs_a_vault() {
    let rig = Rig::empty();
    rig.call(&["status"]).fails(1);
    assert!(!rig.path("app.vault").exists(), "looking makes no file");
    rig.write("app.vault", "this is no vault");
    rig.call(&["status"]).fails(2);
}

#[test]
fn unseal_checks_shares_and_keeps_nothing() {
    let rig = Rig::bare();
    let words = [
        "operator",
        "unseal",
        "--share-file=share-0",
        "--share-file=share-2",
    ];
    let run = rig.call(&words).without_key().ok();
    assert_eq!(run.row("Sealed"), "false");
    assert_eq!(rig.call(&["status"]).without_key().run().code, 2);
}

#[test]
fn unseal_takes_shares_as_arguments_files_and_standard_input() {
    let rig = Rig::bare();
    let words = ["operator", "unseal", &rig.shares[0], "@share-1"];
    rig.call(&words).without_key().ok();
    let words = ["operator", "unseal", "-", "@share-1"];
    rig.call(&words).without_key().input(&rig.shares[0]).ok();
    let both = rig.shares[..2].join("\n");
    let words = ["operator", "unseal", "--share-file=-"];
    rig.call(&words).without_key().input(both).ok();
}

#[test]
fn unseal_says_2_for_too_few_shares() {
    let rig = Rig::bare();
    let run = rig
        .call(&["operator", "unseal", "@share-1"])
        .without_key()
        .run();
    assert_eq!((run.code, run.row("Unseal Progress")), (2, "1/2"));
    let words = ["operator", "unseal", "@share-1", "@share-1"];
    assert_eq!(
        rig.call(&words).without_key().run().code,
        2,
        "a share twice is one share"
    );
    let words = ["kv", "list", "secret", "--share-file=share-1"];
    let run = rig.call(&words).without_key().fails(2);
    assert!(run.err.contains("1 of 2"), "{run:?}");
}

#[test]
fn a_wrong_share_is_named_and_not_quoted() {
    let (rig, other) = (Rig::bare(), Rig::bare());
    rig.write("other", &other.shares[1]);
    let words = ["operator", "unseal", "@share-0", "@other"];
    let run = rig
        .call(&words)
        .without_key()
        .secret(&other.shares[1])
        .fails(2);
    assert!(run.err.contains('2'), "its number: {run:?}");
    let mistyped = format!("{}x", &rig.shares[0][..rig.shares[0].len() - 1]);
    let words = ["operator", "unseal", mistyped.as_str()];
    rig.call(&words).without_key().secret(&mistyped).fails(2);
}

#[test]
fn shares_in_the_form_of_vault_are_taken() {
    let rig = Rig::empty();
    let words = ["operator", "init", "-n=3", "-t=2", "-format=json"];
    let made = rig.call(&words).without_key().ok().json();
    for name in ["unseal_keys_hex", "unseal_keys_b64"] {
        let share = |index: usize| made[name][index].as_str().expect("share").to_owned();
        let words = [
            "operator".to_owned(),
            "unseal".to_owned(),
            share(2),
            share(0),
        ];
        rig.call(&words).without_key().ok();
    }
}

#[test]
fn every_command_opens_the_vault_by_shares() {
    let rig = Rig::new();
    rig.write("both", rig.shares[1..].join("\n"));
    let words = ["kv", "put", "secret/a", "x=1", "--share-file=both"];
    rig.call(&words).without_key().ok();
    let words = ["kv", "get", "-field=x", "secret/a", "--share-file", "both"];
    assert_eq!(rig.call(&words).without_key().ok().out, "1");
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let rig = Rig::bare();
    let run = rig.call(&["kv", "list", "secret"]).without_key().fails(1);
    assert!(run.err.contains("--share-file"), "{run:?}");
}

#[test]
fn seal_takes_leave() {
    let rig = Rig::bare();
    rig.ok(&["operator", "seal"]);
    let token = rig
        .ok(&["token", "create", "-policy=default", "-field=token"])
        .out;
    rig.call(&["operator", "seal"]).token(&token).fails(2);
}

impl Rig {
    fn read_bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("read")
    }
}
