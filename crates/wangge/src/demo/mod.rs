//! `wangge demo`: a server, a made-up subdistrict and a day of incidents, in one command.
//!
//! It starts a real server on an embedded store in a temporary directory, loads the subdistrict through gRPC
//! (`load`), plays the day at speed (`play`, on the clock of `pace`), and shows what the server says of it
//! (`eyes`, `tally`, `board`, `screen`). Then it stays up with lines to try (`tips`). Nothing here can do what
//! another client could not.

mod board;
mod eyes;
mod load;
mod meter;
mod pace;
mod play;
mod screen;
mod tally;
mod tips;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use api::staff::v1::Post;
use base::{Clock, Error, Kind, ManualClock, Result};
use events::{Allowance, CategoryRules, DeadlineRules};
use geometry::{Position, Shape};
use serde_json::json;

use crate::client::{Clients, endpoint};
use crate::config::Config;
use crate::generate::Subdistrict;
use crate::generate::areas::SUBDISTRICT;
use crate::generate::day::Incident;
use crate::output::Output;
use crate::serve::{ADMIN_TOKEN_FILE, Server};
use eyes::Eyes;
use load::{Loaded, load};
use meter::Meter;
use pace::Pace;
use play::{Hands, Player, begin_of_day};
use screen::Screen;
use tally::Tally;
use tips::Tips;

/// Between two drawings of the board.
const FRAME: Duration = Duration::from_millis(220);
/// The port that is tried first: the one that clients call unless told otherwise.
const PORT: u16 = 50_051;

/// Watches a day in a made-up subdistrict.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wangge demo
  wangge demo --speed 1800                 the day in half a minute
  wangge demo --exit-at-end | tee day.txt  one line per hour, and an end; fails when a call failed

Names and codes of 坛山街道 (370404001) and its communities are real; borders, people and incidents are made up.")]
pub struct Arguments {
    /// The same seed plays the same day
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// Seconds of the day for each real second; 450 plays it in two minutes
    #[arg(long, value_name = "FACTOR", default_value_t = 450.0, value_parser = speed)]
    pub speed: f64,
    /// Port of the server; 0 takes any free one. Otherwise 50051, or any when that is taken
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Stop after the day instead of staying up
    #[arg(long)]
    pub exit_at_end: bool,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| format!("{text:?} is no number; write 450"))?;
    (1.0..=1e6).contains(&speed).then_some(speed).ok_or_else(|| "must lie from 1 to 1000000".to_owned())
}

/// Runs the demo until the day is over and it is told to stop.
///
/// Errors: those of starting a server, and the first call of the day that failed.
pub async fn run(arguments: Arguments, output: Output) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("wangge-demo-").tempdir().map_err(|cause| {
        Error::new(Kind::Precondition, "DEMO", "a temporary directory cannot be made").caused_by(cause)
    })?;
    let clock = Arc::new(ManualClock::at(begin_of_day()));
    let server = start(&arguments, folder.path(), clock.clone()).await?;
    let told = tokio::select! {
        told = tell(&arguments, output, folder.path(), &server, &clock) => told,
        asked = asked_to_stop() => asked,
    };
    // The server must have let go of its files before they can be removed.
    let stopped = server.stop().await;
    let removed = folder.close().map_err(|cause| {
        Error::new(Kind::Precondition, "DEMO", "the temporary directory cannot be removed").caused_by(cause)
    });
    told.and(stopped).and(removed)
}

async fn start(arguments: &Arguments, folder: &Path, clock: Arc<ManualClock>) -> Result<Server> {
    let config = |port: u16| Config {
        data: folder.join("data"),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        events: events::Options { deadlines: deadlines(), ..events::Options::default() },
        ..Config::default()
    };
    match Server::start(config(arguments.port.unwrap_or(PORT)), clock.clone()).await {
        Err(error) if arguments.port.is_none() && error.reason() == "LISTEN" => Server::start(config(0), clock).await,
        started => started,
    }
}

/// Deadlines as a deployment would set them, after a municipal table (standards.md §3.3): rubbish, streets and water
/// within hours. The table counts working hours; these are hours of the clock, which is stricter. What is not listed
/// follows the general rule.
fn deadlines() -> DeadlineRules {
    let hours = |hours: u32| CategoryRules {
        ordinary: Some(Allowance::ClockHours(hours)),
        urgent: Some(Allowance::ClockHours(hours)),
        critical: None,
    };
    let within = [
        ("占道经营", 2),
        ("店外经营", 2),
        ("机动车乱停放", 2),
        ("暴露垃圾", 4),
        ("道路积水", 4),
        ("下水道堵塞", 4),
        ("消防通道堵塞", 4),
        ("电动自行车违规充电", 4),
    ];
    let categories: BTreeMap<String, CategoryRules> =
        within.into_iter().map(|(category, limit)| (category.to_owned(), hours(limit))).collect();
    DeadlineRules { categories, ..DeadlineRules::default() }
}

/// Loads, plays, shows, and stays up.
async fn tell(
    arguments: &Arguments,
    output: Output,
    folder: &Path,
    server: &Server,
    clock: &Arc<ManualClock>,
) -> Result<()> {
    let token_file = folder.join("data").join(ADMIN_TOKEN_FILE);
    output.line(format!("{} on an embedded store in {}", server.url(), folder.display()))?;
    let stage = Stage::set(arguments, server, &token_file, clock).await?;
    output.value(&stage.loaded_json(), || stage.loaded_line())?;

    let (mut player, eyes) = stage.cast(clock).await?;
    let cursor = eyes.cursor().await?;
    let pace = Pace::new(clock.clone(), arguments.speed);
    let note = format!("{}x", arguments.speed);
    let mut screen = if output.json { None } else { Screen::open() };

    let day = async {
        let played = tokio::select! {
            played = player.play(&stage.incidents, &pace) => played,
            shown = show(&eyes, &mut screen, output, &note) => shown,
        };
        frame(&eyes, &mut screen, output, "the day is over").await?;
        drop(screen);
        played?;
        if arguments.exit_at_end {
            return Ok(());
        }
        let program = std::env::current_exe().unwrap_or_else(|_| "wangge".into());
        let tips = Tips {
            program: &program,
            address: server.address().to_string(),
            token_file: &token_file,
            place: somewhere(&stage.loaded.subdistrict)?,
        };
        output.line(format!("\n{}\n", tips.text()))?;
        let real_time = Pace::new(clock.clone(), 1.0);
        tokio::select! {
            () = real_time.run_on() => Ok(()),
            told = tell_changes(&eyes, output) => told,
        }
    };
    tokio::select! {
        ended = day => ended,
        followed = eyes.follow(cursor) => followed,
    }
}

/// Everything the day needs, loaded.
struct Stage {
    admin: Clients,
    channel: tonic::transport::Channel,
    meter: Arc<Meter>,
    loaded: Arc<Loaded>,
    incidents: Vec<Incident>,
    took: Duration,
}

impl Stage {
    async fn set(arguments: &Arguments, server: &Server, token_file: &Path, clock: &Arc<ManualClock>) -> Result<Self> {
        let subdistrict = Arc::new(Subdistrict::generate(arguments.seed)?);
        let incidents = subdistrict.day(arguments.seed)?;
        let channel = endpoint(&server.url(), None)?.connect().await.map_err(|cause| {
            Error::new(Kind::Unavailable, "DEMO", "the server that was just started does not answer").caused_by(cause)
        })?;
        let token = std::fs::read_to_string(token_file).map_err(|cause| {
            Error::new(Kind::Internal, "DEMO", "the server wrote no administrator's token").caused_by(cause)
        })?;
        let admin = Clients::over(channel.clone(), token.trim())?;
        let meter = Arc::new(Meter::default());
        let begun = Instant::now();
        let loaded = Arc::new(load(&admin, subdistrict, clock.now(), &meter).await?);
        Ok(Self { admin, channel, meter, loaded, incidents, took: begun.elapsed() })
    }

    /// Who plays, and who looks: a desk of the subdistrict.
    async fn cast(&self, clock: &Arc<ManualClock>) -> Result<(Player, Eyes)> {
        let (loaded, meter) = (self.loaded.clone(), self.meter.clone());
        let mut hands = Hands::new(self.admin.clone(), self.channel.clone(), loaded.clone(), meter.clone());
        let desks = loaded.subdistrict.staff.holders(Post::SubdistrictDesk, SUBDISTRICT);
        let desk = *desks.first().ok_or_else(|| Error::internal("the subdistrict has no desk"))?;
        let eyes = Eyes {
            clients: hands.of(desk).await?,
            loaded: loaded.clone(),
            meter: meter.clone(),
            clock: clock.clone(),
            tally: Mutex::new(Tally::default()),
        };
        Ok((Player { hands, loaded, meter }, eyes))
    }

    fn loaded_line(&self) -> String {
        let subdistrict = &self.loaded.subdistrict;
        format!(
            "loaded 坛山街道 through gRPC in {:.1} s: {} areas, {} borders, {} staff, {} charges",
            self.took.as_secs_f64(),
            subdistrict.areas.len(),
            subdistrict.areas.iter().filter(|area| area.shape.is_some()).count(),
            subdistrict.staff.people.len(),
            subdistrict.staff.charges.len(),
        )
    }

    fn loaded_json(&self) -> serde_json::Value {
        let subdistrict = &self.loaded.subdistrict;
        json!({
            "loaded_s": self.took.as_secs_f64(), "areas": subdistrict.areas.len(),
            "staff": subdistrict.staff.people.len(), "charges": subdistrict.staff.charges.len(),
        })
    }
}

/// Shows the day until it is dropped: the board several times a second, or a line every hour where nobody looks.
async fn show(eyes: &Eyes, screen: &mut Option<Screen>, output: Output, note: &str) -> Result<()> {
    let mut hour = eyes.now().second_of_day() / 3_600;
    loop {
        tokio::time::sleep(FRAME).await;
        let now = eyes.now().second_of_day() / 3_600;
        if screen.is_some() || now != hour {
            frame(eyes, screen, output, note).await?;
        }
        hour = now;
    }
}

async fn frame(eyes: &Eyes, screen: &mut Option<Screen>, output: Output, note: &str) -> Result<()> {
    let view = eyes.view(note).await?;
    if let Some(screen) = screen {
        let (columns, rows) = screen.size();
        screen.draw(&board::lines(&view, columns, rows));
        return Ok(());
    }
    let told = json!({
        "time": view.now.to_string(), "reported": view.reported, "open": view.open, "overdue": view.overdue,
        "closed": view.closed, "refused": view.refused, "calls": view.calls.total, "failed": view.calls.failed,
    });
    output.value(&told, || board::summary(&view))
}

/// After the day: what others do to the server is told line by line.
async fn tell_changes(eyes: &Eyes, output: Output) -> Result<()> {
    let mut told = eyes.tally().change_count();
    loop {
        tokio::time::sleep(FRAME).await;
        let (count, changes) = {
            let tally = eyes.tally();
            (tally.change_count(), tally.changes())
        };
        for change in changes.iter().take(count - told).rev() {
            output.line(board::change(change, true))?;
        }
        told = count;
    }
}

/// The middle of some micro-grid.
fn somewhere(subdistrict: &Subdistrict) -> Result<Position> {
    let micro_grids = subdistrict.areas.iter().filter(|area| area.estate.is_some());
    let mut places = micro_grids.filter_map(|area| area.shape.as_ref().and_then(Shape::inner_position));
    places.next().ok_or_else(|| Error::internal("the subdistrict has no micro-grid"))
}

/// Ends when the process is asked to stop.
async fn asked_to_stop() -> Result<()> {
    let failed = |cause| Error::internal("signals cannot be listened for").caused_by(cause);
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        // The terminal was closed.
        let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
        tokio::select! {
            asked = tokio::signal::ctrl_c() => asked.map_err(failed),
            _ = terminate.recv() => Ok(()),
            _ = hang_up.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The demo as far as the end of the day, on a server of its own.
    async fn played(speed: f64) -> (board::View, usize) {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Arguments { seed: 1, speed, port: Some(0), exit_at_end: true };
        let clock = Arc::new(ManualClock::at(begin_of_day()));
        let server = start(&arguments, folder.path(), clock.clone()).await.unwrap();
        let token_file = folder.path().join("data").join(ADMIN_TOKEN_FILE);
        let stage = Stage::set(&arguments, &server, &token_file, &clock).await.unwrap();
        let (mut player, eyes) = stage.cast(&clock).await.unwrap();
        let cursor = eyes.cursor().await.unwrap();
        let pace = Pace::new(clock.clone(), arguments.speed);
        let day = async {
            player.play(&stage.incidents, &pace).await.unwrap();
            let all = u32::try_from(stage.incidents.len()).unwrap();
            for _ in 0..100 {
                if eyes.tally().hours().iter().sum::<u32>() == all {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            eyes.view("").await.unwrap()
        };
        let view = tokio::select! {
            view = day => view,
            ended = eyes.follow(cursor) => panic!("the watch ended: {ended:?}"),
        };
        let count = stage.incidents.len();
        server.stop().await.unwrap();
        (view, count)
    }

    #[tokio::test]
    async fn a_whole_day_is_played_on_a_real_server_and_its_numbers_agree() {
        let (view, count) = played(1e6).await;
        assert_eq!(view.calls.failed, 0);
        assert_eq!(view.reported, count as u64);
        assert_eq!(view.open + view.closed + view.refused, view.reported);
        // What is counted by community, and what was watched, is what is counted in all.
        let sum = |of: fn(&board::Row) -> u64| view.communities.iter().map(of).sum::<u64>();
        assert_eq!(
            (sum(|row| row.open), sum(|row| row.overdue), sum(|row| row.closed)),
            (view.open, view.overdue, view.closed)
        );
        assert_eq!(u64::from(view.hours.iter().sum::<u32>()), view.reported);
        assert!(view.overdue > 0 && view.refused > 0 && view.closed > view.reported / 2, "{view:?}");
        assert!(view.accepted_in_time.whole > 0 && view.accepted_in_time.part < view.accepted_in_time.whole);
        assert!(view.hotspot.is_some_and(|spot| spot.places.len() >= 2 && spot.channels.len() >= 2));
    }

    #[test]
    fn a_speed_must_be_a_sensible_number() {
        assert_eq!(speed("450"), Ok(450.0));
        assert!(speed("0").is_err() && speed("NaN").is_err() && speed("fast").is_err());
    }
}
