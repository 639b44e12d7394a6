// The client of the lab: sends numbered UDP datagrams or ICMP echo requests to an address at a
// fixed rate and writes down which came back, when, and from which MAC. One JSON document on stdout
// at the end.
//
//   lab-probe --interface eth0 --to 192.0.2.10 --rate 2000
//
// Runs until SIGTERM or SIGINT, then waits for what is still on its way. An ICMP echo is answered
// by the kernel of whoever holds the address, so nothing has to run there.
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

namespace {

volatile std::sig_atomic_t stopping = 0;

std::int64_t now_us() {
    timespec time{};
    clock_gettime(CLOCK_BOOTTIME, &time);
    return time.tv_sec * 1'000'000LL + time.tv_nsec / 1000;
}

struct Probe {
    std::int64_t sent = 0;
    std::int64_t answered = 0;
    std::array<std::uint8_t, 6> mac{};
};

struct Options {
    std::string interface = "eth0";
    std::string to;
    int rate = 2000;
    int drain_ms = 500;
};

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(2);
}

[[noreturn]] void misused(const std::string& what) {
    std::fprintf(stderr, "lab-probe: %s\n", what.c_str());
    std::exit(2);
}

int number_of(const std::string& option, const char* text) {
    int number = 0;
    const char* end = text + std::strlen(text);
    const auto [rest, error] = std::from_chars(text, end, number);
    if (error != std::errc{} || rest != end || number <= 0) {
        misused(option + ": \"" + text + "\" is not a positive number");
    }
    return number;
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; i += 2) {
        const std::string name = argv[i];
        if (i + 1 == argc) {
            misused(name + ": an option with its value is needed here");
        }
        if (name == "--interface") {
            options.interface = argv[i + 1];
        } else if (name == "--to") {
            options.to = argv[i + 1];
        } else if (name == "--rate") {
            options.rate = number_of(name, argv[i + 1]);
        } else if (name == "--drain-ms") {
            options.drain_ms = number_of(name, argv[i + 1]);
        } else {
            misused(name + ": there is no such option");
        }
    }
    return options;
}

constexpr std::uint16_t identifier = 0x5553;

class Client {
public:
    explicit Client(const Options& options) : options_(options) {
        in6_addr v6{};
        is_v6_ = inet_pton(AF_INET6, options.to.c_str(), &v6) == 1;
        open_sender(v6);
        open_receiver();
        timer_ = timerfd_create(CLOCK_MONOTONIC, 0);
        itimerspec period{};
        period.it_interval.tv_nsec = 1'000'000'000 / options.rate;
        period.it_value.tv_nsec = period.it_interval.tv_nsec;
        timerfd_settime(timer_, 0, &period, nullptr);
        probes_.reserve(1'000'000);
    }

    void run() {
        std::int64_t end = 0;
        while (end == 0 || now_us() < end) {
            if (stopping != 0 && end == 0) {
                end = now_us() + options_.drain_ms * 1000LL;
            }
            pollfd waiting[2] = {{timer_, POLLIN, 0}, {receiver_, POLLIN, 0}};
            if (poll(waiting, 2, 20) < 0) {
                continue;
            }
            if ((waiting[1].revents & POLLIN) != 0) {
                receive();
            }
            if ((waiting[0].revents & POLLIN) != 0 && end == 0) {
                std::uint64_t due = 0;
                if (read(timer_, &due, sizeof due) == sizeof due) {
                    // What this process was too late for is not made up for in a burst.
                    send();
                }
            }
        }
        print();
    }

private:
    void open_sender(const in6_addr& v6) {
        sender_ = socket(is_v6_ ? AF_INET6 : AF_INET, SOCK_RAW,
                         is_v6_ ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP});
        if (sender_ < 0) {
            die("raw socket");
        }
        if (is_v6_) {
            icmp6_filter nothing{};
            ICMP6_FILTER_SETBLOCKALL(&nothing);
            setsockopt(sender_, IPPROTO_ICMPV6, ICMP6_FILTER, &nothing, sizeof nothing);
            sockaddr_in6 to{};
            to.sin6_family = AF_INET6;
            to.sin6_addr = v6;
            to.sin6_scope_id = if_nametoindex(options_.interface.c_str());
            std::memcpy(&to_, &to, sizeof to);
            to_size_ = sizeof to;
        } else {
            constexpr std::uint32_t all = 0xffffffff;
            setsockopt(sender_, SOL_RAW, 1 /* ICMP_FILTER */, &all, sizeof all);
            sockaddr_in to{};
            to.sin_family = AF_INET;
            inet_pton(AF_INET, options_.to.c_str(), &to.sin_addr);
            std::memcpy(&to_, &to, sizeof to);
            to_size_ = sizeof to;
        }
    }

    // A packet socket sees the MAC of who answered.
    void open_receiver() {
        const auto protocol =
            htons(static_cast<std::uint16_t>(is_v6_ ? ETHERTYPE_IPV6 : ETHERTYPE_IP));
        receiver_ = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, protocol);
        constexpr int size = 64 * 1024 * 1024;
        setsockopt(receiver_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        sockaddr_ll here{};
        here.sll_family = AF_PACKET;
        here.sll_protocol = protocol;
        here.sll_ifindex = static_cast<int>(if_nametoindex(options_.interface.c_str()));
        if (receiver_ < 0 || bind(receiver_, reinterpret_cast<sockaddr*>(&here), sizeof here) < 0) {
            die("packet socket");
        }
    }

    void send() {
        std::array<std::uint8_t, 16> message{};
        const auto number = static_cast<std::uint32_t>(probes_.size());
        message[0] = is_v6_ ? 128 : 8;
        message[4] = identifier >> 8;
        message[5] = identifier & 0xff;
        message[6] = static_cast<std::uint8_t>(number >> 8);
        message[7] = static_cast<std::uint8_t>(number);
        std::memcpy(&message[8], &number, sizeof number);
        if (!is_v6_) {
            std::uint32_t sum = 0;
            for (std::size_t i = 0; i < message.size(); i += 2) {
                sum += static_cast<std::uint32_t>(message.at(i) << 8 | message.at(i + 1));
            }
            sum = (sum & 0xffff) + (sum >> 16);
            sum = ~((sum & 0xffff) + (sum >> 16));
            message[2] = static_cast<std::uint8_t>(sum >> 8);
            message[3] = static_cast<std::uint8_t>(sum);
        }
        probes_.push_back({now_us(), 0, {}});
        sendto(sender_, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&to_),
               to_size_);
    }

    void receive() {
        std::array<std::uint8_t, 2048> packet{};
        while (true) {
            sockaddr_ll from{};
            socklen_t from_size = sizeof from;
            const ssize_t size = recvfrom(receiver_, packet.data(), packet.size(), 0,
                                          reinterpret_cast<sockaddr*>(&from), &from_size);
            if (size <= 0) {
                return;
            }
            if (from.sll_pkttype != PACKET_HOST) {
                continue;
            }
            const std::size_t header = is_v6_ ? 40 : static_cast<std::size_t>(packet[0] & 0x0f) * 4;
            const std::uint8_t protocol = is_v6_ ? packet[6] : packet[9];
            const std::uint8_t* message = packet.data() + header;
            const bool reply = static_cast<std::size_t>(size) >= header + 16 &&
                               protocol == (is_v6_ ? 58 : 1) && message[0] == (is_v6_ ? 129 : 0) &&
                               (message[4] << 8 | message[5]) == identifier;
            if (!reply) {
                continue;
            }
            std::uint32_t number = 0;
            std::memcpy(&number, message + 8, sizeof number);
            if (number >= probes_.size()) {
                continue;
            }
            Probe& probe = probes_[number];
            if (probe.answered != 0) {
                ++duplicates_;
                continue;
            }
            probe.answered = now_us();
            std::memcpy(probe.mac.data(), from.sll_addr, 6);
        }
    }

    static std::string text_of(const std::array<std::uint8_t, 6>& mac) {
        std::array<char, 24> text{};
        std::snprintf(text.data(), text.size(), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                      mac[2], mac[3], mac[4], mac[5]);
        return text.data();
    }

    // Runs of lost probes, and runs of probes that the same MAC answered.
    void print() const {
        std::size_t lost = 0;
        std::int64_t slowest = 0;
        std::string windows;
        std::string segments;
        for (std::size_t i = 0; i < probes_.size();) {
            std::size_t end = i;
            const bool is_lost = probes_[i].answered == 0;
            while (end < probes_.size() && (probes_[end].answered == 0) == is_lost &&
                   (is_lost || probes_[end].mac == probes_[i].mac)) {
                if (!is_lost && probes_[end].answered - probes_[end].sent > slowest) {
                    slowest = probes_[end].answered - probes_[end].sent;
                }
                ++end;
            }
            const std::string run = "\"from_us\":" + std::to_string(probes_[i].sent) +
                                    ",\"to_us\":" + std::to_string(probes_[end - 1].sent) +
                                    ",\"count\":" + std::to_string(end - i) + "}";
            if (is_lost) {
                lost += end - i;
                windows += (windows.empty() ? "{" : ",{") + run;
            } else {
                segments += (segments.empty() ? "{\"mac\":\"" : ",{\"mac\":\"") +
                            text_of(probes_[i].mac) + "\"," + run;
            }
            i = end;
        }
        std::printf(
            "{\"sent\":%zu,\"lost\":%zu,\"duplicates\":%zu,\"slowest_us\":%lld,"
            "\"loss_windows\":[%s],\"segments\":[%s]}\n",
            probes_.size(), lost, duplicates_, static_cast<long long>(slowest), windows.c_str(),
            segments.c_str());
    }

    Options options_;
    bool is_v6_ = false;
    int sender_ = -1;
    int receiver_ = -1;
    int timer_ = -1;
    sockaddr_storage to_{};
    socklen_t to_size_ = 0;
    std::size_t duplicates_ = 0;
    std::vector<Probe> probes_;
};

}  // namespace

int main(int argc, char** argv) {
    struct sigaction stop{};
    stop.sa_handler = [](int) { stopping = 1; };
    sigaction(SIGTERM, &stop, nullptr);
    sigaction(SIGINT, &stop, nullptr);
    Client(parse(argc, argv)).run();
    return 0;
}
