#include "engine/openapi.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "engine/openapi_operations.h"
#include "engine/version.h"

namespace engine {
namespace {

using openapi::Answer;
using openapi::Operation;
using openapi::operations;
using openapi::Param;

constexpr std::string_view kPrefix = "/api/v1";

constexpr std::string_view kHead = R"(openapi: 3.1.0
info:
  title: Skein
  summary: The HTTP API of a node; Prometheus' API and what Skein adds to it.
)";

constexpr std::string_view kTail = R"(components:
  responses:
    Success:
      description: The data, in an envelope.
      content:
        application/json:
          schema:
            $ref: '#/components/schemas/Success'
    Error:
      description: What went wrong. Without a body of this kind when the server is not ready or the path unknown.
      content:
        application/json:
          schema:
            $ref: '#/components/schemas/Error'
  schemas:
    Success:
      type: object
      required: [status]
      properties:
        status:
          const: success
        data: {}
        warnings:
          type: array
          items:
            type: string
        infos:
          type: array
          items:
            type: string
    Error:
      type: object
      required: [status, errorType, error]
      properties:
        status:
          const: error
        errorType:
          enum: [bad_data, execution, canceled, timeout, internal, unavailable, not_found]
        error:
          type: string
)";

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size());
        out.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

// "/label/{name}/values"
std::string template_of(std::string_view path) {
    std::string out;
    bool in_name = false;
    for (const char c : path) {
        if (in_name && c == '/') {
            out += '}';
            in_name = false;
        }
        if (c == ':') {
            out += '{';
            in_name = true;
        } else {
            out += c;
        }
    }
    return in_name ? out + '}' : out;
}

// Whether the parameter is a part of the path.
bool in_path(const Operation& operation, const Param& param) {
    const std::string part = ":" + std::string(param.name);
    const size_t at = operation.path.find(part);
    return at != std::string_view::npos &&
           (at + part.size() == operation.path.size() || operation.path[at + part.size()] == '/');
}

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        out += c;
        if (c == '\'') {
            out += c;
        }
    }
    return out + "'";
}

void add_schema(std::string& out, const Param& param, const std::string& indent) {
    if (param.list) {
        out += indent + "type: array\n" + indent + "items:\n" + indent + "  ";
    } else {
        out += indent;
    }
    out += "type: " + std::string(param.type) + "\n";
}

void add_params(std::string& out, const Operation& operation, bool path_only) {
    bool first = true;
    for (const Param* param : operation.params) {
        const bool path = in_path(operation, *param);
        if (path_only && !path) {
            continue;
        }
        if (first) {
            out += "      parameters:\n";
            first = false;
        }
        out += "        - name: " + quoted(param->name) + "\n";
        out += path ? "          in: path\n" : "          in: query\n";
        if (param->required) {
            out += "          required: true\n";
        }
        out += "          description: " + quoted(param->what) + "\n          schema:\n";
        add_schema(out, *param, "            ");
    }
}

// The same parameters in a form.
void add_form(std::string& out, const Operation& operation) {
    std::string properties;
    std::string required;
    for (const Param* param : operation.params) {
        if (in_path(operation, *param)) {
            continue;
        }
        properties += "                " + quoted(param->name) + ":\n";
        add_schema(properties, *param, "                  ");
        if (param->required) {
            required += (required.empty() ? "" : ", ") + quoted(param->name);
        }
    }
    if (properties.empty()) {
        return;
    }
    out +=
        "      requestBody:\n"
        "        content:\n"
        "          application/x-www-form-urlencoded:\n"
        "            schema:\n"
        "              type: object\n";
    if (!required.empty()) {
        out += "              required: [" + required + "]\n";
    }
    out += "              properties:\n" + properties;
}

constexpr std::string_view kReadBody = R"(      requestBody:
        required: true
        content:
          application/x-protobuf:
            schema:
              type: string
              format: binary
)";

void add_responses(std::string& out, Answer answer) {
    out += "      responses:\n";
    switch (answer) {
        case Answer::kJson:
            out += "        '200':\n          $ref: '#/components/responses/Success'\n";
            break;
        case Answer::kNothing:
            out += "        '204':\n          description: Done.\n";
            break;
        case Answer::kYaml:
            out +=
                "        '200':\n          description: The document.\n          content:\n"
                "            application/yaml: {}\n";
            break;
        case Answer::kProtobuf:
            out +=
                "        '200':\n          description: Samples, or frames of chunks.\n"
                "          content:\n            application/x-protobuf: {}\n"
                "            application/x-streamed-protobuf: {}\n";
            break;
        case Answer::kEvents:
            out +=
                "        '200':\n          description: Events, without an end.\n"
                "          content:\n            text/event-stream: {}\n";
            break;
        case Answer::kLines:
            out +=
                "        '200':\n          description: Lines of JSON.\n"
                "          content:\n            application/x-ndjson: {}\n";
            break;
    }
    out += "        default:\n          $ref: '#/components/responses/Error'\n";
}

std::string operation_id(std::string_view method, std::string_view path) {
    std::string id(method);
    for (const char c : path) {
        id += c == '/' || c == ':' || c == '.' ? '_' : c;
    }
    return id;
}

void add_operation(std::string& out, const Operation& operation, std::string_view method) {
    std::string lower(method);
    std::ranges::transform(
        lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    out += "    " + lower + ":\n";
    out += "      operationId: " + operation_id(lower, operation.path) + "\n";
    out += "      tags: [" + std::string(operation.tag) + "]\n";
    out += "      summary: " + quoted(operation.what) + "\n";
    const bool form = method != "GET";
    add_params(out, operation, form);
    if (form) {
        add_form(out, operation);
    }
    if (operation.answer == Answer::kProtobuf) {
        out += kReadBody;
    }
    add_responses(out, operation.answer);
}

}  // namespace

std::string openapi_yaml() {
    std::string out(kHead);
    out += "  version: " + std::string(kVersion) + "\n";
    out += "servers:\n  - url: " + std::string(kPrefix) + "\npaths:\n";
    for (const Operation& operation : operations()) {
        out += "  " + template_of(operation.path) + ":\n";
        for (const std::string_view method : words(operation.methods)) {
            add_operation(out, operation, method);
        }
    }
    out += kTail;
    return out;
}

std::vector<std::string> openapi_operations() {
    std::vector<std::string> out;
    for (const Operation& operation : operations()) {
        for (const std::string_view method : words(operation.methods)) {
            out.push_back(std::string(method) + " " + std::string(kPrefix) +
                          std::string(operation.path));
        }
    }
    std::ranges::sort(out);
    return out;
}

void register_openapi_route(base::http::Router& router) {
    base::http::RouteOptions options;
    options.cors = true;
    router.add(
        {base::http::Method::kGet},
        "/api/v1/openapi.yaml",
        [](const base::http::Request&, const base::http::RequestContext&) {
            base::http::Response response = base::http::Response::text(200, openapi_yaml());
            response.headers.set("Content-Type", "application/yaml; charset=utf-8");
            return response;
        },
        options);
}

}  // namespace engine
