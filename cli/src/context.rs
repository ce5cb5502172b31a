//! What a command works with: the vault, opened when it is needed, who asks, and where replies go.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::path::PathBuf;

use vaultcore::api::{ApiRequest, Method};
use vaultcore::{SecretString, Session, Vault};

use crate::args::{Format, Globals};
use crate::failure::{Done, Failure, Result};
use crate::open;
use crate::output::{Output, note};
use crate::reply::{self, Reply};
use crate::sources::{Sources, Text};
use crate::table;
use crate::token_file::TokenFile;

/// What whoever has no token is told.
const NO_TOKEN: &str =
    "there is no token: log in, set VAULTCORE_TOKEN, or act as the owner with --owner";

/// What a command works with.
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) sources: Sources,
    pub(crate) output: Output,
    pub(crate) format: Format,
    pub(crate) token_file: TokenFile,
    vault: OnceCell<Vault>,
}

/// Who asks.
pub(crate) enum Actor {
    /// The program that opened the vault.
    Owner,
    /// The holder of a token.
    Token(Text),
    /// Nobody in particular.
    Nobody,
}

/// Returns a variable of the environment that is set, and not to nothing.
pub(crate) fn env(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

impl Context {
    pub(crate) fn new(mut globals: Globals) -> Result<Self> {
        let path = |name: &str| env(name).map(PathBuf::from);
        globals.vault = globals.vault.or_else(|| path("VAULTCORE_VAULT"));
        let opens = globals.passphrase_file.is_some()
            || globals.passphrase
            || globals.key_file.is_some()
            || !globals.share_file.is_empty();
        if !opens {
            globals.passphrase_file = path("VAULTCORE_PASSPHRASE_FILE");
            globals.key_file = path("VAULTCORE_KEY_FILE");
        }
        globals.namespace = match (globals.namespace, env("VAULTCORE_NAMESPACE")) {
            (Some(given), _) => Some(given),
            (None, found) => found
                .map(|name| text(name, "VAULTCORE_NAMESPACE"))
                .transpose()?,
        };
        let format = match (globals.format, env("VAULTCORE_FORMAT")) {
            (Some(given), _) => given,
            (None, None) => Format::Table,
            (None, Some(name)) if name == "table" => Format::Table,
            (None, Some(name)) if name == "json" => Format::Json,
            (None, Some(name)) if name == "yaml" => Format::Yaml,
            _ => return Err(Failure::local("VAULTCORE_FORMAT is table, json or yaml")),
        };
        Ok(Self {
            token_file: TokenFile::new(&globals),
            globals,
            sources: Sources::default(),
            output: Output::standard(),
            format,
            vault: OnceCell::new(),
        })
    }

    /// Returns the vault, open.
    pub(crate) fn vault(&self) -> Result<&Vault> {
        match self.vault.get() {
            Some(vault) => Ok(vault),
            None => {
                let vault = open::opened(self)?;
                Ok(self.vault.get_or_init(|| vault))
            }
        }
    }

    /// Keeps a vault that a command opened in its own way.
    pub(crate) fn keep(&self, vault: Vault) -> &Vault {
        self.vault.get_or_init(|| vault)
    }

    /// Seals the vault, so that the audit trail ends where it should. It does not `tick` before: a
    /// process that has no drivers of databases would spoil what a host ends by them.
    pub(crate) fn close(&self) {
        if let Some(vault) = self.vault.get() {
            let _ = vault.close();
        }
    }

    /// Returns who asks, by flags, environment and token file.
    pub(crate) fn actor(&self) -> Result<Actor> {
        if self.globals.owner {
            return Ok(Actor::Owner);
        }
        if let Some(token) = env("VAULTCORE_TOKEN") {
            let token = text(token, "VAULTCORE_TOKEN")?;
            return Ok(Actor::Token(Text::new(token.trim().to_owned())));
        }
        let kept = self.token_file.read(&self.sources)?;
        Ok(kept.map_or(Actor::Nobody, Actor::Token))
    }

    /// Returns the session of whoever asks, in the namespace asked for.
    pub(crate) fn session(&self) -> Result<Session> {
        if self.globals.wrap_ttl.is_some() {
            return Err(Failure::local(
                "this is no single reply that can be wrapped",
            ));
        }
        let session = match self.actor()? {
            Actor::Owner => self.vault()?.owner()?,
            Actor::Token(token) => self.vault()?.login(&SecretString::copy_from(&token))?,
            Actor::Nobody => return Err(Failure::vault(NO_TOKEN)),
        };
        Ok(match &self.globals.namespace {
            Some(path) => session.namespace(path)?,
            None => session,
        })
    }

    /// Makes a request as whoever asks.
    pub(crate) fn ask(&self, request: ApiRequest) -> Result<Reply> {
        let actor = self.actor()?;
        let outcome = self.ask_as(&actor, request);
        match (&actor, &outcome) {
            // Some of what can be asked needs no token; what does is answered with this.
            (Actor::Nobody, Err(Failure::Vault(_))) => {
                note(NO_TOKEN);
                outcome
            }
            _ => outcome,
        }
    }

    /// Makes a request as `actor`.
    pub(crate) fn ask_as(&self, actor: &Actor, request: ApiRequest) -> Result<Reply> {
        let request = match &self.globals.wrap_ttl {
            Some(ttl) => request.wrap_ttl(ttl),
            None => request,
        };
        let reply = self.send(actor, request)?;
        reply.warn();
        Ok(reply)
    }

    /// Makes a request that is never wrapped, for what the command itself has to know.
    pub(crate) fn look(&self, path: &str) -> Result<Reply> {
        self.look_with(request(Method::Get, path)?)
    }

    /// Makes such a request with a query.
    pub(crate) fn look_with(&self, request: ApiRequest) -> Result<Reply> {
        match self.actor()? {
            Actor::Nobody => Err(Failure::vault(NO_TOKEN)),
            actor => self.send(&actor, request),
        }
    }

    fn send(&self, actor: &Actor, request: ApiRequest) -> Result<Reply> {
        let vault = self.vault()?;
        let request = match &self.globals.namespace {
            Some(path) => request.namespace(path),
            None => request,
        };
        Reply::read(&match actor {
            Actor::Owner => vault.owner()?.request(&request),
            Actor::Token(token) => vault.handle(&request.token(token)),
            Actor::Nobody => vault.handle(&request),
        })
    }

    /// Shows a reply: as JSON, as one field, or as a table.
    pub(crate) fn show(&self, reply: &Reply) -> Result {
        if let Some(name) = &self.globals.field {
            return self.show_value(&reply.field(name)?);
        }
        match self.format {
            Format::Json | Format::Yaml => self.output.laid_out(self.format, &reply.json())?,
            Format::Table => self.output.write(table::pairs(&reply.rows()).as_bytes())?,
        }
        Ok(Done::Well)
    }

    /// Shows a reply; if it says nothing, says `success` to people.
    pub(crate) fn show_or(&self, reply: &Reply, success: &str) -> Result {
        match reply.is_empty() && self.globals.field.is_none() {
            true => self.success(success),
            false => self.show(reply),
        }
    }

    /// Says to people that all went well; programs have the exit code.
    pub(crate) fn success(&self, text: &str) -> Result {
        if self.format == Format::Table {
            self.output
                .line(&format!("Success! {}", text.escape_debug()))?;
        }
        Ok(Done::Well)
    }

    /// Refuses `-field` where what is printed has none.
    pub(crate) fn no_field(&self) -> Result<()> {
        match self.globals.field {
            Some(_) => Err(Failure::local("what this prints has no fields")),
            None => Ok(()),
        }
    }

    /// Prints one value, which is JSON.
    pub(crate) fn show_value(&self, json: &str) -> Result {
        reply::show_field(self.output, self.format, json)?;
        Ok(Done::Well)
    }

    /// Prints an object of the command's own: as JSON, as one field, or as a table.
    pub(crate) fn show_object(&self, json: &str, rows: &[(impl AsRef<str>, String)]) -> Result {
        if let Some(name) = &self.globals.field {
            let found = crate::json::find(json, &[name]).ok_or_else(reply::no_field)?;
            return self.show_value(found);
        }
        match self.format {
            Format::Json | Format::Yaml => self.output.laid_out(self.format, json)?,
            Format::Table => {
                let rows = rows
                    .iter()
                    .map(|(name, value)| (name.as_ref().to_owned(), Text::new(value.clone())));
                let rows: Vec<(String, Text)> = rows.collect();
                self.output.write(table::pairs(&rows).as_bytes())?;
            }
        }
        Ok(Done::Well)
    }
}

/// Returns a request for `path`, which is taken as it is: a `?` in it is no query.
pub(crate) fn request(method: Method, path: &str) -> Result<ApiRequest> {
    if path.contains('?') {
        return Err(Failure::local(
            "a path has no `?`; what is to be asked is given as name=value",
        ));
    }
    Ok(ApiRequest::new(method, path))
}

fn text(value: OsString, name: &str) -> Result<String> {
    let wrong = |_| Failure::local(format!("{name} is not UTF-8"));
    value.into_string().map_err(wrong)
}
