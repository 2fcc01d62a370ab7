//! The cursor: all that a reader of a run's events knows, as a text. It is the `id` of each event, so whoever sends the
//! last one back goes on exactly there.
//!
//! A node takes a byte, or less: what stands side by side and is the same is counted. For 2,000 nodes of which 40 run, a
//! cursor is at most 4 KB long, as long as no thousand nodes wait at once past their thirtieth attempt.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::window::MOST_IN_VIEW;

/// What a reader knows of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The take of the run that it is about.
    pub(crate) take: u32,
    /// When the stream began: milliseconds since 1970. The texts of nodes that had ended before are not told. 0 where all
    /// texts are told.
    pub(crate) began: u64,
    /// Whether the run's end was told. Then it knows no nodes any more.
    pub(crate) ended: bool,
    /// The items of a list that the reader asks for, and what was told of them.
    pub(crate) view: Option<View>,
    /// What was told of each node, in the document's order. Nodes behind the last one are [`Seen::Nothing`].
    pub(crate) nodes: Vec<Seen>,
}

/// Items of a list, side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// The place of the list's node in the document.
    pub(crate) place: usize,
    /// The first item.
    pub(crate) from: u32,
    /// What was told of each. Texts of items are not told.
    pub(crate) items: Vec<Seen>,
}

/// What was told of a node, or of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Seen {
    /// It has not begun.
    #[default]
    Nothing,
    /// The attempt of this number goes on, and so much of its texts was told.
    Runs(usize, Told),
    /// It is executed for the items of a list: so many were done, and so many of them had failed and were kept.
    Lists(u32, u32),
    /// It waits after the attempt of this number.
    Waits(usize),
    /// It has succeeded by the attempt of this number. That is not told yet: first comes the rest of its texts.
    Answered(usize, Told),
    /// How it ended.
    Ended,
}

/// How much of an attempt's texts was told: bytes of UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Told {
    pub(crate) reasoning: u64,
    pub(crate) text: u64,
}

/// The forms, in the first byte: without items in view, and with them.
const FORM: u8 = 1;
const FORM_WITH_VIEW: u8 = 2;

// A node's byte: what it is in the three low bits, a small number in the others.
const NOTHING: u8 = 0;
const RUNS: u8 = 1;
const WAITS: u8 = 2;
const ANSWERED: u8 = 3;
const ENDED: u8 = 4;
const LISTS: u8 = 5;
/// The greatest number that fits into a node's byte; a greater one follows it.
const GREATEST: u64 = 30;
const FOLLOWS: u8 = 31;

impl Cursor {
    /// What is known before anything was told.
    pub(crate) fn new(take: u32, began: u64) -> Self {
        Self {
            take,
            began,
            ended: false,
            view: None,
            nodes: Vec::new(),
        }
    }

    /// What was told of the node at this place.
    pub(crate) fn of(&self, place: usize) -> Seen {
        self.nodes.get(place).copied().unwrap_or_default()
    }

    /// Notes what was told of the node at this place.
    pub(crate) fn set(&mut self, place: usize, seen: Seen) {
        if self.nodes.len() <= place {
            self.nodes.resize(place + 1, Seen::Nothing);
        }
        if let Some(of_node) = self.nodes.get_mut(place) {
            *of_node = seen;
        }
    }

    /// The cursor as a text of letters, digits, `-` and `_`, for the run of this id.
    pub(crate) fn encode(&self, run_id: &str) -> String {
        let form = match self.view {
            Some(_) => FORM_WITH_VIEW,
            None => FORM,
        };
        let mut bytes = vec![form];
        bytes.extend(check(run_id));
        put(
            &mut bytes,
            u64::from(self.take) << 1 | u64::from(self.ended),
        );
        put(&mut bytes, self.began);
        if let Some(view) = &self.view {
            put_view(&mut bytes, view);
        }
        let mut rest = self.nodes.as_slice();
        while let Some((first, others)) = rest.split_first() {
            match *first {
                Seen::Nothing | Seen::Ended => {
                    let alike = others.iter().take_while(|other| *other == first).count();
                    let (_, behind) = rest.split_at(alike + 1);
                    rest = behind;
                    if *first == Seen::Ended {
                        put_node(&mut bytes, ENDED, alike as u64);
                    } else if !rest.is_empty() {
                        put_node(&mut bytes, NOTHING, alike as u64);
                    }
                    continue;
                }
                Seen::Waits(attempt) => put_node(&mut bytes, WAITS, attempt as u64),
                Seen::Lists(done, failed) => {
                    put_node(&mut bytes, LISTS, u64::from(done));
                    put(&mut bytes, u64::from(failed));
                }
                Seen::Runs(attempt, told) => {
                    put_node(&mut bytes, RUNS, attempt as u64);
                    put_told(&mut bytes, told);
                }
                Seen::Answered(attempt, told) => {
                    put_node(&mut bytes, ANSWERED, attempt as u64);
                    put_told(&mut bytes, told);
                }
            }
            rest = others;
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What the text says of the run of this id, which has so many nodes. `None` for what is no cursor of that run.
    pub(crate) fn decode(text: &str, run_id: &str, count: usize) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let mut rest = bytes.as_slice();
        let head = rest.split_off(..3)?;
        let has_view = match *head.first()? {
            FORM => false,
            FORM_WITH_VIEW => true,
            _ => return None,
        };
        if head.get(1..) != Some(check(run_id).as_slice()) {
            return None;
        }
        let take = take_number(&mut rest)?;
        let mut cursor = Self {
            take: u32::try_from(take >> 1).ok()?,
            ended: take & 1 == 1,
            began: take_number(&mut rest)?,
            view: None,
            nodes: Vec::new(),
        };
        if has_view {
            cursor.view = Some(take_view(&mut rest, count)?);
        }
        while let Some(byte) = rest.split_off_first() {
            let number = match byte >> 3 {
                FOLLOWS => take_number(&mut rest)?,
                small => u64::from(small),
            };
            let done = number;
            let number = usize::try_from(number).ok()?;
            let seen = match byte & 7 {
                NOTHING => Seen::Nothing,
                ENDED => Seen::Ended,
                WAITS => Seen::Waits(number),
                LISTS => Seen::Lists(
                    u32::try_from(done).ok()?,
                    u32::try_from(take_number(&mut rest)?).ok()?,
                ),
                RUNS => Seen::Runs(number, take_told(&mut rest)?),
                ANSWERED => Seen::Answered(number, take_told(&mut rest)?),
                _ => return None,
            };
            let times = match seen {
                Seen::Nothing | Seen::Ended => number.checked_add(1)?,
                _ => 1,
            };
            // A forged one must not take the memory.
            if times > count - cursor.nodes.len() {
                return None;
            }
            cursor.nodes.extend(std::iter::repeat_n(seen, times));
        }
        Some(cursor)
    }
}

/// Two bytes that the cursor of another run hardly has.
fn check(run_id: &str) -> [u8; 2] {
    let hash = run_id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [a, b, c, d] = hash.to_be_bytes();
    [a ^ c, b ^ d]
}

fn put_node(bytes: &mut Vec<u8>, what: u8, number: u64) {
    match u8::try_from(number) {
        Ok(small) if number <= GREATEST => bytes.push(what | small << 3),
        _ => {
            bytes.push(what | FOLLOWS << 3);
            put(bytes, number);
        }
    }
}

fn put_view(bytes: &mut Vec<u8>, view: &View) {
    put(bytes, view.place as u64);
    put(bytes, u64::from(view.from));
    put(bytes, view.items.len() as u64);
    for seen in &view.items {
        match *seen {
            Seen::Runs(attempt, _) => put_node(bytes, RUNS, attempt as u64),
            Seen::Waits(attempt) => put_node(bytes, WAITS, attempt as u64),
            Seen::Ended => put_node(bytes, ENDED, 0),
            Seen::Nothing | Seen::Lists(..) | Seen::Answered(..) => put_node(bytes, NOTHING, 0),
        }
    }
}

/// `None` where the node is none of `count`, or more items are in view than may be.
fn take_view(rest: &mut &[u8], count: usize) -> Option<View> {
    let place = usize::try_from(take_number(rest)?).ok()?;
    let from = u32::try_from(take_number(rest)?).ok()?;
    let items = take_number(rest)?;
    if place >= count || items > u64::from(MOST_IN_VIEW) {
        return None;
    }
    let mut view = View {
        place,
        from,
        items: Vec::new(),
    };
    for _ in 0..items {
        let byte = *rest.split_off_first()?;
        let number = match byte >> 3 {
            FOLLOWS => take_number(rest)?,
            small => u64::from(small),
        };
        let attempt = usize::try_from(number).ok()?;
        view.items.push(match byte & 7 {
            NOTHING => Seen::Nothing,
            RUNS => Seen::Runs(attempt, Told::default()),
            WAITS => Seen::Waits(attempt),
            ENDED => Seen::Ended,
            _ => return None,
        });
    }
    Some(view)
}

fn put_told(bytes: &mut Vec<u8>, told: Told) {
    put(bytes, told.reasoning);
    put(bytes, told.text);
}

fn take_told(rest: &mut &[u8]) -> Option<Told> {
    Some(Told {
        reasoning: take_number(rest)?,
        text: take_number(rest)?,
    })
}

/// Seven bits a byte, the low ones first; the highest bit says that more follow.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let byte = *rest.split_off_first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "019ab000-0000-7000-8000-000000000000";
    const NOW: u64 = 1_795_622_400_000;

    fn any(random: &mut fastrand::Rng, count: usize) -> Cursor {
        let told = |random: &mut fastrand::Rng| Told {
            reasoning: random.u64(0..1 << 20),
            text: random.u64(0..1 << 40),
        };
        let nodes = (0..count).map(|_| match random.u8(0..8) {
            0 => Seen::Runs(random.usize(1..40), told(random)),
            1 => Seen::Waits(random.usize(1..400)),
            2 => Seen::Answered(random.usize(0..40), told(random)),
            3 => Seen::Lists(random.u32(..), random.u32(0..50)),
            4..6 => Seen::Ended,
            _ => Seen::Nothing,
        });
        let nodes: Vec<Seen> = nodes.collect();
        let view = (count > 0 && random.bool()).then(|| View {
            place: random.usize(0..count),
            from: random.u32(..),
            items: (0..random.u32(0..=MOST_IN_VIEW))
                .map(|_| match random.u8(0..4) {
                    0 => Seen::Runs(random.usize(1..400), Told::default()),
                    1 => Seen::Waits(random.usize(1..40)),
                    2 => Seen::Ended,
                    _ => Seen::Nothing,
                })
                .collect(),
        });
        Cursor {
            nodes,
            view,
            ended: random.bool(),
            ..Cursor::new(random.u32(1..), random.u64(0..1 << 50))
        }
    }

    #[test]
    fn what_is_written_is_read_again_but_for_the_nodes_behind_the_last() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..2_000 {
            let count = random.usize(0..60);
            let mut cursor = any(&mut random, count);
            let text = cursor.encode(RUN);
            let read = Cursor::decode(&text, RUN, count).unwrap();
            while cursor.nodes.last() == Some(&Seen::Nothing) {
                cursor.nodes.pop();
            }
            assert_eq!(read, cursor);
            assert_eq!(read.encode(RUN), text);
        }
    }

    #[test]
    fn what_is_no_cursor_of_the_run_is_none_and_none_makes_more_nodes_than_there_are() {
        let mut random = fastrand::Rng::with_seed(2);
        let text = any(&mut random, 30).encode(RUN);
        assert_eq!(
            Cursor::decode(&text, "019ab000-0000-7000-8000-000000000001", 30),
            None
        );
        assert_eq!(Cursor::decode(&text, RUN, 3), None);
        for broken in ["", "A", "AQ", "not base64!", "AAAA", "////////"] {
            assert_eq!(Cursor::decode(broken, RUN, 30), None, "{broken}");
        }
        for _ in 0..20_000 {
            let mut bytes = vec![random.u8(FORM..=FORM_WITH_VIEW)];
            bytes.extend(check(RUN));
            bytes.extend((0..random.usize(0..30)).map(|_| random.u8(..)));
            let text = URL_SAFE_NO_PAD.encode(bytes);
            if let Some(cursor) = Cursor::decode(&text, RUN, 12) {
                assert!(cursor.nodes.len() <= 12);
                let in_view = cursor.view.map_or(0, |view| view.items.len());
                assert!(in_view <= MOST_IN_VIEW as usize);
            }
        }
    }

    #[test]
    fn a_cursor_of_two_thousand_nodes_and_ten_thousand_items_has_four_kilobytes_at_most() {
        let told = Told {
            reasoning: 30_000_000,
            text: 30_000_000,
        };
        // Nothing that stands side by side is the same, and forty run past their thirtieth attempt.
        let nodes = (0..2_000).map(|place| match place {
            0..40 => Seen::Runs(60, told),
            40..50 => Seen::Lists(1_000, 900),
            place if place % 2 == 0 => Seen::Waits(1 + place % 30),
            _ => Seen::Ended,
        });
        // The items in view run past their thirtieth attempt too.
        let worst = Cursor {
            view: Some(View {
                place: 1_999,
                from: 9_950,
                items: vec![Seen::Runs(60, Told::default()); MOST_IN_VIEW as usize],
            }),
            nodes: nodes.collect(),
            ..Cursor::new(3, NOW)
        };
        let length = worst.encode(RUN).len();
        assert!(length <= 4_096, "{length}");
        let done = Cursor {
            nodes: vec![Seen::Ended; 2_000],
            ..Cursor::new(1, NOW)
        };
        assert!(done.encode(RUN).len() < 24, "{}", done.encode(RUN));
    }
}
