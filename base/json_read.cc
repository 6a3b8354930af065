#include "base/json_read.h"

#include <boost/json/error.hpp>
#include <boost/json/stream_parser.hpp>
#include <boost/json/value.hpp>

namespace base {

namespace {

JsonValue convert(const boost::json::value& from) {
    switch (from.kind()) {
        case boost::json::kind::null:
            return {};
        case boost::json::kind::bool_:
            return JsonValue(from.get_bool());
        case boost::json::kind::int64:
            return JsonValue(from.get_int64());
        case boost::json::kind::uint64:
            return JsonValue(from.get_uint64());
        case boost::json::kind::double_:
            return JsonValue(from.get_double());
        case boost::json::kind::string:
            return JsonValue(std::string(from.get_string()));
        case boost::json::kind::array: {
            JsonValue::Array items;
            items.reserve(from.get_array().size());
            for (const boost::json::value& item : from.get_array()) {
                items.push_back(convert(item));
            }
            return JsonValue(std::move(items));
        }
        case boost::json::kind::object: {
            JsonValue::Object members;
            members.reserve(from.get_object().size());
            for (const auto& member : from.get_object()) {
                members.emplace_back(std::string(member.key()), convert(member.value()));
            }
            return JsonValue(std::move(members));
        }
    }
    return {};
}

// Of the whole text. returns  the offset of the first byte that is wrong, when there is one
size_t parse_all(boost::json::stream_parser& parser,
                 std::string_view text,
                 boost::system::error_code& error) {
    const size_t read = parser.write_some(text.data(), text.size(), error);
    if (error) {
        return read;
    }
    const size_t after = text.find_first_not_of(" \t\r\n", read);
    if (after != std::string_view::npos) {
        error = boost::json::error::extra_data;
        return after;
    }
    parser.finish(error);
    return text.size();
}

}  // namespace

bool JsonValue::number(double& out) const {
    if (const auto* whole = std::get_if<int64_t>(&value_)) {
        out = static_cast<double>(*whole);
    } else if (const auto* natural = std::get_if<uint64_t>(&value_)) {
        out = static_cast<double>(*natural);
    } else if (const auto* real = std::get_if<double>(&value_)) {
        out = *real;
    } else {
        return false;
    }
    return true;
}

const JsonValue* JsonValue::find(std::string_view name) const {
    if (const Object* members = object()) {
        for (auto member = members->rbegin(); member != members->rend(); ++member) {
            if (member->first == name) {
                return &member->second;
            }
        }
    }
    return nullptr;
}

std::string_view JsonValue::kind_name() const {
    struct Namer {
        std::string_view operator()(std::monostate) const { return "null"; }

        std::string_view operator()(bool) const { return "boolean"; }

        std::string_view operator()(int64_t) const { return "number"; }

        std::string_view operator()(uint64_t) const { return "number"; }

        std::string_view operator()(double) const { return "number"; }

        std::string_view operator()(const std::string&) const { return "string"; }

        std::string_view operator()(const Array&) const { return "array"; }

        std::string_view operator()(const Object&) const { return "object"; }
    };

    return std::visit(Namer(), value_);
}

Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.bytes) {
        return fail(Code::kLimit,
                    "JSON of",
                    text.size(),
                    "bytes is longer than the limit of",
                    limits.bytes,
                    "bytes");
    }
    boost::json::parse_options options;
    options.max_depth = limits.depth;
    boost::json::stream_parser parser({}, options);
    boost::system::error_code error;
    const size_t offset = parse_all(parser, text, error);
    if (error == boost::json::error::too_deep) {
        return fail(Code::kLimit, "JSON is nested deeper than the limit of", limits.depth);
    }
    if (error) {
        return fail(Code::kInvalid, "not valid JSON at offset", offset, "-", error.message());
    }
    return convert(parser.release());
}

}  // namespace base
