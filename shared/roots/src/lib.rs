#![doc = include_str!("../README.md")]

use std::env;
use std::ffi::OsString;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// The environment variables that name other certificates. OpenSSL and rustls read the same ones.
const NAMING: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The compiled-in certificates, each as DER. `None` where the environment names others: each TLS stack then reads those
/// itself.
pub fn bundled() -> Option<impl Iterator<Item = &'static [u8]>> {
    let named = is_named(|name| env::var_os(name));
    (!named).then(ders)
}

/// The compiled-in certificates as one PEM text; `None` where the environment names others.
pub fn bundled_pem() -> Option<String> {
    bundled().map(pem)
}

fn is_named(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    NAMING
        .iter()
        .filter_map(|name| variable(name))
        .any(|value| !value.is_empty())
}

fn ders() -> impl Iterator<Item = &'static [u8]> {
    TLS_SERVER_ROOT_CERTS.iter().map(AsRef::as_ref)
}

fn pem(certificates: impl Iterator<Item = &'static [u8]>) -> String {
    certificates
        .map(|der| {
            let base64 = STANDARD.encode(der);
            format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::RootCertStore;
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    #[test]
    fn every_bundled_certificate_is_taken_as_der_and_as_pem() {
        let pem = pem(ders());
        let from_pem: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem.as_bytes())
            .collect::<Result<_, _>>()
            .unwrap();
        let from_der: Vec<CertificateDer<'_>> = ders().map(CertificateDer::from).collect();
        assert!(from_der.len() > 100);
        assert_eq!(from_pem, from_der);
        let mut store = RootCertStore::empty();
        for certificate in from_der {
            store.add(certificate).unwrap();
        }
    }

    #[test]
    fn certificates_that_the_environment_names_take_the_place_of_the_bundled_ones() {
        let set = |set: &'static str, value: &'static str| {
            move |name: &str| (name == set).then(|| value.into())
        };
        assert!(is_named(set("SSL_CERT_FILE", "/etc/proxy.pem")));
        assert!(is_named(set("SSL_CERT_DIR", "/etc/proxy")));
        assert!(!is_named(set("SSL_CERT_FILE", "")));
        assert!(!is_named(|_| None));
    }
}
