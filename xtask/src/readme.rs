//! Runs the README: every block of code in it, as it stands.
//!
//! Blocks of one language run in their order, in one folder that is empty at first. What a reader
//! builds for release is taken as the tests built it: `cargo xtask install` gets `--debug`, and
//! `pip install ./bindings-python` takes the wheel that the tests use. A block works if its program
//! succeeds. No block shows what a program prints: one that does would be of a language that nothing
//! runs, and is refused.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::servers::{self, Server};
use crate::setup::Setup;
use crate::tools::{Args, Outcome, Report, Result, Skips, cargo, command, output, root, target};
use crate::{native, python};

/// The languages that the README must speak; it may speak no other.
const LANGUAGES: [&str; 6] = ["toml", "rust", "sh", "python", "c", "go"];
/// What the README's programs log in by to their database; each language has a name of its own,
/// since one of them changes its password.
const PASSWORD: &str = "of-the-readme-only";
/// What stands before `cargo` and `pip` in the folder of the shell.
const CARGO: &str = "\
#!/bin/sh
PATH=$READER_PATH
[ \"$1 $2\" = 'xtask install' ] && set -- \"$@\" --debug
exec cargo \"$@\"
";
const PIP: &str = "\
#!/bin/sh
[ \"$*\" = 'install ./bindings-python' ] && set -- install --quiet \"$READER_WHEEL\"
exec python -m pip \"$@\"
";

/// A block of code.
#[derive(Clone, Debug, PartialEq)]
struct Block {
    language: String,
    /// Where it begins, counted from 1.
    line: usize,
    text: String,
}

/// Runs the blocks alone.
pub(crate) fn run(mut args: Args) -> Result {
    let mut report = Report::new(Skips::from_args(&mut args));
    args.finish()?;
    steps(&mut report);
    report.finish()
}

/// Adds a step a language to `report`.
pub(crate) fn steps(report: &mut Report) {
    let mut blocks = Vec::new();
    report.step("readme", || {
        let found = fs::read_to_string(root().join("README.md")).map_err(told);
        found
            .and_then(|text| blocks_of(&text))
            .map(|found| blocks = found)
            .into()
    });
    let mut world = None;
    report.step("readme-world", || match World::new() {
        Ok(made) => {
            world = Some(made);
            Outcome::Passed
        }
        Err(outcome) => outcome,
    });
    let Some(world) = world else { return };
    for language in LANGUAGES {
        let blocks: Vec<Block> = blocks
            .iter()
            .filter(|block| block.language == language)
            .cloned()
            .collect();
        report.step(&format!("readme-{language}"), || {
            world.run_all(language, &blocks).into()
        });
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Returns the blocks of a text, of which each must be of a language that is known, and each
/// language must have one.
fn blocks_of(text: &str) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(words) => {
                inside = true;
                let language = words.split(',').next().unwrap_or_default().to_owned();
                blocks.push(Block {
                    language,
                    line: index + 1,
                    text: String::new(),
                });
            }
            None if inside => {
                if let Some(block) = blocks.last_mut() {
                    block.text.push_str(line);
                    block.text.push('\n');
                }
            }
            None => {}
        }
    }
    let strange = blocks
        .iter()
        .find(|block| !LANGUAGES.contains(&block.language.as_str()));
    if let Some(block) = strange {
        let (line, language) = (block.line, &block.language);
        return Err(format!(
            "README.md:{line}: nothing runs a block of `{language}`"
        ));
    }
    let is_spoken = |language: &&&str| !blocks.iter().any(|block| block.language == **language);
    match LANGUAGES.iter().find(is_spoken) {
        None => Ok(blocks),
        Some(language) => Err(format!("README.md has no block of {language}")),
    }
}

/// What the blocks run with.
struct World {
    python: PathBuf,
    wheel: PathBuf,
    /// Where the library and the command line are installed.
    prefix: PathBuf,
    go: PathBuf,
    /// Lives as long as the blocks run.
    _server: Server,
    /// The database of the server, with places for name and password.
    database: String,
}

impl World {
    /// Builds and starts what the blocks need. What cannot be had here is skipped; what cannot be
    /// built has failed.
    fn new() -> Result<Self, Outcome> {
        if !cfg!(target_os = "linux") {
            return Err(Outcome::Skipped("the blocks run on Linux only".to_owned()));
        }
        let go = Setup::default().go().map_err(Outcome::Skipped)?;
        let server = servers::postgres().map_err(Outcome::Skipped)?;
        Self::built(go, server).map_err(Outcome::Failed)
    }

    fn built(go: PathBuf, server: Server) -> Result<Self> {
        let (python, wheel) = python::installed()?;
        let prefix = native::installed()?;
        let mut database = String::new();
        for name in LANGUAGES {
            database = servers::add_postgres_login(&server, name, PASSWORD)?;
        }
        output(&mut cargo(
            "build --quiet --package vaultcore --features postgres,mysql",
        ))?;
        Ok(Self {
            python,
            wheel,
            prefix,
            go,
            _server: server,
            database,
        })
    }

    /// Runs the blocks of a language, each as soon as the one before has succeeded.
    fn run_all(&self, language: &str, blocks: &[Block]) -> Result {
        let folder = target().join("readme").join(language);
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).map_err(told)?;
        if language == "sh" {
            return self.run_shell(&folder, blocks);
        }
        for block in blocks {
            let outcome = match language {
                "toml" => resolve(&folder, block),
                "rust" => self.run_rust(&folder, block),
                "python" => self.run_python(&folder, block),
                "c" => self.run_c(&folder, block),
                _ => self.run_go(&folder, block),
            };
            outcome.map_err(|error| format!("README.md:{}: {error}", block.line))?;
        }
        println!("{} blocks ran", blocks.len());
        Ok(())
    }

    fn run_rust(&self, folder: &Path, block: &Block) -> Result {
        let source = folder.join(format!("line_{}.rs", block.line));
        fs::write(&source, &block.text).map_err(told)?;
        let (built, program) = (target().join("debug"), source.with_extension(""));
        let mut rustc = command("rustc");
        rustc.args(["--edition", "2024", "--extern"]);
        rustc.arg(joined("vaultcore=", &built.join("libvaultcore.rlib")));
        rustc.arg(joined("-Ldependency=", &built.join("deps")));
        output(rustc.arg("-o").arg(&program).arg(&source))?;
        self.run("rust", command(program).current_dir(folder))
    }

    fn run_python(&self, folder: &Path, block: &Block) -> Result {
        let source = folder.join(format!("line_{}.py", block.line));
        fs::write(&source, &block.text).map_err(told)?;
        let mut python = command(&self.python);
        self.run(
            "python",
            python
                .arg("-W")
                .arg("error")
                .arg(source)
                .current_dir(folder),
        )
    }

    fn run_c(&self, folder: &Path, block: &Block) -> Result {
        let source = folder.join(format!("line_{}.c", block.line));
        fs::write(&source, &block.text).map_err(told)?;
        let program = native::compile(&self.prefix, &source.to_string_lossy(), &[], "readme")?;
        self.run("c", command(program).current_dir(folder))
    }

    fn run_go(&self, folder: &Path, block: &Block) -> Result {
        let folder = folder.join(format!("line_{}", block.line));
        fs::create_dir_all(&folder).map_err(told)?;
        fs::write(folder.join("main.go"), &block.text).map_err(told)?;
        let module = root().join("bindings-c/go");
        let edit = format!(
            "mod edit -require vaultcore@v0.0.0 -replace vaultcore={}",
            module.display()
        );
        for words in ["mod init app", &edit, "vet .", "run ."] {
            let mut go = command(&self.go);
            go.args(words.split(' ')).current_dir(&folder);
            go.env("CGO_ENABLED", "1");
            go.env("PKG_CONFIG_PATH", self.prefix.join("lib/pkgconfig"));
            self.run("go", go.env("LD_LIBRARY_PATH", self.prefix.join("lib")))?;
        }
        Ok(())
    }

    /// Runs the blocks of the shell as one script, so that what one of them sets the next one has.
    fn run_shell(&self, folder: &Path, blocks: &[Block]) -> Result {
        let programs = folder.join("programs");
        for (name, text) in [("cargo", CARGO), ("pip", PIP)] {
            write_program(&programs.join(name), text)?;
        }
        let mut script = String::from("set -eu\n");
        for block in blocks {
            script.push_str(&format!("echo 'README.md:{}'\n{}", block.line, block.text));
        }
        script.push_str(&format!("echo '{} blocks ran'\n", blocks.len()));
        link_sources(folder)?;
        let (home, old) = (folder.join("home"), path());
        fs::create_dir_all(&home).map_err(told)?;
        let mut shell = command("sh");
        shell.arg("-c").arg(script).current_dir(folder);
        for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            shell.env(name, home_of(name, below));
        }
        let venv = self.python.parent().unwrap_or(folder);
        let first = [programs.as_path(), venv].map(Path::to_path_buf);
        let all = first.into_iter().chain(std::env::split_paths(&old));
        shell.env("PATH", std::env::join_paths(all).map_err(told)?);
        shell
            .env("READER_PATH", &old)
            .env("READER_WHEEL", &self.wheel);
        self.run("sh", shell.env("HOME", home).stdin(Stdio::null()))
    }

    /// Runs a program that must succeed, and shows what it says.
    fn run(&self, language: &str, command: &mut Command) -> Result {
        command.env("DATABASE_URL", &self.database);
        command
            .env("DATABASE_ADMIN", language)
            .env("DATABASE_PASSWORD", PASSWORD);
        print!("{}", output(command)?);
        Ok(())
    }
}

/// Lets cargo find the dependency that a block names, from a package beside the checkout.
fn resolve(folder: &Path, block: &Block) -> Result {
    let package = folder.join("app");
    fs::create_dir_all(package.join("src")).map_err(told)?;
    let head = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    fs::write(package.join("Cargo.toml"), format!("{head}{}", block.text)).map_err(told)?;
    fs::write(package.join("src/main.rs"), "fn main() {}\n").map_err(told)?;
    fs::copy(root().join("Cargo.lock"), package.join("Cargo.lock")).map_err(told)?;
    link(&root(), &folder.join("vaultcore"))?;
    let tree = output(cargo("tree --prefix none --package vaultcore").current_dir(package))?;
    match tree.starts_with("vaultcore v") {
        true => Ok(()),
        false => Err("cargo does not find vaultcore by it".to_owned()),
    }
}

/// Shows a folder all that a checkout has, so that blocks can name it.
fn link_sources(folder: &Path) -> Result {
    let listed = fs::read_dir(root()).map_err(told)?;
    for entry in listed.flatten() {
        let name = entry.file_name();
        // With a manifest in it the folder would be a workspace of its own.
        let text = name.to_string_lossy();
        if !(text.starts_with('.') || text.starts_with("Cargo.") || text == "target") {
            link(&entry.path(), &folder.join(name))?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn link(to: &Path, at: &Path) -> Result {
    std::os::unix::fs::symlink(to, at).map_err(told)
}

#[cfg(not(unix))]
fn link(_: &Path, at: &Path) -> Result {
    Err(format!("{}: links are made on Unix only", at.display()))
}

fn write_program(file: &Path, text: &str) -> Result {
    fs::create_dir_all(file.parent().unwrap_or(Path::new("."))).map_err(told)?;
    fs::write(file, text).map_err(told)?;
    output(command("chmod").arg("755").arg(file)).map(drop)
}

fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

fn home_of(name: &str, below: &str) -> OsString {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    std::env::var_os(name).unwrap_or_else(|| home.join(below).into_os_string())
}

fn joined(before: &str, path: &Path) -> OsString {
    let mut word = OsString::from(before);
    word.push(path);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(languages: &[&str]) -> String {
        let block = |language: &&str| format!("text\n```{language}\nx\n```\n");
        languages.iter().map(block).collect()
    }

    #[test]
    fn blocks_are_found_with_their_language_and_line() {
        let found = blocks_of(&text(&LANGUAGES)).unwrap();
        assert_eq!(found.len(), LANGUAGES.len());
        assert_eq!((found[1].line, found[1].text.as_str()), (6, "x\n"));
        let marked = text(&LANGUAGES).replace("```rust", "```rust,no_run");
        assert_eq!(blocks_of(&marked).unwrap()[1].language, "rust");
    }

    #[test]
    fn what_nothing_runs_and_what_is_missing_fails() {
        let strange = text(&["toml", "rust", "sh", "python", "c", "go", ""]);
        assert!(blocks_of(&strange).unwrap_err().contains("README.md:26"));
        assert!(
            blocks_of(&text(&LANGUAGES[..5]))
                .unwrap_err()
                .contains("go")
        );
    }
}
