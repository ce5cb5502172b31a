//! Leases, by an engine that lets rooms in a hotel outside of the vault.

mod apart;
mod clock;
mod ends;
mod hotel;
mod life;
mod model;

use std::sync::Arc;
use std::time::Duration;

use hotel::{Hotel, Rentals};

use crate::api::{ApiRequest, Method};
use crate::auth::token::NewToken;
use crate::clock::{ManualClock, Timestamp};
use crate::engine::sys::{LeaseInfo, NewMount};
use crate::seal::NewSlot;
use crate::secret::SecretString;
use crate::session::Session;
use crate::storage::{Memory, Scan, Storage};
use crate::vault::{Init, Vault, VaultBuilder};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// A vault that lets rooms, at `hotel/`.
struct World {
    vault: Vault,
    hotel: Arc<Hotel>,
    storage: Arc<dyn Storage>,
    clock: Arc<ManualClock>,
    init: Init,
}

/// What a request that rents a room is answered.
struct Rented {
    room: String,
    lease: String,
    seconds: u64,
    renewable: bool,
}

impl World {
    fn new() -> Self {
        let start = Timestamp::from_micros(1_700_000_000_000_000);
        let clock = Arc::new(ManualClock::new(start));
        let storage: Arc<dyn Storage> = Arc::new(Memory::new());
        let hotel = Arc::new(Hotel::default());
        let vault = build(&storage, &clock, &hotel);
        let init = vault.init([NewSlot::shamir(1, 1)]).expect("init");
        vault.unseal(&init.shares()[0]).expect("unsealed");
        let world = Self {
            vault,
            hotel,
            storage,
            clock,
            init,
        };
        let new = NewMount::new("rentals").max_ttl(10 * HOUR);
        world.owner().sys().mount("hotel", new).expect("mounted");
        world
    }

    /// Opens the same storage once more, as another process does.
    fn other(&self) -> Vault {
        let other = build(&self.storage, &self.clock, &self.hotel);
        other.unseal(&self.init.shares()[0]).expect("unsealed");
        other
    }

    /// Whether no room is let, and no lease is stored.
    fn is_empty(&self) -> bool {
        let left = self.storage.scan(&Scan::new("sys/lease"));
        left.expect("scan").is_empty() && self.hotel.state().rooms.is_empty()
    }

    fn owner(&self) -> Session {
        self.vault.owner().expect("owner")
    }

    fn pass(&self, time: Duration) {
        self.clock.advance(time);
    }

    fn tick(&self) -> usize {
        self.vault.tick().expect("ticked")
    }

    /// Sends a request with a token, or as the root.
    fn ask(
        &self,
        token: Option<&SecretString>,
        method: Method,
        path: &str,
        body: &str,
    ) -> (u16, serde_json::Value) {
        let root = self.init.root_token();
        let token = token.unwrap_or(root).expose();
        let request = ApiRequest::new(method, path)
            .token(token)
            .body(body.as_bytes());
        let response = self.vault.handle(&request);
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status(), body)
    }

    fn rent(&self, token: Option<&SecretString>, body: &str) -> Rented {
        self.rent_on("blue", token, body)
    }

    fn rent_on(&self, floor: &str, token: Option<&SecretString>, body: &str) -> Rented {
        let path = format!("hotel/rooms/{floor}");
        let (status, reply) = self.ask(token, Method::Post, &path, body);
        assert_eq!(status, 200, "{reply}");
        let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
        Rented {
            room: text(&reply["data"]["room"]),
            lease: text(&reply["lease_id"]),
            seconds: reply["lease_duration"].as_u64().expect("a number"),
            renewable: reply["renewable"].as_bool().expect("a flag"),
        }
    }

    fn lookup(&self, rented: &Rented) -> Option<LeaseInfo> {
        self.owner().leases().lookup(&rented.lease).ok()
    }

    /// Makes a token whose policies are the root's or, with a TTL, one that may rent.
    fn token(&self, new: &NewToken) -> SecretString {
        let policy = r#"
            path "hotel/*" { capabilities = ["create", "read", "update"] }
            path "auth/token/*" { capabilities = ["create", "update"] }
            path "sys/leases/*" { capabilities = ["create", "update"] }
        "#;
        let owner = self.owner();
        owner.sys().put_policy("guest", policy).expect("a policy");
        owner.token().create(new).expect("a token")
    }
}

fn guest() -> NewToken {
    NewToken::new().policy("guest")
}

fn build(storage: &Arc<dyn Storage>, clock: &Arc<ManualClock>, hotel: &Arc<Hotel>) -> Vault {
    builder(storage, clock, hotel).build().expect("a vault")
}

fn builder(
    storage: &Arc<dyn Storage>,
    clock: &Arc<ManualClock>,
    hotel: &Arc<Hotel>,
) -> VaultBuilder {
    let builder = Vault::builder(Arc::clone(storage)).clock(clock.clone());
    builder.with_engine(Rentals(Arc::clone(hotel)))
}
