//! `bench`: what a call costs.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use flowbundle::{Error, Model, Rows};

use crate::Outcome;

/// How long one figure is measured for, and how often a call is made at least.
const MEASURED: Duration = Duration::from_millis(500);
const LEAST_CALLS: usize = 20;

pub fn command(model: Model) -> Outcome {
    let mut out = io::stdout();
    writeln!(out, "graph,rows,microseconds")?;
    let size = [model.manifest().context_size];
    // Zeros are a context of any kind: a number, or the first category.
    let zeros = vec![0.0; size[0]];
    let context = (size != [0]).then(|| Rows::new(&zeros, &size));
    for rows in [1, 1000] {
        let x = model.sample(0..rows, 0, 1.0, context)?;
        let x = Rows::new(&x, &model.manifest().event_shape);
        let log_prob = median(|| model.log_prob(x, context))?;
        writeln!(out, "log_prob,{rows},{log_prob:.1}")?;
        let sample = median(|| model.sample(0..rows, 0, 1.0, context))?;
        writeln!(out, "sample,{rows},{sample:.1}")?;
    }
    Ok(true)
}

/// The median of a call, in microseconds. The first calls, which warm up, are not among those measured.
fn median(mut call: impl FnMut() -> Result<Vec<f32>, Error>) -> Result<f64, Error> {
    for _ in 0..LEAST_CALLS {
        black_box(call()?);
    }
    let mut times = Vec::new();
    let begin = Instant::now();
    while times.len() < LEAST_CALLS || begin.elapsed() < MEASURED {
        let start = Instant::now();
        black_box(call()?);
        times.push(start.elapsed());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2].as_secs_f64() * 1e6)
}
