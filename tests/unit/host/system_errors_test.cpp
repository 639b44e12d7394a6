// Every error after a system call says what could not be done, and the kernel's reason: here that
// there is no descriptor left (EMFILE).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/parse.hpp"
#include "agent/host/address_changes.hpp"
#include "agent/host/introduction.hpp"
#include "agent/host/kernel_monitor.hpp"
#include "agent/host/loop.hpp"
#include "agent/host/packet_rules.hpp"
#include "agent/host/packet_sockets.hpp"
#include "agent/host/runner.hpp"
#include "agent/host/runtime_dir.hpp"
#include "agent/host/segments.hpp"
#include "agent/host/signals.hpp"
#include "agent/host/vrrp_socket.hpp"
#include "checks/processes/channel.hpp"
#include "tests/unit/no_descriptors.hpp"

namespace understudy::host {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

constexpr std::string_view too_many = ": Too many open files";

class SystemErrors : public testing::Test {
protected:
    SystemErrors() {
        char name[] = "/tmp/understudy-errors-XXXXXX";
        dir_ = mkdtemp(name);
    }
    ~SystemErrors() override { std::filesystem::remove_all(dir_); }

    // What it throws, without a descriptor.
    static std::string thrown(const std::function<void()>& call) {
        const NoDescriptors none;
        try {
            call();
        } catch (const std::exception& error) {
            return error.what();
        }
        return "nothing was thrown";
    }

    std::filesystem::path dir_;
};

TEST_F(SystemErrors, constructors_name_the_descriptor_that_they_lack) {
    EXPECT_EQ(thrown([] { KernelMonitor{}; }), "cannot open a netlink socket: Too many open files");
    EXPECT_EQ(thrown([] { AddressChanges{}; }),
              "cannot open a netlink socket: Too many open files");
    EXPECT_EQ(thrown([] { Introduction{-1}; }),
              "cannot open a netlink socket for the routes to the peers: Too many open files");
    EXPECT_EQ(thrown([] { SignalReader{}; }),
              "cannot open a descriptor for signals: Too many open files");
    EXPECT_EQ(thrown([] { checks::make_channel(); }),
              "cannot create a socket pair: Too many open files");
}

TEST_F(SystemErrors, packet_socket_that_cannot_be_opened_says_why) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "without CAP_NET_RAW another error comes first";
    }
    EXPECT_EQ(thrown([] { open_packet_sockets({}); }),
              "cannot open a packet socket: Too many open files");
}

TEST_F(SystemErrors, errors_that_are_returned_say_why) {
    const config::Result configuration = config::parse_text(
        "understudy.conf", "[vip web]\ninterface = lo\nvrid = 1\naddress = 192.0.2.10/24\n", "lb1");
    ASSERT_TRUE(configuration.configuration);
    const NoDescriptors none;
    EXPECT_EQ(claim_runtime_dir(dir_).error(),
              "cannot open " + (dir_ / "lock").string() + ": Too many open files");
    if (geteuid() == 0) {
        EXPECT_EQ(VrrpSocket::open({Family::ipv4, 1, true}).error(),
                  "cannot open a raw socket for protocol 112: Too many open files");
    }
    Segments segments{dir_, "header"};
    EXPECT_THAT(segments.begin_with("line"), AllOf(HasSubstr("cannot create"), EndsWith(too_many)));
    std::string error;
    text_for_runner(*configuration.configuration, error);
    EXPECT_EQ(error, "cannot pass the configuration on to the runner: Too many open files");
}

// libnftables would end the whole process.
TEST_F(SystemErrors, packet_rules_without_a_socket_are_an_error_and_not_the_end) {
    const NoDescriptors none;
    EXPECT_EQ(run_nft("list tables"), "cannot open a netlink socket: Too many open files");
}

// Each of its descriptors is the one too many once.
TEST_F(SystemErrors, loop_that_cannot_be_made_says_why) {
    if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0) {
        GTEST_SKIP() << "no network namespace to be had: this test needs root";
    }
    std::vector<std::string> errors;
    for (rlim_t most = 3; most < 100; ++most) {
        const NoDescriptors few{most};
        try {
            const Loop loop(core::Configuration{}, dir_ / "understudy.conf", dir_, std::nullopt);
            break;
        } catch (const std::exception& error) {
            errors.emplace_back(error.what());
        }
    }
    EXPECT_GT(errors.size(), 10U);
    EXPECT_LT(errors.size(), 90U) << "it was made at last";
    EXPECT_THAT(errors, testing::Each(EndsWith(too_many)));
    EXPECT_THAT(errors, testing::Contains("cannot create a timer: Too many open files"));
}

}  // namespace
}  // namespace understudy::host
