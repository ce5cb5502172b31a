//! The commands: one file a verb or group of verbs, with its flags and what it does.

pub(crate) mod audit;
pub(crate) mod auth;
pub(crate) mod kv;
pub(crate) mod lease;
pub(crate) mod logical;
pub(crate) mod login;
mod mounts;
pub(crate) mod namespace;
pub(crate) mod operator;
pub(crate) mod policy;
mod progress;
pub(crate) mod secrets;
pub(crate) mod shell;
pub(crate) mod status;
pub(crate) mod token;

use crate::args::Command;
use crate::context::Context;
use crate::failure::Result;

/// Does what the command line asks for.
pub(crate) fn run(command: Command, context: &Context) -> Result {
    match command {
        Command::Read(read) => read.run(context),
        Command::Write(write) => write.run(context),
        Command::Patch(patch) => patch.run(context),
        Command::Delete(delete) => delete.run(context),
        Command::List(list) => list.run(context),
        Command::Scan(list) => list.run_scan(context),
        Command::Login(login) => login.run(context),
        Command::Unwrap(unwrap) => unwrap.run(context),
        Command::Status(status) => status.run(context),
        Command::Operator(operator) => operator.run(context),
        Command::Kv(kv) => kv.run(context),
        Command::Secrets(secrets) => secrets.run(context),
        Command::Auth(auth) => auth.run(context),
        Command::Policy(policy) => policy.run(context),
        Command::Token(token) => token.run(context),
        Command::Audit(audit) => audit.run(context),
        Command::Lease(lease) => lease.run(context),
        Command::Namespace(namespace) => namespace.run(context),
        Command::Completions(completions) => completions.run(context),
        Command::Man(man) => man.run(context),
    }
}
