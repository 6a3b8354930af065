// The one place that knows yaml-cpp.
#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_set>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include "config/node.h"

namespace config {
namespace {

constexpr std::string_view kBinaryTag = "tag:yaml.org,2002:binary";
constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";

// Thrown through yaml-cpp, which offers no other way to stop it; caught in parse_yaml().
struct Stop {
    base::Error error;
};

// Lenient as YAML wants it: white space between the digits is skipped. False for anything else that
// is not base64.
bool decode_base64(std::string_view text, std::string& out) {
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        uint32_t digit = 0;
        if (c >= 'A' && c <= 'Z') {
            digit = static_cast<uint32_t>(c - 'A');
        } else if (c >= 'a' && c <= 'z') {
            digit = static_cast<uint32_t>(c - 'a') + 26;
        } else if (c >= '0' && c <= '9') {
            digit = static_cast<uint32_t>(c - '0') + 52;
        } else if (c == '+' || c == '/') {
            digit = c == '+' ? 62 : 63;
        } else if (c == '=' || c == ' ' || c == '\n' || c == '\r' || c == '\t') {
            continue;
        } else {
            return false;
        }
        bits = bits << 6 | digit;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> count & 0xff);
        }
    }
    return true;
}

bool is_null_text(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

// Where the text begins: yaml-cpp does not count the mark of byte order.
size_t begin_of(std::string_view text) {
    return text.starts_with("\xef\xbb\xbf") ? 3 : 0;
}

// Past tags and anchors, which stand before a scalar.
size_t skip_properties(std::string_view text, size_t at) {
    while (at < text.size() && (text[at] == '!' || text[at] == '&')) {
        at = std::min(text.find_first_of(" \t\r\n", at), text.size());
        at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
    }
    return at;
}

// Whether a scalar in quotes begins at `at`, and runs to the end of the text without its closing
// one. yaml-cpp accepts that when the text ends with a new line.
bool lacks_closing_quote(std::string_view text, size_t at) {
    at = skip_properties(text, at);
    if (at >= text.size() || (text[at] != '"' && text[at] != '\'')) {
        return false;
    }
    const char quote = text[at++];
    for (; at < text.size(); ++at) {
        const bool escape = quote == '"' ? text[at] == '\\' : text.substr(at, 2) == "''";
        if (escape) {
            ++at;
        } else if (text[at] == quote) {
            return false;
        }
    }
    return true;
}

class TreeBuilder final : public YAML::EventHandler {
  public:
    explicit TreeBuilder(const std::string& file)
        : file_(std::make_shared<const std::string>(file)) {}

    [[nodiscard]] NodePtr root() const { return root_; }

    // Where the last scalar begins.
    [[nodiscard]] const YAML::Mark& last_scalar() const { return last_scalar_; }

    void OnDocumentStart(const YAML::Mark&) override {}

    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add(make(Node::Kind::kNull, mark), anchor);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) {
            stop(mark, "alias to something that is not complete yet");
        }
        place(found->second);
    }

    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  const std::string& value) override {
        last_scalar_ = mark;
        NodePtr node = make(Node::Kind::kScalar, mark);
        node->quoted = tag == "!" || tag == kStringTag;
        if (tag == kBinaryTag) {
            node->quoted = true;
            if (!decode_base64(value, node->text)) {
                stop(mark, "!!binary text is not base64");
            }
        } else if (!node->quoted && is_null_text(value)) {
            node->kind = Node::Kind::kNull;
        } else {
            node->text = value;
        }
        add(std::move(node), anchor);
    }

    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string&,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(make(Node::Kind::kSequence, mark), anchor, mark);
    }

    void OnSequenceEnd() override { close(); }

    void OnMapStart(const YAML::Mark& mark,
                    const std::string&,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(make(Node::Kind::kMap, mark), anchor, mark);
    }

    void OnMapEnd() override {
        resolve_merges(*open_.back().node);
        close();
    }

  private:
    struct Open {
        NodePtr node;
        YAML::anchor_t anchor;
        NodePtr key;  // of the entry that waits for its value
        std::unordered_set<std::string> keys{};
    };

    NodePtr make(Node::Kind kind, const YAML::Mark& mark) {
        auto node = std::make_shared<Node>();
        node->kind = kind;
        node->file = file_;
        node->line = mark.line + 1;
        return node;
    }

    [[noreturn]] void stop(const YAML::Mark& mark, const std::string& why) const {
        throw Stop{base::Error(base::Code::kInvalid,
                               *file_ + ":" + std::to_string(mark.line + 1) + ": " + why)};
    }

    void add(NodePtr node, YAML::anchor_t anchor) {
        if (anchor != 0) {
            anchors_[anchor] = node;
        }
        place(std::move(node));
    }

    void open(NodePtr node, YAML::anchor_t anchor, const YAML::Mark& mark) {
        if (open_.size() >= kMaxYamlDepth) {
            stop(mark, "nested deeper than kMaxYamlDepth = " + std::to_string(kMaxYamlDepth));
        }
        open_.push_back({std::move(node), anchor, nullptr});
    }

    void close() {
        Open done = std::move(open_.back());
        open_.pop_back();
        add(std::move(done.node), done.anchor);
    }

    // Puts a complete node where it belongs: root, sequence, key or value.
    void place(NodePtr node) {
        if (open_.empty()) {
            root_ = std::move(node);
            return;
        }
        Open& top = open_.back();
        top.node->weight += node->weight;
        if (top.node->weight > kMaxYamlNodes) {
            throw Stop{base::Error(base::Code::kLimit,
                                   node->place() +
                                       ": document expands to more than kMaxYamlNodes = " +
                                       std::to_string(kMaxYamlNodes) +
                                       " nodes (aliases counted where they are used)")};
        }
        if (top.node->kind == Node::Kind::kSequence) {
            top.node->items.push_back(std::move(node));
        } else if (top.key == nullptr) {
            take_key(top, std::move(node));
        } else {
            top.node->entries.emplace_back(std::move(top.key), std::move(node));
            top.key = nullptr;
        }
    }

    void take_key(Open& top, NodePtr key) const {
        if (key->kind == Node::Kind::kSequence || key->kind == Node::Kind::kMap) {
            throw Stop{
                base::Error(base::Code::kInvalid, key->place() + ": a key must be a plain text")};
        }
        if (!top.keys.insert(key->text).second && key->text != "<<") {
            throw Stop{base::Error(
                base::Code::kInvalid,
                key->place() + ": key \"" + key->text + "\" stands twice in the same map")};
        }
        top.key = std::move(key);
    }

    static void merge_from(Node& into, const Node& from) {
        for (const auto& [key, value] : from.entries) {
            if (into.find(key->text) == nullptr) {
                into.entries.emplace_back(key, value);
            }
        }
    }

    static void resolve_merges(Node& map) {
        std::vector<NodePtr> sources;
        std::erase_if(map.entries, [&](const auto& entry) {
            const bool merge = entry.first->text == "<<" && !entry.first->quoted;
            if (merge) {
                sources.push_back(entry.second);
            }
            return merge;
        });
        for (const NodePtr& source : sources) {
            if (source->kind == Node::Kind::kMap) {
                merge_from(map, *source);
            } else if (source->kind == Node::Kind::kSequence) {
                for (const NodePtr& item : source->items) {
                    merge_from(map, *item);
                }
            }
        }
    }

    std::shared_ptr<const std::string> file_;
    NodePtr root_;
    YAML::Mark last_scalar_ = YAML::Mark::null_mark();
    std::vector<Open> open_;
    std::map<YAML::anchor_t, NodePtr> anchors_;
};

}  // namespace

const Node* Node::find(std::string_view key) const {
    for (const auto& [name, value] : entries) {
        if (name->text == key) {
            return value.get();
        }
    }
    return nullptr;
}

std::string Node::place() const {
    return *file + ":" + std::to_string(line);
}

base::Result<NodePtr> parse_yaml(std::string_view text, const std::string& file) {
    if (text.size() > kMaxYamlBytes) {
        return base::fail(
            base::Code::kLimit, file + ": longer than kMaxYamlBytes =", kMaxYamlBytes, "bytes");
    }
    TreeBuilder builder(file);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        if (parser) {
            parser.HandleNextDocument(builder);
        }
    } catch (const Stop& stop) {
        return base::fail(stop.error);
    } catch (const YAML::Exception& error) {
        return base::fail(base::Code::kInvalid,
                          file + ":" + std::to_string(error.mark.line + 1) + ":",
                          error.msg);
    }
    const YAML::Mark& last = builder.last_scalar();
    NodePtr root = builder.root();
    if (root != nullptr && last.pos >= 0 &&
        lacks_closing_quote(text, begin_of(text) + static_cast<size_t>(last.pos))) {
        return base::fail(base::Code::kInvalid,
                          file + ":" + std::to_string(last.line + 1) +
                              ": text in quotes begins here and does not end");
    }
    if (root == nullptr) {
        root = std::make_shared<Node>();
        root->file = std::make_shared<const std::string>(file);
        root->line = 1;
    }
    return root;
}

}  // namespace config
