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

const USAGE: &str = "usage: flow golden BUNDLE | score BUNDLE < rows.csv | \
    sample BUNDLE N SEED [TEMPERATURE] [--context V1,V2,…] | bench BUNDLE";

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
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["golden", bundle] => golden::command(bundle),
        ["score", bundle] => score::command(bundle),
        ["sample", bundle, rest @ ..] => sample::command(bundle, &sample::Arguments::parse(rest)?),
        ["bench", bundle] => bench::command(bundle),
        _ => Err(USAGE.into()),
    }
}
