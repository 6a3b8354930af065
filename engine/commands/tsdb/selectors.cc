#include "engine/commands/tsdb/selectors.h"

#include "query/parser.h"

namespace engine {

base::Result<Matchers> parse_matchers(const std::string& selector) {
    const auto parsed = query::parse_selector(selector);
    if (!parsed) {
        return base::fail(base::Code::kInvalid,
                          "--match: " + query::to_string(parsed.error(), selector));
    }
    Matchers matchers;
    for (const query::MatcherSpec& spec : parsed.value()) {
        TRY(auto matcher, model::Matcher::create(spec.type, spec.name, spec.value));
        matchers.push_back(std::move(matcher));
    }
    return matchers;
}

base::Result<std::vector<Matchers>> parse_selectors(const std::vector<std::string>& selectors) {
    std::vector<Matchers> out;
    for (const std::string& selector : selectors) {
        TRY(auto matchers, parse_matchers(selector));
        out.push_back(std::move(matchers));
    }
    return out;
}

}  // namespace engine
