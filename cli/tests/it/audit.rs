//! Audit devices, and the verification of their lines.

use crate::rig::Rig;

fn audited() -> Rig {
    let rig = Rig::new();
    let file = format!("file_path={}", rig.path("audit.log").display());
    let run = rig.ok(&["audit", "enable", "file", &file]);
    assert_eq!(
        run.out,
        "Success! Enabled the file audit device at: file/\n"
    );
    rig
}

#[test]
fn devices_are_enabled_listed_and_disabled() {
    let rig = Rig::bare();
    assert_eq!(
        rig.call(&["audit", "list"]).fails(2).err,
        "Error: no audit devices are enabled\n"
    );
    assert_eq!(
        rig.ok(&["audit", "list", "-format=json"]).json(),
        serde_json::json!({})
    );
    let file = format!("file_path={}", rig.path("a.log").display());
    rig.ok(&[
        "audit",
        "enable",
        "-path=trail",
        "-description=the trail",
        "file",
        &file,
    ]);
    assert_eq!(
        rig.ok(&["audit", "list"]).row("trail/"),
        "file    the trail"
    );
    assert!(
        rig.ok(&["audit", "list", "-detailed"])
            .row("trail/")
            .contains("map[file_path:")
    );
    assert_eq!(
        rig.ok(&["audit", "list", "-format=json"]).json()["trail/"]["type"],
        "file"
    );
    let run = rig.ok(&["audit", "disable", "trail"]);
    assert_eq!(
        run.out,
        "Success! Disabled audit device (if it was enabled) at: trail/\n"
    );
    rig.call(&["audit", "list"]).fails(2);
    rig.call(&["audit", "enable", "none-such"]).fails(2);
    rig.call(&["audit", "enable", "file"]).fails(2);
    rig.call(&["audit", "enable"]).fails(1);
}

#[test]
fn lines_of_many_processes_are_whole() {
    let rig = audited();
    for number in 0..3 {
        rig.ok(&["kv", "put", "secret/a", &format!("x=hunter{number}")]);
    }
    let run = rig.ok(&["audit", "verify", "file", "audit.log"]);
    assert!(run.out.ends_with("The lines are whole.\n"), "{run:?}");
    let told = rig
        .ok(&["audit", "verify", "-format=json", "file", "audit.log"])
        .json();
    assert_eq!(told["whole"], true);
    assert!(told["runs"].as_array().expect("runs").len() >= 4);
    let log = rig.read("audit.log");
    assert!(!log.contains("hunter") && !log.contains(&rig.root));
    assert_eq!(
        rig.call(&["audit", "verify", "file", "-"])
            .input(&log)
            .ok()
            .code,
        0
    );
}

#[test]
fn a_changed_line_is_found() {
    let rig = audited();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    let log = rig.read("audit.log");
    rig.write(
        "edited.log",
        log.replacen("secret/data/a", "secret/data/b", 1),
    );
    let run = rig.run(&["audit", "verify", "file", "edited.log"]);
    assert_eq!(run.code, 2);
    assert!(
        run.out.contains("WRONG: line ") && run.out.ends_with("NOT whole.\n"),
        "{run:?}"
    );
    let lines: Vec<&str> = log.lines().collect();
    rig.write(
        "cut.log",
        [&lines[..2], &lines[3..]].concat().join("\n") + "\n",
    );
    let run = rig.run(&["audit", "verify", "-format=json", "file", "cut.log"]);
    assert_eq!((run.code, &run.json()["whole"]), (2, &false.into()));
}

#[test]
fn rotated_files_are_one_behind_the_other() {
    let rig = audited();
    rig.ok(&["kv", "put", "secret/a", "x=1"]);
    std::fs::rename(rig.path("audit.log"), rig.path("audit.log.1")).expect("moved");
    rig.ok(&["kv", "put", "secret/a", "x=2"]);
    rig.ok(&["audit", "verify", "file", "audit.log.1", "audit.log"]);
    assert_eq!(rig.run(&["audit", "verify", "file", "audit.log"]).code, 2);
    rig.call(&["audit", "verify", "file", "none.log"]).fails(1);
    rig.call(&["audit", "verify", "file"]).fails(1);
    rig.call(&["audit", "verify", "none", "audit.log"]).fails(2);
}

#[test]
fn a_hash_finds_a_value_in_the_lines() {
    let rig = audited();
    rig.ok(&["kv", "put", "secret/a", "x=hunter2"]);
    let hash = rig
        .call(&["audit", "hash", "-field=hash", "file", "-"])
        .input("hunter2\n")
        .ok()
        .out;
    assert!(hash.starts_with("hmac-sha256:"));
    assert!(rig.read("audit.log").contains(&hash));
    rig.write("value", "hunter2");
    assert_eq!(
        rig.ok(&["audit", "hash", "-field=hash", "file", "@value"])
            .out,
        hash
    );
}

#[test]
fn the_owner_is_named_as_such() {
    let rig = audited();
    rig.call(&["kv", "put", "--owner", "secret/a", "x=1"])
        .nobody()
        .ok();
    assert!(rig.read("audit.log").contains("owner"));
}

#[test]
fn no_record_no_work() {
    let rig = Rig::new();
    let log = rig.path("log");
    std::fs::create_dir(&log).expect("folder");
    let file = format!("file_path={}", log.join("a.log").display());
    rig.ok(&["audit", "enable", "file", &file]);
    std::fs::remove_dir_all(&log).expect("gone");
    std::fs::write(&log, "no folder").expect("file");
    rig.call(&["kv", "put", "secret/a", "x=1"]).fails(2);
    std::fs::remove_file(&log).expect("gone");
    std::fs::create_dir(&log).expect("folder");
    rig.call(&["kv", "get", "secret/a"]).fails(2);
}
