//! Matching an address: the gazetteer finds, the register describes what was found.

use api::buildings::v1::{
    AddressAspect, AddressCandidate, AddressEvidence, AddressRelation, AddressShape, AddressVerdict, Building, Estate,
    EstateKind, MatchAddressRequest, MatchAddressResponse, Room, Unit,
};
use base::{Error, Id, Result};
use registry::serving;
use rpc::Caller;
use tonic::Request;

use crate::Buildings;
use crate::model::address::{Aspect, Confidence, Evidence, Kind, Question, Relation, SIGNS_MAX, Shape, Verdict};

/// Candidates answered when the request does not say how many.
const CANDIDATES: usize = 5;
/// Most candidates answered.
const CANDIDATES_MAX: usize = 20;

/// A candidate as the gazetteer found it: what it is and lies in, from itself outwards, and how well it fits.
struct Found {
    lineage: Vec<(Kind, [u8; 16])>,
    score: f32,
    confident: bool,
    evidence: Vec<Evidence>,
}

impl Buildings {
    pub(super) async fn match_address(&self, request: Request<MatchAddressRequest>) -> Result<MatchAddressResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        if request.text.trim().is_empty() || request.text.chars().count() > 2 * SIGNS_MAX {
            let wrong = format!("must have 1 to {} characters: an address as it was written", 2 * SIGNS_MAX);
            return Err(Error::invalid("text", wrong));
        }
        let limit = match usize::try_from(request.limit) {
            Ok(0) => CANDIDATES,
            Ok(limit) => limit.min(CANDIDATES_MAX),
            Err(_) => return Err(Error::invalid("limit", "must not be negative")),
        };
        let scope = self.buildings.scope(&caller, &request.area).await?;
        let asked = self.index.ask(move |gazetteer| {
            let visible = |path: &base::AreaPath| scope.covers(path);
            let confidence = Confidence::default();
            // Roads and lanes are found too, and have no record: more is asked for than is answered.
            let question = Question { text: &request.text, visible: &visible, confidence, limit: 2 * CANDIDATES_MAX };
            let answer = gazetteer.find(&question);
            let recorded = answer.candidates.into_iter().filter(|found| !matches!(found.kind, Kind::Road | Kind::Lane));
            let found = recorded.take(limit).map(|candidate| Found {
                lineage: gazetteer.lineage(candidate.handle),
                score: candidate.score,
                confident: candidate.confident,
                evidence: candidate.evidence,
            });
            (found.collect::<Vec<_>>(), answer.address.shape(), answer.address.relation)
        });
        let (found, shape, relation) = asked.await?;
        let candidates = found.into_iter().map(|found| self.candidate(&caller, found)).collect::<Result<_>>()?;
        Ok(MatchAddressResponse {
            candidates,
            shape: shape_message(shape).into(),
            relation: relation_message(relation).into(),
        })
    }

    fn candidate(&self, caller: &Caller, found: Found) -> Result<AddressCandidate> {
        let mut candidate = AddressCandidate {
            score: f64::from(found.score),
            confident: found.confident,
            evidence: found.evidence.into_iter().map(evidence_message).collect(),
            ..Default::default()
        };
        let mut words: Vec<String> = Vec::new();
        let mut in_village = false;
        for (at, (kind, id)) in found.lineage.iter().enumerate().rev() {
            // What it lies in may be outside the caller's area: then it is not described.
            let described = self.describe(caller, *kind, *id, in_village);
            let (name, area, text, village) = match described {
                Err(error) if at > 0 && error.kind() == base::Kind::NotFound => continue,
                described => described?,
            };
            in_village |= village;
            words.push(text);
            (candidate.name, candidate.area) = (name, area);
        }
        candidate.display_address = words.concat();
        Ok(candidate)
    }

    /// An element's name and area, what it adds to an address, and whether it is a village.
    fn describe(
        &self,
        caller: &Caller,
        kind: Kind,
        id: [u8; 16],
        in_village: bool,
    ) -> Result<(String, String, String, bool)> {
        let id = Id::<base::name::Area>::from_bytes(id).to_string();
        let after = |number: &str, word: &str| {
            let word = if number.ends_with(|sign: char| sign.is_ascii_alphanumeric()) { word } else { "" };
            format!("{number}{word}")
        };
        match kind {
            Kind::Estate => {
                let estate: Estate = serving::get(&self.estates, caller, &format!("estates/{id}"))?;
                let village = matches!(estate.kind(), EstateKind::Village | EstateKind::Row);
                Ok((estate.name, estate.area, estate.display_name, village))
            }
            Kind::Building => {
                let building: Building = serving::get(&self.buildings, caller, &format!("buildings/{id}"))?;
                let words = match building.number.as_str() {
                    "" => building.display_name,
                    number => after(number, if in_village { "号" } else { "号楼" }),
                };
                Ok((building.name, building.area, words, false))
            }
            Kind::Unit => {
                let unit: Unit = serving::get(&self.units, caller, &format!("units/{id}"))?;
                Ok((unit.name, unit.area, format!("{}单元", unit.number), false))
            }
            _ => {
                let room: Room = serving::get(&self.rooms, caller, &format!("rooms/{id}"))?;
                let words = if room.number.ends_with(|sign: char| sign.is_ascii_digit()) { "" } else { "户" };
                Ok((room.name, room.area, format!("{}{words}", room.number), false))
            }
        }
    }
}

fn evidence_message(evidence: Evidence) -> AddressEvidence {
    let aspect = match evidence.aspect {
        Aspect::Name => AddressAspect::Name,
        Aspect::Division => AddressAspect::Division,
        Aspect::Road => AddressAspect::Road,
        Aspect::Door => AddressAspect::Door,
        Aspect::Building => AddressAspect::Building,
        Aspect::Unit => AddressAspect::Unit,
        Aspect::Room => AddressAspect::Room,
    };
    let (verdict, similarity) = match evidence.verdict {
        Verdict::Agrees(similarity) => (AddressVerdict::Agrees, f64::from(similarity) / 100.0),
        Verdict::Unregistered => (AddressVerdict::Unregistered, 0.0),
        Verdict::Contradicts => (AddressVerdict::Contradicts, 0.0),
    };
    AddressEvidence { aspect: aspect.into(), words: evidence.words, verdict: verdict.into(), similarity }
}

fn shape_message(shape: Shape) -> AddressShape {
    match shape {
        Shape::RoadAndNumber => AddressShape::RoadAndNumber,
        Shape::PlaceAndNumber => AddressShape::PlaceAndNumber,
        Shape::Corner => AddressShape::Corner,
        Shape::Stretch => AddressShape::Stretch,
        Shape::Lane => AddressShape::Lane,
        Shape::RoadOnly => AddressShape::Road,
        Shape::PlaceOnly => AddressShape::Place,
        Shape::NumberOnly => AddressShape::Number,
        Shape::Nothing => AddressShape::Unspecified,
    }
}

fn relation_message(relation: Relation) -> AddressRelation {
    match relation {
        Relation::At => AddressRelation::Unspecified,
        Relation::Front => AddressRelation::Front,
        Relation::Beside => AddressRelation::Beside,
        Relation::Behind => AddressRelation::Behind,
        Relation::Opposite => AddressRelation::Opposite,
        Relation::Near => AddressRelation::Near,
    }
}
