//! Both protocols, however their bytes are cut.

use super::*;

/// A connection that is read, and what it said.
struct Read {
    there: Wire,
    back: Wire,
    talk: Talk,
    names: Recorder,
    told: Vec<String>,
    texts: Vec<String>,
}

impl Read {
    fn new() -> Read {
        Read {
            there: Wire::default(),
            back: Wire::default(),
            talk: Talk::default(),
            names: Recorder::new(Recording::Full),
            told: Vec::new(),
            texts: Vec::new(),
        }
    }

    fn piece(&mut self, is_opener: bool, bytes: &[u8]) {
        let wire = if is_opener { &mut self.there } else { &mut self.back };
        let told = wire.read(bytes, is_opener, &mut self.talk, &mut self.names, true);
        let piece = Piece { seq: 0, bytes: Bytes::copy_from_slice(bytes), fin: false };
        let parts = told.cut(piece, &self.names);
        let whole: Vec<u8> = parts.iter().flat_map(|part| part.piece.bytes.clone()).collect();
        assert_eq!(whole, bytes, "nothing is lost, nothing is added");
        for part in parts {
            assert!(part.bodies.iter().all(|b| b.at + b.length <= part.piece.bytes.len()));
            self.texts.extend(part.text);
            self.told.extend(part.message.map(|message| {
                let label = self.names.symbol_text(message.label);
                match message.status {
                    0 => format!("{label} {}", message.leg),
                    status => format!("{label} {} {status}", message.leg),
                }
            }));
        }
    }
}

/// Reads both halves, cut after every `n` bytes, and tells what began.
fn told(n: usize, halves: &[(bool, &[u8])]) -> Vec<String> {
    let mut read = Read::new();
    for (is_opener, bytes) in halves {
        bytes.chunks(n).for_each(|piece| read.piece(*is_opener, piece));
    }
    read.told
}

const ASK: &[u8] = b"POST /orders/7?x=1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n\
                         3\r\nabc\r\n1;ext=1\r\n-\r\n0\r\ntrailer: 1\r\n\r\n";
const NOTHING: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const REQUEST: &str = "POST /orders/{id} request";

#[test]
fn messages_are_told_however_they_are_cut() {
    let talk = [(true, ASK), (false, CHUNKED), (true, ASK), (false, NOTHING), (true, ASK)];
    let (ok, nothing) = ("POST /orders/{id} reply 200", "POST /orders/{id} reply 204");
    for n in 1..200 {
        let expected = [REQUEST, ok, REQUEST, nothing, REQUEST];
        assert_eq!(told(n, &talk), expected, "cut after every {n} bytes");
    }
}

#[test]
fn requests_in_a_row_have_their_answers_in_a_row() {
    let both = [ASK, b"GET /b HTTP/1.1\r\n\r\n"].concat();
    let answers = [b"HTTP/1.1 100 Continue\r\n\r\n", NOTHING, NOTHING].concat();
    let expected = [REQUEST, "GET /b request", "POST /orders/{id} reply 204", "GET /b reply 204"];
    assert_eq!(told(1000, &[(true, &both), (false, &answers)]), expected);
}

#[test]
fn a_response_to_head_has_no_body() {
    let long = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n";
    let head = b"HEAD / HTTP/1.1\r\n\r\n";
    let told = told(1000, &[(true, head), (false, long), (true, head), (false, long)]);
    assert_eq!(told.len(), 4);
}

#[test]
fn what_is_no_http_is_left_alone() {
    for bytes in [b"\x12\x34\0\0", http2::PREFACE, b"*1\r\n$4\r\nPING\r\n"] {
        assert!(told(7, &[(true, bytes), (true, ASK)]).is_empty(), "{bytes:?}");
    }
    for bytes in [b"\0\0\x12\x34\0\0\0\0\0", NOTHING] {
        assert!(told(7, &[(false, bytes), (false, NOTHING)]).is_empty(), "nobody asked");
    }
    let endless = ["GET / HTTP/1.1\r\nx: ".as_bytes(), &[b'y'; HEAD_MAX]].concat();
    assert!(told(1000, &[(true, &endless), (true, ASK)]).is_empty());
    let switch = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";
    assert_eq!(told(1000, &[(true, ASK), (false, switch), (false, NOTHING)]).len(), 2);
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("frames of tests are short").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A header block: fields written out, each of them put into the table.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let string = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let field =
        |(name, value): &(&str, &str)| [&[0x40][..], &string(name), &string(value)].concat();
    fields.iter().flat_map(field).collect()
}

fn ask(path: &str) -> Vec<u8> {
    block(&[(":method", "POST"), (":path", path), ("te", "trailers")])
}

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

/// Two requests at once; headers in two frames, padded, with a priority; a reset; a grpc-status.
fn conversation() -> Vec<(bool, Vec<u8>)> {
    let settings = frame(4, 0, 0, &[0; 6]);
    let first = ask("/pkg.Svc/One?x=1");
    let (start, end) = first.split_at(20);
    let start = [&[0, 0, 0, 0, 7][..], start].concat();
    let second = [&[2][..], &ask("/pkg.Svc/Two"), &[0, 0]].concat();
    let there = [
        http2::PREFACE.to_vec(),
        settings.clone(),
        frame(1, PRIORITY, 1, &start),
        frame(9, END_HEADERS, 1, end),
        frame(0, PADDED | END_STREAM, 1, b"\x03abc\0\0\0"),
        frame(1, PADDED | END_HEADERS, 3, &second),
        frame(0, 0, 3, b"defgh"),
    ];
    let back = [
        settings,
        frame(4, 1, 0, &[]),
        frame(1, END_HEADERS, 3, &block(&[(":status", "103")])),
        frame(1, END_HEADERS, 3, &block(&[(":status", "200")])),
        frame(0, 0, 3, b"xyz"),
        frame(1, END_HEADERS | END_STREAM, 1, &block(&[(":status", "200"), ("grpc-status", "14")])),
        frame(1, END_HEADERS | END_STREAM, 3, &block(&[("grpc-status", "0")])),
    ];
    let after = [
        // From the table: the newest fields of the request before are the first.
        frame(1, END_HEADERS, 5, &[0xc0, 0xbf, 0xbe]),
        frame(3, 0, 5, &[0, 0, 0, 8]),
        frame(7, 0, 0, &[0; 8]),
        frame(6, 0, 0, &[0; 8]),
    ];
    vec![(true, there.concat()), (false, back.concat()), (true, after.concat())]
}

const EXPECTED: [&str; 5] = [
    "POST /pkg.Svc/One request",
    "POST /pkg.Svc/Two request",
    "POST /pkg.Svc/Two reply 200",
    "POST /pkg.Svc/One reply 200",
    "POST /pkg.Svc/Two request",
];

#[test]
fn streams_of_one_connection_are_told_however_they_are_cut() {
    let conversation = conversation();
    let halves: Vec<(bool, &[u8])> =
        conversation.iter().map(|(is_opener, bytes)| (*is_opener, &**bytes)).collect();
    for n in 1..300 {
        assert_eq!(told(n, &halves), EXPECTED, "cut after every {n} bytes");
    }
}

#[test]
fn statuses_and_ends_are_told_in_words() {
    let mut read = Read::new();
    for (is_opener, bytes) in conversation() {
        read.piece(is_opener, &bytes);
    }
    assert_eq!(
        read.texts,
        [
            "HTTP/2",
            "POST /pkg.Svc/Two",
            "POST /pkg.Svc/One, grpc-status 14, grpc-status 0 of POST /pkg.Svc/Two",
            "RST_STREAM CANCEL of POST /pkg.Svc/Two, GOAWAY NO_ERROR",
        ]
    );
    read.piece(true, &frame(6, 0, 0, &[0; 8]));
    assert_eq!(read.texts.last().map(String::as_str), Some("PING"));
}

#[test]
fn bodies_are_found_between_their_frames() {
    let mut read = Read::new();
    let (_, there) = &conversation()[0];
    let told = read.there.read(there, true, &mut read.talk, &mut read.names, true);
    let bodies = told.bodies.iter();
    let bodies: Vec<_> = bodies.map(|b| (b.message, &there[b.at..b.at + b.length])).collect();
    assert_eq!(bodies, [(1, &b"abc"[..]), (3, b"defgh")]);
}

/// RFC 7540, 3.2: the answer to the request that asked for it comes on stream 1.
#[test]
fn an_upgrade_leads_to_http2() {
    let asks = b"GET /a HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n";
    let answer = frame(1, END_HEADERS, 1, &block(&[(":status", "200")]));
    let answer = [frame(4, 0, 0, &[]), answer].concat();
    let (_, there) = &conversation()[0];
    let told = told(5, &[(true, asks), (false, switch), (false, &answer), (true, there)]);
    let [one, two, ..] = EXPECTED;
    assert_eq!(told, ["GET /a request", "GET /a reply 200", one, two]);
}

#[test]
fn malformed_http2_is_given_up() {
    let preface = [http2::PREFACE.to_vec(), frame(4, 0, 0, &[])].concat();
    let good = frame(1, END_HEADERS, 1, &ask("/a"));
    let with = |bad: Vec<u8>| told(1000, &[(true, &[&preface[..], &bad, &good].concat())]);
    assert_eq!(with(Vec::new()).len(), 1);
    for bad in [
        frame(9, END_HEADERS, 1, &[]),                // continues nothing
        frame(1, 0, 1, &ask("/b")),                   // is not continued
        frame(1, END_HEADERS, 1, &[0x80]),            // no such field
        frame(1, END_HEADERS | PADDED, 1, &[5, 0]),   // more padding than frame
        frame(1, END_HEADERS | PRIORITY, 1, &[0; 4]), // less than a priority
        frame(3, 0, 1, &[0; 3]),                      // no whole number
        frame(1, END_HEADERS, 1, &vec![0x88; HEAD_MAX + 1]), // longer than is kept
    ] {
        assert!(with(bad).is_empty());
    }
    let many: Vec<u8> =
        (0..20_001).flat_map(|n| frame(1, END_HEADERS, 2 * n + 1, &[0x83])).collect();
    assert!(told(1 << 20, &[(true, &[&preface[..], &many].concat())]).len() <= 10_000);
}

#[cfg(feature = "proptest")]
mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of what two talk, some of whose bytes are not what they were.
    fn mutated() -> impl Strategy<Value = Vec<(bool, Vec<u8>)>> {
        let change = (any::<prop::sample::Index>(), any::<u8>());
        (prop::collection::vec(change, 0..8), any::<prop::sample::Index>()).prop_map(
            |(changes, end)| {
                let mut halves = conversation();
                for (index, byte) in changes {
                    let at = index.index(halves.iter().map(|(_, bytes)| bytes.len()).sum());
                    let all = halves.iter_mut().flat_map(|(_, bytes)| bytes);
                    all.skip(at).take(1).for_each(|old| *old = byte);
                }
                let (_, last) = &mut halves[1];
                last.truncate(end.index(last.len()));
                halves
            },
        )
    }

    fn read(halves: &[(bool, Vec<u8>)], cuts: &[prop::sample::Index]) -> Vec<String> {
        let mut read = Read::new();
        for (is_opener, bytes) in halves {
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            for cut in cuts.windows(2) {
                read.piece(*is_opener, &bytes[cut[0]..cut[1]]);
            }
        }
        read.told
    }

    proptest! {
        #![proptest_config(crate::regressions!("wire"))]

        #[test]
        fn any_cut_tells_the_same(
            halves in mutated(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            prop_assert_eq!(read(&halves, &cuts), read(&halves, &[]));
        }

        #[test]
        fn any_bytes_are_survived(
            halves in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..200)), 0..6),
            is_http2 in any::<bool>(),
        ) {
            let mut all = vec![(true, http2::PREFACE.to_vec()), (true, frame(4, 0, 0, &[]))];
            all.truncate(if is_http2 { 2 } else { 0 });
            read(&[all, halves].concat(), &[]);
        }
    }
}
