// The text of a client's requests: what never changes is written once, what comes from files is
// written again when they change.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/http/client.h"
#include "base/http/small_file.h"

namespace base::http {

class RequestText {
  public:
    // proxied: the target is written in absolute form, with the proxy's credentials.
    // errors  kInvalid: a header that cannot be sent
    [[nodiscard]] static Result<RequestText> create(const Url& url,
                                                    const ClientOptions& options,
                                                    const Headers& headers,
                                                    const std::string& user_agent,
                                                    const Url* proxy);

    // Reads what changed on disk. errors  kIo: a file cannot be read
    [[nodiscard]] Status refresh();

    // The prepared GET.
    [[nodiscard]] const std::string& get() const { return get_; }

    // Any other; body_size nothing: no Content-Length.
    [[nodiscard]] Result<std::string> make(std::string_view method,
                                           const std::string& target,
                                           const Headers& headers,
                                           std::optional<size_t> body_size) const;

  private:
    // One header line whose value may come from a file.
    struct Line {
        std::string name;
        std::string before;  // "Bearer "
        std::string value;
        std::string file;
    };

    RequestText() = default;
    void add_credentials(const ClientOptions& options);
    [[nodiscard]] Status read_files();
    [[nodiscard]] std::string file_stamps() const;
    [[nodiscard]] Status write_fixed();

    std::string target_prefix_;  // "http://host" behind a proxy
    std::string target_;
    std::string host_;
    std::vector<Line> lines_;
    std::optional<BasicAuthOptions> basic_;
    std::string basic_value_;
    bool has_files_ = false;
    std::string stamps_;
    std::string fixed_;  // header lines of every request
    std::string get_;
};

}  // namespace base::http
