//! The body of a request or response on the message lane: its frames, all at once.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use super::BoxError;

/// A body whose frames are all there. Data frames and trailers stay apart, as they were sent.
#[derive(Debug, Default)]
pub struct Body {
    frames: VecDeque<Frame<Bytes>>,
}

impl Body {
    /// A body without content.
    #[must_use]
    pub fn empty() -> Body {
        Body::default()
    }

    /// Takes all frames of another body.
    ///
    /// # Errors
    ///
    /// What the other body fails with.
    pub async fn collect<B>(body: B) -> Result<Body, BoxError>
    where
        B: http_body::Body,
        B::Error: Into<BoxError>,
    {
        Body::gather(body).await.map_err(Into::into)
    }

    /// The same with the other body's own error.
    pub(super) async fn gather<B: http_body::Body>(body: B) -> Result<Body, B::Error> {
        let mut body = pin!(body);
        let mut frames = VecDeque::new();
        while let Some(frame) = body.frame().await {
            let frame = frame?;
            frames.push_back(frame.map_data(|mut data| data.copy_to_bytes(data.remaining())));
        }
        Ok(Body { frames })
    }

    /// Its data in one piece, without trailers. One frame is not copied.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        let mut data = self.frames.into_iter().filter_map(|frame| frame.into_data().ok());
        let first = data.next().unwrap_or_default();
        let Some(second) = data.next() else { return first };
        let mut all = BytesMut::from(&first[..]);
        all.extend_from_slice(&second);
        data.for_each(|part| all.extend_from_slice(&part));
        all.freeze()
    }

    /// Its data in one piece, sharing it where there is one frame.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        if let [only] = self.frames.as_slices().0
            && let Some(data) = only.data_ref()
        {
            return data.clone();
        }
        self.clone().into_bytes()
    }

    /// The number of bytes of its data.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.iter().filter_map(Frame::data_ref).map(Bytes::len).sum()
    }

    /// True if it has no data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flips one bit of its data; frames and trailers stay as they are.
    pub(super) fn flip_a_bit(&mut self, draw: u64) {
        let length = self.len();
        if length == 0 {
            return;
        }
        let mut index = (draw / 8) as usize % length;
        for data in self.frames.iter_mut().filter_map(Frame::data_mut) {
            if index < data.len() {
                let mut flipped = BytesMut::from(&data[..]);
                flipped[index] ^= 1 << (draw % 8);
                *data = flipped.freeze();
                return;
            }
            index -= data.len();
        }
    }
}

/// Frames are not `Clone`; their parts are.
impl Clone for Body {
    fn clone(&self) -> Body {
        let copy = |frame: &Frame<Bytes>| match (frame.data_ref(), frame.trailers_ref()) {
            (Some(data), _) => Some(Frame::data(data.clone())),
            (_, Some(trailers)) => Some(Frame::trailers(trailers.clone())),
            _ => None,
        };
        Body { frames: self.frames.iter().filter_map(copy).collect() }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(data: T) -> Body {
        let data = data.into();
        let frames = (!data.is_empty()).then(|| Frame::data(data)).into_iter().collect();
        Body { frames }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.frames.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}
