//! Boundaries change as a whole: never a mixture, at the time that was set, and the past stays answerable.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use api::grids::v1::{
    ActivateReleaseRequest, AreaKind, Datum, DecidedBy, GetBoundaryRequest, LocateManyRequest, LocateRequest, Location,
};
use base::Time;
use tests::{Caller, Land, Plot, Wangge, activate, done, point, rectangle, timestamp};

/// A subdistrict of 2 by 2 cells, cut in two from north to south, or from east to west.
fn cut(upright: bool) -> Vec<Plot> {
    let (one, two) = if upright {
        (rectangle(0.0, 0.0, 1.0, 2.0), rectangle(1.0, 0.0, 2.0, 2.0))
    } else {
        (rectangle(0.0, 0.0, 2.0, 1.0), rectangle(0.0, 1.0, 2.0, 2.0))
    };
    vec![
        Plot::new(AreaKind::Subdistrict, "S", "", rectangle(0.0, 0.0, 2.0, 2.0)),
        Plot::new(AreaKind::Community, "1", "S", one),
        Plot::new(AreaKind::Community, "2", "S", two),
    ]
}

async fn locate(caller: &Caller, x: f64, y: f64, as_of: Option<Time>) -> Location {
    let request = LocateRequest { point: point(x, y), as_of: as_of.map(timestamp), ..Default::default() };
    done(caller.grids().locate(request).await)
}

fn finest(location: &Location) -> &str {
    location.chain.last().map_or("", |area| &area.code)
}

/// The corner areas (south-east, north-west) of a batch: upright (2, 1), else (1, 2). Anything else is a mixture.
async fn corners(caller: &Caller) -> (String, String) {
    let ((east, south), (west, north)) = (tests::ground(1.5, 0.5), tests::ground(0.5, 1.5));
    let request = LocateManyRequest {
        datum: Datum::Wgs84.into(),
        longitude_deg: [east, west].repeat(500),
        latitude_deg: [south, north].repeat(500),
        ..Default::default()
    };
    let mut answers = done(caller.grids().locate_many(tokio_stream::iter([request])).await);
    let answer = answers.message().await.unwrap().expect("one answer for one message");
    let code = |number: u32| answer.areas[number as usize - 1].code.clone();
    let pairs: std::collections::BTreeSet<_> =
        answer.area_number.chunks(2).map(|pair| (code(pair[0]), code(pair[1]))).collect();
    assert_eq!(pairs.len(), 1, "one message is answered from one release: {pairs:?}");
    pairs.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_the_old_boundaries_or_the_new_ones_and_never_a_mixture() {
    let server = Wangge::start().await;
    let administrator = server.administrator.clone();
    let land = Land::install(&administrator, &cut(true)).await;
    let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (caller, stop, asked) = (administrator.clone(), stop.clone(), asked.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let pair = corners(&caller).await;
                    let whole = [("2", "1"), ("1", "2")];
                    assert!(whole.iter().any(|(one, two)| (*one, *two) == (&*pair.0, &*pair.1)), "a mixture: {pair:?}");
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for round in 0..12 {
        server.clock.advance_seconds(1);
        let upright = round % 2 == 1;
        let release = land.draft(&administrator, &cut(upright)).await;
        activate(&administrator, &release, &[]).await;
        // Whoever asks after the answer is told by the new boundaries.
        let wanted = if upright { ("2", "1") } else { ("1", "2") };
        let seen = corners(&administrator).await;
        assert_eq!((&*seen.0, &*seen.1), wanted, "read your writes, round {round}");
        assert_eq!(locate(&administrator, 1.5, 0.5, None).await.release, release.name);
    }
    stop.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.expect("no reader saw a mixture");
    }
    assert!(asked.load(Ordering::Relaxed) > 50, "the readers really read while boundaries changed");
}

#[tokio::test]
async fn as_of_answers_with_the_boundaries_that_were_in_force_then() {
    let mut server = Wangge::start().await;
    let administrator = server.administrator.clone();
    let before = server.now().plus_seconds(-3_600);
    let land = Land::install(&administrator, &cut(true)).await;
    let first = server.now();
    server.clock.advance_seconds(3_600);
    let release = land.draft(&administrator, &cut(false)).await;
    activate(&administrator, &release, &[]).await;
    let second = server.now();
    server.clock.advance_seconds(60);
    for round in ["running", "restarted"] {
        let administrator = server.administrator.clone();
        assert_eq!(finest(&locate(&administrator, 1.5, 0.5, None).await), "1", "{round}");
        assert_eq!(finest(&locate(&administrator, 1.5, 0.5, Some(second)).await), "1", "{round}");
        assert_eq!(finest(&locate(&administrator, 1.5, 0.5, Some(second.plus_micros(-1))).await), "2", "{round}");
        assert_eq!(finest(&locate(&administrator, 1.5, 0.5, Some(first)).await), "2", "{round}");
        let unborn = locate(&administrator, 1.5, 0.5, Some(before)).await;
        assert!(unborn.chain.is_empty() && unborn.release.is_empty(), "{round}: {unborn:?}");
        assert_eq!(unborn.decided_by(), DecidedBy::NearestOutside, "{round}");
        server.restart().await;
    }
}

#[tokio::test]
async fn a_release_comes_into_force_by_itself_at_its_time() {
    let mut server = Wangge::start().await;
    let administrator = server.administrator.clone();
    let land = Land::install(&administrator, &cut(true)).await;
    let tomorrow = server.now().plus_seconds(86_400);
    let release = land.draft(&administrator, &cut(false)).await;
    let request = ActivateReleaseRequest {
        name: release.name.clone(),
        activate_time: Some(timestamp(tomorrow)),
        ..Default::default()
    };
    done(administrator.grids().activate_release(request).await);
    assert_eq!(finest(&locate(&administrator, 1.5, 0.5, None).await), "2", "not yet");
    assert_eq!(finest(&locate(&administrator, 1.5, 0.5, Some(tomorrow)).await), "1", "the future is planned");
    server.restart().await;
    let administrator = server.administrator.clone();
    server.clock.set(tomorrow.plus_micros(-1));
    assert_eq!(finest(&locate(&administrator, 1.5, 0.5, None).await), "2", "a microsecond before");
    server.clock.set(tomorrow);
    assert_eq!(finest(&locate(&administrator, 1.5, 0.5, None).await), "1", "at the moment");
    let boundary = GetBoundaryRequest { name: land.name("1"), datum: Datum::Wgs84.into(), ..Default::default() };
    assert_eq!(done(administrator.grids().get_boundary(boundary).await).release, release.name);
}
