//! Records as TensorFlow frames them: length, checksum of the length, bytes, checksum of the bytes.

/// The Castagnoli polynomial, reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;
/// What a checksum is masked with, so that the checksum of what holds checksums is none of theirs.
const MASK: u32 = 0xa282_ead8;

/// For each byte, what it does to the checksum.
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut rest = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 1 { (rest >> 1) ^ POLYNOMIAL } else { rest >> 1 };
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |rest, byte| TABLE[usize::from(rest as u8 ^ byte)] ^ (rest >> 8))
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(MASK).to_le_bytes()
}

/// Appends a record.
pub fn frame(file: &mut Vec<u8>, record: &[u8]) {
    let length = (record.len() as u64).to_le_bytes();
    file.extend_from_slice(&length);
    file.extend_from_slice(&masked(&length));
    file.extend_from_slice(record);
    file.extend_from_slice(&masked(record));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 3720, appendix B.4.
    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(&(0..32).collect::<Vec<u8>>()), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_record_is_framed() {
        let mut file = Vec::new();
        frame(&mut file, b"ab");
        assert_eq!((file.len(), &file[..8], &file[12..14]), (18, &[2, 0, 0, 0, 0, 0, 0, 0][..], &b"ab"[..]));
    }
}
