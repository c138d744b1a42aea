//! CSV as runtime_examples/README.md has it: what could be read in two ways is refused, by row.

use std::io::{BufRead, Read};

/// A longer record is refused: without a line end a table would otherwise fill the memory.
const MOST_BYTES: u64 = 4 << 20;

/// The records of a table, one after the other.
pub struct Records<R> {
    from: R,
    /// Of the record that was read last: the header is 0.
    row: u64,
    began: bool,
}

impl<R: BufRead> Records<R> {
    pub fn new(from: R) -> Self {
        Records { from, row: 0, began: false }
    }

    /// Where the reader is, for messages.
    pub fn place(&self) -> String {
        match self.row {
            0 => "standard input: header".to_string(),
            row => format!("standard input: row {row}"),
        }
    }

    /// The cells of the next record, empty lines passed over, or none at the end.
    pub fn next(&mut self) -> Result<Option<Vec<String>>, String> {
        let mut record = self.lines()?;
        if !self.began && record.starts_with("\u{feff}".as_bytes()) {
            record.drain(..3);
        }
        while matches!(record.as_slice(), b"\n" | b"\r\n") {
            record = self.lines()?;
        }
        if record.is_empty() {
            return Ok(None);
        }
        self.row += u64::from(self.began);
        self.began = true;
        cells(&record).map(Some).map_err(|reason| format!("{}: {reason}", self.place()))
    }

    /// The bytes of a record, its line end with them; a line end between quotes is one of its own.
    fn lines(&mut self) -> Result<Vec<u8>, String> {
        let mut record = Vec::new();
        loop {
            let room = MOST_BYTES - record.len() as u64;
            let count = self.from.by_ref().take(room).read_until(b'\n', &mut record);
            let ended = count.map_err(|error| format!("{}: {error}", self.place()))? == 0;
            if record.len() as u64 == MOST_BYTES {
                return Err(format!("{}: behind it, a row is longer than {MOST_BYTES} bytes", self.place()));
            }
            if ended || record.iter().filter(|byte| **byte == b'"').count() % 2 == 0 {
                return Ok(record);
            }
        }
    }
}

/// The cells of one record.
fn cells(record: &[u8]) -> Result<Vec<String>, String> {
    let text = str::from_utf8(record).map_err(|_| "is not UTF-8")?;
    let ends = text.matches("\r\n").count();
    if text.contains('\0') || text.matches('\r').count() > ends {
        return Err("holds a NUL, or a CR that no LF follows".into());
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut rest = text.strip_suffix('\r').unwrap_or(text);
    let mut found = Vec::new();
    loop {
        let (cell, behind) = match rest.strip_prefix('"') {
            Some(inner) => quoted_cell(inner).ok_or("a quote is not closed")?,
            None => {
                let (cell, behind) = rest.split_at(rest.find(',').unwrap_or(rest.len()));
                (cell.to_string(), behind)
            }
        };
        if !(behind.is_empty() || behind.starts_with(',')) || (!rest.starts_with('"') && cell.contains('"')) {
            return Err("a quote in the wrong place".into());
        }
        found.push(cell);
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(found),
        }
    }
}

/// A cell whose opening quote was read, and what is behind its closing one; two quotes are one between them.
fn quoted_cell(text: &str) -> Option<(String, &str)> {
    let mut from = 0;
    loop {
        let end = from + text[from..].find('"')?;
        if !text[end + 1..].starts_with('"') {
            return Some((text[..end].replace("\"\"", "\""), &text[end + 1..]));
        }
        from = end + 2;
    }
}

/// A record as text, without its line end.
pub fn record(cells: &[String]) -> String {
    let quoted = |cell: &String| match cell.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.clone(),
    };
    cells.iter().map(quoted).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_commas_and_line_ends() {
        let mut records = Records::new("\u{feff}\r\na,\"b \"\"c\"\", d\"\n\n\"1\r\n\",\r\n".as_bytes());
        assert_eq!(records.next().unwrap().unwrap(), ["a", "b \"c\", d"]);
        assert_eq!(records.next().unwrap().unwrap(), ["1\r\n", ""]);
        assert_eq!(records.next().unwrap(), None);
    }

    #[test]
    fn what_has_two_readings_is_refused() {
        for text in ["a\rb\n", "a\r", "\"a", "a\"b", "\"a\"b", " \"a\"", "\"a\" ", "a\0"] {
            assert!(Records::new(text.as_bytes()).next().is_err(), "{text:?}");
        }
        assert!(Records::new(&b"\xff\n"[..]).next().is_err());
        assert!(Records::new("a".repeat(5 << 20).as_bytes()).next().unwrap_err().contains("longer"));
    }

    #[test]
    fn a_record_is_quoted_where_it_must_be() {
        assert_eq!(record(&["a".into(), "b,c".into(), "d\"".into()]), "a,\"b,c\",\"d\"\"\"");
    }
}
