//! The generated trait, thin: read the request, ask where its areas are, act in the store, tell the answer.

use api::grids::v1::{Area, GetAreaRequest};
use api::staff::v1::staff_service_server::StaffService;
use api::staff::v1::{
    AssignChargeRequest, Charge, CreatePrincipalRequest, EndChargeRequest, FindInChargeRequest, FindInChargeResponse,
    GetPrincipalRequest, IssueTokenRequest, IssueTokenResponse, ListChargesRequest, ListChargesResponse,
    ListHandlersRequest, ListHandlersResponse, ListPrincipalsRequest, ListPrincipalsResponse, Principal,
    RevokeTokensRequest, RotateKeyRequest, RotateKeyResponse, UpdatePrincipalRequest, WhoAmIRequest,
};
use base::{AreaPath, Error, Kind, PrincipalId, Result, Violations};
use rpc::paging::{PageRequest, Query};
use rpc::status::{answer, from_status};
use rpc::{Caller, Scope, repeat};
use store::{Origin, Page, Transaction};
use tonic::{Request, Response, Status};

use crate::Staff;
use crate::convert::{self, AreaName, ChangeAsked, PlaceAsked, actor, complete};
use crate::model::{self, Binding, Change, Handler, Place};
use crate::tables::{self, PrincipalQuery};
use crate::token::{self, Grant, SigningKey};

type Answer<T> = std::result::Result<Response<T>, Status>;

#[tonic::async_trait]
impl StaffService for Staff {
    async fn who_am_i(&self, request: Request<WhoAmIRequest>) -> Answer<Principal> {
        answer(self.caller_itself(&request))
    }
    async fn get_principal(&self, request: Request<GetPrincipalRequest>) -> Answer<Principal> {
        answer(self.principal(&request))
    }
    async fn list_principals(&self, request: Request<ListPrincipalsRequest>) -> Answer<ListPrincipalsResponse> {
        answer(self.principals(request).await)
    }
    async fn create_principal(&self, request: Request<CreatePrincipalRequest>) -> Answer<Principal> {
        answer(self.make_principal(request).await)
    }
    async fn update_principal(&self, request: Request<UpdatePrincipalRequest>) -> Answer<Principal> {
        answer(self.change_principal(request).await)
    }
    async fn assign_charge(&self, request: Request<AssignChargeRequest>) -> Answer<Charge> {
        answer(self.put_into_charge(request).await)
    }
    async fn end_charge(&self, request: Request<EndChargeRequest>) -> Answer<()> {
        answer(self.take_out_of_charge(request).await)
    }
    async fn list_charges(&self, request: Request<ListChargesRequest>) -> Answer<ListChargesResponse> {
        answer(self.charges(request).await)
    }
    async fn find_in_charge(&self, request: Request<FindInChargeRequest>) -> Answer<FindInChargeResponse> {
        answer(self.in_charge(request).await)
    }
    async fn list_handlers(&self, request: Request<ListHandlersRequest>) -> Answer<ListHandlersResponse> {
        answer(self.handlers(request).await)
    }
    async fn issue_token(&self, request: Request<IssueTokenRequest>) -> Answer<IssueTokenResponse> {
        answer(self.new_token(&request))
    }
    async fn revoke_tokens(&self, request: Request<RevokeTokensRequest>) -> Answer<()> {
        answer(self.end_tokens(request).await)
    }
    async fn rotate_key(&self, request: Request<RotateKeyRequest>) -> Answer<RotateKeyResponse> {
        answer(self.new_key(request).await)
    }
}

/// Principals.
impl Staff {
    fn caller_itself(&self, request: &Request<WhoAmIRequest>) -> Result<Principal> {
        let caller = Caller::of(request)?;
        let principal = self.store.read(|view| tables::get_principal(view, caller.id()))?;
        let principal = principal.ok_or_else(|| Error::not_found(caller.id().name()))?;
        Ok(convert::self_to_api(&principal, &caller))
    }

    fn principal(&self, request: &Request<GetPrincipalRequest>) -> Result<Principal> {
        let caller = Caller::of(request)?;
        let mut violations = Violations::new();
        let id = convert::principal_id(&request.get_ref().name, "name", &mut violations);
        let id = complete(id, violations)?;
        let principal = self.store.read(|view| tables::get_principal(view, id))?;
        let principal = principal.filter(|principal| actor(&caller).sees(principal));
        let principal = principal.ok_or_else(|| Error::not_found(id.name()))?;
        Ok(convert::principal_to_api(&principal, &caller))
    }

    async fn principals(&self, request: Request<ListPrincipalsRequest>) -> Result<ListPrincipalsResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let post = convert::post_filter(request.post, &mut violations);
        let scope = self.list_scope(&caller, &request.area, &mut violations).await?;
        let bare = ListPrincipalsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let query = Query::of("ListPrincipals", &bare, caller.scope());
        let part = PageRequest::parse(request.page_size, &request.page_token, &query, &mut violations);
        let part = complete(part, violations)?;
        // Whoever holds no post is somewhere only for those to whom everything is somewhere.
        let unbound = post.is_none() && scope.covers(&AreaPath::ROOT) && actor(&caller).administers_all;
        let wanted = PrincipalQuery { scope, post, unbound };
        let page = self.store.scan(move |view| tables::page_principals(view, &wanted, &part)).await?;
        Ok(ListPrincipalsResponse {
            principals: page.records.iter().map(|principal| convert::principal_to_api(principal, &caller)).collect(),
            next_page_token: query.token(page.next),
        })
    }

    async fn make_principal(&self, request: Request<CreatePrincipalRequest>) -> Result<Principal> {
        const METHOD: &str = "CreatePrincipal";
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let once = repeat::request(&request.request_id, METHOD, &request, &mut violations);
        let (kind, asked) = convert::new_principal(request.principal.as_ref(), &mut violations);
        let values = self.placed(&caller, asked, &mut violations).await?;
        let now = self.clock.now();
        let (id, actor) = (PrincipalId::generate(now), actor(&caller));
        let read = complete(kind, violations);
        let made = self.commit(caller.origin(METHOD, now), once, read, move |tx, kind| {
            Ok(tables::principal_to_bytes(&model::create(tx, &actor, (id, *kind), &values, now)?))
        });
        Ok(convert::principal_to_api(&tables::principal_from_bytes(&made.await?)?, &caller))
    }

    async fn change_principal(&self, request: Request<UpdatePrincipalRequest>) -> Result<Principal> {
        const METHOD: &str = "UpdatePrincipal";
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let once = repeat::request(&request.request_id, METHOD, &request, &mut violations);
        let (principal, mask) = (request.principal.as_ref(), request.update_mask.as_ref());
        let (id, asked) = convert::changed_principal(principal, mask, &mut violations);
        let change = self.placed(&caller, asked, &mut violations).await?;
        let (now, actor) = (self.clock.now(), actor(&caller));
        let read = complete(id, violations);
        let changed = self.commit(caller.origin(METHOD, now), once, read, move |tx, id| {
            Ok(tables::principal_to_bytes(&model::update(tx, &actor, *id, &change, now)?))
        });
        Ok(convert::principal_to_api(&tables::principal_from_bytes(&changed.await?)?, &caller))
    }
}

/// Changes.
impl Staff {
    /// Commits the change that a request asks for as it was read, once for its id. One in which something is wrong now
    /// may have been answered long ago, when what it names was still there: then it gets that answer.
    async fn commit<T: Send + 'static>(
        &self,
        origin: Origin,
        once: Option<store::Request>,
        read: Result<T>,
        change: impl Fn(&mut Transaction<'_>, &T) -> Result<Vec<u8>> + Send + 'static,
    ) -> Result<Vec<u8>> {
        const UNANSWERED: &str = "UNANSWERED";
        // Without one, what was read is wrong at least in its id.
        let Some(once) = once else {
            return Err(read.err().unwrap_or_else(|| Error::internal("a change without a request id was read")));
        };
        match read {
            Ok(read) => Ok(self.store.write_once(origin, once, move |tx| change(tx, &read)).await?.value),
            Err(wrong) => {
                let unanswered =
                    |_: &mut Transaction<'_>| Err(Error::new(Kind::NotFound, UNANSWERED, "never answered"));
                match self.store.write_once(origin, once, unanswered).await {
                    Err(first) if first.reason() == UNANSWERED => Err(wrong),
                    answered => Ok(answered?.value),
                }
            }
        }
    }
}

/// Charges.
impl Staff {
    async fn put_into_charge(&self, request: Request<AssignChargeRequest>) -> Result<Charge> {
        const METHOD: &str = "AssignCharge";
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let once = repeat::request(&request.request_id, METHOD, &request, &mut violations);
        let now = self.clock.now();
        let (area, assignment) = convert::charge(request.charge.as_ref(), now, &mut violations);
        let place = match area {
            Some(area) => self.place_in_use(&caller, area, "charge.area", &mut violations).await?,
            None => None,
        };
        let read = complete(assignment.zip(place), violations).map(|(assignment, place)| assignment.at(place));
        let actor = actor(&caller);
        let assigned = self.commit(caller.origin(METHOD, now), once, read, move |tx, charge| {
            Ok(tables::charge_to_bytes(&model::assign(tx, &actor, charge)?))
        });
        let charge = tables::charge_from_bytes(&assigned.await?)?;
        let worker = self.store.read(|view| tables::get_principal(view, charge.worker))?;
        Ok(convert::charge_to_api(&charge, worker.as_ref()))
    }

    async fn take_out_of_charge(&self, request: Request<EndChargeRequest>) -> Result<()> {
        const METHOD: &str = "EndCharge";
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let once = repeat::request(&request.request_id, METHOD, &request, &mut violations);
        let place = match convert::area(&request.area, "area", &mut violations) {
            Some(area) => self.place(&caller, area, "area", &mut violations).await?,
            None => None,
        };
        let (read, actor) = (complete(place, violations), actor(&caller));
        let ended = self.commit(caller.origin(METHOD, self.clock.now()), once, read, move |tx, place| {
            model::end(tx, &actor, &place.path, &request.area).map(|()| Vec::new())
        });
        ended.await.map(drop)
    }

    async fn charges(&self, request: Request<ListChargesRequest>) -> Result<ListChargesResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let scope = self.list_scope(&caller, &request.area, &mut violations).await?;
        let bare = ListChargesRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let query = Query::of("ListCharges", &bare, caller.scope());
        let part = PageRequest::parse(request.page_size, &request.page_token, &query, &mut violations);
        let part = complete(part, violations)?;
        let listed = self.store.scan(move |view| {
            let page = tables::page_charges(view, &scope, &part)?;
            let named = |charge: &model::Charge| {
                let worker = tables::get_principal(view, charge.worker)?;
                Ok(convert::charge_to_api(charge, worker.as_ref()))
            };
            Ok((page.records.iter().map(named).collect::<Result<_>>()?, page.next))
        });
        let (charges, next) = listed.await?;
        Ok(ListChargesResponse { charges, next_page_token: query.token(next) })
    }

    async fn in_charge(&self, request: Request<FindInChargeRequest>) -> Result<FindInChargeResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let path = self.path_asked(&caller, &request.area, &request.path, &mut violations).await?;
        let path = complete(path, violations)?;
        caller.require(&path)?;
        let now = self.clock.now();
        let found = self.store.read(|view| model::in_charge(view, &path, now))?;
        found.map(convert::in_charge_to_api).ok_or_else(|| {
            Error::new(
                Kind::NotFound,
                "NOBODY_IN_CHARGE",
                "nobody who is present is in charge of this area or of any above it; assign one with AssignCharge",
            )
            .with("path", path)
        })
    }

    async fn handlers(&self, request: Request<ListHandlersRequest>) -> Result<ListHandlersResponse> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let path = self.path_asked(&caller, &request.area, &request.path, &mut violations).await?;
        let named = convert::optional_principal_id(&request.principal, "principal", &mut violations);
        let bare = ListHandlersRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let query = Query::of("ListHandlers", &bare, caller.scope());
        let part = PageRequest::parse(request.page_size, &request.page_token, &query, &mut violations);
        let (path, (named, part)) = complete(path.zip(named.zip(part)), violations)?;
        caller.require(&path)?;
        let actor = actor(&caller);
        let page = self.store.scan(move |view| match named {
            None => tables::page_bound_at(view, &path, &part, &|found| Handler::told(&actor, found, &path, false)),
            Some(id) => {
                let found = tables::get_principal(view, id)?;
                let told = found.and_then(|found| Handler::told(&actor, &found, &path, true));
                Ok(Page { records: told.into_iter().collect(), next: None })
            }
        });
        let page = page.await?;
        let handlers = page.records.iter().map(convert::handler_to_api).collect();
        Ok(ListHandlersResponse { handlers, next_page_token: query.token(page.next) })
    }
}

/// Tokens and keys.
impl Staff {
    fn new_token(&self, request: &Request<IssueTokenRequest>) -> Result<IssueTokenResponse> {
        let caller = Caller::of(request)?;
        let request = request.get_ref();
        let mut violations = Violations::new();
        let id = convert::principal_id(&request.principal, "principal", &mut violations);
        let lifetime_s = convert::lifetime_s(request.lifetime_s, &mut violations);
        let id = complete(id, violations)?;
        let (principal, key) = self
            .store
            .read(|view| Ok((model::get_changeable(view, &actor(&caller), id)?, tables::current_signing_key(view)?)))?;
        model::require_active(&principal)?;
        let key = key.ok_or_else(|| Error::internal("the staff store has no signing key; was it bootstrapped?"))?;
        let ceiling = caller.scope().clone();
        let grant = Grant { principal: id, valid_from: principal.tokens_valid_from, lifetime_s, ceiling };
        let token = token::issue(&key, &grant, self.clock.now())?;
        // Issuing changes nothing that is stored, so the journal does not tell of it; the log does.
        tracing::info!(issuer = %caller.id().name(), principal = %id.name(), until = %token.expire_time, "token issued");
        let expire_time = Some(rpc::time::to_proto(token.expire_time));
        Ok(IssueTokenResponse { token: token.text, expire_time })
    }

    async fn end_tokens(&self, request: Request<RevokeTokensRequest>) -> Result<()> {
        const METHOD: &str = "RevokeTokens";
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let once = repeat::request(&request.request_id, METHOD, &request, &mut violations);
        let id = convert::principal_id(&request.principal, "principal", &mut violations);
        let (once, id) = complete(once.zip(id), violations)?;
        let (now, actor) = (self.clock.now(), actor(&caller));
        let ended = self.store.write_once(caller.origin(METHOD, now), once, move |tx| {
            model::end_tokens(tx, &actor, id, now).map(|_| Vec::new())
        });
        ended.await.map(drop)
    }

    async fn new_key(&self, request: Request<RotateKeyRequest>) -> Result<RotateKeyResponse> {
        const METHOD: &str = "RotateKey";
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::new();
        let once = repeat::request(&request.request_id, METHOD, &request, &mut violations);
        let once = complete(once, violations)?;
        let now = self.clock.now();
        let key = SigningKey::generate(now)?;
        let rotated = self.store.write_once(caller.origin(METHOD, now), once, move |tx| {
            tables::rotate_signing_key(tx, &key, now)?;
            Ok(key.id.clone().into_bytes())
        });
        let key_id = String::from_utf8(rotated.await?.value)
            .map_err(|wrong| Error::internal("a remembered key id is not text").caused_by(wrong))?;
        Ok(RotateKeyResponse { key_id })
    }
}

/// Where areas are.
impl Staff {
    /// The subtrees that a list covers: the caller's scope, or the part of it in the area asked for.
    async fn list_scope(&self, caller: &Caller, area: &str, violations: &mut Violations) -> Result<Scope> {
        if area.is_empty() {
            return Ok(caller.scope().clone());
        }
        let Some(name) = convert::area(area, "area", violations) else { return Ok(Scope::default()) };
        let Some(place) = self.place(caller, name, "area", violations).await? else { return Ok(Scope::default()) };
        let scope = caller.scope().narrow(&place.path);
        // Nothing of it may be listed: say so, instead of answering an empty list that looks like a fact.
        if scope.is_empty() { caller.require(&place.path).map(|()| scope) } else { Ok(scope) }
    }

    /// The new values of a principal, with its bindings put where their areas are.
    async fn placed(&self, caller: &Caller, asked: ChangeAsked, violations: &mut Violations) -> Result<Change> {
        let mut change = asked.change;
        if let Some(bindings) = asked.bindings {
            let mut placed = Vec::with_capacity(bindings.len());
            for asked in bindings {
                let place = self.place_in_use(caller, asked.area, &asked.field, violations).await?;
                placed.extend(place.map(|place| Binding { post: asked.post, place }));
            }
            change.bindings = Some(placed);
        }
        Ok(change)
    }

    /// The path of a place that is named by its area or by its path.
    async fn path_asked(
        &self,
        caller: &Caller,
        area: &str,
        path: &str,
        violations: &mut Violations,
    ) -> Result<Option<AreaPath>> {
        Ok(match convert::place_asked(area, path, violations) {
            Some(PlaceAsked::Path(path)) => Some(path),
            Some(PlaceAsked::Area(area)) => self.place(caller, area, "area", violations).await?.map(|place| place.path),
            None => None,
        })
    }

    /// Where an area is; notes when there is none that the caller may see.
    async fn place(
        &self,
        caller: &Caller,
        area: AreaName,
        field: &str,
        violations: &mut Violations,
    ) -> Result<Option<Place>> {
        Ok(self.find(caller, area, field, violations).await?.map(|(place, _)| place))
    }

    /// The same for an area to which something new is tied; notes when it is no longer used.
    async fn place_in_use(
        &self,
        caller: &Caller,
        area: AreaName,
        field: &str,
        violations: &mut Violations,
    ) -> Result<Option<Place>> {
        let Some((place, found)) = self.find(caller, area, field, violations).await? else { return Ok(None) };
        if let Some(retired) = found.filter(|found| found.retire_time.is_some()) {
            violations.add(field, format!("{} ({}) is no longer used", retired.name, retired.display_name));
            return Ok(None);
        }
        Ok(Some(place))
    }

    /// Where an area is, and what `grids` says of it; nobody describes the root.
    async fn find(
        &self,
        caller: &Caller,
        area: AreaName,
        field: &str,
        violations: &mut Violations,
    ) -> Result<Option<(Place, Option<Area>)>> {
        let AreaName::One(id) = area else {
            return Ok(Some((Place { path: AreaPath::ROOT, area: None }, None)));
        };
        let request = caller.forward(GetAreaRequest { name: id.name() });
        let found = match self.grids.clone().get_area(request).await.map_err(from_status) {
            Ok(found) => found.into_inner(),
            Err(missing) if missing.kind() == Kind::NotFound => {
                violations.add(field, format!("{} does not exist, or lies outside the areas you may see", id.name()));
                return Ok(None);
            }
            Err(wrong) => return Err(wrong),
        };
        let path = found.path.parse().map_err(|wrong: String| {
            Error::internal("the grids service answered a path that cannot be read").caused_by(wrong)
        })?;
        Ok(Some((Place { path, area: Some(id) }, Some(found))))
    }
}
