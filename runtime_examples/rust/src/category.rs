//! Categories of a context, by their labels.

use crate::error::{Error, InputCode};
use crate::manifest::ContextFeature;

/// The code of a label in a column of the context. Labels that are numbers are compared as numbers.
pub(crate) fn code(columns: &[ContextFeature], column: &str, label: &str) -> Result<f32, Error> {
    let found = columns.iter().find(|each| each.name == column).and_then(|each| each.categories.as_ref());
    let Some(labels) = found else {
        let reason = format!("context: no column {column:?} has categories");
        return Err(Error::input(InputCode::WrongValue, reason));
    };
    let number = number_of(label);
    let same = |each: &String| {
        each.trim_matches(' ') == label.trim_matches(' ') || (number.is_some() && number_of(each) == number)
    };
    let code = labels.iter().position(same).map(|code| code as f32);
    code.ok_or_else(|| {
        let reason = format!("context: column {column:?}: {label:?} is no category");
        Error::input(InputCode::UnknownCategory, reason)
    })
}

/// A decimal number, `[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?`, perhaps with spaces around it. Rust reads `inf` and `nan`
/// too, and nothing else besides.
fn number_of(text: &str) -> Option<f64> {
    let text = text.trim_matches(' ');
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_is_known_by_its_label() {
        let column = |name: &str, labels: &[&str]| ContextFeature {
            name: name.into(),
            categories: Some(labels.iter().map(ToString::to_string).collect()),
        };
        let angle = ContextFeature { name: "angle".into(), categories: None };
        let columns = [column("cut", &["fair", "good"]), column("grade", &["1", "2", "10"]), angle];
        for (name, label, expected) in
            [("cut", " good ", 1.0), ("grade", "10.0", 2.0), ("grade", "01", 0.0), ("grade", "1e1", 2.0)]
        {
            assert_eq!(code(&columns, name, label).unwrap(), expected, "{label}");
        }
        for (name, label) in [("cut", "0"), ("cut", "best"), ("cut", ""), ("grade", "0"), ("grade", "nan")] {
            let error = code(&columns, name, label).unwrap_err();
            assert_eq!(error.code(), Some(InputCode::UnknownCategory), "{label}");
        }
        assert_eq!(code(&columns, "angle", "1").unwrap_err().code(), Some(InputCode::WrongValue));
    }
}
