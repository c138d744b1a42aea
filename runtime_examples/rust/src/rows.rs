//! Rows of numbers, and the blocks that they are run in.

use std::borrow::Cow;
use std::ops::Range;

use crate::backend::Element;
use crate::error::{Error, InputCode};

/// Rows of one run. More are run in blocks of so many: activations stay in the processor's cache, and the
/// runtime's memory does not grow with the rows.
pub const BLOCK_ROWS: usize = 1024;

/// Rows of numbers, one after the other, each of the same shape and in C order.
///
/// Made from `&[[f32; N]]` where a row is one of N numbers, or by [`Rows::new`]. Of float64 they go into the functions
/// whose names end in 64; every model takes and gives either, and one of float64 keeps all digits of these alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rows<'a, T = f32> {
    data: &'a [T],
    shape: &'a [usize],
}

/// Numbers as those of another type; of the same one they are not copied.
pub(crate) trait Cast<M: Clone>: Sized {
    fn cast(numbers: &[Self]) -> Cow<'_, [M]>;
}

impl<T: Clone> Cast<T> for T {
    fn cast(numbers: &[T]) -> Cow<'_, [T]> {
        numbers.into()
    }
}

impl Cast<f64> for f32 {
    fn cast(numbers: &[f32]) -> Cow<'_, [f64]> {
        numbers.iter().map(|number| f64::from(*number)).collect()
    }
}

impl Cast<f32> for f64 {
    fn cast(numbers: &[f64]) -> Cow<'_, [f32]> {
        numbers.iter().map(|number| *number as f32).collect()
    }
}

/// What a model computes in, and what a caller may hold.
pub(crate) trait Number: Element + Copy + Into<f64> + Cast<f32> + Cast<f64> {}

impl Number for f32 {}
impl Number for f64 {}

impl<'a, T: Copy> Rows<'a, T> {
    /// Rows whose numbers have any shape, such as `[channels, height, width]`. Whether the numbers are whole
    /// rows is checked where they are used.
    pub fn new(data: &'a [T], shape: &'a [usize]) -> Self {
        Rows { data, shape }
    }

    /// Rows `range.start` … `range.end − 1` of these, or none where there are fewer.
    pub fn get(&self, range: Range<usize>) -> Option<Self> {
        let (start, end) = (range.start.checked_mul(self.width())?, range.end.checked_mul(self.width())?);
        Some(Rows::new(self.data.get(start..end)?, self.shape))
    }

    /// The numbers of one row.
    pub(crate) fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// How many there are, which are whole, and the shape of one.
    pub(crate) fn batch_shape(&self) -> Vec<usize> {
        [&[self.data.len() / self.width()], self.shape].concat()
    }

    /// All numbers.
    pub(crate) fn data(&self) -> &'a [T] {
        self.data
    }

    /// The shape of one row.
    pub(crate) fn shape(&self) -> &'a [usize] {
        self.shape
    }

    /// A block of rows, which is there.
    pub(crate) fn block(&self, block: &Range<usize>) -> Self {
        Rows::new(&self.data[block.start * self.width()..block.end * self.width()], self.shape)
    }

    /// How many there are, if they are whole rows of a shape; `name` is for messages.
    pub(crate) fn count(&self, name: &str, shape: &[usize]) -> Result<usize, Error> {
        let wrong = |found: String| {
            let reason = format!("{name}: expected rows of shape {shape:?}, got {found}");
            Err(Error::input(InputCode::WrongShape, reason))
        };
        if self.shape != shape {
            return wrong(format!("{:?}", self.shape));
        }
        if !self.data.len().is_multiple_of(self.width()) {
            return wrong(format!("{} numbers", self.data.len()));
        }
        Ok(self.data.len() / self.width())
    }
}

impl<'a, T: Copy, const N: usize> From<&'a [[T; N]]> for Rows<'a, T> {
    fn from(rows: &'a [[T; N]]) -> Self {
        Rows::new(rows.as_flattened(), const { &[N] })
    }
}

impl<'a, T: Copy, const N: usize, const M: usize> From<&'a [[T; N]; M]> for Rows<'a, T> {
    fn from(rows: &'a [[T; N]; M]) -> Self {
        rows.as_slice().into()
    }
}

/// The blocks of so many rows; none for none.
pub(crate) fn blocks(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(BLOCK_ROWS).map(move |start| start..rows.min(start + BLOCK_ROWS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_all_rows_once() {
        assert_eq!(blocks(0).count(), 0);
        assert_eq!(blocks(1024).count(), 1);
        assert_eq!(blocks(2049).collect::<Vec<_>>(), [0..1024, 1024..2048, 2048..2049]);
    }

    #[test]
    fn rows_are_counted_where_they_are_whole() {
        let rows = Rows::from(&[[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]);
        assert_eq!(rows.count("x", &[2]).unwrap(), 3);
        assert_eq!(rows.count("x", &[3]).unwrap_err().code(), Some(InputCode::WrongShape));
        let torn = Rows::new(&[1.0f32, 2.0, 3.0], &[2]);
        assert_eq!(torn.count("x", &[2]).unwrap_err().code(), Some(InputCode::WrongShape));
        assert_eq!(Rows::<f32>::new(&[], &[1, 8, 8]).count("x", &[1, 8, 8]).unwrap(), 0);
    }
}
