//! `login`: a token, checked or got by an auth method, and kept for the commands after it.

use clap::{Args, ValueEnum};
use vaultcore::api::Method;

use crate::args::Format;
use crate::commands::logical::given_token;
use crate::context::{Actor, Context, env, request};
use crate::failure::{Done, Failure, Result};
use crate::fields::Given;
use crate::json::{self, Object};
use crate::output::note;
use crate::reply::Reply;
use crate::sources::Text;

/// Log in, and keep the token in ~/.vaultcore-token (mode 0600) for the commands that follow.
///
/// What is secret and not given is asked for.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  vaultcore login                        # asks for a token\n  \
                        vaultcore login - < token.txt\n  \
                        vaultcore login -method=userpass username=bob\n  \
                        vaultcore login -method=approle role_id=@role.txt secret_id=@secret.txt"
)]
pub(crate) struct Login {
    /// How to log in
    #[arg(long, value_enum, default_value = "token")]
    method: LoginMethod,
    /// Where the auth method is enabled, below auth/; by default its own name
    #[arg(long, value_name = "MOUNT")]
    path: Option<String>,
    /// Do not keep the token
    #[arg(long)]
    no_store: bool,
    /// Print nothing
    #[arg(long)]
    no_print: bool,
    /// Print the token only, and do not keep it
    #[arg(long)]
    token_only: bool,
    /// A token, `-` for standard input, @file, or what the method takes: name=value
    data: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LoginMethod {
    Token,
    Userpass,
    Approle,
}

impl Login {
    pub(crate) fn run(self, context: &Context) -> Result {
        let reply = match self.method {
            LoginMethod::Token => return self.by_token(context),
            LoginMethod::Userpass => self.by_userpass(context)?,
            LoginMethod::Approle => self.by_approle(context)?,
        };
        if reply.is_wrapped() {
            return context.show(&reply);
        }
        let token = reply.text(&["auth", "client_token"]);
        let token = token.ok_or_else(|| Failure::vault("the vault gave no token"))?;
        self.keep(context, &token)?;
        self.show(context, &token, &reply)
    }

    /// Checks that a token is one, and shows what it may do.
    fn by_token(&self, context: &Context) -> Result {
        let token = match self.data.as_slice() {
            [] => context
                .sources
                .ask("Token", "give a file: `vaultcore login @file`")?,
            [word] => match word.strip_prefix("token=") {
                Some(value) => given_token(context, value)?,
                None => given_token(context, word)?,
            },
            _ => return Err(Failure::local("too many arguments: a token is one")),
        };
        let token = Text::new(token.trim().to_owned());
        let lookup = request(Method::Get, "auth/token/lookup-self")?;
        let found = context.ask_as(&Actor::Token(token.clone()), lookup)?;
        if found.is_wrapped() {
            return context.show(&found);
        }
        self.keep(context, &token)?;
        let reply = as_login(&found, &token)?;
        self.show(context, &token, &reply)
    }

    fn by_userpass(&self, context: &Context) -> Result<Reply> {
        let mut given = Given::read(&self.data, &context.sources)?;
        let name = given.take("username")?;
        let name = name.ok_or_else(|| Failure::local("who? Give username=NAME"))?;
        let password = match given.take("password")? {
            Some(password) => Text::new(password.trim_end_matches(['\r', '\n']).to_owned()),
            None => context
                .sources
                .ask("Password", "give password=@file or password=-")?,
        };
        self.check_all_used(&given)?;
        let path = format!("auth/{}/login/{}", self.mount("userpass"), name.as_str());
        let body = Object::new().text("password", &password);
        login(context, &path, &body)
    }

    fn by_approle(&self, context: &Context) -> Result<Reply> {
        let mut given = Given::read(&self.data, &context.sources)?;
        let role = given.take("role_id")?;
        let role = role.ok_or_else(|| Failure::local("which role? Give role_id=ID"))?;
        let secret = match given.take("secret_id")? {
            Some(secret) => secret,
            None => context
                .sources
                .ask("Secret id", "give secret_id=@file or secret_id=-")?,
        };
        self.check_all_used(&given)?;
        let path = format!("auth/{}/login", self.mount("approle"));
        let body = Object::new()
            .text("role_id", role.trim())
            .text("secret_id", secret.trim());
        login(context, &path, &body)
    }

    fn mount<'m>(&'m self, usual: &'m str) -> &'m str {
        self.path.as_deref().unwrap_or(usual).trim_matches('/')
    }

    fn check_all_used(&self, rest: &Given) -> Result<()> {
        match rest.is_empty() {
            true => Ok(()),
            false => Err(Failure::local("this method takes no such field")),
        }
    }

    fn keep(&self, context: &Context, token: &str) -> Result<()> {
        if self.no_store || self.token_only {
            return Ok(());
        }
        if env("VAULTCORE_TOKEN").is_some() {
            note("WARNING! VAULTCORE_TOKEN is set, and goes before the token that is kept now");
        }
        context.token_file.write(token)
    }

    fn show(&self, context: &Context, token: &str, reply: &Reply) -> Result {
        if self.no_print {
            return Ok(Done::Well);
        }
        if self.token_only {
            context.output.value(token)?;
            return Ok(Done::Well);
        }
        if context.format == Format::Table && context.globals.field.is_none() {
            let kept = match self.no_store {
                true => "The token is not kept.",
                false => "The token is kept for the commands that follow.",
            };
            context.success(&format!("You are logged in. {kept}"))?;
            context.output.line("")?;
        }
        context.show(reply)
    }
}

fn login(context: &Context, path: &str, body: &Object) -> Result<Reply> {
    let request = request(Method::Put, path)?.body(body.finish().as_bytes());
    context.ask_as(&Actor::Nobody, request)
}

/// Returns what a token says of itself in the form of a login's reply.
fn as_login(found: &Reply, token: &str) -> Result<Reply> {
    let data = found.data().unwrap_or("{}");
    let field = |name: &str, absent: &'static str| {
        json::find(data, &[name])
            .map_or(absent, |json| json)
            .to_owned()
    };
    let auth = Object::new()
        .text("client_token", token)
        .raw("accessor", &field("accessor", "\"\""))
        .raw("policies", &field("policies", "[]"))
        .raw("token_policies", &field("policies", "[]"))
        .raw("identity_policies", &field("identity_policies", "[]"))
        .raw("metadata", &field("meta", "null"))
        .raw("lease_duration", &field("ttl", "0"))
        .raw("renewable", &field("renewable", "false"))
        .raw("entity_id", &field("entity_id", "\"\""))
        .raw("token_type", &field("type", "\"service\""))
        .raw("orphan", &field("orphan", "true"));
    let whole = Object::new()
        .raw(
            "request_id",
            &found
                .text(&["request_id"])
                .map_or_else(|| json::quoted(""), |id| json::quoted(&id)),
        )
        .text("lease_id", "")
        .number("lease_duration", 0_u32)
        .flag("renewable", false)
        .raw("data", "null")
        .raw("warnings", "null")
        .object("auth", &auth);
    Ok(Reply::of(whole.finish()))
}
