//! Tokens: what is no token, when one ends, and what a change of posts does to a caller's very next call.

use std::time::Duration;

use api::events::v1::{EventFilter, GetEventRequest};
use api::staff::v1::{
    Binding, IssueTokenRequest, Post, Principal, RevokeTokensRequest, RotateKeyRequest, UpdatePrincipalRequest,
    WhoAmIRequest,
};
use prost_types::FieldMask;
use tests::{Caller, Town, Watch, done, refused, report_at, time_of};
use tonic::Code;

async fn who(caller: &Caller) -> Result<String, Code> {
    let answer = caller.staff().who_am_i(WhoAmIRequest {}).await;
    answer.map(|me| me.into_inner().name).map_err(|status| status.code())
}

async fn token(town: &Town, principal: &str, lifetime_s: i64) -> String {
    let issue = IssueTokenRequest { principal: principal.to_owned(), lifetime_s };
    done(town.people.administrator.staff().issue_token(issue).await).token
}

fn change(name: &str, principal: Principal, field: &str) -> UpdatePrincipalRequest {
    UpdatePrincipalRequest {
        principal: Some(Principal { name: name.to_owned(), ..principal }),
        update_mask: Some(FieldMask { paths: vec![field.to_owned()] }),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_call_without_a_good_token_is_told_what_is_wrong_with_it() {
    let town = Town::start().await;
    let good = token(&town, &town.people.desk.name, 3_600).await;
    let refusal = refused(town.people.desk.with_token("", "").staff().who_am_i(WhoAmIRequest {}).await);
    refusal.expect(Code::Unauthenticated, "TOKEN_MISSING");
    let parts: Vec<&str> = good.split('.').collect();
    assert_eq!(parts.len(), 3, "a JWT");
    let mut other_signature = parts[2].chars().rev().collect::<String>();
    other_signature.make_ascii_lowercase();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for bad in [
        "garbage".to_owned(),
        "a.b.c".to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.{other_signature}", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{good}x"),
    ] {
        let refusal = refused(town.people.desk.with_token(&bad, "").staff().who_am_i(WhoAmIRequest {}).await);
        assert_eq!(refusal.code, Code::Unauthenticated, "{bad}: {refusal:?}");
        assert!(!refusal.reason.is_empty() && refusal.domain == "wangge", "{refusal:?}");
        assert!(!refusal.message.contains(&good[10..40]), "a token is never repeated in words: {refusal:?}");
    }
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let town = Town::start().await;
    let issue = IssueTokenRequest { principal: town.people.desk.name.clone(), lifetime_s: 60 };
    let issued = done(town.people.administrator.staff().issue_token(issue.clone()).await);
    assert_eq!(time_of(issued.expire_time), Some(town.server.now().plus_seconds(60)));
    let brief = town.people.desk.with_token(&issued.token, "");
    assert!(who(&brief).await.is_ok());
    town.server.clock.advance_seconds(59);
    assert!(who(&brief).await.is_ok());
    town.server.clock.advance_seconds(2);
    assert_eq!(who(&brief).await, Err(Code::Unauthenticated));
    for lifetime_s in [-1, 367 * 86_400] {
        let issue = IssueTokenRequest { lifetime_s, ..issue.clone() };
        let refusal = refused(town.people.administrator.staff().issue_token(issue).await);
        refusal.expect_fields(&["lifetime_s"]);
    }
}

#[tokio::test]
async fn revoked_tokens_end_with_the_very_next_call_and_new_ones_begin() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    assert!(who(desk).await.is_ok());
    let revoke = RevokeTokensRequest { principal: desk.name.clone(), ..Default::default() };
    done(town.people.administrator.staff().revoke_tokens(revoke).await);
    assert_eq!(who(desk).await, Err(Code::Unauthenticated));
    assert!(who(&town.people.desk_a).await.is_ok(), "nobody else is concerned");
    let fresh = desk.with_token(&token(&town, &desk.name, 0).await, "");
    assert!(who(&fresh).await.is_ok(), "a token issued in the same second as the revocation, but after it");
}

#[tokio::test]
async fn a_suspended_principal_is_out_at_once_and_back_when_it_is_lifted() {
    let town = Town::start().await;
    let desk = &town.people.desk;
    let set = |suspended: bool| change(&desk.name, Principal { suspended, ..Default::default() }, "suspended");
    done(town.people.administrator.staff().update_principal(set(true)).await);
    assert_eq!(who(desk).await, Err(Code::Unauthenticated));
    let issue = IssueTokenRequest { principal: desk.name.clone(), ..Default::default() };
    assert_eq!(refused(town.people.administrator.staff().issue_token(issue).await).code, Code::FailedPrecondition);
    done(town.people.administrator.staff().update_principal(set(false)).await);
    assert!(who(desk).await.is_ok());
}

#[tokio::test]
async fn a_lost_post_is_lost_with_the_next_call_and_its_watch_ends() {
    let town = Town::start().await;
    let desk_a = &town.people.desk_a;
    let event = done(desk_a.events().report_event(report_at(0.5, 0.5)).await);
    let mut watch = Watch::begin(desk_a, &EventFilter::default(), "", Vec::new()).await;
    let binding = Binding { post: Post::CommunityDesk.into(), area: town.land.name("B"), ..Default::default() };
    let moved = Principal { bindings: vec![binding], ..Default::default() };
    done(town.people.administrator.staff().update_principal(change(&desk_a.name, moved, "bindings")).await);
    let refusal = refused(desk_a.events().get_event(GetEventRequest { name: event.name.clone() }).await);
    refusal.expect(Code::NotFound, "NOT_FOUND");
    done(desk_a.events().report_event(report_at(2.5, 0.5)).await);
    // The stream looks again before it tells anything.
    let told = loop {
        match watch.next(Duration::from_secs(20)).await {
            Ok(()) => assert!(watch.state.is_empty(), "nothing of the new posts under the old watch"),
            Err(reason) => break reason,
        }
    };
    assert!(matches!(told.code(), Code::Unavailable | Code::PermissionDenied), "{told:?}");
}

#[tokio::test]
async fn a_key_rotates_and_tokens_of_the_one_before_stay_good() {
    let mut town = Town::start().await;
    let mut old = town.people.desk.clone();
    let before = done(town.people.administrator.staff().rotate_key(RotateKeyRequest::default()).await).key_id;
    let after = done(town.people.administrator.staff().rotate_key(RotateKeyRequest::default()).await).key_id;
    assert_ne!(before, after);
    assert!(who(&old).await.is_ok());
    let new = token(&town, &town.people.desk.name, 0).await;
    assert!(who(&old.with_token(&new, "")).await.is_ok());
    let refusal = refused(town.people.desk.staff().rotate_key(RotateKeyRequest::default()).await);
    refusal.expect(Code::PermissionDenied, "ACTION_NOT_ALLOWED");
    let old_token = token(&town, &town.people.desk.name, 0).await;
    town.server.restart().await;
    old = town.server.connect(&old_token).await;
    assert!(who(&old).await.is_ok(), "keys survive a restart");
}
