// What the HTTP API can be asked, as a table: the document (openapi.h) is written from it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace engine::openapi {

struct Param {
    std::string_view name;
    std::string_view type;  // of JSON Schema; a list takes the parameter several times
    std::string_view what;
    bool required = false;
    bool list = false;
};

enum class Answer : uint8_t { kJson, kNothing, kYaml, kProtobuf, kEvents, kLines };

struct Operation {
    std::string_view methods;  // separated by blanks
    std::string_view path;     // below /api/v1, with :name for a part
    std::string_view tag;
    std::string_view what;
    std::vector<const Param*> params = {};
    Answer answer = Answer::kJson;
};

// In the document's order.
[[nodiscard]] const std::vector<Operation>& operations();

}  // namespace engine::openapi
