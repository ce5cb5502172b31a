//! Several command lines on one vault at once, and some that are killed.

use std::process::Child;
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

fn start(rig: &Rig, words: &[&str]) -> Child {
    let mut command = rig.call(words).into_command();
    command
        .stdin(std::process::Stdio::null())
        .spawn()
        .expect("started")
}

#[test]
fn one_that_is_killed_harms_nobody() {
    let rig = Rig::new();
    rig.ok(&["kv", "put", "secret/n", "n=0", "m=0"]);
    for round in 1..=12_u64 {
        let both = [format!("n={round}"), format!("m={round}")];
        let mut child = start(&rig, &["kv", "put", "secret/n", &both[0], &both[1]]);
        // Longer each round, so that it is hit before, in and behind its commit.
        let mut looks = 0;
        while looks < round * 3 && child.try_wait().expect("asked").is_none() {
            let _ = std::fs::metadata(rig.path("app.vault"));
            looks += 1;
            thread::yield_now();
        }
        let _ = child.kill();
        child.wait().expect("ended");
        let data = rig.data(&["kv", "get", "secret/n"]);
        assert_eq!(data["data"]["n"], data["data"]["m"], "all of it or nothing");
    }
    rig.ok(&["kv", "put", "secret/n", "n=x", "m=x"]);
    rig.ok(&["operator", "rewrap"]);
}

#[test]
fn one_that_is_killed_between_two_leaves_a_vault_that_works() {
    let rig = Rig::new();
    for verb in [
        &["operator", "rotate"][..],
        &["operator", "rewrap"],
        &["operator", "rotate", "--root"],
    ] {
        for pause in [1, 5, 20] {
            let mut child = start(&rig, verb);
            for _ in 0..pause {
                let _ = std::fs::metadata(rig.path("app.vault"));
                thread::yield_now();
            }
            let _ = child.kill();
            child.wait().expect("ended");
            rig.ok(&["kv", "put", "secret/a", "x=1"]);
        }
    }
    rig.call(&["operator", "unseal", "@share-0", "@share-1"])
        .without_key()
        .ok();
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
