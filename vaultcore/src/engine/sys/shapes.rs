//! Vault's JSON of keys, key slots and rekeys.

use super::keys::KeyStatus;
use super::rekey::PendingRekey;
use super::slots::{SlotInfo, SlotType};
use crate::wire::{Array, Object, Response, Shape};

pub(super) fn key_status(status: &KeyStatus) -> Response {
    let object = Object::new()
        .time("install_time", Some(status.install_time))
        .number("term", status.term);
    Response::data(object).shaped(Shape::Doubled)
}

pub(super) fn slots(slots: &[SlotInfo]) -> Response {
    let mut array = Array::new();
    for slot in slots {
        let object = Object::new()
            .text("id", &slot.id.to_string())
            .time("created_time", Some(slot.created_time))
            .number("generation", slot.generation);
        array = array.object(match slot.kind {
            SlotType::Shamir { shares, threshold } => object
                .text("type", "shamir")
                .number("secret_shares", shares)
                .number("secret_threshold", threshold),
            SlotType::Passphrase => object.text("type", "passphrase"),
            SlotType::Key => object.text("type", "key"),
        });
    }
    Response::data(Object::new().array("slots", array))
}

pub(super) fn pending_rekey(pending: &PendingRekey) -> Response {
    let object = Object::new()
        .text("nonce", &pending.nonce().to_string())
        .time("started", Some(pending.started()))
        .number("t", pending.sharing().threshold);
    Response::data(object)
}
