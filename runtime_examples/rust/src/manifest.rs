//! `flow.json`: what the model is, and what it promises.

mod rules;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::error::InputCode;

/// The format that this library reads. A changed meaning has another number.
pub const FORMAT: &str = "flowexport/1";

/// `flow.json`, held to the format and to itself. Keys that this library does not know are passed over.
#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    /// Of the model.
    pub name: String,
    /// In a sentence.
    pub description: String,
    /// Of every input and output: `float32`.
    pub dtype: String,
    /// The shape of one row of x: one to three sizes.
    pub event_shape: Vec<usize>,
    /// The width of z.
    pub latent_size: usize,
    /// The width of the context; 0 where there is none.
    pub context_size: usize,
    /// Names of the numbers of a row of x, in C order.
    #[serde(deserialize_with = "nullable")]
    pub features: Option<Vec<String>>,
    /// Names, and perhaps categories, of the columns of the context.
    #[serde(deserialize_with = "nullable")]
    pub context_features: Option<Vec<ContextFeature>>,
    /// The flow and its arguments; not needed to run it.
    pub architecture: Map<String, Value>,
    /// The two directions.
    pub graphs: Graphs,
    /// File → SHA-256 in lower-case hex, for every file but `flow.json`.
    pub files: BTreeMap<String, String>,
    /// How closely each graph is to agree with the golden cases.
    pub tolerance: Tolerances,
    /// The standard deviation of each feature.
    pub scale: Vec<f64>,
    /// The distribution of log_prob on data.
    #[serde(deserialize_with = "nullable")]
    pub reference: Option<Reference>,
    /// What the trained model gives.
    pub golden: Golden,
    /// Versions and hashes.
    pub provenance: BTreeMap<String, String>,
    /// Whether the last column of z chooses a component, and takes no temperature.
    #[serde(default)]
    pub selector: bool,
}

/// A column of the context: a number, or the code 0, 1, … of one of its categories.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ContextFeature {
    /// Of the column.
    pub name: String,
    /// The category of each code, or none where the column holds numbers.
    pub categories: Option<Vec<String>>,
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

/// The graph of each direction.
#[derive(Debug, Clone, Deserialize)]
pub struct Graphs {
    /// x and context to log_prob.
    pub log_prob: GraphSpec,
    /// z and context to x.
    pub sample: GraphSpec,
}

/// One ONNX file.
#[derive(Debug, Clone, Deserialize)]
pub struct GraphSpec {
    /// Its name, among `files`.
    pub file: String,
    /// The version of the standard domain.
    pub opset: u32,
    /// x or z, and the context where there is one.
    pub inputs: Vec<TensorSpec>,
    /// log_prob or x.
    pub outputs: Vec<TensorSpec>,
}

/// An input or output of a graph.
#[derive(Debug, Clone, Deserialize)]
pub struct TensorSpec {
    /// By which it is fed or fetched.
    pub name: String,
    /// `float32`.
    pub dtype: String,
    /// `"batch"`, then the sizes of one row.
    pub shape: Vec<Value>,
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

/// The distribution of log_prob on data, which turns a score into a percentile.
#[derive(Debug, Clone, Deserialize)]
pub struct Reference {
    /// How many rows of data it was made of.
    pub rows: u32,
    /// 101 ascending numbers, in nats: 0 %, 1 %, … 100 %.
    pub log_prob_quantiles: Vec<f64>,
}

/// Inputs, and what the trained model says of them.
#[derive(Debug, Clone, Deserialize)]
pub struct Golden {
    /// Of both graphs.
    pub cases: Vec<Case>,
    /// A file: log_prob of the output of the sample case with as many rows.
    pub log_prob_of_sample: String,
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

impl Manifest {
    /// Reads `flow.json`, or says which key is at fault and why.
    pub(crate) fn parse(data: &[u8]) -> Result<Self, String> {
        let document: Value =
            serde_json::from_slice(data).map_err(|error| format!("is not JSON ({error})"))?;
        // First, since every other key may mean something else in another format.
        let format = document.get("format").ok_or("format: is missing")?;
        if format != FORMAT {
            return Err(format!("format: this library reads {FORMAT:?}, the bundle says {format}"));
        }
        let manifest: Manifest = serde_path_to_error::deserialize(document).map_err(|error| {
            match error.path().to_string().as_str() {
                "." => error.inner().to_string(),
                key => format!("{key}: {}", error.inner()),
            }
        })?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The numbers of one row of x.
    pub fn event_size(&self) -> usize {
        self.event_shape.iter().product()
    }

    /// Names of the numbers of one row of x, in C order: `x0`, `x1`, … where the bundle has none.
    pub fn feature_names(&self) -> Vec<String> {
        let numbered = || (0..self.event_size()).map(|i| format!("x{i}")).collect();
        self.features.clone().unwrap_or_else(numbered)
    }

    /// The columns of the context: `c0`, `c1`, … where the bundle names none.
    pub fn context_columns(&self) -> Vec<ContextFeature> {
        let numbered = |i| ContextFeature { name: format!("c{i}"), categories: None };
        let all = || (0..self.context_size).map(numbered).collect();
        self.context_features.clone().unwrap_or_else(all)
    }

    /// The graph of a direction.
    pub fn graph(&self, name: GraphName) -> &GraphSpec {
        match name {
            GraphName::LogProb => &self.graphs.log_prob,
            GraphName::Sample => &self.graphs.sample,
        }
    }
}

impl ContextFeature {
    /// The code of a category, by its name.
    pub fn code(&self, category: &str) -> Option<f32> {
        let position = self.categories.as_ref()?.iter().position(|name| name == category)?;
        Some(position as f32)
    }

    /// Whether a number may stand in this column: anything, or the code of a category.
    pub fn admits(&self, value: f32) -> bool {
        self.categories
            .as_ref()
            .is_none_or(|categories| value.fract() == 0.0 && (0.0..categories.len() as f32).contains(&value))
    }
}

/// A key that must be there, if only as null.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// An unsigned 64-bit integer as decimal text, since JSON's numbers may not hold it.
fn decimal<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.then(|| text.parse().ok()).flatten();
    number.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is no unsigned 64-bit integer")))
}
