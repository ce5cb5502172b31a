//! A sealed vault leaves nothing in memory: no value, no name, no way in, no key.

use std::fs;
use std::io::{self, Write};

use crate::scan::{Hit, Needles, Worker, fill_canary, scan_process};
use crate::scenario::{HELD, LEAKED, LENGTH, NAMED, unmasked};

/// Runs the scenario and searches at each of its pauses.
struct Search {
    worker: Worker,
    labels: Vec<String>,
    needles: Needles,
}

impl Search {
    /// Starts the scenario and waits for its first pause; the file tells what to look for.
    fn start(folder: &std::path::Path) -> Self {
        let told = folder.join("needles");
        let role = format!("vault {}", folder.display());
        let mut worker = Worker::start("scenario::child", &role).unwrap();
        assert_eq!(worker.next_pause().unwrap(), "held");
        let (mut labels, mut patterns) = (Vec::new(), Vec::new());
        for (seed, label) in NAMED {
            let mut canary = vec![0; LENGTH];
            fill_canary(*seed, &mut canary);
            labels.push((*label).to_owned());
            patterns.push(canary);
        }
        for line in fs::read_to_string(told).unwrap().lines() {
            let (label, masked) = line.split_once(' ').unwrap();
            labels.push(label.to_owned());
            patterns.push(unmasked(masked));
        }
        let needles = Needles::new(&patterns.iter().map(Vec::as_slice).collect::<Vec<_>>());
        Self {
            worker,
            labels,
            needles,
        }
    }

    /// Returns what is found, in words, or nothing where this process may not look.
    fn found(&self) -> Option<Vec<String>> {
        let hits = match scan_process(self.worker.pid(), &self.needles) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let notice = "SKIPPED: no right to read the memory of a child (ptrace_scope)\n";
                io::stderr().write_all(notice.as_bytes()).unwrap();
                return None;
            }
            hits => hits.unwrap(),
        };
        let say = |hit: &Hit| format!("{} in {:?}", self.labels[hit.needle], hit.region);
        Some(hits.iter().map(say).collect())
    }

    fn go_on(&mut self, to: &str) {
        self.worker.resume().unwrap();
        assert_eq!(self.worker.next_pause().unwrap(), to);
    }
}

#[test]
fn a_sealed_vault_leaves_nothing_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut search = Search::start(folder.path());
    let Some(held) = search.found() else { return };
    assert!(is_in(&held, HELD), "what the caller holds: {held:?}");
    search.go_on("unsealed");
    let unsealed = search.found().unwrap();
    search.go_on("sealed");
    let sealed = search.found().unwrap();
    search.go_on("leaked");
    let leaked = search.found().unwrap();
    search.worker.resume().unwrap();
    assert!(search.worker.finish().unwrap());
    report(search.labels.len(), &unsealed, &sealed);
    if cfg!(feature = "crypto-ext") {
        // What aws-lc holds is where it can be found, until it is wiped.
        let numbers = |hit: &String| hit.starts_with("transit-rsa-2048-turned");
        assert!(unsealed.iter().any(numbers), "{unsealed:?}");
    }
    assert_eq!(sealed, [""; 0]);
    assert!(is_in(&leaked, LEAKED), "the planted leak: {leaked:?}");
}

fn is_in(found: &[String], seed: u64) -> bool {
    let label = NAMED.iter().find(|(other, _)| *other == seed).unwrap().1;
    found.iter().any(|hit| hit.starts_with(label))
}

#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn report(needles: usize, unsealed: &[String], sealed: &[String]) {
    let (open, shut) = (unsealed.len(), sealed.len());
    eprintln!("{needles} needles: {open} hits while unsealed, {shut} once sealed");
}
