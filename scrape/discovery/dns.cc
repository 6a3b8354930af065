#include "scrape/discovery/dns.h"

#include <algorithm>
#include <chrono>

namespace scrape {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kFailuresLogged = 5;  // per refresh

DnsDiscoveryOptions without_repetitions(DnsDiscoveryOptions options) {
    std::vector<std::string>& names = options.names;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return options;
}

std::string join_host_port(const std::string& host, uint16_t port) {
    const bool six = host.find(':') != std::string::npos;
    return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

model::Labels target_of(const std::string& name,
                        const DnsRecord& record,
                        const DnsDiscoveryOptions& options) {
    const bool service = options.type == DnsRecordType::kSrv;
    const std::string rooted = record.host + ".";
    const std::string service_port = std::to_string(record.port);
    const std::string address = join_host_port(record.host, service ? record.port : options.port);
    std::vector<model::LabelView> labels = {{"__address__", address}, {"__meta_dns_name", name}};
    switch (options.type) {
        case DnsRecordType::kSrv:
            labels.push_back({"__meta_dns_srv_record_target", rooted});
            labels.push_back({"__meta_dns_srv_record_port", service_port});
            break;
        case DnsRecordType::kMx:
            labels.push_back({"__meta_dns_mx_record_target", rooted});
            break;
        case DnsRecordType::kNs:
            labels.push_back({"__meta_dns_ns_record_target", rooted});
            break;
        case DnsRecordType::kA:
        case DnsRecordType::kAaaa:
            break;
    }
    return model::Labels::from_unsorted(std::move(labels));
}

model::TargetGroup group_of(const std::string& name,
                            const std::vector<DnsRecord>& records,
                            const DnsDiscoveryOptions& options) {
    model::TargetGroup group;
    group.source = name;
    group.targets.reserve(records.size());
    for (const DnsRecord& record : records) {
        group.targets.push_back(target_of(name, record, options));
    }
    return group;
}

}  // namespace

DnsSource::DnsSource(DnsDiscoveryOptions options,
                     Metrics& metrics,
                     std::string job,
                     base::Logger log,
                     DnsResolver resolver)
    : options_(without_repetitions(std::move(options))),
      metrics_(metrics),
      job_(std::move(job)),
      log_(std::move(log)),
      resolver_(std::move(resolver)) {}

DnsSource::~DnsSource() {
    stop();
}

void DnsSource::start(model::GroupListener& listener) {
    thread_ = std::thread([this, &listener] { run(listener); });
}

void DnsSource::stop() {
    if (thread_.joinable()) {
        stop_.stop();
        thread_.join();
    }
}

void DnsSource::run(model::GroupListener& listener) {
    bool first = true;
    Clock::time_point start;
    do {
        start = Clock::now();
        const bool changed = refresh();
        metrics_.refresh_length_seconds.with({"dns", job_})
            .observe(std::chrono::duration<double>(Clock::now() - start).count());
        if (changed || first) {
            std::vector<model::TargetGroup> all;
            for (const auto& [name, group] : groups_) {
                all.push_back(group);
            }
            listener.groups_changed(std::move(all));
        }
        first = false;
    } while (!stop_.wait_until(start + options_.refresh_interval));
}

bool DnsSource::refresh() {
    const std::vector<DnsAnswer> answers =
        look_up_dns(options_.names, options_.type, resolver_, stop_);
    bool changed = false;
    size_t logged = 0;
    for (size_t index = 0; index < answers.size(); ++index) {
        const std::string& name = options_.names[index];
        const DnsAnswer& answer = answers[index];
        if (!answer && answer.error().code() == base::Code::kCanceled) {
            return changed;
        }
        metrics_.dns_lookups.add();
        note(name, answer, logged);
        if (!answer) {
            metrics_.dns_lookup_failures.add();
            continue;
        }
        model::TargetGroup group = group_of(name, answer.value(), options_);
        const auto before = groups_.find(name);
        if (before == groups_.end() || before->second != group) {
            groups_[name] = std::move(group);
            changed = true;
        }
    }
    return changed;
}

void DnsSource::note(const std::string& name, const DnsAnswer& answer, size_t& logged) {
    const auto before = failing_.find(name);
    if (answer) {
        if (before != failing_.end()) {
            failing_.erase(before);
            log_.info("dns discovery works again", "config", job_, "name", name);
        }
        return;
    }
    const std::string error = answer.error().message();
    if (before != failing_.end() && before->second == error) {
        return;
    }
    failing_[name] = error;
    if (logged++ < kFailuresLogged) {
        log_.error("dns discovery failed, the targets stay as they were",
                   "config",
                   job_,
                   "name",
                   name,
                   "error",
                   answer.error());
    }
}

}  // namespace scrape
