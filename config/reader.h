// Reading a YAML map strictly: every key has a type, every key is known, every complaint says
// where.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "config/node.h"

namespace config {

// Collects what is wrong with a configuration, so that a user sees it all at once.
class Problems {
  public:
    static constexpr size_t kMaxReported = 20;

    void add(const Node& where, std::string_view what);

    [[nodiscard]] bool empty() const { return lines_.empty(); }

    // All problems as one error of kInvalid, a line each.
    [[nodiscard]] base::Error error() const;

  private:
    std::vector<std::string> lines_;
    size_t count_ = 0;
};

// Reads one map. Each read() takes a key off the list of unknown ones; the destructor reports what
// is left. An absent or null value leaves the output as it is, so that it keeps its default.
//   lifetime  the node and the problems outlive it
class MapReader {
  public:
    // `what` names the kind of block in messages: "global", "scrape_config".
    MapReader(const Node& node, std::string what, Problems& problems);
    ~MapReader();
    MapReader(const MapReader&) = delete;
    MapReader& operator=(const MapReader&) = delete;

    // The value of a key, null when it is absent or null. The key counts as known.
    const Node* find(std::string_view key);

    // Whether the key stands there, even with a null value.
    [[nodiscard]] bool has(std::string_view key) const { return node_.find(key) != nullptr; }

    void read(std::string_view key, std::string& out);
    void read(std::string_view key, bool& out);
    void read(std::string_view key, uint64_t& out);
    void read(std::string_view key, double& out);
    void read(std::string_view key, std::chrono::milliseconds& out);
    void read(std::string_view key, base::Secret& out);
    void read(std::string_view key, std::vector<std::string>& out);
    void read(std::string_view key, std::map<std::string, std::string>& out);
    void read_int(std::string_view key, int64_t& out);
    // "512MB": base-2 units, a unit is required.
    void read_size(std::string_view key, uint64_t& out);
    // A URL; userinfo in it is masked when the configuration is printed.
    void read_url(std::string_view key, std::string& out);
    // A file's path, made absolute against `folder`.
    void read_path(std::string_view key, const std::string& folder, std::string& out);
    // Every item of a list; a null item is a problem. Returns how many there were.
    size_t each(std::string_view key, const std::function<void(const Node&)>& item);

    // One of the given words.
    template <class Enum>
    void read_choice(std::string_view key,
                     Enum& out,
                     std::span<const std::pair<std::string_view, Enum>> words) {
        const Node* value = scalar(key);
        if (value == nullptr) {
            return;
        }
        std::string known;
        for (const auto& [word, choice] : words) {
            if (value->text == word) {
                out = choice;
                return;
            }
            known.append(known.empty() ? "" : ", ").append(word);
        }
        problem(*value,
                "unknown " + std::string(key) + " \"" + value->text + "\", known are: " + known);
    }

    void problem(std::string_view what) { problems_.add(node_, what); }

    void problem(const Node& where, std::string_view what) { problems_.add(where, what); }

    // Where a key stands, or the block when it is absent.
    [[nodiscard]] const Node& at(std::string_view key) const;

    [[nodiscard]] const Node& node() const { return node_; }

    [[nodiscard]] Problems& problems() { return problems_; }

    [[nodiscard]] const std::string& what() const { return what_; }

  private:
    const Node* scalar(std::string_view key);
    [[nodiscard]] std::string suggestion(std::string_view unknown) const;

    const Node& node_;
    std::string what_;
    Problems& problems_;
    std::vector<std::string> known_;
};

// YAML 1.1's spellings of booleans. Quoted text is not one.
[[nodiscard]] std::optional<bool> to_bool(const Node& node);
// "./x" against "/etc": "/etc/x"; absolute and empty paths stay.
[[nodiscard]] std::string absolute_path(std::string_view path, const std::string& folder);

}  // namespace config
