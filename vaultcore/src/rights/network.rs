//! Networks that tokens are bound to.

use std::net::IpAddr;

/// Returns whether `address` is in one of `networks`. An address that nobody knows is in none.
pub(crate) fn within(networks: &[String], address: Option<IpAddr>) -> bool {
    let Some(address) = address else {
        return false;
    };
    let holds = |network: &String| parse_network(network).is_some_and(|net| net.holds(address));
    networks.iter().any(holds)
}

/// Returns whether all of `inner` lies in one of `networks`.
pub(crate) fn covers(networks: &[String], inner: &str) -> bool {
    let Some(inner) = parse_network(inner) else {
        return false;
    };
    let holds = |network: &String| {
        let network = parse_network(network);
        let same = |network: &Network| network.base.is_ipv4() == inner.base.is_ipv4();
        network.is_some_and(|network| {
            same(&network) && network.bits <= inner.bits && network.holds(inner.base)
        })
    };
    networks.iter().any(holds)
}

/// A network: the first bits of an address.
pub(crate) struct Network {
    base: IpAddr,
    bits: u8,
}

/// Reads `10.0.0.0/8`, `::1/128` or a single address.
pub(crate) fn parse_network(text: &str) -> Option<Network> {
    let (base, bits) = match text.split_once('/') {
        Some((base, bits)) => (base.parse().ok()?, Some(bits.parse::<u8>().ok()?)),
        None => (text.parse().ok()?, None),
    };
    let most = match base {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some(Network { base, bits })
}

impl Network {
    fn holds(&self, address: IpAddr) -> bool {
        let differs = match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differing = base.to_bits() ^ address.to_bits();
                differing.leading_zeros()
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differing = base.to_bits() ^ address.to_bits();
                differing.leading_zeros()
            }
            _ => return false,
        };
        differs >= u32::from(self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_what_they_say() {
        let within = |network: &str, address: &str| {
            within(
                &[network.to_owned()],
                Some(address.parse().expect("address")),
            )
        };
        assert!(within("10.0.0.0/8", "10.255.0.1"));
        assert!(!within("10.0.0.0/8", "11.0.0.1"));
        assert!(within("10.0.0.1", "10.0.0.1"));
        assert!(within("0.0.0.0/0", "1.2.3.4"));
        assert!(within("10.0.0.1/32", "::ffff:10.0.0.1"));
        assert!(within("fd00::/8", "fd12::1"));
        assert!(!within("fd00::/8", "10.0.0.1"));
        for bad in ["10.0.0.0/33", "x", "", "::/129"] {
            assert!(parse_network(bad).is_none(), "{bad}");
        }
        assert!(!super::within(&["0.0.0.0/0".to_owned()], None));
    }

    #[test]
    fn networks_cover_what_lies_in_them() {
        let covers = |network: &str, inner| covers(&[network.to_owned()], inner);
        for inner in ["10.0.0.0/8", "10.1.0.0/16", "10.255.255.255"] {
            assert!(covers("10.0.0.0/8", inner), "{inner}");
        }
        for inner in [
            "0.0.0.0/0",
            "10.0.0.0/7",
            "11.0.0.0/8",
            "fd00::/8",
            "::ffff:10.0.0.0/96",
            "x",
            "",
        ] {
            assert!(!covers("10.0.0.0/8", inner), "{inner}");
        }
        assert!(!super::covers(&[], "10.0.0.0/8"));
    }
}
