//! Texts of a run, made fit to be seen: short, without characters that hide or turn others around.

use std::fmt::Write;

/// Characters of one text.
const CHARACTERS_MAX: usize = 400;
/// Bytes of a payload that are shown.
const PAYLOAD_MAX: usize = 240;

/// The text with every control and direction mark spelled out, so that none acts on what is around
/// it; cut where it is long.
pub(super) fn visible(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => visible_all(&text[..end]) + "\u{2026}",
        None => visible_all(text),
    }
}

/// The same, however long it is.
pub(super) fn visible_all(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push('\n'),
            '\t' => out.push(' '),
            // The pictures of control characters stand in the same order.
            '\0'..='\x1f' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\x7f'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}' => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The first bytes of a payload: as text where they are text, else as hexadecimal digits.
pub(super) fn payload(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(PAYLOAD_MAX)];
    let more = if bytes.len() > shown.len() { "\u{2026}" } else { "" };
    let (valid, cut) = match std::str::from_utf8(shown) {
        Ok(text) => (text, 0),
        // The last character may be cut in two.
        Err(error) => {
            let (valid, rest) = shown.split_at(error.valid_up_to());
            (std::str::from_utf8(valid).unwrap_or_default(), rest.len())
        }
    };
    let is_text = cut < 4 && (cut == 0 || !more.is_empty());
    let odd = |text: &str| text.chars().filter(|c| c.is_control() && !c.is_whitespace()).count();
    if is_text && odd(valid) * 4 <= valid.len() {
        return visible(valid) + more;
    }
    let hex = shown.iter().take(64).enumerate().map(|(place, byte)| {
        let gap = if place > 0 && place % 4 == 0 { " " } else { "" };
        format!("{gap}{byte:02x}")
    });
    let more = if bytes.len() > 64 { " \u{2026}" } else { "" };
    hex.collect::<String>() + more
}

/// `12345` as `12,345`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{payload, thousands, visible};

    #[test]
    fn what_acts_on_its_surroundings_is_spelled_out() {
        assert_eq!(
            visible("a\0b\u{202e}c\u{2066}d\u{7f}\n"),
            "a\u{2400}b\\u{202e}c\\u{2066}d\\u{7f}\n"
        );
        assert_eq!(visible(&"x".repeat(1_000)).chars().count(), 401);
    }

    #[test]
    fn payloads_are_text_where_they_can_be() {
        assert_eq!(payload(br#"{"a":1}"#), r#"{"a":1}"#);
        assert_eq!(payload(&[0xff, 0, 1, 2, 3]), "ff000102 03");
        assert_eq!(payload("\u{e9}".repeat(200).as_bytes()), "\u{e9}".repeat(120) + "\u{2026}");
        let split = format!("a{}", "\u{e9}".repeat(200));
        assert!(payload(split.as_bytes()).starts_with("a\u{e9}"));
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!(
            ["1", "999", "1,000", "1,234,567"],
            [1, 999, 1_000, 1_234_567].map(thousands)[..]
        );
    }
}
