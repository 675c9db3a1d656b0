//! The digest of a secret: what is held of it, and compared with what a caller presents.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of a login or token. All digests have one length, whatever was presented.
pub(super) struct Digest([u8; 32]);

impl Digest {
    /// Includes the length of the user, so that no other split of the same bytes is equal.
    pub(super) fn of_login(user: &[u8], password: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(user.len().to_be_bytes())
            .chain_update(user)
            .chain_update(password);
        Self(hash.finalize().into())
    }

    pub(super) fn of_token(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// In constant time.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}
