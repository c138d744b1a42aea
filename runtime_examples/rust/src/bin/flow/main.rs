//! The program on top of the library: `golden`, `score`, `sample` and `bench`, as in every other language.

mod bench;
mod cases;
mod csv;
mod golden;
mod npy;
mod sample;
mod score;
mod text;

use std::env;
use std::error::Error;
use std::io;
use std::process::ExitCode;

use flowbundle::{Bundle, Model};

const USAGE: &str = "usage: flow golden BUNDLE | score BUNDLE < rows.csv | \
    sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,…] | bench BUNDLE; all: [--digest HEX]";

/// What a command gives: whether all that it checked passed.
type Outcome = Result<bool, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Whoever read our output has had enough.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            // Names come from the bundle and may hold anything; an error is one line.
            eprintln!("flow: {}", error.to_string().replace(char::is_control, " "));
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run() -> Outcome {
    let arguments: Vec<String> = env::args_os()
        .skip(1)
        .map(|argument| argument.into_string().map_err(|_| "an argument is not UTF-8"))
        .collect::<Result<_, _>>()?;
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut digest = None;
    if let Some(at) = arguments.iter().position(|argument| *argument == "--digest") {
        digest = Some(*arguments.get(at + 1).ok_or(USAGE)?);
        arguments.drain(at..at + 2);
    }
    let hex =
        |digest: &str| digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if let Some(digest) = digest.filter(|digest| !hex(digest)) {
        return Err(format!("--digest: {digest:?} is no SHA-256 in lower-case hex").into());
    }
    let open = |bundle: &str| Model::of(Bundle::pinned(bundle, digest)?, 1);
    match arguments.as_slice() {
        ["golden", bundle] => golden::command(open(bundle)?),
        ["score", bundle] => score::command(bundle, open(bundle)?),
        ["sample", bundle, rest @ ..] => {
            let arguments = sample::Arguments::parse(rest)?;
            sample::command(open(bundle)?, &arguments)
        }
        ["bench", bundle] => bench::command(open(bundle)?),
        _ => Err(USAGE.into()),
    }
}
