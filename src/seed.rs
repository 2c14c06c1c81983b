//! The only source of randomness: a seed, and streams that are named before they are drawn from.
//!
//! Every decision of a world is drawn from a [`Stream`] that names its purpose (`domain`) and its
//! subject (`key`). A draw more in one stream moves nothing in another, so a seed keeps its
//! meaning when a fault is removed or a service draws once more. This is what lets a failure shrink.

use std::fmt;
use std::str::FromStr;

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The number that a whole run follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of `domain` (what is drawn: `"link"`, `"nemesis"`) for `key` (for whom).
    ///
    /// Seed, domain and key become the key of a ChaCha8 cipher, so two streams are as unrelated
    /// as two ciphers with different keys.
    ///
    /// ```
    /// use stormglass::rand::RngExt;
    /// use stormglass::seed::Seed;
    ///
    /// let draw = |domain, key| Seed(7).stream(domain, key).random::<u64>();
    /// assert_eq!(draw("link", 1), draw("link", 1));
    /// assert_ne!(draw("link", 1), draw("link", 2));
    /// assert_ne!(draw("link", 1), draw("node", 1));
    /// ```
    #[must_use]
    pub fn stream(self, domain: &str, key: u64) -> Stream {
        let mut cipher_key = [0; 32];
        cipher_key[..8].copy_from_slice(&self.0.to_le_bytes());
        cipher_key[8..16].copy_from_slice(&xxh3_64(domain.as_bytes()).to_le_bytes());
        cipher_key[16..24].copy_from_slice(&key.to_le_bytes());
        Stream(ChaCha8Rng::from_seed(cipher_key))
    }

    /// A stream for subjects that number in thousands, such as links: 32 bytes instead of 300, and
    /// made in the time of a hash. Its generator is xoshiro256++ instead of ChaCha8.
    #[must_use]
    pub fn small_stream(self, domain: &str, key: u64) -> SmallStream {
        let domain = xxh3_64_with_seed(domain.as_bytes(), self.0);
        let state = xxh3_64_with_seed(&key.to_le_bytes(), domain);
        SmallStream(Xoshiro256PlusPlus::seed_from_u64(state))
    }

    /// The stream of `domain` for a subject that has a name instead of a number.
    #[must_use]
    pub fn named_stream(self, domain: &str, name: &str) -> Stream {
        self.stream(domain, xxh3_64(name.as_bytes()))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seed {
    type Err = String;

    /// A decimal number, or a hexadecimal text of more than 20 digits (a commit) folded into one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(number) = text.parse() {
            return Ok(Seed(number));
        }
        if text.len() >= 20 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Seed(xxh3_64(text.as_bytes()) >> 16));
        }
        Err(format!("`{text}` is not a seed: give a decimal number, or a commit's full hash"))
    }
}

/// A stream of random numbers with a name. It implements [`rand::Rng`].
#[derive(Clone, Debug)]
pub struct Stream(ChaCha8Rng);

/// True with probability `p`; 0 and 1 draw nothing.
pub fn chance(rng: &mut impl Rng, p: f64) -> bool {
    p >= 1.0 || (p > 0.0 && rng.random_bool(p))
}

impl Stream {
    /// True with probability `p`; 0 and 1 draw nothing.
    pub fn chance(&mut self, p: f64) -> bool {
        chance(&mut self.0, p)
    }

    /// A number in `0..n`. Panics if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.0.random_range(0..n)
    }

    /// One of `items`, or none if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { Some(&items[self.0.random_range(0..items.len())]) }
    }

    /// Shuffles `items` in place.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.0.random_range(0..=i));
        }
    }
}

/// A small stream of random numbers with a name; from [`Seed::small_stream`]. It implements
/// [`rand::Rng`].
#[derive(Clone, Debug)]
pub struct SmallStream(Xoshiro256PlusPlus);

macro_rules! draws_from_its_generator {
    ($($stream:ty),*) => {$(
        impl rand::TryRng for $stream {
            type Error = std::convert::Infallible;

            #[inline]
            fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
                Ok(self.0.next_u32())
            }

            #[inline]
            fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
                Ok(self.0.next_u64())
            }

            fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
                self.0.fill_bytes(bytes);
                Ok(())
            }
        }
    )*};
}

draws_from_its_generator!(Stream, SmallStream);
