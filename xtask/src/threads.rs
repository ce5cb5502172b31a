//! The test of threads under the thread sanitizer.

use std::path::Path;

use crate::native::{CFLAGS, link, show, skipped};
use crate::tools::{Report, Result, cargo, command, output, target};

/// Runs the test of threads with every memory access watched, the library's and the standard
/// library's included: one that is not watched hides what its locks order, and shows races that are
/// none.
pub(crate) fn sanitizer(report: &mut Report) {
    report.step("c-thread-sanitizer", || {
        let sysroot = output(command("rustc").args(["--print", "sysroot"])).unwrap_or_default();
        let libraries = Path::new(sysroot.trim()).join("lib/rustlib");
        if !libraries.join("src/rust/library/Cargo.lock").exists() {
            return skipped("the sources of the standard library (rust-src) are not installed");
        }
        watch_threads(&libraries).into()
    });
}

fn watch_threads(libraries: &Path) -> Result {
    const HOST: &str = "x86_64-unknown-linux-gnu";
    let folder = target().join("thread-sanitizer");
    let mut build = cargo("build --quiet --package vaultcore-c -Zbuild-std --target");
    build.arg(HOST).env("CARGO_TARGET_DIR", &folder);
    build
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CFLAGS", "-fsanitize=thread");
    build.env("RUSTFLAGS", "-Zsanitizer=thread");
    output(&mut build)?;
    // The runtime is rustc's: that of another compiler lacks what its code calls.
    let runtime = libraries.join(HOST).join("lib/librustc-stable_rt.tsan.a");
    let library = folder.join(HOST).join("debug/libvaultcore.so");
    let (object, program) = (folder.join("threads.o"), folder.join("threads"));
    let mut cc = command("cc");
    cc.args(CFLAGS.split_whitespace())
        .args(["-fsanitize=thread", "-Ibindings-c/include", "-c"]);
    output(cc.arg("bindings-c/tests/threads.c").arg("-o").arg(&object))?;
    let mut linker = command("cc");
    linker
        .arg(&object)
        .arg("-Wl,--whole-archive")
        .arg(runtime)
        .arg("-Wl,--no-whole-archive");
    linker
        .arg(&library)
        .args("-pthread -rdynamic -ldl -lrt -lm -lresolv -lstdc++".split(' '));
    output(linker.arg("-o").arg(&program))?;
    link("libvaultcore.so", &library.with_extension("so.0"))?;
    let mut threads = command("setarch"); // the runtime wants addresses that are not random
    threads.arg("-R").arg(program).arg("20");
    show(threads.env("LD_LIBRARY_PATH", folder.join(HOST).join("debug")))
}
