//! Who may handle events at an area, as those are told who may dispatch them there.

use api::staff::v1::{GetPrincipalRequest, Handler, ListHandlersRequest, Post, Principal};
use base::{Kind, Result};
use rpc::status::from_status;

use super::{House, area, bearing, binding};

async fn ask(house: &House, token: &str, request: ListHandlersRequest) -> Result<(Vec<Handler>, String)> {
    let answer = house.staff().list_handlers(bearing(token, request)).await.map_err(from_status)?.into_inner();
    Ok((answer.handlers, answer.next_page_token))
}

fn at(path: &str) -> ListHandlersRequest {
    ListHandlersRequest { path: path.to_owned(), ..ListHandlersRequest::default() }
}

/// The names of those whom somebody is told of, all pages of two together.
async fn names(house: &House, token: &str, path: &str) -> Vec<String> {
    let mut request = ListHandlersRequest { page_size: 2, ..at(path) };
    let mut names = Vec::new();
    loop {
        let (handlers, next) = ask(house, token, request.clone()).await.unwrap();
        names.extend(handlers.into_iter().map(|handler| handler.display_name));
        if next.is_empty() {
            return names;
        }
        request.page_token = next;
    }
}

/// A subdistrict /1 with a department, a desk and people of two communities; answers the desk of /1/2.
async fn subdistrict() -> (House, String) {
    let house = House::open().await;
    let (_, desk) = house.hire("社区坐席", &[(Post::CommunityDesk, "/1/2")]).await;
    for (name, posts) in [
        ("执法中队", vec![(Post::Department, "/1"), (Post::Department, "/9"), (Post::Auditor, "/1/2")]),
        ("街道坐席", vec![(Post::SubdistrictDesk, "/1")]),
        ("街道管理员", vec![(Post::Administrator, "/1")]),
        ("审计", vec![(Post::Auditor, "/1")]),
        ("网格员", vec![(Post::GridWorker, "/1/2/5"), (Post::GridLeader, "/1/2")]),
        ("邻居", vec![(Post::GridWorker, "/1/2/6")]),
        ("别社区", vec![(Post::CommunityDesk, "/1/3")]),
        ("别街道", vec![(Post::Department, "/2")]),
    ] {
        house.clock.advance_seconds(1);
        house.hire(name, &posts).await;
    }
    (house, desk)
}

#[tokio::test]
async fn a_community_desk_is_told_of_the_departments_and_desks_above_it() {
    let (house, desk) = subdistrict().await;
    assert_eq!(names(&house, &desk, "/1/2/5/1").await, ["社区坐席", "执法中队", "街道坐席", "网格员"]);
    assert_eq!(names(&house, &desk, "/1/2/6").await, ["社区坐席", "执法中队", "街道坐席", "网格员", "邻居"]);
    let by_area = ListHandlersRequest { area: area("/1/2"), ..ListHandlersRequest::default() };
    assert_eq!(ask(&house, &desk, by_area).await.unwrap().0.len(), 4);
}

#[tokio::test]
async fn of_a_handler_nothing_is_told_but_who_it_is_and_through_which_posts() {
    let (house, desk) = subdistrict().await;
    let (handlers, _) = ask(&house, &desk, at("/1/2/5")).await.unwrap();
    let department = handlers.iter().find(|handler| handler.display_name == "执法中队").unwrap();
    let posts: Vec<(Post, &str)> =
        department.bindings.iter().map(|binding| (binding.post(), binding.path.as_str())).collect();
    assert_eq!(posts, [(Post::Department, "/1")], "neither its post at /9 nor one that handles nothing");
    // The narrow rule opens nothing else: whoever works only above the desk's area is still nobody to GetPrincipal.
    let above = handlers.iter().find(|handler| handler.display_name == "街道坐席").unwrap();
    let get = GetPrincipalRequest { name: above.principal.clone() };
    let hidden = house.staff().get_principal(bearing(&desk, get)).await.map_err(from_status).unwrap_err();
    assert_eq!(hidden.kind(), Kind::NotFound);
}

#[tokio::test]
async fn administrators_above_are_told_of_by_name_only_and_whoever_is_suspended_never() {
    let (house, desk) = subdistrict().await;
    let (boss, all) = house.hire("第二管理员", &[(Post::Administrator, "/")]).await;
    assert!(!names(&house, &desk, "/1/2").await.contains(&"第二管理员".to_owned()));
    assert!(names(&house, &all, "/1/2").await.contains(&"第二管理员".to_owned()), "inside one's own scope");
    let named = |name: &str| ListHandlersRequest { principal: name.to_owned(), ..at("/1/2/5") };
    assert_eq!(ask(&house, &desk, named(&boss.name)).await.unwrap().0.len(), 1);
    let suspended = Principal { suspended: true, ..boss.clone() };
    house.update(&house.admin, suspended, &["suspended"]).await.unwrap();
    assert_eq!(ask(&house, &desk, named(&boss.name)).await.unwrap().0, []);
    assert!(!names(&house, &house.admin, "/1/2").await.contains(&"第二管理员".to_owned()));
    let (handlers, _) = ask(&house, &desk, at("/1/2/5")).await.unwrap();
    let department = handlers.iter().find(|handler| handler.display_name == "执法中队").unwrap();
    let known = Principal { name: department.principal.clone(), ..Principal::default() };
    let moved = Principal { bindings: vec![binding(Post::Department, "/2")], ..known };
    house.update(&house.admin, moved, &["bindings"]).await.unwrap();
    assert_eq!(names(&house, &desk, "/1/2/5").await, ["社区坐席", "街道坐席", "网格员"], "with the very next call");
}

#[tokio::test]
async fn only_who_may_dispatch_in_an_area_is_told_who_handles_there() {
    let (house, desk) = subdistrict().await;
    for path in ["/1", "/1/3", "/2", "/"] {
        let refused = ask(&house, &desk, at(path)).await.unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::Forbidden, "OUT_OF_SCOPE"), "{path}");
    }
    for (name, post) in
        [("甲", Post::GridWorker), ("乙", Post::Department), ("丙", Post::Auditor), ("丁", Post::GridLeader)]
    {
        let (_, token) = house.hire(name, &[(post, "/1")]).await;
        let refused = ask(&house, &token, at("/1/2")).await.unwrap_err();
        assert_eq!(refused.reason(), "ACTION_NOT_ALLOWED", "{post:?}");
    }
    let wrong = ListHandlersRequest { principal: "x".to_owned(), page_size: -1, ..ListHandlersRequest::default() };
    let wrong = ask(&house, &desk, wrong).await.unwrap_err();
    let fields: Vec<_> = wrong.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["area", "principal", "page_size"]);
    let (_, next) = ask(&house, &desk, ListHandlersRequest { page_size: 1, ..at("/1/2") }).await.unwrap();
    let other = ListHandlersRequest { page_token: next, ..at("/1/2/5") };
    assert_eq!(ask(&house, &desk, other).await.unwrap_err().violations()[0].field, "page_token");
}
