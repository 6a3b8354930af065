#include <algorithm>

#include "base/secret.h"
#include "config/node.h"

namespace config {
namespace {

bool looks_typed(std::string_view text) {
    static constexpr std::string_view kWords[] = {
        "true", "false", "yes", "no", "on", "off", "null", "~", "y", "n"};
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    const char first = text.front();
    return std::find(std::begin(kWords), std::end(kWords), lower) != std::end(kWords) ||
           (first >= '0' && first <= '9') || first == '.' || first == '+';
}

bool needs_quotes(const Node& node) {
    const std::string& text = node.text;
    if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') {
        return true;
    }
    if (std::string_view("-?:,[]{}#&*!|>'\"%@`").find(text.front()) != std::string_view::npos) {
        return true;
    }
    const bool odd = std::any_of(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    return odd || text.find(": ") != std::string::npos || text.find(" #") != std::string::npos ||
           (node.quoted && looks_typed(text));
}

void append_scalar(std::string& out, const Node& node) {
    if (node.secret) {
        out += base::Secret::kMask;
        return;
    }
    if (node.is_null()) {
        out += "null";
        return;
    }
    if (!needs_quotes(node)) {
        out += node.text;
        return;
    }
    static constexpr char kHex[] = "0123456789abcdef";
    out += '"';
    for (const char c : node.text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 0xf];
        } else {
            out += c;
        }
    }
    out += '"';
}

bool is_block(const Node& node) {
    return (node.kind == Node::Kind::kMap && !node.entries.empty()) ||
           (node.kind == Node::Kind::kSequence && !node.items.empty());
}

void append_flow(std::string& out, const Node& node) {
    if (node.kind == Node::Kind::kMap) {
        out += "{}";
    } else if (node.kind == Node::Kind::kSequence) {
        out += "[]";
    } else {
        append_scalar(out, node);
    }
}

// The first line of a block starts where `out` ends; the others are indented.
void append_block(std::string& out, const Node& node, size_t indent) {
    bool first = true;
    const auto start_line = [&] {
        if (!first) {
            out.append(indent, ' ');
        }
        first = false;
    };
    for (const NodePtr& item : node.items) {
        start_line();
        out += "- ";
        if (is_block(*item)) {
            append_block(out, *item, indent + 2);
        } else {
            append_flow(out, *item);
            out += '\n';
        }
    }
    for (const auto& [key, value] : node.entries) {
        start_line();
        append_scalar(out, *key);
        out += ':';
        if (!is_block(*value)) {
            out += ' ';
            append_flow(out, *value);
            out += '\n';
        } else {
            const size_t deeper = value->kind == Node::Kind::kSequence ? indent : indent + 2;
            out += '\n';
            out.append(deeper, ' ');
            append_block(out, *value, deeper);
        }
    }
}

}  // namespace

std::string print_yaml(const Node& root) {
    std::string out;
    if (is_block(root)) {
        append_block(out, root, 0);
    } else if (!root.is_null()) {
        append_flow(out, root);
        out += '\n';
    }
    return out;
}

}  // namespace config
