//! SCRAM-SHA-256 (RFC 5802, 7677) as MongoDB carries it. What it is made of (HMAC, PBKDF2, random numbers) is ring's.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use outbound::Secret;
use ring::{digest, hmac, pbkdf2};
use serde_json::{Value, json};

use super::{Client, Trouble};

const KEY_BYTES: usize = 32;
/// MongoDB's default is 15,000; a server that asks for without end only wants our time.
const ITERATIONS_MAX: u32 = 500_000;
/// RFC 7677.
const ITERATIONS_MIN: u32 = 4_096;

pub async fn sign_in(
    client: &mut Client<'_>,
    user: &str,
    password: &Secret,
    database: &str,
) -> Result<(), Trouble> {
    let wrong = |what: &str| Trouble::unknown(format!("sign in: {what}"));
    let nonce = nonce()?;
    let first = format!("n={},r={nonce}", user.replace('=', "=3D").replace(',', "=2C"));
    let start = [
        ("saslStart", json!(1)),
        ("mechanism", json!("SCRAM-SHA-256")),
        ("payload", json!({ "$binary": format!("n,,{first}") })),
        ("options", json!({ "skipEmptyExchange": true })),
    ];
    let answer = run(client, &start, database).await?;
    let challenge = payload(&answer);
    let last = Last::of(&first, &nonce, &challenge, password)
        .ok_or_else(|| wrong("the server's challenge is not of SCRAM-SHA-256"))?;
    let go_on = [
        ("saslContinue", json!(1)),
        ("conversationId", answer["conversationId"].clone()),
        ("payload", json!({ "$binary": last.message })),
    ];
    let answer = run(client, &go_on, database).await?;
    // Only who knows the password can say this; another server would have our name, and nothing more.
    if payload(&answer).strip_prefix("v=") != Some(&last.expected) {
        return Err(wrong("the server does not know the password either: it is not the one that is meant"));
    }
    Ok(())
}

async fn run(client: &mut Client<'_>, command: &[(&str, Value)], database: &str) -> Result<Value, Trouble> {
    client.run(command, database).await.map_err(|refused| Trouble::from(refused).while_doing("sign in"))
}

fn payload(answer: &Value) -> String {
    answer["payload"]["$binary"].as_str().unwrap_or_default().to_owned()
}

fn nonce() -> Result<String, Trouble> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).map_err(|error| Trouble::unknown(error.to_string()))?;
    Ok(BASE64.encode(bytes))
}

struct Last {
    message: String,
    expected: String,
}

impl Last {
    /// Of `r=…,s=…,i=…`.
    fn of(first: &str, nonce: &str, challenge: &str, password: &Secret) -> Option<Last> {
        let part = |key: &str| challenge.split(',').find_map(|part| part.strip_prefix(key));
        let both = part("r=").filter(|both| both.starts_with(nonce) && both.len() > nonce.len())?;
        let salt = BASE64.decode(part("s=")?).ok()?;
        let iterations: u32 = part("i=")?.parse().ok()?;
        let iterations =
            NonZeroU32::new(iterations).filter(|it| (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&it.get()))?;
        let mut salted = [0; KEY_BYTES];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, &salt, password.0.as_bytes(), &mut salted);
        let client_key = mac(&salted, "Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let without_proof = format!("c=biws,r={both}");
        let signed = format!("{first},{challenge},{without_proof}");
        let signature = mac(stored_key.as_ref(), &signed);
        let proof: Vec<u8> =
            client_key.as_ref().iter().zip(signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        let server_key = mac(&salted, "Server Key");
        Some(Last {
            message: format!("{without_proof},p={}", BASE64.encode(proof)),
            expected: BASE64.encode(mac(server_key.as_ref(), &signed)),
        })
    }
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7677() {
        let nonce = "rOprNGfwEbeRWgbNEkqO";
        let challenge =
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let last =
            Last::of("n=user,r=rOprNGfwEbeRWgbNEkqO", nonce, challenge, &Secret("pencil".into())).unwrap();
        assert!(
            last.message.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
            "{}",
            last.message
        );
        assert_eq!(last.expected, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        for bad in [
            "",
            "r=other,s=W22Z,i=4096",
            &challenge.replace("4096", "1"),
            &challenge.replace("4096", "4000000000"),
        ] {
            assert!(Last::of("n=user,r=x", nonce, bad, &Secret("pencil".into())).is_none(), "{bad}");
        }
    }
}
