//! What people deal with: what is wrong, since when, who was told of it.
//!
//! Comes in: changes of state and notices of [`monitors`](vocabulary::state), what people do, and the time. Goes
//! out: pages for `notify`. What never happens here: channels, HTTP, the real clock.
