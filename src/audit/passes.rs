//! The part of the table that is about what Stormglass leaves to the C library.

use super::Class::{Harmless, Host};
use super::table::{Row, row_of};

/// What no function of ours can stand before, and why.
pub(super) const REACHES_THE_HOST: &[Row] = &[
    row_of(
        Host,
        "`std::env::vars` lists the host's variables: it is data, and nobody is called",
        "ask for variables by name",
        "environ __environ",
    ),
    row_of(
        Host,
        "names a folder of the host; the backtrace of an error asks for it",
        "do not let it decide anything",
        "getcwd get_current_dir_name",
    ),
    row_of(
        Host,
        "tells the thread's number on the host; panics print it",
        "do not print it or let it decide anything",
        "gettid",
    ),
    row_of(
        Host,
        "tells of the terminal of the host",
        "do not let it decide more than colours",
        "isatty ttyname ttyname_r tcgetattr tcsetattr tcgetpgrp",
    ),
    row_of(
        Host,
        "finds functions by name: ours first, as for everybody",
        "`stormglass audit` on a library that is loaded later shows what it asks for",
        "dlsym dlvsym dlopen dlmopen dlclose dlerror",
    ),
    row_of(
        Host,
        "needs a descriptor of a process, which only nightly's `create_pidfd` makes",
        "make it a program of its own in the sim",
        "pidfd_spawn pidfd_spawnp pidfd_getpid",
    ),
    row_of(
        Host,
        "has a variable number of arguments, which cannot be passed on",
        "use `tracing` for logs",
        "syslog vsyslog closelog",
    ),
    row_of(
        Host,
        "blocks in real time: a thread of a program that waits for another one so hangs the run",
        "use the locks of std or `parking_lot`",
        "pthread_mutex_lock pthread_mutex_timedlock pthread_cond_wait pthread_cond_timedwait
         pthread_cond_clockwait pthread_rwlock_rdlock pthread_rwlock_wrlock pthread_barrier_wait
         pthread_spin_lock sem_wait sem_timedwait pthread_timedjoin_np pthread_tryjoin_np",
    ),
    row_of(
        Host,
        "reads the host's time zone",
        "use UTC, or a crate with time zones of its own",
        "localtime localtime_r mktime tzset strftime ctime ctime_r timezone daylight tzname",
    ),
];

/// What neither tells of the host nor changes it.
pub(super) const HARMLESS: &[Row] = &[
    row_of(
        Harmless,
        "memory, and texts in it",
        "",
        "malloc calloc realloc reallocarray free posix_memalign aligned_alloc memalign valloc
         malloc_usable_size malloc_trim mallinfo mallinfo2 mallopt
         memcpy memmove memset memcmp memchr memrchr memmem mempcpy bcmp bcopy bzero explicit_bzero
         __memcpy_chk __memmove_chk __memset_chk __strcpy_chk __strncpy_chk __strcat_chk
         strlen strnlen strcmp strncmp strcasecmp strncasecmp strcpy strncpy stpcpy strcat strncat
         strchr strchrnul strrchr strstr strcasestr strspn strcspn strpbrk strtok strtok_r strsep
         strdup strndup __strdup strcoll strxfrm strtol strtoul strtoll strtoull strtod strtof
         __isoc23_strtol __isoc23_strtoul __isoc23_strtoll __isoc23_strtoull atoi atol atoll atof
         strerror strerror_r __xpg_strerror_r strsignal qsort qsort_r bsearch abs labs div ldiv
         toupper tolower isalpha isdigit isalnum isspace __ctype_b_loc __ctype_tolower_loc
         __ctype_toupper_loc setlocale newlocale uselocale freelocale localeconv nl_langinfo
         iconv iconv_open iconv_close mbstowcs wcstombs mbrtowc wcrtomb wcslen wcscmp
         gmtime gmtime_r timegm difftime clock_getres getopt getopt_long basename dirname",
    ),
    row_of(
        Harmless,
        "pages of memory; a file only by a descriptor that was opened before",
        "",
        "mmap mmap64 munmap mremap mprotect madvise posix_madvise mlock munlock mlock2 mlockall
         munlockall mincore msync brk sbrk memfd_create getpagesize",
    ),
    row_of(
        Harmless,
        "numbers",
        "",
        "exp exp2 expm1 log log2 log10 log1p pow sqrt cbrt sin cos tan asin acos atan atan2 sinh
         cosh tanh floor ceil round trunc rint fmod fma hypot ldexp frexp modf rand_r",
    ),
    row_of(
        Harmless,
        "the start and end of processes, threads and their own variables",
        "",
        "_* __libc_start_main __cxa_finalize __cxa_atexit __cxa_thread_atexit_impl __gmon_start__
         __errno_location __tls_get_addr __stack_chk_fail __stack_chk_guard __chk_fail abort atexit
         on_exit __assert_fail setjmp _setjmp longjmp __sigsetjmp siglongjmp
         gnu_get_libc_version __libc_single_threaded getauxval
         dl_iterate_phdr dladdr _dl_find_object secure_getauxval
         pthread_attr_destroy pthread_attr_getguardsize pthread_attr_getstack
         pthread_attr_setstacksize pthread_attr_setguardsize pthread_attr_setdetachstate
         pthread_getattr_np pthread_self pthread_equal pthread_once pthread_atfork pthread_exit
         pthread_key_create pthread_key_delete pthread_getspecific pthread_setspecific
         pthread_setname_np pthread_getname_np pthread_mutex_init pthread_mutex_destroy
         pthread_mutex_trylock pthread_mutex_unlock pthread_mutexattr_init pthread_mutexattr_settype
         pthread_mutexattr_destroy pthread_cond_init pthread_cond_destroy pthread_cond_signal
         pthread_cond_broadcast pthread_condattr_init pthread_condattr_setclock
         pthread_condattr_destroy pthread_rwlock_init pthread_rwlock_destroy pthread_rwlock_unlock
         pthread_rwlock_tryrdlock pthread_rwlock_trywrlock sem_init sem_destroy sem_post sem_trywait",
    ),
    row_of(
        Harmless,
        "sets of signals; none reaches a node",
        "",
        "sigemptyset sigfillset sigaddset sigdelset sigismember sigaltstack sigpending
         __libc_current_sigrtmax __libc_current_sigrtmin",
    ),
    row_of(
        Harmless,
        "prepares a process that is not made",
        "",
        "posix_spawn_file_actions_init posix_spawn_file_actions_destroy
         posix_spawn_file_actions_adddup2 posix_spawn_file_actions_addopen
         posix_spawn_file_actions_addclose posix_spawn_file_actions_addchdir
         posix_spawn_file_actions_addchdir_np posix_spawnattr_init posix_spawnattr_destroy
         posix_spawnattr_setflags posix_spawnattr_setpgroup posix_spawnattr_setsigdefault
         posix_spawnattr_setsigmask pclose",
    ),
    row_of(
        Harmless,
        "a file that was opened before, or the output of the process",
        "",
        "fstat fstat64 lseek lseek64 fsync fdatasync ftruncate ftruncate64 fallocate fallocate64
         posix_fadvise posix_fadvise64 flock pread pread64 pwrite pwrite64 preadv preadv64 pwritev
         pwritev64 preadv2 pwritev2 fchmod fchown futimens fstatfs fstatfs64 sync_file_range
         readdir readdir64 readdir_r readdir64_r rewinddir closedir dirfd fdopendir
         stdin stdout stderr printf fprintf vprintf vfprintf sprintf snprintf vsnprintf vsprintf
         asprintf vasprintf dprintf puts putchar putc fputc fputs fwrite fread fgets fgetc getc
         ungetc fflush fclose fdopen fileno feof ferror clearerr fseek fseeko fseeko64 ftell ftello
         ftello64 rewind setvbuf setbuf perror sscanf __isoc99_sscanf __isoc23_sscanf getline
         getdelim __printf_chk __fprintf_chk __vfprintf_chk __sprintf_chk __snprintf_chk
         __vsnprintf_chk __vsprintf_chk __asprintf_chk",
    ),
    row_of(
        Harmless,
        "addresses as numbers and texts",
        "",
        "freeaddrinfo gai_strerror inet_ntop inet_pton inet_addr inet_ntoa inet_aton htonl htons
         ntohl ntohs freeifaddrs if_freenameindex __res_init res_init __h_errno_location
         __fdelt_chk in6addr_any in6addr_loopback",
    ),
];
