//! The log that the shim writes, as records.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

const MAGIC: [u8; 4] = 0x4c53_4356_u32.to_le_bytes();

/// One thing that a process did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) process: u32,
    pub(crate) thread: u32,
    /// The inode, which a file keeps when it is renamed or unlinked; 0 in an ack.
    pub(crate) file: u64,
    pub(crate) path: PathBuf,
    pub(crate) op: Op,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// A file was opened, and perhaps made or cut; `length` is what it then had.
    Open {
        length: u64,
        cut: Cut,
    },
    /// A folder was opened, to flush it.
    OpenFolder,
    Write {
        offset: u64,
        data: Vec<u8>,
    },
    Truncate {
        length: u64,
    },
    /// A flush began: what was logged before is safe once the one of this number ends.
    SyncBegin {
        number: u64,
    },
    SyncEnd {
        number: u64,
    },
    Unlink,
    Rename {
        to: PathBuf,
    },
    Close,
    /// The process is about to promise something to the outside.
    Ack {
        data: Vec<u8>,
    },
}

/// Whether opening a file cut it to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    Kept,
    ToNothing,
}

/// Reads a whole log.
///
/// # Errors
/// Where it is not one: a log with a hole proves nothing.
pub(crate) fn parse(log: &[u8]) -> Result<Vec<Record>, String> {
    let mut rest = log;
    let mut records = Vec::new();
    while !rest.is_empty() {
        let at = log.len() - rest.len();
        let read = record(&mut rest);
        records.push(read.ok_or_else(|| format!("byte {at} of the log begins no record"))?);
    }
    Ok(records)
}

/// Returns what was acknowledged, in order.
pub(crate) fn acks(records: &[Record]) -> impl Iterator<Item = &[u8]> {
    records.iter().filter_map(|record| match &record.op {
        Op::Ack { data } => Some(data.as_slice()),
        _ => None,
    })
}

fn record(rest: &mut &[u8]) -> Option<Record> {
    if take(rest)? != MAGIC {
        return None;
    }
    let [op, flags] = take(rest)?;
    let path_length = u16::from_le_bytes(take(rest)?);
    let process = u32::from_le_bytes(take(rest)?);
    let thread = u32::from_le_bytes(take(rest)?);
    let [file, offset, data_length] = [number(rest)?, number(rest)?, number(rest)?];
    let path = path(bytes(rest, u64::from(path_length))?);
    let op = op_of(op, flags, offset, bytes(rest, data_length)?)?;
    Some(Record {
        process,
        thread,
        file,
        path,
        op,
    })
}

fn op_of(op: u8, flags: u8, offset: u64, data: Vec<u8>) -> Option<Op> {
    Some(match op {
        1 if flags & 4 != 0 => Op::OpenFolder,
        1 if flags & 2 != 0 => Op::Open {
            length: offset,
            cut: Cut::ToNothing,
        },
        1 => Op::Open {
            length: offset,
            cut: Cut::Kept,
        },
        2 => Op::Write { offset, data },
        3 => Op::Truncate { length: offset },
        4 => Op::SyncBegin { number: offset },
        5 => Op::SyncEnd { number: offset },
        6 => Op::Unlink,
        7 => Op::Rename { to: path(data) },
        8 => Op::Close,
        9 => Op::Ack { data },
        _ => return None,
    })
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    take(rest).map(u64::from_le_bytes)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

fn bytes(rest: &mut &[u8], length: u64) -> Option<Vec<u8>> {
    let (taken, left) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = left;
    Some(taken.to_vec())
}
