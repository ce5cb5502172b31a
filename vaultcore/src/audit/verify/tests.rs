use std::sync::Arc;

use super::*;
use crate::audit::device::Device;
use crate::audit::testing::{Behaviour, Toy, config, with_request};
use crate::audit::{AuditDevice, Broker, DeviceConfig};
use crate::crypto::rng::OsRandom;

/// A log of three processes, interleaved, with all heads stored.
struct Log {
    config: DeviceConfig,
    lines: Vec<Vec<u8>>,
    heads: Vec<ChainHead>,
}

fn start(config: &DeviceConfig, toy: &Arc<Toy>) -> Broker {
    let sink = Arc::clone(toy) as Arc<dyn AuditDevice>;
    let device = Device::start(config.copy(), sink, &OsRandom).expect("starts");
    Broker::new(vec![Arc::new(device)])
}

fn record(broker: &Broker, number: usize) {
    with_request(&format!("p/{number}"), |entry| broker.request(entry)).expect("taken");
}

fn log(lines: usize) -> Log {
    let config = config("a", "callback", &[("name", "x")]);
    let toy = Toy::new(false);
    let runs: Vec<Broker> = (0..3).map(|_| start(&config, &toy)).collect();
    for number in 0..lines {
        record(&runs[number * number % 7 % 3], number);
    }
    let text = toy.lines();
    let split = text.split_inclusive(|byte| *byte == b'\n');
    Log {
        lines: split.map(<[u8]>::to_vec).collect(),
        heads: runs.iter().flat_map(Broker::heads).collect(),
        config,
    }
}

impl Log {
    fn report(&self, lines: &[Vec<u8>]) -> Report {
        let heads = &self.heads;
        self.config
            .verify(lines.concat().as_slice(), heads)
            .expect("read")
    }

    fn run_of(&self, line: usize) -> RunId {
        let text = self.lines[line].strip_suffix(b"\n").expect("a line");
        Link::parse(text).expect("ours").0.run
    }
}

/// Changes the log in every way and place, and returns the changes that `is_whole` lets pass.
#[allow(clippy::too_many_lines)] // every way to change a log
fn undetected(log: &Log, is_whole: &dyn Fn(Report) -> bool) -> Vec<String> {
    let mut passed = Vec::new();
    let mut check = |what: String, lines: &[Vec<u8>]| {
        if is_whole(log.report(lines)) {
            passed.push(what);
        }
    };
    let foreign = config("b", "callback", &[("name", "x")]);
    let toy = Toy::new(false);
    record(&start(&foreign, &toy), 0);
    let foreign = toy.lines();
    for at in 0..log.lines.len() {
        let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
            let mut lines = log.lines.clone();
            change(&mut lines);
            lines
        };
        check(
            format!("delete {at}"),
            &with(&|lines| drop(lines.remove(at))),
        );
        check(format!("cut at {at}"), &with(&|lines| lines.truncate(at)));
        check(
            format!("begin behind {at}"),
            &with(&|lines| drop(lines.drain(..=at))),
        );
        let half = log.lines[at].len() / 2;
        check(
            format!("cut inside {at}"),
            &with(&|lines| {
                lines.truncate(at + 1);
                lines[at].truncate(half);
            }),
        );
        check(
            format!("edit {at}"),
            &with(&|lines| {
                let place = at * 31 % (lines[at].len() - 1);
                lines[at][place] ^= 1;
            }),
        );
        check(
            format!("repeat {at}"),
            &with(&|lines| {
                let line = lines[at].clone();
                lines.push(line);
            }),
        );
        check(
            format!("insert at {at}"),
            &with(&|lines| lines.insert(at, b"{}\n".to_vec())),
        );
        check(
            format!("foreign at {at}"),
            &with(&|lines| lines.insert(at, foreign.clone())),
        );
        check(
            format!("join {at}"),
            &with(&|lines| {
                let _ = lines[at].pop();
            }),
        );
        let next = (at + 1..log.lines.len()).find(|next| log.run_of(*next) == log.run_of(at));
        if let Some(next) = next {
            check(
                format!("swap {at} and {next}"),
                &with(&|lines| lines.swap(at, next)),
            );
            check(
                format!("move {at} behind {next}"),
                &with(&|lines| {
                    let line = lines.remove(at);
                    lines.insert(next, line);
                }),
            );
        }
    }
    for head in &log.heads {
        let others = (0..log.lines.len()).filter(|line| log.run_of(*line) != head.run);
        let others: Vec<Vec<u8>> = others.map(|line| log.lines[line].clone()).collect();
        check(format!("without the run {}", head.run), &others);
    }
    passed
}

#[test]
fn a_log_that_nobody_touched_is_whole() {
    let log = log(200);
    let report = log.report(&log.lines);
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.lines, report.runs.len()), (200, 3));
    let count: u64 = report.runs.iter().map(|run| run.count).sum();
    assert_eq!(count, 200);
    for run in &report.runs {
        assert!(run.count > 20, "{run:?}");
        assert_eq!((run.last_seq, run.committed), (run.count, run.count));
        assert_eq!(
            log.run_of(usize::try_from(run.first_line - 1).expect("fits")),
            run.run
        );
    }
}

#[test]
fn every_change_in_every_place_is_noticed() {
    let log = log(200);
    // The end of the last line is not missed: what stands in front of it proves itself.
    assert_eq!(undetected(&log, &|report| report.is_whole()), ["join 199"]);
}

#[test]
fn a_verifier_that_overlooks_something_is_caught() {
    let log = log(60);
    let strange = |finding: &Finding| matches!(finding, Finding::Strange { .. });
    let without_numbers = undetected(&log, &|report| !report.findings.iter().any(strange));
    for what in [
        "delete 5",
        "cut at 30",
        "swap ",
        "move ",
        "repeat 7",
        "without the run ",
    ] {
        assert!(
            without_numbers
                .iter()
                .any(|passed| passed.starts_with(what)),
            "{what}"
        );
    }
    let without_macs = undetected(&log, &|mut report| {
        report.findings.retain(|finding| !strange(finding));
        report.is_whole()
    });
    assert!(
        without_macs
            .iter()
            .any(|passed| passed.starts_with("foreign at"))
    );
    let headless = Log {
        heads: Vec::new(),
        config: log.config.copy(),
        lines: log.lines.clone(),
    };
    let without_heads = undetected(&headless, &|report| report.is_whole());
    for what in ["cut at 30", "delete 59"] {
        assert!(
            without_heads.iter().any(|passed| passed.starts_with(what)),
            "{what}"
        );
    }
}

#[test]
fn every_byte_of_a_line_counts() {
    let log = log(12);
    let key = log.config.chain_key();
    for line in &log.lines {
        let line = line.strip_suffix(b"\n").expect("a line");
        assert!(matches!(read(line, &key), Found::Whole(_)));
        for place in 0..line.len() {
            for bit in [1, 2, 32] {
                let mut changed = line.to_vec();
                changed[place] ^= bit;
                assert!(matches!(read(&changed, &key), Found::Strange(_)), "{place}");
            }
            assert!(matches!(read(&line[..place], &key), Found::Strange(_)));
            let shorter = [&line[..place], &line[place + 1..]].concat();
            assert!(matches!(read(&shorter, &key), Found::Strange(_)));
        }
    }
}

#[test]
fn findings_name_the_place() {
    let log = log(40);
    let (run, line) = (log.run_of(20), 21);
    let seq = Link::parse(log.lines[20].strip_suffix(b"\n").expect("line"))
        .expect("ours")
        .0
        .seq;
    let changed = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut lines = log.lines.clone();
        change(&mut lines);
        log.report(&lines).findings
    };
    let missing = Finding::Missing {
        run,
        from: seq,
        to: seq,
    };
    assert_eq!(
        changed(&|lines| drop(lines.remove(20))),
        std::slice::from_ref(&missing)
    );
    let claims = Some((run, seq));
    let edited = [Finding::Strange { line, claims }, missing];
    assert_eq!(changed(&|lines| lines[20][40] ^= 1), edited);
    let repeated = changed(&|lines| {
        let again = lines[20].clone();
        lines.push(again);
    });
    let line = 41;
    assert_eq!(repeated, [Finding::Repeated { line, run, seq }]);
    let moved = changed(&|lines| {
        let later = lines.remove(20);
        lines.push(later);
    });
    let line = 40;
    assert_eq!(moved, [Finding::Misplaced { line, run, seq }]);
}

#[test]
fn what_has_no_stored_head_is_told() {
    let config = config("a", "callback", &[("name", "x")]);
    let toy = Toy::new(false);
    let broker = start(&config, &toy);
    (0..10).for_each(|number| record(&broker, number));
    let heads = broker.heads();
    (10..15).for_each(|number| record(&broker, number));
    let text = toy.lines();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let report = |count: usize| {
        let text = lines[..count].concat();
        config.verify(text.as_slice(), &heads).expect("read")
    };
    assert_eq!(report(15).runs[0].uncommitted(), 5);
    // What was cut off behind the head is not noticed, as the number says.
    assert!(report(12).is_whole());
    assert_eq!(report(12).runs[0].uncommitted(), 2);
    let run = heads[0].run;
    assert_eq!(
        report(9).findings,
        [Finding::Missing {
            run,
            from: 10,
            to: 10
        }]
    );
    assert_eq!(
        report(0).findings,
        [Finding::Missing {
            run,
            from: 1,
            to: 10
        }]
    );
    // A head of another line with the same number: two processes under one run.
    let mut forked = heads.clone();
    forked[0].mac[0] ^= 1;
    let found = config
        .verify(text.as_slice(), &forked)
        .expect("read")
        .findings;
    assert_eq!(
        found,
        [Finding::Forked {
            line: 10,
            run,
            seq: 10
        }]
    );
}

#[test]
fn heads_of_other_devices_are_left_out() {
    let log = log(10);
    let other = config("b", "callback", &[("name", "x")]);
    let report = other.verify(b"".as_slice(), &log.heads).expect("read");
    assert_eq!(report, Report::default());
}

#[test]
fn a_log_with_a_prefix_and_failed_writes_is_whole() {
    let options = [("name", "x"), ("prefix", "@cee: {\"time\":\"")];
    let config = config("a", "callback", &options);
    let toy = Toy::new(false);
    let broker = start(&config, &toy);
    (0..5).for_each(|number| record(&broker, number));
    toy.behave(Behaviour::Fail);
    for number in 5..8 {
        let failed = with_request(&format!("p/{number}"), |entry| broker.request(entry));
        failed.expect_err("told to fail");
    }
    toy.behave(Behaviour::Take);
    record(&broker, 8);
    let report = config
        .verify(toy.lines().as_slice(), &broker.heads())
        .expect("read");
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.runs[0].unwritten, report.runs[0].last_seq), (3, 9));
    let text = toy.lines();
    let torn = [&text[..60], &text].concat();
    let found = config
        .verify(torn.as_slice(), &broker.heads())
        .expect("read");
    assert_eq!(found.findings, [Finding::Piece { line: 1 }]);
    // Those that failed excuse no line more.
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let cut = [&lines[..4], &lines[5..]].concat().concat();
    let found = config
        .verify(cut.as_slice(), &broker.heads())
        .expect("read");
    let run = found.runs[0].run;
    assert_eq!(
        found.findings,
        [Finding::Missing {
            run,
            from: 5,
            to: 5
        }]
    );
}

#[test]
fn findings_and_lines_are_bounded() {
    let config = config("a", "callback", &[("name", "x")]);
    let junk = "x\n\n".repeat(MAX_FINDINGS + 5);
    let report = config.verify(junk.as_bytes(), &[]).expect("read");
    assert_eq!((report.findings.len(), report.more), (MAX_FINDINGS, 5));
    let mut long = vec![b'x'; MAX_LINE + 1];
    long.extend_from_slice(b"\nx\n");
    let report = config.verify(long.as_slice(), &[]).expect("read");
    let line = 2;
    let claims = None;
    let expected = [
        Finding::TooLong { line: 1 },
        Finding::Strange { line, claims },
    ];
    assert_eq!(report.findings, expected);
}
