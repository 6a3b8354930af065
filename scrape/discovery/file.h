// Targets in files, read again when they change.
// source: Prometheus configuration, file_sd_config
#pragma once

#include <functional>
#include <map>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "scrape/discovery/groups.h"
#include "scrape/metrics.h"
#include "scrape/options.h"

namespace scrape {

// Watches the folders of its patterns and reads everything again when something moved there, and at
// every refresh interval. A file that cannot be read or parsed keeps the groups it had; a file that
// is gone loses them.
//   threads   one of its own, from start() to stop(); the listener is called there
class FileSource final : public model::GroupSource {
  public:
    FileSource(FileDiscoveryOptions options,
               base::Files& files,
               ParseYamlGroups parse_yaml,  // null: .yml and .yaml files are errors
               Metrics& metrics,
               std::string job,
               base::Logger log);
    ~FileSource() override;  // stop()

    void start(model::GroupListener& listener) override;
    void stop() override;

    [[nodiscard]] std::string mechanism() const override { return "file"; }

  private:
    class Watch;

    void run(model::GroupListener& listener);
    // Reads all files; returns whether any group differs from before.
    bool refresh();
    [[nodiscard]] base::Result<std::vector<model::TargetGroup>> read(const std::string& path);
    [[nodiscard]] std::vector<std::string> matches() const;

    const FileDiscoveryOptions options_;
    base::Files& files_;
    const ParseYamlGroups parse_yaml_;
    Metrics& metrics_;
    const std::string job_;
    const base::Logger log_;
    std::map<std::string, std::vector<model::TargetGroup>> groups_;  // by file; the thread's
    std::unique_ptr<Watch> watch_;
    std::thread thread_;
};

}  // namespace scrape
