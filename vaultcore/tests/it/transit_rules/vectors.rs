//! Known answers through transit's calls.

use data_encoding::{BASE64, HEXLOWER};
use vaultcore::transit::{Input, KeyType, NewKey};

use super::Bench;

fn bytes(word: &str) -> Vec<u8> {
    match word {
        "-" => Vec::new(),
        hex => HEXLOWER.decode(hex.as_bytes()).expect("hex"),
    }
}

/// NIST's CAVP for AES-256-GCM: each case as it is, and with one bit of it changed.
#[test]
fn aes_256_gcm_answers_as_nist_says() {
    let bench = Bench::new();
    let (mut right, mut wrong) = (0, 0);
    let cases = include_str!("gcm256.txt").lines();
    for (number, line) in cases.filter(|line| !line.starts_with('#')).enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let [key, nonce, aad, ciphertext, tag, plain] = words[..] else {
            panic!("{line}");
        };
        let name = format!("k{number}");
        let imported = bench.transit.import(&name, &NewKey::default(), &bytes(key));
        imported.expect("imported");
        assert_eq!(NewKey::default(), NewKey::new(KeyType::Aes256Gcm96));
        let aad = bytes(aad);
        let whole = [bytes(nonce), bytes(ciphertext), bytes(tag)].concat();
        let decrypt = |whole: &[u8]| {
            let text = format!("vault:v1:{}", BASE64.encode(whole));
            let input = Input::new(&text).associated_data(&aad);
            let plain = bench.transit.decrypt(&name, input);
            plain.ok().map(|plain| plain.expose().to_vec())
        };
        let expected = (plain != "fail").then(|| bytes(plain));
        assert_eq!(decrypt(&whole), expected, "{line}");
        right += usize::from(expected.is_some());
        wrong += usize::from(expected.is_none());
        let mut changed = whole.clone();
        changed[number % whole.len()] ^= 1;
        assert_eq!(decrypt(&changed), None, "{line}");
    }
    assert_eq!((right, wrong), (75, 50));
}
