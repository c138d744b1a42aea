//! Opens a bundle of flowexport and runs it: the log-density of rows, and samples that are the same in
//! every language for the same seed.
//!
//! ```
//! use flowbundle::Model;
//!
//! # fn main() -> Result<(), flowbundle::Error> {
//! # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/banana/bundle");
//! let model = Model::open(folder)?;
//! let log_prob = model.log_prob(&[[1.0, 2.0], [0.5, -0.25]], None)?; // nats, one a row
//! let rows = model.sample(0..3, 42, 1.0, None)?; // three rows of seed 42, one after the other
//! assert_eq!((log_prob.len(), rows.len()), (2, 6));
//! # Ok(())
//! # }
//! ```
//!
//! Nothing of a bundle is trusted: sizes are bounded, every listed file is held to its hash, and what does
//! not fit is an [`Error`], never a panic. The format is described in `docs/bundle.md`.

mod backend;
mod bundle;
mod category;
mod context;
mod error;
mod manifest;
mod model;
mod noise;
mod onnx;
#[rustfmt::skip]
mod operators;
mod reading;
mod rows;

#[cfg(not(feature = "tract"))]
pub use backend::environment;
pub use bundle::Bundle;
pub use error::{Error, InputCode};
pub use manifest::{ContextFeature, Dtype, FORMAT, GraphSpec, Graphs, Manifest, Reference};
pub use model::Model;
pub use noise::{normals, philox4x32};
pub use rows::{BLOCK_ROWS, Rows};

/// The README's program, compiled with the other examples; `snippet.sh` runs it.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
