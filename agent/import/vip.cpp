#include "agent/import/vip.hpp"

#include <algorithm>
#include <set>

#include "agent/config/keys.hpp"
#include "agent/config/values.hpp"
#include "agent/import/hooks.hpp"
#include "vrrp/protocol.hpp"

namespace understudy::importer {

namespace {

using namespace std::chrono_literals;

constexpr int owner = vrrp::owner_priority;

// One [vip] that comes into being.
class Maker {
public:
    Maker(const Instance& instance, const Defaults& defaults, Checks& checks, Notes& notes)
        : instance_(instance),
          defaults_(defaults),
          checks_(checks),
          notes_(notes),
          version_(version_of(instance, defaults)),
          section_{"vip", as_name(instance.name), instance.start.place, instance.start.source, {}} {
    }

    Section make(const Instance* other);

private:
    void add(const char* key, const Value& value) {
        if (value) {
            section_.add(key, value.text, value.place, value.source);
        }
    }
    void say(Severity severity, const Value& value, const std::string& text) {
        notes_.add(severity, value.place, value.source + ": " + text);
    }
    void identity();
    void addresses(const Instance& from);
    void election();
    void preemption();
    void messages();
    void unicast(const Instance& from);
    int expected_ttl(const Instance& from);
    void hop_limit();
    void authentication(const Instance& from);
    void tracks(const Instance& from);
    void priority_from_weights();
    bool is_strict() const {
        return instance_.strict ? instance_.strict.text == "yes" : defaults_.strict;
    }
    bool has_family(Family family) const {
        return family_of(instance_) == family ||
               (other_ != nullptr && family_of(*other_) == family);
    }

    const Instance& instance_;
    const Instance* other_ = nullptr;
    const Defaults& defaults_;
    Checks& checks_;
    Notes& notes_;
    int version_;
    Section section_;
    std::set<std::string> seen_;     // addresses with their interfaces
    std::set<std::string> tracked_;  // checks
    std::vector<Line> track_lines_;
    int up_ = 0;    // what keepalived adds while everything is up
    int down_ = 0;  // the most that failures can take off
};

void Maker::identity() {
    add("interface", instance_.interface);
    add("vrid", instance_.vrid);
    const Value& version = instance_.version;
    section_.add("version", std::to_string(version_),
                 version ? version.place : instance_.start.place, version.source);
}

// An advertised address is on the interface of the advertisements; elsewhere it is an extra one.
void Maker::addresses(const Instance& from) {
    bool has_own = false;
    for (const Address& address : from.addresses) {
        const bool elsewhere =
            !address.interface.empty() && address.interface != from.interface.text;
        const auto prefix = IpPrefix::parse(address.value.text);
        const bool is_foreign =
            prefix && family_of(from) && prefix->address.family() != *family_of(from);
        const std::string bare = prefix ? prefix->address.to_string() : address.value.text;
        if (!seen_.insert(bare + ' ' + (elsewhere ? address.interface : "")).second) {
            say(Severity::note, address.value, "is there already");
            continue;
        }
        const bool advertised = address.advertised && !elsewhere && !is_foreign;
        has_own = has_own || advertised;
        section_.add(advertised ? "address" : "extra_address",
                     address.value.text + (elsewhere ? " dev " + address.interface : ""),
                     address.value.place, address.value.source);
        if (address.advertised && elsewhere) {
            say(Severity::warning, address.value,
                "on another interface it is no longer listed in the advertisements; keepalived "
                "before 2.3.3 discards those then: move it to virtual_ipaddress_excluded there "
                "first");
        }
    }
    if (!has_own) {
        say(Severity::error, from.start,
            from.addresses.empty()
                ? "it has no address; an election without one is not for understudy"
                : "it has no address on its own interface, and understudy advertises only such; "
                  "give it one on all nodes, and import again");
    }
    const bool has_local = std::ranges::any_of(from.addresses, [](const Address& address) {
        const auto prefix = IpPrefix::parse(address.value.text);
        return address.advertised && prefix && prefix->address.is_v6() &&
               prefix->address.is_link_local();
    });
    if (has_own && family_of(from) == Family::ipv6 && !has_local) {
        const auto vrid = config::parse_number(from.vrid.text, 1, 255).value_or(1);
        say(Severity::warning, from.start,
            "RFC 9568 wants a link-local address first, so understudy advertises " +
                vrrp::derived_link_local(static_cast<vrrp::Vrid>(vrid)).to_string() +
                " as well; keepalived before 2.3.3 discards another list: add it there first");
    }
}

void Maker::election() {
    const Value& priority = instance_.priority;
    section_.add("priority", std::to_string(priority_of(instance_)),
                 priority ? priority.place : instance_.start.place, priority.source);
    if (!priority && priority_of(instance_) == owner) {
        say(Severity::warning, instance_.state,
            "without a priority keepalived takes 255, the address owner's; so it is written");
    } else if (priority_of(instance_) == owner) {
        say(Severity::warning, priority,
            "255 is the address owner's: no other node can take the addresses over as planned; "
            "write 254 or less on all nodes, where this one is not the owner");
    } else if (instance_.state && instance_.state.text == "MASTER") {
        say(Severity::note, instance_.state,
            "the priorities alone decide, here as with keepalived (but for 255)");
    } else if (instance_.state && instance_.state.text != "BACKUP") {
        say(Severity::warning, instance_.state, "is neither MASTER nor BACKUP");
    } else if (instance_.state) {
        say(Severity::note, instance_.state, "every node begins as a standby");
    }
    const Value& interval = instance_.interval;
    section_.add("advert_interval", interval_of(instance_, version_),
                 interval ? interval.place : instance_.start.place, interval.source);
}

// keepalived drops both where state MASTER is written.
void Maker::preemption() {
    const bool is_master = instance_.state.text == "MASTER";
    const bool stays = instance_.preempt.text == "no";
    for (const Value* value : {&instance_.preempt, &instance_.preempt_delay}) {
        if (is_master && *value && (value == &instance_.preempt_delay || stays)) {
            say(Severity::warning, *value,
                "keepalived ignores it together with state MASTER, and so it is left out; where it "
                "is meant, write preempt = no or preempt_delay = ...");
        }
    }
    if (is_master) {
        return;
    }
    if (instance_.preempt) {
        add("preempt", instance_.preempt);
    }
    if (instance_.preempt_delay && !stays) {
        Value delay = instance_.preempt_delay;
        const std::string duration = seconds(delay.text);
        delay.text = duration.empty() ? delay.text : duration;
        add("preempt_delay", delay);
    } else if (instance_.preempt_delay) {
        say(Severity::note, instance_.preempt_delay, "does nothing with nopreempt");
    }
}

void Maker::messages() {
    if (defaults_.startup_delay) {
        add("startup_delay", defaults_.startup_delay);
    }
    if (instance_.accept.text == "no") {
        add("accept", instance_.accept);
    } else if (instance_.accept) {
        say(Severity::note, instance_.accept, "is the default");
    } else if (is_strict() && priority_of(instance_) != owner) {
        say(Severity::warning, instance_.strict ? instance_.strict : instance_.start,
            "strict mode makes keepalived drop packets to the addresses, which few want; here they "
            "are accepted: write accept = no where they are only for routing");
    }
    if (instance_.strict && !is_strict()) {
        say(Severity::note, instance_.strict, "is the default");
    }
    // Before a peer was heard nothing tells which form it understands; keepalived's is known.
    if (version_ == 3 && has_family(Family::ipv4)) {
        const bool is_other = family_of(instance_) != Family::ipv4;
        const Value& own = (is_other ? *other_ : instance_).message_checksum;
        const bool message_only = own ? own.text == "yes" : defaults_.message_checksum;
        section_.add("checksum", message_only ? "rfc9568" : "pseudo-header",
                     own ? own.place : instance_.start.place, own.source);
    }
}

void Maker::unicast(const Instance& from) {
    if (from.peers.empty()) {
        if (from.source_address) {
            say(Severity::warning, from.source_address,
                "without unicast_peer keepalived multicasts, and so does this");
        }
        if (from.sent_ttl) {
            say(Severity::note, from.sent_ttl, "without unicast_peer it does nothing");
        }
        return;
    }
    if (from.source_address) {
        add("unicast_source", from.source_address);
    }
    std::set<std::string> seen;
    for (const Value& peer : from.peers) {
        if (peer.text == from.source_address.text || !seen.insert(peer.text).second) {
            say(Severity::note, peer, "is this node itself, or there already; it is left out");
        } else {
            add("unicast_peer", peer);
        }
    }
}

// The lowest TTL that may come from keepalived peers, which looks at none without min_ttl. It sends
// IPv6 unicast with the kernel's hop limit.
int Maker::expected_ttl(const Instance& from) {
    constexpr int kernel_hop_limit = 64;
    int least = family_of(from) == Family::ipv6 ? kernel_hop_limit : vrrp::required_ttl;
    if (from.sent_ttl) {
        say(Severity::note, from.sent_ttl,
            "advertisements are sent with TTL 255; that of keepalived peers is accepted");
        least = std::min(least, config::parse_number(from.sent_ttl.text, 1, least).value_or(least));
    }
    if (from.min_ttl) {
        return std::min(least, *from.min_ttl);
    }
    const auto source = IpAddress::parse(from.source_address.text);
    for (const Value& peer : from.peers) {
        const auto address = IpAddress::parse(peer.text);
        // A guess: nothing here says how long the prefix is.
        const std::uint8_t length = source && source->is_v6() ? 64 : 24;
        if (source && address && !IpPrefix{*source, length}.contains(*address)) {
            say(Severity::warning, peer,
                "is not in the network of unicast_src_ip, it seems; keepalived accepts any TTL "
                "from there, and so does unicast_min_ttl = 1: write what is left of 255, or of "
                "keepalived's unicast_ttl, behind the routers between");
            least = 1;
        }
    }
    return least;
}

void Maker::hop_limit() {
    int least = vrrp::required_ttl;
    for (const Instance* from : {&instance_, other_}) {
        if (from != nullptr && !from->peers.empty()) {
            least = std::min(least, expected_ttl(*from));
        }
    }
    if (least < vrrp::required_ttl) {
        section_.add("unicast_min_ttl", std::to_string(least), instance_.start.place);
        notes_.add(Severity::note, instance_.start.place,
                   "unicast_min_ttl = " + std::to_string(least) +
                       ": so low only for keepalived peers; take the line away when all nodes run "
                       "understudy on one network");
    }
}

void Maker::authentication(const Instance& from) {
    const Value& type = from.authentication;
    if (!type) {
        return;
    }
    if (version_ == 3 || is_strict()) {
        say(Severity::note, type, "keepalived sends none with version 3 or in strict mode either");
    } else {
        say(Severity::warning, type,
            "no authentication (RFC 3768 has removed it): keepalived peers that expect it discard "
            "what understudy sends, and both nodes would be active. First take this block away "
            "and reload on all keepalived nodes, within three advert_int of each other");
    }
}

void Maker::tracks(const Instance& from) {
    for (const Tracked& tracked : from.tracks) {
        const bool is_own =
            tracked.kind == TrackKind::interface && tracked.name == from.interface.text;
        if (is_own && tracked.weight.value_or(0) == 0) {
            notes_.add(Severity::note, tracked.place,
                       tracked.source + ": the VIP's own interface is always tracked");
            continue;
        }
        const auto resolved = checks_.resolve(tracked);
        if (!resolved) {
            continue;
        }
        if (!tracked_.insert(resolved->check).second) {
            if (&from == &instance_) {
                notes_.add(Severity::note, tracked.place, tracked.source + ": is tracked already");
            }
            continue;
        }
        if (resolved->value_is_weight || resolved->weight == 0) {
            track_lines_.push_back({"track", resolved->check, tracked.place, tracked.source});
            continue;
        }
        if (priority_of(instance_) == owner) {
            notes_.add(Severity::note, tracked.place,
                       tracked.source + ": no weight changes the owner's priority");
        }
        // keepalived adds a positive weight while it is up; here a weight counts while it is down.
        const int weight = resolved->reverse ? -resolved->weight : resolved->weight;
        const bool counts_up = resolved->weight > 0;
        up_ += counts_up ? weight : 0;
        const int while_down = counts_up ? -weight : weight;
        down_ += std::min(while_down, 0);
        track_lines_.push_back({"track", resolved->check + " weight=" + std::to_string(while_down),
                                tracked.place, tracked.source});
    }
}

// The priority on the wire stays what it was, with everything up and with everything down.
void Maker::priority_from_weights() {
    for (Line& line : track_lines_) {
        section_.lines.push_back(std::move(line));
    }
    const int base = priority_of(instance_);
    if (base == owner) {
        return;
    }
    const int with_all_up = std::clamp(base + up_, 1, owner - 1);
    const auto line = std::ranges::find(section_.lines, "priority", &Line::key);
    line->value = std::to_string(with_all_up);
    const Value& from = instance_.priority ? instance_.priority : instance_.start;
    if (up_ != 0) {
        say(Severity::note, from,
            "keepalived adds weights while something is up, understudy takes them off while it is "
            "down: " +
                std::to_string(with_all_up) +
                " is what keepalived advertises when all is "
                "well" +
                (with_all_up == base + up_ ? "" : "; the sum is cut there"));
    }
    if (down_ < 0 && with_all_up + down_ <= vrrp::low_band_top) {
        say(Severity::warning, from,
            "failures can lower the priority to 16 or less; understudy stops at 17, since 1 to 16 "
            "say that others are to take the addresses");
    }
}

Section Maker::make(const Instance* other) {
    other_ = other;
    identity();
    election();
    addresses(instance_);
    if (other != nullptr) {
        addresses(*other);
    }
    preemption();
    messages();
    unicast(instance_);
    authentication(instance_);
    if (other != nullptr) {
        unicast(*other);
        authentication(*other);
    }
    hop_limit();
    tracks(instance_);
    if (other != nullptr) {
        tracks(*other);
    }
    priority_from_weights();
    add_hooks(instance_, section_, notes_);
    return std::move(section_);
}

}  // namespace

std::optional<Family> family_of(const Instance& instance) {
    for (const Address& address : instance.addresses) {
        const auto prefix = IpPrefix::parse(address.value.text);
        if (address.advertised && prefix) {
            return prefix->address.family();
        }
    }
    return std::nullopt;
}

int version_of(const Instance& instance, const Defaults& defaults) {
    if (family_of(instance) == Family::ipv6 || instance.version.text == "3") {
        return 3;
    }
    return instance.version.text == "2" ? 2 : defaults.version;
}

int priority_of(const Instance& instance) {
    if (instance.priority) {
        return config::parse_number(instance.priority.text, 1, owner)
            .value_or(vrrp::default_priority);
    }
    return instance.state.text == "MASTER" ? owner : vrrp::default_priority;
}

std::string interval_of(const Instance& instance, int version) {
    if (!instance.interval) {
        return "1s";
    }
    const auto duration = config::parse_duration(instance.interval.text + 's');
    if (!duration) {
        return instance.interval.text;  // what is wrong with it is said later
    }
    const Duration step = version == 2 ? Duration{1s} : Duration{10ms};
    const auto steps = std::max<std::int64_t>(1, (*duration + step / 2) / step);
    return config::format_duration(steps * step);
}

Section make_vip(const Instance& instance, const Instance* other, const Defaults& defaults,
                 Checks& checks, Notes& notes) {
    return Maker(instance, defaults, checks, notes).make(other);
}

}  // namespace understudy::importer
