//! What is known of the sign-in provider: where it is asked what, and its keys. Asked for when somebody signs in, kept for
//! a while, and asked for once however many wait.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::Mutex;
use vocabulary::settings::Secret;

use crate::accounts;
use crate::accounts::oidc::{
    Attempt, AttemptKey, Claims, Discovery, Keys, OidcConfig, Tokens, Unbelievable, discovery_url, verify,
};
use crate::answer::{Answer, Problem};
use crate::api_v1::off_thread;
use crate::attempts::Attempts;
use crate::control::{Control, ProviderQuestion};
use crate::services::Services;

/// Providers change these once a year, and then both hold for days.
const KEPT: Duration = Duration::from_secs(3_600);
/// An unknown key is a new one, or somebody's invention, which is not asked for again and again.
const KEYS_AT_MOST_EVERY: Duration = Duration::from_secs(60);
/// Nor is a provider that does not answer.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

pub struct Provider {
    state: Mutex<State>,
    /// What browsers keep of a sign-in they have begun is sealed with it.
    pub(super) attempt_key: AttemptKey,
    /// Apart from those of passwords: what a browser says of a sign-in it has begun is no name, whatever it looks like.
    pub(super) attempts: Attempts,
}

impl Provider {
    pub fn new(attempt_key: AttemptKey) -> Provider {
        Provider { state: Mutex::default(), attempt_key, attempts: Attempts::default() }
    }
}

#[derive(Default)]
struct State {
    known: Option<Known>,
    failed: Option<(Instant, String, Problem)>,
}

#[derive(Clone)]
struct Known {
    discovery: Discovery,
    keys: Keys,
    read: Instant,
    keys_read: Instant,
}

/// The provider, for one sign-in.
pub struct Asking<'a> {
    pub services: &'a Arc<Services>,
    pub config: &'a OidcConfig,
}

impl Asking<'_> {
    /// Where it is asked what.
    pub async fn discovery(&self) -> Answer<Discovery> {
        Ok(self.known().await?.discovery)
    }

    async fn known(&self) -> Answer<Known> {
        let mut state = self.services.provider.state.lock().await;
        let issuer = &self.config.issuer;
        let fresh = |known: &&Known| known.discovery.issuer == *issuer && known.read.elapsed() < KEPT;
        if let Some(known) = state.known.as_ref().filter(fresh) {
            return Ok(known.clone());
        }
        if let Some((at, of, problem)) = &state.failed
            && of == issuer
            && at.elapsed() < AFTER_FAILURE
        {
            return Err(problem.clone());
        }
        match self.read().await {
            Ok(known) => {
                *state = State { known: Some(known.clone()), failed: None };
                Ok(known)
            }
            Err(problem) => {
                state.failed = Some((Instant::now(), issuer.clone(), problem.clone()));
                Err(problem)
            }
        }
    }

    async fn read(&self) -> Answer<Known> {
        let said = self.get(discovery_url(&self.config.issuer), "what it says of itself").await?;
        let discovery = Discovery::read(&said, self.config).map_err(|why| self.wrong(&why))?;
        let keys = self.keys(&discovery).await?;
        Ok(Known { discovery, keys, read: Instant::now(), keys_read: Instant::now() })
    }

    async fn keys(&self, discovery: &Discovery) -> Answer<Keys> {
        let body = self.get(discovery.jwks_uri.clone(), "its keys").await?;
        serde_json::from_slice(&body).map_err(|_| self.wrong("its keys cannot be read"))
    }

    /// Its word for who it is that came back with this code.
    pub async fn who(&self, attempt: &Attempt, code: &str, back: &str) -> Answer<Claims> {
        let known = self.known().await?;
        let question = attempt.redeem(&known.discovery, self.config, code, back);
        let body = self.post(&known.discovery.token_endpoint, question.form, question.authorization).await?;
        let tokens: Tokens = serde_json::from_slice(&body)
            .map_err(|_| self.wrong("it gives no word of who signed in (`id_token`)"))?;
        let claims = self.believed(known.clone(), &tokens.id_token, attempt.nonce()).await?;
        self.with_more(&known.discovery, claims, tokens.access_token).await
    }

    async fn believed(&self, known: Known, token: &str, nonce: &str) -> Answer<Claims> {
        let now = self.services.clock.now();
        let first = verify(token, &known.keys, self.config, nonce, now);
        let said = match first {
            Err(Unbelievable::UnknownKey) if known.keys_read.elapsed() >= KEYS_AT_MOST_EVERY => {
                let keys = self.new_keys(&known).await?;
                verify(token, &keys, self.config, nonce, now)
            }
            said => said,
        };
        said.map_err(|why| match why {
            Unbelievable::UnknownKey => self.wrong("its word is signed with a key that it does not publish"),
            Unbelievable::Because(why) => self.wrong(&why),
        })
    }

    async fn new_keys(&self, before: &Known) -> Answer<Keys> {
        let mut state = self.services.provider.state.lock().await;
        // Somebody else may have asked meanwhile.
        if let Some(known) = state.known.as_ref().filter(|known| known.keys_read > before.keys_read) {
            return Ok(known.keys.clone());
        }
        let keys = self.keys(&before.discovery).await?;
        state.known = Some(Known { keys: keys.clone(), keys_read: Instant::now(), ..before.clone() });
        Ok(keys)
    }

    /// Some say only who it is, and the rest when asked.
    async fn with_more(
        &self,
        discovery: &Discovery,
        claims: Claims,
        access: Option<String>,
    ) -> Answer<Claims> {
        let (Some(url), Some(access), false) =
            (&discovery.userinfo_endpoint, access, claims.suffice(self.config))
        else {
            return Ok(claims);
        };
        let bearer = Secret::new(format!("Bearer {access}"));
        let question = ProviderQuestion { url: url.clone(), form: None, authorization: Some(bearer) };
        match self.ask(question, "what it says of the person").await {
            Ok(body) => claims.with(&body).map_err(|why| self.wrong(&why)),
            // Only whether an address is theirs is missing: whoever came in before is known without it.
            Err(_) if claims.says_who(self.config) && self.came_before(&claims).await? => Ok(claims),
            Err(problem) => Err(problem),
        }
    }

    async fn came_before(&self, claims: &Claims) -> Answer<bool> {
        let Some(subject) = claims.subject().map(str::to_owned) else { return Ok(false) };
        let issuer = self.config.issuer.clone();
        let known =
            move |services: &Services| Ok(accounts::arrived(&services.state, &issuer, &subject)?.is_some());
        off_thread(self.services, known).await
    }

    async fn get(&self, url: String, what: &str) -> Answer<Vec<u8>> {
        self.ask(ProviderQuestion { url, form: None, authorization: None }, what).await
    }

    async fn post(&self, url: &str, form: String, authorization: Option<Secret>) -> Answer<Vec<u8>> {
        let question = ProviderQuestion { url: url.to_owned(), form: Some(form), authorization };
        self.ask(question, "its word for this sign-in").await
    }

    async fn ask(&self, question: ProviderQuestion, what: &str) -> Answer<Vec<u8>> {
        let control: &dyn Control = self.services.control.as_ref();
        let answer = control.ask_provider(question).await.map_err(|why| self.away(&why))?;
        match answer.status {
            200 => Ok(answer.body),
            500.. => Err(self.away(&format!("it answers {} when asked for {what}", answer.status))),
            status => {
                Err(self.wrong(&format!("it answers {status}{} when asked for {what}", told(&answer.body))))
            }
        }
    }

    fn away(&self, why: &str) -> Problem {
        tracing::warn!(why, "the sign-in provider does not answer");
        let said = format!("{} does not answer: {why}", self.config.name);
        Problem::new(StatusCode::BAD_GATEWAY, said).hint(
            "whoever has a password here signs in with that, and the links in pages acknowledge all the same",
        )
    }

    fn wrong(&self, why: &str) -> Problem {
        tracing::warn!(why, "the sign-in provider is not believed");
        Problem::new(StatusCode::FORBIDDEN, format!("{} cannot be believed: {why}", self.config.name))
            .hint("begin again; if it stays so, an administrator looks at [auth.oidc] and at the log")
    }
}

/// The standard's short word for what was wrong, such as `invalid_grant`, if that is one.
fn told(body: &[u8]) -> String {
    let read: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let word = read.as_ref().and_then(|body| body["error"].as_str()).filter(|word| {
        word.len() <= 50 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    word.map(|word| format!(" ({word})")).unwrap_or_default()
}
