//! The command line: built, and installed with completions and man pages.

use std::fs;
use std::path::Path;

use crate::tools::{Result, cargo, command, output, target};

/// The shells that get completions, and where they look for them below the prefix.
const SHELLS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/vaultcore"),
    ("zsh", "share/zsh/site-functions/_vaultcore"),
    ("fish", "share/fish/vendor_completions.d/vaultcore.fish"),
];

/// Builds the command line in the profile that `flags` name, and installs it below `prefix`.
pub(crate) fn install_to(prefix: &Path, flags: &[&str]) -> Result {
    output(cargo("build --quiet --package vaultcore-cli").args(flags))?;
    let folder = match flags.contains(&"--release") {
        true => "release",
        false => "debug",
    };
    let built = target().join(folder).join("vaultcore");
    let binary = prefix.join("bin/vaultcore");
    make_folder_of(&binary)?;
    // A program that is running must not change under it.
    fs::remove_file(&binary).ok();
    fs::copy(&built, &binary).map_err(|error| format!("{}: {error}", built.display()))?;
    for (shell, place) in SHELLS {
        let script = output(command(&binary).args(["completions", shell]))?;
        let file = prefix.join(place);
        make_folder_of(&file)?;
        fs::write(&file, script).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let manual = prefix.join("share/man/man1");
    output(command(&binary).arg("man").arg(&manual)).map(drop)
}

fn make_folder_of(file: &Path) -> Result {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}
