//! A vault that requests of any bytes are sent to.

use std::cell::RefCell;

use vaultcore::api::{ApiRequest, ApiResponse, Method};
use vaultcore::storage::Memory;
use vaultcore::{NewMount, NewSlot, Vault};

/// Requests after which a new vault is made: what was written is forgotten.
const ROUNDS: u32 = 2_000;

/// An open vault with some engines.
pub struct Door {
    /// The vault itself.
    pub vault: Vault,
    /// Its first token.
    pub root: String,
    left: u32,
}

impl Door {
    fn new() -> Self {
        let vault = Vault::builder(Memory::new()).build().expect("builds");
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unseals");
        let sys = vault.owner().expect("owner").sys();
        sys.mount("kv", NewMount::kv2()).expect("mounts");
        sys.mount("one", NewMount::kv1()).expect("mounts");
        sys.mount("transit", NewMount::transit()).expect("mounts");
        sys.enable_auth("approle", NewMount::new("approle"))
            .expect("enables");
        let root = init.root_token().expose().to_owned();
        let left = ROUNDS;
        Self { vault, root, left }
    }

    /// Answers, and checks what holds of any answer.
    #[must_use]
    pub fn ask(&self, request: &ApiRequest) -> ApiResponse {
        let response = self.vault.handle(request);
        let (status, body) = (response.status(), response.body());
        assert!((200..600).contains(&status), "{status}");
        let json: Option<serde_json::Value> = match body {
            [] => None,
            body => serde_json::from_slice(body).ok(),
        };
        // Metrics may be text.
        assert!(json.is_some() || body.is_empty() || status == 200);
        if status >= 400 && !body.is_empty() {
            let json = json.expect("an error is JSON");
            assert!(json.is_object(), "an error is an object");
        }
        response
    }
}

thread_local! {
    static DOOR: RefCell<Option<Door>> = const { RefCell::new(None) };
}

/// Gives `work` a vault that is open.
pub fn with(work: impl FnOnce(&Door)) {
    DOOR.with_borrow_mut(|slot| {
        let mut door = slot
            .take()
            .filter(|door| door.left > 0)
            .unwrap_or_else(Door::new);
        door.left -= 1;
        work(&door);
        // A request may have sealed it, or have revoked its first token.
        let alive = ApiRequest::new(Method::Get, "auth/token/lookup-self").token(&door.root);
        *slot = (door.vault.handle(&alive).status() == 200).then_some(door);
    });
}
