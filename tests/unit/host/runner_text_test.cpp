// What the heartbeat writes for the runner and the prober is what they read.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string_view>

#include "agent/config/numbered.hpp"
#include "agent/config/parse.hpp"
#include "agent/host/runner.hpp"

namespace understudy::host {
namespace {

core::Configuration configuration() {
    constexpr std::string_view text =
        "[vip web]\ninterface = eth0\nvrid = 1\naddress = 192.0.2.10/24\n"
        "[check page]\ntype = http\nurl = http://127.0.0.1/\nbody_regex = o.\n"
        "[check script]\ntype = script\ncommand = /bin/true \"two words\"\n"
        "[service web]\nunit = nginx.service\ncheck = page\n"
        "[agent]\nscript_user = daemon\n";
    return config::parse_text("config", std::string{text}, "lb1").configuration.value();
}

FileDescriptor memory_with(std::string_view text) {
    FileDescriptor file{memfd_create("text", MFD_CLOEXEC)};
    EXPECT_EQ(write(file.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    return file;
}

TEST(RunnerText, checks_and_services_have_the_numbers_of_the_orders) {
    const core::Configuration written = configuration();
    std::string error;
    const FileDescriptor text = text_for_runner(written, error);
    ASSERT_EQ(error, "");
    ASSERT_TRUE(append_numbers(text, {7, 3, 40}));
    for (int reading = 0; reading < 2; ++reading) {  // the runner reads it, and each prober
        const auto numbered = config::read_numbered(text.get(), 5);
        ASSERT_TRUE(numbered);
        EXPECT_EQ(numbered->configuration, 5U);
        EXPECT_EQ(numbered->agent.script_user, "daemon");
        EXPECT_EQ(numbered->checks.at(7), written.checks[0]);
        EXPECT_EQ(numbered->checks.at(3), written.checks[1]);
        EXPECT_EQ(numbered->services.at(40), written.services[0]);
    }
}

TEST(RunnerText, a_text_of_another_version_is_not_understood) {
    using namespace std::string_view_literals;
    for (const std::string_view text :
         {"[check page]\ntype = future\n\0"
          "0 "sv,
          "[vip web]\ninterface = eth0\nvrid = 1\naddress = 192.0.2.10/24\n"
          "[check page]\ntype = icmp\ntarget = 192.0.2.1\n\0"sv}) {
        const FileDescriptor file = memory_with(text);
        EXPECT_FALSE(config::read_numbered(file.get(), 1)) << text;
    }
}

}  // namespace
}  // namespace understudy::host
