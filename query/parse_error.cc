#include "query/parse_error.h"

#include <algorithm>

#include "base/rune.h"

namespace query {
namespace {

// As much of a line as is shown before and after the place.
constexpr size_t kContextBytes = 100;

std::string_view line_around(std::string_view query, size_t at) {
    const size_t begin = at == 0 ? std::string_view::npos : query.rfind('\n', at - 1);
    const size_t first = begin == std::string_view::npos ? 0 : begin + 1;
    const size_t end = query.find('\n', at);
    return query.substr(first, end == std::string_view::npos ? end : end - first);
}

bool continues_character(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

}  // namespace

std::string line_and_column(std::string_view query, int32_t offset) {
    if (query.empty()) {
        return "unknown position";
    }
    if (offset < 0 || static_cast<size_t>(offset) > query.size()) {
        return "invalid position";
    }
    const std::string_view before = query.substr(0, static_cast<size_t>(offset));
    const size_t newline = before.rfind('\n');
    const size_t column =
        newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
    const auto line = 1 + std::ranges::count(before, '\n');
    return std::to_string(line) + ':' + std::to_string(column);
}

std::string to_string(const ParseError& error, std::string_view query) {
    return line_and_column(query, error.position.start) + ": parse error: " + error.reason;
}

base::Error to_error(const ParseError& error, std::string_view query) {
    return base::Error(error.code, to_string(error, query));
}

std::string render_caret(std::string_view query, const ParseError& error) {
    const auto at = std::min(static_cast<size_t>(std::max(error.position.start, 0)), query.size());
    std::string_view line = line_around(query, at);
    auto column = at - static_cast<size_t>(line.data() - query.data());
    if (column > kContextBytes) {
        size_t cut = column - kContextBytes;
        while (cut < column && continues_character(line[cut])) {
            ++cut;
        }
        line.remove_prefix(cut);
        column -= cut;
    }
    if (line.size() > column + kContextBytes) {
        size_t keep = column + kContextBytes;
        while (keep > column && continues_character(line[keep])) {
            --keep;
        }
        line = line.substr(0, keep);
    }
    std::string out(line);
    out += '\n';
    for (const char c : line.substr(0, column)) {
        if (!continues_character(c)) {
            out += c == '\t' ? '\t' : ' ';
        }
    }
    out += '^';
    return out;
}

}  // namespace query
