//! `wangge locate --csv`: rows stream from a file through `LocateMany` into a file.
//!
//! Three stations work at once, with a bounded number of batches between them: a thread that reads rows, the call, and a
//! thread that writes rows with their answers. The call answers in order, so a batch only has to wait for its answer.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use api::grids::v1::{AreaRef, Datum, LocateManyRequest, LocateManyResponse};
use base::{Error, Kind, Result, Time};
use csv::StringRecord;
use indicatif::ProgressBar;
use rpc::status::from_status;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::client::Clients;
use crate::output::{OUTPUT_CLOSED, usage};
use crate::progress::{self, Unit};
use crate::stores::blocking;
use crate::words;

/// Rows of one message.
const BATCH_ROWS: usize = 8_192;
/// Batches that wait between two stations.
const WAITING_MAX: usize = 4;
/// Rows that are named on standard error before the rest is only counted.
const ROWS_NAMED_MAX: u64 = 20;
/// The columns that are added.
const ADDED: [&str; 4] = ["area_code", "area_name", "decided_by", "border_m"];

/// Where rows come from and go to.
pub(super) struct Files {
    /// The file to read; `-` is standard input.
    pub(super) input: PathBuf,
    /// The file to write; none is standard output.
    pub(super) output: Option<PathBuf>,
}

impl Files {
    /// Writing over the file that is being read would destroy it before its rows are read.
    fn refuse_one_file_for_both(&self) -> Result<()> {
        let place = |path: &Path| fs::canonicalize(path).ok();
        let both = place(&self.input).zip(self.output.as_deref().and_then(place));
        if both.is_none_or(|(input, output)| input != output) {
            return Ok(());
        }
        Err(usage(format!("--csv and --out name the same file, {}; write into another", self.input.display())))
    }
}

/// A batch of rows on its way from the reader to the writer.
struct Batch {
    rows: Vec<StringRecord>,
    /// For each row its place among the points that were asked, if it has a usable one.
    asked: Vec<Option<usize>>,
}

impl Batch {
    /// Whether any of its rows has a usable point.
    fn is_asked(&self) -> bool {
        self.asked.iter().any(Option::is_some)
    }
}

/// Locates every row of a file. Fails at the end when rows could not be located.
pub(super) async fn run(clients: &Clients, files: Files, datum: Datum, as_of: Option<Time>) -> Result<()> {
    files.refuse_one_file_for_both()?;
    let size = fs::metadata(&files.input).map_or(0, |metadata| metadata.len());
    let bar = progress::bar("locating", Unit::Bytes, size);
    let (requests, to_send) = mpsc::channel(WAITING_MAX);
    let (batches, to_write) = mpsc::channel(WAITING_MAX * 2);
    let (answers, answered) = mpsc::channel(WAITING_MAX);
    let (header_sender, header) = tokio::sync::oneshot::channel();

    let reader = Reader { datum, as_of, requests, batches, bar: bar.clone() };
    let input = files.input.clone();
    let reading = blocking(move || reader.run(&input, header_sender));
    let sending = call(clients, to_send, answers);
    let writing = blocking(move || {
        // Without a header the reader has failed, and says why itself.
        let Ok(header) = header.blocking_recv() else { return Ok(()) };
        write(files.output.as_deref(), &header, to_write, answered)
    });
    let (read, sent, written) = tokio::join!(reading, sending, writing);
    bar.finish_and_clear();
    // The call's own error comes first: the other two only notice that their neighbour has gone.
    sent?;
    let unusable = read?;
    written?;
    if unusable.count > 0 {
        let message =
            format!("{} of {} rows have no usable point; their answers are empty", unusable.count, unusable.rows);
        return Err(Error::new(Kind::Invalid, "ROWS_WITHOUT_POINT", message));
    }
    Ok(())
}

async fn call(
    clients: &Clients,
    to_send: mpsc::Receiver<LocateManyRequest>,
    answers: mpsc::Sender<LocateManyResponse>,
) -> Result<()> {
    let mut stream = clients.grids().locate_many(ReceiverStream::new(to_send)).await.map_err(from_status)?.into_inner();
    while let Some(answer) = stream.message().await.map_err(from_status)? {
        if answers.send(answer).await.is_err() {
            // The writer has failed and says why.
            return Ok(());
        }
    }
    Ok(())
}

/// The station that reads rows.
struct Reader {
    datum: Datum,
    as_of: Option<Time>,
    requests: mpsc::Sender<LocateManyRequest>,
    batches: mpsc::Sender<Batch>,
    bar: ProgressBar,
}

/// Rows without a usable point.
#[derive(Clone, Copy, Debug, Default)]
struct Unusable {
    count: u64,
    rows: u64,
}

impl Reader {
    fn run(self, input: &Path, header: tokio::sync::oneshot::Sender<StringRecord>) -> Result<Unusable> {
        let source: Box<dyn Read> = match input.to_str() {
            Some("-") => Box::new(io::stdin().lock()),
            _ => Box::new(File::open(input).map_err(|cause| unreadable(input, &cause.to_string()))?),
        };
        let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(self.bar.wrap_read(source));
        let found = rows.headers().map_err(|cause| unreadable(input, &fault(&cause)))?.clone();
        let columns = Columns::find(&found).map_err(|wrong| unreadable(input, &wrong))?;
        // Nobody waits for the header when the writer has failed.
        let _ = header.send(found);
        let mut unusable = Unusable::default();
        let mut batch = Batch { rows: Vec::new(), asked: Vec::new() };
        let mut request = self.request();
        for row in rows.into_records() {
            let row = row.map_err(|cause| unreadable(input, &fault(&cause)))?;
            unusable.rows += 1;
            let point = columns.point(&row);
            if let Err(wrong) = &point {
                unusable.count += 1;
                name_row(&row, wrong, unusable.count);
            }
            batch.asked.push(point.is_ok().then_some(request.longitude_deg.len()));
            if let Ok((longitude, latitude)) = point {
                request.longitude_deg.push(longitude);
                request.latitude_deg.push(latitude);
            }
            batch.rows.push(row);
            if batch.rows.len() == BATCH_ROWS
                && !self.pass_on(std::mem::replace(&mut request, self.request()), std::mem::take(&mut batch))
            {
                return Ok(unusable);
            }
        }
        self.pass_on(request, batch);
        Ok(unusable)
    }

    fn request(&self) -> LocateManyRequest {
        LocateManyRequest {
            datum: self.datum.into(),
            include_border: true,
            as_of: self.as_of.map(rpc::time::to_proto),
            ..Default::default()
        }
    }

    /// Passes a batch on; false when a later station has failed, which says why itself. A batch without a single usable
    /// point is not asked.
    fn pass_on(&self, request: LocateManyRequest, batch: Batch) -> bool {
        let nothing_to_ask = request.longitude_deg.is_empty();
        self.batches.blocking_send(batch).is_ok() && (nothing_to_ask || self.requests.blocking_send(request).is_ok())
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self { rows: Vec::with_capacity(BATCH_ROWS), asked: Vec::with_capacity(BATCH_ROWS) }
    }
}

fn unreadable(input: &Path, wrong: &str) -> Error {
    Error::new(
        Kind::Invalid,
        "CSV",
        format!("{} cannot be read as CSV with the columns lon and lat: {wrong}", input.display()),
    )
}

/// What is wrong with the text of a file.
fn fault(cause: &csv::Error) -> String {
    match cause.kind() {
        csv::ErrorKind::Utf8 { pos, .. } => {
            format!("row {} is not UTF-8 (it may be GBK); save the file as UTF-8", row_number(pos.as_ref()))
        }
        _ => cause.to_string(),
    }
}

fn name_row(row: &StringRecord, wrong: &str, number: u64) {
    let row = row_number(row.position());
    if number <= ROWS_NAMED_MAX {
        eprintln!("row {row}: {wrong}");
    } else if number == ROWS_NAMED_MAX + 1 {
        eprintln!("row {row}: {wrong}; further rows are only counted");
    }
}

/// The number of a row as spreadsheets count: the header is row 1, and a line break inside a cell begins no row.
fn row_number(position: Option<&csv::Position>) -> u64 {
    position.map_or(0, csv::Position::record) + 1
}

/// Where the two numbers stand in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    longitude: usize,
    latitude: usize,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, String> {
        if header.is_empty() {
            return Err("the file is empty".to_owned());
        }
        let place = |name: &str| {
            // Spreadsheets put a byte order mark before the first name.
            let is_it = |column: &str| column.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case(name);
            let missing = || {
                format!("there is no column {name}; the columns are {}", header.iter().collect::<Vec<_>>().join(", "))
            };
            header.iter().position(is_it).ok_or_else(missing)
        };
        Ok(Self { longitude: place("lon")?, latitude: place("lat")? })
    }

    /// The point of a row, or what is wrong with it. One bad point would make the server refuse its whole batch, so
    /// each is checked here, by the server's own rule.
    fn point(self, row: &StringRecord) -> Result<(f64, f64), String> {
        let number = |column: usize, name: &str| {
            let text = row.get(column).unwrap_or_default().trim();
            text.parse::<f64>().map_err(|_| format!("{name} {text:?} is no number"))
        };
        let (longitude, latitude) = (number(self.longitude, "lon")?, number(self.latitude, "lat")?);
        match geometry::Position::new(longitude, latitude) {
            Ok(_) => Ok((longitude, latitude)),
            Err(error) => {
                let faults = error.violations().iter().map(|fault| format!("{} {}", fault.field, fault.description));
                Err(faults.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// The station that writes rows with their answers.
fn write(
    output: Option<&Path>,
    header: &StringRecord,
    mut batches: mpsc::Receiver<Batch>,
    mut answers: mpsc::Receiver<LocateManyResponse>,
) -> Result<()> {
    let name = output.map_or_else(|| "standard output".to_owned(), |path| path.display().to_string());
    let failed = |cause: io::Error| match (cause.kind(), output) {
        // `wangge locate --csv … | head` has got what it wanted.
        (io::ErrorKind::BrokenPipe, None) => {
            Error::new(Kind::Internal, OUTPUT_CLOSED, "nobody reads the output any more")
        }
        _ => Error::new(Kind::Precondition, "OUTPUT_FAILED", format!("{name} cannot be written")).caused_by(cause),
    };
    let failed_row = |cause: csv::Error| match cause.into_kind() {
        csv::ErrorKind::Io(cause) => failed(cause),
        other => failed(io::Error::other(format!("{other:?}"))),
    };
    let target: Box<dyn Write> = match output {
        None => Box::new(io::stdout().lock()),
        Some(path) => Box::new(File::create(path).map_err(failed)?),
    };
    let mut rows = csv::WriterBuilder::new().flexible(true).from_writer(target);
    rows.write_record(header.iter().chain(ADDED)).map_err(failed_row)?;
    let mut areas: Vec<AreaRef> = Vec::new();
    while let Some(batch) = batches.blocking_recv() {
        let mut answer = LocateManyResponse::default();
        // Answers that name very many areas for the first time come in several messages, the points in the last.
        while batch.is_asked() && answer.area_number.is_empty() {
            // Without an answer the call has failed and says why; what is written so far stays.
            let Some(next) = answers.blocking_recv() else { return Ok(()) };
            areas.extend(next.areas.iter().cloned());
            answer = next;
        }
        for (row, asked) in batch.rows.iter().zip(&batch.asked) {
            let added = asked.map_or_else(Default::default, |place| columns(&answer, place, &areas));
            // A short row is filled up, so that the added columns stand below their names.
            let missing = header.len().saturating_sub(row.len());
            let cells = row.iter().chain(std::iter::repeat_n("", missing)).chain(added.iter().map(String::as_str));
            rows.write_record(cells).map_err(failed_row)?;
        }
    }
    rows.flush().map_err(failed)
}

/// The added columns of one point: area_code, area_name, decided_by, border_m.
fn columns(answer: &LocateManyResponse, place: usize, areas: &[AreaRef]) -> [String; 4] {
    let number = answer.area_number.get(place).copied().unwrap_or_default() as usize;
    let area = number.checked_sub(1).and_then(|number| areas.get(number));
    let decided = answer.decided_by.get(place).copied().unwrap_or_default();
    let border = answer.border_distance_m.get(place).filter(|metres| metres.is_finite());
    [
        area.map_or_else(String::new, |area| area.code.clone()),
        area.map_or_else(String::new, |area| area.display_name.clone()),
        if decided == 0 { String::new() } else { words::DECIDED_BY.say(decided) },
        border.map_or_else(String::new, |metres| format!("{metres:.1}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_found_wherever_they_stand() {
        let header = StringRecord::from(vec!["\u{feff}LAT", "note", " lon "]);
        let columns = Columns::find(&header).unwrap();
        assert_eq!(columns, Columns { longitude: 2, latitude: 0 });
        assert_eq!(columns.point(&StringRecord::from(vec!["22.9", "x", "120.2"])), Ok((120.2, 22.9)));
        let error = Columns::find(&StringRecord::from(vec!["x", "y"])).unwrap_err();
        assert_eq!(error, "there is no column lon; the columns are x, y");
        assert_eq!(Columns::find(&StringRecord::new()).unwrap_err(), "the file is empty");
    }

    #[test]
    fn a_text_in_another_encoding_is_named_with_its_row_and_what_would_be_right() {
        let gbk = b"lon,lat,place\r\n120.2,22.9,\"two\r\nlines\"\r\n120.2,22.9,\xb6\xab\r\n";
        let mut rows = csv::Reader::from_reader(&gbk[..]);
        rows.headers().unwrap();
        let said = fault(&rows.records().nth(1).unwrap().unwrap_err());
        assert_eq!(said, "row 3 is not UTF-8 (it may be GBK); save the file as UTF-8");
    }

    #[test]
    fn the_file_that_is_read_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("calls.csv");
        fs::write(&input, "lon,lat\n").unwrap();
        let files = |output: PathBuf| Files { input: input.clone(), output: Some(output) };
        let error = files(folder.path().join(".").join("calls.csv")).refuse_one_file_for_both().unwrap_err();
        assert!(error.message().contains("calls.csv; write into another"), "{error}");
        files(folder.path().join("located.csv")).refuse_one_file_for_both().unwrap();
    }

    #[test]
    fn a_row_without_a_usable_point_says_why() {
        let columns = Columns { longitude: 0, latitude: 1 };
        let wrong = |cells: [&str; 2]| columns.point(&StringRecord::from(cells.to_vec())).unwrap_err();
        assert_eq!(wrong(["", "22.9"]), "lon \"\" is no number");
        assert_eq!(wrong(["120", "north"]), "lat \"north\" is no number");
        assert_eq!(wrong(["120.2", "91"]), "latitude_deg is 91, but must lie from -90 to 90 degrees");
        assert!(wrong(["NaN", "22.9"]).starts_with("longitude_deg is NaN"));
    }
}
