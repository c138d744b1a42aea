//! `flow.json`: what the model is, and what it promises.

use std::collections::{BTreeMap, BTreeSet};

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
    /// Of every input and output.
    pub dtype: Dtype,
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
    /// The two directions, or one of them alone.
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

/// The type of a model's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dtype {
    /// Of 32 bits.
    Float32,
    /// Of 64 bits.
    Float64,
}

/// The graph of each direction, where the bundle holds it. Graphs of other names are passed over.
#[derive(Debug, Clone, Deserialize)]
pub struct Graphs {
    /// x and context to log_prob.
    #[serde(default, deserialize_with = "present")]
    pub log_prob: Option<GraphSpec>,
    /// z and context to x.
    #[serde(default, deserialize_with = "present")]
    pub sample: Option<GraphSpec>,
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
        manifest.check().map(|()| manifest)
    }

    /// The first place where the manifest breaks a rule that is not one of types.
    fn check(&self) -> Result<(), String> {
        let mut lower = BTreeSet::new();
        let hex = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        for (name, digest) in &self.files {
            if !is_plain(name) {
                return Err(format!("files: {name:?} leaves the folder, or is no plain name"));
            }
            if !lower.insert(name.to_lowercase()) {
                return Err(format!("files: {name:?} differs from another in its capitals alone"));
            }
            if digest.len() != 64 || !digest.bytes().all(hex) {
                return Err(format!("files: {name:?}: expected a SHA-256 in lower-case hex"));
            }
        }
        let width = self.event_shape.iter().fold(1, |width: usize, axis| width.saturating_mul(*axis));
        let features = self.features.as_ref().map_or(width, Vec::len);
        let columns = self.context_features.as_ref().map_or(self.context_size, Vec::len);
        let quantiles = self.reference.as_ref().map(|reference| &reference.log_prob_quantiles);
        let ascending = quantiles.is_none_or(|all| all.len() == 101 && all.is_sorted());
        let (log_prob, sample) = (&self.graphs.log_prob, &self.graphs.sample);
        let listed = |graph: &Option<GraphSpec>| {
            graph.as_ref().is_none_or(|graph| self.files.contains_key(&graph.file))
        };
        let rules = [
            ("event_shape", (1..=3).contains(&self.event_shape.len()), "one to three sizes"),
            ("event_shape", (1..=WIDEST).contains(&width), "sizes from 1, that memory holds"),
            ("latent_size", (1..=WIDEST).contains(&self.latent_size), "a size from 1, that memory holds"),
            ("context_size", self.context_size <= WIDEST, "a size that memory holds"),
            ("scale", self.scale.len() == width, "a number for each of a row"),
            ("features", features == width, "a name for each number of a row"),
            ("context_features", columns == self.context_size, "as many as context_size"),
            ("graphs", log_prob.is_some() || sample.is_some(), "log_prob or sample, got neither"),
            ("graphs.log_prob.file", listed(log_prob), "one of files"),
            ("graphs.sample.file", listed(sample), "one of files"),
            ("reference.log_prob_quantiles", ascending, "101 ascending numbers"),
        ];
        let broken = rules.into_iter().find(|(_, holds, _)| !holds);
        broken.map_or(Ok(()), |(key, _, expected)| Err(format!("{key}: expected {expected}")))
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
}

impl ContextFeature {
    /// Whether a number may stand in this column: anything, or the code of a category.
    pub fn admits(&self, value: f64) -> bool {
        self.categories
            .as_ref()
            .is_none_or(|categories| value.fract() == 0.0 && (0.0..categories.len() as f64).contains(&value))
    }
}

/// A key that must be there, if only as null.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(from)
}

/// A key that may be missing, but is not null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// Keys of a document as a type of the caller's, or which of them is at fault and why.
pub(crate) fn read_as<T: DeserializeOwned>(document: &Value) -> Result<T, String> {
    serde_path_to_error::deserialize(document).map_err(|error| match error.path().to_string().as_str() {
        "." => error.inner().to_string(),
        key => format!("{key}: {}", error.inner()),
    })
}

/// Whether a file name is of plain letters, in parts that one slash divides, with dots inside of them alone.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let word = |word: &str| !word.is_empty() && word.bytes().all(plain);
    name.len() <= 255 && name.split('/').all(|part| part.split('.').all(word))
}
