//! Files of the host: a program reads those that its sim names, and no others.

use std::ffi::{CStr, c_char, c_void};

use libc::{c_int, c_uint, dev_t, gid_t, mode_t, off_t, off64_t, size_t, ssize_t, uid_t};

use super::super::gate::{Reply, Role, ask, role};
use super::super::names::Access;
use super::denied::Denied;
use crate::audit;

/// A call that looks at a file.
const LOOKS: bool = false;
/// A call that makes, changes or removes one.
const CHANGES: bool = true;

/// Refuses a call with the path that it is about.
///
/// # Safety
///
/// `path` must be a text or null.
pub(super) unsafe fn denied_file(
    call: &'static str,
    folder: Option<c_int>,
    path: *const c_char,
    changes: bool,
) -> Option<isize> {
    if role() == Role::Outside {
        return None;
    }
    let path = match path.is_null() {
        true => "".into(),
        // SAFETY: the caller promises it.
        false => unsafe { CStr::from_ptr(path) }.to_string_lossy(),
    };
    // Where a descriptor leads was decided when it was opened.
    let by_descriptor = folder.is_some_and(|folder| folder != libc::AT_FDCWD);
    let is_below = by_descriptor && !path.starts_with('/') && !path.split('/').any(|p| p == "..");
    ask(call, |os, node| {
        if !changes && is_below {
            return Reply::Pass;
        }
        match os.may_read(node, &path) {
            // Nothing is changed there.
            Access::Granted if !changes || path == "/dev/null" => return Reply::Pass,
            Access::Absent if !changes => return Reply::Errno(libc::ENOENT),
            _ => {}
        }
        let (why, remedy) = audit::refusal(call);
        os.refuse(format!("{call} {path}").trim_end(), why, remedy);
        Reply::Errno(libc::EPERM)
    })
}

/// Defines functions with the path of a file: what stands before it, and what stands behind.
macro_rules! files {
    ($($changes:ident $name:ident[$($folder:ident)?]($($arg:ident: $kind:ty),*) -> $result:ty;)*) => {
        mod real {
            use super::*;

            $(crate::os::real::real! {
                $name($($folder: c_int,)? path: *const c_char $(, $arg: $kind)*) -> $result;
            })*
        }

        $(
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name(
                $($folder: c_int,)?
                path: *const c_char
                $(, $arg: $kind)*
            ) -> $result {
                let folder: &[c_int] = &[$($folder)?];
                // SAFETY: the path is a text or null; all is passed on as it came.
                unsafe {
                    match denied_file(stringify!($name), folder.first().copied(), path, $changes) {
                        Some(_) => <$result>::DENIED,
                        None => real::$name($($folder,)? path $(, $arg)*),
                    }
                }
            }
        )*
    };
}

type Out = *mut c_void;
type Text = *const c_char;

files! {
    LOOKS stat[](to: Out) -> c_int;
    LOOKS stat64[](to: Out) -> c_int;
    LOOKS lstat[](to: Out) -> c_int;
    LOOKS lstat64[](to: Out) -> c_int;
    LOOKS fstatat[folder](to: Out, flags: c_int) -> c_int;
    LOOKS fstatat64[folder](to: Out, flags: c_int) -> c_int;
    LOOKS statx[folder](flags: c_int, mask: c_uint, to: Out) -> c_int;
    LOOKS access[](mode: c_int) -> c_int;
    LOOKS euidaccess[](mode: c_int) -> c_int;
    LOOKS faccessat[folder](mode: c_int, flags: c_int) -> c_int;
    LOOKS readlink[](to: Out, length: size_t) -> ssize_t;
    LOOKS readlinkat[folder](to: Out, length: size_t) -> ssize_t;
    LOOKS realpath[](to: Out) -> Out;
    LOOKS opendir[]() -> Out;
    LOOKS statfs[](to: Out) -> c_int;
    LOOKS statfs64[](to: Out) -> c_int;
    LOOKS statvfs[](to: Out) -> c_int;
    LOOKS statvfs64[](to: Out) -> c_int;
    LOOKS getxattr[](name: Text, to: Out, length: size_t) -> ssize_t;
    LOOKS lgetxattr[](name: Text, to: Out, length: size_t) -> ssize_t;
    CHANGES setxattr[](name: Text, from: Out, length: size_t, flags: c_int) -> c_int;
    CHANGES lsetxattr[](name: Text, from: Out, length: size_t, flags: c_int) -> c_int;
    CHANGES removexattr[](name: Text) -> c_int;
    CHANGES creat[](mode: mode_t) -> c_int;
    CHANGES creat64[](mode: mode_t) -> c_int;
    CHANGES unlink[]() -> c_int;
    CHANGES unlinkat[folder](flags: c_int) -> c_int;
    CHANGES remove[]() -> c_int;
    CHANGES rename[](to: Text) -> c_int;
    CHANGES renameat[folder](to_folder: c_int, to: Text) -> c_int;
    CHANGES renameat2[folder](to_folder: c_int, to: Text, flags: c_uint) -> c_int;
    CHANGES link[](to: Text) -> c_int;
    CHANGES linkat[folder](to_folder: c_int, to: Text, flags: c_int) -> c_int;
    CHANGES symlink[](to: Text) -> c_int;
    CHANGES symlinkat[](to_folder: c_int, to: Text) -> c_int;
    CHANGES mkdir[](mode: mode_t) -> c_int;
    CHANGES mkdirat[folder](mode: mode_t) -> c_int;
    CHANGES rmdir[]() -> c_int;
    CHANGES mkfifo[](mode: mode_t) -> c_int;
    CHANGES mknod[](mode: mode_t, device: dev_t) -> c_int;
    CHANGES chmod[](mode: mode_t) -> c_int;
    CHANGES fchmodat[folder](mode: mode_t, flags: c_int) -> c_int;
    CHANGES chown[](user: uid_t, group: gid_t) -> c_int;
    CHANGES lchown[](user: uid_t, group: gid_t) -> c_int;
    CHANGES fchownat[folder](user: uid_t, group: gid_t, flags: c_int) -> c_int;
    CHANGES utimensat[folder](times: *const c_void, flags: c_int) -> c_int;
    CHANGES utimes[](times: *const c_void) -> c_int;
    CHANGES lutimes[](times: *const c_void) -> c_int;
    CHANGES utime[](times: *const c_void) -> c_int;
    CHANGES truncate[](length: off_t) -> c_int;
    CHANGES truncate64[](length: off64_t) -> c_int;
    CHANGES chdir[]() -> c_int;
    CHANGES chroot[]() -> c_int;
    CHANGES mkstemp[]() -> c_int;
    CHANGES mkstemp64[]() -> c_int;
    CHANGES mkostemp[](flags: c_int) -> c_int;
    CHANGES mkostemp64[](flags: c_int) -> c_int;
    CHANGES mkdtemp[]() -> Out;
}

mod opened {
    use super::*;

    crate::os::real::real! {
        open(path: Text, flags: c_int, mode: c_uint) -> c_int;
        open64(path: Text, flags: c_int, mode: c_uint) -> c_int;
        openat(folder: c_int, path: Text, flags: c_int, mode: c_uint) -> c_int;
        openat64(folder: c_int, path: Text, flags: c_int, mode: c_uint) -> c_int;
        __open_2(path: Text, flags: c_int) -> c_int;
        __open64_2(path: Text, flags: c_int) -> c_int;
        __openat_2(folder: c_int, path: Text, flags: c_int) -> c_int;
        __openat64_2(folder: c_int, path: Text, flags: c_int) -> c_int;
        fopen(path: Text, mode: Text) -> Out;
        fopen64(path: Text, mode: Text) -> Out;
        freopen(path: Text, mode: Text, file: Out) -> Out;
        freopen64(path: Text, mode: Text, file: Out) -> Out;
    }
}

fn writes(flags: c_int) -> bool {
    flags & libc::O_ACCMODE != libc::O_RDONLY || flags & (libc::O_CREAT | libc::O_TRUNC) != 0
}

/// Defines `open` and its relatives, whose last argument C leaves out where it means nothing.
macro_rules! opens {
    ($($name:ident[$($folder:ident)?]($($mode:ident)?);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(
            $($folder: c_int,)?
            path: Text,
            flags: c_int
            $(, $mode: c_uint)?
        ) -> c_int {
            let folder: &[c_int] = &[$($folder)?];
            let (folder, writes) = (folder.first().copied(), writes(flags));
            // SAFETY: the path is a text; all is passed on as it came.
            unsafe {
                match denied_file(stringify!($name), folder, path, writes) {
                    Some(_) => c_int::DENIED,
                    None => opened::$name($($folder,)? path, flags $(, $mode)?),
                }
            }
        }
    )*};
}

opens! {
    open[](mode);
    open64[](mode);
    openat[folder](mode);
    openat64[folder](mode);
    __open_2[]();
    __open64_2[]();
    __openat_2[folder]();
    __openat64_2[folder]();
}

/// Defines `fopen` and its relatives, whose mode is a text.
macro_rules! fopens {
    ($($name:ident($($file:ident)?);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(path: Text, mode: Text $(, $file: Out)?) -> Out {
            // SAFETY: both are texts; all is passed on as it came.
            unsafe {
                let text = CStr::from_ptr(mode).to_bytes();
                let writes = !text.starts_with(b"r") || text.contains(&b'+');
                match denied_file(stringify!($name), None, path, writes) {
                    Some(_) => Out::DENIED,
                    None => opened::$name(path, mode $(, $file)?),
                }
            }
        }
    )*};
}

fopens! {
    fopen();
    fopen64();
    freopen(file);
    freopen64(file);
}
