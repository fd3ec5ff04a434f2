//! Schedules against a model that walks the clock minute by minute.

mod model;
