#include "checks/processes/raw_descriptors.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "checks/processes/locked_filter.hpp"

namespace understudy::checks {

namespace {

// <linux/icmp.h>, which does not go together with <netinet/ip_icmp.h>.
constexpr int icmp_filter_option = 1;

constexpr int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

template <class Value>
bool set(int fd, int level, int option, const Value& value) {
    return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

}  // namespace

int open_echo_v4() {
    return prepared(socket(AF_INET, SOCK_RAW | flags, IPPROTO_ICMP), [](int fd) {
        const std::uint32_t refused = ~(1U << ICMP_ECHOREPLY);
        return set(fd, SOL_RAW, icmp_filter_option, refused);
    });
}

int open_echo_v6() {
    return prepared(socket(AF_INET6, SOCK_RAW | flags, IPPROTO_ICMPV6), [](int fd) {
        const int on = 1;
        icmp6_filter filter{};
        ICMP6_FILTER_SETBLOCKALL(&filter);
        ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
        ICMP6_FILTER_SETPASS(ND_NEIGHBOR_ADVERT, &filter);
        return set(fd, IPPROTO_ICMPV6, ICMP6_FILTER, filter) &&
               set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, on) &&
               set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, on);
    });
}

// Protocol 0: nothing is delivered before the filter is there.
int open_arp() {
    return prepared(socket(AF_PACKET, SOCK_DGRAM | flags, 0), [](int fd) {
        constexpr std::uint32_t operation_at = 6;
        constexpr std::uint32_t whole_packet = 0xffff;
        sock_filter answers[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ancillary(SKF_AD_PROTOCOL)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_ARP, 0, 3),
            BPF_STMT(BPF_LD | BPF_H | BPF_ABS, operation_at),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPOP_REPLY, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, whole_packet),
            BPF_STMT(BPF_RET | BPF_K, 0),
        };
        sockaddr_ll place{};
        place.sll_family = AF_PACKET;
        place.sll_protocol = htons(ETH_P_ARP);
        return lock_filter(fd, answers) &&
               bind(fd, reinterpret_cast<const sockaddr*>(&place), sizeof place) == 0;
    });
}

}  // namespace understudy::checks
