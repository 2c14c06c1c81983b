//! The table: what becomes of every function of the C library that the audit knows.
//!
//! A row is about names that share one fate. What a program may not call is refused with the texts
//! that stand here.

use super::Class::{self, Refused, Simulated};
use super::passes::{HARMLESS, REACHES_THE_HOST};

/// Names that share one fate.
pub(super) struct Row {
    pub(super) class: Class,
    /// What a call does inside of a node; for what is refused, why.
    pub(super) inside: &'static str,
    /// What to do instead; empty if there is nothing to do.
    pub(super) remedy: &'static str,
    /// Separated by white space.
    names: &'static str,
}

impl Row {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.split_ascii_whitespace()
    }
}

/// The row that a name is in.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    // Unwinding and transactional memory: families of the compiler's own.
    let name = if name.starts_with("_Unwind_") || name.starts_with("_ITM_") { "_*" } else { name };
    rows().find(|row| row.names().any(|known| known == name))
}

pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    [SIMULATED, REFUSED, REACHES_THE_HOST, HARMLESS].into_iter().flatten()
}

pub(super) const fn row_of(
    class: Class,
    inside: &'static str,
    remedy: &'static str,
    names: &'static str,
) -> Row {
    Row { class, inside, remedy, names }
}

/// What is said of system calls that have no name.
pub(super) const RAW: (&str, &str) = (
    "enters the kernel by instructions of its own: what a program asks of it reaches the host",
    "turn on its feature `use-libc` (`cargo tree -i rustix` tells who uses it)",
);

const SIMULATED: &[Row] = &[
    row_of(
        Simulated,
        "acts on the sockets of the world",
        "",
        "socket bind listen accept accept4 connect getsockname getpeername setsockopt getsockopt
         shutdown read readv recv recvfrom recvmsg write writev send sendto sendmsg
         __read_chk __recv_chk __recvfrom_chk",
    ),
    row_of(
        Simulated,
        "acts on the descriptors of the world; on those of the host as ever",
        "",
        "close dup dup2 dup3 fcntl fcntl64 ioctl eventfd",
    ),
    row_of(
        Simulated,
        "waits in virtual time",
        "",
        "epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait poll ppoll __poll_chk
         __ppoll_chk nanosleep clock_nanosleep usleep sleep sched_yield",
    ),
    row_of(Simulated, "shows virtual time", "", "gettimeofday time timespec_get"),
    row_of(
        Simulated,
        "shows virtual time; asked for CPU time, TAI or an alarm's clock it ends the process by name",
        "ask for `CLOCK_MONOTONIC` or `CLOCK_REALTIME`, as `Instant` and `SystemTime` do",
        "clock_gettime",
    ),
    row_of(
        Simulated,
        "draws from the seed",
        "",
        "getrandom getentropy arc4random arc4random_buf arc4random_uniform",
    ),
    row_of(Simulated, "finds the nodes of the world", "", "getaddrinfo getnameinfo"),
    row_of(Simulated, "finds the node's own variables", "", "getenv secure_getenv"),
    row_of(
        Simulated,
        "runs one thread of a program at a time, in virtual time",
        "",
        "pthread_create pthread_join pthread_detach pthread_attr_init",
    ),
    row_of(
        Simulated,
        "tells of the node's machine: its name, a process 1, as in a container, and its processors",
        "",
        "getpid sched_getcpu sched_getaffinity get_nprocs get_nprocs_conf uname",
    ),
    row_of(
        Simulated,
        "has the node's processors (`_SC_NPROCESSORS_ONLN`); all else, such as the size of the memory and \
         `_SC_NPROCESSORS_CONF`, is the host's",
        "ask `std::thread::available_parallelism`, and give the program other sizes by `.env`",
        "sysconf",
    ),
    row_of(
        Simulated,
        "says `main` on every node",
        "ask for the variable `HOSTNAME`, or call `uname`",
        "gethostname",
    ),
    row_of(
        Simulated,
        "succeeds without effect: no signal reaches a node",
        "",
        "sigaction signal sigprocmask pthread_sigmask",
    ),
    row_of(
        Simulated,
        "fails with `EINVAL`, as between descriptors that cannot do it; callers read and write then",
        "",
        "sendfile sendfile64 splice tee vmsplice copy_file_range",
    ),
    row_of(
        Simulated,
        "answers futexes, entropy, clocks and what is about memory; refuses other numbers by name",
        "use the C library's own function, as `rustix` does with its feature `use-libc`; no io_uring",
        "syscall",
    ),
    row_of(
        Simulated,
        "names a thread; refuses what is not about names and memory",
        "leave limits and capabilities to `main`",
        "prctl",
    ),
];

const REFUSED: &[Row] = &[
    row_of(
        Refused,
        "other processes are not simulated",
        "make it a program of its own in the sim",
        "fork _Fork vfork clone execl execle execlp execv execve execvp execvpe fexecve execveat
         posix_spawn posix_spawnp system popen wait wait3 wait4 waitpid waitid daemon setsid getsid
         setpgid getppid ptrace unshare setns pidfd_open pidfd_send_signal",
    ),
    row_of(
        Refused,
        "it would end the whole simulation",
        "return from the program's main function instead",
        "exit _exit _Exit quick_exit",
    ),
    row_of(
        Refused,
        "signals are not simulated",
        "script `crash` or `stop` in the fault plan; end tasks by a channel",
        "kill killpg raise sigqueue pthread_kill pthread_cancel pause sigsuspend sigwait
         sigwaitinfo sigtimedwait alarm setitimer timer_create signalfd",
    ),
    row_of(
        Refused,
        "files of the host are not simulated",
        "let the sim name the folder that is read (`.reads(\"config/\")`), or keep what is written \
         behind a trait",
        "open open64 openat openat64 __open_2 __open64_2 __openat_2 __openat64_2 creat creat64
         fopen fopen64 freopen freopen64 tmpfile tmpfile64 opendir stat stat64 lstat lstat64
         fstatat fstatat64 statx access faccessat euidaccess readlink readlinkat realpath
         statfs statfs64 statvfs statvfs64 getxattr lgetxattr setxattr lsetxattr removexattr
         unlink unlinkat remove rename renameat renameat2 link linkat symlink symlinkat
         mkdir mkdirat rmdir mkfifo mknod chmod fchmodat chown lchown fchownat
         utimensat utimes lutimes utime truncate truncate64 chdir chroot
         mkstemp mkstemp64 mkostemp mkostemp64 mkdtemp",
    ),
    row_of(
        Refused,
        "changes of files are not simulated",
        "tell the program by a message, or read again after a while",
        "inotify_init inotify_init1 inotify_add_watch fanotify_init",
    ),
    row_of(
        Refused,
        "it would close descriptors that are not the program's",
        "close those that you have opened",
        "close_range closefrom",
    ),
    row_of(
        Refused,
        "pipes are not simulated, nor are other processes",
        "use a channel or `tokio::io::duplex`; make a process a program of its own in the sim",
        "pipe pipe2 socketpair",
    ),
    row_of(
        Refused,
        "it is not simulated",
        "use `epoll` or `poll`, and timeouts; tokio does",
        "select pselect epoll_pwait2 timerfd_create",
    ),
    row_of(
        Refused,
        "several messages in a call are not simulated",
        "send and receive them one by one",
        "recvmmsg sendmmsg",
    ),
    row_of(
        Refused,
        "memory that processes share is not simulated",
        "send it over a socket",
        "shm_open shm_unlink shmget semget msgget sem_open mq_open",
    ),
    row_of(
        Refused,
        "it would change the environment of the whole process",
        "give the program its variables in the sim: `.env(name, value)`",
        "setenv unsetenv putenv clearenv",
    ),
    row_of(
        Refused,
        "users and groups are those of the host",
        "take what is needed from the environment: `.env(\"HOME\", \"/home/app\")`",
        "getuid geteuid getgid getegid getgroups getlogin getlogin_r getpwnam getpwuid getpwnam_r
         getpwuid_r getgrnam getgrgid getgrnam_r getgrgid_r getgrouplist setuid setgid seteuid
         setegid setreuid setregid setresuid setresgid setgroups initgroups",
    ),
    row_of(
        Refused,
        "it tells of the host, which differs from run to run",
        "put it behind a trait, or leave it out of what is simulated",
        "sysinfo gethostid getdomainname getloadavg getrusage times clock getpriority
         getrlimit getrlimit64 prlimit prlimit64 get_phys_pages get_avphys_pages
         clock_getcpuclockid pthread_getcpuclockid pthread_getaffinity_np sched_getscheduler",
    ),
    row_of(
        Refused,
        "it would change the host",
        "do it outside of the program",
        "setrlimit setrlimit64 setpriority nice sched_setaffinity sched_setscheduler sched_setparam
         pthread_setaffinity_np pthread_setschedparam sethostname settimeofday clock_settime
         adjtimex reboot mount umount umount2 umask openlog",
    ),
    row_of(
        Refused,
        "interfaces and name services are those of the host",
        "look names up with `getaddrinfo`, as std and tokio do",
        "getifaddrs if_nameindex if_nametoindex if_indextoname gethostbyname gethostbyname2
         gethostbyname_r gethostbyaddr getservbyname getservbyport",
    ),
    row_of(
        Refused,
        "its sequence belongs to the whole process, and to no seed",
        "use the crate `rand`, or `getrandom`",
        "rand srand random srandom drand48 lrand48 mrand48 srand48",
    ),
];
