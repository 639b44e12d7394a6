// The sockets that come from outside of the sandbox: what is left with a service manager is what
// the agent takes over, and nobody can listen to the link with any of it.
#include "agent/host/packet_sockets.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "checks/processes/locked_filter.hpp"
#include "tests/unit/host/ip_command.hpp"

namespace understudy::host {
namespace {

class PacketSocketsTest : public testing::Test {
protected:
    void SetUp() override {
        if (unshare(CLONE_NEWNET) != 0) {
            GTEST_SKIP() << "no network namespace to be had: this test needs root";
        }
        ASSERT_TRUE(ip("link set lo up"));
    }
};

// Of the service manager: what came with FDSTORE=1, by name, until the sender has waited for it.
class Manager {
public:
    Manager() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const timeval patience{5, 0};
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name_.copy(&address.sun_path[1], name_.size());
        EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address),
                       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size())),
                  0);
    }
    std::string address() const { return '@' + name_; }

    std::map<std::string, std::vector<int>> serve() {
        std::map<std::string, std::vector<int>> kept;
        for (bool asked = false; !asked;) {
            std::array<char, 256> text{};
            alignas(cmsghdr) std::array<char, 256> control{};
            iovec data{text.data(), text.size()};
            msghdr message{};
            message.msg_iov = &data;
            message.msg_iovlen = 1;
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            const ssize_t size = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
            if (size < 0) {
                ADD_FAILURE() << "nothing comes";
                return kept;
            }
            const std::string said(text.data(), static_cast<std::size_t>(size));
            const std::string name = said.substr(said.find("FDNAME=") + 7);
            asked = said == "BARRIER=1";
            for (const int fd : descriptors(message)) {
                if (asked) {
                    ::close(fd);  // the answer
                } else {
                    kept[name.substr(0, name.find('\n'))].push_back(fd);
                }
            }
            EXPECT_TRUE(asked || said.starts_with("FDSTOREREMOVE=1\n") ||
                        said.starts_with("FDSTORE=1\nFDPOLL=0\n"))
                << said;
        }
        return kept;
    }

private:
    static std::vector<int> descriptors(msghdr& message) {
        std::vector<int> fds;
        for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
             control = CMSG_NXTHDR(&message, control)) {
            if (control->cmsg_type == SCM_RIGHTS) {
                fds.resize((control->cmsg_len - CMSG_LEN(0)) / sizeof(int));
                std::memcpy(fds.data(), CMSG_DATA(control), fds.size() * sizeof(int));
            }
        }
        return fds;
    }

    std::string name_ = "understudy-packet-sockets-test-" + std::to_string(getpid());
    FileDescriptor socket_;
};

// From now on this process has a kernel without IPv6.
bool forget_ipv6() {
    sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{sizeof program / sizeof *program, program};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

std::map<std::string, std::vector<int>> left_with_manager(bool has_ipv6 = true) {
    Manager manager;
    const pid_t child = fork();
    if (child == 0) {
        if (!has_ipv6 && !forget_ipv6()) {
            _exit(EXIT_FAILURE);
        }
        setenv("NOTIFY_SOCKET", manager.address().c_str(), 1);
        const std::string error = leave_sockets_with_manager();
        if (!error.empty()) {
            ADD_FAILURE() << error;
        }
        _exit(error.empty() ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    auto kept = manager.serve();
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    return kept;
}

// As the service manager does before it executes a program.
void hand_over(const std::map<std::string, std::vector<int>>& kept) {
    std::string names;
    int next = 3;
    for (const auto& [name, fds] : kept) {
        for (const int fd : fds) {
            dup2(fd, next++);
            names += (names.empty() ? "" : ":") + name;
        }
    }
    setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
    setenv("LISTEN_FDS", std::to_string(next - 3).c_str(), 1);
    setenv("LISTEN_FDNAMES", names.c_str(), 1);
}

TEST_F(PacketSocketsTest, WhatIsLeftWithTheManagerIsWhatTheAgentTakesOver) {
    auto kept = left_with_manager();
    EXPECT_EQ(kept["frames"].size(), 1U);
    EXPECT_EQ(kept["owners"].size(), 1U);
    EXPECT_EQ(kept["echo4"].size(), prober_sets);
    EXPECT_EQ(kept["arp"].size(), prober_sets);
    EXPECT_LE(kept.size(), 5U);
    // In a process whose descriptors from 3 on are free to be replaced.
    const pid_t child = fork();
    if (child == 0) {
        for (auto& [name, fds] : kept) {
            for (int& fd : fds) {
                fd = fcntl(fd, F_DUPFD, 100);
            }
        }
        kept["strange"].push_back(kept["arp"].front());
        hand_over(kept);
        const HandedSockets handed = take_handed_sockets();
        bool right = handed.heartbeat.frames.is_open() && handed.heartbeat.owners.is_open() &&
                     getenv("LISTEN_FDS") == nullptr;
        for (const checks::RawDescriptors& set : handed.probers) {
            right = right && set.echo_v4 >= 3 && set.arp >= 3 &&
                    (fcntl(set.arp, F_GETFD) & FD_CLOEXEC) != 0;
        }
        const int strange = 3 + static_cast<int>(2 + kept["echo4"].size() + kept["echo6"].size() +
                                                 kept["arp"].size());
        right = right && fcntl(strange, F_GETFD) == -1;
        _exit(right ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST_F(PacketSocketsTest, WithoutIpv6TheOthersAreLeft) {
    auto kept = left_with_manager(false);
    EXPECT_EQ(kept["echo4"].size(), prober_sets);
    EXPECT_EQ(kept["arp"].size(), prober_sets);
    EXPECT_TRUE(kept["echo6"].empty());
}

TEST_F(PacketSocketsTest, WithoutAManagerNothingIsOpenAndTheAgentOpensItsOwn) {
    HandedSockets handed = take_handed_sockets();
    EXPECT_FALSE(handed.heartbeat.frames.is_open());
    EXPECT_EQ(handed.probers.front().arp, -1);
    const PacketSockets own = open_packet_sockets(std::move(handed.heartbeat));
    EXPECT_TRUE(own.frames.is_open() && own.owners.is_open());
    unsetenv("NOTIFY_SOCKET");
    EXPECT_NE(leave_sockets_with_manager().find("there is no service manager"), std::string::npos);
}

// Not even by whoever has taken over the process that holds it.
TEST_F(PacketSocketsTest, NobodyListensToTheLinkWithThem) {
    const PacketSockets own = open_packet_sockets({});
    const FileDescriptor arp{checks::open_arp()};
    for (const int fd : {own.frames.get(), own.owners.get(), arp.get()}) {
        const int on = 1;
        EXPECT_EQ(setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &on, sizeof on), -1);
        sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, 0xffff)};
        EXPECT_FALSE(checks::lock_filter(fd, all));
        sockaddr_ll everything{};
        everything.sll_family = AF_PACKET;
        everything.sll_protocol = htons(ETH_P_ALL);
        ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&everything), sizeof everything), 0);
    }
    // A listener that may hears it, so it has passed the others too.
    const FileDescriptor ear{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))};
    const FileDescriptor udp{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(9);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(sendto(udp.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to), 1);
    std::array<char, 2048> frame{};
    ASSERT_GT(recv(ear.get(), frame.data(), frame.size(), 0), 0);
    ASSERT_GT(recv(ear.get(), frame.data(), frame.size(), 0), 0) << "sent, and received";
    for (const int fd : {own.frames.get(), own.owners.get(), arp.get()}) {
        EXPECT_EQ(recv(fd, frame.data(), frame.size(), MSG_DONTWAIT), -1);
    }
}

}  // namespace
}  // namespace understudy::host
