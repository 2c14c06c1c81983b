//! Rows, ratios, the table and the JSON. Both name machine, versions and date: a rate means nothing without them.

use std::{collections::BTreeMap, fmt::Write as _, fs, process::Command};

use serde::Serialize;

use crate::{
    Result,
    contender::{Build, Case, Contender},
    measure::Sample,
};

/// Contenders whose ratio to each peer gets a column, as soon as they have rows.
const OURS: [&str; 2] = ["stormglass", "stormglass sealed"];

/// All results and where they are from.
#[derive(Serialize)]
pub struct Report {
    before: Surroundings,
    after: Option<Surroundings>,
    versions: BTreeMap<&'static str, String>,
    rounds: u32,
    rows: Vec<Row>,
}

/// One contender in one case.
#[derive(Serialize)]
struct Row {
    case: &'static str,
    unit: &'static str,
    contender: &'static str,
    build: &'static str,
    /// Units that a round measured, at least.
    units: u64,
    /// Units per CPU second: median, lowest and highest of the rounds.
    rate: f64,
    rate_min: f64,
    rate_max: f64,
    /// Rate by the floor's rate: 1 is as fast as the floor.
    of_floor: f64,
    /// Virtual time of one run.
    virtual_ms: f64,
    /// CPU time until all nodes are up, for idle nodes.
    set_up_ms: Option<f64>,
    bytes_per_node: Option<f64>,
    /// By how much our rows are faster than this one.
    ours: BTreeMap<&'static str, f64>,
}

/// The machine at one moment.
#[derive(Serialize)]
pub struct Surroundings {
    date: String,
    cpu: String,
    cores: usize,
    kernel: String,
    rustc: String,
    load: String,
}

impl Surroundings {
    /// The machine now.
    pub fn now() -> Result<Self> {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo")?;
        let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"));
        Ok(Self {
            date: output_of("date", &["-u", "+%Y-%m-%d %H:%M UTC"])?,
            cpu: model.unwrap_or("unknown").trim_start_matches(['\t', ' ', ':']).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            rustc: output_of("rustc", &["--version"])?,
            load: fs::read_to_string("/proc/loadavg")?.trim().to_owned(),
        })
    }
}

fn output_of(program: &str, words: &[&str]) -> Result<String> {
    let output = Command::new(program).args(words).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

impl Report {
    /// A report without rows.
    pub fn new(before: Surroundings, rounds: u32) -> Self {
        Self { before, after: None, versions: BTreeMap::new(), rounds, rows: Vec::new() }
    }

    /// Adds a row for each contender. `samples[n]` are those of `contenders[n]`.
    pub fn add(&mut self, case: Case, contenders: &[&Contender], samples: &[Vec<Sample>]) {
        let pairs = || contenders.iter().zip(samples);
        let rate_of = |name| {
            let found = pairs().find(|(contender, _)| contender.name == name);
            found.map(|(_, samples)| median(samples.iter().map(Sample::rate)))
        };
        let floor = rate_of(case.floor()).expect("the floor takes part in every case of its own");
        for (contender, samples) in pairs() {
            let mut row = row(case, contender, samples);
            row.of_floor = row.rate / floor;
            row.ours = OURS
                .into_iter()
                .filter_map(|name| Some((name, rate_of(name)? / row.rate)))
                .collect();
            self.rows.push(row);
            self.versions.insert(contender.package, locked_version(contender.package));
        }
    }

    /// Says what the machine was like afterwards.
    pub fn end(&mut self, after: Surroundings) {
        self.after = Some(after);
    }

    /// The results as JSON.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// The results as a Markdown table, with its surroundings above.
    pub fn table(&self) -> String {
        let ours: Vec<&str> = OURS
            .into_iter()
            .filter(|name| self.rows.iter().any(|row| row.ours.contains_key(name)))
            .collect();
        let mut text = self.heading();
        text += "| case | contender | build | per CPU second | of the floor |";
        for name in &ours {
            let _ = write!(text, " {name} is |");
        }
        text += " spread | virtual ms | |\n|---|---|---|---|---|";
        text += &"---|".repeat(ours.len() + 3);
        text.push('\n');
        for row in &self.rows {
            text += &row.line(&ours);
        }
        text
    }

    fn heading(&self) -> String {
        let Surroundings { date, cpu, cores, kernel, rustc, load } = &self.before;
        let after = self.after.as_ref().map_or("?", |after| &after.load);
        let versions: Vec<String> = self
            .versions
            .iter()
            .filter(|(package, _)| **package != env!("CARGO_PKG_NAME"))
            .map(|(package, version)| format!("{package} {version}"))
            .collect();
        format!(
            "{date}, {cores} cores of {cpu}, Linux {kernel}, {rustc}\n{}\n\
             CPU time, median of {} interleaved rounds; load average {load} before, {after} after\n\n",
            versions.join(", "),
            self.rounds,
        )
    }
}

fn row(case: Case, contender: &Contender, samples: &[Sample]) -> Row {
    let rates = || samples.iter().map(Sample::rate);
    let bytes = || samples.iter().filter_map(|sample| sample.bytes_per_node);
    let idle = case.is_idle();
    Row {
        case: case.name(),
        unit: case.unit(),
        contender: contender.name,
        build: match contender.build {
            Build::Plain => "plain",
            Build::Sealed => "sealed",
        },
        units: samples.iter().map(|sample| sample.units).min().unwrap_or(0),
        rate: median(rates()),
        rate_min: rates().fold(f64::INFINITY, f64::min),
        rate_max: rates().fold(0.0, f64::max),
        of_floor: 1.0,
        virtual_ms: median(samples.iter().map(|sample| sample.virtual_ms)),
        set_up_ms: idle.then(|| median(samples.iter().map(|sample| sample.cpu_seconds * 1e3))),
        bytes_per_node: idle.then(|| median(bytes())),
        ours: BTreeMap::new(),
    }
}

impl Row {
    fn line(&self, ours: &[&str]) -> String {
        let mut line = format!(
            "| {} | {} | {} | {} {}s | {:.4} |",
            self.case,
            self.contender,
            self.build,
            short(self.rate),
            self.unit,
            self.of_floor,
        );
        for name in ours {
            let ratio = self.ours.get(name).map(|ratio| format!("{ratio:.2} x"));
            let _ = write!(line, " {} |", ratio.unwrap_or_default());
        }
        let idle = self.set_up_ms.zip(self.bytes_per_node);
        let idle =
            idle.map(|(ms, bytes)| format!("{ms:.1} ms for {}, {bytes:.0} B each", self.units));
        let _ = writeln!(
            line,
            " {}..{} | {:.0} | {} |",
            short(self.rate_min),
            short(self.rate_max),
            self.virtual_ms,
            idle.unwrap_or_default(),
        );
        line
    }
}

/// Three digits and a letter: `15.6 M`.
fn short(rate: f64) -> String {
    let (scaled, letter) = match rate {
        _ if rate >= 1e6 => (rate / 1e6, " M"),
        _ if rate >= 1e3 => (rate / 1e3, " k"),
        _ => (rate, ""),
    };
    let digits = if scaled < 10.0 { 2 } else { usize::from(scaled < 100.0) };
    format!("{scaled:.digits$}{letter}")
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

/// The version of `package` in `Cargo.lock`.
fn locked_version(package: &str) -> String {
    let lock = include_str!("../Cargo.lock");
    let name = format!("name = \"{package}\"");
    let version = lock.lines().skip_while(|line| *line != name).nth(1);
    let version = version.and_then(|line| line.strip_prefix("version = "));
    version.unwrap_or("unknown").trim_matches('"').to_owned()
}
