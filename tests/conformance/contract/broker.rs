//! Deployments of the Pact Broker: may it be deployed?
//!
//! The operations of a scenario move a cursor over consumers, providers, versions and contracts, as
//! the file's own builder did. Its versions are any text: each gets the number of its place in the
//! order of their making. Its tags are environments, in which the newest version of a tag is live.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use serde_json::{Value, json};
use stormglass::contract::{ContractRegistry, Live, Release};
use stormglass::document::Document;
use stormglass::verdict::Verdict;

use crate::conformance::{Tally, files, set};

/// A version of a service, with its tags, and its branch if it has one.
type Tagged = (String, BTreeSet<String>, Option<String>);

/// What a scenario has made so far, and where its cursor is.
#[derive(Default)]
struct Broker {
    /// Versions of each service in the order of their making, with their tags.
    versions: BTreeMap<String, Vec<Tagged>>,
    /// Contents by consumer, version and provider.
    pacts: BTreeMap<(String, String, String), u64>,
    /// Consumer, provider, content; provider's version; success; number.
    verifications: Vec<(String, String, u64, String, bool, u64)>,
    /// Service, version, environment, target or none for released.
    deployed: Vec<(String, String, String, Option<String>)>,
    consumer: String,
    consumer_version: String,
    provider: String,
    provider_version: String,
    pact: (String, String, String),
    environment: String,
    contents: u64,
}

impl Broker {
    fn version(&mut self, service: &str, version: &str) {
        let all = self.versions.entry(service.to_owned()).or_default();
        if !all.iter().any(|(known, ..)| known == version) {
            all.push((version.to_owned(), BTreeSet::new(), None));
        }
    }

    fn tag(&mut self, service: &str, version: &str, tags: &Value) {
        let tags = match tags {
            Value::String(one) => vec![one.clone()],
            Value::Array(all) => all.iter().filter_map(|t| t.as_str().map(str::to_owned)).collect(),
            _ => return,
        };
        self.version(service, version);
        let all = self.versions.get_mut(service).unwrap();
        all.iter_mut().find(|(known, ..)| known == version).unwrap().1.extend(tags);
    }

    fn publish(&mut self, content: Option<&Value>) {
        self.contents += 1;
        // A content that is given is the same whenever it is given.
        let content = content.map_or(self.contents, |content| {
            xxhash_rust::xxh3::xxh3_64(content.to_string().as_bytes())
        });
        self.version(&self.consumer.clone(), &self.consumer_version.clone());
        self.versions.entry(self.provider.clone()).or_default();
        let key = (self.consumer.clone(), self.consumer_version.clone(), self.provider.clone());
        self.pacts.insert(key.clone(), content);
        self.pact = key;
    }

    fn verify(&mut self, kw: &Value) {
        let version = kw["provider_version"].as_str().unwrap_or("4.5.6").to_owned();
        let success = kw["success"].as_bool().unwrap_or(true);
        let content = self.pacts.get(&self.pact).copied().unwrap_or(0);
        let (consumer, _, provider) = self.pact.clone();
        let earlier = self.verifications.len() as u64 + 1;
        let number = match &kw["number"] {
            Value::String(text) => text.parse().unwrap(),
            Value::Number(number) => number.as_u64().unwrap(),
            _ => 1,
        };
        self.version(&provider, &version);
        self.tag(&provider, &version, &kw["tag_names"]);
        self.branch(&provider, &version, &kw["branch"]);
        self.provider_version.clone_from(&version);
        // Of two with one number the later one is the newer.
        let number = number * 1_000 + earlier;
        self.verifications.push((consumer, provider, content, version, success, number));
    }

    fn branch(&mut self, service: &str, version: &str, branch: &Value) {
        if let Some(branch) = branch.as_str() {
            self.version(service, version);
            let all = self.versions.get_mut(service).unwrap();
            all.iter_mut().find(|(known, ..)| known == version).unwrap().2 =
                Some(branch.to_owned());
        }
    }

    fn deploy(&mut self, service: String, version: String, kw: &Value, released: bool) {
        let environment = kw["environment_name"].as_str().unwrap_or(&self.environment).to_owned();
        let target = match &kw["target"] {
            Value::String(target) => target.clone(),
            _ => String::new(),
        };
        self.version(&service, &version);
        let target = (!released).then_some(target);
        if kw["currently_deployed"] == Value::Bool(false) {
            return;
        }
        self.deployed
            .retain(|(s, _, e, t)| released || (s, e, t) != (&service, &environment, &target));
        self.deployed.push((service, version, environment, target));
    }

    /// Does one operation; its name if it is not known.
    #[expect(clippy::too_many_lines, reason = "an arm for each operation of the corpus")]
    fn apply(&mut self, op: &Value) -> Result<(), String> {
        let (name, kw) = (op["op"].as_str().unwrap(), &op["kw"]);
        let arg = |index: usize| match &op["args"][index] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let text = |key: &str| kw[key].as_str().map(str::to_owned);
        match name {
            "comment"
            | "create_webhook"
            | "create_label"
            | "set_now"
            | "add_day"
            | "subtract_day"
            | "add_days"
            | "add_minute"
            | "revise_pact_comment" => {}
            "create_pact_with_hierarchy" | "create_pact_with_verification" => {
                let names = [arg(0), arg(1), arg(2)];
                let defaults = ["Consumer", "1.2.3", "Provider"];
                let [consumer, version, provider] =
                    [0, 1, 2].map(|i| names[i].clone().unwrap_or_else(|| defaults[i].to_owned()));
                (self.consumer, self.consumer_version, self.provider) =
                    (consumer, version, provider);
                let verified = name.ends_with("verification");
                self.publish(if verified { None } else { op["args"].get(3) });
                if verified {
                    let version = arg(3).unwrap_or_else(|| "4.5.6".into());
                    let success = op["args"][4].as_bool().unwrap_or(true);
                    self.verify(&json!({ "provider_version": version, "success": success }));
                }
            }
            "publish_pact" => {
                self.consumer = text("consumer_name").ok_or("publish_pact without consumer")?;
                self.provider = text("provider_name").ok_or("publish_pact without provider")?;
                self.consumer_version = text("consumer_version_number").ok_or("without version")?;
                self.publish(kw.get("json_content"));
                let (consumer, version) = (self.consumer.clone(), self.consumer_version.clone());
                self.tag(&consumer, &version, &kw["tags"]);
                self.branch(&consumer, &version, &kw["branch"]);
            }
            "create_pact" | "revise_pact" => self.publish(kw.get("json_content")),
            "republish_same_pact" => {
                let content = self.pacts.get(&self.pact).copied().unwrap_or(0);
                let key =
                    (self.consumer.clone(), self.consumer_version.clone(), self.provider.clone());
                self.pacts.insert(key.clone(), content);
                self.pact = key;
            }
            "create_verification" => self.verify(kw),
            "create_consumer" | "use_consumer" => {
                self.consumer = arg(0).unwrap_or_else(|| "Consumer".into());
                self.versions.entry(self.consumer.clone()).or_default();
            }
            "create_provider" | "use_provider" => {
                self.provider = arg(0).unwrap_or_else(|| "Provider".into());
                self.versions.entry(self.provider.clone()).or_default();
            }
            "create_pacticipant" => {
                self.versions.entry(arg(0).unwrap_or_default()).or_default();
            }
            "create_consumer_version" | "use_consumer_version" => {
                self.consumer_version = arg(0).unwrap_or_else(|| "1.0.0".into());
                let (service, version) = (self.consumer.clone(), self.consumer_version.clone());
                self.version(&service, &version);
                self.tag(&service, &version, &kw["tag_names"]);
                self.branch(&service, &version, &kw["branch"]);
            }
            "create_provider_version" | "use_provider_version" => {
                self.provider_version = arg(0).unwrap_or_else(|| "4.5.6".into());
                let (service, version) = (self.provider.clone(), self.provider_version.clone());
                self.version(&service, &version);
                self.tag(&service, &version, &kw["tag_names"]);
                self.branch(&service, &version, &kw["branch"]);
            }
            "create_consumer_version_tag" => {
                let (service, version) = (self.consumer.clone(), self.consumer_version.clone());
                self.tag(&service, &version, &op["args"][0]);
            }
            "create_provider_version_tag" => {
                let (service, version) = (self.provider.clone(), self.provider_version.clone());
                self.tag(&service, &version, &op["args"][0]);
            }
            "create_environment" | "use_environment" => {
                self.environment = arg(0).unwrap_or_default();
            }
            "create_deployed_version_for_consumer_version"
            | "create_released_version_for_consumer_version" => {
                let (service, version) = (self.consumer.clone(), self.consumer_version.clone());
                self.deploy(service, version, kw, name.contains("released"));
            }
            "create_deployed_version_for_provider_version"
            | "create_released_version_for_provider_version" => {
                let (service, version) = (self.provider.clone(), self.provider_version.clone());
                self.deploy(service, version, kw, name.contains("released"));
            }
            other => return Err(format!("the operation `{other}` is not known here")),
        }
        Ok(())
    }

    /// Every text of a version as a number.
    fn release(&self, service: &str, version: &str) -> Release {
        let all = self.versions.get(service).map_or(&[][..], Vec::as_slice);
        let place = all.iter().position(|(known, ..)| known == version);
        Release::new(service, Version::new(0, 0, place.map_or(9_999_999, |place| place as u64)))
    }

    fn registry(&self) -> ContractRegistry {
        let mut registry = ContractRegistry::new();
        for (service, versions) in &self.versions {
            for (version, ..) in versions {
                registry.add_release(self.release(service, version));
            }
        }
        for ((consumer, version, provider), content) in &self.pacts {
            let text = self.text(consumer, provider, *content);
            let document =
                Document::json(format!("{consumer}-{version}-{provider}"), &text).unwrap();
            registry.add(self.release(consumer, version), &document).unwrap();
        }
        let mut sorted = self.verifications.clone();
        sorted.sort_by_key(|(.., number)| *number);
        for (consumer, provider, content, version, success, _) in &sorted {
            let text = self.text(consumer, provider, *content);
            let document = Document::json("pact", &text).unwrap();
            let pact = stormglass::contract::Pact::read(&document).unwrap();
            registry.state.verify(pact.digest(), self.release(provider, version), *success);
        }
        registry
    }

    fn text(&self, consumer: &str, provider: &str, content: u64) -> String {
        json!({
            "consumer": { "name": consumer }, "provider": { "name": provider },
            "interactions": [{
                "description": content.to_string(),
                "request": { "method": "GET", "path": "/" }, "response": { "status": 200 },
            }],
        })
        .to_string()
    }

    /// The versions that a selector stands for.
    fn selected(&self, selector: &Value) -> Vec<String> {
        let service = selector["pacticipant_name"].as_str().unwrap();
        let all = self.versions.get(service).map_or(&[][..], Vec::as_slice);
        if let Some(version) = selector["pacticipant_version_number"].as_str() {
            return vec![version.to_owned()];
        }
        if let Some(environment) = selector["environment_name"].as_str() {
            return self.in_environment(service, environment);
        }
        let fits = |(_, tags, branch): &&(String, BTreeSet<String>, Option<String>)| {
            let tagged = selector["tag"].as_str().is_none_or(|tag| tags.contains(tag));
            let on = selector["branch"].as_str().is_none_or(|b| branch.as_deref() == Some(b));
            tagged && on
        };
        let chosen: Vec<String> = all.iter().filter(fits).map(|(v, ..)| v.clone()).collect();
        let only_latest = selector["latest"] == Value::Bool(true);
        let from = if only_latest { chosen.len().saturating_sub(1) } else { 0 };
        chosen[from..].to_vec()
    }

    fn in_environment(&self, service: &str, environment: &str) -> Vec<String> {
        let there = self.deployed.iter().filter(|(s, _, e, _)| s == service && e == environment);
        there.map(|(_, version, ..)| version.clone()).collect()
    }

    /// What is live, as the options of a question say it.
    fn live(&self, options: &Value) -> Option<Live> {
        let is_asked = ["tag", "environment_name", "latest", "main_branch"];
        if !is_asked.iter().any(|key| options.get(*key).is_some_and(|v| v != &Value::Bool(false))) {
            return None;
        }
        let mut live = Live::new();
        for service in self.versions.keys() {
            let mut selector = options.clone();
            selector["pacticipant_name"] = service.as_str().into();
            let mut versions = self.selected(&selector);
            // Of several the newest row of a consumer's version and its provider counts.
            if options["latestby"] == "cvp" && versions.len() > 1 {
                let verified = |version: &&String| {
                    self.verifications.iter().any(|v| v.1 == *service && v.3 == **version)
                };
                let newest = versions.iter().rev().find(verified).cloned();
                versions = newest.map_or(versions, |newest| vec![newest]);
            }
            let numbers = versions.iter().map(|v| self.release(service, v).version);
            live.insert(service.clone(), numbers.collect());
        }
        Some(live)
    }
}

/// True, false, or none for unknown, with the reason.
fn answer(scenario: &Value) -> Result<(Option<bool>, String), String> {
    let mut broker = Broker::default();
    for op in scenario["ops"].as_array().unwrap() {
        broker.apply(op)?;
    }
    let mut registry = broker.registry();
    let ignored: Vec<&Value> = scenario["ignore"].as_array().into_iter().flatten().collect();
    let is_ignored = |service: &str, version: Option<&str>| {
        ignored.iter().any(|i| {
            i["pacticipant_name"] == service
                && (i.get("pacticipant_version_number").is_none_or(Value::is_null)
                    || version.is_some_and(|v| i["pacticipant_version_number"] == v))
        })
    };
    let mut asked: Vec<Release> = Vec::new();
    let selectors = scenario["selectors"].as_array().unwrap();
    for selector in selectors {
        let service = selector["pacticipant_name"].as_str().unwrap();
        if selectors.len() > 1 && is_ignored(service, None) {
            continue;
        }
        asked.extend(broker.selected(selector).iter().map(|v| broker.release(service, v)));
    }
    let live = broker.live(&scenario["options"]);
    let mut there = live.clone().unwrap_or_default();
    for (service, versions) in &mut there {
        let names = broker.versions[service].iter();
        let gone = names.filter(|(v, ..)| is_ignored(service, Some(v)));
        for (version, ..) in gone {
            versions.remove(&broker.release(service, version).version);
        }
    }
    // Nobody else is asked about where no place is named: only pairs of what is asked count.
    if live.is_none() && asked.len() > 1 {
        let services: BTreeSet<&String> = asked.iter().map(|r| &r.service).collect();
        registry = only(&broker, &services);
    }
    let gate = registry.gate(&asked, &there);
    let considered = gate.pairs.iter().filter(|pair| {
        let provider = registry
            .contracts()
            .find(|contract| contract.file == pair.contract)
            .and_then(|contract| match &contract.source {
                stormglass::contract::Source::Pact(pact) => Some(pact.provider.clone()),
                _ => None,
            });
        !is_ignored(&pair.consumer.service, None) && !provider.is_some_and(|p| is_ignored(&p, None))
    });
    let mut found = Some(true);
    if gate.pairs.is_empty() {
        found = match gate.verdict {
            Verdict::Holds => Some(true),
            Verdict::Violated(_) => Some(false),
            Verdict::Unknown(_) => None,
        };
    }
    let all: Vec<_> = considered.map(|pair| &pair.compatibility).collect();
    if all.iter().any(|c| c.is_breaking()) {
        found = Some(false);
    } else if all.iter().any(|c| !c.is_compatible()) {
        found = None;
    }
    Ok((found, format!("{:?}", gate.verdict)))
}

/// The contracts between these services alone.
fn only(broker: &Broker, services: &BTreeSet<&String>) -> ContractRegistry {
    let mut broker = Broker {
        versions: broker.versions.clone(),
        pacts: broker.pacts.clone(),
        verifications: broker.verifications.clone(),
        ..Broker::default()
    };
    broker.pacts.retain(|(consumer, _, provider), _| {
        services.contains(consumer) && services.contains(provider)
    });
    broker.registry()
}

#[test]
fn deployments_are_judged_as_the_broker_says() {
    let Some(folder) = set("pact-broker-matrix") else { return };
    let mut tally = Tally::new("pact-broker-matrix");
    for path in files(&folder, &[".jsonl"]) {
        let text = std::fs::read_to_string(path).unwrap();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let scenario: Value = serde_json::from_str(line).unwrap();
            let expected = scenario["expected"]["deployable"].as_bool();
            let found = answer(&scenario);
            let agrees = matches!(&found, Ok((found, _)) if *found == expected);
            tally.count(agrees, || format!("{}: {expected:?}, {found:?}", scenario["name"]));
        }
    }
    tally.at_least(90);
}
