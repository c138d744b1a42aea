//! `sample`: rows of a seed, a block at a time.

use std::io::{self, BufWriter, Write};

use flowbundle::{BLOCK_ROWS, Dtype, Model, Rows};

use crate::csv::record;
use crate::text::{parse_context, parse_number, shortest_of};
use crate::{Outcome, USAGE};

/// What follows `sample BUNDLE`.
#[derive(Debug, PartialEq)]
pub struct Arguments {
    count: u64,
    seed: u64,
    temperature: f32,
    context: Option<String>,
}

impl Arguments {
    pub fn parse(given: &[&str]) -> Result<Self, String> {
        let (mut words, mut context) = (Vec::new(), None);
        let mut rest = given.iter();
        while let Some(word) = rest.next() {
            match *word {
                "--context" if context.is_none() => {
                    let values = rest.next().ok_or("--context: expected V1,V2,…")?;
                    context = Some(values.to_string());
                }
                word => words.push(word),
            }
        }
        let (count, seed, temperature) = match words.as_slice() {
            [count, seed] => (count, seed, "1"),
            [count, seed, temperature] => (count, seed, *temperature),
            _ => return Err(USAGE.into()),
        };
        let temperature = parse_number(temperature, Dtype::Float32);
        let temperature = temperature.map_err(|reason| format!("TEMPERATURE: {reason}"))? as f32;
        Ok(Arguments { count: whole("N", count)?, seed: whole("SEED", seed)?, temperature, context })
    }
}

/// A whole number of 64 bits, in decimal digits alone.
fn whole(name: &str, text: &str) -> Result<u64, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| format!("{name}: {text:?} is not a whole number from 0 to 18446744073709551615"))
}

pub fn command(model: Model, arguments: &Arguments) -> Outcome {
    let dtype = model.manifest().dtype;
    let context = arguments.context.as_ref().map(|text| context(text, &model)).transpose()?;
    let shape = [context.as_ref().map_or(0, Vec::len)];
    let context = context.as_ref().map(|values| Rows::new(values, &shape));
    let draw = |rows| model.sample64(rows, arguments.seed, arguments.temperature, context);
    // What is wrong with the arguments shows before the first line does.
    draw(arguments.count..arguments.count)?;
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}", record(&model.manifest().feature_names()))?;
    for start in (0..arguments.count).step_by(BLOCK_ROWS) {
        let end = arguments.count.min(start.saturating_add(BLOCK_ROWS as u64));
        for row in draw(start..end)?.chunks_exact(model.manifest().event_size()) {
            let cells: Vec<String> = row.iter().map(|number| shortest_of(*number, dtype)).collect();
            writeln!(out, "{}", cells.join(","))?;
        }
    }
    out.flush()?;
    Ok(true)
}

/// The numbers of `--context`: as many as there are columns, or whatever there are, for the model to refuse.
fn context(text: &str, model: &Model) -> Result<Vec<f64>, String> {
    let columns = model.manifest().context_columns();
    let cells: Vec<&str> = text.split(',').collect();
    if cells.len() != columns.len() {
        return Err(format!("--context: expected {} values, got {}", columns.len(), cells.len()));
    }
    let refuse = |name: &str, reason| format!("--context: column {name:?}: {reason}");
    cells
        .iter()
        .zip(&columns)
        .map(|(cell, column)| {
            parse_context(cell, column, model.manifest().dtype).map_err(|reason| refuse(&column.name, reason))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stand_in_order_and_the_context_anywhere() {
        let all = Arguments { count: 3, seed: u64::MAX, temperature: 0.7, context: Some("-1,2".into()) };
        let seed = "18446744073709551615";
        assert_eq!(Arguments::parse(&["3", seed, "0.7", "--context", "-1,2"]).unwrap(), all);
        assert_eq!(Arguments::parse(&["--context", "-1,2", "3", seed, "0.7"]).unwrap(), all);
        let few = Arguments { count: 0, seed: 0, temperature: 1.0, context: None };
        assert_eq!(Arguments::parse(&["0", "0"]).unwrap(), few);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (given, name) in [
            (vec!["3"], "usage"),
            (vec!["3", "4", "1", "1"], "usage"),
            (vec!["-3", "4"], "N:"),
            (vec!["3", "18446744073709551616"], "SEED:"),
            (vec!["3", "+4"], "SEED:"),
            (vec!["", "4"], "N:"),
            (vec!["3", "4", "warm"], "TEMPERATURE:"),
            (vec!["3", "4", "--context"], "--context:"),
        ] {
            assert!(Arguments::parse(&given).unwrap_err().starts_with(name), "{given:?}");
        }
    }
}
