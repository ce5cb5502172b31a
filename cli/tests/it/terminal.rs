//! Prompts, at a terminal of their own.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use crate::rig::{Call, Rig};

/// What was seen at the terminal, and the exit code.
struct Seen {
    screen: String,
    out: String,
    err: String,
    code: i32,
}

/// Runs a command at a terminal, where a person answers each question with the next answer, and
/// checks that no answer was shown.
fn at_terminal(call: Call, answers: &[&str]) -> Seen {
    let seen = watched(call.into_command(), answers);
    assert_eq!(shown(&seen, answers), None);
    seen
}

/// Returns an answer that came out somewhere.
fn shown<'a>(seen: &Seen, answers: &[&'a str]) -> Option<&'a str> {
    let mut long = answers.iter().filter(|answer| answer.len() > 3);
    let found = long.find(|answer| seen.screen.contains(**answer) || seen.err.contains(**answer));
    found.copied()
}

fn watched(command: Command, answers: &[&str]) -> Seen {
    let (mut master, slave) = terminal();
    let mut child = start(command, slave);
    let (mut screen, mut asked, mut byte) = (String::new(), 0, [0]);
    // At the end of the command the terminal has no other side, and reading fails.
    while let Ok(1) = master.read(&mut byte) {
        screen.push(char::from(byte[0]));
        if screen.ends_with(": ") && asked < answers.len() {
            let line = format!("{}\n", answers[asked]);
            master.write_all(line.as_bytes()).expect("typed");
            asked += 1;
        } else if screen.ends_with(": ") {
            master.write_all(&[4]).expect("typed"); // the end of the file: nobody answers
        }
    }
    let text = |pipe: Option<&mut dyn Read>| {
        let mut text = String::new();
        pipe.expect("pipe").read_to_string(&mut text).expect("text");
        text
    };
    let out = text(child.stdout.as_mut().map(|pipe| pipe as &mut dyn Read));
    let err = text(child.stderr.as_mut().map(|pipe| pipe as &mut dyn Read));
    let code = child.wait().expect("ended").code().unwrap_or(-1);
    Seen {
        screen,
        out,
        err,
        code,
    }
}

/// Returns the two sides of a new terminal.
fn terminal() -> (File, OwnedFd) {
    let (mut master, mut slave) = (0, 0);
    let null = std::ptr::null_mut();
    // SAFETY: both descriptors are written, and nothing else is asked for.
    let opened = unsafe { libc::openpty(&mut master, &mut slave, null, null.cast(), null.cast()) };
    assert_eq!(opened, 0, "there is no terminal to be had");
    // SAFETY: they were opened just now, and nobody else has them.
    unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) }
}

/// Starts a command whose terminal is `slave`; standard output and error are pipes.
fn start(mut command: Command, slave: OwnedFd) -> Child {
    command
        .stdin(slave)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // SAFETY: between fork and exec only calls that are safe there are made.
    unsafe {
        command.pre_exec(|| {
            let done = libc::setsid() >= 0 && libc::ioctl(0, libc::TIOCSCTTY, 0) == 0;
            match done {
                true => Ok(()),
                false => Err(std::io::Error::last_os_error()),
            }
        });
    }
    command.spawn().expect("started")
}

#[test]
fn a_planted_echo_is_found() {
    let rig = Rig::empty();
    let line = "printf 'Password: ' > /dev/tty; read -r answer; echo told >&2";
    let seen = watched(rig.shell(line).into_command(), &["correct horse"]);
    assert_eq!((seen.code, seen.err.as_str()), (0, "told\n"));
    assert_eq!(shown(&seen, &["correct horse"]), Some("correct horse"));
}

#[test]
fn the_terminal_is_as_it_was_whatever_happens() {
    let rig = Rig::bare();
    let restored = |answers: &[&str], code: i32| {
        let line = "\"$CLI\" operator unseal > /dev/null 2>&1; echo $?; stty -a";
        let seen = at_terminal(rig.shell(line).without_key(), answers);
        assert!(seen.out.starts_with(&format!("{code}\n")), "{}", seen.out);
        for mode in [" echo ", " icanon ", "isig "] {
            assert!(seen.out.contains(mode), "{mode} is off: {}", seen.out);
        }
    };
    restored(&[&rig.shares[0], &rig.shares[1]], 0);
    restored(&["none", "none", "none"], 2);
    restored(&["\u{3}"], 1); // control and C
    restored(&[], 1);
    let silent = "stty -echo; stty -a";
    let seen = watched(rig.shell(silent).into_command(), &[]);
    assert!(
        !seen.out.contains(" echo "),
        "the planted fault: a terminal that stays silent"
    );
}

#[test]
fn long_work_shows_how_far_it_is_if_somebody_watches() {
    let rig = Rig::new();
    let file = format!("file_path={}", rig.path("audit.log").display());
    rig.ok(&["audit", "enable", "file", &file]);
    rig.ok(&["operator", "rotate"]);
    let watched = |line: &str| at_terminal(rig.shell(&format!("{line} 2> /dev/tty")), &[]);
    let seen = watched("\"$CLI\" operator rewrap");
    assert!(
        seen.screen.contains("entries looked at: "),
        "{}",
        seen.screen
    );
    assert!(seen.out.contains("Old terms dropped"));
    let seen = watched("\"$CLI\" audit verify file audit.log");
    assert!(
        seen.screen.contains("verified: [") && seen.screen.contains("100%"),
        "{}",
        seen.screen
    );
    let quiet = rig.ok(&["audit", "verify", "file", "audit.log"]);
    assert_eq!(quiet.err, "", "nobody watches a pipe");
}

#[test]
fn shares_are_asked_for_one_by_one_without_echo() {
    let rig = Rig::new();
    let call = rig.call(&["kv", "put", "secret/a", "x=1"]).without_key();
    let seen = at_terminal(call, &[&rig.shares[2], &rig.shares[0]]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    assert!(seen.screen.contains("Share 1: ") && seen.screen.contains("Share 2 of 2: "));
    assert!(seen.out.contains("version"));
}

#[test]
fn a_mistyped_share_is_asked_for_again() {
    let rig = Rig::bare();
    let call = rig.call(&["operator", "unseal"]).without_key();
    let wrong = format!("{}x", &rig.shares[1][..rig.shares[1].len() - 1]);
    let seen = at_terminal(call, &["none", &rig.shares[0], &wrong, &rig.shares[1]]);
    assert_eq!(seen.code, 0, "{} {}", seen.screen, seen.err);
    assert!(seen.err.lines().count() == 2, "{}", seen.err);
    assert!(
        seen.out.contains("Sealed             false"),
        "{}",
        seen.out
    );
}

#[test]
fn three_wrong_shares_in_a_row_are_enough() {
    let rig = Rig::bare();
    let call = rig.call(&["operator", "unseal"]).without_key();
    let seen = at_terminal(call, &["one", "two", "three"]);
    assert_eq!(seen.code, 2);
    let seen = at_terminal(rig.call(&["operator", "unseal"]).without_key(), &[]);
    assert_eq!(seen.code, 1, "nobody answers: {}", seen.err);
}

#[test]
fn a_token_and_a_password_are_asked_for() {
    let rig = Rig::bare();
    let seen = at_terminal(rig.call(&["login"]).nobody(), &[&rig.root]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    assert!(seen.screen.contains("Token: "));
    rig.ok(&["auth", "enable", "userpass"]);
    rig.ok(&["write", "auth/userpass/users/bob", "password=correct horse"]);
    let call = rig
        .call(&["login", "-method=userpass", "username=bob"])
        .nobody();
    let seen = at_terminal(call, &["correct horse"]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    assert!(seen.screen.contains("Password: "));
}

#[test]
fn a_secret_id_is_asked_for() {
    let rig = Rig::bare();
    rig.ok(&["auth", "enable", "approle"]);
    rig.ok(&["write", "-f", "auth/approle/role/web"]);
    let role = rig
        .ok(&["read", "-field=role_id", "auth/approle/role/web/role-id"])
        .out;
    let words = [
        "write",
        "-f",
        "-field=secret_id",
        "auth/approle/role/web/secret-id",
    ];
    let secret = rig.ok(&words).out;
    let call = rig
        .call(&["login", "-method=approle", &format!("role_id={role}")])
        .nobody();
    assert_eq!(at_terminal(call, &[&secret]).code, 0);
}

#[test]
fn a_new_passphrase_is_asked_for_twice() {
    let rig = Rig::empty();
    let call = || {
        rig.call(&["operator", "init", "-key-shares=0", "-passphrase"])
            .without_key()
    };
    let seen = at_terminal(call(), &["correct horse", "another horse"]);
    assert_eq!(seen.code, 1, "{}", seen.err);
    assert!(!rig.path("app.vault").exists());
    let seen = at_terminal(call(), &["correct horse", "correct horse"]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    let token = seen
        .out
        .lines()
        .find_map(|line| line.strip_prefix("Initial Root Token: "));
    let call = rig
        .call(&["token", "lookup"])
        .without_key()
        .token(token.expect("token"));
    let seen = at_terminal(call, &["correct horse"]); // there are no shares to ask for
    assert_eq!(seen.code, 0, "{}", seen.err);
    assert!(seen.screen.contains("Passphrase: "));
    let call = rig.call(&["status", "-passphrase"]).without_key();
    assert_eq!(at_terminal(call, &["wrong horse"]).code, 2);
}

#[test]
fn a_slot_gets_a_passphrase_from_a_person() {
    let rig = Rig::bare();
    let words = ["operator", "slots", "add", "passphrase"];
    let seen = at_terminal(rig.call(&words), &["correct horse", "correct horse"]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    rig.call(&["status", "--passphrase-file=-"])
        .without_key()
        .input("correct horse")
        .ok();
}

#[test]
fn new_shares_are_given_back_at_the_terminal() {
    let rig = Rig::bare();
    let made = rig
        .ok(&["operator", "rekey", "-n=2", "-t=2", "-format=json"])
        .json();
    let nonce = format!(
        "-nonce={}",
        made["verification_nonce"].as_str().expect("nonce")
    );
    let share = |index: usize| made["unseal_keys_text"][index].as_str().expect("share");
    let call = rig.call(&["operator", "rekey", "-verify", &nonce]);
    let seen = at_terminal(call, &[share(1), share(0)]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    assert!(seen.screen.contains("New share 1: "));
}

#[test]
fn a_quorum_at_the_terminal_makes_a_root_token() {
    let rig = Rig::bare();
    let call = rig.call(&["operator", "generate-root"]).nobody();
    let seen = at_terminal(call, &[&rig.shares[0], &rig.shares[1]]);
    assert_eq!(seen.code, 0, "{}", seen.err);
    assert!(seen.out.starts_with("Root Token: hvs."));
}
