//! A list of networks.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// One or more networks. An IPv4 address and the same address mapped into IPv6 are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of IP addresses and networks such as 203.0.113.7, 10.0.0.0/8, 2001:db8::/32")]
pub struct InvalidNetworks;

impl Networks {
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = InvalidNetworks;

    /// Reads addresses, and networks in CIDR notation, separated by commas.
    fn from_str(text: &str) -> Result<Self, InvalidNetworks> {
        let networks = text.split(',').map(|part| network(part.trim()).ok_or(InvalidNetworks));
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }
}

fn network(text: &str) -> Option<IpNet> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical().into());
    }
    let network: IpNet = text.parse().ok()?;
    // The last 32 bits of a mapped network are the IPv4 network.
    let mapped = match network.addr().to_canonical() {
        IpAddr::V4(address) if network.max_prefix_len() == 128 => {
            let length = network.prefix_len().checked_sub(96)?;
            Some(Ipv4Net::new(address, length).ok()?.into())
        }
        _ => None,
    };
    Some(mapped.unwrap_or(network))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_in_a_list_that_names_it_or_its_network() {
        let table = [
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.1.2.3/8", "10.255.0.1", true),
            ("192.0.2.1, 10.0.0.0/8", "10.0.0.1", true),
            ("0.0.0.0/0", "192.0.2.1", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("::/0", "2001:db8::1", true),
            ("::/0", "192.0.2.1", false),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true),
            ("::ffff:10.0.0.0/104", "10.255.0.1", true),
            ("::ffff:10.0.0.0/104", "11.0.0.1", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
        ];
        for (list, address, expected) in table {
            let networks: Networks = list.parse().unwrap();
            assert_eq!(networks.contains(address.parse().unwrap()), expected, "{list}: {address}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            " ",
            ",",
            "10.0.0.0/8,",
            "10.0.0.0/33",
            "10.0.0/8",
            "localhost",
            "::ffff:10.0.0.0/8",
        ] {
            assert_eq!(text.parse::<Networks>(), Err(InvalidNetworks), "{text:?}");
        }
    }
}
