//! What is bounded, and by how much.

/// A session ends this long after it was opened.
pub const SESSION_SECONDS: i64 = 30 * 86_400;
/// One that was opened by a provider's word: whoever was sent away there is out of here a day later.
pub const VOUCHED_SESSION_SECONDS: i64 = 86_400;
/// Sessions of one person at the same time: the oldest ends for another.
pub const MAX_SESSIONS: i64 = 50;
/// People who were made by the word of a provider or a proxy: whoever can invent names there fills no disk here.
pub const MAX_VOUCHED: i64 = 20_000;
/// Whom an administrator lets in under a name that is here comes within so long.
pub const LINK_SECONDS: i64 = 7 * 86_400;
/// The clocks of a provider and of this server may differ by so much.
pub const CLOCK_SKEW_SECONDS: f64 = 60.0;
/// Bytes of what a provider says of who signed in; with hundreds of groups it is half of that.
pub const MAX_ID_TOKEN: usize = 64 << 10;
pub const MAX_MAPPED_ROLES: usize = 1_000;
/// An invitation can be accepted for so long: it is read on Monday if it was sent on Friday.
pub const INVITATION_SECONDS: i64 = 7 * 86_400;
/// Open at the same time.
pub const MAX_INVITATIONS: i64 = 1_000;
/// The oldest go: years of a team's changes, in some tens of megabytes.
pub const MAX_AUDIT_ENTRIES: i64 = 100_000;
/// One person or token may have a quarter of them before their own are the ones that go.
pub const AUDIT_SHARES: i64 = 4;
/// Entries until they are counted again: to count them takes some milliseconds.
pub const AUDIT_COUNTED_EVERY: i64 = 100;
/// Of a day so many tries to sign in are written down that failed: strangers must not push what people did out of the log.
pub const MAX_AUDIT_FAILURES_A_DAY: i64 = 200;
/// Bytes of each text of an entry; a large monitor is shorter.
pub const MAX_AUDIT_TEXT: usize = 8 << 10;
/// Names of people, teams and tokens.
pub const LONGEST_NAME: usize = 100;
pub const MAX_TEAMS: usize = 1_000;
pub const MAX_MEMBERS: usize = 1_000;
/// Each name that is looked at is compared with all of a caller's.
pub const MAX_PREFIXES: usize = 100;
/// Short enough to type, long enough that guessing at the allowed rate is hopeless.
pub const MIN_PASSWORD_LENGTH: usize = 8;
/// Argon2 of a megabyte-long password would be a way to keep us busy.
pub const MAX_PASSWORD_LENGTH: usize = 1_024;
/// The time of a token's last use is written at most this often.
pub const LAST_USED_EVERY_SECONDS: i64 = 60;
/// Ways by which one person is reached: a few telephones, mailboxes and browsers.
pub const MAX_WAYS: usize = 20;
/// A browser's subscription is an address of a few hundred bytes and two keys.
pub const LONGEST_WAY: usize = 2_000;
/// A code counts for so long: a text may take a minute, and its reader as well.
pub const CODE_SECONDS: i64 = 600;
/// … and for so many tries.
pub const CODE_TRIES: i64 = 5;
/// Codes and tests of one person: each may ring somebody's telephone, and costs money. With five tries each, guessing a
/// code takes years.
pub const CODES_AN_HOUR: i64 = 12;
pub const CODE_PAUSE_SECONDS: i64 = 5;
/// Codes to one telephone, whoever asks for them: it may be a stranger's.
pub const CODES_AN_HOUR_TO_A_PHONE: i64 = 3;
/// Texts and calls with codes and tests, of all people together: each costs money.
pub const PHONE_CODES_AN_HOUR: i64 = 60;
