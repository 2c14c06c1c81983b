//! The help in the words of whoever's binary this is: its own name, and a sim that it has.

use std::ffi::OsStr;
use std::path::Path;

use clap::Command;

use crate::explore::World;

/// What examples call the program and its sim.
const PROGRAM: &str = "stormglass";
const SIM: &str = "duplicate_charge";
const VARIANT: &str = " --variant fixed";
/// What `--version` says of a program that has another name.
const VERSION: &str = concat!("(stormglass ", env!("CARGO_PKG_VERSION"), ")");

/// The command as the program of that path, with these worlds, shows it.
pub(super) fn fitted(command: Command, path: Option<&OsStr>, worlds: &[World]) -> Command {
    let name = path.and_then(|path| Path::new(path).file_stem()?.to_str()).unwrap_or(PROGRAM);
    let command = command.bin_name(name).display_name(name);
    let command = if name == PROGRAM { command } else { command.version(VERSION) };
    let words = Words { name, world: worlds.first() };
    words.teach(command)
}

struct Words<'a> {
    name: &'a str,
    world: Option<&'a World>,
}

impl Words<'_> {
    fn teach(&self, command: Command) -> Command {
        let text = command.get_after_help().map(ToString::to_string);
        let command = match text {
            Some(text) => command.after_help(self.fit(&text)),
            None => command,
        };
        command.mut_subcommands(|sub| self.teach(sub))
    }

    fn fit(&self, text: &str) -> String {
        let lines: Vec<String> = text.lines().map(|line| self.line(line)).collect();
        lines.join("\n")
    }

    /// One line of a text; an example keeps the column of its remark, where its own words leave it room.
    fn line(&self, line: &str) -> String {
        let Some(example) = line.strip_prefix("  ").and_then(|rest| rest.strip_prefix(PROGRAM))
        else {
            return line.to_owned();
        };
        let sim = self.world.map_or("SIM", |world| world.name.as_str());
        let repaired = self.world.and_then(|world| world.variants.last());
        let variant = repaired.map_or(String::new(), |name| format!(" --variant {name}"));
        let fit = |words: &str| words.replace(SIM, sim).replace(VARIANT, &variant);
        let (words, remark) = example.split_once("  ").unwrap_or((example, ""));
        let words = format!("  {}{}", self.name, fit(words));
        if remark.is_empty() {
            return words;
        }
        let column = line.len() - remark.trim_start().len();
        match words.len() + 2 <= column {
            true => format!("{words:column$}{}", remark.trim_start()),
            false => format!("{words}\n{:column$}{}", "", remark.trim_start()),
        }
    }
}
