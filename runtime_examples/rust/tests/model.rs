//! What an open model gives, against answers that are known exactly, and what it refuses.

mod scratch;

use std::fs;
use std::sync::Arc;
use std::thread;

use flowbundle::{BLOCK_ROWS, Error, InputCode, Model, Rows, normals};
use scratch::{BUNDLE, Scratch};
use serde_json::json;
use sha2::{Digest, Sha256};

const IMAGE: [usize; 3] = [1, 2, 2];

fn model() -> Model {
    Model::open(BUNDLE).unwrap()
}

fn code(outcome: Result<Vec<f32>, Error>) -> InputCode {
    outcome.unwrap_err().code().expect("an input that does not fit")
}

#[test]
fn log_prob_is_that_of_the_graph_whose_inputs_go_by_name() {
    let x = [1.0, 2.0, 4.0, 0.5, 1.0, 0.0, 1.0, 1.0];
    let each = [[2.0, 0.25], [1.0, 0.0]];
    let found = model().log_prob(Rows::new(&x, &IMAGE), Some((&each).into())).unwrap();
    assert!((found[0] - (4f32.ln() + 20.25)).abs() < 1e-5);
    assert_eq!(found[1], f32::NEG_INFINITY);
    let same = model().log_prob(Rows::new(&x, &IMAGE), Some((&[[2.0, 0.25]]).into())).unwrap();
    assert_eq!(same[0], found[0]);
}

#[test]
fn a_sample_is_the_noise_of_its_seed_whose_selector_takes_no_temperature() {
    let context = Some((&[[1.0, 0.5]]).into());
    let noise = normals(7, 0, 3 * 5);
    for temperature in [1.0, 0.7, 0.0] {
        let found = model().sample(0..3, 7, temperature, context).unwrap();
        for (row, z) in found.chunks(4).zip(noise.chunks(5)) {
            for (x, z0) in row.iter().zip(z) {
                assert!((x - (temperature * z0 + 100.0 * z[4] + 10.5)).abs() < 1e-4);
            }
        }
    }
}

#[test]
fn any_rows_of_a_sample_can_be_drawn_alone() {
    let context = Some((&[[1.0, 0.5]]).into());
    let model = model();
    let draw = |rows| model.sample(rows, u64::MAX, 1.0, context).unwrap();
    let all = draw(0..2500);
    assert_eq!(all.len(), 2500 * 4);
    for (start, end) in [(0, 1), (0, 0), (1023, 1025), (1024, 2048), (2499, 2500)] {
        let part = &all[4 * start as usize..4 * end as usize];
        assert_eq!(draw(start..end), part, "{start}..{end}");
    }
    assert_eq!(draw((1 << 60)..(1 << 60) + 2).len(), 8);
}

#[test]
fn blocks_are_seen_from_outside_by_nothing() {
    let rows = 2 * BLOCK_ROWS + 3;
    let x: Vec<f32> = (0..rows * 4).map(|i| 1.0 + i as f32).collect();
    let context: Vec<[f32; 2]> = (0..rows).map(|i| [(i % 3) as f32, i as f32]).collect();
    let model = model();
    let all = model.log_prob(Rows::new(&x, &IMAGE), Some(context.as_slice().into())).unwrap();
    for row in [0, BLOCK_ROWS - 1, BLOCK_ROWS, 2 * BLOCK_ROWS, rows - 1] {
        let one = Rows::new(&x, &IMAGE).get(row..row + 1).unwrap();
        let alone = model.log_prob(one, Some((&[context[row]]).into())).unwrap();
        assert!((all[row] - alone[0]).abs() < 1e-3, "{row}");
    }
}

#[test]
fn no_rows_give_none() {
    let context = Some((&[[1.0, 0.5]]).into());
    assert!(model().log_prob(Rows::new(&[], &IMAGE), context).unwrap().is_empty());
    assert!(model().sample_from(Rows::new(&[], &[5]), context).unwrap().is_empty());
    let none: &[[f32; 2]] = &[];
    assert!(model().log_prob(Rows::new(&[], &IMAGE), Some(none.into())).unwrap().is_empty());
}

#[test]
fn what_does_not_fit_is_refused_by_its_code() {
    let model = model();
    let image = Rows::new(&[1.0; 8], &IMAGE);
    let score = |x, context: &[[f32; 2]]| code(model.log_prob(x, Some(context.into())));
    let one = [[1.0, 0.5]];
    assert_eq!(score(Rows::new(&[1.0; 8], &[2, 2, 1]), &one), InputCode::WrongShape);
    assert_eq!(score(Rows::new(&[1.0; 8], &[4]), &one), InputCode::WrongShape);
    assert_eq!(score(Rows::new(&[1.0; 7], &IMAGE), &one), InputCode::WrongShape);
    assert_eq!(score(Rows::new(&[1.0; 8], &[]), &one), InputCode::WrongShape);
    assert_eq!(score(Rows::new(&[], &[0]), &one), InputCode::WrongShape);
    assert_eq!(score(image, &[[1.0, 0.5]; 3]), InputCode::WrongShape);
    assert_eq!(score(image, &[]), InputCode::WrongShape);
    for bad in [3.0, -1.0, 0.5, f32::NAN, f32::INFINITY] {
        assert_eq!(score(image, &[[0.0, 0.0], [bad, 0.0]]), InputCode::UnknownCategory, "{bad}");
    }
    assert_eq!(code(model.log_prob(image, None)), InputCode::MissingContext);
    assert_eq!(code(model.log_prob(image, Some((&[[1.0]]).into()))), InputCode::WrongShape);
    assert_eq!(code(model.sample_from(&[[1.0; 4]], Some((&one).into()))), InputCode::WrongShape);
    assert_eq!(code(model.sample(0..1, 0, 1.0, None)), InputCode::MissingContext);
    for temperature in [-0.1, f32::NAN, f32::INFINITY] {
        let outcome = model.sample(0..1, 0, temperature, Some((&one).into()));
        assert_eq!(code(outcome), InputCode::WrongValue, "{temperature}");
    }
    let beyond = model.sample(u64::MAX - 1..u64::MAX, 0, 1.0, Some((&one).into()));
    assert_eq!(code(beyond), InputCode::WrongValue);
}

#[test]
fn a_graph_that_cannot_be_run_is_a_fault_of_the_bundle() {
    let scratch = Scratch::new();
    let garbage = b"\x08\x0a\x12\x03not an onnx file";
    fs::write(scratch.0.join("sample.onnx"), garbage).unwrap();
    let digest = format!("{:x}", Sha256::digest(garbage));
    let scratch = scratch.edit("/files/sample.onnx", Some(json!(digest)));
    let error = Model::open(&scratch.0).unwrap_err();
    assert!(matches!(&error, Error::Bundle { path, .. } if path.ends_with("sample.onnx")), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);

    let scratch = Scratch::new();
    let sample = fs::read(scratch.0.join("sample.onnx")).unwrap();
    fs::write(scratch.0.join("log_prob.onnx"), &sample).unwrap();
    let digest = format!("{:x}", Sha256::digest(&sample));
    let scratch = scratch.edit("/files/log_prob.onnx", Some(json!(digest)));
    let run = || Model::open(&scratch.0)?.log_prob(Rows::new(&[1.0; 4], &IMAGE), Some((&[[0.0; 2]]).into()));
    assert!(matches!(run(), Err(Error::Bundle { path, .. }) if path.ends_with("log_prob.onnx")));
}

#[test]
fn one_model_serves_several_threads() {
    let model = Arc::new(model());
    let draw = |model: &Model| model.sample(0..200, 3, 1.0, Some((&[[2.0, 0.5]]).into())).unwrap();
    let expected = draw(&model);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| assert_eq!(draw(&model), expected)));
        }
    });
}

#[test]
fn there_is_a_percentile_where_there_is_a_reference() {
    assert_eq!(model().percentile(0.0), None);
    let quantiles: Vec<i32> = (0..101).map(|i| 2 * i - 200).collect();
    let reference = json!({"rows": 1000, "log_prob_quantiles": quantiles});
    let scratch = Scratch::new().edit("/reference", Some(reference));
    let model = Model::open(&scratch.0).unwrap();
    assert_eq!(model.percentile(-99.0), Some(50.5));
    assert_eq!(model.percentile(f32::NEG_INFINITY), Some(0.0));
    assert_eq!(model.percentile(1.0), Some(100.0));
}

#[test]
fn a_bundle_of_one_direction_does_that_and_says_what_it_cannot_do() {
    let context = Some((&[[1.0, 0.0]]).into());
    for (held, other) in [("log_prob", "sample"), ("sample", "log_prob")] {
        let scratch = Scratch::new().edit(&format!("/graphs/{other}"), None);
        let model = Model::open(&scratch.0).unwrap();
        for (graph, outcome) in [
            ("log_prob", model.log_prob(Rows::new(&[0.0; 4], &IMAGE), context)),
            ("sample", model.sample(0..0, 0, 1.0, context)),
            ("sample", model.sample_from(&[[0.0; 5]], context)),
        ] {
            if graph == held {
                outcome.unwrap();
                continue;
            }
            let Err(Error::Bundle { path, reason }) = outcome else { panic!("{held}: {graph}") };
            assert!(path.ends_with("flow.json"));
            let line = format!("graphs: the bundle holds {held} alone, and no {other}, so it cannot ");
            assert!(reason.starts_with(&line), "{reason}");
        }
    }
}
