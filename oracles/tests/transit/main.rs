//! Transit before judges from outside: Wycheproof's cases, and OpenBao.

mod client;
mod extended;
mod openbao;
mod wycheproof;

use vaultcore::storage::Memory;
use vaultcore::transit::Transit;
use vaultcore::{NewMount, NewSlot, Session, Vault};

/// An open vault with a transit mount.
pub(crate) struct Bench {
    pub(crate) transit: Transit,
    pub(crate) owner: Session,
    _vault: Vault,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let vault = Vault::builder(Memory::new()).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let owner = vault.owner().expect("owner");
        let mounted = owner.sys().mount("transit", NewMount::transit());
        mounted.expect("mounts");
        let transit = owner.transit("transit").expect("path");
        Self {
            transit,
            owner,
            _vault: vault,
        }
    }
}
