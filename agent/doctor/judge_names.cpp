// Names that this machine resolves and the checks do not: nsswitch.conf(5).
#include <algorithm>
#include <set>
#include <string_view>

#include "agent/doctor/judge.hpp"
#include "base/overloaded.hpp"

namespace understudy::doctor {

namespace {

// The host of a URL that the configuration has accepted.
std::string host_of(std::string_view url) {
    url.remove_prefix(url.find("://") + 3);
    url = url.substr(0, url.find_first_of("/?#"));
    if (const auto user = url.rfind('@'); user != url.npos) {
        url.remove_prefix(user + 1);
    }
    if (url.starts_with('[')) {
        return std::string{url.substr(1, url.find(']') - 1)};
    }
    return std::string{url.substr(0, url.rfind(':'))};
}

// What a check looks up, an address perhaps.
std::string host_of(const checks::Question& question) {
    return std::visit(
        Overloaded{[](const checks::Icmp& q) { return q.target; },
                   [](const checks::Tcp& q) { return q.target.host; },
                   [](const checks::Udp& q) { return q.target.host; },
                   [](const checks::Tls& q) { return q.target.host; },
                   [](const checks::Dns& q) { return q.server.host; },
                   [](const checks::Http& q) {
                       return host_of(q.connect.empty() ? q.url : "http://" + q.connect);
                   },
                   [](const checks::Url& q) { return host_of(q.url); },
                   [](const auto&) { return std::string{}; }},
        question);
}

bool is_name(const std::string& host) {
    return !host.empty() && !IpAddress::parse(host.substr(0, host.find('%'))) &&
           host != "localhost";
}

// What a module knows that neither the hosts file nor a name server does.
struct Module {
    std::string_view name;  // or the beginning of it
    std::string_view knows;
    bool (*may_know)(const std::string& host, const std::string& own_name);
};

bool has_no_dot(const std::string& host) {
    return host.find('.') == std::string::npos;
}

constexpr Module modules[] = {
    {"mdns", "names that end with .local",
     [](const std::string& host, const std::string&) { return host.ends_with(".local"); }},
    {"myhostname", "the name of this machine, and _gateway",
     [](const std::string& host, const std::string& own_name) {
         return host == own_name || host.starts_with('_') || host.ends_with(".localhost");
     }},
    {"mymachines", "names of local containers",
     [](const std::string& host, const std::string&) { return has_no_dot(host); }},
    {"libvirt", "names of local virtual machines",
     [](const std::string& host, const std::string&) { return has_no_dot(host); }},
    {"resolve", "what systemd-resolved knows without a name server (LLMNR, mDNS)",
     [](const std::string& host, const std::string&) {
         return has_no_dot(host) || host.ends_with(".local");
     }},
    {"", "names of its own", [](const std::string&, const std::string&) { return true; }}};

void judge_module(const std::string& name, const std::set<std::string>& hosts,
                  const std::string& own_name, Findings& findings) {
    const Module& module = *std::ranges::find_if(
        modules, [&](const Module& known) { return name.starts_with(known.name); });
    std::string missed;
    for (const std::string& host : hosts) {
        if (module.may_know(host, own_name)) {
            missed += (missed.empty() ? "" : ", ") + host;
        }
    }
    const std::string what = name + " in /etc/nsswitch.conf knows " + std::string{module.knows};
    if (missed.empty()) {
        findings.push_back({Severity::ok, "names", what + ", which no check needs", {}, {}});
        return;
    }
    findings.push_back({Severity::warning, "names", what + ": perhaps " + missed,
                        "checks ask the hosts file and the name servers of resolv.conf only, and "
                        "would not find what is not there",
                        "write the address into /etc/hosts, or into the check"});
}

}  // namespace

void judge_names(const Facts& facts, Findings& findings) {
    std::set<std::string> hosts;
    if (facts.configuration) {
        for (const checks::CheckSettings& check : facts.configuration->checks) {
            if (const std::string host = host_of(check.question); is_name(host)) {
                hosts.insert(host);
            }
        }
    }
    for (const std::string& module : facts.host.name_modules) {
        if (module != "files" && module != "dns" && !hosts.empty()) {
            judge_module(module, hosts, facts.host.name, findings);
        }
    }
}

}  // namespace understudy::doctor
