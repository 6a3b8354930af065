// URLs, parameters, headers, routes: everything of HTTP that needs no socket.
#include <catch2/catch.hpp>

#include "base/http/content_coding.h"
#include "base/http/message.h"
#include "base/http/proxy.h"
#include "base/http/response_text.h"
#include "base/http/router.h"
#include "base/http/url.h"

using base::Code;
using base::http::Headers;
using base::http::Method;
using base::http::MethodSet;
using base::http::Params;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;
using base::http::Router;
using base::http::Url;

TEST_CASE("a URL is taken apart and put together again", "[base][http]") {
    const auto url = Url::parse("https://us%65r:pa%20ss@Example.com:8443/a/b?x=1&y#frag");
    REQUIRE(url.has_value());
    CHECK(url.value().scheme == "https");
    CHECK(url.value().user == "user");
    CHECK(url.value().password.reveal() == "pa ss");
    CHECK(url.value().host == "example.com");
    CHECK(url.value().port == 8443);
    CHECK(url.value().target() == "/a/b?x=1&y");
    CHECK(url.value().to_string() == "https://user:xxxxx@example.com:8443/a/b?x=1&y#frag");
    CHECK(Url::parse("http://[::1]:9100").value().address() == "[::1]:9100");
    CHECK(Url::parse("http://h").value().address() == "h:80");
    CHECK(Url::parse("https://h").value().address() == "h:443");
    CHECK(Url::parse("http://h").value().target() == "/");
    CHECK(Url::parse("http+unix://%2Frun%2Fx.sock/m").value().host == "/run/x.sock");
}

TEST_CASE("what is no URL is refused without showing a password", "[base][http]") {
    for (const char* const text : {"",
                                   "h:80",
                                   "/path",
                                   "http://",
                                   "http://h:99999",
                                   "http://h:0",
                                   "http://a b",
                                   "http://[::1",
                                   "http://h\r\nX: y"}) {
        CAPTURE(text);
        const auto url = Url::parse(text);
        REQUIRE(!url.has_value());
        CHECK(url.error().code() == Code::kInvalid);
    }
    const auto url = Url::parse("http://user:hunter2@host:x");
    REQUIRE(!url.has_value());
    CHECK(url.error().message().find("hunter2") == std::string::npos);
}

TEST_CASE("references resolve as RFC 3986 5.4 says", "[base][http]") {
    const Url base = Url::parse("http://a/b/c/d;p?q").value();
    const auto check = [&](const char* reference, const char* want) {
        CAPTURE(reference);
        CHECK(base.resolve(reference).value().to_string() == want);
    };
    check("g", "http://a/b/c/g");
    check("./g", "http://a/b/c/g");
    check("g/", "http://a/b/c/g/");
    check("/g", "http://a/g");
    check("//g", "http://g");
    check("?y", "http://a/b/c/d;p?y");
    check("g?y", "http://a/b/c/g?y");
    check("#s", "http://a/b/c/d;p?q#s");
    check("", "http://a/b/c/d;p?q");
    check(".", "http://a/b/c/");
    check("..", "http://a/b/");
    check("../g", "http://a/b/g");
    check("../..", "http://a/");
    check("../../../g", "http://a/g");
    check("https://x:1/y", "https://x:1/y");
}

TEST_CASE("join puts one slash between", "[base][http]") {
    CHECK(Url::parse("http://h/p/").value().join("/api").path == "/p/api");
    CHECK(Url::parse("http://h").value().join("api").path == "/api");
}

TEST_CASE("parameters keep their order and their repetitions", "[base][http]") {
    const Params params =
        Params::parse("match[]=a%7Bb%3D%22c%22%7D&match%5B%5D=x+y&empty=&flag&&z=%E2%82%AC")
            .value();
    CHECK(params.get_all("match[]") == std::vector<std::string_view>{"a{b=\"c\"}", "x y"});
    CHECK(params.has("empty"));
    CHECK(params.has("flag"));
    CHECK(params.get("z") == "€");
    CHECK(!params.has(""));
    CHECK(Params::parse(params.encode()).value().get("z") == "€");
    CHECK(Params::parse("a=%zz").error().message() == "invalid URL escape \"%zz\"");
    CHECK(Params::parse("a=%2").error().code() == Code::kInvalid);
}

TEST_CASE("a form's body comes before the URL's parameters", "[base][http]") {
    Request request;
    request.method = Method::kPost;
    request.headers.add("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    request.body = "query=up&x=1";
    request.query = Params::parse("query=down&y=2").value();
    const Params form = request.form().value();
    CHECK(form.get("query") == "up");
    CHECK(form.get_all("query") == std::vector<std::string_view>{"up", "down"});
    CHECK(form.get("y") == "2");
    request.headers.set("Content-Type", "text/plain");
    CHECK(request.form().value().get("query") == "down");
}

TEST_CASE("headers compare without case", "[base][http]") {
    Headers headers{{"Accept-Encoding", "deflate, GZIP"}, {"X", "1"}, {"x", "2"}};
    CHECK(headers.has_token("accept-encoding", "gzip"));
    CHECK(!headers.has_token("accept-encoding", "br"));
    CHECK(headers.get_all("X").size() == 2);
    headers.set("x", "3");
    CHECK(headers.get("X") == "3");
    CHECK(headers.size() == 2);
}

TEST_CASE("a body is coded as the client likes best, and only as it accepts", "[base][http]") {
    const auto coding = [](const char* value) {
        return base::http::coding_name(
            base::http::choose_coding(Headers{{"Accept-Encoding", value}}));
    };
    CHECK(coding("gzip") == "gzip");
    CHECK(coding("GZip") == "gzip");
    CHECK(coding("gzip, deflate, br, zstd") == "zstd");
    CHECK(coding("gzip, deflate") == "gzip");
    CHECK(coding("deflate, gzip;q=0.5") == "deflate");
    CHECK(coding("zstd;q=0.2 , gzip; q=0.5") == "gzip");
    CHECK(coding("*") == "gzip");
    CHECK(coding("gzip;q=0").empty());
    CHECK(coding("gzip;q=0.000, br").empty());
    CHECK(coding("identity").empty());
    CHECK(coding("xgzip").empty());
    CHECK(coding("").empty());
}

TEST_CASE("every error code has an HTTP status", "[base][http]") {
    CHECK(base::http::status_of(Code::kInvalid) == 400);
    CHECK(base::http::status_of(Code::kExecution) == 422);
    CHECK(base::http::status_of(Code::kCanceled) == 499);
    CHECK(base::http::status_of(Code::kTimeout) == 503);
    CHECK(base::http::status_of(Code::kInternal) == 500);
    CHECK(base::http::reason_phrase(404) == "Not Found");
}

TEST_CASE("the router prefers exact segments, then names, then rests", "[base][http]") {
    Router router;
    const auto handler = [](const Request&, const RequestContext&) { return Response(); };
    router.add({Method::kGet}, "/api/v1/label/:name/values", handler);
    router.add({Method::kGet}, "/api/v1/label/job/values", handler);
    router.add({Method::kGet}, "/api/*rest", handler);
    router.add({Method::kGet, Method::kPost}, "/api/v1/query", handler);
    router.add({Method::kPost}, "/-/reload", handler);
    const auto check = [&](Method method, const char* path, const char* pattern) {
        CAPTURE(path);
        const Router::Match match = router.match(method, path);
        REQUIRE(match.route != nullptr);
        CHECK(match.route->pattern == pattern);
        return match.path_params;
    };
    CHECK(
        check(Method::kGet, "/api/v1/label/foo/values", "/api/v1/label/:name/values").get("name") ==
        "foo");
    check(Method::kGet, "/api/v1/label/job/values", "/api/v1/label/job/values");
    CHECK(check(Method::kGet, "/api/x/y", "/api/*rest").get("rest") == "/x/y");
    check(Method::kHead, "/api/v1/query", "/api/v1/query");
    CHECK(router.match(Method::kGet, "/").route == nullptr);
    CHECK(router.match(Method::kGet, "/-/reload").allow == "POST");
    CHECK(router.match(Method::kGet, "/nothing").allow.empty());
    CHECK(MethodSet{Method::kPost, Method::kGet}.to_string() == "GET, POST");
}

TEST_CASE("no_proxy names hosts, domains, networks and ports", "[base][http]") {
    const auto bypasses = [](const char* list, const char* url) {
        return base::http::bypasses_proxy(list, Url::parse(url).value());
    };
    CHECK(bypasses("", "http://localhost:1"));
    CHECK(bypasses("", "http://127.3.4.5"));
    CHECK(!bypasses("", "http://10.0.0.1"));
    CHECK(bypasses("10.0.0.0/8", "http://10.1.2.3"));
    CHECK(!bypasses("10.0.0.0/8", "http://11.1.2.3"));
    CHECK(bypasses("a, example.com", "http://example.com"));
    CHECK(bypasses("example.com", "http://x.example.com"));
    CHECK(!bypasses("example.com", "http://xexample.com"));
    CHECK(bypasses(".example.com", "http://x.example.com"));
    CHECK(!bypasses(".example.com", "http://example.com"));
    CHECK(bypasses("example.com:81", "http://example.com:81"));
    CHECK(!bypasses("example.com:81", "http://example.com:82"));
    CHECK(bypasses("*", "http://anything"));
}
