// Echo requests in a network of their own, where the test answers for the host; through ping
// sockets and through raw ones.
#include "checks/probes/icmp.hpp"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <set>
#include <span>
#include <vector>

#include "tests/unit/probes/probing.hpp"

namespace understudy::checks {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A network namespace for this thread, with nothing but `lo`; the former one comes back.
class OwnNetwork {
public:
    OwnNetwork() : former_(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)) {
        is_ours_ = unshare(CLONE_NEWNET) == 0;
        if (is_ours_) {
            ifreq request{};
            std::strncpy(request.ifr_name, "lo", IFNAMSIZ - 1);
            request.ifr_flags = IFF_UP;
            const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
            is_ours_ = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
            close(fd);
        }
    }
    ~OwnNetwork() {
        setns(former_, CLONE_NEWNET);
        close(former_);
    }
    OwnNetwork(const OwnNetwork&) = delete;
    OwnNetwork& operator=(const OwnNetwork&) = delete;

    bool is_ours() const { return is_ours_; }
    static bool set(const std::string& name, const std::string& value) {
        std::ofstream file("/proc/sys/net/" + name);
        file << value << std::flush;
        return file.good();
    }

private:
    int former_;
    bool is_ours_ = false;
};

// The other end of the loopback: sees the requests, and sends what the test wants.
class Host {
public:
    struct Request {
        std::string from;
        std::uint16_t sequence = 0;
        std::vector<std::byte> packet;  // with the IP header
    };

    Host() : fd_(socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP)) {}
    ~Host() { close(fd_); }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    void look() {
        std::array<std::byte, 2048> buffer{};
        ssize_t size = 0;
        while ((size = recv(fd_, buffer.data(), buffer.size(), 0)) >= 28) {
            const auto packet = std::span{buffer}.first(static_cast<std::size_t>(size));
            if (packet[20] == std::byte{ICMP_ECHO}) {
                requests.push_back(
                    {IpAddress::from_bytes(packet.subspan(12, 4)).to_string(),
                     static_cast<std::uint16_t>(std::to_integer<unsigned>(packet[26]) << 8U |
                                                std::to_integer<unsigned>(packet[27])),
                     {packet.begin(), packet.end()}});
            }
        }
    }
    void answer(const Request& request, const char* from = "127.0.0.1") {
        std::vector<std::byte> reply(request.packet.begin() + 20, request.packet.end());
        reply[0] = std::byte{ICMP_ECHOREPLY};
        send(std::move(reply), request.from, from);
    }
    // An ICMP error about this request.
    void refuse(const Request& request, std::uint8_t type, std::uint8_t code) {
        std::vector<std::byte> error(8);
        error[0] = std::byte{type};
        error[1] = std::byte{code};
        error.insert(error.end(), request.packet.begin(), request.packet.end());
        send(std::move(error), request.from, "127.0.0.1");
    }
    void send(std::vector<std::byte> message, const std::string& to, const std::string& from) {
        if (message.size() >= 4) {
            message[2] = message[3] = std::byte{0};
            const unsigned sum = internet_checksum(message);
            message[2] = static_cast<std::byte>(sum >> 8U);
            message[3] = static_cast<std::byte>(sum & 0xffU);
        }
        const int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
        const sockaddr_in source = address(from);
        const sockaddr_in target = address(to);
        ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source), 0);
        ASSERT_EQ(sendto(fd, message.data(), message.size(), 0,
                         reinterpret_cast<const sockaddr*>(&target), sizeof target),
                  static_cast<ssize_t>(message.size()));
        close(fd);
    }

    std::vector<Request> requests;

private:
    static sockaddr_in address(const std::string& text) {
        sockaddr_in result{};
        result.sin_family = AF_INET;
        std::memcpy(&result.sin_addr, IpAddress::parse(text)->bytes().data(), 4);
        return result;
    }

    int fd_;
};

enum class Kind : std::uint8_t { ping, raw, neither };

class IcmpProbe : public Probing, public testing::WithParamInterface<Kind> {
protected:
    void SetUp() override { use(GetParam()); }
    void use(Kind kind) {
        if (!network.is_ours()) {
            GTEST_SKIP() << "a network namespace is not permitted here";
        }
        const std::string groups = kind == Kind::ping ? "0 2147483647" : "1 0";
        if (!OwnNetwork::set("ipv4/ping_group_range", groups)) {
            GTEST_SKIP() << "net.ipv4.ping_group_range cannot be set here";
        }
        if (kind == Kind::raw) {
            raw.open();
            if (!raw.echo_trouble(Family::ipv4).empty()) {
                GTEST_SKIP() << "raw sockets are not permitted here";
            }
        }
        host.emplace();
    }
    // From now on only the test answers.
    static void silence() { ASSERT_TRUE(OwnNetwork::set("ipv4/icmp_echo_ignore_all", "1")); }
    Outcome ask(const Icmp& question) {
        outcome_.reset();
        const auto attempt = start_icmp(resolver, raw, question, keep());
        EXPECT_FALSE(outcome_) << "told before the loop ran";
        return wait();
    }
    bool requested(std::size_t count) {
        return run_until([&] {
            host->look();
            return host->requests.size() >= count;
        });
    }

    OwnNetwork network;
    RawSockets raw{context};
    std::optional<Host> host;
};

TEST_P(IcmpProbe, OneAnswer) {
    for (const std::string target : {"127.0.0.1", "::1"}) {
        const Outcome outcome = ask(Icmp{target, 1, 0, {}});
        EXPECT_TRUE(outcome.passed) << outcome.detail;
        EXPECT_THAT(outcome.detail, StartsWith(target + " answered in "));
        EXPECT_TRUE(outcome.timings.total);
    }
}

TEST_P(IcmpProbe, AllOfThem) {
    for (const std::string target : {"127.0.0.1", "::1"}) {
        const Outcome outcome = ask(Icmp{target, 20, 0, {}});
        EXPECT_TRUE(outcome.passed);
        EXPECT_THAT(outcome.detail, StartsWith(target + " answered 20 of 20, "));
    }
}

TEST_P(IcmpProbe, SilenceIsExplainedByTheProgress) {
    silence();
    const Icmp question{"127.0.0.1", 3, 50, {}};
    auto attempt = start_icmp(resolver, raw, question, keep());
    EXPECT_EQ(attempt->progress(), "looking up 127.0.0.1");
    ASSERT_TRUE(requested(3));
    EXPECT_EQ(attempt->progress(), "127.0.0.1: 0 of 3 answered, waiting for 3");
    host->answer(host->requests[1]);
    host->answer(host->requests[1]);
    EXPECT_TRUE(run_until([&] {
        return attempt->progress() == "127.0.0.1: 1 of 3 answered, waiting for 2";
    })) << attempt->progress();
    attempt.reset();
    host->answer(host->requests[2]);
    context.run_for(std::chrono::milliseconds{50});
    EXPECT_FALSE(outcome_);
}

TEST_P(IcmpProbe, SomeMayBeLost) {
    silence();
    const Icmp question{"127.0.0.1", 3, 34, {}};
    const auto attempt = start_icmp(resolver, raw, question, keep());
    ASSERT_TRUE(requested(3));
    host->answer(host->requests[2]);
    host->answer(host->requests[0]);
    EXPECT_TRUE(wait().passed);
    EXPECT_THAT(outcome_->detail, StartsWith("127.0.0.1 answered 2 of 3, "));
}

// It ends with the second answer, and what it did not send does not look like a loss.
TEST_P(IcmpProbe, EnoughIsNoLoss) {
    const Outcome outcome = ask(Icmp{"127.0.0.1", 20, 90, {}});
    EXPECT_TRUE(outcome.passed);
    EXPECT_THAT(outcome.detail, StartsWith("127.0.0.1 answered 2 of "));
    EXPECT_THAT(outcome.detail, testing::Not(testing::HasSubstr("of 20")));
}

TEST_P(IcmpProbe, OnlyTheTargetsOwnAnswerCounts) {
    silence();
    const Icmp question{"127.0.0.1", 1, 0, {}};
    const auto attempt = start_icmp(resolver, raw, question, keep());
    ASSERT_TRUE(requested(1));
    const Host::Request& request = host->requests[0];
    host->answer(request, "127.0.0.2");
    Host::Request other = request;
    other.packet[27] ^= std::byte{1};  // a sequence that was never sent
    host->answer(other);
    other = request;
    other.packet[30] ^= std::byte{1};  // somebody who did not see the request
    host->answer(other);
    other.packet.resize(28);
    host->answer(other);
    // Too short to be any; the kernel does not send a single byte (EFAULT).
    for (std::size_t size = 2; size < 8; ++size) {
        host->send(std::vector<std::byte>(size), request.from, "127.0.0.1");
    }
    context.run_for(std::chrono::milliseconds{50});
    EXPECT_FALSE(outcome_);
    host->answer(request);
    EXPECT_TRUE(wait().passed);
}

// Sixteen bits for the identifier and the sequence each, and 128 of data.
TEST_P(IcmpProbe, nothing_of_a_request_can_be_guessed_from_the_last) {
    silence();
    const Icmp question{"127.0.0.1", 1, 0, {}};
    std::set<std::uint16_t> sequences;
    std::set<std::vector<std::byte>> tokens;
    constexpr std::size_t attempts = 16;
    for (std::size_t i = 1; i <= attempts; ++i) {
        const auto attempt = start_icmp(resolver, raw, question, keep());
        ASSERT_TRUE(requested(i));
        const Host::Request& request = host->requests.back();
        sequences.insert(request.sequence);
        tokens.emplace(request.packet.begin() + 28, request.packet.begin() + 44);
    }
    EXPECT_GT(sequences.size(), attempts / 2);
    EXPECT_EQ(tokens.size(), attempts);
    EXPECT_GT(*sequences.rbegin() - *sequences.begin(), 256) << "not one after the other";
}

TEST_P(IcmpProbe, TheSourceIsBound) {
    silence();
    const Icmp question{"127.0.0.1", 1, 0, IpAddress::v4(127, 0, 0, 9)};
    const auto attempt = start_icmp(resolver, raw, question, keep());
    ASSERT_TRUE(requested(1));
    EXPECT_EQ(host->requests[0].from, "127.0.0.9");
    host->answer(host->requests[0]);
    EXPECT_TRUE(wait().passed);
    EXPECT_EQ(ask(Icmp{"127.0.0.1", 1, 0, IpAddress::parse("::1")}).detail,
              "127.0.0.1 has no address of the source's family");
    EXPECT_FALSE(ask(Icmp{"127.0.0.1", 1, 0, IpAddress::v4(203, 0, 113, 9)}).passed);
}

TEST_P(IcmpProbe, WithoutARouteItFailsAtOnce) {
    EXPECT_EQ(ask(Icmp{"192.0.2.1", 3, 90, {}}).detail, "192.0.2.1: network is unreachable");
    EXPECT_THAT(ask(Icmp{"2001:db8::1", 3, 90, {}}).detail, HasSubstr("2001:db8::1: "));
}

TEST_P(IcmpProbe, ManyShareTheSockets) {
    const Icmp question{"127.0.0.1", 2, 0, {}};
    std::vector<std::unique_ptr<Attempt>> attempts;
    int passed = 0;
    for (int i = 0; i < 50; ++i) {
        attempts.push_back(start_icmp(resolver, raw, question,
                                      [&](const Outcome& outcome) { passed += outcome.passed; }));
    }
    EXPECT_TRUE(run_until([&] { return passed == 50; })) << passed;
}

INSTANTIATE_TEST_SUITE_P(Sockets, IcmpProbe, testing::Values(Kind::ping, Kind::raw),
                         [](const testing::TestParamInfo<Kind>& kind) {
                             return kind.param == Kind::ping ? "Ping" : "Raw";
                         });

// Only ping sockets tell of ICMP errors.
class IcmpErrors : public IcmpProbe {};

TEST_P(IcmpErrors, AnUnreachableHostIsAFailureAtOnce) {
    silence();
    const Icmp question{"127.0.0.1", 1, 0, {}};
    const auto attempt = start_icmp(resolver, raw, question, keep());
    ASSERT_TRUE(requested(1));
    host->refuse(host->requests[0], ICMP_DEST_UNREACH, ICMP_HOST_UNREACH);
    EXPECT_EQ(wait().detail, "127.0.0.1: no route to host");
}

TEST_P(IcmpErrors, TheyCountAsLossesOnly) {
    silence();
    const Icmp question{"127.0.0.1", 3, 34, {}};
    auto attempt = start_icmp(resolver, raw, question, keep());
    ASSERT_TRUE(requested(1));
    host->refuse(host->requests[0], ICMP_DEST_UNREACH, ICMP_NET_UNREACH);
    ASSERT_TRUE(requested(3)) << "the next requests were not sent";
    EXPECT_TRUE(run_until([&] {
        return attempt->progress() ==
               "127.0.0.1: 0 of 3 answered, waiting for 2 (network is unreachable)";
    })) << attempt->progress();
    host->answer(host->requests[1]);
    host->answer(host->requests[2]);
    EXPECT_TRUE(wait().passed) << outcome_->detail;
}

TEST_P(IcmpErrors, MoreThanMayBeLostIsAFailure) {
    silence();
    const Icmp question{"127.0.0.1", 3, 34, {}};
    const auto attempt = start_icmp(resolver, raw, question, keep());
    ASSERT_TRUE(requested(3));
    host->answer(host->requests[0]);
    host->refuse(host->requests[1], ICMP_TIME_EXCEEDED, 0);
    host->refuse(host->requests[2], ICMP_TIME_EXCEEDED, 0);
    EXPECT_FALSE(wait().passed);
    EXPECT_EQ(outcome_->detail, "127.0.0.1: no route to host");
}

TEST_P(IcmpErrors, ARedirectIsNone) {
    silence();
    const Icmp question{"127.0.0.1", 2, 0, {}};
    const auto attempt = start_icmp(resolver, raw, question, keep());
    ASSERT_TRUE(requested(1));
    host->refuse(host->requests[0], ICMP_REDIRECT, ICMP_REDIR_HOST);
    ASSERT_TRUE(requested(2));
    EXPECT_FALSE(outcome_) << outcome_->detail;
    host->answer(host->requests[0]);
    host->answer(host->requests[1]);
    EXPECT_TRUE(wait().passed) << outcome_->detail;
}

TEST_P(IcmpErrors, ErrorsAboutOthersRequestsAreNone) {
    silence();
    const Icmp question{"127.0.0.1", 1, 0, {}};
    const auto attempt = start_icmp(resolver, raw, question, keep());
    ASSERT_TRUE(requested(1));
    Host::Request other = host->requests[0];
    other.packet[27] ^= std::byte{1};
    host->refuse(other, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH);
    context.run_for(std::chrono::milliseconds{50});
    EXPECT_FALSE(outcome_);
    host->answer(host->requests[0]);
    EXPECT_TRUE(wait().passed) << outcome_->detail;
}

INSTANTIATE_TEST_SUITE_P(Sockets, IcmpErrors, testing::Values(Kind::ping),
                         [](const testing::TestParamInfo<Kind>&) { return "Ping"; });

class IcmpWithoutRights : public IcmpProbe {};

TEST_P(IcmpWithoutRights, ItSaysWhatIsMissing) {
    EXPECT_EQ(ask(Icmp{"127.0.0.1", 1, 0, {}}).detail,
              "neither a ping socket (permission denied) nor a raw one (it was not opened)");
}

INSTANTIATE_TEST_SUITE_P(Sockets, IcmpWithoutRights, testing::Values(Kind::neither),
                         [](const testing::TestParamInfo<Kind>&) { return "Neither"; });

}  // namespace
}  // namespace understudy::checks
