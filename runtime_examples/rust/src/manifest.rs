//! `flow.json`: what the model is, and what it promises.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The format that this library reads. A changed meaning has another number.
pub const FORMAT: &str = "flowexport/1";

/// The widest row of x, z or context, in numbers: a block of 1,024 rows is then 4 GiB at most.
const WIDEST: usize = 1 << 20;

/// `flow.json` as far as a model needs it, held to the format and to itself. Other keys are passed over.
#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    /// Of the model.
    pub name: String,
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
    /// The two directions.
    pub graphs: Graphs,
    /// File → SHA-256 in lower-case hex, for every file but `flow.json`.
    pub files: BTreeMap<String, String>,
    /// The standard deviation of each feature.
    pub scale: Vec<f64>,
    /// The distribution of log_prob on data.
    #[serde(deserialize_with = "nullable")]
    pub reference: Option<Reference>,
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
}

/// The distribution of log_prob on data, which turns a score into a percentile.
#[derive(Debug, Clone, Deserialize)]
pub struct Reference {
    /// 101 ascending numbers, in nats: 0 %, 1 %, … 100 %.
    pub log_prob_quantiles: Vec<f64>,
}

impl Manifest {
    /// Reads a parsed `flow.json`, or says which key is at fault and why.
    pub(crate) fn read(document: &Value) -> Result<Self, String> {
        // First, since every other key may mean something else in another format.
        let format = document.get("format").ok_or("format: is missing")?;
        if format != FORMAT {
            return Err(format!("format: this library reads {FORMAT:?}, the bundle says {format}"));
        }
        let manifest: Manifest = read_as(document)?;
        match manifest.fault() {
            Some(fault) => Err(fault),
            None => Ok(manifest),
        }
    }

    /// The first place where the manifest breaks a rule that is not one of types.
    fn fault(&self) -> Option<String> {
        if self.dtype != "float32" {
            return Some(format!("dtype: this library reads \"float32\", the bundle says {:?}", self.dtype));
        }
        if !(1..=3).contains(&self.event_shape.len()) {
            return Some("event_shape: expected one to three sizes".into());
        }
        let event_size = self.event_shape.iter().try_fold(1usize, |a, b| a.checked_mul(*b));
        for (key, size, least) in [
            ("event_shape", event_size.unwrap_or(usize::MAX), 1),
            ("latent_size", self.latent_size, 1),
            ("context_size", self.context_size, 0),
        ] {
            if !(least..=WIDEST).contains(&size) {
                return Some(format!("{key}: expected {least} to {WIDEST} numbers a row"));
            }
        }
        for (key, found, wanted) in [
            ("scale", Some(self.scale.len()), self.event_size()),
            ("features", self.features.as_ref().map(Vec::len), self.event_size()),
            ("context_features", self.context_features.as_ref().map(Vec::len), self.context_size),
        ] {
            if let Some(found) = found.filter(|found| *found != wanted) {
                return Some(format!("{key}: expected {wanted} entries, got {found}"));
            }
        }
        let quantiles = self.reference.as_ref().map(|reference| &reference.log_prob_quantiles);
        if quantiles.is_some_and(|all| all.len() != 101 || !all.is_sorted()) {
            return Some("reference.log_prob_quantiles: expected 101 ascending numbers".into());
        }
        if let Some(name) = self.files.keys().find(|name| !goes_down(name)) {
            return Some(format!("files: {name:?} leaves the folder"));
        }
        let hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let hashed = |digest: &str| digest.len() == 64 && digest.bytes().all(hex);
        if let Some((name, _)) = self.files.iter().find(|(_, digest)| !hashed(digest)) {
            return Some(format!("files: {name:?}: expected a SHA-256 in lower-case hex"));
        }
        [("log_prob", &self.graphs.log_prob), ("sample", &self.graphs.sample)]
            .into_iter()
            .find(|(_, graph)| !self.files.contains_key(&graph.file))
            .map(|(name, graph)| format!("graphs.{name}.file: {:?} is not listed in files", graph.file))
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

/// Keys of a document as a type of the caller's, or which of them is at fault and why.
pub(crate) fn read_as<T: DeserializeOwned>(document: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(document).map_err(|error| match error.path().to_string().as_str() {
        "." => error.inner().to_string(),
        key => format!("{key}: {}", error.inner()),
    })
}

/// Whether a file name is relative, with forward slashes, and goes nowhere but down.
fn goes_down(name: &str) -> bool {
    !name.contains(['\\', ':', '\0']) && name.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
