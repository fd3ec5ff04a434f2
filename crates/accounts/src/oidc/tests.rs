//! Words of a provider, right and wrong, signed with keys made here.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use vocabulary::Timestamp;
use vocabulary::settings::Secret;

use super::*;
use crate::Role;

const NOW: Timestamp = Timestamp(1_800_000_000);

fn config() -> OidcConfig {
    OidcConfig {
        issuer: "https://login.example".into(),
        client_id: "bellwether".into(),
        default_role: Some(Role::Viewer),
        ..OidcConfig::default()
    }
}

fn claims() -> Value {
    json!({"iss": "https://login.example", "aud": "bellwether", "sub": "u1", "nonce": "n",
        "iat": NOW.0, "exp": NOW.0 + 300, "preferred_username": "ana"})
}

/// Claims with others in place of some; null takes one out.
fn with(other: Value) -> Value {
    let mut all = claims();
    let map = all.as_object_mut().unwrap();
    for (key, value) in other.as_object().unwrap() {
        map.remove(key);
        if !value.is_null() {
            map.insert(key.clone(), value.clone());
        }
    }
    all
}

struct Signer {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    fn new() -> Signer {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).unwrap();
        Signer { pair, random }
    }

    fn keys(&self, more: Value) -> Keys {
        let point = self.pair.public_key().as_ref();
        let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..]));
        let mut key = json!({"kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": y});
        more.as_object().unwrap().iter().for_each(|(name, value)| key[name] = value.clone());
        serde_json::from_value(json!({"keys": [{"kty": "strange", "new": [1]}, key]})).unwrap()
    }

    fn sign(&self, header: Value, claims: &Value) -> String {
        let part = |json: &Value| BASE64.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self.pair.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", BASE64.encode(signature))
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "kid": "k"})
}

#[test]
fn only_a_word_for_us_of_this_sign_in_and_of_now_is_believed() {
    let signer = Signer::new();
    let keys = signer.keys(json!({"use": "sig", "alg": "ES256"}));
    let check = |other: Value, part: &str| {
        let token = signer.sign(header(), &with(other.clone()));
        let said = verify(&token, &keys, &config(), "n", NOW);
        match part {
            "" => assert!(said.is_ok(), "{other}: {said:?}"),
            part => assert!(
                matches!(&said, Err(Unbelievable::Because(why)) if why.contains(part)),
                "{other}: {said:?}"
            ),
        }
    };
    check(json!({}), "");
    check(json!({"aud": ["bellwether"]}), "");
    check(json!({"aud": ["bellwether", "x"], "azp": "bellwether"}), "");
    check(json!({"exp": NOW.0 - 59}), "");
    check(json!({"iat": NOW.0 + 59}), "");
    check(json!({"iss": "https://login.example/"}), "another provider's");
    check(json!({"iss": null}), "another provider's");
    check(json!({"aud": "x"}), "another server");
    check(json!({"aud": null}), "another server");
    check(json!({"aud": ["bellwether", "x"]}), "another server");
    check(json!({"azp": "x"}), "another server");
    check(json!({"nonce": "m"}), "another sign-in");
    check(json!({"nonce": null}), "another sign-in");
    check(json!({"exp": NOW.0 - 61}), "holds no more");
    check(json!({"exp": "1900000000"}), "how long it holds");
    check(json!({"exp": null}), "how long it holds");
    check(json!({"iat": null}), "when it was given");
    check(json!({"iat": NOW.0 + 61}), "of the future");
    check(json!({"nbf": NOW.0 + 61}), "of the future");
    check(json!({"nbf": "soon"}), "cannot be read");
    check(json!({"sub": ""}), "who signed in");
    check(json!({"sub": "x".repeat(256)}), "who signed in");
    check(json!({"sub": 5}), "who signed in");
    check(json!({"much": "x".repeat(70_000)}), "too long");
}

#[test]
fn only_the_providers_signature_counts() {
    let (signer, other) = (Signer::new(), Signer::new());
    let keys = signer.keys(json!({}));
    let said = |token: &str| verify(token, &keys, &config(), "n", NOW);
    let because = |part: &str, token: &str| {
        let said = said(token);
        assert!(matches!(&said, Err(Unbelievable::Because(why)) if why.contains(part)), "{token}: {said:?}");
    };
    let good = signer.sign(header(), &claims());
    assert!(said(&good).is_ok());
    assert!(
        said(&signer.sign(json!({"alg": "ES256"}), &claims())).is_ok(),
        "a provider with one key names none"
    );
    because("signature of its word is wrong", &other.sign(header(), &claims()));
    let changed = signer.sign(header(), &with(json!({"sub": "u2"})));
    let (head, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    because("signature", &format!("{head}.{}.{signature}", changed.split('.').nth(1).unwrap()));
    because("signature", &format!("{head}.{}.", rest.split_once('.').unwrap().0));
    for alg in ["none", "None", "HS256", "ES512", ""] {
        because("not signed in a way", &signer.sign(json!({"alg": alg, "kid": "k"}), &claims()));
    }
    because("extensions", &signer.sign(json!({"alg": "ES256", "kid": "k", "crit": ["b64"]}), &claims()));
    assert_eq!(
        said(&signer.sign(json!({"alg": "RS256", "kid": "k"}), &claims())),
        Err(Unbelievable::UnknownKey)
    );
    assert_eq!(
        said(&signer.sign(json!({"alg": "ES256", "kid": "new"}), &claims())),
        Err(Unbelievable::UnknownKey)
    );
    for token in ["", ".", "..", "a.b.c", "a.b", &format!("{good}."), &good[..good.len() - 8], "é.é.é"] {
        assert!(said(token).is_err(), "{token}");
    }
    let for_other_things = signer.keys(json!({"use": "enc"}));
    assert_eq!(verify(&good, &for_other_things, &config(), "n", NOW), Err(Unbelievable::UnknownKey));
}

fn believed(config: &OidcConfig, other: Value) -> Result<Newcomer, String> {
    let Value::Object(map) = with(other) else { unreachable!() };
    Claims(map).newcomer(config)
}

#[test]
fn roles_follow_from_claims() {
    let map = [("ops", Role::Admin), ("dev", Role::Responder)];
    let mapped = OidcConfig {
        role_claim: Some("realm_access.roles".into()),
        role_map: map.map(|(name, role)| (name.to_owned(), role)).into(),
        default_role: None,
        ..config()
    };
    let role = |config: &OidcConfig, roles: Value| {
        believed(config, json!({"realm_access": {"roles": roles}})).unwrap().role
    };
    assert_eq!(role(&mapped, json!(["dev", "ops", 5])), Some(Role::Admin));
    assert_eq!(role(&mapped, json!("dev")), Some(Role::Responder));
    assert_eq!(role(&mapped, json!(["x"])), None);
    assert_eq!(role(&mapped, json!({"ops": 1})), None);
    assert_eq!(
        role(&OidcConfig { default_role: Some(Role::Viewer), ..mapped }, json!([])),
        Some(Role::Viewer)
    );
    let url = OidcConfig { role_claim: Some("https://x.example/groups".into()), ..config() };
    assert!(believed(&url, json!({"https://x.example/groups": ["ops"]})).unwrap().role_is_said);
    assert!(!believed(&config(), json!({})).unwrap().role_is_said);
}

#[test]
fn groups_are_what_is_listed_and_nothing_else() {
    let groups = |other: Value| {
        let asked = OidcConfig { groups_claim: Some("groups".into()), ..config() };
        believed(&asked, other).map(|new| new.groups.unwrap())
    };
    let are = |other: Value, wanted: &[&str]| assert_eq!(groups(other.clone()).unwrap(), wanted, "{other}");
    are(json!({"groups": ["shop", "mail"]}), &["shop", "mail"]);
    are(json!({"groups": "shop,mail"}), &["shop,mail"]);
    are(json!({"groups": ["shop", 5, null, ["mail"], {"name": "mail"}, true]}), &["shop"]);
    are(json!({"groups": []}), &[]);
    for wrong in [
        json!({"groups": {"shop": true}}),
        json!({"groups": 5}),
        json!({"groups": null}),
        // The browser may have asked for fewer scopes than this server did.
        json!({}),
        // So says Entra ID of whoever is in more than 200.
        json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x.example"}}}),
    ] {
        assert!(groups(wrong.clone()).unwrap_err().contains("does not list your groups"), "{wrong}");
    }
    let many: Vec<String> = (0..10_000).map(|n| format!("g{n}")).collect();
    assert_eq!(groups(json!({"groups": many})).unwrap().len(), 10_000);
    assert_eq!(believed(&config(), json!({"groups": ["shop"]})).unwrap().groups, None, "not asked");
    let unnamed = OidcConfig { groups_claim: Some("a..b".into()), ..config() };
    assert_eq!(unnamed.problems()[0].0, "groups_claim");
}

#[test]
fn people_need_a_name_and_a_domain() {
    let name = |other: Value| believed(&config(), other).map(|new| new.name);
    assert_eq!(name(json!({})), Ok("ana".into()));
    for wrong in [json!(null), json!(5), json!(""), json!("a\nb"), json!("x".repeat(101))] {
        assert!(name(json!({"preferred_username": wrong})).unwrap_err().contains("name_claim"), "{wrong}");
    }
    let domain = OidcConfig { allowed_domains: vec!["example.com".into()], ..config() };
    let mail = |mail: &str, verified: Value| {
        believed(&domain, json!({"email": mail, "email_verified": verified})).is_ok()
    };
    assert!(mail("ana@example.com", json!(true)) && mail("ana@EXAMPLE.com", json!("true")));
    assert!(!mail("ana@example.com", json!(false)) && !mail("ana@example.com", json!(null)));
    assert!(!mail("ana@evil.example", json!(true)) && !mail("ana@example.com@evil.example", json!(true)));
    assert!(!mail("ana@xexample.com", json!(true)) && !mail("example.com", json!(true)));
    let by_mail = OidcConfig { name_claim: "email".into(), ..config() };
    assert_eq!(believed(&by_mail, json!({"email": "a@b"})).map(|new| new.name), Ok("a@b".into()));
    assert!(believed(&by_mail, json!({"email": "a@b", "email_verified": true})).is_ok());
    assert!(believed(&by_mail, json!({"email": "a@b", "email_verified": false})).is_err());
}

#[test]
fn whether_an_address_is_theirs_is_asked_where_it_counts() {
    let suffices = |config: &OidcConfig, other: Value| {
        let Value::Object(map) = with(other) else { unreachable!() };
        Claims(map).suffice(config)
    };
    let mail = || json!({"email": "ana@example.com"});
    let verified = || json!({"email": "ana@example.com", "email_verified": false});
    assert!(suffices(&config(), json!({})));
    let by_mail = OidcConfig { name_claim: "email".into(), ..config() };
    let by_domain = OidcConfig { allowed_domains: vec!["example.com".into()], ..config() };
    for config in [by_mail, by_domain] {
        assert!(!suffices(&config, json!({})) && !suffices(&config, mail()) && suffices(&config, verified()));
    }
}

#[test]
fn what_is_asked_for_more_says_nothing_of_others_and_changes_nothing() {
    let Value::Object(map) = claims() else { unreachable!() };
    let more = |text: &str| Claims(map.clone()).with(text.as_bytes());
    let read = more(r#"{"sub": "u1", "email": "a@b", "iss": "x", "preferred_username": "root"}"#).unwrap();
    assert_eq!((read.text("email"), read.text("preferred_username")), (Some("a@b"), Some("ana")));
    assert!(more(r#"{"sub": "u2"}"#).unwrap_err().contains("another person"));
    assert!(more("{}").is_err() && more("jwt.jwt.jwt").is_err());
}

#[test]
fn whether_another_address_is_theirs_does_not_count() {
    let config = OidcConfig { allowed_domains: vec!["example.com".into()], ..config() };
    let may = |signed: Value, more: &str| {
        let Value::Object(map) = with(signed) else { unreachable!() };
        Claims(map).with(more.as_bytes()).unwrap().newcomer(&config).is_ok()
    };
    let signed = || json!({"email": "boss@example.com"});
    assert!(may(signed(), r#"{"sub": "u1", "email": "boss@example.com", "email_verified": true}"#));
    assert!(!may(signed(), r#"{"sub": "u1", "email": "own@evil.example", "email_verified": true}"#));
    assert!(!may(signed(), r#"{"sub": "u1", "email_verified": true}"#), "of which one?");
    assert!(may(json!({}), r#"{"sub": "u1", "email": "ana@example.com", "email_verified": true}"#));
}

fn discovery(other: Value) -> Result<Discovery, String> {
    let mut said = json!({"issuer": "https://login.example", "authorization_endpoint": "https://login.example/auth?x=1",
        "token_endpoint": "https://login.example/token", "jwks_uri": "https://login.example/keys"});
    other.as_object().unwrap().iter().for_each(|(name, value)| said[name] = value.clone());
    Discovery::read(said.to_string().as_bytes(), &config())
}

#[test]
fn a_provider_is_the_one_that_is_configured_and_encrypted() {
    assert!(discovery(json!({})).is_ok());
    let issuer = json!({"issuer": "https://evil.example"});
    assert!(discovery(issuer).unwrap_err().contains("calls itself `https://evil.example`"));
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
        for wrong in ["http://login.example/x", "javascript:x", "https://a b", "https://a\r\nx: y"] {
            assert!(discovery(json!({ name: wrong })).is_err(), "{name} {wrong}");
        }
    }
    assert!(Discovery::read(b"<html>", &config()).is_err());
    assert_eq!(discovery_url("https://a/b/"), "https://a/b/.well-known/openid-configuration");
}

#[test]
fn whoever_signs_out_goes_where_the_provider_says_and_nowhere_else() {
    let back = "https://bellwether.example/?a=b&c";
    let way = |config: &OidcConfig, end: Value| {
        discovery(json!({ "end_session_endpoint": end })).unwrap().way_out(config, back)
    };
    let query =
        "client_id=bellwether&post_logout_redirect_uri=https%3A%2F%2Fbellwether.example%2F%3Fa%3Db%26c";
    let plain = way(&config(), json!("https://login.example/end"));
    assert_eq!(plain, Some(format!("https://login.example/end?{query}")));
    let asked = way(&config(), json!("https://login.example/end?x=1"));
    assert_eq!(asked, Some(format!("https://login.example/end?x=1&{query}")));
    for wrong in
        [json!(null), json!("http://login.example/end"), json!("javascript:alert(1)"), json!("https://a/#b")]
    {
        assert_eq!(way(&config(), wrong.clone()), None, "{wrong}");
    }
    let here = OidcConfig { sign_out_there: false, ..config() };
    assert_eq!(way(&here, json!("https://login.example/end")), None);
}

#[test]
fn a_sign_in_goes_on_only_where_it_began() {
    let attempt = Attempt::begin("/monitors?a=1#x", NOW).unwrap();
    let key = AttemptKey::of(b"the server's");
    let sealed = attempt.sealed(&key).unwrap();
    let opened = |sealed: &str, later| Attempt::opened(sealed, &key, NOW.plus(later));
    assert_eq!(opened(&sealed, ATTEMPT_SECONDS), Some(attempt.clone()));
    assert_eq!(opened(&sealed, ATTEMPT_SECONDS + 1), None);
    assert_eq!(opened(&sealed, -1), None);
    for wrong in ["", "x", "e30", &sealed[1..], &sealed[..sealed.len() - 4], &"A".repeat(10_000)] {
        assert_eq!(opened(wrong, 0), None, "{wrong:.20}");
    }
    assert!(attempt.is(attempt.id()) && !attempt.is("") && !attempt.is(attempt.nonce()));
    for (next, path) in [
        ("/a", "/a"),
        ("", "/"),
        ("a", "/"),
        ("//x", "/"),
        ("/\\x", "/"),
        ("/a\\x", "/"),
        ("/a\nb", "/"),
        ("/ü", "/"),
        ("/a b", "/"),
    ] {
        assert_eq!(Attempt::begin(next, NOW).unwrap().next(), path, "{next}");
    }
    let url = attempt.question(&discovery(json!({})).unwrap(), &config(), "https://b/back");
    assert!(
        url.starts_with("https://login.example/auth?x=1&response_type=code&client_id=bellwether&"),
        "{url}"
    );
    assert!(
        url.contains("code_challenge_method=S256") && url.contains("scope=openid+profile+email"),
        "{url}"
    );
}

#[test]
fn nobody_but_this_server_makes_an_attempt() {
    let (key, other) = (AttemptKey::of(b"the server's"), AttemptKey::of(b"another server's"));
    let attempt = Attempt::begin("/here", NOW).unwrap();
    let sealed = attempt.sealed(&key).unwrap();
    assert_eq!(Attempt::opened(&sealed, &AttemptKey::of(b"the server's"), NOW), Some(attempt.clone()));
    assert_eq!(Attempt::opened(&sealed, &other, NOW), None);
    assert_eq!(Attempt::opened(&attempt.sealed(&other).unwrap(), &key, NOW), None);
    let bytes = BASE64.decode(&sealed).unwrap();
    for place in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[place] ^= 1;
        assert_eq!(Attempt::opened(&BASE64.encode(forged), &key, NOW), None, "{place}");
    }
    // As versions before kept it: without a seal.
    let text = &bytes[..bytes.len() - 32];
    assert!(text.ends_with(b"}") && Attempt::opened(&BASE64.encode(text), &key, NOW).is_none());
}

#[test]
fn the_secret_is_sent_as_the_provider_takes_it() {
    let attempt = Attempt::begin("/", NOW).unwrap();
    let sent = |secret: Option<&str>, ways: Value| {
        let config = OidcConfig { client_secret: secret.map(Secret::new), ..config() };
        let discovery = discovery(json!({"token_endpoint_auth_methods_supported": ways})).unwrap();
        let sent = attempt.redeem(&discovery, &config, "c", "https://b/back");
        (sent.form, sent.authorization.map(|secret| secret.reveal().to_owned()))
    };
    let (form, header) = sent(Some("a:b"), json!(["client_secret_basic", "client_secret_post"]));
    assert_eq!(header.as_deref(), Some("Basic YmVsbHdldGhlcjphJTNBYg=="));
    assert!(
        form.contains("code_verifier=") && !form.contains("client_secret") && !form.contains("client_id")
    );
    let (form, header) = sent(Some("a:b"), json!(["client_secret_post"]));
    assert!(header.is_none() && form.ends_with("client_id=bellwether&client_secret=a%3Ab"), "{form}");
    let (form, header) = sent(None, json!(["none"]));
    assert!(header.is_none() && form.ends_with("client_id=bellwether"), "{form}");
}

#[test]
fn what_is_wrong_in_the_configuration_is_told() {
    assert_eq!(config().problems(), []);
    let check = |change: fn(&mut OidcConfig), key: &str| {
        let mut config = config();
        change(&mut config);
        let found: Vec<&str> = config.problems().iter().map(|(key, _)| *key).collect();
        assert_eq!(found, [key]);
    };
    check(|c| c.issuer = "http://login.example".into(), "issuer");
    check(|c| c.issuer = "login.example".into(), "issuer");
    check(|c| c.issuer = "https://".into(), "issuer");
    check(|c| c.issuer = "https://a@b".into(), "issuer");
    check(|c| c.issuer = "http://127.0.0.1.evil.example".into(), "issuer");
    check(|c| c.client_id.clear(), "client_id");
    check(|c| c.scopes = vec!["profile".into()], "scopes");
    check(|c| c.scopes.push("a b".into()), "scopes");
    check(|c| c.name_claim.clear(), "name_claim");
    check(|c| c.name.clear(), "name");
    check(|c| c.default_role = None, "default_role");
    check(|c| c.role_claim = Some("groups".into()), "role_map");
    check(|c| c.role_map = [("a".to_owned(), Role::Admin)].into(), "role_claim");
    check(|c| c.allowed_domains = vec!["@example.com".into()], "allowed_domains");
    let mut stand_in = config();
    stand_in.issuer = "http://127.0.0.1:3000".into();
    assert_eq!(stand_in.problems(), []);
}
