//! The test of threads under the thread sanitizer.

use std::fs;
use std::path::{Path, PathBuf};

use crate::native::{CFLAGS, link, show, skipped};
use crate::setup::{create, installed, mark_installed};
use crate::tools::{Report, Result, apt_install, cargo, command, output, target};

const HOST: &str = "x86_64-unknown-linux-gnu";
/// Debian's newest Rust, and its sources.
const DEBIAN: [&str; 2] = ["rustc-web", "rust-web-src"];

/// A compiler that has the sources of its standard library.
struct Rust {
    rustc: PathBuf,
    /// The folder of its own libraries, if it is not installed.
    libraries: Option<PathBuf>,
    /// The sanitizer's runtime. It is rustc's: that of another compiler lacks what its code calls.
    runtime: PathBuf,
}

/// Runs the test of threads with every memory access watched, the library's and the standard
/// library's included: one that is not watched hides what its locks order, and shows races that are
/// none.
pub(crate) fn sanitizer(report: &mut Report) {
    report.step("c-thread-sanitizer", || {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return skipped("it is set up for Linux on x86-64 only");
        }
        match rust() {
            Ok(rust) => watch(&rust).into(),
            Err(reason) => skipped(&reason),
        }
    });
}

/// Returns the compiler in use, or Debian's if the sources of the former are not there.
fn rust() -> Result<Rust> {
    let sysroot = output(command("rustc").args(["--print", "sysroot"]))?;
    let libraries = Path::new(sysroot.trim()).join("lib/rustlib");
    let runtime = runtime_in(&libraries.join(HOST).join("lib"))?;
    if libraries.join("src/rust/library/Cargo.lock").exists() {
        let (rustc, libraries) = (PathBuf::from("rustc"), None);
        return Ok(Rust {
            rustc,
            libraries,
            runtime,
        });
    }
    let (rustc, libraries) = debian().map_err(|reason| {
        format!(
            "the sources of the standard library are not there; `rustup component add rust-src` \
             brings them, or Debian's packages {}: {reason}",
            DEBIAN.join(" and ")
        )
    })?;
    Ok(Rust {
        rustc,
        libraries: Some(libraries),
        runtime,
    })
}

/// Returns the runtime, whose name has the channel in it.
fn runtime_in(folder: &Path) -> Result<PathBuf> {
    let files = files_in(folder)?;
    let mut found = files.into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with("_rt.tsan.a")
    });
    found
        .next()
        .ok_or_else(|| "rustc has no runtime of the thread sanitizer".to_owned())
}

/// Returns Debian's compiler and the folder of its libraries. The packages are unpacked and not
/// installed: they would replace the Rust that is in use.
fn debian() -> Result<(PathBuf, PathBuf)> {
    let folder = target().join("rust-web");
    let packages = DEBIAN.join("+");
    if !installed(&folder, &packages) {
        unpack(&folder)?;
        mark_installed(&folder, &packages)?;
    }
    let rustc = folder.join("usr/bin/rustc");
    let libraries = folder.join("usr/lib/x86_64-linux-gnu");
    let mut probe = command(&rustc);
    output(probe.arg("--version").env("LD_LIBRARY_PATH", &libraries))?;
    Ok((rustc, libraries))
}

fn unpack(folder: &Path) -> Result {
    let archives = folder.join("archives");
    create(&archives.join("partial"))?;
    let place = format!("Dir::Cache::archives={}", archives.display());
    let mut words = vec!["--download-only", "--no-install-recommends", "-o", &place];
    words.extend(DEBIAN);
    apt_install(&words)?;
    for file in files_in(&archives)? {
        if file.extension().is_some_and(|extension| extension == "deb") {
            output(command("dpkg").arg("-x").arg(file).arg(folder))?;
        }
    }
    fs::remove_dir_all(&archives).ok();
    Ok(())
}

fn watch(rust: &Rust) -> Result {
    let folder = target().join("thread-sanitizer");
    let library = build(rust, &folder)?;
    let program = program(rust, &folder, &library)?;
    let threads = |words: &[&str]| {
        let mut threads = command("setarch"); // the runtime wants addresses that are not random
        threads.arg("-R").arg(&program).args(words);
        threads.env("LD_LIBRARY_PATH", library.parent().unwrap_or(&folder));
        threads
    };
    let seen = output(&mut threads(&["--plant"])).err().unwrap_or_default();
    if !is_race_inside(&seen) {
        return Err(format!(
            "the library wrote to one place from two threads, and nothing saw it: {seen}"
        ));
    }
    show(&mut threads(&["200"]))?;
    let stored = folder.join("vault");
    fs::remove_dir_all(&stored).ok();
    create(&stored)?;
    let vault = stored.join("threads.vault");
    show(&mut threads(&["50", &vault.to_string_lossy()]))
}

/// Builds the library and returns it.
fn build(rust: &Rust, folder: &Path) -> Result<PathBuf> {
    let mut build = cargo("build --quiet --package vaultcore-c -Zbuild-std --target");
    build.arg(HOST).env("CARGO_TARGET_DIR", folder);
    build.env("RUSTC", &rust.rustc).env("RUSTC_BOOTSTRAP", "1");
    build.env("RUSTFLAGS", "-Zsanitizer=thread");
    build.env("CFLAGS", "-fsanitize=thread"); // SQLite, and what of ring is C
    if let Some(libraries) = &rust.libraries {
        build.env("LD_LIBRARY_PATH", libraries);
    }
    output(&mut build)?;
    let library = folder.join(HOST).join("debug/libvaultcore.so");
    link("libvaultcore.so", &library.with_extension("so.0"))?;
    Ok(library)
}

/// Compiles the test.
fn program(rust: &Rust, folder: &Path, library: &Path) -> Result<PathBuf> {
    let (object, program) = (folder.join("threads.o"), folder.join("threads"));
    let mut cc = command("cc");
    cc.args(CFLAGS.split_whitespace())
        .args(["-fsanitize=thread", "-Ibindings-c/include", "-c"]);
    output(cc.arg("bindings-c/tests/threads.c").arg("-o").arg(&object))?;
    let mut linker = command("cc");
    linker.arg(&object).arg("-Wl,--whole-archive");
    linker.arg(&rust.runtime).arg("-Wl,--no-whole-archive");
    linker.arg(library);
    linker.args("-pthread -rdynamic -ldl -lrt -lm -lresolv -lstdc++".split(' '));
    output(linker.arg("-o").arg(&program))?;
    Ok(program)
}

/// Whether the sanitizer reports a race of accesses that the library makes.
fn is_race_inside(report: &str) -> bool {
    let mut lines = report.lines().map(str::trim_start);
    report.contains("ThreadSanitizer: data race")
        && lines.any(|line| line.starts_with("#0 ") && line.contains("libvaultcore.so"))
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

#[cfg(test)]
mod tests {
    use super::is_race_inside;

    #[test]
    fn a_race_counts_if_the_library_makes_its_accesses() {
        let told = |module| {
            format!("WARNING: ThreadSanitizer: data race\n    #0 f a.rs:1 ({module}+0x1)\n")
        };
        assert!(is_race_inside(&told("libvaultcore.so.0")));
        assert!(!is_race_inside(&told("threads")));
        assert!(!is_race_inside("    #0 f a.rs:1 (libvaultcore.so.0+0x1)"));
    }
}
