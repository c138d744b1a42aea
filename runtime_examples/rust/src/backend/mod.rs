//! What runs a graph: ONNX Runtime, or tract where that feature is on. Both offer one `Session`.

#[cfg(all(not(feature = "onnxruntime"), not(feature = "tract")))]
compile_error!("turn on one of the features `onnxruntime` and `tract`");

#[cfg_attr(feature = "tract", path = "tract.rs")]
#[cfg_attr(not(feature = "tract"), path = "onnxruntime.rs")]
mod runtime;
#[cfg(not(feature = "tract"))]
pub use runtime::environment;
pub(crate) use runtime::{Element, Session};
