//! Replies as Vault's envelope.

use super::request::ApiResponse;
use super::status::errors;
use crate::wire::{Json, Object, Response, Shape, WrapInfo};

/// Returns what `response` says as status and body.
pub(super) fn envelope(response: &Response, request_id: &str) -> ApiResponse {
    let data = response.data.as_deref().map(Vec::as_slice);
    match response.shape {
        Shape::Bare(status) => {
            let body = response.data.clone().unwrap_or_default();
            return ApiResponse::new(status, body);
        }
        Shape::List if response.lists_nothing() => return errors(404, []),
        Shape::NotFound if data.is_none() => return errors(404, []),
        Shape::Accepted if says_nothing(response) => return ApiResponse::new(202, Json::default()),
        Shape::Usual if says_nothing(response) => return ApiResponse::new(204, Json::default()),
        _ => {}
    }
    let status = match response.shape {
        Shape::NotFound => 404,
        Shape::Status(status) => status,
        Shape::Accepted => 202,
        _ => 200,
    };
    // The id of the request that was wrapped is with the reply, as in Vault.
    let wrapped = response.wrap_info.is_some();
    let request_id = if wrapped { "" } else { request_id };
    let mut object = Object::new().text("request_id", request_id);
    object = members(object, response);
    if let (Shape::Doubled, Some(data)) = (response.shape, data) {
        object = object.members_of(data);
    }
    ApiResponse::new(status, object.finish())
}

/// Adds what a reply says to an envelope.
pub(super) fn members(object: Object, response: &Response) -> Object {
    let (id, renewable, seconds) = match &response.lease {
        Some(lease) => (lease.id.as_str(), lease.renewable, lease.ttl.as_secs()),
        None => ("", false, response.lease_duration),
    };
    let object = object
        .text("lease_id", id)
        .flag("renewable", renewable)
        .number("lease_duration", seconds);
    let object = match &response.data {
        Some(data) => object.raw("data", data),
        None => object.null("data"),
    };
    let object = match &response.wrap_info {
        Some(info) => object.object("wrap_info", wrap_info(info)),
        None => object.null("wrap_info"),
    };
    let object = match response.warnings.is_empty() {
        true => object.null("warnings"),
        false => object.list("warnings", &response.warnings),
    };
    match (&response.auth, &response.auth_json) {
        (Some(given), _) => object.object("auth", given.object()),
        (None, Some(json)) => object.raw("auth", json),
        (None, None) => object.null("auth"),
    }
}

fn says_nothing(response: &Response) -> bool {
    response.data.is_none()
        && response.lease.is_none()
        && response.auth.is_none()
        && response.auth_json.is_none()
        && response.wrap_info.is_none()
        && response.warnings.is_empty()
}

fn wrap_info(info: &WrapInfo) -> Object {
    let object = Object::new()
        .text("token", info.token.expose())
        .text("accessor", &info.accessor)
        .number("ttl", info.ttl.as_secs())
        .time("creation_time", Some(info.creation_time))
        .text("creation_path", &info.creation_path);
    match info.wrapped_accessor.is_empty() {
        true => object,
        false => object.text("wrapped_accessor", &info.wrapped_accessor),
    }
}
