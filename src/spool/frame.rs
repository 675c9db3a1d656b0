//! The frame around each record of a file: it is found and checked without its neighbours.
//!
//! ```text
//!  marker 4 · check 4 · length 4 · writer 8 · check of the content 4 · content
//! ```
//!
//! Numbers are little-endian. Both checks are CRC-32. The first covers what is between it and the content,
//! so that a length is believed only in an intact head.

/// The start of every frame. No UTF-8 text contains it.
pub(super) const MARKER: [u8; 4] = *b"\x8Drt\n";

/// The length of a frame before its content.
pub(super) const HEAD_BYTES: usize = 24;

/// The longest content. A message takes up to four times its body (`http.max_body_bytes`, 16 MiB at most):
/// its bytes, and as text three for each that can't be read.
pub(super) const MAX_CONTENT_BYTES: usize = 80 * 1024 * 1024;

/// The head of a frame, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Of the content, in bytes.
    pub(super) length: usize,
    /// Of the process that wrote it. All frames of a file have the same.
    pub(super) writer: u64,
    check: u32,
}

impl Head {
    /// The head at the start of `bytes`; `None` if it is not intact.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (check, rest) = bytes.strip_prefix(&MARKER)?.split_first_chunk::<4>()?;
        let (checked, _) = rest.split_first_chunk::<16>()?;
        if crc32fast::hash(checked).to_le_bytes() != *check {
            return None;
        }
        let (length, rest) = checked.split_first_chunk::<4>()?;
        let (writer, rest) = rest.split_first_chunk::<8>()?;
        let (check, _) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        (length <= MAX_CONTENT_BYTES).then_some(Self {
            length,
            writer: u64::from_le_bytes(*writer),
            check: u32::from_le_bytes(*check),
        })
    }

    pub(super) fn frame_bytes(self) -> usize {
        HEAD_BYTES + self.length
    }

    /// The content at the start of `bytes`; `None` if it is not intact.
    pub(super) fn content(self, bytes: &[u8]) -> Option<&[u8]> {
        let content = bytes.get(..self.length)?;
        (crc32fast::hash(content) == self.check).then_some(content)
    }
}

/// Content without a frame was too long for one: this many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) usize);

/// Appends a frame of `writer`, whose content `write` appends. Nothing is appended if that is too long.
pub(super) fn append(
    to: &mut Vec<u8>,
    writer: u64,
    write: impl FnOnce(&mut Vec<u8>),
) -> Result<(), TooLong> {
    let start = to.len();
    to.extend([0; HEAD_BYTES]);
    write(to);
    let (head, content) = to.split_at_mut(start).1.split_at_mut(HEAD_BYTES);
    let length = content.len();
    if length > MAX_CONTENT_BYTES {
        to.truncate(start);
        return Err(TooLong(length));
    }
    let (marker, rest) = head.split_at_mut(MARKER.len());
    let (check, checked) = rest.split_at_mut(4);
    let length = u32::try_from(length).expect("the longest content is shorter");
    let (of_length, rest) = checked.split_at_mut(4);
    let (of_writer, of_content) = rest.split_at_mut(8);
    of_length.copy_from_slice(&length.to_le_bytes());
    of_writer.copy_from_slice(&writer.to_le_bytes());
    of_content.copy_from_slice(&crc32fast::hash(content).to_le_bytes());
    marker.copy_from_slice(&MARKER);
    check.copy_from_slice(&crc32fast::hash(checked).to_le_bytes());
    Ok(())
}
