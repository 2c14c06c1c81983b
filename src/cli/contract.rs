//! `contract diff`, `check`, `can-i-deploy`, `impact`: contracts in files, without a world.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use semver::Version;
use serde_json::{Value, json};

use super::commands::{Done, write_lines};
use super::{HOLDS, UNKNOWN, VIOLATED, exit_code};
use crate::contract::{Bump, Change, Compatibility, ContractRegistry, Diff, Pair, Release};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::report::count;
use crate::report::json::SCHEMA;

#[derive(Debug, Subcommand)]
pub(super) enum Asked {
    /// Compares two versions of a contract: OpenAPI, Pact, or the JSON Schema of an event.
    ///
    /// Ends with 1 if the new version breaks what the old one promised, with 3 if that is not decided.
    #[command(after_help = "Example:\n  stormglass contract diff \
        contracts/inventory/1.0.0/openapi.yaml contracts/inventory/2.0.0/openapi.yaml")]
    Diff {
        /// The old version.
        old: PathBuf,
        /// The new version.
        new: PathBuf,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Reads all contracts of a directory; versions must say what they break, and what each newest
    /// release expects of the others must be kept by their newest releases.
    #[command(after_help = "Example:\n  stormglass contract check contracts")]
    Check {
        /// The directory: `contracts/<service>/<version>/...`
        folder: PathBuf,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Asks whether a release fits all that is live in an environment.
    #[command(after_help = "Example:\n  stormglass contract can-i-deploy contracts \
        --service orders --version 1.2.0 --to production")]
    CanIDeploy {
        /// The directory.
        folder: PathBuf,
        /// The service.
        #[arg(long)]
        service: String,
        /// Its version.
        #[arg(long)]
        version: Version,
        /// The environment, as state.json names it.
        #[arg(long, value_name = "ENVIRONMENT")]
        to: String,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
    /// Shows whom a release concerns: its consumers, and who is behind those that break.
    #[command(after_help = "Example:\n  stormglass contract impact contracts \
        --service payment --version 2.0.0 --against 1.4.0")]
    Impact {
        /// The directory.
        folder: PathBuf,
        /// The service.
        #[arg(long)]
        service: String,
        /// Its version.
        #[arg(long)]
        version: Version,
        /// The version to compare with; the one before if none is given.
        #[arg(long, value_name = "VERSION")]
        against: Option<Version>,
        /// Only consumers that are live there; the newest of each if none is given.
        #[arg(long, value_name = "ENVIRONMENT")]
        env: Option<String>,
        /// Write JSON, one object a line.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(asked: Asked, out: &mut dyn Write) -> Done {
    match asked {
        Asked::Diff { old, new, json } => diff(&old, &new, json, out),
        Asked::Check { folder, json } => check(&folder, json, out),
        Asked::CanIDeploy { folder, service, version, to, json } => {
            can_i_deploy(&folder, Release::new(service, version), &to, json, out)
        }
        Asked::Impact { folder, service, version, against, env, json } => {
            let against = against.map(|version| Release::new(service.clone(), version));
            let release = Release::new(service, version);
            impact(&folder, &release, against.as_ref(), env.as_deref(), json, out)
        }
    }
}

/// The directory, which has to be there: an empty registry would agree with everything.
fn opened(folder: &Path) -> Result<ContractRegistry> {
    let registry = ContractRegistry::open(folder)?;
    if registry.releases().next().is_none() {
        let folder = folder.display();
        let text = format!("{folder} has no release; contracts lie in <service>/<version>/");
        return Err(Error::World(text));
    }
    Ok(registry)
}

fn diff(old: &Path, new: &Path, json: bool, out: &mut dyn Write) -> Done {
    let diff = Diff::of_files(&Document::open(old)?, &Document::open(new)?)?;
    let compatibility = diff.compatibility();
    if json {
        write_lines([diff_line(&diff, None)], out)?;
    } else {
        write!(out, "{}", diff_text(&diff))?;
        writeln!(out, "{}, required bump: {}", compatibility.name(), diff.required_bump())?;
    }
    Ok(code(&compatibility))
}

fn diff_line(diff: &Diff, releases: Option<(&Release, &Release)>) -> Value {
    json!({
        "schema": SCHEMA, "type": "contract_diff", "old": releases.map(|(old, _)| old),
        "new": releases.map(|(_, new)| new), "compatibility": diff.compatibility().name(),
        "required_bump": diff.required_bump(), "changes": diff.changes, "unknown": diff.unknown,
        "unverified": diff.unverified,
    })
}

fn diff_text(diff: &Diff) -> String {
    let lines = diff.changes.iter().map(|change: &Change| format!("{change}\n"));
    let unknown = diff.unknown.iter().map(|reason| format!("unknown {reason}\n"));
    let unverified = diff.unverified.iter().map(|reason| format!("unverified {reason}\n"));
    lines.chain(unknown).chain(unverified).collect()
}

/// What a version says that it breaks, against what it does.
fn bump(old: &Version, new: &Version) -> Bump {
    match (old, new) {
        (a, b) if a.major != b.major => Bump::Major,
        // Before 1.0 anything may break in a minor version (semver 2.0.0, 4).
        (a, b) if a.minor != b.minor => {
            if b.major == 0 {
                Bump::Major
            } else {
                Bump::Minor
            }
        }
        (a, b) if a == b => Bump::None,
        _ => Bump::Patch,
    }
}

fn check(folder: &Path, json: bool, out: &mut dyn Write) -> Done {
    let registry = opened(folder)?;
    let mut gravest = HOLDS;
    let mut newest: Vec<Release> = Vec::new();
    for release in registry.releases() {
        newest.retain(|known| known.service != release.service);
        newest.push(release.clone());
        let Some(before) = registry.before(&release) else { continue };
        let diff = registry.diff(&before, &release);
        let (needed, given) = (diff.required_bump(), bump(&before.version, &release.version));
        let enough = given >= needed;
        if json {
            let mut line = diff_line(&diff, Some((&before, &release)));
            line["enough"] = enough.into();
            write_lines([line], out)?;
        } else if !enough {
            writeln!(out, "{before} to {release}: {given}, but it needs {needed}")?;
            write!(out, "{}", indented(&diff_text(&diff)))?;
        }
        if !enough {
            gravest = VIOLATED;
        }
    }
    let gate = registry.gate(&newest, &crate::contract::Live::new());
    pairs(&gate.pairs, json, out)?;
    let contracts = registry.contracts().count();
    let releases = registry.releases().count();
    if json {
        let line = json!({
            "schema": SCHEMA, "type": "contract_check", "releases": releases,
            "contracts": contracts, "verdict": gate.verdict, "versions_enough": gravest == HOLDS,
        });
        write_lines([line], out)?;
    } else {
        let versions = if gravest == HOLDS { "" } else { "; a version says less than it breaks" };
        let (contracts, releases) = (count(contracts, "contract"), count(releases, "release"));
        writeln!(out, "{contracts} of {releases}: {}{versions}", gate.verdict)?;
    }
    Ok(if gravest == VIOLATED { VIOLATED } else { exit_code(&gate.verdict) })
}

fn can_i_deploy(
    folder: &Path,
    release: Release,
    environment: &str,
    json: bool,
    out: &mut dyn Write,
) -> Done {
    let registry = opened(folder)?;
    let asked = [release];
    let gate = registry.can_i_deploy(&asked, environment)?;
    pairs(&gate.pairs, json, out)?;
    let [release] = asked;
    if json {
        let line = json!({
            "schema": SCHEMA, "type": "can_i_deploy", "release": release,
            "environment": environment, "verdict": gate.verdict,
        });
        write_lines([line], out)?;
    } else {
        let answer = match exit_code(&gate.verdict) {
            HOLDS => "yes",
            VIOLATED => "no",
            _ => "unknown",
        };
        let pairs = count(gate.pairs.len(), "pair");
        writeln!(out, "{answer}: {release} to {environment}, {pairs}")?;
    }
    Ok(exit_code(&gate.verdict))
}

fn pairs(pairs: &[Pair], json: bool, out: &mut dyn Write) -> Done<()> {
    for pair in pairs {
        if json {
            let (changes, reasons) = match &pair.compatibility {
                Compatibility::Breaking(changes) => (changes.as_slice(), &[][..]),
                Compatibility::Unknown(reasons) => (&[][..], reasons.as_slice()),
                Compatibility::Compatible => (&[][..], &[][..]),
            };
            let line = json!({
                "schema": SCHEMA, "type": "contract_pair", "consumer": pair.consumer,
                "provider": pair.provider, "contract": pair.contract, "known_by": pair.known_by,
                "compatibility": pair.compatibility.name(), "changes": changes, "unknown": reasons,
            });
            write_lines([line], out)?;
        } else {
            let provider =
                pair.provider.as_ref().map_or_else(|| "nobody".into(), Release::to_string);
            let known = if pair.known_by.is_empty() {
                String::new()
            } else {
                format!(" ({})", pair.known_by)
            };
            let name = pair.compatibility.name();
            writeln!(out, "{} with {provider}: {name}{known}  {}", pair.consumer, pair.contract)?;
            match &pair.compatibility {
                Compatibility::Compatible => {}
                Compatibility::Breaking(changes) => {
                    for change in changes {
                        write!(out, "{}", indented(&format!("{change}\n")))?;
                    }
                }
                Compatibility::Unknown(reasons) => {
                    write!(out, "{}", indented(&format!("{}\n", reasons.join("\n"))))?;
                }
            }
        }
    }
    Ok(())
}

fn impact(
    folder: &Path,
    release: &Release,
    against: Option<&Release>,
    environment: Option<&str>,
    json: bool,
    out: &mut dyn Write,
) -> Done {
    let registry = opened(folder)?;
    let impact = registry.impact(release, against, environment)?;
    let compatibility = impact.compatibility();
    pairs(&impact.direct, json, out)?;
    if json {
        let line = json!({
            "schema": SCHEMA, "type": "contract_impact", "release": release,
            "before": impact.before, "required_bump": impact.diff.required_bump(),
            "changes": impact.diff.changes, "unknown": impact.diff.unknown,
            "unverified": impact.diff.unverified,
            "compatibility": compatibility.name(), "transitive": impact.transitive,
        });
        write_lines([line], out)?;
    } else {
        for struck in &impact.transitive {
            writeln!(out, "behind: {} (through {})", struck.service, struck.through.join(" <- "))?;
        }
        if let Some(before) = &impact.before {
            writeln!(out, "since {before}: required bump {}", impact.diff.required_bump())?;
            write!(out, "{}", indented(&diff_text(&impact.diff)))?;
        }
        let name = compatibility.name();
        let consumers = count(impact.direct.len(), "consumer");
        writeln!(out, "{release}: {name} with its {consumers}")?;
    }
    Ok(code(&compatibility))
}

fn code(compatibility: &Compatibility) -> u8 {
    match compatibility {
        Compatibility::Compatible => HOLDS,
        Compatibility::Breaking(_) => VIOLATED,
        Compatibility::Unknown(_) => UNKNOWN,
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
