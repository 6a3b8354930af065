#include "base/http/router.h"

#include <algorithm>

#include "base/check.h"

namespace base::http {

namespace {

constexpr std::initializer_list<Method> kAllMethods{Method::kGet,
                                                    Method::kHead,
                                                    Method::kPost,
                                                    Method::kPut,
                                                    Method::kPatch,
                                                    Method::kDelete,
                                                    Method::kOptions,
                                                    Method::kOther};

// The next segment of a path that starts with '/', and what follows it.
std::string_view next_segment(std::string_view& path) {
    path.remove_prefix(1);
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    return segment;
}

// Whether the path fits the pattern; `score` says how exactly, segment by segment.
bool fits(std::string_view pattern, std::string_view path, Params* params, std::string& score) {
    score.clear();
    while (!pattern.empty() && !path.empty()) {
        const std::string_view rest = path;
        const std::string_view wanted = next_segment(pattern);
        if (!wanted.empty() && wanted.front() == '*') {
            score += '0';
            if (params != nullptr) {
                params->add(std::string(wanted.substr(1)), std::string(rest));
            }
            return true;
        }
        const std::string_view segment = next_segment(path);
        if (!wanted.empty() && wanted.front() == ':') {
            if (segment.empty()) {
                return false;
            }
            score += '1';
            if (params != nullptr) {
                params->add(std::string(wanted.substr(1)), std::string(segment));
            }
        } else if (wanted == segment) {
            score += '2';
        } else {
            return false;
        }
    }
    return pattern.empty() && path.empty();
}

}  // namespace

MethodSet MethodSet::any() {
    return MethodSet(kAllMethods);
}

std::string MethodSet::to_string() const {
    std::string text;
    for (const Method method : kAllMethods) {
        if (method != Method::kOther && has(method)) {
            text += (text.empty() ? "" : ", ") + std::string(method_name(method));
        }
    }
    return text;
}

void Router::add(MethodSet methods, std::string pattern, Handler handler, RouteOptions options) {
    insert({methods, std::move(pattern), std::move(handler), std::move(options)});
}

void Router::add_async(MethodSet methods,
                       std::string pattern,
                       AsyncHandler handler,
                       RouteOptions options) {
    insert({methods, std::move(pattern), std::move(handler), std::move(options)});
}

void Router::insert(Route route) {
    SKEIN_CHECK(!route.pattern.empty() && route.pattern.front() == '/',
                "a route begins with '/':",
                route.pattern);
    for (const auto& other : routes_) {
        for (const Method method : kAllMethods) {
            SKEIN_CHECK(other->pattern != route.pattern || !other->methods.has(method) ||
                            !route.methods.has(method),
                        "two routes for",
                        route.pattern);
        }
    }
    if (route.options.name.empty()) {
        route.options.name = route.pattern;
    }
    routes_.push_back(std::make_unique<Route>(std::move(route)));
}

Router::Match Router::match(Method method, std::string_view path) const {
    Match match;
    if (path.empty() || path.front() != '/') {
        return match;
    }
    std::string best;
    std::string score;
    for (const auto& route : routes_) {
        if (!fits(route->pattern, path, nullptr, score)) {
            continue;
        }
        const bool allowed = route->methods.has(method) ||
                             (method == Method::kHead && route->methods.has(Method::kGet));
        if (!allowed) {
            match.allow += (match.allow.empty() ? "" : ", ") + route->methods.to_string();
        } else if (match.route == nullptr || score > best) {
            match.route = route.get();
            best = score;
        }
    }
    if (match.route != nullptr) {
        match.allow.clear();
        (void)fits(match.route->pattern, path, &match.path_params, score);
    }
    return match;
}

}  // namespace base::http
