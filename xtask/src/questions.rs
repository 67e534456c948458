//! `cargo xtask questions`: the pages of questions, answered by the program as it is.
//!
//! `docs/questions.toml` holds the commands and what is known; `docs/questions.md` is written from it. Likewise
//! `docs/dated-questions.toml`, `docs/chronicle.toml`, `docs/validation.toml` and `docs/simulated-scenarios.toml`; with
//! `--long` `docs/assigned-years.toml`.

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
    /// Rows of the model that made the difference, as `rule/key`: quoted with their sources.
    #[serde(default)]
    rows: Vec<String>,
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

/// A row of the model by its key: what it says, with the addresses of its sources and what is assumed.
fn quoted(root: &Path, row: &str) -> Result<String> {
    let model = root.join("models/trans-caspian");
    let (table, key) = row.split_once('/').with_context(|| format!("`{row}` is not written table/key"))?;
    let cells = find(&model, table, key)?.with_context(|| format!("the model has no row `{row}`"))?;
    let cell = |name: &str| cells.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.trim());
    let what = ["what", "name", "note"].into_iter().map(cell).find(|t| !t.is_empty()).unwrap_or_default();
    let mut said = Vec::new();
    for part in cell("claim").split(';').map(str::trim).filter(|p| !p.is_empty()) {
        // What is assumed may hold the separator: it is the rest.
        if part.starts_with("assumed:") {
            let at = cell("claim").find("assumed:").unwrap_or_default();
            said.push(cell("claim")[at..].to_owned());
            break;
        }
        let source = find(&model, "source", part)?.with_context(|| format!("no source `{part}`"))?;
        let of = |name: &str| source.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        said.push(if of("url").is_empty() { of("publisher").to_owned() } else { format!("<{}>", of("url")) });
    }
    Ok(format!("`{row}`: {what} {}", said.join("; ")))
}

/// The cells of a row by their columns, from the files of a table.
fn find(model: &Path, table: &str, key: &str) -> Result<Option<Vec<(String, String)>>> {
    let mut files: Vec<_> = std::fs::read_dir(model)?.filter_map(|e| Some(e.ok()?.path())).collect();
    files.sort();
    let of_table = |p: &Path| {
        let name = p.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        name == format!("{table}.csv") || name.starts_with(&format!("{table}.")) && name.ends_with(".csv")
    };
    for file in files.into_iter().filter(|p| of_table(p)) {
        let mut reader = csv::Reader::from_path(&file).with_context(|| file.display().to_string())?;
        let header = reader.headers()?.clone();
        for record in reader.records() {
            let record = record?;
            if header.iter().position(|h| h == "id").and_then(|i| record.get(i)) == Some(key) {
                let cells = header.iter().zip(record.iter());
                return Ok(Some(cells.map(|(h, v)| (h.to_owned(), v.to_owned())).collect()));
            }
        }
    }
    Ok(None)
}

/// The pages, by the name of their files in `docs/`.
const PAGES: &[&str] = &["questions", "dated-questions", "chronicle", "validation", "simulated-scenarios"];
/// Pages that take a quarter of an hour of two cores, so that no test asks for them.
const LONG: &[&str] = &["assigned-years"];

/// Writes the pages, or with `check` fails if one differs from what is there; with `long` the long ones in place of the others.
///
/// # Errors
/// If a command ends with another status than the page says, or a file cannot be read or written.
pub fn run(root: &Path, check: bool, long: bool) -> Result<()> {
    let build = Command::new(env!("CARGO"))
        .args(["build", "-q", "--release", "-p", "karvan-cli"])
        .current_dir(root)
        .status()
        .context("cargo build")?;
    if !build.success() {
        bail!("the program does not build");
    }
    let pages = if long { LONG } else { PAGES };
    pages.iter().try_for_each(|name| page(root, name, check))
}

fn page(root: &Path, name: &str, check: bool) -> Result<()> {
    let source = root.join(format!("docs/{name}.toml"));
    let text = std::fs::read_to_string(&source).with_context(|| source.display().to_string())?;
    let page: Page = toml::from_str(&text).with_context(|| source.display().to_string())?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let karvan = target.join("release/karvan");
    let by = if LONG.contains(&name) { "cargo xtask questions --long" } else { "cargo xtask questions" };
    let mut out = format!("<!-- Written by `{by}` from {name}.toml; edit that. -->\n\n");
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
        if !s.rows.is_empty() {
            out.push('\n');
        }
        for row in &s.rows {
            let _ = writeln!(out, "- {}", quoted(root, row).with_context(|| s.title.clone())?);
        }
    }
    let target = root.join(format!("docs/{name}.md"));
    if check {
        let there = std::fs::read_to_string(&target).unwrap_or_default();
        if there != out {
            bail!("docs/{name}.md is not what the program answers; `{by}` writes it");
        }
        return Ok(());
    }
    std::fs::write(&target, out).with_context(|| target.display().to_string())
}
