//! Where an element is: areas by name or code, asked of `grids` and remembered for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use api::grids::v1::grid_service_client::GridServiceClient;
use api::grids::v1::{GetAreaRequest, ListAreasRequest};
use base::name::Area;
use base::{AreaPath, Clock, Error, Id, Kind, Result, Time};
use rpc::status::from_status;
use rpc::{Caller, Link};

/// How long an answer of `grids` is taken for granted. The place of an area in the tree never changes; this is for
/// codes, which do, and for areas that are retired.
const REMEMBERED_SECONDS: i64 = 60;
/// Areas remembered; more than any subdistrict has, and of little weight.
const REMEMBERED_MAX: usize = 100_000;
/// What a code begins with where a resource name could stand.
const CODES: &str = "codes/";

/// An area that was found: its resource name and its place in the tree.
pub(crate) type Found = (String, AreaPath);

/// The areas that this process has asked for.
pub(crate) struct Areas {
    grids: GridServiceClient<Link>,
    known: Mutex<HashMap<String, (Found, Time)>>,
}

impl Areas {
    pub(crate) fn new(grids: Link) -> Self {
        Self { grids: GridServiceClient::new(grids), known: Mutex::default() }
    }

    /// The area with this name (`areas/…`) or this code (`codes/…`).
    ///
    /// `Err` of the inner result is a sentence for whoever gave the text: no such area, or several with this code.
    pub(crate) async fn find(
        &self,
        caller: &Caller,
        text: &str,
        clock: &dyn Clock,
    ) -> Result<std::result::Result<Found, String>> {
        let now = clock.now();
        if let Some((found, until)) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(text)
            && now < *until
        {
            return Ok(Ok(found.clone()));
        }
        let found = match text.strip_prefix(CODES) {
            Some(code) => self.by_code(caller, code).await?,
            None => self.by_name(caller, text).await?,
        };
        if let Ok(found) = &found {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(text.to_owned(), (found.clone(), now.plus_seconds(REMEMBERED_SECONDS)));
        }
        Ok(found)
    }

    async fn by_name(&self, caller: &Caller, name: &str) -> Result<std::result::Result<Found, String>> {
        if let Err(wrong) = Id::<Area>::parse_name(name) {
            return Ok(Err(format!("{wrong}, or a code like codes/370404001001")));
        }
        let request = caller.forward(GetAreaRequest { name: name.to_owned() });
        match self.grids.clone().get_area(request).await.map_err(from_status) {
            Ok(area) => Self::read(area.into_inner()).map(Ok),
            Err(error) if error.kind() == Kind::NotFound => Ok(Err(format!("{name} does not exist"))),
            Err(error) => Err(error),
        }
    }

    async fn by_code(&self, caller: &Caller, code: &str) -> Result<std::result::Result<Found, String>> {
        let request = ListAreasRequest { code: code.to_owned(), page_size: 2, ..Default::default() };
        let listed = self.grids.clone().list_areas(caller.forward(request)).await.map_err(from_status)?;
        let mut areas = listed.into_inner().areas.into_iter();
        match (areas.next(), areas.next()) {
            (Some(area), None) => Self::read(area).map(Ok),
            (None, _) => Ok(Err(format!("no area bears the code {code:?} today"))),
            _ => Ok(Err(format!("several areas bear the code {code:?}; name one as areas/…"))),
        }
    }

    fn read(area: api::grids::v1::Area) -> Result<Found> {
        let path = area.path.parse();
        let path = path.map_err(|wrong: String| Error::internal("grids gave a place that is none").caused_by(wrong))?;
        Ok((area.name, path))
    }
}
