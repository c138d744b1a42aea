//! Arrays of a bundle: .npy version 1.0, C order, little-endian float32 or float64.

use flowbundle::{Bundle, Dtype, Error, InputCode, Rows};

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// An array, its numbers in C order.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The size of each axis; none for a single number.
    pub shape: Vec<usize>,
    /// Whether the file holds float32, as inputs are, and not float64.
    pub single: bool,
    /// As many numbers as the shape has places.
    pub numbers: Vec<f64>,
}

impl Array {
    /// A listed .npy file of a bundle.
    pub fn read(bundle: &Bundle, name: &str) -> Result<Self, Error> {
        Array::parse(&bundle.read(name)?).map_err(|reason| bundle.fault(name, reason))
    }

    /// The array of an .npy file, or why it is none.
    fn parse(data: &[u8]) -> Result<Self, String> {
        let wanted = "is not an .npy file of version 1.0 with <f4 or <f8 in C order";
        let (header, body) = split(data).ok_or(wanted)?;
        let (descr, shape) = read_header(header).ok_or(wanted)?;
        let itemsize = if descr == "<f4" { 4 } else { 8 };
        let bytes = shape.iter().try_fold(itemsize, |size: usize, axis| size.checked_mul(*axis));
        if bytes != Some(body.len()) {
            return Err(format!("{} bytes do not fill the shape {shape:?} of {descr}", body.len()));
        }
        let single = descr == "<f4";
        let numbers = match single {
            true => body.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b).into()).collect(),
            false => body.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
        };
        Ok(Array { shape, single, numbers })
    }

    /// The array as an input of a model of a type: rows along its first axis.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] for float64 where the model is of float32, and for a single number, which has no rows.
    pub fn rows(&self, dtype: Dtype) -> Result<Rows<'_, f64>, Error> {
        match self.shape.split_first() {
            _ if !self.single && dtype == Dtype::Float32 => {
                let reason = "expected float32, got float64".into();
                Err(Error::Input { code: InputCode::WrongDtype, reason })
            }
            None => {
                let reason = "expected rows, got a single number".into();
                Err(Error::Input { code: InputCode::WrongShape, reason })
            }
            Some((_, row)) => Ok(Rows::new(&self.numbers, row)),
        }
    }
}

/// The header and the numbers of an .npy file.
fn split(data: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = data.strip_prefix(MAGIC)?.split_first_chunk()?;
    let (header, body) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    Some((std::str::from_utf8(header).ok()?, body))
}

/// The type of element and the shape, from a header exactly as NumPy writes it.
fn read_header(header: &str) -> Option<(&str, Vec<usize>)> {
    let rest = header.strip_prefix("{'descr': '")?;
    let (descr, rest) = rest.split_once("', 'fortran_order': False, 'shape': (")?;
    let (shape, rest) = rest.split_once("), }")?;
    if !matches!(descr, "<f4" | "<f8") || rest.trim_start_matches(' ') != "\n" {
        return None;
    }
    let sizes = shape.strip_suffix(',').unwrap_or(shape);
    let digits = |size: &str| size.bytes().all(|byte| byte.is_ascii_digit());
    let shape = match sizes {
        "" => Vec::new(),
        _ => sizes.split(", ").map(|size| digits(size).then(|| size.parse().ok())?).collect::<Option<_>>()?,
    };
    Some((descr, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, body: &[u8]) -> Vec<u8> {
        let header = format!("{header}   \n");
        [MAGIC, &(header.len() as u16).to_le_bytes(), header.as_bytes(), body].concat()
    }

    fn header(descr: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
    }

    #[test]
    fn reads_both_kinds_of_element_and_any_number_of_axes() {
        let numbers = [1.0f32, -2.5, 0.0, 3.25, 4.0, f32::MAX];
        let body: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        for (text, shape) in [("(3, 2)", vec![3, 2]), ("(6,)", vec![6]), ("(1, 2, 3)", vec![1, 2, 3])] {
            let array = Array::parse(&file(&header("<f4", "False", text), &body)).unwrap();
            assert_eq!(array, Array { shape, single: true, numbers: numbers.map(f64::from).to_vec() });
        }
        let one = Array::parse(&file(&header("<f8", "False", "()"), &0.1f64.to_le_bytes())).unwrap();
        assert_eq!(one, Array { shape: vec![], single: false, numbers: vec![0.1] });
        let none = Array::parse(&file(&header("<f4", "False", "(0, 2)"), &[])).unwrap();
        assert_eq!(none, Array { shape: vec![0, 2], single: true, numbers: vec![] });
    }

    #[test]
    fn an_input_is_rows_of_the_models_type() {
        let array = |shape: &[usize], single, numbers| Array { shape: shape.to_vec(), single, numbers };
        let two = array(&[2, 1, 3], true, vec![0.0; 6]);
        assert_eq!(two.rows(Dtype::Float32).unwrap(), Rows::new(&[0.0f64; 6], &[1, 3]));
        let double = array(&[2], false, vec![0.0; 2]);
        assert_eq!(double.rows(Dtype::Float32).unwrap_err().code(), Some(InputCode::WrongDtype));
        let number = array(&[], true, vec![0.0]);
        assert_eq!(number.rows(Dtype::Float32).unwrap_err().code(), Some(InputCode::WrongShape));
    }

    #[test]
    fn refuses_what_is_not_such_an_array() {
        let good = header("<f4", "False", "(2,)");
        assert!(Array::parse(&file(&good, &[0; 8])).is_ok());
        for bad in [
            file(&good, &[0; 7]),
            file(&good, &[0; 9]),
            file(&header("<f4", "True", "(2,)"), &[0; 8]),
            file(&header(">f4", "False", "(2,)"), &[0; 8]),
            file(&header("<i4", "False", "(2,)"), &[0; 8]),
            file(&header("<f4", "False", "(-2,)"), &[0; 8]),
            file(&header("<f4", "False", "(+2,)"), &[0; 8]),
            file(&header("<f4", "False", "(2, )"), &[0; 8]),
            file(&header("<f4", "False", "(4294967296, 4294967296)"), &[]),
            file("{'shape': (2,), }", &[0; 8]),
            [b"\x93NUMPY\x02\x00".as_slice(), &file(&good, &[0; 8])[8..]].concat(),
            file(&good, &[0; 8])[..20].to_vec(),
            b"\x93NUMPY\x01\x00\xff".to_vec(),
            Vec::new(),
        ] {
            assert!(Array::parse(&bad).is_err(), "{}", String::from_utf8_lossy(&bad));
        }
    }
}
