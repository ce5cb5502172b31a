//! A stream of calls of the C interface, with handles and inputs of any kind: none panics, writes an
//! output and fails, or answers what is no status.
#![no_main]

#[allow(dead_code, reason = "no call needs all statuses")]
#[path = "../../bindings-c/src/lib.rs"]
mod capi;
#[path = "../src/machine.rs"]
mod machine;

use std::ffi::CStr;
use std::ptr;

use capi::bytes::{vc_buffer, vc_buffer_free};
use capi::database::*;
use capi::error::*;
use capi::init::*;
use capi::kv::*;
use capi::lease::*;
use capi::request::*;
use capi::session::*;
use capi::transit::*;
use capi::vault::*;
use machine::{ErrorOut, Input, Machine, UNTOUCHED};

/// How many calls a stream makes at most.
const MOST: usize = 64;

type Op = fn(&mut Machine, &mut Input<'_>, ErrorOut) -> vc_status;

/// A call of a handle alone, or with what comes behind it.
macro_rules! op {
    ($call:ident) => {
        |m, i, e| {
            let handle = m.pick(i);
            unsafe { $call(handle, e) }
        }
    };
    ($call:ident(text)) => {
        |m, i, e| {
            let (handle, text) = (m.pick(i), m.text(i));
            unsafe { $call(handle, text, e) }
        }
    };
    ($call:ident(made)) => {
        |m, i, e| {
            let handle = m.pick(i);
            m.made(|_, out| unsafe { $call(handle, out, e) })
        }
    };
    ($call:ident(text, made)) => {
        |m, i, e| {
            let (handle, text) = (m.pick(i), m.text(i));
            m.made(|_, out| unsafe { $call(handle, text, out, e) })
        }
    };
    ($call:ident(took)) => {
        |m, i, e| {
            let handle = m.pick(i);
            m.took(|_, out| unsafe { $call(handle, out, e) })
        }
    };
    ($call:ident(text, took)) => {
        |m, i, e| {
            let (handle, text) = (m.pick(i), m.text(i));
            m.took(|_, out| unsafe { $call(handle, text, out, e) })
        }
    };
    ($call:ident(text, numbers)) => {
        |m, i, e| {
            let (handle, path) = (m.pick(i), m.text(i));
            let numbers = [u64::from(i.byte()), i.number()];
            let count = usize::from(i.byte() % 4); // 3 are more than there are
            let first = if count > 2 {
                ptr::null()
            } else {
                numbers.as_ptr()
            };
            unsafe { $call(handle, path, first, count, e) }
        }
    };
    ($call:ident(crypt)) => {
        |m, i, e| {
            let (handle, key, data) = (m.pick(i), m.text(i), m.text(i));
            let (context, associated) = (m.text(i), m.text(i));
            m.took(|_, out| unsafe { $call(handle, key, data, context, associated, out, e) })
        }
    };
}

const OPS: &[Op] = &[
    |m, i, e| {
        let location = m.text(i);
        m.made(|_, out| unsafe { vc_vault_open(location, out, e) })
    },
    init,
    |m, i, e| {
        let (vault, mut out) = (m.pick(i), std::mem::MaybeUninit::uninit());
        unsafe { vc_vault_status(vault, out.as_mut_ptr(), e) }
    },
    |m, i, e| {
        let (vault, share) = (m.pick(i), m.text(i));
        unsafe { vc_vault_unseal(vault, share, ptr::null_mut(), e) }
    },
    |m, i, e| {
        let (vault, key) = (m.pick(i), m.text(i));
        unsafe { vc_vault_unseal_key(vault, key, ptr::null_mut(), e) }
    },
    op!(vc_vault_seal),
    |m, i, e| {
        let vault = m.pick(i);
        m.counted(|_, out| unsafe { vc_vault_tick(vault, out, e) })
    },
    op!(vc_vault_owner(made)),
    op!(vc_vault_login(text, made)),
    op!(vc_vault_close),
    |m, i, e| {
        let (handle, index) = (m.pick(i), usize::from(i.byte()));
        m.took(|_, out| unsafe { vc_init_share(handle, index, out, e) })
    },
    op!(vc_init_root_token(took)),
    op!(vc_init_close),
    op!(vc_session_namespace(text, made)),
    op!(vc_session_kv(text, made)),
    op!(vc_session_transit(text, made)),
    op!(vc_session_database(text, made)),
    op!(vc_session_close),
    request,
    handle,
    put,
    |m, i, e| {
        let (kv, path, version) = (m.pick(i), m.text(i), u64::from(i.byte()));
        m.took(|_, out| unsafe { vc_kv_get(kv, path, version, out, ptr::null_mut(), e) })
    },
    op!(vc_kv_delete(text)),
    op!(vc_kv_delete_versions(text, numbers)),
    op!(vc_kv_undelete(text, numbers)),
    op!(vc_kv_destroy(text, numbers)),
    op!(vc_kv_list(text, took)),
    op!(vc_kv_metadata(text, took)),
    op!(vc_kv_delete_metadata(text)),
    op!(vc_kv_close),
    op!(vc_transit_encrypt(crypt)),
    op!(vc_transit_decrypt(crypt)),
    op!(vc_transit_rewrap(crypt)),
    op!(vc_transit_close),
    op!(vc_database_credentials(text, made)),
    op!(vc_database_close),
    op!(vc_credentials_username(took)),
    op!(vc_credentials_password(took)),
    op!(vc_credentials_lease_id(took)),
    op!(vc_credentials_keep_alive),
    |m, i, e| {
        let (handle, span) = (m.pick(i), i.number());
        m.counted(|_, out| unsafe { vc_credentials_renew(handle, span, out, e) })
    },
    op!(vc_credentials_revoke),
    op!(vc_credentials_close),
    op!(vc_lease_lookup(text, took)),
    op!(vc_lease_list(text, took)),
    |m, i, e| {
        let (session, lease, span) = (m.pick(i), m.text(i), i.number());
        m.counted(|_, out| unsafe { vc_lease_renew(session, lease, span, out, e) })
    },
    op!(vc_lease_revoke(text)),
    op!(vc_lease_revoke_prefix(text)),
    // What is new comes last, so that the seeds mean what they did.
    |m, i, e| {
        let (init, mut count) = (m.pick(i), usize::MAX);
        let status = unsafe { vc_init_share_count(init, &raw mut count, e) };
        assert_eq!(status == VC_OK, count != usize::MAX);
        status
    },
    |m, i, e| {
        let (vault, passphrase) = (m.pick(i), m.text(i));
        unsafe { vc_vault_unseal_passphrase(vault, passphrase, ptr::null_mut(), e) }
    },
    lease,
    static_credentials,
];

fn lease(m: &mut Machine, i: &mut Input<'_>, e: ErrorOut) -> vc_status {
    let handle = m.pick(i);
    let mut told = vc_lease_status {
        remaining_ms: UNTOUCHED,
        renewable: false,
        last: false,
    };
    let status = unsafe { vc_credentials_lease(handle, &raw mut told, e) };
    assert_eq!(status == VC_OK, told.remaining_ms != UNTOUCHED);
    status
}

fn static_credentials(m: &mut Machine, i: &mut Input<'_>, e: ErrorOut) -> vc_status {
    let (database, role) = (m.pick(i), m.text(i));
    let mut name = vc_buffer {
        data: ptr::null(),
        len: 0,
        kind: 0,
    };
    let status = m.took(|_, password| unsafe {
        vc_database_static_credentials(database, role, &raw mut name, password, e)
    });
    assert_eq!(status == VC_OK, !name.data.is_null());
    unsafe { vc_buffer_free(&raw mut name) };
    status
}

fn init(m: &mut Machine, i: &mut Input<'_>, e: ErrorOut) -> vc_status {
    let vault = m.pick(i);
    let slot = vc_new_slot {
        kind: u32::from(i.byte() % 5),
        shares: i.byte(),
        threshold: i.byte(),
        secret: m.text(i),
    };
    let count = usize::from(i.byte() % 2);
    m.made(|_, out| unsafe { vc_vault_init(vault, &raw const slot, count, out, e) })
}

fn put(m: &mut Machine, i: &mut Input<'_>, e: ErrorOut) -> vc_status {
    let (kv, path, data, version) = (m.pick(i), m.text(i), m.text(i), u64::from(i.byte()));
    let cas = if version > 100 {
        ptr::null()
    } else {
        &raw const version
    };
    m.counted(|_, out| unsafe { vc_kv_put(kv, path, data, cas, out, e) })
}

fn api_request(m: &Machine, i: &mut Input<'_>) -> vc_api_request {
    vc_api_request {
        size: match i.byte() {
            0xff => usize::from(i.byte()),
            _ => size_of::<vc_api_request>(),
        },
        method: m.text(i),
        path: m.text(i),
        query: ptr::null(),
        query_count: usize::from(i.byte() == 0xff),
        body: m.text(i),
        token: m.text(i),
        namespace_path: m.text(i),
        wrap_ttl: m.text(i),
        remote_address: m.text(i),
    }
}

fn request(m: &mut Machine, i: &mut Input<'_>, e: ErrorOut) -> vc_status {
    let (session, request, mut http) = (m.pick(i), api_request(m, i), 0);
    let status =
        m.took(|_, out| unsafe { vc_request(session, &raw const request, &raw mut http, out, e) });
    m.http = http;
    status
}

fn handle(m: &mut Machine, i: &mut Input<'_>, e: ErrorOut) -> vc_status {
    let (vault, request, mut http) = (m.pick(i), api_request(m, i), 0);
    m.took(|_, out| unsafe { vc_handle(vault, &raw const request, &raw mut http, out, e) })
}

/// Makes one call, and checks what it says of itself.
fn step(machine: &mut Machine, input: &mut Input<'_>) -> vc_status {
    let choice = input.byte();
    let op = OPS[usize::from(choice & 0x7f) % OPS.len()];
    if choice & 0x80 != 0 {
        return op(machine, input, ptr::null_mut());
    }
    let mut error = ptr::null_mut();
    let status = op(machine, input, &raw mut error);
    unsafe {
        assert_eq!(error.is_null(), status == VC_OK);
        assert_eq!(vc_error_status(error), status);
        assert!(CStr::from_ptr(vc_error_message(error)).to_str().is_ok());
        let (mut expected, mut found) = (UNTOUCHED, UNTOUCHED);
        let told = vc_error_versions(error, &raw mut expected, &raw mut found);
        assert!(
            [expected, found]
                .iter()
                .all(|version| told == (*version != UNTOUCHED))
        );
        vc_error_free(&raw mut error);
        assert!(error.is_null());
        vc_error_free(&raw mut error); // twice
    }
    status
}

/// A vault with something of each kind, by the calls that a stream makes, too.
const BEGIN: &[&[u8]] = &[
    &[0, 0xc1],                   // open memory:
    &[1, 0, 1, 1, 1, 0, 1],       // one share
    &[10, 0, 0],                  // which is
    &[3, 0, 0xff],                // given
    &[7, 0],                      // owner
    b"\x12\0\0\xca\x13sys/mounts/database\0\x13{\"type\":\"database\"}",
    b"\x12\0\0\xca\xcc\0\xcd",
    b"\x12\0\0\xca\x12sys/mounts/transit\0\x12{\"type\":\"transit\"}",
    b"\x12\0\0\xca\x12database/config/db\0\x57{\"plugin_name\":\"fake-database-plugin\",\
        \"connection_url\":\"fake://\",\"allowed_roles\":[\"*\"]}",
    b"\x12\0\0\xca\x13database/roles/role\0\x2c{\"db_name\":\"db\",\"creation_statements\":[\"C\"]}",
    &[14, 0, 0xc2],               // secret
    &[15, 0, 0xc3],               // transit
    &[16, 0, 0xc4],               // database
    &[34, 0, 0xc5],               // a user
];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut machine = Machine::default();
    for (index, call) in BEGIN.iter().enumerate() {
        let status = step(&mut machine, &mut Input::new(call));
        let done = status == VC_OK && machine.http < 300;
        assert!(
            done,
            "call {index} of the beginning: {status}, {}",
            machine.http
        );
    }
    let mut input = Input::new(bytes);
    for _ in 0..MOST {
        if input.is_empty() {
            break;
        }
        let status = step(&mut machine, &mut input);
        assert_ne!(status, VC_PANICKED);
        let name = unsafe { CStr::from_ptr(vc_status_name(status)) };
        assert_ne!(name, c"Unknown");
    }
    for vault in machine.vaults() {
        unsafe { vc_vault_close(vault, ptr::null_mut()) };
    }
    for init in machine.inits() {
        unsafe { vc_init_close(init, ptr::null_mut()) };
    }
});
