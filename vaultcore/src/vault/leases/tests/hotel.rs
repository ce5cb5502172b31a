//! An engine that leases, and what is outside of the vault: a hotel that lets rooms.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::barrier::Txn;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::id::LeaseKey;
use crate::lease::{NewLease, Pending, begin};
use crate::operation::{
    Access, Act, Call, Capability, Context, Engine, Erased, Failure, Handler, Leased, Operation,
    Outside, Target,
};
use crate::path::MountPath;
use crate::wire::{self, Json, Object, Response, Route, Verb};

/// The rooms that are let, and until when the hotel lets a guest in by itself.
#[derive(Default)]
pub(super) struct Hotel {
    state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) rooms: BTreeMap<String, Timestamp>,
    /// How often the hotel was asked to give a room up.
    pub(super) asked: BTreeMap<String, u32>,
    /// How often each room was given up.
    pub(super) ended: BTreeMap<String, u32>,
    pub(super) trouble: Trouble,
    made: u64,
    /// What happens before the next room is let.
    pub(super) meanwhile: Option<Box<dyn FnOnce() + Send>>,
    /// What happens while the next room is given up.
    pub(super) while_ending: Option<Box<dyn FnOnce() + Send>>,
    /// What happens before the next stay is prolonged.
    pub(super) while_renewing: Option<Box<dyn FnOnce() + Send>>,
    /// The floor where nobody answers.
    pub(super) deaf: Option<&'static str>,
    /// What the hotel says that it did, and did not.
    pub(super) plant: Option<&'static str>,
    /// Who is told of each room that is given up.
    pub(super) told: Option<Sender<String>>,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Trouble {
    #[default]
    None,
    /// Nothing can be done.
    Closed,
    /// A room is let, but the hotel's answer is lost.
    Mute,
    /// What is let cannot be given up, ever.
    Lost,
    /// The process dies before it lets a room.
    Crash,
}

impl Hotel {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    pub(super) fn set(&self, trouble: Trouble) {
        self.state().trouble = trouble;
    }

    pub(super) fn has(&self, room: &str) -> bool {
        self.state().rooms.contains_key(room)
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Unavailable, "the hotel is closed")
}

/// The engine.
pub(super) struct Rentals(pub(super) Arc<Hotel>);

impl Engine for Rentals {
    fn kind(&self) -> &'static str {
        "rentals"
    }

    fn configure(&self, _: &[(String, String)]) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    fn areas(&self) -> &'static [&'static str] {
        &["rentals"]
    }

    fn routes(&self) -> &'static [Route<Handler>] {
        &[Route {
            pattern: "rooms/{name}",
            verbs: &[(Verb::Write, rent)],
        }]
    }

    fn revoke(&self, _: &mut Txn<'_>, leased: &Leased<'_>) -> Result<Act> {
        let (hotel, room) = (Arc::clone(&self.0), room(leased));
        let floor = room.split('-').next().unwrap_or_default().to_owned();
        let act = Act::new(move || {
            let meanwhile = hotel.state().while_ending.take();
            if let Some(meanwhile) = meanwhile {
                meanwhile();
            }
            let mut state = hotel.state();
            *state.asked.entry(room.clone()).or_default() += 1;
            match state.trouble {
                _ if state.deaf == room.split('-').next() => {
                    return Err(Failure::Passing(closed()));
                }
                Trouble::Closed => return Err(Failure::Passing(closed())),
                Trouble::Lost => return Err(Failure::Lasting(closed())),
                _ => {}
            }
            if state.plant != Some("left") {
                state.rooms.remove(&room);
            }
            if let Some(told) = &state.told {
                let _ = told.send(room.clone());
            }
            *state.ended.entry(room).or_default() += 1;
            Ok(())
        });
        Ok(act.by(floor))
    }

    fn renew(&self, _: &mut Txn<'_>, leased: &Leased<'_>, until: Timestamp) -> Result<Act> {
        let (hotel, room) = (Arc::clone(&self.0), room(leased));
        Ok(Act::new(move || {
            let meanwhile = hotel.state().while_renewing.take();
            if let Some(meanwhile) = meanwhile {
                meanwhile();
            }
            let mut state = hotel.state();
            let forgets = state.plant == Some("forgotten");
            match (state.trouble, state.rooms.get_mut(&room)) {
                (Trouble::None, Some(end)) if !forgets => *end = until,
                (Trouble::None, Some(_)) => {}
                _ => return Err(Failure::Passing(closed())),
            }
            Ok(())
        }))
    }
}

fn room(leased: &Leased<'_>) -> String {
    String::from_utf8(leased.data.to_vec()).expect("a room")
}

fn rent<'c>(call: &Call<'c>) -> Result<Box<dyn Erased + 'c>> {
    Ok(Box::new(Rent {
        mount: call.mount,
        name: call.captures.get("name").to_owned(),
        ttl: call.fields.duration("ttl")?,
        max_ttl: call.fields.duration("max_ttl")?,
    }))
}

struct Rent<'c> {
    mount: &'c MountPath,
    name: String,
    ttl: Option<Duration>,
    max_ttl: Option<Duration>,
}

struct Renting {
    hotel: Arc<Hotel>,
    room: String,
    pending: Pending,
}

impl Operation for Rent<'_> {
    type Reply = Renting;

    fn target(&self) -> Target<'_> {
        Target::Mount(self.mount, "rentals")
    }

    fn access(&self, _: &mut Context<'_, '_>) -> Result<Vec<Access>> {
        let path = format!("{}rooms/{}", self.mount.as_str(), self.name);
        Ok(vec![Access::new(path, Capability::Update)])
    }

    fn perform(&self, cx: &mut Context<'_, '_>) -> Result<Renting> {
        let engine: &dyn Any = cx.registry.engine("rentals")?;
        let rentals = engine.downcast_ref::<Rentals>().expect("rentals");
        let hotel = Arc::clone(&rentals.0);
        let number = {
            let mut state = hotel.state();
            state.made += 1;
            state.made
        };
        let room = format!("{}-{number}", self.name);
        let pending = begin(
            cx,
            NewLease {
                path: &format!("rooms/{}", self.name),
                ttl: self.ttl,
                max_ttl: self.max_ttl,
                renewable: true,
                data: room.clone().into_bytes(),
            },
        )?;
        Ok(Renting {
            hotel,
            room,
            pending,
        })
    }

    fn outside<'r>(&'r self, renting: &'r mut Renting) -> Option<Box<dyn Outside + 'r>> {
        if renting.hotel.state().trouble == Trouble::Crash {
            return None;
        }
        Some(Box::new(Letting(renting)))
    }

    fn input(&self) -> Json {
        Object::new().finish()
    }

    fn output(&self, renting: &Renting) -> Result<Response> {
        let pending = &renting.pending;
        Ok(Response {
            lease: Some(wire::Leased {
                id: pending.id.clone(),
                renewable: pending.renewable,
                ttl: pending.ttl,
            }),
            ..Response::data(Object::new().text("room", &renting.room))
        })
    }
}

struct Letting<'r>(&'r mut Renting);

impl Outside for Letting<'_> {
    fn act(&mut self) -> Result<()> {
        let meanwhile = self.0.hotel.state().meanwhile.take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        let mut state = self.0.hotel.state();
        if state.trouble == Trouble::Closed {
            return Err(closed());
        }
        let until = self.0.pending.expires;
        state.rooms.insert(self.0.room.clone(), until);
        if state.trouble == Trouble::Mute {
            return Err(closed());
        }
        Ok(())
    }

    fn complete(&mut self, cx: &mut Context<'_, '_>) -> Result<()> {
        self.0.pending.activate(cx)
    }

    fn lease(&mut self) -> Option<LeaseKey> {
        Some(self.0.pending.key)
    }
}
