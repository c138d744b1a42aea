//! What runs a graph: ONNX Runtime, or tract where that feature is on. Both offer one `Session`.

#[cfg(all(not(feature = "onnxruntime"), not(feature = "tract")))]
compile_error!("turn on one of the features `onnxruntime` and `tract`");

#[cfg(not(feature = "tract"))]
mod onnxruntime;
#[cfg(not(feature = "tract"))]
pub(crate) use onnxruntime::Session;
#[cfg(not(feature = "tract"))]
pub use onnxruntime::environment;

#[cfg(feature = "tract")]
mod tract;
#[cfg(feature = "tract")]
pub(crate) use tract::Session;

/// A batch for one input of a graph.
pub(crate) struct Input<'a> {
    pub name: &'a str,
    /// `[batch, …]`, as many numbers as `data` has.
    pub shape: Vec<usize>,
    pub data: &'a [f32],
}
