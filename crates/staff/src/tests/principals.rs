//! Making, changing and listing principals.

use std::collections::BTreeSet;

use api::staff::v1::{
    CreatePrincipalRequest, ListPrincipalsRequest, Post, Principal, PrincipalKind, UpdatePrincipalRequest,
};
use base::{Kind, Result, limits};
use prost_types::{FieldMask, Timestamp};
use rpc::status::from_status;

use super::{House, area, bearing, binding, person};

async fn list(house: &House, token: &str, request: ListPrincipalsRequest) -> Result<(Vec<String>, String)> {
    let page = house.staff().list_principals(bearing(token, request)).await.map_err(from_status)?.into_inner();
    let names = page.principals.into_iter().map(|principal| principal.display_name).collect();
    Ok((names, page.next_page_token))
}

fn fields(error: &base::Error) -> Vec<&str> {
    error.violations().iter().map(|violation| violation.field.as_str()).collect()
}

#[tokio::test]
async fn every_wrong_field_is_told_at_once() {
    let house = House::open().await;
    let mut wrong = person("  ", &[(Post::GridWorker, "/1"), (Post::GridWorker, "/1"), (Post::GridWorker, "/99")]);
    wrong.kind = 9;
    wrong.phone = "138****1234".to_owned();
    wrong.away_until = Some(Timestamp { seconds: i64::MAX, nanos: 0 });
    wrong.bindings.push(api::staff::v1::Binding { post: 42, area: "areas/x".to_owned(), path: String::new() });
    wrong.bindings.push(binding(Post::Unspecified, "/1/77"));
    wrong.bindings.push(binding(Post::GridWorker, "/1/77"));
    let request = CreatePrincipalRequest { principal: Some(wrong), request_id: "once".to_owned() };
    let status = house.staff().create_principal(bearing(&house.admin, request)).await.unwrap_err();
    let error = from_status(status);
    assert_eq!(error.kind(), Kind::Invalid);
    let right = [
        "request_id",
        "principal.kind",
        "principal.display_name",
        "principal.phone",
        "principal.bindings[1].area",
        "principal.bindings[3].post",
        "principal.bindings[3].area",
        "principal.bindings[4].post",
        "principal.away_until",
        "principal.bindings[2].area",
        "principal.bindings[5].area",
    ];
    assert_eq!(fields(&error), right);
    let masked = error.violations().iter().find(|violation| violation.field == "principal.phone").unwrap();
    assert!(masked.description.contains("masked"), "{}", masked.description);
}

#[tokio::test]
async fn a_post_is_given_only_in_an_area_that_exists_and_is_in_use() {
    let house = House::open().await;
    let posts = [(Post::GridWorker, "/1"), (Post::GridWorker, "/99/1"), (Post::GridWorker, "/1/77")];
    let error = house.create(&house.admin, person("张三", &posts)).await.unwrap_err();
    assert_eq!(fields(&error), ["principal.bindings[1].area", "principal.bindings[2].area"]);
    assert!(error.violations()[0].description.contains("does not exist"));
    assert!(error.violations()[1].description.contains("no longer used"));
}

#[tokio::test]
async fn what_is_read_is_what_was_made() {
    let house = House::open().await;
    let (made, token) = house.hire("张三", &[(Post::GridWorker, "/1/2"), (Post::Auditor, "/")]).await;
    assert_eq!((made.kind(), made.phone.as_str()), (PrincipalKind::Person, "13812341234"));
    assert_eq!(made.bindings[0].area, area("/1/2"));
    assert_eq!((made.bindings[0].path.as_str(), made.bindings[1].path.as_str()), ("/1/2", "/"));
    assert_eq!(made.create_time, Some(rpc::time::to_proto(super::START)));
    assert_eq!(house.who_am_i(&token).await.unwrap(), made);
}

#[tokio::test]
async fn an_update_changes_exactly_what_its_mask_names() {
    let house = House::open().await;
    let (made, _) = house.hire("张三", &[(Post::GridWorker, "/1/2")]).await;
    house.clock.advance_seconds(5);
    let away = Some(Timestamp { seconds: 1_900_000_000, nanos: 0 });
    let all_new = Principal {
        name: made.name.clone(),
        display_name: "李四".to_owned(),
        phone: "0632-5551234".to_owned(),
        bindings: vec![binding(Post::GridLeader, "/1/3")],
        away_until: away,
        suspended: true,
        ..Principal::default()
    };
    let changed = house.update(&house.admin, all_new.clone(), &["away_until"]).await.unwrap();
    let right =
        Principal { away_until: away, update_time: changed.update_time, etag: changed.etag.clone(), ..made.clone() };
    assert_eq!(changed, right);
    assert_ne!((changed.update_time, &changed.etag), (made.update_time, &made.etag));

    let everything = house.update(&house.admin, all_new, &["*"]).await.unwrap();
    assert_eq!((everything.display_name.as_str(), everything.phone.as_str()), ("李四", "0632-5551234"));
    assert_eq!((everything.bindings[0].post(), everything.suspended), (Post::GridLeader, true));

    let nothing_set = Principal { name: made.name, ..Principal::default() };
    let cleared = house.update(&house.admin, nothing_set, &["phone", "away_until", "suspended"]).await.unwrap();
    assert_eq!((cleared.phone.as_str(), cleared.away_until, cleared.suspended), ("", None, false));
    assert_eq!(cleared.display_name, "李四");
}

#[tokio::test]
async fn without_a_mask_the_fields_that_are_set_are_changed() {
    let house = House::open().await;
    let (made, _) = house.hire("张三", &[(Post::GridWorker, "/1/2")]).await;
    let renamed = Principal { name: made.name.clone(), display_name: "李四".to_owned(), ..Principal::default() };
    for update_mask in [None, Some(FieldMask::default())] {
        let request =
            UpdatePrincipalRequest { principal: Some(renamed.clone()), update_mask, request_id: String::new() };
        let changed = house.staff().update_principal(bearing(&house.admin, request)).await.unwrap().into_inner();
        assert_eq!((changed.display_name.as_str(), changed.phone.as_str()), ("李四", "13812341234"));
        assert_eq!(changed.bindings, made.bindings);
    }
}

#[tokio::test]
async fn a_mask_with_an_unknown_path_is_refused_by_name() {
    let house = House::open().await;
    let (made, _) = house.hire("张三", &[(Post::GridWorker, "/1/2")]).await;
    for path in ["salary", "kind", "create_time", "bindings.post", "name", ""] {
        let error = house.update(&house.admin, made.clone(), &["phone", path]).await.unwrap_err();
        assert_eq!((error.kind(), fields(&error)), (Kind::Invalid, vec!["update_mask"]), "{path}");
        assert!(error.violations()[0].description.contains(&format!("{path:?}")));
    }
}

#[tokio::test]
async fn a_stale_etag_is_told_and_an_unchanged_update_keeps_it() {
    let house = House::open().await;
    let (made, _) = house.hire("张三", &[(Post::GridWorker, "/1/2")]).await;
    let same = house.update(&house.admin, made.clone(), &["*"]).await.unwrap();
    assert_eq!(same, made);
    let renamed = Principal { display_name: "李四".to_owned(), ..made.clone() };
    let changed = house.update(&house.admin, renamed, &["display_name"]).await.unwrap();
    let late = Principal { display_name: "王五".to_owned(), ..made };
    let error = house.update(&house.admin, late.clone(), &["display_name"]).await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Conflict, "ETAG_MISMATCH"));
    let informed = Principal { etag: changed.etag, ..late };
    assert_eq!(house.update(&house.admin, informed, &["display_name"]).await.unwrap().display_name, "王五");
}

#[tokio::test]
async fn a_repeated_request_makes_one_principal_and_other_content_is_refused() {
    let house = House::open().await;
    let request = CreatePrincipalRequest {
        principal: Some(person("张三", &[(Post::GridWorker, "/1/2")])),
        request_id: "7d0f4a3e-6f0c-4f4e-9f5b-0c8f6a1d2e3f".to_owned(),
    };
    let first = house.staff().create_principal(bearing(&house.admin, request.clone())).await.unwrap().into_inner();
    house.clock.advance_seconds(60);
    let again = house.staff().create_principal(bearing(&house.admin, request.clone())).await.unwrap().into_inner();
    assert_eq!(first, again);
    let (names, _) = list(&house, &house.admin, ListPrincipalsRequest::default()).await.unwrap();
    assert_eq!(names.iter().filter(|name| *name == "张三").count(), 1);
    let other = CreatePrincipalRequest { principal: Some(person("李四", &[])), ..request };
    let error = house.staff().create_principal(bearing(&house.admin, other)).await.unwrap_err();
    assert_eq!(from_status(error).reason(), "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn phones_are_masked_for_those_without_clearance() {
    let house = House::open().await;
    house.hire("张三", &[(Post::GridWorker, "/1/2")]).await;
    let (_, leader) = house.hire("网格长", &[(Post::GridLeader, "/1/2")]).await;
    let (_, auditor) = house.hire("审计员", &[(Post::Auditor, "/1")]).await;
    for (token, right) in [(&leader, "13812341234"), (&auditor, "138****1234")] {
        let request = ListPrincipalsRequest { area: area("/1/2"), ..ListPrincipalsRequest::default() };
        let page = house.staff().list_principals(bearing(token, request)).await.unwrap().into_inner();
        let worker = page.principals.iter().find(|principal| principal.display_name == "张三").unwrap();
        assert_eq!(worker.phone, right);
    }
    assert_eq!(house.who_am_i(&auditor).await.unwrap().phone, "13812341234", "one's own is never masked");
}

#[tokio::test]
async fn a_list_holds_everyone_of_the_subtree_once_over_all_pages() {
    let house = House::open().await;
    for number in 0..30 {
        let (home, away) = (format!("/1/2/{}", number + 1), format!("/1/3/{}", number + 1));
        let mut posts = vec![(Post::GridWorker, home.as_str()), (Post::MicroGridWorker, home.as_str())];
        if number % 2 == 0 {
            posts.push((Post::GridWorker, &away));
        }
        house.create(&house.admin, person(&format!("{number}"), &posts)).await.unwrap();
        house.clock.advance_seconds(1);
    }
    let expect = |step: usize| (0..30).step_by(step).map(|number| number.to_string()).collect::<Vec<_>>();
    for (root, step) in [("/1", 1), ("/1/2", 1), ("/1/3", 2), ("/", 1)] {
        let mut listed = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListPrincipalsRequest { area: area(root), page_size: 7, page_token, post: 0 };
            let (names, next) = list(&house, &house.admin, request).await.unwrap();
            assert!(names.len() <= 7);
            listed.extend(names);
            page_token = next;
            if page_token.is_empty() {
                break;
            }
        }
        listed.retain(|name| !name.starts_with("administrator"));
        assert_eq!(listed, expect(step), "{root}");
    }
}

#[tokio::test]
async fn a_scope_of_several_subtrees_is_listed_as_one() {
    let house = House::open().await;
    for (name, posts) in [
        ("both", vec![(Post::GridWorker, "/1/2/1"), (Post::GridWorker, "/1/4/1")]),
        ("first", vec![(Post::GridWorker, "/1/2/1")]),
        ("between", vec![(Post::GridWorker, "/1/3")]),
        ("second", vec![(Post::GridLeader, "/1/4")]),
        ("above", vec![(Post::GridLeader, "/1")]),
    ] {
        house.create(&house.admin, person(name, &posts)).await.unwrap();
        house.clock.advance_seconds(1);
    }
    let (_, desk) = house.hire("desk", &[(Post::CommunityDesk, "/1/2"), (Post::CommunityDesk, "/1/4")]).await;
    let all = list(&house, &desk, ListPrincipalsRequest::default()).await.unwrap().0;
    assert_eq!(all, ["both", "first", "second", "desk"]);
    let leaders = ListPrincipalsRequest { post: Post::GridLeader.into(), ..ListPrincipalsRequest::default() };
    assert_eq!(list(&house, &desk, leaders).await.unwrap().0, ["second"]);
    let above = ListPrincipalsRequest { area: area("/1"), ..ListPrincipalsRequest::default() };
    assert_eq!(list(&house, &desk, above).await.unwrap().0, ["both", "first", "second", "desk"]);
    let inside = ListPrincipalsRequest { area: area("/1/4/1"), ..ListPrincipalsRequest::default() };
    assert_eq!(list(&house, &desk, inside).await.unwrap().0, ["both"]);
    let beside = ListPrincipalsRequest { area: area("/1/3"), ..ListPrincipalsRequest::default() };
    assert_eq!(fields(&list(&house, &desk, beside).await.unwrap_err()), ["area"]);
}

#[tokio::test]
async fn a_page_token_serves_only_its_own_query() {
    let house = House::open().await;
    for name in ["a", "b", "c"] {
        house.create(&house.admin, person(name, &[(Post::GridWorker, "/1")])).await.unwrap();
    }
    let first = ListPrincipalsRequest { page_size: 1, area: area("/1"), ..ListPrincipalsRequest::default() };
    let (_, page_token) = list(&house, &house.admin, first.clone()).await.unwrap();
    let other = ListPrincipalsRequest { page_token, area: area("/"), ..first };
    assert_eq!(fields(&list(&house, &house.admin, other).await.unwrap_err()), ["page_token"]);
    let unknown = ListPrincipalsRequest { post: 99, area: "x".to_owned(), page_size: -1, ..Default::default() };
    let error = list(&house, &house.admin, unknown).await.unwrap_err();
    assert_eq!(fields(&error).into_iter().collect::<BTreeSet<_>>(), BTreeSet::from(["area", "page_size", "post"]));
}

#[tokio::test]
async fn nobody_holds_more_posts_than_the_limit() {
    let house = House::open().await;
    let paths: Vec<String> = (1..=limits::BINDINGS_MAX + 1).map(|number| format!("/1/{}", number + 100)).collect();
    let posts: Vec<_> = paths.iter().map(|path| (Post::GridWorker, path.as_str())).collect();
    let error = house.create(&house.admin, person("张三", &posts)).await.unwrap_err();
    assert_eq!(fields(&error), ["principal.bindings"]);
    let (most, token) = house.hire("李四", &posts[1..]).await;
    assert_eq!(most.bindings.len(), limits::BINDINGS_MAX);
    assert_eq!(house.who_am_i(&token).await.unwrap().bindings.len(), limits::BINDINGS_MAX);
}
