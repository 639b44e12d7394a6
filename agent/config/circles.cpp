#include "agent/config/circles.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "agent/config/complaints.hpp"
#include "agent/config/values.hpp"
#include "checks/target.hpp"

namespace understudy::config {

namespace {

// A check of a VIP, or of its service.
struct Need {
    const CheckDraft* check = nullptr;
    std::string key;  // that names it
    Place place;
    bool decides = true;  // without a weight: the VIP may not be held while it is down
};

// A VIP, and a check of it that asks an address of the next VIP.
struct Step {
    std::size_t vip = 0;
    const Need* need = nullptr;
    IpAddress asked;
};
using Circle = std::vector<Step>;

template <class Draft>
using ByName = std::map<std::string_view, const Draft*>;  // by name

template <class Draft>
ByName<Draft> by_name(const std::vector<Draft>& drafts) {
    ByName<Draft> places;
    for (const Draft& draft : drafts) {
        places.try_emplace(draft.settings.name, &draft);
    }
    return places;
}

class Circles {
public:
    Circles(const std::vector<VipDraft>& vips, const std::vector<ServiceDraft>& services,
            const std::vector<CheckDraft>& checks, HostsFile& hosts, Diagnostics& diagnostics);

    void find();

private:
    void note_needs(const VipDraft& vip, const ByName<ServiceDraft>& services,
                    const ByName<CheckDraft>& checks);
    void note_target(const CheckDraft& check, HostsFile& hosts);
    void find_what_can_begin();
    bool can_come_up(const Need& need) const;
    std::optional<Circle> circle_of(std::size_t vip, const Need& need) const;
    bool lead_back(std::size_t to, Circle& circle, std::set<std::size_t>& seen) const;

    bool is_own(const Need& need, std::size_t vip) const;
    void judge(std::size_t vip, const Need& need);
    void judge_script(std::size_t vip, const Need& need);
    void report(const Circle& circle);
    static std::string title_of(const Need& need);
    static std::string target_of(const Need& need, const IpAddress& address);

    const std::vector<VipDraft>& vips_;
    Diagnostics& diagnostics_;
    std::vector<std::vector<Need>> needs_;                       // by VIP
    std::map<const CheckDraft*, std::vector<IpAddress>> asked_;  // none: not known, or local
    std::map<IpAddress, std::vector<std::size_t>> holders_;      // VIPs
    std::vector<bool> can_begin_;  // by VIP: it can be held without being held before
    std::set<std::set<std::size_t>> reported_;
};

Circles::Circles(const std::vector<VipDraft>& vips, const std::vector<ServiceDraft>& services,
                 const std::vector<CheckDraft>& checks, HostsFile& hosts, Diagnostics& diagnostics)
    : vips_(vips), diagnostics_(diagnostics), can_begin_(vips.size()) {
    const auto services_by_name = by_name(services);
    const auto checks_by_name = by_name(checks);
    for (std::size_t i = 0; i < vips.size(); ++i) {
        note_needs(vips[i], services_by_name, checks_by_name);
        // The owner's address is that of the machine, always (RFC 9568 1.6).
        if (vips[i].settings.priority == vrrp::owner_priority) {
            continue;
        }
        for (const core::VirtualAddress& address : vips[i].settings.addresses) {
            holders_[address.prefix.address].push_back(i);
        }
    }
    for (const std::vector<Need>& needs : needs_) {
        for (const Need& need : needs) {
            note_target(*need.check, hosts);
        }
    }
}

void Circles::note_needs(const VipDraft& vip, const ByName<ServiceDraft>& services,
                         const ByName<CheckDraft>& checks) {
    std::vector<Need>& needs = needs_.emplace_back();
    const auto add = [&](const std::string& name, const char* key, const Place& place,
                         bool decides) {
        if (const auto check = checks.find(name); check != checks.end()) {
            needs.push_back({check->second, key, place, decides});
        }
    };
    for (const WrittenTrack& track : vip.tracks) {
        add(track.track.check, "track", track.place, !track.track.weight);
    }
    if (const auto found = services.find(vip.settings.service); found != services.end()) {
        const ServiceDraft& service = *found->second;
        for (std::size_t i = 0; i < service.settings.checks.size(); ++i) {
            add(service.settings.checks[i], "check", service.check_places[i], true);
        }
    }
}

void Circles::note_target(const CheckDraft& check, HostsFile& hosts) {
    const auto [entry, fresh] = asked_.try_emplace(&check);
    const std::string host = checks::asked_host(check.settings.question);
    if (!fresh || host.empty()) {
        return;
    }
    if (const auto address = checks::literal_address(host)) {
        entry->second = {*address};
    } else {
        entry->second = hosts.addresses_of(host);
    }
}

// Where any of several addresses answers, the check is up. Inverted, it is up while none does.
bool Circles::can_come_up(const Need& need) const {
    const std::vector<IpAddress>& asked = asked_.at(need.check);
    const auto can_answer = [&](const IpAddress& address) {
        const auto holders = holders_.find(address);
        return holders == holders_.end() ||
               std::ranges::any_of(holders->second,
                                   [&](std::size_t vip) { return can_begin_[vip]; });
    };
    return !need.decides || need.check->settings.inverted || asked.empty() ||
           std::ranges::any_of(asked, can_answer);
}

// From the VIPs that need no other one, until none follows: the VIPs that are left wait for
// themselves.
void Circles::find_what_can_begin() {
    for (bool changed = true; changed;) {
        changed = false;
        for (std::size_t vip = 0; vip < vips_.size(); ++vip) {
            if (!can_begin_[vip] && std::ranges::all_of(needs_[vip], [&](const Need& need) {
                    return can_come_up(need);
                })) {
                can_begin_[vip] = true;
                changed = true;
            }
        }
    }
}

// From the last step of `circle` on.
bool Circles::lead_back(std::size_t to, Circle& circle, std::set<std::size_t>& seen) const {
    const std::vector<std::size_t>& next = holders_.at(circle.back().asked);
    if (std::ranges::find(next, to) != next.end()) {
        return true;
    }
    for (const std::size_t vip : next) {
        if (!seen.insert(vip).second) {
            continue;
        }
        for (const Need& need : needs_[vip]) {
            if (can_come_up(need)) {
                continue;
            }
            for (const IpAddress& address : asked_.at(need.check)) {
                circle.push_back({vip, &need, address});
                if (lead_back(to, circle, seen)) {
                    return true;
                }
                circle.pop_back();
            }
        }
    }
    return false;
}

std::optional<Circle> Circles::circle_of(std::size_t vip, const Need& need) const {
    for (const IpAddress& address : asked_.at(need.check)) {
        Circle circle{{vip, &need, address}};
        std::set<std::size_t> seen{vip};
        if (lead_back(vip, circle, seen)) {
            return circle;
        }
    }
    return std::nullopt;
}

void Circles::find() {
    find_what_can_begin();
    for (std::size_t vip = 0; vip < vips_.size(); ++vip) {
        for (const Need& need : needs_[vip]) {
            const auto circle = can_come_up(need) ? std::nullopt : circle_of(vip, need);
            if (circle) {
                report(*circle);
            } else {
                judge(vip, need);
            }
        }
    }
}

// "check gate (FILE:LINE)": where its target is written.
std::string Circles::title_of(const Need& need) {
    std::string key;
    for (const char* candidate : {"target", "server", "url", "connect"}) {
        key = need.check->record.has(candidate) ? candidate : key;
    }
    return "check " + need.check->settings.name + " (" +
           to_string(need.check->record.place_of(key)) + ')';
}

std::string Circles::target_of(const Need& need, const IpAddress& address) {
    const std::string host = checks::asked_host(need.check->settings.question);
    return checks::literal_address(host)
               ? address.to_string()
               : host + " (" + address.to_string() + " in " + HostsFile::path + ')';
}

// Of several VIPs once, at the first of them; of one each check.
void Circles::report(const Circle& circle) {
    std::set<std::size_t> members;
    for (const Step& step : circle) {
        members.insert(step.vip);
    }
    if (circle.size() > 1 && !reported_.insert(members).second) {
        return;
    }
    const Step& first = circle.front();
    std::string text = first.need->key + ": " + title_of(*first.need) + " asks " +
                       target_of(*first.need, first.asked);
    if (circle.size() == 1) {
        text += ", an address of " + vips_[first.vip].title() +
                " itself: while the check is down no node may hold it, and while no node holds it "
                "the check is down";
    } else {
        for (std::size_t i = 1; i < circle.size(); ++i) {
            text += ", an address of " + vips_[circle[i].vip].title() + ", which needs " +
                    title_of(*circle[i].need) + ", which asks " +
                    target_of(*circle[i].need, circle[i].asked);
        }
        text += ", an address of " + vips_[first.vip].title() +
                ": none of them can be held before the others are";
    }
    diagnostics_.push_back({first.need->place, text, Severity::error});
}

bool Circles::is_own(const Need& need, std::size_t vip) const {
    const std::vector<IpAddress>& asked = asked_.at(need.check);
    return !asked.empty() && std::ranges::all_of(asked, [&](const IpAddress& address) {
        const auto holders = holders_.find(address);
        return holders != holders_.end() &&
               std::ranges::find(holders->second, vip) != holders->second.end();
    });
}

// What asks an address of its own VIP, and is no circle.
void Circles::judge(std::size_t vip, const Need& need) {
    judge_script(vip, need);
    if (!is_own(need, vip)) {
        return;
    }
    const checks::CheckSettings& check = need.check->settings;
    const std::string text = need.key + ": " + title_of(need) + " asks " +
                             target_of(need, asked_.at(need.check).front()) + ", an address of " +
                             vips_[vip].title() + " itself: ";
    if (!need.decides) {
        diagnostics_.push_back({need.place,
                                text + "on all nodes it is up while any of them holds the address, "
                                       "so that a weight tells nothing about one of them",
                                Severity::warning});
    } else if (check.inverted && !std::holds_alternative<checks::Arp>(check.question)) {
        diagnostics_.push_back({need.place,
                                text + "inverted, it is down on the node that holds the address, "
                                       "which would let it go again",
                                Severity::error});
    }
}

void Circles::judge_script(std::size_t vip, const Need& need) {
    const auto* script = std::get_if<checks::Script>(&need.check->settings.question);
    if (script == nullptr || !need.decides || need.check->settings.inverted) {
        return;
    }
    for (const std::string& word : script->command) {
        const auto address = checks::literal_address(word);
        const auto holders = address ? holders_.find(*address) : holders_.end();
        if (holders == holders_.end() ||
            std::ranges::find(holders->second, vip) == holders->second.end()) {
            continue;
        }
        diagnostics_.push_back(
            {need.place,
             need.key + ": the command of check " + need.check->settings.name + " (" +
                 to_string(need.check->record.place_of("command")) + ") is given " + word +
                 ", an address of " + vips_[vip].title() +
                 " itself: if it fails while no node holds the address, no node can ever take it",
             Severity::warning});
        return;
    }
}

}  // namespace

void validate_circles(const std::vector<VipDraft>& vips, const std::vector<ServiceDraft>& services,
                      const std::vector<CheckDraft>& checks, HostsFile& hosts,
                      Diagnostics& diagnostics) {
    Circles(vips, services, checks, hosts, diagnostics).find();
}

}  // namespace understudy::config
