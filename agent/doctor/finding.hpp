// What the doctor says about one thing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace understudy::doctor {

enum class Severity : std::uint8_t {
    ok,
    hint,     // worth knowing; or it could not be looked at
    warning,  // it works now, and will not always
    problem,  // it does not work
};

struct Finding {
    Severity severity = Severity::ok;
    std::string subject;  // "eth0 arp_ignore", "firewall"
    std::string seen;
    std::string why;     // why it matters; empty if ok
    std::string remedy;  // a command or a setting; empty if ok
};

using Findings = std::vector<Finding>;

constexpr std::string_view name_of(Severity severity) {
    switch (severity) {
        case Severity::ok:
            return "ok";
        case Severity::hint:
            return "hint";
        case Severity::warning:
            return "warning";
        case Severity::problem:
            return "problem";
    }
    return "";
}

inline std::size_t count_of(const Findings& findings, Severity severity) {
    return static_cast<std::size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

}  // namespace understudy::doctor
