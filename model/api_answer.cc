#include "model/api_answer.h"

#include "base/json.h"

namespace model {
namespace {

using base::Code;

struct ErrorType {
    std::string_view name;
    int status;
};

ErrorType error_type(Code code) {
    switch (code) {
        case Code::kInvalid:
            return {"bad_data", 400};
        case Code::kExecution:
        case Code::kLimit:
        case Code::kUnsupported:
            return {"execution", 422};
        case Code::kCanceled:
            return {"canceled", 499};
        case Code::kTimeout:
            return {"timeout", 503};
        case Code::kNotFound:
            return {"not_found", 404};
        case Code::kUnavailable:
        case Code::kPermission:
            return {"unavailable", 500};
        case Code::kNoSpace:
        case Code::kIo:
        case Code::kCorrupt:
        case Code::kInternal:
            return {"internal", 500};
    }
    return {"internal", 500};
}

void append_notes(std::string& out, std::string_view kind, const std::vector<std::string>& notes) {
    if (notes.empty()) {
        return;
    }
    out.append(",\"").append(kind).append("\":[");
    for (size_t i = 0; i < notes.size() && i < ApiNotes::kMaxPrinted; ++i) {
        if (i > 0) {
            out += ',';
        }
        base::append_json_string(out, notes[i]);
    }
    if (notes.size() > ApiNotes::kMaxPrinted) {
        const size_t left = notes.size() - ApiNotes::kMaxPrinted;
        out += ',';
        base::append_json_string(out,
                                 std::to_string(left) + " more " +
                                     std::string(kind.substr(0, kind.size() - 1)) +
                                     " annotations omitted");
    }
    out += ']';
}

}  // namespace

void begin_api_answer(std::string& out) {
    out += "{\"status\":\"success\",\"data\":";
}

void end_api_answer(std::string& out, const ApiNotes& notes) {
    append_notes(out, "warnings", notes.warnings);
    append_notes(out, "infos", notes.infos);
    out += '}';
}

base::http::Response api_success(std::string_view data, const ApiNotes& notes) {
    std::string out;
    out.reserve(data.size() + 64);
    begin_api_answer(out);
    out += data;
    end_api_answer(out, notes);
    return base::http::Response::json(200, std::move(out));
}

base::http::Response api_error(const base::Error& error) {
    const ErrorType type = error_type(error.code());
    std::string out = "{\"status\":\"error\",\"errorType\":\"";
    out.append(type.name).append("\",\"error\":");
    base::append_json_string(out, error.message());
    out += '}';
    return base::http::Response::json(type.status, std::move(out));
}

}  // namespace model
