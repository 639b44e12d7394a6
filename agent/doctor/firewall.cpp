#include "agent/doctor/firewall.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace understudy::doctor {

namespace {

using Json = nlohmann::json;

constexpr int vrrp_protocol = 112;
constexpr int deepest_jump = 16;  // as the kernel has it

// Whether a rule is about the packet.
enum class Match : std::uint8_t { no, maybe, yes };

Match both(Match a, Match b) {
    return std::min(a, b);
}
Match either(Match a, Match b) {
    return std::max(a, b);
}
Match certain(bool yes) {
    return yes ? Match::yes : Match::no;
}
Match negated(Match match) {
    return match == Match::maybe ? match : certain(match == Match::no);
}

std::string text(const Json& object, const char* key) {
    const auto field = object.find(key);
    return field != object.end() && field->is_string() ? field->get<std::string>() : "";
}

// --- values --------------------------------------------------------------------------------------

Match is_protocol(const Json& value) {
    if (value.is_number_integer()) {
        return certain(value.get<int>() == vrrp_protocol);
    }
    return value.is_string() ? certain(value == "vrrp" || value == "112") : Match::maybe;
}

Match is_interface(const Json& value, const std::string& name) {
    if (!value.is_string()) {
        return Match::maybe;
    }
    const std::string pattern = value.get<std::string>();
    return certain(pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1))
                                          : name == pattern);
}

Match is_address(const Json& value, const std::optional<IpAddress>& address) {
    if (!address) {
        return Match::maybe;
    }
    if (value.is_string()) {
        const auto one = IpAddress::parse(value.get<std::string>());
        return one ? certain(*one == *address) : Match::maybe;
    }
    const auto prefix = value.find("prefix");
    if (value.is_object() && prefix != value.end() && prefix->is_object()) {
        const auto network = IpAddress::parse(text(*prefix, "addr"));
        const auto length = prefix->find("len");
        if (network && length != prefix->end() && length->is_number_unsigned()) {
            return certain(IpPrefix{*network, length->get<std::uint8_t>()}.contains(*address));
        }
    }
    const auto range = value.find("range");
    if (value.is_object() && range != value.end() && range->is_array() && range->size() == 2 &&
        (*range)[0].is_string() && (*range)[1].is_string()) {
        const auto first = IpAddress::parse((*range)[0].get<std::string>());
        const auto last = IpAddress::parse((*range)[1].get<std::string>());
        return first && last ? certain(*first <= *address && *address <= *last) : Match::maybe;
    }
    return Match::maybe;
}

// One of a set, or the one value.
template <class Test>
Match any_of(const Json& value, const Test& test) {
    if (value.is_object() && value.contains("set") && value["set"].is_array()) {
        Match found = Match::no;
        for (const Json& element : value["set"]) {
            found = either(found, test(element));
        }
        return found;
    }
    return test(value);
}

// --- one expression of a rule --------------------------------------------------------------------

// The state that connection tracking gives an advertisement: no answer ever belongs to it.
Match is_state(const Json& value) {
    const auto is_new = [](const Json& state) {
        return certain(state == "new" || state == "untracked");
    };
    if (value.is_array()) {
        Match found = Match::no;
        for (const Json& state : value) {
            found = either(found, is_new(state));
        }
        return found;
    }
    return any_of(value, is_new);
}

Match test_meta(const std::string& key, const Json& right, const Packet& packet) {
    const bool incoming = packet.hook != "output" && packet.hook != "postrouting";
    const auto is_named = [&](const Json& value) { return is_interface(value, packet.interface); };
    if (key == "l4proto" || key == "protocol_l4") {
        return any_of(right, is_protocol);
    }
    if (key == "iifname" || key == "iif") {
        return incoming ? any_of(right, is_named) : Match::no;
    }
    if (key == "oifname" || key == "oif") {
        return incoming ? Match::no : any_of(right, is_named);
    }
    if (key == "nfproto") {
        return certain(right == (packet.destination.is_v4() ? "ipv4" : "ipv6"));
    }
    if (key == "pkttype") {
        return certain((right == "multicast") == packet.destination.is_multicast());
    }
    return Match::maybe;
}

Match test_payload(const Json& payload, const Json& right, const Packet& packet) {
    const std::string protocol = text(payload, "protocol");
    const std::string field = text(payload, "field");
    const bool same_family = (protocol == "ip") == packet.destination.is_v4();
    if (protocol == "ip" || protocol == "ip6") {
        if (!same_family) {
            return Match::no;
        }
        if (field == "protocol" || field == "nexthdr") {
            return any_of(right, is_protocol);
        }
        if (field == "saddr" || field == "daddr") {
            const auto address =
                field == "saddr" ? packet.source : std::optional{packet.destination};
            return any_of(right, [&](const Json& value) { return is_address(value, address); });
        }
        return Match::maybe;
    }
    // Ports and the like are of other protocols.
    static const std::vector<std::string> others = {"tcp",  "udp",     "icmp", "icmpv6",
                                                    "sctp", "udplite", "dccp", "esp",
                                                    "ah",   "igmp",    "th",   "arp"};
    return std::ranges::find(others, protocol) != others.end() ? Match::no : Match::maybe;
}

Match test_match(const Json& match, const Packet& packet) {
    const std::string operation = text(match, "op");
    const auto left = match.find("left");
    const auto right = match.find("right");
    if (left == match.end() || right == match.end() || !left->is_object() ||
        (operation != "==" && operation != "!=" && operation != "in")) {
        return Match::maybe;
    }
    Match result = Match::maybe;
    if (const auto meta = left->find("meta"); meta != left->end()) {
        result = test_meta(text(*meta, "key"), *right, packet);
    } else if (const auto payload = left->find("payload"); payload != left->end()) {
        result = test_payload(*payload, *right, packet);
    } else if (const auto ct = left->find("ct"); ct != left->end() && text(*ct, "key") == "state") {
        result = is_state(*right);
    }
    // "Not that port" is said of packets that have one.
    const bool has_field = !(left->contains("payload") && result == Match::no &&
                             !text((*left)["payload"], "protocol").starts_with("ip"));
    return operation == "!=" && has_field ? negated(result) : result;
}

// --- chains --------------------------------------------------------------------------------------

struct Chain {
    std::string table;
    std::string name;
    std::string hook;
    std::string policy;
    std::vector<const Json*> rules;
};

class Ruleset {
public:
    Ruleset(const Json& document, const Packet& packet) : packet_(packet) {
        for (const Json& item : document.at("nftables")) {
            if (const auto chain = item.find("chain"); chain != item.end()) {
                add(*chain);
            } else if (const auto rule = item.find("rule"); rule != item.end()) {
                const auto home = chains_.find(key_of(*rule, text(*rule, "chain")));
                if (home != chains_.end()) {
                    home->second.rules.push_back(&*rule);
                }
            }
        }
    }

    Passage passage() {
        Passage unknown;
        for (const std::string& key : base_chains_) {
            const Chain& chain = chains_.at(key);
            perhaps_.clear();
            const Passage passage = walk(chain, 0).value_or(at_end(chain));
            // A rule that may be about the packet changes what is certain if it says otherwise.
            const auto other = std::ranges::find_if(
                perhaps_, [&](const Passage& doubtful) { return doubtful.fate != passage.fate; });
            if (passage.fate == Fate::dropped && other == perhaps_.end()) {
                return passage;
            }
            const Passage& doubtful = other == perhaps_.end() ? passage : *other;
            if (unknown.fate == Fate::passes && doubtful.fate != passage.fate) {
                unknown = doubtful;
                unknown.fate = Fate::unknown;
            } else if (unknown.fate == Fate::passes && passage.fate == Fate::unknown) {
                unknown = passage;
            }
        }
        return unknown;
    }

private:
    static std::string key_of(const Json& object, const std::string& chain) {
        return text(object, "family") + ' ' + text(object, "table") + ' ' + chain;
    }
    void add(const Json& object) {
        const std::string family = text(object, "family");
        const std::string own = packet_.destination.is_v4() ? "ip" : "ip6";
        // The agent's own rules are about addresses, never about VRRP.
        if ((family != own && family != "inet") || text(object, "table") == "understudy") {
            return;
        }
        const std::string key = key_of(object, text(object, "name"));
        chains_[key] = {family + ' ' + text(object, "table"),
                        text(object, "name"),
                        text(object, "hook"),
                        text(object, "policy"),
                        {}};
        if (text(object, "hook") == packet_.hook) {
            base_chains_.push_back(key);
        }
    }
    Passage said(const Chain& chain, Fate fate, const std::string& what) const {
        return {fate, "chain " + chain.table + ' ' + chain.name + ": " + what, chain.table,
                chain.name};
    }
    Passage at_end(const Chain& chain) const {
        return said(chain, chain.policy == "drop" ? Fate::dropped : Fate::passes, "policy");
    }
    Match match_of(const Json& rule) const {
        Match match = Match::yes;
        for (const Json& expression : rule.value("expr", Json::array())) {
            if (const auto test = expression.find("match"); test != expression.end()) {
                match = both(match, test_match(*test, packet_));
            } else if (expression.contains("limit") || expression.contains("xt") ||
                       expression.contains("connlimit") || expression.contains("ct count")) {
                match = both(match, Match::maybe);
            }
        }
        return match;
    }
    // What a rule that matches does; nothing: on to the next.
    std::optional<Passage> verdict(const Chain& chain, const Json& rule, int depth) {
        const std::string number = "rule with handle " + std::to_string(rule.value("handle", 0));
        for (const Json& expression : rule.value("expr", Json::array())) {
            const auto map = expression.find("vmap");
            auto passage = map != expression.end() ? look_up(chain, *map, number, depth)
                                                   : statement(chain, expression, number, depth);
            if (passage) {
                return passage;
            }
        }
        return std::nullopt;
    }
    std::optional<Passage> statement(const Chain& chain, const Json& expression,
                                     const std::string& number, int depth) {
        if (expression.contains("accept")) {
            return said(chain, Fate::passes, number);
        }
        if (expression.contains("drop") || expression.contains("reject")) {
            return said(chain, Fate::dropped, number);
        }
        if (expression.contains("queue")) {
            return said(chain, Fate::unknown, number);
        }
        for (const char* kind : {"jump", "goto"}) {
            const auto jump = expression.find(kind);
            if (jump != expression.end() && depth < deepest_jump) {
                return follow(chain, text(*jump, "target"), kind[0] == 'g', depth);
            }
        }
        return std::nullopt;
    }
    // A verdict for each value: ct state vmap { established : accept, invalid : drop }.
    std::optional<Passage> look_up(const Chain& chain, const Json& map, const std::string& number,
                                   int depth) {
        const Json data = map.value("data", Json::object());
        if (!data.is_object() || !data.contains("set") || !map.contains("key")) {
            return said(chain, Fate::unknown, number);
        }
        for (const Json& pair : data["set"]) {
            if (!pair.is_array() || pair.size() != 2) {
                return said(chain, Fate::unknown, number);
            }
            Json test = Json::object();
            test["op"] = "==";
            test["left"] = map["key"];
            test["right"] = pair[0];
            const Match match = test_match(test, packet_);
            if (match != Match::no) {
                return match == Match::yes ? statement(chain, pair[1], number, depth)
                                           : said(chain, Fate::unknown, number);
            }
        }
        return std::nullopt;
    }
    std::optional<Passage> follow(const Chain& chain, const std::string& target, bool for_good,
                                  int depth) {
        const auto found = chains_.find(chain.table + ' ' + target);
        if (found == chains_.end()) {
            return said(chain, Fate::unknown, "jump to " + target);
        }
        auto passage = walk(found->second, depth + 1);
        return passage || !for_good ? passage : std::optional{at_end(chain)};
    }
    std::optional<Passage> walk(const Chain& chain, int depth) {
        for (const Json* rule : chain.rules) {
            const Match match = match_of(*rule);
            if (match == Match::no) {
                continue;
            }
            const auto passage = verdict(chain, *rule, depth);
            if (!passage) {
                continue;
            }
            if (match == Match::yes) {
                return passage;
            }
            perhaps_.push_back(*passage);  // or it is decided further on
        }
        return std::nullopt;
    }

    const Packet& packet_;
    std::map<std::string, Chain> chains_;
    std::vector<std::string> base_chains_;
    std::vector<Passage> perhaps_;
};

}  // namespace

std::optional<Passage> passage_of(std::string_view ruleset, const Packet& packet) {
    try {
        const Json document = Json::parse(ruleset);
        return Ruleset(document, packet).passage();
    } catch (const Json::exception&) {
        return std::nullopt;
    }
}

}  // namespace understudy::doctor
