//! Get, list, count and history. All of them see what the caller's scope covers and nothing else.

use api::events::v1 as api_events;
use api::grids::v1::GetAreaRequest;
use base::name::{Area, Event as EventName};
use base::{AreaPath, Error, Id, Result, Violations};
use rpc::paging::{PageRequest, Query};
use rpc::status::from_status;
use rpc::{Caller, cursor};
use tonic::Request;

use super::require;
use crate::convert::filters::FilterRequest;
use crate::model::filter::Filter;
use crate::tables::count::Grouping;
use crate::tables::{self, count, list};
use crate::{Events, convert};

impl Events {
    pub(super) fn get(&self, request: &Request<api_events::GetEventRequest>) -> Result<api_events::Event> {
        let caller = Caller::of(request)?;
        let name = &request.get_ref().name;
        let mut violations = Violations::new();
        let id = convert::name::<EventName>("name", name, &mut violations);
        violations.check()?;
        let found = id.map_or(Ok(None), |id| self.0.store.read(|view| tables::get(view, id)))?;
        let event = found.ok_or_else(|| Error::not_found(name))?;
        require(&caller, &event.placement.path(), name)?;
        Ok(self.show(event, &caller))
    }

    pub(super) async fn list(
        &self,
        request: Request<api_events::ListEventsRequest>,
    ) -> Result<api_events::ListEventsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let (page_size, page_token) = (request.page_size, std::mem::take(&mut request.page_token));
        request.page_size = 0;
        let query = Query::of("ListEvents", &request, caller.scope());
        let mut violations = Violations::new();
        let asked = convert::filters::filter(request.filter.as_ref(), &mut violations);
        let page = PageRequest::parse(page_size, &page_token, &query, &mut violations);
        violations.check()?;
        let (filter, _) = self.in_scope(asked, &caller).await?;
        let part = page.ok_or_else(|| Error::internal("a list without a page passed the check"))?;
        // Taken before the data is read: who watches from here is told again of a change in between, and misses none.
        let cursor = cursor::write(&self.0.store, self.0.store.head());
        let (now, oldest_first) = (self.now(), request.oldest_first);
        let page = self.0.store.scan(move |view| list::page(view, &filter, oldest_first, &part, now)).await?;
        let events = page.records.into_iter().map(|event| convert::answers::event(event, &caller, now)).collect();
        Ok(api_events::ListEventsResponse { events, next_page_token: query.token(page.next), cursor })
    }

    pub(super) async fn count(
        &self,
        request: Request<api_events::CountEventsRequest>,
    ) -> Result<api_events::CountEventsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let asked = convert::filters::filter(request.filter.as_ref(), &mut violations);
        let by = convert::filters::group_by(request.group_by, &mut violations);
        violations.check()?;
        let (filter, base) = self.in_scope(asked, &caller).await?;
        let cursor = cursor::write(&self.0.store, self.0.store.head());
        let now = self.now();
        let counts = self.0.store.scan(move |view| count::count(view, &filter, &Grouping { by, base }, now)).await?;
        Ok(convert::answers::counts(counts, cursor))
    }

    pub(super) async fn history(
        &self,
        request: Request<api_events::ListEventStepsRequest>,
    ) -> Result<api_events::ListEventStepsResponse> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let (page_size, page_token) = (request.page_size, std::mem::take(&mut request.page_token));
        request.page_size = 0;
        let query = Query::of("ListEventSteps", &request, caller.scope());
        let mut violations = Violations::new();
        let id = convert::name::<EventName>("parent", &request.parent, &mut violations);
        let page = PageRequest::parse(page_size, &page_token, &query, &mut violations);
        violations.check()?;
        let (Some(id), Some(page)) = (id, page) else {
            return Err(Error::internal("a history without a page passed the check"));
        };
        let (event, steps) =
            self.0.store.scan(move |view| Ok((tables::get(view, id)?, list::history(view, id, &page)?))).await?;
        let event = event.ok_or_else(|| Error::not_found(&request.parent))?;
        require(&caller, &event.placement.path(), &request.parent)?;
        let next_page_token = query.token(steps.next);
        let steps = steps.records.into_iter().map(convert::answers::step).collect();
        Ok(api_events::ListEventStepsResponse { steps, next_page_token })
    }

    /// The filter narrowed to what the caller may see, and the place of the area it names.
    pub(super) async fn in_scope(&self, asked: FilterRequest, caller: &Caller) -> Result<(Filter, Option<AreaPath>)> {
        let FilterRequest { area, filter } = asked;
        let Some(area) = area else {
            return Ok((Filter { scope: caller.scope().clone(), ..filter }, None));
        };
        let path = self.path_of(area, caller).await?;
        let scope = caller.scope().narrow(&path);
        if scope.is_empty() {
            caller.require(&path)?;
        }
        Ok((Filter { scope, ..filter }, Some(path)))
    }

    /// The place of an area in the tree.
    async fn path_of(&self, area: Id<Area>, caller: &Caller) -> Result<AreaPath> {
        let request = caller.forward(GetAreaRequest { name: area.name() });
        let found = self.0.grids.clone().get_area(request).await.map_err(from_status)?;
        Ok(convert::peers::area(found.into_inner(), self.now().civil_day())?.path)
    }
}
