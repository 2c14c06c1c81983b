//! What would tell a program of the host, or change it: environment, users, limits, interfaces.

use libc::{c_int, c_long, c_uint, gid_t, mode_t, pid_t, pthread_t, size_t, uid_t};

use super::{In, Out, Text, denied, refused};

refused! {
    // The environment.
    setenv(name: Text, value: Text, replace: c_int) -> c_int;
    unsetenv(name: Text) -> c_int;
    putenv(text: Out) -> c_int;
    clearenv() -> c_int;
    // Sequences of the whole process.
    rand() -> c_int;
    srand(seed: c_uint) -> ();
    random() -> c_long;
    srandom(seed: c_uint) -> ();
    drand48() -> f64;
    lrand48() -> c_long;
    mrand48() -> c_long;
    srand48(seed: c_long) -> ();
    // Users and groups.
    getuid() -> uid_t;
    geteuid() -> uid_t;
    getgid() -> gid_t;
    getegid() -> gid_t;
    getgroups(count: c_int, list: Out) -> c_int;
    getlogin() -> Out;
    getlogin_r(to: Out, room: size_t) -> c_int as error;
    getpwnam(name: Text) -> Out;
    getpwuid(user: uid_t) -> Out;
    getpwnam_r(name: Text, to: Out, buffer: Out, room: size_t, found: Out) -> c_int as error;
    getpwuid_r(user: uid_t, to: Out, buffer: Out, room: size_t, found: Out) -> c_int as error;
    getgrnam(name: Text) -> Out;
    getgrgid(group: gid_t) -> Out;
    getgrnam_r(name: Text, to: Out, buffer: Out, room: size_t, found: Out) -> c_int as error;
    getgrgid_r(group: gid_t, to: Out, buffer: Out, room: size_t, found: Out) -> c_int as error;
    getgrouplist(user: Text, group: gid_t, list: Out, count: Out) -> c_int;
    setuid(user: uid_t) -> c_int;
    setgid(group: gid_t) -> c_int;
    seteuid(user: uid_t) -> c_int;
    setegid(group: gid_t) -> c_int;
    setreuid(real: uid_t, effective: uid_t) -> c_int;
    setregid(real: gid_t, effective: gid_t) -> c_int;
    setresuid(real: uid_t, effective: uid_t, saved: uid_t) -> c_int;
    setresgid(real: gid_t, effective: gid_t, saved: gid_t) -> c_int;
    setgroups(count: size_t, list: In) -> c_int;
    initgroups(user: Text, group: gid_t) -> c_int;
    // What the host is and does.
    sysinfo(to: Out) -> c_int;
    gethostid() -> c_long;
    getdomainname(to: Out, room: size_t) -> c_int;
    getloadavg(to: Out, count: c_int) -> c_int;
    getrusage(who: c_int, to: Out) -> c_int;
    times(to: Out) -> c_long;
    clock() -> c_long;
    getpriority(kind: c_int, who: c_uint) -> c_int;
    getrlimit(kind: c_int, to: Out) -> c_int;
    getrlimit64(kind: c_int, to: Out) -> c_int;
    prlimit(pid: pid_t, kind: c_int, new: In, old: Out) -> c_int;
    prlimit64(pid: pid_t, kind: c_int, new: In, old: Out) -> c_int;
    get_phys_pages() -> c_long;
    get_avphys_pages() -> c_long;
    clock_getcpuclockid(pid: pid_t, clock: Out) -> c_int as error;
    pthread_getcpuclockid(thread: pthread_t, clock: Out) -> c_int as error;
    pthread_getaffinity_np(thread: pthread_t, size: size_t, set: Out) -> c_int as error;
    sched_getscheduler(pid: pid_t) -> c_int;
    // What would change it.
    setrlimit(kind: c_int, new: In) -> c_int;
    setrlimit64(kind: c_int, new: In) -> c_int;
    setpriority(kind: c_int, who: c_uint, priority: c_int) -> c_int;
    nice(by: c_int) -> c_int;
    sched_setaffinity(pid: pid_t, size: size_t, set: In) -> c_int;
    sched_setscheduler(pid: pid_t, policy: c_int, with: In) -> c_int;
    sched_setparam(pid: pid_t, with: In) -> c_int;
    pthread_setaffinity_np(thread: pthread_t, size: size_t, set: In) -> c_int as error;
    pthread_setschedparam(thread: pthread_t, policy: c_int, with: In) -> c_int as error;
    sethostname(name: Text, length: size_t) -> c_int;
    settimeofday(time: In, zone: In) -> c_int;
    clock_settime(clock: c_int, time: In) -> c_int;
    adjtimex(to: Out) -> c_int;
    reboot(what: c_int) -> c_int;
    mount(source: Text, target: Text, kind: Text, flags: c_long, data: In) -> c_int;
    umount(target: Text) -> c_int;
    umount2(target: Text, flags: c_int) -> c_int;
    umask(mask: mode_t) -> mode_t;
    openlog(name: Text, options: c_int, facility: c_int) -> ();
    // Its interfaces and name services.
    getifaddrs(to: Out) -> c_int;
    if_nameindex() -> Out;
    if_nametoindex(name: Text) -> c_uint;
    if_indextoname(index: c_uint, to: Out) -> Out;
    gethostbyname(name: Text) -> Out;
    gethostbyname2(name: Text, family: c_int) -> Out;
    gethostbyname_r(name: Text, to: Out, buffer: Out, room: size_t, found: Out, error: Out)
        -> c_int as error;
    gethostbyaddr(address: In, length: c_uint, family: c_int) -> Out;
    getservbyname(name: Text, protocol: Text) -> Out;
    getservbyport(port: c_int, protocol: Text) -> Out;
}
