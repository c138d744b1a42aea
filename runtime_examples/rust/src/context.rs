//! The context of some rows, checked before anything is run.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, InputCode};
use crate::manifest::ContextFeature;
use crate::rows::{BLOCK_ROWS, Number, Rows};

/// A row of so many numbers for each row of a call, or one for all, repeated as often as a block has rows.
pub(crate) struct Context<'a, T: Clone> {
    data: Cow<'a, [T]>,
    shape: [usize; 1],
    same: bool,
}

impl<'a, T: Number> Context<'a, T> {
    /// Holds what was given for `rows` rows to the columns of the model.
    pub fn check(columns: &[ContextFeature], given: Option<Rows<'a, T>>, rows: usize) -> Result<Self, Error> {
        let size = columns.len();
        let refuse = |code, reason: String| Err(Error::input(code, format!("context: {reason}")));
        let given = match given {
            None if size == 0 => return Ok(Context { data: Cow::default(), shape: [0], same: true }),
            None => {
                let names: Vec<_> = columns.iter().map(|column| &column.name).collect();
                return refuse(InputCode::MissingContext, format!("this model needs {names:?}"));
            }
            Some(_) if size == 0 => return refuse(InputCode::WrongShape, "this model takes none".into()),
            Some(given) => given,
        };
        let count = given.count("context", &[size])?;
        if count != 1 && count != rows {
            return refuse(InputCode::WrongShape, format!("expected 1 row or {rows}, got {count}"));
        }
        for (index, (value, column)) in given.data().iter().zip(columns.iter().cycle()).enumerate() {
            let value: f64 = (*value).into();
            if !column.admits(value) {
                let (row, name) = (index / size + 1, &column.name);
                let reason = format!("row {row}, column {name:?}: {value} is the code of no category");
                return refuse(InputCode::UnknownCategory, reason);
            }
        }
        let same = count != rows;
        let data = if same { given.data().repeat(rows.min(BLOCK_ROWS)).into() } else { given.data().into() };
        Ok(Context { data, shape: [size], same })
    }

    /// The contexts of a block of rows.
    pub fn of(&self, block: &Range<usize>) -> Option<Rows<'_, T>> {
        let rows = Rows::new(&self.data, &self.shape);
        let first = if self.same { 0..block.len() } else { block.clone() };
        (self.shape != [0]).then(|| rows.block(&first))
    }
}
