//! Power loss, played back from the log of what reached the disk.

use std::fs;
use std::path::Path;
use std::time::Duration;

use vaultcore::storage::Durability;

use crate::ledger::{Finding, Ledger};
use crate::shim::disk::{Disk, Image, write_image};
use crate::shim::log::{Op, Record, parse};
use crate::shim::{Flush, Logged, Shim, skipped};
use crate::writer::{Dice, Plant, Task, prepare};

const STEPS: u64 = 300;
/// Disks that are looked at, at the least.
const IMAGES: usize = 300;

struct Tally {
    images: usize,
    lost: Vec<String>,
    broken: Vec<String>,
}

/// Runs two writers at once under the shim, and returns what they did.
fn record(shim: &Shim, folder: &Path, durability: Durability) -> (Image, Vec<Record>) {
    let (file, acks) = (folder.join("db"), folder.join("acks"));
    prepare(&file);
    let start = files_in(folder);
    fs::write(&acks, "").unwrap();
    let log = tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
    let writers = [0, 1].map(|number| {
        let task = Task {
            file: &file,
            acks: &acks,
            number,
            seed: 10 + number,
            steps: STEPS,
            durability,
            plant: Plant::Nothing,
        };
        let mut command = task.command();
        // Only the log counts here, not the disk of this machine.
        shim.flush(&mut command, Duration::ZERO, Flush::Pretended);
        let logged = Logged {
            log: log.path(),
            folder,
            ack: &acks,
        };
        shim.log(&mut command, &logged);
        command.spawn().unwrap()
    });
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    (start, parse(&fs::read(log.path()).unwrap()).unwrap())
}

fn files_in(folder: &Path) -> Image {
    let paths = fs::read_dir(folder).unwrap();
    let paths = paths.map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect()
}

/// Cuts the power after many of the records, and opens what is left each time.
fn cut_the_power(start: &Image, records: &[Record], folder: &Path) -> Tally {
    let (mut disk, mut ledger, mut dice) = (Disk::new(start), Ledger::new(), Dice(77));
    let mut tally = Tally {
        images: 0,
        lost: Vec::new(),
        broken: Vec::new(),
    };
    let every = (records.len() / (IMAGES * 5 / 4)).max(1) as u64;
    for record in records {
        disk.play(record).unwrap();
        if let Op::Ack { data } = &record.op {
            ledger.take(std::str::from_utf8(data).unwrap()).unwrap();
        }
        if dice.below(every) == 0 {
            look(&disk.crash(dice.next()), folder, &ledger, &mut tally);
        }
    }
    tally
}

fn look(image: &Image, folder: &Path, ledger: &Ledger, tally: &mut Tally) {
    let copy = tempfile::tempdir_in("/dev/shm").unwrap();
    write_image(image, folder, copy.path()).unwrap();
    tally.images += 1;
    let file = copy.path().join("db");
    let found = match ledger.clone().check(&file) {
        Err(Finding::Lost(what)) => {
            tally.lost.push(what);
            Ledger::of_a_stranger().check(&file)
        }
        found => found,
    };
    if let Err(finding) = found {
        tally.broken.push(finding.to_string());
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "figures for whoever reads the log")]
fn full_durability_survives_a_power_loss_and_normal_loses_the_end() {
    let shim = match Shim::find() {
        Ok(shim) => shim,
        Err(reason) => return skipped("crash-power-loss", &reason),
    };
    for durability in [Durability::Full, Durability::Normal] {
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let (start, records) = record(&shim, folder.path(), durability);
        let tally = cut_the_power(&start, &records, folder.path());
        let (images, lost, broken) = (tally.images, tally.lost.len(), tally.broken.len());
        eprintln!("{durability:?}: {images} disks, {lost} with a loss, {broken} broken");
        assert!(images >= IMAGES, "{images}");
        assert_eq!(tally.broken, [""; 0]);
        // The control: what NORMAL is allowed to lose must be seen.
        match durability {
            Durability::Full => assert_eq!(tally.lost, [""; 0]),
            _ => assert!(lost > 0),
        }
    }
}
