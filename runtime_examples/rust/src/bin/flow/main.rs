//! An example of the library: scores the rows of a table, or draws samples. Tables are plain: a line of names, then
//! lines of numbers, and of labels where a column of the context has categories, with commas between.

mod run;

use std::env;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use flowbundle::{BLOCK_ROWS, Dtype, Model, Rows};

const USAGE: &str = "usage: score BUNDLE < rows.csv | sample BUNDLE N SEED; golden, bench and all options need \
    Python 3.11 or later";

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A number as its type writes it.
fn text_of(number: f64, dtype: Dtype) -> String {
    if dtype == Dtype::Float64 { number.to_string() } else { (number as f32).to_string() }
}

/// The cells of the next line of standard input, or none at its end.
fn read_cells() -> Outcome<Option<Vec<String>>> {
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Ok(None);
    }
    if line.contains('"') {
        return Err(format!("standard input: quotes need Python; see README.md: {}", line.trim_end()).into());
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).split(',').map(str::to_string).collect()))
}

fn number_of(cell: &str) -> Outcome<f64> {
    let number = cell.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("standard input: {cell:?} is no finite number").into())
}

fn print_scores(model: &Model, x: &[f64], context: &[f64], out: &mut impl Write) -> Outcome<()> {
    let manifest = model.manifest();
    let shape = [manifest.context_columns().len()];
    let given = (shape[0] > 0).then(|| Rows::new(context, &shape));
    for score in model.log_prob64(Rows::new(x, &manifest.event_shape), given)? {
        write!(out, "{}", text_of(score, manifest.dtype))?;
        match model.percentile64(score) {
            Some(percentile) => writeln!(out, ",{percentile}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

fn score(model: &Model, out: &mut impl Write) -> Outcome<()> {
    let manifest = model.manifest();
    let (columns, width) = (manifest.context_columns(), manifest.event_size());
    let header = read_cells()?.unwrap_or_default();
    let mut names = manifest.feature_names();
    names.extend(columns.iter().map(|column| column.name.clone()));
    let place =
        |name: &String| header.iter().position(|cell| cell == name).ok_or(format!("no column {name:?}"));
    let places = names.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    writeln!(out, "{}", if manifest.reference.is_some() { "log_prob,percentile" } else { "log_prob" })?;
    let (mut x, mut context) = (Vec::new(), Vec::new());
    while let Some(cells) = read_cells()? {
        if cells.len() != header.len() {
            return Err(format!("standard input: expected {} cells, got {cells:?}", header.len()).into());
        }
        for place in &places[..width] {
            x.push(number_of(&cells[*place])?);
        }
        for (column, place) in columns.iter().zip(&places[width..]) {
            context.push(match column.categories {
                Some(_) => model.category(&column.name, &cells[*place])?.into(),
                None => number_of(&cells[*place])?,
            });
        }
        if x.len() == BLOCK_ROWS * width {
            print_scores(model, &x, &context, out)?;
            x.clear();
            context.clear();
        }
    }
    print_scores(model, &x, &context, out)
}

fn sample(model: &Model, count: u64, seed: u64, out: &mut impl Write) -> Outcome<()> {
    let manifest = model.manifest();
    writeln!(out, "{}", manifest.feature_names().join(","))?;
    for start in (0..count).step_by(BLOCK_ROWS) {
        let rows = start..count.min(start + BLOCK_ROWS as u64);
        for row in model.sample64(rows, seed, 1.0, None)?.chunks_exact(manifest.event_size()) {
            let cells: Vec<String> = row.iter().map(|number| text_of(*number, manifest.dtype)).collect();
            writeln!(out, "{}", cells.join(","))?;
        }
    }
    Ok(())
}

fn answer(arguments: &[&str]) -> Outcome<bool> {
    let mut out = BufWriter::new(io::stdout());
    match arguments {
        ["run", bundle] => return Ok(run::run(bundle, None)?), // what ../../drive.sh asks for
        ["run", bundle, digest] => return Ok(run::run(bundle, Some(digest))?),
        ["score", bundle] => score(&Model::open(bundle)?, &mut out)?,
        ["sample", bundle, count, seed] => {
            sample(&Model::open(bundle)?, count.parse()?, seed.parse()?, &mut out)?
        }
        _ => return Err(USAGE.into()),
    }
    out.flush()?;
    Ok(true)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match answer(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("flow: {}", error.to_string().replace(char::is_control, " "));
            ExitCode::from(2)
        }
    }
}
