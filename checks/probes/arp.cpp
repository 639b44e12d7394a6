#include "checks/probes/arp.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/system_error.hpp"
#include "checks/probes/handle.hpp"
#include "checks/probes/immediate.hpp"
#include "checks/processes/words.hpp"

namespace understudy::checks {

namespace {

constexpr auto request_spacing = std::chrono::milliseconds{100};

struct Port {
    int index = 0;
    MacAddress mac;
    std::string trouble;
};

Port look_at(const std::string& name) {
    Port found;
    ifreq request{};
    std::strncpy(request.ifr_name, name.c_str(), IFNAMSIZ - 1);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFINDEX, &request) != 0) {
        found.trouble = errno == ENODEV ? name + ": no such interface" : system_error_text(name);
    } else {
        found.index = request.ifr_ifindex;
        ioctl(fd, SIOCGIFHWADDR, &request);
        std::memcpy(found.mac.bytes.data(), request.ifr_hwaddr.sa_data, found.mac.bytes.size());
        ioctl(fd, SIOCGIFFLAGS, &request);
        const auto flags = static_cast<unsigned>(static_cast<unsigned short>(request.ifr_flags));
        found.trouble = (flags & IFF_UP) == 0 ? name + " is down" : "";
    }
    if (fd >= 0) {
        ::close(fd);
    }
    return found;
}

// The interface's address in the neighbour's network; none of that kind: 0.0.0.0, which makes the
// question a probe (RFC 5227 2.1.1).
IpAddress source_for(const std::string& interface, const IpAddress& target) {
    IpAddress source;
    ifaddrs* all = nullptr;
    if (getifaddrs(&all) != 0) {
        return source;
    }
    for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
        if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET ||
            interface != each->ifa_name || each->ifa_netmask == nullptr) {
            continue;
        }
        in_addr_t address = 0;
        in_addr_t mask = 0;
        in_addr_t other = 0;
        std::memcpy(&address, &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr, 4);
        std::memcpy(&mask, &reinterpret_cast<const sockaddr_in*>(each->ifa_netmask)->sin_addr, 4);
        std::memcpy(&other, target.bytes().data(), 4);
        if ((address & mask) == (other & mask)) {
            source = IpAddress::from_bytes(std::as_bytes(std::span{&address, 1}));
            break;
        }
    }
    freeifaddrs(all);
    return source;
}

class ArpAttempt : public Attempt {
public:
    ArpAttempt(boost::asio::io_context& context, RawSockets& raw, const Arp& arp,
               const Port& interface, Finish finish)
        : raw_(raw), arp_(arp), interface_(interface), finish_(std::move(finish)), timer_(context) {
        if (arp.target.is_v4()) {
            source_ = source_for(arp.interface, arp.target);
        }
        raw_.expect_neighbour(interface_.index, arp.target, this,
                              [this](const MacAddress& mac) { answered(mac); });
        ask();
    }
    ~ArpAttempt() override { raw_.ignore_neighbour(this); }

    std::string progress() const override {
        return arp_.target.to_string() + " does not answer on " + arp_.interface +
               (error_.empty() ? "" : ": " + error_);
    }

private:
    void ask() {
        error_ = raw_.ask_neighbour(interface_.index, arp_.target, source_, interface_.mac);
        timer_.expires_after(request_spacing);
        timer_.async_wait(
            [this, weak = std::weak_ptr<int>(alive_)](const boost::system::error_code& error) {
                if (!error && !weak.expired() && finish_) {
                    ask();
                }
            });
    }

    void answered(const MacAddress& mac) {
        if (!finish_) {
            return;  // a second answer, before the attempt was destroyed
        }
        timer_.cancel();
        Outcome outcome;
        outcome.passed = true;
        outcome.timings.first_byte = outcome.timings.total = watch_.elapsed();
        outcome.detail = arp_.target.to_string() +
                         (mac.is_zero() ? " answers" : " is at " + mac.to_string()) + ", " +
                         milliseconds(watch_.elapsed());
        const Finish done = std::exchange(finish_, nullptr);
        done(std::move(outcome));
    }

    RawSockets& raw_;
    const Arp& arp_;
    Port interface_;
    Finish finish_;
    Stopwatch watch_;
    IpAddress source_;
    std::string error_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<int> alive_ = std::make_shared<int>();  // a queued handler may outlive this
};

}  // namespace

std::unique_ptr<Attempt> start_arp(boost::asio::io_context& context, RawSockets& raw,
                                   const Arp& arp, Finish finish) {
    const Port interface = look_at(arp.interface);
    const std::string closed = raw.neighbour_trouble(arp.target.family());
    if (!interface.trouble.empty() || !closed.empty()) {
        return std::make_unique<Immediate>(
            context,
            failure(interface.trouble.empty() ? "no raw socket: " + closed : interface.trouble),
            std::move(finish));
    }
    return std::make_unique<ArpAttempt>(context, raw, arp, interface, std::move(finish));
}

}  // namespace understudy::checks
