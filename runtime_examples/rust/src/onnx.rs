//! What a graph may hold: operators and fields of the file that are on a list, so that it has one reading.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::operators::{FIELDS, OPERATORS, OPSET, TYPES};

/// Message, number of a field: what it is.
static MESSAGES: LazyLock<HashMap<(&str, u64), &str>> = LazyLock::new(|| {
    let rows = FIELDS.split(';').map(|row| row.split(' ').collect::<Vec<_>>());
    rows.flat_map(|row| {
        let name = row[0];
        let fields: Vec<_> = row[1..].chunks_exact(2).map(|field| (field[0].parse(), field[1])).collect();
        fields.into_iter().map(move |(number, kind)| ((name, number.unwrap_or_default()), kind))
    })
    .collect()
});

/// The last value of a field: a number, or so many bytes.
#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Refuses an ONNX file with anything that is not on the list: see docs/bundle.md.
pub(crate) fn check(data: &[u8]) -> Result<(), String> {
    walk(data, "Model")
}

/// Holds a message, and those in it, to the list. They lie no deeper in each other than the list lets them.
fn walk(mut data: &[u8], message: &'static str) -> Result<(), String> {
    let mut found: HashMap<u64, (Value<'_>, usize)> = HashMap::new();
    while !data.is_empty() {
        let tag = varint(&mut data)?;
        let (number, wire) = (tag >> 3, tag & 7);
        let kind = MESSAGES.get(&(message, number)).copied().unwrap_or_default();
        let base = kind.trim_end_matches('*');
        if base.is_empty() || !fits(base, wire) {
            return Err(format!("{message} has the field {number}, which is not on the list"));
        }
        let count = found.get(&number).map_or(0, |(_, count)| *count);
        if count > 0 && kind == base {
            return Err(format!("{message} has the field {number} twice"));
        }
        let value = if wire == 0 {
            Value::Number(varint(&mut data)?)
        } else {
            let size = match wire {
                2 => varint(&mut data)?,
                5 => 4,
                _ => 8,
            };
            let size = usize::try_from(size).ok().filter(|size| *size <= data.len()).ok_or("is cut short")?;
            let (part, rest) = data.split_at(size);
            data = rest;
            if base.starts_with(|letter: char| letter.is_ascii_uppercase()) {
                walk(part, base)?;
            }
            Value::Bytes(part)
        };
        found.insert(number, (value, count + 1));
    }
    let number = |field| match found.get(&field) {
        Some((Value::Number(number), _)) => *number,
        _ => 0,
    };
    let text = |field| match found.get(&field) {
        Some((Value::Bytes(bytes), _)) => String::from_utf8_lossy(bytes),
        _ => "".into(),
    };
    let once = |field| matches!(found.get(&field), Some((_, 1)));
    match message {
        "Model" if !once(7) || !once(8) => Err("expected one graph and one opset".into()),
        "Opset" if !text(1).is_empty() || number(2) != OPSET => {
            Err(format!("opset: expected {OPSET} of the standard domain alone"))
        }
        "Node" if !text(7).is_empty() || !OPERATORS.split(' ').any(|operator| operator == text(4)) => {
            Err(format!("{:.60} is not on the list of operators", text(4)))
        }
        "Tensor" => element(number(2)),
        "TensorType" => element(number(1)),
        _ => Ok(()),
    }
}

fn element(code: u64) -> Result<(), String> {
    let listed = TYPES.split(' ').any(|each| each == code.to_string());
    if listed { Ok(()) } else { Err(format!("a tensor of the element type {code}")) }
}

/// Whether protobuf may write what a field is in a way: 0 a varint, 1 and 5 of eight and four bytes, 2 with a length.
fn fits(kind: &str, wire: u64) -> bool {
    let own = match kind {
        "int" | "ints" => 0,
        "float" | "floats" => 5,
        "doubles" => 1,
        _ => 2,
    };
    wire == own || (wire == 2 && own != 2 && kind.ends_with('s'))
}

/// A number of at most ten bytes, which is taken off the data.
fn varint(data: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = data.split_first().ok_or("is cut short")?;
        *data = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        if *byte < 0x80 {
            return Ok(value);
        }
    }
    Err("a number of more than ten bytes".into())
}
