#include "agent/core/disagreements.hpp"

#include <algorithm>
#include <set>

#include "agent/core/address_lists.hpp"
#include "agent/core/wording.hpp"

namespace understudy::core {

namespace {

using vrrp::Discard;

std::vector<IpAddress> addresses_in(std::span<const std::byte> bytes, Family family) {
    std::vector<IpAddress> addresses;
    const std::size_t size = address_size(family);
    for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
        addresses.push_back(IpAddress::from_bytes(bytes.subspan(at, size)));
    }
    return addresses;
}

constexpr std::size_t most_shown = 3;

std::string listed(const std::vector<IpAddress>& addresses) {
    std::string text;
    for (std::size_t i = 0; i < addresses.size() && i < most_shown; ++i) {
        text += (i == 0 ? "" : ", ") + addresses[i].to_string();
    }
    const std::size_t more = addresses.size() - std::min(addresses.size(), most_shown);
    return text + (more == 0 ? "" : " and " + std::to_string(more) + " more");
}

std::vector<IpAddress> without(const std::vector<IpAddress>& all,
                               const std::vector<IpAddress>& others) {
    const std::set<IpAddress> excluded(others.begin(), others.end());
    std::vector<IpAddress> rest;
    std::ranges::copy_if(all, std::back_inserter(rest),
                         [&](const IpAddress& address) { return !excluded.contains(address); });
    return rest;
}

std::string who(const IpAddress& source, vrrp::Priority priority) {
    return source.to_string() + " (priority " + std::to_string(priority) + ')';
}

// Of a router that has no address in common with ours. The derived link-local one follows from the
// VRID, and says nothing.
std::string foreign_router(const VipSettings& settings, const IpAddress& source,
                           const vrrp::Received& received) {
    const auto theirs = without(addresses_in(received.addresses, source.family()),
                                {vrrp::derived_link_local(settings.vrid)});
    return "a foreign router, " + who(source, received.priority) + ", has VRID " +
           std::to_string(settings.vrid) + " on this network for " + listed(theirs) +
           ": one of the two needs another vrid";
}

std::string other_addresses(std::span<const std::byte> own_bytes, const IpAddress& source,
                            const vrrp::Received& received) {
    const auto own = addresses_in(own_bytes, source.family());
    const auto theirs = addresses_in(received.addresses, source.family());
    const auto surplus = without(theirs, own);
    const auto missing = without(own, theirs);
    const std::string name = who(source, received.priority);
    if (surplus.empty() && missing.empty()) {
        return name + " advertises the same addresses in another order";
    }
    std::string text = name + " advertises other addresses than are configured here:";
    text += surplus.empty() ? "" : " it has " + listed(surplus);
    text += surplus.empty() || missing.empty() ? "" : ", and";
    return text + (missing.empty() ? "" : " it lacks " + listed(missing));
}

std::string unknown_source(const vrrp::Datagram& datagram, const VipSettings& settings) {
    const bool is_peer =
        std::ranges::find(settings.unicast_peers, datagram.source) != settings.unicast_peers.end();
    const bool by_multicast = !settings.is_unicast() && datagram.destination.is_multicast();
    if (by_multicast && datagram.source.is_v6() && !datagram.source.is_link_local()) {
        return "multicast over IPv6 comes from a link-local address (RFC 9568 5.1.2.1)";
    }
    if (by_multicast && settings.believes(datagram.source)) {
        return "no router has this address";
    }
    if (!by_multicast && (!settings.is_unicast() || is_peer)) {
        return std::string{"it advertises by "} +
               (datagram.destination.is_multicast() ? "multicast" : "unicast") + ", this node by " +
               (settings.is_unicast() ? "unicast" : "multicast");
    }
    std::string text =
        std::string{"it is no "} + (settings.is_unicast() ? "unicast_" : "") + "peer of this VIP";
    if (const auto received = vrrp::decode(datagram, 0)) {
        text += "; it has priority " + std::to_string(received->priority) + " and " +
                listed(addresses_in(received->addresses, datagram.source.family()));
    }
    return text;
}

}  // namespace

std::string explain(Discard reason, const vrrp::Datagram& datagram, const VipSettings& settings,
                    bool is_own) {
    switch (reason) {
        case Discard::ttl:
            return "its TTL is " + std::to_string(datagram.ttl) +
                   ": it was sent from behind a router, or is forged";
        case Discard::version:
            return datagram.payload.empty()
                       ? ""
                       : "it speaks version " +
                             std::to_string(std::to_integer<unsigned>(datagram.payload[0]) >> 4U) +
                             ", this node version " +
                             std::to_string(static_cast<unsigned>(settings.version));
        case Discard::auth:
            return "it uses authentication, which VRRP no longer has (RFC 9568 9)";
        case Discard::interval:
            return "version 2 needs the same interval on all nodes; here it is " +
                   in_words(settings.advert_interval);
        case Discard::addresses: {
            const auto received = vrrp::decode(datagram, 0);
            return received ? foreign_router(settings, datagram.source, *received)
                            : "its first address is not link-local (RFC 9568 5.2.9)";
        }
        case Discard::source:
            return is_own ? "that is this node's own address: another machine has it too, or the "
                            "network brings frames back"
                          : unknown_source(datagram, settings);
        default:
            return {};
    }
}

void Disagreements::heard(TimePoint now, const VipSettings& settings,
                          std::span<const std::byte> own, const IpAddress& source,
                          const vrrp::Received& received) {
    count(now, source, received);
    // Texts are made only where there is something new to say: this is on the way of each
    // heartbeat.
    if (received.interval == settings.advert_interval) {
        forget(source, Disagreement::interval);
    } else if (const auto mark = static_cast<std::uint64_t>(received.interval.count());
               !renew(now, source, Disagreement::interval, mark)) {
        note(now, source, Disagreement::interval, mark,
             source.to_string() + " advertises every " + in_words(received.interval) +
                 ", this node every " + in_words(settings.advert_interval));
    }
    if (std::ranges::equal(received.addresses, own)) {
        forget(source, Disagreement::addresses);
    } else if (const auto mark = hash_of(received.addresses) ^ received.priority;
               !renew(now, source, Disagreement::addresses, mark)) {
        note(now, source, Disagreement::addresses, mark, other_addresses(own, source, received));
    }
    const bool fixed = settings.checksum != ChecksumPolicy::automatic && received.checksum_form;
    const bool short_form = settings.checksum == ChecksumPolicy::message_only;
    if (!fixed || (received.checksum_form == vrrp::ChecksumForm::message_only) == short_form) {
        forget(source, Disagreement::checksum);
    } else if (!renew(now, source, Disagreement::checksum, 0)) {
        note(now, source, Disagreement::checksum, 0,
             source.to_string() + " sends the checksum " +
                 (short_form ? "with the pseudo-header, this node without it"
                             : "without the pseudo-header, this node with it") +
                 ": it may discard what this node sends (checksum = auto follows the peer)");
    }
}

void Disagreements::reconsider() {
    for (Entry& entry : entries_) {
        entry.mark.reset();
    }
}

bool Disagreements::renew(TimePoint now, const IpAddress& source, Disagreement kind,
                          std::uint64_t mark) {
    const auto known = std::ranges::find_if(entries_, [&](const Entry& entry) {
        return entry.source == source && entry.kind == kind && entry.mark == mark;
    });
    if (known == entries_.end()) {
        return false;
    }
    known->at = now;
    return true;
}

void Disagreements::note(TimePoint now, const IpAddress& source, Disagreement kind,
                         std::uint64_t mark, std::string text) {
    const auto known = std::ranges::find_if(
        entries_, [&](const Entry& entry) { return entry.source == source && entry.kind == kind; });
    if (known != entries_.end()) {
        *known = Entry{source, kind, now, mark, std::move(text)};
        return;
    }
    if (entries_.size() == most_disagreements) {
        entries_.erase(std::ranges::min_element(entries_, {}, &Entry::at));
    }
    entries_.push_back({source, kind, now, mark, std::move(text)});
}

void Disagreements::forget(const IpAddress& source, Disagreement kind) {
    std::erase_if(entries_,
                  [&](const Entry& entry) { return entry.source == source && entry.kind == kind; });
}

void Disagreements::count(TimePoint now, const IpAddress& source, const vrrp::Received& received) {
    auto speaker = std::ranges::find(speakers_, source, &Speaker::source);
    if (speaker == speakers_.end()) {
        if (speakers_.size() == most_disagreements) {
            speakers_.erase(std::ranges::min_element(speakers_, {}, &Speaker::at));
        }
        speaker = speakers_.insert(speakers_.end(), Speaker{source});
    }
    const bool goes_on = speaker->row > 0 && now - speaker->at <= 2 * received.interval;
    const bool resigns = received.priority == vrrp::resignation_priority;
    if (resigns) {
        speaker->row = 0;
    } else if (!goes_on || now - speaker->counted >= received.interval / 2) {
        speaker->row = goes_on ? speaker->row + 1 : 1;
        speaker->counted = now;
    }
    speaker->at = now;
    speaker->interval = received.interval;
    speaker->priority = received.priority;
}

// Whoever has lost, or hands over, says one word more; three in a row are no such word.
std::string Disagreements::rivals(TimePoint now, std::optional<ActiveHere> here) const {
    constexpr unsigned in_a_row = 3;
    std::vector<const Speaker*> active;
    for (const Speaker& speaker : speakers_) {
        const bool speaks = speaker.row >= in_a_row && now - speaker.at <= 3 * speaker.interval / 2;
        // One node has an address in each family.
        const bool counted =
            !active.empty() && active.front()->source.family() != speaker.source.family();
        const bool recent = here && now - here->since < in_a_row * speaker.interval;
        if (speaks && !counted && !recent) {
            active.push_back(&speaker);
        }
    }
    // In the low band, one of them offers what it has until the other one has started its service.
    const bool is_planned = std::ranges::all_of(
        active, [](const Speaker* speaker) { return vrrp::in_low_band(speaker->priority); });
    if (active.size() < (here ? 1U : 2U) ||
        (is_planned && (!here || vrrp::in_low_band(here->priority)))) {
        return {};
    }
    if (here) {
        return who(active.front()->source, active.front()->priority) +
               " is active beside this node: it does not hear this node's advertisements; look at "
               "the network between the two, and at firewalls there (IP protocol 112)";
    }
    return who(active[0]->source, active[0]->priority) + " and " +
           who(active[1]->source, active[1]->priority) +
           " are both active: they do not hear each other; look at the network between the two, "
           "and at firewalls there (IP protocol 112)";
}

std::vector<std::string> Disagreements::warnings(TimePoint now,
                                                 std::optional<ActiveHere> here) const {
    std::vector<std::string> texts;
    if (std::string text = rivals(now, here); !text.empty()) {
        texts.push_back(std::move(text));
    }
    for (const Entry& entry : entries_) {
        if (now - entry.at <= disagreement_remembered) {
            texts.push_back(entry.text);
        }
    }
    return texts;
}

}  // namespace understudy::core
