// The address that a VIP's advertisements are sent from.
#include <algorithm>
#include <cstdint>
#include <iterator>

#include "agent/core/source_address.hpp"
#include "agent/core/vip.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

std::uint32_t number_of(const IpAddress& v4) {
    std::uint32_t number = 0;
    for (const std::byte byte : v4.bytes()) {
        number = number << 8U | std::to_integer<std::uint32_t>(byte);
    }
    return number;
}

// Of an address that is there; empty: nothing.
std::string why_unusable(const ObservedAddress& address) {
    if (address.duplicate) {
        return "is a duplicate: another machine has it (duplicate address detection failed)";
    }
    return address.tentative ? "is tentative: duplicate address detection is not finished" : "";
}

}  // namespace

std::string Vip::source_trouble(const Surroundings& around) {
    for (Face& face : faces_) {
        const auto configured =
            std::ranges::find(settings_.unicast_sources, face.family, &IpAddress::family);
        std::string trouble = configured == settings_.unicast_sources.end()
                                  ? chosen_source_trouble(face, around)
                                  : configured_source_trouble(face, *configured, around);
        if (!trouble.empty()) {
            return trouble;
        }
    }
    return {};
}

std::string Vip::configured_source_trouble(Face& face, const IpAddress& configured,
                                           const Surroundings& around) const {
    std::string trouble = "is on no interface";
    for (const auto& [key, observed] : around.kernel.addresses()) {
        if (observed.prefix.address != configured) {
            continue;
        }
        trouble = why_unusable(observed);
        if (trouble.empty()) {
            face.source = configured;
            face.source_use = SourceUse::other;
            return {};
        }
    }
    return "unicast_source " + configured.to_string() + ' ' + trouble;
}

std::string Vip::chosen_source_trouble(Face& face, const Surroundings& around) const {
    SourceQuestion question{interface_, face.family, {}, around.virtual_addresses};
    std::ranges::copy_if(settings_.unicast_peers, std::back_inserter(question.peers),
                         [&](const IpAddress& peer) { return peer.family() == face.family; });
    question.present = face.source;
    question.present_was_preferred = face.source_use != SourceUse::other;
    const SourceChoice choice = choose_source(around.kernel, question);
    if (choice.address != nullptr) {
        note_source(face, *choice.address, around);
        return {};
    }
    const std::string interface = "interface " + settings_.interface;
    if (choice.awaited != nullptr) {
        return interface + ": " + choice.awaited->prefix.address.to_string() + ' ' +
               why_unusable(*choice.awaited);
    }
    const bool link_local = face.family == Family::ipv6 &&
                            (question.peers.empty() || question.peers.front().is_link_local());
    return interface + " has no " + (link_local ? "link-local " : "") +
           std::string{name_of(face.family)} + " address to send from";
}

// A new source is worth a line, because peers with a unicast_peer discard what comes from another.
void Vip::note_source(Face& face, const ObservedAddress& chosen, const Surroundings& around) const {
    const std::string address = chosen.prefix.address.to_string();
    const std::string advice = settings_.is_unicast() ? "; unicast_source sets the source" : "";
    if (face.source != chosen.prefix.address) {
        const bool changes = face.source.has_value();
        if (changes || settings_.is_unicast()) {
            log(around.out, changes ? LogLevel::warn : LogLevel::info,
                settings_.name + ": advertisements come from " + address + " of " +
                    settings_.interface + " now" +
                    (changes ? ", no longer from " + face.source->to_string() : "") + advice);
        }
        face.source = chosen.prefix.address;
        face.source_use = chosen.deprecated ? SourceUse::other : SourceUse::preferred;
        return;
    }
    if (!chosen.deprecated) {
        face.source_use = SourceUse::preferred;
    } else if (face.source_use == SourceUse::preferred) {
        log(around.out, LogLevel::warn,
            settings_.name + ": " + address + " of " + settings_.interface +
                ", which advertisements come from, is deprecated: it stays the source until it is "
                "removed; a restarted agent prefers an address that is not deprecated" +
                advice);
        face.source_use = SourceUse::kept;
    }
}

// One that this node sends from, or could. What it holds for a VIP may be the source of the owner.
bool Vip::is_own(const Face& face, const IpAddress& address, const Surroundings& around) const {
    const ObservedAddress* seen = around.kernel.find_foreign(interface_, address);
    return face.source == address || (seen != nullptr && why_unusable(*seen).empty() &&
                                      !around.virtual_addresses.contains(address));
}

// The name of the network that this node is in, or its broadcast address (RFC 1122 3.2.1.3): Linux
// hands on what comes from there.
bool Vip::names_no_host(const Face& face, const IpAddress& address,
                        const Surroundings& around) const {
    constexpr unsigned longest_with_both = 30;  // RFC 3021
    const ObservedAddress* own =
        face.source ? around.kernel.find_foreign(interface_, *face.source) : nullptr;
    if (own == nullptr || address.is_v6() || own->prefix.length > longest_with_both ||
        !own->prefix.contains(address)) {
        return false;
    }
    const std::uint32_t hosts = UINT32_MAX >> own->prefix.length;
    const std::uint32_t host = number_of(address) & hosts;
    return host == 0 || host == hosts;
}

bool Vip::waits_for_source(TimePoint now, const std::string& trouble, const Surroundings& around) {
    const bool needs_source = settings_.priority != vrrp::owner_priority;
    if (!is_holding() || (!trouble.empty() && !needs_source)) {
        source_lost_.reset();
        return false;
    }
    if (trouble.empty()) {
        if (source_lost_) {
            source_lost_.reset();
            log(around.out, LogLevel::info, settings_.name + ": there is an address to send from");
            ledger_.take(now, around.out);
            announce(now, around);
        }
        return false;
    }
    if (!source_lost_) {
        source_lost_ = now;
        log(around.out, LogLevel::warn,
            settings_.name + ": " + trouble + ": lets go until it is there again, for a moment");
        ledger_.release(now, around.out);
    }
    return now < *source_wait_end();
}

std::optional<TimePoint> Vip::source_wait_end() const {
    return source_lost_ ? std::optional{*source_lost_ +
                                        std::min(settings_.advert_interval, longest_source_wait)}
                        : std::nullopt;
}

}  // namespace understudy::core
