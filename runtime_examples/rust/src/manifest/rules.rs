//! The rules of `flow.json` that are not those of types.

use serde_json::Value;

use super::{Manifest, TensorSpec};

/// The widest row of x, z or context, in numbers: a block of 1,024 rows is then 4 GiB at most.
const WIDEST: usize = 1 << 20;

impl Manifest {
    /// The first place where the manifest breaks a rule that is not one of types.
    pub(super) fn check(&self) -> Result<(), String> {
        require(self.dtype == "float32", || {
            format!("dtype: this library reads \"float32\", the bundle says {:?}", self.dtype)
        })?;
        let event_size = self.event_shape.iter().try_fold(1usize, |a, b| a.checked_mul(*b));
        for (key, size, least) in [
            ("event_shape", event_size.unwrap_or(usize::MAX), 1),
            ("latent_size", self.latent_size, 1),
            ("context_size", self.context_size, 0),
        ] {
            require((least..=WIDEST).contains(&size), || {
                format!("{key}: expected {least} to {WIDEST} numbers a row")
            })?;
        }
        require((1..=3).contains(&self.event_shape.len()), || {
            "event_shape: expected one to three sizes".into()
        })?;
        let context_features = self.context_features.as_ref().map(Vec::len);
        for (key, found, wanted) in [
            ("scale", Some(self.scale.len()), self.event_size()),
            ("features", self.features.as_ref().map(Vec::len), self.event_size()),
            ("context_features", context_features, self.context_size),
        ] {
            require(found.is_none_or(|found| found == wanted), || {
                format!("{key}: expected {wanted} entries, got {}", found.unwrap_or_default())
            })?;
        }
        require(self.scale.iter().all(|unit| *unit > 0.0), || "scale: every entry must be positive".into())?;
        if let Some(reference) = &self.reference {
            let quantiles = &reference.log_prob_quantiles;
            require(quantiles.len() == 101 && quantiles.is_sorted(), || {
                "reference.log_prob_quantiles: expected 101 ascending numbers".into()
            })?;
        }
        self.check_files()?;
        self.check_graphs()?;
        self.check_golden()
    }

    fn check_files(&self) -> Result<(), String> {
        for (name, digest) in &self.files {
            require(goes_down(name), || format!("files: {name:?} leaves the folder"))?;
            let hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            require(digest.len() == 64 && digest.bytes().all(hex), || {
                format!("files: {name:?}: expected a SHA-256 in lower-case hex")
            })?;
        }
        Ok(())
    }

    fn check_graphs(&self) -> Result<(), String> {
        let (event, latent): (&[usize], &[usize]) = (&self.event_shape, &[self.latent_size]);
        let context: &[usize] = &[self.context_size];
        for (name, spec, input, output) in [
            ("log_prob", &self.graphs.log_prob, ("x", event), ("log_prob", &[] as &[usize])),
            ("sample", &self.graphs.sample, ("z", latent), ("x", event)),
        ] {
            self.require_listed(&spec.file, || format!("graphs.{name}.file"))?;
            let mut inputs = vec![input];
            if self.context_size > 0 {
                inputs.push(("context", context));
            }
            for (key, found, wanted) in
                [("inputs", &spec.inputs, inputs.as_slice()), ("outputs", &spec.outputs, &[output])]
            {
                // Tensors are fed by name, so their order is free.
                let fits = |(name, shape): &(&str, &[usize])| {
                    found.iter().any(|tensor| {
                        tensor.name == *name && tensor.dtype == "float32" && batch_of(tensor, shape)
                    })
                };
                require(found.len() == wanted.len() && wanted.iter().all(fits), || {
                    format!("graphs.{name}.{key}: expected float32 batches of {wanted:?}")
                })?;
            }
        }
        Ok(())
    }

    fn check_golden(&self) -> Result<(), String> {
        for (index, case) in self.golden.cases.iter().enumerate() {
            let key = || format!("golden.cases[{index}]");
            let (input, output) = (case.graph.input(), case.graph.output());
            require(case.expected.is_some() != case.error.is_some(), || {
                format!("{}: needs either expected or error", key())
            })?;
            let known = |tensor: &String| tensor == input || tensor == "context";
            require(case.inputs.contains_key(input) && case.inputs.keys().all(known), || {
                format!("{}.inputs: expected {input:?} and perhaps \"context\"", key())
            })?;
            require(case.expected.iter().all(|to| to.keys().eq([output])), || {
                format!("{}.expected: expected {output:?}", key())
            })?;
            for file in case.inputs.values().chain(case.expected.iter().flat_map(|to| to.values())) {
                self.require_listed(file, key)?;
            }
        }
        for (index, noise) in self.golden.noise.iter().enumerate() {
            self.require_listed(&noise.file, || format!("golden.noise[{index}]"))?;
        }
        let file = &self.golden.log_prob_of_sample;
        self.require_listed(file, || "golden.log_prob_of_sample".into())
    }

    fn require_listed(&self, file: &str, key: impl Fn() -> String) -> Result<(), String> {
        require(self.files.contains_key(file), || format!("{}: {file:?} is not listed in files", key()))
    }
}

fn require(met: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if met { Ok(()) } else { Err(otherwise()) }
}

/// Whether a file name is relative, with forward slashes, and goes nowhere but down.
fn goes_down(name: &str) -> bool {
    !name.contains(['\\', ':', '\0']) && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Whether a tensor is a free batch of rows of a shape.
fn batch_of(tensor: &TensorSpec, shape: &[usize]) -> bool {
    let (batch, sizes) = (Value::from("batch"), shape.iter().map(|size| Value::from(*size)));
    tensor.shape.iter().eq([batch].iter().chain(&sizes.collect::<Vec<_>>()))
}
