//! Every bound of what SDKs send, with its reason. Those of Sentry's documentation are what SDKs are written for; what is
//! longer is answered with 413.

/// One request, packed.
pub const REQUEST_BYTES: usize = 20 << 20;
/// One request, unpacked. Attachments make up most of it.
pub const ENVELOPE_BYTES: usize = 100 << 20;
/// One error event or one transaction. 100 frames with their source and locals are some 100 KB.
pub const EVENT_BYTES: usize = 1 << 20;
/// All attachments of an envelope together.
pub const ATTACHMENTS_BYTES: usize = 100 << 20;
pub const ATTACHMENTS: usize = 30;
pub const CHECK_IN_BYTES: usize = 100 << 10;
/// SDKs send one. Each is on the disk before the next.
pub const CHECK_INS: usize = 20;
/// One session, or one item of many sessions.
pub const SESSIONS_BYTES: usize = 1 << 20;
/// Items of sessions of one envelope, and groups within one item.
pub const SESSIONS: usize = 100;
pub const CLIENT_REPORT_BYTES: usize = 100 << 10;
pub const CLIENT_REPORTS: usize = 100;
pub const USER_REPORT_BYTES: usize = 100 << 10;
/// SDKs send one.
pub const USER_REPORTS: usize = 100;
/// A report of a browser. Browsers put some into one request.
pub const SECURITY_REPORT_BYTES: usize = 1 << 20;
pub const SECURITY_REPORTS: usize = 100;
pub const LOGS_BYTES: usize = 12 << 20;
pub const SPAN_BYTES: usize = 10 << 20;
pub const PROFILE_BYTES: usize = 50 << 20;
pub const REPLAY_BYTES: usize = 100 << 20;
/// Whatever has no limit of its own.
pub const ITEM_BYTES: usize = 10 << 20;
/// SDKs send some ten at most; each costs an entry in memory.
pub const ITEMS: usize = 1_000;
/// The header of an envelope or an item: a DSN, a trace, a file's name.
pub const HEADER_BYTES: usize = 64 << 10;

/// Containers within containers that are kept; what is deeper is said to be "too deep". SDKs cut at about ten.
pub const JSON_DEPTH: usize = 64;
/// The deepest that a caller may ask for: reading, writing and dropping go down a call for each.
pub const JSON_DEPTH_MAX: usize = 256;
/// Values of one document: 32 bytes of memory each. A real event of 1 MB has 50,000.
pub const JSON_NODES: usize = 250_000;

/// Digits of a public key. Sentry's have 32.
pub const KEY_DIGITS: usize = 64;
/// Of the name and version that a client says of itself.
pub const CLIENT_BYTES: usize = 128;
/// Of the dialog for people: what Sentry's takes.
pub const REPORTER_NAME_CHARS: usize = 128;
pub const DIALOG_EMAIL_CHARS: usize = 75;
/// In items, which are cut and not refused: an address that is cut reaches nobody.
pub const REPORTER_EMAIL_CHARS: usize = 254;
pub const REPORT_CHARS: usize = 8_192;
/// A monitor's name in a URL.
pub const SLUG_CHARS: usize = 128;

/// Files of one bundle of artifacts. A large site has some thousands.
pub const BUNDLE_FILES: usize = 50_000;
/// Of the archive's list of them, and of what it says that they are.
pub const BUNDLE_LIST_BYTES: usize = 32 << 20;
pub const MANIFEST_BYTES: usize = 32 << 20;
/// Of a file's path or URL.
pub const ARTIFACT_NAME_BYTES: usize = 2_048;

const _: () = assert!(EVENT_BYTES <= ITEM_BYTES && ATTACHMENTS_BYTES <= ENVELOPE_BYTES);
const _: () = assert!(JSON_DEPTH <= JSON_DEPTH_MAX);
