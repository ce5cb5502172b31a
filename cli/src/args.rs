//! The command line as a whole: what every command takes, and which commands there are.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::commands::{
    audit, auth, kv, lease, logical, login, namespace, operator, policy, secrets,
};
use crate::commands::{shell, status, token};

const AFTER: &str = "\
Long flags take one dash or two. Flags may stand before or behind the other arguments.

Exit codes: 0 all is well, 1 the command line, a file or the terminal is wrong, 2 the vault said
no (`status`: 2 sealed).

Examples:
  vaultcore --vault app.vault operator init --key-file app.key
  export VAULTCORE_VAULT=app.vault VAULTCORE_KEY_FILE=app.key
  vaultcore login
  vaultcore secrets enable -path=secret -version=2 kv
  vaultcore kv put secret/app/db user=app password=@password.txt
  vaultcore kv get -field=password secret/app/db";

/// A secrets vault on one file.
#[derive(Parser)]
#[command(
    name = "vaultcore",
    version,
    after_help = AFTER,
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Args)]
pub(crate) struct Globals {
    /// Where the vault is: a file, or `sqlite:FILE` [env: VAULTCORE_VAULT]
    #[arg(long, global = true, value_name = "PLACE", help_heading = VAULT)]
    pub(crate) vault: Option<PathBuf>,
    /// Open the vault by the passphrase on the first line of a file, `-` for standard input
    /// [env: VAULTCORE_PASSPHRASE_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = VAULT)]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Open the vault by a passphrase that is asked for
    #[arg(long, global = true, help_heading = VAULT, conflicts_with = "passphrase_file")]
    pub(crate) passphrase: bool,
    /// Open the vault by a key of 32 bytes in a file [env: VAULTCORE_KEY_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = VAULT)]
    pub(crate) key_file: Option<PathBuf>,
    /// Open the vault by the shares in a file, one a line, `-` for standard input; may be repeated
    #[arg(long, global = true, value_name = "FILE", help_heading = VAULT)]
    pub(crate) share_file: Vec<PathBuf>,
    /// Act as the owner, with full rights and without a token
    #[arg(long, global = true, help_heading = VAULT)]
    pub(crate) owner: bool,
    /// Where `login` keeps the token, instead of ~/.vaultcore-token; VAULTCORE_TOKEN goes before it
    /// [env: VAULTCORE_TOKEN_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = VAULT)]
    pub(crate) token_file: Option<PathBuf>,
    /// Act in this namespace [env: VAULTCORE_NAMESPACE]
    #[arg(long, global = true, alias = "ns", value_name = "PATH", help_heading = VAULT)]
    pub(crate) namespace: Option<String>,
    /// How replies are printed [env: VAULTCORE_FORMAT]
    #[arg(long, global = true, value_name = "FORMAT", help_heading = OUTPUT)]
    pub(crate) format: Option<Format>,
    /// Print this field of the reply only
    #[arg(long, global = true, value_name = "NAME", help_heading = OUTPUT)]
    pub(crate) field: Option<String>,
    /// Wrap the reply, for this long: `60s`, `5m`
    #[arg(long, global = true, value_name = "DURATION", help_heading = OUTPUT)]
    pub(crate) wrap_ttl: Option<String>,
}

const VAULT: &str = "The vault, and who asks";
const OUTPUT: &str = "Output";

/// How replies are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs.
    Json,
    /// For programs, and for people who like it better.
    Yaml,
}

/// The commands.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Read data
    Read(logical::Read),
    /// Write data, configuration and secrets
    Write(logical::Write),
    /// Change a part of what is there
    Patch(logical::Patch),
    /// Delete data and configuration
    Delete(logical::Delete),
    /// List a folder
    List(logical::List),
    /// List a folder and all below it
    Scan(logical::List),
    /// Log in, and keep the token
    Login(login::Login),
    /// Unwrap a wrapped reply
    Unwrap(logical::Unwrap),
    /// Show whether the vault is there, and whether what is given opens it
    Status(status::Status),
    /// Make the vault, open and close it, and look after its keys
    #[command(subcommand)]
    Operator(operator::Operator),
    /// Work with key-value secrets
    #[command(subcommand)]
    Kv(kv::Kv),
    /// Manage secrets engines
    #[command(subcommand)]
    Secrets(secrets::Secrets),
    /// Manage auth methods
    #[command(subcommand)]
    Auth(auth::Auth),
    /// Manage policies, and see what they come to
    #[command(subcommand)]
    Policy(policy::Policy),
    /// Manage tokens
    #[command(subcommand)]
    Token(token::Token),
    /// Manage audit devices, and verify what they wrote
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Work with leases
    #[command(subcommand)]
    Lease(lease::Lease),
    /// Manage namespaces
    #[command(subcommand)]
    Namespace(namespace::Namespace),
    /// Print the completions for a shell
    Completions(shell::Completions),
    /// Write the man pages into a folder
    Man(shell::Man),
}
