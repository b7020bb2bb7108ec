//! Reading a text file in the encoding it was saved in, as UTF-8, a bounded piece at a time.
//!
//! Spreadsheet programs in China save CSV as GB18030 unless told otherwise, and as UTF-8 with a byte order mark when told.
//! Which one a file has is said, not guessed: many a short GB18030 text is valid UTF-8 with another meaning.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read};
use std::rc::Rc;

use encoding_rs::{Decoder, DecoderResult, Encoding, GB18030, UTF_8};

/// Bytes that are read and decoded at once.
const PIECE_BYTES: usize = 64 << 10;
/// Bytes of one row. Nobody's row is longer; a quotation mark that is never closed makes the rest of a file one row.
pub(super) const ROW_BYTES_MAX: u64 = 512 << 10;

/// In which encoding a file was saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Charset {
    /// UTF-8, with or without a byte order mark.
    #[value(name = "utf-8")]
    Utf8,
    /// GB18030, which holds GBK and GB 2312.
    Gb18030,
}

impl Charset {
    fn encoding(self) -> &'static Encoding {
        match self {
            Self::Utf8 => UTF_8,
            Self::Gb18030 => GB18030,
        }
    }
}

/// The text of a file as UTF-8, without a byte order mark. Reading fails where bytes are no text of the encoding, and
/// where a row has more than [`ROW_BYTES_MAX`].
pub(super) struct Decoded {
    source: Box<dyn Read>,
    charset: Charset,
    decoder: Decoder,
    /// Bytes of the file; those from `raw_from` on are not decoded yet.
    raw: Vec<u8>,
    raw_from: usize,
    is_last: bool,
    is_over: bool,
    /// Decoded text; that from `text_from` on has not been read yet.
    text: Vec<u8>,
    text_from: usize,
    is_begun: bool,
    row_bytes: Rc<Cell<u64>>,
}

impl Decoded {
    /// Reads `source`. Whoever reads rows sets `row_bytes` to zero after each.
    pub(super) fn new(source: Box<dyn Read>, charset: Charset, row_bytes: Rc<Cell<u64>>) -> Self {
        Self {
            source,
            charset,
            decoder: charset.encoding().new_decoder_without_bom_handling(),
            raw: Vec::new(),
            raw_from: 0,
            is_last: false,
            is_over: false,
            text: Vec::new(),
            text_from: 0,
            is_begun: false,
            row_bytes,
        }
    }

    /// Decodes the next piece, until there is some text or the file is over.
    fn decode(&mut self) -> io::Result<()> {
        while self.text_from == self.text.len() && !self.is_over {
            if self.raw_from == self.raw.len() && !self.is_last {
                self.raw.resize(PIECE_BYTES, 0);
                let count = self.source.read(&mut self.raw)?;
                self.raw.truncate(count);
                (self.raw_from, self.is_last) = (0, count == 0);
            }
            self.text.resize(PIECE_BYTES, 0);
            let from = &self.raw[self.raw_from..];
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(from, &mut self.text, self.is_last);
            self.raw_from += read;
            self.text.truncate(written);
            self.text_from = 0;
            match result {
                DecoderResult::Malformed(..) => return Err(self.malformed()),
                DecoderResult::InputEmpty => self.is_over = self.is_last,
                DecoderResult::OutputFull => {}
            }
            if !self.is_begun && written > 0 {
                self.is_begun = true;
                self.text_from = if self.text.starts_with("\u{FEFF}".as_bytes()) { "\u{FEFF}".len() } else { 0 };
            }
        }
        Ok(())
    }

    fn malformed(&self) -> io::Error {
        let (is, other) = match self.charset {
            Charset::Utf8 => ("UTF-8", "gb18030"),
            Charset::Gb18030 => ("GB18030", "utf-8"),
        };
        let message = format!("its text is not {is}; if it was saved otherwise, say so: --charset {other}");
        io::Error::new(ErrorKind::InvalidData, message)
    }
}

impl Read for Decoded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.decode()?;
        let ready = &self.text[self.text_from..];
        let count = ready.len().min(into.len());
        let row_bytes = self.row_bytes.get() + u64::try_from(count).unwrap_or(u64::MAX);
        // What is read ahead belongs to later rows, so a row is only told too long when it certainly is.
        if row_bytes > ROW_BYTES_MAX + 2 * (PIECE_BYTES as u64) {
            let message = format!("has more than {ROW_BYTES_MAX} bytes; a quotation mark may be missing its end");
            return Err(io::Error::new(ErrorKind::InvalidData, message));
        }
        self.row_bytes.set(row_bytes);
        into[..count].copy_from_slice(&ready[..count]);
        self.text_from += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that gives few bytes at a time.
    struct Slow(Vec<u8>, usize);

    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            Ok(count)
        }
    }

    fn read(bytes: &[u8], charset: Charset) -> io::Result<String> {
        let mut text = String::new();
        let slow = Box::new(Slow(bytes.to_vec(), 5));
        Decoded::new(slow, charset, Rc::default()).read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_text_is_the_same_in_every_encoding_however_it_is_cut() {
        let text = "姓名,㐂𠮷,居民".repeat(30);
        let (gb18030, ..) = GB18030.encode(&text);
        assert_eq!(read(text.as_bytes(), Charset::Utf8).unwrap(), text);
        assert_eq!(read(&gb18030, Charset::Gb18030).unwrap(), text);
        assert_eq!(read(format!("\u{FEFF}{text}").as_bytes(), Charset::Utf8).unwrap(), text);
        assert_eq!(read(&[0x84, 0x31, 0x95, 0x33, b'a'], Charset::Gb18030).unwrap(), "a");
        assert_eq!(read(b"", Charset::Utf8).unwrap(), "");
    }

    #[test]
    fn a_wrong_encoding_is_told_with_the_other_one() {
        let (gb18030, ..) = GB18030.encode("姓名");
        let wrong = read(&gb18030, Charset::Utf8).unwrap_err().to_string();
        assert!(wrong.contains("--charset gb18030"), "{wrong}");
        assert!(read(&[0xFF, 0xFF], Charset::Gb18030).is_err());
        assert!(read(&"姓".as_bytes()[..2], Charset::Utf8).is_err(), "cut in the middle of a character");
    }

    #[test]
    fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
        let endless = Box::new(io::repeat(b'a'));
        let mut decoded = Decoded::new(endless, Charset::Utf8, Rc::default());
        let error = io::copy(&mut decoded, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("quotation mark"), "{error}");
    }
}
