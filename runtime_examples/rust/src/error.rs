//! What can go wrong, told apart by whose fault it is.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// An error of this library. Its text is one line that says where, what, and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bundle breaks its contract: a file, a key, a hash, or a graph that cannot be run.
    #[error("{}: {reason}", path.display())]
    Bundle {
        /// The file at fault.
        path: PathBuf,
        /// The key, where there is one, and what is wrong with it.
        reason: String,
    },
    /// What was handed to the model does not fit it.
    #[error("{reason}")]
    Input {
        /// How it does not fit.
        code: InputCode,
        /// Which argument, what was expected, and what was given.
        reason: String,
    },
    /// The library that runs graphs cannot be had.
    #[error("{0}")]
    Runtime(String),
}

impl Error {
    pub(crate) fn bundle(path: &Path, reason: impl Into<String>) -> Self {
        let (path, reason) = (path.to_path_buf(), reason.into());
        Error::Bundle { path, reason }
    }

    pub(crate) fn input(code: InputCode, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Error::Input { code, reason }
    }

    /// The code of an [`Error::Input`].
    pub fn code(&self) -> Option<InputCode> {
        match self {
            Error::Input { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// How an input does not fit a model. The first three are those that golden cases expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum InputCode {
    /// Rows of another shape, a number of contexts that does not fit, or a context that nothing asks for.
    #[error("wrong_shape")]
    WrongShape,
    /// The model needs a context and was given none.
    #[error("missing_context")]
    MissingContext,
    /// Numbers of float64 in a file that is to hold the input of a model of float32.
    #[error("wrong_dtype")]
    WrongDtype,
    /// A code that none of the context's categories has.
    #[error("unknown_category")]
    UnknownCategory,
    /// A number that cannot be, whatever the model: a negative temperature.
    #[error("wrong_value")]
    WrongValue,
}
