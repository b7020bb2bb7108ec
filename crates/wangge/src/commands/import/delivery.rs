//! A delivered file: read once to find what is wrong with it before anything is sent, and again to send it in chunks.
//!
//! The same file always comes to the same chunks, so a delivery that was broken off goes on with the chunk after the last
//! one that the server has.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

use api::population::v1::{Person, PersonRow};
use base::{Error, Kind, Result, limits};
use indicatif::ProgressBar;
use prost::Message;
use sha2::{Digest, Sha256};

use super::charset::Charset;
use super::columns::{Columns, Survey};
use super::table::{Rows, unreadable};

/// Rows of one chunk; the server takes no more.
const CHUNK_ROWS: usize = 500;
/// Bytes of one chunk, well below what a message may hold.
const CHUNK_BYTES: usize = limits::MESSAGE_BYTES_MAX / 2;
/// Rows that cannot be read and are named one by one.
const NAMED_MAX: usize = 20;

/// A file with persons, and how it is read.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) file: PathBuf,
    pub(super) charset: Charset,
    /// The column with the source's key.
    pub(super) key: String,
    /// Columns that are left out.
    pub(super) ignored: Vec<String>,
}

/// What a file holds, as far as can be said without the server.
#[derive(Debug, Default)]
pub(super) struct Checked {
    pub(super) rows: u64,
    /// Rows that cannot be sent.
    pub(super) unreadable: u64,
    /// The first of them, each with its number and why.
    pub(super) named: Vec<(u64, String)>,
    /// Columns that the server makes itself and that are not sent.
    pub(super) left_out: Vec<String>,
    /// Columns that a new person needs and the file does not have.
    pub(super) missing: Vec<String>,
    /// SHA-256 of the file: a delivery goes on only with the file it began with.
    pub(super) digest: String,
}

/// Some rows on their way to the server.
pub(super) struct Chunk {
    /// 1 for the first.
    pub(super) number: i64,
    pub(super) rows: Vec<PersonRow>,
    /// Where each row stands in the file.
    pub(super) numbers: Vec<u64>,
}

/// The chunks of a file, in order. Rows that cannot be sent are passed over.
pub(super) struct Chunks {
    rows: Rows,
    columns: Columns,
    number: i64,
    /// The row that did not fit into the chunk before.
    waiting: Option<(u64, PersonRow)>,
}

impl Delivery {
    fn columns(&self) -> Result<Columns> {
        Columns::of("wangge.population.v1.Person", &self.key, &self.ignored)
    }

    /// Reads the whole file. A full delivery must have every column that a person needs, and no row that cannot be read:
    /// whoever it does not name has ended.
    ///
    /// Errors: `IMPORT_FILE`, `COLUMNS`, `ROWS_UNREADABLE`.
    pub(super) fn check(&self, is_full: bool, bar: &ProgressBar) -> Result<Checked> {
        let columns = self.columns()?;
        let mut rows = Rows::open(&self.file, self.charset, bar)?;
        let mut checked = Checked::default();
        let mut survey = Survey::default();
        columns.survey(rows.heads(), &mut survey);
        let is_headed = !rows.heads().is_empty();
        while let Some(row) = rows.next()? {
            checked.rows += 1;
            let read = row.cells.and_then(|cells| {
                if !is_headed {
                    columns.survey(cells.keys(), &mut survey);
                }
                columns.read(&cells)
            });
            if let Err(wrong) = read {
                checked.unreadable += 1;
                if checked.named.len() < NAMED_MAX {
                    checked.named.push((row.number, wrong));
                }
            }
        }
        // A night on which nothing changed is an empty file of NDJSON.
        if checked.rows > 0 || is_headed || is_full {
            checked.missing = columns.check(&survey, is_full)?;
        }
        checked.left_out = survey.made_by_server.into_iter().collect();
        checked.digest = self.digest()?;
        Ok(checked)
    }

    fn digest(&self) -> Result<String> {
        let name = self.file.display().to_string();
        let fault = |cause: io::Error| unreadable(&name, &cause.to_string());
        let mut file = BufReader::with_capacity(1 << 16, File::open(&self.file).map_err(fault)?);
        let mut digest = Sha256::new();
        loop {
            let piece = file.fill_buf().map_err(fault)?;
            if piece.is_empty() {
                break;
            }
            digest.update(piece);
            let count = piece.len();
            file.consume(count);
        }
        let hex = digest.finalize().iter().fold(String::new(), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        Ok(hex)
    }

    /// The chunks of the file.
    pub(super) fn chunks(&self) -> Result<Chunks> {
        let rows = Rows::open(&self.file, self.charset, &ProgressBar::hidden())?;
        Ok(Chunks { rows, columns: self.columns()?, number: 0, waiting: None })
    }

    /// Where rows stand in the file that the server calls `chunk.row`, with rows counted from 0.
    pub(super) fn find(&self, places: &[String]) -> Result<Vec<(String, u64)>> {
        let mut chunks = self.chunks()?;
        let mut found = Vec::new();
        while found.len() < places.len() {
            let Some(chunk) = chunks.next()? else { break };
            for place in places {
                let row = place.strip_prefix(&format!("{}.", chunk.number)).and_then(|row| row.parse::<usize>().ok());
                found.extend(row.and_then(|row| chunk.numbers.get(row)).map(|number| (place.clone(), *number)));
            }
        }
        Ok(found)
    }
}

impl Checked {
    /// Refuses a full delivery of which rows cannot be read.
    pub(super) fn require_all(&self) -> Result<()> {
        if self.unreadable == 0 {
            return Ok(());
        }
        let message = format!(
            "{} of {} rows cannot be read, and a full delivery ends whoever it does not name; nothing was sent",
            self.unreadable, self.rows
        );
        Err(Error::new(Kind::Invalid, "ROWS_UNREADABLE", message))
    }
}

impl Chunks {
    /// The next chunk; nothing at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Chunk>> {
        self.number += 1;
        let mut chunk = Chunk { number: self.number, rows: Vec::new(), numbers: Vec::new() };
        let mut bytes = 0;
        while chunk.rows.len() < CHUNK_ROWS {
            let Some((number, row)) = self.next_row()? else { break };
            bytes += row.encoded_len();
            if bytes > CHUNK_BYTES && !chunk.rows.is_empty() {
                self.waiting = Some((number, row));
                break;
            }
            chunk.rows.push(row);
            chunk.numbers.push(number);
        }
        Ok(Some(chunk).filter(|chunk| !chunk.rows.is_empty()))
    }

    fn next_row(&mut self) -> Result<Option<(u64, PersonRow)>> {
        if let Some(waiting) = self.waiting.take() {
            return Ok(Some(waiting));
        }
        while let Some(row) = self.rows.next()? {
            let Ok(said) = row.cells.and_then(|cells| self.columns.read(&cells)) else { continue };
            let person: Person =
                said.element.transcode_to().map_err(|cause| Error::internal("a person is none").caused_by(cause))?;
            return Ok(Some((row.number, PersonRow { head: Some(said.head), person: Some(person) })));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(folder: &std::path::Path, name: &str, text: &str) -> Delivery {
        let file = folder.join(name);
        std::fs::write(&file, text).unwrap();
        Delivery { file, charset: Charset::Utf8, key: "source_key".to_owned(), ignored: Vec::new() }
    }

    fn all(delivery: &Delivery) -> Vec<Chunk> {
        let mut chunks = delivery.chunks().unwrap();
        std::iter::from_fn(|| chunks.next().unwrap()).collect()
    }

    #[test]
    fn a_file_comes_to_chunks_of_bounded_size_without_what_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let long = "长".repeat(100_000);
        let line = |key: usize| match key {
            3 => "{".to_owned(),
            600..610 => format!("{{\"source_key\":\"{key}\",\"note\":\"{long}\"}}"),
            _ => format!("{{\"source_key\":\"{key}\"}}"),
        };
        let lines: Vec<String> = (1..=1_000).map(line).collect();
        let delivery = delivery(folder.path(), "a.ndjson", &lines.join("\n"));
        let chunks = all(&delivery);
        let numbers: Vec<u64> = chunks.iter().flat_map(|chunk| chunk.numbers.clone()).collect();
        assert_eq!(numbers, (1..=1_000).filter(|number| *number != 3).collect::<Vec<_>>());
        assert!(chunks.iter().all(|chunk| chunk.rows.len() <= CHUNK_ROWS));
        let bytes = |chunk: &Chunk| chunk.rows.iter().map(Message::encoded_len).sum::<usize>();
        assert!(chunks.iter().all(|chunk| bytes(chunk) <= CHUNK_BYTES) && chunks.len() == 3, "{}", chunks.len());
        let found = delivery.find(&["1.2".to_owned(), "2.0".to_owned()]).unwrap();
        assert_eq!(found, [("1.2".to_owned(), 4), ("2.0".to_owned(), 502)]);
    }

    #[test]
    fn rows_that_cannot_be_read_stop_a_full_delivery_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let text = "来源主键,姓名,所在网格,birth_year\n1,张三,1,1990\n2,李四\n";
        let delivery = delivery(folder.path(), "a.csv", text);
        let checked = delivery.check(true, &ProgressBar::hidden()).unwrap();
        assert_eq!((checked.rows, checked.unreadable, checked.left_out.len()), (2, 1, 1));
        assert_eq!(checked.named[0].0, 3);
        assert_eq!(checked.require_all().unwrap_err().reason(), "ROWS_UNREADABLE");
        assert_eq!(checked.digest.len(), 64);
    }

    #[test]
    fn a_night_without_changes_is_an_empty_file() {
        let folder = tempfile::tempdir().unwrap();
        let empty = delivery(folder.path(), "a.ndjson", "");
        assert_eq!(empty.check(false, &ProgressBar::hidden()).unwrap().rows, 0);
        assert_eq!(empty.check(true, &ProgressBar::hidden()).unwrap_err().reason(), "COLUMNS");
        assert!(all(&empty).is_empty());
    }
}
