#include "config/config.h"

#include <algorithm>
#include <set>

#include <glob.h>

#include "base/checksum.h"
#include "config/blocks.h"
#include "config/effective.h"

namespace config {
namespace {

constexpr size_t kMaxConfigFiles = 10'000;  // that one glob may name

// Files matching a glob, sorted. A path without a star names itself, whether it is there or not.
base::Result<std::vector<std::string>> expand_glob(const std::string& pattern) {
    if (pattern.find_first_of("*?[") == std::string::npos) {
        return std::vector<std::string>{pattern};
    }
    glob_t found{};
    const int code = ::glob(pattern.c_str(), 0, nullptr, &found);
    std::vector<std::string> paths(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    ::globfree(&found);
    if (code != 0 && code != GLOB_NOMATCH) {
        return base::fail(base::Code::kIo, "read the folders of", pattern);
    }
    if (paths.size() > kMaxConfigFiles) {
        return base::fail(base::Code::kLimit,
                          pattern,
                          "names more than kMaxConfigFiles =",
                          kMaxConfigFiles,
                          "files");
    }
    return paths;
}

// A star only in the last element, and one at most.
bool is_rule_pattern(const std::string& pattern) {
    const size_t star = pattern.find('*');
    return star == std::string::npos || pattern.find_first_of("*/", star + 1) == std::string::npos;
}

void check_unique_jobs(const std::vector<std::pair<const Node*, std::string>>& names,
                       Problems& problems) {
    std::map<std::string, const Node*> seen;
    for (const auto& [node, name] : names) {
        const auto [first, fresh] = seen.emplace(name, node);
        if (!fresh && !name.empty()) {
            problems.add(*node,
                         "found multiple scrape configs with job name \"" + name + "\" (first at " +
                             first->second->place() + ")");
        }
    }
}

class Loader {
  public:
    Loader(base::Files& files, std::string path, const LoadOptions& options)
        : files_(files),
          path_(std::move(path)),
          options_(options),
          config_(std::make_shared<Config>()),
          scope_{problems_,
                 config_->unbuilt,
                 base::parent_path(path_),
                 model::NameScheme::kUtf8,
                 &named_files_} {
        config_->file = path_;
    }

    base::Result<std::shared_ptr<const Config>> run() {
        TRY(auto root, parse_file(path_));
        TRY(read_root(*root));
        check_names();
        if (options_.check_files) {
            check_named_files();
        }
        if (!problems_.empty()) {
            return base::fail(problems_.error());
        }
        config_->masked_yaml = print_yaml(*root);
        for (size_t i = 0; i < job_names_.size(); ++i) {
            const scrape::JobOptions& job = config_->scrape.jobs[i];
            config_->job_yaml[job.job_name] = effective_yaml(*job_names_[i].first, job);
        }
        TRY(config_->checksum, checksum(files_, path_));
        return std::shared_ptr<const Config>(std::move(config_));
    }

  private:
    base::Result<NodePtr> parse_file(const std::string& path) {
        TRY(auto text,
            base::context(base::read_file(files_, path, kMaxYamlBytes), "load configuration"));
        TRY(auto root, parse_yaml(text, path));
        documents_.push_back(root);
        return root;
    }

    base::Status read_root(const Node& root) {
        MapReader map(root, "the configuration", problems_);
        static const Node kEmpty = [] {
            Node node;
            node.file = std::make_shared<const std::string>();
            return node;
        }();
        const Node* global_node = map.find("global");
        read_global(
            global_node != nullptr ? *global_node : kEmpty, scope_, global_, config_->warnings);
        config_->evaluation_interval = global_.evaluation_interval;
        config_->rule_query_offset = global_.rule_query_offset;
        config_->query_log_file = global_.query_log_file;
        config_->scrape.external_labels = global_.external_labels;
        if (const Node* node = map.find("runtime")) {
            read_runtime(*node, scope_);
        }
        if (const Node* node = map.find("alerting")) {
            read_alerting(*node, scope_, *config_);
        }
        read_rule_files(map);
        map.each("scrape_configs", [&](const Node& node) { add_job(node, scope_); });
        TRY(read_scrape_files(map));
        check_unique_jobs(job_names_, problems_);
        map.each("remote_write", [&](const Node& node) {
            config_->remote_write.push_back(read_remote_write(node, scope_));
        });
        map.each("remote_read", [&](const Node& node) {
            config_->remote_read.push_back(read_remote_read(node, scope_));
        });
        if (const Node* node = map.find("storage")) {
            read_storage(*node, scope_, config_->storage);
        }
        if (const Node* node = map.find("otlp")) {
            read_otlp(*node, scope_);
        }
        if (const Node* node = map.find("tracing")) {
            read_tracing(*node, scope_);
        }
        if (const Node* node = map.find("cluster")) {
            config_->has_cluster = true;
            read_cluster(*node, scope_, config_->scrape.jobs, config_->cluster);
        }
        return base::success();
    }

    void read_rule_files(MapReader& map) {
        map.read("rule_files", config_->rule_files);
        for (std::string& pattern : config_->rule_files) {
            if (!is_rule_pattern(pattern)) {
                map.problem(map.at("rule_files"),
                            "invalid rule file path \"" + pattern +
                                "\": a * may only stand in the last element");
            }
            pattern = absolute_path(pattern, scope_.folder);
        }
        if (!config_->rule_files.empty()) {
            config_->unbuilt.push_back({"rule_files", "global", map.at("rule_files").place()});
        }
    }

    void add_job(const Node& node, Scope& scope) {
        config_->scrape.jobs.push_back(read_scrape_config(node, scope, global_));
        job_names_.emplace_back(&node, config_->scrape.jobs.back().job_name);
    }

    base::Status read_scrape_files(MapReader& map) {
        std::vector<std::string> patterns;
        map.read("scrape_config_files", patterns);
        for (const std::string& pattern : patterns) {
            if (!is_rule_pattern(pattern)) {
                map.problem(map.at("scrape_config_files"),
                            "invalid scrape config file path \"" + pattern + "\"");
                continue;
            }
            TRY(auto paths, expand_glob(absolute_path(pattern, scope_.folder)));
            for (const std::string& path : paths) {
                TRY(read_scrape_file(path));
            }
        }
        return base::success();
    }

    base::Status read_scrape_file(const std::string& path) {
        TRY(auto root, parse_file(path));
        Scope scope = scope_;
        scope.folder = base::parent_path(path);
        MapReader map(*root, "a scrape configuration file", problems_);
        map.each("scrape_configs", [&](const Node& node) { add_job(node, scope); });
        return base::success();
    }

    // Names of remote endpoints must be unique among their kind.
    void check_names() {
        const auto check = [&](const auto& endpoints, std::string_view kind) {
            std::set<std::string> seen;
            for (const auto& endpoint : endpoints) {
                if (!endpoint.name.empty() && !seen.insert(endpoint.name).second) {
                    problems_.add(*documents_.front(),
                                  "found multiple " + std::string(kind) +
                                      " configs with job name \"" + endpoint.name + "\"");
                }
            }
        };
        check(config_->remote_write, "remote write");
        check(config_->remote_read, "remote read");
    }

    void check_named_files() {
        for (const std::string& path : named_files_) {
            const auto there = files_.exists(path);
            if (there.has_error() || !there.value()) {
                problems_.add(*documents_.front(), "file \"" + path + "\" does not exist");
            }
        }
        for (const std::string& pattern : config_->rule_files) {
            const auto paths = expand_glob(pattern);
            const bool plain = pattern.find('*') == std::string::npos;
            const auto there =
                plain ? files_.exists(pattern) : base::Result<bool>(paths.has_value());
            if (plain && (there.has_error() || !there.value())) {
                problems_.add(*documents_.front(), "rule file \"" + pattern + "\" does not exist");
            }
        }
    }

    base::Files& files_;
    std::string path_;
    LoadOptions options_;
    std::shared_ptr<Config> config_;
    Problems problems_;
    std::vector<std::string> named_files_;
    Scope scope_;
    GlobalOptions global_;
    std::vector<NodePtr> documents_;  // job_names_ point into them
    // As many as there are jobs, in their order.
    std::vector<std::pair<const Node*, std::string>> job_names_;
};

}  // namespace

base::Result<std::shared_ptr<const Config>> load(base::Files& files,
                                                 const std::string& path,
                                                 const LoadOptions& options) {
    return Loader(files, path, options).run();
}

base::Result<std::string> checksum(base::Files& files, const std::string& path) {
    TRY(auto text, base::read_file(files, path, kMaxYamlBytes));
    std::string all = text;
    TRY(auto root, parse_yaml(text, path));
    const std::string folder = base::parent_path(path);
    for (const auto& [key, mark] :
         {std::pair<const char*, char>{"rule_files", 'r'}, {"scrape_config_files", 's'}}) {
        const Node* list = root->find(key);
        if (list == nullptr) {
            continue;
        }
        for (const NodePtr& item : list->items) {
            TRY(auto paths, expand_glob(absolute_path(item->text, folder)));
            for (const std::string& named : paths) {
                auto content = base::read_file(files, named, kMaxYamlBytes);
                all += mark;
                all += '\0';
                all.append(named).push_back('\0');
                if (content.has_value()) {
                    all += content.value();
                }
            }
        }
    }
    return base::sha256_hex(all);
}

}  // namespace config
