//! Networks that variants share.

pub mod body;
pub mod dense;
pub mod patches;
pub mod point;
pub mod recurrent;
pub mod strided;
pub mod variational;
