//! The context of some rows, checked before anything is run.

use std::ops::Range;

use crate::error::{Error, InputCode};
use crate::manifest::ContextFeature;
use crate::rows::{BLOCK_ROWS, Rows};

pub(crate) enum Context<'a> {
    /// The model takes none.
    None,
    /// A row of so many numbers for each.
    Each(&'a [f32], usize),
    /// A row of so many numbers for all, repeated as often as a block has rows.
    Same(Vec<f32>, usize),
}

impl<'a> Context<'a> {
    /// Holds what was given for `rows` rows to the columns of the model.
    pub fn check(columns: &[ContextFeature], given: Option<Rows<'a>>, rows: usize) -> Result<Self, Error> {
        let size = columns.len();
        let given = match (given, size) {
            (None, 0) => return Ok(Context::None),
            (Some(_), 0) => return Err(wrong_shape("context: this model takes none".to_string())),
            (None, _) => return Err(missing(columns)),
            (Some(given), _) => given,
        };
        let count = given.count("context", &[size])?;
        if count != 1 && count != rows {
            return Err(wrong_shape(format!("context: expected 1 row or {rows}, got {count}")));
        }
        for (row, values) in given.data().chunks_exact(size).enumerate() {
            if let Some((value, column)) =
                values.iter().zip(columns).find(|(value, column)| !column.admits(**value))
            {
                let reason =
                    format!("row {}, column {:?}: {value} is the code of no category", row + 1, column.name);
                return Err(Error::input(InputCode::UnknownCategory, format!("context: {reason}")));
            }
        }
        Ok(match count == rows {
            true => Context::Each(given.data(), size),
            false => Context::Same(given.data().repeat(rows.min(BLOCK_ROWS)), size),
        })
    }

    /// The contexts of a block of rows.
    pub fn of(&self, block: &Range<usize>) -> Option<&[f32]> {
        match self {
            Context::None => None,
            Context::Each(data, size) => Some(&data[block.start * size..block.end * size]),
            Context::Same(data, size) => Some(&data[..block.len() * size]),
        }
    }
}

fn missing(columns: &[ContextFeature]) -> Error {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let reason = format!("context: this model needs {} numbers ({})", columns.len(), names.join(", "));
    Error::input(InputCode::MissingContext, reason)
}

fn wrong_shape(reason: String) -> Error {
    Error::input(InputCode::WrongShape, reason)
}
