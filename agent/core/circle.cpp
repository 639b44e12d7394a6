#include "agent/core/circle.hpp"

#include <cctype>
#include <optional>
#include <set>

#include "checks/target.hpp"

namespace understudy::core {

namespace {

// As a word of its own: 192.0.2.1 is not in "192.0.2.10", and a port may follow it.
bool names(const std::string& text, const std::string& address) {
    const bool has_colons = address.find(':') != address.npos;
    const auto is_part = [&](std::size_t at) {
        return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) != 0 ||
                                    text[at] == '.' || (has_colons && text[at] == ':'));
    };
    for (auto at = text.find(address); at != text.npos; at = text.find(address, at + 1)) {
        const std::size_t end = at + address.size();
        // It may end a sentence.
        const bool ends = !is_part(end) || (text[end] == '.' && !is_part(end + 1));
        if ((at == 0 || !is_part(at - 1)) && ends) {
            return true;
        }
    }
    return false;
}

class Search {
public:
    Search(TimePoint now, std::size_t vip, const std::vector<Vip>& vips,
           const std::vector<Service>& services, const Health& health)
        : now_(now), vip_(vip), vips_(vips), services_(services), health_(health) {}

    std::string in_words() { return waits(vip_) ? leads_back(vip_) : ""; }

private:
    // Held by nobody that this node knows of, and not by itself because of a check.
    bool waits(std::size_t vip) const {
        return vips_[vip].state() == control::State::fault && !vips_[vip].active_node(now_);
    }
    std::vector<std::size_t> failing_checks(const Vip& vip) const;
    std::optional<IpAddress> asked(std::size_t check, const Vip& vip) const;
    // The rest of the way, from the checks of this VIP on.
    std::string leads_back(std::size_t from);

    TimePoint now_;
    std::size_t vip_;
    const std::vector<Vip>& vips_;
    const std::vector<Service>& services_;
    const Health& health_;
    std::set<std::size_t> seen_;
};

std::vector<std::size_t> Search::failing_checks(const Vip& vip) const {
    std::vector<std::size_t> checks;
    const auto add = [&](std::size_t check) {
        if (!health_.speaks_for(check, false)) {
            checks.push_back(check);
        }
    };
    for (const Dependencies::Check& check : vip.dependencies().checks) {
        if (!check.weight) {
            add(check.index);
        }
    }
    if (const auto service = vip.dependencies().service) {
        for (const std::string& name : services_[*service].settings().checks) {
            if (const auto check = health_.find(name)) {
                add(*check);
            }
        }
    }
    return checks;
}

std::optional<IpAddress> Search::asked(std::size_t check, const Vip& vip) const {
    if (vip.settings().priority == vrrp::owner_priority) {
        return std::nullopt;
    }
    const checks::Monitor& monitor = health_.monitor(check);
    const auto literal = checks::literal_address(checks::asked_host(monitor.settings().question));
    for (const VirtualAddress& address : vip.settings().addresses) {
        const IpAddress& own = address.prefix.address;
        if (literal ? *literal == own : names(monitor.detail(), own.to_string())) {
            return own;
        }
    }
    return std::nullopt;
}

std::string Search::leads_back(std::size_t from) {
    seen_.insert(from);
    for (const std::size_t check : failing_checks(vips_[from])) {
        const std::string begin = "check " + health_.monitor(check).settings().name + " asks ";
        if (const auto own = asked(check, vips_[vip_])) {
            return begin + own->to_string() + ", an address of " +
                   (from == vip_ ? "this VIP" : "VIP " + vips_[vip_].settings().name) +
                   ", which nobody holds while the check is down";
        }
        for (std::size_t next = 0; next < vips_.size(); ++next) {
            const auto other = asked(check, vips_[next]);
            if (!other || seen_.contains(next) || !waits(next)) {
                continue;
            }
            if (const std::string rest = leads_back(next); !rest.empty()) {
                return begin + other->to_string() + ", an address of VIP " +
                       vips_[next].settings().name + ", whose " + rest;
            }
        }
    }
    return {};
}

}  // namespace

std::string circle_in_words(TimePoint now, std::size_t vip, const std::vector<Vip>& vips,
                            const std::vector<Service>& services, const Health& health) {
    return Search(now, vip, vips, services, health).in_words();
}

}  // namespace understudy::core
