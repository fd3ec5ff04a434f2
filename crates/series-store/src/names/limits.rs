//! What bounds the names, and why.

/// Longest name in bytes, tags included. Whisper could not hold more than a file name (255) per node
/// and a path (4,096); real names stay below 250.
pub const NAME_BYTES_MAX: usize = 512;

/// Most nodes of an untagged name. Also bounds the recursion of a glob's walk.
pub const DEPTH_MAX: usize = 64;

/// Names in a block of the arena. A closed block is one allocation of about 50 KB for names of 52 bytes.
pub const BLOCK_NAMES: usize = 1024;

/// Shards of the id table: a shard that grows moves 1/256 of the names, 1-2 ms at 5 M, while others wait.
pub const TABLE_SHARDS: usize = 256;

/// Names that are looked up together when prediction fails, so that their cache misses overlap.
pub const LOOKUP_GROUP: usize = 32;

/// Points that are resolved before the lock is offered to a waiting writer: about 100 us when all miss.
pub const RESOLVE_UNDER_ONE_LOCK: usize = 1024;

/// Names whose tags are indexed before the locks are offered to others: less than a millisecond.
pub const TAGS_UNDER_ONE_LOCK: u32 = 512;

/// Other spellings of known names (tags out of order, doubled dots) that are remembered, and their bytes.
pub const ALIASES_MAX: usize = 65_536;
pub const ALIAS_BYTES_MAX: usize = 8 << 20;

/// Longest pattern: room for some thousand host names in braces, as dashboards write them.
pub const PATTERN_BYTES_MAX: usize = 64 << 10;

/// Bytes that the braces of one node may expand to: `{host0001,…}` with 2,000 hosts of 30 bytes behind
/// a prefix of as many, ten times over.
pub const BRACE_BYTES_MAX: usize = 4 << 20;

/// Refused names that are remembered, so that refusing them again costs one look.
pub const REFUSED_SLOTS: usize = 4_096;

/// For how long a refusal by a limit is repeated without asking the guard again.
pub const REFUSED_FOR_SECONDS: i64 = 1;

/// Prefixes whose refusals are counted one by one (space-saving sketch).
pub const OFFENDERS_MAX: usize = 128;

/// Prefixes with a rate of their own, if such a rate is configured: those that made series in the last
/// minute, 80 bytes each.
pub const RATED_PREFIXES_MAX: usize = 131_072;

/// Examples of refused names, and the newest names, that can be listed.
pub const REFUSED_SAMPLE: usize = 64;
pub const NEWEST_NAMES: usize = 128;
