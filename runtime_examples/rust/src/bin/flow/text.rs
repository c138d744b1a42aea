//! Numbers as text, and text as numbers.

use std::fmt;

use flowbundle::{ContextFeature, Dtype};

/// The shortest text that reads back the same number of its type.
pub fn shortest<T: fmt::Debug>(number: T) -> String {
    let text = format!("{number:?}");
    match text.as_str() {
        "NaN" => "nan".to_string(),
        plain => plain.strip_suffix(".0").unwrap_or(plain).to_string(),
    }
}

/// A number of a type as [`shortest`] text.
pub fn shortest_of(number: f64, dtype: Dtype) -> String {
    match dtype {
        Dtype::Float32 => shortest(number as f32),
        Dtype::Float64 => shortest(number),
    }
}

/// A decimal number that the type can hold, or why the text is none.
pub fn parse_number(text: &str, dtype: Dtype) -> Result<f64, String> {
    let trimmed = text.trim_matches(' ');
    let number: Option<f64> = if is_decimal(trimmed) { trimmed.parse().ok() } else { None };
    let held = |number: f64| if dtype == Dtype::Float32 { f64::from(number as f32) } else { number };
    let number = number.filter(|number| held(*number).is_finite());
    number.ok_or_else(|| format!("{text:?} is not a finite number"))
}

/// Whether a text is `[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?`.
fn is_decimal(text: &str) -> bool {
    let unsigned = |text: &'_ str| text.strip_prefix(['+', '-']).unwrap_or(text).to_string();
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = unsigned(text);
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((&number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power = unsigned(exponent);
    digits(whole)
        && digits(fraction)
        && digits(&power)
        && !power.is_empty()
        && whole.len() + fraction.len() > 0
}

/// A cell: a number, or the label of a category. Labels that are numbers are compared as numbers.
pub fn parse_cell(text: &str, column: &ContextFeature, dtype: Dtype) -> Result<f64, String> {
    let number = parse_number(text, dtype);
    let Some(labels) = &column.categories else { return number };
    let same = |label: &String| {
        let equal =
            number.as_ref().is_ok_and(|number| parse_number(label, Dtype::Float64).as_ref() == Ok(number));
        equal || label.trim_matches(' ') == text.trim_matches(' ')
    };
    let code = labels.iter().position(same);
    code.map(|code| code as f64).ok_or_else(|| format!("{text:?} is no category"))
}

/// A value of `--context`: as a cell, or, where no label is a number, a code.
pub fn parse_context(text: &str, column: &ContextFeature, dtype: Dtype) -> Result<f64, String> {
    let mut labels = column.categories.iter().flatten();
    let coded = column.categories.is_some() && !labels.any(|label| parse_number(label, dtype).is_ok());
    let code = || parse_number(text, dtype).ok().filter(|code| coded && column.admits(*code));
    parse_cell(text, column, dtype).or_else(|reason| code().ok_or(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_the_shortest_text_that_reads_back() {
        for (number, text) in [
            (0.1f32, "0.1"),
            (-3.0, "-3"),
            (16777216.0, "16777216"),
            (1e-7, "1e-7"),
            (1.5e20, "1.5e20"),
            (f32::NEG_INFINITY, "-inf"),
            (f32::NAN, "nan"),
        ] {
            assert_eq!(shortest(number), text);
        }
        assert_eq!(shortest(1.0f64 / 3.0), "0.3333333333333333");
    }

    #[test]
    fn text_is_a_finite_number_or_refused() {
        assert_eq!(parse_number(" -1.5e3 ", Dtype::Float32), Ok(-1500.0));
        assert_eq!(parse_number("1e39", Dtype::Float64), Ok(1e39));
        for bad in [
            "1\t",
            "e5",
            "1e",
            "+-1",
            ".",
            "1.5.2",
            "",
            "abc",
            "nan",
            "inf",
            "-Infinity",
            "1e39",
            "0x10",
            "1_000",
        ] {
            assert!(parse_number(bad, Dtype::Float32).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_category_is_known_by_name_and_by_code() {
        let categories = Some(vec!["fair".to_string(), "good".to_string()]);
        let cut = ContextFeature { name: "cut".into(), categories };
        let parse_context = |text, column| parse_context(text, column, Dtype::Float32);
        assert_eq!(parse_context("good", &cut), Ok(1.0));
        assert_eq!(parse_context("0", &cut), Ok(0.0));
        assert!(parse_cell("0", &cut, Dtype::Float32).is_err());
        for bad in ["2", "-1", "0.5", "bad", "", "nan"] {
            assert!(parse_context(bad, &cut).is_err(), "{bad}");
        }
        let angle = ContextFeature { name: "angle".into(), categories: None };
        assert_eq!(parse_context("0.5", &angle), Ok(0.5));
        assert!(parse_context("good", &angle).unwrap_err().contains("finite"));
    }
}
