//! Goals 18 and 19: what a call from C and from Python costs over the same call from Rust.
//!
//! The library for C stands in this program, and its functions are reached by their addresses, as
//! a C program reaches them. Python is a process of its own, which is told how often to call what,
//! in turn with the sides here.

use std::env;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::ptr;
use std::time::Duration;

use serde_json::value::RawValue;
use vaultcore::kv::{Cas, Kv};
use vaultcore::storage::Memory;
use vaultcore::transit::{Input, Transit};
use vaultcore::{NewMount, NewSlot, Session, Vault};

use super::Setting;
use crate::Result;
use crate::capi::bytes::{vc_buffer, vc_buffer_free, vc_bytes};
use crate::capi::error::vc_error;
use crate::capi::handle::{find, vc_kv, vc_transit, vc_vault};
use crate::capi::{init, kv, request, session, transit, vault};
use crate::harness::{Race, Side, race};
use crate::report::{Goal, Row};

const PLAIN: [u8; 1024] = [b'p'; 1024];
const SECRET: &str = "{\"password\": \"s3cr3t\"}";
/// What a call of C may cost over the call of Rust, in nanoseconds.
const C_ALLOWED: f64 = 40.0;
/// How long a side of C runs in a round: what is looked for is far less than what other programs disturb.
const BRIEF: Duration = Duration::from_micros(500);
/// The same of Python: of a call that keeps the interpreter, and of one that lets it go.
const PYTHON_SHORT: f64 = 200.0;
const PYTHON_ALLOWED: f64 = 1_000.0;

/// A vault as a program of Rust has it.
struct Rust {
    session: Session,
    kv: Kv,
    transit: Transit,
}

impl Rust {
    fn new() -> Result<Self> {
        let vault = Vault::builder(Memory::new()).build()?;
        let init = vault.init([NewSlot::shamir(1, 1)])?;
        vault.unseal(init.shares().first().ok_or("no share")?)?;
        let session = vault.owner()?;
        session.sys().mount("secret", NewMount::kv2())?;
        session.sys().mount("transit", NewMount::transit())?;
        let (kv, transit) = (session.kv("secret")?, session.transit("transit")?);
        kv.put(
            "app",
            RawValue::from_string(SECRET.to_owned())?.as_ref(),
            Cas::Any,
        )?;
        Ok(Self {
            session,
            kv,
            transit,
        })
    }

    fn facade(&self) -> Side<'_> {
        Side::new(|| {
            black_box(self.session.kv(black_box("secret")).expect("a facade"));
        })
    }
}

fn encrypt(transit: &Transit) -> Side<'_> {
    Side::new(|| {
        let made = transit.encrypt("k", Input::new(black_box(&PLAIN)));
        black_box(made.expect("encrypts"));
    })
}

fn get(kv: &Kv) -> Side<'_> {
    Side::new(|| {
        black_box(kv.get_json(black_box("app")).expect("reads"));
    })
}

type ErrorOut = *mut *mut vc_error;
type Encrypt = unsafe extern "C" fn(
    vc_transit,
    vc_bytes,
    vc_bytes,
    vc_bytes,
    vc_bytes,
    *mut vc_buffer,
    ErrorOut,
) -> u32;
type Get = unsafe extern "C" fn(vc_kv, vc_bytes, u64, *mut vc_buffer, *mut u64, ErrorOut) -> u32;
type Free = unsafe extern "C" fn(*mut vc_buffer);

/// The same by the functions that C programs call.
struct C {
    vault: vc_vault,
    kv: vc_kv,
    transit: vc_transit,
}

fn borrow(bytes: &[u8]) -> vc_bytes {
    vc_bytes {
        data: bytes.as_ptr(),
        len: bytes.len(),
    }
}

fn text(text: &str) -> vc_bytes {
    borrow(text.as_bytes())
}

const NO_BUFFER: vc_buffer = vc_buffer {
    data: ptr::null(),
    len: 0,
    kind: 0,
};

fn must(status: u32) {
    assert_eq!(status, 0, "a call of the C interface");
}

impl C {
    fn new() -> Self {
        let (mut vault, mut init) = (vc_vault { id: 0 }, crate::capi::handle::vc_init { id: 0 });
        let mut owner = crate::capi::handle::vc_session { id: 0 };
        let (mut kv, mut transit) = (vc_kv { id: 0 }, vc_transit { id: 0 });
        let (none, key) = (ptr::null_mut(), [7; 32]);
        let slot = vault::vc_new_slot {
            kind: vault::VC_SLOT_KEY,
            shares: 0,
            threshold: 0,
            secret: borrow(&key),
        };
        // SAFETY: inputs live to the end of the function, outputs are its own variables.
        unsafe {
            must(vault::vc_vault_open(text("memory:"), &raw mut vault, none));
            must(vault::vc_vault_init(
                vault,
                &raw const slot,
                1,
                &raw mut init,
                none,
            ));
            must(init::vc_init_close(init, none));
            must(vault::vc_vault_unseal_key(
                vault,
                borrow(&key),
                ptr::null_mut(),
                none,
            ));
            must(vault::vc_vault_owner(vault, &raw mut owner, none));
            mount(owner, "sys/mounts/secret", "{\"type\": \"kv-v2\"}");
            mount(owner, "sys/mounts/transit", "{\"type\": \"transit\"}");
            must(session::vc_session_kv(
                owner,
                text("secret"),
                &raw mut kv,
                none,
            ));
            must(transit::vc_session_transit(
                owner,
                text("transit"),
                &raw mut transit,
                none,
            ));
            let (path, data) = (text("app"), text(SECRET));
            must(kv::vc_kv_put(
                kv,
                path,
                data,
                ptr::null(),
                ptr::null_mut(),
                none,
            ));
        }
        Self { vault, kv, transit }
    }

    fn encrypt(&self) -> Side<'_> {
        let encrypt = black_box(transit::vc_transit_encrypt as Encrypt);
        let free = black_box(vc_buffer_free as Free);
        Side::new(move || {
            let (mut made, none) = (NO_BUFFER, borrow(&[]));
            let (key, plain) = (text("k"), borrow(black_box(&PLAIN)));
            // SAFETY: inputs live longer than the call, the output is a variable.
            unsafe {
                let out = &raw mut made;
                must(encrypt(
                    self.transit,
                    key,
                    plain,
                    none,
                    none,
                    out,
                    ptr::null_mut(),
                ));
                free(&raw mut made);
            }
        })
    }

    fn get(&self) -> Side<'_> {
        let get = black_box(kv::vc_kv_get as Get);
        let free = black_box(vc_buffer_free as Free);
        Side::new(move || {
            let (mut found, mut version) = (NO_BUFFER, 0_u64);
            // SAFETY: inputs live longer than the call, the outputs are variables.
            unsafe {
                let outs = (&raw mut found, &raw mut version);
                must(get(
                    self.kv,
                    text(black_box("app")),
                    0,
                    outs.0,
                    outs.1,
                    ptr::null_mut(),
                ));
                free(&raw mut found);
            }
        })
    }
}

impl Drop for C {
    fn drop(&mut self) {
        // SAFETY: a handle is a number.
        unsafe { vault::vc_vault_close(self.vault, ptr::null_mut()) };
    }
}

/// Mounts an engine by a request.
///
/// # Safety
/// As of `vc_request`.
unsafe fn mount(owner: crate::capi::handle::vc_session, path: &str, body: &str) {
    let nothing = borrow(&[]);
    let request = request::vc_api_request {
        size: size_of::<request::vc_api_request>(),
        method: text("POST"),
        path: text(path),
        query: ptr::null(),
        query_count: 0,
        body: text(body),
        token: nothing,
        namespace_path: nothing,
        wrap_ttl: nothing,
        remote_address: nothing,
    };
    let (mut http, mut reply) = (0, NO_BUFFER);
    // SAFETY: promised by the caller; the outputs are variables.
    unsafe {
        let outs = (&raw mut http, &raw mut reply);
        must(request::vc_request(
            owner,
            &raw const request,
            outs.0,
            outs.1,
            ptr::null_mut(),
        ));
        vc_buffer_free(&raw mut reply);
    }
    assert!(http < 300, "{http}");
}

/// A row that says what `ours` costs over `theirs`, and over what else the round did.
fn over(
    row: Row,
    found: &Race,
    (ours, theirs, empty): (usize, usize, Option<usize>),
    allowed: f64,
) -> Row {
    let extra = move |round: &[f64]| {
        let besides = empty.map_or(0.0, |side| round[side]);
        (round[ours] - round[theirs] - besides) / allowed
    };
    row.times(
        (found.nanos(ours), found.nanos(theirs)),
        "the call from Rust",
    )
    .measured(found.ratio(extra))
    .goal(Goal::AtMost(1.0))
    .note(format!("of the {allowed} ns that it may cost more"))
}

pub(super) fn c(setting: &Setting) -> Result<Vec<Row>> {
    let c = C::new();
    // The very facades behind the handles: those of another vault would lie elsewhere in memory.
    let (transit, kv) = (find(c.transit)?, find(c.kv)?);
    let (rust_encrypt, rust_get) = (encrypt(&transit.object), get(&kv.object));
    let sides = [c.encrypt(), rust_encrypt, c.get(), rust_get];
    let mut sides = sides.map(|side| side.slice(BRIEF));
    let found = race(setting.extent, &mut sides);
    let encrypt = Row::new(
        19,
        "c-encrypt",
        "transit encrypt of 1 KiB from C, its buffer freed",
    );
    let get = Row::new(19, "c-get", "KV get of 22 B from C, its buffer freed");
    Ok(vec![
        over(encrypt, &found, (0, 1, None), C_ALLOWED),
        over(get, &found, (2, 3, None), C_ALLOWED),
    ])
}

/// A process of Python that makes calls when it is told to.
struct Python {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Python {
    fn start() -> Result<Self> {
        let python = env::var_os("VAULTCORE_BENCH_PYTHON").ok_or("no Python with the wheel")?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python.py");
        let mut child = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = child.stdin.take().ok_or("no way to Python")?;
        let from = BufReader::new(child.stdout.take().ok_or("no way from Python")?);
        let mut python = Self { child, to, from };
        python.call("nothing", 1)?;
        Ok(python)
    }

    fn call(&mut self, name: &str, count: u64) -> Result {
        writeln!(self.to, "{name} {count}")?;
        self.to.flush()?;
        let mut answer = String::new();
        self.from.read_line(&mut answer)?;
        match answer.trim() {
            "done" => Ok(()),
            _ => Err("Python stopped".into()),
        }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

pub(super) fn python(setting: &Setting) -> Result<Vec<Row>> {
    let rows = [
        Row::new(18, "python-encrypt", "transit encrypt of 1 KiB from Python"),
        Row::new(18, "python-encrypt-over", "the same, over Rust"),
        Row::new(
            18,
            "python-get-over",
            "KV get of 22 B from Python, over Rust",
        ),
        Row::new(
            18,
            "python-short-over",
            "a facade made from Python, over Rust and an empty function",
        ),
    ];
    match Python::start() {
        Ok(python) => measure(setting, python, rows),
        Err(reason) => Ok(rows.map(|row| row.skipped(&reason)).into()),
    }
}

fn measure(setting: &Setting, python: Python, rows: [Row; 4]) -> Result<Vec<Row>> {
    let (rust, python) = (Rust::new()?, std::cell::RefCell::new(python));
    let side = |name: &'static str| {
        let python = &python;
        Side::batch(move |count| python.borrow_mut().call(name, count).expect("Python"))
    };
    let mut sides = [
        side("encrypt"),
        side("cryptography"),
        encrypt(&rust.transit),
        side("get"),
        get(&rust.kv),
        side("facade"),
        rust.facade(),
        side("nothing"),
    ];
    let found = race(setting.extent, &mut sides);
    let [encrypt, encrypt_over, get_over, short_over] = rows;
    Ok(vec![
        encrypt
            .speed(&found, 0, (1, "cryptography's AES-GCM and base64"))
            .goal(Goal::AtLeast(3.5)),
        over(encrypt_over, &found, (0, 2, None), PYTHON_ALLOWED),
        over(get_over, &found, (3, 4, None), PYTHON_ALLOWED),
        over(short_over, &found, (5, 6, Some(7)), PYTHON_SHORT),
    ])
}
