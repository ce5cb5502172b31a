//! The preloaded library `shim.c`: how to get it, and what its log tells.
//!
//! A test binary takes it by `#[path = "../shim/mod.rs"] mod shim;`. Linux only.
//!
//! ```text
//! let shim = Shim::find()?;                         // or print shim::skipped(..) and return
//! shim.log(&mut child, &Logged { log, folder, ack });
//! let records = log::parse(&fs::read(log)?)?;
//! let mut disk = Disk::new(&start);
//! for record in &records { disk.play(record)?; let image = disk.crash(seed); .. }
//! ```

#![allow(dead_code, reason = "each test binary uses the part that it needs")]

pub(crate) mod disk;
pub(crate) mod log;

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const SOURCE: &str = include_str!("shim.c");

/// The compiled library.
pub(crate) struct Shim {
    library: PathBuf,
}

/// Whether a flush of the disk really happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flush {
    Real,
    Pretended,
}

/// What a child is to log, and where.
pub(crate) struct Logged<'a> {
    /// The log; it is appended to, by any number of processes.
    pub(crate) log: &'a Path,
    /// Files whose absolute path contains this one are logged. The folder itself should be
    /// among them, so that flushes of the folder count.
    pub(crate) folder: &'a Path,
    /// The file whose writes are acknowledgements.
    pub(crate) ack: &'a Path,
}

impl Shim {
    /// Finds the library that `cargo xtask test` made, or compiles it.
    ///
    /// # Errors
    /// Why there is none: another system, or no C compiler.
    pub(crate) fn find() -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("the shim is preloaded, which is set up for Linux only".to_owned());
        }
        let library = match std::env::var_os("VAULTCORE_SHIM") {
            Some(path) => PathBuf::from(path),
            None => compiled()?,
        };
        Ok(Self { library })
    }

    /// Makes every flush of `child` take `time` longer.
    pub(crate) fn flush(&self, child: &mut Command, time: Duration, flush: Flush) {
        child.env("LD_PRELOAD", &self.library);
        child.env("VCSHIM_FLUSH_US", time.as_micros().to_string());
        if flush == Flush::Pretended {
            child.env("VCSHIM_FLUSH_ONLY", "1");
        }
    }

    /// Makes `child` and its own children log what they do to files.
    pub(crate) fn log(&self, child: &mut Command, logged: &Logged<'_>) {
        child.env("LD_PRELOAD", &self.library);
        child.env("VCSHIM_LOG", logged.log);
        child.env("VCSHIM_MATCH", logged.folder);
        child.env("VCSHIM_ACK", logged.ack);
    }
}

/// Says that a test was skipped, so that `cargo xtask test` counts it. Goes round the capture
/// of test output, which would hide it.
pub(crate) fn skipped(test: &str, reason: &str) {
    let line = format!("\nSKIPPED {test}: {reason}\n");
    std::io::stderr().write_all(line.as_bytes()).ok();
}

/// Compiles the library once for each text of its source.
fn compiled() -> Result<PathBuf, String> {
    let mut hasher = DefaultHasher::new();
    SOURCE.hash(&mut hasher);
    let folder = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let library = folder.join(format!("libvcshim-{:016x}.so", hasher.finish()));
    if !library.exists() {
        // Another test may do the same now: each writes its own, and the last rename stands.
        let thread = format!("{:?}", std::thread::current().id());
        let own = library.with_extension(format!("{}-{thread}", std::process::id()));
        compile(&own)?;
        fs::rename(&own, &library).map_err(|error| format!("{}: {error}", own.display()))?;
    }
    Ok(library)
}

fn compile(library: &Path) -> Result<(), String> {
    let mut compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-x", "c", "-", "-ldl", "-o"])
        .arg(library)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| format!("the C compiler cc does not start: {error}"))?;
    // Dropping the pipe after the write ends the compiler's input.
    let fed = compiler
        .stdin
        .take()
        .map(|mut input| input.write_all(SOURCE.as_bytes()));
    let status = compiler.wait().map_err(|error| format!("cc: {error}"))?;
    match (fed, status.success()) {
        (Some(Ok(())), true) => Ok(()),
        _ => Err(format!("cc could not compile the shim: {status}")),
    }
}
