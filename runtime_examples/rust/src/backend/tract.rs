//! tract: the graphs in Rust alone.

use std::path::Path;
use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::TractErrorContext;

use crate::error::Error;
use crate::rows::Rows;

/// A graph, optimised once for a batch of any size. Each run has a state of its own, so calls need not wait.
pub(crate) struct Session {
    plan: Arc<TypedRunnableModel>,
    /// The names of the inputs, in the order of the graph.
    inputs: Vec<String>,
}

impl Session {
    /// Opens the very bytes that were hashed; `path` is for messages. tract runs on the caller's thread alone.
    pub fn open(onnx: &[u8], _output: &str, _threads: usize, path: &Path) -> Result<Self, Error> {
        build(onnx)
            .map_err(|error| Error::bundle(path, format!("tract cannot open it: {}", first_line(&error))))
    }

    /// Runs the graph once; its output, in C order.
    pub fn run<T: Element + Copy>(&self, inputs: &[(&str, Rows<'_, T>)]) -> Result<Vec<T>, String> {
        self.fetch(inputs).map_err(|error| first_line(&error))
    }

    fn fetch<T: Element + Copy>(&self, inputs: &[(&str, Rows<'_, T>)]) -> TractResult<Vec<T>> {
        let mut values = TVec::new();
        for name in &self.inputs {
            let input = inputs.iter().find(|(input, _)| input == name);
            let (_, rows) = input.with_context(|| format!("unknown input {name:?}"))?;
            values.push(Tensor::from_shape(&rows.batch_shape(), rows.data())?.into_tvalue());
        }
        let outputs = self.plan.run(values)?;
        let output = outputs.first().context("no output")?;
        Ok(output.to_plain_array_view::<T>()?.iter().copied().collect())
    }
}

/// A number that goes into a graph.
pub(crate) trait Element: Datum {}

impl<T: Datum> Element for T {}

fn build(mut onnx: &[u8]) -> TractResult<Session> {
    let model = tract_onnx::onnx().model_for_read(&mut onnx)?;
    let outlets = model.input_outlets()?;
    let inputs = outlets.iter().map(|outlet| model.node(outlet.node).name.clone()).collect();
    let plan = model.into_optimized()?.into_runnable()?;
    Ok(Session { plan, inputs })
}

fn first_line(error: &TractError) -> String {
    error.root_cause().to_string().lines().next().unwrap_or_default().trim().to_string()
}
