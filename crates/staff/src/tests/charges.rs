//! Charges, and who is found in charge.

use api::staff::v1::{
    AssignChargeRequest, Charge, EndChargeRequest, FindInChargeRequest, FindInChargeResponse, ListChargesRequest, Post,
    Principal,
};
use base::{Kind, Result};
use rpc::status::from_status;

use super::{House, area, bearing, binding, person};

async fn assign(house: &House, token: &str, path: &str, worker: &str, stand_in: &str) -> Result<Charge> {
    let charge =
        Charge { area: area(path), worker: worker.to_owned(), stand_in: stand_in.to_owned(), ..Charge::default() };
    let request = AssignChargeRequest { charge: Some(charge), request_id: String::new() };
    house.staff().assign_charge(bearing(token, request)).await.map(tonic::Response::into_inner).map_err(from_status)
}

async fn end(house: &House, token: &str, path: &str) -> Result<()> {
    let request = EndChargeRequest { area: area(path), request_id: String::new() };
    house.staff().end_charge(bearing(token, request)).await.map(drop).map_err(from_status)
}

async fn find(house: &House, token: &str, path: &str) -> Result<FindInChargeResponse> {
    let request = FindInChargeRequest { area: String::new(), path: path.to_owned() };
    house.staff().find_in_charge(bearing(token, request)).await.map(tonic::Response::into_inner).map_err(from_status)
}

/// Name, whether standing in, and by which area's charge.
async fn found(house: &House, path: &str) -> (String, bool, String) {
    let found = find(house, &house.admin, path).await.unwrap();
    (found.worker_display_name, found.standing_in, found.path)
}

fn answer(name: &str, standing_in: bool, path: &str) -> (String, bool, String) {
    (name.to_owned(), standing_in, path.to_owned())
}

/// A leader in charge of /1/2, and a worker of /1/2/5 with a stand-in.
async fn grid() -> (House, Principal, Principal, Principal) {
    let house = House::open().await;
    let (leader, _) = house.hire("网格长", &[(Post::GridLeader, "/1/2")]).await;
    let (worker, _) = house.hire("张三", &[(Post::GridWorker, "/1/2/5")]).await;
    let (stand_in, _) = house.hire("李四", &[(Post::GridWorker, "/1/2")]).await;
    assign(&house, &house.admin, "/1/2", &leader.name, "").await.unwrap();
    assign(&house, &house.admin, "/1/2/5", &worker.name, &stand_in.name).await.unwrap();
    (house, leader, worker, stand_in)
}

#[tokio::test]
async fn the_worker_is_in_charge_of_the_grid_and_of_everything_below_it() {
    let (house, ..) = grid().await;
    assert_eq!(found(&house, "/1/2/5").await, answer("张三", false, "/1/2/5"));
    assert_eq!(found(&house, "/1/2/5/9/1").await, answer("张三", false, "/1/2/5"));
    assert_eq!(found(&house, "/1/2/6").await, answer("网格长", false, "/1/2"));
    let by_area = FindInChargeRequest { area: area("/1/2/5/9"), path: String::new() };
    let by_area = house.staff().find_in_charge(bearing(&house.admin, by_area)).await.unwrap().into_inner();
    assert_eq!((by_area.worker_display_name.as_str(), by_area.path.as_str()), ("张三", "/1/2/5"));
}

#[tokio::test]
async fn while_the_worker_is_away_it_is_the_stand_in_and_then_whoever_is_above() {
    let (house, _, worker, stand_in) = grid().await;
    let until = super::START.plus_seconds(100);
    let away = |who: &Principal| Principal { away_until: Some(rpc::time::to_proto(until)), ..who.clone() };
    house.update(&house.admin, away(&worker), &["away_until"]).await.unwrap();
    assert_eq!(found(&house, "/1/2/5").await, answer("李四", true, "/1/2/5"));
    house.update(&house.admin, away(&stand_in), &["away_until"]).await.unwrap();
    assert_eq!(found(&house, "/1/2/5").await, answer("网格长", false, "/1/2"));
    house.clock.set(until);
    assert_eq!(found(&house, "/1/2/5").await, answer("张三", false, "/1/2/5"));
}

#[tokio::test]
async fn whoever_is_suspended_or_lost_the_post_is_passed_over() {
    let (house, leader, worker, stand_in) = grid().await;
    let suspended = Principal { suspended: true, ..worker };
    house.update(&house.admin, suspended, &["suspended"]).await.unwrap();
    assert_eq!(found(&house, "/1/2/5").await, answer("李四", true, "/1/2/5"));
    let moved = Principal { bindings: vec![binding(Post::GridWorker, "/1/3")], ..stand_in };
    house.update(&house.admin, moved, &["bindings"]).await.unwrap();
    assert_eq!(found(&house, "/1/2/5").await, answer("网格长", false, "/1/2"));
    let gone = Principal { suspended: true, ..leader };
    house.update(&house.admin, gone, &["suspended"]).await.unwrap();
    let nobody = find(&house, &house.admin, "/1/2/5").await.unwrap_err();
    assert_eq!((nobody.kind(), nobody.reason()), (Kind::NotFound, "NOBODY_IN_CHARGE"));
}

#[tokio::test]
async fn a_charge_of_the_root_answers_for_everything() {
    let house = House::open().await;
    assert_eq!(find(&house, &house.admin, "/3/4").await.unwrap_err().reason(), "NOBODY_IN_CHARGE");
    let me = house.who_am_i(&house.admin).await.unwrap();
    assign(&house, &house.admin, "/", &me.name, "").await.unwrap();
    let found = find(&house, &house.admin, "/3/4/5/6/7/8/9/10/11/12/13/14").await.unwrap();
    assert_eq!((found.worker, found.path.as_str()), (me.name, "/"));
}

#[tokio::test]
async fn a_charge_goes_only_to_somebody_who_holds_a_post_there() {
    let (house, _, worker, stand_in) = grid().await;
    let error = assign(&house, &house.admin, "/1/2", &worker.name, &stand_in.name).await.unwrap_err();
    assert_eq!(error.violations().len(), 1);
    assert_eq!(error.violations()[0].field, "charge.worker");
    let error = assign(&house, &house.admin, "/1/2", &stand_in.name, &worker.name).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "charge.stand_in");
    let error = assign(&house, &house.admin, "/1/2", &worker.name, &worker.name).await.unwrap_err();
    assert_eq!(error.violations()[0].field, "charge.stand_in");
    let error = assign(&house, &house.admin, "/1/77", "li", "").await.unwrap_err();
    let fields: Vec<_> = error.violations().iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(fields, ["charge.worker", "charge.area"]);
    let resting = Principal { suspended: true, ..worker.clone() };
    house.update(&house.admin, resting, &["suspended"]).await.unwrap();
    let error = assign(&house, &house.admin, "/1/2/5", &worker.name, "").await.unwrap_err();
    assert_eq!((error.kind(), error.reason()), (Kind::Precondition, "PRINCIPAL_SUSPENDED"));
}

#[tokio::test]
async fn a_charge_is_nothing_for_a_post_that_handles_nothing() {
    let (house, _, worker, _) = grid().await;
    let (auditor, _) = house.hire("审计", &[(Post::Auditor, "/1/2")]).await;
    let error = assign(&house, &house.admin, "/1/2/5", &auditor.name, "").await.unwrap_err();
    assert_eq!(error.violations()[0].field, "charge.worker");
    // Whoever only audits from now on is passed over like somebody who left.
    let promoted = Principal { bindings: vec![binding(Post::Auditor, "/1/2/5")], ..worker };
    house.update(&house.admin, promoted, &["bindings"]).await.unwrap();
    assert_eq!(found(&house, "/1/2/5").await, answer("李四", true, "/1/2/5"));
}

#[tokio::test]
async fn a_repeated_assignment_is_answered_although_its_area_is_no_longer_used() {
    let (house, leader, ..) = grid().await;
    let request = |path: &str| AssignChargeRequest {
        charge: Some(Charge { area: area(path), worker: leader.name.clone(), ..Charge::default() }),
        request_id: "7d0f4a3e-6f0c-4f4e-9f5b-0c8f6a1d2e3f".to_owned(),
    };
    let assign = |request| async {
        let answer = house.staff().assign_charge(bearing(&house.admin, request)).await;
        answer.map(tonic::Response::into_inner).map_err(from_status)
    };
    let first = assign(request("/1/2/6")).await.unwrap();
    house.retired.lock().unwrap().push("/1/2/6".parse().unwrap());
    assert_eq!(assign(request("/1/2/6")).await.unwrap(), first);
    // The same id with other content is found out, and a new id meets the area as it is now.
    assert_eq!(assign(request("/1/2/7")).await.unwrap_err().reason(), "REQUEST_ID_REUSED");
    let other = AssignChargeRequest { request_id: String::new(), ..request("/1/2/6") };
    assert_eq!(assign(other).await.unwrap_err().violations()[0].field, "charge.area");
}

#[tokio::test]
async fn an_assignment_does_not_tell_whether_a_stranger_exists() {
    let (house, ..) = grid().await;
    let (_, street) = house.hire("街道管理员", &[(Post::Administrator, "/1/2")]).await;
    let (stranger, _) = house.hire("王五", &[(Post::GridWorker, "/1/3")]).await;
    let unknown = "principals/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d";
    for name in [stranger.name.as_str(), unknown] {
        let error = assign(&house, &street, "/1/2", name, "").await.unwrap_err();
        assert_eq!(error.violations()[0].description, format!("{name} does not exist"));
    }
}

#[tokio::test]
async fn a_charge_is_given_and_taken_only_where_the_caller_administers() {
    let (house, leader, worker, _) = grid().await;
    let (_, street) = house.hire("街道管理员", &[(Post::Administrator, "/1/2")]).await;
    assign(&house, &street, "/1/2/5", &worker.name, "").await.unwrap();
    let above = assign(&house, &street, "/1", &leader.name, "").await.unwrap_err();
    assert_eq!((above.kind(), above.reason()), (Kind::Forbidden, "OUT_OF_SCOPE"));
    assert_eq!(end(&house, &street, "/1").await.unwrap_err().reason(), "OUT_OF_SCOPE");
    assert_eq!(end(&house, &street, "/1/3").await.unwrap_err().kind(), Kind::Invalid);
    assert_eq!(find(&house, &street, "/1/3").await.unwrap_err().reason(), "OUT_OF_SCOPE");
    end(&house, &street, "/1/2/5").await.unwrap();
    assert_eq!(found(&house, "/1/2/5").await, answer("网格长", false, "/1/2"));
    assert_eq!(end(&house, &street, "/1/2/5").await.unwrap_err().reason(), "NO_CHARGE");
}

#[tokio::test]
async fn an_area_is_in_one_charge_and_the_same_hands_keep_their_since() {
    let (house, leader, worker, stand_in) = grid().await;
    house.clock.advance_seconds(60);
    let kept = assign(&house, &house.admin, "/1/2/5", &worker.name, &stand_in.name).await.unwrap();
    assert_eq!(kept.update_time, Some(rpc::time::to_proto(super::START)));
    let replaced = assign(&house, &house.admin, "/1/2/5", &leader.name, "").await.unwrap();
    assert_eq!(replaced.worker_display_name, "网格长");
    assert_eq!(replaced.update_time, Some(rpc::time::to_proto(super::START.plus_seconds(60))));
    assert_eq!(found(&house, "/1/2/5").await, answer("网格长", false, "/1/2/5"));
}

#[tokio::test]
async fn charges_are_listed_in_the_order_of_the_tree_over_all_pages_of_a_scattered_scope() {
    let house = House::open().await;
    let all = ["/1", "/1/2", "/1/2/1", "/1/2/2", "/1/3/300", "/1/4", "/1/4/1", "/2/1"];
    let boss = house.create(&house.admin, person("boss", &[(Post::GridLeader, "/")])).await.unwrap();
    for path in all.iter().rev() {
        assign(&house, &house.admin, path, &boss.name, "").await.unwrap();
    }
    let posts = [(Post::CommunityDesk, "/1/2"), (Post::CommunityDesk, "/1/4"), (Post::CommunityDesk, "/1/9")];
    let (_, desk) = house.hire("desk", &posts).await;
    let scattered = ["/1/2", "/1/2/1", "/1/2/2", "/1/4", "/1/4/1"];
    for (token, right) in [(&house.admin, &all[..]), (&desk, &scattered[..])] {
        for page_size in 1..10 {
            let mut listed = Vec::new();
            let mut page_token = String::new();
            loop {
                let request = ListChargesRequest { page_size, page_token, area: String::new() };
                let page = house.staff().list_charges(bearing(token, request)).await.unwrap().into_inner();
                assert!(page.charges.iter().all(|charge| charge.worker_display_name == "boss"));
                listed.extend(page.charges.into_iter().map(|charge| charge.path));
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(listed, right, "in pages of {page_size}");
        }
    }
    let request = ListChargesRequest { area: area("/1/2"), ..ListChargesRequest::default() };
    let page = house.staff().list_charges(bearing(&desk, request)).await.unwrap().into_inner();
    assert_eq!(page.charges.len(), 3);
}

#[tokio::test]
async fn a_place_is_asked_for_in_one_way() {
    let (house, ..) = grid().await;
    for (area, path, field) in [(String::new(), "", "area"), (area("/1"), "/1", "path"), (String::new(), "1/2", "path")]
    {
        let request = FindInChargeRequest { area, path: path.to_owned() };
        let error = house.staff().find_in_charge(bearing(&house.admin, request)).await.unwrap_err();
        assert_eq!(from_status(error).violations()[0].field, field);
    }
}
