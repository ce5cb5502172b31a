//! Transit, a rule at a time.

mod asking;
mod crypting;
#[cfg(feature = "crypto-ext")]
mod extended;
mod leaving;
mod signing;
mod telling;
mod using;
mod vectors;
mod versions;
#[cfg(feature = "crypto-ext")]
mod wrapping;

use vaultcore::transit::{KeyType, NewKey, Transit};
use vaultcore::{ErrorKind, NewMount, Result};

use crate::common::World;

/// A vault with a transit mount.
pub(crate) struct Bench {
    pub(crate) world: World,
    pub(crate) transit: Transit,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::on(World::new())
    }

    pub(crate) fn on(world: World) -> Self {
        let sys = world.owner().sys();
        sys.mount("transit", NewMount::transit()).expect("mounted");
        let transit = world.owner().transit("transit").expect("path");
        Self { world, transit }
    }

    pub(crate) fn create(&self, name: &str, kind: KeyType) {
        self.make(name, &NewKey::new(kind));
    }

    pub(crate) fn make(&self, name: &str, new: &NewKey) {
        self.transit.create(name, new).expect("made");
    }
}

pub(crate) fn refused<T>(result: Result<T>) -> String {
    let error = result.err().expect("refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    error.to_string()
}

/// The types that encrypt with a symmetric key in every build.
pub(crate) const CIPHERS: [KeyType; 3] = [
    KeyType::Aes128Gcm96,
    KeyType::Aes256Gcm96,
    KeyType::ChaCha20Poly1305,
];
