//! The rows of a delivered file, from NDJSON or CSV, in bounded memory.
//!
//! A row is the same thing in both: what the source called each value, and the value. What the names mean is for
//! `columns`.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::rc::Rc;

use base::{Error, Kind, Result};
use csv::StringRecord;
use indicatif::ProgressBar;
use serde_json::{Map, Value};

use super::charset::{Charset, Decoded};
use crate::output::usage;

/// The values of a row by the names the source gives them.
pub(super) type Cells = Map<String, Value>;

/// A row as it stands in the file.
pub(super) struct Row {
    /// As editors and spreadsheets count: the first line, or the heads of a CSV file, is 1.
    pub(super) number: u64,
    /// Its values; or why it cannot be read as a row. Empty cells of a CSV file are left out: they say nothing.
    pub(super) cells: Result<Cells, String>,
}

/// The rows of a file, from the first one on.
pub(super) struct Rows {
    file: String,
    source: Source,
    /// Bytes since the last row ended; see [`Decoded`].
    row_bytes: Rc<Cell<u64>>,
}

enum Source {
    Lines { lines: BufReader<Decoded>, number: u64 },
    Csv { rows: csv::Reader<Decoded>, heads: Vec<String> },
}

impl Rows {
    /// Opens a file whose name ends in `.ndjson`, `.jsonl` or `.csv`; `bar` follows the bytes that are read.
    ///
    /// Errors: `USAGE` for another ending, `IMPORT_FILE` for a file that cannot be read.
    pub(super) fn open(path: &Path, charset: Charset, bar: &ProgressBar) -> Result<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default().to_lowercase();
        let is_csv = match extension.as_str() {
            "csv" => true,
            "ndjson" | "jsonl" => false,
            _ => return Err(usage(format!("{} must end in .ndjson, .jsonl or .csv", path.display()))),
        };
        let name = path.display().to_string();
        let file = File::open(path).map_err(|cause| unreadable(&name, &cause.to_string()))?;
        let row_bytes = Rc::new(Cell::new(0));
        let text = Decoded::new(Box::new(bar.wrap_read(file)), charset, row_bytes.clone());
        let source = if is_csv {
            let mut rows = csv::ReaderBuilder::new().flexible(true).from_reader(text);
            let found = rows.headers().map_err(|cause| unreadable(&name, &cause.to_string()))?;
            let heads = found.iter().map(|head| head.trim().to_owned()).collect();
            Source::Csv { rows, heads }
        } else {
            Source::Lines { lines: BufReader::new(text), number: 0 }
        };
        Ok(Self { file: name, source, row_bytes })
    }

    /// The heads of a CSV file; nothing for NDJSON, where each row names its values.
    pub(super) fn heads(&self) -> &[String] {
        match &self.source {
            Source::Lines { .. } => &[],
            Source::Csv { heads, .. } => heads,
        }
    }

    /// The next row. Empty lines are no rows.
    ///
    /// Errors: `IMPORT_FILE` when the file cannot be read any further.
    pub(super) fn next(&mut self) -> Result<Option<Row>> {
        self.row_bytes.set(0);
        match &mut self.source {
            Source::Lines { lines, number } => {
                let mut line = String::new();
                loop {
                    line.clear();
                    *number += 1;
                    let read = lines.read_line(&mut line);
                    let count = read.map_err(|cause| unreadable(&self.file, &format!("line {number}: {cause}")))?;
                    if count == 0 {
                        return Ok(None);
                    }
                    if !line.trim().is_empty() {
                        let cells = serde_json::from_str(&line).map_err(|cause| format!("is no JSON object: {cause}"));
                        return Ok(Some(Row { number: *number, cells }));
                    }
                }
            }
            Source::Csv { rows, heads } => {
                let mut record = StringRecord::new();
                let is_read = rows.read_record(&mut record);
                let after = rows.position().record();
                let is_read = is_read.map_err(|cause| unreadable(&self.file, &format!("row {after}: {cause}")))?;
                if !is_read {
                    return Ok(None);
                }
                let number = record.position().map_or(0, csv::Position::record) + 1;
                Ok(Some(Row { number, cells: cells(heads, &record) }))
            }
        }
    }
}

fn cells(heads: &[String], record: &StringRecord) -> Result<Cells, String> {
    if record.len() != heads.len() {
        return Err(format!("has {} cells under {} heads", record.len(), heads.len()));
    }
    let cells = heads.iter().zip(record).filter(|(_, cell)| !cell.trim().is_empty());
    Ok(cells.map(|(head, cell)| (head.clone(), Value::from(cell.trim()))).collect())
}

/// A file that cannot be read to its end.
pub(super) fn unreadable(file: &str, wrong: &str) -> Error {
    Error::new(Kind::Invalid, "IMPORT_FILE", format!("{file} cannot be read: {wrong}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<(u64, Result<String, String>)>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut rows = Rows::open(&path, Charset::Utf8, &ProgressBar::hidden())?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.push((row.number, row.cells.map(|cells| Value::from(cells).to_string())));
        }
        Ok(all)
    }

    #[test]
    fn rows_of_both_forms_are_numbered_as_editors_number_them() {
        let rows = read("a.ndjson", "{\"a\": 1}\n\n  \n{\"b\": [2]}").unwrap();
        assert_eq!(rows, [(1, Ok("{\"a\":1}".to_owned())), (4, Ok("{\"b\":[2]}".to_owned()))]);
        let rows = read("a.CSV", "\u{FEFF}姓名, note \n 张三 ,\"two\nlines\"\n李四, \n").unwrap();
        let first = "{\"note\":\"two\\nlines\",\"姓名\":\"张三\"}".to_owned();
        assert_eq!(rows, [(2, Ok(first)), (3, Ok("{\"姓名\":\"李四\"}".to_owned()))]);
    }

    #[test]
    fn a_row_that_is_none_does_not_hide_the_next() {
        let rows = read("a.ndjson", "[1]\n{\n{}\n").unwrap();
        assert!(rows[0].1.is_err() && rows[1].1.is_err() && rows[2].1.is_ok(), "{rows:?}");
        let rows = read("a.csv", "a,b\n1\n1,2,3\n1,2\n").unwrap();
        assert_eq!(rows[0].1, Err("has 1 cells under 2 heads".to_owned()));
        assert!(rows[1].1.is_err() && rows[2].1.is_ok());
    }

    #[test]
    fn a_quotation_mark_that_is_never_closed_is_found_in_bounded_memory() {
        let text = format!("a,b\n1,\"{}", "x,y\n".repeat(500_000));
        let error = read("a.csv", &text).unwrap_err();
        assert!(error.message().contains("quotation mark"), "{error}");
        assert_eq!(read("a.xlsx", "").unwrap_err().reason(), crate::output::USAGE);
    }
}
