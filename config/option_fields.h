// The fields of every option struct, by name.
//
// Each function takes its struct apart into all fields that it has, so that who adds one must say
// here what it is. `visit` takes a name and a value; visit.path() names of files, visit.url()
// addresses. What is left out says nothing of what is meant, or is a node's own.
#pragma once

#include <string>

#include "config/config.h"

namespace config {

template <class Visit>
void fields(const base::http::TlsClientOptions& options, Visit&& visit) {
    const auto& [ca,
                 ca_file,
                 cert,
                 cert_file,
                 key,
                 key_file,
                 server_name,
                 insecure_skip_verify,
                 min_version,
                 max_version] = options;
    visit("ca", ca);
    visit.path("ca_file", ca_file);
    visit("cert", cert);
    visit.path("cert_file", cert_file);
    visit("key", key);
    visit.path("key_file", key_file);
    visit("server_name", server_name);
    visit("insecure_skip_verify", insecure_skip_verify);
    visit("min_version", min_version);
    visit("max_version", max_version);
}

template <class Visit>
void fields(const base::http::BasicAuthOptions& options, Visit&& visit) {
    const auto& [username, username_file, password, password_file] = options;
    visit("username", username);
    visit.path("username_file", username_file);
    visit("password", password);
    visit.path("password_file", password_file);
}

template <class Visit>
void fields(const base::http::AuthorizationOptions& options, Visit&& visit) {
    const auto& [type, credentials, credentials_file] = options;
    visit("type", type);
    visit("credentials", credentials);
    visit.path("credentials_file", credentials_file);
}

template <class Visit>
void fields(const base::http::OAuth2Options& options, Visit&& visit) {
    const auto& [client_id,
                 client_secret,
                 client_secret_file,
                 grant_type,
                 client_certificate_key,
                 client_certificate_key_file,
                 client_certificate_key_id,
                 signature_algorithm,
                 issuer,
                 audience,
                 claims,
                 scopes,
                 token_url,
                 endpoint_params,
                 tls,
                 proxy_url] = options;
    visit("client_id", client_id);
    visit("client_secret", client_secret);
    visit.path("client_secret_file", client_secret_file);
    visit("grant_type", grant_type);
    visit("client_certificate_key", client_certificate_key);
    visit.path("client_certificate_key_file", client_certificate_key_file);
    visit("client_certificate_key_id", client_certificate_key_id);
    visit("signature_algorithm", signature_algorithm);
    visit("issuer", issuer);
    visit("audience", audience);
    visit("claims", claims);
    visit("scopes", scopes);
    visit.url("token_url", token_url);
    visit("endpoint_params", endpoint_params);
    visit("tls", tls);
    visit.url("proxy_url", proxy_url);
}

template <class Visit>
void fields(const base::http::HeaderOptions& options, Visit&& visit) {
    const auto& [values, secrets, files] = options;
    visit("values", values);
    visit("secrets", secrets);
    visit.path("files", files);
}

template <class Visit>
void fields(const base::http::ClientOptions& options, Visit&& visit) {
    const auto& [basic_auth,
                 authorization,
                 oauth2,
                 tls,
                 follow_redirects,
                 enable_http2,
                 proxy_url,
                 no_proxy,
                 proxy_from_environment,
                 proxy_connect_headers,
                 headers] = options;
    visit("basic_auth", basic_auth);
    visit("authorization", authorization);
    visit("oauth2", oauth2);
    visit("tls", tls);
    visit("follow_redirects", follow_redirects);
    visit("enable_http2", enable_http2);
    visit.url("proxy_url", proxy_url);
    visit("no_proxy", no_proxy);
    visit("proxy_from_environment", proxy_from_environment);
    visit("proxy_connect_headers", proxy_connect_headers);
    visit("headers", headers);
}

template <class Visit>
void fields(const model::TargetGroup& group, Visit&& visit) {
    const auto& [source, labels, targets] = group;
    static_cast<void>(source);  // where it is written
    visit("labels", labels);
    visit("targets", targets);
}

template <class Visit>
void fields(const scrape::FileDiscoveryOptions& options, Visit&& visit) {
    const auto& [files, refresh_interval] = options;
    visit.path("files", files);
    visit("refresh_interval", refresh_interval);
}

template <class Visit>
void fields(const scrape::HttpDiscoveryOptions& options, Visit&& visit) {
    const auto& [url, refresh_interval, client] = options;
    visit.url("url", url);
    visit("refresh_interval", refresh_interval);
    visit("client", client);
}

template <class Visit>
void fields(const scrape::DnsDiscoveryOptions& options, Visit&& visit) {
    const auto& [names, type, port, refresh_interval] = options;
    visit("names", names);
    visit("type", type);
    visit("port", port);
    visit("refresh_interval", refresh_interval);
}

template <class Visit>
void fields(const scrape::UnbuiltDiscovery& discovery, Visit&& visit) {
    const auto& [mechanism, place] = discovery;
    visit("mechanism", mechanism);
    static_cast<void>(place);  // where it is written
}

template <class Visit>
void fields(const scrape::DiscoveryOptions& options, Visit&& visit) {
    const auto& [static_groups, file, http, dns, unbuilt] = options;
    visit("static_groups", static_groups);
    visit("file", file);
    visit("http", http);
    visit("dns", dns);
    visit("unbuilt", unbuilt);
}

template <class Visit>
void fields(const scrape::ScrapeLimits& limits, Visit&& visit) {
    const auto& [body_size_bytes,
                 sample_limit,
                 label_limit,
                 label_name_length_limit,
                 label_value_length_limit,
                 target_limit,
                 keep_dropped_targets,
                 native_histogram_bucket_limit] = limits;
    visit("body_size_bytes", body_size_bytes);
    visit("sample_limit", sample_limit);
    visit("label_limit", label_limit);
    visit("label_name_length_limit", label_name_length_limit);
    visit("label_value_length_limit", label_value_length_limit);
    visit("target_limit", target_limit);
    visit("keep_dropped_targets", keep_dropped_targets);
    visit("native_histogram_bucket_limit", native_histogram_bucket_limit);
}

template <class Visit>
void fields(const model::RelabelRule& rule, Visit&& visit) {
    const auto& [action,
                 source_labels,
                 separator,
                 target_label,
                 regex,
                 modulus,
                 replacement,
                 name_scheme] = rule;
    visit("action", action);
    visit("source_labels", source_labels);
    visit("separator", separator);
    visit("target_label", target_label);
    visit("regex", regex != nullptr ? regex->pattern() : std::string("(.*)"));
    visit("modulus", modulus);
    visit("replacement", replacement);
    visit("name_scheme", name_scheme);
}

template <class Visit>
void fields(const scrape::JobOptions& job, Visit&& visit) {
    const auto& [job_name,
                 interval,
                 timeout,
                 metrics_path,
                 scheme,
                 params,
                 honor_labels,
                 honor_timestamps,
                 track_timestamps_staleness,
                 protocols,
                 fallback_protocol,
                 enable_compression,
                 scrape_native_histograms,
                 always_scrape_classic_histograms,
                 convert_classic_histograms_to_nhcb,
                 native_histogram_min_bucket_factor,
                 extra_scrape_metrics,
                 limits,
                 name_scheme,
                 escaping_scheme,
                 failure_log_file,
                 client,
                 discovery,
                 relabel_rules,
                 metric_relabel_rules] = job;
    visit("job_name", job_name);
    visit("interval", interval);
    visit("timeout", timeout);
    visit("metrics_path", metrics_path);
    visit("scheme", scheme);
    visit("params", params);
    visit("honor_labels", honor_labels);
    visit("honor_timestamps", honor_timestamps);
    visit("track_timestamps_staleness", track_timestamps_staleness);
    visit("protocols", protocols);
    visit("fallback_protocol", fallback_protocol);
    visit("enable_compression", enable_compression);
    visit("scrape_native_histograms", scrape_native_histograms);
    visit("always_scrape_classic_histograms", always_scrape_classic_histograms);
    visit("convert_classic_histograms_to_nhcb", convert_classic_histograms_to_nhcb);
    visit("native_histogram_min_bucket_factor", native_histogram_min_bucket_factor);
    visit("extra_scrape_metrics", extra_scrape_metrics);
    visit("limits", limits);
    visit("name_scheme", name_scheme);
    visit("escaping_scheme", escaping_scheme);
    static_cast<void>(failure_log_file);  // a node's own
    visit("client", client);
    visit("discovery", discovery);
    visit("relabel_rules", relabel_rules);
    visit("metric_relabel_rules", metric_relabel_rules);
}

template <class Visit>
void fields(const AlertmanagerOptions& options, Visit&& visit) {
    const auto& [scheme,
                 path_prefix,
                 timeout,
                 client,
                 discovery,
                 relabel_rules,
                 alert_relabel_rules] = options;
    visit("scheme", scheme);
    visit("path_prefix", path_prefix);
    visit("timeout", timeout);
    visit("client", client);
    visit("discovery", discovery);
    visit("relabel_rules", relabel_rules);
    visit("alert_relabel_rules", alert_relabel_rules);
}

template <class Visit>
void fields(const RemoteWriteOptions& options, Visit&& visit) {
    const auto& [url,
                 name,
                 timeout,
                 headers,
                 relabel_rules,
                 send_exemplars,
                 send_native_histograms,
                 round_robin_dns,
                 version_2,
                 capacity,
                 max_shards,
                 min_shards,
                 max_samples_per_send,
                 batch_send_deadline,
                 min_backoff,
                 max_backoff,
                 sample_age_limit,
                 retry_on_rate_limit,
                 send_metadata,
                 metadata_interval,
                 metadata_max_samples_per_send,
                 client] = options;
    visit.url("url", url);
    visit("name", name);
    visit("timeout", timeout);
    visit("headers", headers);
    visit("relabel_rules", relabel_rules);
    visit("send_exemplars", send_exemplars);
    visit("send_native_histograms", send_native_histograms);
    visit("round_robin_dns", round_robin_dns);
    visit("version_2", version_2);
    visit("capacity", capacity);
    visit("max_shards", max_shards);
    visit("min_shards", min_shards);
    visit("max_samples_per_send", max_samples_per_send);
    visit("batch_send_deadline", batch_send_deadline);
    visit("min_backoff", min_backoff);
    visit("max_backoff", max_backoff);
    visit("sample_age_limit", sample_age_limit);
    visit("retry_on_rate_limit", retry_on_rate_limit);
    visit("send_metadata", send_metadata);
    visit("metadata_interval", metadata_interval);
    visit("metadata_max_samples_per_send", metadata_max_samples_per_send);
    visit("client", client);
}

template <class Visit>
void fields(const RemoteReadOptions& options, Visit&& visit) {
    const auto& [url,
                 name,
                 timeout,
                 headers,
                 required_matchers,
                 read_recent,
                 filter_external_labels,
                 chunked_read_limit,
                 client] = options;
    visit.url("url", url);
    visit("name", name);
    visit("timeout", timeout);
    visit("headers", headers);
    visit("required_matchers", required_matchers);
    visit("read_recent", read_recent);
    visit("filter_external_labels", filter_external_labels);
    visit("chunked_read_limit", chunked_read_limit);
    visit("client", client);
}

template <class Visit>
void fields(const StorageOptions& options, Visit&& visit) {
    const auto& [out_of_order_time_window,
                 retention_time,
                 retention_size,
                 retention_percentage,
                 stale_series_compaction_threshold,
                 float_encoding,
                 max_exemplars] = options;
    visit("out_of_order_time_window", out_of_order_time_window);
    visit("retention_time", retention_time);
    visit("retention_size", retention_size);
    visit("retention_percentage", retention_percentage);
    visit("stale_series_compaction_threshold", stale_series_compaction_threshold);
    visit("float_encoding", float_encoding);
    visit("max_exemplars", max_exemplars);
}

template <class Visit>
void fields(const ClusterOptions::Thresholds& thresholds, Visit&& visit) {
    const auto& [balance, fill, budget, series_per_minute] = thresholds;
    visit("balance", balance);
    visit("fill", fill);
    visit("budget", budget);
    visit("series_per_minute", series_per_minute);
}

template <class Visit>
void fields(const ClusterOptions::Job& job, Visit&& visit) {
    const auto& [replication_factor, exclusive, split] = job;
    visit("replication_factor", replication_factor);
    visit("exclusive", exclusive);
    visit("split", split);
}

template <class Visit>
void fields(const ClusterOptions& options, Visit&& visit) {
    const auto& [replication_factor,
                 series_budget,
                 voters,
                 handoff_scrapes,
                 failure_timeout,
                 dead_timeout,
                 thresholds,
                 jobs,
                 store_endpoints] = options;
    visit("replication_factor", replication_factor);
    visit("series_budget", series_budget);
    visit("voters", voters);
    visit("handoff_scrapes", handoff_scrapes);
    visit("failure_timeout", failure_timeout);
    visit("dead_timeout", dead_timeout);
    visit("thresholds", thresholds);
    visit("jobs", jobs);
    visit("store_endpoints", store_endpoints);
}

// But the jobs.
template <class Visit>
void fields(const Config& config, Visit&& visit) {
    const auto& [file,
                 evaluation_interval,
                 rule_query_offset,
                 query_log_file,
                 scrape,
                 rule_files,
                 alert_relabel_rules,
                 alertmanagers,
                 remote_write,
                 remote_read,
                 storage,
                 has_cluster,
                 cluster,
                 unbuilt,
                 warnings,
                 checksum,
                 masked_yaml,
                 job_yaml] = config;
    [[maybe_unused]] const auto& [jobs, external_labels] = scrape;
    visit("evaluation_interval", evaluation_interval);
    visit("rule_query_offset", rule_query_offset);
    visit.path("rule_files", rule_files);
    visit("alert_relabel_rules", alert_relabel_rules);
    visit("alertmanagers", alertmanagers);
    visit("remote_write", remote_write);
    visit("remote_read", remote_read);
    visit("storage", storage);
    visit("cluster", cluster);
}

}  // namespace config
