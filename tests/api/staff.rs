//! People: who may see and change whom, who is in charge, and who stands in.

use api::staff::v1::{
    AssignChargeRequest, Binding, Charge, CreatePrincipalRequest, EndChargeRequest, FindInChargeRequest,
    GetPrincipalRequest, ListChargesRequest, ListPrincipalsRequest, Post, Principal, PrincipalKind,
    UpdatePrincipalRequest, WhoAmIRequest,
};
use prost_types::FieldMask;
use tests::{Caller, Town, done, refused, report_at, timestamp};
use tonic::Code;

fn person(posts: &[(Post, &str)]) -> CreatePrincipalRequest {
    let binding =
        |&(post, area): &(Post, &str)| Binding { post: post.into(), area: area.to_owned(), ..Default::default() };
    let principal = Principal {
        kind: PrincipalKind::Person.into(),
        display_name: "新人".to_owned(),
        bindings: posts.iter().map(binding).collect(),
        ..Default::default()
    };
    CreatePrincipalRequest { principal: Some(principal), ..Default::default() }
}

async fn in_charge(caller: &Caller, area: &str) -> Result<(String, bool), Code> {
    let request = FindInChargeRequest { area: area.to_owned(), ..Default::default() };
    match caller.staff().find_in_charge(request).await {
        Ok(found) => Ok((found.get_ref().worker.clone(), found.get_ref().standing_in)),
        Err(status) => Err(status.code()),
    }
}

#[tokio::test]
async fn everyone_is_told_who_they_are_with_all_posts() {
    let town = Town::start().await;
    let me = done(town.people.micro_a1.staff().who_am_i(WhoAmIRequest {}).await);
    assert_eq!(me.name, town.people.micro_a1.name);
    assert_eq!(me.bindings.len(), 1);
    assert_eq!((me.bindings[0].post(), &me.bindings[0].path), (Post::MicroGridWorker, &town.land.path("A1")));
    assert_eq!(me.phone, "13812341234", "one's own number is never masked");
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_hold() {
    let town = Town::start().await;
    let (s, a, b) = (town.land.name("S"), town.land.name("A"), town.land.name("B"));
    let administrator_a = town.people.administrator.hire("甲社区管理员", &[(Post::Administrator, &a)]).await;
    let create = |caller: &Caller, posts: &[(Post, &str)]| {
        let (mut staff, request) = (caller.staff(), person(posts));
        async move { staff.create_principal(request).await }
    };
    // Desks and workers manage nobody.
    for caller in [&town.people.desk, &town.people.worker_a, &town.people.auditor, &town.people.leader_a] {
        let refusal = refused(create(caller, &[(Post::GridWorker, &a)]).await);
        refusal.expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
    }
    // An administrator of a community gives posts in it, and neither above nor beside it, nor half.
    done(create(&administrator_a, &[(Post::GridWorker, &a)]).await);
    done(create(&administrator_a, &[(Post::GridWorker, &town.land.name("A3"))]).await);
    for posts in [
        vec![(Post::GridWorker, s.as_str())],
        vec![(Post::GridWorker, b.as_str())],
        vec![(Post::Administrator, "areas/-")],
        vec![(Post::GridWorker, a.as_str()), (Post::GridWorker, b.as_str())],
    ] {
        let refusal = refused(create(&administrator_a, &posts).await);
        let told = matches!(refusal.code, Code::PermissionDenied | Code::NotFound)
            || (refusal.code == Code::InvalidArgument && !refusal.fields.is_empty());
        assert!(told, "{posts:?}: {refusal:?}");
    }
    // Nor can it raise itself, or touch somebody who stands above it.
    let raise = |name: &str| UpdatePrincipalRequest {
        principal: Some(Principal {
            name: name.to_owned(),
            bindings: vec![Binding { post: Post::Administrator.into(), area: s.clone(), ..Default::default() }],
            ..Default::default()
        }),
        update_mask: Some(FieldMask { paths: vec!["bindings".to_owned()] }),
        ..Default::default()
    };
    for name in [&administrator_a.name, &town.people.desk.name] {
        let refusal = refused(administrator_a.staff().update_principal(raise(name)).await);
        assert!(matches!(refusal.code, Code::PermissionDenied | Code::NotFound | Code::InvalidArgument), "{refusal:?}");
    }
    let issue = api::staff::v1::IssueTokenRequest { principal: town.people.desk.name.clone(), ..Default::default() };
    let refusal = refused(administrator_a.staff().issue_token(issue).await);
    assert!(matches!(refusal.code, Code::PermissionDenied | Code::NotFound), "a token is power: {refusal:?}");
}

#[tokio::test]
async fn people_are_seen_where_they_work_and_listed_in_pages() {
    let town = Town::start().await;
    let list = |page_size: i32, page_token: &str| ListPrincipalsRequest {
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let all = done(town.people.desk.staff().list_principals(list(0, "")).await).principals;
    let seen: Vec<&str> = all.iter().map(|principal| principal.display_name.as_str()).collect();
    assert_eq!(all.len(), 9, "everyone but the administrator of the root: {seen:?}");
    let mut paged = Vec::new();
    let mut token = String::new();
    loop {
        let page = done(town.people.desk.staff().list_principals(list(2, &token)).await);
        paged.extend(page.principals);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all, "pages of two make the same list");
    let of_a = done(town.people.desk_a.staff().list_principals(list(0, "")).await).principals;
    let names: Vec<&str> = of_a.iter().map(|principal| principal.name.as_str()).collect();
    for (who, caller, is_seen) in [
        ("worker_a", &town.people.worker_a, true),
        ("micro_a1", &town.people.micro_a1, true),
        ("worker_b", &town.people.worker_b, false),
    ] {
        assert_eq!(names.contains(&caller.name.as_str()), is_seen, "{who} in {names:?}");
        let get = GetPrincipalRequest { name: caller.name.clone() };
        let got = town.people.desk_a.staff().get_principal(get).await;
        assert_eq!(got.is_ok(), is_seen, "{who}");
        if let Err(status) = got {
            assert_eq!(status.code(), Code::NotFound, "what is out of scope does not exist");
        }
    }
    let leaders = ListPrincipalsRequest { post: Post::GridLeader.into(), ..Default::default() };
    let leaders = done(town.people.desk.staff().list_principals(leaders).await).principals;
    assert_eq!(leaders.len(), 1);
    assert_eq!(leaders[0].name, town.people.leader_a.name);
}

#[tokio::test]
async fn phones_are_masked_for_an_auditor_and_a_masked_one_never_comes_back() {
    let town = Town::start().await;
    let get = GetPrincipalRequest { name: town.people.worker_a.name.clone() };
    let seen = done(town.people.auditor.staff().get_principal(get.clone()).await);
    assert_eq!(seen.phone, "138****1234");
    assert_eq!(done(town.people.desk.staff().get_principal(get.clone()).await).phone, "13812341234");
    let write_back = UpdatePrincipalRequest {
        principal: Some(Principal { name: seen.name, phone: seen.phone, ..Default::default() }),
        update_mask: Some(FieldMask { paths: vec!["phone".to_owned()] }),
        ..Default::default()
    };
    let refusal = refused(town.people.administrator.staff().update_principal(write_back).await);
    refusal.expect_fields(&["principal.phone"]);
    assert_eq!(done(town.people.desk.staff().get_principal(get).await).phone, "13812341234");
}

#[tokio::test]
async fn whoever_is_away_is_stood_in_for_until_the_day_of_return() {
    let town = Town::start().await;
    let people = &town.people;
    let a1 = town.land.name("A1");
    assert_eq!(in_charge(&people.desk, &a1).await, Ok((people.micro_a1.name.clone(), false)));
    assert_eq!(in_charge(&people.desk, &town.land.name("A2")).await, Ok((people.worker_a.name.clone(), false)));
    assert_eq!(in_charge(&people.desk, &town.land.name("C1")).await, Err(Code::NotFound), "nobody up to the root");
    let back = town.server.now().plus_seconds(3 * 86_400);
    let away = UpdatePrincipalRequest {
        principal: Some(Principal {
            name: people.micro_a1.name.clone(),
            away_until: Some(timestamp(back)),
            ..Default::default()
        }),
        ..Default::default()
    };
    done(people.administrator.staff().update_principal(away).await);
    assert_eq!(in_charge(&people.desk, &a1).await, Ok((people.worker_a.name.clone(), true)), "the stand-in");
    let event = done(people.desk.events().report_event(report_at(0.5, 0.5)).await);
    assert_eq!(event.worker, people.worker_a.name, "a report falls to the stand-in");
    town.server.clock.set(back);
    assert_eq!(in_charge(&people.desk, &a1).await, Ok((people.micro_a1.name.clone(), false)), "back by itself");
    let event = done(people.desk.events().report_event(report_at(0.5, 0.5)).await);
    assert_eq!((event.worker, event.worker_display_name.as_str()), (people.micro_a1.name.clone(), "甲一微网格员"));
}

#[tokio::test]
async fn a_charge_is_assigned_replaced_listed_and_ended() {
    let town = Town::start().await;
    let people = &town.people;
    let area = town.land.name("A1");
    people.administrator.put_in_charge(&area, &people.worker_a, None).await;
    assert_eq!(in_charge(&people.desk, &area).await, Ok((people.worker_a.name.clone(), false)), "replaced");
    let listed = done(people.desk.staff().list_charges(ListChargesRequest::default()).await).charges;
    let listed: Vec<(&str, &str)> =
        listed.iter().map(|charge| (town.land.code_of(&charge.area), charge.worker_display_name.as_str())).collect();
    assert_eq!(listed, [("A", "甲网格员"), ("A1", "甲网格员"), ("B", "乙网格员")], "in the order of the tree");
    let of_b = done(people.desk_b.staff().list_charges(ListChargesRequest::default()).await).charges;
    assert_eq!(of_b.len(), 1, "only those in scope");
    done(people.administrator.staff().end_charge(EndChargeRequest { area: area.clone(), ..Default::default() }).await);
    people.administrator.put_in_charge(&town.land.name("A"), &people.leader_a, None).await;
    assert_eq!(in_charge(&people.desk, &area).await, Ok((people.leader_a.name.clone(), false)), "from above");
    // A worker who holds no post there cannot be put in charge.
    let stranger = Charge { area: town.land.name("A2"), worker: people.worker_b.name.clone(), ..Default::default() };
    let assign = AssignChargeRequest { charge: Some(stranger), ..Default::default() };
    let refusal = refused(people.administrator.staff().assign_charge(assign).await);
    assert!(matches!(refusal.code, Code::FailedPrecondition | Code::InvalidArgument), "{refusal:?}");
    let charge = Charge { area, worker: people.worker_a.name.clone(), ..Default::default() };
    let assign = AssignChargeRequest { charge: Some(charge), ..Default::default() };
    refused(people.desk.staff().assign_charge(assign).await).expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
}

#[tokio::test]
async fn a_stale_etag_of_a_principal_is_told() {
    let town = Town::start().await;
    let get = GetPrincipalRequest { name: town.people.worker_a.name.clone() };
    let mut principal = done(town.people.administrator.staff().get_principal(get).await);
    principal.display_name = "改名".to_owned();
    let update = UpdatePrincipalRequest {
        principal: Some(principal),
        update_mask: Some(FieldMask { paths: vec!["display_name".to_owned()] }),
        ..Default::default()
    };
    done(town.people.administrator.staff().update_principal(update.clone()).await);
    let refusal = refused(town.people.administrator.staff().update_principal(update).await);
    refusal.expect(Code::Aborted, "ETAG_MISMATCH");
}
