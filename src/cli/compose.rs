//! What a compose file means in a simulation, before anybody writes a world for it.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::commands::{Done, write_lines};
use super::{HOLDS, MISUSED, VIOLATED};
use crate::document::{self, Document};
use crate::error::{Error, Result};
use crate::orchestrator::Plan;
use crate::orchestrator::compose::{Project, Service, Test, Variables};
use crate::report::json::SCHEMA;

/// What to do with compose files.
#[derive(Debug, Subcommand)]
pub(super) enum Compose {
    /// Shows the services by the level of their start, and what is not as it should be.
    ///
    /// Ends with 1 if a file is refused (a circle of dependencies, a key with a value that it cannot
    /// have), with 2 if one cannot be read.
    #[command(after_help = "Examples:\n  stormglass compose check docker-compose.yml\n  \
        stormglass compose check compose.yml --env TAG=latest --profile debug --json")]
    Check {
        /// Compose files, each a project of its own.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// A variable that the files name; those of `.env` beside a file are known.
        #[arg(long = "env", value_name = "NAME=VALUE", value_parser = variable)]
        variables: Vec<(String, String)>,
        /// A profile that is on; `*` is all of them.
        #[arg(long = "profile", value_name = "NAME")]
        profiles: Vec<String>,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
}

fn variable(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE was expected")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(compose: Compose, out: &mut dyn Write) -> Done {
    let Compose::Check { files, variables, profiles, json } = compose;
    let variables: Variables = variables.into_iter().collect();
    let mut worst = HOLDS;
    for file in &files {
        let (code, result) = check(file, &variables, &profiles);
        worst = worst.max(code);
        match (json, result) {
            (true, result) => write_lines([line(file, result)], out)?,
            (false, Ok((project, plan))) => write!(out, "{}", text(file, &project, &plan))?,
            (false, Err(error)) => writeln!(out, "refused: {error}\n")?,
        }
    }
    Ok(worst)
}

/// The exit code of one file, and what it says.
fn check(file: &Path, variables: &Variables, profiles: &[String]) -> (u8, Result<(Project, Plan)>) {
    let name = file.display().to_string();
    let document = document::read(file).and_then(|text| Document::yaml(name, &text));
    let document = match document {
        Ok(document) => document,
        Err(error) => return (MISUSED, Err(error)),
    };
    let read = || {
        let project = Project::read(document, variables)?;
        let plan = Plan::of(&project, profiles)?;
        Ok((project, plan))
    };
    let result = read();
    (if result.is_ok() { HOLDS } else { VIOLATED }, result)
}

fn text(file: &Path, project: &Project, plan: &Plan) -> String {
    let mut text = format!("{}: {} services\n", file.display(), project.services.len());
    let width = project.services.keys().map(String::len).max().unwrap_or(0);
    for (number, level) in plan.levels.iter().enumerate() {
        text += &format!("  level {number}\n");
        for name in level {
            let about = about(&project.services[name]).join("; ");
            let line = format!("    {name:width$}  {about}");
            text += line.trim_end();
            text += "\n";
        }
    }
    let off = project.services.keys().filter(|name| plan.level(name).is_none());
    let off: Vec<&str> = off.map(String::as_str).collect();
    if !off.is_empty() {
        text += &format!("  off without their profile: {}\n", off.join(", "));
    }
    if !project.ignored.is_empty() {
        let keys: Vec<&str> = project.ignored.keys().map(String::as_str).collect();
        text += &format!("  without a meaning here: {}\n", keys.join(", "));
    }
    for warning in &project.warnings {
        text += &format!("  warning: {warning}\n");
    }
    text + "\n"
}

/// What there is to say of a service, in few words.
fn about(service: &Service) -> Vec<String> {
    let mut about = Vec::new();
    if service.replicas != 1 {
        about.push(format!("{} replicas", service.replicas));
    }
    let waits = service.depends_on.iter();
    let waits = waits.map(|d| format!("{} ({})", d.service, d.condition.name()));
    let waits = waits.collect::<Vec<_>>().join(", ");
    if !waits.is_empty() {
        about.push(format!("after {waits}"));
    }
    if let Some(check) = &service.healthcheck {
        let asked = match &check.test {
            Test::Http { port, path, .. } => format!("GET {path} at {port}"),
            Test::Tcp { port } => format!("connects to {port}"),
            Test::Command { .. } => "takes connections".to_owned(),
        };
        about.push(format!("health: {asked} every {:?}", check.interval));
    }
    if service.restart != crate::orchestrator::RestartPolicy::No {
        about.push(format!("restart: {}", service.restart));
    }
    let networks: Vec<&str> = service.networks.keys().map(String::as_str).collect();
    if networks != ["default"] {
        let names = if networks.is_empty() { "none".to_owned() } else { networks.join(", ") };
        about.push(format!("networks: {names}"));
    }
    about
}

fn line(file: &Path, result: Result<(Project, Plan)>) -> Value {
    let file = file.display().to_string();
    match result {
        Ok((project, plan)) => json!({
            "schema": SCHEMA, "type": "compose", "file": file, "levels": plan.levels,
            "services": project.services.values().collect::<Vec<_>>(),
            "warnings": project.warnings, "ignored": project.ignored,
        }),
        Err(error) => {
            let line = match &error {
                Error::Document { line, .. } => Some(*line),
                _ => None,
            };
            json!({
                "schema": SCHEMA, "type": "compose", "file": file, "error": error.to_string(),
                "line": line,
            })
        }
    }
}
