//! SHA-256 (FIPS 180-4) that runs at compile time: fingerprints of schemas are constants.

const PRIMES: usize = 64;

/// The first 32 fractional bits of the `root`-th root (2 or 3) of `prime`, in integers.
const fn root_bits(prime: u64, root: u32) -> u32 {
    // The largest x with x^root <= prime * 2^(32 * root), found bit by bit; its low 32 bits are
    // the fraction. Roots of primes up to 311 are below 2^5.
    let target = Wide::shifted(prime, 32 * root);
    let mut x: u64 = 0;
    let mut bit = 37;
    while bit > 0 {
        bit -= 1;
        let candidate = x | 1 << bit;
        if !Wide::power(candidate, root).above(&target) {
            x = candidate;
        }
    }
    x as u32
}

/// 192 bits, enough for the cube of a number of 37 bits.
struct Wide([u64; 3]);

impl Wide {
    const fn shifted(value: u64, bits: u32) -> Self {
        let mut words = [0; 3];
        let word = (bits / 64) as usize;
        let shift = bits % 64;
        words[word] = value << shift;
        if shift != 0 && word < 2 {
            words[word + 1] = value >> (64 - shift);
        }
        Self(words)
    }

    const fn power(base: u64, exponent: u32) -> Self {
        let mut result = Self([base, 0, 0]);
        let mut i = 1;
        while i < exponent {
            let mut carry: u128 = 0;
            let mut word = 0;
            while word < 3 {
                let product = result.0[word] as u128 * base as u128 + carry;
                result.0[word] = product as u64;
                carry = product >> 64;
                word += 1;
            }
            i += 1;
        }
        result
    }

    const fn above(&self, other: &Self) -> bool {
        let mut word = 3;
        while word > 0 {
            word -= 1;
            if self.0[word] != other.0[word] {
                return self.0[word] > other.0[word];
            }
        }
        false
    }
}

const fn primes() -> [u64; PRIMES] {
    let mut found = [0; PRIMES];
    let mut count = 0;
    let mut candidate: u64 = 2;
    while count < PRIMES {
        let mut i = 0;
        while i < count && !candidate.is_multiple_of(found[i]) {
            i += 1;
        }
        if i == count {
            found[count] = candidate;
            count += 1;
        }
        candidate += 1;
    }
    found
}

const fn round_constants() -> [u32; PRIMES] {
    let primes = primes();
    let mut constants = [0; PRIMES];
    let mut i = 0;
    while i < PRIMES {
        constants[i] = root_bits(primes[i], 3);
        i += 1;
    }
    constants
}

const fn initial_state() -> [u32; 8] {
    let primes = primes();
    let mut state = [0; 8];
    let mut i = 0;
    while i < 8 {
        state[i] = root_bits(primes[i], 2);
        i += 1;
    }
    state
}

const ROUNDS: [u32; PRIMES] = round_constants();
const INITIAL: [u32; 8] = initial_state();

const fn schedule(block: &[u8; 64]) -> [u32; 64] {
    let mut w = [0u32; 64];
    let mut i = 0;
    while i < 16 {
        let at = 4 * i;
        w[i] = u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        i += 1;
    }
    while i < 64 {
        let a = w[i - 15];
        let b = w[i - 2];
        let low = a.rotate_right(7) ^ a.rotate_right(18) ^ (a >> 3);
        let high = b.rotate_right(17) ^ b.rotate_right(19) ^ (b >> 10);
        w[i] = w[i - 16].wrapping_add(low).wrapping_add(w[i - 7]).wrapping_add(high);
        i += 1;
    }
    w
}

const fn compress(state: &[u32; 8], block: &[u8; 64]) -> [u32; 8] {
    let w = schedule(block);
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    let mut i = 0;
    while i < 64 {
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let choice = (e & f) ^ (!e & g);
        let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(ROUNDS[i]).wrapping_add(w[i]);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let majority = (a & b) ^ (a & c) ^ (b & c);
        let t2 = s0.wrapping_add(majority);
        (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
        (d, c, b, a) = (c, b, a, t1.wrapping_add(t2));
        i += 1;
    }
    let added = [a, b, c, d, e, f, g, h];
    let mut next = *state;
    let mut i = 0;
    while i < 8 {
        next[i] = state[i].wrapping_add(added[i]);
        i += 1;
    }
    next
}

/// The SHA-256 of `bytes`.
#[must_use]
pub const fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut state = INITIAL;
    let blocks = (bytes.len() + 9).div_ceil(64);
    let bits = (bytes.len() as u64 * 8).to_be_bytes();
    let mut index = 0;
    while index < blocks {
        let mut block = [0u8; 64];
        let mut i = 0;
        while i < 64 {
            let at = index * 64 + i;
            block[i] = if at < bytes.len() {
                bytes[at]
            } else if at == bytes.len() {
                0x80
            } else if index == blocks - 1 && i >= 56 {
                bits[i - 56]
            } else {
                0
            };
            i += 1;
        }
        state = compress(&state, &block);
        index += 1;
    }
    let mut digest = [0; 32];
    let mut i = 0;
    while i < 32 {
        digest[i] = state[i / 4].to_be_bytes()[i % 4];
        i += 1;
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::sha256;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn agrees_with_the_examples_of_the_standard() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let two = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(hex(&sha256(b"")), empty);
        assert_eq!(hex(&sha256(b"abc")), abc);
        let long = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        assert_eq!(hex(&sha256(long)), two);
    }

    #[test]
    fn runs_at_compile_time() {
        const DIGEST: [u8; 32] = sha256(b"rondo-struct 1\n");
        assert_eq!(DIGEST, sha256(b"rondo-struct 1\n"));
    }
}
