#include "agent/config/render_health.hpp"

#include "agent/config/check_keys.hpp"
#include "agent/config/check_values.hpp"
#include "agent/config/command_line.hpp"
#include "agent/config/service_keys.hpp"
#include "agent/config/writer.hpp"
#include "base/overloaded.hpp"

namespace understudy::config {

namespace {

void text_if(Writer& out, const char* name, const std::string& value) {
    if (!value.empty()) {
        out.text(name, value);
    }
}

void bytes_if(Writer& out, const char* name, const std::string& value) {
    if (!value.empty()) {
        out.text(name, format_bytes(value));
    }
}

void source_if(Writer& out, const std::optional<IpAddress>& source) {
    if (source) {
        out.key("source", source->to_string());
    }
}

void render_tls(const checks::TlsClient& tls, Writer& out) {
    out.yes_no("verify", tls.verify);
    text_if(out, "ca", tls.ca);
    text_if(out, "certificate", tls.certificate);
    text_if(out, "key", tls.key);
    text_if(out, "server_name", tls.server_name);
}

void render_credentials(checks::Credentials kind, const std::string& file, Writer& out) {
    if (kind != checks::Credentials::none) {
        out.word("credentials", credentials_words(), static_cast<std::size_t>(kind) - 1);
        out.text("credentials_file", file);
    }
}

void render(const checks::Icmp& q, Writer& out) {
    out.key("target", q.target);
    out.number("count", static_cast<int>(q.count));
    out.number("max_loss", static_cast<int>(q.max_loss));
    source_if(out, q.source);
}

void render(const checks::Arp& q, Writer& out) {
    out.key("target", q.target.to_string());
    out.key("interface", q.interface);
}

template <class Question>
void render_exchange(const Question& q, Writer& out) {
    out.key("target", format_endpoint(q.target));
    source_if(out, q.source);
    bytes_if(out, "send", q.send);
    bytes_if(out, "expect", q.expect);
}

void render(const checks::Tls& q, Writer& out) {
    out.key("target", format_endpoint(q.target));
    out.number("min_days", static_cast<int>(q.min_days));
    render_tls(q.tls, out);
}

void render(const checks::Http& q, Writer& out) {
    out.text("url", q.url);
    out.key("method", q.method);
    for (const std::string& header : q.headers) {
        out.text("header", header);
    }
    text_if(out, "host", q.host);
    text_if(out, "connect", q.connect);
    out.word("http_version", http_version_words(), static_cast<std::size_t>(q.version));
    out.number("redirects", static_cast<int>(q.redirects));
    out.key("status", format_status(q.status));
    bytes_if(out, "body", q.body);
    text_if(out, "body_regex", q.body_regex);
    for (const auto& [name, text] : q.expect_headers) {
        out.text("expect_header", name + ": " + text);
    }
    out.number("max_size", static_cast<int>(q.max_size));
    render_credentials(q.credentials, q.credentials_file, out);
    render_tls(q.tls, out);
}

void render(const checks::Dns& q, Writer& out) {
    out.key("server", format_endpoint(q.server));
    out.key("name", q.name);
    out.key("record", q.record);
    text_if(out, "answer", q.answer);
}

void render(const checks::Url& q, Writer& out) {
    out.text("url", q.url);
    render_credentials(q.credentials, q.credentials_file, out);
    render_tls(q.tls, out);
}

void render(const checks::Script& q, Writer& out) {
    out.text("command", format_command_line(q.command));
    text_if(out, "user", q.user);
}

void render(const checks::Process& q, Writer& out) {
    text_if(out, "name", q.name);
    text_if(out, "pid_file", q.pid_file);
    out.number("min_count", static_cast<int>(q.min_count));
}

void render(const checks::File& q, Writer& out) {
    out.text("path", q.path);
    if (q.max_age) {
        out.duration("max_age", *q.max_age);
    }
    out.yes_no("value_as_weight", q.value_as_weight);
}

void render(const checks::Tcp& q, Writer& out) {
    render_exchange(q, out);
}
void render(const checks::Udp& q, Writer& out) {
    render_exchange(q, out);
}
void render(const checks::Interface& q, Writer& out) {
    out.key("interface", q.name);
}
void render(const checks::Unit& q, Writer& out) {
    out.key("unit", q.name);
}

}  // namespace

void render_track(const core::VipSettings& vip, Writer& out) {
    for (const core::Track& track : vip.tracks) {
        out.key("track",
                track.check + (track.weight ? " weight=" + std::to_string(*track.weight) : ""));
    }
    text_if(out, "service", vip.service);
    out.word("last_resort", last_resort_words(), static_cast<std::size_t>(vip.last_resort));
    if (vip.max_transitions) {
        out.key("max_transitions", std::to_string(vip.max_transitions->count) + " per " +
                                       format_duration(vip.max_transitions->window));
    }
}

void render_service(const core::ServiceSettings& service, Writer& out) {
    out.section("service " + service.name);
    out.word("standby", standby_words(), static_cast<std::size_t>(service.standby));
    text_if(out, "unit", service.unit);
    text_if(out, "start", format_command_line(service.start));
    text_if(out, "stop", format_command_line(service.stop));
    out.duration("start_timeout", service.start_timeout);
    out.duration("stop_timeout", service.stop_timeout);
    out.yes_no("stop_on_release", service.stop_on_release);
    for (const std::string& check : service.checks) {
        out.key("check", check);
    }
}

void render_check(const checks::CheckSettings& check, Writer& out) {
    out.section("check " + check.name);
    out.key("type", check.type);
    out.duration("interval", check.interval);
    if (check.fast_interval) {
        out.duration("fast_interval", *check.fast_interval);
    }
    if (check.down_interval) {
        out.duration("down_interval", *check.down_interval);
    }
    out.duration("timeout", check.timeout);
    out.number("rise", static_cast<int>(check.rise));
    out.number("fall", static_cast<int>(check.fall));
    out.word("initial", initial_words(), static_cast<std::size_t>(check.initial));
    out.yes_no("inverted", check.inverted);
    std::visit([&](const auto& question) { render(question, out); }, check.question);
}

}  // namespace understudy::config
