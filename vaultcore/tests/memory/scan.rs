//! Finds byte patterns in the memory of another process.
//!
//! The process that is searched is the test binary itself, run again as a child that does the work,
//! says so and waits. Neither process may spell a pattern out where it would be found by accident,
//! so both compute it from a seed ([`fill_canary`]), and the searcher keeps it masked.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const MASK: u8 = 0xa5;
const CHUNK: usize = 1 << 20;
const ROLE: &str = "VAULTCORE_MEMORY_ROLE";
const SIGNAL: &str = "@memory:";

/// Fills `place` with letters and digits that follow from `seed`, without a copy elsewhere.
pub(crate) fn fill_canary(seed: u64, place: &mut [u8]) {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut state = seed;
    for byte in place {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        *byte = LETTERS[(mixed >> 59) as usize];
    }
}

/// Patterns to search for, masked so that they are no hits themselves.
pub(crate) struct Needles {
    masked: Vec<Vec<u8>>,
    by_first_byte: BTreeMap<u8, Vec<usize>>,
}

impl Needles {
    /// Takes the patterns, none of them empty. The caller's copies stay the caller's.
    pub(crate) fn new(needles: &[&[u8]]) -> Self {
        let mask = |needle: &&[u8]| needle.iter().map(|byte| byte ^ MASK).collect();
        let mut by_first_byte = BTreeMap::<u8, Vec<usize>>::new();
        for (index, needle) in needles.iter().enumerate() {
            by_first_byte.entry(needle[0]).or_default().push(index);
        }
        Self {
            masked: needles.iter().map(mask).collect(),
            by_first_byte,
        }
    }

    /// Takes one canary of `length` bytes for each of `seeds`.
    pub(crate) fn canaries(seeds: &[u64], length: usize) -> Self {
        let made: Vec<Vec<u8>> = seeds.iter().map(|seed| canary(*seed, length)).collect();
        Self::new(&made.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn longest(&self) -> usize {
        self.masked.iter().map(Vec::len).max().unwrap_or(1)
    }

    /// Reports each needle and where it starts in `bytes`, if it starts before `end`.
    fn find(&self, bytes: &[u8], end: usize, mut report: impl FnMut(usize, usize)) {
        for (page, start) in bytes.chunks(4096).zip((0..).step_by(4096)) {
            if page.iter().all(|byte| *byte == 0) && !self.by_first_byte.contains_key(&0) {
                continue;
            }
            for (byte, at) in page.iter().zip(start..end) {
                for needle in self.by_first_byte.get(byte).into_iter().flatten() {
                    if matches_at(&bytes[at..], &self.masked[*needle]) {
                        report(*needle, at);
                    }
                }
            }
        }
    }
}

fn canary(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fill_canary(seed, &mut bytes);
    bytes
}

fn matches_at(bytes: &[u8], masked: &[u8]) -> bool {
    bytes.len() >= masked.len() && masked.iter().zip(bytes).all(|(m, byte)| m ^ MASK == *byte)
}

/// One place where a needle lies.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Its number, in the order in which they were given.
    pub(crate) needle: usize,
    /// Where it starts.
    pub(crate) address: u64,
    /// What `/proc/<pid>/maps` calls the region: `[heap]`, `[stack]`, a file, or nothing.
    pub(crate) region: String,
}

/// Searches everything that process `pid` can read, but for files mapped read-only.
///
/// Secret memory (`memfd_secret`) cannot be searched: the kernel shows it to nobody.
///
/// # Errors
/// Those of `/proc`: `PermissionDenied` without the right to trace the process, and any region that
/// cannot be read, since a search that skipped it would prove nothing.
pub(crate) fn scan_process(pid: u32, needles: &Needles) -> io::Result<Vec<Hit>> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let mut memory = File::open(format!("/proc/{pid}/mem"))?;
    let regions: Vec<Region> = maps.lines().filter_map(Region::parse).collect();
    if !regions.iter().any(|region| region.name == "[stack]") {
        return Err(io::Error::other("the process has no stack: has it ended?"));
    }
    let mut hits = Vec::new();
    for region in regions.iter().filter(|region| region.is_searched()) {
        scan_region(&mut memory, region, needles, &mut hits)?;
    }
    Ok(hits)
}

struct Region {
    from: u64,
    to: u64,
    access: String,
    name: String,
}

impl Region {
    /// Reads a line of `maps`: range, access, offset, device, inode, name.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (from, to) = words.next()?.split_once('-')?;
        let access = words.next()?.to_string();
        Some(Self {
            from: u64::from_str_radix(from, 16).ok()?,
            to: u64::from_str_radix(to, 16).ok()?,
            access,
            name: words.skip(3).collect::<Vec<_>>().join(" "),
        })
    }

    fn is_searched(&self) -> bool {
        let of_kernel = ["[vvar", "[vdso", "[vsyscall", "[uprobes", "/secretmem"];
        let file_as_it_is = self.name.starts_with('/') && !self.access.contains('w');
        let hidden = of_kernel.iter().any(|name| self.name.starts_with(name));
        self.access.starts_with('r') && !file_as_it_is && !hidden
    }
}

/// Searches one region, in chunks that overlap by the longest needle.
fn scan_region(
    memory: &mut File,
    region: &Region,
    needles: &Needles,
    hits: &mut Vec<Hit>,
) -> io::Result<()> {
    let overlap = needles.longest() as u64 - 1;
    let mut buffer = vec![0; CHUNK + overlap as usize];
    let mut from = region.from;
    while from < region.to {
        let length = (region.to - from).min(buffer.len() as u64) as usize;
        let chunk = &mut buffer[..length];
        memory.seek(SeekFrom::Start(from))?;
        memory.read_exact(chunk)?;
        needles.find(chunk, CHUNK, |needle, at| {
            hits.push(Hit {
                needle,
                address: from + at as u64,
                region: region.name.clone(),
            });
        });
        from += CHUNK as u64;
    }
    Ok(())
}

/// The test binary, running one of its own tests as a child in a role.
///
/// The child announces each step with [`pause`], which waits until the parent lets it go on.
pub(crate) struct Worker {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    /// Starts the ignored test `test` (its full path) in `role`.
    ///
    /// # Errors
    /// Those of starting a process.
    pub(crate) fn start(test: &str, role: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([
                test,
                "--exact",
                "--ignored",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let gone = || io::Error::other("the child has no pipe");
        Ok(Self {
            input: child.stdin.take().ok_or_else(gone)?,
            output: BufReader::new(child.stdout.take().ok_or_else(gone)?),
            child,
        })
    }

    /// Returns the child's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the child's next pause and returns what it said.
    ///
    /// # Errors
    /// `UnexpectedEof` if the child ended instead.
    pub(crate) fn next_pause(&mut self) -> io::Result<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.output.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // The test harness writes to the same pipe, and leaves its lines unfinished.
            if let Some((_, said)) = line.split_once(SIGNAL) {
                return Ok(said.trim_end().to_string());
            }
        }
    }

    /// Lets the child go on after a pause.
    ///
    /// # Errors
    /// Those of writing to a child that may have ended.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        writeln!(self.input)?;
        self.input.flush()
    }

    /// Waits for the child to end and returns whether its test passed.
    ///
    /// # Errors
    /// Those of waiting for a process.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        drop(self.input);
        io::copy(&mut self.output, &mut io::sink())?;
        Ok(self.child.wait()?.success())
    }
}

/// Returns the role of this process, if it is a child.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// Tells the parent `what` and waits until it has looked.
///
/// # Errors
/// Those of the two pipes.
pub(crate) fn pause(what: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{SIGNAL}{what}")?;
    output.flush()?;
    io::stdin().lock().read_line(&mut String::new()).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needles_are_found_at_every_offset_and_only_before_the_end() {
        let needles = Needles::new(&[b"needle", b"nee"]);
        let mut found = Vec::new();
        let mut bytes = vec![b'.'; 9000];
        bytes[4093..4099].copy_from_slice(b"needle"); // across two pages
        bytes[8994..].copy_from_slice(b"needle");
        needles.find(&bytes, 8994, |needle, at| found.push((needle, at)));
        assert_eq!(found, [(0, 4093), (1, 4093)]);
    }

    #[test]
    fn files_are_searched_only_where_they_may_differ_from_the_disk() {
        let searched = |line| Region::parse(line).unwrap().is_searched();
        assert!(searched("7f00-7f10 rw-p 00000000 00:00 0"));
        assert!(searched("7f00-7f10 r--p 00000000 00:00 0"));
        assert!(searched(
            "7f00-7f10 rw-s 00000000 08:01 12 /tmp/app.vault-shm"
        ));
        assert!(!searched(
            "7f00-7f10 r--p 00000000 08:01 12 /usr/lib/a library.so"
        ));
        assert!(!searched("7f00-7f10 ---p 00000000 00:00 0"));
        assert!(!searched(
            "7f00-7f10 rw-s 00000000 00:0f 9 /secretmem (deleted)"
        ));
    }
}
