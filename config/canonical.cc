#include "config/canonical.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/option_fields.h"

namespace config {
namespace {

// Texts one after another, so that no two lists are alike.
void append(std::string& out, std::string_view text) {
    out.append(std::to_string(text.size())).append(":").append(text);
}

std::string text_of(double number) {
    char digits[32];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
    return {std::begin(digits), end};
}

// http://user:password@host → http://host
std::string without_credentials(std::string_view url) {
    const size_t scheme = url.find("://");
    const size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
    const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
    const size_t at = authority.rfind('@');
    if (at == std::string_view::npos) {
        return std::string(url);
    }
    return std::string(url.substr(0, begin)).append(url.substr(begin + at + 1));
}

template <class T>
inline constexpr bool kIsDuration = false;
template <class Rep, class Period>
inline constexpr bool kIsDuration<std::chrono::duration<Rep, Period>> = true;
template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsMap = false;
template <class Key, class T>
inline constexpr bool kIsMap<std::map<Key, T>> = true;

class Fields {
  public:
    explicit Fields(const std::string& folder) : folder_(folder) {}

    template <class T>
    void operator()(std::string_view name, const T& value) {
        fields_.emplace_back(name, text(value));
    }

    void path(std::string_view name, const std::string& path) {
        fields_.emplace_back(name, relative(path));
    }

    void path(std::string_view name, const std::vector<std::string>& paths) {
        std::string& out = fields_.emplace_back(name, std::string()).second;
        for (const std::string& path : paths) {
            append(out, relative(path));
        }
    }

    void url(std::string_view name, const std::string& url) {
        fields_.emplace_back(name, without_credentials(url));
    }

    // Those that are not as in `plain`, by name.
    [[nodiscard]] std::string different_from(const Fields& plain) && {
        std::string out;
        std::vector<std::pair<std::string_view, std::string>> left;
        for (size_t i = 0; i < fields_.size(); ++i) {
            if (fields_[i].second != plain.fields_[i].second) {
                left.push_back(std::move(fields_[i]));
            }
        }
        std::sort(left.begin(), left.end());
        for (const auto& [name, value] : left) {
            append(out, name);
            append(out, value);
        }
        return out;
    }

    template <class T>
    [[nodiscard]] std::string struct_text(const T& value) const {
        Fields given(folder_);
        Fields plain(folder_);
        fields(value, given);
        fields(T{}, plain);
        return std::move(given).different_from(plain);
    }

  private:
    [[nodiscard]] std::string relative(const std::string& path) const {
        const bool below = path.size() > folder_.size() && path.starts_with(folder_) &&
                           path[folder_.size()] == '/';
        return below ? path.substr(folder_.size() + 1) : path;
    }

    template <class T>
    [[nodiscard]] std::string text(const T& value) const {
        if constexpr (std::is_same_v<T, std::string>) {
            return value;
        } else if constexpr (std::is_same_v<T, base::Secret>) {
            return value.empty() ? "" : "set";
        } else if constexpr (std::is_same_v<T, double>) {
            return text_of(value);
        } else if constexpr (std::is_enum_v<T>) {
            return std::to_string(static_cast<unsigned>(value));
        } else if constexpr (std::is_integral_v<T>) {
            return std::to_string(value);
        } else if constexpr (kIsDuration<T>) {
            return std::to_string(value.count());
        } else if constexpr (kIsOptional<T>) {
            return value ? "=" + text(*value) : "";
        } else if constexpr (std::is_same_v<T, model::Labels>) {
            std::string out;
            for (const auto& [name, label] : value) {
                append(out, name);
                append(out, label);
            }
            return out;
        } else if constexpr (kIsVector<T>) {
            std::string out;
            for (const auto& item : value) {
                append(out, text(item));
            }
            return out;
        } else if constexpr (kIsMap<T>) {
            std::string out;
            for (const auto& [key, item] : value) {
                append(out, text(key));
                append(out, text(item));
            }
            return out;
        } else {
            return struct_text(value);
        }
    }

    const std::string& folder_;
    std::vector<std::pair<std::string_view, std::string>> fields_;
};

}  // namespace

std::string canonical_text(const scrape::JobOptions& job, const std::string& folder) {
    return Fields(folder).struct_text(job);
}

std::string canonical_rest(const Config& config, const std::string& folder) {
    return Fields(folder).struct_text(config);
}

}  // namespace config
