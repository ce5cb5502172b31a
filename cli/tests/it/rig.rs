//! A vault in a folder of its own, and the command line on it.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The built command line.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_vaultcore");

/// A vault of three shares, two of which open it, with a key file.
pub(crate) struct Rig {
    folder: TempDir,
    pub(crate) root: String,
    pub(crate) shares: Vec<String>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command to be run.
pub(crate) struct Call {
    command: Command,
    input: Vec<u8>,
    secrets: Vec<String>,
}

impl Rig {
    /// Makes a vault with a KV version 2 mount at `secret`.
    pub(crate) fn new() -> Self {
        let rig = Self::bare();
        rig.ok(&["secrets", "enable", "-path=secret", "-version=2", "kv"]);
        rig
    }

    /// Makes a vault with nothing in it.
    pub(crate) fn bare() -> Self {
        let mut rig = Self::empty();
        let made = rig
            .ok(&["operator", "init", "-n=3", "-t=2", "-format=json"])
            .json();
        rig.root = made["root_token"].as_str().expect("token").to_owned();
        let shares = made["unseal_keys_text"].as_array().expect("shares").iter();
        rig.shares = shares
            .map(|share| share.as_str().expect("share").to_owned())
            .collect();
        for (index, share) in rig.shares.iter().enumerate() {
            rig.write(&format!("share-{index}"), share);
        }
        rig
    }

    /// Makes a folder without a vault.
    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().expect("folder"),
            root: String::new(),
            shares: Vec::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).expect("read")
    }

    /// Begins a command as root, on the vault, opened by the key file.
    pub(crate) fn call<S: AsRef<OsStr>>(&self, words: &[S]) -> Call {
        let mut command = Command::new(BINARY);
        command.args(words);
        self.prepared(command)
    }

    /// Begins a line of the shell, in which `$CLI` is the command line.
    pub(crate) fn shell(&self, line: &str) -> Call {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        let mut call = self.prepared(command);
        call.command.env("CLI", BINARY).env("PATH", "/usr/bin:/bin");
        call
    }

    fn prepared(&self, mut command: Command) -> Call {
        command
            .current_dir(self.folder())
            .env_clear()
            .env("HOME", self.folder())
            .env("VAULTCORE_VAULT", self.path("app.vault"))
            .env("VAULTCORE_KEY_FILE", self.path("app.key"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if !self.root.is_empty() {
            command.env("VAULTCORE_TOKEN", &self.root);
        }
        let mut secrets = self.shares.clone();
        secrets.extend((!self.root.is_empty()).then(|| self.root.clone()));
        Call {
            command,
            input: Vec::new(),
            secrets,
        }
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, words: &[S]) -> Run {
        self.call(words).run()
    }

    /// Runs a command that ends well.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, words: &[S]) -> Run {
        self.call(words).ok()
    }

    /// Returns the data of a reply.
    pub(crate) fn data(&self, words: &[&str]) -> Value {
        let mut words = words.to_vec();
        words.push("-format=json");
        self.ok(&words).json()["data"].take()
    }

    /// Makes a token with a policy of this text.
    pub(crate) fn token_with(&self, policy: &str) -> String {
        self.call(&["policy", "write", "made", "-"])
            .input(policy)
            .ok();
        self.ok(&["token", "create", "-policy=made", "-field=token"])
            .out
    }
}

impl Call {
    pub(crate) fn input(mut self, input: impl AsRef<[u8]>) -> Self {
        self.input = input.as_ref().to_vec();
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Asks as nobody, whom the token file may make somebody.
    pub(crate) fn nobody(self) -> Self {
        self.without("VAULTCORE_TOKEN")
    }

    /// Lets shares open the vault.
    pub(crate) fn without_key(self) -> Self {
        self.without("VAULTCORE_KEY_FILE")
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.env("VAULTCORE_TOKEN", token)
    }

    /// Names a text that must not come out on standard error.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }

    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    pub(crate) fn run(mut self) -> Run {
        let mut child = self.command.spawn().expect("started");
        let mut stdin = child.stdin.take().expect("stdin");
        let input = std::mem::take(&mut self.input);
        // One that reads nothing, and ends, is no fault of the test.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        let output = child.wait_with_output().expect("ended");
        writer.join().expect("written");
        let run = Run {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        };
        if let Some(found) = leak(&run.err, &self.secrets) {
            panic!("standard error has a secret: {found}");
        }
        run
    }

    pub(crate) fn ok(self) -> Run {
        let run = self.run();
        assert_eq!(run.code, 0, "{run:?}");
        run
    }

    /// Runs a command that fails with `code` and prints nothing.
    pub(crate) fn fails(self, code: i32) -> Run {
        let run = self.run();
        assert_eq!(run.code, code, "{run:?}");
        assert_eq!(run.out, "", "a failure is told on standard error");
        assert!(run.err.starts_with("Error: "), "{run:?}");
        run
    }
}

impl Run {
    /// Parses what was printed.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("JSON")
    }

    /// Returns the lines that were printed.
    pub(crate) fn lines(&self) -> Vec<&str> {
        self.out.lines().collect()
    }

    /// Returns the value of a row of a table.
    pub(crate) fn row(&self, name: &str) -> &str {
        let rows = self.out.lines().filter_map(|line| line.split_once("  "));
        let mut found = rows.filter(|(key, _)| *key == name);
        found
            .next()
            .map(|(_, value)| value.trim())
            .expect("a row of this name")
    }
}

/// Returns the place of a secret that stands in `text`, whole or in its greater part.
pub(crate) fn leak(text: &str, secrets: &[String]) -> Option<usize> {
    secrets.iter().position(|secret| {
        let half = secret.get(..secret.len().div_ceil(2)).unwrap_or(secret);
        text.contains(secret.as_str()) || (half.len() >= 8 && text.contains(half))
    })
}

/// Returns words of bytes that need not be text.
pub(crate) fn words(words: &[&[u8]]) -> Vec<OsString> {
    use std::os::unix::ffi::OsStringExt;
    words
        .iter()
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect()
}

/// Returns the mode of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .expect("metadata")
        .permissions()
        .mode()
        & 0o777
}

#[test]
fn a_planted_leak_is_found() {
    let secrets = ["hvs.0123456789abcdefghijklmn".to_owned()];
    assert_eq!(
        leak(
            "Error: no such token hvs.0123456789abcdefghijklmn",
            &secrets
        ),
        Some(0)
    );
    assert_eq!(leak("Error: hvs.0123456789 is bad", &secrets), Some(0));
    assert_eq!(leak("Error: permission denied", &secrets), None);
}
