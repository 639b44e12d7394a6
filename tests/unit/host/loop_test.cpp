// The whole agent but main(): a real loop on real interfaces, in a process and a network namespace
// of its own. What it does is seen from outside: the control socket, /proc, the exit status.
#include "agent/host/loop.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
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

#include "agent/host/file_descriptor.hpp"
#include "agent/host/journal.hpp"
#include "agent/host/privileges.hpp"
#include "agent/host/signals.hpp"
#include "tests/unit/host/cable.hpp"

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

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
    EXPECT_EQ(threads, 4U) << "the loop, the kernel's, the journal and the control sockets";
}

}  // namespace
}  // namespace understudy::host
