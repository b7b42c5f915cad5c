//! The fingerprint: a homomorphic set hash over facts.
//!
//! LtHash16 as in Lewi, Kim, Maykov, Weis, *Securing Update Propagation with Homomorphic Hashing*
//! (2019): each fact contributes 1024 lanes of u16, the sum wraps, so facts are added and removed in
//! any order at constant cost, and any subset has a sum of its own. The lanes come from BLAKE3's
//! extendable output over the fact's hash, so that a sum can be kept from stored hashes alone.

use super::FactHash;
use std::fmt;

const LANES: usize = 1024;
const BYTES: usize = LANES * 2;

/// A running sum over a set of facts.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash(Box<[u16; LANES]>);

impl Default for LtHash {
    fn default() -> Self {
        Self(Box::new([0; LANES]))
    }
}

impl fmt::Debug for LtHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LtHash({})", self.fingerprint())
    }
}

impl LtHash {
    /// Size of [`Self::to_bytes`].
    pub const SIZE: usize = BYTES;

    /// The sum of a set of one fact.
    pub fn of(hash: &FactHash) -> Self {
        let mut sum = Self::default();
        sum.add(hash);
        sum
    }

    fn each(&mut self, hash: &FactHash, change: impl Fn(u16, u16) -> u16) {
        let mut out = [0; BYTES];
        blake3::Hasher::new().update(hash).finalize_xof().fill(&mut out);
        for (lane, bytes) in self.0.iter_mut().zip(out.chunks_exact(2)) {
            *lane = change(*lane, u16::from_le_bytes([bytes[0], bytes[1]]));
        }
    }

    /// Adds a fact to the set.
    pub fn add(&mut self, hash: &FactHash) {
        self.each(hash, u16::wrapping_add);
    }

    /// Removes a fact from the set. Membership is not checked.
    pub fn remove(&mut self, hash: &FactHash) {
        self.each(hash, u16::wrapping_sub);
    }

    /// Adds another set's sum (the sets must be disjoint for the result to be a set's sum).
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(lane, more)| *lane = lane.wrapping_add(*more));
    }

    /// Removes another set, whose sum this is.
    pub fn unmerge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(lane, less)| *lane = lane.wrapping_sub(*less));
    }

    /// The sum's lanes, little endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// Reads [`Self::to_bytes`] back; `None` where the length is not [`Self::SIZE`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != BYTES {
            return None;
        }
        let mut sum = Self::default();
        for (lane, pair) in sum.0.iter_mut().zip(bytes.chunks_exact(2)) {
            *lane = u16::from_le_bytes([pair[0], pair[1]]);
        }
        Some(sum)
    }

    /// The digest that is shown and compared.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(*blake3::hash(&self.to_bytes()).as_bytes())
    }
}

/// BLAKE3-256 of a sum's lanes. Displays as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || "a fingerprint is 64 hexadecimal digits".to_owned();
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_and_removal_undoes() {
        let hashes: Vec<FactHash> = (0u8..20).map(|i| *blake3::hash(&[i]).as_bytes()).collect();
        let mut forward = LtHash::default();
        for hash in &hashes {
            forward.add(hash);
        }
        let mut backward = LtHash::default();
        for hash in hashes.iter().rev() {
            backward.add(hash);
        }
        assert_eq!(forward, backward);
        for hash in &hashes {
            forward.remove(hash);
        }
        assert_eq!(forward, LtHash::default());
        for hash in &hashes {
            forward.merge(&LtHash::of(hash));
        }
        assert_eq!(forward, backward);
        for hash in &hashes {
            forward.unmerge(&LtHash::of(hash));
        }
        assert_eq!(forward, LtHash::default());
        assert_ne!(backward.fingerprint(), forward.fingerprint());
    }

    #[test]
    fn sums_survive_bytes_and_text() {
        let mut sum = LtHash::default();
        sum.add(blake3::hash(b"x").as_bytes());
        assert_eq!(LtHash::from_bytes(&sum.to_bytes()).unwrap(), sum);
        assert_eq!(sum.fingerprint().to_string().parse::<Fingerprint>().unwrap(), sum.fingerprint());
        assert!("zz".repeat(32).parse::<Fingerprint>().is_err());
        assert!(LtHash::from_bytes(&[0; 7]).is_none());
    }
}
