//! How well a place explains an address: the evidence, and what it is worth.

use super::Label;
use super::gazetteer::Kind;

/// What of an address is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The name of the place or of what it lies in.
    Name,
    /// A town, community or village.
    Division,
    /// A road.
    Road,
    /// The number on a road.
    Door,
    /// The number of the building.
    Building,
    /// The unit.
    Unit,
    /// The room.
    Room,
}

/// What the comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The register says the same, this surely (in hundredths): 100 is word for word.
    Agrees(u32),
    /// The register does not say: it has no rooms of this building, no address of this estate.
    Unregistered,
    /// The register says otherwise: it has buildings of this estate, and none with this number.
    Contradicts,
}

impl Verdict {
    /// What was said and not found: a contradiction if the register knows others in its place.
    pub(super) fn of_missing(others: bool) -> Self {
        if others { Self::Contradicts } else { Self::Unregistered }
    }
}

/// One thing an address says, and what the register says to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// What of the address.
    pub aspect: Aspect,
    /// The words of the address, as written; of a number its label.
    pub words: String,
    /// What the register says to it.
    pub verdict: Verdict,
}

impl Evidence {
    pub(super) fn label(aspect: Aspect, label: Label, verdict: Verdict) -> Self {
        Self { aspect, words: label.to_string(), verdict }
    }
}

/// A place tried as the meaning of an address.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) score: f32,
    pub(super) evidence: Vec<Evidence>,
}

/// What a name that nothing explains leaves of the score.
const STRANGER: f32 = 0.85;
/// What a contradiction leaves of the score.
const CONTRADICTION: f32 = 0.6;
/// What each less likely way to read the numbers leaves of the score.
const READING: f32 = 0.97;
/// What is left of the score of a road when a place on it was asked for.
const ROAD: f32 = 0.5;

impl Trial {
    /// Weighs the evidence. The score is how sure the names are (each independent name that agrees takes away from
    /// the doubt), times the share of the numbers that agree, less for contradictions, unexplained names, and a `reading` that
    /// is not the first.
    pub(super) fn new(kind: Kind, evidence: Vec<Evidence>, strangers: u8, reading: u8) -> Self {
        let mut doubt = 1.0_f32;
        let (mut said, mut agreed) = (0.0_f32, 0.0_f32);
        let mut rest = 1.0_f32;
        let door = evidence.iter().any(|of| of.aspect == Aspect::Door && matches!(of.verdict, Verdict::Agrees(_)));
        for Evidence { aspect, verdict, .. } in &evidence {
            if *verdict == Verdict::Contradicts {
                rest *= CONTRADICTION;
            }
            // As a name: how much of the doubt it can take away. As a number: how much of the detail it is.
            let (as_name, as_number) = match aspect {
                Aspect::Name => (0.96, 0.0),
                Aspect::Road if door => (1.0, 0.0),
                Aspect::Road => (0.3, 0.0),
                Aspect::Division => (0.4, 0.0),
                Aspect::Door | Aspect::Building => (0.0, 5.0),
                Aspect::Unit => (0.0, 2.0),
                Aspect::Room => (0.0, 3.0),
            };
            let worth = match verdict {
                Verdict::Agrees(similarity) => *similarity as f32 / 100.0,
                Verdict::Unregistered => 0.85,
                Verdict::Contradicts => 0.0,
            };
            if let Verdict::Agrees(_) = verdict {
                doubt *= 1.0 - as_name * worth;
            }
            said += as_number;
            agreed += as_number * worth;
        }
        let detail = if said > 0.0 { agreed / said } else { 1.0 };
        let strangers = STRANGER.powi(strangers.min(2).into());
        let road = if matches!(kind, Kind::Road | Kind::Lane) { ROAD } else { 1.0 };
        Self { score: (1.0 - doubt) * detail * rest * strangers * road * READING.powi(reading.into()), evidence }
    }
}
