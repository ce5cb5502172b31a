//! What a stream of calls works on: handles, inputs that are cut out of the stream, and outputs
//! that are checked.

use std::ptr;

use crate::capi::bytes::{vc_buffer, vc_buffer_free, vc_bytes};
use crate::capi::error::{VC_OK, vc_error, vc_status};
use crate::capi::handle::{
    vc_credentials, vc_database, vc_init, vc_kv, vc_session, vc_transit, vc_vault,
};

/// What an output holds before a call; a call that fails leaves it.
pub const UNTOUCHED: u64 = 0x5a5a_5a5a_5a5a_5a5a;

/// Texts that mean something to some call.
const WORDS: [&str; 16] = [
    "",
    "memory:",
    "secret",
    "transit",
    "database",
    "role",
    "static",
    "app",
    "{\"a\": 1}",
    "GET",
    "POST",
    "secret/data/app",
    "sys/mounts/secret",
    "{\"type\": \"kv-v2\"}",
    "database/creds",
    "sys/seal",
];

/// A kind of handle.
pub trait Kind: Copy {
    fn of(id: u64) -> Self;
    fn id(self) -> u64;
    fn list(machine: &mut Machine) -> &mut Vec<Self>;
}

macro_rules! kinds {
    ($($kind:ident: $list:ident;)*) => {
        /// The handles that were given out, and what the last call gave out.
        #[derive(Default)]
        pub struct Machine {
            $($list: Vec<$kind>,)*
            last: Vec<u8>,
            /// The HTTP status of the last request of a session.
            pub http: u16,
        }
        $(impl Kind for $kind {
            fn of(id: u64) -> Self {
                Self { id }
            }
            fn id(self) -> u64 {
                self.id
            }
            fn list(machine: &mut Machine) -> &mut Vec<Self> {
                &mut machine.$list
            }
        })*
    };
}

kinds! {
    vc_vault: vaults;
    vc_init: inits;
    vc_session: sessions;
    vc_kv: kvs;
    vc_transit: transits;
    vc_database: databases;
    vc_credentials: credentials;
}

/// The bytes that are left of a stream.
pub struct Input<'b> {
    bytes: &'b [u8],
}

impl<'b> Input<'b> {
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else {
            return 0;
        };
        self.bytes = rest;
        *first
    }

    pub fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    fn cut(&mut self, wanted: usize) -> &'b [u8] {
        let (cut, rest) = self.bytes.split_at(wanted.min(self.bytes.len()));
        self.bytes = rest;
        cut
    }
}

impl Machine {
    /// Names a handle: one that was given out, or any number.
    pub fn pick<K: Kind>(&mut self, input: &mut Input<'_>) -> K {
        let (choice, known) = (input.byte(), K::list(self));
        match (choice, known.len()) {
            (0xf0.., _) | (_, 0) => K::of(input.number()),
            (choice, count) => known[usize::from(choice) % count],
        }
    }

    /// Returns an input: bytes of the stream, a word, what the last call gave out, or what no input
    /// can be. Whatever it points to lives as long as the stream and this call.
    pub fn text(&self, input: &mut Input<'_>) -> vc_bytes {
        let borrow = |bytes: &[u8]| vc_bytes {
            data: bytes.as_ptr(),
            len: bytes.len(),
        };
        match input.byte() {
            length @ ..0xc0 => borrow(input.cut(usize::from(length))),
            word @ 0xc0..0xf0 => borrow(WORDS[usize::from(word) % WORDS.len()].as_bytes()),
            0xf0 => vc_bytes {
                data: ptr::null(),
                len: 5,
            },
            0xf1 => vc_bytes {
                data: b"x".as_ptr(),
                len: usize::MAX,
            },
            _ => borrow(&self.last),
        }
    }

    /// Makes a call that gives out a handle.
    pub fn made<K: Kind>(&mut self, call: impl FnOnce(&Self, *mut K) -> vc_status) -> vc_status {
        let mut made = K::of(UNTOUCHED);
        let status = call(self, &raw mut made);
        if status != VC_OK {
            assert_eq!(made.id(), UNTOUCHED, "a call wrote a handle and failed");
            return status;
        }
        let known = K::list(self);
        assert!(made.id() != 0 && !known.iter().any(|one| one.id() == made.id()));
        known.push(made);
        status
    }

    /// Makes a call that gives out a buffer.
    pub fn took(&mut self, call: impl FnOnce(&Self, *mut vc_buffer) -> vc_status) -> vc_status {
        let mut buffer = vc_buffer {
            data: ptr::null(),
            len: UNTOUCHED as usize,
            kind: 0,
        };
        let status = call(self, &raw mut buffer);
        if status != VC_OK {
            assert!(buffer.data.is_null() && buffer.len == UNTOUCHED as usize);
            return status;
        }
        // SAFETY: the call succeeded, so there are as many bytes, and a zero behind.
        unsafe {
            let whole = std::slice::from_raw_parts(buffer.data, buffer.len + 1);
            assert_eq!(whole.last(), Some(&0));
            self.last = whole[..buffer.len].to_vec();
            vc_buffer_free(&raw mut buffer);
            assert!(buffer.data.is_null() && buffer.len == 0);
            vc_buffer_free(&raw mut buffer); // twice
        }
        status
    }

    /// Makes a call that gives out a number, unless it is one that may be left out.
    pub fn counted(&mut self, call: impl FnOnce(&Self, *mut u64) -> vc_status) -> vc_status {
        let mut number = UNTOUCHED;
        let status = call(self, &raw mut number);
        assert_eq!(status == VC_OK, number != UNTOUCHED);
        status
    }

    /// Returns all vaults that were opened.
    pub fn vaults(&self) -> Vec<vc_vault> {
        self.vaults.clone()
    }

    /// Returns all that was given out when vaults were made.
    pub fn inits(&self) -> Vec<vc_init> {
        self.inits.clone()
    }
}

/// Where a call puts its error.
pub type ErrorOut = *mut *mut vc_error;
