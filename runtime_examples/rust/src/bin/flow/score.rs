//! `score`: CSV rows in, log_prob and percentile out, a block at a time.

use std::io::{self, BufWriter, Read, Write};

use csv::{ReaderBuilder, StringRecord, Trim};
use flowbundle::{BLOCK_ROWS, ContextFeature, Model, Rows};

use crate::Outcome;
use crate::text::{parse_context, parse_number, shortest};

pub fn command(bundle: &str) -> Outcome {
    let model = Model::open(bundle)?;
    let percentiles = model.manifest().reference.is_some();
    if !percentiles {
        eprintln!("flow: {bundle}: the bundle has no reference rows, so there are no percentiles");
    }
    let mut table = Table::open(io::stdin().lock(), &model)?;
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}", if percentiles { "log_prob,percentile" } else { "log_prob" })?;
    let shape = [model.manifest().context_size];
    while let Some(block) = table.block()? {
        let x = Rows::new(&block.x, &model.manifest().event_shape);
        let context = (shape != [0]).then(|| Rows::new(&block.context, &shape));
        for log_prob in model.log_prob(x, context)? {
            match model.percentile(log_prob) {
                Some(place) => writeln!(out, "{},{}", shortest(log_prob), shortest(place))?,
                None => writeln!(out, "{}", shortest(log_prob))?,
            }
        }
    }
    out.flush()?;
    Ok(true)
}

/// A CSV whose columns are found by name.
struct Table<R> {
    reader: csv::Reader<R>,
    /// Features, then context: where each column lies.
    positions: Vec<usize>,
    names: Vec<String>,
    context: Vec<ContextFeature>,
    row: usize,
}

/// Some rows of a table, their numbers one after the other.
#[derive(Default)]
struct Block {
    x: Vec<f32>,
    context: Vec<f32>,
}

impl<R: Read> Table<R> {
    fn open(from: R, model: &Model) -> Result<Self, String> {
        let mut reader = ReaderBuilder::new().trim(Trim::All).from_reader(from);
        let header = reader.headers().map_err(broken)?;
        let context = model.manifest().context_columns();
        let mut names = model.manifest().feature_names();
        names.extend(context.iter().map(|column| column.name.clone()));
        let positions = names.iter().map(|name| position(header, name)).collect::<Result<_, _>>()?;
        Ok(Table { reader, positions, names, context, row: 0 })
    }

    /// The next rows, or none at the end.
    fn block(&mut self) -> Result<Option<Block>, String> {
        let features = self.names.len() - self.context.len();
        let mut block = Block::default();
        let mut record = StringRecord::new();
        for _ in 0..BLOCK_ROWS {
            if !self.reader.read_record(&mut record).map_err(broken)? {
                break;
            }
            self.row += 1;
            for (column, position) in self.positions.iter().enumerate() {
                let cell = &record[*position];
                let refuse = |reason| {
                    let (row, name) = (self.row, &self.names[column]);
                    format!("standard input: row {row}, column {name:?}: {reason}")
                };
                match column.checked_sub(features) {
                    None => block.x.push(parse_number(cell).map_err(refuse)?),
                    Some(index) => {
                        block.context.push(parse_context(cell, &self.context[index]).map_err(refuse)?);
                    }
                }
            }
        }
        Ok((!block.x.is_empty()).then_some(block))
    }
}

/// Where a column lies in a header.
fn position(header: &StringRecord, name: &str) -> Result<usize, String> {
    let mut found = header.iter().enumerate().filter(|(_, column)| *column == name.trim());
    match (found.next(), found.next()) {
        (Some((position, _)), None) => Ok(position),
        (None, _) => Err(format!("standard input: header: no column {name:?}")),
        _ => Err(format!("standard input: header: column {name:?} is there twice")),
    }
}

fn broken(error: csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let row = pos.as_ref().map_or(0, csv::Position::record);
            format!("standard input: row {row}: expected {expected_len} cells, got {len}")
        }
        csv::ErrorKind::Utf8 { pos, .. } => {
            let row = pos.as_ref().map_or(0, csv::Position::record);
            format!("standard input: row {row}: is not UTF-8")
        }
        _ => format!("standard input: {error}"),
    }
}
