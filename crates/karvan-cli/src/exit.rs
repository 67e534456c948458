//! How a command ends: exit statuses, and what is said on stderr.

use std::fmt::Write as _;
use std::process::ExitCode;

use karvan_model::places::ResolveError;
use karvan_model::raw::{Problem, Severity};

/// Done.
pub const DONE: u8 = 0;
/// The question has no answer.
pub const NO_ANSWER: u8 = 1;
/// Wrong input.
pub const WRONG_INPUT: u8 = 2;
/// Our fault.
pub const OUR_FAULT: u8 = 3;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// The question has no answer; the text says why.
    NoAnswer(String, Option<String>),
    /// Something given is wrong.
    Input {
        /// What is wrong, with what was given.
        what: String,
        /// What it might be.
        candidates: Vec<String>,
        /// The way out.
        hint: Option<String>,
    },
    /// The model or the scenario is wrong.
    Problems(Vec<Problem>),
    /// A list given by the user is wrong, in these places.
    List(Vec<Problem>),
    /// Something failed that the user did not cause.
    Fault(String),
}

/// A failure for something given that is wrong.
pub fn wrong_input(what: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::Input { what: what.into(), candidates: Vec::new(), hint: Some(hint.into()) }
}

impl From<ResolveError> for Failure {
    fn from(e: ResolveError) -> Self {
        Failure::Input { what: e.what, candidates: e.candidates, hint: Some(e.hint) }
    }
}

impl From<std::io::Error> for Failure {
    fn from(e: std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        match e.kind() {
            K::NotFound | K::NotADirectory => {
                wrong_input(e.to_string(), "name a file in a folder that exists")
            }
            K::PermissionDenied | K::ReadOnlyFilesystem => {
                wrong_input(e.to_string(), "name a file in a folder that you may write to")
            }
            K::StorageFull | K::QuotaExceeded | K::FileTooLarge => {
                wrong_input(e.to_string(), "make room, or name a file on another disk")
            }
            K::AlreadyExists | K::IsADirectory | K::InvalidInput | K::InvalidData => {
                Failure::Input { what: e.to_string(), candidates: Vec::new(), hint: None }
            }
            _ => Failure::Fault(e.to_string()),
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(e: serde_json::Error) -> Self {
        Failure::Fault(e.to_string())
    }
}

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[1;36m";
const PLAIN: &str = "\x1b[0m";

/// A problem as printed, with colours that a stream that is no terminal takes out.
pub fn problem(p: &Problem) -> String {
    let mut out = String::new();
    let (colour, word) = match p.severity {
        Severity::Error => (RED, "error"),
        Severity::Warning => (YELLOW, "warning"),
    };
    let _ = write!(out, "{}: {colour}{word}{PLAIN}: {}", p.at, p.what);
    if let Some(a) = &p.allowed {
        let _ = write!(out, "; allowed: {a}");
    }
    if let Some(h) = &p.hint {
        let _ = write!(out, "\n  {CYAN}hint{PLAIN}: {h}");
    }
    out
}

/// Says on stderr why the command failed, and gives its exit status.
pub fn end(failure: Failure) -> ExitCode {
    let hint = |h: &Option<String>| {
        if let Some(h) = h {
            anstream::eprintln!("{CYAN}hint{PLAIN}: {h}");
        }
    };
    match failure {
        Failure::NoAnswer(what, way_out) => {
            anstream::eprintln!("{YELLOW}no answer{PLAIN}: {what}");
            hint(&way_out);
            ExitCode::from(NO_ANSWER)
        }
        Failure::Input { what, candidates, hint: way_out } => {
            anstream::eprintln!("{RED}error{PLAIN}: {what}");
            for c in candidates {
                anstream::eprintln!("  {c}");
            }
            hint(&way_out);
            ExitCode::from(WRONG_INPUT)
        }
        Failure::Problems(problems) => {
            for p in problems.iter().take(20) {
                anstream::eprintln!("{}", problem(p));
            }
            let n = problems.len();
            anstream::eprintln!(
                "{RED}error{PLAIN}: the model cannot be used: {n} error{}",
                if n == 1 { "" } else { "s" }
            );
            anstream::eprintln!("{CYAN}hint{PLAIN}: `karvan check` lists every problem");
            ExitCode::from(WRONG_INPUT)
        }
        Failure::List(problems) => {
            for p in &problems {
                anstream::eprintln!("{}", problem(p));
            }
            ExitCode::from(WRONG_INPUT)
        }
        Failure::Fault(what) => {
            anstream::eprintln!("{RED}error{PLAIN}: {what}");
            anstream::eprintln!(
                "{CYAN}hint{PLAIN}: this is our fault; please report it with the command that you gave"
            );
            ExitCode::from(OUR_FAULT)
        }
    }
}
