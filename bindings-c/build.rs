//! Gives the shared library its name for the loader, and keeps it loaded.

use std::env::var;

/// The number in the soname: it changes with each change that breaks a compiled program, and is
/// `VC_ABI_VERSION`.
const ABI: &str = "0";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    match var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "android" | "freebsd" | "netbsd" | "openbsd") => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libvaultcore.so.{ABI}");
            // Threads of audit devices may still run its code when somebody calls `dlclose`.
            println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
        }
        Ok("macos") => {
            println!(
                "cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libvaultcore.{ABI}.dylib"
            );
        }
        _ => {}
    }
}
