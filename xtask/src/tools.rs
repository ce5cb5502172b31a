//! What the commands share: arguments, child processes, and the report of named steps.

use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// What a chore returns: nothing, or why it failed.
pub(crate) type Result<T = (), E = String> = std::result::Result<T, E>;

/// Flags and options behind the command's name. Each is taken once; what is left is refused.
pub(crate) struct Args {
    words: Vec<String>,
}

impl Args {
    pub(crate) fn new(words: Vec<String>) -> Result<Self> {
        match words.iter().any(|word| word == "--help") {
            true => Err("run `cargo xtask` alone for the usage".to_owned()),
            false => Ok(Self { words }),
        }
    }

    /// Takes a flag that has no value.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.words.len();
        self.words.retain(|word| word != name);
        self.words.len() != before
    }

    /// Takes an option and its value.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.words.iter().position(|word| word == name) else {
            return Ok(None);
        };
        self.words.remove(at);
        if at < self.words.len() {
            return Ok(Some(self.words.remove(at)));
        }
        Err(format!("{name} needs a value"))
    }

    /// Takes an option whose value is a number.
    pub(crate) fn number(&mut self, name: &str, default: u64) -> Result<u64> {
        match self.option(name)? {
            None => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| format!("{name} takes a number, not `{text}`")),
        }
    }

    /// Returns all words that are left.
    pub(crate) fn rest(self) -> Vec<String> {
        self.words
    }

    /// Refuses whatever nobody took.
    pub(crate) fn finish(self) -> Result {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(format!("unknown argument `{word}`")),
        }
    }
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// The folder that everything built or downloaded goes to.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// A command that begins in the root of the repository.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    // `cargo run` describes xtask to its child. A nested cargo would hand that on to build
    // scripts that watch these variables, and rebuild half of the tree. The path in `CARGO`
    // would win over another toolchain that is asked for.
    command.env_remove("CARGO");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

/// Cargo, with the words of `line`.
pub(crate) fn cargo(line: &str) -> Command {
    let mut cargo = command("cargo");
    cargo.args(line.split_whitespace());
    cargo
}

/// Returns whether `program` can be started with `--version`.
pub(crate) fn exists(program: &str) -> bool {
    let mut probe = command(program);
    probe.arg("--version");
    output(&mut probe).is_ok()
}

/// Returns the standard output of a command that must succeed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let name = name_of(command);
    let done = command
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(format!("{name}: {}: {}", done.status, said.trim()))
}

/// Whether this may install packages.
pub(crate) fn is_root() -> bool {
    output(command("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Lets Debian's `apt-get install` install packages, or do what else the words tell it to.
pub(crate) fn apt_install(words: &[&str]) -> Result {
    if !is_root() {
        return Err(format!(
            "only root can `apt-get install {}`",
            words.join(" ")
        ));
    }
    let apt = |words: &[&str]| {
        let mut apt = command("apt-get");
        output(apt.args(words).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
    };
    let patient = ["-o", "Acquire::Retries=5", "-o", "DPkg::Lock::Timeout=300"];
    apt(&[&["update", "-qq"], patient.as_slice()].concat())?;
    apt(&[&["install", "-y", "-qq"], patient.as_slice(), words].concat())
}

/// How a step ended.
#[derive(Clone)]
pub(crate) enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

impl Outcome {
    fn reason(&self) -> &str {
        match self {
            Self::Passed => "",
            Self::Skipped(reason) | Self::Failed(reason) => reason,
        }
    }
}

impl From<Result> for Outcome {
    fn from(result: Result) -> Self {
        result.map_or_else(Self::Failed, |()| Self::Passed)
    }
}

/// What a skipped step means for the whole run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skips {
    Allowed,
    Fail,
}

impl Skips {
    /// Reads `--no-skips` and the variable `CI`.
    pub(crate) fn from_args(args: &mut Args) -> Self {
        match args.flag("--no-skips") || std::env::var_os("CI").is_some() {
            true => Self::Fail,
            false => Self::Allowed,
        }
    }
}

struct Step {
    name: String,
    outcome: Outcome,
    took: Duration,
}

/// The steps of a run. A failed one fails the run, and the rest still run.
pub(crate) struct Report {
    skips: Skips,
    steps: Vec<Step>,
}

impl Report {
    pub(crate) fn new(skips: Skips) -> Self {
        Self {
            skips,
            steps: Vec::new(),
        }
    }

    /// Runs one step.
    #[allow(
        clippy::disallowed_methods,
        reason = "how long a chore took is not the vault's time"
    )]
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Outcome) {
        println!("==> {name}");
        let begun = Instant::now();
        let outcome = work();
        match &outcome {
            Outcome::Passed => {}
            Outcome::Skipped(reason) => println!("SKIPPED {name}: {reason}"),
            Outcome::Failed(reason) => println!("FAILED {name}: {reason}"),
        }
        let name = name.to_owned();
        self.steps.push(Step {
            name,
            outcome,
            took: begun.elapsed(),
        });
    }

    /// Runs one step that is a single command. Lines `SKIPPED name: reason` that the command
    /// prints become skipped steps of the report.
    pub(crate) fn command(&mut self, name: &str, mut command: Command) {
        let mut skipped = Vec::new();
        self.step(name, || match watch(&mut command) {
            Ok(lines) => {
                skipped = lines;
                Outcome::Passed
            }
            Err(reason) => Outcome::Failed(reason),
        });
        for line in skipped {
            let (part, reason) = line.split_once(": ").unwrap_or((&line, "no reason given"));
            self.steps.push(Step {
                name: format!("{name}/{part}"),
                outcome: Outcome::Skipped(reason.to_owned()),
                took: Duration::ZERO,
            });
        }
    }

    /// Returns whether no step has failed so far.
    pub(crate) fn passed(&self) -> bool {
        !self.steps.iter().any(|step| self.fails(&step.outcome))
    }

    /// Prints the table and returns whether the run passed.
    pub(crate) fn finish(self) -> Result {
        println!("\n{:<28} {:<8} {:>8}", "step", "outcome", "seconds");
        for step in &self.steps {
            let (word, seconds) = (self.word(&step.outcome), step.took.as_secs_f32());
            let reason = step.outcome.reason().lines().next().unwrap_or_default();
            let line = format!("{:<28} {word:<8} {seconds:>8.1}  {reason:.60}", step.name);
            println!("{}", line.trim_end());
        }
        let bad = self.steps.iter().filter(|step| self.fails(&step.outcome));
        let names: Vec<_> = bad.map(|step| step.name.as_str()).collect();
        match names.is_empty() {
            true => Ok(()),
            false => Err(format!("failed: {}", names.join(", "))),
        }
    }

    fn fails(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Passed => false,
            Outcome::Skipped(_) => self.skips == Skips::Fail,
            Outcome::Failed(_) => true,
        }
    }

    fn word(&self, outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Passed => "passed",
            Outcome::Failed(_) => "FAILED",
            Outcome::Skipped(_) if self.fails(outcome) => "SKIPPED!",
            Outcome::Skipped(_) => "skipped",
        }
    }
}

/// Runs `command`, shows what it prints as it comes, and returns the skips it told of.
fn watch(command: &mut Command) -> Result<Vec<String>> {
    let name = name_of(command);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    let skipped = Mutex::new(Vec::new());
    copy_output(&mut child, &skipped);
    let status = child.wait().map_err(|error| format!("{name}: {error}"))?;
    match status.success() {
        true => Ok(skipped.into_inner().unwrap_or_default()),
        false => Err(format!("{name}: {status}")),
    }
}

fn copy_output(child: &mut Child, skipped: &Mutex<Vec<String>>) {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || out.map(|from| copy_lines(from, std::io::stdout(), skipped)));
        scope.spawn(move || err.map(|from| copy_lines(from, std::io::stderr(), skipped)));
    });
}

fn copy_lines(from: impl Read, mut to: impl Write, skipped: &Mutex<Vec<String>>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    // A terminal that went away must not keep us from reading the child to its end.
    while from
        .read_until(b'\n', &mut line)
        .is_ok_and(|count| count > 0)
    {
        to.write_all(&line).and_then(|()| to.flush()).ok();
        let text = String::from_utf8_lossy(&line);
        if let (Some(told), Ok(mut list)) = (told_skip(&text), skipped.lock()) {
            list.push(told.trim().to_owned());
        }
        line.clear();
    }
}

/// Returns what follows the mark of a skip: at the line's beginning, or behind what libtest shows
/// of a test that is running.
fn told_skip(line: &str) -> Option<&str> {
    let behind_test = || line.split_once(" ... SKIPPED ").map(|(_, told)| told);
    line.strip_prefix("SKIPPED ").or_else(behind_test)
}

fn name_of(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy()];
    words.extend(
        command
            .get_args()
            .take(4)
            .map(|word| word.to_string_lossy()),
    );
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned).collect()).unwrap()
    }

    #[test]
    fn args_are_taken_once_and_leftovers_refused() {
        let mut args = args("--quick --seconds 5 more");
        assert!(args.flag("--quick"));
        assert!(!args.flag("--quick"));
        assert_eq!(args.number("--seconds", 60), Ok(5));
        assert_eq!(args.number("--seconds", 60), Ok(60));
        assert!(args.finish().is_err());
    }

    #[test]
    fn option_without_value_is_refused() {
        assert!(args("--target").option("--target").is_err());
        assert!(args("--seconds five").number("--seconds", 1).is_err());
    }

    #[test]
    fn a_failed_step_fails_the_run_and_a_skipped_one_only_if_asked() {
        let run = |skips, outcome| {
            let mut report = Report::new(skips);
            report.step("first", || outcome);
            report.step("second", || Outcome::Passed);
            assert_eq!(report.steps.len(), 2);
            report.finish()
        };
        let skipped = || Outcome::Skipped("no compiler".to_owned());
        assert!(run(Skips::Allowed, Outcome::Passed).is_ok());
        assert!(run(Skips::Allowed, Outcome::Failed(String::new())).is_err());
        assert!(run(Skips::Allowed, skipped()).is_ok());
        assert!(run(Skips::Fail, skipped()).is_err());
    }

    #[test]
    fn skips_that_a_command_tells_of_are_noted() {
        let skipped = Mutex::new(Vec::new());
        let said = "fine\ntest x ... SKIPPED peers: no node\nSKIPPED b: c\n  | \"SKIPPED d: e\n";
        copy_lines(said.as_bytes(), std::io::sink(), &skipped);
        assert_eq!(skipped.into_inner().unwrap(), ["peers: no node", "b: c"]);
    }
}
