//! All cryptography, behind one module, so that another library may take its place.

pub(crate) mod digest;
mod gf256;
pub(crate) mod rng;
pub(crate) mod shamir;
