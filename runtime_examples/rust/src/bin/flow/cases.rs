//! The rest of `flow.json`, which the library does not go on to use: the golden cases, how closely they are to be met,
//! and what else the format asks for.

use std::collections::BTreeMap;

use flowbundle::{Bundle, Dtype, Error, InputCode, Manifest};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// These keys.
#[derive(Debug, Deserialize)]
pub struct Contract {
    #[serde(rename = "description")]
    _description: String,
    #[serde(rename = "architecture")]
    _architecture: Map<String, Value>,
    #[serde(rename = "provenance")]
    _provenance: BTreeMap<String, String>,
    #[serde(rename = "reference")]
    _reference: Option<Reference>,
    graphs: Graphs,
    /// How closely each graph is to agree with the golden cases.
    pub tolerance: Tolerances,
    /// The standard deviation of each feature.
    pub scale: Vec<f64>,
    /// What the trained model gives.
    pub golden: Golden,
}

#[derive(Debug, Deserialize)]
struct Reference {
    #[serde(rename = "rows")]
    _rows: u32,
}

#[derive(Debug, Deserialize)]
struct Graphs {
    log_prob: GraphTensors,
    sample: GraphTensors,
}

#[derive(Debug, Deserialize)]
struct GraphTensors {
    #[serde(rename = "opset")]
    _opset: u32,
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
}

/// An input or output of a graph.
#[derive(Debug, Clone, Deserialize)]
struct TensorSpec {
    /// By which it is fed or fetched.
    name: String,
    /// That of the manifest.
    dtype: String,
    /// `"batch"`, then the sizes of one row.
    shape: Vec<Value>,
}

/// The two directions of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GraphName {
    /// x and context to log_prob.
    LogProb,
    /// z and context to x.
    Sample,
}

impl GraphName {
    /// What its graph takes beside the context.
    pub fn input(self) -> &'static str {
        match self {
            GraphName::LogProb => "x",
            GraphName::Sample => "z",
        }
    }

    /// What its graph gives.
    pub fn output(self) -> &'static str {
        match self {
            GraphName::LogProb => "log_prob",
            GraphName::Sample => "x",
        }
    }
}

/// The tolerance of each graph.
#[derive(Debug, Clone, Deserialize)]
pub struct Tolerances {
    /// In nats.
    pub log_prob: Tolerance,
    /// `atol` in units of `scale`.
    pub sample: Tolerance,
}

/// |Δ| ≤ atol + rtol · |expected|.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Tolerance {
    /// The absolute part.
    pub atol: f64,
    /// The relative part.
    pub rtol: f64,
}

/// Inputs, and what the trained model says of them.
#[derive(Debug, Clone, Deserialize)]
pub struct Golden {
    /// Of both graphs.
    pub cases: Vec<Case>,
    /// A file: log_prob of the output of the sample case with as many rows.
    pub log_prob_of_sample: String,
    /// What float32 alone costs each of those.
    pub log_prob_of_sample_rounding: Option<String>,
    /// Parts of the noise.
    pub noise: Vec<NoiseSpec>,
}

/// One run of a graph. Exactly one of `expected` and `error` is there.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Of the case.
    pub name: String,
    /// Which graph it runs.
    pub graph: GraphName,
    /// Tensor → file.
    pub inputs: BTreeMap<String, String>,
    /// The output → file.
    pub expected: Option<BTreeMap<String, String>>,
    /// What float32 alone costs each number of the output → file.
    pub rounding: Option<BTreeMap<String, String>>,
    /// What is to be said of these inputs before anything is run.
    pub error: Option<InputCode>,
    /// Start and end of the rows of all these files that count; without it all do.
    pub rows: Option<(usize, usize)>,
}

/// Normals number `start` onwards of a seed.
#[derive(Debug, Clone, Deserialize)]
pub struct NoiseSpec {
    /// Written as decimal text.
    #[serde(deserialize_with = "decimal")]
    pub seed: u64,
    /// The number of the first.
    pub start: u64,
    /// A file.
    pub file: String,
}

impl Contract {
    /// Reads them, and holds them to the format.
    pub fn read(bundle: &Bundle) -> Result<Self, Error> {
        let contract: Contract = bundle.read_as()?;
        let checked = contract
            .check_graphs(bundle.manifest())
            .and_then(|()| {
                let positive = contract.scale.iter().all(|unit| *unit > 0.0);
                require(positive, || "scale: every entry must be positive".into())
            })
            .and_then(|()| contract.check_golden(bundle.manifest()));
        checked.map_err(|reason| bundle.fault("flow.json", reason))?;
        Ok(contract)
    }

    fn check_graphs(&self, manifest: &Manifest) -> Result<(), String> {
        let (event, latent): (&[usize], &[usize]) = (&manifest.event_shape, &[manifest.latent_size]);
        let context: &[usize] = &[manifest.context_size];
        let dtype = if manifest.dtype == Dtype::Float64 { "float64" } else { "float32" };
        for (name, spec, input, output) in [
            ("log_prob", &self.graphs.log_prob, ("x", event), ("log_prob", &[] as &[usize])),
            ("sample", &self.graphs.sample, ("z", latent), ("x", event)),
        ] {
            let mut inputs = vec![input];
            if manifest.context_size > 0 {
                inputs.push(("context", context));
            }
            for (key, found, wanted) in
                [("inputs", &spec.inputs, inputs.as_slice()), ("outputs", &spec.outputs, &[output])]
            {
                // Tensors are fed by name, so their order is free.
                let fits = |(name, shape): &(&str, &[usize])| {
                    found.iter().any(|tensor| {
                        tensor.name == *name && tensor.dtype == dtype && batch_of(tensor, shape)
                    })
                };
                require(found.len() == wanted.len() && wanted.iter().all(fits), || {
                    format!("graphs.{name}.{key}: expected {dtype} batches of {wanted:?}")
                })?;
            }
        }
        Ok(())
    }

    fn check_golden(&self, manifest: &Manifest) -> Result<(), String> {
        let require_listed = |file: &str, key: &dyn Fn() -> String| {
            require(manifest.files.contains_key(file), || {
                format!("{}: {file:?} is not listed in files", key())
            })
        };
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
            for file in case
                .inputs
                .values()
                .chain(case.expected.iter().chain(&case.rounding).flat_map(|to| to.values()))
            {
                require_listed(file, &key)?;
            }
        }
        for (index, noise) in self.golden.noise.iter().enumerate() {
            require_listed(&noise.file, &|| format!("golden.noise[{index}]"))?;
        }
        let file = &self.golden.log_prob_of_sample;
        let rounding = self.golden.log_prob_of_sample_rounding.iter();
        rounding
            .chain([file])
            .try_for_each(|file| require_listed(file, &|| "golden.log_prob_of_sample".into()))
    }
}

fn require(met: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if met { Ok(()) } else { Err(otherwise()) }
}

/// Whether a tensor is a free batch of rows of a shape.
fn batch_of(tensor: &TensorSpec, shape: &[usize]) -> bool {
    let (batch, sizes) = (Value::from("batch"), shape.iter().map(|size| Value::from(*size)));
    tensor.shape.iter().eq([batch].iter().chain(&sizes.collect::<Vec<_>>()))
}

/// An unsigned 64-bit integer as decimal text, since JSON's numbers may not hold it.
fn decimal<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no unsigned 64-bit integer")))
}
