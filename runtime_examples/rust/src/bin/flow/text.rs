//! Numbers as text, and text as numbers.

use std::fmt;

use flowbundle::ContextFeature;

/// The shortest text that reads back the same number of its type.
pub fn shortest<T: fmt::Debug>(number: T) -> String {
    let text = format!("{number:?}");
    match text.as_str() {
        "NaN" => "nan".to_string(),
        plain => plain.strip_suffix(".0").unwrap_or(plain).to_string(),
    }
}

/// A finite float32, or why the text is none.
pub fn parse_number(text: &str) -> Result<f32, String> {
    let number: Option<f64> = text.trim().parse().ok();
    let number = number.map(|number| number as f32).filter(|number| number.is_finite());
    number.ok_or_else(|| format!("{text:?} is not a finite number"))
}

/// A number of a context: the name of a category, or a code, where the column has categories.
pub fn parse_context(text: &str, column: &ContextFeature) -> Result<f32, String> {
    let mut categories = column.categories.iter().flatten();
    if let Some(code) = categories.position(|name| name == text.trim()) {
        return Ok(code as f32);
    }
    match parse_number(text) {
        Ok(number) if column.admits(number) => Ok(number),
        Err(reason) if column.categories.is_none() => Err(reason),
        _ => Err(format!("{text:?} is no category and no code of one")),
    }
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
        assert_eq!(parse_number(" -1.5e3 "), Ok(-1500.0));
        for bad in ["", "abc", "nan", "inf", "-Infinity", "1e39", "0x10", "1_000"] {
            assert!(parse_number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_category_is_known_by_name_and_by_code() {
        let categories = Some(vec!["fair".to_string(), "good".to_string()]);
        let cut = ContextFeature { name: "cut".into(), categories };
        assert_eq!(parse_context("good", &cut), Ok(1.0));
        assert_eq!(parse_context("0", &cut), Ok(0.0));
        for bad in ["2", "-1", "0.5", "bad", "", "nan"] {
            assert!(parse_context(bad, &cut).is_err(), "{bad}");
        }
        let angle = ContextFeature { name: "angle".into(), categories: None };
        assert_eq!(parse_context("0.5", &angle), Ok(0.5));
        assert!(parse_context("good", &angle).unwrap_err().contains("finite"));
    }
}
