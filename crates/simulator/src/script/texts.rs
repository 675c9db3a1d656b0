//! What people write, in every charset and data coding scheme that a gateway may use.

use rand::RngExt;
use rand::rngs::StdRng;

use super::encode;

/// UTF-16 units in one part of a long message.
const UNITS_IN_PART: usize = 67;

/// Characters of the longest message that gateways reassemble: ten parts of 153.
const LONG: usize = 1_530;

const PLAIN: [&str; 8] = [
    "Hello",
    "STOP",
    "Yes, please. See you at 9:30!",
    "50% off & more = 100% fun + a gift; call #42",
    "The quick brown fox\njumps over the lazy dog",
    "<b>\"quoted\"</b> 'text' \\ / ? * | ~",
    "user=me&pass=none&message=hi",
    "  blanks around it  ",
];
const WESTERN: [&str; 6] = [
    "Ça marche, à bientôt chez Zoé !",
    "Grüße aus Köln, schöne Straße.",
    "¿Qué tal? Mañana en el café.",
    "Æblegrød og smørrebrød på Ærø",
    "£5 now, ¥ later, § 3 applies",
    "Não há ônibus até amanhã.",
];
const WINDOWS: [&str; 3] =
    ["“Smart” quotes – and a dash…", "It’s €5, or ‘free’ — really™", "– café – 5 € "];
const SEPTETS: [&str; 5] = [
    "me@example.com @ 5",
    "[list] {set} a|b ~c ^d \\e €9",
    "ΔΦΓΛΩΠΨΣΘΞ in Greek",
    "è é ù ì ò Ç Ø ø Å å Æ æ ß É",
    "¡Hola! ¿Qué? Äpfel, Öl, Ñandù, Übung §1 ä ö ñ ü à _ ¤",
];
const WORLD: [&str; 7] = [
    "مرحبا بالعالم",
    "你好，世界。明天见",
    "Привет, мир",
    "Γειά σου Κόσμε",
    "नमस्ते दुनिया",
    "Party \u{1F389}\u{1F600} 👨‍👩‍👧",
    "こんにちは、元気ですか",
];

/// A text with its bytes, as a gateway sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) dcs: Option<&'static str>,
    /// The text to be stored; empty where the bytes are binary.
    pub(super) message: String,
    pub(super) bytes: Vec<u8>,
}

impl Text {
    fn new(dcs: Option<&'static str>, message: String, bytes: Vec<u8>) -> Self {
        Self { dcs, message, bytes }
    }
}

/// A way to encode text.
pub(super) type Manner = fn(&mut StdRng) -> Text;

/// All of them.
pub(super) const MANNERS: [Manner; 12] = [
    |random| {
        let dcs = dcs(&["0", "0", "0", "16", "240", "3", "1", "-"], random);
        let text = phrases(&PLAIN, random);
        let septets = dcs == Some("1");
        let bytes = if septets { encode::gsm7(&text) } else { text.clone().into_bytes() };
        Text::new(dcs, text, bytes)
    },
    |random| {
        let text = phrases(&WESTERN, random);
        let bytes = encode::latin1(&text);
        Text::new(dcs(&["0", "3", "17", "241", "-"], random), text, bytes)
    },
    |random| {
        let text = phrases(&WINDOWS, random);
        let bytes = encode::windows_1252(&text);
        Text::new(dcs(&["0", "3", "-"], random), text, bytes)
    },
    |random| {
        let text = phrases(&[&WESTERN[..], &WORLD[..], &WINDOWS[..]].concat(), random);
        let bytes = text.clone().into_bytes();
        Text::new(dcs(&["0", "0", "16", "-"], random), text, bytes)
    },
    |random| {
        let text = phrases(&SEPTETS, random);
        let bytes = encode::gsm7(&text);
        Text::new(Some("1"), text, bytes)
    },
    |random| {
        let text = phrases(&WORLD, random);
        let bytes = encode::utf16_be(&text);
        Text::new(dcs(&["8", "24", "25", "224"], random), text, bytes)
    },
    |random| {
        let text = phrases(&WORLD, random);
        let bytes = encode::hex(&encode::utf16_be(&text));
        let lower = random.random_bool(0.3);
        let bytes = if lower { bytes.to_ascii_lowercase() } else { bytes };
        Text::new(Some("8"), text, bytes)
    },
    |random| {
        let text = phrases(&WORLD, random);
        let bytes = encode::utf16_le_marked(&text);
        Text::new(Some("8"), text, bytes)
    },
    |random| {
        let length = random.random_range(1..=140);
        let bytes = (0..length).map(|_| random.random()).collect();
        Text::new(dcs(&["4", "245", "2", "20"], random), String::new(), bytes)
    },
    // Invalid schemes are read as the gateway's default.
    |random| {
        let text = phrases(&WESTERN, random);
        let bytes = encode::latin1(&text);
        Text::new(dcs(&["", "abc", "256", "-1"], random), text, bytes)
    },
    |_| Text::new(Some("0"), String::new(), Vec::new()),
    |random| {
        let text = long(random);
        let bytes = text.clone().into_bytes();
        Text::new(Some("0"), text, bytes)
    },
];

/// Any text in any charset.
pub(super) fn any(random: &mut StdRng) -> Text {
    let place = random.random_range(0..MANNERS.len());
    let manner = MANNERS.get(place).expect("the range is that of the list");
    manner(random)
}

/// A text with unescaped `%`.
pub(super) fn percent(random: &mut StdRng) -> Text {
    let text = format!("{}% off, %zz and 5 %", random.random_range(1..100));
    let bytes = text.clone().into_bytes();
    Text::new(Some("0"), text, bytes)
}

/// A long message in two parts that arrive separately, cut within a character, as by gateways that
/// count units.
pub(super) fn cut_in_two(random: &mut StdRng) -> [Text; 2] {
    let mut head = phrases(&WORLD, random);
    while head.encode_utf16().count() < UNITS_IN_PART {
        head.push_str(one_of(&WORLD, random));
    }
    let mut units: Vec<u16> = head.encode_utf16().take(UNITS_IN_PART - 1).collect();
    if units.last().is_some_and(|unit| (0xD800..0xDC00).contains(unit)) {
        units.pop();
        units.push(u16::from(b'.'));
    }
    units.extend("\u{1F600}".encode_utf16());
    units.extend(one_of(&WORLD, random).encode_utf16());
    let (first, second) = units.split_at(UNITS_IN_PART);
    [first, second].map(|part| {
        let message = String::from_utf16_lossy(part);
        Text::new(Some("8"), message, encode::of_units(part))
    })
}

pub(super) fn one_of<'a>(list: &[&'a str], random: &mut StdRng) -> &'a str {
    list.get(random.random_range(0..list.len())).expect("the range is that of the list")
}

/// `-` stands for no `dcs` at all.
fn dcs(list: &[&'static str], random: &mut StdRng) -> Option<&'static str> {
    Some(one_of(list, random)).filter(|dcs| *dcs != "-")
}

fn phrases(list: &[&str], random: &mut StdRng) -> String {
    let mut text = one_of(list, random).to_owned();
    for _ in 0..random.random_range(0..3) {
        text.push(' ');
        text.push_str(one_of(list, random));
    }
    if random.random_bool(0.5) {
        text = format!("{text} {}", random.random_range(0..1_000_000));
    }
    text
}

fn long(random: &mut StdRng) -> String {
    let all = [&PLAIN[..], &WESTERN[..], &WORLD[..]].concat();
    let length = random.random_range(161..=LONG);
    let mut text = one_of(&WESTERN, random).to_owned();
    while text.chars().count() < length {
        text.push(' ');
        text.push_str(one_of(&all, random));
    }
    text.chars().take(length).collect()
}
