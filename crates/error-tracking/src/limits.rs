//! Bounds, each with its reason.

/// Projects of one installation: all are held in memory.
pub const MAX_PROJECTS: usize = 10_000;
/// Of a project, a key's label, an assignee: they stand in titles and on telephones.
pub const MAX_NAME: usize = 200;
/// Keys of one project: old ones are kept while clients still send with them.
pub const MAX_KEYS: usize = 100;
/// Of the DSN that copies go to.
pub const MAX_DSN: usize = 1_000;
/// Rules of one project: each is tried on each event.
pub const MAX_RULES: usize = 200;
/// Conditions of one rule, and texts of one fingerprint.
pub const MAX_CONDITIONS: usize = 20;
pub const MAX_FINGERPRINT_PARTS: usize = 20;
/// Of a pattern that people write, and of what it becomes in memory.
pub const MAX_PATTERN: usize = 500;
pub const MAX_PATTERN_BYTES: usize = 1 << 20;
/// Fields that a project names as secret or as safe.
pub const MAX_FIELDS: usize = 500;

/// The protocol's own bound of a tag's value and of most names.
pub const MAX_TAG_VALUE: usize = 200;
pub const MAX_TAG_KEY: usize = 200;
/// Of a release: the protocol's.
pub const MAX_RELEASE: usize = 250;
/// Of one event; what comes after is left out.
pub const MAX_TAGS: usize = 100;
/// Frames of one stack: the outermost and the innermost are kept.
pub const MAX_FRAMES: usize = 250;
/// Exceptions of one chain.
pub const MAX_EXCEPTIONS: usize = 50;
/// The last of them are what a person reads.
pub const MAX_BREADCRUMBS: usize = 100;
/// What is said to have been scrubbed of one event; the rest is scrubbed all the same.
pub const MAX_SCRUBBED: usize = 200;
/// A text that is JSON and longer than this is scrubbed as a text.
pub const MAX_SCRUBBED_JSON: usize = 256 << 10;
/// It stands in lists.
pub const MAX_TITLE: usize = 250;
/// Of a message, where it decides on the group.
pub const MAX_GROUPED_MESSAGE: usize = 2_048;
/// Longer lines of source are generated code.
pub const MAX_CONTEXT_LINE: usize = 120;
/// Further back, or further ahead of us, no clock is right: such an event happened when it came.
pub const MAX_AGE_SECONDS: i64 = 30 * 86_400;
pub const MAX_AHEAD_SECONDS: i64 = 60;
/// A sender's clock that is off by less is left alone: networks are slow too.
pub const MIN_DRIFT_SECONDS: i64 = 60;

/// Groups held in memory (2 to 6 KB each); the rest is read when it is seen again.
pub const MAX_GROUPS_IN_MEMORY: usize = 10_000;
/// What events are found by, held in memory (48 bytes each).
pub const MAX_HASHES_IN_MEMORY: usize = 200_000;
/// Hashes of one group: merges and new ways of grouping add to them.
pub const MAX_HASHES_PER_GROUP: usize = 1_000;
/// Environments that a group lists.
pub const MAX_ENVIRONMENTS_PER_GROUP: usize = 20;
/// Of one project; what is called otherwise is counted as `other`.
pub const MAX_ENVIRONMENTS: usize = 200;
/// Releases of one project that are kept in order; the oldest go.
pub const MAX_RELEASES: usize = 5_000;
/// New ones of one project and day: a build for each request would fill the disk with counts.
pub const MAX_NEW_RELEASES_PER_DAY: usize = 500;
/// New groups of one project and day, each of which stays for ever; what is new beyond them is of one group.
pub const MAX_NEW_GROUPS_PER_DAY: usize = 10_000;
/// Names of tags of one group, and values of one name; the rest is counted as `other`.
pub const MAX_TAG_KEYS_PER_GROUP: usize = 100;
pub const MAX_VALUES_PER_TAG: i64 = 100;
/// Groups that one is compared with, those seen last.
pub const MAX_COMPARED: u64 = 500;
/// Fields that a project has counted as tags.
pub const MAX_FACETS: usize = 20;
/// Fields that are found by looking at events, how deep, and different values of one; what comes after is `other`.
pub const MAX_FACET_KEYS: usize = 500;
pub const MAX_FACET_DEPTH: usize = 3;
pub const MAX_FACET_VALUES: usize = 10_000;
/// Of a value, such as the path of a file.
pub const MAX_FACET_VALUE: usize = 500;
/// Runs of a program that one item tells of: more would be more than there are machines.
pub const MAX_RUNS_TOLD: u64 = 10_000_000;
/// What waits to be counted; beyond it a write comes before the second is over.
pub const MAX_PENDING: usize = 100_000;
/// Users of one group that are known exactly; beyond it the number is an estimate (± 1.6 %).
pub const MAX_EXACT_USERS: usize = 512;
/// A group may be ignored until so many people had it.
pub const MAX_IGNORED_USERS: u64 = 1_000;
/// … or until so many events came, or for so long.
pub const MAX_IGNORED_EVENTS: u64 = 1_000_000_000;
pub const MAX_IGNORED_SECONDS: i64 = 10 * 366 * 86_400;
/// The window of "so many within": beyond a week it is another question.
pub const MAX_WINDOW_SECONDS: i64 = 7 * 86_400;
/// Counts by the minute, and by the hour, are kept so long; those by the day for ever.
pub const MINUTES_KEPT_SECONDS: i64 = 2 * 86_400;
pub const HOURS_KEPT_SECONDS: i64 = 90 * 86_400;
/// Rows of one answer.
pub const MAX_LISTED: usize = 10_000;
/// Slots of one answer: a year of days, or two days of minutes.
pub const MAX_SLOTS: i64 = 3_000;
/// Groups that one merge takes in.
pub const MAX_MERGED: usize = 100;
/// Kept events of a group that a split looks at, the newest ones: each is read and grouped again, a second for all of them.
pub const MAX_PARTED_EVENTS: usize = 10_000;
/// Each stretch of events that moved is kept by itself, and looked through whenever events of the project are listed.
pub const MAX_PARTED_STRETCHES: usize = 1_000;
/// Other groups that one cannot be told apart from wholly.
pub const MAX_UNPARTED: usize = 100;

/// Groups of elsewhere that one project takes over, and that are told of at once.
pub const MAX_MOVED: usize = 100_000;
pub const MAX_MOVED_AT_ONCE: usize = 1_000;
/// So much of their titles is compared: Sentry cuts values at a hundred letters.
pub const MOVED_TITLE: usize = 80;

/// Commits and deploys of one release, and what is said of it or of one of them: a URL, a message.
pub const MAX_COMMITS: usize = 1_000;
pub const MAX_DEPLOYS: usize = 100;
pub const MAX_SAID: usize = 2_048;
/// A chunk of an upload: a power of two, which old versions of sentry-cli insist on.
pub const MAX_CHUNK_BYTES: usize = 8 << 20;
/// Chunks that wait to be put together, of all uploads at once, and how long they wait.
pub const MAX_CHUNKS: usize = 100_000;
pub const MAX_CHUNKS_BYTES: u64 = 4 << 30;
pub const CHUNKS_KEPT_SECONDS: i64 = 86_400;
/// A bundle of artifacts, and all of them together: those go first that were not used for longest.
pub const MAX_BUNDLE_BYTES: usize = 1 << 30;
pub const MAX_BUNDLES_BYTES: u64 = 20 << 30;
/// A bundle that no event needed for so long is not needed by what runs.
pub const BUNDLES_KEPT_SECONDS: i64 = 90 * 86_400;
/// Projects of one upload.
pub const MAX_BUNDLE_PROJECTS: usize = 100;
/// One source map, and one minified source, unpacked: one of a large site has some tens of MB.
pub const MAX_MAP_BYTES: usize = 64 << 20;
pub const MAX_MINIFIED_BYTES: usize = 32 << 20;
/// Maps held in memory, with what they become there; a map that alone needs more is not read.
pub const MAX_MAPS_BYTES: usize = 256 << 20;
/// One place of a map, in memory.
pub const MAP_PLACE_BYTES: usize = 28;
/// Which map belongs to which file, held in memory.
pub const MAX_PLACES: usize = 20_000;
/// Lines of source before and after, and how much of a line is of use.
pub const SOURCE_LINES: u32 = 5;
pub const MAX_SOURCE_LINE: usize = 200;
/// … and of all lines that are put beside one event: what comes after has its place only.
pub const MAX_SOURCE_BYTES: usize = 256 << 10;
/// Of a file's path and a function's name, as a map says them.
pub const MAX_MAPPED_NAME: usize = 500;
/// Frames of one event that are looked up.
pub const MAX_MAPPED_FRAMES: usize = 500;
/// What is said of maps that were missing to one event.
pub const MAX_MISSING_MAPS: usize = 10;

const _: () = assert!(MAX_CHUNK_BYTES.is_power_of_two() && MAX_CHUNK_BYTES <= MAX_BUNDLE_BYTES);
const _: () = assert!(MAX_MAP_BYTES < MAX_MAPS_BYTES && (MAX_BUNDLE_BYTES as u64) < MAX_BUNDLES_BYTES);

/// The text up to a bound, cut between characters.
pub fn cut(text: &str, bound: usize) -> &str {
    &text[..text.floor_char_boundary(bound)]
}
