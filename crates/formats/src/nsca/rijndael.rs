//! Rijndael with blocks of 192 and 256 bits, which AES left out and no kept library has; NSCA's methods 15 and 16 are
//! such. Only the way that CFB needs: encryption. Tables are looked up by secret bytes, as libmcrypt does too; who can
//! time the server can read this traffic by simpler means.

/// Keys are of 256 bits: NSCA always takes the longest.
const KEY_WORDS: usize = 8;
const ROUNDS: usize = 14;

pub struct Rijndael {
    /// Of a block.
    words: usize,
    round_keys: Vec<[u8; 4]>,
    substitutes: [u8; 256],
}

impl Rijndael {
    /// `key` has 32 bytes; `words` is 4, 6 or 8.
    pub fn new(key: &[u8], words: usize) -> Rijndael {
        let substitutes = substitutes();
        let mut round_keys: Vec<[u8; 4]> =
            key.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]).collect();
        round_keys.truncate(KEY_WORDS);
        let mut constant = 1u8;
        for index in KEY_WORDS..words * (ROUNDS + 1) {
            let mut word = round_keys[index - 1];
            if index % KEY_WORDS == 0 {
                word.rotate_left(1);
                word = word.map(|byte| substitutes[usize::from(byte)]);
                word[0] ^= constant;
                constant = doubled(constant);
            } else if index % KEY_WORDS == 4 {
                word = word.map(|byte| substitutes[usize::from(byte)]);
            }
            let before = round_keys[index - KEY_WORDS];
            round_keys.push(std::array::from_fn(|row| word[row] ^ before[row]));
        }
        Rijndael { words, round_keys, substitutes }
    }

    /// One block, in place.
    pub fn encrypt(&self, block: &mut [u8]) {
        self.add_round_key(block, 0);
        for round in 1..=ROUNDS {
            self.substitute_and_shift(block);
            if round < ROUNDS {
                block.chunks_exact_mut(4).for_each(mix);
            }
            self.add_round_key(block, round);
        }
    }

    fn add_round_key(&self, block: &mut [u8], round: usize) {
        let keys = &self.round_keys[round * self.words..][..self.words];
        for (column, key) in block.chunks_exact_mut(4).zip(keys) {
            column.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        }
    }

    fn substitute_and_shift(&self, block: &mut [u8]) {
        let before: Vec<u8> = block.iter().map(|byte| self.substitutes[usize::from(*byte)]).collect();
        let by = if self.words == 8 { [0, 1, 3, 4] } else { [0, 1, 2, 3] };
        for column in 0..self.words {
            for row in 0..4 {
                block[4 * column + row] = before[4 * ((column + by[row]) % self.words) + row];
            }
        }
    }
}

fn mix(column: &mut [u8]) {
    let all = column.iter().fold(0, |all, byte| all ^ byte);
    let first = column[0];
    for row in 0..4 {
        let next = if row == 3 { first } else { column[row + 1] };
        column[row] ^= all ^ doubled(column[row] ^ next);
    }
}

/// In the field of 2^8 elements with x^8 + x^4 + x^3 + x + 1.
fn doubled(byte: u8) -> u8 {
    byte << 1 ^ if byte & 0x80 == 0 { 0 } else { 0x1b }
}

/// The inverse of each element, stirred.
fn substitutes() -> [u8; 256] {
    let mut table = [0x63; 256];
    // `power` walks through all elements but zero by threes, `inverse` the other way.
    let (mut power, mut inverse) = (1u8, 1u8);
    loop {
        power ^= doubled(power);
        inverse ^= inverse << 1;
        inverse ^= inverse << 2;
        inverse ^= inverse << 4;
        inverse ^= if inverse & 0x80 == 0 { 0 } else { 0x09 };
        let turned = |bits| inverse.rotate_left(bits);
        table[usize::from(power)] = inverse ^ turned(1) ^ turned(2) ^ turned(3) ^ turned(4) ^ 0x63;
        if power == 1 {
            return table;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

    /// Blocks of 128 bits are AES, of which there is a kept library; Debian's send_nsca judges the wider ones.
    #[test]
    fn with_small_blocks_it_is_aes() {
        for seed in 0..20u8 {
            let key: Vec<u8> = (0..32u8).map(|n| n.wrapping_mul(37).wrapping_add(seed)).collect();
            let mut ours: Vec<u8> = (0..16u8).map(|n| n.wrapping_mul(11) ^ seed).collect();
            let mut theirs = Array::try_from(&ours[..]).unwrap();
            aes::Aes256::new_from_slice(&key).unwrap().encrypt_block(&mut theirs);
            Rijndael::new(&key, 4).encrypt(&mut ours);
            assert_eq!(ours, theirs.as_slice());
        }
    }
}
