//! How far long work has come, for whoever watches it.

/// Where a piece of long work stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which part of the work, in a word or two.
    pub what: &'static str,
    /// How much is done; bytes or records, as the work counts them.
    pub done: u64,
    /// How much there is, when that is known.
    pub total: Option<u64>,
}

/// What is called now and then during long work.
pub type Progress<'a> = &'a mut dyn FnMut(Step);
