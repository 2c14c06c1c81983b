//! Files that are malformed, truncated, hostile or wrong: each is refused with its line, or warned of.

use stormglass::orchestrator::Plan;

use super::*;

fn read(text: &str) -> Result<Project, String> {
    let project = Project::parse("f.yml", text, &Variables::new()).map_err(|e| e.to_string())?;
    Plan::of(&project, &[]).map_err(|e| e.to_string())?;
    Ok(project)
}

#[track_caller]
fn refused(text: &str, expected: &str) {
    let shown: String = text.chars().take(200).collect();
    match read(text) {
        Ok(_) => panic!("{shown} is read"),
        Err(error) => assert!(error.starts_with(expected), "{shown}: {error}"),
    }
}

#[track_caller]
fn warned(text: &str, expected: &[&str]) {
    let project = read(text).unwrap();
    let warnings: Vec<String> = project.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, expected, "{text}");
}

/// A file with one service, whose keys begin at line 3.
fn service(keys: &str) -> String {
    format!("services:\n  web:\n    {keys}\n")
}

#[test]
fn what_is_no_compose_file_is_refused() {
    refused("", "f.yml:1: the file is empty");
    refused("- a\n- b\n", "f.yml:1: the file is a list; a map was expected");
    refused("\"xxx\"\n", "f.yml:1: the file is \"xxx\"; a map was expected");
    refused("name: a\n", "f.yml:1: no services; `services` with at least one was expected");
    refused("name: a\nservices: {}\n", "f.yml:2: no services; ");
    refused("services: 5\n", "f.yml:1: `services` is 5; a map was expected");
    refused("services:\n  web: 5\n", "f.yml:2: ");
    refused("services:\n  web:\n", "f.yml:2: the service `web` is empty");
    refused("services:\n  'a b': {}\n", "f.yml:2: \"a b\" is no name of a service");
    refused("services: {}\n---\nservices: {}\n", "f.yml:3: a second document");
    refused(
        "services:\n  web: {}\n  web: {}\n",
        "f.yml:3: the key \"web\" stands here a second time",
    );
}

#[test]
fn values_that_a_key_cannot_have_are_refused() {
    refused(&service("restart: sometimes"), "f.yml:3: `restart` is \"sometimes\"; \"no\", always");
    refused(&service("restart: always:3"), "f.yml:3: ");
    refused(&service("restart: 'on-failure:x'"), "f.yml:3: ");
    refused(
        &service("ports: ['80:x']"),
        "f.yml:3: an entry of `ports` of `web` is \"80:x\"; a port from 1 to 65535",
    );
    refused(&service("ports: [99999]"), "f.yml:3: an entry of `ports` of `web` is 99999; a port");
    refused(&service("ports: [{published: 80}]"), "f.yml:3: a port without `target`");
    refused(&service("ports: 80"), "f.yml:3: `ports` is 80; a list was expected");
    refused(
        &service("deploy: { replicas: 1000000000 }"),
        "f.yml:3: `replicas` is 1000000000; a whole",
    );
    refused(&service("scale: -1"), "f.yml:3: `scale` is -1");
    refused(&service("healthcheck: { test: [RUN, x] }"), "f.yml:3: a test begins with CMD");
    refused(&service("healthcheck: { interval: 10 }"), "f.yml:3: `interval` is 10; a time such as");
    refused(&service("healthcheck: { retries: many }"), "f.yml:3: `retries` is \"many\"");
    refused(
        &service("environment: [=x]"),
        "f.yml:3: an entry of `environment` of `web` is \"=x\"; NAME=value was expected",
    );
    refused(&service("environment: { A: [1] }"), "f.yml:3: `A` is a list; a text was expected");
    refused(
        &service("environment: { A: '${B:?say it}' }"),
        "f.yml:3: the variable `B` has to be set: say it",
    );
    refused(&service("networks: [nowhere]"), "f.yml:3: no network `nowhere`");
    refused(&service("network_mode: none\n    networks: [default]"), "f.yml:3: `network_mode` and");
    refused(&service("extends: wep"), "f.yml:3: no service `wep` in f.yml; did you mean `web`?");
    refused(&service("extends: web"), "f.yml:2: `web` extends more than 32 services, or itself");
    refused(
        &service("extends: { file: /etc/x.yml, service: a }"),
        "f.yml:3: `/etc/x.yml` cannot be read",
    );
    refused(&service("env_file: { required: true }"), "f.yml:3: an env_file without `path`");
}

#[test]
fn dependencies_that_cannot_be_are_refused() {
    refused(
        &service("depends_on: [web]"),
        "f.yml:3: services wait for each other: web -> web (line 3)",
    );
    refused(&service("depends_on: [db]"), "f.yml:3: `web` depends on `db`, which is no service");
    refused(
        &service("depends_on: { web: { condition: service_heathy } }"),
        "f.yml:3: no condition `service_heathy`; did you mean `service_healthy`?",
    );
    refused(
        &service("depends_on: { web: { condition: ready } }"),
        "f.yml:3: no condition `ready`; there is",
    );
    refused(
        &service("depends_on: { db: { required: maybe } }"),
        "f.yml:3: `required` is \"maybe\"",
    );
    refused(
        "services:\n  d: { depends_on: [a] }\n  a: { depends_on: [b] }\n  b: { links: [c] }\n  \
         c: { network_mode: 'service:a' }\n",
        "f.yml:3: services wait for each other: a -> b -> c -> a (lines 3, 4, 5)",
    );
    refused(
        "services:\n  web: { depends_on: [db] }\n  db: { profiles: [full] }\n",
        "f.yml:2: `web` depends on `db`, which is there with the profile `full` alone",
    );
    assert!(read(&service("depends_on: { db: { required: false } }")).is_ok());
}

#[test]
fn unknown_keys_are_warned_of_with_their_line() {
    warned(
        "servces: {}\nservices:\n  web:\n    comand: x\n    healthcheck: { tset: x }\n",
        &[
            "f.yml:1: a compose file has no key `servces`: not read; did you mean `services`?",
            "f.yml:4: a service has no key `comand`: not read; did you mean `command`?",
            "f.yml:5: a healthcheck has no key `tset`: not read; did you mean `test`?",
        ],
    );
    warned(
        &service("environment: { A: $B }"),
        &["f.yml:3: the variable `B` is not set: taken as empty"],
    );
    warned(
        "services:\n  a: { depends_on: { b: { condition: service_healthy } } }\n  b: {}\n",
        &[
            "f.yml:2: `a` waits until `b` is healthy, which has no healthcheck with a test: it is taken \
           to be healthy when it has started",
        ],
    );
    warned(
        &service("healthcheck: { test: pg_isready }"),
        &["f.yml:3: `pg_isready` cannot run in a simulation: the check is that the service takes \
           connections"],
    );
    warned("x-any: 1\nservices:\n  web: { x-own: 2, image: a, build: ., tty: true }\n", &[]);
}

/// Every beginning of a good file is read or refused, and none of it panics.
#[test]
fn truncated_files_do_not_panic() {
    let text = "
services:
  web:
    depends_on: { db: { condition: service_healthy } }
    ports: ['127.0.0.1:80:8080/tcp', 9000-9002]
    environment: { A: '${B:-${C:-d}}' }
  db: { healthcheck: { test: [CMD, curl, -f, 'http://localhost/'], interval: 1s }, restart: 'on-failure:3' }
";
    let refused = (0..text.len()).filter(|end| read(&text[..*end]).is_err()).count();
    assert!(refused > 100, "{refused}");
    for from in (0..text.len()).step_by(7) {
        let _ = read(&text.replacen(&text[from..=from], "{", 1));
        let _ = read(&format!("{}\u{0}{}", &text[..from], &text[from..]));
    }
}

#[test]
fn hostile_files_are_refused_or_read_in_time() {
    let bomb = (1..20).map(|i| {
        let before = i - 1;
        format!("a{i}: &a{i} [{}]\n", vec![format!("*a{before}"); 9].join(","))
    });
    let bomb = format!("a0: &a0 [x]\n{}", bomb.collect::<String>());
    refused(&bomb, "f.yml:");
    refused(&format!("services: {}", "{a: ".repeat(10_000)), "f.yml:1: ");
    let chain = (0..20_000).map(|i| format!("  s{i}: {{ depends_on: [s{}] }}\n", i + 1));
    let chain = format!("services:\n{}  s20000: {{}}\n", chain.collect::<String>());
    assert_eq!(read(&chain).unwrap().services.len(), 20_001);
    let circle = chain.replace("s20000: {}", "s20000: { depends_on: [s0] }");
    refused(&circle, "f.yml:2: services wait for each other: s0 -> s1 -> ");
    let nested = format!("{}{}", "${A:-".repeat(100_000), "}".repeat(100_000));
    refused(
        &service(&format!("environment: {{ A: '{nested}' }}")),
        "f.yml:3: variables are nested",
    );
}
