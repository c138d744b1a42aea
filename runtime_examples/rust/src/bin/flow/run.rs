//! The mode in which a program answers requests over standard input: ../../README.md, "The mode run".

use std::io::{self, BufRead, Read, Write};
use std::time::Instant;

use flowbundle::{Bundle, Dtype, Error, InputCode, Model, Rows, normals};

/// A number of either type, and what a model gives in it.
trait Number: Copy + From<f32> {
    const KIND: &'static str;
    fn read(bytes: &[u8]) -> Vec<Self>;
    fn write(self, out: &mut Vec<u8>);
    fn log_prob(
        model: &Model,
        x: Rows<'_, Self>,
        context: Option<Rows<'_, Self>>,
    ) -> Result<Vec<Self>, Error>;
    fn sample_from(
        model: &Model,
        z: Rows<'_, Self>,
        context: Option<Rows<'_, Self>>,
    ) -> Result<Vec<Self>, Error>;
    fn sample(model: &Model, asked: &Sample, context: Option<Rows<'_, Self>>) -> Result<Vec<Self>, Error>;
}

macro_rules! number {
    ($type:ty, $kind:literal, $log_prob:ident, $sample_from:ident, $sample:ident) => {
        impl Number for $type {
            const KIND: &'static str = $kind;
            fn read(bytes: &[u8]) -> Vec<Self> {
                let numbers = bytes.chunks_exact(size_of::<Self>());
                numbers.map(|number| Self::from_le_bytes(number.try_into().unwrap())).collect()
            }
            fn write(self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }
            fn log_prob(
                model: &Model,
                x: Rows<'_, Self>,
                context: Option<Rows<'_, Self>>,
            ) -> Result<Vec<Self>, Error> {
                model.$log_prob(x, context)
            }
            fn sample_from(
                model: &Model,
                z: Rows<'_, Self>,
                context: Option<Rows<'_, Self>>,
            ) -> Result<Vec<Self>, Error> {
                model.$sample_from(z, context)
            }
            fn sample(
                model: &Model,
                asked: &Sample,
                context: Option<Rows<'_, Self>>,
            ) -> Result<Vec<Self>, Error> {
                let rows = asked.first..asked.first.saturating_add(asked.rows);
                model.$sample(rows, asked.seed, asked.temperature, context)
            }
        }
    };
}

number!(f32, "f4", log_prob, sample_from, sample);
number!(f64, "f8", log_prob64, sample_from64, sample64);

/// What `sample` is asked for.
struct Sample {
    rows: u64,
    seed: u64,
    first: u64,
    temperature: f32,
}

/// An array as it comes: its type, its axes and its bytes.
struct Array {
    kind: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Array {
    fn receive(word: &str, input: &mut impl Read) -> io::Result<Self> {
        let (kind, axes) = word.split_once(':').unwrap_or((word, ""));
        let shape: Vec<usize> = axes.split(',').filter_map(|axis| axis.parse().ok()).collect();
        let size = kind[1..].parse().unwrap_or(1);
        let mut bytes = vec![0; shape.iter().product::<usize>() * size];
        input.read_exact(&mut bytes)?;
        Ok(Array { kind: kind.to_string(), shape, bytes })
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The numbers, of a model's type; float32 goes into one of float64 too.
    fn numbers<T: Number>(&self) -> Result<Vec<T>, Error> {
        match (self.kind.as_str(), T::KIND) {
            (kind, own) if kind == own => Ok(T::read(&self.bytes)),
            ("f4", _) => Ok(f32::read(&self.bytes).into_iter().map(T::from).collect()),
            (kind, own) => {
                let reason = format!("expected {own}, got {kind}");
                Err(Error::Input { code: InputCode::WrongDtype, reason })
            }
        }
    }
}

/// The words of a request, and its arrays in their order; none where there is a "-".
struct Request {
    words: Vec<String>,
    arrays: Vec<Option<Array>>,
}

impl Request {
    fn receive(input: &mut impl BufRead) -> io::Result<Option<Self>> {
        let (mut line, mut words, mut arrays) = (String::new(), Vec::new(), Vec::new());
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        for word in line.split_whitespace() {
            match word {
                "-" => arrays.push(None),
                word if word.contains(':') => arrays.push(Some(Array::receive(word, input)?)),
                word => words.push(word.to_string()),
            }
        }
        Ok(Some(Request { words, arrays }))
    }

    fn array(&self, index: usize) -> Option<&Array> {
        self.arrays.get(index)?.as_ref()
    }

    fn whole(&self, index: usize) -> u64 {
        self.words.get(index).and_then(|word| word.parse().ok()).unwrap_or(0)
    }
}

/// An answer: numbers as they go out.
fn answer<T: Number>(numbers: &[T]) -> Vec<u8> {
    let mut out = format!("{}:{}\n", T::KIND, numbers.len()).into_bytes();
    numbers.iter().for_each(|number| number.write(&mut out));
    out
}

/// What log_prob, sample_from or sample, the word at a place of a request, gives; or how long each of so many calls
/// takes, in microseconds.
fn run_model<T: Number>(model: &Model, request: &Request, at: usize, calls: usize) -> Result<Vec<u8>, Error> {
    let verb = request.words[at].as_str();
    let sampled = verb == "sample";
    let numbers = |array: Option<&Array>| array.map(Array::numbers::<T>).transpose();
    let first = numbers(request.array(0))?.unwrap_or_default();
    let second = numbers(request.array(1))?.unwrap_or_default();
    let rows = |index: usize, data| {
        request.array(index).map(|array| {
            // A vector is one row for all; without its rows, an array has the shape of one.
            let shape = if array.shape.len() == 1 && index == 1 - usize::from(sampled) {
                &array.shape
            } else {
                &array.shape[1..]
            };
            Rows::new(data, shape)
        })
    };
    let asked = Sample {
        rows: request.whole(at + 1),
        seed: request.whole(at + 2),
        first: request.whole(at + 3),
        temperature: request.words.get(at + 4).and_then(|word| word.parse().ok()).unwrap_or(1.0),
    };
    let call = || match verb {
        "log_prob" => T::log_prob(model, rows(0, &first).unwrap(), rows(1, &second)),
        "sample_from" => T::sample_from(model, rows(0, &first).unwrap(), rows(1, &second)),
        _ => T::sample(model, &asked, rows(0, &first)),
    };
    if calls == 0 {
        return Ok(answer(&call()?));
    }
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let before = Instant::now();
        call()?;
        times.push(before.elapsed().as_secs_f64() * 1e6);
    }
    Ok(answer(&times))
}

fn respond(model: &Model, request: &Request) -> Result<Vec<u8>, Error> {
    let timed = request.words[0] == "time";
    let (at, calls) = if timed { (2, request.whole(1) as usize) } else { (0, 0) };
    let text = |index| request.array(index).map(Array::text).unwrap_or_default();
    match request.words[0].as_str() {
        "category" => Ok(answer(&[model.category(&text(0), &text(1))?])),
        "normals" => Ok(answer(&normals(request.whole(1), request.whole(2), request.whole(3) as usize))),
        "percentile" => {
            let scores = request.array(0).expect("an array");
            let wide: Vec<f64> = match scores.kind.as_str() {
                "f8" => f64::read(&scores.bytes),
                _ => f32::read(&scores.bytes).into_iter().map(f64::from).collect(),
            };
            let places: Vec<f64> =
                wide.iter().map(|score| model.percentile64(*score).unwrap_or(f64::NAN)).collect();
            Ok(answer(&places))
        }
        _ if model.manifest().dtype == Dtype::Float64 => run_model::<f64>(model, request, at, calls),
        _ => run_model::<f32>(model, request, at, calls),
    }
}

fn answer_error(error: &Error) -> Vec<u8> {
    let code = error.code().map_or("bad_bundle".to_string(), |code| code.to_string());
    // Names come from the bundle and may hold anything; an error is one line.
    format!("error {code} {}\n", error.to_string().replace(char::is_control, " ")).into_bytes()
}

/// Opens a bundle and answers until there are no more requests; false where it cannot be opened.
pub fn run(folder: &str, digest: Option<&str>) -> io::Result<bool> {
    let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
    let model = match Bundle::pinned(folder, digest).and_then(|bundle| Model::of(bundle, 1)) {
        Ok(model) => model,
        Err(error) => {
            out.write_all(&answer_error(&error))?;
            return Ok(false);
        }
    };
    out.write_all(&answer::<f32>(&[]))?;
    out.flush()?;
    while let Some(request) = Request::receive(&mut input)? {
        out.write_all(&respond(&model, &request).unwrap_or_else(|error| answer_error(&error)))?;
        out.flush()?;
    }
    Ok(true)
}
