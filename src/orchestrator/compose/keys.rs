//! The keys of the Compose Specification: those that are read, and those that mean nothing here.

pub(super) const TOP: &[&str] = &["include", "name", "networks", "services"];
pub(super) const TOP_IGNORED: &[&str] = &["configs", "models", "secrets", "version", "volumes"];

pub(super) const SERVICE: &[&str] = &[
    "container_name",
    "depends_on",
    "deploy",
    "env_file",
    "environment",
    "expose",
    "extends",
    "healthcheck",
    "hostname",
    "ipc",
    "links",
    "network_mode",
    "networks",
    "pid",
    "ports",
    "profiles",
    "restart",
    "scale",
    "volumes_from",
];

#[rustfmt::skip]
pub(super) const SERVICE_IGNORED: &[&str] = &[
    "annotations", "attach", "blkio_config", "build", "cap_add", "cap_drop", "cgroup", "cgroup_parent",
    "command", "configs", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_rt_period",
    "cpu_rt_runtime", "cpu_shares", "cpus", "cpuset", "credential_spec", "develop",
    "device_cgroup_rules", "devices", "dns", "dns_opt", "dns_search", "domainname", "driver_opts",
    "entrypoint", "external_links", "extra_hosts", "gpus", "group_add", "image", "init", "isolation",
    "label_file", "labels", "logging", "mac_address", "mem_limit", "mem_reservation",
    "mem_swappiness", "memswap_limit", "models", "oom_kill_disable", "oom_score_adj", "pids_limit",
    "platform", "post_start", "pre_start", "pre_stop", "privileged", "provider", "pull_policy",
    "pull_refresh_after", "read_only", "runtime", "secrets", "security_opt", "shm_size",
    "stdin_open", "stop_grace_period", "stop_signal", "storage_opt", "sysctls", "tmpfs", "tty",
    "ulimits", "use_api_socket", "user", "userns_mode", "uts", "volumes", "working_dir",
];

pub(super) const DEPENDENCY: &[&str] = &["condition", "required", "restart"];

pub(super) const HEALTHCHECK: &[&str] =
    &["disable", "interval", "retries", "start_interval", "start_period", "test", "timeout"];

pub(super) const DEPLOY: &[&str] = &["mode", "replicas", "restart_policy"];
pub(super) const DEPLOY_IGNORED: &[&str] =
    &["endpoint_mode", "labels", "placement", "resources", "rollback_config", "update_config"];

pub(super) const RESTART_POLICY: &[&str] = &["condition", "max_attempts"];
pub(super) const RESTART_POLICY_IGNORED: &[&str] = &["delay", "window"];

pub(super) const NETWORK: &[&str] = &["aliases"];
#[rustfmt::skip]
pub(super) const NETWORK_IGNORED: &[&str] = &[
    "driver_opts", "gw_priority", "interface_name", "ipv4_address", "ipv6_address",
    "link_local_ips", "mac_address", "priority",
];

#[rustfmt::skip]
pub(super) const PORT: &[&str] =
    &["app_protocol", "host_ip", "mode", "name", "protocol", "published", "target"];

pub(super) const ENV_FILE: &[&str] = &["format", "path", "required"];
pub(super) const EXTENDS: &[&str] = &["file", "service"];
pub(super) const INCLUDE: &[&str] = &["env_file", "path", "project_directory"];
