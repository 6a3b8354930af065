// Go's quoting of strings, as Prometheus prints label values and names.
#pragma once

#include <string>
#include <string_view>

namespace model {

// Appends `text` between double quotes with the escapes of Go's strconv.Quote (printable UTF-8
// stays as it is).
void append_quoted(std::string& out, std::string_view text);

// Appends a label name as PromQL writes it: bare when it is a legacy name, quoted otherwise.
void append_label_name(std::string& out, std::string_view name);

}  // namespace model
