//! What bounds this room, and why these figures.

use std::time::Duration;

/// Addresses of one name that are tried; who has more of them answers at one of the first.
pub const ADDRESSES_MAX: usize = 16;

/// Names that are looked up at once: the C library's resolver holds a thread for each, up to half a minute when no
/// name server answers. Others wait, within their own time.
pub const LOOKUPS_AT_ONCE: usize = 64;

/// The authorities of the machine are read again after this long, so that a renewed bundle is seen without a restart.
pub const TRUST_AGE: Duration = Duration::from_secs(3600);

/// Status line and headers of an answer. Browsers and proxies stop between 8 and 256 KiB.
pub const HEAD_BYTES_MAX: usize = 64 << 10;

/// Headers of an answer.
pub const HEADERS_MAX: usize = 200;

/// Bytes of a body that are kept where the caller says nothing else.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Redirects that are followed where the caller says nothing else. Sites need two or three (to https, to www, to a
/// language).
pub const REDIRECTS_MAX: u8 = 5;

/// Longest URL, as in most servers.
pub const URL_BYTES_MAX: usize = 8 << 10;

/// Certificates of a chain that are looked at.
pub const CHAIN_MAX: usize = 16;

/// Names of one certificate that are kept; large sites show a few hundred.
pub const CERTIFICATE_NAMES_MAX: usize = 1_000;

/// A file of authorities; all of Mozilla's are 220 KiB.
pub const AUTHORITIES_BYTES_MAX: u64 = 16 << 20;
