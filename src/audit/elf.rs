//! Reads the dynamic symbols of an ELF file, and what it has of constants; nothing else of it: a test
//! binary has hundreds of megabytes.

use std::fs::File;

use memchr::memmem::Finder;
use object::elf::{DT_NEEDED, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_DYNSYM, SHT_PROGBITS};
use object::read::elf::{Dyn, FileHeader, SectionHeader, SectionTable, Sym};
use object::read::{FileKind, ReadCache, ReadRef, StringTable, SymbolIndex};

/// What an executable says of itself.
pub(super) struct Facts {
    /// Each with its name, whether it is defined here, and the library that it is known to be of.
    pub(super) symbols: Vec<(String, bool, Option<String>)>,
    /// The libraries that it needs.
    pub(super) libraries: Vec<String>,
    /// `rustix` makes its system calls by instructions of its own in it.
    pub(super) has_raw_rustix: bool,
}

/// Reads them; else what is wrong, and what to do.
pub(super) fn read(file: File) -> Result<Facts, String> {
    let data = ReadCache::new(file);
    let kind = FileKind::parse(&data).map_err(|_| "it is no ELF executable".to_owned())?;
    let facts = match kind {
        FileKind::Elf64 => read_elf::<object::elf::FileHeader64<object::Endianness>, _>(&data),
        FileKind::Elf32 => read_elf::<object::elf::FileHeader32<object::Endianness>, _>(&data),
        _ => return Err("it is no ELF executable".to_owned()),
    };
    let facts = facts.map_err(|error| format!("it cannot be read: {error}"))?;
    let needs = |name: &str| facts.libraries.iter().any(|library| library.starts_with(name));
    if needs("libc.musl-") || facts.libraries.iter().any(|library| library == "libc.so") {
        return Err("it is linked with musl; build it for a `-gnu` target".to_owned());
    }
    if facts.libraries.is_empty() {
        return Err("it is linked statically, so its calls have no names; build it for a `-gnu` \
                    target without `-C target-feature=+crt-static`"
            .to_owned());
    }
    Ok(facts)
}

fn read_elf<'d, Elf, R>(data: R) -> object::read::Result<Facts>
where
    Elf: FileHeader<Endian = object::Endianness>,
    R: ReadRef<'d>,
{
    let header = Elf::parse(data)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, data)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut libraries = Vec::new();
    if let Some((entries, link)) = sections.dynamic(endian, data)? {
        let strings: StringTable<'_, R> = sections.strings(endian, data, link)?;
        for entry in entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED) {
            let name = entry.val32(endian).and_then(|at| strings.get(at).ok()).unwrap_or_default();
            libraries.push(text(name));
        }
    }
    let table = sections.symbols(endian, data, SHT_DYNSYM)?;
    let versions = sections.versions(endian, data)?;
    let mut symbols = Vec::new();
    for (place, symbol) in table.iter().enumerate() {
        let name = table.symbol_name(endian, symbol)?;
        if name.is_empty() {
            continue;
        }
        let index = versions.as_ref().map(|all| all.version_index(endian, SymbolIndex(place)));
        let version = match (&versions, index) {
            (Some(versions), Some(index)) => versions.version(index.index())?,
            _ => None,
        };
        let library = version.and_then(|version| version.file()).map(text);
        symbols.push((text(name), !symbol.is_undefined(endian), library));
    }
    let has_raw_rustix = has_raw_rustix(&sections, endian, data)?;
    Ok(Facts { symbols, libraries, has_raw_rustix })
}

/// What is inlined has no name, but where it may panic the path of its source is among the constants.
fn has_raw_rustix<'d, Elf, R>(
    sections: &SectionTable<'d, Elf, R>,
    endian: object::Endianness,
    data: R,
) -> object::read::Result<bool>
where
    Elf: FileHeader<Endian = object::Endianness>,
    R: ReadRef<'d>,
{
    // In two parts: as one it would be found in this crate itself.
    let source = ["/src/backend/linux_", "raw/"].concat();
    let source = Finder::new(&source);
    for section in sections.iter() {
        let kind = section.sh_flags(endian) & (SHF_ALLOC | SHF_WRITE | SHF_EXECINSTR);
        let is_constant = section.sh_type(endian) == SHT_PROGBITS && kind == SHF_ALLOC;
        if is_constant && source.find(section.data(endian, data)?).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
