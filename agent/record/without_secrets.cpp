// What may not be written down is replaced by a word that is as valid in its place.
#include <algorithm>

#include "agent/config/render.hpp"
#include "agent/record/record.hpp"
#include "base/overloaded.hpp"
#include "base/version.hpp"

namespace understudy::record {

namespace {

constexpr const char* hidden = "hidden";

void hide(std::string& text) {
    if (!text.empty()) {
        text = hidden;
    }
}

// The program stays: it says which command it is.
void hide_arguments(std::vector<std::string>& command) {
    if (command.size() > 1) {
        command.resize(1);
        command.emplace_back(hidden);
    }
}

// SCHEME://USER:PASSWORD@HOST/PATH?QUERY#FRAGMENT: the user, and what follows the path.
void hide_in_url(std::string& url) {
    if (const auto end = url.find_first_of("?#"); end != std::string::npos) {
        url.resize(end + 1);
        url += hidden;
    }
    const auto scheme = url.find("://");
    const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
    const auto host_end = std::min(url.find_first_of("/?#", begin), url.size());
    const auto at = url.substr(0, host_end).rfind('@');
    if (at != std::string::npos && at >= begin) {
        url.replace(begin, at - begin, hidden);
    }
}

void hide_value(std::string& header) {
    if (const auto colon = header.find(':'); colon != std::string::npos) {
        header.resize(colon);
        header += ": ";
        header += hidden;
    }
}

void hide_in_http(checks::Http& http) {
    hide_in_url(http.url);
    for (std::string& header : http.headers) {
        hide_value(header);
    }
    hide(http.body);
    hide(http.body_regex);
    for (auto& [name, text] : http.expect_headers) {
        hide(text);
    }
}

void hide_in_question(checks::Question& question) {
    std::visit(Overloaded{
                   [](checks::Tcp& q) {
                       hide(q.send);
                       hide(q.expect);
                   },
                   [](checks::Udp& q) {
                       hide(q.send);
                       hide(q.expect);
                   },
                   [](checks::Http& q) { hide_in_http(q); },
                   [](checks::Url& q) { hide_in_url(q.url); },
                   [](checks::Script& q) { hide_arguments(q.command); },
                   [](auto&) {},
               },
               question);
}

}  // namespace

core::Configuration without_secrets(core::Configuration configuration) {
    for (core::VipSettings& vip : configuration.vips) {
        std::ranges::for_each(vip.hooks.commands, hide_arguments);
    }
    for (core::ServiceSettings& service : configuration.services) {
        hide_arguments(service.start);
        hide_arguments(service.stop);
    }
    for (checks::CheckSettings& check : configuration.checks) {
        hide_in_question(check.question);
    }
    return configuration;
}

Header make_header(const core::Configuration& configuration, TimePoint start, WallTime started) {
    return {program_version(), configuration.agent.name, start,
            std::chrono::floor<std::chrono::milliseconds>(started),
            config::render(without_secrets(configuration))};
}

}  // namespace understudy::record
