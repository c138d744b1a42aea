//! `score`: CSV rows in, log_prob and percentile out, a block at a time.

use std::io::{self, BufRead, BufWriter, Write};

use flowbundle::{BLOCK_ROWS, ContextFeature, Dtype, Model, Rows};

use crate::Outcome;
use crate::csv::Records;
use crate::text::{parse_cell, shortest, shortest_of};

pub fn command(bundle: &str, model: Model) -> Outcome {
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
        for log_prob in model.log_prob64(x, context)? {
            let score = shortest_of(log_prob, model.manifest().dtype);
            match model.percentile64(log_prob) {
                Some(place) => writeln!(out, "{score},{}", shortest(place))?,
                None => writeln!(out, "{score}")?,
            }
        }
    }
    out.flush()?;
    Ok(true)
}

/// A CSV whose columns are found by name.
struct Table<R> {
    records: Records<R>,
    /// Features, then context: each column, and where it lies.
    columns: Vec<(ContextFeature, usize)>,
    features: usize,
    /// Of a row.
    cells: usize,
    dtype: Dtype,
}

/// Some rows of a table, their numbers one after the other.
#[derive(Default)]
struct Block {
    x: Vec<f64>,
    context: Vec<f64>,
}

impl<R: BufRead> Table<R> {
    fn open(from: R, model: &Model) -> Result<Self, String> {
        let mut records = Records::new(from);
        let header = records.next()?.unwrap_or_default();
        let twice = header.iter().enumerate().find(|(place, name)| header[..*place].contains(name));
        if let Some((_, name)) = twice {
            return Err(format!("standard input: header: column {name:?} is there twice"));
        }
        let names = model.manifest().feature_names();
        let features = names.len();
        let numbers = names.into_iter().map(|name| ContextFeature { name, categories: None });
        let columns = numbers.chain(model.manifest().context_columns()).map(|column| {
            let place = header.iter().position(|name| *name == column.name);
            place.map(|place| (column.clone(), place)).ok_or(column.name)
        });
        let columns = columns.collect::<Result<_, _>>();
        let columns = columns.map_err(|name| format!("standard input: header: no column {name:?}"))?;
        Ok(Table { records, columns, features, cells: header.len(), dtype: model.manifest().dtype })
    }

    /// The next rows, or none at the end.
    fn block(&mut self) -> Result<Option<Block>, String> {
        let mut block = Block::default();
        for _ in 0..BLOCK_ROWS {
            let Some(record) = self.records.next()? else { break };
            if record.len() != self.cells {
                let (place, found) = (self.records.place(), record.len());
                return Err(format!("{place}: expected {} cells, got {found}", self.cells));
            }
            for (index, (column, position)) in self.columns.iter().enumerate() {
                let number = parse_cell(&record[*position], column, self.dtype).map_err(|reason| {
                    format!("{}, column {:?}: {reason}", self.records.place(), column.name)
                })?;
                if index < self.features { &mut block.x } else { &mut block.context }.push(number);
            }
        }
        Ok((!block.x.is_empty()).then_some(block))
    }
}
