//! The model of power loss, on logs made by hand.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::shim::disk::{Disk, Image};
use crate::shim::log::{Cut, Op, Record, acks, parse};

const SEEDS: u64 = 400;

fn record(path: &str, file: u64, op: Op) -> Record {
    Record {
        process: 1,
        thread: 1,
        file,
        path: PathBuf::from(path),
        op,
    }
}

/// Steps upon one file `/d/a`, which is opened first.
fn steps(ops: Vec<Op>) -> Vec<Record> {
    let opened = Op::Open {
        length: 0,
        cut: Cut::Kept,
    };
    [opened]
        .into_iter()
        .chain(ops)
        .map(|op| record("/d/a", 7, op))
        .collect()
}

fn write(offset: u64, data: &[u8]) -> Op {
    Op::Write {
        offset,
        data: data.to_vec(),
    }
}

fn flush(number: u64) -> [Op; 2] {
    [Op::SyncBegin { number }, Op::SyncEnd { number }]
}

fn played<'a>(start: &'a Image, records: &'a [Record]) -> Disk<'a> {
    let mut disk = Disk::new(start);
    for record in records {
        disk.play(record).unwrap();
    }
    disk
}

/// Every content of `path` that some crash leaves; `None` where there is no such file.
fn outcomes(records: &[Record], path: &str) -> BTreeSet<Option<Vec<u8>>> {
    let start = Image::new();
    let disk = played(&start, records);
    (0..SEEDS)
        .map(|seed| disk.crash(seed).get(Path::new(path)).cloned())
        .collect()
}

fn set(contents: &[&[u8]]) -> BTreeSet<Option<Vec<u8>>> {
    contents.iter().map(|bytes| Some(bytes.to_vec())).collect()
}

#[test]
fn what_was_flushed_survives_every_crash() {
    let [begin, end] = flush(1);
    let records = steps(vec![write(0, b"safe"), begin, end]);
    assert_eq!(outcomes(&records, "/d/a"), set(&[b"safe"]));
}

#[test]
fn a_planted_loss_is_found() {
    // The ack goes out before the flush: some image must lack what was promised.
    let [begin, end] = flush(1);
    let ack = Op::Ack {
        data: b"promised".to_vec(),
    };
    let records = steps(vec![write(0, b"promised"), ack, begin, end]);
    let cut = records
        .iter()
        .position(|record| matches!(record.op, Op::Ack { .. }))
        .unwrap();
    let before = &records[..=cut];
    assert_eq!(acks(before).collect::<Vec<_>>(), [b"promised"]);
    assert!(
        outcomes(before, "/d/a").contains(&Some(Vec::new())),
        "the loss was not found"
    );
    assert_eq!(outcomes(&records, "/d/a"), set(&[b"promised"]));
}

#[test]
fn each_unflushed_write_is_kept_or_lost() {
    let [begin, end] = flush(1);
    let records = steps(vec![
        write(0, b"...."),
        begin,
        end,
        write(0, b"A"),
        write(3, b"B"),
    ]);
    assert_eq!(
        outcomes(&records, "/d/a"),
        set(&[b"....", b"A...", b"...B", b"A..B"])
    );
}

#[test]
fn a_write_during_a_flush_is_not_safe() {
    let [begin, end] = flush(1);
    let records = steps(vec![write(0, b"a"), begin, write(1, b"b"), end]);
    assert_eq!(outcomes(&records, "/d/a"), set(&[b"a", b"ab"]));
    let [begin, _] = flush(1);
    let unfinished = steps(vec![write(0, b"a"), begin]);
    assert_eq!(outcomes(&unfinished, "/d/a"), set(&[b"", b"a"]));
}

#[test]
fn writes_tear_at_sectors_and_nowhere_else() {
    let [begin, end] = flush(1);
    let data = vec![b'x'; 1024];
    let blank = vec![b'.'; 1400];
    let records = steps(vec![write(0, &blank), begin, end, write(256, &data)]);
    let found = outcomes(&records, "/d/a");
    assert_eq!(found.len(), 8, "three sectors, each old or new");
    for bytes in found.into_iter().flatten() {
        for (from, to) in [
            (0, 256),
            (256, 512),
            (512, 1024),
            (1024, 1280),
            (1280, 1400),
        ] {
            let piece = &bytes[from..to];
            assert!(
                piece.iter().all(|byte| *byte == piece[0]),
                "torn inside {from}..{to}"
            );
        }
    }
}

#[test]
fn truncations_wait_for_the_flush_too() {
    let [begin, end] = flush(1);
    let cut = Op::Truncate { length: 1 };
    let mut records = steps(vec![write(0, b"abc"), begin, end, cut]);
    assert_eq!(outcomes(&records, "/d/a"), set(&[b"a", b"abc"]));
    records.extend(flush(2).map(|op| record("/d/a", 7, op)));
    assert_eq!(outcomes(&records, "/d/a"), set(&[b"a"]));
}

#[test]
fn removed_names_come_back_until_the_folder_is_flushed() {
    let [begin, end] = flush(1);
    let mut records = steps(vec![write(0, b"a"), begin, end, Op::Unlink]);
    let both = BTreeSet::from([None, Some(b"a".to_vec())]);
    assert_eq!(outcomes(&records, "/d/a"), both);
    records.push(record("/d", 3, Op::OpenFolder));
    records.extend(flush(2).map(|op| record("/d", 3, op)));
    assert_eq!(outcomes(&records, "/d/a"), BTreeSet::from([None]));
}

#[test]
fn a_name_used_again_is_the_new_file() {
    let [begin, end] = flush(1);
    let mut records = steps(vec![write(0, b"old"), begin, end, Op::Unlink]);
    records.push(record(
        "/d/a",
        8,
        Op::Open {
            length: 0,
            cut: Cut::Kept,
        },
    ));
    records.push(record("/d/a", 8, write(0, b"new")));
    assert_eq!(outcomes(&records, "/d/a"), set(&[b"", b"new"]));
    // The record of the removal may come after that of the creation by another process.
    records.push(record("/d/a", 7, Op::Unlink));
    assert_eq!(outcomes(&records, "/d/a"), set(&[b"", b"new"]));
}

#[test]
fn renames_are_whole_or_undone() {
    let [begin, end] = flush(1);
    let to = PathBuf::from("/d/b");
    let records = steps(vec![write(0, b"x"), begin, end, Op::Rename { to }]);
    let start = Image::new();
    let disk = played(&start, &records);
    let names: BTreeSet<Vec<PathBuf>> = (0..SEEDS)
        .map(|seed| disk.crash(seed).into_keys().collect())
        .collect();
    let expected = [["/d/a"], ["/d/b"]].map(|names| names.map(PathBuf::from).to_vec());
    assert_eq!(names, BTreeSet::from(expected));
}

#[test]
fn files_from_before_the_log_must_be_given() {
    let opened = record(
        "/d/a",
        7,
        Op::Open {
            length: 3,
            cut: Cut::Kept,
        },
    );
    let empty = Image::new();
    assert!(Disk::new(&empty).play(&opened).is_err());
    let start = Image::from([(PathBuf::from("/d/a"), b"abc".to_vec())]);
    let records = [opened, record("/d/a", 7, write(3, b"d"))];
    let disk = played(&start, &records);
    assert_eq!(disk.everything()[Path::new("/d/a")], b"abcd");
}

#[test]
fn the_same_seed_gives_the_same_image() {
    let records = steps(
        (0..50)
            .map(|at| write(at * 300, &[at as u8; 700]))
            .collect(),
    );
    let start = Image::new();
    let disk = played(&start, &records);
    let images: Vec<Image> = (0..20).map(|seed| disk.crash(seed)).collect();
    assert!((0..20).all(|seed| disk.crash(seed) == images[seed as usize]));
    let distinct: BTreeSet<_> = images.into_iter().collect();
    assert!(distinct.len() > 10, "seeds differ: {}", distinct.len());
}

#[test]
fn a_log_with_a_hole_is_refused() {
    let mut log = 0x4c53_4356_u32.to_le_bytes().to_vec();
    log.extend([8, 0, 1, 0]); // a close, of a path of one byte
    log.extend([0; 32]);
    log.push(b'p');
    assert_eq!(parse(&log).unwrap().len(), 1);
    assert!(parse(&log[..log.len() - 1]).is_err());
    assert!(parse(&log[1..]).is_err());
    assert!(parse(&[log.as_slice(), &[0]].concat()).is_err());
}
