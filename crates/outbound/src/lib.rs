//! Calls to the outside: HTTP and plain connections, resolved, allowed, bounded in time and size.
//!
//! Comes in: where to, what to send, and the rules of what may be reached. Goes out: an answer of bounded size, or
//! why there is none. What never happens here: following a redirect or a name to an address that the rules forbid,
//! waiting without end, retries, knowing what is asked and why.
