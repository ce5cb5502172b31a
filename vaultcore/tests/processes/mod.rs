//! Other processes of a test: its binary again, told by lines what to do, which answers by lines.
//!
//! A test binary takes it by `#[path = "../processes/mod.rs"] mod processes;`.

use std::fmt::Display;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// What a line begins with that is an answer: the harness of tests prints lines, too.
const REPORT: &str = "report: ";

/// A process, which ends with this.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts the test `child`, with variables that tell it that it is one.
    pub(crate) fn start<'v>(
        child: &str,
        variables: impl IntoIterator<Item = (&'v str, String)>,
    ) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this binary"));
        command.args([child, "--exact", "--nocapture"]);
        command.envs(variables);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self {
            child,
            input,
            output,
        }
    }

    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the process listens");
    }

    /// Waits for the next answer.
    pub(crate) fn report(&mut self) -> String {
        let mut lines = self.output.by_ref().map(|line| line.expect("a line"));
        let line = lines.find_map(|line| line.split_once(REPORT).map(|(_, text)| text.to_owned()));
        line.expect("a report")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Says in the other process that it is ready, and answers each line that it is told.
#[allow(clippy::print_stdout)] // by which it answers
pub(crate) fn serve(ready: impl Display, mut answer: impl FnMut(String) -> String) {
    println!("\n{REPORT}{ready}");
    for line in std::io::stdin().lines() {
        let report = answer(line.expect("a line"));
        println!("\n{REPORT}{report}");
    }
}
