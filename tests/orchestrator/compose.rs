//! What is read of a compose file, as `compose check` shows it.

use expect_test::expect;
use stormglass::orchestrator::{Plan, RestartPolicy};

use super::*;

fn cli(args: &[&str]) -> (u8, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["stormglass", "compose", "check"].iter().chain(args);
    let code = stormglass::cli::run(&[], args, &mut out, &mut err);
    (code, String::from_utf8([out, err].concat()).unwrap())
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

const SHOP: &str = "
name: shop
x-common: &common
  restart: unless-stopped
  environment: &env { LOG: info }
services:
  storefront:
    <<: *common
    image: shop/${TAG:-latest}
    depends_on:
      orders: { condition: service_healthy, restart: true }
      cache: { condition: service_started, required: false }
    ports: ['80:8080']
    networks: [front, back]
    enviroment: { X: 1 }
  orders:
    extends: base
    depends_on: [db]
    networks: [back]
    deploy: { replicas: 3, resources: {} }
    environment:
      - PORT=${PORT}
      - TOKEN
  db:
    healthcheck: { test: [CMD-SHELL, pg_isready -U postgres], interval: 1m30s, start_period: 5s }
    networks: [back]
  base:
    profiles: [never]
    restart: on-failure:3
    environment: { <<: *env, BASE: 'yes' }
    healthcheck: { test: curl -f http://localhost:9000/health, interval: 500ms }
networks: { front: null, back: { driver: bridge } }
";

#[test]
fn a_project_is_shown_by_levels() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, "compose.yml", SHOP);
    let (code, text) = cli(&[&path, "--env", "TOKEN=secret"]);
    expect![[r#"
        compose.yml: 4 services
          level 0
            db          health: takes connections every 90s; networks: back
          level 1
            orders      3 replicas; after db (service_started); health: GET /health at 9000 every 500ms; restart: on-failure:3; networks: back
          level 2
            storefront  after orders (service_healthy), cache (service_started); restart: unless-stopped; networks: back, front
          off without their profile: base
          without a meaning here: image, resources
          warning: compose.yml:15: a service has no key `enviroment`: not read; did you mean `environment`?
          warning: compose.yml:22: the variable `PORT` is not set: taken as empty
          warning: compose.yml:25: `pg_isready -U postgres` cannot run in a simulation: the check is that the service takes connections

    "#]].assert_eq(&text.replace(&path, "compose.yml"));
    assert_eq!(code, 0);
    let (code, text) = cli(&[&path, "--json"]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["levels"], serde_json::json!([["db"], ["orders"], ["storefront"]]));
    assert_eq!(json["services"][1]["environment"]["BASE"], "yes");
    assert_eq!(json["warnings"][0]["place"]["line"], 15);
}

#[test]
fn what_a_service_extends_comes_before_what_it_says() {
    let variables =
        [("TOKEN", "secret"), ("PORT", "80")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let project = Project::parse("compose.yml", SHOP, &variables.into()).unwrap();
    let orders = &project.services["orders"];
    assert_eq!(orders.restart, RestartPolicy::OnFailure { most: Some(3) });
    assert_eq!(orders.healthcheck.as_ref().unwrap().interval, ms(500));
    let environment: Vec<String> =
        orders.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(environment, ["BASE=yes", "LOG=info", "PORT=80", "TOKEN=secret"]);
    assert!(orders.profiles.is_empty(), "profiles are not inherited");
}

/// Files beside each other: `include`, `extends` with a file, `env_file`, `.env`.
#[test]
fn files_lead_to_files() {
    let folder = tempfile::tempdir().unwrap();
    let main = "
include: [ infra/compose.yml ]
services:
  web: { extends: { file: common.yml, service: base }, depends_on: [db], env_file: [web.env] }
";
    let path = file(&folder, "compose.yml", main);
    file(&folder, "common.yml", "services: { base: { environment: { A: '${A}', B: base } } }");
    file(&folder, "infra/compose.yml", "services: { db: { environment: { C: '${A}' } } }");
    file(&folder, ".env", "# variables\nA=from-dot-env # not this\n");
    file(&folder, "web.env", "export B=over\nD='a b'\nE=$D\n");
    let project = Project::open(&path, &Variables::new()).unwrap().with_env_files().unwrap();
    assert_eq!(project.services.keys().collect::<Vec<_>>(), ["db", "web"]);
    let web = format!("{:?}", project.services["web"].environment);
    assert_eq!(web, r#"{"A": "from-dot-env", "B": "base", "D": "a b", "E": "a b"}"#);
    let plan = Plan::of(&project, &[]).unwrap();
    assert_eq!(plan.levels, [["db"], ["web"]]);
    std::fs::remove_file(folder.path().join("web.env")).unwrap();
    let error = ServiceTestOrchestrator::from_compose(&path).unwrap_err().to_string();
    assert!(
        error.contains("compose.yml:4: ") && error.contains("web.env cannot be read"),
        "{error}"
    );
}

#[test]
fn exit_codes_tell_refused_from_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(&folder, "good.yml", "services: { web: {} }");
    let circle = file(
        &folder,
        "circle.yml",
        "services:\n  a: { depends_on: [b] }\n  b: { depends_on: [a] }\n",
    );
    let broken = file(&folder, "broken.yml", "services: [\n");
    assert_eq!(cli(&[&good]).0, 0);
    let (code, text) = cli(&[&good, &circle]);
    assert_eq!(code, 1);
    assert!(
        text.contains("circle.yml:2: services wait for each other: a -> b -> a (lines 2, 3)"),
        "{text}"
    );
    assert_eq!(cli(&[&circle, &broken]).0, 2);
    let (code, text) = cli(&[&format!("{good}.none"), "--json"]);
    assert_eq!(code, 2);
    assert!(text.contains("\"error\""), "{text}");
}
