#include "checks/probes/resolver.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <list>
#include <new>
#include <span>
#include <utility>

#include "checks/probes/destination_order.hpp"
#include "checks/probes/dns_message.hpp"
#include "checks/probes/handle.hpp"

namespace understudy::checks {

namespace {

using boost::asio::ip::address;
using Error = boost::system::error_code;

// RFC 8305, section 3: how long the addresses of one family wait for those of the other one.
constexpr auto resolution_delay = std::chrono::milliseconds{50};
// Nobody joins a look-up that has already repeated its question: its next repetition may be far
// off.
constexpr auto young = std::chrono::milliseconds{250};
// A name server that has not answered for this long loses its place as the first one.
constexpr auto silence = std::chrono::milliseconds{100};
constexpr auto preference = std::chrono::seconds{30};
// Of one family. A name server may send thousands.
constexpr int most_addresses = 16;

std::optional<address> literal(const std::string& host) {
    Error error;
    const address found = boost::asio::ip::make_address(host, error);
    if (!error) {
        return found;
    }
    in_addr v4{};  // also 127.1, as everywhere else
    if (inet_aton(host.c_str(), &v4) == 0) {
        return std::nullopt;
    }
    return boost::asio::ip::address_v4{ntohl(v4.s_addr)};
}

address from_v4(const void* bytes) {
    boost::asio::ip::address_v4::bytes_type copy{};
    std::memcpy(copy.data(), bytes, copy.size());
    return boost::asio::ip::address_v4{copy};
}

address from_v6(const void* bytes) {
    boost::asio::ip::address_v6::bytes_type copy{};
    std::memcpy(copy.data(), bytes, copy.size());
    return boost::asio::ip::address_v6{copy};
}

// Those of the name that was asked for, or of what it is an alias of. `message` comes from a
// stranger: c-ares reads it.
Resolver::Addresses addresses_in(std::span<const std::byte> message, int type) {
    const auto* data = reinterpret_cast<const unsigned char*>(message.data());
    const int size = static_cast<int>(message.size());
    int count = most_addresses;
    Resolver::Addresses found;
    if (type == ns_t_a) {
        std::array<ares_addrttl, most_addresses> records{};
        if (ares_parse_a_reply(data, size, nullptr, records.data(), &count) == ARES_SUCCESS) {
            for (const auto& record : std::span{records}.first(static_cast<std::size_t>(count))) {
                found.push_back(from_v4(&record.ipaddr));
            }
        }
    } else {
        std::array<ares_addr6ttl, most_addresses> records{};
        if (ares_parse_aaaa_reply(data, size, nullptr, records.data(), &count) == ARES_SUCCESS) {
            for (const auto& record : std::span{records}.first(static_cast<std::size_t>(count))) {
                found.push_back(from_v6(&record.ip6addr));
            }
        }
    }
    return found;
}

// Why an answer has no addresses; empty: there is no such name, or it has none.
std::string failure_in(std::span<const std::byte> message) {
    const auto code = std::to_integer<unsigned>(message[3] & std::byte{0x0f});
    return code == ns_r_noerror || code == ns_r_nxdomain
               ? ""
               : "the name server answers " + response_code_name(code);
}

}  // namespace

// The look-up itself, for everybody who has asked for this name at about the same time.
class Resolver::Query : public std::enable_shared_from_this<Resolver::Query> {
public:
    Query(Resolver& resolver, std::string host, bool v4, bool v6)
        : resolver_(resolver),
          host_(std::move(host)),
          families_{Family{ns_t_a, v4, {}, {}}, Family{ns_t_aaaa, v6, {}, {}}},
          delay_(resolver.context_) {}
    ~Query() { close(); }
    Query(const Query&) = delete;
    Query& operator=(const Query&) = delete;

    void begin();
    std::uint64_t add(Lookup::Done done);
    void remove(std::uint64_t listener);
    std::string progress() const;
    bool is_young() const { return watch_.elapsed() < Duration{young}; }
    // Look-ups with the same key may share one query.
    static std::string key_of(const std::string& host, bool v4, bool v6) {
        return (v4 ? "4" : "") + std::string{v6 ? "6" : ""} + ' ' + host;
    }

private:
    struct Family {
        int type;
        bool wanted;
        std::optional<Addresses> addresses;  // once it is known
        std::string failure;
    };
    struct Listener {
        std::uint64_t number;
        Lookup::Done done;
        std::size_t told;  // how much of what was found
    };

    void take(Addresses addresses);
    void ask_next();
    void answered(Family& family, const DnsClient::Answer& answer);
    void all_answered();
    void deliver(bool complete);
    void fail(const std::string& why);
    void publish(Lookup::Found found);
    void tell();
    void close();

    Resolver& resolver_;
    std::string host_;
    std::array<Family, 2> families_;
    Stopwatch watch_;
    boost::asio::steady_timer delay_;
    NameServers from_;
    std::unique_ptr<DnsClient> client_;
    std::vector<std::string> names_;
    std::size_t next_name_ = 0;
    std::string failure_;  // of a name before, if not that it does not exist
    bool delivered_ = false;
    std::vector<Lookup::Found> found_;
    std::list<Listener> listeners_;
    std::uint64_t last_listener_ = 0;
};

void Resolver::Query::begin() {
    if (const auto itself = literal(host_)) {
        take({*itself});
        return;
    }
    if (Addresses known = resolver_.addresses_in_hosts_file(host_); !known.empty()) {
        take(std::move(known));
        return;
    }
    from_ = resolver_.name_servers();
    names_ = candidates(host_, from_);
    DnsClient::Settings settings;
    settings.servers = from_.servers;
    settings.by_edns = from_.by_edns;
    settings.by_tcp = from_.by_tcp;
    client_ = std::make_unique<DnsClient>(resolver_.context_, settings);
    ask_next();
}

// Without a name server.
void Resolver::Query::take(Addresses addresses) {
    std::erase_if(addresses,
                  [this](const address& each) { return !families_[each.is_v4() ? 0 : 1].wanted; });
    if (addresses.empty()) {
        fail("no address of the source's family");
        return;
    }
    publish({"", in_order(std::move(addresses)), true});
}

void Resolver::Query::ask_next() {
    const std::string& name = names_[next_name_++];
    for (Family& family : families_) {
        family.addresses.reset();
        family.failure.clear();
        if (family.wanted) {
            // The client is destroyed with this, and calls nobody then.
            client_->ask(name, family.type, [this, &family](const DnsClient::Answer& answer) {
                answered(family, answer);
            });
        }
    }
}

void Resolver::Query::answered(Family& family, const DnsClient::Answer& answer) {
    family.failure = answer.error.empty() ? failure_in(answer.message) : answer.error;
    family.addresses =
        answer.error.empty() ? addresses_in(answer.message, family.type) : Addresses{};
    const auto missing = [](const Family& each) { return each.wanted && !each.addresses; };
    if (std::ranges::none_of(families_, missing)) {
        all_answered();
    } else if (!family.addresses->empty()) {
        delay_.expires_after(resolution_delay);
        delay_.async_wait([weak = weak_from_this()](const Error& error) {
            const auto self = weak.lock();
            if (self && !error && !self->delivered_) {
                self->deliver(false);
            }
        });
    }
}

void Resolver::Query::all_answered() {
    delay_.cancel();
    const auto has_any = [](const Family& each) {
        return each.addresses && !each.addresses->empty();
    };
    if (delivered_ || std::ranges::any_of(families_, has_any)) {
        deliver(true);
        return;
    }
    for (const Family& family : families_) {
        failure_ = family.failure.empty() ? failure_ : family.failure;
    }
    if (next_name_ < names_.size()) {
        ask_next();
    } else if (!failure_.empty()) {
        fail(failure_);
    } else {
        const bool both = families_[0].wanted && families_[1].wanted;
        fail(both ? "no such host" : "no such host, or no address of the source's family");
    }
}

void Resolver::Query::deliver(bool complete) {
    Addresses all;
    for (Family& family : families_) {
        if (family.addresses) {
            all.insert(all.end(), family.addresses->begin(), family.addresses->end());
            family.addresses->clear();
        }
    }
    delivered_ = true;
    publish({"", in_order(std::move(all)), complete});
}

void Resolver::Query::fail(const std::string& why) {
    const bool lacks_family = why.starts_with("no address");
    publish({host_ + (lacks_family ? " has " : ": ") + why, {}, true});
}

void Resolver::Query::publish(Lookup::Found found) {
    found_.push_back(std::move(found));
    boost::asio::post(resolver_.context_, [self = weak_from_this()] {
        if (const auto query = self.lock()) {
            query->tell();
        }
    });
}

// A listener may cancel its own look-up, or that of another listener.
void Resolver::Query::tell() {
    const auto waits = [this](const Listener& each) { return each.told < found_.size(); };
    for (auto next = std::ranges::find_if(listeners_, waits); next != listeners_.end();
         next = std::ranges::find_if(listeners_, waits)) {
        const Lookup::Found found = found_[next->told++];
        const Lookup::Done done = next->done;
        done(found);
    }
}

std::uint64_t Resolver::Query::add(Lookup::Done done) {
    listeners_.push_back({++last_listener_, std::move(done), 0});
    if (!found_.empty()) {
        boost::asio::post(resolver_.context_, [self = weak_from_this()] {
            if (const auto query = self.lock()) {
                query->tell();
            }
        });
    }
    return last_listener_;
}

void Resolver::Query::remove(std::uint64_t listener) {
    listeners_.remove_if([&](const Listener& each) { return each.number == listener; });
}

std::string Resolver::Query::progress() const {
    std::string text = "looking up " + host_;
    if (client_ && !client_->heard()) {
        std::string servers;
        for (const DnsClient::Server& server : from_.servers) {
            servers += (servers.empty() ? "" : " or ") + server.address().to_string();
        }
        text += ": no answer from " + servers;
    }
    return text;
}

void Resolver::Query::close() {
    const auto found =
        resolver_.young_.find(key_of(host_, families_[0].wanted, families_[1].wanted));
    if (found != resolver_.young_.end() && found->second.expired()) {
        resolver_.young_.erase(found);
    }
    if (client_) {
        const bool had_time = watch_.elapsed() >= Duration{silence};
        resolver_.remember(from_.servers, client_->heard(), had_time);
    }
}

// --- the resolver --------------------------------------------------------------------------------

Resolver::Resolver(boost::asio::io_context& context, ResolverSources sources)
    : context_(context), sources_(std::move(sources)) {
    char lookups[] = "f";
    ares_options options{};
    options.lookups = lookups;
    // With all of these c-ares reads no file of its own accord.
    constexpr int given = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS | ARES_OPT_LOOKUPS |
                          ARES_OPT_SERVERS | ARES_OPT_DOMAINS | ARES_OPT_SORTLIST;
    if (ares_init_options(&files_, &options, given) != ARES_SUCCESS) {
        throw std::bad_alloc{};
    }
}

Resolver::~Resolver() {
    ares_destroy(files_);
}

std::shared_ptr<Resolver::Query> Resolver::query(const std::string& host, bool v4, bool v6) {
    const std::string key = Query::key_of(host, v4, v6);
    if (const auto found = young_.find(key); found != young_.end()) {
        if (const auto query = found->second.lock(); query && query->is_young()) {
            return query;
        }
    }
    const auto query = std::make_shared<Query>(*this, host, v4, v6);
    young_[key] = query;
    query->begin();
    return query;
}

NameServers Resolver::name_servers() const {
    NameServers from = sources_.name_servers();
    if (preferred_ && Clock::now() < preferred_until_) {
        const auto place = std::ranges::find(from.servers, *preferred_);
        if (place != from.servers.end()) {
            std::rotate(from.servers.begin(), place, place + 1);
        }
    }
    return from;
}

// Of several name servers the first one may be dead for hours, and a check may have no time for it.
void Resolver::remember(const std::vector<DnsClient::Server>& asked,
                        const std::optional<DnsClient::Server>& heard, bool had_time) {
    if (asked.size() < 2 || (!heard && !had_time)) {
        return;
    }
    const DnsClient::Server& better = heard ? *heard : asked[1];
    if (better != asked.front()) {
        preferred_ = better;
        preferred_until_ = Clock::now() + preference;
    }
}

Resolver::Addresses Resolver::addresses_in_hosts_file(const std::string& host) const {
    Addresses found;
    const ares_addrinfo_hints hints{
        ARES_AI_NOSORT | (sources_.hosts_of_environment ? ARES_AI_ENVHOSTS : 0), AF_UNSPEC, 0, 0};
    // Called before ares_getaddrinfo() returns: there is nothing to wait for.
    const auto keep = [](void* into, int, int, ares_addrinfo* result) {
        auto& addresses = *static_cast<Addresses*>(into);
        for (const auto* node = result != nullptr ? result->nodes : nullptr; node != nullptr;
             node = node->ai_next) {
            addresses.push_back(
                node->ai_family == AF_INET
                    ? from_v4(&reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr)
                    : from_v6(&reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr));
        }
        ares_freeaddrinfo(result);
    };
    ares_getaddrinfo(files_, host.c_str(), nullptr, &hints, keep, &found);
    return found;
}

// --- one user ------------------------------------------------------------------------------------

Lookup::~Lookup() {
    cancel();
}

void Lookup::start(const std::string& host, const std::optional<IpAddress>& source, Done done) {
    cancel();
    query_ = resolver_.query(host, !source || source->is_v4(), !source || !source->is_v4());
    listener_ = query_->add(std::move(done));
}

void Lookup::cancel() {
    if (query_) {
        query_->remove(listener_);
        query_.reset();
    }
}

std::string Lookup::progress() const {
    return query_ ? query_->progress() : "about to look up the name";
}

IpAddress without_zone(const boost::asio::ip::address& address) {
    if (address.is_v4()) {
        const auto bytes = address.to_v4().to_bytes();
        return IpAddress::from_bytes(std::as_bytes(std::span{bytes}));
    }
    const auto bytes = address.to_v6().to_bytes();
    return IpAddress::from_bytes(std::as_bytes(std::span{bytes}));
}

}  // namespace understudy::checks
