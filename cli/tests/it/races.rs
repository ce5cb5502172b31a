//! Several command lines on one vault at once, and some that are killed.

use std::process::Stdio;
use std::thread;

use crate::rig::Rig;

/// Adds one to the counter `secret/n`, as often as it takes to be the one who wins.
fn increment(rig: &Rig) {
    loop {
        let data = rig.data(&["kv", "get", "secret/n"]);
        let count: u64 = data["data"]["n"]
            .as_str()
            .expect("n")
            .parse()
            .expect("number");
        let cas = format!("-cas={}", data["metadata"]["version"]);
        let run = rig.run(&["kv", "put", &cas, "secret/n", &format!("n={}", count + 1)]);
        match run.code {
            0 => return,
            2 => assert!(run.err.contains("check-and-set"), "{run:?}"),
            _ => panic!("{run:?}"),
        }
    }
}

/// Returns what went wrong with a counter that was to reach `wanted`.
fn judge(rig: &Rig, wanted: u64) -> Option<String> {
    let found = rig.ok(&["kv", "get", "-field=n", "secret/n"]).out;
    (found != wanted.to_string()).then(|| format!("{found} of {wanted}"))
}

#[test]
fn two_command_lines_lose_no_update() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/n", "n=0"]);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..5).for_each(|_| increment(&rig)));
        }
    });
    assert_eq!(judge(&rig, 15), None);
    // The planted fault: two who read the same and write without saying what they expect.
    rig.ok(&["kv", "put", "secret/n", "n=16"]);
    rig.ok(&["kv", "put", "secret/n", "n=16"]);
    assert!(judge(&rig, 17).is_some(), "the judge sees a lost update");
}

#[test]
fn one_of_two_makes_the_vault() {
    let rig = Rig::empty();
    let runs: Vec<_> = thread::scope(|scope| {
        let init = || {
            rig.call(&["operator", "init", "-field=root_token"])
                .without_key()
                .run()
        };
        let made: Vec<_> = (0..4).map(|_| scope.spawn(init)).collect();
        made.into_iter()
            .map(|run| run.join().expect("ran"))
            .collect()
    });
    let won: Vec<_> = runs.iter().filter(|run| run.code == 0).collect();
    assert_eq!(won.len(), 1, "{runs:?}");
    assert!(
        runs.iter()
            .filter(|run| run.code != 0)
            .all(|run| run.code == 2),
        "{runs:?}"
    );
}

#[test]
fn many_logins_leave_one_whole_token_file() {
    let rig = Rig::bare();
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| rig.call(&["login", &rig.root]).nobody().ok());
        }
    });
    assert_eq!(rig.read(".vaultcore-token"), rig.root);
}

/// Starts a command, looks at it so often, and kills it. Returns how often it was looked at, and
/// whether it had ended well by then.
fn killed(rig: &Rig, words: &[&str], looks: u64) -> (u64, bool) {
    let mut command = rig.call(words).into_command();
    let mut child = command.stdin(Stdio::null()).spawn().expect("started");
    let mut looked = 0;
    while looked < looks && child.try_wait().expect("asked").is_none() {
        looked += 1;
        thread::yield_now();
    }
    let _ = child.kill();
    (looked, child.wait().expect("ended").success())
}

/// Returns whether what was found may be, after a write of `new` over `old`.
fn may_be(found: &str, old: u64, new: u64, acknowledged: bool) -> bool {
    found == new.to_string() || (!acknowledged && found == old.to_string())
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/n", "n=0"]);
    let (whole, done) = killed(&rig, &["kv", "put", "secret/n", "n=0"], u64::MAX);
    assert!(done);
    let (mut value, mut lost, mut kept) = (0, 0, 0);
    for round in 0..40 {
        // From before its beginning to behind its end; further if the machine has become slower.
        let looks = match round {
            0..24 => whole * round / 18,
            _ if kept > 0 => break,
            _ => whole << (round - 22),
        };
        let new = value + 1;
        let given = format!("n={new}");
        let (_, acknowledged) = killed(&rig, &["kv", "put", "secret/n", &given], looks);
        let found = rig.ok(&["kv", "get", "-field=n", "secret/n"]).out;
        assert!(
            may_be(&found, value, new, acknowledged),
            "{found} after {value} and {new}"
        );
        match found == new.to_string() {
            true => kept += 1,
            false => lost += 1,
        }
        value = found.parse().expect("number");
    }
    assert!(
        lost > 0 && kept > 0,
        "some were killed before, and some behind their commit"
    );
    // The planted faults: a lost write, and one that nobody made.
    assert!(!may_be("1", 1, 2, true) && !may_be("3", 1, 2, false));
}

#[test]
fn one_that_is_killed_in_a_ceremony_leaves_a_vault_that_works() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    for verb in [
        &["operator", "rotate"][..],
        &["operator", "rewrap"],
        &["operator", "rotate", "--root"],
        &["operator", "slots", "add", "key", "other.key"],
        &["operator", "rekey", "-n=2", "-t=2"],
    ] {
        let (whole, _) = killed(&rig, verb, u64::MAX);
        for round in 1..6 {
            killed(&rig, verb, whole * round / 6);
            assert_eq!(rig.ok(&["kv", "get", "-field=x", "secret/a"]).out, "1");
        }
    }
    rig.call(&["operator", "unseal", "@share-0", "@share-1"])
        .without_key()
        .ok();
    rig.ok(&["operator", "rotate"]);
    rig.ok(&["operator", "rewrap"]);
}

#[test]
fn an_init_that_is_killed_can_be_made_again_or_is_whole() {
    let rig = Rig::empty();
    let words = ["operator", "init", "-n=2", "-t=2", "--share-dir=shares"];
    let (whole, _) = killed(&rig, &words, u64::MAX);
    for round in 1..8 {
        for name in [
            "app.vault",
            "app.vault-wal",
            "app.vault-shm",
            "app.vault-lock",
            "app.key",
        ] {
            let _ = std::fs::remove_file(rig.path(name));
        }
        let _ = std::fs::remove_dir_all(rig.path("shares"));
        killed(&rig, &words, whole * round / 8);
        let there = rig.run(&["operator", "init", "-status"]).code == 0;
        let run = rig.run(&["operator", "init", "-n=2", "-t=2"]);
        assert_eq!(run.code, if there { 2 } else { 0 }, "{run:?}");
        rig.ok(&["status"]); // by the key file
    }
}

#[test]
fn a_new_root_key_of_one_does_not_stop_the_other() {
    let rig = Rig::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..3 {
                rig.ok(&["operator", "rotate", "--root"]);
            }
        });
        for _ in 0..8 {
            let run = rig.run(&["kv", "put", "secret/a", "x=1"]);
            // One that had the vault open is sealed by the change, and says so.
            assert!(run.code == 0 || run.err.contains("sealed"), "{run:?}");
        }
    });
    rig.ok(&["kv", "get", "secret/a"]);
}
