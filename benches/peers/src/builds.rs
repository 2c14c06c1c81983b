//! The two executables. `cargo run` has made the sealed one, which runs the table; it makes the plain one itself.
//!
//! They differ in `--cfg madsim` only. madsim needs it, but it interposes the clock and entropy of the whole process,
//! and the other peers should not have to pay for that.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    Result,
    contender::{Build, Case, Contender},
    measure::{Effort, Sample, child_command},
};

/// Where the executables are.
pub struct Builds {
    plain: PathBuf,
    sealed: PathBuf,
}

impl Builds {
    /// Makes the plain executable next to the sealed one, which is the running one.
    pub fn make() -> Result<Self> {
        let sealed = env::current_exe()?;
        let target =
            sealed.ancestors().nth(2).ok_or("the executable lies in a target directory")?;
        let plain = target.join("plain");
        build_plain(&plain)?;
        let name = sealed.file_name().ok_or("the executable has a name")?;
        Ok(Self { plain: plain.join("release").join(name), sealed })
    }

    /// Runs `case` in a fresh process of the contender's build.
    pub fn measure(&self, contender: &Contender, case: Case, effort: Effort) -> Result<Sample> {
        let program = match contender.build {
            Build::Plain => &self.plain,
            Build::Sealed => &self.sealed,
        };
        let child = Command::new(program)
            .args(child_command(contender, case, effort))
            .stderr(Stdio::inherit())
            .output()?;
        if !child.status.success() {
            let (name, case, status) = (contender.name, case.name(), child.status);
            return Err(format!("{name} failed in {case}: {status}").into());
        }
        Ok(serde_json::from_slice(&child.stdout)?)
    }
}

fn build_plain(target: &Path) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--locked", "--quiet", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // Set but empty: it takes the place of the flags in `.cargo/config.toml`, here and in the folders above.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .env_remove("RUSTFLAGS")
        .status()?;
    if built.success() { Ok(()) } else { Err("the plain build failed".into()) }
}
