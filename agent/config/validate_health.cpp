#include "agent/config/validate_health.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "agent/config/complaints.hpp"
#include "agent/config/values.hpp"
#include "base/overloaded.hpp"

namespace understudy::config {

namespace {

std::vector<const char*> required_keys(const checks::Question& question) {
    using Names = std::vector<const char*>;
    return std::visit(Overloaded{
                          [](const checks::Icmp&) -> Names { return {"target"}; },
                          [](const checks::Arp&) -> Names { return {"target", "interface"}; },
                          [](const checks::Tcp&) -> Names { return {"target"}; },
                          [](const checks::Udp&) -> Names { return {"target", "send"}; },
                          [](const checks::Tls&) -> Names { return {"target"}; },
                          [](const checks::Http&) -> Names { return {"url"}; },
                          [](const checks::Dns&) -> Names { return {"server", "name"}; },
                          [](const checks::Url&) -> Names { return {"url"}; },
                          [](const checks::Script&) -> Names { return {"command"}; },
                          [](const checks::Process&) -> Names { return {}; },
                          [](const checks::File&) -> Names { return {"path"}; },
                          [](const checks::Interface&) -> Names { return {"interface"}; },
                          [](const checks::Unit&) -> Names { return {"unit"}; },
                      },
                      question);
}

void check_intervals(const CheckDraft& check, const Complaints& complain) {
    const checks::CheckSettings& settings = check.settings;
    if (settings.fast_interval && *settings.fast_interval > settings.interval) {
        complain.error("fast_interval",
                       "fast_interval: " + format_duration(*settings.fast_interval) +
                           " is longer than interval, " + format_duration(settings.interval));
    }
}

void check_credentials(const CheckDraft& check, const Complaints& complain) {
    const bool kind = check.record.has("credentials");
    const bool file = check.record.has("credentials_file");
    if (kind != file) {
        complain.error(kind ? "credentials" : "credentials_file",
                       kind ? "credentials need a credentials_file"
                            : "credentials_file needs credentials = basic or bearer");
    }
    const auto* url = std::get_if<checks::Url>(&check.settings.question);
    if (url != nullptr && url->credentials == checks::Credentials::bearer) {
        complain.error("credentials", "credentials: only http has bearer tokens");
    }
    if (check.record.has("key") && !check.record.has("certificate")) {
        complain.error("key", "key without a certificate");
    }
}

void check_families(const CheckDraft& check, const Complaints& complain) {
    const auto compare = [&](const std::string& host, const std::optional<IpAddress>& source) {
        const auto target = IpAddress::parse(host);
        if (target && source && target->family() != source->family()) {
            complain.error("source", "source and target are not of the same family");
        }
    };
    if (const auto* icmp = std::get_if<checks::Icmp>(&check.settings.question)) {
        compare(icmp->target, icmp->source);
    } else if (const auto* tcp = std::get_if<checks::Tcp>(&check.settings.question)) {
        compare(tcp->target.host, tcp->source);
    } else if (const auto* udp = std::get_if<checks::Udp>(&check.settings.question)) {
        compare(udp->target.host, udp->source);
    }
}

// Where something is named that does not exist.
class Register {
public:
    Register(const char* kind, std::vector<std::string> names, Diagnostics& diagnostics)
        : kind_(kind), names_(std::move(names)), diagnostics_(diagnostics) {}

    void use(const std::string& name, const std::string& key, const Place& place) {
        used_.insert(name);
        if (std::ranges::find(names_, name) == names_.end()) {
            diagnostics_.push_back(
                {place,
                 key + ": there is no [" + kind_ + ' ' + name + ']' + did_you_mean(name, names_),
                 Severity::error});
        }
    }
    bool is_used(const std::string& name) const { return used_.contains(name); }

private:
    std::string kind_;
    std::vector<std::string> names_;
    Diagnostics& diagnostics_;
    std::set<std::string> used_;
};

template <class Draft>
std::vector<std::string> names_of(const std::vector<Draft>& drafts) {
    std::vector<std::string> names;
    for (const Draft& draft : drafts) {
        names.push_back(draft.settings.name);
    }
    return names;
}

// A service that must run on one node only cannot follow two VIPs that may go to different nodes.
void check_sharing(const std::vector<VipDraft>& vips, const std::vector<ServiceDraft>& services,
                   Diagnostics& diagnostics) {
    std::map<std::string, const VipDraft*> first;
    for (const VipDraft& vip : vips) {
        const auto service =
            std::ranges::find(services, vip.settings.service,
                              [](const ServiceDraft& draft) { return draft.settings.name; });
        if (service == services.end() || !service->settings.stop_on_release) {
            continue;
        }
        const auto [other, fresh] = first.try_emplace(vip.settings.service, &vip);
        if (!fresh) {
            Complaints(vip, diagnostics)
                .error("service", "service " + vip.settings.service +
                                      " has stop_on_release and belongs to " +
                                      other->second->title() +
                                      " already; addresses that move together are one [vip]");
        }
    }
}

}  // namespace

void validate_check(const CheckDraft& check, Diagnostics& diagnostics) {
    const Complaints complain(check.record, diagnostics);
    const std::string title = "[check " + check.settings.name + ']';
    if (!check.record.has("type")) {
        complain.error("", title + " has no type");
        return;
    }
    if (!check.record.is_readable("type")) {
        return;
    }
    for (const char* key : required_keys(check.settings.question)) {
        if (!check.record.has(key)) {
            complain.error("", title + " has no " + key);
        }
    }
    const auto* process = std::get_if<checks::Process>(&check.settings.question);
    if (process != nullptr && process->name.empty() && process->pid_file.empty()) {
        complain.error("", title + " has neither name nor pid_file");
    }
    check_intervals(check, complain);
    check_credentials(check, complain);
    check_families(check, complain);
}

void validate_service(const ServiceDraft& service, Diagnostics& diagnostics) {
    const Complaints complain(service.record, diagnostics);
    const core::ServiceSettings& settings = service.settings;
    const auto has = [&](const char* key) { return service.record.has(key); };
    const std::string title = "[service " + settings.name + ']';
    if (!has("check")) {
        complain.error("", title + " has no check: nothing would tell whether it is ready");
    }
    if (has("unit") && (has("start") || has("stop"))) {
        complain.error(has("start") ? "start" : "stop",
                       "a service is started and stopped by its unit or by commands, not both");
    }
    if (settings.standby == core::Standby::cold && !has("unit") && !has("start")) {
        complain.error("standby", "standby = cold needs a unit or a start command");
    }
    if (settings.standby == core::Standby::hot && (has("unit") || has("start"))) {
        complain.warn(has("unit") ? "unit" : "start",
                      "with standby = hot the service is never started from here");
    }
    if (settings.stop_on_release && !has("unit") && !has("stop")) {
        complain.error("stop_on_release", "stop_on_release needs a unit or a stop command");
    }
}

void validate_references(const std::vector<VipDraft>& vips,
                         const std::vector<ServiceDraft>& services,
                         const std::vector<CheckDraft>& checks, Diagnostics& diagnostics) {
    Register check_names("check", names_of(checks), diagnostics);
    Register service_names("service", names_of(services), diagnostics);
    for (const VipDraft& vip : vips) {
        std::set<std::string> tracked;
        for (const WrittenTrack& track : vip.tracks) {
            check_names.use(track.track.check, "track", track.place);
            if (!tracked.insert(track.track.check).second) {
                diagnostics.push_back({track.place,
                                       "track: " + track.track.check + " is tracked twice",
                                       Severity::error});
            }
        }
        if (!vip.settings.service.empty()) {
            service_names.use(vip.settings.service, "service", vip.record.place_of("service"));
        }
    }
    for (const ServiceDraft& service : services) {
        for (std::size_t i = 0; i < service.settings.checks.size(); ++i) {
            check_names.use(service.settings.checks[i], "check", service.check_places[i]);
        }
        if (!service_names.is_used(service.settings.name)) {
            Complaints(service.record, diagnostics)
                .warn("", "[service " + service.settings.name + "] is used by no [vip]");
        }
    }
    check_sharing(vips, services, diagnostics);
}

}  // namespace understudy::config
