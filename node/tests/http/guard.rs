//! Who is let in.

use crate::site::{Site, read};
use ureq::http::Request;

#[test]
fn without_the_token_nothing_is_told() {
    let site = Site::with_school();
    let ask = |authorization: Option<String>, path: &str| {
        let mut request = Request::builder().uri(format!("{}{path}", site.url));
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        site.agent.run(request.body(Vec::<u8>::new()).unwrap()).unwrap()
    };
    let guarded =
        ["/v1/status", "/v1/spaces/school/log", "/v1/spaces/school/events", "/metrics", "/v1/spaces/x/log"];
    for path in guarded {
        for wrong in [None, Some("Bearer x".to_owned()), Some(format!("Basic {}", site.token))] {
            let (status, problem) = read(ask(wrong.clone(), path));
            assert_eq!((status, &problem["code"]), (401, &"unauthorized".into()), "{path} {wrong:?}");
        }
    }
    let lower = ask(Some(format!("bearer {}", site.token)), "/v1/status");
    assert_eq!(lower.status(), 200);
    assert_eq!(read(ask(None, "/healthz")), (200, "ok\n".into()));
    assert_eq!(read(ask(None, "/openapi.json")).1["openapi"], "3.1.0");
}

#[test]
fn a_request_for_another_host_is_refused_even_with_the_token() {
    let site = Site::with_school();
    let port = site.url.rsplit(':').next().unwrap();
    for path in ["/v1/status", "/healthz", "/nothing"] {
        let (status, problem) =
            read(site.send("GET", path, &[("host", &format!("evil.example:{port}"))], ""));
        assert_eq!((status, &problem["code"]), (403, &"host_refused".into()), "{path}");
    }
    let localhost = site.send("GET", "/v1/status", &[("host", &format!("localhost:{port}"))], "");
    assert_eq!(localhost.status(), 200);
}

#[test]
fn every_route_is_in_the_openapi_document() {
    let site = Site::bare();
    let document = site.get("/openapi.json").1;
    let source = include_str!("../../src/http/mod.rs");
    let mut routes = 0;
    for route in source.split(".route(").skip(1) {
        let route = route.trim_start().strip_prefix('"').unwrap();
        let (path, methods) = route.split_once('"').unwrap();
        let methods = methods.split(".route_layer").next().unwrap();
        let described = &document["paths"][path];
        for method in ["get", "post", "patch", "put", "delete"] {
            let routed = methods.contains(&format!("{method}("));
            assert_eq!(routed, described.get(method).is_some(), "{method} {path}");
            routes += usize::from(routed);
        }
    }
    let described = document["paths"].as_object().unwrap().values();
    assert_eq!(routes, described.map(|path| path.as_object().unwrap().len()).sum::<usize>());
    // Every schema that is referred to is there.
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
    }
}
