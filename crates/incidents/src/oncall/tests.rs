//! Schedules against a model that walks the clock minute by minute, and what people do with them.

mod announcing;
mod cover;
mod leave;
mod model;
mod planned;
mod versions;
