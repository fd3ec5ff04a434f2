//! Bytes of other programs' protocols: asked and answered, without sockets.

pub mod bson;
pub mod dns;
pub mod resp;
