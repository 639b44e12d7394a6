// What the service manager hears, also from a socket that it does not read.
#include "agent/host/service_notify.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace understudy::host {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ServiceNotifyTest : public testing::Test {
protected:
    ServiceNotifyTest() {
        char name[] = "/tmp/understudy-notify-XXXXXX";
        dir_ = mkdtemp(name);
        open_manager();
        setenv("NOTIFY_SOCKET", path().c_str(), 1);
        setenv("WATCHDOG_USEC", "10000000", 1);
    }
    ~ServiceNotifyTest() override {
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        std::filesystem::remove_all(dir_);
    }

    std::filesystem::path path() const { return dir_ / "notify"; }
    void open_manager() {
        std::filesystem::remove(path());
        manager_ = FileDescriptor{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path().string().copy(address.sun_path, sizeof address.sun_path - 1);
        ASSERT_EQ(bind(manager_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    std::vector<std::string> read_all() {
        std::vector<std::string> messages;
        std::array<char, 4096> buffer{};
        for (ssize_t size = 0;
             (size = recv(manager_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT)) > 0;) {
            messages.emplace_back(buffer.data(), static_cast<std::size_t>(size));
        }
        return messages;
    }
    // Until the manager has heard something, for at most 5 s.
    std::vector<std::string> hear() {
        std::vector<std::string> messages;
        for (int turn = 0; turn < 500 && messages.empty(); ++turn) {
            io_.restart();
            io_.run_one_for(10ms);
            messages = read_all();
        }
        return messages;
    }
    // More than the kernel queues for a socket (net.unix.max_dgram_qlen, 10 by default).
    static void fill(ServiceNotify& notify) {
        for (int i = 0; i < 2000; ++i) {
            notify.status(std::to_string(i) + " active");
        }
    }

    std::filesystem::path dir_;
    FileDescriptor manager_;
    boost::asio::io_context io_;
};

TEST_F(ServiceNotifyTest, tells_the_state_the_status_and_the_sign_of_life) {
    ServiceNotify notify{io_};
    notify.ready();
    notify.status("1 active");
    notify.status("1 active");
    notify.alive();
    notify.reloading();
    EXPECT_THAT(read_all(), ElementsAre("READY=1\n", "STATUS=1 active\n", "WATCHDOG=1\n",
                                        HasSubstr("RELOADING=1\nMONOTONIC_USEC=")));
    EXPECT_EQ(notify.life_sign_period(), 5s);
}

TEST_F(ServiceNotifyTest, asks_for_more_time_while_it_stops) {
    ServiceNotify notify{io_};
    notify.stopping();
    notify.alive();
    notify.ready();
    EXPECT_THAT(read_all(), ElementsAre("STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000\n",
                                        "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=15000000\n"));
}

TEST_F(ServiceNotifyTest, manager_that_does_not_read_costs_no_time) {
    ServiceNotify notify{io_};
    const auto before = std::chrono::steady_clock::now();
    fill(notify);
    notify.alive();
    EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

TEST_F(ServiceNotifyTest, what_matters_is_sent_once_the_manager_reads_again) {
    ServiceNotify notify{io_};
    fill(notify);
    notify.ready();
    notify.alive();
    read_all();
    EXPECT_THAT(hear(), ElementsAre("READY=1\nWATCHDOG=1\nSTATUS=1999 active\n"));
    notify.alive();
    EXPECT_THAT(read_all(), ElementsAre("WATCHDOG=1\n"));
}

TEST_F(ServiceNotifyTest, later_state_replaces_one_that_was_not_sent) {
    ServiceNotify notify{io_};
    fill(notify);
    notify.reloading();
    notify.ready();
    read_all();
    EXPECT_THAT(hear(), ElementsAre(AllOf(HasSubstr("READY=1"), Not(HasSubstr("RELOADING")))));
}

TEST_F(ServiceNotifyTest, manager_that_is_started_again_is_found) {
    ServiceNotify notify{io_};
    notify.status("1 backup");
    manager_.reset();
    notify.ready();
    open_manager();
    EXPECT_THAT(hear(), ElementsAre("READY=1\n"));
}

TEST_F(ServiceNotifyTest, abstract_socket_is_found) {
    const std::string name = "@understudy-notify-" + dir_.filename().string();
    manager_ = FileDescriptor{socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof address.sun_path);
    address.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(bind(manager_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
    ServiceNotify notify{io_};
    notify.ready();
    EXPECT_THAT(read_all(), ElementsAre("READY=1\n"));
}

TEST_F(ServiceNotifyTest, without_a_manager_nothing_is_tried) {
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    ServiceNotify notify{io_};
    notify.ready();
    notify.status("1 active");
    EXPECT_FALSE(notify.life_sign_period());
    EXPECT_EQ(io_.run(), 0U) << "no timer is set";
}

}  // namespace
}  // namespace understudy::host
