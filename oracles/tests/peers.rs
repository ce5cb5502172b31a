//! Programs in other languages read our shares, and we read theirs, as they come: `y1 .. yn x`.
//!
//! Two environment variables tell where the peers are, as absolute paths:
//!
//! * `VAULTCORE_PEERS_NODE`: the folder whose `node_modules` holds `shamir-secret-sharing`
//!   (0.0.4); `node` is on the path.
//! * `VAULTCORE_PEERS_PYTHON`: a Python executable that imports `pyshamir`, such as that of a
//!   virtual environment.
//!
//! A peer whose variable is set must answer, or its test fails. Without the variable the test
//! prints `SKIPPED` and why.

use std::env;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use vaultcore_oracles::{Case, between, combine, split};

/// Shares and threshold.
const COUNTS: [(u8, u8); 7] = [(5, 3), (2, 2), (255, 2), (3, 2), (10, 5), (7, 7), (20, 12)];
const LENGTHS: [usize; 5] = [32, 1, 16, 33, 64];
/// All pairs of the above, so often that each way has 210 splits.
const ROUNDS: usize = 6;

/// A script that answers a line with a line.
struct Peer {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start: {error}"));
        Self {
            requests: child.stdin.take().expect("piped"),
            answers: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").expect("the peer reads");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the peer answers");
        serde_json::from_str(&line).expect("the peer answers in JSON; it tells why not above")
    }

    fn split(&mut self, case: &Case) -> Vec<Vec<u8>> {
        let (shares, threshold) = (case.shares, case.threshold);
        let answer = self.ask(&json!({
            "op": "split", "secret": hex(&case.secret), "shares": shares, "threshold": threshold,
        }));
        let shares = answer["shares"].as_array().expect("shares");
        shares.iter().map(unhex).collect()
    }

    fn combine(&mut self, shares: &[Vec<u8>]) -> Vec<u8> {
        let shares: Vec<String> = shares.iter().map(|share| hex(share)).collect();
        unhex(&self.ask(&json!({ "op": "combine", "shares": shares }))["secret"])
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().expect("hex text");
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex text");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn script(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("peers")
        .join(name);
    path.to_str().expect("a path in UTF-8").to_owned()
}

/// Returns where the peer is. Prints past the capture of the test harness if nobody told.
fn place(variable: &str, suite: &str) -> Option<String> {
    let place = env::var(variable).ok();
    if place.is_none() {
        writeln!(stdout(), "\nSKIPPED {suite}: {variable} is not set").expect("prints");
    }
    place
}

fn exchange(mut peer: Peer) {
    for case in cases() {
        let ours = case.choose(split(&case.secret, case.shares, case.threshold));
        assert_eq!(peer.combine(&ours), case.secret, "ours: {case:?}");
        let theirs = case.choose(peer.split(&case));
        assert_eq!(combine(&theirs), case.secret, "theirs: {case:?}");
        notices_a_wrong_share(&mut peer, &case, ours);
    }
}

fn cases() -> impl Iterator<Item = Case> {
    let pairs = COUNTS
        .iter()
        .flat_map(|count| LENGTHS.map(|length| (count, length)));
    let once = pairs.map(|((shares, threshold), length)| Case::new(length, *shares, *threshold));
    (0..ROUNDS).flat_map(move |_| once.clone())
}

/// The planted fault: one bit of one share changed.
fn notices_a_wrong_share(peer: &mut Peer, case: &Case, mut shares: Vec<Vec<u8>>) {
    if (case.shares, case.secret.len()) == (5, 32) {
        shares[0][between(0, 31)] ^= 1 << between(0, 7);
        assert_ne!(peer.combine(&shares), case.secret);
    }
}

#[test]
fn node_and_we_read_each_other() {
    if let Some(folder) = place("VAULTCORE_PEERS_NODE", "peers-node") {
        exchange(Peer::start("node", &[&script("peer.mjs"), &folder]));
    }
}

#[test]
fn python_and_we_read_each_other() {
    if let Some(python) = place("VAULTCORE_PEERS_PYTHON", "peers-python") {
        exchange(Peer::start(&python, &[&script("peer.py")]));
    }
}
