// Parts of `skein tsdb verify`.
#pragma once

#include <cstdint>
#include <string>

#include "base/file.h"
#include "engine/commands/tsdb/tool.h"

namespace engine {

// Prints what is wrong and counts it.
class Findings {
  public:
    static constexpr uint64_t kPrintedMax = 100;  // of one part; the rest is counted

    // out  borrowed
    explicit Findings(std::FILE* out) : out_(out) {}

    // A part begins ("block 01…").
    void begin(std::string part);
    void damage(const std::string& what);
    // Not damage, yet worth a line.
    void note(const std::string& what);
    // The part ends; `summary` says what was looked at.
    void end(const std::string& summary);

    [[nodiscard]] uint64_t damages() const { return damages_; }

    [[nodiscard]] Progress& progress() { return progress_; }

  private:
    std::FILE* const out_;
    std::string part_;
    uint64_t in_part_ = 0;
    uint64_t damages_ = 0;
    Progress progress_;
};

// Checksums, every entry of the index, every sample of every chunk, and that they agree.
void verify_block(base::Files& files, const base::Path& folder, Findings& findings);
// Every record of a write-ahead log with its checkpoint; a folder that is not there is passed over.
void verify_log(base::Files& files,
                const base::Path& folder,
                const std::string& title,
                Findings& findings);
// Every chunk of the head's chunk files, the same.
void verify_head_chunks(base::Files& files, const base::Path& folder, Findings& findings);

}  // namespace engine
