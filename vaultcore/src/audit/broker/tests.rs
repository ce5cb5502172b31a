//! What a broker promises: in time or not at all, and never without a record.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::audit::testing::{
    Behaviour, LONG, Toy, built_in, config, config_in, device, with_request, with_request_in,
};
use crate::audit::{AuditFinding as Finding, AuditReport as Report};
use crate::crypto::rng::OsRandom;
use crate::path::MountPath;

/// What waits for a device that hangs would wait for ever, so that the limit may be far away.
const LIMIT: Duration = Duration::from_secs(60);

fn record(broker: &Broker, path: &str) -> Result<()> {
    with_request(path, |entry| broker.request(entry))
}

fn broker(toys: &[&Arc<Toy>]) -> Broker {
    let names = ["a", "b", "c", "d"];
    let devices = toys.iter().zip(names);
    Broker::new(devices.map(|(toy, name)| device(name, toy)).collect())
}

const TEAM: NamespaceId = NamespaceId::from_bytes([1; 16]);
const GONE: NamespaceId = NamespaceId::from_bytes([2; 16]);

fn from_table(table: &AuditTable, running: Option<&Broker>, hosts: &Hosts) -> Result<Broker> {
    let path = |space| match space {
        NamespaceId::ROOT => Some(""),
        TEAM => Some("team/"),
        _ => None,
    };
    Broker::from_table(table, running, hosts, path, &OsRandom)
}

fn paths(toy: &Toy) -> Vec<String> {
    let lines = toy.lines();
    let lines = std::str::from_utf8(&lines).expect("text").lines();
    let lines = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    lines
        .map(|line| line["request"]["path"].as_str().expect("path").to_owned())
        .collect()
}

fn report(broker: &Broker, toy: &Toy, number: usize) -> Report {
    let config = broker.device(number).config();
    config
        .verify(toy.lines().as_slice(), &broker.heads())
        .expect("read")
}

/// Waits until all is written, however short the timeouts are.
fn drain(broker: &Broker) {
    timed(|| while !broker.drain() {});
}

fn timed<T>(work: impl FnOnce() -> T) -> T {
    let begin = now();
    let done = work();
    assert!(begin.elapsed() < LIMIT, "{:?}", begin.elapsed());
    done
}

#[test]
fn without_a_device_all_is_allowed() {
    let broker = Broker::new(Vec::new());
    assert!(broker.is_empty());
    record(&broker, "p").expect("allowed");
}

#[test]
fn every_device_gets_every_record() {
    let (inline, threaded) = (Toy::new(false), Toy::new(true));
    let broker = broker(&[&inline, &threaded]);
    for number in 0..20 {
        record(&broker, &format!("p/{number}")).expect("taken");
    }
    assert!(broker.drain());
    let expected: Vec<String> = (0..20).map(|number| format!("p/{number}")).collect();
    assert_eq!(paths(&inline), expected);
    assert_eq!(paths(&threaded), expected);
    for (toy, number) in [(&inline, 0), (&threaded, 1)] {
        let report = report(&broker, toy, number);
        assert!(report.is_whole(), "{report:?}");
    }
}

#[test]
fn one_device_is_enough_and_none_is_not() {
    for bad in [
        Behaviour::Fail,
        Behaviour::Hang,
        Behaviour::Panic,
        Behaviour::TakeAndFail,
    ] {
        for first in [false, true] {
            let (sick, sound) = (Toy::hasty(true), Toy::new(first));
            let broker = broker(&[&sick, &sound]);
            sick.behave(bad);
            timed(|| record(&broker, "p/1")).expect("one is enough");
            sound.behave(Behaviour::Fail);
            let error = timed(|| record(&broker, "p/2")).expect_err("none took it");
            assert_eq!(error.kind(), ErrorKind::AuditFailed);
            sick.behave(Behaviour::Take);
        }
    }
}

#[test]
fn a_hung_device_blocks_nobody_else() {
    let (hung, sound) = (Toy::hasty(true), Toy::new(false));
    let broker = broker(&[&hung, &sound]);
    hung.behave(Behaviour::Hang);
    // To wait for it at each record would take 300 s.
    timed(|| (0..3_000).for_each(|_| record(&broker, "p").expect("taken")));
    assert_eq!(paths(&sound).len(), 3_000);
    // Its queue is bounded, and what found no room is told by the chain, once it goes on.
    hung.behave(Behaviour::Take);
    drain(&broker);
    record(&broker, "last").expect("taken");
    drain(&broker);
    let report = report(&broker, &hung, 0);
    assert!(report.is_whole(), "{:?}", report.findings);
    assert_eq!(report.runs[0].last_seq, 3_001);
    assert!((1..3_000).contains(&report.runs[0].unwritten));
    assert_eq!(broker.status()[0].failed, report.runs[0].unwritten);
}

#[test]
fn a_hung_device_that_runs_in_the_callers_thread_lets_the_others_go() {
    let toy = Toy::hasty(false);
    let broker = broker(&[&toy]);
    toy.behave(Behaviour::Hang);
    thread::scope(|scope| {
        let first = scope.spawn(|| record(&broker, "p/1"));
        toy.wait_for_hang();
        let error = timed(|| record(&broker, "p/2")).expect_err("the gate is shut");
        assert_eq!(error.kind(), ErrorKind::AuditFailed);
        toy.behave(Behaviour::Take);
        first.join().expect("ends").expect("taken");
    });
    record(&broker, "p/3").expect("taken");
    assert_eq!(paths(&toy), ["p/1", "p/3"]);
    let report = report(&broker, &toy, 0);
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.runs[0].last_seq, report.runs[0].unwritten), (3, 1));
}

#[test]
fn writes_that_failed_leave_the_chain_whole() {
    for may_block in [false, true] {
        let toy = Toy::new(may_block);
        let broker = broker(&[&toy]);
        let mut accepted = 0;
        for (number, behaviour) in [
            Behaviour::Take,
            Behaviour::Fail,
            Behaviour::Fail,
            Behaviour::Take,
            Behaviour::TakeAndFail,
            Behaviour::Take,
            Behaviour::Panic,
            Behaviour::Take,
        ]
        .into_iter()
        .enumerate()
        {
            toy.behave(behaviour);
            accepted += usize::from(record(&broker, &format!("p/{number}")).is_ok());
        }
        assert_eq!(accepted, 4);
        let whole = report(&broker, &toy, 0);
        assert!(whole.is_whole(), "{whole:?}");
        assert_eq!(whole.runs[0].unwritten, 3);
        // A torn line is named, and no number is missing.
        toy.behave(Behaviour::Tear);
        record(&broker, "torn").expect_err("torn");
        toy.behave(Behaviour::Take);
        record(&broker, "p/9").expect("taken");
        let torn = report(&broker, &toy, 0);
        let line = 6;
        assert_eq!(torn.findings, [Finding::Strange { line, claims: None }]);
    }
}

#[test]
fn a_broker_that_is_dropped_waits_for_nobody_and_ends_its_threads() {
    let (hung, idle) = (Toy::hasty(true), Toy::new(true));
    let broker = broker(&[&hung, &idle]);
    hung.behave(Behaviour::Hang);
    record(&broker, "p/1").expect("taken");
    hung.wait_for_hang();
    timed(|| drop(broker));
    hung.behave(Behaviour::Take);
    // Who ends drops the device, of which this is the last other owner.
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        while Arc::strong_count(&hung) + Arc::strong_count(&idle) > 2 {
            thread::yield_now();
        }
        send.send(paths(&hung)).expect("sent");
    });
    let lines = receive
        .recv_timeout(Duration::from_secs(60))
        .expect("ended");
    assert_eq!(lines, ["p/1"]);
}

#[test]
fn a_changed_configuration_keeps_the_chains_of_devices_that_stay() {
    let (one, two) = (Toy::new(false), Toy::new(true));
    let mut hosts = Hosts::default();
    hosts.add("one", Arc::clone(&one) as _);
    hosts.add("two", Arc::clone(&two) as _);
    let mut table = AuditTable::default();
    table
        .add(config("a", "callback", &[("name", "one")]))
        .expect("added");
    table
        .add(config("b", "callback", &[("name", "two")]))
        .expect("added");
    let first = from_table(&table, None, &hosts).expect("broker");
    record(&first, "p/1").expect("taken");
    assert!(first.drain());

    table
        .remove(NamespaceId::ROOT, &MountPath::new("b").expect("path"))
        .expect("removed");
    table
        .add(config("c", "file", &[("path", "discard")]))
        .expect("added");
    let second = from_table(&table, Some(&first), &hosts).expect("broker");
    drop(first);
    record(&second, "p/2").expect("taken");
    assert_eq!((paths(&one).len(), paths(&two).len()), (2, 1));
    let kept = report(&second, &one, 0);
    assert!(kept.is_whole() && kept.runs.len() == 1, "{kept:?}");

    // The same path with other options is another run.
    let mut table = AuditTable::default();
    table
        .add(config(
            "a",
            "callback",
            &[("name", "one"), ("log_raw", "true")],
        ))
        .expect("added");
    let third = from_table(&table, Some(&second), &hosts).expect("broker");
    record(&third, "p/3").expect("taken");
    assert_ne!(third.heads()[0].run, second.heads()[0].run);
    assert_eq!(third.heads()[0].seq, 1);
}

#[test]
fn each_namespace_that_a_request_concerns_has_its_record() {
    let toys = ["root", "team", "more", "gone"].map(|name| (name, Toy::new(false)));
    let spaces = [NamespaceId::ROOT, TEAM, TEAM, GONE];
    let (mut hosts, mut table) = (Hosts::default(), AuditTable::default());
    for ((name, toy), space) in toys.iter().zip(spaces) {
        hosts.add(*name, Arc::clone(toy) as _);
        let config = config_in(space, name, "callback", &[("name", name)]);
        table.add(config).expect("added");
    }
    let broker = from_table(&table, None, &hosts).expect("broker");
    let record = |space, path| with_request_in(space, path, |entry| broker.request(entry));
    for (space, path) in [
        ("", "1"),
        ("team/", "2"),
        ("team/app/", "3"),
        ("team2/", "4"),
    ] {
        record(space, path).expect("taken");
    }
    let [(_, root), (_, team), (_, more), (_, gone)] = &toys;
    assert_eq!(paths(root), ["1", "2", "3", "4"]);
    assert_eq!(
        (paths(team), paths(more)),
        (paths(more), vec!["2".into(), "3".into()])
    );
    // One of two is enough for the namespace, and none of it is not, whatever others take.
    team.behave(Behaviour::Fail);
    record("team/", "5").expect("taken");
    more.behave(Behaviour::Fail);
    let error = record("team/app/", "6").expect_err("the namespace's have not");
    assert_eq!(error.kind(), ErrorKind::AuditFailed);
    record("", "7").expect("not theirs");
    record("other/", "8").expect("not theirs");
    more.behave(Behaviour::Take);
    root.behave(Behaviour::Fail);
    record("team/", "9").expect_err("those of the root have not");
    assert!(paths(more).contains(&"5".to_owned()) && !paths(more).contains(&"9".to_owned()));
    assert!(paths(gone).is_empty());
}

#[test]
fn a_device_that_the_host_does_not_have_takes_nothing() {
    let mut table = AuditTable::default();
    table
        .add(config("a", "callback", &[("name", "gone")]))
        .expect("added");
    let broker = from_table(&table, None, &Hosts::default()).expect("broker");
    let error = record(&broker, "p").expect_err("fails closed");
    assert_eq!(error.kind(), ErrorKind::AuditFailed);
    let error = broker.reopen().expect_err("told");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn heads_are_due_by_lines_and_are_told_once() {
    let toy = Toy::new(false);
    let broker = broker(&[&toy]);
    assert!(broker.heads().is_empty());
    for _ in 0..10 {
        record(&broker, "p").expect("taken");
    }
    assert!(broker.heads_due(11).is_empty());
    let heads = broker.heads_due(10);
    assert_eq!(heads.len(), 1);
    assert_eq!(heads[0].seq, 10);
    broker.committed(&heads);
    assert!(broker.heads().is_empty());
    record(&broker, "p").expect("taken");
    assert_eq!(broker.heads()[0].seq, 11);
}

#[test]
fn what_hashes_to_a_value_is_found_in_the_log() {
    let toy = Toy::new(false);
    let broker = broker(&[&toy]);
    record(&broker, "p").expect("taken");
    let hash = broker.device(0).hash("canary");
    let lines = String::from_utf8(toy.lines()).expect("text");
    assert!(
        lines.contains(&hash) && !lines.contains("canary"),
        "{lines}"
    );
    assert!(!format!("{broker:?}{:?}", broker.device(0)).contains("canary"));
}

#[test]
fn many_threads_make_one_chain() {
    for may_block in [false, true] {
        let toy = Toy::new(may_block);
        let broker = broker(&[&toy]);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        record(&broker, "p").expect("taken");
                    }
                });
            }
        });
        let report = report(&broker, &toy, 0);
        assert!(report.is_whole(), "{report:?}");
        assert_eq!(report.runs[0].last_seq, 400);
    }
}

#[test]
fn discard_takes_everything() {
    let broker = Broker::new(vec![built_in("file", LONG, &[("file_path", "discard")])]);
    record(&broker, "p").expect("taken");
    assert_eq!(broker.status()[0].written, 1);
}

#[test]
fn several_hung_devices_take_no_longer_than_one() {
    let toys: Vec<Arc<Toy>> = (0..4).map(|number| Toy::hasty(number > 2)).collect();
    let broker = broker(&toys.iter().collect::<Vec<_>>());
    toys.iter().for_each(|toy| toy.behave(Behaviour::Hang));
    thread::scope(|scope| {
        // Each of three threads hangs in another device, with all locks of the other two free.
        for toy in toys.iter().take(3) {
            let device = device_of(&broker, toy, &toys);
            scope.spawn(move || {
                with_request("p", |entry| {
                    device.write(Entry::Request(entry), Duration::ZERO)
                })
            });
            toy.wait_for_hang();
        }
        // 100 ms for the record and 100 ms for the drain, whatever the number of devices; one
        // after the other they take 800 ms in every try, on however idle a machine.
        let quick = (0..50).any(|_| {
            let begin = now();
            assert!(record(&broker, "p").is_err());
            assert!(!broker.drain());
            begin.elapsed() < Duration::from_millis(700)
        });
        assert!(quick, "each device was waited for");
        toys.iter().for_each(|toy| toy.behave(Behaviour::Take));
    });
    drain(&broker);
}

fn device_of<'b>(broker: &'b Broker, toy: &Arc<Toy>, toys: &[Arc<Toy>]) -> &'b Device {
    let same = |other: &Arc<Toy>| Arc::ptr_eq(toy, other);
    let number = toys.iter().position(same).expect("one of them");
    broker.device(number)
}

#[allow(clippy::disallowed_methods)] // what is tested is how long it takes
fn now() -> Instant {
    Instant::now()
}
