//! `golden`: the bundle's own cases, replayed.

use std::io::{self, Write};

use flowbundle::{Error, InputCode, Model, Rows, normals};

use crate::Outcome;
use crate::cases::{Case, Contract, Golden, GraphName, Tolerance};
use crate::npy::Array;

/// The most that is allowed; a bundle may ask for less and never for more.
const MOST: Tolerance = Tolerance { atol: 1e-4, rtol: 1e-5 };

/// Of log_prob of a sample, in nats: the density's gradient magnifies the rounding of a float32 sample.
const DIRECTION: Tolerance = Tolerance { atol: 1e-2, rtol: 1e-3 };

/// How often its own float32 rounding a number may differ by, and up to which share of it and of its unit.
const MULTIPLE: f64 = 4.0;
const SHARE: f64 = 1e-3;

/// Of normals: two units in the last place of the largest.
const NOISE: Tolerance = Tolerance { atol: 9.5e-7, rtol: 0.0 };

pub fn command(model: Model) -> Outcome {
    let contract = Contract::read(model.bundle())?;
    let golden = &contract.golden;
    let (mut passed, mut failed) = (0, 0);
    let mut out = io::stdout();
    let mut tell = |name: &str, line: Line| {
        let verdict = if line.passed { "passed" } else { "failed" };
        *(if line.passed { &mut passed } else { &mut failed }) += 1;
        let name = name.replace(char::is_control, " ");
        writeln!(out, "{name}\t{}\t{}\t{verdict}", line.found, line.bound)
    };
    for case in &golden.cases {
        tell(&case.name, refusal(replay(&model, &contract, case), case.error)?)?;
    }
    tell("log_prob_of_sample", refusal(direction(&model, golden), None)?)?;
    for noise in &golden.noise {
        let expected = Array::read(model.bundle(), &noise.file)?.numbers;
        let found = normals(noise.seed, noise.start, expected.len());
        let found: Vec<f64> = found.into_iter().map(f64::from).collect();
        tell(
            &format!("noise {}", noise.seed),
            compare(&found, &expected, NOISE, &[1.0], &vec![0.0; expected.len()]),
        )?;
    }
    writeln!(io::stdout(), "passed {passed}, failed {failed}")?;
    Ok(failed == 0)
}

/// What is told of a case: a difference and its bound, or a code and that which was expected.
#[derive(Debug)]
struct Line {
    found: String,
    bound: String,
    passed: bool,
}

/// Where a model refused its inputs, that code in place of figures, and the code that it should have given.
fn refusal(outcome: Result<Line, Error>, expected: Option<InputCode>) -> Result<Line, Error> {
    match outcome {
        Err(Error::Input { code, .. }) => Ok(codes(Some(code), expected)),
        line => line,
    }
}

fn codes(found: Option<InputCode>, expected: Option<InputCode>) -> Line {
    let text = |code: Option<InputCode>| code.map_or("none".to_string(), |code| code.to_string());
    Line { found: text(found), bound: text(expected), passed: found == expected }
}

/// Runs a case as one batch.
fn replay(model: &Model, contract: &Contract, case: &Case) -> Result<Line, Error> {
    let found = run(model, case)?;
    let Some(file) = case.expected.iter().flat_map(|expected| expected.values()).next() else {
        return Ok(codes(None, case.error));
    };
    let (asked, width, unit) = match case.graph {
        GraphName::LogProb => (contract.tolerance.log_prob, 1, [1.0].as_slice()),
        GraphName::Sample => {
            (contract.tolerance.sample, model.manifest().event_size(), contract.scale.as_slice())
        }
    };
    let tolerance = Tolerance { atol: asked.atol.min(MOST.atol), rtol: asked.rtol.min(MOST.rtol) };
    let rows_of = |file: &String| {
        let all = Array::read(model.bundle(), file)?.numbers;
        let (start, stop) = case.rows.unwrap_or((0, all.len() / width));
        let range = start.saturating_mul(width)..stop.saturating_mul(width);
        all.get(range).map(<[f64]>::to_vec).ok_or_else(|| missing_rows(model, case))
    };
    let expected = rows_of(file)?;
    let mut own = vec![0.0; expected.len()];
    if let Some(file) = case.rounding.iter().flat_map(|rounding| rounding.values()).next() {
        let rounding = rows_of(file)?;
        if rounding.len() != expected.len() {
            return Err(missing_rows(model, case));
        }
        for (index, own) in own.iter_mut().enumerate() {
            let unit = unit[index % unit.len()];
            *own = (MULTIPLE * rounding[index] / unit).min(SHARE * (1.0 + expected[index].abs() / unit));
        }
    }
    Ok(compare(&found, &expected, tolerance, unit, &own))
}

/// The output of a case's graph for its inputs.
fn run(model: &Model, case: &Case) -> Result<Vec<f64>, Error> {
    let (rows, context) = read_inputs(model, case)?;
    let rows = rows_of(&rows, model, case)?;
    let context = context.as_ref().map(|context| rows_of(context, model, case)).transpose()?;
    match case.graph {
        GraphName::LogProb => model.log_prob64(rows, context),
        GraphName::Sample => model.sample_from64(rows, context),
    }
}

/// log_prob of the samples of the case that has as many rows as the trained model said it of.
fn direction(model: &Model, golden: &Golden) -> Result<Line, Error> {
    let expected = Array::read(model.bundle(), &golden.log_prob_of_sample)?.numbers;
    let samples = |case: &&Case| case.graph == GraphName::Sample && case.expected.is_some();
    for case in golden.cases.iter().filter(samples) {
        let x = run(model, case)?;
        if x.len() == expected.len() * model.manifest().event_size() {
            let context = read_inputs(model, case)?.1;
            let context = context.as_ref().map(|context| rows_of(context, model, case)).transpose()?;
            let found = model.log_prob64(Rows::new(&x, &model.manifest().event_shape), context)?;
            let mut own = vec![0.0; expected.len()];
            if let Some(file) = &golden.log_prob_of_sample_rounding {
                own = Array::read(model.bundle(), file)?.numbers.iter().map(|each| MULTIPLE * each).collect();
            }
            if own.len() != expected.len() {
                let reason = "golden.log_prob_of_sample_rounding: is not of as many rows";
                return Err(fault(model, reason.to_string()));
            }
            return Ok(compare(&found, &expected, DIRECTION, &[1.0], &own));
        }
    }
    Err(fault(model, "golden.log_prob_of_sample: no sample case has as many rows".to_string()))
}

/// x or z of a case, and its context.
fn read_inputs(model: &Model, case: &Case) -> Result<(Array, Option<Array>), Error> {
    let context = case.inputs.get("context").map(|file| Array::read(model.bundle(), file)).transpose()?;
    Ok((Array::read(model.bundle(), &case.inputs[case.graph.input()])?, context))
}

/// The rows of an input that a case names, or all.
fn rows_of<'a>(array: &'a Array, model: &Model, case: &Case) -> Result<Rows<'a, f64>, Error> {
    let rows = array.rows(model.manifest().dtype)?;
    match case.rows {
        None => Ok(rows),
        Some((start, stop)) => rows.get(start..stop).ok_or_else(|| missing_rows(model, case)),
    }
}

/// |Δ| ≤ atol · unit + rtol · |expected| + own everywhere, told in units of `unit`, which repeats from row to row; `own`,
/// in those units, is what rounding may cost. The
/// figures are those of the number that comes nearest to its bound, or goes farthest over it.
fn compare(found: &[f64], expected: &[f64], tolerance: Tolerance, unit: &[f64], own: &[f64]) -> Line {
    let mut passed = found.len() == expected.len() && !found.is_empty();
    let (mut worst, mut figures) = (-1.0, (f64::NAN, f64::NAN));
    for (((found, expected), unit), own) in found.iter().zip(expected).zip(unit.iter().cycle()).zip(own) {
        // Equal infinities differ by nothing.
        let difference = if found == expected { 0.0 } else { (found - expected).abs() / unit };
        let magnitude = if expected.is_finite() { expected.abs() / unit } else { 0.0 };
        let own = if expected.is_finite() { *own } else { 0.0 };
        let bound = tolerance.atol + tolerance.rtol * magnitude + own;
        // NaN is within no bound.
        passed &= difference <= bound;
        let ratio = match difference / bound {
            _ if difference == 0.0 => 0.0,
            ratio if ratio.is_nan() => f64::INFINITY,
            ratio => ratio,
        };
        if ratio > worst {
            (worst, figures) = (ratio, (difference, bound));
        }
    }
    let text = |figure: f64| format!("{figure:.3e}").to_lowercase();
    Line { found: text(figures.0), bound: text(figures.1), passed }
}

fn missing_rows(model: &Model, case: &Case) -> Error {
    fault(model, format!("golden.cases: {:?}: a file has fewer rows than the case", case.name))
}

fn fault(model: &Model, reason: String) -> Error {
    model.bundle().fault("flow.json", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Tolerance = Tolerance { atol: 0.1, rtol: 0.01 };

    fn passes(found: &[f64], expected: &[f64], unit: &[f64]) -> bool {
        compare(found, expected, NARROW, unit, &vec![0.0; expected.len()]).passed
    }

    #[test]
    fn a_bound_is_absolute_and_relative() {
        assert!(passes(&[100.0], &[101.0], &[1.0]));
        assert!(!passes(&[100.0], &[102.0], &[1.0]));
        assert!(passes(&[0.0], &[0.09], &[1.0]));
        assert!(!passes(&[0.0], &[0.11], &[1.0]));
    }

    #[test]
    fn the_absolute_part_is_in_units_that_repeat_from_row_to_row() {
        assert!(passes(&[0.0, 0.0, 0.0, 0.0], &[0.0, 0.9, 0.0, 0.9], &[1.0, 10.0]));
        assert!(!passes(&[0.0, 0.0, 0.0, 0.0], &[0.0, 0.9, 0.9, 0.0], &[1.0, 10.0]));
    }

    #[test]
    fn nan_another_length_and_nothing_fail_and_equal_infinities_pass() {
        assert!(!passes(&[f64::NAN], &[0.0], &[1.0]));
        assert!(!passes(&[0.0], &[f64::NAN], &[1.0]));
        assert!(!passes(&[0.0, 0.0], &[0.0], &[1.0]));
        assert!(!passes(&[], &[], &[1.0]));
        assert!(passes(&[f64::NEG_INFINITY], &[f64::NEG_INFINITY], &[1.0]));
        assert!(!passes(&[f64::NEG_INFINITY], &[0.0], &[1.0]));
        assert!(!passes(&[0.0], &[f64::NEG_INFINITY], &[1.0]));
    }

    #[test]
    fn the_figures_are_those_nearest_to_their_bound() {
        let line = compare(&[0.0, 1000.0], &[0.09, 1001.0], NARROW, &[1.0], &[0.0; 2]);
        assert_eq!((line.found.as_str(), line.bound.as_str()), ("9.000e-2", "1.009e-1"));
    }
}
