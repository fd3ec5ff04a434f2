//! How NSCA's packets are encrypted: libmcrypt's ciphers in 8-bit CFB.
//!
//! The key is the password, cut or filled with zeros to the longest key of the cipher, whatever its length. The first
//! block of the greeting's IV is the start, and the state runs on through all packets of a connection; only XOR begins
//! anew with each. Nothing of this is safe by today's measure: it keeps a neighbour from reading along by chance.

use std::fmt;

use aes::cipher::{Array, BlockCipherEncrypt, BlockSizeUser, KeyInit};

use super::IV_BYTES;
use super::rijndael::Rijndael;

/// `encryption_method` of send_nsca.cfg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    None,
    Xor,
    Des,
    TripleDes,
    Cast128,
    Xtea,
    Blowfish,
    Twofish,
    Rijndael128,
    Rijndael192,
    Rijndael256,
    Serpent,
}

const METHODS: [(u8, Method); 12] = [
    (0, Method::None),
    (1, Method::Xor),
    (2, Method::Des),
    (3, Method::TripleDes),
    (4, Method::Cast128),
    (6, Method::Xtea),
    (8, Method::Blowfish),
    (9, Method::Twofish),
    (14, Method::Rijndael128),
    (15, Method::Rijndael192),
    (16, Method::Rijndael256),
    (20, Method::Serpent),
];

impl TryFrom<u8> for Method {
    type Error = String;

    fn try_from(number: u8) -> Result<Method, String> {
        let found = METHODS.iter().find(|(own, _)| *own == number).map(|(_, method)| *method);
        found.ok_or_else(|| {
            let known: Vec<String> = METHODS.iter().map(|(number, _)| number.to_string()).collect();
            format!(
                "encryption method {number} is not among those that can be read ({}): choose one of them here and in send_nsca.cfg, such as 14",
                known.join(", ")
            )
        })
    }
}

impl Method {
    pub fn number(self) -> u8 {
        METHODS.iter().find(|(_, method)| *method == self).map_or(0, |(number, _)| *number)
    }

    /// Anybody on the way can read it, and write what he likes.
    pub fn is_open(self) -> bool {
        matches!(self, Method::None | Method::Xor)
    }
}

/// Undoes one connection's encryption.
pub struct Decryptor(Kind);

enum Kind {
    None,
    Xor { iv: [u8; IV_BYTES], password: Vec<u8>, at: usize },
    Cfb { encrypt: Encrypt, shift: Vec<u8>, block: Vec<u8> },
}

/// One block, in place. CFB needs no more of a cipher in either direction.
type Encrypt = Box<dyn Fn(&mut [u8]) + Send>;

impl fmt::Debug for Decryptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Decryptor")
    }
}

impl Decryptor {
    pub fn new(method: Method, password: &str, iv: &[u8; IV_BYTES]) -> Decryptor {
        let cfb = |(encrypt, block): (Encrypt, usize)| Kind::Cfb {
            encrypt,
            shift: iv[..block].to_vec(),
            block: vec![0; block],
        };
        Decryptor(match method {
            Method::None => Kind::None,
            Method::Xor => Kind::Xor { iv: *iv, password: password.as_bytes().to_vec(), at: 0 },
            Method::Des => cfb(of::<des::Des>(password, 8)),
            Method::TripleDes => cfb(of::<des::TdesEde3>(password, 24)),
            Method::Cast128 => cfb(of::<cast5::Cast5>(password, 16)),
            Method::Xtea => cfb(xtea(password)),
            Method::Blowfish => cfb(of::<blowfish::Blowfish>(password, 56)),
            Method::Twofish => cfb(of::<twofish::Twofish>(password, 32)),
            Method::Rijndael128 => cfb(of::<aes::Aes256>(password, 32)),
            Method::Rijndael192 => cfb(wide(password, 6)),
            Method::Rijndael256 => cfb(wide(password, 8)),
            Method::Serpent => cfb(of::<serpent::Serpent>(password, 32)),
        })
    }

    /// The next bytes of the connection, of a packet or of a part of one.
    pub fn decrypt(&mut self, bytes: &mut [u8]) {
        match &mut self.0 {
            Kind::None => {}
            Kind::Xor { iv, password, at } => {
                for byte in bytes {
                    *byte ^= iv[*at % IV_BYTES];
                    if !password.is_empty() {
                        *byte ^= password[*at % password.len()];
                    }
                    *at += 1;
                }
            }
            Kind::Cfb { encrypt, shift, block } => {
                for byte in bytes {
                    block.copy_from_slice(shift);
                    encrypt(block);
                    shift.rotate_left(1);
                    let last = shift.len() - 1;
                    shift[last] = *byte;
                    *byte ^= block[0];
                }
            }
        }
    }

    /// A packet is complete.
    pub fn packet_ended(&mut self) {
        if let Kind::Xor { at, .. } = &mut self.0 {
            *at = 0;
        }
    }
}

fn key(password: &str, longest: usize) -> Vec<u8> {
    let mut key = password.as_bytes().to_vec();
    key.resize(longest, 0);
    key
}

fn of<C>(password: &str, longest_key: usize) -> (Encrypt, usize)
where
    C: KeyInit + BlockCipherEncrypt + BlockSizeUser + Send + 'static,
{
    let cipher = C::new_from_slice(&key(password, longest_key)).expect("each cipher takes its longest key");
    let encrypt = move |block: &mut [u8]| {
        let block = <&mut Array<u8, C::BlockSize>>::try_from(block).expect("a buffer of a block's length");
        cipher.encrypt_block(block);
    };
    (Box::new(encrypt), C::block_size())
}

/// libmcrypt reads its words from their high end, the crate from their low one.
fn xtea(password: &str) -> (Encrypt, usize) {
    fn swap(bytes: &mut [u8]) {
        bytes.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    }
    let mut key = key(password, 16);
    swap(&mut key);
    let cipher = xtea::Xtea::new_from_slice(&key).expect("a key of 16 bytes");
    let encrypt = move |block: &mut [u8]| {
        swap(block);
        cipher.encrypt_block(block.try_into().expect("a buffer of a block's length"));
        swap(block);
    };
    (Box::new(encrypt), 8)
}

fn wide(password: &str, words: usize) -> (Encrypt, usize) {
    let cipher = Rijndael::new(&key(password, 32), words);
    (Box::new(move |block: &mut [u8]| cipher.encrypt(block)), 4 * words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for (number, method) in METHODS {
            assert_eq!((Method::try_from(number), method.number()), (Ok(method), number));
        }
        for other in [5, 7, 10, 11, 12, 13, 23, 26, 255] {
            assert!(Method::try_from(other).unwrap_err().contains("choose one of them"), "{other}");
        }
    }

    /// Two packets of one connection, as send_nsca 2.10.2 with libmcrypt 2.5.8 sent them.
    #[test]
    fn what_send_nsca_sent() {
        let recorded = include_str!("../../tests/nsca.tsv");
        assert_eq!(recorded.lines().count(), METHODS.len());
        for line in recorded.lines() {
            let (number, hex) = line.split_once('\t').unwrap();
            let number: u8 = number.parse().unwrap();
            let mut bytes: Vec<u8> = (0..hex.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                .collect();
            let iv: [u8; IV_BYTES] = std::array::from_fn(|n| (n * 7 + usize::from(number)) as u8);
            let mut decryptor = Decryptor::new(Method::try_from(number).unwrap(), "pass word", &iv);
            let packets = bytes.chunks_mut(super::super::OLD_PACKET_BYTES).map(|packet| {
                decryptor.decrypt(packet);
                decryptor.packet_ended();
                let read =
                    super::super::read(packet).unwrap_or_else(|error| panic!("method {number}: {error}"));
                let text = |bytes| std::str::from_utf8(bytes).unwrap().to_owned();
                (read.status, text(read.host), text(read.service), text(read.output))
            });
            let of = |status, host: &str, service: &str, output: &str| {
                (status, host.into(), service.into(), output.into())
            };
            let expected = vec![of(2, "web1", "disk", "full|a=1"), of(1, "web2", "", "down")];
            assert_eq!(packets.collect::<Vec<_>>(), expected, "method {number}");
        }
    }

    /// In pieces of any size the same comes out.
    #[test]
    fn state_runs_on() {
        let iv: [u8; IV_BYTES] = std::array::from_fn(|n| n as u8);
        for (_, method) in METHODS {
            let whole: Vec<u8> = (0..2_000).map(|n| (n * 7) as u8).collect();
            let mut once = whole.clone();
            Decryptor::new(method, "secret", &iv).decrypt(&mut once);
            let (mut pieces, mut decryptor) = (whole.clone(), Decryptor::new(method, "secret", &iv));
            pieces.chunks_mut(13).for_each(|piece| decryptor.decrypt(piece));
            assert_eq!(once, pieces, "{method:?}");
            assert_eq!(once == whole, method == Method::None, "{method:?}");
        }
    }
}
