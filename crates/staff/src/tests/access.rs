//! Who may see and change whom: nobody gives, takes or borrows a right that they do not administer.

use api::staff::v1::{
    GetPrincipalRequest, ListPrincipalsRequest, Post, Principal, RevokeTokensRequest, RotateKeyRequest,
};
use base::{Kind, Result};
use rpc::status::from_status;

use super::{House, bearing, binding, person};

async fn get(house: &House, token: &str, name: &str) -> Result<Principal> {
    let request = bearing(token, GetPrincipalRequest { name: name.to_owned() });
    house.staff().get_principal(request).await.map(tonic::Response::into_inner).map_err(from_status)
}

async fn revoke(house: &House, token: &str, name: &str) -> Result<()> {
    let request = RevokeTokensRequest { principal: name.to_owned(), request_id: String::new() };
    house.staff().revoke_tokens(bearing(token, request)).await.map(drop).map_err(from_status)
}

#[tokio::test]
async fn the_first_administrator_administers_everything() {
    let house = House::open().await;
    let me = house.who_am_i(&house.admin).await.unwrap();
    assert_eq!(me.display_name, "administrator 管理员");
    assert_eq!((me.bindings[0].post(), me.bindings[0].area.as_str()), (Post::Administrator, "areas/-"));
    assert_eq!(me.bindings[0].path, "/");
}

#[tokio::test]
async fn nobody_gives_a_post_above_or_beside_their_own_area() {
    let house = House::open().await;
    let (_, street) = house.hire("街道管理员", &[(Post::Administrator, "/1/2")]).await;
    for path in ["/", "/1", "/1/3"] {
        let refused = house.create(&street, person("张三", &[(Post::GridWorker, path)])).await.unwrap_err();
        // A place that the administrator cannot even see does not exist for them.
        let right = if path == "/1/3" { "INVALID_FIELDS" } else { "OUT_OF_SCOPE" };
        assert_eq!(refused.reason(), right, "{path}");
    }
    let worker = house.create(&street, person("张三", &[(Post::GridWorker, "/1/2/5")])).await.unwrap();
    for path in ["/", "/1"] {
        let promoted = Principal { bindings: vec![binding(Post::Administrator, path)], ..worker.clone() };
        let refused = house.update(&street, promoted, &["bindings"]).await.unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::Forbidden, "OUT_OF_SCOPE"));
    }
    assert_eq!(get(&house, &street, &worker.name).await.unwrap().bindings, worker.bindings);
}

#[tokio::test]
async fn a_post_without_administration_changes_nobody() {
    let house = House::open().await;
    let (desk, token) = house.hire("坐席", &[(Post::SubdistrictDesk, "/1/2")]).await;
    let refused = house.create(&token, person("张三", &[(Post::GridWorker, "/1/2/5")])).await.unwrap_err();
    assert_eq!(refused.reason(), "ACTION_NOT_ALLOWED");
    assert_eq!(house.token(&token, &desk.name).await.unwrap_err().reason(), "ACTION_NOT_ALLOWED");
}

#[tokio::test]
async fn who_also_works_elsewhere_is_changed_only_by_those_who_administer_both_places() {
    let house = House::open().await;
    let (_, street) = house.hire("街道管理员", &[(Post::Administrator, "/1/2")]).await;
    let posts = [(Post::GridWorker, "/1/2/5"), (Post::Administrator, "/1")];
    let (mighty, _) = house.hire("李四", &posts).await;
    assert!(get(&house, &street, &mighty.name).await.is_ok(), "who works here is seen here");
    let tamed = Principal { bindings: vec![binding(Post::GridWorker, "/1/2/5")], ..mighty.clone() };
    let renamed = Principal { display_name: "王五".to_owned(), ..mighty.clone() };
    assert_eq!(house.update(&street, tamed, &["bindings"]).await.unwrap_err().reason(), "OUT_OF_SCOPE");
    assert_eq!(house.update(&street, renamed, &["display_name"]).await.unwrap_err().reason(), "OUT_OF_SCOPE");
    assert_eq!(house.token(&street, &mighty.name).await.unwrap_err().reason(), "OUT_OF_SCOPE");
    assert_eq!(revoke(&house, &street, &mighty.name).await.unwrap_err().reason(), "OUT_OF_SCOPE");
    assert!(house.token(&house.admin, &mighty.name).await.is_ok());
}

#[tokio::test]
async fn who_works_elsewhere_does_not_exist_here() {
    let house = House::open().await;
    let (_, street) = house.hire("街道管理员", &[(Post::Administrator, "/1/2")]).await;
    let (stranger, _) = house.hire("李四", &[(Post::GridWorker, "/1/3")]).await;
    let unknown = "principals/0198b1c2-7a3e-7cc1-9c7e-2f6d3a1b4c5d";
    for name in [stranger.name.as_str(), unknown] {
        let refused = get(&house, &street, name).await.unwrap_err();
        assert_eq!((refused.kind(), refused.message()), (Kind::NotFound, format!("{name} does not exist").as_str()));
        assert_eq!(house.token(&street, name).await.unwrap_err().kind(), Kind::NotFound);
        assert_eq!(revoke(&house, &street, name).await.unwrap_err().kind(), Kind::NotFound);
    }
}

#[tokio::test]
async fn who_holds_no_post_exists_only_for_administrators_of_everything() {
    let house = House::open().await;
    let idle = house.create(&house.admin, person("张三", &[])).await.unwrap();
    let (_, street) = house.hire("街道管理员", &[(Post::Administrator, "/1")]).await;
    // Root, but no administrator.
    let (_, auditor) = house.hire("审计员", &[(Post::Auditor, "/")]).await;
    assert_eq!(get(&house, &house.admin, &idle.name).await.unwrap().display_name, "张三");
    for token in [&street, &auditor] {
        assert_eq!(get(&house, token, &idle.name).await.unwrap_err().kind(), Kind::NotFound);
        let listed = house.staff().list_principals(bearing(token, ListPrincipalsRequest::default())).await.unwrap();
        assert!(listed.into_inner().principals.iter().all(|principal| principal.name != idle.name));
    }
    let everyone = house.staff().list_principals(bearing(&house.admin, ListPrincipalsRequest::default())).await;
    assert_eq!(everyone.unwrap().into_inner().principals.len(), 4);
    let refused = house.create(&street, person("李四", &[])).await.unwrap_err();
    assert_eq!(refused.reason(), "OUT_OF_SCOPE");
}

#[tokio::test]
async fn the_last_administrator_of_everything_can_be_neither_suspended_nor_unbound() {
    let house = House::open().await;
    let me = house.who_am_i(&house.admin).await.unwrap();
    let suspended = Principal { suspended: true, ..me.clone() };
    let unbound = Principal { bindings: vec![binding(Post::Administrator, "/1")], ..me.clone() };
    for (change, mask) in [(suspended.clone(), "suspended"), (unbound, "bindings")] {
        let refused = house.update(&house.admin, change, &[mask]).await.unwrap_err();
        assert_eq!((refused.kind(), refused.reason()), (Kind::Precondition, "LAST_ADMINISTRATOR"));
    }
    assert!(!house.who_am_i(&house.admin).await.unwrap().suspended);
    let (_, second) = house.hire("第二管理员", &[(Post::Administrator, "/")]).await;
    house.update(&second, suspended, &["suspended"]).await.unwrap();
    assert_eq!(house.who_am_i(&house.admin).await.unwrap_err().reason(), "PRINCIPAL_SUSPENDED");
}

#[tokio::test]
async fn a_token_never_gives_more_than_its_issuer_could_have_given() {
    let house = House::open().await;
    let (_, street) = house.hire("街道管理员", &[(Post::Administrator, "/1/2")]).await;
    let worker = house.create(&street, person("张三", &[(Post::GridWorker, "/1/2/5")])).await.unwrap();
    let borrowed = house.token(&street, &worker.name).await.unwrap();
    let promoted = Principal { bindings: vec![binding(Post::Administrator, "/")], ..worker.clone() };
    house.update(&house.admin, promoted, &["bindings"]).await.unwrap();
    let me = house.who_am_i(&borrowed).await.unwrap();
    assert_eq!(me.bindings.len(), 1);
    assert_eq!((me.bindings[0].post(), me.bindings[0].path.as_str()), (Post::Administrator, "/1/2"));
    let refused = house.create(&borrowed, person("李四", &[(Post::GridWorker, "/1")])).await.unwrap_err();
    assert_eq!(refused.reason(), "OUT_OF_SCOPE");
    let rotated = house.staff().rotate_key(bearing(&borrowed, RotateKeyRequest::default())).await.unwrap_err();
    assert_eq!(from_status(rotated).reason(), "ACTION_NOT_ALLOWED");
    let full = house.token(&house.admin, &worker.name).await.unwrap();
    assert_eq!(house.who_am_i(&full).await.unwrap().bindings[0].path, "/");
}
