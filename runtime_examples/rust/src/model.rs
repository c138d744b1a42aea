//! A bundle, ready to run: log_prob, percentile and sample.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use crate::backend::Session;
use crate::bundle::Bundle;
use crate::category;
use crate::context::Context;
use crate::error::{Error, InputCode};
use crate::manifest::{ContextFeature, Dtype, GraphSpec, Manifest};
use crate::noise::normals;
use crate::onnx;
use crate::rows::{Cast, Number, Rows, blocks};

/// A little above it, neighbouring float32 latents are a standard deviation apart.
const HOTTEST: f32 = 1e6;

/// A density that can be evaluated and sampled.
///
/// A model can be shared between threads (`Arc<Model>`). On ONNX Runtime, calls of the same direction then
/// take turns; for speed open one model a thread, which costs some milliseconds each.
pub struct Model {
    bundle: Bundle,
    log_prob: Option<Graph>,
    sample: Option<Graph>,
    columns: Vec<ContextFeature>,
}

/// One of its directions.
struct Graph {
    session: Session,
    file: String,
    /// What goes in beside the context, and the shape of a row of it.
    input: &'static str,
    shape: Vec<usize>,
    /// The numbers of a row that comes out.
    width: usize,
}

impl Graph {
    /// Runs the graph in its own type, M, on numbers of the caller's.
    fn run<M: Number + Cast<T>, T: Number + Cast<M>>(
        &self,
        inputs: &[(&str, Rows<'_, T>)],
    ) -> Result<Vec<T>, String> {
        let cast: Vec<_> =
            inputs.iter().map(|(name, rows)| (*name, T::cast(rows.data()), rows.shape())).collect();
        let inputs: Vec<_> = cast.iter().map(|(name, data, shape)| (*name, Rows::new(data, shape))).collect();
        Ok(M::cast(&self.session.run::<M>(&inputs)?).into_owned())
    }
}

/// Puts −∞ in the place of scores that are NaN or +∞: the arithmetic ran over, and no row is that likely. Rows that hold
/// a NaN themselves, in x or in the context, keep theirs.
fn floor<T: Number>(scores: &mut [T], inputs: &[(&str, Rows<'_, T>)])
where
    f64: Cast<T>,
{
    let lowest = f64::cast(&[f64::NEG_INFINITY])[0];
    for (row, score) in scores.iter_mut().enumerate() {
        let undefined = |rows: &Rows<'_, T>| {
            rows.block(&(row..row + 1)).data().iter().any(|number| Into::<f64>::into(*number).is_nan())
        };
        let found: f64 = (*score).into();
        if (found.is_nan() || found == f64::INFINITY) && !inputs.iter().any(|(_, rows)| undefined(rows)) {
            *score = lowest;
        }
    }
}

impl Model {
    /// Opens a bundle for use, on one thread.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] for a bundle that breaks its contract, [`Error::Runtime`] where ONNX Runtime cannot
    /// be had.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, Error> {
        Model::with_threads(folder, 1)
    }

    /// As [`Model::open`], with so many threads inside of a run. It pays for wide models alone; tract has one.
    ///
    /// # Errors
    ///
    /// As [`Model::open`].
    pub fn with_threads(folder: impl AsRef<Path>, threads: usize) -> Result<Self, Error> {
        Model::of(Bundle::open(folder)?, threads)
    }

    /// A bundle that was opened, ready to run, with so many threads inside of a run: [`Bundle::pinned`] holds it to a
    /// digest.
    ///
    /// # Errors
    ///
    /// As [`Model::open`].
    pub fn of(bundle: Bundle, threads: usize) -> Result<Self, Error> {
        let manifest = bundle.manifest();
        let graph = |spec: &Option<GraphSpec>, input, shape, output, width| {
            let Some(spec) = spec else { return Ok(None) };
            let path = bundle.folder().join(&spec.file);
            let bytes = bundle.read(&spec.file)?;
            onnx::check(&bytes).map_err(|reason| bundle.fault(&spec.file, reason))?;
            let session = Session::open(&bytes, output, threads, &path)?;
            Ok::<_, Error>(Some(Graph { session, file: spec.file.clone(), input, shape, width }))
        };
        let (event, latent) = (manifest.event_shape.clone(), vec![manifest.latent_size]);
        Ok(Model {
            log_prob: graph(&manifest.graphs.log_prob, "x", event, "log_prob", 1)?,
            sample: graph(&manifest.graphs.sample, "z", latent, "x", manifest.event_size())?,
            columns: manifest.context_columns(),
            bundle,
        })
    }

    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The bundle's `flow.json`.
    pub fn manifest(&self) -> &Manifest {
        self.bundle.manifest()
    }

    /// What evaluates densities.
    fn scorer(&self) -> Result<&Graph, Error> {
        let absent = "sample alone, and no log_prob, so it cannot evaluate densities";
        self.log_prob.as_ref().ok_or_else(|| self.lack(absent))
    }

    /// What draws samples.
    fn sampler(&self) -> Result<&Graph, Error> {
        let absent = "log_prob alone, and no sample, so it cannot draw samples";
        self.sample.as_ref().ok_or_else(|| self.lack(absent))
    }

    fn lack(&self, absent: &str) -> Error {
        let cure = "flowexport export --graphs log_prob,sample makes one that can";
        self.bundle.fault("flow.json", format!("graphs: the bundle holds {absent}; {cure}"))
    }

    /// The log-density of rows, in nats, in the data's own units: one number a row, −∞ outside of the support.
    ///
    /// `x` are rows of the bundle's `event_shape`; `context` is one row for all of them, or one for each.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for rows or a context that do not fit, [`Error::Bundle`] where the graph is not held or cannot be
    /// run.
    pub fn log_prob<'a>(&self, x: impl Into<Rows<'a>>, context: Option<Rows<'_>>) -> Result<Vec<f32>, Error> {
        self.run_rows(self.scorer()?, x.into(), context)
    }

    /// [`Model::log_prob`] in float64, which has all digits of a model of that type.
    ///
    /// # Errors
    ///
    /// As [`Model::log_prob`].
    pub fn log_prob64<'a>(
        &self,
        x: impl Into<Rows<'a, f64>>,
        context: Option<Rows<'_, f64>>,
    ) -> Result<Vec<f64>, Error> {
        self.run_rows(self.scorer()?, x.into(), context)
    }

    /// Where a score stands among those of the data that the model was made from: 0 to 100, linear between
    /// the bundle's quantiles. `None` where the bundle has no reference.
    pub fn percentile(&self, log_prob: f32) -> Option<f64> {
        self.percentile64(f64::from(log_prob))
    }

    /// [`Model::percentile`] of a score in float64.
    pub fn percentile64(&self, log_prob: f64) -> Option<f64> {
        let quantiles = &self.manifest().reference.as_ref()?.log_prob_quantiles;
        Some(interpolate(log_prob, quantiles))
    }

    /// Draws rows of the sample that belongs to a seed, the same in every language. Rows are numbered from 0,
    /// and any of them can be drawn alone: `0..10` is `0..4` and then `4..10`.
    ///
    /// The temperature multiplies the noise. `context` is one row for all, or one for each row of the range.
    /// Returns the rows one after the other, [`Manifest::event_size`] numbers each.
    ///
    /// ```
    /// # fn main() -> Result<(), flowbundle::Error> {
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/banana/bundle");
    /// let model = flowbundle::Model::open(folder)?;
    /// let cool = model.sample(0..1000, 42, 0.7, None)?;
    /// let mean = cool.chunks_exact(2).map(|row| row[1]).sum::<f32>() / 1000.0;
    /// assert!(mean.abs() < 0.2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for a temperature below 0, a range beyond the noise of a seed, or a context that does
    /// not fit; [`Error::Bundle`] where the graph is not held or cannot be run.
    pub fn sample(
        &self,
        rows: Range<u64>,
        seed: u64,
        temperature: f32,
        context: Option<Rows<'_>>,
    ) -> Result<Vec<f32>, Error> {
        self.draw(rows, seed, temperature, context)
    }

    /// [`Model::sample`] in float64, which has all digits of a model of that type.
    ///
    /// # Errors
    ///
    /// As [`Model::sample`].
    pub fn sample64(
        &self,
        rows: Range<u64>,
        seed: u64,
        temperature: f32,
        context: Option<Rows<'_, f64>>,
    ) -> Result<Vec<f64>, Error> {
        self.draw(rows, seed, temperature, context)
    }

    /// The code of a category: what a context holds in place of its label. Labels that are numbers are compared as
    /// numbers, others without the spaces around them.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for a label that is no category, and where no column of that name has categories.
    pub fn category(&self, column: &str, label: &str) -> Result<f32, Error> {
        category::code(&self.columns, column, label)
    }

    fn draw<T: Number>(
        &self,
        rows: Range<u64>,
        seed: u64,
        temperature: f32,
        context: Option<Rows<'_, T>>,
    ) -> Result<Vec<T>, Error>
    where
        f32: Cast<T>,
        f64: Cast<T>,
    {
        let sampler = self.sampler()?;
        let wrong = |reason: String| Error::input(InputCode::WrongValue, reason);
        if !(0.0..=HOTTEST).contains(&temperature) {
            return Err(wrong(format!(
                "temperature: expected a number from 0 to {HOTTEST}, got {temperature}"
            )));
        }
        let latent = self.manifest().latent_size;
        let all = usize::try_from(rows.end.saturating_sub(rows.start)).ok();
        let numbers = rows.end.checked_mul(latent as u64);
        let (Some(count), Some(_)) = (all, numbers) else {
            return Err(wrong(format!("rows: {} are more than a seed has noise for", rows.end)));
        };
        // The last column of a mixture's noise chooses the component; it has no temperature.
        let warm = latent - usize::from(self.manifest().selector);
        self.run(sampler, count, context, |block| {
            let start = (rows.start + block.start as u64) * latent as u64;
            let mut z = normals(seed, start, block.len() * latent);
            for row in z.chunks_exact_mut(latent) {
                row[..warm].iter_mut().for_each(|number| *number *= temperature);
            }
            f32::cast(&z).into_owned().into()
        })
    }

    /// The deterministic map from noise to data that [`Model::sample`] runs: `z` are rows of `latent_size`
    /// numbers, the context as there.
    ///
    /// # Errors
    ///
    /// As [`Model::log_prob`].
    pub fn sample_from<'a>(
        &self,
        z: impl Into<Rows<'a>>,
        context: Option<Rows<'_>>,
    ) -> Result<Vec<f32>, Error> {
        self.run_rows(self.sampler()?, z.into(), context)
    }

    /// [`Model::sample_from`] in float64, which has all digits of a model of that type.
    ///
    /// # Errors
    ///
    /// As [`Model::log_prob`].
    pub fn sample_from64<'a>(
        &self,
        z: impl Into<Rows<'a, f64>>,
        context: Option<Rows<'_, f64>>,
    ) -> Result<Vec<f64>, Error> {
        self.run_rows(self.sampler()?, z.into(), context)
    }

    fn run_rows<T: Number>(
        &self,
        graph: &Graph,
        rows: Rows<'_, T>,
        context: Option<Rows<'_, T>>,
    ) -> Result<Vec<T>, Error>
    where
        f32: Cast<T>,
        f64: Cast<T>,
    {
        let count = rows.count(graph.input, &graph.shape)?;
        self.run(graph, count, context, |block| rows.block(block).data().into())
    }

    /// Runs a graph on rows block by block, each as `rows_of` gives it.
    fn run<'a, T: Number>(
        &self,
        graph: &Graph,
        count: usize,
        context: Option<Rows<'_, T>>,
        rows_of: impl Fn(&Range<usize>) -> Cow<'a, [T]>,
    ) -> Result<Vec<T>, Error>
    where
        f32: Cast<T>,
        f64: Cast<T>,
    {
        let context = Context::check(&self.columns, context, count)?;
        let fault = |reason| self.bundle.fault(&graph.file, format!("cannot be run: {reason}"));
        let mut out = Vec::new();
        for block in blocks(count) {
            let rows = rows_of(&block);
            let mut inputs = vec![(graph.input, Rows::new(&rows, &graph.shape))];
            inputs.extend(context.of(&block).map(|rows| ("context", rows)));
            let output = match self.manifest().dtype {
                Dtype::Float32 => graph.run::<f32, T>(&inputs),
                Dtype::Float64 => graph.run::<f64, T>(&inputs),
            };
            let mut output = output.map_err(fault)?;
            if output.len() != block.len() * graph.width {
                return Err(fault(format!("{} numbers for {} rows", output.len(), block.len())));
            }
            if graph.input == "x" {
                floor(&mut output, &inputs);
            }
            out.extend(output);
        }
        Ok(out)
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model").field("bundle", &self.bundle.folder()).finish_non_exhaustive()
    }
}

/// The place of a value among ascending quantiles, linear between them; NaN stays NaN.
fn interpolate(value: f64, quantiles: &[f64]) -> f64 {
    let above = quantiles.partition_point(|quantile| *quantile <= value);
    if value.is_nan() {
        value
    } else if above == 0 {
        0.0
    } else if above == quantiles.len() {
        (above - 1) as f64
    } else {
        let (low, high) = (quantiles[above - 1], quantiles[above]);
        (above - 1) as f64 + (value - low) / (high - low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_linear_between_quantiles_and_ends_at_both() {
        let quantiles = [-4.0, -2.0, -2.0, 1.0];
        for (value, place) in [
            (f64::NEG_INFINITY, 0.0),
            (-4.5, 0.0),
            (-4.0, 0.0),
            (-3.0, 0.5),
            (-2.0, 2.0),
            (-0.5, 2.5),
            (1.0, 3.0),
            (f64::INFINITY, 3.0),
        ] {
            assert_eq!(interpolate(value, &quantiles), place, "{value}");
        }
        assert!(interpolate(f64::NAN, &quantiles).is_nan());
    }
}
