//! Calls and what came of them, and the simple judge.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Get,
    Put { cas: u64, id: u64 },
    Delete,
    Undelete { version: u64 },
    Metadata,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Data {
        version: u64,
        id: u64,
    },
    /// There is no secret, or its newest version is deleted.
    Nothing,
    Written(u64),
    /// The version that was found instead.
    Conflict(u64),
    Done,
    Metadata {
        version: u64,
        /// One bit for each kept version, the oldest one's lowest.
        deleted: u64,
    },
}

/// A call of one client, with the times between which it took effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) client: u64,
    pub(crate) key: u64,
    pub(crate) called: i64,
    pub(crate) op: Op,
    /// Nothing if nobody heard what came of it.
    pub(crate) returned: Option<(i64, Reply)>,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Get => write!(f, "get"),
            Self::Put { cas, id } => write!(f, "put {cas} {id}"),
            Self::Delete => write!(f, "delete"),
            Self::Undelete { version } => write!(f, "undelete {version}"),
            Self::Metadata => write!(f, "metadata"),
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data { version, id } => write!(f, "data {version} {id}"),
            Self::Nothing => write!(f, "nothing"),
            Self::Written(version) => write!(f, "written {version}"),
            Self::Conflict(version) => write!(f, "conflict {version}"),
            Self::Done => write!(f, "done"),
            Self::Metadata { version, deleted } => write!(f, "metadata {version} {deleted}"),
        }
    }
}

fn op(words: &[&str]) -> Op {
    let number = |index: usize| words[index].parse().unwrap();
    match words[0] {
        "get" => Op::Get,
        "put" => Op::Put {
            cas: number(1),
            id: number(2),
        },
        "delete" => Op::Delete,
        "undelete" => Op::Undelete { version: number(1) },
        _ => Op::Metadata,
    }
}

fn reply(words: &[&str]) -> Reply {
    let number = |index: usize| words[index].parse().unwrap();
    match words[0] {
        "data" => Reply::Data {
            version: number(1),
            id: number(2),
        },
        "nothing" => Reply::Nothing,
        "written" => Reply::Written(number(1)),
        "conflict" => Reply::Conflict(number(1)),
        "done" => Reply::Done,
        _ => Reply::Metadata {
            version: number(1),
            deleted: number(2),
        },
    }
}

/// Reads what the threads of one process logged.
pub(crate) fn read(log: &Path) -> Vec<Call> {
    // A process that was killed early has none.
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let mut calls: Vec<Call> = Vec::new();
    let mut open: BTreeMap<u64, usize> = BTreeMap::new();
    // A kill may have cut the last line off: one write to two pages of a file is two.
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    for line in whole.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (client, time) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        if words[0] == "i" {
            open.insert(client, calls.len());
            calls.push(Call {
                client,
                key: words[3].parse().unwrap(),
                called: time,
                op: op(&words[4..]),
                returned: None,
            });
        } else {
            let call = &mut calls[open.remove(&client).unwrap()];
            call.returned = Some((time, reply(&words[3..])));
        }
    }
    calls
}

/// Counts the kinds of replies.
pub(crate) fn census(history: &[Call]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for call in history {
        let reply = call
            .returned
            .map_or("unknown".to_owned(), |(_, reply)| reply.to_string());
        let (op, reply) = (
            call.op.to_string(),
            reply.split(' ').next().unwrap().to_owned(),
        );
        let kind = format!("{} {reply}", op.split(' ').next().unwrap());
        *counts.entry(kind).or_default() += 1;
    }
    format!("{counts:?}")
}

/// Judges by what is simple to see: no version is written twice or by nobody, reads give what was
/// written, and nobody sees less than what was there when the call began.
pub(crate) fn judge(history: &[Call]) -> Result<(), String> {
    let keys = history.iter().map(|call| call.key).max().unwrap_or(0);
    (0..=keys).try_for_each(|key| {
        let of_key = history.iter().filter(|call| call.key == key);
        judge_key(of_key.collect())
    })
}

fn judge_key(calls: Vec<&Call>) -> Result<(), String> {
    let written = ids_of_versions(&calls)?;
    let mut seen: Vec<(i64, u64)> = Vec::new(); // when a version was known to be there
    for call in &calls {
        let Some((time, reply)) = call.returned else {
            continue;
        };
        if let Reply::Data { version, id } = reply
            && !written.get(&version).is_some_and(|ids| ids.contains(&id))
        {
            return Err(format!("{call:?}: nobody wrote that"));
        }
        seen.extend(version_of(reply).map(|version| (time, version)));
    }
    seen.sort_unstable();
    let mut newest = 0;
    let newest_at: Vec<(i64, u64)> = seen
        .into_iter()
        .map(|(time, version)| {
            newest = newest.max(version);
            (time, newest)
        })
        .collect();
    for call in &calls {
        let before = newest_at.partition_point(|(time, _)| *time < call.called);
        let known = before.checked_sub(1).map_or(0, |last| newest_at[last].1);
        let found = call.returned.and_then(|(_, reply)| version_of(reply));
        if found.is_some_and(|found| found < known) {
            return Err(format!("{call:?}: version {known} was there before"));
        }
        if let (Op::Put { .. }, Some((_, Reply::Written(version)))) = (call.op, call.returned)
            && version <= known
        {
            return Err(format!("{call:?}: version {known} was there before"));
        }
    }
    Ok(())
}

/// Returns who may have written each version: one call that said so, or those of unknown outcome.
fn ids_of_versions(calls: &[&Call]) -> Result<BTreeMap<u64, Vec<u64>>, String> {
    let mut written: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for call in calls {
        if let (Op::Put { id, cas }, Some((_, Reply::Written(version)))) = (call.op, call.returned)
            && (version != cas + 1 || written.insert(version, vec![id]).is_some())
        {
            return Err(format!("{call:?}: a version was written twice"));
        }
    }
    let known = written.keys().copied().collect::<Vec<_>>();
    for call in calls {
        if let (Op::Put { id, cas }, None) = (call.op, call.returned)
            && !known.contains(&(cas + 1))
        {
            written.entry(cas + 1).or_default().push(id);
        }
    }
    let newest = known.last().copied().unwrap_or(0);
    match (1..=newest).find(|version| !written.contains_key(version)) {
        Some(version) => Err(format!("nobody wrote version {version} of {newest}")),
        None => Ok(written),
    }
}

/// Returns the newest version that a reply tells.
fn version_of(reply: Reply) -> Option<u64> {
    match reply {
        Reply::Data { version, .. } | Reply::Metadata { version, .. } => Some(version),
        Reply::Written(version) | Reply::Conflict(version) => Some(version),
        Reply::Nothing | Reply::Done => None,
    }
}
