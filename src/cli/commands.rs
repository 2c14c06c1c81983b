//! The commands, each a few lines over the library.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::args::{Asked, Command, Look, SearchArgs};
use super::{
    Failed, HOLDS, VIOLATED, audit, compose, determinism, exit_code, init, pages, progress, trace,
};
use crate::chaos::{Replay, Script};
use crate::error::{Error, nearest};
use crate::explore::{Fresh, Search, SearchReport, Strategy, World, parting};
use crate::journal::{Journal, first_divergence};
use crate::report::html;
use crate::report::json::{self as lines, SCHEMA};
use crate::seed::Seed;
use crate::sim::{Run, RunConfig};

pub(super) type Done<T = u8> = Result<T, Failed>;

pub(super) fn run(worlds: &[World], command: Command, out: &mut dyn Write) -> Done {
    match command {
        Command::List { json } => list(worlds, json, out),
        Command::Run { asked, look } => run_once(worlds, &asked, &look, out),
        Command::Explore {
            search: args,
            time,
            all,
            shard,
            resume,
            shrink_runs,
            junit,
            out: scripts,
            report,
            summary,
            otlp,
        } => {
            let mut search = search(worlds, &args)?.shrink_runs(shrink_runs).out(scripts);
            if let Some(time) = time {
                search = search.time(time);
            }
            if let Some(file) = resume {
                search = search.resume(file);
            }
            if let Some((i, n)) = shard {
                search = search.shard(i, n);
            }
            let search = if all { search.collect_all() } else { search };
            let asked = pages::Asked { report, summary, junit, otlp };
            explore(search, &asked, args.pace.json, out)
        }
        Command::Replay { asked, look } => replay(worlds, &asked, &look, out),
        Command::Shrink { asked, out: file, runs, report: page } => {
            let target = Target::of(worlds, &asked)?;
            let mut search = target.search.clone().shrink_runs(runs);
            if let Some(file) = file {
                search = search.script_file(file);
            }
            let mut report = search.shrink(&target.config())?;
            if let Some(path) = page {
                pages::of_replay(&mut report, &target.search.world, &target.config(), &path)?;
            }
            tell(&report, asked.json, out)
        }
        Command::Diff { a, b, json } => diff(&a, &b, json, out),
        Command::Determinism { sim, variant, pace, seeds } => {
            let asked = determinism::Asked { sim, variant, pace, seeds };
            determinism::run(worlds, &asked, out)
        }
        Command::Init { folder, check } => init::run(&folder, check, out),
        #[cfg(feature = "contracts")]
        Command::Contract { asked } => super::contract::run(asked, out),
        Command::Audit { executable, json } => audit::run(executable.as_deref(), json, out),
        Command::Compose { action } => compose::run(action, out),
        Command::Trace(command) => trace::run(command, out),
        Command::Fingerprints { sim, variant, pace, seeds } => {
            let search = cli_search(find(worlds, &sim)?).variant(&variant).seeds(seeds);
            determinism::print(&determinism::paced(search, &pace), out)
        }
    }
}

/// The world of that name, or what was meant.
pub(super) fn find<'w>(worlds: &'w [World], name: &str) -> Result<&'w World, Error> {
    worlds.iter().find(|world| world.name == name).ok_or_else(|| {
        let names = || worlds.iter().map(|world| world.name.as_str());
        let begun = names().find(|known| !name.is_empty() && known.starts_with(name));
        let hint = match begun.or_else(|| nearest(name, names())) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", names().collect::<Vec<_>>().join(", ")),
        };
        Error::World(format!("no sim `{name}`; {hint}"))
    })
}

/// A search that can ask this program for a fresh process.
pub(super) fn cli_search(world: &World) -> Search {
    let mut search = Search::new(world.clone());
    search.fresh = Fresh::Cli;
    search
}

fn search(worlds: &[World], args: &SearchArgs) -> Result<Search, Error> {
    let world = find(worlds, &args.sim)?;
    let variant = world.variant(args.variant.as_deref())?;
    let search = cli_search(world).variant(&variant).seeds(args.seeds.clone());
    Ok(determinism::paced(search, &args.pace).verify_sample(args.sample))
}

fn list(worlds: &[World], json: bool, out: &mut dyn Write) -> Done {
    if json {
        return write_lines(worlds.iter().map(lines::sim), out).map(|()| HOLDS);
    }
    let width = worlds.iter().map(|world| world.name.len()).max().unwrap_or(0);
    for world in worlds {
        let variants = match world.variants.as_slice() {
            [] => String::new(),
            variants => format!("  [{}]", variants.join(", ")),
        };
        let line = format!("{:width$}  {}{variants}", world.name, world.about);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(HOLDS)
}

/// The run that a command asks for.
struct Target {
    search: Search,
    script: Option<Script>,
    seed: Seed,
}

impl Target {
    fn of(worlds: &[World], asked: &Asked) -> Result<Target, Error> {
        let world = find(worlds, &asked.sim)?;
        let replay = asked.plan.as_ref().map_or(Ok(Replay::default()), Replay::load)?;
        if let (Some(path), Some(other)) = (&asked.plan, replay.sim)
            && other != world.name
        {
            let path = path.display();
            return Err(Error::World(format!("{path} is a script of `{other}`: give that sim")));
        }
        let variant = world.variant(asked.variant.as_deref().or(replay.variant.as_deref()))?;
        let seed = asked.seed.or(replay.seed).unwrap_or(Seed(0));
        let script = asked.plan.as_ref();
        let script = script.map(|path| Script::load(path, &world.topology(seed, &variant)));
        let strategy = match asked.plan {
            Some(_) => asked.strategy.unwrap_or(Strategy::Fifo),
            None => asked.strategy.unwrap_or_default(),
        };
        let search = cli_search(world).variant(&variant).strategy(strategy);
        let search = match &asked.plan {
            Some(plan) => search.under(plan),
            None => search,
        };
        Ok(Target { search, script: script.transpose()?, seed })
    }

    fn config(&self) -> RunConfig {
        let config = self.search.config_of_seed(self.seed);
        match &self.script {
            None => config,
            Some(script) => RunConfig {
                scheduling: script.replay.scheduling.unwrap_or(config.scheduling),
                ..config.plan(script.plan.clone())
            },
        }
    }
}

fn run_once(worlds: &[World], asked: &Asked, look: &Look, out: &mut dyn Write) -> Done {
    let target = Target::of(worlds, asked)?;
    let config = target.config();
    let world = &target.search.world;
    let run = world.run(&config);
    if asked.json {
        writeln!(out, "{}", lines::run(world, &run, config.scheduling))?;
    } else {
        out.write_all(crate::report::run_text(world, &run, config.scheduling).as_bytes())?;
    }
    if let Some(path) = &look.report {
        html::save(path, &html::run(world, &run, config.scheduling))?;
    }
    show(&run, look, out)?;
    Ok(exit_code(&run.verdict_of_plan()))
}

fn show(run: &Run, look: &Look, out: &mut dyn Write) -> Done<()> {
    if let Some(path) = &look.journal {
        run.journal.save(path)?;
    }
    trace::save_otlp(&run.journal, look.otlp.as_deref())?;
    if look.story || look.all_events {
        let story = run.journal.story();
        let story = if look.all_events { story.all() } else { story };
        write!(out, "\n{story}")?;
    }
    Ok(())
}

fn explore(search: Search, asked: &pages::Asked, json: bool, out: &mut dyn Write) -> Done {
    let (search, progress) = progress::watched(search);
    let report = search.try_find();
    progress.finish();
    let mut report = report?;
    if let Some(path) = &asked.junit {
        let text = crate::report::junit::search_junit(&report);
        std::fs::write(path, text).map_err(|e| Error::io(path, e))?;
    }
    trace::save_otlp_of(&search, &report, asked.otlp.as_deref())?;
    let summary = pages::of_search(&mut report, &search, asked)?;
    let code = tell(&report, json, out)?;
    if !json {
        writeln!(out, "summary: {}", summary.display())?;
    }
    Ok(code)
}

fn replay(worlds: &[World], asked: &Asked, look: &Look, out: &mut dyn Write) -> Done {
    let target = Target::of(worlds, asked)?;
    let config = target.config();
    let mut report = target.search.replay_run(&config)?;
    if let Some(path) = &look.report {
        pages::of_replay(&mut report, &target.search.world, &config, path)?;
    }
    let code = tell(&report, asked.json, out)?;
    if look.story || look.all_events || look.journal.is_some() || look.otlp.is_some() {
        show(&target.search.world.run(&config), look, out)?;
    }
    Ok(code)
}

/// Writes a report; its exit code.
fn tell(report: &SearchReport, json: bool, out: &mut dyn Write) -> Done {
    if json {
        write_lines(lines::search(report), out)?;
    } else {
        out.write_all(report.render(true).as_bytes())?;
    }
    Ok(exit_code(&report.verdict()))
}

fn diff(a: &Path, b: &Path, json: bool, out: &mut dyn Write) -> Done {
    let (a, b) = (Journal::load(a)?, Journal::load(b)?);
    let divergence = first_divergence(&a, &b);
    let same = divergence.is_none();
    let text = if same { "the runs are the same\n".to_owned() } else { parting(&a, &b) };
    if json {
        let line = json!({
            "schema": SCHEMA, "type": "diff", "same": same,
            "index": divergence.map(|d| d.index), "left": divergence.and_then(|d| d.left),
            "right": divergence.and_then(|d| d.right), "text": text,
        });
        write_lines([line], out)?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    Ok(if same { HOLDS } else { VIOLATED })
}

pub(super) fn write_lines(lines: impl IntoIterator<Item = Value>, out: &mut dyn Write) -> Done<()> {
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}
