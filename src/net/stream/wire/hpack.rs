//! HPACK (RFC 7541), the decoding half: header blocks to fields.
//!
//! The whole crates for it panic on bad input (`httlib-hpack`, `fluke-hpack`), or draw hash keys and
//! log on the programs' account (`loona-hpack`). So only the Huffman code is another's: that of
//! `octets`, quiche's.

mod table;

use std::borrow::Cow;
use std::collections::VecDeque;

use octets::Octets;

use table::STATIC;

/// The size of a table before anybody changes it (RFC 9113, 6.5.2).
const TABLE: usize = 4096;
/// The largest table that is followed: what browsers ask for. A larger one is no table that anybody
/// uses, and memory that a stranger's bytes could take.
const TABLE_MAX: usize = 64 << 10;
/// What each entry counts beside its bytes (RFC 7541, 4.1).
const ENTRY: usize = 32;

/// A name and a value.
type Field<T> = (T, T);

/// The table of one direction of a connection.
///
/// The receiver's `SETTINGS_HEADER_TABLE_SIZE` need not be known: whoever uses another size says so
/// at the head of a block (RFC 7541, 4.2).
#[derive(Debug)]
pub(super) struct Decoder {
    /// Newest first.
    entries: VecDeque<Field<Box<[u8]>>>,
    size: usize,
    most: usize,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder { entries: VecDeque::new(), size: 0, most: TABLE }
    }
}

impl Decoder {
    /// Hands each field of a whole block to `told`. None if the block is malformed: the table is not
    /// to be trusted from then on.
    pub(super) fn decode(
        &mut self,
        mut block: &[u8],
        mut told: impl FnMut(&[u8], &[u8]),
    ) -> Option<()> {
        let rest = &mut block;
        while let Some(&first) = rest.first() {
            match first {
                0x80.. => {
                    let index = integer(rest, 7)?;
                    let (name, value) = self.get(index)?;
                    told(name, value);
                }
                0x40.. => {
                    let (name, value) = self.literal(rest, 6)?;
                    told(&name, &value);
                    let (name, value) = (name.into_owned(), value.into_owned());
                    self.insert(name, value);
                }
                0x20.. => {
                    self.most = Some(integer(rest, 5)?).filter(|most| *most <= TABLE_MAX)?;
                    self.evict();
                }
                _ => {
                    let (name, value) = self.literal(rest, 4)?;
                    told(&name, &value);
                }
            }
        }
        Some(())
    }

    /// The field of an index, which counts from 1 through both tables.
    fn get(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let index = index.checked_sub(1)?;
        match STATIC.get(index) {
            Some((name, value)) => Some((name.as_bytes(), value.as_bytes())),
            None => self.entries.get(index - STATIC.len()).map(|(name, value)| (&**name, &**value)),
        }
    }

    /// A field whose value is written out, and its name too unless a table has it.
    fn literal<'a, 'b: 'a>(
        &'a self,
        rest: &mut &'b [u8],
        prefix: u8,
    ) -> Option<Field<Cow<'a, [u8]>>> {
        let name = match integer(rest, prefix)? {
            0 => string(rest)?,
            index => Cow::Borrowed(self.get(index)?.0),
        };
        Some((name, string(rest)?))
    }

    fn insert(&mut self, name: Vec<u8>, value: Vec<u8>) {
        self.size += name.len() + value.len() + ENTRY;
        self.entries.push_front((name.into(), value.into()));
        self.evict();
    }

    /// Drops the oldest entries until the rest fits; one that is too long for the table empties it.
    fn evict(&mut self) {
        while self.size > self.most
            && let Some((name, value)) = self.entries.pop_back()
        {
            self.size -= name.len() + value.len() + ENTRY;
        }
    }
}

/// An integer (RFC 7541, 5.1) whose first byte has `prefix` bits of it.
fn integer(rest: &mut &[u8], prefix: u8) -> Option<usize> {
    let (first, mut after) = rest.split_first()?;
    let most = (1_usize << prefix) - 1;
    let mut value = usize::from(*first) & most;
    // Four bytes more reach 2^28, which no length and no index here does.
    let mut shifts = [0, 7, 14, 21].into_iter();
    let mut more = value == most;
    while more {
        let (byte, next) = after.split_first()?;
        value += usize::from(byte & 0x7f) << shifts.next()?;
        more = byte & 0x80 != 0;
        after = next;
    }
    *rest = after;
    Some(value)
}

/// A string (RFC 7541, 5.2), as it is or in the Huffman code.
fn string<'a>(rest: &mut &'a [u8]) -> Option<Cow<'a, [u8]>> {
    let is_huffman = rest.first()? & 0x80 != 0;
    let length = integer(rest, 7)?;
    let (text, after) = rest.split_at_checked(length)?;
    *rest = after;
    if !is_huffman {
        return Some(Cow::Borrowed(text));
    }
    Octets::with_slice(text).get_huffman_decoded().ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).expect("digits are text");
            u8::from_str_radix(text, 16).expect("two digits are a byte")
        };
        digits.chunks(2).map(byte).collect()
    }

    fn fields(decoder: &mut Decoder, block: &[u8]) -> Option<Vec<String>> {
        let mut fields = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        decoder.decode(block, |name, value| fields.push(text(name) + ": " + &text(value)))?;
        Some(fields)
    }

    #[track_caller]
    fn check(decoder: &mut Decoder, hex: &str, expected: &[&str], size: usize) {
        let told = fields(decoder, &bytes(hex)).expect("the block is well formed");
        assert_eq!(told, expected);
        assert_eq!(decoder.size, size);
    }

    /// RFC 7541, C.4: requests in the Huffman code.
    #[test]
    fn the_specification_s_requests() {
        let decoder = &mut Decoder::default();
        let [get, http, root] = [":method: GET", ":scheme: http", ":path: /"];
        let host = ":authority: www.example.com";
        check(decoder, "828684418cf1e3c2e5f23a6ba0ab90f4ff", &[get, http, root, host], 57);
        let uncached = "cache-control: no-cache";
        check(decoder, "828684be5886a8eb10649cbf", &[get, http, root, host, uncached], 110);
        check(
            decoder,
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
            &[get, ":scheme: https", ":path: /index.html", host, "custom-key: custom-value"],
            164,
        );
    }

    /// RFC 7541, C.5: a table of 256 bytes that must forget.
    #[test]
    fn the_specification_s_responses() {
        let decoder = &mut Decoder::default();
        let (date, place) =
            ("date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com");
        let private = "cache-control: private";
        check(
            decoder,
            "3fe101 4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a3133
             3a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            &[":status: 302", private, date, place],
            222,
        );
        check(decoder, "4803333037c1c0bf", &[":status: 307", private, date, place], 222);
    }

    #[test]
    fn a_table_shrinks_grows_and_has_a_limit() {
        let decoder = &mut Decoder::default();
        check(decoder, "4001610162", &["a: b"], 34);
        check(decoder, "20", &[], 0);
        check(decoder, "4001610162", &["a: b"], 0);
        check(decoder, "3fe1ff03", &[], 0);
        assert_eq!(decoder.most, TABLE_MAX);
        assert_eq!(fields(decoder, &bytes("3fe2ff03")), None, "a byte more");
    }

    #[test]
    fn what_is_malformed_is_refused() {
        let whole = bytes("828684418cf1e3c2e5f23a6ba0ab90f4ff");
        for hex in [
            "80",         // no field has the index 0
            "be",         // nothing has been put into the table
            "3f",         // a size that goes on
            "ff",         // an index that goes on
            "ffffffffff", // and on
            "40",         // no name
            "4001",       // less of a name than it says
            "400161",     // no value
            "008100",     // padding that is none
        ] {
            assert_eq!(fields(&mut Decoder::default(), &bytes(hex)), None, "{hex}");
        }
        for length in 4..whole.len() {
            assert_eq!(fields(&mut Decoder::default(), &whole[..length]), None, "{length}");
        }
    }
}
