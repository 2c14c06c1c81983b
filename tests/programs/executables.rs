//! Executables that no world could answer, or whose calls have no names: tiny ones, made here.

use expect_test::{Expect, expect};
use stormglass::audit::{Audit, Class, RAW_RUSTIX};

const STRINGS: u32 = 3;
const DYNAMIC: u32 = 6;
const CONSTANTS: u32 = 1;

/// An ELF file of 64 bits that needs these libraries and has these constants.
fn elf(libraries: &[&str], constants: &[u8]) -> Vec<u8> {
    let mut strings = vec![0u8];
    let mut dynamic: Vec<u8> = Vec::new();
    for library in libraries {
        dynamic.extend([1u64, strings.len() as u64].map(u64::to_le_bytes).as_flattened());
        strings.extend(library.bytes().chain([0]));
    }
    dynamic.extend([0; 16]);
    let parts = [(STRINGS, 2u64, &strings[..]), (DYNAMIC, 2, &dynamic), (CONSTANTS, 2, constants)];
    let (mut bodies, mut sections) = (Vec::new(), vec![0u8; 64]);
    for (kind, flags, body) in parts {
        let place = 64 + bodies.len() as u64;
        sections.extend(0u32.to_le_bytes());
        sections.extend(kind.to_le_bytes());
        sections.extend([flags, 0, place, body.len() as u64].map(u64::to_le_bytes).as_flattened());
        // The strings are section 1.
        sections.extend([1u32, 0].map(u32::to_le_bytes).as_flattened());
        sections.extend([8u64, 16].map(u64::to_le_bytes).as_flattened());
        bodies.extend(body);
        bodies.resize(bodies.len().next_multiple_of(8), 0);
    }
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    file.extend([3u16, 62].map(u16::to_le_bytes).as_flattened());
    file.extend(1u32.to_le_bytes());
    file.extend([0u64, 0, 64 + bodies.len() as u64].map(u64::to_le_bytes).as_flattened());
    file.extend(0u32.to_le_bytes());
    file.extend([64u16, 56, 0, 64, 4, 1].map(u16::to_le_bytes).as_flattened());
    [file, bodies, sections].concat()
}

fn audit(file: &[u8]) -> stormglass::error::Result<Audit> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("program");
    std::fs::write(&path, file).unwrap();
    Audit::of(&path)
}

#[track_caller]
fn check_refused(libraries: &[&str], expected: Expect) {
    let error = audit(&elf(libraries, b"")).unwrap_err().to_string();
    expected.assert_eq(error.split_once(": ").unwrap().1);
}

#[test]
fn musl_and_static_executables_are_refused() {
    for name in ["libc.musl-x86_64.so.1", "libc.so"] {
        let musl = expect!["it is linked with musl; build it for a `-gnu` target"];
        check_refused(&["libgcc_s.so.1", name], musl);
    }
    check_refused(
        &[],
        expect![
            "it is linked statically, so its calls have no names; build it for a `-gnu` target without `-C target-feature=+crt-static`"
        ],
    );
    assert_eq!(audit(&elf(&["libc.so.6"], b"")).unwrap().symbols(), []);
    let unknown = audit(&elf(&["libc.so.6", "libssl.so.3"], b"")).unwrap();
    assert_eq!(unknown.unknown().collect::<Vec<_>>(), ["libssl.so.3"]);
}

/// They are inlined; what is left is where they may panic.
#[test]
fn raw_system_calls_of_rustix_are_recognized() {
    // Not as one text, which would be found in this test itself.
    let path = |backend: &str| format!("\0/x/rustix-1.1.6/src/backend/{backend}/io/errno.rs\0");
    let raw = audit(&elf(&["libc.so.6"], path(&["linux", "raw"].join("_")).as_bytes())).unwrap();
    let [symbol] = raw.symbols() else { panic!("{raw:?}") };
    assert_eq!((symbol.name.as_str(), symbol.class), (RAW_RUSTIX, Class::Host));
    assert!(symbol.remedy.contains("use-libc"));
    assert_eq!(audit(&elf(&["libc.so.6"], path("libc").as_bytes())).unwrap().symbols(), []);
}
