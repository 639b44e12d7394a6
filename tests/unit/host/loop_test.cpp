// The whole agent but main(): a real loop on real interfaces, in a process and a network namespace
// of its own. What it does is seen from outside: the control socket, /proc, the exit status.
#include "agent/host/loop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "agent/host/executor.hpp"
#include "agent/host/file_descriptor.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/kernel_monitor.hpp"
#include "agent/host/privileges.hpp"
#include "agent/host/signals.hpp"
#include "tests/unit/host/ip_command.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const IpPrefix vip_prefix = *IpPrefix::parse("192.0.2.10/24");

// Asks again every 10 ms, for at most 10 s.
template <class Condition>
bool eventually(Condition&& condition) {
    for (int attempt = 0; attempt < 1000; ++attempt) {
        if (condition()) {
            return true;
        }
        std::this_thread::sleep_for(10ms);
    }
    return false;
}

bool make_cable() {
    return ip("link add v0 type veth peer name v1") && ip("link set v1 up") &&
           ip("link set v0 up") && ip("address add 192.0.2.1/24 dev v0");
}

bool holds_the_vip() {
    bool held = false;
    KernelMonitor monitor;
    monitor.observe_all([&](const core::Event& event) {
        const auto* seen = std::get_if<core::AddressSeen>(&event);
        held = held || (seen != nullptr && seen->prefix == vip_prefix);
    });
    return held;
}

core::Configuration one_vip() {
    core::VipSettings vip;
    vip.name = "web";
    vip.interface = "v0";
    vip.vrid = 51;
    vip.advert_interval = 10ms;
    vip.addresses = {{vip_prefix, "v0"}};
    vip.lease = 2s;
    core::Configuration configuration;
    configuration.agent.name = "alone";
    configuration.agent.stop_timeout = 1s;
    configuration.vips = {vip};
    return configuration;
}

// One request over the control socket; empty if nobody answers.
std::string ask(const std::filesystem::path& path, const std::string& request) {
    const FileDescriptor fd{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const timeval patience{5, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const std::string line = request + '\n';
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(line.size())) {
        return {};
    }
    std::string answer;
    std::array<char, 65536> chunk{};
    while (!answer.ends_with('\n')) {
        const ssize_t size = recv(fd.get(), chunk.data(), chunk.size(), 0);
        if (size <= 0) {
            return {};
        }
        answer.append(chunk.data(), static_cast<std::size_t>(size));
    }
    return answer;
}

class LoopTest : public testing::Test {
protected:
    static constexpr int left_the_vip = 99;
    static constexpr int no_cable = 77;

    LoopTest() {
        char name[] = "/tmp/understudy-loop-XXXXXX";
        dir_ = mkdtemp(name);
    }
    ~LoopTest() override {
        if (child_ > 0) {
            kill(child_, SIGKILL);
            waitpid(child_, nullptr, 0);
        }
        std::filesystem::remove_all(dir_);
    }
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        child_ = fork();
        ASSERT_GE(child_, 0);
        if (child_ == 0) {
            _exit(agent());
        }
        ASSERT_TRUE(eventually([&] { return status().find("alone") != std::string::npos; }));
    }

    int agent() const {
        if (unshare(CLONE_NEWNET) != 0 || !make_cable()) {
            return no_cable;
        }
        block_signals();
        start_journal(core::LogLevel::warn);
        {
            Loop loop(one_vip(), dir_ / "understudy.conf", dir_, std::nullopt);
            drop_privileges();
            loop.start();
            loop.run();
        }
        stop_journal();
        return holds_the_vip() ? left_the_vip : 0;
    }

    std::string status() const { return ask(dir_ / "control.sock", R"({"request":"status"})"); }
    bool becomes_active() const {
        return eventually(
            [&] { return status().find(R"("state":"active")") != std::string::npos; });
    }
    // The status that the agent ends with; -1 if it does not, or not by itself.
    int ends_with() {
        int result = 0;
        if (!eventually([&] { return waitpid(child_, &result, WNOHANG) == child_; })) {
            return -1;
        }
        child_ = 0;
        return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
    }

    std::filesystem::path dir_;
    pid_t child_ = 0;
};

TEST_F(LoopTest, TakesTheAddressAndGivesItBackOnSigterm) {
    ASSERT_TRUE(becomes_active());
    EXPECT_THAT(status(), HasSubstr(R"("held":true)"));
    kill(child_, SIGTERM);
    EXPECT_EQ(ends_with(), 0);
    EXPECT_FALSE(std::filesystem::exists(dir_ / "control.sock"));
}

TEST_F(LoopTest, SighupDoesNotEndIt) {
    ASSERT_TRUE(becomes_active());
    kill(child_, SIGHUP);
    EXPECT_THAT(status(), HasSubstr(R"("state":"active")"));
    kill(child_, SIGINT);
    EXPECT_EQ(ends_with(), 0);
}

TEST_F(LoopTest, ShowsItsConfiguration) {
    EXPECT_THAT(ask(dir_ / "control.sock", R"({"request":"config_show"})"), HasSubstr("[vip web]"));
}

// Whoever held it has been replaced meanwhile: it must not go on where it stopped.
TEST_F(LoopTest, StandsDownAfterAPause) {
    ASSERT_TRUE(becomes_active());
    kill(child_, SIGSTOP);
    std::this_thread::sleep_for(200ms);
    kill(child_, SIGCONT);
    EXPECT_TRUE(eventually([&] {
        return ask(dir_ / "control.sock", R"({"request":"events"})").find("was suspended") !=
               std::string::npos;
    }));
}

TEST_F(LoopTest, NoThreadKeepsMoreThanItNeeds) {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "ThreadSanitizer has threads of its own, with all rights";
#endif
    ASSERT_TRUE(becomes_active());
    constexpr unsigned long long admin_and_raw = 0x3000;  // CAP_NET_ADMIN, CAP_NET_RAW
    std::size_t threads = 0;
    for (const auto& task :
         std::filesystem::directory_iterator("/proc/" + std::to_string(child_) + "/task")) {
        ++threads;
        std::ifstream file(task.path() / "status");
        std::string line;
        while (std::getline(file, line)) {
            const auto value = line.substr(line.find('\t') + 1);
            if (line.starts_with("CapEff:") || line.starts_with("CapPrm:")) {
                EXPECT_EQ(std::stoull(value, nullptr, 16) & ~admin_and_raw, 0U) << line;
            } else if (line.starts_with("NoNewPrivs:")) {
                EXPECT_EQ(value, "1");
            }
        }
    }
    EXPECT_EQ(threads, 2U) << "the loop and the journal";
}

// --- the executor --------------------------------------------------------------------------------

// Has room for a thousand announcements; empty if it cannot be had.
FileDescriptor arp_at_v1() {
    FileDescriptor cable{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
    const int room = 16 * 1024 * 1024;
    setsockopt(cable.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    sockaddr_ll end{};
    end.sll_family = AF_PACKET;
    end.sll_protocol = htons(ETH_P_ARP);
    end.sll_ifindex = static_cast<int>(if_nametoindex("v1"));
    if (bind(cable.get(), reinterpret_cast<sockaddr*>(&end), sizeof end) != 0) {
        return FileDescriptor{};
    }
    return cable;
}

// ARP frames that have arrived at v1 and were not looked at yet.
std::size_t arrived(int fd) {
    std::size_t count = 0;
    std::array<char, 128> frame{};
    while (recv(fd, frame.data(), frame.size(), MSG_DONTWAIT) > 0) {
        ++count;
    }
    return count;
}

TEST(ExecutorTest, NothingIsAnnouncedAfterItsRelease) {
    if (unshare(CLONE_NEWNET) != 0) {
        GTEST_SKIP() << "no network namespace to be had: this test needs root";
    }
    ASSERT_TRUE(make_cable());
    const auto index = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
    const FileDescriptor cable = arp_at_v1();
    ASSERT_TRUE(cable.is_open());

    const PacketSockets packet = open_packet_sockets({});
    VrrpSockets sockets{packet.owners.get()};
    Executor executor(
        sockets, packet.frames.get(), [](const core::Event&) {}, [](const core::Action&) {});
    core::Outbox take;
    core::Outbox give;
    for (int i = 0; i < 1000; ++i) {
        const auto address = IpAddress::v4(10, 0, static_cast<std::uint8_t>(i / 250),
                                           static_cast<std::uint8_t>(i % 250 + 1));
        const IpPrefix prefix{address, 32};
        take.actions.emplace_back(core::AddAddress{index, prefix, 10s});
        take.actions.emplace_back(core::Announce{index, MacAddress{{2, 0, 0, 0, 0, 1}}, address});
        give.actions.emplace_back(core::RemoveAddress{index, prefix});
    }
    executor.execute(take);
    EXPECT_GT(arrived(cable.get()), 0U);
    executor.execute(give);
    arrived(cable.get());
    while (executor.go_on()) {
    }
    EXPECT_EQ(arrived(cable.get()), 0U);

    executor.execute(take);
    while (executor.go_on()) {
    }
    EXPECT_EQ(arrived(cable.get()), 1000U);
}

// As a process that is stopped in the midst of it, and continued when others have the address.
TEST(ExecutorTest, WhatWasDecidedBeforeAPauseIsNotAnnounced) {
    if (unshare(CLONE_NEWNET) != 0) {
        GTEST_SKIP() << "no network namespace to be had: this test needs root";
    }
    ASSERT_TRUE(make_cable());
    const auto index = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
    const FileDescriptor cable = arp_at_v1();
    ASSERT_TRUE(cable.is_open());

    const PacketSockets packet = open_packet_sockets({});
    VrrpSockets sockets{packet.owners.get()};
    const auto pause = [](const core::Event&) { std::this_thread::sleep_for(150ms); };
    Executor executor(sockets, packet.frames.get(), pause, [](const core::Action&) {});
    core::Outbox outbox;
    outbox.actions.emplace_back(core::AddAddress{index, vip_prefix, 10s});
    outbox.actions.emplace_back(
        core::Announce{index, MacAddress{{2, 0, 0, 0, 0, 1}}, vip_prefix.address});
    executor.execute(outbox);
    EXPECT_EQ(arrived(cable.get()), 1U);
    executor.execute(outbox);  // refused now, which is told, and takes its time
    EXPECT_EQ(arrived(cable.get()), 0U);
    EXPECT_FALSE(executor.go_on());
}

// The last advertisement and the end of the stop may fall into one event: the kernel would put a
// renewed address back, and nobody would be there to take it away.
TEST(ExecutorTest, WhatIsRemovedIsNotRenewedAfterwards) {
    if (unshare(CLONE_NEWNET) != 0) {
        GTEST_SKIP() << "no network namespace to be had: this test needs root";
    }
    ASSERT_TRUE(make_cable());
    const auto index = static_cast<core::InterfaceIndex>(if_nametoindex("v0"));
    const PacketSockets packet = open_packet_sockets({});
    VrrpSockets sockets{packet.owners.get()};
    Executor executor(
        sockets, packet.frames.get(), [](const core::Event&) {}, [](const core::Action&) {});
    core::Outbox take;
    take.actions.emplace_back(core::AddAddress{index, vip_prefix, 10s});
    executor.execute(take);
    ASSERT_TRUE(holds_the_vip());
    core::Outbox give;
    give.actions.emplace_back(core::RenewAddress{index, vip_prefix, 10s});
    give.actions.emplace_back(core::RemoveAddress{index, vip_prefix});
    executor.execute(give);
    EXPECT_FALSE(holds_the_vip());
}

}  // namespace
}  // namespace understudy::host
