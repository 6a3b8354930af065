#include "scrape/parse/scan.h"

#include "base/utf8.h"

namespace scrape::scan {

const char* quoted_end(const char* at, const char* end, bool newline_allowed, bool nul_allowed) {
    for (++at; at != end; ++at) {
        switch (*at) {
            case '"':
                return at + 1;
            case '\\':
                ++at;
                if (at == end || *at == '\n') {
                    return nullptr;
                }
                break;
            case '\n':
                if (!newline_allowed) {
                    return nullptr;
                }
                break;
            case '\0':
                if (!nul_allowed) {
                    return nullptr;
                }
                break;
            default:
                break;
        }
    }
    return nullptr;
}

namespace {

template <const Grammar& kGrammar>
const char* token(const char* at, const char* end) {
    return kGrammar.blanks_between ? skip_blanks(at, end) : at;
}

const char* fail_at(Fault& fault, const char* what, const char* at) {
    fault = {what, at};
    return nullptr;
}

// Behind '=' and the value; the value's text goes to `value`.
template <const Grammar& kGrammar>
const char* label_value(const char* at, const char* end, std::string_view& value, Fault& fault) {
    if (at == end || *at != '=') {
        return fail_at(fault, "expected equal", at);
    }
    at = token<kGrammar>(at + 1, end);
    if (at == end || *at != '"') {
        return fail_at(fault, "expected label value", at);
    }
    const char* const behind = quoted_end(at, end, kGrammar.newline_in_value, true);
    if (behind == nullptr) {
        return fail_at(fault, "expected label value", at);
    }
    value = {at + 1, static_cast<size_t>(behind - at - 2)};
    if (!base::is_valid_utf8(value)) {
        return fail_at(fault, "invalid UTF-8 label value", at);
    }
    return behind;
}

}  // namespace

template <const Grammar& kGrammar>
const char* label_list(const char* at,
                       const char* end,
                       std::string_view* name,
                       std::vector<LabelToken>& tokens,
                       Fault& fault) {
    at = token<kGrammar>(at, end);
    while (true) {
        if (at == end) {
            return fail_at(fault, "expected label name", at);
        }
        if (*at == '}') {
            return at + 1;
        }
        const bool quoted = *at == '"';
        const char* const behind = quoted ? quoted_end(at, end, kGrammar.newline_in_value, false)
                                          : label_name_end(at, end);
        if (behind == nullptr || behind == at) {
            return fail_at(fault, "expected label name", at);
        }
        LabelToken label;
        label.name = quoted ? std::string_view(at + 1, static_cast<size_t>(behind - at - 2))
                            : std::string_view(at, static_cast<size_t>(behind - at));
        const char* const start = at;
        at = token<kGrammar>(behind, end);
        if (at != end && (*at == ',' || *at == '}')) {
            // A string alone is the metric's name.
            if (!quoted || name == nullptr) {
                return fail_at(
                    fault, name == nullptr ? "expected label name" : "expected equal", at);
            }
            if (name->data() != nullptr) {
                return fail_at(fault, "metric name already set", start);
            }
            *name = label.name;
        } else {
            at = label_value<kGrammar>(at, end, label.value, fault);
            if (at == nullptr) {
                return nullptr;
            }
            tokens.push_back(label);
            at = token<kGrammar>(at, end);
        }
        if (at == end) {
            return fail_at(fault, "expected comma or brace close", at);
        }
        if (*at == ',') {
            at = token<kGrammar>(at + 1, end);
        } else if (!kGrammar.comma_is_optional && *at != '}') {
            return fail_at(fault, "expected comma or brace close", at);
        }
    }
}

template const char* label_list<kTextGrammar>(
    const char*, const char*, std::string_view*, std::vector<LabelToken>&, Fault&);
template const char* label_list<kOpenMetricsGrammar>(
    const char*, const char*, std::string_view*, std::vector<LabelToken>&, Fault&);

}  // namespace scrape::scan
