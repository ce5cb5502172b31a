//! Password policies, and passwords by them: `sys/policies/password`.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::sys;
use crate::error::{Error, Result};
use crate::operation::{Access, Call, Capability, Context, Erased, Handler, Operation, Target};
use crate::policy::PasswordStore;
use crate::secret::SecretString;
use crate::wire::{Json, Object, Page, Response, Route, Verb, page};

type Made<'c> = Result<Box<dyn Erased + 'c>>;

/// The paths below `sys/policies/password`.
pub(super) const ROUTES: &[Route<Handler>] = &[
    Route {
        pattern: "policies/password",
        verbs: &[(Verb::List, list)],
    },
    Route {
        pattern: "policies/password/{name}/generate",
        verbs: &[(Verb::Read, generate)],
    },
    Route {
        pattern: "policies/password/{name}",
        verbs: &[
            (Verb::Read, read),
            (Verb::Write, write),
            (Verb::Delete, delete),
        ],
    },
];

fn name(call: &Call<'_>) -> String {
    call.captures.get("name").to_owned()
}

fn list<'c>(call: &Call<'c>) -> Made<'c> {
    let page = page(call.fields)?;
    Ok(Box::new(ListPasswordPolicies { page }))
}

fn read<'c>(call: &Call<'c>) -> Made<'c> {
    let name = name(call);
    Ok(Box::new(ReadPasswordPolicy { name }))
}

fn delete<'c>(call: &Call<'c>) -> Made<'c> {
    let name = name(call);
    Ok(Box::new(DeletePasswordPolicy { name }))
}

fn generate<'c>(call: &Call<'c>) -> Made<'c> {
    let name = name(call);
    Ok(Box::new(GeneratePassword { name }))
}

fn write<'c>(call: &Call<'c>) -> Made<'c> {
    let given = call.fields.text("policy")?.filter(|text| !text.is_empty());
    let text = given.ok_or_else(|| Error::invalid("missing policy"))?;
    let encoded = BASE64.decode(text.as_bytes()).ok();
    let text = match encoded.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => text,
        None => text.to_string(),
    };
    let name = name(call);
    Ok(Box::new(WritePasswordPolicy { name, text }))
}

fn access(name: &str, capability: Capability) -> Result<Vec<Access>> {
    sys(&format!("policies/password/{name}"), capability)
}

/// Writes a password policy.
pub(crate) struct WritePasswordPolicy {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Operation for WritePasswordPolicy {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(&self.name, Capability::Update)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        PasswordStore::new(cx.space.id).put(cx.txn, &self.name, &self.text)
    }

    fn input(&self) -> Json {
        Object::new().text("policy", &self.text).finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Reads a password policy.
pub(crate) struct ReadPasswordPolicy {
    pub(crate) name: String,
}

impl Operation for ReadPasswordPolicy {
    type Reply = String;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(&self.name, Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<String> {
        let text = PasswordStore::new(cx.space.id).text(cx.txn, &self.name)?;
        text.ok_or_else(|| Error::not_found("policy does not exist"))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, text: &String) -> Result<Response> {
        Ok(Response::data(Object::new().text("policy", text)))
    }
}

/// Removes a password policy.
pub(crate) struct DeletePasswordPolicy {
    pub(crate) name: String,
}

impl Operation for DeletePasswordPolicy {
    type Reply = ();

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(&self.name, Capability::Delete)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<()> {
        PasswordStore::new(cx.space.id).remove(cx.txn, &self.name)
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, (): &()) -> Result<Response> {
        Ok(Response::empty())
    }
}

/// Lists the password policies.
pub(crate) struct ListPasswordPolicies {
    pub(crate) page: Option<Page>,
}

impl Operation for ListPasswordPolicies {
    type Reply = Vec<Zeroizing<String>>;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access("", Capability::List)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Self::Reply> {
        let names = PasswordStore::new(cx.space.id).names(cx.txn)?;
        Ok(Page::of(self.page.as_ref(), names))
    }

    fn input(&self) -> Json {
        match &self.page {
            Some(page) => page.input(),
            None => Object::new().finish(),
        }
    }

    fn output(&self, names: &Self::Reply) -> Result<Response> {
        let names = names.iter().map(|name| name.as_str());
        Ok(Response::list(Object::new().list("keys", names)))
    }
}

/// Makes a password by a policy, and keeps nothing of it.
pub(crate) struct GeneratePassword {
    pub(crate) name: String,
}

impl Operation for GeneratePassword {
    type Reply = SecretString;

    fn target(&self) -> Target<'_> {
        Target::System
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        access(&format!("{}/generate", self.name), Capability::Read)
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<SecretString> {
        if self.name.is_empty() {
            return Err(Error::invalid("missing policy name"));
        }
        PasswordStore::new(cx.space.id).password(cx.txn, &self.name, "")
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, password: &SecretString) -> Result<Response> {
        let object = Object::new().text("password", password.expose());
        Ok(Response::data(object))
    }
}
