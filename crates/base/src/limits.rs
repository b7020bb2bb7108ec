//! Every limit of the system, with its number and its unit.
//!
//! A request over a limit is refused with the limit named; nothing is silently cut, except a page size, which is
//! coerced as AIP-158 asks.

/// Page size when a list request gives none.
pub const PAGE_SIZE_DEFAULT: usize = 50;
/// Largest page; a larger request gets this many.
pub const PAGE_SIZE_MAX: usize = 1_000;
/// Records looked at for one page of a filtered list before a short page is returned with a token.
pub const PAGE_EXAMINED_MAX: usize = 20_000;

/// Largest gRPC message in or out, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Points in one `LocateMany` message.
pub const LOCATE_BATCH_MAX: usize = 65_536;
/// Calls in flight on one connection.
pub const CONCURRENT_STREAMS_MAX: u32 = 1_024;

/// Vertices of one area's boundary.
pub const BOUNDARY_VERTICES_MAX: usize = 100_000;
/// Rows of one import of areas, which happens as a whole or not at all.
pub const IMPORT_ROWS_MAX: usize = 1_000;
/// Subtrees that one boundary release describes.
pub const RELEASE_ROOTS_MAX: usize = 100;
/// Areas in one boundary release.
pub const RELEASE_AREAS_MAX: usize = 200_000;
/// Children of one area (an ordinal has 16 bits, and none is reused).
pub const AREA_CHILDREN_MAX: usize = 65_000;

/// Characters of a name (GB/T 31000: C..80).
pub const NAME_CHARS_MAX: usize = 80;
/// Characters of an area's name. The standard's 80 are too few for real ones (a neighborhood council of Los Angeles has
/// 96), and half a name is the name of nothing.
pub const AREA_NAME_CHARS_MAX: usize = 200;
/// Posts held by one principal.
pub const BINDINGS_MAX: usize = 64;
/// Characters of a phone number as it is dialled, with all that is written around its digits.
pub const PHONE_CHARS_MAX: usize = 40;
/// Characters of an address as it was said.
pub const ADDRESS_CHARS_MAX: usize = 200;
/// Characters of an event's number in the channel it came from.
pub const CHANNEL_NUMBER_CHARS_MAX: usize = 80;
/// Characters of a code.
pub const CODE_CHARS_MAX: usize = 40;
/// Characters of a free text (GB/T 31000: 事件简述 at most 2,000).
pub const TEXT_CHARS_MAX: usize = 2_000;

/// Elements in one `BatchGet`.
pub const BATCH_GET_MAX: usize = 1_000;
/// Characters of a search; no name or code is longer.
pub const QUERY_CHARS_MAX: usize = 80;
/// Rows in one chunk of an import: one transaction.
pub const IMPORT_CHUNK_ROWS_MAX: usize = 500;

/// Write transactions waiting for the committer before callers are told to come back.
pub const WRITE_QUEUE_MAX: usize = 4_096;
/// Write transactions that share one journal record and one sync.
pub const WRITE_GROUP_MAX: usize = 512;
/// Bytes of one value before the engine splits it: sled writes leaves of up to twenty values at once, and what is over
/// 128 KiB into files that it never syncs.
pub const VALUE_CHUNK_BYTES: usize = 4 << 10;
/// How long the answer to a request id is remembered, in days.
pub const REQUEST_RETENTION_DAYS: i32 = 7;
/// Changes read from the feed at once.
pub const FEED_BATCH_MAX: usize = 512;
/// Idle time after which a watch sends a heartbeat, in seconds.
pub const WATCH_HEARTBEAT_SECONDS: u64 = 10;
/// Longest wait for a watcher to take a message before its stream is ended, in seconds.
pub const WATCH_SLOW_SECONDS: u64 = 30;
