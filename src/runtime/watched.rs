//! `/metrics` and `/healthz` over HTTP, for whoever watches a server or a generator.
//!
//! Not here: what is counted.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// What makes the text of all metrics, each time anew.
pub type Text = Arc<dyn Fn() -> String + Send + Sync>;

/// What scrapers know the text of metrics by.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Questions at once; whoever watches asks rarely.
const QUESTIONS_MAX: usize = 64;
/// How long a whole exchange may take.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// Answers for as long as it is polled.
pub async fn serve(listener: TcpListener, metrics: Text, healthy: Arc<AtomicBool>) {
    let permits = Arc::new(tokio::sync::Semaphore::new(QUESTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot be asked for metrics");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                continue;
            }
        };
        let (metrics, healthy) = (Arc::clone(&metrics), Arc::clone(&healthy));
        let answers = service_fn(move |request: Request<Incoming>| {
            let response = answer(&request, &*metrics, healthy.load(Ordering::Relaxed));
            std::future::ready(Ok::<_, Infallible>(response))
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), answers);
        tokio::spawn(async move {
            // Whoever breaks off asks again.
            let _ = tokio::time::timeout(PATIENCE, connection).await;
            drop(permit);
        });
    }
}

fn answer<B>(
    request: &Request<B>,
    metrics: &dyn Fn() -> String,
    healthy: bool,
) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => (StatusCode::OK, OPEN_METRICS, metrics()),
        (&Method::GET, "/healthz") if healthy => (StatusCode::OK, "text/plain", "ok\n".to_owned()),
        (&Method::GET, "/healthz") => {
            (StatusCode::SERVICE_UNAVAILABLE, "text/plain", "it is ending\n".to_owned())
        }
        _ => (StatusCode::NOT_FOUND, "text/plain", "there are /metrics and /healthz\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
