//! Calls to the sign-in provider. Somebody waits at the sign-in for each of them.

use std::sync::Arc;
use std::time::Duration;

use http_api::control::{ProviderAnswer, ProviderQuestion};
use outbound::{Egress, Url, http};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Large providers publish dozens of keys, in some tens of kilobytes.
const ANSWER_BYTES: usize = 512 << 10;

pub async fn ask(egress: Arc<Egress>, question: ProviderQuestion) -> Result<ProviderAnswer, String> {
    let method = if question.form.is_some() { http::post() } else { http::get() };
    let mut request = http::Request::new(method, Url::parse(&question.url)?);
    // What it says of itself is all that is asked: whoever is redirected to is not the provider.
    request.redirects_most = 0;
    request.connect_timeout = CONNECT_TIMEOUT;
    request.timeout = TIMEOUT;
    request.body_most = ANSWER_BYTES;
    let header = |request: &mut http::Request, name: &str, value: &str| {
        request.header(name, value).map_err(|failure| failure.message)
    };
    header(&mut request, "Accept", "application/json")?;
    if let Some(form) = question.form {
        header(&mut request, "Content-Type", "application/x-www-form-urlencoded")?;
        request.body = form.into();
    }
    if let Some(authorization) = question.authorization {
        header(&mut request, "Authorization", authorization.reveal())?;
    }
    let answer = http::call(&egress, &request).await.map_err(|failure| failure.message)?;
    match answer.is_cut {
        true => Err(format!("{} answers with more than {ANSWER_BYTES} bytes", answer.url.origin())),
        false => Ok(ProviderAnswer { status: answer.status.as_u16(), body: answer.body.to_vec() }),
    }
}
