// What an nftables rule set does to VRRP, worked out from its JSON without sending anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.hpp"

namespace understudy::doctor {

// One advertisement as a chain sees it.
struct Packet {
    std::string hook;  // "input", "output", ...
    std::string interface;
    std::optional<IpAddress> source;  // nothing: any
    IpAddress destination;
};

enum class Fate : std::uint8_t {
    passes,
    dropped,
    unknown,  // a rule in the way says something that is not understood here
};

struct Passage {
    Fate fate = Fate::passes;
    std::string by;     // "chain inet filter input: rule 5", "... policy"
    std::string table;  // "inet filter"
    std::string chain;  // "input"
};

// Of the first base chain at the packet's hook that drops it, or else that cannot be told.
// Nothing if `ruleset` is not what `nft -j list ruleset` prints.
std::optional<Passage> passage_of(std::string_view ruleset, const Packet& packet);

}  // namespace understudy::doctor
