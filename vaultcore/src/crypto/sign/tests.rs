//! Against the RFCs, and there and back.

use data_encoding::HEXLOWER;

use super::*;
use crate::crypto::rng::OsRandom;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).expect("hex")
}

/// RFC 8032, section 7.1, tests 1 to 3.
#[test]
fn ed25519_matches_the_rfc() {
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ];
    for (seed, public, message, expected) in cases {
        let seed = Zeroizing::new(hex(seed));
        let pair = Algorithm::Ed25519.pair_of_private(seed).expect("pair");
        assert_eq!(pair.public, hex(public));
        let signer = Signer::new(Algorithm::Ed25519, &pair.private, &pair.public);
        let signer = signer.expect("signer");
        let signature = signer
            .sign(Scheme::Pure, Message::Whole(&hex(message)))
            .expect("signs");
        assert_eq!(signature, hex(expected));
    }
}

/// RFC 6979, A.2.5 and A.2.6: signatures of "sample" that others made.
#[test]
fn ecdsa_accepts_what_the_rfc_signed() {
    let point = |x: &str, y: &str| [&[4][..], &hex(x), &hex(y)].concat();
    let p256 = point(
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    );
    let fixed = hex(
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    );
    let verify = |algorithm: Algorithm, public: &[u8], hash, message: &[u8], fixed: &[u8]| {
        let scheme = Scheme::Ecdsa(hash);
        algorithm
            .verify(public, scheme, Message::Whole(message), &to_der(fixed))
            .expect("scheme")
    };
    assert!(verify(
        Algorithm::EcdsaP256,
        &p256,
        Hash::Sha256,
        b"sample",
        &fixed
    ));
    assert!(!verify(
        Algorithm::EcdsaP256,
        &p256,
        Hash::Sha256,
        b"simple",
        &fixed
    ));
    let p384 = point(
        "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
        "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
    );
    let fixed = hex(
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
    );
    assert!(verify(
        Algorithm::EcdsaP384,
        &p384,
        Hash::Sha384,
        b"sample",
        &fixed
    ));
}

/// Public keys of RFC 6979, A.2.5 to A.2.7.
#[cfg(feature = "crypto-ext")]
const RFC_6979_KEYS: [(&str, &str); 3] = [
    (
        "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
        "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
    ),
    (
        "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64def8f0ea9055866064a254515480bc13",
        "8015d9b72d7d57244ea8ef9ac0c621896708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
    ),
    (
        "01894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd371123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023a4",
        "00493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
    ),
];

/// Its signatures of "sample", by key, under SHA-256, SHA-384 and SHA-512.
#[cfg(feature = "crypto-ext")]
const RFC_6979_SIGNATURES: [[&str; 3]; 3] = [
    [
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        "0eafea039b20e9b42309fb1d89e213057cbf973dc0cfc8f129edddc800ef77194861f0491e6998b9455193e34e7b0d284ddd7149a74b95b9261f13abde940954",
        "8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f002362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe",
    ],
    [
        "21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33bde1e888e63355d92fa2b3c36d8fb2cdf3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feebefdc63eccd1ac42ec0cb8668a4fa0ab0",
        "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
        "ed0959d5880ab2d869ae7f6c2915c6d60f96507f9cb3e047c0046861da4a799cfe30f35cc900056d7c99cd7882433709512c8cceee3890a84058ce1e22dbc2198f42323ce8aca9135329f03c068e5112dc7cc3ef3446defceb01a45c2667fdd5",
    ],
    [
        "01511bb4d675114fe266fc4372b87682baecc01d3cc62cf2303c92b3526012659d16876e25c7c1e57648f23b73564d67f61c6f14d527d54972810421e7d87589e1a7004a171143a83163d6df460aaf61522695f207a58b95c0644d87e52aa1a347916e4f7a72930b1bc06dbe22ce3f58264afd23704cbb63b29b931f7de6c9d949a7ecfc",
        "01ea842a0e17d2de4f92c15315c63ddf72685c18195c2bb95e572b9c5136ca4b4b576ad712a52be9730627d16054ba40cc0b8d3ff035b12ae75168397f5d50c6745101f21a3cee066e1961025fb048bd5fe2b7924d0cd797babe0a83b66f1e35eeaf5fde143fa85dc394a7dee766523393784484bdf3e00114a1c857cde1aa203db65d61",
        "00c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc53950e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05ec36e377fa00617cce7cf5064806c467f678d3b4080d6f1cc50af26ca209417308281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1ee0e44da4a67a",
    ],
];

/// ring has four of these nine, and none for a hash that the caller made.
#[cfg(feature = "crypto-ext")]
#[test]
fn ecdsa_takes_every_hash_on_every_curve_as_the_rfc() {
    let curves = [
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        Algorithm::EcdsaP521,
    ];
    let hashes = [Hash::Sha256, Hash::Sha384, Hash::Sha512];
    for ((algorithm, (x, y)), signatures) in curves
        .into_iter()
        .zip(RFC_6979_KEYS)
        .zip(RFC_6979_SIGNATURES)
    {
        let public = [&[4][..], &hex(x), &hex(y)].concat();
        for (hash, signature) in hashes.into_iter().zip(signatures) {
            let scheme = Scheme::Ecdsa(hash);
            let signature = to_der(&hex(signature));
            let holds = |message| {
                let judged = algorithm.verify(&public, scheme, message, &signature);
                judged.expect("scheme")
            };
            let hashed = crate::crypto::hash::hash(hash, b"sample");
            assert!(holds(Message::Whole(b"sample")), "{algorithm:?} {hash:?}");
            assert!(holds(Message::Hashed(&hashed)), "{algorithm:?} {hash:?}");
            assert!(!holds(Message::Whole(b"simple")));
            assert!(!holds(Message::Whole(&hashed)));
        }
    }
}

#[cfg(feature = "crypto-ext")]
#[test]
fn what_is_hashed_already_is_signed_as_its_message() {
    for algorithm in [
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        Algorithm::EcdsaP521,
        Algorithm::Rsa(2048),
    ] {
        let pair = algorithm.generate(&OsRandom).expect("generated");
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let schemes = match algorithm {
                Algorithm::Rsa(_) => vec![Scheme::Pkcs1(hash), Scheme::Pss(hash, Salt::Hash)],
                _ => vec![Scheme::Ecdsa(hash)],
            };
            let hashed = crate::crypto::hash::hash(hash, b"message");
            for scheme in schemes {
                let sign = |message| {
                    let (private, public) = (&pair.private, &pair.public);
                    algorithm.sign_once(private, public, scheme, message)
                };
                let ways = [Message::Whole(b"message"), Message::Hashed(&hashed)];
                for way in ways {
                    let signature = sign(way).expect("signs");
                    for way in ways {
                        let judged = algorithm.verify(&pair.public, scheme, way, &signature);
                        assert!(judged.expect("scheme"), "{algorithm:?} {scheme:?}");
                    }
                }
                assert!(sign(Message::Hashed(&hashed[1..])).is_err());
            }
        }
    }
}

#[test]
fn keys_come_back_from_every_format() {
    for (algorithm, scheme) in [
        (Algorithm::Ed25519, Scheme::Pure),
        (Algorithm::EcdsaP256, Scheme::Ecdsa(Hash::Sha256)),
        (Algorithm::EcdsaP384, Scheme::Ecdsa(Hash::Sha384)),
        #[cfg(feature = "crypto-ext")]
        (Algorithm::EcdsaP521, Scheme::Ecdsa(Hash::Sha512)),
        #[cfg(feature = "crypto-ext")]
        (Algorithm::Rsa(2048), Scheme::Pss(Hash::Sha256, Salt::Any)),
        #[cfg(feature = "crypto-ext")]
        (Algorithm::MlDsa65, Scheme::Pure),
    ] {
        let pair = algorithm.generate(&OsRandom).expect("generated");
        let pkcs8 = algorithm.to_pkcs8(&pair.private, &pair.public);
        let again = algorithm.read_private(&pkcs8).expect("reads");
        assert_eq!(
            (&again.private, &again.public),
            (&pair.private, &pair.public)
        );
        if matches!(
            algorithm,
            Algorithm::EcdsaP256 | Algorithm::EcdsaP384 | Algorithm::EcdsaP521
        ) {
            let sec1 = algorithm.to_sec1(&pair.private, &pair.public);
            let again = algorithm.read_private(&sec1).expect("reads");
            assert_eq!(again.private, pair.private);
        }
        let spki = algorithm.to_spki(&pair.public);
        assert_eq!(algorithm.public_of_spki(&spki), Some(pair.public.clone()));
        let signer = Signer::new(algorithm, &pair.private, &pair.public).expect("signer");
        let signature = signer
            .sign(scheme, Message::Whole(b"message"))
            .expect("signs");
        let verify = |message: &[u8]| {
            algorithm.verify(&pair.public, scheme, Message::Whole(message), &signature)
        };
        assert!(verify(b"message").expect("scheme"));
        assert!(!verify(b"massage").expect("scheme"));
        for length in (0..pkcs8.len()).filter(|length| *length != 32) {
            assert!(
                algorithm.read_private(&pkcs8[..length]).is_err(),
                "{length}"
            );
        }
    }
}

/// Returns PKCS#8 of the second version: as the first, with a public key behind.
fn with_public(pkcs8: &[u8], public: &[u8]) -> Zeroizing<Vec<u8>> {
    use crate::crypto::der::{self, Reader};
    let inside = Reader::new(pkcs8).read(der::SEQUENCE).expect("PKCS#8");
    let rest = inside.strip_prefix(&[2, 1, 0]).expect("version 1");
    let public = der::value(0x81, &[&[0], public]);
    der::value(der::SEQUENCE, &[&der::number(&[1]), rest, &public])
}

#[test]
fn a_public_key_beside_the_private_one_is_its_own() {
    for algorithm in [
        Algorithm::Ed25519,
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        #[cfg(feature = "crypto-ext")]
        Algorithm::EcdsaP521,
        #[cfg(feature = "crypto-ext")]
        Algorithm::Rsa(2048),
    ] {
        let pair = algorithm.generate(&OsRandom).expect("generated");
        let other = algorithm.generate(&OsRandom).expect("generated");
        let pkcs8 = algorithm.to_pkcs8(&pair.private, &pair.public);
        let whole = with_public(&pkcs8, &pair.public);
        let again = algorithm.read_private(&whole).expect("reads");
        assert_eq!(again.private, pair.private);
        for public in [&other.public, &vec![0; 32], &Vec::new()] {
            let error = algorithm.read_private(&with_public(&pkcs8, public));
            let error = error.err().expect("another's public key");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{algorithm:?}");
        }
    }
}

/// A key that came in with a wrong number could be exported, and failed whenever it was to sign.
#[test]
fn the_numbers_of_an_rsa_key_belong_together() {
    use crate::crypto::der::{self, Reader};
    const PEM: &str = include_str!("../../../tests/it/transit_rules/rsa2048.pem");
    let text: String = PEM.lines().filter(|line| !line.starts_with('-')).collect();
    let pkcs8 = data_encoding::BASE64.decode(text.as_bytes()).expect("PEM");
    let found = der::pkcs8(&pkcs8).expect("PKCS#8");
    let algorithm = Algorithm::Rsa(2048);
    let pair = algorithm.read_private(found.key).expect("reads");
    assert_eq!(pair.private.as_slice(), found.key);
    let mut reader = Reader::new(found.key)
        .inside(der::SEQUENCE)
        .expect("PKCS#1");
    let mut numbers: Vec<Vec<u8>> = Vec::new();
    while let Some(number) = reader.number() {
        numbers.push(number.to_vec());
    }
    let names = [
        "n",
        "e",
        "d",
        "p",
        "q",
        "d mod (p - 1)",
        "d mod (q - 1)",
        "1 / q",
    ];
    assert_eq!(numbers.len(), 1 + names.len());
    for (index, name) in names.iter().enumerate() {
        let at = index + 1;
        let length = numbers[at].len();
        // Odd numbers stay odd: 1 more is not only a number that is even.
        for (byte, bit) in [(0, 1), (length / 2, 0x10), (length - 1, 2)] {
            let mut changed = numbers.clone();
            changed[at][byte] ^= bit;
            let parts: Vec<_> = changed.iter().map(|number| der::number(number)).collect();
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_slice()).collect();
            let error = algorithm.read_private(&der::value(der::SEQUENCE, &parts));
            let error = error.err().unwrap_or_else(|| panic!("{name}, byte {byte}"));
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name}");
        }
    }
}

#[test]
fn points_beside_the_curve_are_no_public_keys() {
    for algorithm in [
        Algorithm::EcdsaP256,
        Algorithm::EcdsaP384,
        #[cfg(feature = "crypto-ext")]
        Algorithm::EcdsaP521,
    ] {
        let pair = algorithm.generate(&OsRandom).expect("generated");
        let taken = |point: &[u8]| algorithm.public_of_spki(&algorithm.to_spki(point));
        assert_eq!(taken(&pair.public), Some(pair.public.clone()));
        let length = pair.public.len();
        // Either number changed, by one and by much, and both beyond the field.
        for at in [1, length / 2, length / 2 + 1, length - 1] {
            let mut beside = pair.public.clone();
            beside[at] ^= 1;
            assert_eq!(taken(&beside), None, "{algorithm:?} {at}");
        }
        assert_eq!(
            taken(&[&[4], vec![0xff; length - 1].as_slice()].concat()),
            None
        );
        assert_eq!(
            taken(&[&[4], vec![0; length - 1].as_slice()].concat()),
            None
        );
        // Other forms: compressed, hybrid, zero.
        let parity = pair.public[length - 1] & 1;
        let half = &pair.public[1..=length / 2];
        assert_eq!(taken(&[&[2 + parity], half].concat()), None);
        assert_eq!(taken(&[&[6 + parity], &pair.public[1..]].concat()), None);
        assert_eq!(taken(&[0]), None);
        assert_eq!(taken(&[]), None);
    }
}

#[test]
fn signatures_change_their_form_and_back() {
    let fixed: Vec<u8> = [vec![0; 31], vec![1], vec![0xff; 32]].concat();
    assert_eq!(from_der(&to_der(&fixed), 32), Some(fixed.clone()));
    assert_eq!(from_der(&to_der(&fixed), 31), None);
    assert_eq!(from_der(&[], 32), None);
}
