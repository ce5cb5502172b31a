//! Finds what was changed, cut, put in or put elsewhere in a log.

use std::collections::{BTreeMap, HashMap};
use std::io::BufRead;

use super::chain::{ChainKey, Mac};
use super::head::ChainHead;
use super::line::{Found, Link, read};
use crate::error::{Error, ErrorKind, Result};
use crate::id::RunId;

/// The longest line that is looked at, in bytes; none that the vault writes is as long.
const MAX_LINE: usize = 16 << 20;
/// The most findings that are kept; the others are counted.
const MAX_FINDINGS: usize = 1_000;

/// What `verify` found.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The lines that were read, empty ones too.
    pub lines: u64,
    /// Each run that has a line or a stored head, in the order of its first line.
    pub runs: Vec<RunReport>,
    /// What is wrong, in the order in which it was noticed.
    pub findings: Vec<Finding>,
    /// How many more findings there are than are listed.
    pub more: u64,
}

impl Report {
    /// Returns whether nothing is wrong. What was cut off behind the last stored head of a run can
    /// not be noticed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

/// One run: what one process wrote to the device.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// Where its first line stands, counted from 1; 0 if it has none.
    pub first_line: u64,
    /// Where its last line stands, counted from 1; 0 if it has none.
    pub last_line: u64,
    /// Its lines.
    pub count: u64,
    /// The number of its last line.
    pub last_seq: u64,
    /// Numbers that stand for writes that failed, and of which there is no line. Nothing was
    /// answered on their account alone.
    pub unwritten: u64,
    /// The number of the stored head. What was cut off behind it can not be noticed; 0 if there is
    /// none.
    pub committed: u64,
}

impl RunReport {
    /// Returns how many of the run's last numbers have no stored head yet.
    #[must_use]
    pub fn uncommitted(&self) -> u64 {
        self.last_seq.saturating_sub(self.committed)
    }
}

/// One thing that is wrong. Lines are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(
    missing_docs,
    reason = "lines, runs and numbers: the variants say which"
)]
pub enum Finding {
    /// The line is not as the device wrote it: it was changed, cut, or put in. Where no number is
    /// missing it may be the piece of a write that failed. `claims` is the run and number that it
    /// gives itself.
    Strange {
        line: u64,
        claims: Option<(RunId, u64)>,
    },
    /// A piece of another line stands in front of the line, which is whole.
    Piece { line: u64 },
    /// The line is longer than any that is written.
    TooLong { line: u64 },
    /// Lines of a run are not there. Those that come first may stand in an older file.
    Missing { run: RunId, from: u64, to: u64 },
    /// The line stands behind one with a higher number.
    Misplaced { line: u64, run: RunId, seq: u64 },
    /// The line stands here a second time.
    Repeated { line: u64, run: RunId, seq: u64 },
    /// Two processes wrote under one run, as after a copy of a running machine: the line does not
    /// follow from the one before it, or is not the one whose head was stored.
    Forked { line: u64, run: RunId, seq: u64 },
}

/// Reads the lines of the device that has `key`, and compares them with its stored `heads`: see
/// [`DeviceConfig::verify`](super::DeviceConfig::verify).
pub(super) fn verify<'h>(
    mut lines: impl BufRead,
    key: &ChainKey,
    heads: impl Iterator<Item = &'h ChainHead>,
) -> Result<Report> {
    let mut verifier = Verifier::new(heads);
    let mut line = Vec::new();
    loop {
        line.clear();
        let end = next_line(&mut lines, &mut line)?;
        if end == End::Nothing {
            return Ok(verifier.finish());
        }
        verifier.report.lines += 1;
        if end == End::TooLong {
            let line = verifier.report.lines;
            verifier.report.add(Finding::TooLong { line });
        } else if !line.is_empty() {
            // An empty line separates a line from a torn one before it.
            verifier.line(read(&line, key));
        }
    }
}

#[derive(PartialEq)]
enum End {
    Line,
    TooLong,
    Nothing,
}

/// Reads up to the next newline, which is not kept; what is too long is read and not kept.
fn next_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> Result<End> {
    let mut end = End::Nothing;
    loop {
        let available = match lines.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => {
                let message = "the audit log can not be read";
                return Err(Error::new(ErrorKind::Storage, message).with_source(error));
            }
        };
        if available.is_empty() {
            return Ok(end);
        }
        let newline = available.iter().position(|byte| *byte == b'\n');
        let piece = available.get(..newline.unwrap_or(available.len()));
        let piece = piece.unwrap_or_default();
        if end != End::TooLong && line.len() + piece.len() <= MAX_LINE {
            line.extend_from_slice(piece);
            end = End::Line;
        } else {
            end = End::TooLong;
        }
        let used = piece.len() + usize::from(newline.is_some());
        lines.consume(used);
        if newline.is_some() {
            return Ok(end);
        }
    }
}

struct Verifier {
    report: Report,
    runs: HashMap<RunId, Run>,
    heads: HashMap<RunId, (u64, Mac)>,
}

/// What is known of a run so far.
struct Run {
    report: RunReport,
    last_mac: Mac,
    /// Numbers that were passed over: first and last of each gap.
    missing: BTreeMap<u64, u64>,
}

impl Verifier {
    fn new<'h>(heads: impl Iterator<Item = &'h ChainHead>) -> Self {
        let mut newest: HashMap<RunId, (u64, Mac)> = HashMap::new();
        for head in heads {
            let known = newest.entry(head.run).or_insert((head.seq, head.mac));
            if head.seq > known.0 {
                *known = (head.seq, head.mac);
            }
        }
        Self {
            report: Report::default(),
            runs: HashMap::new(),
            heads: newest,
        }
    }

    fn line(&mut self, found: Found) {
        let line = self.report.lines;
        match found {
            Found::Whole(link) => self.link(line, link),
            Found::BehindPiece(link) => {
                self.report.add(Finding::Piece { line });
                self.link(line, link);
            }
            Found::Strange(link) => {
                let claims = link.map(|link| (link.run, link.seq));
                self.report.add(Finding::Strange { line, claims });
            }
        }
    }

    /// Takes a line that is authentic: only its place can be wrong.
    fn link(&mut self, line: u64, link: Link) {
        let head = self.heads.get(&link.run);
        let committed = head.map_or(0, |(seq, _)| *seq);
        let run = self.runs.entry(link.run);
        let run = run.or_insert_with(|| Run::new(link.run, line, committed));
        let (id, seq) = (link.run, link.seq);
        run.report.count += 1;
        run.report.last_line = line;
        if head.is_some_and(|(seq, mac)| *seq == link.seq && *mac != link.mac) {
            self.report.add(Finding::Forked { line, run: id, seq });
        }
        if link.seq <= run.report.last_seq {
            let finding = if run.fill(link.seq) {
                Finding::Misplaced { line, run: id, seq }
            } else {
                Finding::Repeated { line, run: id, seq }
            };
            return self.report.add(finding);
        }
        if !run.follow(&link) {
            self.report.add(Finding::Forked { line, run: id, seq });
        }
    }

    fn finish(mut self) -> Report {
        let mut runs: Vec<Run> = self.runs.into_values().collect();
        runs.sort_unstable_by_key(|run| run.report.first_line);
        let seen = runs.iter().map(|run| run.report.run);
        let seen: std::collections::HashSet<RunId> = seen.collect();
        let mut unseen: Vec<_> = self.heads.into_iter().collect();
        unseen.retain(|(run, _)| !seen.contains(run));
        unseen.sort_unstable();
        for (run, (committed, _)) in unseen {
            runs.push(Run::new(run, 0, committed));
        }
        for mut run in runs {
            let (last, committed) = (run.report.last_seq, run.report.committed);
            if last < committed {
                run.missing.insert(last.saturating_add(1), committed);
            }
            for (from, to) in run.missing {
                let run = run.report.run;
                self.report.add(Finding::Missing { run, from, to });
            }
            self.report.runs.push(run.report);
        }
        self.report
    }
}

impl Run {
    fn new(run: RunId, line: u64, committed: u64) -> Self {
        Self {
            report: RunReport {
                run,
                first_line: line,
                last_line: line,
                count: 0,
                last_seq: 0,
                unwritten: 0,
                committed,
            },
            last_mac: [0; 32],
            missing: BTreeMap::new(),
        }
    }

    /// Goes on to a line with a higher number; returns whether it follows from the one before.
    fn follow(&mut self, link: &Link) -> bool {
        let expected = self.report.last_seq.saturating_add(1);
        let gap = link.seq.saturating_sub(expected);
        // The numbers just before this line are excused if their writes failed.
        let excused = gap.min(link.failed);
        if gap > excused {
            let last = link.seq.saturating_sub(excused).saturating_sub(1);
            self.missing.insert(expected, last);
        }
        self.report.unwritten = self.report.unwritten.saturating_add(excused);
        let follows = match (gap, link.prev) {
            (0, Some(prev)) => self.report.last_seq > 0 && prev == self.last_mac,
            (0, None) => self.report.last_seq == 0,
            _ => true,
        };
        self.report.last_seq = link.seq;
        self.last_mac = link.mac;
        follows
    }

    /// Takes `seq` out of what is missing; returns whether it was.
    fn fill(&mut self, seq: u64) -> bool {
        let below = self.missing.range(..=seq).next_back();
        let Some((from, to)) = below.map(|(from, to)| (*from, *to)) else {
            return false;
        };
        if to < seq {
            return false;
        }
        self.missing.remove(&from);
        if from < seq {
            self.missing.insert(from, seq - 1);
        }
        if seq < to {
            self.missing.insert(seq.saturating_add(1), to);
        }
        true
    }
}

#[cfg(test)]
mod tests;
