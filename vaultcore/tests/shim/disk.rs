//! What a disk may hold after the power went, made from the log of what was done to it.
//!
//! The model, which stays close to ext4 in its ordered mode:
//! - What was done to a file before a flush of it began is safe once that flush has ended.
//! - Of later writes and truncations each may have reached the disk or not, in any combination;
//!   of a write each sector of 512 bytes by itself. What did reach it has its order.
//! - A new name is there from its creation on. A removed or changed name may come back until its
//!   folder or the file itself was flushed, or the name was used again.
//! - Files that end in `-shm` are left out: SQLite makes them anew, and writes them by mmap.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::log::{Cut, Op, Record};

/// The bytes of every file.
pub(crate) type Image = BTreeMap<PathBuf, Vec<u8>>;

const SECTOR: u64 = 512;

/// Files under change. Records are played one by one; the power may go after any of them.
#[derive(Default)]
pub(crate) struct Disk<'a> {
    files: Vec<File<'a>>,
    /// What each name stands for now.
    names: BTreeMap<&'a Path, usize>,
    /// How the names became so, with what was there before the log.
    changes: Vec<NameChange<'a>>,
    /// Which file an inode is; a number is used again only when its file is gone.
    inodes: HashMap<u64, usize>,
    /// Flushes that have begun: how much of what each will make safe.
    flushes: HashMap<(u32, u64), Flushed>,
}

struct File<'a> {
    inode: Option<u64>,
    start: &'a [u8],
    changes: Vec<Change<'a>>,
    /// So many of `changes` are safe.
    safe: usize,
}

#[derive(Clone, Copy)]
enum Change<'a> {
    Write(u64, &'a [u8]),
    Length(u64),
}

struct NameChange<'a> {
    kind: NameKind<'a>,
    file: usize,
    safe: bool,
}

#[derive(Clone, Copy)]
enum NameKind<'a> {
    Added(&'a Path),
    Removed(&'a Path),
    Moved(&'a Path, &'a Path),
}

struct Flushed {
    file: Option<usize>,
    changes: usize,
    names: usize,
}

impl<'a> Disk<'a> {
    /// A disk with the files that were there before the log began.
    pub(crate) fn new(start: &'a Image) -> Self {
        let mut disk = Self::default();
        for (path, bytes) in start {
            disk.add(path, None, bytes);
        }
        disk
    }

    /// Does what `record` tells.
    ///
    /// # Errors
    /// What cannot be: a change of a file that was never opened, or of one that held something
    /// before the log and was not given to [`Disk::new`].
    pub(crate) fn play(&mut self, record: &'a Record) -> Result<(), String> {
        match &record.op {
            Op::Open { length, cut } => self.open(record, *length, *cut)?,
            Op::Write { offset, data } => self.change(record, Change::Write(*offset, data))?,
            Op::Truncate { length } => self.change(record, Change::Length(*length))?,
            Op::SyncBegin { number } => self.begin_flush(record, *number),
            Op::SyncEnd { number } => self.end_flush(record, *number)?,
            Op::Unlink => self.unlink(record),
            Op::Rename { to } => self.rename(record, to)?,
            Op::OpenFolder | Op::Close | Op::Ack { .. } => {}
        }
        Ok(())
    }

    /// Returns the files with every change made: what the processes saw.
    pub(crate) fn everything(&self) -> Image {
        self.image(&mut Fates {
            kind: FateKind::Keep,
            state: 0,
        })
    }

    /// Returns what may be left if the power goes now; each seed gives another outcome.
    pub(crate) fn crash(&self, seed: u64) -> Image {
        self.image(&mut Fates::new(seed))
    }

    fn add(&mut self, path: &'a Path, inode: Option<u64>, start: &'a [u8]) -> usize {
        let file = self.files.len();
        self.files.push(File {
            inode,
            start,
            changes: Vec::new(),
            safe: 0,
        });
        self.names.insert(path, file);
        self.changes.push(NameChange {
            kind: NameKind::Added(path),
            file,
            safe: true,
        });
        file
    }

    fn open(&mut self, record: &'a Record, length: u64, cut: Cut) -> Result<(), String> {
        let inode = record.file;
        let known = self.names.get(record.path.as_path()).copied();
        let same = known.filter(|&file| self.files[file].inode.is_none_or(|own| own == inode));
        let file = match same {
            Some(file) => file,
            None if length == 0 => self.add(&record.path, Some(inode), &[]),
            None => {
                return Err(format!(
                    "{} was there before the log",
                    record.path.display()
                ));
            }
        };
        self.files[file].inode = Some(inode);
        self.inodes.insert(inode, file);
        if cut == Cut::ToNothing {
            self.files[file].changes.push(Change::Length(0));
        }
        Ok(())
    }

    fn change(&mut self, record: &Record, change: Change<'a>) -> Result<(), String> {
        let file = self.inodes.get(&record.file);
        let file = *file.ok_or_else(|| format!("{} was never opened", record.path.display()))?;
        self.files[file].changes.push(change);
        Ok(())
    }

    fn begin_flush(&mut self, record: &Record, number: u64) {
        let file = self.inodes.get(&record.file).copied();
        let changes = file.map_or(0, |file| self.files[file].changes.len());
        let flushed = Flushed {
            file,
            changes,
            names: self.changes.len(),
        };
        self.flushes.insert((record.process, number), flushed);
    }

    fn end_flush(&mut self, record: &Record, number: u64) -> Result<(), String> {
        let begun = self.flushes.remove(&(record.process, number));
        let begun = begun.ok_or_else(|| format!("flush {number} ended but never began"))?;
        if let Some(file) = begun.file {
            let file = &mut self.files[file];
            file.safe = file.safe.max(begun.changes);
        }
        for change in &mut self.changes[..begun.names] {
            change.safe |= Some(change.file) == begun.file || change.is_in(&record.path);
        }
        Ok(())
    }

    fn unlink(&mut self, record: &'a Record) {
        let path = record.path.as_path();
        // Another process may have made the name anew before this record was written.
        if let Some(file) = self.named(path, record.file) {
            self.names.remove(path);
            let kind = NameKind::Removed(path);
            self.changes.push(NameChange {
                kind,
                file,
                safe: false,
            });
        }
    }

    fn rename(&mut self, record: &'a Record, to: &'a Path) -> Result<(), String> {
        let from = record.path.as_path();
        let file = self.named(from, record.file);
        let file = file.ok_or_else(|| format!("{} was never opened", from.display()))?;
        self.names.remove(from);
        self.names.insert(to, file);
        let kind = NameKind::Moved(from, to);
        self.changes.push(NameChange {
            kind,
            file,
            safe: false,
        });
        Ok(())
    }

    fn named(&self, path: &Path, inode: u64) -> Option<usize> {
        let file = *self.names.get(path)?;
        Some(file).filter(|&file| self.files[file].inode.is_none_or(|own| own == inode))
    }

    fn image(&self, fates: &mut Fates) -> Image {
        let mut names: BTreeMap<&Path, usize> = BTreeMap::new();
        for change in &self.changes {
            if change.safe || fates.next_change() {
                change.apply(&mut names);
            }
        }
        let kept = names
            .into_iter()
            .filter(|(path, _)| !path.to_string_lossy().ends_with("-shm"));
        kept.map(|(path, file)| (path.to_owned(), self.files[file].bytes(fates)))
            .collect()
    }
}

/// Writes the files of `image` that lie under `from` into the folder `to`.
pub(crate) fn write_image(image: &Image, from: &Path, to: &Path) -> io::Result<()> {
    for (path, bytes) in image {
        if let Ok(inner) = path.strip_prefix(from) {
            fs::write(to.join(inner), bytes)?;
        }
    }
    Ok(())
}

impl NameChange<'_> {
    fn is_in(&self, folder: &Path) -> bool {
        let (NameKind::Added(path) | NameKind::Removed(path) | NameKind::Moved(path, _)) =
            self.kind;
        path.parent() == Some(folder)
    }
}

impl<'a> NameChange<'a> {
    fn apply(&self, names: &mut BTreeMap<&'a Path, usize>) {
        let (gone, added) = match self.kind {
            NameKind::Added(path) => (None, Some(path)),
            NameKind::Removed(path) => (Some(path), None),
            NameKind::Moved(from, to) => (Some(from), Some(to)),
        };
        // A name that was used again belongs to somebody else now.
        if let Some(path) = gone.filter(|path| names.get(path) == Some(&self.file)) {
            names.remove(path);
        }
        if let Some(path) = added {
            names.insert(path, self.file);
        }
    }
}

impl File<'_> {
    fn bytes(&self, fates: &mut Fates) -> Vec<u8> {
        let mut bytes = self.start.to_vec();
        let (safe, open) = self.changes.split_at(self.safe);
        for change in safe {
            change.apply(&mut bytes);
        }
        fates.begin(open.len());
        for change in open {
            match *change {
                Change::Write(offset, data) if fates.tears() => {
                    for (at, sector) in sectors(offset, data) {
                        if fates.next_change() {
                            Change::Write(at, sector).apply(&mut bytes);
                        }
                    }
                }
                _ if fates.next_change() => change.apply(&mut bytes),
                _ => {}
            }
        }
        bytes
    }
}

impl Change<'_> {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match *self {
            Self::Length(length) => bytes.resize(length as usize, 0),
            Self::Write(offset, data) => {
                let (begin, end) = (offset as usize, offset as usize + data.len());
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[begin..end].copy_from_slice(data);
            }
        }
    }
}

/// Splits a write where the disk's sectors meet.
fn sectors(mut offset: u64, mut data: &[u8]) -> Vec<(u64, &[u8])> {
    let mut found = Vec::new();
    while !data.is_empty() {
        let room = (SECTOR - offset % SECTOR) as usize;
        let (sector, rest) = data.split_at(room.min(data.len()));
        found.push((offset, sector));
        offset += sector.len() as u64;
        data = rest;
    }
    found
}

/// Decides what became of each change that was not safe.
struct Fates {
    kind: FateKind,
    state: u64,
}

/// Extremes are as likely as mixtures: long logs would hardly meet them by single coins.
enum FateKind {
    Keep,
    Lose,
    /// So many changes are kept, and none after: a disk that keeps its order.
    First(u64),
    EachChange,
    EachSector,
}

impl Fates {
    fn new(seed: u64) -> Self {
        let mut fates = Self {
            kind: FateKind::Keep,
            state: seed,
        };
        fates.kind = match fates.number() % 8 {
            0 => FateKind::Keep,
            1 => FateKind::Lose,
            2 | 3 => FateKind::First(0),
            4 | 5 => FateKind::EachChange,
            _ => FateKind::EachSector,
        };
        fates
    }

    /// Begins another file, of which `open` changes are not safe.
    fn begin(&mut self, open: usize) {
        let number = self.number();
        if let FateKind::First(left) = &mut self.kind {
            *left = number % (open as u64 + 1);
        }
    }

    fn tears(&self) -> bool {
        matches!(self.kind, FateKind::EachSector)
    }

    fn next_change(&mut self) -> bool {
        let coin = self.number().is_multiple_of(2);
        match &mut self.kind {
            FateKind::Keep => true,
            FateKind::Lose => false,
            FateKind::EachChange | FateKind::EachSector => coin,
            FateKind::First(left) => {
                let kept = *left > 0;
                *left = left.saturating_sub(1);
                kept
            }
        }
    }

    /// SplitMix64: small, and the same everywhere for a seed.
    fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
