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
    if (check.record.is_readable("interval") && settings.fast_interval &&
        *settings.fast_interval > settings.interval) {
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

void check_process(const CheckDraft& check, const Complaints& complain) {
    const auto* process = std::get_if<checks::Process>(&check.settings.question);
    if (process == nullptr) {
        return;
    }
    if (!check.record.has("name") && !check.record.has("pid_file")) {
        complain.error("", "[check " + check.settings.name + "] has neither name nor pid_file");
    }
    if (check.record.has("pid_file") && check.record.has("min_count")) {
        complain.warn("min_count", "min_count does nothing with pid_file, which names one process");
    }
}

// HTTP/2 is asked for in the TLS handshake: without one, also at the end of a redirect, every run
// would fail.
void check_http_version(const CheckDraft& check, const Complaints& complain) {
    const auto* http = std::get_if<checks::Http>(&check.settings.question);
    if (http != nullptr && http->version == checks::HttpVersion::http2 && http->redirects == 0 &&
        http->url.starts_with("http://")) {
        complain.error("http_version",
                       "http_version = 2 needs an https:// url; without TLS it is "
                       "2-prior-knowledge");
    }
}

// Where something is named that does not exist, and what nobody names.
class Register {
public:
    Register(const char* kind, const std::vector<std::string>& names, Diagnostics& diagnostics)
        : kind_(kind),
          in_order_(names),
          names_(names.begin(), names.end()),
          diagnostics_(diagnostics) {}

    void use(const std::string& name, const std::string& key, const Place& place) {
        used_.insert(name);
        if (names_.contains(name)) {
            return;
        }
        // To look for a likely name among thousands takes a millisecond; when all of them are
        // missing, nobody reads more than the first few hints, and an agent that reloads waits.
        const std::string likely = missing_++ < most_hints ? nearest(name, in_order_) : "";
        used_.insert(likely);  // what was meant is not unused
        diagnostics_.push_back({place,
                                key + ": there is no [" + kind_ + ' ' + name + ']' +
                                    (likely.empty() ? "" : did_you_mean(name, {likely})),
                                Severity::error});
    }
    // `by` is what could have named them.
    template <class Draft>
    void warn_of_unused(const std::vector<Draft>& drafts, const std::string& by) const {
        for (const Draft& draft : drafts) {
            const std::string& name = draft.settings.name;
            if (!name.empty() && !used_.contains(name)) {
                Complaints(draft.record, diagnostics_)
                    .warn("", '[' + kind_ + ' ' + name + "] is used by no " + by);
            }
        }
    }

private:
    static constexpr int most_hints = 20;

    std::string kind_;
    std::vector<std::string> in_order_;
    std::set<std::string> names_;
    int missing_ = 0;
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

// The checks that are files with value_as_weight.
std::set<std::string> weighing_checks(const std::vector<CheckDraft>& checks) {
    std::set<std::string> names;
    for (const CheckDraft& check : checks) {
        const auto* file = std::get_if<checks::File>(&check.settings.question);
        if (file != nullptr && file->value_as_weight) {
            names.insert(check.settings.name);
        }
    }
    return names;
}

void use_tracks(const VipDraft& vip, const std::set<std::string>& weighing, Register& names,
                Diagnostics& diagnostics) {
    const Complaints complain(vip, diagnostics);
    std::set<std::string> tracked;
    for (const WrittenTrack& track : vip.tracks) {
        const std::string& name = track.track.check;
        names.use(name, "track", track.place);
        if (!tracked.insert(name).second) {
            complain.error_at(track.place, "track: " + name + " is tracked twice");
        }
        if (track.track.weight && weighing.contains(name)) {
            complain.warn_at(track.place, "track: with a weight, value_as_weight of check " + name +
                                              " does nothing");
        }
    }
}

void use_checks(const ServiceDraft& service, Register& names, Diagnostics& diagnostics) {
    std::set<std::string> seen;
    for (std::size_t i = 0; i < service.settings.checks.size(); ++i) {
        const std::string& name = service.settings.checks[i];
        names.use(name, "check", service.check_places[i]);
        if (!seen.insert(name).second) {
            Complaints(service.record, diagnostics)
                .error_at(service.check_places[i], "check: " + name + " is there twice");
        }
    }
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
    check_process(check, complain);
    check_http_version(check, complain);
    check_intervals(check, complain);
    check_credentials(check, complain);
    check_families(check, complain);
}

void validate_service(const ServiceDraft& service, Diagnostics& diagnostics) {
    const Complaints complain(service.record, diagnostics);
    const core::ServiceSettings& settings = service.settings;
    const auto has = [&](const char* key) { return service.record.has(key); };
    const bool can_start = has("unit") || has("start");
    const bool is_hot = settings.standby == core::Standby::hot;
    if (!has("check")) {
        complain.error("", "[service " + settings.name +
                               "] has no check: nothing would tell whether it is ready");
    }
    if (has("unit") && (has("start") || has("stop"))) {
        complain.error(has("start") ? "start" : "stop",
                       "a service is started and stopped by its unit or by commands, not both");
    }
    if (has("stop") && !can_start) {
        complain.error("stop", "stop needs a start command: what is stopped must be started again");
    }
    if (settings.standby == core::Standby::cold && !can_start) {
        complain.error("standby", "standby = cold needs a unit or a start command");
    }
    if (is_hot && can_start) {
        complain.warn(has("unit") ? "unit" : "start",
                      "with standby = hot the service is never started from here");
    }
    if (is_hot && settings.stop_on_release) {
        complain.error("stop_on_release",
                       "stop_on_release contradicts standby = hot: it would have to be started");
    } else if (settings.stop_on_release && !has("unit") && !has("stop")) {
        complain.error("stop_on_release", "stop_on_release needs a unit or a stop command");
    }
}

void validate_references(const std::vector<VipDraft>& vips,
                         const std::vector<ServiceDraft>& services,
                         const std::vector<CheckDraft>& checks, Diagnostics& diagnostics) {
    Register check_names("check", names_of(checks), diagnostics);
    Register service_names("service", names_of(services), diagnostics);
    const std::set<std::string> weighing = weighing_checks(checks);
    for (const VipDraft& vip : vips) {
        use_tracks(vip, weighing, check_names, diagnostics);
        if (!vip.settings.service.empty()) {
            service_names.use(vip.settings.service, "service", vip.record.place_of("service"));
        } else if (vip.settings.last_resort == core::LastResort::release &&
                   vip.record.is_readable("service")) {
            Complaints(vip, diagnostics)
                .warn("last_resort", "last_resort does nothing without a service");
        }
    }
    for (const ServiceDraft& service : services) {
        use_checks(service, check_names, diagnostics);
    }
    // What could not be read might have been the name.
    const auto readable = [](const auto& drafts, const char* key) {
        return std::ranges::all_of(
            drafts, [&](const auto& draft) { return draft.record.is_readable(key); });
    };
    if (readable(vips, "service")) {
        service_names.warn_of_unused(services, "[vip]");
    }
    if (readable(vips, "track") && readable(services, "check")) {
        check_names.warn_of_unused(checks, "[vip] and no [service]");
    }
    check_sharing(vips, services, diagnostics);
}

}  // namespace understudy::config
