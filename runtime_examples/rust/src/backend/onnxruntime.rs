//! ONNX Runtime by the crate ort, its shared library opened at run time.

use std::borrow::Cow;
use std::env;
use std::error::Error as _;
use std::fmt::Debug;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::LoadDynamicError;
use ort::environment::Environment;
use ort::logging::LogLevel;
use ort::session::builder::AutoDevicePolicy;

use ort::session::{Session as OrtSession, SessionInputValue};
use ort::value::{PrimitiveTensorElementType, TensorRef};

use crate::error::Error;
use crate::rows::Rows;

/// A graph, ready to run.
///
/// ort holds that ONNX Runtime's `Run` is not safe to call from several threads at once, and asks for
/// `&mut`: calls of one session take turns.
pub(crate) struct Session {
    session: Mutex<OrtSession>,
    output: &'static str,
}

impl Session {
    /// Opens the very bytes that were hashed; `path` is for messages.
    pub fn open(onnx: &[u8], output: &'static str, threads: usize, path: &Path) -> Result<Self, Error> {
        let environment = environment()?;
        let session = build(&environment, onnx, threads).map_err(|error| {
            Error::bundle(path, format!("ONNX Runtime cannot open it: {}", first_line(&error)))
        })?;
        Ok(Session { session: Mutex::new(session), output })
    }

    /// Runs the graph once; its output, in C order.
    pub fn run<T: Element + Copy>(&self, inputs: &[(&str, Rows<'_, T>)]) -> Result<Vec<T>, String> {
        // What panicked while it held the session left nothing of ours half done in it.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        fetch(&mut session, inputs, self.output).map_err(|error| first_line(&error))
    }
}

/// A number that goes into a graph.
pub(crate) trait Element: PrimitiveTensorElementType + Debug + 'static {}

impl<T: PrimitiveTensorElementType + Debug + 'static> Element for T {}

fn build(environment: &Environment, onnx: &[u8], threads: usize) -> ort::Result<OrtSession> {
    OrtSession::builder(environment)?
        // ort's own default asks for an NPU first.
        .with_auto_device(AutoDevicePolicy::PreferCPU)?
        .with_intra_threads(threads)?
        .with_inter_threads(1)?
        // What goes wrong comes as an error; the log would say it once more, on the user's screen.
        .with_log_level(LogLevel::Fatal)?
        .commit_from_memory(onnx)
}

fn fetch<T: Element + Copy>(
    session: &mut OrtSession,
    inputs: &[(&str, Rows<'_, T>)],
    output: &str,
) -> ort::Result<Vec<T>> {
    let values = inputs
        .iter()
        .map(|(name, rows)| {
            let tensor = TensorRef::from_array_view((rows.batch_shape(), rows.data()))?;
            Ok((Cow::from(*name), SessionInputValue::from(tensor)))
        })
        .collect::<ort::Result<Vec<_>>>()?;
    let outputs = session.run(values)?;
    let value = outputs.get(output).ok_or_else(|| ort::Error::new(format!("no output {output:?}")))?;
    Ok(value.try_extract_tensor::<T>()?.1.to_vec())
}

/// The process's ONNX Runtime. ort allows one: an application that uses ort beside this library takes it here.
///
/// The shared library is the one that `ORT_DYLIB_PATH` names, or else what the system finds by the name
/// `libonnxruntime`; it must be of version 1.24 or later.
///
/// # Errors
///
/// [`Error::Runtime`] where the library cannot be opened, is too old, or the application has made an
/// environment of its own before.
pub fn environment() -> Result<Environment, Error> {
    static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);
    let mut held = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = &*held {
        return Ok(environment.clone());
    }
    if env::var_os("ORT_DISABLE_TELEMETRY").is_none() {
        // Before it is loaded: it would write a device's id into the user's cache folder. A user's own word stands.
        // SAFETY: Rust's own readers of the environment are locked out; of C's, only one that runs right now, in another
        // thread, while the first model of the process is opened, could be disturbed.
        unsafe { env::set_var("ORT_DISABLE_TELEMETRY", "1") };
    }
    let system = || format!("{}onnxruntime{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX);
    let library = env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
    let environment = ort::init_from(library.unwrap_or_else(|| system().into()))
        .map_err(|error| Error::Runtime(format!("ORT_DYLIB_PATH: {}", load_fault(&error))))?
        .build()
        .map_err(|error| Error::Runtime(format!("ONNX Runtime: {}", first_line(&error))))?;
    Ok(held.insert(environment).clone())
}

/// What the system said of a library that cannot be opened, which ort leaves out.
fn load_fault(error: &LoadDynamicError) -> String {
    match error {
        LoadDynamicError::Dlopen { error, .. } => error.source().map(ToString::to_string),
        _ => None,
    }
    .unwrap_or_else(|| error.to_string())
}

fn first_line(error: &ort::Error) -> String {
    error.message().lines().next().unwrap_or_default().trim().to_string()
}
