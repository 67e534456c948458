//! `cargo xtask questions`: the pages of questions, answered by the program as it is.
//!
//! `docs/questions.toml` holds the commands and what is known; `docs/questions.md` is written from it. Likewise
//! `docs/dated-questions.toml` and `docs/chronicle.toml`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    intro: String,
    section: Vec<Section>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    title: String,
    #[serde(default)]
    ask: Vec<Ask>,
    known: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    /// Arguments of `karvan`, as one types them.
    command: String,
    /// Exit status it must end with.
    #[serde(default)]
    status: i32,
}

/// Splits a command as a shell would, by blanks outside double quotes.
fn words(command: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => out.push(String::new()),
            c => {
                if let Some(last) = out.last_mut() {
                    last.push(c);
                }
            }
        }
    }
    out.retain(|w| !w.is_empty());
    out
}

/// The pages, by the name of their files in `docs/`.
const PAGES: &[&str] = &["questions", "dated-questions", "chronicle"];

/// Writes the pages, or with `check` fails if one differs from what is there.
///
/// # Errors
/// If a command ends with another status than the page says, or a file cannot be read or written.
pub fn run(root: &Path, check: bool) -> Result<()> {
    let build = Command::new(env!("CARGO"))
        .args(["build", "-q", "--release", "-p", "karvan-cli"])
        .current_dir(root)
        .status()
        .context("cargo build")?;
    if !build.success() {
        bail!("the program does not build");
    }
    PAGES.iter().try_for_each(|name| page(root, name, check))
}

fn page(root: &Path, name: &str, check: bool) -> Result<()> {
    let source = root.join(format!("docs/{name}.toml"));
    let text = std::fs::read_to_string(&source).with_context(|| source.display().to_string())?;
    let page: Page = toml::from_str(&text).with_context(|| source.display().to_string())?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let karvan = target.join("release/karvan");
    let mut out = format!("<!-- Written by `cargo xtask questions` from {name}.toml; edit that. -->\n\n");
    out.push_str(page.intro.trim());
    out.push('\n');
    for s in &page.section {
        let _ = write!(out, "\n## {}\n", s.title);
        for a in &s.ask {
            let run =
                Command::new(&karvan).args(words(&a.command)).current_dir(root).output().context("karvan")?;
            let status = run.status.code().unwrap_or(-1);
            if status != a.status {
                bail!(
                    "`karvan {}` ended with {status}, not {}:\n{}{}",
                    a.command,
                    a.status,
                    String::from_utf8_lossy(&run.stdout),
                    String::from_utf8_lossy(&run.stderr)
                );
            }
            let shown =
                format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
            let _ = write!(out, "\n```console\n$ karvan {}\n", a.command);
            if status != 0 {
                let _ = writeln!(out, "? {status}");
            }
            // Each answer names the model and the credits; once a page is enough.
            let mut lines: Vec<&str> = shown.trim_end().lines().collect();
            if let Some(i) = lines.iter().rposition(|l| l.starts_with("model ")) {
                lines.truncate(i);
            }
            let _ = writeln!(out, "{}\n```", lines.join("\n").trim_end());
        }
        let _ = write!(out, "\n{}\n", s.known.trim());
    }
    let target = root.join(format!("docs/{name}.md"));
    if check {
        let there = std::fs::read_to_string(&target).unwrap_or_default();
        if there != out {
            bail!("docs/{name}.md is not what the program answers; `cargo xtask questions` writes it");
        }
        return Ok(());
    }
    std::fs::write(&target, out).with_context(|| target.display().to_string())
}
