#include "agent/core/source_address.hpp"

#include <algorithm>
#include <bit>
#include <compare>

namespace understudy::core {

namespace {

// The least one is the best.
struct Rank {
    bool of_other_scope = false;
    std::size_t peers_elsewhere = 0;  // outside of its network
    bool deprecated = false;
    bool secondary = false;
    std::size_t differing_bits = 0;
    std::uint64_t order = 0;  // IPv4
    IpAddress address;        // IPv6

    auto operator<=>(const Rank&) const = default;
};

// From the first one in which the two differ.
std::size_t differing_bits(const IpAddress& a, const IpAddress& b) {
    std::size_t bits = 8 * a.bytes().size();
    for (std::size_t i = 0; i < a.bytes().size(); ++i, bits -= 8) {
        const auto difference = std::to_integer<std::uint8_t>(a.bytes()[i]) ^
                                std::to_integer<std::uint8_t>(b.bytes()[i]);
        if (difference != 0) {
            return bits - static_cast<std::size_t>(
                              std::countl_zero(static_cast<std::uint8_t>(difference)));
        }
    }
    return 0;
}

class Comparison {
public:
    Comparison(const KernelView& kernel, const SourceQuestion& question) : question_(question) {
        const auto& all = kernel.addresses();
        for (auto it = all.lower_bound({question.interface, IpPrefix{}}); it != all.end(); ++it) {
            const auto& [index, prefix] = it->first;
            if (index != question.interface) {
                break;
            }
            if (prefix.address.family() == question.family && !it->second.ours &&
                !it->second.duplicate && !question.excluded.contains(prefix.address)) {
                candidates_.push_back(&it->second);
            }
        }
        find_networks();
    }

    SourceChoice choose() const;

private:
    // An address may have a prefix of its own (/128 by DHCPv6), and be in the network of another.
    void find_networks() {
        networks_.resize(question_.peers.size());
        for (const ObservedAddress* candidate : candidates_) {
            for (std::size_t i = 0; i < networks_.size(); ++i) {
                const auto is_same = [&](const IpPrefix& known) {
                    return known.length == candidate->prefix.length;
                };
                if (candidate->prefix.contains(question_.peers[i]) &&
                    std::ranges::none_of(networks_[i], is_same)) {
                    networks_[i].push_back(candidate->prefix);
                }
            }
        }
    }
    bool is_near(const IpAddress& address, std::size_t peer) const {
        return std::ranges::any_of(
            networks_[peer], [&](const IpPrefix& network) { return network.contains(address); });
    }
    bool wants_link_local() const {
        return question_.peers.empty() ? question_.family == Family::ipv6
                                       : question_.peers.front().is_link_local();
    }
    Rank rank_of(const ObservedAddress& observed) const;

    const SourceQuestion& question_;
    std::vector<const ObservedAddress*> candidates_;
    std::vector<std::vector<IpPrefix>> networks_;  // by peer: those that it is in
};

Rank Comparison::rank_of(const ObservedAddress& observed) const {
    const IpAddress& address = observed.prefix.address;
    const bool is_present = question_.present == address;
    Rank rank;
    rank.of_other_scope = address.is_link_local() != wants_link_local();
    rank.deprecated = observed.deprecated && !(is_present && question_.present_was_preferred);
    rank.secondary = observed.secondary;
    for (std::size_t peer = 0; peer < question_.peers.size(); ++peer) {
        rank.peers_elsewhere += is_near(address, peer) ? 0U : 1U;
    }
    if (address.is_v4()) {
        rank.order = observed.order;
        return rank;
    }
    rank.address = address;
    if (!networks_.empty() && networks_.front().empty()) {
        rank.differing_bits = differing_bits(address, question_.peers.front());
    }
    return rank;
}

SourceChoice Comparison::choose() const {
    SourceChoice choice;
    std::optional<Rank> best;
    std::optional<Rank> best_tentative;
    bool has_present = false;
    for (const ObservedAddress* candidate : candidates_) {
        const Rank rank = rank_of(*candidate);
        if (rank.of_other_scope && question_.family == Family::ipv6) {
            continue;
        }
        std::optional<Rank>& least = candidate->tentative ? best_tentative : best;
        if (!least || rank < *least) {
            least = rank;
            (candidate->tentative ? choice.awaited : choice.address) = candidate;
        }
        has_present = has_present ||
                      (!candidate->tentative && candidate->prefix.address == question_.present);
    }
    const bool awaits = best_tentative && (!best || *best_tentative < *best) && !has_present;
    (awaits ? choice.address : choice.awaited) = nullptr;
    return choice;
}

}  // namespace

std::set<IpAddress> addresses_that_move(const Configuration& configuration) {
    std::set<IpAddress> moving;
    for (const VipSettings& vip : configuration.vips) {
        if (vip.priority == vrrp::owner_priority) {
            continue;
        }
        for (const VirtualAddress& address : vip.addresses) {
            moving.insert(address.prefix.address);
        }
    }
    return moving;
}

SourceChoice choose_source(const KernelView& kernel, const SourceQuestion& question) {
    return Comparison(kernel, question).choose();
}

}  // namespace understudy::core
