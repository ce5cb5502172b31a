//! All cryptography, behind one module, so that another library may take its place.

mod gf256;
pub(crate) mod rng;
pub(crate) mod shamir;
