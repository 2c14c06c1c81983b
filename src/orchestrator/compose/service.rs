//! One service of a compose file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::part::Part;
use super::{
    Condition, Dependency, EnvFile, Place, REPLICAS_MAX, Service, healthcheck, keys, port,
};
use crate::error::{Result, nearest};
use crate::orchestrator::restart::RestartPolicy;

/// What one file says of a service; another may say the rest, by `extends`.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    name: String,
    place: Place,
    depends_on: Vec<Dependency>,
    healthcheck: Option<healthcheck::Draft>,
    scale: Option<u32>,
    replicas: Option<u32>,
    restart: Option<RestartPolicy>,
    /// That of `deploy`, which the plain one comes before.
    restart_policy: Option<RestartPolicy>,
    environment: BTreeMap<String, Option<String>>,
    env_files: Vec<EnvFile>,
    ports: Vec<u16>,
    networks: Option<BTreeMap<String, (BTreeSet<String>, Place)>>,
    aliases: BTreeSet<String>,
    links: Vec<(String, String)>,
    profiles: BTreeSet<String>,
    pub(super) extends: Option<Extends>,
}

/// A service, and what it says of others.
pub(super) struct Finished {
    pub(super) service: Service,
    /// Services, and names under which it wants to know them.
    pub(super) links: Vec<(String, String)>,
    /// The networks that it names, and where.
    pub(super) networks: Vec<(String, Place)>,
}

/// The service that another one begins as.
#[derive(Clone, Debug)]
pub(super) struct Extends {
    pub(super) service: String,
    /// Its file; none for the same one.
    pub(super) file: Option<String>,
    pub(super) place: Place,
}

/// Reads the service at `part`, whose key is its name.
pub(super) fn read(name: &str, part: &Part<'_>) -> Result<Draft> {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || !name.chars().all(valid) {
        return Err(part.error(format!("{name:?} is no name of a service: letters, digits, `._-`")));
    }
    part.check_keys("a service", keys::SERVICE, keys::SERVICE_IGNORED)?;
    let mut draft = Draft {
        name: name.to_owned(),
        place: part.place(),
        depends_on: Vec::new(),
        healthcheck: part.get("healthcheck").map(|part| healthcheck::read(&part)).transpose()?,
        scale: part.get("scale").map(|part| part.number(REPLICAS_MAX)).transpose()?,
        replicas: None,
        restart: part.get("restart").map(|part| read_restart(&part)).transpose()?,
        restart_policy: None,
        environment: part
            .get("environment")
            .map_or(Ok(BTreeMap::new()), |p| read_environment(&p))?,
        env_files: read_env_files(part)?,
        ports: Vec::new(),
        networks: read_networks(part)?,
        aliases: BTreeSet::new(),
        links: Vec::new(),
        profiles: BTreeSet::new(),
        extends: part.get("extends").map(|part| read_extends(&part)).transpose()?,
    };
    for key in ["ports", "expose"] {
        for entry in part.get(key).map_or(Ok(Vec::new()), |part| part.items())? {
            port::read(&entry, &mut draft.ports)?;
        }
    }
    for key in ["container_name", "hostname"] {
        draft.aliases.extend(part.get(key).map(|part| part.text()).transpose()?);
    }
    if let Some(profiles) = part.get("profiles") {
        draft.profiles.extend(profiles.texts()?);
    }
    if let Some(deploy) = part.get("deploy") {
        draft.read_deploy(&deploy)?;
    }
    if let Some(part) = part.get("depends_on") {
        draft.depends_on = read_depends_on(&part)?;
    }
    draft.read_implied(part)?;
    Ok(draft)
}

impl Draft {
    /// What this one says, with what `base` says beside or before it.
    pub(super) fn over(self, base: Draft) -> Draft {
        let mut depends_on = base.depends_on;
        depends_on.retain(|old| !self.depends_on.iter().any(|new| new.service == old.service));
        depends_on.extend(self.depends_on);
        let mut ports = base.ports;
        ports.extend(
            self.ports.into_iter().filter(|port| !ports.contains(port)).collect::<Vec<_>>(),
        );
        let healthcheck = match (self.healthcheck, base.healthcheck) {
            (Some(new), Some(old)) => Some(new.over(old)),
            (new, old) => new.or(old),
        };
        Draft {
            depends_on,
            healthcheck,
            ports,
            scale: self.scale.or(base.scale),
            replicas: self.replicas.or(base.replicas),
            restart: self.restart.or(base.restart),
            restart_policy: self.restart_policy.or(base.restart_policy),
            environment: base.environment.into_iter().chain(self.environment).collect(),
            env_files: base.env_files.into_iter().chain(self.env_files).collect(),
            networks: match (self.networks, base.networks) {
                (Some(new), Some(old)) => Some(old.into_iter().chain(new).collect()),
                (new, old) => new.or(old),
            },
            aliases: base.aliases.into_iter().chain(self.aliases).collect(),
            links: base.links.into_iter().chain(self.links).collect(),
            profiles: self.profiles,
            name: self.name,
            place: self.place,
            extends: None,
        }
    }

    /// The service, with what it says of others.
    pub(super) fn finish(self) -> Finished {
        let named = self.networks.iter().flatten();
        let named = named.map(|(name, (_, place))| (name.clone(), place.clone())).collect();
        let networks = match self.networks {
            Some(networks) => {
                networks.into_iter().map(|(name, (aliases, _))| (name, aliases)).collect()
            }
            None => BTreeMap::from([("default".to_owned(), BTreeSet::new())]),
        };
        let service = Service {
            name: self.name,
            place: self.place,
            depends_on: self.depends_on,
            healthcheck: self.healthcheck.and_then(healthcheck::Draft::finish),
            replicas: self.replicas.or(self.scale).unwrap_or(1),
            restart: self.restart.or(self.restart_policy).unwrap_or_default(),
            environment: self
                .environment
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?)))
                .collect(),
            env_files: self.env_files,
            ports: self.ports,
            networks,
            aliases: self.aliases,
            profiles: self.profiles,
        };
        Finished { service, links: self.links, networks: named }
    }

    fn read_deploy(&mut self, deploy: &Part<'_>) -> Result {
        deploy.check_keys("deploy", keys::DEPLOY, keys::DEPLOY_IGNORED)?;
        self.replicas = deploy.get("replicas").map(|part| part.number(REPLICAS_MAX)).transpose()?;
        let Some(policy) = deploy.get("restart_policy") else { return Ok(()) };
        policy.check_keys(
            "a restart_policy",
            keys::RESTART_POLICY,
            keys::RESTART_POLICY_IGNORED,
        )?;
        let attempts = policy.get("max_attempts").map(|part| part.number(u32::MAX)).transpose()?;
        let condition = policy.get("condition");
        let name = condition.as_ref().map_or(Ok("any".to_owned()), Part::text)?;
        self.restart_policy = Some(match (&*name, condition) {
            ("none", _) => RestartPolicy::No,
            ("on-failure", _) => RestartPolicy::OnFailure { most: attempts },
            ("any", _) => RestartPolicy::Always,
            (_, Some(condition)) => {
                return Err(condition.expected("`none`, `on-failure` or `any`"));
            }
            (_, None) => unreachable!("the default is `any`"),
        });
        Ok(())
    }

    /// Dependencies that other keys imply: sharing a network, a process table or volumes.
    fn read_implied(&mut self, part: &Part<'_>) -> Result {
        let mut implied: Vec<(String, Place)> = Vec::new();
        if let Some(links) = part.get("links") {
            for link in links.items()? {
                let text = link.text()?;
                let (service, alias) = text.split_once(':').unwrap_or((&text, &text));
                implied.push((service.to_owned(), link.place()));
                if alias != service {
                    self.links.push((service.to_owned(), alias.to_owned()));
                }
            }
        }
        if let Some(volumes) = part.get("volumes_from") {
            for source in volumes.items()? {
                let text = source.text()?;
                if !text.starts_with("container:") {
                    let service = text.split(':').next().unwrap_or_default();
                    implied.push((service.to_owned(), source.place()));
                }
            }
        }
        for key in ["network_mode", "ipc", "pid"] {
            let Some(mode) = part.get(key) else { continue };
            let text = mode.text()?;
            if let Some(service) = text.strip_prefix("service:") {
                implied.push((service.to_owned(), mode.place()));
            }
            if key == "network_mode" {
                self.read_network_mode(&mode, &text)?;
            }
        }
        for (service, place) in implied {
            if !self.depends_on.iter().any(|known| known.service == service) {
                let condition = Condition::Started;
                self.depends_on.push(Dependency { service, condition, required: true, place });
            }
        }
        Ok(())
    }

    fn read_network_mode(&mut self, part: &Part<'_>, mode: &str) -> Result {
        if self.networks.is_some() {
            return Err(part.error("`network_mode` and `networks` exclude each other"));
        }
        match mode {
            "none" => self.networks = Some(BTreeMap::new()),
            "bridge" | "default" => {}
            _ => part.warn(format!(
                "network_mode `{mode}` is taken as the default network: a container has its own address"
            )),
        }
        Ok(())
    }
}

fn read_restart(part: &Part<'_>) -> Result<RestartPolicy> {
    let text = part.text()?;
    let (name, most) = match text.split_once(':') {
        Some((name, most)) => (name, Some(most)),
        None => (&*text, None),
    };
    let most = match most.map(str::parse) {
        None => None,
        Some(Ok(most)) if name == "on-failure" => Some(most),
        Some(_) => return Err(part.expected(POLICIES)),
    };
    match name {
        "no" | "false" | "" => Ok(RestartPolicy::No),
        "always" => Ok(RestartPolicy::Always),
        "on-failure" => Ok(RestartPolicy::OnFailure { most: most.filter(|most| *most > 0) }),
        "unless-stopped" => Ok(RestartPolicy::UnlessStopped),
        _ => Err(part.expected(POLICIES)),
    }
}

const POLICIES: &str = "\"no\", always, on-failure, on-failure:N or unless-stopped";

fn read_depends_on(part: &Part<'_>) -> Result<Vec<Dependency>> {
    let plain = |service: String, place: Place| Dependency {
        service,
        condition: Condition::Started,
        required: true,
        place,
    };
    if part.value.is_array() {
        let items = part.items()?;
        return items.iter().map(|item| Ok(plain(item.text()?, item.place()))).collect();
    }
    let mut depends_on = Vec::new();
    for (name, entry) in part.entries()? {
        let mut dependency = plain(name.to_owned(), entry.place());
        if !entry.value.is_null() {
            entry.check_keys("a dependency", keys::DEPENDENCY, &[])?;
            if let Some(condition) = entry.get("condition") {
                dependency.condition = read_condition(&condition)?;
            }
            if let Some(required) = entry.get("required") {
                dependency.required = required.flag()?;
            }
        }
        depends_on.push(dependency);
    }
    Ok(depends_on)
}

fn read_condition(part: &Part<'_>) -> Result<Condition> {
    let text = part.text()?;
    let known = Condition::ALL.into_iter().find(|condition| condition.name() == text);
    known.ok_or_else(|| {
        let names = Condition::ALL.map(Condition::name);
        let hint = match nearest(&text, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there is {}", names.join(", ")),
        };
        part.error(format!("no condition `{text}`; {hint}"))
    })
}

/// A map, or a list of `NAME=value`. A name without a value is one of the file's variables.
fn read_environment(part: &Part<'_>) -> Result<BTreeMap<String, Option<String>>> {
    let variables = &part.file.variables;
    let mut environment = BTreeMap::new();
    if part.value.is_array() {
        for item in part.items()? {
            let text = item.text()?;
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (&*text, variables.get(&text).cloned()),
            };
            if name.is_empty() || name.contains('\0') {
                return Err(item.expected("NAME=value"));
            }
            environment.insert(name.to_owned(), value);
        }
        return Ok(environment);
    }
    for (name, entry) in part.entries()? {
        let value = match entry.value {
            Value::Null => variables.get(name).cloned(),
            _ => Some(entry.text()?),
        };
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(entry.error(format!("{name:?} is no name of a variable")));
        }
        environment.insert(name.to_owned(), value);
    }
    Ok(environment)
}

fn read_env_files(part: &Part<'_>) -> Result<Vec<EnvFile>> {
    let Some(files) = part.get("env_file") else { return Ok(Vec::new()) };
    let read = |entry: &Part<'_>| {
        let place = entry.place();
        if !entry.value.is_object() {
            return Ok(EnvFile { path: entry.text()?, required: true, place });
        }
        entry.check_keys("an env_file", keys::ENV_FILE, &[])?;
        let path = entry.get("path").ok_or_else(|| entry.error("an env_file without `path`"))?;
        let required = entry.get("required").map_or(Ok(true), |part| part.flag())?;
        Ok(EnvFile { path: path.text()?, required, place })
    };
    files.one_or_more()?.iter().map(read).collect()
}

type Networks = BTreeMap<String, (BTreeSet<String>, Place)>;

fn read_networks(service: &Part<'_>) -> Result<Option<Networks>> {
    let Some(part) = service.get("networks") else { return Ok(None) };
    let mut networks = Networks::new();
    if part.value.is_array() {
        for item in part.items()? {
            networks.insert(item.text()?, (BTreeSet::new(), item.place()));
        }
        return Ok(Some(networks));
    }
    for (name, entry) in part.entries()? {
        let mut aliases = BTreeSet::new();
        if !entry.value.is_null() {
            entry.check_keys("a network of a service", keys::NETWORK, keys::NETWORK_IGNORED)?;
            aliases.extend(entry.get("aliases").map_or(Ok(Vec::new()), |part| part.texts())?);
        }
        networks.insert(name.to_owned(), (aliases, entry.place()));
    }
    Ok(Some(networks))
}

fn read_extends(part: &Part<'_>) -> Result<Extends> {
    let place = part.place();
    if !part.value.is_object() {
        return Ok(Extends { service: part.text()?, file: None, place });
    }
    part.check_keys("extends", keys::EXTENDS, &[])?;
    let service = part.get("service").ok_or_else(|| part.error("`extends` without `service`"))?;
    let file = part.get("file").map(|part| part.text()).transpose()?;
    Ok(Extends { service: service.text()?, file, place })
}
