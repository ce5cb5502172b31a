//! Errors as status and body.

use super::request::ApiResponse;
use crate::error::{Error, ErrorKind};
use crate::wire::{Object, Verb};

/// Returns the reply that says `error`.
pub(super) fn failure(error: &Error, verb: Verb) -> ApiResponse {
    let reading = matches!(verb, Verb::Read | Verb::List | Verb::Scan);
    // What is not there has no text, as in Vault.
    if error.kind() == ErrorKind::NotFound && reading {
        return errors(404, []);
    }
    errors(code(error), [error.to_string()])
}

/// Returns a reply with these errors.
pub(super) fn errors<const N: usize>(status: u16, texts: [String; N]) -> ApiResponse {
    ApiResponse::new(status, Object::new().list("errors", texts).finish())
}

fn code(error: &Error) -> u16 {
    use ErrorKind as Kind;
    match error.kind() {
        Kind::Conflict | Kind::InvalidArgument | Kind::LimitExceeded => 400,
        Kind::AlreadyInitialized | Kind::NotInitialized | Kind::UnsealFailed => 400,
        Kind::PermissionDenied | Kind::Expired => 403,
        Kind::NotFound => 404,
        Kind::Unsupported => 405,
        Kind::TooLarge => 413,
        Kind::Sealed | Kind::Closed | Kind::Unavailable => 503,
        Kind::Timeout => 504,
        Kind::Full => 507,
        _ => 500,
    }
}
