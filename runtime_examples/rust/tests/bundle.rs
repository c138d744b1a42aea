//! A bundle that breaks its contract is refused, by file and by key.

mod scratch;

use std::fs;
use std::os::unix::fs::symlink;

use flowbundle::{Bundle, Error};
use scratch::{BUNDLE, Scratch};
use serde_json::{Value, json};

fn refusal(scratch: &Scratch) -> String {
    match Bundle::open(&scratch.0) {
        Err(Error::Bundle { path, reason }) => {
            assert!(path.starts_with(&scratch.0));
            reason
        }
        other => panic!("expected a fault of the bundle, got {other:?}"),
    }
}

#[test]
fn a_whole_bundle_opens_and_gives_its_files() {
    let bundle = Bundle::open(BUNDLE).unwrap();
    assert_eq!(bundle.manifest().feature_names(), ["x0", "x1", "x2", "x3"]);
    assert_eq!(bundle.manifest().context_columns()[0].categories.as_ref().unwrap()[2], "ideal");
    assert!(bundle.manifest().selector);
    assert!(bundle.read("flow.json").unwrap_err().to_string().contains("is not listed"));
}

#[test]
fn every_key_that_is_not_optional_must_be_there() {
    for pointer in [
        "/format",
        "/name",
        "/dtype",
        "/event_shape",
        "/latent_size",
        "/context_size",
        "/features",
        "/context_features",
        "/graphs",
        "/graphs/log_prob/file",
        "/graphs/sample/file",
        "/files",
        "/scale",
        "/reference",
    ] {
        let reason = refusal(&Scratch::new().edit(pointer, None));
        let key = pointer.rsplit_once('/').unwrap().1;
        assert!(reason.contains(key), "{pointer}: {reason}");
    }
}

#[test]
fn what_is_wrong_with_a_key_is_said_by_its_name() {
    let quantiles = |number: Value| json!({"rows": 9, "log_prob_quantiles": number});
    let descending: Vec<i32> = (0..101).rev().collect();
    for (pointer, value, key) in [
        ("/format", json!("flowexport/2"), "format: "),
        ("/format", json!(1), "format: "),
        ("/dtype", json!("float16"), "dtype: "),
        ("/name", json!(1), "name: "),
        ("/event_shape", json!([]), "event_shape: "),
        ("/event_shape", json!([0]), "event_shape: "),
        ("/event_shape", json!([1, 1, 2, 2]), "event_shape: "),
        ("/event_shape", json!([-1]), "event_shape[0]: "),
        ("/event_shape", json!([2147483647, 2147483647, 2147483647]), "event_shape: "),
        ("/latent_size", json!(0), "latent_size: "),
        ("/latent_size", json!(2147483647), "latent_size: "),
        ("/latent_size", json!(2.5), "latent_size: "),
        ("/context_size", json!("2"), "context_size: "),
        ("/features", json!(["one"]), "features: "),
        ("/context_features", json!([]), "context_features: "),
        ("/context_features/0/categories", json!("fair"), "context_features[0].categories: "),
        ("/graphs", json!({"latent": {}}), "graphs: expected log_prob or sample"),
        ("/graphs/sample", json!(null), "graphs.sample: "),
        ("/graphs/sample/file", json!("other.onnx"), "graphs.sample.file: "),
        ("/files/log_prob.onnx", json!("ABC"), "files: \"log_prob.onnx\": "),
        ("/files/..~1x", json!("0".repeat(64)), "files: \"../x\" leaves"),
        ("/files/~1x", json!("0".repeat(64)), "files: \"/x\" leaves"),
        ("/files/a~1.~1x", json!("0".repeat(64)), "files: \"a/./x\" leaves"),
        ("/files/a\\x", json!("0".repeat(64)), "leaves"),
        ("/files/c:x", json!("0".repeat(64)), "leaves"),
        ("/files/", json!("0".repeat(64)), "leaves"),
        ("/scale", json!([1, 1, 1]), "scale: "),
        ("/reference", quantiles(json!([1, 2])), "reference.log_prob_quantiles: "),
        ("/reference", quantiles(json!(descending)), "reference.log_prob_quantiles: "),
        ("/selector", json!("yes"), "selector: "),
        ("/selector", json!(null), "selector: "),
    ] {
        let reason = refusal(&Scratch::new().edit(pointer, Some(value.clone())));
        assert!(reason.contains(key), "{pointer} = {value}: {reason}");
        assert_eq!(reason.lines().count(), 1, "{reason}");
    }
}

#[test]
fn unknown_keys_are_passed_over() {
    let scratch = Scratch::new().edit("/later", Some(json!({"a": [1]}))).edit("/levels", Some(json!(17)));
    assert!(Bundle::open(&scratch.0).is_ok());
}

#[test]
fn what_is_not_json_is_refused_whatever_it_is() {
    let scratch = Scratch::new();
    let deep = "[".repeat(100_000);
    for text in ["", "{", "null", "[]", "NaN", "\u{feff}{}", deep.as_str()] {
        fs::write(scratch.0.join("flow.json"), text).unwrap();
        refusal(&scratch);
    }
    fs::write(scratch.0.join("flow.json"), [0xff, 0xfe]).unwrap();
    assert!(refusal(&scratch).contains("not JSON"));
    fs::write(scratch.0.join("flow.json"), vec![b' '; (4 << 20) + 1]).unwrap();
    assert!(refusal(&scratch).contains("at most"));
    fs::remove_file(scratch.0.join("flow.json")).unwrap();
    assert!(refusal(&scratch).contains("cannot be read"));
}

#[test]
fn every_listed_file_is_held_to_its_hash() {
    for name in ["log_prob.onnx", "sample.onnx", "golden/x.npy"] {
        let scratch = Scratch::new();
        let mut data = fs::read(scratch.0.join(name)).unwrap();
        data[100] ^= 1;
        fs::write(scratch.0.join(name), data).unwrap();
        assert!(refusal(&scratch).contains("files: hash differs"), "{name}");
        fs::remove_file(scratch.0.join(name)).unwrap();
        assert!(refusal(&scratch).contains("files: cannot be read"), "{name}");
        fs::create_dir(scratch.0.join(name)).unwrap();
        assert!(refusal(&scratch).contains("files: is not a file"), "{name}");
    }
}

#[test]
fn a_link_may_lead_within_the_folder_and_not_out_of_it() {
    let (scratch, outside) = (Scratch::new(), Scratch::new());
    let file = scratch.0.join("sample.onnx");
    fs::rename(&file, scratch.0.join("elsewhere")).unwrap();
    symlink("elsewhere", &file).unwrap();
    assert!(Bundle::open(&scratch.0).is_ok());
    fs::remove_file(&file).unwrap();
    symlink(outside.0.join("sample.onnx"), &file).unwrap();
    assert!(refusal(&scratch).contains("files: is a link that leaves the folder"));
    fs::remove_dir_all(scratch.0.join("golden")).unwrap();
    symlink(outside.0.join("golden"), scratch.0.join("golden")).unwrap();
    assert!(refusal(&scratch).contains("leaves the folder"));
}
