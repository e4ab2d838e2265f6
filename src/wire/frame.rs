//! Frames on a stream: a big-endian u32 length, then that many octets of CBOR.
//!
//! Not here: sockets, or what the octets mean (`codec`).

use crate::wire::limits::FRAME_MAX;

/// Octets of the length before each frame.
pub const PREFIX_LEN: usize = 4;

/// The peer's length is out of range; where the next frame would start is unknown, so the stream
/// is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame has 1 to {FRAME_MAX} octets, its length says {0}")]
pub struct FrameError(pub u32);

/// Appends a frame with its length.
///
/// # Panics
/// When `octets` is empty or longer than [`FRAME_MAX`]: no envelope that this program sends is.
pub fn write_frame(octets: &[u8], stream: &mut Vec<u8>) {
    assert!((1..=FRAME_MAX).contains(&octets.len()), "a frame of {} octets", octets.len());
    let len = u32::try_from(octets.len()).expect("FRAME_MAX fits");
    stream.extend_from_slice(&len.to_be_bytes());
    stream.extend_from_slice(octets);
}

/// Takes a stream apart as its chunks arrive; holds at most one frame.
///
/// Memory grows with the octets that arrived, never with the length that a prefix claims.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// What is there of the prefix and, after it, of the frame.
    partial: Vec<u8>,
    /// The length that ended the stream.
    broken: Option<FrameError>,
}

impl FrameReader {
    /// At the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes octets from the front of `chunk` up to the end of one frame and returns that frame.
    ///
    /// `None` means that the chunk is used up; otherwise call again with what is left of it.
    ///
    /// # Errors
    /// When a length is out of range, from then on for ever.
    pub fn read(&mut self, chunk: &mut &[u8]) -> Result<Option<Vec<u8>>, FrameError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        let Some(prefix) = self.take(chunk, PREFIX_LEN) else { return Ok(None) };
        let claimed = u32::from_be_bytes([prefix[0], prefix[1], prefix[2], prefix[3]]);
        let len = usize::try_from(claimed).ok().filter(|len| (1..=FRAME_MAX).contains(len));
        let Some(len) = len else {
            let error = FrameError(claimed);
            self.broken = Some(error);
            return Err(error);
        };
        if self.take(chunk, PREFIX_LEN + len).is_none() {
            return Ok(None);
        }
        let mut frame = std::mem::take(&mut self.partial);
        frame.drain(..PREFIX_LEN);
        Ok(Some(frame))
    }

    /// Whether the stream may end here without cutting a frame.
    #[must_use]
    pub const fn is_between_frames(&self) -> bool {
        self.partial.is_empty() && self.broken.is_none()
    }

    /// Fills `partial` up to `len` octets; the partial frame once that many are there.
    fn take(&mut self, chunk: &mut &[u8], len: usize) -> Option<&[u8]> {
        let missing = len.saturating_sub(self.partial.len());
        let (now, later) = chunk.split_at(missing.min(chunk.len()));
        self.partial.extend_from_slice(now);
        *chunk = later;
        (self.partial.len() >= len).then_some(&self.partial[..])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(stream: &[u8], chunk_len: usize) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut reader = FrameReader::new();
        let mut frames = Vec::new();
        for mut chunk in stream.chunks(chunk_len) {
            while let Some(frame) = reader.read(&mut chunk)? {
                frames.push(frame);
            }
            assert!(chunk.is_empty());
        }
        assert!(reader.is_between_frames());
        Ok(frames)
    }

    proptest! {
        #[test]
        fn frames_arrive_whole_however_the_stream_is_cut(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 0..8),
            chunk_len in 1_usize..400,
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                write_frame(frame, &mut stream);
            }
            prop_assert_eq!(read_all(&stream, chunk_len), Ok(frames));
        }

        #[test]
        fn any_octets_are_taken_without_a_panic_and_without_hoarding(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..32),
        ) {
            let mut reader = FrameReader::new();
            let mut arrived = 0;
            for chunk in &chunks {
                let mut chunk = &chunk[..];
                arrived += chunk.len();
                while let Ok(Some(_)) = reader.read(&mut chunk) {}
                prop_assert!(reader.partial.len() <= PREFIX_LEN + FRAME_MAX);
                prop_assert!(reader.partial.capacity() <= 2 * arrived.max(8));
            }
        }
    }

    #[test]
    fn the_largest_frame_passes_and_one_octet_more_does_not() {
        let largest = vec![7; FRAME_MAX];
        let mut stream = Vec::new();
        write_frame(&largest, &mut stream);
        assert_eq!(read_all(&stream, 1000), Ok(vec![largest]));
        for (claimed, prefix) in
            [(65_537, [0, 1, 0, 1]), (u32::MAX, [255; PREFIX_LEN]), (0, [0; PREFIX_LEN])]
        {
            let mut reader = FrameReader::new();
            assert_eq!(reader.read(&mut &prefix[..]), Err(FrameError(claimed)));
            assert_eq!(reader.read(&mut &[0, 0, 0, 1, 0][..]), Err(FrameError(claimed)));
        }
        let error = FrameError(0).to_string();
        assert_eq!(error, "a frame has 1 to 65536 octets, its length says 0");
    }

    #[test]
    fn a_cut_frame_is_noticed_at_the_end() {
        let mut reader = FrameReader::new();
        assert!(reader.is_between_frames());
        assert_eq!(reader.read(&mut &[0, 0, 0, 2, 9][..]), Ok(None));
        assert!(!reader.is_between_frames());
        assert_eq!(reader.read(&mut &[8][..]), Ok(Some(vec![9, 8])));
        assert!(reader.is_between_frames());
    }
}
