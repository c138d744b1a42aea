//! A bundle, ready to run: log_prob, percentile and sample.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use crate::backend::Session;
use crate::bundle::Bundle;
use crate::context::Context;
use crate::error::{Error, InputCode};
use crate::manifest::{ContextFeature, GraphSpec, Manifest};
use crate::noise::normals;
use crate::rows::{Rows, blocks};

/// A density that can be evaluated and sampled.
///
/// A model can be shared between threads (`Arc<Model>`). On ONNX Runtime, calls of the same direction then
/// take turns; for speed open one model a thread, which costs some milliseconds each.
pub struct Model {
    bundle: Bundle,
    log_prob: Graph,
    sample: Graph,
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
        let bundle = Bundle::open(folder)?;
        let manifest = bundle.manifest();
        let graph = |spec: &GraphSpec, input, shape, output, width| {
            let path = bundle.folder().join(&spec.file);
            let session = Session::open(&bundle.read(&spec.file)?, output, threads, &path)?;
            Ok::<_, Error>(Graph { session, file: spec.file.clone(), input, shape, width })
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

    /// The log-density of rows, in nats, in the data's own units: one number a row, −∞ outside of the support.
    ///
    /// `x` are rows of the bundle's `event_shape`; `context` is one row for all of them, or one for each.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for rows or a context that do not fit, [`Error::Bundle`] where the graph cannot be run.
    pub fn log_prob<'a>(&self, x: impl Into<Rows<'a>>, context: Option<Rows<'_>>) -> Result<Vec<f32>, Error> {
        self.run_rows(&self.log_prob, x.into(), context)
    }

    /// Where a score stands among those of the data that the model was made from: 0 to 100, linear between
    /// the bundle's quantiles. `None` where the bundle has no reference.
    pub fn percentile(&self, log_prob: f32) -> Option<f64> {
        let quantiles = &self.manifest().reference.as_ref()?.log_prob_quantiles;
        Some(interpolate(f64::from(log_prob), quantiles))
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
    /// not fit; [`Error::Bundle`] where the graph cannot be run.
    pub fn sample(
        &self,
        rows: Range<u64>,
        seed: u64,
        temperature: f32,
        context: Option<Rows<'_>>,
    ) -> Result<Vec<f32>, Error> {
        let wrong = |reason: String| Error::input(InputCode::WrongValue, reason);
        if !(temperature.is_finite() && temperature >= 0.0) {
            return Err(wrong(format!("temperature: expected a number from 0, got {temperature}")));
        }
        let latent = self.manifest().latent_size;
        let all = usize::try_from(rows.end.saturating_sub(rows.start)).ok();
        let numbers = rows.end.checked_mul(latent as u64);
        let (Some(count), Some(_)) = (all, numbers) else {
            return Err(wrong(format!("rows: {} are more than a seed has noise for", rows.end)));
        };
        // The last column of a mixture's noise chooses the component; it has no temperature.
        let warm = latent - usize::from(self.manifest().selector);
        self.run(&self.sample, count, context, |block| {
            let start = (rows.start + block.start as u64) * latent as u64;
            let mut z = normals(seed, start, block.len() * latent);
            for row in z.chunks_exact_mut(latent) {
                row[..warm].iter_mut().for_each(|number| *number *= temperature);
            }
            Cow::from(z)
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
        self.run_rows(&self.sample, z.into(), context)
    }

    fn run_rows(&self, graph: &Graph, rows: Rows<'_>, context: Option<Rows<'_>>) -> Result<Vec<f32>, Error> {
        let count = rows.count(graph.input, &graph.shape)?;
        self.run(graph, count, context, |block| rows.block(block).data().into())
    }

    /// Runs a graph on rows block by block, each as `rows_of` gives it.
    fn run<'a>(
        &self,
        graph: &Graph,
        count: usize,
        context: Option<Rows<'_>>,
        rows_of: impl Fn(&Range<usize>) -> Cow<'a, [f32]>,
    ) -> Result<Vec<f32>, Error> {
        let context = Context::check(&self.columns, context, count)?;
        let fault = |reason| self.bundle.fault(&graph.file, format!("cannot be run: {reason}"));
        let mut out = Vec::new();
        for block in blocks(count) {
            let rows = rows_of(&block);
            let mut inputs = vec![(graph.input, Rows::new(&rows, &graph.shape))];
            inputs.extend(context.of(&block).map(|rows| ("context", rows)));
            let output = graph.session.run(&inputs).map_err(fault)?;
            if output.len() != block.len() * graph.width {
                return Err(fault(format!("{} numbers for {} rows", output.len(), block.len())));
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
