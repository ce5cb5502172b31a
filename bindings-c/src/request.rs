//! Every engine, by requests in the shape of Vault's HTTP API.

use std::mem::size_of;

use vaultcore::api::{ApiRequest, ApiResponse, Method};
use vaultcore::{Error, ErrorKind, Result};

use super::bytes::{vc_buffer, vc_bytes};
use super::error::{vc_error, vc_status};
use super::guard::{check_out, guard, invalid, write_out};
use super::handle::{find, vc_session, vc_vault};

/// The most fields of a query.
pub const VC_MAX_QUERY: usize = 256;

/// A field of a query.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_field {
    /// Its name.
    pub name: vc_bytes,
    /// Its value.
    pub value: vc_bytes,
}

/// A request in the shape of Vault's HTTP API. Set it to zeros, then set `size`, `method`, `path`
/// and what else it needs. Nothing of it is percent-decoded.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct vc_api_request {
    /// sizeof(vc_api_request), by which later versions of this struct are told apart.
    pub size: usize,
    /// GET, HEAD, LIST, SCAN, POST, PUT, PATCH or DELETE.
    pub method: vc_bytes,
    /// Such as "secret/data/app", with or without "/v1/" in front and a query behind.
    pub path: vc_bytes,
    /// The fields of the query, if they are not in the path.
    pub query: *const vc_field,
    /// How many there are.
    pub query_count: usize,
    /// A JSON object, or nothing.
    pub body: vc_bytes,
    /// The token, for vc_handle; vc_request acts as its session.
    pub token: vc_bytes,
    /// The namespace: its path from the root.
    pub namespace_path: vc_bytes,
    /// For how long to wrap the reply, such as "60s"; nothing not to.
    pub wrap_ttl: vc_bytes,
    /// The address of who asks, for tokens that are bound to networks.
    pub remote_address: vc_bytes,
}

/// Answers a request as the session, the owner's included. `http_status_out` is a status of HTTP,
/// and `body_out` a JSON object, or empty with status 204. An error of Vault's is a reply, and
/// VC_OK.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_request(
    session: vc_session,
    request: *const vc_api_request,
    http_status_out: *mut u16,
    body_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(http_status_out)?;
            check_out(body_out)?;
            let request = read(request)?;
            let response = find(session)?.object.request(&request);
            write_response(&response, http_status_out, body_out);
            Ok(())
        })
    }
}

/// Answers a request as whoever holds its token, and never as the owner. Outputs are as in
/// vc_request.
///
/// # Safety
/// Pointers obey the rules at the head of vaultcore.h.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vc_handle(
    vault: vc_vault,
    request: *const vc_api_request,
    http_status_out: *mut u16,
    body_out: *mut vc_buffer,
    error_out: *mut *mut vc_error,
) -> vc_status {
    // SAFETY: promised by the caller, see above.
    unsafe {
        guard(error_out, || {
            check_out(http_status_out)?;
            check_out(body_out)?;
            let request = read(request)?;
            let response = find(vault)?.object.handle(&request);
            write_response(&response, http_status_out, body_out);
            Ok(())
        })
    }
}

/// Writes a reply.
///
/// # Safety
/// Both outputs can be written to.
unsafe fn write_response(response: &ApiResponse, status_out: *mut u16, body_out: *mut vc_buffer) {
    // SAFETY: promised by the caller.
    unsafe {
        write_out(status_out, response.status());
        write_out(body_out, vc_buffer::copy_from(response.body()));
    }
}

/// Reads a request.
///
/// # Safety
/// `request` is null or obeys the rules of inputs.
unsafe fn read(request: *const vc_api_request) -> Result<ApiRequest> {
    if request.is_null() {
        return Err(invalid("the request is NULL"));
    }
    // SAFETY: it is not null, and the field is the first one in every version of the struct.
    if unsafe { (*request).size } != size_of::<vc_api_request>() {
        return Err(invalid(
            "the request's size is not that of vc_api_request in this version",
        ));
    }
    // SAFETY: it is as large as it should be; the rest is promised by the caller.
    unsafe {
        let given = *request;
        let method: Method = given.method.as_str()?.parse()?;
        let mut read = ApiRequest::new(method, given.path.as_str()?)
            .token(given.token.as_str()?)
            .namespace(given.namespace_path.as_str()?)
            .wrap_ttl(given.wrap_ttl.as_str()?)
            .body(given.body.as_slice()?);
        let remote = given.remote_address.as_str()?;
        if !remote.is_empty() {
            let address = remote.parse();
            read = read.remote_address(address.map_err(|_| invalid("the address is none of IP"))?);
        }
        add_query(read, given.query, given.query_count)
    }
}

/// Adds the fields of the query.
///
/// # Safety
/// There are `count` fields at `query`.
unsafe fn add_query(
    mut request: ApiRequest,
    query: *const vc_field,
    count: usize,
) -> Result<ApiRequest> {
    if count > VC_MAX_QUERY {
        let message = format!("a query has at most {VC_MAX_QUERY} fields");
        return Err(Error::new(ErrorKind::TooLarge, message));
    }
    if query.is_null() && count > 0 {
        return Err(invalid("the query is NULL, but its length is not 0"));
    }
    for index in 0..count {
        // SAFETY: below `count`; promised by the caller.
        unsafe {
            let field = *query.add(index);
            request = request.query(field.name.as_str()?, field.value.as_str()?);
        }
    }
    Ok(request)
}
