//! Engines: what the vault keeps or makes, one operation a file.

pub(crate) mod cubbyhole;
pub(crate) mod database;
pub(crate) mod identity;
pub(crate) mod kv;
pub(crate) mod sys;
pub(crate) mod transit;
pub(crate) mod wrapping;

use crate::operation::Engine;

/// Returns the engines that every vault has.
pub(crate) fn built_in(databases: database::Databases) -> Vec<Box<dyn Engine>> {
    vec![
        Box::new(kv::V2),
        Box::new(kv::V1),
        Box::new(transit::Transit::new()),
        Box::new(databases),
    ]
}
