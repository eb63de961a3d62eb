//! Errors as `application/problem+json` (RFC 9457), in the language that the request asks for.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tandem_words::Language;

use crate::api::ApiError;

/// The language that whoever asks likes best.
pub(super) fn language_of(headers: &HeaderMap) -> Language {
    let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|asked| asked.to_str().ok());
    asked.map_or(Language::English, Language::accepted)
}

/// Tells the errors of all routes: where one comes up, nobody knows who reads it.
pub(super) async fn in_language(request: Request, next: Next) -> Response {
    let language = language_of(request.headers());
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) => {
            if error.status >= 500 {
                tracing::warn!(code = %error.code, "{error}");
            }
            told(&error, language)
        }
        None => response,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = told(&self, Language::English);
        response.extensions_mut().insert(self);
        response
    }
}

/// Says in which language the sentences of an answer are.
pub(super) fn is_told_in(language: Language, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.code()));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    response
}

fn told(error: &ApiError, language: Language) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let response = (status, axum::Json(error.problem(language))).into_response();
    let mut response = is_told_in(language, response);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
