//! What collectd's `SecurityLevel` asks for: packets that carry an HMAC-SHA-256 of their rest, or that are encrypted
//! with AES-256 in output feedback mode, each under the password of a user.

use std::collections::HashMap;

use aes::Aes256;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{PacketError, Protection};

const MAC_BYTES: usize = 32;
const IV_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 20;

/// Whose packets are believed.
#[derive(Clone, PartialEq)]
pub struct Security {
    /// Values that are less protected are not taken.
    pub least: Protection,
    /// Passwords by user; `None`: no file was given.
    passwords: Option<HashMap<String, String>>,
}

impl std::fmt::Debug for Security {
    /// Without the passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let users = self.passwords.as_ref().map(HashMap::len);
        f.debug_struct("Security").field("least", &self.least).field("users", &users).finish()
    }
}

/// What was inside an encrypted part.
pub struct Opened(pub Vec<u8>);

impl Security {
    /// Takes everything that is not encrypted, and believes signatures unseen, as collectd does without an AuthFile.
    pub fn none() -> Security {
        Security { least: Protection::None, passwords: None }
    }

    /// The text of collectd's AuthFile: `user: password`, a line each. `Err` is the number of a line that is not so.
    pub fn with_passwords(least: Protection, text: &str) -> Result<Security, usize> {
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let entry = |(index, line): (usize, &str)| match line.split_once(':') {
            Some((user, password)) if !user.trim().is_empty() && !password.trim().is_empty() => {
                Ok((user.trim().to_owned(), password.trim().to_owned()))
            }
            _ => Err(index + 1),
        };
        Ok(Security { least, passwords: Some(lines.map(entry).collect::<Result<_, _>>()?) })
    }

    /// `body` is that of a signature, `rest` what it vouches for.
    pub(super) fn verify(&self, body: &[u8], rest: &[u8]) -> Result<Protection, PacketError> {
        let (mac, user) = body.split_at_checked(MAC_BYTES).ok_or(PacketError::Length)?;
        if self.passwords.is_none() {
            return Ok(Protection::None);
        }
        let password = self.password(user)?;
        let mut computed =
            Hmac::<Sha256>::new_from_slice(password.as_bytes()).map_err(|_| PacketError::NotVerified)?;
        computed.update(user);
        computed.update(rest);
        computed.verify_slice(mac).map_err(|_| PacketError::NotVerified)?;
        Ok(Protection::Signed)
    }

    /// `body` is that of an encrypted part: who, where the key stream begins, and a checksum with the parts.
    pub(super) fn open(&self, body: &[u8]) -> Result<Opened, PacketError> {
        if self.passwords.is_none() {
            return Err(PacketError::NoPassword);
        }
        let (length, body) = body.split_first_chunk::<2>().ok_or(PacketError::Length)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (user, body) = body.split_at_checked(length).ok_or(PacketError::Length)?;
        let (start, body) = body.split_first_chunk::<IV_BYTES>().ok_or(PacketError::Length)?;
        let key: [u8; 32] = Sha256::digest(self.password(user)?.as_bytes()).into();
        let mut plain = body.to_vec();
        output_feedback(&key, *start, &mut plain);
        let (checksum, parts) = plain.split_at_checked(CHECKSUM_BYTES).ok_or(PacketError::Length)?;
        if Sha1::digest(parts).as_slice() != checksum {
            return Err(PacketError::NotVerified);
        }
        Ok(Opened(parts.to_vec()))
    }

    fn password(&self, user: &[u8]) -> Result<&str, PacketError> {
        let user = std::str::from_utf8(user).map_err(|_| PacketError::NotVerified)?;
        let known = self.passwords.as_ref().and_then(|passwords| passwords.get(user));
        known.map(String::as_str).ok_or(PacketError::NotVerified)
    }
}

/// The key stream is the encrypted start, encrypted again and again; the way in and out is the same.
fn output_feedback(key: &[u8; 32], start: [u8; IV_BYTES], bytes: &mut [u8]) {
    let cipher = Aes256::new(key.into());
    let mut stream = start.into();
    for block in bytes.chunks_mut(IV_BYTES) {
        cipher.encrypt_block(&mut stream);
        block.iter_mut().zip(&stream).for_each(|(byte, key)| *byte ^= key);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// As collectd does it: for the tests of whole packets.
    pub fn sign(user: &str, password: &str, rest: &[u8]) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(password.as_bytes()).unwrap();
        mac.update(user.as_bytes());
        mac.update(rest);
        let mac = mac.finalize().into_bytes();
        let length = (4 + mac.len() + user.len()) as u16;
        [&[2, 0], &length.to_be_bytes()[..], &mac, user.as_bytes(), rest].concat()
    }

    pub fn encrypt(user: &str, password: &str, parts: &[u8]) -> Vec<u8> {
        let checksum = Sha1::digest(parts);
        let mut inside = [checksum.as_slice(), parts].concat();
        let start = [7; IV_BYTES];
        output_feedback(&Sha256::digest(password.as_bytes()).into(), start, &mut inside);
        let length = (4 + 2 + user.len() + start.len() + inside.len()) as u16;
        let user_length = (user.len() as u16).to_be_bytes();
        [&[2, 0x10], &length.to_be_bytes()[..], &user_length, user.as_bytes(), &start, &inside].concat()
    }

    #[test]
    fn key_streams_are_those_of_the_standard() {
        // NIST SP 800-38A, F.4.5: OFB-AES256.Encrypt, the first block.
        let key: [u8; 32] = std::array::from_fn(|i| {
            let text = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
            u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()
        });
        let mut bytes = *b"\x6b\xc1\xbe\xe2\x2e\x40\x9f\x96\xe9\x3d\x7e\x11\x73\x93\x17\x2a";
        output_feedback(&key, std::array::from_fn(|i| i as u8), &mut bytes);
        assert_eq!(bytes, *b"\xdc\x7e\x84\xbf\xda\x79\x16\x4b\x7e\xcd\x84\x86\x98\x5d\x38\x60");
    }

    #[test]
    fn password_files_are_read_or_the_line_is_told() {
        assert!(Security::with_passwords(Protection::Signed, "# all\njoe: secret\n\n").is_ok());
        assert_eq!(Security::with_passwords(Protection::Signed, "joe: a\njim").unwrap_err(), 2);
    }
}
