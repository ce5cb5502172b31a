//! Replies in the shape of Vault's API, and how they are shown.

use vaultcore::api::ApiResponse;
use zeroize::Zeroizing;

use crate::args::Format;
use crate::failure::{Failure, Result};
use crate::json::{self, Object};
use crate::output::{Output, note};
use crate::sources::Text;
use crate::table;

/// A reply that is no error.
#[derive(Debug)]
pub(crate) struct Reply {
    body: Text,
}

/// The parts of a reply in the order in which they are shown; those that say nothing are left out.
const PARTS: [&str; 8] = [
    "request_id",
    "lease_id",
    "lease_duration",
    "renewable",
    "data",
    "wrap_info",
    "warnings",
    "auth",
];

impl Reply {
    /// Reads a reply; an error is one of the vault's.
    pub(crate) fn read(response: &ApiResponse) -> Result<Self> {
        let body = String::from_utf8_lossy(response.body());
        let reply = Self {
            body: Zeroizing::new(body.into_owned()),
        };
        match response.status() {
            200..400 => Ok(reply),
            // What was deleted is told with the data that is left of it.
            404 if reply.data().is_some() => Ok(reply),
            404 if reply.errors().is_empty() => Err(Failure::vault("no value found")),
            status => Err(reply.failure(status)),
        }
    }

    /// A reply that the command line itself has made.
    pub(crate) fn of(body: Text) -> Self {
        Self { body }
    }

    fn failure(&self, status: u16) -> Failure {
        let errors = self.errors().into_iter();
        let told: Vec<String> = errors.map(|error| format!("{error} ({status})")).collect();
        match told.is_empty() {
            true => Failure::vault(format!("the vault answered {status}")),
            false => Failure::Vault(told),
        }
    }

    fn errors(&self) -> Vec<String> {
        let errors = json::find(&self.body, &["errors"]).and_then(json::array);
        let texts = errors.into_iter().flatten();
        texts
            .filter_map(|error| json::text(error.get()))
            .map(|error| error.escape_debug().to_string())
            .collect()
    }

    /// Returns the whole body; empty if there is none.
    pub(crate) fn body(&self) -> &str {
        &self.body
    }

    /// Returns a part of the body; `None` for what is absent or null.
    pub(crate) fn part(&self, path: &[&str]) -> Option<&str> {
        json::find(&self.body, path).filter(|json| *json != "null")
    }

    /// Returns a text of the body.
    pub(crate) fn text(&self, path: &[&str]) -> Option<Text> {
        json::find_text(&self.body, path)
    }

    /// Returns the data; `None` if there is none.
    pub(crate) fn data(&self) -> Option<&str> {
        self.part(&["data"])
    }

    /// Returns whether the reply says nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let parts = ["data", "auth", "wrap_info"];
        self.lease().is_none() && parts.iter().all(|part| self.part(&[part]).is_none())
    }

    /// Returns whether the reply is kept for whoever has the wrapping token.
    pub(crate) fn is_wrapped(&self) -> bool {
        self.part(&["wrap_info"]).is_some()
    }

    /// Writes the warnings to standard error.
    pub(crate) fn warn(&self) {
        let warnings = self.part(&["warnings"]).and_then(json::array);
        for warning in warnings.into_iter().flatten() {
            if let Some(text) = json::text(warning.get()) {
                note(&format!("WARNING! {}", text.escape_debug()));
            }
        }
    }

    /// Returns the reply as JSON, with the parts that say something.
    pub(crate) fn json(&self) -> Text {
        let optional = ["wrap_info", "auth"];
        let known = PARTS
            .iter()
            .filter_map(|name| Some((*name, json::find(&self.body, &[name])?)));
        let told = known.filter(|(name, json)| !(optional.contains(name) && *json == "null"));
        let object = told.fold(Object::new(), |object, (name, json)| object.raw(name, json));
        match object.is_empty() {
            true => self.body.clone(),
            false => object.finish(),
        }
    }

    /// Returns names and values for people, sorted: of the wrapping, the token, or the data.
    pub(crate) fn rows(&self) -> Vec<(String, Text)> {
        if let Some(info) = self.part(&["wrap_info"]) {
            return wrapping(info);
        }
        match self.part(&["auth"]) {
            Some(auth) => login(auth),
            None => {
                let mut shown = self.lease().map(lease_rows).unwrap_or_default();
                shown.extend(self.data().map(rows).unwrap_or_default());
                shown
            }
        }
    }

    /// Returns the whole body if it says that what it tells is leased.
    fn lease(&self) -> Option<&str> {
        let id = self.text(&["lease_id"])?;
        (!id.is_empty()).then_some(&self.body)
    }

    /// Returns a field as JSON: of the wrapping, the token, or the data.
    pub(crate) fn field(&self, name: &str) -> Result<Text> {
        if let Some(info) = self.part(&["wrap_info"]) {
            let inner = name.strip_prefix("wrapping_").and_then(|name| {
                let name = name.strip_prefix("token_").unwrap_or(name);
                json::find(info, &[name])
            });
            return inner
                .map(|json| Text::new(json.to_owned()))
                .ok_or_else(no_field);
        }
        if let Some(auth) = self.part(&["auth"]) {
            return auth_field(auth, name);
        }
        if let Some((body, part)) = self.lease().zip(lease_part(name)) {
            let found = json::find(body, &[part]).unwrap_or("null");
            return Ok(Text::new(found.to_owned()));
        }
        let found = self.data().and_then(|data| json::find(data, &[name]));
        found
            .map(|json| Text::new(json.to_owned()))
            .ok_or_else(no_field)
    }
}

/// Returns the fields of an object as names and values for people, sorted.
pub(crate) fn rows(data: &str) -> Vec<(String, Text)> {
    let fields = json::object(data).into_iter().flatten();
    fields
        .map(|(name, value)| {
            let cell = table::named_cell(&name, value.get());
            (name, cell)
        })
        .collect()
}

/// Prints a value that stands alone.
pub(crate) fn show_field(output: Output, format: Format, json: &str) -> Result<()> {
    match (format, json::text(json)) {
        (Format::Json | Format::Yaml, _) => output.laid_out(format, json),
        (Format::Table, Some(text)) => output.value(&text),
        (Format::Table, None) => output.value(&table::cell(json)),
    }
}

/// What is returned for a field that there is not. Its name is not told: it may be a secret at the
/// wrong place.
pub(crate) fn no_field() -> Failure {
    Failure::local("the reply has no such field")
}

fn wrapping(info: &str) -> Vec<(String, Text)> {
    let named = [
        ("token", "wrapping_token:"),
        ("accessor", "wrapping_accessor:"),
        ("ttl", "wrapping_token_ttl:"),
        ("creation_time", "wrapping_token_creation_time:"),
        ("creation_path", "wrapping_token_creation_path:"),
        ("wrapped_accessor", "wrapped_accessor:"),
    ];
    let found = named.iter().filter_map(|(name, shown)| {
        let value = json::find(info, &[name])?;
        Some(((*shown).to_owned(), table::named_cell(name, value)))
    });
    found.collect()
}

/// What is told of a lease, and what Vault's command line calls it.
const LEASE: [(&str, &str); 3] = [
    ("lease_id", "lease_id"),
    ("lease_duration", "lease_duration"),
    ("lease_renewable", "renewable"),
];

fn lease_part(shown: &str) -> Option<&'static str> {
    let found = LEASE.iter().find(|(name, _)| *name == shown);
    found.map(|(_, part)| *part)
}

fn lease_rows(body: &str) -> Vec<(String, Text)> {
    let row = |(shown, part): (&str, &str)| {
        let value = json::find(body, &[part]).unwrap_or("null");
        (shown.to_owned(), table::named_cell(shown, value))
    };
    LEASE.map(row).into()
}

/// The fields of a token that was given out, and what Vault's command line calls them.
const AUTH: [(&str, &str); 7] = [
    ("token", "client_token"),
    ("token_accessor", "accessor"),
    ("token_duration", "lease_duration"),
    ("token_renewable", "renewable"),
    ("token_policies", "token_policies"),
    ("identity_policies", "identity_policies"),
    ("policies", "policies"),
];

fn login(auth: &str) -> Vec<(String, Text)> {
    let mut rows = Vec::new();
    for (shown, name) in AUTH {
        let value = json::find(auth, &[name]).unwrap_or("null");
        let cell = match (shown, value) {
            ("token_duration", "0") => Text::new("\u{221e}".to_owned()),
            ("token_duration", _) => table::named_cell("duration", value),
            (_, "null") if shown.ends_with("policies") => Text::new("[]".to_owned()),
            (_, list) if shown.ends_with("policies") => Text::new(spaced(list)),
            _ => table::cell(value),
        };
        rows.push((shown.to_owned(), cell));
    }
    let metadata = json::find(auth, &["metadata"]).map(rows_of_metadata);
    rows.extend(metadata.unwrap_or_default());
    rows
}

fn rows_of_metadata(metadata: &str) -> Vec<(String, Text)> {
    let named = rows(metadata).into_iter();
    named
        .map(|(name, value)| (format!("token_meta_{name}"), value))
        .collect()
}

/// Returns a list with a space behind each comma, as Vault prints policies.
fn spaced(list: &str) -> String {
    let items = json::array(list).unwrap_or_default();
    let items: Vec<&str> = items.iter().map(|item| item.get()).collect();
    format!("[{}]", items.join(", "))
}

fn auth_field(auth: &str, name: &str) -> Result<Text> {
    let known = AUTH.iter().find(|(shown, _)| *shown == name);
    let found = match (known, name.strip_prefix("token_meta_")) {
        (Some((_, name)), _) => json::find(auth, &[name]),
        (None, Some(name)) => json::find(auth, &["metadata", name]),
        (None, None) => json::find(auth, &[name]),
    };
    found
        .map(|json| Text::new(json.to_owned()))
        .ok_or_else(no_field)
}
